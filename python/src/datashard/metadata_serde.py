"""A table's metadata as Iceberg's JSON, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ._fields import iceberg_json
from ._handle import local_root
from .data_structures import PartitionSpec, Schema, Snapshot, SortOrder, TableMetadata
from .metadata_manager import metadata_of
from .metadata_serde_legacy import legacy_dict_to_metadata
from .table_paths import is_uri, join_uri

__all__ = [
    "LEGACY_SUMMARY_LIST_LENGTH",
    "LEGACY_SUMMARY_LIST_SHA256",
    "NAME_MAPPING_PROPERTY",
    "NOT_ICEBERG_REPRESENTABLE",
    "NO_SNAPSHOT",
    "SUMMARY_LIST_LENGTH",
    "SUMMARY_LIST_SHA256",
    "check_iceberg_representable",
    "dict_to_metadata",
    "is_legacy_document",
    "legacy_unreadable_fields",
    "metadata_to_dict",
    "name_mapping_json",
    "schema_to_iceberg",
    "unrepresentable_fields",
]

NAME_MAPPING_PROPERTY = "schema.name-mapping.default"
NO_SNAPSHOT = -1
# Types of DataShard's schemas that Iceberg has not, and what to use.
NOT_ICEBERG_REPRESENTABLE = {"fixed": "fixed[L], giving the width, or binary"}
# Where DataShard notes the length and checksum of a snapshot's manifest list.
SUMMARY_LIST_LENGTH = "datashard.manifest-list-length"
SUMMARY_LIST_SHA256 = "datashard.manifest-list-sha256"
LEGACY_SUMMARY_LIST_LENGTH = "manifest-list-length"
LEGACY_SUMMARY_LIST_SHA256 = "manifest-list-sha256"


def is_legacy_document(doc: Mapping[str, Any]) -> bool:
    """Whether metadata are in DataShard's first form, not in Iceberg's."""
    return "format_version" in doc and "format-version" not in doc


def unrepresentable_fields(schema: Schema) -> dict[str, str]:
    """The columns that Iceberg has no type for, with what to use."""
    return {
        str(f["name"]): NOT_ICEBERG_REPRESENTABLE[f["type"]]
        for f in schema.fields
        if isinstance(f["type"], str) and f["type"] in NOT_ICEBERG_REPRESENTABLE
    }


def legacy_unreadable_fields(schema: Schema) -> dict[str, str]:
    """The columns of a table in the first form that other readers could not read, with what
    to do: their files hold something else than Iceberg's type says."""
    told = unrepresentable_fields(schema)
    told.update(
        {
            str(f["name"]): "string: the files hold text, not 16 bytes"
            for f in schema.fields
            if f["type"] == "uuid"
        }
    )
    return told


def check_iceberg_representable(schema: Schema) -> None:
    """ValueError for a schema with a column that Iceberg has no type for."""
    wrong = unrepresentable_fields(schema)
    if wrong:
        told = "; ".join(f"'{name}': use {instead}" for name, instead in wrong.items())
        raise ValueError(f"Iceberg has no type for these columns. {told}")


def schema_to_iceberg(schema: Schema) -> dict[str, Any]:
    """The schema as Iceberg's JSON has it."""
    made: dict[str, Any] = json.loads(iceberg_json(schema))
    return made


def name_mapping_json(schema: Schema) -> str:
    """The property that gives columns of files without field ids their ids, by name."""
    return json.dumps([{"field-id": int(f["id"]), "names": [f["name"]]} for f in schema.fields])


def spec_to_iceberg(spec: PartitionSpec) -> dict[str, Any]:
    fields = [
        {"source-id": f.source_id, "field-id": f.field_id, "name": f.name, "transform": f.transform}
        for f in spec.fields
    ]
    return {"spec-id": spec.spec_id, "fields": fields}


def _order(order: SortOrder) -> dict[str, Any]:
    fields = [
        {
            "source-id": f.source_id,
            "transform": f.transform,
            "direction": f.direction,
            "null-order": "nulls-first" if f.direction == "asc" else "nulls-last",
        }
        for f in order.fields
    ]
    return {"order-id": order.order_id if fields else 0, "fields": fields}


def _snapshot(snapshot: Snapshot, location: str) -> dict[str, Any]:
    summary = {str(k): str(v) for k, v in (snapshot.summary or {}).items()}
    made: dict[str, Any] = {
        "snapshot-id": snapshot.snapshot_id,
        "sequence-number": snapshot.sequence_number or 0,
        "timestamp-ms": snapshot.timestamp_ms,
        "summary": {"operation": snapshot.operation or "append", **summary},
        "manifest-list": join_uri(location, snapshot.manifest_list),
    }
    if snapshot.schema_id is not None:
        made["schema-id"] = snapshot.schema_id
    if snapshot.parent_snapshot_id not in (None, NO_SNAPSHOT):
        made["parent-snapshot-id"] = snapshot.parent_snapshot_id
    return made


def metadata_to_dict(metadata: TableMetadata) -> dict[str, Any]:
    """The metadata as Iceberg's JSON, of format version 2; paths become URIs."""
    location = metadata.location if is_uri(metadata.location) else f"file://{metadata.location}"
    orders = [_order(one) for one in metadata.sort_orders]
    numbers = [f.field_id for spec in metadata.partition_specs for f in spec.fields]
    made: dict[str, Any] = {
        "format-version": 2,
        "table-uuid": metadata.table_uuid,
        "location": location,
        "last-sequence-number": metadata.last_sequence_number,
        "last-updated-ms": metadata.last_updated_ms,
        "last-column-id": max(
            [metadata.last_column_id, *(int(f["id"]) for s in metadata.schemas for f in s.fields)]
        ),
        "schemas": [schema_to_iceberg(one) for one in metadata.schemas],
        "current-schema-id": metadata.current_schema_id,
        "partition-specs": [spec_to_iceberg(one) for one in metadata.partition_specs],
        "default-spec-id": metadata.default_spec_id,
        "last-partition-id": max([999, *numbers]),
        "sort-orders": orders,
        "default-sort-order-id": metadata.default_sort_order_id if any(o["fields"] for o in orders) else 0,
        "properties": dict(metadata.properties),
        "snapshots": [_snapshot(one, location) for one in metadata.snapshots],
        "snapshot-log": [
            {"timestamp-ms": one.timestamp_ms, "snapshot-id": one.snapshot_id}
            for one in metadata.snapshot_log
        ],
        "metadata-log": [
            {**one, "metadata-file": join_uri(location, str(one["metadata-file"]))}
            for one in metadata.metadata_log
        ],
    }
    current = metadata.current_snapshot_id
    if current not in (None, NO_SNAPSHOT):
        made["current-snapshot-id"] = current
        made["refs"] = {"main": {"snapshot-id": current, "type": "branch"}}
    return made


def dict_to_metadata(doc: dict[str, Any], actual_location: str | None = None) -> TableMetadata:
    """Iceberg's JSON, or DataShard's before 0.10, as metadata; paths below its location are
    relative to it. With `actual_location`, where the table is now, that is its location."""
    if is_legacy_document(doc):
        return legacy_dict_to_metadata(doc)
    made = metadata_of(doc, local_root(doc["location"]))
    if actual_location is not None:
        made.location = local_root(actual_location)
    return made
