"""Min and max of columns as Iceberg stores them."""

from __future__ import annotations

from typing import Any

from . import _bounds

__all__ = ["decode_bound", "encode_bound"]


def encode_bound(value: Any, iceberg_type: object) -> bytes | None:
    """The bytes of a value; None when it is not exactly one of the type."""
    return None if value is None else _bounds.encode_bound(iceberg_type, value)


def decode_bound(raw: Any, iceberg_type: object) -> Any:
    """The value of these bytes; None when they are none of the type."""
    return None if raw is None else _bounds.decode_bound(iceberg_type, bytes(raw))
