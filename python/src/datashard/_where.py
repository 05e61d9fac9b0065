"""Conditions as the text of the library's filters, every value quoted exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from ._errors import Invalid
from .exceptions import ColumnError
from .filters import FilterExpression, FilterOp, parse_filter_dict

__all__ = ["where_of", "where_text"]

_SIGNS = {
    FilterOp.EQ: "=",
    FilterOp.NE: "<>",
    FilterOp.LT: "<",
    FilterOp.LE: "<=",
    FilterOp.GT: ">",
    FilterOp.GE: ">=",
}
_FALSE = "false"
_NUMBERS = ("int", "long", "float", "double", "decimal")  # With its digits behind.


def _text(value: str) -> str:
    if "\0" in value:
        raise Invalid(f"A filter's text cannot hold a NUL character: {value!r}")
    return "'" + value.replace("'", "''") + "'"


def _datetime(value: datetime) -> str:
    if value.tzinfo is None:
        return f"timestamp '{value.isoformat(sep=' ')}'"
    plain = value.astimezone(timezone.utc).replace(tzinfo=None)
    return f"timestamptz '{plain.isoformat(sep=' ')}Z'"


def _number(value: int | float | Decimal, kind: str) -> str:
    if isinstance(value, bool):
        return ("true" if value else "false") if kind == "boolean" else str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isinf(value):
        if kind in ("float", "double"):
            return "'inf'" if value > 0 else "'-inf'"
        return "1e38" if value > 0 else "-1e38"  # Beyond every whole number and decimal.
    return format(value, "f") if isinstance(value, Decimal) else repr(value)


def _literal(value: Any, kind: str) -> str:
    if hasattr(value, "dtype") and hasattr(value, "item"):  # A scalar of numpy.
        value = value.item()
    if isinstance(value, (int, float, Decimal)):
        if kind.partition("(")[0] not in _NUMBERS and not (kind == "boolean" and isinstance(value, bool)):
            raise Invalid(f"A column of type {kind} does not compare with {value!r}")
        return _number(value, kind)
    if kind == "uuid" and isinstance(value, (bytes, bytearray)) and len(value) == 16:
        value = UUID(bytes=bytes(value))
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"x'{bytes(value).hex()}'"
    if isinstance(value, datetime):
        return _datetime(value)
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, time):
        return f"time '{value.isoformat()}'"
    if isinstance(value, UUID):
        return f"'{value}'" if kind == "string" else f"uuid '{value}'"
    raise Invalid(f"A column of type {kind} does not compare with {value!r}")


def _is_nan(value: Any) -> bool:
    return isinstance(value, (float, Decimal)) and math.isnan(value)


def _term(one: FilterExpression, kind: str) -> str:
    name = '"' + one.column.replace('"', '""') + '"'
    if one.op is FilterOp.IS_NULL:
        return f"{name} is null"
    if one.op is FilterOp.IS_NOT_NULL:
        return f"{name} is not null"
    if one.op in (FilterOp.IN, FilterOp.NOT_IN):
        values = [v for v in one.value if v is not None and not _is_nan(v)]
        if not values:
            return _FALSE if one.op is FilterOp.IN else f"{name} is not null"
        word = "in" if one.op is FilterOp.IN else "not in"
        return f"{name} {word} ({', '.join(_literal(v, kind) for v in values)})"
    if one.op not in _SIGNS:
        raise ValueError(f"Unsupported filter operator: {one.op}")
    if one.value is None:
        return _FALSE
    if _is_nan(one.value):  # Equal to nothing, itself included.
        return f"{name} is not null" if one.op is FilterOp.NE else _FALSE
    return f"{name} {_SIGNS[one.op]} {_literal(one.value, kind)}"


def where_text(expressions: Sequence[FilterExpression], kinds: Mapping[str, str]) -> str | None:
    """The filter's text; None where there is no condition. `kinds`: types by column.

    Raises ColumnError for a column that is not in `kinds`.
    """
    terms: list[str] = []
    for one in expressions:
        if one.column not in kinds:
            raise ColumnError(
                f"Filter names column '{one.column}', which the table does not have. "
                f"Columns: {sorted(kinds)}"
            )
        terms.append(_term(one, kinds[one.column]))
    return " and ".join(terms) if terms else None


def where_of(filter_dict: dict[str, Any] | None, kinds: Mapping[str, str]) -> str | None:
    """The text of a filter dict; None for no filter."""
    return where_text(parse_filter_dict(filter_dict), kinds) if filter_dict else None
