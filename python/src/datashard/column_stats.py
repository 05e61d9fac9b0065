"""The least and the greatest value of each column of an Arrow table."""

from __future__ import annotations

from typing import Any

from .data_structures import Schema
from .uuid_columns import to_text

__all__ = ["compute_column_bounds"]


def compute_column_bounds(
    table: Any, iceberg_schema: Schema
) -> tuple[dict[int, Any] | None, dict[int, Any] | None]:
    """Min and max by field id, of a ``pyarrow.Table``; columns whose values have no order,
    or that hold NULL alone, are left out, and None stands for no column at all. NaN counts
    for nothing; UUIDs are text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    low: dict[int, Any] = {}
    high: dict[int, Any] = {}
    for field in iceberg_schema.fields:
        place = table.schema.get_field_index(str(field["name"]))
        if place < 0:
            continue
        column = table.column(place)
        if pa.types.is_floating(column.type):
            column = column.filter(pc.invert(pc.is_nan(column)))
        try:
            found = pc.min_max(column).as_py()
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            continue
        if found["min"] is None:
            continue
        text = field["type"] == "uuid"
        low[int(field["id"])] = to_text(found["min"]) if text else found["min"]
        high[int(field["id"])] = to_text(found["max"]) if text else found["max"]
    return low or None, high or None
