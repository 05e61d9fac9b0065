"""DataShard's filters: a dict, one condition per column, all of which must hold.

``{"a": 1}`` is equality, ``{"a": (">", 1)}`` a comparison; operators are those of
`parse_filter_dict`. NULL matches nothing but ``is_null``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data_structures import DataFile, Schema

__all__ = [
    "FilterExpression",
    "FilterOp",
    "get_column_id_by_name",
    "parse_filter_dict",
    "prune_files_by_bounds",
    "to_pyarrow_compute_expression",
]


class FilterOp(Enum):
    """How a column is compared."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"
    NOT_IN = "not_in"
    IS_NULL = "is_null"
    IS_NOT_NULL = "is_not_null"


@dataclass
class FilterExpression:
    """One condition."""

    column: str
    op: FilterOp
    value: Any


_OPERATORS: dict[str, FilterOp] = {
    "==": FilterOp.EQ,
    "=": FilterOp.EQ,
    "eq": FilterOp.EQ,
    "!=": FilterOp.NE,
    "<>": FilterOp.NE,
    "ne": FilterOp.NE,
    "<": FilterOp.LT,
    "lt": FilterOp.LT,
    "<=": FilterOp.LE,
    "le": FilterOp.LE,
    ">": FilterOp.GT,
    "gt": FilterOp.GT,
    ">=": FilterOp.GE,
    "ge": FilterOp.GE,
    "in": FilterOp.IN,
    "not_in": FilterOp.NOT_IN,
    "not in": FilterOp.NOT_IN,
    "notin": FilterOp.NOT_IN,
}
_NULL_OPERATORS: dict[str, FilterOp] = {
    "is_null": FilterOp.IS_NULL,
    "isnull": FilterOp.IS_NULL,
    "is_not_null": FilterOp.IS_NOT_NULL,
    "notnull": FilterOp.IS_NOT_NULL,
    "isnotnull": FilterOp.IS_NOT_NULL,
}


def _is_operator(word: object) -> bool:
    if not isinstance(word, str):
        return False
    low = word.strip().lower()
    return low in _OPERATORS or low in _NULL_OPERATORS or low == "between"


def _unknown_operator(op: object) -> ValueError:
    return ValueError(
        f"Unknown filter operator: {op!r}. Supported operators: {sorted(_OPERATORS)}, "
        f"'between', 'is_null', 'is_not_null'"
    )


def _pair(column: str, op: object, value: Any) -> list[FilterExpression]:
    if not isinstance(op, str):
        raise _unknown_operator(op)
    word = op.strip().lower()
    if word == "between":
        low, high = value
        return [
            FilterExpression(column, FilterOp.GE, low),
            FilterExpression(column, FilterOp.LE, high),
        ]
    found = _OPERATORS.get(word) or _NULL_OPERATORS.get(word)
    if found is None:
        raise _unknown_operator(op)
    if found in (FilterOp.IN, FilterOp.NOT_IN):
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            raise ValueError(f"Filter on '{column}': {op!r} takes a list of values, not {value!r}")
        value = list(value)
    return [FilterExpression(column, found, value)]


def parse_filter_dict(filter_dict: dict[str, Any]) -> list[FilterExpression]:
    """The conditions of a filter dict.

    Operators (any case): ``== = eq``, ``!= <> ne``, ``< lt``, ``<= le``, ``> gt``, ``>= ge``,
    ``in``, ``not_in``, ``between`` with (low, high), both included, ``is_null`` and
    ``is_not_null``, whose value is ignored. A list of an operator and a value is taken as
    the tuple.

    Raises ValueError for an unknown operator, for a bare None and for a list that is no
    such pair.
    """
    found: list[FilterExpression] = []
    for column, condition in filter_dict.items():
        if isinstance(condition, tuple) and len(condition) == 2:
            found += _pair(column, condition[0], condition[1])
        elif isinstance(condition, list):
            if len(condition) != 2 or not _is_operator(condition[0]):
                raise ValueError(
                    f"Filter {{'{column}': {condition!r}}} equals a list, which no row does. "
                    f"Use {{'{column}': ('in', [...])}} for one of several values"
                )
            found += _pair(column, condition[0], condition[1])
        elif condition is None:
            raise ValueError(
                f"Filter {{'{column}': None}} is ambiguous: nothing is equal to NULL. "
                f"Use {{'{column}': ('is_null', True)}} for the rows without a value, or "
                f"('is_not_null', True) for the others."
            )
        else:
            found.append(FilterExpression(column, FilterOp.EQ, condition))
    return found


