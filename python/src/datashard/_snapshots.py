"""Snapshots that can be scanned, and the data files of a snapshot."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import _core
from ._bounds import decode_bound
from ._handle import Handle, local_root, moved_root, relative
from ._partition_text import PartitionReader
from .data_structures import DataFile, FileFormat, Snapshot

if TYPE_CHECKING:
    from ._reading import Reading

__all__ = ["SnapshotView", "entries_of", "files_of"]


class SnapshotView(Snapshot):
    """A Snapshot that knows its table: equal to the plain one, and it can be read."""

    _table: Reading

    @classmethod
    def of(cls, plain: Snapshot, table: Reading) -> SnapshotView:
        """The snapshot of a table."""
        made = cls(**{f.name: getattr(plain, f.name) for f in dataclasses.fields(Snapshot)})
        made._table = table
        return made

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Snapshot):
            return NotImplemented
        names = [f.name for f in dataclasses.fields(Snapshot)]
        return all(getattr(self, n) == getattr(other, n) for n in names)

    __hash__ = None  # type: ignore[assignment]

    def scan(
        self, columns: list[str] | None = None, filter: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """The rows the table had then; as `Table.scan`."""
        return self._table.scan(columns, filter, snapshot_id=self.snapshot_id)

    def to_pandas(
        self, columns: list[str] | None = None, filter: dict[str, Any] | None = None
    ) -> Any:
        """The same as a DataFrame."""
        return self._table.to_pandas(columns, filter, snapshot_id=self.snapshot_id)

    def iter_records(
        self, columns: list[str] | None = None, filter: dict[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The same, row by row."""
        return self._table.iter_records(columns, filter, snapshot_id=self.snapshot_id)

    def row_count(self) -> int:
        """How many rows the table had then."""
        return self._table.row_count(snapshot_id=self.snapshot_id)


def entries_of(
    table: _core.Table,
    snapshot_id: int | None = None,
    columns: bool = False,
    as_of_ms: int | None = None,
) -> list[dict[str, Any]]:
    """The live data files as the extension has them, oldest first; with `columns` what it
    knows of theirs. Those of a table that was moved have the paths they are at now."""
    now, said = moved_root(table), local_root(str(table.info()["location"]))
    found = [
        entry
        for entry in table.files(snapshot_id=snapshot_id, as_of_ms=as_of_ms, columns=columns)
        if entry.get("content", 0) in (0, "data")
    ]
    for entry in found if now is not None else ():
        inside = relative(str(entry["path"]), said)
        entry["path"] = inside if inside == entry["path"] else f"{now}/{inside}"
    return sorted(found, key=lambda entry: entry.get("sequence_number") or 0)


def _counts(entry: dict[str, Any], key: str) -> dict[int, Any] | None:
    found = {k: c[key] for k, c in (entry.get("columns") or {}).items() if c[key] is not None}
    return found or None


def _bounds(entry: dict[str, Any], key: str, kinds: dict[int, object]) -> dict[int, Any] | None:
    coded = _counts(entry, key) or {}
    found = {k: decode_bound(kinds.get(k), v) for k, v in coded.items()}
    return {k: v for k, v in found.items() if v is not None} or None


def files_of(handle: Handle, snapshot_id: int | None = None) -> list[DataFile]:
    """The live data files, paths as ``/data/x.parquet``, oldest first."""
    table: _core.Table = handle.fresh()
    root = moved_root(table) or handle.root(table)
    partitions = PartitionReader(table)
    found = []
    kinds = {f["id"]: f["type"] for f in handle.schema(table).fields}
    for entry in entries_of(table, snapshot_id, columns=True):
        path = relative(str(entry["path"]), root)
        found.append(
            DataFile(
                file_path=path if "://" in path or path.startswith("/") else "/" + path,
                file_format=FileFormat(str(entry["format"]).lower()),
                partition_values=partitions.values(entry),
                record_count=int(entry["record_count"]),
                file_size_in_bytes=int(entry["size_bytes"]),
                added_snapshot_id=entry.get("snapshot_id"),
                sequence_number=entry.get("sequence_number"),
                column_sizes=_counts(entry, "size_bytes"),
                value_counts=_counts(entry, "value_count"),
                null_value_counts=_counts(entry, "null_count"),
                lower_bounds=_bounds(entry, "lower", kinds),
                upper_bounds=_bounds(entry, "upper", kinds),
            )
        )
    return found
