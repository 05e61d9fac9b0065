"""DataShard's exception names: the same classes as those of the native API.

``except ConcurrentModificationException`` and ``except datashard.CommitConflict`` catch the
same errors.
"""

from __future__ import annotations

from ._errors import AlreadyExists, CommitConflict, CommitUnknown, CorruptData, Invalid, Unsupported

__all__ = [
    "AmbiguousCommitError",
    "AmbiguousMetadataError",
    "ColumnError",
    "ConcurrentModificationException",
    "CorruptDataError",
    "InconsistentMetadata",
    "LegacyLayoutError",
    "SchemaMismatchError",
    "TableExistsError",
]

ConcurrentModificationException = CommitConflict
AmbiguousCommitError = CommitUnknown
TableExistsError = AlreadyExists
CorruptDataError = CorruptData


class SchemaMismatchError(AlreadyExists):
    """``create_table(..., if_exists="error")`` found a table with another schema."""


class AmbiguousMetadataError(CorruptData):
    """More than one metadata file could be the current one."""


class InconsistentMetadata(CorruptData, RuntimeError):
    """What the table's metadata say does not hold together; nothing was read or written."""


class LegacyLayoutError(Unsupported):
    """The directory holds a table in DataShard's own format, which is not Iceberg."""


class ColumnError(Invalid, KeyError):
    """A column that the table does not have: a ``KeyError`` and a ``ValueError``."""

    def __str__(self) -> str:
        return Exception.__str__(self)
