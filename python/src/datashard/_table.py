"""IcebergTable: one table, its rows in and out, its history."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _core
from ._appender import Appender
from ._async import PendingCommit, new_identity
from ._display import as_html, as_line
from ._errors import Error
from ._input import Batches, prepared
from ._records import (
    CommitOptions,
    CommitResult,
    DataFile,
    HistoryEntry,
    OptimizeResult,
    Ref,
    Snapshot,
    commit_options,
)
from ._scan import Scan, at_arguments
from ._schema import listed, schema_arguments
from ._transaction import Transaction
from ._units import Duration, Moment, duration_ms

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["INGEST_PROPERTIES", "IcebergTable", "table_properties"]

INGEST_PROPERTIES: Mapping[str, str] = {
    "datashard.expire-on-commit": "true",
    "datashard.expire-batch": "32",
    "history.expire.max-snapshot-age-ms": "1",
    "history.expire.min-snapshots-to-keep": "100",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "100",
}
"""What `ingest=True` sets: history is bounded, so the cost of a commit stays what it was."""


def table_properties(given: Mapping[str, str] | None, ingest: bool) -> dict[str, str]:
    """Those given, and for `ingest` its own where they say nothing else."""
    return {**(INGEST_PROPERTIES if ingest else {}), **(given or {})}


class IcebergTable:
    """A handle of an Iceberg table: a directory, or a name in a Catalog.

    It shows one state: that of when it was opened, of the last `refresh`, or of the last
    commit through it. Any number of threads may share it; a child of fork opens it anew by
    itself, and pickling carries the table's place, not its state.

    >>> t = Catalog("memory:").create_table("logs.events", "id long not null, msg string")
    >>> t.append([{"id": 1, "msg": "hello"}, {"id": 2}]).rows
    2
    >>> t.scan(where="msg is not null").to_pylist()
    [{'id': 1, 'msg': 'hello'}]

    A table has no len(): that would make an empty one false in `if table:`, and hide that
    counting may read files. `count()` counts.
    """

    def __init__(self, core: _core.Table, reopen: Callable[[], _core.Table] | None = None) -> None:
        self._core = core
        self._reopen = reopen

    # --- opening

    @classmethod
    def open(cls, location: str | os.PathLike[str]) -> IcebergTable:
        """Opens a table by its directory; NotFound. Tables of catalogs: Catalog.open_table."""
        reopen = _PathPlace(os.fspath(location))
        return cls(reopen(), reopen)

    @classmethod
    def create(
        cls,
        location: str | os.PathLike[str],
        schema: object,
        *,
        partition_by: str | Sequence[str] | None = None,
        sort_by: str | Sequence[str] | None = None,
        properties: Mapping[str, str] | None = None,
        ingest: bool = False,
        if_not_exists: bool = False,
    ) -> IcebergTable:
        """Makes a table in a directory; the parameters are those of Catalog.create_table."""
        place = os.fspath(location)
        core = _core.create_table(
            place,
            partition_by=listed(partition_by),
            sort_by=listed(sort_by),
            properties=table_properties(properties, ingest),
            if_absent=if_not_exists,
            **schema_arguments(schema),
        )
        return cls(core, _PathPlace(place))

    @property
    def core(self) -> _core.Table:
        """The extension's object below; for code that needs every option."""
        return self._core

    # --- writing

    def append(self, data: object, **options: Unpack[CommitOptions]) -> CommitResult:
        """Appends rows as one commit, durable on return.

        `data`: a pyarrow, polars or pandas table, a DuckDB relation, anything with
        `__arrow_c_stream__` or `__arrow_c_array__`, dicts (one, a list, an iterator), or an
        iterator of batches. Columns are matched by name; what is missing is null. What does
        not fit refuses all of it: ValueError (Invalid) with column and row. No rows: no
        commit, and `snapshot_id` is None.

        CommitConflict: nothing was committed. CommitUnknown: nobody can say yet, also after
        Ctrl-C at the wrong moment; `resolve(error.token)` will. Do not just append again.

        Ctrl-C, or what another signal's handler raises, ends it within a fraction of a
        second. Nothing was committed then, unless the exception has an attribute
        `committed`, the CommitResult: it came too late. CommitUnknown has it as `__cause__`.
        """
        ready = prepared(data, lambda: self._core.schema)
        if not isinstance(ready, Batches):
            return CommitResult.of(self._core.append(ready, **commit_options(options)))
        with self.transaction(**options) as tx:
            tx.append(ready)
            return tx.commit()

    def append_async(self, data: object, **options: Unpack[CommitOptions]) -> PendingCommit:
        """The same in a thread, for asyncio: `await t.append_async(rows)`.

        The cancellation of the task asks the commit to stop: see PendingCommit. Without an
        `identity` it makes one, so that `resolve(pending.identity)` can always tell.
        """
        identity = options.setdefault("identity", new_identity())
        return PendingCommit(lambda: self.append(data, **options), str(identity or ""))

    def transaction(self, **options: Unpack[CommitOptions]) -> Transaction:
        """Several changes as one commit; see Transaction."""
        core = self._core.begin(**commit_options(options))
        return Transaction(core, self._core.schema, str(options.get("identity") or ""))

    def appender(
        self,
        *,
        every: Duration | None = "100ms",
        rows: int = 0,
        bytes: int = 0,
        memory: int = 0,
        write_wait: Duration | None = None,
        budget: Duration | None = None,
        on_ack: Callable[[dict[str, Any]], None] | None = None,
        **options: Unpack[CommitOptions],
    ) -> Appender:
        """For rows that come one by one, from many threads; see Appender.

        A commit is cut when the oldest row has waited for `every` (None: time does not
        matter), or at `rows` (0: 100,000) or `bytes` (0: 64 MiB). Up to `memory` bytes (0:
        256 MiB) may wait; then `write` waits: for `write_wait`, None for ever, 0 not at all.
        `budget`: how long a commit that fails is tried again; None: ten minutes. `on_ack` is
        called in a thread of the appender with each stretch of tickets; it should be short.
        """
        core = self._core.appender(
            batch_rows=rows,
            batch_bytes=bytes,
            batch_ms=-1 if every is None else max(1, duration_ms(every, "every")),
            memory_bytes=memory,
            write_wait_ms=0 if write_wait is None else duration_ms(write_wait, "write_wait") or -1,
            budget_ms=0 if budget is None else max(1, duration_ms(budget, "budget")),
            on_ack=on_ack,
            **commit_options(options),
        )
        return Appender(core, self._core.schema)

    def add_files(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        partition: Mapping[str, str | None] | None = None,
        **options: Unpack[CommitOptions],
    ) -> CommitResult:
        """Makes Parquet files that are there part of the table, as one commit; see
        Transaction.add_files."""
        with self.transaction(**options) as tx:
            tx.add_files(paths, partition=partition)
            return tx.commit()

    def set_properties(
        self, properties: Mapping[str, str | None], **options: Unpack[CommitOptions]
    ) -> CommitResult:
        """Sets each table property as one commit; None removes it."""
        return CommitResult.of(self._core.set_properties(properties, **commit_options(options)))

    def optimize(self, *, small_bytes: int = 0, files_min: int = 0) -> OptimizeResult:
        """Merges what small files there are now into large ones; the rows stay the same.

        `small_bytes`: larger files are left alone (0: three quarters of the table's
        write.target-file-size-bytes); `files_min`: files of one partition that are worth it
        (0: 5). Others go on writing meanwhile. Readers of older snapshots still need the old
        files, which go when those snapshots expire. CommitConflict: others merge the same files.
        """
        return OptimizeResult(**self._core.optimize(small_bytes=small_bytes, files_min=files_min))

    def expire_snapshots(
        self, older_than: Moment | dt.timedelta, retain_last: int = 1, **options: Unpack[CommitOptions]
    ) -> CommitResult:
        """Forgets snapshots made before a moment (or a timedelta ago), but for the newest
        `retain_last` and those that branches and tags name, as one commit."""
        with self.transaction(**options) as tx:
            tx.expire_snapshots(older_than, retain_last)
            return tx.commit()

    def resolve(self, token: str | uuid.UUID, timeout: Duration = 10) -> CommitResult:
        """What became of a commit whose outcome was unknown: CommitUnknown's token, or the
        identity of a commit of a run that has ended. CommitUnknown: nobody can say yet.
        """
        return CommitResult.of(self._core.resolve(str(token), duration_ms(timeout, "timeout")))

    # --- reading

    def scan(
        self,
        where: str | None = None,
        columns: Sequence[str] | None = None,
        *,
        as_of: Moment | None = None,
        snapshot_id: int | None = None,
        ref: str | None = None,
        limit: int | None = None,
        threads: int = 0,
        batch_rows: int = 0,
        ordered: bool = False,
    ) -> Scan:
        """Rows to be read; nothing is read yet. See Scan.

        `where` is SQL's: "level = 'ERROR' and (n > 60 or n is null) and msg like 'a%'".
        `as_of`, `snapshot_id` or `ref` (a branch or tag) looks back. `threads`: files read at
        once, 0: one for each processor. `ordered`: rows in the order of the table's files.
        """
        return Scan(
            self._core,
            where=where,
            columns=columns,
            at=at_arguments(snapshot_id, ref, as_of),
            limit=limit,
            threads=threads,
            batch_rows=batch_rows,
            ordered=ordered,
        )

    def count(
        self,
        where: str | None = None,
        *,
        as_of: Moment | None = None,
        snapshot_id: int | None = None,
        ref: str | None = None,
    ) -> int:
        """How many rows there are; from metadata alone where that is exact."""
        return self.scan(where, as_of=as_of, snapshot_id=snapshot_id, ref=ref).count()

    def __arrow_c_schema__(self) -> object:
        return self._core.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Every row; so that DuckDB, polars, pyarrow and pandas take a table as it is."""
        return self.scan().__arrow_c_stream__(requested_schema)

    # --- what it is

    def refresh(self) -> IcebergTable:
        """Loads the newest state, and returns the table."""
        self._core.refresh()
        return self

    @property
    def name(self) -> str:
        """Its full name in the catalog, or the location of a path table."""
        return str(self._core.info()["name"])

    @property
    def location(self) -> str:
        """Where its files are."""
        return str(self._core.info()["location"])

    @property
    def uuid(self) -> str:
        """The table's UUID."""
        return str(self._core.info()["uuid"])

    @property
    def schema(self) -> _core.Schema:
        """Its columns as Arrow; `pyarrow.schema(t.schema)` is pyarrow's."""
        return self._core.schema

    @property
    def properties(self) -> dict[str, str]:
        """Its properties. A copy: set_properties changes them."""
        return self._core.properties()

    @property
    def snapshot_id(self) -> int | None:
        """The current snapshot; None: the table is empty."""
        number: int | None = self._core.info()["current_snapshot_id"]
        return number if number is not None and number >= 0 else None

    def snapshots(self) -> list[Snapshot]:
        """Every snapshot the table still has, oldest first."""
        return [Snapshot.of(info) for info in self._core.snapshots()]

    def history(self) -> list[HistoryEntry]:
        """Which snapshot was current when, oldest first."""
        return [HistoryEntry.of(info) for info in self._core.history()]

    def refs(self) -> list[Ref]:
        """Its branches and tags."""
        return [Ref.of(info) for info in self._core.refs()]

    def files(
        self, *, as_of: Moment | None = None, snapshot_id: int | None = None, ref: str | None = None
    ) -> list[DataFile]:
        """The live files of a state."""
        at = at_arguments(snapshot_id, ref, as_of)
        return [DataFile.of(info) for info in self._core.files(**at)]

    def stats(self) -> dict[str, Any]:
        """Counters of the group commits of this machine's writers: commits, appends, swaps,
        lost, wait_us_p50, wait_us_p99 …, and who leads right now."""
        return self._core.stats()

    def __enter__(self) -> IcebergTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left to do: a handle holds no lock, and its memory goes with it."""

    def __repr__(self) -> str:
        try:
            return as_line(self._core)
        except Error as error:
            return f"<IcebergTable that cannot be shown: {error}>"

    def _repr_html_(self) -> str:
        return as_html(self._core)

    def __reduce__(self) -> tuple[Callable[..., IcebergTable], tuple[object, ...]]:
        if self._reopen is None:
            raise TypeError("a table of a memory: catalog stays in its process")
        return _reopened, (self._reopen,)


class _PathPlace:
    """How to open a path table; can be pickled. Relative ones mean the same elsewhere."""

    def __init__(self, location: str) -> None:
        self.location = location if "://" in location else os.path.abspath(location)
        self.spelled = location

    def __call__(self) -> _core.Table:
        return _core.open_table(self.spelled)

    def __reduce__(self) -> tuple[type[_PathPlace], tuple[str]]:
        return _PathPlace, (self.location,)


def _reopened(reopen: Callable[[], _core.Table]) -> IcebergTable:
    return IcebergTable(reopen(), reopen)
