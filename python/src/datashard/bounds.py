"""Bounds as the manifests of DataShard before 0.10 have them: text that tells its type."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

__all__ = ["decode_bound", "encode_bound", "infer_value_legacy"]

# The tag of a type, and what makes the value again. Of a class and one derived from it (a
# bool is an int, a datetime a date) the derived one comes first.
_KINDS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (bool, "bool", bool),
    (int, "int", int),
    (float, "float", float),
    (Decimal, "dec", Decimal),
    (datetime, "ts", datetime.fromisoformat),
    (date, "date", date.fromisoformat),
    (time, "time", time.fromisoformat),
    (str, "str", str),
)
_MAKERS = {tag: make for _, tag, make in _KINDS}
_PLAIN = (bool, int, float, str)  # JSON has these.
_WORDS = {"true": True, "false": False}


def encode_bound(value: Any) -> str:
    """A value as JSON, ``{"t": TYPE, "v": VALUE}``; what has no type here goes as its text."""
    tag = next((tag for kind, tag, _ in _KINDS if isinstance(value, kind)), "str")
    if isinstance(value, (date, time)):
        value = value.isoformat()
    elif not isinstance(value, _PLAIN):
        value = str(value)
    return json.dumps({"t": tag, "v": value})


def decode_bound(raw: Any) -> Any:
    """The value of such a text. Text without a type is taken for what it looks like; what is
    no text stays as it is."""
    if not isinstance(raw, str):
        return raw
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        return infer_value_legacy(raw)
    if not isinstance(told, dict) or not {"t", "v"} <= told.keys():
        return infer_value_legacy(raw)
    make = _MAKERS.get(told["t"]) if isinstance(told["t"], str) else None
    try:
        return told["v"] if make is None else make(told["v"])
    except (ValueError, TypeError, OverflowError, InvalidOperation):
        return told["v"]


def infer_value_legacy(value: str) -> Any:
    """What text without a type looks like: a whole number, a number, true or false, or text."""
    if value.isdigit():
        return int(value)
    try:
        return float(value)
    except ValueError:
        return _WORDS.get(value.lower(), value)
