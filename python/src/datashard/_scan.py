"""Scan: rows to be read, once or many times."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from . import _core
from ._errors import Invalid
from ._pandas import arrow_of
from ._units import Moment, moment_ms

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["Scan"]


def at_arguments(snapshot_id: int | None, ref: str | None, as_of: Moment | None) -> dict[str, Any]:
    """Which state to look at, for the extension; ValueError (Invalid) for two at once."""
    if sum(x is not None for x in (snapshot_id, ref, as_of)) > 1:
        raise Invalid("snapshot_id, ref and as_of: only one of them can say which state")
    at: dict[str, Any] = {}
    if snapshot_id is not None:
        at["snapshot_id"] = _number("snapshot_id", snapshot_id)
    if ref is not None:
        if not isinstance(ref, str):
            raise TypeError(f"ref: the name of a branch or tag, not {type(ref).__name__}")
        at["ref"] = ref
    if as_of is not None:
        at["as_of_ms"] = moment_ms(as_of)
    return at


def _number(what: str, value: int) -> int:
    """A number that the extension can take; TypeError, or ValueError (Invalid) out of range."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what}: a whole number, not {type(value).__name__}") from None
    if number.bit_length() > 63:
        raise Invalid(f"{what}: {number} is out of range")
    return number


def _condition(where: str | None) -> str | None:
    """SQL, or None; expressions of other libraries are not understood."""
    if where is None or isinstance(where, str):
        if where and "\0" in where:
            raise Invalid("where: there is a NUL character in it")
        return where or None
    raise TypeError(f"where: SQL's text, like \"level = 'ERROR' and n > 1\", not {type(where).__name__}")


class _Capsule:
    """An Arrow schema in its capsule, as pyarrow takes it."""

    def __init__(self, capsule: object) -> None:
        self._capsule = capsule

    def __arrow_c_schema__(self) -> object:
        return self._capsule


def _as_requested(scan: Scan, requested: object) -> object:
    """The scan's stream in the types that a consumer asked for, cast as it is read.

    pyarrow casts. Without it the stream has the table's own types, which the protocol
    allows: a consumer looks at what it gets. Other names or another number of columns:
    ValueError. A value that does not fit ends the stream with an error.
    """
    try:
        import pyarrow
    except ImportError:
        return scan.stream().__arrow_c_stream__()
    wanted = pyarrow.schema(_Capsule(requested))
    reader = pyarrow.RecordBatchReader.from_stream(scan.stream())
    if wanted.names != reader.schema.names:
        raise Invalid(f"requested_schema has columns {wanted.names}, the scan {reader.schema.names}")
    if wanted.equals(reader.schema) or not hasattr(reader, "cast"):
        return reader.__arrow_c_stream__()
    return reader.cast(wanted).__arrow_c_stream__()


class Scan:
    """Which rows and columns to read, of which state. Nothing is read until they are asked for.

    A scan can be run again and again, by several threads too; each run reads the state
    that its table handle has when the run begins. It has `__arrow_c_stream__` and
    `__arrow_c_schema__`, so pyarrow, polars, DuckDB and others take it as it is.

    >>> t = Catalog("memory:").create_table("a.t", "id long, msg string")
    >>> _ = t.append([{"id": 1, "msg": "one"}, {"id": 2, "msg": "two"}])
    >>> t.scan(where="id > 1", columns=["msg"]).to_pylist()
    [{'msg': 'two'}]

    Ctrl-C works between batches, whichever way they are read in Python.
    """

    def __init__(
        self,
        table: _core.Table,
        *,
        where: str | None,
        columns: Sequence[str] | None,
        at: dict[str, Any],
        limit: int | None,
        threads: int,
        batch_rows: int,
        ordered: bool,
    ) -> None:
        if isinstance(columns, str):
            raise TypeError("columns: a list of names, not one text")
        if limit is not None and _number("limit", limit) < 0:
            raise Invalid(f"limit: {limit} rows cannot be read")
        self._table = table
        self._where = _condition(where)
        self._columns = None if columns is None else list(columns)
        if self._columns == []:
            raise Invalid("columns: an empty list; None is for all of them, and count() counts")
        self._at = at
        self._limit = limit
        self._threads = threads
        self._batch_rows = batch_rows
        self._ordered = ordered

    def stream(self) -> _core.Stream:
        """Begins to read: a stream of batches, for one consumer."""
        if self._limit == 0:
            return _core.stream_from_rows([], self.schema)
        return self._open(self._limit, self._threads)

    def _open(self, limit: int | None, threads: int) -> _core.Stream:
        return self._table.scan(
            columns=self._columns,
            where=self._where,
            limit=limit,
            threads=threads,
            batch_rows=self._batch_rows,
            ordered=self._ordered,
            **self._at,
        )

    @property
    def schema(self) -> _core.Schema:
        """The columns that are read, as Arrow; give it to `pyarrow.schema`."""
        if self._columns is None and not self._at:
            return self._table.schema
        stream = self._open(1, 1)
        try:
            return stream.schema
        finally:
            stream.close()

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        if requested_schema is not None:
            return _as_requested(self, requested_schema)
        return self.stream().__arrow_c_stream__()

    def __iter__(self) -> Iterator[_core.Batch]:
        """Batches of up to 65,536 rows, as they are read; what is not taken is not read.

        Several threads may take turns; one that comes while another reads gets a ValueError.
        """
        return iter(self.stream())

    def to_arrow(self) -> pyarrow.Table:
        """All rows as a pyarrow.Table."""
        table: pyarrow.Table = arrow_of(self.stream())
        return table

    def to_reader(self) -> pyarrow.RecordBatchReader:
        """A pyarrow.RecordBatchReader, for results larger than memory."""
        import pyarrow

        return pyarrow.RecordBatchReader.from_stream(self)

    def to_pandas(self, **options: Any) -> pandas.DataFrame:
        """All rows as a pandas.DataFrame; options are those of pyarrow.Table.to_pandas."""
        frame: pandas.DataFrame = self.to_arrow().to_pandas(**options)
        return frame

    def to_polars(self) -> polars.DataFrame:
        """All rows as a polars.DataFrame; pyarrow is not needed."""
        import polars

        return polars.DataFrame(self)

    def to_pylist(self) -> list[dict[str, Any]]:
        """All rows as dicts."""
        rows: list[dict[str, Any]] = []
        for batch in self:
            rows.extend(batch.to_pylist())
        return rows

    def to_pydict(self) -> dict[str, list[Any]]:
        """All columns as lists."""
        columns: dict[str, list[Any]] = {name: [] for name in self.schema.names}
        for batch in self:
            for name, values in batch.to_pydict().items():
                columns[name].extend(values)
        return columns

    def count(self) -> int:
        """How many rows there are; from metadata alone where that is exact.

        >>> t = Catalog("memory:").create_table("a.t", "id long")
        >>> _ = t.append({"id": i} for i in range(10))
        >>> t.scan(where="id >= 4").count(), t.scan(limit=3).count()
        (6, 3)
        """
        rows = self._table.count(where=self._where, **self._at)
        return rows if self._limit is None else min(rows, self._limit)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a scan stays in its process: pickle its table, and scan there")

    def __repr__(self) -> str:
        parts = [f"where={self._where!r}" if self._where else "", f"columns={self._columns!r}" if self._columns else ""]
        parts += [f"{key}={value!r}" for key, value in self._at.items()]
        parts.append(f"limit={self._limit}" if self._limit is not None else "")
        return f"<Scan of {self._table.info()['name']}: {', '.join(p for p in parts if p) or 'every row'}>"
