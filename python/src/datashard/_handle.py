"""One table as the DataShard modules see it: opened by its path, current at every call.

A Handle may be shared by threads, and used in a child of fork. Nothing is kept when the
table's directory is removed and made anew.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlparse

from . import _core
from ._errors import CorruptData, Error, Invalid, NotFound, Unsupported
from ._fields import iceberg_json, partition_text, schema_of
from .data_structures import PartitionSpec, Schema, Snapshot
from .exceptions import InconsistentMetadata

__all__ = ["Handle", "local_root", "moved_root", "path_text", "relative"]


def _absolute(path: str) -> str:
    return path if "://" in path else os.path.abspath(path)


def path_text(path: str | os.PathLike[str]) -> str:
    """A table's path as text: TypeError for what is none, ValueError for an empty one."""
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"a table's path is a str or a Path, not {type(path).__name__}")
    if not text:
        raise ValueError("a table's path cannot be empty")
    return text


def local_root(location: str) -> str:
    """The directory of a local table's location, which may be a ``file:`` URI."""
    if location.startswith("file:"):
        return unquote(urlparse(location).path)
    return location


def relative(path: str, root: str) -> str:
    """A path inside the table as one relative to it; others as they are."""
    plain, base = local_root(path), local_root(root).rstrip("/") + "/"
    return plain[len(base) :] if plain.startswith(base) else path


def moved_root(table: _core.Table) -> str | None:
    """The directory that a path table is in, where its metadata name another: it was moved.
    None: it is where they say, or not in a directory of its own."""
    info = table.info()
    there, said = local_root(str(info["metadata_location"])), local_root(str(info["location"]))
    folder, _, _ = there.rpartition("/metadata/")
    return folder if folder and folder != said.rstrip("/") else None


def _check_storage(path: str) -> None:
    kind = os.environ.get("DATASHARD_STORAGE_TYPE", "local").strip().lower()
    if kind not in ("", "local", "s3"):
        raise Invalid(f"DATASHARD_STORAGE_TYPE is {kind!r}; there are 'local' and 's3'")
    if kind == "s3" and "://" not in path:
        raise Unsupported(
            "DATASHARD_STORAGE_TYPE=s3: this build keeps tables in local directories only"
        )


class Handle:
    """The table at a path; opened at the first call that needs it."""

    def __init__(self, table_path: str) -> None:
        _check_storage(table_path)
        self.table_path = table_path
        self.location = _absolute(table_path)
        self.warned_metadata_bytes = 0  # The size of the metadata that was warned of last.
        self.commits_seen = 0  # By who warns.
        self._lock = threading.Lock()
        self._table: _core.Table | None = None
        self._schema_text = ""
        self._schema: Schema | None = None

    def create(self, schema: Schema | None, spec: PartitionSpec | None) -> bool:
        """Makes the table; False when it was there."""
        if self.find() is not None:
            return False
        wanted = schema if schema is not None else Schema(0, [])
        try:
            table = _core.create_table(
                self.location,
                schema_json=iceberg_json(wanted),
                partition_by=partition_text(spec, schema),
            )
        except Error:
            if self.find() is None:
                raise
            return False  # Somebody else was faster.
        with self._lock:
            self._table, self._schema = table, None
        return True

    def find(self) -> _core.Table | None:
        """The table in its newest state; None where there is none."""
        with self._lock:
            table = self._table
        if table is not None:
            try:
                table.refresh()
                return table
            except (Error, OSError):
                pass  # Removed, or made anew: open what is there now.
        try:
            table = _core.open_table(self.location)
        except NotFound:
            with self._lock:
                self._table = self._schema = None
            return None
        except CorruptData as error:
            raise InconsistentMetadata(f"Table metadata is inconsistent: {error}") from error
        with self._lock:
            self._table, self._schema = table, None
        return table

    def fresh(self) -> _core.Table:
        """The table in its newest state; RuntimeError where there is none."""
        table = self.find()
        if table is None:
            raise RuntimeError(
                f"No current metadata - table is not initialized: {self.table_path}"
            )
        return table

    def known(self) -> tuple[_core.Table, Schema] | None:
        """The table and its schema as this handle has seen them last, for what will find out
        by itself when that is too old; None: not at all."""
        with self._lock:
            if self._table is None or self._schema is None:
                return None
            return self._table, self._schema

    def schema(self, table: _core.Table | None = None) -> Schema:
        """The current schema; without fields in a table made without one."""
        text = (table if table is not None else self.fresh()).schema_json()
        with self._lock:
            if self._schema is None or text != self._schema_text:
                self._schema, self._schema_text = schema_of(text), text
            return self._schema

    def root(self, table: _core.Table) -> str:
        """The directory that the table's metadata name as its own, and that its files' paths
        begin with."""
        return local_root(str(table.info()["location"]))

    def snapshot(self, entry: Mapping[str, Any], root: str) -> Snapshot:
        """A snapshot of the extension's as DataShard's."""
        parent = entry.get("parent_id")
        number = entry.get("schema_id")
        return Snapshot(
            snapshot_id=int(entry["snapshot_id"]),
            timestamp_ms=int(entry["timestamp_ms"]),
            manifest_list=relative(str(entry["manifest_list"]), root),
            parent_snapshot_id=-1 if parent is None else int(parent),
            operation=str(entry["operation"]),
            summary=dict(entry.get("summary") or {}),
            schema_id=None if number is None or number < 0 else int(number),
            sequence_number=entry.get("sequence_number"),
        )
