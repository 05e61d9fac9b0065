"""Tables that DataShard wrote in its own layout become Iceberg tables."""

from __future__ import annotations

import json
import os
from typing import Any

from . import _core
from ._errors import NotFound

__all__ = ["migrate_table"]


def migrate_table(
    table_path: str,
    dry_run: bool = False,
    metadata_file: str | None = None,
    *,
    remove_old: bool = False,
) -> dict[str, Any]:
    """Converts the table in a directory, in place: DataShard 0.11's call and result.

    Every data file is opened and compared with what was recorded of it; none is changed.
    With `dry_run` that is all. `metadata_file` is the name of the current metadata file
    where the table's hint is lost. The old metadata stay unless `remove_old` is true.

    The result's ``status`` is ``"migrated"``, ``"dry-run"`` or ``"already-migrated"``;
    ``data_files`` and the like count what the new table has, sizes are in bytes. ValueError
    where there is no table; CorruptData and Unsupported where it cannot be carried over,
    and then it is as it was. May be called from any thread; other readers and writers of
    the table may be at work.
    """
    location = table_path if "://" in table_path else os.path.abspath(table_path)
    try:
        text = _core.migrate(
            location, dry_run=dry_run, remove_old=remove_old, metadata_file=metadata_file
        )
    except NotFound as e:
        raise ValueError(f"No pre-0.10 datashard table found at {table_path}: {e}") from e
    report: dict[str, Any] = json.loads(text)
    report["table"] = table_path
    if report["status"] != "already-migrated":
        report["columns_foreign_readers_may_reject"] = []  # Their types are what is stored.
    return report
