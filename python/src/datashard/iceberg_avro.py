"""The Avro schemas of Iceberg's manifests and manifest lists, with DataShard's own fields.

Field ids are the specification's ("Manifests", "Manifest Lists"); DataShard's fields have
ids beyond them, which other readers pass over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "DATASHARD_PARTITION_LABELS_ID",
    "DATASHARD_SHA256_DATA_FILE_ID",
    "DATASHARD_SHA256_MANIFEST_ID",
    "MANIFEST_LIST_SCHEMA",
    "POS_DELETE_FILE_PATH_ID",
    "POS_DELETE_POS_ID",
    "count_field_names",
    "manifest_entry_schema",
]

DATASHARD_SHA256_DATA_FILE_ID = 9001
DATASHARD_SHA256_MANIFEST_ID = 9002
DATASHARD_PARTITION_LABELS_ID = 9003
# The columns of a file of deleted positions.
POS_DELETE_FILE_PATH_ID = 2147483546
POS_DELETE_POS_ID = 2147483545


def _field(name: str, number: int, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "field-id": number}


def _optional(name: str, number: int, kind: Any) -> dict[str, Any]:
    return {**_field(name, number, ["null", kind]), "default": None}


def _record(name: str, fields: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [dict(one) for one in fields]}


def _by_column(name: str, number: int, key: int, kind: str) -> dict[str, Any]:
    """A value for each column: a map from numbers, which Avro has not, as pairs."""
    pair = _record(f"k{key}_v{key + 1}", [_field("key", key, "int"), _field("value", key + 1, kind)])
    return _optional(name, number, {"type": "array", "logicalType": "map", "items": pair})


def _list_of(kind: str, element: int) -> dict[str, Any]:
    return {"type": "array", "items": kind, "element-id": element}


def manifest_entry_schema(partition_fields: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The schema of a manifest's entries; the fields are those of its partition struct."""
    data_file = [
        _field("content", 134, "int"),
        _field("file_path", 100, "string"),
        _field("file_format", 101, "string"),
        _field("partition", 102, _record("r102", partition_fields)),
        _field("record_count", 103, "long"),
        _field("file_size_in_bytes", 104, "long"),
        _by_column("column_sizes", 108, 117, "long"),
        _by_column("value_counts", 109, 119, "long"),
        _by_column("null_value_counts", 110, 121, "long"),
        _by_column("nan_value_counts", 137, 138, "long"),
        _by_column("lower_bounds", 125, 126, "bytes"),
        _by_column("upper_bounds", 128, 129, "bytes"),
        _optional("key_metadata", 131, "bytes"),
        _optional("split_offsets", 132, _list_of("long", 133)),
        _optional("equality_ids", 135, _list_of("int", 136)),
        _optional("sort_order_id", 140, "int"),
        _optional("datashard_sha256", DATASHARD_SHA256_DATA_FILE_ID, "string"),
        _optional("datashard_partition_labels", DATASHARD_PARTITION_LABELS_ID, "string"),
    ]
    return _record(
        "manifest_entry",
        [
            _field("status", 0, "int"),
            _optional("snapshot_id", 1, "long"),
            _optional("sequence_number", 3, "long"),
            _optional("file_sequence_number", 4, "long"),
            _field("data_file", 2, _record("r2", data_file)),
        ],
    )


_SUMMARY = _record(
    "r508",
    [
        _field("contains_null", 509, "boolean"),
        _optional("contains_nan", 518, "boolean"),
        _optional("lower_bound", 510, "bytes"),
        _optional("upper_bound", 511, "bytes"),
    ],
)

MANIFEST_LIST_SCHEMA: dict[str, Any] = _record(
    "manifest_file",
    [
        _field("manifest_path", 500, "string"),
        _field("manifest_length", 501, "long"),
        _field("partition_spec_id", 502, "int"),
        _field("content", 517, "int"),
        _field("sequence_number", 515, "long"),
        _field("min_sequence_number", 516, "long"),
        _field("added_snapshot_id", 503, "long"),
        _field("added_files_count", 504, "int"),
        _field("existing_files_count", 505, "int"),
        _field("deleted_files_count", 506, "int"),
        _field("added_rows_count", 512, "long"),
        _field("existing_rows_count", 513, "long"),
        _field("deleted_rows_count", 514, "long"),
        _optional("partitions", 507, {"type": "array", "element-id": 508, "items": _SUMMARY}),
        _optional("key_metadata", 519, "bytes"),
        _optional("datashard_sha256", DATASHARD_SHA256_MANIFEST_ID, "string"),
    ],
)


def count_field_names(record: Mapping[str, Any]) -> dict[str, int]:
    """How many files a manifest list says a manifest adds, keeps and deletes; 0 where it says
    nothing. Lists of Iceberg's first version have other names for these."""

    def told(what: str) -> int:
        value = record.get(f"{what}_files_count", record.get(f"{what}_data_files_count"))
        return 0 if value is None else int(value)

    return {f"{what}_files_count": told(what) for what in ("added", "existing", "deleted")}
