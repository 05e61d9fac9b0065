"""Values and data that people pass without thinking: what comes of each."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import sys
import uuid
import zoneinfo
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest
import pytz

import datashard as ds
from datashard import Catalog, IcebergTable

UTC = dt.timezone.utc
Color = enum.Enum("Color", {"RED": "red"})
Level = enum.IntEnum("Level", {"HIGH": 3})


class Text(str):
    """A str by another name."""


class Named(str, enum.Enum):
    """A str that is an Enum too."""

    ONE = "one"


@dataclasses.dataclass
class Record:
    """Looks like a row."""

    c: int = 1


class Model:
    """Looks like pydantic's."""

    c = 1

    def model_dump(self) -> dict[str, int]:
        return {"c": self.c}


Point = collections.namedtuple("Point", "c")


def table(columns: str) -> IcebergTable:
    return Catalog("memory:").create_table("a.t", columns)


def stored(value: Any, kind: str) -> Any:
    """What a fresh scan shows of one value in a column of this type."""
    t = table(f"c {kind}")
    t.append([{"c": value}])
    return t.refresh().scan().to_pylist()[0]["c"]


@pytest.mark.parametrize(
    ("value", "kind", "wanted"),
    [
        (np.datetime64("2026-01-02T03:04:05.678901"), "timestamp",
         dt.datetime(2026, 1, 2, 3, 4, 5, 678901)),
        (np.datetime64("2026-01-02"), "timestamptz", dt.datetime(2026, 1, 2, tzinfo=UTC)),
        (np.datetime64("2026-01-02"), "date", dt.date(2026, 1, 2)),
        (np.datetime64("NaT"), "timestamp", None),
        (np.int64(5), "long", 5),
        (np.uint8(5), "int", 5),
        (np.float32(0.5), "double", 0.5),
        (np.float64(2), "long", 2),
        (np.bool_(True), "boolean", True),
        (np.str_("x"), "string", "x"),
        (np.array([1, 2]), "list<long>", [1, 2]),
        (pd.Timestamp("2026-01-02 03:04:05.5"), "timestamp",
         dt.datetime(2026, 1, 2, 3, 4, 5, 500000)),
        (pd.Timestamp("2026-01-02", tz="Europe/Berlin"), "timestamptz",
         dt.datetime(2026, 1, 1, 23, tzinfo=UTC)),
        (pd.NaT, "timestamp", None),
        (pd.NA, "long", None),
        (decimal.Decimal("1.5000"), "decimal(9,2)", decimal.Decimal("1.50")),
        (3, "decimal(9,2)", decimal.Decimal("3.00")),
        (dt.datetime(2026, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")), "timestamptz",
         dt.datetime(2026, 1, 1, 23, tzinfo=UTC)),
        (pytz.timezone("Europe/Berlin").localize(dt.datetime(2026, 7, 2)), "timestamptz",
         dt.datetime(2026, 7, 1, 22, tzinfo=UTC)),
        (dt.datetime(2026, 1, 2), "date", dt.date(2026, 1, 2)),
        ({"a": 1, "b": ["x", None]}, "struct<a long, b list<string>>",
         {"a": 1, "b": ["x", None]}),
        ({"a": 1}, "map<string, long>", [("a", 1)]),
        (bytearray(b"x"), "binary", b"x"),
        (memoryview(b"abcd")[::2], "binary", b"ac"),
        (Text("x"), "string", "x"),
        (Named.ONE, "string", "one"),
        (Level.HIGH, "long", 3),
        ("a\0b", "string", "a\0b"),
    ],
)  # fmt: skip
def test_values_that_fit(value: Any, kind: str, wanted: Any) -> None:
    found = stored(value, kind)
    assert found == wanted and type(found) is type(wanted)


@pytest.mark.parametrize(
    ("value", "kind", "error", "text"),
    [
        (np.datetime64(1, "ns"), "timestamp", ValueError, "finer than the column's unit"),
        (np.datetime64("2026-01-02T03"), "date", ValueError, "with a time of day"),
        (np.timedelta64(1, "s"), "long", TypeError, "got timedelta64"),
        (np.int64(1), "boolean", TypeError, "expected a bool, got int64"),
        (np.array([[1]]), "list<long>", TypeError, "'c.element'"),
        (pd.Timestamp(1), "timestamp", ValueError, "finer than the column's unit"),
        (decimal.Decimal("1.555"), "decimal(9,2)", ValueError, "more places"),
        (decimal.Decimal("12345678"), "decimal(9,2)", ValueError, "does not fit"),
        (decimal.Decimal("NaN"), "decimal(9,2)", ValueError, "not a finite"),
        (1.5, "decimal(9,2)", TypeError, "expected a Decimal or an int, got float"),
        (dt.date(2026, 1, 2), "timestamp", TypeError, "expected a datetime, got date"),
        (dt.datetime(2026, 1, 2, 3), "date", ValueError, "with a time of day"),
        ("2026-01-02", "timestamp", TypeError, "expected a datetime, got str"),
        (Color.RED, "string", TypeError, "expected a str, got Color"),
        (5, "string", TypeError, "expected a str, got int"),
        (True, "long", TypeError, "expected an integer, got bool"),
        ("\ud800", "string", ValueError, "surrogates"),
        ({"z": 1}, "struct<a long>", ValueError, "'z'"),
        ([1], "struct<a long>", TypeError, "expected a dict, got list"),
    ],
)
def test_values_that_do_not(value: Any, kind: str, error: type[Exception], text: str) -> None:
    t = table(f"c {kind}")
    with pytest.raises(error, match=text):
        t.append([{"c": None}, {"c": value}])
    assert t.refresh().count() == 0 and t.snapshot_id is None


def test_rows_of_many_kinds() -> None:
    t = table("c long")
    data = pa.table({"c": [1, 2]})
    given: list[Any] = [
        {"c": 1},
        [{"c": 1}],
        ({"c": i} for i in range(2)),
        collections.deque([{"c": 1}]),
        [collections.UserDict(c=1)],
        pl.DataFrame({"c": [1]}),
        pl.LazyFrame({"c": [1]}),
        data,
        data.to_batches()[0],
        data.to_reader(),
        data.to_batches() * 2,
        pa.dataset.dataset(data),
        pa.dataset.dataset(data).scanner(filter=pa.dataset.field("c") > 1),
        pa.array([{"c": 1}]),
        duckdb.sql("select 1::bigint as c"),
        pd.DataFrame({"c": pd.array([1, None], dtype="Int64")}),
        [],
        iter([]),
    ]
    rows = [t.append(data).rows for data in given]
    assert rows == [1, 1, 2, 1, 1, 1, 1, 2, 2, 2, 4, 2, 1, 1, 1, 2, 0, 0]
    assert t.refresh().count() == sum(rows) and t.count("c is null") == 1


def test_categories_of_pandas() -> None:
    t = table("c string")
    t.append(pd.DataFrame({"c": pd.Categorical(["a", None, "b"])}))
    assert t.refresh().scan(ordered=True).to_pydict() == {"c": ["a", None, "b"]}


@pytest.mark.parametrize("data", [Record(), Model(), "abc", 5, None])
def test_what_is_no_data_is_told_what_would_be(data: object) -> None:
    t = table("c long")
    with pytest.raises(TypeError, match=f"not {type(data).__name__}$"):
        t.append(data)
    assert t.refresh().count() == 0


@pytest.mark.parametrize("row", [Record(), Point(1), Model(), [1], 1, "a"])
def test_rows_that_are_no_dicts(row: object, tmp_path: pathlib.Path) -> None:
    t = table("c long")
    kind = type(row).__name__
    with pytest.raises(TypeError, match=f"Record 1: expected a dict, got {kind}"):
        t.append([{"c": 1}, row])
    old = ds.create_table(tmp_path / "t", ds.Schema(1, [{"id": 1, "name": "c", "type": "long"}]))
    rows: list[Any] = [{"c": 1}, row]
    with pytest.raises(TypeError, match=f"Record 1 is a {kind}, not a dict"):
        old.append_records(rows)
    assert t.refresh().count() == 0 and ds.load_table(tmp_path / "t").row_count() == 0


@pytest.mark.parametrize("records", [{"c": 1}, "abc", 5, None])
def test_records_that_are_no_list(records: Any, tmp_path: pathlib.Path) -> None:
    old = ds.create_table(tmp_path / "t", ds.Schema(1, [{"id": 1, "name": "c", "type": "long"}]))
    with pytest.raises(TypeError, match=f"a list of dicts, got one {type(records).__name__}"):
        old.append_records(records)
    assert old.append_records({"c": i} for i in range(2)) and old.append_records([])  # type: ignore[arg-type]
    assert [row["c"] for row in ds.load_table(tmp_path / "t").scan()] == [0, 1]


def test_data_frames_of_pandas(tmp_path: pathlib.Path) -> None:
    fields = [{"id": 1, "name": "c", "type": "long"}, {"id": 2, "name": "s", "type": "string"}]
    old = ds.create_table(tmp_path / "t", ds.Schema(1, fields))
    whole = pd.array([1, None], dtype="Int64")
    texts = pd.Categorical(["a", None])
    old.append_pandas(pd.DataFrame({"c": whole, "s": texts}, index=["x", "y"]))
    old.append_pandas(pd.DataFrame({"c": [2.0, np.nan]}))
    old.append_pandas(pd.DataFrame())
    rows = [(row["c"], row["s"]) for row in ds.load_table(tmp_path / "t").scan()]
    assert rows == [(1, "a"), (None, None), (2, None), (None, None)]
    twice = pd.DataFrame([[1, 2]], columns=["c", "c"])
    for wrong in (twice, pd.DataFrame({"c": [1.5]}), pd.DataFrame([[1]])):
        with pytest.raises(ValueError):
            old.append_pandas(wrong)
        with pytest.raises(ValueError):
            old.native.append(wrong)
    assert ds.load_table(tmp_path / "t").row_count() == 4


@pytest.mark.parametrize(
    ("column", "kind", "text"),
    [
        (pd.to_datetime(["2026-01-02 05:00"]), "date", "with a time of day"),
        (["2026-01-02"], "timestamp", "expected a datetime, got str"),
        ([True], "int", "expected an integer, got bool"),
        ([1], "boolean", "expected a bool, got int"),
        (pd.to_timedelta([1]), "long", "expected an integer, got Timedelta"),
        ([1e300], "float", "does not fit float32"),
        ([2**53 + 1], "double", "9007199254740993"),
        ([1.5], "decimal(9,2)", "expected a Decimal or an int, got float"),
        ([decimal.Decimal("1.555")], "decimal(9,2)", "more places"),
        ([1j], "double", "expected a float, got complex"),
        (pd.period_range("2026-01", periods=1, freq="M"), "timestamp", "got Period"),
        (pd.interval_range(0, 1), "long", "got Interval"),
        (np.array([2**63], "uint64"), "long", "does not fit int64"),
        (["a", 1], "string", "Record 1, column 'c': expected a str, got int"),
    ],
)
def test_columns_of_pandas_that_do_not_fit(column: Any, kind: str, text: str) -> None:
    """As values of dicts: pyarrow alone would cut, parse or guess."""
    t = table(f"c {kind}")
    with pytest.raises(ds.Invalid, match=text):
        t.append(pd.DataFrame({"c": column}))
    assert t.refresh().count() == 0


@pytest.mark.parametrize(
    ("column", "kind", "wanted"),
    [
        (pd.to_datetime(["2026-01-02"]), "date", dt.date(2026, 1, 2)),
        (pd.arrays.SparseArray([5]), "long", 5),
        (pd.Categorical([5]), "int", 5),
        ([5], "decimal(9,2)", decimal.Decimal(5)),
        ([0.5], "float", 0.5),
        ([float("inf")], "float", float("inf")),
        (np.array([5], "uint64"), "int", 5),
        (pd.to_datetime(["2026-01-02"]).tz_localize("Europe/Berlin"), "timestamptz",
         dt.datetime(2026, 1, 1, 23, tzinfo=UTC)),
        (["12345678-1234-5678-1234-567812345678"], "uuid",
         uuid.UUID("12345678-1234-5678-1234-567812345678")),
        ([{"k": 1}], "map<string, long>", [("k", 1)]),
        (pd.array([[1]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))), "list<long>", [1]),
    ],
)  # fmt: skip
def test_columns_of_pandas_that_fit(column: Any, kind: str, wanted: Any) -> None:
    t = table(f"c {kind}")
    assert t.append(pd.DataFrame({"c": column})).rows == 1
    assert t.refresh().scan().to_pydict() == {"c": [wanted]}


