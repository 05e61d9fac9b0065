"""What Avro's logical types mean: Python's dates, times, decimals and UUIDs, and back."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

__all__ = ["from_logical", "to_logical"]

_DAY0 = date(1970, 1, 1)
_TIME0 = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
# Units of the times: how many microseconds one has.
_UNITS = {
    "time-millis": 1000,
    "time-micros": 1,
    "timestamp-millis": 1000,
    "timestamp-micros": 1,
    "local-timestamp-millis": 1000,
    "local-timestamp-micros": 1,
}
_DECIMAL_BYTES_MAX = 32  # Of 38 digits, twice over.


def from_logical(schema: dict[str, Any], raw: Any) -> Any:
    """A stored value as what its schema's ``logicalType`` says; as it is where that is
    unknown, or where Python has no such value (the year 12026)."""
    kind = schema.get("logicalType")
    try:
        if kind == "date":
            return _DAY0 + timedelta(days=raw)
        if kind in _UNITS:
            moment = _TIME0 + timedelta(microseconds=raw * _UNITS[kind])
            if kind.startswith("time-"):
                return moment.time() if moment.date() == _DAY0 else raw
            return moment.replace(tzinfo=timezone.utc) if kind.startswith("timestamp") else moment
        if kind == "decimal":
            return _decimal(raw, int(schema.get("scale", 0)))
        if kind == "uuid":
            return raw if isinstance(raw, str) else str(UUID(bytes=raw))
    except (OverflowError, ValueError):
        return raw
    return raw


def _decimal(raw: bytes, scale: int) -> Decimal:
    if len(raw) > _DECIMAL_BYTES_MAX:
        raise ValueError("a decimal of too many digits")
    number = int.from_bytes(raw, "big", signed=True)
    return Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale))


def to_logical(schema: dict[str, Any], value: Any) -> Any:
    """A Python value as it is stored; numbers and bytes that are so already stay. ValueError
    for a decimal of more digits than the type has."""
    kind = schema.get("logicalType")
    if kind == "date" and isinstance(value, date):
        return (value.date() if isinstance(value, datetime) else value).toordinal() - _DAY0.toordinal()
    if kind in _UNITS and isinstance(value, datetime):
        if value.tzinfo is not None:
            value = value.astimezone(timezone.utc).replace(tzinfo=None)
        return (value - _TIME0) // _MICROSECOND // _UNITS[kind]
    if kind in _UNITS and isinstance(value, time):
        plain = value.replace(tzinfo=None)
        return (datetime.combine(_DAY0, plain) - _TIME0) // _MICROSECOND // _UNITS[kind]
    if kind == "decimal" and isinstance(value, Decimal):
        return _unscaled(value, int(schema.get("scale", 0)))
    if kind == "uuid" and isinstance(value, UUID):
        return str(value)
    return value


def _unscaled(value: Decimal, scale: int) -> bytes:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or exponent + scale < 0:
        raise ValueError(f"{value} has more digits than a decimal of scale {scale}")
    number: int = int("".join(map(str, digits))) * 10 ** (exponent + scale)
    number = -number if sign else number
    bits = (number if number >= 0 else ~number).bit_length()
    coded: bytes = number.to_bytes(bits // 8 + 1, "big", signed=True)
    return coded
