"""Looking a table over: every manifest and every row read, and told what was found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import _core
from ._errors import CorruptData, Error
from ._handle import local_root
from ._snapshots import entries_of

if TYPE_CHECKING:
    from ._handle import Handle

__all__ = ["Verifying", "check_files", "resolve_verify_mode"]

_MAGIC = b"PAR1"
_MODES = {
    "page": ("page", ""),
    "full": ("full", "true", "1", "yes", "on"),
    "off": ("off", "false", "0", "no"),
}
# What reading a damaged or missing file raises, whatever the damage.
_FAULTS = (Error, OSError, ValueError, RuntimeError, KeyError)


def resolve_verify_mode(given: bool | str | None) -> str:
    """"page", "full" or "off", of what a call or DATASHARD_VERIFY_CHECKSUMS says; ValueError
    for other words. Pages are always checked, so "off" and "page" do the same here."""
    name = "verify_checksums"
    if given is None:
        name = "DATASHARD_VERIFY_CHECKSUMS"
        given = os.environ.get(name, "page")
    word = str(given).strip().lower()
    for mode, words in _MODES.items():
        if word in words:
            return mode
    raise ValueError(f"{name}={given!r}; there are 'page', 'full' and 'off'")


def check_files(table: _core.Table, snapshot_id: int | None, as_of_ms: int | None) -> None:
    """CorruptDataError for the first data file that does not begin as Parquet does, or is
    not as long as it was."""
    for entry in entries_of(table, snapshot_id, as_of_ms=as_of_ms):
        path = local_root(str(entry["path"]))
        try:
            _check_ends(path, int(entry["size_bytes"]))
        except ValueError as error:
            raise CorruptData(
                f"Checksum mismatch for data file {path}: stored data does not match what was "
                f"recorded at write time ({error})"
            ) from error


class Verifying:
    """The health check of a Table."""

    table_path: str
    _handle: Handle

    def verify(
        self, deep: bool = False, limit: int | None = None, snapshot_id: int | None = None
    ) -> dict[str, Any]:
        """Reads what a snapshot (None: the current one) consists of, and reports.

        By default every data file is read whole, with its pages' checksums, and its rows
        are counted against the manifest. ``deep=True`` also looks at what no reader needs:
        that each file begins as Parquet does and has the length that was committed.
        `limit` takes so many data files only.

        The report can be serialised: ``ok``, ``table``, ``snapshot_id``, ``snapshots``,
        ``data_files``, ``checked_files``, ``rows`` (as the metadata say), ``rows_read``,
        ``deep``, ``errors`` (texts, by file). Nothing that is wrong with a table raises.
        """
        errors: list[str] = []
        report: dict[str, Any] = {
            "ok": False, "table": self.table_path, "snapshot_id": snapshot_id, "snapshots": 0,
            "data_files": 0, "checked_files": 0, "rows": 0, "rows_read": 0,
            "deep": bool(deep), "errors": errors,
        }  # fmt: skip
        try:
            table = self._handle.find()
            if table is None:
                errors.append(f"no table at {self.table_path}")
                return report
            report["snapshots"] = len(table.snapshots())
            current = table.info()["current_snapshot_id"]
            if snapshot_id is None and current not in (None, -1):
                report["snapshot_id"] = current
            files = entries_of(table, snapshot_id)
        except _FAULTS as error:
            errors.append(f"metadata unreadable: {type(error).__name__}: {error}")
            return report
        report["data_files"] = len(files)
        report["rows"] = sum(int(one["record_count"]) for one in files)
        for one in files[:limit]:
            report["checked_files"] += 1
            try:
                report["rows_read"] += _check(one, deep)
            except _FAULTS as error:
                errors.append(f"{one['path']}: {type(error).__name__}: {error}")
        report["ok"] = not errors
        return report


def _check(entry: dict[str, Any], deep: bool) -> int:
    """The rows of a file that is as its manifest says; ValueError when it is not."""
    path = str(entry["path"])
    if deep:
        _check_ends(local_root(path), int(entry["size_bytes"]))
    stream = _core.scan_file(path)
    try:
        rows = sum(len(batch) for batch in stream)
    finally:
        stream.close()
    if rows != entry["record_count"]:
        raise ValueError(f"the manifest says {entry['record_count']} rows, the file has {rows}")
    return rows


def _check_ends(path: str, size: int) -> None:
    with open(path, "rb") as file:
        first = file.read(len(_MAGIC))
        found = file.seek(0, 2)
    if first != _MAGIC:
        raise ValueError(f"Checksum mismatch: the first bytes are {first!r}, not {_MAGIC!r}")
    if found != size:
        raise ValueError(f"the manifest says {size} bytes, the file has {found}")
