"""The values of DataShard's API: schemas, snapshots, files, metadata.

All are plain, mutable dataclasses, comparable with ``==``. Nothing here reads or writes.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

__all__ = [
    "DECIMAL_TYPE_RE",
    "FIXED_TYPE_RE",
    "UUID_BYTES",
    "DataFile",
    "DeleteFile",
    "FileFormat",
    "HistoryEntry",
    "ManifestContent",
    "ManifestFile",
    "PartitionField",
    "PartitionSpec",
    "Schema",
    "Snapshot",
    "SortField",
    "SortOrder",
    "TableMetadata",
    "parse_decimal_type",
    "parse_fixed_type",
]

PRIMITIVE_TYPES = {
    "boolean",
    "int",
    "long",
    "float",
    "double",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "timestamp_ns",
    "timestamptz_ns",
    "string",
    "uuid",
    "fixed",
    "binary",
    "unknown",
    "variant",
}

FIXED_TYPE_RE = re.compile(r"fixed\s*[\[(]\s*(\d+)\s*[\])]")
DECIMAL_TYPE_RE = re.compile(r"decimal\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)")
UUID_BYTES = 16
_SHAPE = re.compile(r"(geometry|geography)(\(.*\))?")


def parse_fixed_type(type_str: str) -> int | None:
    """16 for ``fixed[16]``; None for every other type."""
    found = FIXED_TYPE_RE.fullmatch(type_str.strip())
    return int(found.group(1)) if found else None


def parse_decimal_type(type_str: str) -> tuple[int, int] | None:
    """(10, 2) for ``decimal(10, 2)``; None for every other type."""
    found = DECIMAL_TYPE_RE.fullmatch(type_str.strip())
    return (int(found.group(1)), int(found.group(2))) if found else None


def _is_known_type(name: str) -> bool:
    return (
        name in PRIMITIVE_TYPES
        or parse_fixed_type(name) is not None
        or parse_decimal_type(name) is not None
        or _SHAPE.fullmatch(name) is not None
    )


def _now_ms() -> int:
    return int(datetime.now().timestamp() * 1000)


class FileFormat(Enum):
    """What a data file is."""

    PARQUET = "parquet"
    AVRO = "avro"
    ORC = "orc"


class ManifestContent(Enum):
    """What a manifest lists."""

    DATA = 0
    DELETES = 1


@dataclass
class Schema:
    """Columns as Iceberg field dicts: ``id``, ``name``, ``type`` and maybe ``required``.

    Raises ValueError for a field without one of the first three, a type nobody knows, and
    ids or names given twice. ``schema_string`` is filled in when it is empty.
    """

    schema_id: int
    fields: list[dict[str, Any]]
    schema_string: str = ""

    def __post_init__(self) -> None:
        ids: set[Any] = set()
        names: set[Any] = set()
        for one in self.fields:
            for key in ("id", "name", "type"):
                if key not in one:
                    raise ValueError(
                        f"Invalid schema: Field missing required property '{key}': {one}"
                    )
            kind, name = one["type"], one["name"]
            if isinstance(kind, str) and not _is_known_type(kind):
                raise ValueError(
                    f"Invalid schema: Unknown field type '{kind}' in field '{name}'. "
                    f"Supported primitive types: {sorted(PRIMITIVE_TYPES)}"
                )
            if one["id"] in ids:
                raise ValueError(
                    f"Invalid schema: duplicate field id {one['id']} (field '{name}'). Field "
                    f"ids must be unique - they say which column a file's values belong to"
                )
            if not isinstance(name, str) or not name:
                raise ValueError(f"Invalid schema: a field's name is text, not {name!r}")
            if name in names:
                raise ValueError(f"Invalid schema: duplicate field name '{name}'")
            ids.add(one["id"])
            names.add(name)
        if not self.schema_string:
            self.schema_string = json.dumps(self.fields)


@dataclass
class PartitionField:
    """One value rows are partitioned by: a transform of a column."""

    source_id: int
    field_id: int
    name: str
    transform: str


@dataclass
class PartitionSpec:
    """How a table is partitioned."""

    spec_id: int
    fields: list[PartitionField]


@dataclass
class SortField:
    """One value rows are sorted by."""

    source_id: int
    field_id: int
    transform: str
    direction: str


@dataclass
class SortOrder:
    """How a table's files are sorted."""

    order_id: int
    fields: list[SortField]


