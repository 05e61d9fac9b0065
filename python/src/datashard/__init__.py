"""Iceberg tables for many writing processes.

Two ways to one table: `Table`, with DataShard's API (rows are lists of dicts), and
`Catalog` and `IcebergTable`, with Arrow. ``Table.native`` is the second form of the first.

>>> import datashard, tempfile
>>> place = tempfile.mkdtemp() + "/events"
>>> schema = datashard.Schema(1, [{"id": 1, "name": "n", "type": "long", "required": True}])
>>> table = datashard.create_table(place, schema)
>>> table.append_records([{"n": 1}, {"n": 2}])
True
>>> datashard.load_table(place).scan(filter={"n": (">", 1)})
[{'n': 2}]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._core import __version__
from ._errors import (
    AlreadyExists,
    Cancelled,
    CommitConflict,
    CommitUnknown,
    CorruptData,
    Denied,
    Error,
    InternalError,
    Invalid,
    InvalidType,
    NotFound,
    SnapshotExpired,
    StorageError,
    Timeout,
    Unsupported,
)
from .data_structures import (
    DataFile,
    DeleteFile,
    FileFormat,
    HistoryEntry,
    ManifestContent,
    ManifestFile,
    PartitionField,
    PartitionSpec,
    Schema,
    Snapshot,
    SortField,
    SortOrder,
    TableMetadata,
)
from .exceptions import (
    AmbiguousCommitError,
    AmbiguousMetadataError,
    ConcurrentModificationException,
    CorruptDataError,
    LegacyLayoutError,
    SchemaMismatchError,
    TableExistsError,
)
from .filters import FilterExpression, FilterOp, parse_filter_dict
from .iceberg import create_table, load_table
from .table import Table
from .transaction import Transaction

if TYPE_CHECKING:
    from ._native import (
        Appender,
        Catalog,
        CommitOptions,
        CommitResult,
        IcebergTable,
        NativeTransaction,
        OptimizeResult,
        PendingCommit,
        Scan,
    )
    from .garbage_collector import GarbageCollectionAborted
    from .metadata_manager import MetadataManager
    from .migrate import migrate_table
    from .snapshot_manager import SnapshotManager
    from .transaction_manager import TransactionManager

__author__ = "RODMENA LIMITED"

__all__ = [
    "AlreadyExists",
    "AmbiguousCommitError",
    "AmbiguousMetadataError",
    "Appender",
    "Cancelled",
    "Catalog",
    "CommitConflict",
    "CommitOptions",
    "CommitResult",
    "CommitUnknown",
    "ConcurrentModificationException",
    "CorruptData",
    "CorruptDataError",
    "DataFile",
    "DeleteFile",
    "Denied",
    "Error",
    "FileFormat",
    "FilterExpression",
    "FilterOp",
    "GarbageCollectionAborted",
    "HistoryEntry",
    "IcebergTable",
    "InternalError",
    "Invalid",
    "InvalidType",
    "LegacyLayoutError",
    "ManifestContent",
    "ManifestFile",
    "MetadataManager",
    "NativeTransaction",
    "NotFound",
    "SnapshotExpired",
    "PartitionField",
    "PartitionSpec",
    "OptimizeResult",
    "PendingCommit",
    "Scan",
    "Schema",
    "SchemaMismatchError",
    "Snapshot",
    "SnapshotManager",
    "SortField",
    "SortOrder",
    "StorageError",
    "Table",
    "TableExistsError",
    "TableMetadata",
    "Timeout",
    "Transaction",
    "TransactionManager",
    "Unsupported",
    "__author__",
    "__version__",
    "create_table",
    "load_table",
    "migrate_table",
    "parse_filter_dict",
]

# What few programs need is imported when it is asked for.
_LATER = {
    "Appender": "_native",
    "Catalog": "_native",
    "CommitOptions": "_native",
    "CommitResult": "_native",
    "GarbageCollectionAborted": "garbage_collector",
    "IcebergTable": "_native",
    "MetadataManager": "metadata_manager",
    "NativeTransaction": "_native",
    "OptimizeResult": "_native",
    "PendingCommit": "_native",
    "Scan": "_native",
    "SnapshotManager": "snapshot_manager",
    "TransactionManager": "transaction_manager",
    "migrate_table": "migrate",
}


def __getattr__(name: str) -> Any:
    home = _LATER.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
