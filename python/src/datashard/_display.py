"""How a table looks at the prompt and in a notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from . import _core
from ._schema import field_type_text
from ._units import moment_of, size_text

__all__ = ["Facts", "as_html", "as_line"]

_COLUMNS_MAX = 200


class Facts:
    """What is shown of a table, from its metadata alone: no data file is read."""

    def __init__(self, table: _core.Table) -> None:
        info = table.info()
        self.name = str(info["name"])
        self.location = str(info["location"])
        self.columns: list[Mapping[str, Any]] = json.loads(table.schema_json())["fields"]
        self.snapshot_id: int | None = info["current_snapshot_id"]
        if self.snapshot_id is not None and self.snapshot_id < 0:
            self.snapshot_id = None
        self.snapshot_count = int(info["snapshot_count"])
        self.partition = [str(f["name"]) for f in json.loads(table.spec_json()).get("fields", [])]
        self.made = ""
        summary: Mapping[str, str] = {}
        if self.snapshot_id is not None:
            for snapshot in reversed(table.snapshots()):
                if snapshot["snapshot_id"] == self.snapshot_id:
                    summary = snapshot["summary"]
                    self.made = moment_of(snapshot["timestamp_ms"]).isoformat(" ", "seconds")
                    break
        self.rows = _total(summary, "total-records", self.snapshot_id)
        self.size = _total(summary, "total-files-size", self.snapshot_id)
        self.files = _total(summary, "total-data-files", self.snapshot_id)

    @property
    def rows_text(self) -> str:
        """Rows; other writers may leave them out of their summaries."""
        return "unknown" if self.rows is None else f"{self.rows:,}"

    @property
    def size_text(self) -> str:
        """Bytes of the data files."""
        return "unknown" if self.size is None else size_text(self.size)


def _total(summary: Mapping[str, str], key: str, snapshot_id: int | None) -> int | None:
    if snapshot_id is None:
        return 0
    text = summary.get(key, "")
    return int(text) if text.isdecimal() else None


def as_line(table: _core.Table) -> str:
    """One line for repr."""
    facts = Facts(table)
    columns = ", ".join(f"{c['name']} {field_type_text(c)}" for c in facts.columns[:8])
    more = f", … {len(facts.columns) - 8} more" if len(facts.columns) > 8 else ""
    snapshot = "no snapshot" if facts.snapshot_id is None else f"snapshot {facts.snapshot_id}"
    return (
        f"<IcebergTable {facts.name} ({columns}{more}): {snapshot},"
        f" {facts.rows_text} rows, {facts.size_text}>"
    )


def as_html(table: _core.Table) -> str:
    """A table for notebooks. Names come from whoever wrote the table: all is escaped."""
    facts = Facts(table)
    head = [
        ("location", facts.location),
        ("snapshot", "none" if facts.snapshot_id is None else f"{facts.snapshot_id} of {facts.made}"),
        ("snapshots", f"{facts.snapshot_count:,}"),
        ("rows", facts.rows_text),
        ("size", f"{facts.size_text} in {'unknown' if facts.files is None else facts.files} files"),
    ]
    if facts.partition:
        head.append(("partitioned by", ", ".join(facts.partition)))
    shown = [(str(c["name"]), field_type_text(c)) for c in facts.columns[:_COLUMNS_MAX]]
    if len(facts.columns) > _COLUMNS_MAX:
        shown.append((f"… {len(facts.columns) - _COLUMNS_MAX} more", ""))
    return (
        f"<div><strong>{escape(facts.name)}</strong>"
        f"<table><tbody>{_rows(head)}</tbody></table>"
        f"<table><thead><tr><th>column</th><th>type</th></tr></thead><tbody>{_rows(shown)}</tbody></table></div>"
    )


def _rows(pairs: list[tuple[str, str]]) -> str:
    return "".join(f"<tr><td>{escape(a)}</td><td>{escape(b)}</td></tr>" for a, b in pairs)
