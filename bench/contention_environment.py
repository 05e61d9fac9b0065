#!/usr/bin/env python3
"""Prepares the peers of make bench-contention, each of one version, and what plots.

usage: contention_environment.py DIR [--quick]

Makes in DIR a Python environment of the form that tests/interop/environment.py makes, so
with_engines.py DIR runs a program in it. What is there already is kept. Exits with 77 and
says so loudly when a package cannot be installed; with --quick it goes on with those that
could be, and contention.py says which peers it did not run.
"""
import pathlib
import sys
import venv

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/interop"))
from environment import DEBIAN_PACKAGES, need, prepare_python, run  # noqa: E402

PYTHON_PACKAGES = [
    "datashard==0.11.2",
    "deltalake==1.6.*",
    "duckdb==1.4.4",
    "duckdb-ext-avro==1.4.4.*",
    "duckdb-ext-ducklake==1.4.4.*",
    "duckdb-ext-iceberg==1.4.4.*",
    "duckdb-ext-sqlite==1.4.4.*",
    "matplotlib==3.*",
    "numpy==2.*",
    "pyarrow==24.0.*",
    "pyiceberg[sql-sqlite,pyarrow,pyiceberg-core]==0.12.*",
    "pytz",
]


def prepare_some(base):
    """Each package by itself: what cannot be had keeps away no other."""
    if not (base / "python").is_dir():
        venv.create(base / "python", with_pip=True)
    for package in PYTHON_PACKAGES:
        run([base / "python/bin/pip", "-q", "--disable-pip-version-check", "install", package])


def main():
    base = pathlib.Path(sys.argv[1]).resolve()
    base.mkdir(parents=True, exist_ok=True)
    (base / "ready").unlink(missing_ok=True)
    try:
        prepare_python(base, PYTHON_PACKAGES)
    except SystemExit:
        if "--quick" not in sys.argv:
            raise
        prepare_some(base)
    DEBIAN_PACKAGES["strace"] = "strace"
    if not need("strace"):
        print("\n*** no strace, and it could not be installed: syncs are not counted ***\n")
    (base / "ready").touch()
    print(f"the peers are ready in {base.name}/")


if __name__ == "__main__":
    main()
