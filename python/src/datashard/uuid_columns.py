"""UUIDs: text in Python, 16 bytes in files."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from .data_structures import UUID_BYTES, Schema
from .filters import FilterExpression

__all__ = [
    "UUID_BYTES",
    "decode_columns",
    "encode_columns",
    "normalise_dataframe",
    "normalise_records",
    "split_expressions",
    "to_bytes",
    "to_text",
    "uuid_field_names",
]


def uuid_field_names(schema: Schema | None) -> list[str]:
    """The columns of type uuid."""
    return [str(f["name"]) for f in (schema.fields if schema else ()) if f["type"] == "uuid"]


def _uuid(value: Any) -> uuid.UUID:
    try:
        if isinstance(value, uuid.UUID):
            return value
        if isinstance(value, (bytes, bytearray, memoryview)):
            return uuid.UUID(bytes=bytes(value))
        return uuid.UUID(str(value))
    except ValueError as cause:
        raise ValueError(f"{value!r} is not a uuid") from cause


def to_bytes(value: Any) -> bytes | None:
    """The 16 bytes of a UUID, given as text, as such or as bytes; ValueError for others."""
    return None if value is None else _uuid(value).bytes


def to_text(value: Any) -> str | None:
    """The text of a UUID, given in any of these forms."""
    return None if value is None else str(_uuid(value))


def normalise_records(
    records: Sequence[Mapping[str, Any]], schema: Schema | None
) -> Sequence[Mapping[str, Any]]:
    """The rows with bytes in the columns of type uuid; the same object without such."""
    names = uuid_field_names(schema)
    if not names:
        return records
    return [
        {k: to_bytes(v) if k in names else v for k, v in record.items()} for record in records
    ]


def encode_columns(table: Any, schema: Schema | None) -> Any:
    """The ``pyarrow.Table`` with 16 bytes in the columns of type uuid."""
    import pyarrow as pa

    return _converted(table, schema, pa.binary(UUID_BYTES), to_bytes)


def decode_columns(table: Any, schema: Schema | None) -> Any:
    """The ``pyarrow.Table`` with text in the columns of type uuid."""
    import pyarrow as pa

    return _converted(table, schema, pa.string(), to_text)


def _converted(table: Any, schema: Schema | None, kind: Any, convert: Any) -> Any:
    import pyarrow as pa

    for name in uuid_field_names(schema):
        place = table.schema.get_field_index(name)
        if place < 0 or table.schema.field(place).type == kind:
            continue
        column = table.column(place)
        if isinstance(column.type, pa.BaseExtensionType):
            column = column.cast(column.type.storage_type)
        values = pa.chunked_array([pa.array([convert(v) for v in column.to_pylist()], kind)])
        field = table.schema.field(place)
        table = table.set_column(place, pa.field(name, kind, field.nullable, field.metadata), values)
    return table


def normalise_dataframe(df: Any, schema: Schema | None) -> Any:
    """The DataFrame with bytes in the columns of type uuid; the same without such."""
    import pandas

    changed = {}
    for name in uuid_field_names(schema):
        if name in df.columns:
            known = df[name].notna()
            changed[name] = pandas.Series(
                [to_bytes(v) if k else None for v, k in zip(df[name], known)], index=df.index, dtype=object
            )
    return df.assign(**changed) if changed else df


def split_expressions(
    expressions: Sequence[FilterExpression], schema: Schema | None
) -> tuple[list[FilterExpression], list[FilterExpression]]:
    """The terms on other columns, and those on columns of type uuid, values as text."""
    names = uuid_field_names(schema)

    def spelled(value: Any) -> Any:
        if isinstance(value, (list, tuple, set, frozenset)):
            return [spelled(one) for one in value]
        try:
            return to_text(value)
        except ValueError:
            return value  # No UUID at all: it matches nothing.

    others = [one for one in expressions if one.column not in names]
    mine = [
        FilterExpression(one.column, one.op, spelled(one.value))
        for one in expressions
        if one.column in names
    ]
    return others, mine
