"""DataFrames in and out; pandas, and pyarrow where it is there, are imported here alone."""

from __future__ import annotations

from typing import Any

from . import _core
from ._fields import check_records
from .data_structures import Schema

__all__ = ["arrow_of", "frame_as_arrow", "frame_of", "import_pandas", "library_of"]


def library_of(data: object) -> str:
    """The package that a value's class is from."""
    return type(data).__module__.split(".")[0]


def import_pandas(purpose: str) -> Any:
    """The module; ImportError that says how to get it."""
    try:
        import pandas
    except ImportError:
        raise ImportError(
            f"pandas is required for {purpose}. Install with: pip install pandas"
        ) from None
    return pandas


def frame_as_arrow(df: Any, schema: Schema) -> list[dict[str, Any]]:
    """The frame's rows, checked; NaN, NaT and NA are None.

    ValueError: a required field is missing, or null; two columns have one name. Timestamps
    stay as they are: whoever writes them refuses nanoseconds that a column cannot hold.
    """
    columns = [str(c) for c in df.columns]
    if len(set(columns)) != len(columns):
        raise ValueError(f"two columns of the DataFrame have one name: {columns}")
    whole = {str(f["name"]) for f in schema.fields if f["type"] in ("int", "long")}
    values: list[list[Any]] = []
    for position, name in enumerate(columns):
        series = df.iloc[:, position]
        items = series.astype(object).tolist()
        gone = series.isna().tolist()
        column = [None if missing else _plain(v) for v, missing in zip(items, gone)]
        if name in whole and series.dtype.kind == "f":  # Whole numbers with gaps.
            column = [int(v) if v is not None and v.is_integer() else v for v in column]
        if name in whole and series.dtype.kind == "b":  # As DataShard: 0 and 1.
            column = [None if v is None else int(v) for v in column]
        values.append(column)
    rows = (
        [dict(zip(columns, row)) for row in zip(*values)] if columns else [{} for _ in range(len(df))]
    )
    check_records(rows, schema)
    return rows


def _plain(value: Any) -> Any:
    if hasattr(value, "to_pydatetime"):
        return value  # A Timestamp is a datetime, with the nanoseconds that one has not.
    return value.item() if hasattr(value, "dtype") and hasattr(value, "item") else value


def arrow_of(stream: _core.Stream) -> Any:
    """A stream's rows as one ``pyarrow.Table``. Its failures are ours: pyarrow, given the
    stream before it is read, makes an OSError of every one. Ctrl-C is looked for between
    batches."""
    import pyarrow

    return pyarrow.RecordBatchReader.from_stream(stream.read_all()).read_all()


def frame_of(stream: _core.Stream, names: list[str]) -> Any:
    """A stream's rows as one DataFrame; through pyarrow where that is installed."""
    pandas = import_pandas("to_pandas()")
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        columns: dict[str, list[Any]] = {name: [] for name in names}
        for batch in stream:
            for name, items in batch.to_pydict().items():
                columns[name].extend(items)
        return pandas.DataFrame(columns)
    return arrow_of(stream).to_pandas()
