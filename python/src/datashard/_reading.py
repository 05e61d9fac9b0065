"""The reading half of DataShard's Table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, Union

from . import _core
from ._errors import Invalid, NotFound, SnapshotExpired
from ._fields import kinds_of
from ._handle import Handle
from ._pandas import arrow_of, frame_of, import_pandas
from ._where import where_of
from .exceptions import ColumnError
from .table_verify import check_files, resolve_verify_mode
from .uuid_columns import decode_columns

__all__ = ["Reading"]

AsOf = Union[int, datetime]
_T = TypeVar("_T")

_TRIES = 5
"""So often the newest state is read while others expire it meanwhile."""


def _as_of_ms(as_of: AsOf | None) -> int | None:
    if isinstance(as_of, datetime):
        return int(as_of.timestamp() * 1000)
    if as_of is None or hasattr(as_of, "__index__") or isinstance(as_of, float):
        return None if as_of is None else int(as_of)
    raise TypeError(f"as_of: milliseconds since 1970 or a datetime, not {type(as_of).__name__}")


def _threads(parallel: bool | int | None) -> int:
    """0: one for each processor. It is as good where nobody asked: the order is the same."""
    return 0 if parallel is None or isinstance(parallel, bool) else max(1, int(parallel))


class _Wanted(NamedTuple):
    """What a call asked for."""

    columns: list[str] | None
    filter: dict[str, Any] | None
    parallel: bool | int
    snapshot_id: int | None
    as_of: AsOf | None
    batch_rows: int = 0

    @property
    def newest(self) -> bool:
        """The table as it is, not as it was."""
        return self.snapshot_id is None and self.as_of is None


def _of_newest(wanted: _Wanted, read: Callable[[], _T]) -> _T:
    """What `read` gives; again, when the state it began with was expired under it."""
    for _ in range(_TRIES - 1 if wanted.newest else 0):
        try:
            return read()
        except SnapshotExpired:
            continue
    return read()


class Reading:
    """Scans. `columns` and `filter` as `parse_filter_dict` has them; `snapshot_id` or
    `as_of` (ms since 1970, or a datetime) read an older state. Pages carry
    checksums, and what does not fit is always an error; with ``verify_checksums="full"`` (or
    True) all of the table's files are also looked at from outside before they are read.

    Errors: ColumnError for a column that is not there, ValueError for a filter,
    CorruptDataError for damaged files; never a part of the rows only. Where others expire
    snapshots and remove their files meanwhile, the newest state is read again if nothing
    was given out yet; otherwise it is SnapshotExpired, a FileNotFoundError.
    """

    _handle: Handle

    def _stream(self, wanted: _Wanted) -> tuple[_core.Stream, list[str], list[str]] | None:
        """A stream, its columns and those of them that are UUIDs; None: an empty table."""
        table = self._handle.fresh()
        kinds = kinds_of(self._handle.schema(table))
        columns = wanted.columns
        names = list(kinds) if columns is None else list(dict.fromkeys(columns))
        if not kinds:
            where_of(wanted.filter, {name: "string" for name in wanted.filter or {}})
            return None
        for name in names:
            if name not in kinds:
                raise ColumnError(
                    f"The table has no column '{name}'. Columns: {sorted(kinds)}"
                )
        where = where_of(wanted.filter, kinds)
        current = table.info()["current_snapshot_id"]
        if wanted.newest and current in (None, -1):
            return None
        try:
            stream = table.scan(
                columns=names,
                where=where,
                snapshot_id=wanted.snapshot_id,
                as_of_ms=_as_of_ms(wanted.as_of),
                threads=_threads(wanted.parallel),
                batch_rows=wanted.batch_rows,
                ordered=True,
            )
        except SnapshotExpired:
            raise
        except (Invalid, NotFound) as error:
            known = {one["snapshot_id"] for one in table.snapshots()}
            if wanted.snapshot_id is None or wanted.snapshot_id in known:
                raise
            raise ValueError(
                f"Snapshot {wanted.snapshot_id} does not exist in this table (expired, or never "
                f"committed)"
            ) from error
        return stream, names, [n for n in names if kinds[n] == "uuid"]

    def _check(
        self, verify: bool | str | None, snapshot_id: int | None, as_of: AsOf | None
    ) -> None:
        if resolve_verify_mode(verify) == "full":
            check_files(self._handle.fresh(), snapshot_id, _as_of_ms(as_of))

    def _batches(self, wanted: _Wanted) -> Iterator[list[dict[str, Any]]]:
        if wanted.columns is not None and not wanted.columns:
            count = self._count(wanted)
            if count:
                yield [{} for _ in range(count)]
            return
        opened = self._stream(wanted)
        if opened is None:
            return
        stream, _, uuids = opened
        try:
            for batch in stream:
                rows = batch.to_pylist()
                for name in uuids:
                    for row in rows:
                        if row[name] is not None:
                            row[name] = str(row[name])
                if rows:
                    yield rows
        finally:
            stream.close()

    def _all_rows(self, wanted: _Wanted) -> list[dict[str, Any]]:
        return _of_newest(wanted, lambda: [row for rows in self._batches(wanted) for row in rows])

    def _begun(self, wanted: _Wanted) -> Iterator[list[dict[str, Any]]]:
        """The batches, of a state that could be read up to the first of them."""

        def begin() -> tuple[Iterator[list[dict[str, Any]]], list[dict[str, Any]]]:
            batches = self._batches(wanted)
            return batches, next(batches, [])

        batches, first = _of_newest(wanted, begin)
        if first:
            yield first
            yield from batches

    def _count(self, wanted: _Wanted) -> int:
        table = self._handle.fresh()
        kinds = kinds_of(self._handle.schema(table))
        current = table.info()["current_snapshot_id"]
        if (not kinds and wanted.filter) or (wanted.newest and current in (None, -1)):
            return 0
        return table.count(
            where=where_of(wanted.filter, kinds),
            snapshot_id=wanted.snapshot_id,
            as_of_ms=_as_of_ms(wanted.as_of),
        )

    def row_count(self, snapshot_id: int | None = None, *, as_of: AsOf | None = None) -> int:
        """How many rows there are; from metadata alone, and so NOT a health check: files may
        be gone or damaged, which `verify` tells."""
        wanted = _Wanted(None, None, False, snapshot_id, as_of)
        return _of_newest(wanted, lambda: self._count(wanted))

    def scan(
        self,
        columns: list[str] | None = None,
        filter: dict[str, Any] | None = None,
        parallel: bool | int = False,
        verify_checksums: bool | str | None = None,
        snapshot_id: int | None = None,
        *,
        as_of: AsOf | None = None,
    ) -> list[dict[str, Any]]:
        """The rows as dicts, in the order of the table's files. ``parallel``: how many
        threads read, one for each processor if it is no number. The order is the same."""
        self._check(verify_checksums, snapshot_id, as_of)
        return self._all_rows(_Wanted(columns, filter, parallel, snapshot_id, as_of))

    def to_arrow(
        self,
        columns: list[str] | None = None,
        filter: dict[str, Any] | None = None,
        parallel: bool | int = False,
        verify_checksums: bool | str | None = None,
        snapshot_id: int | None = None,
        *,
        as_of: AsOf | None = None,
    ) -> Any:
        """The rows as a ``pyarrow.Table``, its columns there also without rows. UUIDs are
        text."""
        import pyarrow

        self._check(verify_checksums, snapshot_id, as_of)
        wanted = _Wanted(columns, filter, parallel, snapshot_id, as_of)

        def read() -> Any:
            if columns is not None and not columns:
                return pyarrow.table({"": pyarrow.nulls(self._count(wanted))}).select([])
            opened = self._stream(wanted)
            if opened is not None:
                found = arrow_of(opened[0])
                return decode_columns(found, self._handle.schema()) if opened[2] else found
            found = pyarrow.schema(self._handle.fresh().schema).empty_table()
            found = decode_columns(found, self._handle.schema())
            return found if columns is None else found.select(list(dict.fromkeys(columns)))

        return _of_newest(wanted, read)

    def to_pandas(
        self,
        columns: list[str] | None = None,
        filter: dict[str, Any] | None = None,
        parallel: bool | int = False,
        verify_checksums: bool | str | None = None,
        snapshot_id: int | None = None,
        *,
        as_of: AsOf | None = None,
    ) -> Any:
        """The rows as a DataFrame, whose types are those of the columns."""
        pandas = import_pandas("to_pandas()")
        self._check(verify_checksums, snapshot_id, as_of)
        wanted = _Wanted(columns, filter, parallel, snapshot_id, as_of)

        def read() -> Any:
            if columns is not None and not columns:
                return pandas.DataFrame(index=range(self._count(wanted)))
            opened = self._stream(wanted)
            if opened is None:
                return pandas.DataFrame()
            stream, names, uuids = opened
            if uuids:
                return pandas.DataFrame(self._all_rows(wanted), columns=names)
            return frame_of(stream, names)

        return _of_newest(wanted, read)

    def scan_batches(
        self,
        batch_size: int = 10000,
        columns: list[str] | None = None,
        filter: dict[str, Any] | None = None,
        verify_checksums: bool | str | None = None,
        snapshot_id: int | None = None,
        *,
        as_of: AsOf | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """The rows in lists of at most `batch_size`, none of them empty. Memory stays
        bounded. Errors, those of the arguments too, come with the first list."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self._check(verify_checksums, snapshot_id, as_of)
        yield from self._begun(_Wanted(columns, filter, 1, snapshot_id, as_of, batch_size))

    def iter_records(
        self,
        columns: list[str] | None = None,
        filter: dict[str, Any] | None = None,
        verify_checksums: bool | str | None = None,
        snapshot_id: int | None = None,
        *,
        as_of: AsOf | None = None,
    ) -> Iterator[dict[str, Any]]:
        """The rows one by one, within bounded memory."""
        self._check(verify_checksums, snapshot_id, as_of)
        for batch in self._begun(_Wanted(columns, filter, 1, snapshot_id, as_of, 1000)):
            yield from batch

    def iter_pandas(
        self,
        chunksize: int = 50000,
        columns: list[str] | None = None,
        filter: dict[str, Any] | None = None,
        verify_checksums: bool | str | None = None,
        snapshot_id: int | None = None,
        *,
        as_of: AsOf | None = None,
    ) -> Iterator[Any]:
        """The rows as DataFrames of at most `chunksize` rows; types are those pandas
        guesses from Python values."""
        pandas = import_pandas("iter_pandas()")
        if chunksize < 1:
            raise ValueError(f"chunksize must be at least 1, got {chunksize}")
        self._check(verify_checksums, snapshot_id, as_of)
        for batch in self._begun(_Wanted(columns, filter, 1, snapshot_id, as_of, chunksize)):
            yield pandas.DataFrame(batch)
