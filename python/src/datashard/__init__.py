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

from . import _errors as _errors  # What reports that no file can be opened must not open one.
from ._core import __version__

TYPE_CHECKING = False  # As `typing` says it, which takes longer to import than all of this.
if TYPE_CHECKING:
    from typing import Any

    from ._core import release_memory
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
    from .garbage_collector import GarbageCollectionAborted
    from .iceberg import create_table, load_table
    from .metadata_manager import MetadataManager
    from .migrate import migrate_table
    from .snapshot_manager import SnapshotManager
    from .table import Table
    from .transaction import Transaction
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
    "release_memory",
]

# The module of every name: it is imported when one of its names is asked for. A program pays
# for what it uses, and `import datashard` costs the loading of the library.
_HOMES = {
    "_core": "release_memory",
    "_errors": (
        "AlreadyExists Cancelled CommitConflict CommitUnknown CorruptData Denied Error "
        "InternalError Invalid InvalidType NotFound SnapshotExpired StorageError Timeout "
        "Unsupported"
    ),
    "_native": (
        "Appender Catalog CommitOptions CommitResult IcebergTable NativeTransaction "
        "OptimizeResult PendingCommit Scan"
    ),
    "data_structures": (
        "DataFile DeleteFile FileFormat HistoryEntry ManifestContent ManifestFile "
        "PartitionField PartitionSpec Schema Snapshot SortField SortOrder TableMetadata"
    ),
    "exceptions": (
        "AmbiguousCommitError AmbiguousMetadataError ConcurrentModificationException "
        "CorruptDataError LegacyLayoutError SchemaMismatchError TableExistsError"
    ),
    "filters": "FilterExpression FilterOp parse_filter_dict",
    "garbage_collector": "GarbageCollectionAborted",
    "iceberg": "create_table load_table",
    "metadata_manager": "MetadataManager",
    "migrate": "migrate_table",
    "snapshot_manager": "SnapshotManager",
    "table": "Table",
    "transaction": "Transaction",
    "transaction_manager": "TransactionManager",
}
_LATER = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """A name of the package, or a public module of it."""
    if name in _LATER:
        value = getattr(import_module(f".{_LATER[name]}", __name__), name)
    elif name in _modules():
        value = import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_modules()})


def _modules() -> set[str]:
    """The public modules of the package."""
    from pkgutil import iter_modules

    return {module.name for module in iter_modules(__path__) if module.name[0] != "_"}
