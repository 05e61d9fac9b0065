"""DataShard's schemas and Iceberg's: field dicts to JSON and back, and rows checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import _core
from .data_structures import PartitionSpec, Schema

__all__ = [
    "arrow_schema",
    "check_names",
    "check_records",
    "compare",
    "iceberg_json",
    "kinds_of",
    "listed_records",
    "partition_text",
    "schema_of",
]


def _iceberg_type(kind: Any) -> Any:
    # "fixed" has no length in DataShard's schemas, and Iceberg's fixed needs one.
    return "binary" if kind == "fixed" else kind


def iceberg_json(schema: Schema, fields: Sequence[Mapping[str, Any]] | None = None) -> str:
    """The schema in Iceberg's JSON, field ids as they are."""
    members = []
    for one in schema.fields if fields is None else fields:
        member: dict[str, Any] = {
            "id": one["id"],
            "name": one["name"],
            "required": bool(one.get("required", False)),
            "type": _iceberg_type(one["type"]),
        }
        if "doc" in one:
            member["doc"] = one["doc"]
        members.append(member)
    return json.dumps({"type": "struct", "schema-id": schema.schema_id, "fields": members})


def schema_of(text: str) -> Schema:
    """The schema that Iceberg's JSON describes."""
    found = json.loads(text)
    fields = [
        {
            "id": f["id"],
            "name": f["name"],
            "type": f["type"],
            "required": bool(f.get("required", False)),
        }
        for f in found.get("fields", [])
    ]
    return Schema(int(found.get("schema-id", 0)), fields)


def arrow_schema(schema: Schema, fields: Sequence[Mapping[str, Any]] | None = None) -> _core.Schema:
    """The schema as Arrow's, which the extension takes."""
    catalog = _core.Catalog("memory:")
    catalog.create_namespace("of")
    return catalog.create_table("of.schema", schema_json=iceberg_json(schema, fields)).schema


def kinds_of(schema: Schema) -> dict[str, str]:
    """Type by column; nested types are called "nested"."""
    return {
        str(f["name"]): f["type"] if isinstance(f["type"], str) else "nested"
        for f in schema.fields
    }


def _kind_key(kind: Any) -> str:
    kind = _iceberg_type(kind)
    return kind.replace(" ", "") if isinstance(kind, str) else json.dumps(kind, sort_keys=True)


def _mismatch(table: Schema, given: Schema) -> ValueError:
    def listing(schema: Schema) -> dict[str, Any]:
        return {str(f["name"]): f["type"] for f in schema.fields}

    return ValueError(
        "Provided schema does not match the table's persisted schema. A schema may repeat the "
        "table's columns (name, id, type) and add optional ones with new ids, nothing else. "
        f"Table fields: {listing(table)}; provided fields: {listing(given)}"
    )


def compare(table: Schema, given: Schema) -> list[dict[str, Any]]:
    """The columns `given` adds to the table's; [] when the two agree.

    ValueError when `given` lacks a column, has one of another type or with the id of
    another, or adds one that is required or whose id is taken. (Columns added later have
    the ids the library gave them, whatever the schema that brought them said.)
    """
    mine = {str(f["name"]): f for f in table.fields}
    theirs = {str(f["name"]): f for f in given.fields}
    added = [f for f in given.fields if str(f["name"]) not in mine]
    taken = {f["id"] for f in table.fields}
    for name, one in mine.items():
        other = theirs.get(name)
        if (
            other is None
            or _kind_key(one["type"]) != _kind_key(other["type"])
            or (one["id"] != other["id"] and other["id"] in taken)
            or (one.get("required", False) and not other.get("required", False) and not added)
        ):
            raise _mismatch(table, given)
    for one in added:
        if one.get("required", False) or one["id"] in taken:
            raise _mismatch(table, given)
    return added


def check_names(names: Iterable[str], schema: Schema, what: str) -> None:
    """ValueError when `names` holds one that the schema does not."""
    allowed = {str(f["name"]) for f in schema.fields}
    unknown = sorted(str(n) for n in names if n not in allowed)
    if unknown:
        raise ValueError(
            f"{what} has fields not in the table schema: {unknown}. Schema fields: "
            f"{sorted(allowed)}. Refusing to silently drop data."
        )


def listed_records(records: object) -> list[dict[str, Any]]:
    """The records of any iterable; TypeError for what is no list of dicts at first sight."""
    if isinstance(records, list):
        return records
    if isinstance(records, (str, bytes, Mapping)) or not isinstance(records, Iterable):
        raise TypeError(f"expected a list of dicts, got one {type(records).__name__}")
    if hasattr(records, "iloc"):
        raise TypeError("expected a list of dicts, got one DataFrame: append_pandas takes it")
    return list(records)


def check_records(records: Sequence[Mapping[str, Any]], schema: Schema) -> None:
    """ValueError for the first record with an unknown field or without a required one."""
    allowed = {str(f["name"]) for f in schema.fields}
    required = [str(f["name"]) for f in schema.fields if f.get("required", False)]
    for i, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise TypeError(f"Record {i} is a {type(record).__name__}, not a dict")
        if not record.keys() <= allowed:
            check_names(record.keys(), schema, f"Record {i}")
        for name in required:
            if record.get(name) is None:
                raise ValueError(
                    f"Record {i} is missing required field '{name}' (or it is None)"
                )


def partition_text(spec: PartitionSpec | None, schema: Schema | None) -> str | None:
    """The spec as the library's text, ``month("ts") as m, bucket(16, "id") as b``; None for
    no partitioning. A name that a column has is left to the library, as Iceberg wants it.
    UnsupportedTransform, a ValueError, for what `validate_spec` refuses."""
    from .partition_validation import validate_spec

    names = {f["id"]: str(f["name"]) for f in (schema.fields if schema else ())}
    terms: list[str] = []
    for one, _ in validate_spec(spec, schema):
        transform, _, width = one.transform.partition("[")
        inside = f'"{names[one.source_id]}"'
        if width:
            inside = f"{width.rstrip(']')}, {inside}"
        taken = one.name in names.values() and one.transform != "identity"
        terms.append(f"{transform}({inside})" + ("" if taken else f" as {one.name}"))
    return ", ".join(terms) or None
