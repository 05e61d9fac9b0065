"""Iceberg's single values in bytes, as min/max of columns have them, and Python's."""

from __future__ import annotations

import struct
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from .data_structures import parse_decimal_type, parse_fixed_type

__all__ = ["decode_bound", "encode_bound"]

_FORMATS = {"int": "<i", "long": "<q", "float": "<f", "double": "<d"}
_DAY0 = date(1970, 1, 1)
_TIME0 = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


def decode_bound(kind: object, raw: bytes) -> Any:
    """The value of type `kind`; None when the bytes are none of it. UUIDs are text."""
    if not isinstance(kind, str):
        return None
    try:
        if kind == "boolean":
            return raw[0] != 0
        if kind in _FORMATS:
            # A column that was an int before holds four bytes still, a float likewise.
            wide = _FORMATS["double" if kind in ("float", "double") else "long"]
            narrow = _FORMATS["float" if kind in ("float", "double") else "int"]
            return struct.unpack(narrow if len(raw) == 4 else wide, raw)[0]
        if kind == "date":
            return _DAY0 + timedelta(days=struct.unpack("<i", raw)[0])
        if kind in ("time", "timestamp", "timestamptz"):
            found = _TIME0 + struct.unpack("<q", raw)[0] * _MICROSECOND
            if kind == "time":
                return found.time()
            return found.replace(tzinfo=timezone.utc) if kind == "timestamptz" else found
        if kind == "string":
            return raw.decode("utf-8")
        if kind == "uuid":
            return str(UUID(bytes=raw))
        decimal = parse_decimal_type(kind)
        if decimal is not None:
            return _scaled(int.from_bytes(raw, "big", signed=True), decimal[1])
        return raw if kind == "binary" or parse_fixed_type(kind) else None
    except (struct.error, IndexError, OverflowError, ValueError):
        return None


def _scaled(unscaled: int, scale: int) -> Decimal:
    digits = tuple(map(int, str(abs(unscaled))))
    return Decimal((int(unscaled < 0), digits, -scale))


def encode_bound(kind: object, value: Any) -> bytes | None:
    """The bytes of a value; None when it is not exactly one of the type."""
    try:
        if kind == "boolean":
            return struct.pack("<?", value) if isinstance(value, bool) else None
        if kind in ("int", "long"):
            whole = isinstance(value, int) and not isinstance(value, bool)
            return struct.pack(_FORMATS[str(kind)], value) if whole else None
        if kind in ("float", "double"):
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            return struct.pack(_FORMATS[str(kind)], value) if number else None
        if kind == "date" and isinstance(value, date) and not isinstance(value, datetime):
            return struct.pack("<i", (value - _DAY0).days)
        if kind == "time" and isinstance(value, time):
            return struct.pack("<q", (datetime.combine(_DAY0, value) - _TIME0) // _MICROSECOND)
        if kind in ("timestamp", "timestamptz") and isinstance(value, datetime):
            return _micros(value)
        if kind == "string" and isinstance(value, str):
            return value.encode()
        if kind == "uuid":
            return UUID(str(value)).bytes
        decimal = parse_decimal_type(str(kind))
        if decimal is not None and isinstance(value, Decimal):
            return _unscaled(value, decimal[1])
        blob = kind == "binary" or parse_fixed_type(str(kind))
        return bytes(value) if blob and isinstance(value, bytes) else None
    except (struct.error, OverflowError, TypeError, ValueError):
        return None


def _micros(value: datetime) -> bytes:
    """Times without a zone are of UTC."""
    if value.tzinfo is not None:
        value = value.astimezone(timezone.utc).replace(tzinfo=None)
    return struct.pack("<q", (value - _TIME0) // _MICROSECOND)


def _unscaled(value: Decimal, scale: int) -> bytes:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("not a number")
    number = int("".join(map(str, digits)))
    shift = exponent + scale
    if shift < 0:
        number, rest = divmod(number, 10**-shift)
        if rest:
            raise ValueError("more digits than the type has")
    else:
        number *= 10**shift
    number = int(-number if sign else number)
    bits = (number if number >= 0 else ~number).bit_length()
    coded: bytes = number.to_bytes(bits // 8 + 1, "big", signed=True)
    return coded
