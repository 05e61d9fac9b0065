"""``python -m datashard``: the package by itself, and a table looked over.

    python -m datashard --version
    python -m datashard verify TABLE [--deep] [--limit N]
    python -m datashard relocate TABLE

`verify` reads every row of a table's current state and every manifest of its snapshots, and
exits with 1 when it finds something wrong. With ``--deep`` each file's beginning and length
are looked at as well; with ``--limit`` the rows of so many files only are read. `relocate`
makes the metadata of a table whose directory was moved name where it is now, and prints what
it has written anew. The program `datashard` of the C library does the rest.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from . import _core

__all__ = ["main"]


def _walk(path: str) -> tuple[int, list[str]]:
    """How many manifests the table's snapshots have, and the data files that are missing."""
    from .file_manager import FileManager
    from .metadata_manager import MetadataManager

    manager = MetadataManager(path)
    files = FileManager(path, manager)
    missing: list[str] = []
    seen: set[str] = set()
    for snapshot in manager.get_all_snapshots():
        for manifest in files.read_manifest_list_file(snapshot.manifest_list):
            if manifest.manifest_path in seen:
                continue
            seen.add(manifest.manifest_path)
            for one in files.read_manifest_file(manifest.manifest_path):
                if not files.validate_file_exists(one.file_path):
                    missing.append(f"missing: {one.file_path}")
    return len(seen), missing


def _verify(path: str, deep: bool, limit: int | None) -> int:
    from ._errors import Error
    from .table import Table

    manifests = 0
    try:
        report = Table(path, create_if_not_exists=False).verify(deep=deep, limit=limit)
        problems: list[str] = report["errors"]
        if report["snapshots"]:
            manifests, missing = _walk(path)
            problems += missing
    except (Error, OSError, ValueError) as error:
        problems = [str(error)]
    for problem in problems:
        print(f"{path}: {problem}", file=sys.stderr)
    if not problems:
        told = f"{report['snapshots']} snapshots, {manifests} manifests, {report['rows_read']} rows"
        print(f"{path}: {told}")
    return 1 if problems else 0


def _relocate(path: str) -> int:
    from ._errors import Error
    from .table import Table

    try:
        print(json.dumps(Table(path, create_if_not_exists=False).relocate(), indent=2))
    except (Error, OSError, ValueError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m datashard", description="Iceberg tables")
    version = f"datashard {_core.__version__}"
    parser.add_argument("--version", action="version", version=version, help="print the version")
    commands = parser.add_subparsers(dest="command")
    verify = commands.add_parser("verify", help="read all of a table and look for damage")
    verify.add_argument("table", help="the table's directory")
    verify.add_argument("--deep", action="store_true", help="look at each file's ends as well")
    verify.add_argument("--limit", type=int, metavar="N", help="read at most N data files")
    relocate = commands.add_parser(
        "relocate", help="make the metadata of a moved table name where it is now"
    )
    relocate.add_argument("table", help="the table's directory")
    given = parser.parse_args(argv)
    if given.command == "verify":
        return _verify(given.table, given.deep, given.limit)
    if given.command == "relocate":
        return _relocate(given.table)
    parser.print_help()
    return 0


if __name__ == "__main__":
    sys.exit(main())
