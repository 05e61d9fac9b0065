"""Arrow into Python values, compared with pyarrow's own."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import random
import uuid
from typing import Any

import pyarrow as pa
import pytest

from datashard import _core


def rows_of(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    return [row for part in _core.stream_from(batch) for row in part.to_pylist()]


def check(values: list[Any], type_: pa.DataType) -> None:
    """Whole and in slices, rows and columns."""
    array = pa.array(values, type_)
    batch = pa.record_batch([array, array], ["a", "b"])
    for part in (batch, batch.slice(1), batch.slice(3, 4), batch.slice(2, 0)):
        expected = part.to_pylist()
        assert rows_of(part) == expected, type_
        (found,) = list(_core.stream_from(part)) or [None]
        assert (found.to_pydict() if found else {"a": [], "b": []}) == part.to_pydict()


DAY = dt.datetime(2024, 2, 29, 23, 59, 58, 999_999)
OLD = dt.datetime(1, 1, 1)
LATE = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)
STRINGS = ["", None, "a", "é" * 3, "漢字 and more than twelve bytes", "\0", "x" * 1000, "y", None]
NUMBERS = [1, None, -1, 0, 100, 7, None, 8, 9]
D = decimal.Decimal


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([True, None, False, True, True, None, False, True, False, True], pa.bool_()),
        *((NUMBERS, t) for t in (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
        *(([255, None, 3, 4, 0, 1], t) for t in (pa.uint8(), pa.uint16(), pa.uint32())),
        ([(1 << 64) - 1, None, 3, 4, 0, 1], pa.uint64()),
        ([0.1, None, -0.0, math.inf, 5.0, 1e300], pa.float64()),
        ([0.5, None, -0.0, math.inf, 5.0], pa.float32()),
        ([D("1.10"), None, D("-0.01"), D(0), D("999.99")], pa.decimal128(5, 2)),
        ([D("9" * 38), None, D("-" + "9" * 38), D(0), D(1)], pa.decimal128(38, 0)),
        ([DAY.date(), None, OLD.date(), LATE.date(), dt.date(1969, 12, 31)], pa.date32()),
        ([DAY.date(), None, OLD.date(), LATE.date(), dt.date(1970, 1, 1)], pa.date64()),
        ([DAY.time(), None, OLD.time(), LATE.time(), dt.time(1, 2, 3, 4)], pa.time64("us")),
        ([dt.time(23, 59, 59), None, dt.time(0), dt.time(1), dt.time(2)], pa.time32("s")),
        ([DAY, None, OLD, LATE, dt.datetime(1969, 12, 31, 23, 59, 59, 1)], pa.timestamp("us")),
        ([DAY, None, OLD, LATE, dt.datetime(1900, 3, 1)], pa.timestamp("us", "UTC")),
        ([DAY.replace(microsecond=5000), None, OLD, OLD, OLD], pa.timestamp("ms")),
        *((STRINGS, t) for t in (pa.string(), pa.large_string(), pa.string_view())),
        *(
            ([s if s is None else s.encode() for s in STRINGS], t)
            for t in (pa.binary(), pa.large_binary(), pa.binary_view())
        ),
        ([b"abc", None, b"\0\0\0", b"xyz", b"123"], pa.binary(3)),
        ([uuid.UUID(int=5).bytes, None, uuid.UUID(int=6).bytes, None, None], pa.uuid()),
        (["a", "b", None, "a", "c", "b"], pa.dictionary(pa.int8(), pa.string())),
        (["a", "b", None, "a", "c", "b"], pa.dictionary(pa.uint32(), pa.string())),
        ([None] * 6, pa.null()),
        ([[1, None], None, [], [3], [4, 5, 6], [7]], pa.list_(pa.int64())),
        ([["a", None], None, [], ["b"], ["c"]], pa.large_list(pa.string())),
        ([[1, 2], None, [3, None], [5, 6], [7, 8]], pa.list_(pa.int8(), 2)),
        ([[("k", 1), ("k", None)], None, [], [("z", 3)], []], pa.map_(pa.string(), pa.int64())),
        (
            [{"x": 1, "y": ["q"]}, None, {"x": None, "y": None}, {"x": 4, "y": []}, None],
            pa.struct([("x", pa.int64()), ("y", pa.list_(pa.string()))]),
        ),
    ],
)
def test_as_pyarrow_reads(values: list[Any], type_: pa.DataType) -> None:
    check(values, type_)


def test_zones_are_utc() -> None:
    array = pa.array([DAY], pa.timestamp("us", "Asia/Tokyo"))
    (row,) = rows_of(pa.record_batch([array], ["t"]))
    assert row["t"] == DAY.replace(tzinfo=dt.timezone.utc)
    assert row["t"].tzinfo is dt.timezone.utc


def test_every_day_of_four_centuries() -> None:
    days = list(range(-719_162, 2_932_896, 97))
    stamps = pa.array([d * 86_400_000_000 for d in days], pa.timestamp("us"))
    found = [row["t"] for row in rows_of(pa.record_batch([stamps], ["t"]))]
    assert found == [dt.datetime(1970, 1, 1) + dt.timedelta(days=d) for d in days]


@pytest.mark.parametrize(
    ("number", "type_", "says"),
    [
        (1 << 62, pa.timestamp("us"), "years 1 to 9999"),
        (-(1 << 62), pa.timestamp("us"), "years 1 to 9999"),
        (-(1 << 63), pa.timestamp("s"), "years 1 to 9999"),
        ((1 << 63) - 1, pa.timestamp("ms"), "years 1 to 9999"),
        (1, pa.timestamp("ns"), "nanoseconds"),
        (-(1 << 63), pa.timestamp("ns"), "nanoseconds"),
        (-1, pa.time64("us"), "time of a day"),
        (86_400_000_000, pa.time64("us"), "time of a day"),
    ],
)
def test_what_python_cannot_hold(number: int, type_: pa.DataType, says: str) -> None:
    array = pa.array([number], pa.int64()).view(type_)
    with pytest.raises(ValueError, match=says):
        rows_of(pa.record_batch([array], ["t"]))


def test_nan_is_a_value() -> None:
    (row,) = rows_of(pa.record_batch([pa.array([math.nan])], ["f"]))
    assert math.isnan(row["f"])


def test_keys_are_shared_and_in_order() -> None:
    first, second = rows_of(pa.record_batch([pa.array([1, 2])] * 3, ["z", "a", "m"]))
    assert list(first) == ["z", "a", "m"]
    assert all(a is b for a, b in zip(first, second, strict=True))


def test_structs_in_slices() -> None:
    r = random.Random(3)
    array = pa.StructArray.from_arrays([pa.array(range(50)).slice(5, 40)], ["n"])
    batch = pa.record_batch([array], ["s"])
    for _ in range(20):
        part = batch.slice(r.randrange(40), r.randrange(1, 20))
        assert rows_of(part) == part.to_pylist()


def test_there_and_back() -> None:
    rows = [{"i": 1, "s": "x", "l": [1, None], "m": {"a": None}}, {"i": None, "s": None, "l": None, "m": None}]
    assert [r for b in _core.stream_from_rows(rows) for r in b.to_pylist()] == rows
