"""Tables that DataShard wrote in its own layout, and tables that were moved, become Iceberg
tables where they are."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from . import _core
from ._errors import NotFound
from ._relocate import Rewrite
from .data_structures import Snapshot, TableMetadata
from .file_manager import FileManager
from .logging_config import get_logger
from .storage_backend import StorageBackend

if TYPE_CHECKING:
    from .table import Table

__all__ = [
    "MIGRATION_NOTICE_PATH",
    "migrate_table",
    "relocate_table",
    "rewrite_snapshots",
    "write_migration_notice",
]

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


def rewrite_snapshots(
    fm: FileManager, metadata: TableMetadata, location: str, dry_run: bool = False
) -> tuple[list[Snapshot], dict[str, int]]:
    """Writes every snapshot's manifests and manifest lists anew, with paths below `location`
    instead of where the table's metadata say that it is; the snapshots with their new lists,
    and how many ``snapshots``, ``manifests``, ``data_files`` (entries of manifests) and
    ``metadata_bytes_added`` that were. With `dry_run` nothing is written.

    Nothing names the new files before `MetadataManager.commit`. NotFound, CorruptData where
    a data file is not in the table's directory as it was; Unsupported for what cannot be
    written anew, such as deletes by position, which hold paths. Then nothing is left.
    """
    work = _rewrite(fm, location, dry_run)
    return work.snapshots(metadata), work.counts


def _rewrite(fm: FileManager, location: str, dry_run: bool) -> Rewrite:
    old = fm.metadata_manager.recorded_location
    if old is None:
        raise ValueError(f"No table at {fm.table_path}")
    return Rewrite(fm, old, location, dry_run)


def relocate_table(table: Table) -> dict[str, int]:
    """Makes the metadata of a table whose directory was moved name where it is now, in one
    commit; nothing is done where they do already. Counts as `rewrite_snapshots` has them, and
    ``delete_files``: those of position deletes and deletion vectors, which hold paths.

    Old manifests stay until `Table.garbage_collect`. A crash leaves the table as it was or as
    it is to be. Writers are refused until it is done; of others who change the table's
    metadata meanwhile one wins, and this one begins again:
    ConcurrentModificationException when that happens all the time. Errors are those of
    `rewrite_snapshots`, and ValueError where there is no table.
    """
    if table.metadata_manager.refresh() is None:
        raise ValueError(f"No table at {table.metadata_manager.table_path}")
    done = table._handle.fresh().relocate()
    counts = {name: done[name] for name in ("snapshots", "manifests", "data_files")}
    if done["relocated"]:
        counts |= {"metadata_bytes_added": done["bytes"], "delete_files": done["delete_files"]}
    return counts
