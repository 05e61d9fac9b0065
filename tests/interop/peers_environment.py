#!/usr/bin/env python3
"""Prepares the other readers and writers of Parquet that ours is compared with.

usage: peers_environment.py DIR

Makes in DIR a Python environment with pyarrow, DuckDB, polars and arrow-rs (arro3), and npm
packages: hyparquet, a reader that shares no code with any of them, and real data. It has
the form that environment.py makes, so with_engines.py DIR runs a program in it. What is
there already is kept. Fails where a package registry cannot be reached, unless
DATASHARD_ENGINES=off says that it is not wanted: environment.py.
"""
import sys

from environment import begin, prepare_npm, prepare_python

PYTHON_PACKAGES = [
    "arro3-core==0.9.*",
    "arro3-io==0.9.*",
    "duckdb==2.0.*",
    "numpy==2.*",
    "polars==2.1.*",
    "pyarrow==26.0.*",
    "pytz",
    "tpchgen-cli==4.0.*",
]
NPM_PACKAGES = ["hyparquet@1.31.5", "hyparquet-compressors@1.1.2", "vega-datasets@3.2.1"]


def main():
    base = begin(sys.argv[1])
    prepare_python(base, PYTHON_PACKAGES)
    prepare_npm(base, NPM_PACKAGES)
    (base / "ready").touch()
    print(f"the peers are ready in {base.name}/")


if __name__ == "__main__":
    main()
