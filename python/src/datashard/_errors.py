"""The exceptions of datashard: one small tree under Error.

Each class is also the built-in one that fits, so ``except ValueError`` and
``except OSError`` go on working. The extension raises them by the status of the C call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = [
    "AlreadyExists",
    "Cancelled",
    "CommitConflict",
    "CommitUnknown",
    "CorruptData",
    "Denied",
    "Error",
    "InternalError",
    "Invalid",
    "InvalidType",
    "NotFound",
    "SnapshotExpired",
    "StorageError",
    "Timeout",
    "Unsupported",
]


class Error(Exception):
    """The root. `status` is the C status; `detail` what programs may want to know."""

    status: int = 0
    detail: dict[str, Any] = {}


class Invalid(Error, ValueError):
    """The caller passed something wrong."""


class InvalidType(Invalid, TypeError):
    """A value of a row is of a type that its column does not take."""


class NotFound(Error, FileNotFoundError):
    """There is no such table, namespace or file. (Of a snapshot or branch: Invalid.)"""


class SnapshotExpired(NotFound):
    """The snapshot that was being read was expired meanwhile, and files of it are gone.

    Read again. Snapshots (and, with ``garbage_collect``, their files) are to be kept for
    longer than the longest read takes.
    """


class AlreadyExists(Error):
    """The object is already there."""


class CommitConflict(Error):
    """Another commit stands in the way. Nothing was committed; plan again and retry.

    `detail` explains which rule fired and who won, where the library knows.
    """


class CommitUnknown(Error):
    """Nobody can say yet whether the commit happened. Do not simply write again: that may
    double rows. `table.resolve(error.token)` tells, now or after a restart."""

    identity: str = ""
    token: str = ""


class CorruptData(Error):
    """Stored bytes break their format, or are not those that were written."""


class Unsupported(Error, NotImplementedError):
    """Valid, but this build cannot do it."""


class StorageError(Error, OSError):
    """The storage failed, or has no space. `errno` is the system's, where there is one."""


class Denied(Error, PermissionError):
    """The system does not permit it."""


class Timeout(Error, TimeoutError):
    """The time allowed is over: not done, or not yet."""


class Cancelled(Error):
    """The caller asked to stop; nothing was committed."""


class InternalError(Error, RuntimeError):
    """An invariant of datashard broke; please report it."""


def tell_committed(raised: BaseException, result: Mapping[str, Any]) -> None:
    """Gives what a signal handler raised during a commit that was done all the same (Ctrl-C
    came too late) the attribute `committed`, its CommitResult."""
    from ._records import CommitResult

    raised.committed = CommitResult.of(result)  # type: ignore[attr-defined]


_BY_STATUS: dict[int, type[Exception]] = {
    -1: Invalid,
    -2: NotFound,
    -3: AlreadyExists,
    -4: CommitConflict,
    -5: CommitUnknown,
    -6: CorruptData,
    -7: Unsupported,
    -8: StorageError,
    -9: MemoryError,
    -10: InternalError,
    -11: Cancelled,
    -12: Denied,
    -13: StorageError,
    -14: Timeout,
    -15: SnapshotExpired,
}


def from_status(
    status: int, message: str, os_code: int = 0, detail: str = "", identity: str = "", token: str = ""
) -> Exception:
    """The exception for a failed C call; the extension raises what this returns."""
    cls = _BY_STATUS.get(status, InternalError)
    error = cls(message)
    if isinstance(error, OSError) and os_code:
        error.errno = os_code
    if isinstance(error, Error):
        error.status = status
        try:
            error.detail = json.loads(detail) if detail else {}
        except ValueError:
            error.detail = {"text": detail}
    if isinstance(error, CommitUnknown):
        error.identity = identity
        error.token = token or str(error.detail.get("token", ""))
    return error
