"""Looking a partition spec over before there is a table with it."""

from __future__ import annotations

from .data_structures import PartitionField, PartitionSpec, Schema, parse_decimal_type
from .partitioning import TypedField, UnsupportedTransform, result_type, transform_function

__all__ = ["validate_spec"]

_FIRST_ID = 1000


def validate_spec(spec: PartitionSpec | None, schema: Schema | None) -> list[TypedField]:
    """The fields with the types of their columns; [] without a spec or without columns.

    UnsupportedTransform, a ValueError, for a column that is not there, a transform that is
    none or not of the column's type, a name or id that is there twice, an id below 1000,
    and partition values that common readers of Iceberg cannot take.
    """
    if spec is None or not spec.fields or schema is None or not schema.fields:
        return []
    kinds = {int(f["id"]): f for f in schema.fields}
    names: set[str] = set()
    numbers: set[int] = set()
    found: list[TypedField] = []
    for one in spec.fields:
        column = kinds.get(int(one.source_id))
        if column is None:
            raise UnsupportedTransform(
                f"partition field {one.name!r}: source id {one.source_id} is not a column of the "
                f"schema, which has {sorted(str(f['name']) for f in schema.fields)}"
            )
        if one.name in names or int(one.field_id) in numbers:
            raise UnsupportedTransform(
                f"duplicate partition field: {one.name!r}, id {one.field_id}"
            )
        if int(one.field_id) < _FIRST_ID:
            raise UnsupportedTransform(
                f"partition field {one.name!r} has the id {one.field_id}; Iceberg numbers "
                f"partition fields from {_FIRST_ID} on"
            )
        names.add(one.name)
        numbers.add(int(one.field_id))
        kind = str(column["type"])
        transform_function(one.transform, kind)
        _check_readable(one, kind)
        found.append((one, kind))
    return found


def _check_readable(field: PartitionField, kind: str) -> None:
    value = result_type(field.transform, kind)
    if value == "uuid" or value.startswith("fixed"):
        raise UnsupportedTransform(
            f"partition field {field.name!r}: readers do not agree on how partition values of "
            f"type {value} are spelled. Use bucket[N] on that column"
        )
    if parse_decimal_type(value) is not None:
        raise UnsupportedTransform(
            f"partition field {field.name!r}: DuckDB ends its process when it meets a partition "
            f"value of type {value}. Use bucket[N] on that column, or another column"
        )
