"""Iceberg's types as pyarrow's; pyarrow is imported when one is asked for."""

from __future__ import annotations

from typing import Any

from .data_structures import UUID_BYTES, parse_decimal_type, parse_fixed_type

__all__ = ["UUID_BYTES", "iceberg_type_to_arrow", "parse_decimal_type", "parse_fixed_type"]

_PLAIN = {
    "boolean": "bool_",
    "int": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "date": "date32",
    "string": "string",
    "binary": "binary",
    "fixed": "binary",
}


def iceberg_type_to_arrow(iceberg_type: str | dict[str, Any]) -> Any:
    """The ``pyarrow.DataType`` that columns of a type have in files.

    ValueError for a type there is none for; nested ones, in Iceberg's JSON form, too.
    """
    import pyarrow as pa

    if isinstance(iceberg_type, dict):
        return _nested(iceberg_type)
    if iceberg_type in _PLAIN:
        return getattr(pa, _PLAIN[iceberg_type])()
    if iceberg_type == "time":
        return pa.time64("us")
    if iceberg_type in ("timestamp", "timestamptz"):
        return pa.timestamp("us", "UTC" if iceberg_type.endswith("tz") else None)
    if iceberg_type in ("timestamp_ns", "timestamptz_ns"):
        return pa.timestamp("ns", "UTC" if "tz" in iceberg_type else None)
    if iceberg_type == "uuid":
        return pa.binary(UUID_BYTES)
    width, decimal = parse_fixed_type(iceberg_type), parse_decimal_type(iceberg_type)
    if width is not None:
        return pa.binary(width)
    if decimal is not None:
        return pa.decimal128(*decimal)
    raise ValueError(f"there is no Arrow type for {iceberg_type!r}")


def _nested(given: dict[str, Any]) -> Any:
    import pyarrow as pa

    kind = given.get("type")
    if kind == "struct":
        return pa.struct(
            [
                pa.field(f["name"], iceberg_type_to_arrow(f["type"]), not f.get("required", False))
                for f in given["fields"]
            ]
        )
    if kind == "list":
        element = iceberg_type_to_arrow(given["element"])
        return pa.list_(pa.field("element", element, not given.get("element-required", False)))
    if kind == "map":
        value = iceberg_type_to_arrow(given["value"])
        return pa.map_(
            iceberg_type_to_arrow(given["key"]),
            pa.field("value", value, not given.get("value-required", False)),
        )
    raise ValueError(f"there is no Arrow type for {given!r}")
