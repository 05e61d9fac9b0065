"""What the entries of manifests and manifest lists say, as DataShard's objects.

Manifests are in one of three forms: Iceberg's, the Avro that DataShard wrote before 0.10,
and the JSON it began with. Nothing here reads files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import bounds
from .data_structures import DataFile, FileFormat, ManifestContent, ManifestFile
from .iceberg_avro import count_field_names
from .iceberg_bounds import decode_bound
from .table_paths import is_uri

__all__ = [
    "ToRelative",
    "column_types",
    "file_of_entry",
    "file_of_json",
    "file_of_own_entry",
    "manifest_of_own_record",
    "manifest_of_record",
]

ToRelative = Callable[[str], str]

_OWN_COUNTS = ("added_data_files_count", "existing_data_files_count", "deleted_data_files_count")


def _by_column(pairs: object) -> dict[int, Any] | None:
    """Values by column, of a map or of Iceberg's list of pairs; None for none."""
    items: list[tuple[Any, Any]] = []
    if isinstance(pairs, Mapping):
        items = list(pairs.items())
    elif isinstance(pairs, list):
        items = [(one.get("key"), one.get("value")) for one in pairs if isinstance(one, dict)]
    found: dict[int, Any] = {}
    for key, value in items:
        try:
            found[int(key)] = value
        except (TypeError, ValueError):
            continue  # No column: nothing can be said of it.
    return found or None


def _bounds(pairs: object, types: Mapping[int, object]) -> dict[int, Any] | None:
    coded = _by_column(pairs) or {}
    values = {k: decode_bound(v, types[k]) for k, v in coded.items() if k in types}
    return {k: v for k, v in values.items() if v is not None} or None


def _labels(text: object) -> dict[str, Any]:
    """The partition that a caller gave a file of a table without partitions, noted as JSON."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _sequence(entry: Mapping[str, Any]) -> int | None:
    found: int | None = entry.get("file_sequence_number")
    return entry.get("sequence_number") if found is None else found


def _members(told: Mapping[str, Any], same: Sequence[str], maybe: Sequence[str]) -> dict[str, Any]:
    """Members by name: KeyError for one of `same` that is not there, None for one of `maybe`."""
    return {**{name: told[name] for name in same}, **{name: told.get(name) for name in maybe}}


def column_types(header: Mapping[str, Any]) -> dict[int, Any]:
    """The types of the columns by id, of the schema that a manifest's header has; none where
    it has none."""
    try:
        fields = json.loads(header["schema"]).get("fields", ())
        return {int(one["id"]): one.get("type") for one in fields if "id" in one}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def file_of_entry(
    entry: Mapping[str, Any], types: Mapping[int, object], to_relative: ToRelative
) -> DataFile:
    """The file of an entry in Iceberg's form; a path that `to_relative` leaves absolute is
    one elsewhere, and stays."""
    raw = entry["data_file"]
    path = to_relative(raw["file_path"])
    return DataFile(
        file_path=path if is_uri(path) or path.startswith("/") else f"/{path}",
        file_format=FileFormat(str(raw["file_format"]).lower()),
        partition_values=dict(raw.get("partition") or {})
        or _labels(raw.get("datashard_partition_labels")),
        record_count=int(raw["record_count"]),
        file_size_in_bytes=int(raw["file_size_in_bytes"]),
        column_sizes=_by_column(raw.get("column_sizes")),
        value_counts=_by_column(raw.get("value_counts")),
        null_value_counts=_by_column(raw.get("null_value_counts")),
        lower_bounds=_bounds(raw.get("lower_bounds"), types),
        upper_bounds=_bounds(raw.get("upper_bounds"), types),
        checksum=raw.get("datashard_sha256"),
        split_offsets=list(raw.get("split_offsets") or ()) or None,
        sort_order_id=raw.get("sort_order_id"),
        added_snapshot_id=entry.get("snapshot_id"),
        sequence_number=_sequence(entry),
    )


def file_of_own_entry(entry: Mapping[str, Any]) -> DataFile:
    """The file of an entry in DataShard's form before 0.10."""
    raw = entry["data_file"]

    def typed(name: str) -> dict[int, Any] | None:
        return {int(k): bounds.decode_bound(v) for k, v in (raw.get(name) or {}).items()} or None

    return DataFile(
        file_path=raw["file_path"],
        file_format=FileFormat(raw["file_format"]),
        partition_values=raw["partition"]["values"],
        record_count=raw["record_count"],
        file_size_in_bytes=raw["file_size_in_bytes"],
        column_sizes=_by_column(raw.get("column_sizes")),
        value_counts=_by_column(raw.get("value_counts")),
        null_value_counts=_by_column(raw.get("null_value_counts")),
        lower_bounds=typed("lower_bounds"),
        upper_bounds=typed("upper_bounds"),
        checksum=raw.get("checksum"),
        added_snapshot_id=entry.get("snapshot_id"),
        sequence_number=_sequence(entry),
    )


def file_of_json(entry: Mapping[str, Any]) -> DataFile:
    """The file of an entry in JSON; its statistics are as they are there."""
    same = ("file_path", "partition_values", "record_count", "file_size_in_bytes")
    maybe = (
        "column_sizes",
        "value_counts",
        "null_value_counts",
        "lower_bounds",
        "upper_bounds",
        "checksum",
        "added_snapshot_id",
        "sequence_number",
    )
    return DataFile(
        file_format=FileFormat(entry["file_format"]),
        **_members(entry, same, maybe),
    )


def manifest_of_record(record: Mapping[str, Any], to_relative: ToRelative) -> ManifestFile:
    """The manifest that a record in Iceberg's form names."""
    counts = count_field_names(record)
    return ManifestFile(
        manifest_path=to_relative(record["manifest_path"]),
        manifest_length=int(record["manifest_length"]),
        partition_spec_id=int(record.get("partition_spec_id") or 0),
        added_snapshot_id=int(record["added_snapshot_id"]),
        added_data_files_count=counts["added_files_count"],
        existing_data_files_count=counts["existing_files_count"],
        deleted_data_files_count=counts["deleted_files_count"],
        partitions=list(record.get("partitions") or ()),
        content=ManifestContent(int(record.get("content") or 0)),
        sequence_number=record.get("sequence_number"),
        min_sequence_number=record.get("min_sequence_number"),
        checksum=record.get("datashard_sha256"),
        added_rows_count=record.get("added_rows_count"),
        existing_rows_count=record.get("existing_rows_count"),
    )


def manifest_of_own_record(record: Mapping[str, Any]) -> ManifestFile:
    """The manifest that a record in DataShard's form before 0.10 names, in Avro or JSON."""
    same = ("manifest_path", "manifest_length", "partition_spec_id", "added_snapshot_id", *_OWN_COUNTS)
    maybe = ("sequence_number", "min_sequence_number", "checksum")
    return ManifestFile(
        partitions=[],
        content=ManifestContent(record["content"]),
        **_members(record, same, maybe),
    )
