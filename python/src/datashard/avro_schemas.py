"""The Avro schemas of Iceberg's manifests and manifest lists, as this package writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["MANIFEST_LIST_SCHEMA", "manifest_schema"]


def _field(name: str, number: int, kind: Any, optional: bool = False) -> dict[str, Any]:
    if optional:
        return {"name": name, "field-id": number, "type": ["null", kind], "default": None}
    return {"name": name, "field-id": number, "type": kind}


def _pairs(key: int, value: int, kind: str) -> dict[str, Any]:
    items = {
        "type": "record",
        "name": f"k{key}_v{value}",
        "fields": [_field("key", key, "int"), _field("value", value, kind)],
    }
    return {"type": "array", "logicalType": "map", "items": items}


MANIFEST_LIST_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "manifest_file",
    "fields": [
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
    ],
}


def manifest_schema(partition_names: Iterable[str]) -> dict[str, Any]:
    """A manifest's schema; partition values are optional text under these names."""
    partition = {
        "type": "record",
        "name": "r102",
        "fields": [
            _field(re.sub(r"\W", "_", name), 1000 + i, "string", True)
            for i, name in enumerate(partition_names)
        ],
    }
    data_file = {
        "type": "record",
        "name": "r2",
        "fields": [
            _field("content", 134, "int"),
            _field("file_path", 100, "string"),
            _field("file_format", 101, "string"),
            _field("partition", 102, partition),
            _field("record_count", 103, "long"),
            _field("file_size_in_bytes", 104, "long"),
            _field("column_sizes", 108, _pairs(117, 118, "long"), True),
            _field("value_counts", 109, _pairs(119, 120, "long"), True),
            _field("null_value_counts", 110, _pairs(121, 122, "long"), True),
            _field("lower_bounds", 125, _pairs(126, 127, "bytes"), True),
            _field("upper_bounds", 128, _pairs(129, 130, "bytes"), True),
        ],
    }
    return {
        "type": "record",
        "name": "manifest_entry",
        "fields": [
            _field("status", 0, "int"),
            _field("snapshot_id", 1, "long", True),
            _field("sequence_number", 3, "long", True),
            _field("file_sequence_number", 4, "long", True),
            _field("data_file", 2, data_file),
        ],
    }