@dataclass
class DataFile:
    """A data file. Paths from reads are table-relative: ``/data/x.parquet``.

    Bounds are Python values by field id; sizes are bytes.
    """

    file_path: str
    file_format: FileFormat
    partition_values: dict[str, Any]
    record_count: int
    file_size_in_bytes: int
    column_sizes: dict[int, int] | None = None
    value_counts: dict[int, int] | None = None
    null_value_counts: dict[int, int] | None = None
    lower_bounds: dict[int, Any] | None = None
    upper_bounds: dict[int, Any] | None = None
    key_metadata: bytes | None = None
    checksum: str | None = None
    split_offsets: list[int] | None = None
    split_compressed_offsets: list[int] | None = None
    equality_ids: list[int] | None = None
    sort_order_id: int | None = None
    added_snapshot_id: int | None = None
    sequence_number: int | None = None


@dataclass
class DeleteFile:
    """A file that says which rows are deleted."""

    file_path: str
    file_format: FileFormat
    partition_values: dict[str, Any]
    record_count: int
    file_size_in_bytes: int
    content: ManifestContent = ManifestContent.DELETES


@dataclass
class ManifestFile:
    """A manifest: a file that lists data files."""

    manifest_path: str
    manifest_length: int
    partition_spec_id: int
    added_snapshot_id: int
    added_data_files_count: int
    existing_data_files_count: int
    deleted_data_files_count: int
    partitions: list[dict[str, Any]]
    content: ManifestContent = ManifestContent.DATA
    sequence_number: int | None = None
    min_sequence_number: int | None = None
    checksum: str | None = None
    added_rows_count: int | None = None
    existing_rows_count: int | None = None


@dataclass
class Snapshot:
    """One state of the table. ``timestamp_ms`` counts from 1970-01-01 UTC; the first
    snapshot's parent is -1. ``manifest_list`` is relative to the table."""

    snapshot_id: int
    timestamp_ms: int
    manifest_list: str
    parent_snapshot_id: int | None = None
    operation: str | None = None
    summary: dict[str, str] | None = None
    schema_id: int | None = None
    sequence_number: int | None = None

    def __post_init__(self) -> None:
        if self.summary is None:
            self.summary = {}


@dataclass
class HistoryEntry:
    """When a snapshot became current."""

    timestamp_ms: int
    snapshot_id: int


@dataclass
class TableMetadata:
    """A table's whole state. ``current_snapshot_id`` is -1 in an empty table."""

    location: str
    table_uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    format_version: int = 2
    last_sequence_number: int = 0
    last_updated_ms: int = field(default_factory=_now_ms)
    last_column_id: int = 0
    schemas: list[Schema] = field(default_factory=list)
    current_schema_id: int = 0
    partition_specs: list[PartitionSpec] = field(default_factory=list)
    default_spec_id: int = 0
    sort_orders: list[SortOrder] = field(default_factory=list)
    default_sort_order_id: int = 0
    properties: dict[str, str] = field(default_factory=dict)
    current_snapshot_id: int | None = None
    snapshots: list[Snapshot] = field(default_factory=list)
    snapshot_log: list[HistoryEntry] = field(default_factory=list)
    metadata_log: list[dict[str, Any]] = field(default_factory=list)
    last_commit_id: str = ""

    def __post_init__(self) -> None:
        if not self.schemas:
            self.schemas = [Schema(0, [])]
        if not self.partition_specs:
            self.partition_specs = [PartitionSpec(0, [])]
        if not self.sort_orders:
            self.sort_orders = [SortOrder(0, [])]
        if self.current_schema_id == 0:
            self.current_schema_id = self.schemas[0].schema_id
