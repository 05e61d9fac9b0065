"""Transaction: several changes, one commit."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import NoReturn

from . import _core
from ._async import PendingCommit
from ._errors import Invalid
from ._input import Batches, prepared
from ._records import CommitResult
from ._schema import schema_arguments
from ._units import Moment, moment_ms

__all__ = ["Transaction"]


def _listed(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    if isinstance(paths, (str, bytes, os.PathLike)):
        raise TypeError(f"paths: a list of them, not one {type(paths).__name__}")
    return [os.fspath(path) for path in paths]


class Transaction:
    """Several changes that become visible together, or not at all.

    As a context manager it commits when the block ends well, and undoes everything when
    it does not; `result` is then what became of it. Not for two threads at once.

    >>> t = Catalog("memory:").create_table("a.t", "id long")
    >>> with t.transaction() as tx:
    ...     tx.append([{"id": 1}])
    ...     tx.set_properties({"owner": "me"})
    >>> tx.result.rows, t.properties["owner"]
    (1, 'me')
    """

    def __init__(self, core: _core.Transaction, schema: object, identity: str = "") -> None:
        self._core: _core.Transaction | None = core
        self._schema = schema
        self._identity = identity
        self.result: CommitResult | None = None

    def _open(self) -> _core.Transaction:
        if self._core is None:
            raise Invalid("the transaction has ended")
        return self._core

    def append(self, data: object) -> None:
        """Adds rows, of anything IcebergTable.append takes. Their files are written at once;
        they are in the table with the commit."""
        core = self._open()
        ready = data if isinstance(data, Batches) else prepared(data, lambda: self._schema)
        if isinstance(ready, Batches):
            for _ in ready.handed_to(core.append):
                pass
        else:
            core.append(ready)

    def set_properties(self, properties: Mapping[str, str | None]) -> None:
        """Sets each table property; None removes it."""
        for key, value in properties.items():
            self._open().set_property(key, value)

    def add_files(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        partition: Mapping[str, str | None] | None = None,
    ) -> None:
        """Makes Parquet files that are there part of the table, as they are.

        Paths are absolute, or relative to the table's location. Columns are matched by their
        field ids; files without ids by their names. The partition of each file comes from the
        smallest and largest values that the file states; where they do not tell, `partition`
        has the value of each partition field, the same for all `paths`.

        The files stay their owner's: nobody may change them any more, and a transaction that
        fails does not remove them. NotFound, AlreadyExists (it is in the table), Invalid (it
        does not fit), CorruptData.
        """
        self._open().add_files([(path, partition, 0) for path in _listed(paths)])

    def delete_files(self, paths: Sequence[str | os.PathLike[str]]) -> int:
        """Takes files and all their rows out of the table; how many of them were in it."""
        return self._open().delete_files(_listed(paths))

    def add_columns(self, schema: object) -> None:
        """Adds columns at the end; `schema` as for create_table. Older rows have null there."""
        arguments = schema_arguments(schema)
        if "schema" in arguments:
            self._open().add_columns(arguments["schema"])
            return
        draft = _core.Catalog("memory:").create_table("draft.columns", **arguments)
        self._open().add_columns(draft.schema)

    def expire_snapshots(self, older_than: Moment | dt.timedelta, retain_last: int = 1) -> None:
        """Forgets snapshots made before a moment (or a timedelta ago), but for the newest."""
        if isinstance(older_than, dt.timedelta):
            limit = int(time.time() * 1000) - older_than // dt.timedelta(milliseconds=1)
        else:
            limit = moment_ms(older_than, "older_than")
        self._open().expire_snapshots(limit, retain_last)

    def commit(self) -> CommitResult:
        """Commits everything, once. CommitConflict: nothing was committed. CommitUnknown:
        nobody can say yet; `table.resolve(error.token)` will."""
        core = self._open()
        self._core = None
        self.result = CommitResult.of(core.commit())
        return self.result

    def commit_async(self) -> PendingCommit:
        """The same in a thread, for asyncio: `await tx.commit_async()`. The cancellation of
        the task asks it to stop (see PendingCommit); `result` tells when it is done."""
        core = self._open()
        self._core = None

        def call() -> CommitResult:
            self.result = CommitResult.of(core.commit())
            return self.result

        return PendingCommit(call, self._identity)

    def rollback(self) -> None:
        """Ends it without a commit: nothing happened. Again, or after a commit: no effect."""
        core, self._core = self._core, None
        if core is not None:
            core.close()

    close = rollback

    def __enter__(self) -> Transaction:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._core is not None:
            self.commit()
        else:
            self.rollback()

    async def __aenter__(self) -> Transaction:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._core is not None:
            await self.commit_async()
        else:
            self.rollback()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a transaction stays in its process")

    def __repr__(self) -> str:
        state = "open" if self._core is not None else self.result.outcome if self.result else "ended"
        return f"<Transaction {state}>"
