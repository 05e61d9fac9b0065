"""Manifests and manifest lists in bytes: Iceberg's form, with DataShard's checksums in it.

What the engine commits it writes itself; these are for programs that make manifests by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ._avro import write_container
from .data_structures import DataFile, FileFormat, ManifestContent, ManifestFile, PartitionSpec, Schema
from .iceberg_avro import MANIFEST_LIST_SCHEMA, manifest_entry_schema
from .iceberg_bounds import encode_bound
from .metadata_serde import NO_SNAPSHOT, schema_to_iceberg, spec_to_iceberg
from .partitioning import partition_avro_fields, result_type, spec_field_types
from .table_paths import join_uri

__all__ = [
    "ENTRY_STATUS_ADDED",
    "ENTRY_STATUS_DELETED",
    "ENTRY_STATUS_EXISTING",
    "ManifestEntry",
    "encode_manifest",
    "encode_manifest_list",
    "partition_summaries",
]

# What became of a file, as an entry of a manifest says.
ENTRY_STATUS_EXISTING = 0
ENTRY_STATUS_ADDED = 1
ENTRY_STATUS_DELETED = 2

# The status, the snapshot that added the file, its sequence number, and the file.
ManifestEntry = tuple[int, int | None, int | None, DataFile]


def _pairs(values: Mapping[int, Any] | None) -> list[dict[str, Any]] | None:
    return [{"key": key, "value": value} for key, value in (values or {}).items()] or None


def _counts(values: Mapping[int, Any] | None) -> list[dict[str, Any]] | None:
    """Numbers by column; what is no number of a column says nothing, and is left out."""
    found: dict[int, int] = {}
    for key, value in (values or {}).items():
        try:
            found[int(key)] = int(value)
        except (TypeError, ValueError):
            continue
    return _pairs(found)


def _bounds(
    values: Mapping[int, Any] | None, types: Mapping[int, object]
) -> list[dict[str, Any]] | None:
    """Only what is exactly of the column's type: readers leave out files by these."""
    found: dict[int, bytes] = {}
    for key, value in (values or {}).items():
        try:
            coded = encode_bound(value, types.get(int(key)))
        except (TypeError, ValueError):
            continue
        if coded is not None:
            found[int(key)] = coded
    return _pairs(found)


def _data_file(
    one: DataFile, location: str, types: Mapping[int, object], partition: Sequence[str]
) -> dict[str, Any]:
    kind = one.file_format.value if isinstance(one.file_format, FileFormat) else str(one.file_format)
    labels = one.partition_values if one.partition_values and not partition else None
    return {
        "content": 0,
        "file_path": join_uri(location, one.file_path),
        "file_format": kind.upper(),
        "partition": {name: one.partition_values.get(name) for name in partition},
        "record_count": int(one.record_count),
        "file_size_in_bytes": int(one.file_size_in_bytes),
        "column_sizes": _counts(one.column_sizes),
        "value_counts": _counts(one.value_counts),
        "null_value_counts": _counts(one.null_value_counts),
        "lower_bounds": _bounds(one.lower_bounds, types),
        "upper_bounds": _bounds(one.upper_bounds, types),
        "split_offsets": list(one.split_offsets or ()) or None,
        "sort_order_id": one.sort_order_id,
        "datashard_sha256": one.checksum,
        "datashard_partition_labels": None if labels is None else json.dumps(labels, default=str),
    }


def encode_manifest(
    entries: Sequence[ManifestEntry], schema: Schema, spec: PartitionSpec, location: str
) -> bytes:
    """A manifest of data files. Paths are made URIs below `location`; partition values are
    those of the spec's fields, or, without any, a note that only this package reads.
    ValueError for a value that is none of its field's type."""
    fields = spec_field_types(spec, schema)
    names = [one.name for one, _ in fields]
    types = {int(f["id"]): f["type"] for f in schema.fields}
    records = [
        {
            "status": status,
            "snapshot_id": snapshot,
            "sequence_number": number,
            "file_sequence_number": number,
            "data_file": _data_file(one, location, types, names),
        }
        for status, snapshot, number, one in entries
    ]
    header = {
        "schema": json.dumps(schema_to_iceberg(schema)),
        "schema-id": str(schema.schema_id),
        "partition-spec": json.dumps(spec_to_iceberg(spec)["fields"]),
        "partition-spec-id": str(spec.spec_id),
        "format-version": "2",
        "content": "data",
    }
    shape = manifest_entry_schema(partition_avro_fields(fields))
    return write_container(shape, records, header, codec="null")


def partition_summaries(
    entries: Sequence[ManifestEntry], spec: PartitionSpec, schema: Schema
) -> list[dict[str, Any]]:
    """What a manifest list says of a manifest's partitions: for each field of the spec whether
    it has nulls, and its least and greatest value. Without bounds where values do not compare."""
    told: list[dict[str, Any]] = []
    for one, source in spec_field_types(spec, schema):
        kind = result_type(one.transform, source)
        values = [entry[3].partition_values.get(one.name) for entry in entries]
        present = [value for value in values if value is not None]
        try:
            ends = [encode_bound(end(present), kind) for end in (min, max)] if present else [None, None]
        except TypeError:
            ends = [None, None]
        told.append(
            {
                "contains_null": len(present) < len(values),
                "contains_nan": None,
                "lower_bound": ends[0],
                "upper_bound": ends[1],
            }
        )
    return told


def _manifest(one: ManifestFile, location: str) -> dict[str, Any]:
    number = one.sequence_number or 0
    least = one.min_sequence_number
    content = one.content.value if isinstance(one.content, ManifestContent) else int(one.content)
    return {
        "manifest_path": join_uri(location, one.manifest_path),
        "manifest_length": int(one.manifest_length),
        "partition_spec_id": int(one.partition_spec_id),
        "content": content,
        "sequence_number": number,
        "min_sequence_number": number if least is None else least,
        "added_snapshot_id": int(one.added_snapshot_id),
        "added_files_count": int(one.added_data_files_count),
        "existing_files_count": int(one.existing_data_files_count),
        "deleted_files_count": int(one.deleted_data_files_count),
        "added_rows_count": int(one.added_rows_count or 0),
        "existing_rows_count": int(one.existing_rows_count or 0),
        "deleted_rows_count": 0,
        "partitions": list(one.partitions) or None,
        "datashard_sha256": one.checksum,
    }


def encode_manifest_list(
    manifests: Sequence[ManifestFile],
    snapshot_id: int,
    parent_snapshot_id: int | None,
    sequence_number: int | None,
    location: str,
) -> bytes:
    """A manifest list of a snapshot. Paths are made URIs below `location`."""
    parent = None if parent_snapshot_id == NO_SNAPSHOT else parent_snapshot_id
    header = {
        "snapshot-id": str(snapshot_id),
        "parent-snapshot-id": "null" if parent is None else str(parent),
        "sequence-number": str(sequence_number or 0),
        "format-version": "2",
    }
    records = [_manifest(one, location) for one in manifests]
    return write_container(MANIFEST_LIST_SCHEMA, records, header, codec="null")
