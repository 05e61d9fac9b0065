#!/usr/bin/env python3
"""Runs one interoperability test in the environment that environment.py made.

usage: with_engines.py DIR TEST.py [ARGUMENT ...]

Exits with 77 ("skipped") and says so loudly when the environment is not there.
"""
import os
import pathlib
import sys

base = pathlib.Path(sys.argv[1])
python = base / "python/bin/python"
if not (base / "ready").is_file():
    print(f"\n*** INTEROP SKIPPED: {sys.argv[2]}: the other engines are not there ***\n")
    sys.exit(77)
os.environ["DATASHARD_INTEROP"] = str(base)
os.execv(python, [str(python), *sys.argv[2:]])
