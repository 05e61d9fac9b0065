"""Durations and moments as people write them, and the numbers the library takes."""

from __future__ import annotations

import datetime as dt
import math
import re
import time

from ._errors import Invalid

__all__ = ["Duration", "Moment", "duration_ms", "moment_ms", "moment_of", "size_text"]

Duration = int | float | str | dt.timedelta
"""Seconds (a number), a timedelta, or text: "100ms", "1.5s", "10m", "2h", "7d"."""

Moment = dt.datetime | dt.date | str
"""A datetime or date (UTC where it has no zone), ISO text, or "-5m" (ago)."""

_UNITS_MS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(us|ms|s|m|h|d)\s*\Z")
_MS_MAX = 2**53
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def duration_ms(value: Duration, what: str = "duration") -> int:
    """Milliseconds, rounded up, so that a short time never becomes none.

    >>> duration_ms("100ms"), duration_ms(1.5), duration_ms("0.2ms")
    (100, 1500, 1)

    ValueError (Invalid) for text that is no duration, for negative ones and for NaN.
    """
    ms: float
    if isinstance(value, str):
        match = _DURATION.match(value)
        if not match:
            raise Invalid(f"{what}: {value!r} is no duration; write '100ms', '1s', '10m', '2h', '7d'")
        ms = float(match[1]) * _UNITS_MS[match[2]]
    elif isinstance(value, dt.timedelta):
        ms = value / dt.timedelta(milliseconds=1)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        ms = value * 1000.0 if abs(value) < _MS_MAX else math.inf
    else:
        raise TypeError(f"{what}: seconds, a timedelta or text like '100ms', not {type(value).__name__}")
    if not 0 <= ms < _MS_MAX:
        raise Invalid(f"{what}: {value!r} is out of range")
    return math.ceil(round(ms, 6))


def moment_ms(value: Moment, what: str = "as_of") -> int:
    """Milliseconds since 1970-01-01 UTC, rounded down.

    >>> moment_ms("2026-11-20T10:00Z") == moment_ms("2026-11-20 10:00:00")
    True
    >>> moment_ms(dt.date(1970, 1, 2))
    86400000
    """
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("-"):
            return int(time.time() * 1000) - duration_ms(text[1:], what)
        value = _parse(text, what)
    elif isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)
    elif not isinstance(value, dt.datetime):
        raise TypeError(
            f"{what}: a datetime, a date or ISO text, not {type(value).__name__}"
            " (a snapshot's number goes to snapshot_id)"
        )
    if value != value:  # pandas' NaT is a datetime, too.
        raise Invalid(f"{what}: {value} is no time")
    if value.tzinfo is None:
        value = value.replace(tzinfo=dt.timezone.utc)
    ms = (value - _EPOCH) // dt.timedelta(milliseconds=1)
    if ms <= 0:
        raise Invalid(f"{what}: {value.isoformat()} is before any table")
    return ms


def _parse(text: str, what: str) -> dt.datetime:
    # Python 3.10 reads neither "Z" nor fractions of other than 3 or 6 digits.
    plain = re.sub(r"[zZ]\Z", "+00:00", text)
    plain = re.sub(r"\.([0-9]{1,6})[0-9]*", lambda m: "." + m[1].ljust(6, "0"), plain)
    try:
        return dt.datetime.fromisoformat(plain)
    except ValueError:
        raise Invalid(f"{what}: {text!r} is no time; write '2026-11-20T10:00Z', '2026-11-20' or '-5m'") from None


def moment_of(ms: int) -> dt.datetime:
    """The datetime, in UTC, of milliseconds since 1970.

    >>> moment_of(86_400_000).isoformat()
    '1970-01-02T00:00:00+00:00'
    """
    return _EPOCH + dt.timedelta(milliseconds=ms)


def size_text(size: int) -> str:
    """Bytes for people.

    >>> size_text(512), size_text(5_000_000)
    ('512 B', '4.8 MiB')
    """
    if size < 1024:
        return f"{size} B"
    number = float(size)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        number /= 1024
        if number < 1024:
            return f"{number:.1f} {unit}"
    return f"{number / 1024:.1f} PiB"