def test_a_frame_of_pandas_may_have_columns_that_its_transaction_adds() -> None:
    t = table("message string")
    with t.transaction() as tx:
        tx.add_columns("c long")
        tx.append(pd.DataFrame({"c": [5]}))
    assert t.refresh().scan().to_pylist() == [{"message": None, "c": 5}]
    with pytest.raises(ds.Invalid, match="column mesage: .*did you mean message"):
        t.append(pd.DataFrame({"mesage": ["x"]}))
    with pytest.raises(ds.Invalid, match="column mesage: "):
        t.append(pd.DataFrame({"mesage": [1j]}))


def test_what_pandas_makes_of_lists_with_gaps_goes_back() -> None:
    t = table("c map<string, list<int>>, l list<long>, d list<double>, s struct<x long>")
    row = {"c": [("k", [1, None]), ("", None)], "l": [None, 2], "d": [1.5, None], "s": {"x": None}}
    t.append([{**row, "c": dict(row["c"])}, {"l": [3], "s": {"x": 4}}])  # type: ignore[call-overload]
    frame = t.refresh().scan(ordered=True).to_pandas()
    assert t.append(frame).rows == 2
    found = t.refresh().scan(ordered=True).to_pylist()
    assert found[0] == row and found[2:] == found[:2]


def test_bytes_and_text_become_uuids_and_fixed_bytes() -> None:
    """polars has no type for either, and DuckDB hands out UUIDs as text."""
    t = table("u uuid, f fixed[3]")
    one = uuid.UUID(int=2**128 - 5)
    rows = [{"u": one, "f": b"abc"}, {"u": None, "f": None}]
    t.append(rows)
    t.append(t.refresh().scan(ordered=True).to_polars())
    t.append(duckdb.sql(f"select '{one}'::uuid as u, 'abc'::blob as f union all select null, null"))
    t.append(pa.table({"u": pa.array([str(one), None]).dictionary_encode(), "f": [b"abc", None]}))
    assert t.refresh().scan(ordered=True).to_pylist() == rows * 4
    for wrong in (pl.DataFrame({"f": [b"abcd"]}), pl.DataFrame({"u": ["abc"]}), pl.DataFrame({"f": ["abc"]})):
        with pytest.raises(ds.Invalid, match="bytes than|no UUID|string_view does not fit"):
            t.append(wrong)
    assert t.refresh().count() == 8


