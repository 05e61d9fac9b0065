"""Rows as callers have them, brought to what the extension takes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ._frames import rows_of_frame
from ._pandas import library_of

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Batches", "prepared"]

Taken = TypeVar("Taken")
SchemaOf = Callable[[], object]


class Batches:
    """An iterator of batches: handed over in runs, each one Arrow stream, read as it comes.

    A stream has one schema, and a reader believes it: columns in another order would end up
    under each other's names. So a run ends where the schema changes.
    """

    def __init__(self, items: Iterator[Any], schema: SchemaOf) -> None:
        self._items = items
        self._schema = schema
        self._failure: BaseException | None = None

    def handed_to(self, take: Callable[[object], Taken]) -> Iterator[Taken]:
        """What `take` returns for each run. What the iterator raises is raised as it was."""
        for run in self._runs():
            try:
                taken = take(run)
            except Exception:
                if self._failure is not None:
                    raise self._failure from None
                raise
            yield taken

    def _runs(self) -> Iterator[object]:
        try:
            import pyarrow
        except ImportError:
            yield from self._alone()
            return
        for (kind, _), run in itertools.groupby(self._batches(), key=_kind):
            yield pyarrow.RecordBatchReader.from_batches(kind, run)

    def _alone(self) -> Iterator[object]:
        """Each item a run. The last is one that fails as the items did, so that who takes it
        fails with it, and keeps no part of them."""
        try:
            yield from self._pieces()
        except Exception as error:
            yield _raising(error)

    def _batches(self) -> Iterator[pyarrow.RecordBatch]:
        import pyarrow

        try:
            for piece in self._pieces():
                if hasattr(piece, "__arrow_c_array__"):
                    yield pyarrow.record_batch(piece)
                else:
                    yield from pyarrow.RecordBatchReader.from_stream(piece)
        except BaseException as error:  # pyarrow would make text of it.
            self._failure = error
            raise

    def _pieces(self) -> Iterator[Any]:
        for item in self._items:
            if not _is_piece(item):
                raise TypeError(f"append: an iterator of batches gave a {type(item).__name__}")
            yield prepared(item, self._schema)


def _kind(batch: pyarrow.RecordBatch) -> tuple[pyarrow.Schema, list[object]]:
    """What batches of one stream have in common: names, types and field ids."""
    return batch.schema, [field.metadata for field in batch.schema]


def _is_arrow(data: object) -> bool:
    return hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")


def _is_piece(data: object) -> bool:
    """Whether it is rows and columns of its own, and no row."""
    return _is_arrow(data) or library_of(data) in ("pandas", "polars", "pyarrow", "duckdb", "_duckdb")


def prepared(data: object, schema: SchemaOf) -> Any:
    """What the extension's append takes, or Batches. `schema` tells the table's.

    TypeError, which lists what there is, for anything else.
    """
    if isinstance(data, Mapping):
        return [data]
    if isinstance(data, list):
        return Batches(iter(data), schema) if data and _is_piece(data[0]) else data
    if library_of(data) == "pandas" and hasattr(data, "columns"):
        return rows_of_frame(data, schema())
    if library_of(data) == "polars" and hasattr(data, "collect"):
        return data.collect()
    if _is_arrow(data):
        return data
    if library_of(data) == "pyarrow" and hasattr(data, "scanner"):
        return data.scanner().to_reader()  # A dataset, read as it is appended.
    if library_of(data) == "pyarrow" and hasattr(data, "to_reader"):
        return data.to_reader()
    if library_of(data) in ("duckdb", "_duckdb") and hasattr(data, "fetch_arrow_reader"):
        return data.fetch_arrow_reader()
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes, bytearray)):
        items = iter(data)
        for head in items:
            chained = _with_head(head, items)
            return Batches(chained, schema) if _is_piece(head) else chained
        return []
    raise TypeError(
        "append: a pyarrow, polars or pandas table, a DuckDB relation, anything with"
        " __arrow_c_stream__, dicts, or an iterator of batches or dicts;"
        f" not {type(data).__name__}"
    )


def _raising(error: Exception) -> Iterator[Any]:
    raise error
    yield  # An iterator's.


def _with_head(head: object, items: Iterator[Any]) -> Iterator[Any]:
    yield head
    yield from items
