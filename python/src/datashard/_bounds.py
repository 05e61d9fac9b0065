"""Iceberg's single values in bytes, as min/max of columns have them, and Python's."""

from __future__ import annotations

import struct
from datetime import date, datetime, time, timedelta
from typing import Any

__all__ = ["decode_bound", "encode_bound"]

_FORMATS = {"int": "<i", "long": "<q", "float": "<f", "double": "<d"}
_DAY0 = date(1970, 1, 1)
_TIME0 = datetime(1970, 1, 1)


def decode_bound(kind: object, raw: bytes) -> Any:
    """The value of type `kind`; None when the bytes are none of it."""
    try:
        if kind == "boolean":
            return raw != b"\x00"
        if kind in _FORMATS:
            # A column that was an int before holds four bytes still, a float likewise.
            short = {"long": "<i", "double": "<f"}.get(str(kind))
            text = short if short and len(raw) == 4 else _FORMATS[str(kind)]
            return struct.unpack(text, raw)[0]
        if kind == "date":
            return _DAY0 + timedelta(days=struct.unpack("<i", raw)[0])
        if kind == "time":
            return (_TIME0 + timedelta(microseconds=struct.unpack("<q", raw)[0])).time()
        if kind == "timestamp":
            return _TIME0 + timedelta(microseconds=struct.unpack("<q", raw)[0])
        if kind == "string":
            return raw.decode("utf-8")
        return raw if kind == "binary" else None
    except (struct.error, OverflowError, UnicodeDecodeError):
        return None


def encode_bound(kind: object, value: Any) -> bytes | None:
    """The bytes of a value; None when it does not fit the type."""
    try:
        if kind == "boolean":
            return b"\x01" if value else b"\x00"
        if kind in _FORMATS:
            return struct.pack(_FORMATS[str(kind)], value)
        if kind == "date" and isinstance(value, date):
            return struct.pack("<i", (value - _DAY0).days)
        if kind == "time" and isinstance(value, time):
            since = datetime.combine(_DAY0, value) - _TIME0
            return struct.pack("<q", since // timedelta(microseconds=1))
        if kind == "timestamp" and isinstance(value, datetime):
            return struct.pack("<q", (value - _TIME0) // timedelta(microseconds=1))
        if kind == "string" and isinstance(value, str):
            return value.encode()
        return bytes(value) if kind == "binary" and isinstance(value, bytes) else None
    except (struct.error, TypeError):
        return None
