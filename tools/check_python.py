#!/usr/bin/env python3
"""Tests the Python package, all of it or what one build directory holds.

usage: check_python.py module MODULE_DIR ENVIRONMENT
       check_python.py sanitized MODULE_DIR ENVIRONMENT
       check_python.py wheel WHEEL_DIR ENVIRONMENT

  module   the tests, against MODULE_DIR/datashard as CMake made it
  sanitized  the same of a build with -fsanitize=address,undefined, in Python's development
           mode: a wrong access, or undefined behaviour, ends the run
  wheel    the wheel of WHEEL_DIR is put into ENVIRONMENT and tested there with pyarrow,
           pandas and the others, docstrings included; mypy --strict looks at the package; the
           originals' own tests are run; then it is put into an empty environment of every
           CPython >= 3.10 found, where it has to import alone and do what needs no other
           package

ENVIRONMENT was made by python/tests/environment.py. The last line of `wheel` counts, from
what the tests print: python: dropin_names=N/N examples=N/N original_tests=P/N native=N
passed. Exits with 77 ("skipped") when ENVIRONMENT is not there, with 1 on any failure.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
TESTS = ROOT / "python/tests"
FIGURES = ("dropin_names", "examples", "original_tests")
# What has to work with nothing else installed: append, read, and no import of others.
ALONE = """
import os, subprocess, sys
import datashard
from datashard import Catalog
os.chdir(sys.argv[1])
table = Catalog("sqlite:///catalog.db").create_table("logs.events", "n long, text string")
table.append([{"n": 1, "text": "one"}, {"n": 2, "text": None}])
again = Catalog("sqlite:///catalog.db").open_table("logs.events")
rows = sorted((r["n"], r["text"]) for b in again.scan() for r in b.to_pylist())
assert rows == [(1, "one"), (2, None)], rows
outside = {"numpy", "pandas", "polars", "pyarrow", "duckdb"} & set(sys.modules)
assert not outside, outside
print(f"alone: CPython {sys.version.split()[0]}, datashard {datashard.__version__}: ok")
"""


class Check:
    """Runs one thing after the other, remembers what failed, collects figures."""

    def __init__(self, work):
        self.work = work
        self.failed = []
        self.figures = {}
        self.native = 0

    def run(self, name, command, **more):
        print("+", " ".join(map(str, command)), flush=True)
        code = subprocess.run(command, **more).returncode
        if code:
            self.failed.append(name)
        return code == 0

    def note(self, text):
        for name, done, all_of_them in re.findall(r"(\w+)=(\d+)/(\d+)", text):
            if name in FIGURES:
                self.figures[name] = f"{done}/{all_of_them}"
        runs = re.findall(r"^original_tests: version=\S+ passed=(\d+) total=(\d+)", text, re.M)
        if runs:
            passed, total = (sum(map(int, counts)) for counts in zip(*runs))
            self.figures["original_tests"] = f"{passed}/{total}"

    def pytest(self, name, python, *arguments, env=None):
        report = self.work / f"{name}.xml"
        report.unlink(missing_ok=True)
        self.run(name, [python, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                        f"--junitxml={report}", "-o", "junit_logging=all", *arguments],
                 cwd=ROOT, env=env)
        if not report.is_file():
            return
        examples = []
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            outcome = {child.tag for child in case}
            self.note(case.findtext("system-out") or "")
            whole = f"{case.get('classname', '')}.{case.get('name', '')}"
            if re.search(r"\btest_(native|core)", whole) or "_native" in whole:
                self.native += not outcome & {"failure", "error", "skipped"}
            if "test_dropin_examples" in whole:
                examples.append(not outcome & {"failure", "error", "skipped"})
        self.note(f"examples={sum(examples)}/{len(examples)}")


def environment(**more):
    """The caller's, without what would let Python find another datashard."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}


def sanitizers():
    """What an interpreter needs that was not built with them. Leaks are not looked for: it
    keeps what it likes until it ends (python/tests/test_leaks.py looks at ours)."""
    paths = [subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True,
                            check=True).stdout.strip() for name in ("libasan.so", "libubsan.so")]
    return {"LD_PRELOAD": " ".join(paths), "ASAN_OPTIONS": "detect_leaks=0",
            "UBSAN_OPTIONS": "print_stacktrace=1", "PYTHONMALLOC": "malloc",
            "PYTHONDEVMODE": "1"}


def need(base):
    if not (base / "ready").is_file():
        print(f"\n*** PYTHON TESTS SKIPPED: {base} is not there ***\n")
        sys.exit(77)
    return base / "python/bin/python"


