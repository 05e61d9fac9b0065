"""``python -m datashard``: the package by itself, and a table looked over.

    python -m datashard --version
    python -m datashard verify TABLE

`verify` reads every row and every manifest of a table and exits with 1 when it finds
something wrong. The program `datashard` of the C library does the rest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

__all__ = ["main"]


def _verify(path: str) -> int:
    from . import _core
    from ._errors import Error
    from .file_manager import FileManager
    from .metadata_manager import MetadataManager

    try:
        manager = MetadataManager(path)
        metadata = manager.refresh()
        if metadata is None:
            print(f"{path}: there is no table", file=sys.stderr)
            return 1
        files = FileManager(path, manager)
        missing: list[str] = []
        seen: set[str] = set()
        for snapshot in metadata.snapshots:
            for manifest in files.read_manifest_list_file(snapshot.manifest_list):
                if manifest.manifest_path in seen:
                    continue
                seen.add(manifest.manifest_path)
                for one in files.read_manifest_file(manifest.manifest_path):
                    if not files.validate_file_exists(one.file_path):
                        missing.append(one.file_path)
        for one_path in missing:
            print(f"{path}: missing: {one_path}", file=sys.stderr)
        rows = sum(len(batch) for batch in _core.open_table(manager._handle.location).scan())
    except (Error, OSError, ValueError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    print(f"{path}: {len(metadata.snapshots)} snapshots, {len(seen)} manifests, {rows} rows")
    return 1 if missing else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m datashard", description="Iceberg tables")
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command")
    verify = commands.add_parser("verify", help="read all of a table and look for damage")
    verify.add_argument("table", help="the table's directory")
    given = parser.parse_args(argv)
    if given.command == "verify":
        return _verify(given.table)
    if given.version:
        from . import _core

        print(f"datashard {_core.__version__}")
        return 0
    parser.print_help()
    return 0


if __name__ == "__main__":
    sys.exit(main())
