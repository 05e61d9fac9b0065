"""Partition values, of the directories that name them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

from . import _core
from .data_structures import parse_decimal_type
from .partitioning import result_type

__all__ = ["PartitionReader"]

_READERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": lambda text: text == "true",
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "timestamptz": datetime.fromisoformat,
    "binary": bytes.fromhex,
}


def _since_1970(transform: str, text: str) -> int:
    """2017, 2017-11 or 2017-11-01-05 in the transform's unit; years may be negative."""
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("-").split("-")]
    if transform == "year":
        return sign * parts[0] - 1970
    if transform == "month":
        return (sign * parts[0] - 1970) * 12 + parts[1] - 1
    return (date(*parts[:3]) - date(1970, 1, 1)).days * 24 + parts[3]


def _value(text: str, transform: str, kind: str) -> Any:
    if text == "null":
        return None
    try:
        if transform in ("year", "month", "hour"):
            return _since_1970(transform, text)
        result = result_type(transform, kind)
        if result in _READERS:
            return _READERS[result](text)
        return Decimal(text) if parse_decimal_type(result) else text
    except ValueError:
        return text  # A transform or a spelling of another engine's.


class PartitionReader:
    """Reads what `Table.files` of the extension calls a file's partition. A text column's
    value "null" cannot be told from none."""

    def __init__(self, table: _core.Table) -> None:
        raw = json.loads(table.metadata_json())
        kinds = {f["id"]: f["type"] for s in raw["schemas"] for f in s["fields"]}
        self._fields: dict[int, dict[str, tuple[str, str]]] = {
            spec["spec-id"]: {
                f["name"]: (f["transform"], str(kinds.get(f["source-id"], "string")))
                for f in spec["fields"]
            }
            for spec in raw["partition-specs"]
        }

    def values(self, entry: dict[str, Any]) -> dict[str, Any]:
        """The values by the names of the spec's fields; {} for an unpartitioned file."""
        fields = self._fields.get(entry.get("spec_id", 0), {})
        found: dict[str, Any] = {}
        for part in str(entry.get("partition") or "").split("/"):
            name, equals, text = part.partition("=")
            if equals:
                name = unquote_plus(name)
                found[name] = _value(unquote_plus(text), *fields.get(name, ("identity", "string")))
        return found
