"""A table's metadata as DataShard's JSON before 0.10, and back.

That form has the members of the objects under their own names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from .data_structures import (
    HistoryEntry,
    PartitionField,
    PartitionSpec,
    Schema,
    Snapshot,
    SortField,
    SortOrder,
    TableMetadata,
)

__all__ = ["legacy_dict_to_metadata", "legacy_metadata_to_dict"]

_T = TypeVar("_T")
_PLAIN = (
    "location",
    "table_uuid",
    "format_version",
    "last_sequence_number",
    "last_updated_ms",
    "last_column_id",
    "current_schema_id",
    "default_spec_id",
    "default_sort_order_id",
    "properties",
    "current_snapshot_id",
)
_SNAPSHOT_MAYBE = ("parent_snapshot_id", "operation", "schema_id", "sequence_number")


def legacy_metadata_to_dict(metadata: TableMetadata) -> dict[str, Any]:
    """The metadata in that form; it shares nothing with them."""
    return asdict(metadata)


def _all(doc: Mapping[str, Any], member: str, make: Callable[[Mapping[str, Any]], _T]) -> list[_T]:
    return [make(one) for one in doc[member]]


def _schema(doc: Mapping[str, Any]) -> Schema:
    return Schema(doc["schema_id"], doc["fields"], doc.get("schema_string", ""))


def _spec(doc: Mapping[str, Any]) -> PartitionSpec:
    names = ("source_id", "field_id", "name", "transform")
    fields = _all(doc, "fields", lambda one: PartitionField(**{name: one[name] for name in names}))
    return PartitionSpec(doc["spec_id"], fields)


def _order(doc: Mapping[str, Any]) -> SortOrder:
    names = ("source_id", "field_id", "transform", "direction")
    fields = _all(doc, "fields", lambda one: SortField(**{name: one[name] for name in names}))
    return SortOrder(doc["order_id"], fields)


def _snapshot(doc: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        snapshot_id=doc["snapshot_id"],
        timestamp_ms=doc["timestamp_ms"],
        manifest_list=doc["manifest_list"],
        summary=doc.get("summary", {}),
        **{name: doc.get(name) for name in _SNAPSHOT_MAYBE},
    )


def legacy_dict_to_metadata(metadata_dict: dict[str, Any]) -> TableMetadata:
    """The metadata of a document in that form; KeyError for a member that it lacks."""
    doc = metadata_dict
    return TableMetadata(
        schemas=_all(doc, "schemas", _schema),
        partition_specs=_all(doc, "partition_specs", _spec),
        sort_orders=_all(doc, "sort_orders", _order),
        snapshots=_all(doc, "snapshots", _snapshot),
        snapshot_log=_all(
            doc, "snapshot_log", lambda one: HistoryEntry(one["timestamp_ms"], one["snapshot_id"])
        ),
        metadata_log=doc.get("metadata_log", []),
        last_commit_id=doc.get("last_commit_id", ""),
        **{name: doc[name] for name in _PLAIN},
    )
