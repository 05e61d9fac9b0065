"""DataShard's Table: rows are lists of dicts, every call sees the newest state.

A Table may be shared by threads and used in a child of fork. A relative path is resolved
once, when the Table is made.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import _core
from ._errors import Cancelled, CommitConflict, CommitUnknown, Error, Timeout
from ._fields import listed_records
from ._handle import Handle, moved_root, path_text, relative
from ._reading import Reading
from ._snapshots import SnapshotView, files_of
from .compaction import Compacting
from .data_structures import DataFile, PartitionSpec, Schema, Snapshot, TableMetadata
from .duckdb_bridge import DuckDB
from .table_verify import Verifying
from .transaction import Transaction

if TYPE_CHECKING:
    from ._native import IcebergTable
    from .file_manager import FileManager
    from .metadata_manager import MetadataManager
    from .snapshot_manager import SnapshotManager
    from .storage_backend import StorageBackend
    from .transaction_manager import TransactionManager

__all__ = ["DEFAULT_SNAPSHOT_MAX_AGE_MS", "REQUESTED_PARTITION_FIELDS_PROPERTY", "Table"]

_logger = logging.getLogger(__name__)
DEFAULT_SNAPSHOT_MAX_AGE_MS = 5 * 24 * 60 * 60 * 1000
# Where DataShard 0.10 noted a partitioning that it did not apply.
REQUESTED_PARTITION_FIELDS_PROPERTY = "datashard.requested-partition-fields"
_ADOPTING_ATTEMPTS = 5


class Table(Reading, Compacting, DuckDB, Verifying):
    """A table in a directory."""

    def __init__(
        self,
        table_path: str | os.PathLike[str],
        create_if_not_exists: bool = True,
        schema: Schema | None = None,
        partition_spec: PartitionSpec | None = None,
    ) -> None:
        self.table_path = path_text(table_path)
        self.created = False
        self._handle = Handle(self.table_path)
        self._transactions: weakref.WeakSet[Transaction] = weakref.WeakSet()
        self._transactions_lock = threading.Lock()
        if create_if_not_exists:
            self.created = self._handle.create(schema, partition_spec)

    def __repr__(self) -> str:
        return f"Table({self.table_path!r})"

    def __reduce__(self) -> tuple[type[Table], tuple[str, bool]]:
        """A pickled Table carries its place; what opens it shows the newest state there."""
        return Table, (self._handle.location, False)

    # The objects below.

    @cached_property
    def storage(self) -> StorageBackend:
        """The table's files, by path relative to it."""
        from .storage_backend import create_storage_backend

        return create_storage_backend(self._handle.location)

    @cached_property
    def metadata_manager(self) -> MetadataManager:
        """The table's metadata."""
        from .metadata_manager import MetadataManager

        return MetadataManager(self._handle.location, self.storage)

    @cached_property
    def snapshot_manager(self) -> SnapshotManager:
        """The table's snapshots."""
        from .snapshot_manager import SnapshotManager

        return SnapshotManager(self.metadata_manager)

    @cached_property
    def file_manager(self) -> FileManager:
        """The table's manifests and data files."""
        from .file_manager import FileManager

        return FileManager(self._handle.location, self.metadata_manager, self.storage)

    @cached_property
    def transaction_manager(self) -> TransactionManager:
        """The transactions of this Table."""
        from .transaction_manager import TransactionManager

        made = TransactionManager(self.metadata_manager, self.snapshot_manager, self.file_manager)
        made._transactions = self._transactions
        return made

    @property
    def native(self) -> IcebergTable:
        """The same table, with the Arrow-native API."""
        return self.open(self._handle.location)

    @staticmethod
    def open(location: str) -> IcebergTable:
        """Opens a table with the Arrow-native API."""
        from ._native import IcebergTable

        return IcebergTable.open(location)

    @staticmethod
    def create(location: str, schema: object, **options: Any) -> IcebergTable:
        """Makes a table with the Arrow-native API; options as `IcebergTable.create` has them."""
        from ._native import IcebergTable

        return IcebergTable.create(location, schema, **options)

    @property
    def location(self) -> str:
        """Where the table's files are."""
        return str(self._handle.fresh().info()["location"])

    # Writing.

    def new_transaction(self) -> Transaction:
        """A transaction that is not begun: use ``with``, or call ``begin()``."""
        made = Transaction._on(self._handle, self)
        with self._transactions_lock:
            self._transactions.add(made)
        return made

    def append_records(
        self,
        records: list[dict[str, Any]],
        schema: Schema | None = None,
        partition_values: dict[str, Any] | None = None,
    ) -> bool:
        """Appends rows as one durable commit; True, or an exception and nothing appended.

        A schema with further optional columns adds them to the table in the same commit.
        Errors are those of `Transaction.append_data` and `Transaction.commit`. May share a
        commit with other writers, as the table's properties say.
        """
        rows = listed_records(records)
        if rows and self._append_as_known(rows, schema):
            return True
        for attempt in range(_ADOPTING_ATTEMPTS):
            current = self._handle.schema()
            adopting = not current.fields and schema is not None
            try:
                with self.new_transaction() as tx:
                    tx.append_data(rows, schema, partition_values)
                return True
            except CommitConflict:
                # Somebody else gave the table its first schema: now it has one to follow.
                if not adopting or attempt + 1 == _ADOPTING_ATTEMPTS:
                    raise
        raise AssertionError("not reached")

    def _append_as_known(self, rows: list[dict[str, Any]], schema: Schema | None) -> bool:
        """One append without looking for a newer state first, which most of the time there is
        when many write, and which changes nothing. False: nothing was appended, and it may
        have been for that reason."""
        known = self._handle.known()
        if known is None or not known[1].fields:
            return False
        if schema is not None and len(schema.fields) > len(known[1].fields):
            return False  # It adds columns: to those that are there now.
        tx = self.new_transaction()._begin_as_known()
        try:
            return tx.append_data(rows, schema).commit()
        except (Cancelled, CommitUnknown):
            raise
        except (Error, TypeError, ValueError) as error:
            if isinstance(error.__cause__, Timeout):
                raise
            return False
        finally:
            tx.rollback()

    def append_pandas(self, df: Any, schema: Schema | None = None) -> bool:
        """Appends a DataFrame's rows as one commit; see `Transaction.append_pandas`."""
        with self.new_transaction() as tx:
            tx.append_pandas(df, schema)
        return True

    def append_arrow(self, table: Any, schema: Schema | None = None) -> bool:
        """Appends Arrow rows as one commit; see `Transaction.append_arrow`."""
        with self.new_transaction() as tx:
            tx.append_arrow(table, schema)
        return True

    def append_data(self, files: list[DataFile]) -> bool:
        """Appends data files, not records, as one commit: `Transaction.append_files`."""
        with self.new_transaction() as tx:
            tx.append_files(files)
        return True

    def properties(self) -> dict[str, str]:
        """The table's properties."""
        return self._handle.fresh().properties()

    def set_properties(self, properties: Mapping[str, str | None]) -> bool:
        """Sets properties as one commit; None removes one."""
        with self.new_transaction() as tx:
            tx.set_properties(properties)
        return True

    def refresh(self) -> bool:
        """True when there is a table that can be read. Every other call looks by itself."""
        return self._handle.find() is not None

    # Snapshots.

    def _views(self, table: _core.Table | None = None) -> list[SnapshotView]:
        table = table if table is not None else self._handle.fresh()
        root = self._handle.root(table)
        entries = table.snapshots()
        there = {entry["snapshot_id"] for entry in entries}
        return [
            # A parent that is forgotten is none, as in DataShard.
            SnapshotView.of(
                self._handle.snapshot(
                    entry if entry["parent_id"] in there else {**entry, "parent_id": None}, root
                ),
                self,
            )
            for entry in entries
        ]

    def current_snapshot(self) -> Snapshot | None:
        """The newest state; None in an empty table."""
        table = self._handle.fresh()
        number = table.info()["current_snapshot_id"]
        if number is None or number == -1:
            return None
        for view in self._views(table):
            if view.snapshot_id == number:
                return view
        raise RuntimeError(
            f"Table metadata is inconsistent: current_snapshot_id {number} does not match any "
            f"snapshot - refusing to report a broken table as an empty one"
        )

    def snapshot_by_id(self, snapshot_id: int) -> Snapshot | None:
        """The snapshot; None where there is none of that id."""
        for one in self._views():
            if one.snapshot_id == snapshot_id:
                return one
        return None

    def snapshots(self) -> list[dict[str, Any]]:
        """The table's snapshots in the order of their commits; ``timestamp`` is local time."""
        return [
            {
                "snapshot_id": one.snapshot_id,
                "timestamp_ms": one.timestamp_ms,
                "timestamp": datetime.fromtimestamp(one.timestamp_ms / 1000),
                "operation": one.operation,
                "summary": one.summary,
                "parent_id": one.parent_snapshot_id,
            }
            for one in self._views()
        ]

    def time_travel(self, snapshot_id: int | None = None, timestamp: int | None = None) -> Any:
        """A snapshot by id, else the last one at `timestamp` (ms since 1970), else the
        current one; None where there is none. What comes can be scanned: ``.scan()``."""
        if snapshot_id is None and timestamp is None:
            return self.current_snapshot()
        if snapshot_id is not None:
            found = self.snapshot_by_id(snapshot_id)
            if found is None:
                _logger.warning("%s has no snapshot %s", self.table_path, snapshot_id)
            return found
        assert timestamp is not None
        before = [one for one in self._views() if one.timestamp_ms <= timestamp]
        return _latest(before) if before else None

    # Upkeep.

    def expire_snapshots(
        self,
        older_than_ms: int | None = None,
        retain_last: int | None = None,
        compact_manifests: bool = True,
    ) -> int:
        """Forgets old snapshots, by default those of more than 5 days; how many were
        REMOVED. That alone frees no disk space: files that no other snapshot has go in the
        commit or when `garbage_collect` runs."""
        if older_than_ms is None and retain_last is None:
            older_than_ms = int(time.time() * 1000) - DEFAULT_SNAPSHOT_MAX_AGE_MS
        before = {entry["snapshot_id"] for entry in self._handle.fresh().snapshots()}
        with self.new_transaction() as tx:
            tx.expire_snapshots(older_than_ms, retain_last)
        after = {entry["snapshot_id"] for entry in self._handle.fresh().snapshots()}
        return len(before - after)

    def garbage_collect(
        self, grace_period_ms: int = 3600000, allow_short_grace: bool = False
    ) -> dict[str, int]:
        """Removes files that no snapshot names and that are older than the grace period;
        how many of each kind. This is what frees bytes. How old a file is tells its
        modification time: the files of a table that was just copied are new.

        ValueError for less than five minutes, which would take the files of writers at
        work, unless `allow_short_grace` says that there are none. GarbageCollectionAborted
        when it cannot tell what is in use.
        """
        from .garbage_collector import GarbageCollector

        collector = GarbageCollector(
            self._handle.location, self.metadata_manager, self.file_manager
        )
        return collector.collect(grace_period_ms, allow_short_grace=allow_short_grace)

    def compact_manifests(self) -> bool:
        """True, and nothing to do: commits merge manifests by themselves, as the properties
        ``commit.manifest-merge.*`` say."""
        return True

    def relocate(self) -> dict[str, int]:
        """Makes the metadata of a table whose directory was moved name where it is now; see
        `migrate.relocate_table`. Until then it can be read, and not written."""
        from .migrate import relocate_table

        return relocate_table(self)

    def repair_version_hint(self, metadata_file: str) -> int:
        """Points the hint at a version; see `MetadataManager.repair_version_hint`."""
        return self.metadata_manager.repair_version_hint(metadata_file)

    # What user code and tests reach for, though it is not public.

    def _get_all_data_files(
        self, metadata: TableMetadata | None = None, snapshot_id: int | None = None
    ) -> list[DataFile]:
        return files_of(self._handle, snapshot_id)

    def _get_data_files_from_manifest(self) -> list[DataFile]:
        return self._get_all_data_files()

    def _get_current_schema(self, metadata: TableMetadata | None = None) -> Schema | None:
        schema = self._handle.schema()
        return schema if schema.fields else None

    def _read_datafile_table(self, data_file: DataFile, *_: Any) -> Any:
        """One file's rows as a ``pyarrow.Table``; ValueError for a file outside the table."""
        import pyarrow

        stream = _core.scan_file(self.file_manager.resolve(data_file.file_path))
        return pyarrow.RecordBatchReader.from_stream(stream).read_all()

    def _resolve_file_path(self, file_path: str) -> str:
        table = self._handle.fresh()
        root = moved_root(table) or self._handle.root(table)
        return root.rstrip("/") + "/" + relative(file_path, root).lstrip("/")


def _latest(views: list[SnapshotView]) -> SnapshotView:
    """The one with the greatest time; of equals the one committed last."""
    best = views[0]
    for one in views[1:]:
        if one.timestamp_ms >= best.timestamp_ms:
            best = one
    return best
