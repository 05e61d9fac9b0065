"""The Avro schemas of manifests and manifest lists as DataShard wrote them before 0.10."""

from __future__ import annotations

from typing import Any

__all__ = ["MANIFEST_ENTRY_SCHEMA", "MANIFEST_FILE_SCHEMA"]


def _optional(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "default": None}


def _fields(**kinds: Any) -> list[dict[str, Any]]:
    return [{"name": name, "type": kind} for name, kind in kinds.items()]


def _map(kind: str) -> dict[str, str]:
    return {"type": "map", "values": kind}


def _record(name: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": fields}


_DATA_FILE = [
    *_fields(
        file_path="string",
        file_format="string",
        partition=_record("partition_data", _fields(values=_map("string"))),
        record_count="long",
        file_size_in_bytes="long",
    ),
    *(_optional(name, _map("long")) for name in ("column_sizes", "value_counts", "null_value_counts")),
    *(_optional(name, _map("string")) for name in ("lower_bounds", "upper_bounds")),
    _optional("checksum", "string"),
]

MANIFEST_ENTRY_SCHEMA: dict[str, Any] = _record(
    "manifest_entry",
    [
        *_fields(status="int"),
        *(_optional(name, "long") for name in ("snapshot_id", "sequence_number", "file_sequence_number")),
        *_fields(data_file=_record("data_file", _DATA_FILE)),
    ],
)

MANIFEST_FILE_SCHEMA: dict[str, Any] = _record(
    "manifest_file",
    [
        *_fields(manifest_path="string", manifest_length="long", partition_spec_id="int", content="int"),
        *(_optional(name, "long") for name in ("sequence_number", "min_sequence_number", "added_snapshot_id")),
        *_fields(
            added_data_files_count="int",
            existing_data_files_count="int",
            deleted_data_files_count="int",
            partitions={"type": "array", "items": "string"},
        ),
        _optional("checksum", "string"),
    ],
)