def to_pyarrow_compute_expression(expressions: list[FilterExpression]) -> Any | None:
    """The conditions as one ``pyarrow.compute.Expression``; None where there are none."""
    import pyarrow.compute as pc

    if not expressions:
        return None
    result: Any = None
    for one in expressions:
        field = pc.field(one.column)
        term = _arrow_term(one, field, pc)
        result = term if result is None else result & term
    return result


def _arrow_term(one: FilterExpression, field: Any, pc: Any) -> Any:
    if one.op is FilterOp.IS_NULL:
        return field.is_null()
    if one.op is FilterOp.IS_NOT_NULL:
        return field.is_valid()
    if one.op in (FilterOp.IN, FilterOp.NOT_IN):
        values = [v for v in one.value if v is not None]
        inside = field.isin(values) if values else pc.scalar(False)
        return field.is_valid() & (inside if one.op is FilterOp.IN else ~inside)
    if one.value is None:
        return pc.scalar(False)
    if one.op is FilterOp.EQ:
        return field == one.value
    if one.op is FilterOp.NE:
        return field != one.value
    if one.op is FilterOp.LT:
        return field < one.value
    if one.op is FilterOp.LE:
        return field <= one.value
    if one.op is FilterOp.GT:
        return field > one.value
    if one.op is FilterOp.GE:
        return field >= one.value
    raise ValueError(f"Unsupported filter operator: {one.op}")


def _may_match(low: Any, high: Any, one: FilterExpression) -> bool:
    if low is None or high is None:
        return True
    value = one.value
    if one.op is FilterOp.EQ:
        return value is not None and bool(low <= value <= high)
    if one.op is FilterOp.LT:
        return value is not None and bool(low < value)
    if one.op is FilterOp.LE:
        return value is not None and bool(low <= value)
    if one.op is FilterOp.GT:
        return value is not None and bool(high > value)
    if one.op is FilterOp.GE:
        return value is not None and bool(high >= value)
    if one.op is FilterOp.IN:
        return any(v is not None and low <= v <= high for v in value)
    if one.op is FilterOp.NE and not isinstance(low, float):
        return bool(low != value or high != value)  # Bounds of floats leave NaN out.
    return True


def prune_files_by_bounds(
    data_files: list[DataFile], expressions: list[FilterExpression], schema: Schema
) -> list[DataFile]:
    """The files that may hold matching rows, by their bounds; those without are kept."""
    kept: list[DataFile] = []
    ids: Mapping[str, int] = {str(f["name"]): int(f["id"]) for f in schema.fields}
    for file in data_files:
        lows, highs = file.lower_bounds or {}, file.upper_bounds or {}
        keep = True
        for one in expressions:
            field_id = ids.get(one.column)
            if field_id is None:
                continue
            try:
                keep = _may_match(lows.get(field_id), highs.get(field_id), one)
            except TypeError:  # Values of kinds that do not compare.
                keep = True
            if not keep:
                break
        if keep:
            kept.append(file)
    return kept


def get_column_id_by_name(schema: Schema, column_name: str) -> int | None:
    """The field id of a column; None where there is no such column."""
    for field in schema.fields:
        if field.get("name") == column_name:
            return int(field["id"])
    return None
