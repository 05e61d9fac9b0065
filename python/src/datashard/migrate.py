"""Tables that DataShard wrote in its own layout become Iceberg tables."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from typing import Any

from . import _core
from ._errors import NotFound
from .logging_config import get_logger
from .storage_backend import StorageBackend

__all__ = ["MIGRATION_NOTICE_PATH", "migrate_table", "write_migration_notice"]

_logger = get_logger(__name__)
# A note in a table's directory, for people who meet it with a version that cannot read it.
MIGRATION_NOTICE_PATH = "DATASHARD-MIGRATED-TO-ICEBERG-V2.txt"
_NOTICE = """This is an Apache Iceberg table (format version 2) since {when}.

A program that fails here with a KeyError, such as KeyError: 'schema_id', uses DataShard
0.9 or older, which reads the layout that this table had before. The data are whole: use
datashard {version} or newer, or any other reader of Iceberg.

There is no way back. Nothing reads this file; it may be removed.
"""


def write_migration_notice(storage: StorageBackend) -> None:
    """Leaves that note in the table's directory. A note that cannot be written is no error."""
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    try:
        text = _NOTICE.format(when=when, version=_core.__version__)
        storage.write_file(MIGRATION_NOTICE_PATH, text.encode())
    except Exception as error:  # Whatever it is: the table is migrated.
        _logger.warning("%s could not be written: %s", MIGRATION_NOTICE_PATH, error)


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
