"""Rows and Arrow tables held against a table's schema before they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._fields import check_names, check_records
from .arrow_types import iceberg_type_to_arrow
from .data_structures import Schema
from .uuid_columns import encode_columns

__all__ = [
    "check_cast_family",
    "conform",
    "type_family",
    "validate_arrow_table_strict",
    "validate_records_strict",
]


def validate_records_strict(records: Sequence[Mapping[str, Any]], iceberg_schema: Schema) -> None:
    """ValueError for the first row with an unknown field, or without a required one."""
    check_records(records, iceberg_schema)


def validate_arrow_table_strict(table: Any, iceberg_schema: Schema) -> None:
    """ValueError for a ``pyarrow.Table`` without a required column, or with null in one."""
    for field in iceberg_schema.fields:
        name = str(field["name"])
        if not field.get("required", False):
            continue
        place = table.schema.get_field_index(name)
        if place < 0:
            raise ValueError(f"Arrow table is missing required field '{name}'")
        nulls = table.column(place).null_count
        if nulls:
            raise ValueError(f"Arrow table has {nulls} null values in required field '{name}'")


def type_family(t: Any) -> str:
    """What kind of values a ``pyarrow.DataType`` holds: "number", "text", "bytes", "boolean",
    "date", "time", "timestamp", "null" or, for the others, the type's own text."""
    import pyarrow.types as is_

    known = {
        "null": (is_.is_null,),
        "boolean": (is_.is_boolean,),
        "number": (is_.is_integer, is_.is_floating, is_.is_decimal),
        "text": (is_.is_string, is_.is_large_string, _views("string")),
        "bytes": (is_.is_binary, is_.is_large_binary, is_.is_fixed_size_binary, _views("binary")),
        "date": (is_.is_date,),
        "time": (is_.is_time,),
        "timestamp": (is_.is_timestamp,),
    }
    for family, tests in known.items():
        if any(test(t) for test in tests):
            return family
    if is_.is_dictionary(t):
        return type_family(t.value_type)
    return str(t)


def _views(what: str) -> Callable[[Any], bool]:
    """The test for string or binary views; pyarrow before 16 has none."""
    import pyarrow.types

    test: Callable[[Any], bool] = getattr(pyarrow.types, f"is_{what}_view", lambda _: False)
    return test


def check_cast_family(name: str, source: Any, target: Any) -> None:
    """ValueError where values of one kind would become values of another: the text "12" is
    no number, a number is no text."""
    mine, theirs = type_family(target), type_family(source)
    if theirs not in (mine, "null"):
        raise ValueError(
            f"Column '{name}' is {source} and the table's is {target}: they are of different "
            f"type families ({theirs}, {mine}), and are not converted"
        )


def conform(table: Any, schema: Schema) -> Any:
    """A ``pyarrow.Table`` with the schema's columns in its order and of its types; optional
    columns that are not there are null. ValueError for what does not fit."""
    import pyarrow as pa

    check_names([str(n) for n in table.schema.names], schema, "Arrow table")
    validate_arrow_table_strict(table, schema)
    table = encode_columns(table, schema)
    columns: list[Any] = []
    fields: list[Any] = []
    for one in schema.fields:
        name, wanted = str(one["name"]), iceberg_type_to_arrow(one["type"])
        place = table.schema.get_field_index(name)
        if place < 0:
            column = pa.chunked_array([pa.nulls(table.num_rows, wanted)])
        else:
            column = _cast(name, table.column(place), wanted)
        columns.append(column)
        fields.append(pa.field(name, wanted, not one.get("required", False)))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _cast(name: str, column: Any, wanted: Any) -> Any:
    import pyarrow as pa

    if column.type == wanted:
        return column
    check_cast_family(name, column.type, wanted)
    try:
        return column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as cause:
        raise ValueError(
            f"Column '{name}' is not compatible with the table's type {wanted}: {cause}"
        ) from cause
