#!/usr/bin/env python3
"""Fails on what the tree must not contain, or must not lack.

usage: check_tree.py [ROOT]    (default: the folder above this script's)

- a library source that is not in DATASHARD_SOURCES, or has no twin among the unit tests
- two library files with one name, a folder of src/ without a README, a README too long
- a file or a function beyond its length
- a unit test, fuzz target or example that CMakeLists.txt does not build
"""
import pathlib
import re
import sys

FILE_LINES_MAX = 800         # Of what ships,
OTHER_FILE_LINES_MAX = 1500  # and of what stands beside it.
FUNCTION_LINES_MAX = 70
README_LINES_MAX = 60
SHIPS = ("src", "cli", "include", "python/src")
BESIDE = ("python/tests", "tests", "examples", "bench", "fuzz", "tools")

here = pathlib.Path(__file__).resolve().parent.parent
root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else here
cmake = (root / "CMakeLists.txt").read_text()
bad = []

sources = sorted((root / "src").rglob("*.c"))
names = {}
for path in sources:
    where = path.relative_to(root)
    if str(where) not in cmake:
        bad.append(f"{where}: not in CMakeLists.txt")
    if path.name in names:
        bad.append(f"{where}: same name as {names[path.name]}")
    names[path.name] = where
    twin = root / "tests/unit" / path.parent.relative_to(root / "src") / f"test_{path.name}"
    if not twin.is_file():
        bad.append(f"{where}: no twin {twin.relative_to(root)}")

for test in sorted((root / "tests").glob("**/test_*.c")):
    if "tidy" in test.relative_to(root / "tests").parts:
        continue  # Planted, for the checks of the checks.
    kind, *folders = test.relative_to(root / "tests").parent.parts
    topic = test.stem[len("test_"):]
    line = rf"datashard_test\(\s*{kind}\s+{'/'.join(folders) or '.'}\s+{topic}\b"
    if not re.search(line, cmake):
        bad.append(f"{test.relative_to(root)}: CMakeLists.txt does not build it")

for target in sorted((root / "fuzz").glob("fuzz_*.c")):
    topic = target.stem[len("fuzz_"):]
    if not re.search(rf"foreach\(topic[^)]*\b{topic}\b", cmake):
        bad.append(f"fuzz/{target.name}: CMakeLists.txt does not build it")
    if not list((root / "fuzz/corpora" / topic).glob("*")):
        bad.append(f"fuzz/{target.name}: no corpus")

for folder in sorted(p for p in (root / "src").rglob("*") if p.is_dir()):
    if not list(folder.glob("*.[ch]")):
        continue
    readme = folder / "README.md"
    if not readme.is_file():
        bad.append(f"{folder.relative_to(root)}: no README.md")
    elif len(readme.read_text().splitlines()) > README_LINES_MAX:
        bad.append(f"{readme.relative_to(root)}: over {README_LINES_MAX} lines")

for folders, most in ((SHIPS, FILE_LINES_MAX), (BESIDE, OTHER_FILE_LINES_MAX)):
    for path in sorted(p for d in folders for p in (root / d).rglob("*")):
        if path.suffix in (".c", ".h", ".py", ".pyi"):
            count = len(path.read_text(errors="replace").splitlines())
            if count > most:
                bad.append(f"{path.relative_to(root)}: {count} lines, over {most}")

for path in sorted(p for d in ("src", "cli", "include") for p in (root / d).rglob("*.[ch]")):
    lines = path.read_text().splitlines()
    where = path.relative_to(root)
    start = None
    for n, line in enumerate(lines, 1):
        if line == "{":
            start = n
        elif line == "}" and start:
            if n - start - 1 > FUNCTION_LINES_MAX:
                bad.append(f"{where}:{start}: function of {n - start - 1} lines")
            start = None

print("\n".join(bad))
sys.exit(len(bad) > 0)
