"""Rows as callers have them, brought to what the extension takes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ._errors import Invalid

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["Batches", "prepared"]


class Batches:
    """An iterator of batches that has no one Arrow stream: append them one by one."""

    def __init__(self, items: Iterator[object]) -> None:
        self.items = items


def _is_arrow(data: object) -> bool:
    return hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")


def _library(data: object) -> str:
    return type(data).__module__.split(".")[0]


def _from_pandas(frame: pandas.DataFrame, schema: object) -> object:
    """By the table's types; the index is no column, NaN is null."""
    try:
        import pyarrow
    except ImportError:
        filled = frame.astype(object).where(frame.notna(), None)
        return filled.to_dict("records")
    target: pyarrow.Schema = pyarrow.schema(schema)
    names = [str(name) for name in frame.columns]
    unknown = [name for name in names if name not in target.names]
    if unknown:
        raise Invalid(f"append: the table has no column {unknown[0]!r}")
    if len(set(names)) != len(names):
        raise Invalid("append: two columns of the DataFrame have one name")
    fields = pyarrow.schema([target.field(name).with_nullable(True) for name in names])
    try:
        return pyarrow.Table.from_pandas(frame, schema=fields, preserve_index=False)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        raise Invalid(f"append: {error}") from error


def _batches_of(items: Iterator[Any]) -> Iterator[Any]:
    import pyarrow

    for item in items:
        if not _is_arrow(item):
            raise TypeError(f"append: an iterator of batches gave a {type(item).__name__}")
        if hasattr(item, "__arrow_c_array__"):
            yield pyarrow.record_batch(item)
        else:
            yield from pyarrow.RecordBatchReader.from_stream(item)


def _joined(items: Iterator[Any]) -> object:
    """One stream of many batches, read as they come, so that they share files."""
    try:
        import pyarrow
    except ImportError:
        return Batches(items)
    batches = _batches_of(items)
    head = next(batches, None)
    if head is None:
        return []
    return pyarrow.RecordBatchReader.from_batches(head.schema, itertools.chain([head], batches))


def prepared(data: object, schema: Callable[[], object]) -> object:
    """What the extension's append takes, or Batches. `schema` tells the table's.

    TypeError, which lists what there is, for anything else.
    """
    if isinstance(data, Mapping):
        return [data]
    if isinstance(data, list):
        return _joined(iter(data)) if data and _is_arrow(data[0]) else data
    if _library(data) == "pandas" and hasattr(data, "columns"):
        frame: Any = data
        return _from_pandas(frame, schema())
    if _library(data) == "polars" and hasattr(data, "collect"):
        return data.collect()
    if _is_arrow(data):
        return data
    if _library(data) == "pyarrow" and hasattr(data, "scanner"):
        return data.scanner().to_reader()  # A dataset, read as it is appended.
    if _library(data) == "pyarrow" and hasattr(data, "to_reader"):
        return data.to_reader()
    if _library(data) in ("duckdb", "_duckdb") and hasattr(data, "fetch_arrow_reader"):
        return data.fetch_arrow_reader()
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes, bytearray)):
        items = iter(data)
        head = next(items, None)
        if head is None:
            return []
        chained = itertools.chain([head], items)
        return _joined(chained) if _is_arrow(head) else chained
    raise TypeError(
        "append: a pyarrow, polars or pandas table, a DuckDB relation, anything with"
        " __arrow_c_stream__, dicts, or an iterator of batches or dicts;"
        f" not {type(data).__name__}"
    )