def test_a_frame_of_pandas_without_columns_has_rows() -> None:
    t = table("c long")
    assert t.append(pd.DataFrame(index=range(3))).rows == 3 == t.refresh().count("c is null")


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
def test_data_frames_with_nanoseconds(kind: str, tmp_path: pathlib.Path) -> None:
    """Never cut silently: pyarrow, which DataShard went through, refuses them, too."""
    old = ds.create_table(tmp_path / "t", ds.Schema(1, [{"id": 1, "name": "at", "type": kind}]))
    whole, fine = pd.Timestamp(1_000_000_001_000), pd.Timestamp(1_000_000_001_001)
    for column in ([whole, fine], pd.Series([whole, fine]).astype(object)):
        with pytest.raises(ValueError, match="Record 1, column 'at': .*000001001 is finer .*round"):
            old.append_pandas(pd.DataFrame({"at": column}))
    frame = pd.DataFrame({"at": [whole, fine, pd.NaT]})
    frame["at"] = frame["at"].dt.floor("us")
    assert old.append_pandas(frame)
    found = [row["at"] for row in ds.load_table(tmp_path / "t").scan()]
    assert [at and at.replace(tzinfo=None) for at in found] == [whole, whole, None]
    exact = ds.create_table(tmp_path / "n", ds.Schema(1, [{"id": 1, "name": "at", "type": f"{kind}_ns"}]))
    assert exact.append_pandas(pd.DataFrame({"at": [fine]}))
    column = ds.load_table(tmp_path / "n").to_arrow()["at"]
    assert column.cast(pa.int64()).to_pylist() == [fine.value]


