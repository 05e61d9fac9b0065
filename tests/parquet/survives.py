#!/usr/bin/env python3
"""Every file of the corpus through read_parquet: rows or an error, and nothing else.

usage: survives.py READ_PARQUET    (a sanitizer's build shows most)

Files that are wrong on purpose must give an error, and none may take much memory. Needs no
other engine. Exits with 77 ("skipped") and says so loudly when the corpus is not there.
"""
import os
import pathlib
import resource
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BIG = "large_string_map"  # Gigabytes of values, and that is what it is for.
MEMORY_MAX = 700 << 20  # Resident, of the whole run; a sanitizer's own included.
# Wrong data that is not: one value needs no bits, and every reader agrees on it.
READABLE = ["ARROW-GH-43605"]
WRONG = ["bad_data/", "corrupt-checksum", ".encrypted"]


def location():
    given = os.environ.get("DATASHARD_CORPORA")
    root = pathlib.Path(given) if given else HERE.parent.parent.parent / "shared/corpora"
    return root / "parquet-testing"


def run(program, paths):
    """{path: what it said}, and what went wrong with the run itself."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    options = os.environ.get("ASAN_OPTIONS", "")
    done = subprocess.run(
        [program, *map(str, paths)], capture_output=True, text=True, errors="replace",
        timeout=240, env=dict(os.environ, ASAN_OPTIONS=options + ":quarantine_size_mb=8"))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    said = dict(reversed(line.rsplit("\t", 1)) for line in done.stdout.splitlines()
                if "\t" in line)
    trouble = None
    if done.returncode != 0:
        trouble = f"exit {done.returncode}: {done.stderr[-3000:]}"
    elif len(said) != len(paths):
        trouble = f"{len(said)} answers for {len(paths)} files"
    elif peak > before * 1024 and peak > MEMORY_MAX:
        trouble = f"{peak >> 20} MB of memory"
    return said, trouble


def check(program, root):
    """(files, what is wrong)."""
    paths = [p for folder in ("data", "shredded_variant", "bad_data")
             for p in sorted((root / folder).rglob("*.parquet*"))
             if p.suffix != ".json" and BIG not in p.name]
    said, trouble = run(program, paths)
    if trouble:  # Which one?
        found = [f"{p.relative_to(root)}: {t}" for p in paths
                 for _, t in [run(program, [p])] if t]
        return len(paths), found or [trouble]
    wrong = []
    for path in paths:
        name, answer = str(path.relative_to(root)), said[str(path)]
        if any(w in name for w in WRONG) and not any(r in name for r in READABLE) and \
                not answer.startswith("error: "):
            wrong.append(f"{name} is wrong on purpose, and gave {answer}")
        if ".encrypted" in name and "encrypted" not in answer.replace(path.name, ""):
            wrong.append(f"{name}: an error that does not say 'encrypted': {answer}")
    return len(paths), wrong


def main():
    root = location()
    if not root.is_dir():
        print(f"\n*** PARQUET CORPUS SKIPPED: nothing at {root}; set DATASHARD_CORPORA ***\n")
        return 77
    files, wrong = check(sys.argv[1], root)
    for line in wrong:
        print(line)
    print(f"{files} files, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
