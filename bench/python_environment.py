#!/usr/bin/env python3
"""Prepares the environments of make bench-python.

usage: python_environment.py DIR WHEELS

Makes DIR/bench-ours, with the wheel of WHEELS, and DIR/bench-peers, with DataShard and
PyIceberg of one version each: both packages are called datashard, so they cannot share
one. What is there already is kept, but for the wheel. Exits with 77 and says so loudly
when a package cannot be installed.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/interop"))
from environment import fail, prepare_python, run  # noqa: E402

COMMON = ["numpy==2.*", "pandas==2.*", "pyarrow==24.0.*"]
PEERS = ["datashard==0.11.2", "pyiceberg[sql-sqlite,pyarrow,pyiceberg-core]==0.12.*"]


def main():
    base, wheels = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
    for name, packages in (("bench-ours", COMMON), ("bench-peers", COMMON + PEERS)):
        (base / name).mkdir(parents=True, exist_ok=True)
        prepare_python(base / name, packages)
    wheel, = wheels.glob("datashard-*.whl")
    if not run([base / "bench-ours/python/bin/pip", "-q", "--disable-pip-version-check",
                "install", "--no-index", "--no-deps", "--force-reinstall", wheel]):
        fail("the wheel could not be installed")
    print(f"the environments are ready in {base.name}/")


if __name__ == "__main__":
    main()
