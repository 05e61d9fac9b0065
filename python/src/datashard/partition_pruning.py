"""Which files a filter can leave out, by their partitions alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .data_structures import DataFile
from .filters import FilterExpression, FilterOp
from .partitioning import (
    TEMPORAL,
    TRUNCATE_RE,
    TypedField,
    canonical,
    result_type,
    transform_function,
)

__all__ = ["prune_files_by_partition"]


def prune_files_by_partition(
    data_files: Sequence[DataFile],
    expressions: Sequence[FilterExpression],
    spec_fields: Sequence[TypedField],
    column_of: Mapping[int, str],
) -> list[DataFile]:
    """The files that may hold a row for which all expressions are true. What cannot be
    decided stays. (The engine does the same by itself when it plans a scan.)"""
    kept = []
    for one in data_files:
        values = one.partition_values or {}
        fields = [
            (values[field.name], field.transform, kind, column_of.get(int(field.source_id)))
            for field, kind in spec_fields
            if field.name in values
        ]
        if all(
            _may_match(value, transform, kind, term)
            for value, transform, kind, column in fields
            for term in expressions
            if term.column == column
        ):
            kept.append(one)
    return kept


def _may_match(value: Any, transform: str, kind: str, term: FilterExpression) -> bool:
    if term.op is FilterOp.IS_NULL:
        return value is None
    if value is None:
        return False  # Every row has NULL there, which matches nothing else.
    try:
        result = result_type(transform, kind)
        function = transform_function(transform, kind)
        here = canonical(value, result)

        def same(other: Any) -> bool:
            there = canonical(function(other), result)
            return bool(here <= there <= here)  # TypeError for what does not compare.

        if term.op is FilterOp.EQ:
            return same(term.value)
        if term.op is FilterOp.IN:
            return any(same(v) for v in term.value if v is not None)
        if transform == "identity" and term.op is FilterOp.NE:
            return not same(term.value)
        ordered = transform == "identity" or transform in TEMPORAL or TRUNCATE_RE.match(transform)
        if not ordered or term.op not in (FilterOp.LT, FilterOp.LE, FilterOp.GT, FilterOp.GE):
            return True
        # A row below a bound is in the bound's own partition, or before it.
        bound = canonical(function(term.value), result)
        return bool(here <= bound if term.op in (FilterOp.LT, FilterOp.LE) else here >= bound)
    except (TypeError, ValueError, ArithmeticError):
        return True