def interpreters():
    """One CPython of each kind from 3.10 on, (3, 12, "") or (3, 13, "t") -> path."""
    places = [pathlib.Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if p]
    for pattern in ("~/.pyenv/versions/*/bin", "/opt/python/*/bin", "/usr/bin",
                    "~/.local/share/uv/python/*/bin"):
        start = pathlib.Path(os.path.expanduser(pattern.split("*")[0]))
        rest = pattern.split("*", 1)[1:] and "*" + pattern.split("*", 1)[1]
        places += sorted(start.glob(rest)) if rest and start.is_dir() else [start]
    found = {}
    asked = set()
    for place in places:
        for program in sorted(place.glob("python3*")):
            real = program.resolve()
            if not re.fullmatch(r"python3(\.\d+)?t?", program.name) or real in asked:
                continue
            asked.add(real)
            version = ask_version(program)
            if version and version[:2] >= (3, 10):
                found.setdefault(version, program)
    return dict(sorted(found.items()))


def ask_version(program):
    code = ("import sys, venv, ensurepip, sysconfig; v = sys.version_info;"
            "free = sysconfig.get_config_var('Py_GIL_DISABLED');"
            "print(sys.implementation.name, v[0], v[1], 't' if free else '')")
    asked = subprocess.run([program, "-c", code], capture_output=True, text=True)
    words = asked.stdout.split() + [""]
    return (int(words[1]), int(words[2]), words[3]) if words[0] == "cpython" else None


def pip(check, name, python, *arguments):
    return check.run(name, [python, "-m", "pip", "-q", "--disable-pip-version-check",
                            "install", *arguments], env=environment())


def check_alone(check, program, version, wheel):
    """An empty environment: the wheel, no other package; then pytest beside it.

    A free-threaded CPython ("t") cannot load the wheel: there it is built from source.
    """
    name = f"cpython{version[0]}.{version[1]}{version[2]}"
    source = [ROOT] if version[2] else ["--no-index", wheel]
    base = check.work / name
    shutil.rmtree(base, ignore_errors=True)
    python = base / "bin/python"
    if not check.run(name, [program, "-m", "venv", base], env=environment()):
        return
    (base / "data").mkdir()
    if not pip(check, name, python, "--no-deps", *source):
        return
    if not check.run(name, [python, "-I", "-c", ALONE, base / "data"], env=environment()):
        return
    check.run(name, [base / "bin/datashard", "--help"], env=environment(),
              stdout=subprocess.DEVNULL)
    if not pip(check, name, python, "pytest==8.*"):
        return
    kept, check.native = check.native, 0
    figures = dict(check.figures)
    check.pytest(name, python, TESTS, env=environment())
    check.native, check.figures = kept, figures  # The whole environment's count.


def check_wheel(check, wheels, base):
    python = need(base)
    wheel, = wheels.glob("datashard-*.whl")
    if "cp310-abi3" not in wheel.name:
        check.failed.append(f"{wheel.name} is not tagged cp310-abi3")
    pip(check, "install", python, "--no-index", "--no-deps", "--force-reinstall", wheel)
    check.pytest("tests", python, TESTS, env=environment())
    check.run("mypy", [python, "-m", "mypy", "--strict", "--cache-dir", check.work / "mypy"],
              cwd=ROOT, env=environment())
    originals = TESTS / "original_tests.py"
    if originals.is_file():
        done = subprocess.run([python, originals], capture_output=True, text=True,
                              env=environment(), cwd=check.work)
        print(done.stdout[-6000:], done.stderr[-3000:], sep="\n", flush=True)
        check.note(done.stdout)
        if done.returncode not in (0, 77):
            check.failed.append("original_tests")
    for version, program in interpreters().items():
        check_alone(check, program, version, wheel)


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("module", "sanitized", "wheel"):
        print(__doc__)
        sys.exit(2)
    what, place, base = sys.argv[1], *(pathlib.Path(a).resolve() for a in sys.argv[2:])
    work = base / what
    work.mkdir(parents=True, exist_ok=True)
    check = Check(work)
    if what == "module":
        python = need(base)
        check.pytest("tests", python, TESTS, env=environment(PYTHONPATH=str(place)))
    elif what == "sanitized":
        more = {"PYTHONPATH": str(place), **sanitizers()}
        check.pytest("tests", need(base), TESTS, env=environment(**more))
    else:
        check_wheel(check, place, base)
    for name in check.failed:
        print(f"check_python: failed: {name}")
    if what == "wheel":
        figures = " ".join(f"{n}={check.figures.get(n, 'not-counted')}" for n in FIGURES)
        print(f"python: {figures} native={check.native} passed")
    sys.exit(bool(check.failed))


if __name__ == "__main__":
    main()
