#!/usr/bin/env python3
"""Prepares the Python environment in which the package's tests run.

usage: environment.py DIR

Makes DIR/python, with pytest, mypy and the packages whose objects datashard takes and
returns. What is there already is kept, so a second call is quick. Fails where a package
registry cannot be reached, unless DATASHARD_ENGINES=off says that it is not wanted.
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/interop"))
from environment import begin, prepare_python  # noqa: E402

PYTHON_PACKAGES = [
    "boto3==1.*",  # What DataShard's tests of locks on S3 raise errors of.
    "duckdb==1.4.*",
    "fastavro==1.*",
    "mypy==1.*",
    "numpy==2.*",
    "pandas==2.*",
    "polars==1.*",
    "pyarrow==24.0.*",
    "pyiceberg==0.12.*",  # What DataShard's tests of partition transforms compare with.
    "pyiceberg[pyarrow]==0.12.*",
    "pytest==8.*",
    "pytz",
    "setuptools>=77",  # With wheel: to unpack what original_tests.py fetches.
    "wheel",
]


def main() -> None:
    base = begin(sys.argv[1])
    prepare_python(base, PYTHON_PACKAGES)
    (base / "ready").touch()
    print(f"the Python environment is ready in {base.name}/")


if __name__ == "__main__":
    main()