def test_arrow_of_many_kinds_through_datashards_call(tmp_path: pathlib.Path) -> None:
    fields = [{"id": 1, "name": "c", "type": "long"}, {"id": 2, "name": "s", "type": "string"}]
    old = ds.create_table(tmp_path / "t", ds.Schema(1, fields))
    data = pa.table({"s": ["a"], "c": pa.array([1], pa.int32())})
    given: list[Any] = [
        data,
        data.to_batches()[0],
        data.to_reader(),
        pa.dataset.dataset(data),
        pl.DataFrame(data),
        pl.LazyFrame({"c": [1], "s": ["a"]}),
        duckdb.sql("select 1::bigint as c, 'a' as s"),
        pa.table({"c": [1], "s": pa.array(["a"], pa.string_view())}),
        pa.table({"c": [1], "s": pa.array(["a"]).dictionary_encode()}),
        [{"c": 1, "s": "a"}],
        pd.DataFrame({"c": [1], "s": ["a"]}),
    ]
    for data in given:
        assert old.append_arrow(data)
    assert ds.load_table(tmp_path / "t").scan() == [{"c": 1, "s": "a"}] * len(given)
    wrong: list[Any] = [None, 5, pa.array([1]), pl.DataFrame({"z": [1]})]
    for data in wrong:
        with pytest.raises((TypeError, ValueError)):
            old.append_arrow(data)
    assert ds.load_table(tmp_path / "t").row_count() == len(given)


