"""DataFrames of pandas as rows of a table: by the table's types, without loss.

NaN, NaT and NA are null, and the index is no column. What Arrow converts exactly goes its
way; every other value is looked at by itself, by the rules that values of dicts have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _core
from ._errors import Invalid
from ._pandas import arrow_of

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["rows_of_frame"]


def rows_of_frame(frame: pandas.DataFrame, schema: object) -> object:
    """What the extension's append takes; ValueError (Invalid) for names that are there twice.
    The extension says which names and values do not fit."""
    columns = [str(name) for name in frame.columns]
    if len(set(columns)) != len(columns):
        raise Invalid("append: two columns of the DataFrame have one name")
    if not columns:
        return [{}] * len(frame)
    try:
        import pyarrow
    except ImportError:
        lists = [_objects(frame.iloc[:, i]) for i in range(len(columns))]
        return [dict(zip(columns, row)) for row in zip(*lists)]
    table: pyarrow.Schema = pyarrow.schema(schema)
    arrays = []
    for position, name in enumerate(columns):
        series = frame.iloc[:, position]
        if name in table.names:
            arrays.append(_column(series, table.field(name)))
        else:  # A column that this transaction adds, or nobody's: the extension knows.
            arrays.append(_natural(series, name))
    return pyarrow.Table.from_arrays(arrays, columns)


def _objects(series: pandas.Series[Any]) -> list[Any]:
    """The values, None for those that are missing, inside of lists and dicts, too."""
    gone = series.isna().tolist()
    values = series.astype(object).tolist()
    return [None if missing else _whole(value) for value, missing in zip(values, gone)]


def _whole(value: Any) -> Any:
    if isinstance(value, float):
        return None if value != value else value
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(one) for one in value]
    if getattr(getattr(value, "dtype", None), "kind", "") in ("f", "O") and hasattr(value, "tolist"):
        return _whole(value.tolist())  # An array of numpy, as pandas has lists with gaps.
    return value


def _column(series: pandas.Series[Any], field: pyarrow.Field) -> Any:
    import pyarrow

    try:
        fitted = _fitted(_natural(series, field.name), field.type)
    except Invalid:
        fitted = None
    if fitted is not None:
        return fitted

    one = pyarrow.schema([field.with_nullable(True)])
    rows = _core.stream_from_rows([{field.name: value} for value in _objects(series)], one)
    return arrow_of(rows).column(0)


def _natural(series: pandas.Series[Any], name: str) -> Any:
    """The column in the Arrow type that its own type is; Invalid where that is no matter of
    course."""
    import pyarrow

    try:
        array = pyarrow.array(series, from_pandas=True)
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        raise Invalid(f"column {name}: {error}") from error
    if pyarrow.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array


def _is_number(kind: pyarrow.DataType) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind))


def _fitted(array: Any, kind: pyarrow.DataType) -> Any:
    """The array, converted where that loses nothing and means the same; None where each
    value is to be looked at."""
    import pyarrow

    types, is_ = pyarrow.types, array.type
    if types.is_null(is_):
        return pyarrow.nulls(len(array), kind)
    if is_ == kind:
        return array
    if _is_number(is_) and _is_number(kind):
        return _number(array, kind)
    if types.is_timestamp(is_) and types.is_timestamp(kind):
        return array.cast(pyarrow.timestamp(is_.unit, kind.tz))  # The extension minds the unit.
    return array if types.is_large_string(is_) and types.is_string(kind) else None


def _number(array: Any, kind: pyarrow.DataType) -> Any:
    import pyarrow
    import pyarrow.compute

    try:
        cast = array.cast(kind)
    except pyarrow.ArrowInvalid:
        return None
    if pyarrow.types.is_floating(kind):
        infinite = [pyarrow.compute.sum(pyarrow.compute.is_inf(one)).as_py() for one in (array, cast)]
        return cast if infinite[0] == infinite[1] else None
    return cast