def test_columns_that_have_no_name() -> None:
    t = table("c long")
    for data in (pa.array([1]), pa.chunked_array([[1]]), pl.Series("c", [1])):
        with pytest.raises(ValueError, match="not a struct of columns"):
            t.append(data)
    assert t.refresh().count() == 0


def test_types_that_a_consumer_asks_for() -> None:
    t = table("c long, s string")
    t.append([{"c": 1, "s": "x"}, {"c": 300, "s": None}])
    wanted = pa.schema([("c", pa.int32()), ("s", pa.large_string())])
    found = pa.RecordBatchReader.from_stream(t, schema=wanted).read_all()
    assert found.schema.types == wanted.types
    assert found.to_pydict() == {"c": [1, 300], "s": ["x", None]}
    assert pa.RecordBatchReader.from_stream(t, schema=pa.schema(t.schema)).read_all() == pa.table(t)
    narrow = pa.schema([("c", pa.int8()), ("s", pa.string())])
    with pytest.raises(pa.ArrowInvalid):
        pa.RecordBatchReader.from_stream(t, schema=narrow).read_all()
    with pytest.raises(ValueError, match="requested_schema has columns"):
        pa.RecordBatchReader.from_stream(t, schema=pa.schema([("c", pa.int64())]))


def test_types_asked_for_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    t = table("c long")
    t.append([{"c": 1}])
    wanted = pa.schema([("c", pa.int32())]).__arrow_c_schema__()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    capsule = t.__arrow_c_stream__(wanted)
    monkeypatch.undo()

    class Given:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return capsule

    assert pa.table(Given()).to_pydict() == {"c": [1]} and pa.table(t).schema.types == [pa.int64()]
