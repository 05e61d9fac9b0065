"""Rows of dicts into Arrow: compared with pyarrow, and where the rules are stricter."""

from __future__ import annotations

import datetime as dt
import decimal
import os
import random
import sys
import uuid
from collections import OrderedDict, UserDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from datashard import Invalid, InvalidType, _core

UTC = dt.timezone.utc
GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
Maker = Callable[[random.Random], Any]


def table(rows: Any, schema: pa.Schema) -> pa.Table:
    batches = [pa.record_batch(batch) for batch in _core.stream_from_rows(rows, schema)]
    found = pa.Table.from_batches(batches, schema)
    found.validate(full=True)
    return found


def one(value: Any, type_: pa.DataType) -> Any:
    return table([{"c": value}], pa.schema([("c", type_)])).column("c")[0]


@pytest.mark.parametrize("at", [0, 1, 40, 63, 64, 198])
def test_a_text_longer_than_others_in_the_middle_of_a_block(at: int) -> None:
    schema = pa.schema([("n", pa.int64()), ("s", pa.string()), ("t", pa.string())])
    short, most = "é漢", "é" * (1 << 19)  # Bytes count.
    rows: list[dict[str, Any]] = [
        {"n": n, "s": short * (n % 3), "t": None if n % 5 == 0 else str(n)} for n in range(200)
    ]
    for long in (most, most + "x", most * 3):
        rows[at]["s"] = long
        rows[-1]["t"] = long
        assert table(rows, schema).to_pylist() == rows


def text(r: random.Random) -> str:
    return "".join(r.choice("ab é漢\U0001f600\0") for _ in range(r.choice((0, 1, 5, 40))))


def moment(r: random.Random) -> dt.datetime:
    return dt.datetime(1, 1, 2) + dt.timedelta(
        days=r.randrange(3_652_000), seconds=r.randrange(86_400), microseconds=r.randrange(10**6)
    )


def decimals(precision: int, scale: int) -> Maker:
    def make(r: random.Random) -> decimal.Decimal:
        digits = tuple(int(d) for d in str(r.randrange(10 ** r.randrange(1, precision + 1))))
        return decimal.Decimal((r.randrange(2), digits, -scale))

    return make


def integers(bits: int, signed: bool = True) -> Maker:
    least = -(1 << (bits - 1)) if signed else 0
    most = (1 << (bits - 1 if signed else bits)) - 1
    return lambda r: r.choice((least, most, 0, r.randint(least, most)))


LEAVES: list[tuple[pa.DataType, Maker]] = [
    (pa.bool_(), lambda r: r.random() < 0.5),
    *((getattr(pa, f"int{n}")(), integers(n)) for n in (8, 16, 32, 64)),
    *((getattr(pa, f"uint{n}")(), integers(n, False)) for n in (8, 16, 32, 64)),
    (pa.float64(), lambda r: r.choice((0.0, -0.0, float("inf"), r.gauss(0, 1e200)))),
    (pa.float32(), lambda r: r.gauss(0, 1e30)),
    (pa.decimal128(38, 10), decimals(38, 10)),
    (pa.decimal128(9, 0), decimals(9, 0)),
    (pa.decimal128(5, 5), decimals(5, 5)),
    (pa.date32(), lambda r: moment(r).date()),
    (pa.date64(), lambda r: moment(r).date()),
    (pa.time64("us"), lambda r: moment(r).time()),
    (pa.time32("s"), lambda r: moment(r).time().replace(microsecond=0)),
    (pa.timestamp("us"), moment),
    (pa.timestamp("us", "UTC"), lambda r: moment(r).replace(tzinfo=UTC)),
    (pa.timestamp("ms"), lambda r: moment(r).replace(microsecond=7000)),
    (pa.timestamp("s"), lambda r: moment(r).replace(microsecond=0)),
    (pa.timestamp("ns"), lambda r: moment(r).replace(year=r.randrange(1700, 2200), day=1)),
    (pa.string(), text),
    (pa.large_string(), text),
    (pa.binary(), lambda r: r.randbytes(r.randrange(20))),
    (pa.large_binary(), lambda r: r.randbytes(r.randrange(20))),
    (pa.binary(7), lambda r: r.randbytes(7)),
]


def column(r: random.Random, depth: int) -> tuple[pa.DataType, Maker]:
    """A random type, and what makes values of it."""
    kind = r.randrange(8) if depth > 0 else 0
    if kind in (5, 6):
        type_, make = column(r, depth - 1)
        nested = pa.list_(type_) if kind == 5 else pa.large_list(type_)
        return nested, lambda q: [maybe(q, make) for _ in range(q.randrange(4))]
    if kind == 7:
        type_, make = column(r, depth - 1)
        return pa.map_(pa.string(), type_), lambda q: [
            (text(q), maybe(q, make)) for _ in range(q.randrange(3))
        ]
    if kind == 4:
        members = [column(r, depth - 1) for _ in range(r.randrange(1, 4))]
        type_ = pa.struct([(f"m{i}", t) for i, (t, _) in enumerate(members)])
        return type_, lambda q: {f"m{i}": maybe(q, m) for i, (_, m) in enumerate(members)}
    return r.choice(LEAVES)


def maybe(r: random.Random, make: Maker) -> Any:
    return None if r.random() < 0.2 else make(r)


def test_as_pyarrow_does() -> None:
    seed = int(os.environ.get("DATASHARD_SEED", random.randrange(1 << 32)))
    print("seed", seed)
    r = random.Random(seed)
    for _ in range(60):
        columns = {f"c{i}": column(r, 3) for i in range(r.randrange(1, 8))}
        schema = pa.schema([(name, type_) for name, (type_, _) in columns.items()])
        rows = [
            {name: maybe(r, make) for name, (_, make) in columns.items() if r.random() < 0.9}
            for _ in range(r.randrange(60))
        ]
        assert table(rows, schema) == pa.Table.from_pylist(rows, schema), (seed, schema)


def test_every_leaf() -> None:
    r = random.Random(5)
    for type_, make in LEAVES:
        values = [maybe(r, make) for _ in range(100)]
        found = table([{"c": v} for v in values], pa.schema([("c", type_)])).column("c")
        assert found.combine_chunks() == pa.array(values, type_), type_


@pytest.mark.parametrize(
    ("value", "type_", "error", "says"),
    [
        (True, pa.int64(), TypeError, "got bool"),
        (np.bool_(True), pa.int64(), TypeError, "expected an integer"),
        ("5", pa.int64(), TypeError, "got str"),
        (1.5, pa.int64(), ValueError, "got 1.5"),
        (float("nan"), pa.int32(), ValueError, "got nan"),
        (decimal.Decimal("1.5"), pa.int32(), ValueError, "1.5"),
        (128, pa.int8(), ValueError, "128 does not fit int8"),
        (-129, pa.int8(), ValueError, "does not fit"),
        (1 << 63, pa.int64(), ValueError, "does not fit int64"),
        (-1, pa.uint16(), ValueError, "does not fit uint16"),
        (1 << 64, pa.uint64(), ValueError, "does not fit uint64"),
        ("1.0", pa.float64(), TypeError, "got str"),
        ((1 << 53) + 1, pa.float64(), ValueError, "exactly"),
        (10**400, pa.float64(), ValueError, "exactly"),
        (1e39, pa.float32(), ValueError, "float32"),
        (decimal.Decimal(1), pa.float64(), TypeError, "got Decimal"),
        (1, pa.bool_(), TypeError, "expected a bool"),
        (1, pa.string(), TypeError, "expected a str"),
        ("\ud800", pa.string(), ValueError, "surrogates"),
        (b"\xff", pa.string(), ValueError, "decode"),
        (1, pa.binary(), TypeError, "expected bytes"),
        (b"ab", pa.binary(3), ValueError, "expected 3 bytes, got 2"),
        (1.5, pa.decimal128(5, 2), TypeError, "got float"),
        (True, pa.decimal128(5, 2), TypeError, "got bool"),
        (decimal.Decimal("1.005"), pa.decimal128(5, 2), ValueError, "places"),
        (decimal.Decimal("1000"), pa.decimal128(5, 2), ValueError, "does not fit"),
        (decimal.Decimal("1e999999"), pa.decimal128(38, 2), ValueError, "does not fit"),
        (decimal.Decimal("NaN"), pa.decimal128(5, 2), ValueError, "finite"),
        (decimal.Decimal("Infinity"), pa.decimal128(5, 2), ValueError, "finite"),
        (dt.date(2020, 1, 1), pa.timestamp("us"), TypeError, "got date"),
        ("2020-01-01", pa.timestamp("us"), TypeError, "got str"),
        (True, pa.timestamp("us"), TypeError, "got bool"),
        (1.0, pa.date32(), TypeError, "got float"),
        (dt.datetime(2020, 1, 1, 3), pa.date32(), ValueError, "time of day"),
        (dt.datetime(2020, 1, 1, 0, 0, 0, 1), pa.timestamp("ms"), ValueError, "finer"),
        (dt.datetime(9000, 1, 1), pa.timestamp("ns"), ValueError, "range"),
        (np.datetime64("2020-01-01T03"), pa.date32(), ValueError, "time of day"),
        (np.datetime64(1 << 40, "D"), pa.date32(), ValueError, "range"),
        (np.datetime64(1, "ns"), pa.timestamp("us"), ValueError, "finer"),
        (np.datetime64("9000-01-01"), pa.timestamp("ns"), ValueError, "range"),
        (np.datetime64(5, "s"), pa.time64("us"), TypeError, "got datetime64"),
        (np.timedelta64(5, "s"), pa.int64(), TypeError, "got timedelta64"),
        (pd.Timestamp(1), pa.timestamp("us"), ValueError, "finer"),
        (dt.time(1, tzinfo=UTC), pa.time64("us"), ValueError, "zone"),
        (86_400_000_000, pa.time64("us"), ValueError, "time of a day"),
        ("nope", pa.uuid(), ValueError, "not a uuid"),
        (5, pa.uuid(), TypeError, "expected a UUID"),
        ("abc", pa.list_(pa.string()), TypeError, "expected a list"),
        ({"a": 1}, pa.list_(pa.string()), TypeError, "expected a list"),
        ([1], pa.struct([("a", pa.int64())]), TypeError, "expected a dict"),
        ([(1,)], pa.map_(pa.int8(), pa.int8()), TypeError, "a pair"),
        ({None: 1}, pa.map_(pa.int8(), pa.int8()), ValueError, "missing required field"),
    ],
)
def test_misfits(value: Any, type_: pa.DataType, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match="Record 2") as caught:
        table([{"c": None}, {}, {"c": value}], pa.schema([("c", type_)]))
    assert type(caught.value) is {TypeError: InvalidType, ValueError: Invalid}[error]
    assert "'c" in str(caught.value) and says in str(caught.value)


@pytest.mark.parametrize(
    ("value", "type_", "same_as"),
    [
        (2.0, pa.int8(), 2),
        (decimal.Decimal("7.0"), pa.int64(), 7),
        (np.int16(-3), pa.int64(), -3),
        (np.float32(4), pa.int32(), 4),
        (np.float32(0.5), pa.float64(), 0.5),
        (np.uint64(1 << 63), pa.uint64(), 1 << 63),
        (True, pa.float64(), 1.0),
        (np.bool_(True), pa.bool_(), True),
        (np.str_("x"), pa.string(), "x"),
        (b"x", pa.string(), "x"),
        ("é", pa.binary(), "é".encode()),
        (memoryview(b"abcd")[::2], pa.binary(), b"ac"),
        (bytearray(b"q"), pa.binary(), b"q"),
        (5, pa.decimal128(5, 2), decimal.Decimal("5.00")),
        (decimal.Decimal("1E+2"), pa.decimal128(5, 2), decimal.Decimal("100.00")),
        (decimal.Decimal("-0.010000"), pa.decimal128(5, 2), decimal.Decimal("-0.01")),
        (5, pa.timestamp("us"), dt.datetime(1970, 1, 1, microsecond=5)),
        (dt.datetime(2020, 1, 1), pa.date32(), dt.date(2020, 1, 1)),
        (pd.Timestamp("2020-01-01 01:02:03.000004"), pa.timestamp("us"),
         dt.datetime(2020, 1, 1, 1, 2, 3, 4)),
        (dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))),
         pa.timestamp("us"), dt.datetime(2019, 12, 31, 22)),
        (pd.NaT, pa.timestamp("us"), None),
        (np.datetime64("NaT"), pa.timestamp("us"), None),
        (np.datetime64("NaT", "D"), pa.date32(), None),
        (np.datetime64("2020-02"), pa.date32(), dt.date(2020, 2, 1)),
        (np.datetime64("1900-01-01T00", "ns"), pa.date64(), dt.date(1900, 1, 1)),
        (np.datetime64("2020-01-01T01:02:03.000004"), pa.timestamp("us"),
         dt.datetime(2020, 1, 1, 1, 2, 3, 4)),
        (np.datetime64("1960-01-01T01:02:03.4"), pa.timestamp("us", "UTC"),
         dt.datetime(1960, 1, 1, 1, 2, 3, 400000, UTC)),
        (np.datetime64("2020-01-01"), pa.timestamp("s"), dt.datetime(2020, 1, 1)),
        (np.array(["2020-01-01", "NaT"], "M8[s]"), pa.list_(pa.timestamp("ms")),
         [dt.datetime(2020, 1, 1), None]),
        (pd.NA, pa.int64(), None),
        (np.array([1, 2]), pa.list_(pa.int64()), [1, 2]),
        ((1, None), pa.list_(pa.int64()), [1, None]),
        ({"a": 1}, pa.map_(pa.string(), pa.int64()), [("a", 1)]),
        (UserDict(a=1), pa.struct([("a", pa.int64())]), {"a": 1}),
        (str(uuid.UUID(int=5)), pa.uuid(), uuid.UUID(int=5)),
        (uuid.UUID(int=6), pa.uuid(), uuid.UUID(int=6)),
        (uuid.UUID(int=7).bytes, pa.uuid(), uuid.UUID(int=7)),
    ],
)  # fmt: skip
def test_what_fits(value: Any, type_: pa.DataType, same_as: Any) -> None:
    assert one(value, type_).as_py() == same_as


def test_nanoseconds_of_pandas() -> None:
    assert one(pd.Timestamp(1_000_000_001), pa.timestamp("ns")).value == 1_000_000_001


def test_members_and_required() -> None:
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), ("x", pa.string())])
    for rows in ([{"id": 1}, {"x": "a"}], [{"id": 1}, {"id": None}]):
        with pytest.raises(ValueError, match="^Record 1 is missing required field 'id' "):
            table(rows, schema)
    with pytest.raises(ValueError, match=r"^Record 0 has fields .*schema: \['y'\]"):
        table([{"id": 1, "y": 2}], schema)
    for row in (OrderedDict(id=3), UserDict(id=3)):
        assert table([row], schema).to_pylist() == [{"id": 3, "x": None}]
    for bad in (None, 5, "text", [1], b"x"):
        with pytest.raises(TypeError, match="^Record 0: expected a dict, got "):
            table([bad], schema)


def test_required_members_of_a_null() -> None:
    inner = pa.struct([pa.field("a", pa.int64(), nullable=False)])
    found = table([{"s": None}, {"s": {"a": 4}}], pa.schema([("s", inner)]))
    assert found.to_pylist() == [{"s": None}, {"s": {"a": 4}}]
    with pytest.raises(ValueError, match="'s.a'"):
        table([{"s": {}}], pa.schema([("s", inner)]))


def test_schemas_that_rows_cannot_fill() -> None:
    with pytest.raises(ValueError, match="'a' twice"):
        table([], pa.schema([("a", pa.int8()), ("a", pa.int8())]))
    with pytest.raises(TypeError, match="not supported"):
        table([], pa.schema([("a", pa.duration("s"))]))
    deep = pa.int8()
    for _ in range(70):
        deep = pa.list_(deep)
    with pytest.raises(ValueError, match="deep"):
        table([], pa.schema([("a", deep)]))


def test_streams_are_lazy_and_cut() -> None:
    taken = 0

    def rows() -> Any:
        nonlocal taken
        for i in range(150_000):
            taken = i
            yield {"i": i}

    schema = pa.schema([("i", pa.int64())])
    reader = pa.RecordBatchReader.from_stream(_core.stream_from_rows(rows(), schema))
    first = reader.read_next_batch()
    assert 0 < len(first) < 150_000 and taken < 149_999
    assert first.column(0).to_pylist() == list(range(len(first)))
    assert len(first) + reader.read_all().num_rows == 150_000


def test_an_exception_of_the_iterator_arrives() -> None:
    class Odd(Exception):
        pass

    def rows() -> Any:
        yield {"i": 1}
        raise Odd("here")

    with pytest.raises(Odd, match="here"):
        list(_core.stream_from_rows(rows(), pa.schema([("i", pa.int64())])))


def test_rows_that_change_while_read() -> None:
    row: dict[str, Any] = {}

    class Clears:
        def __index__(self) -> int:
            row.clear()
            return 7

    row.update(a=Clears(), b="gone")
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    assert table([row], schema).to_pylist() == [{"a": 7, "b": None}]


def guessed(rows: Any) -> pa.Schema:
    return pa.schema(_core.schema_from_rows(rows))


def test_guesses() -> None:
    day = dt.datetime(2020, 1, 1)
    rows = [
        {"i": 1, "n": 1, "s": "x", "b": b"x", "none": None, "l": [], "dec": 5},
        {"n": 2.5, "d": day.date(), "t": day.time(), "ts": day, "tz": day.replace(tzinfo=UTC)},
        {"l": [{"q": 1}], "dec": decimal.Decimal("10.125"), "u": uuid.UUID(int=1)},
        {"l": [{"r": True}], "np": np.int8(1), "nf": np.float32(1), "p": pd.NaT},
    ]
    element = pa.field("element", pa.struct([("q", pa.int64()), ("r", pa.bool_())]))
    assert guessed(rows) == pa.schema([
        ("i", pa.int64()), ("n", pa.float64()), ("s", pa.string()), ("b", pa.binary()),
        ("none", pa.string()), ("l", pa.list_(element)), ("dec", pa.decimal128(5, 3)),
        ("d", pa.date32()), ("t", pa.time64("us")), ("ts", pa.timestamp("us")),
        ("tz", pa.timestamp("us", "UTC")), ("u", pa.uuid()), ("np", pa.int64()),
        ("nf", pa.float64()), ("p", pa.string()),
    ])  # fmt: skip
    assert table(rows, guessed(rows)).column("dec").to_pylist()[2] == decimal.Decimal("10.125")


@pytest.mark.parametrize(
    ("rows", "error", "says"),
    [
        ([{"a": 1}, {"a": "x"}], TypeError, "Record 1: column 'a': a str after an int"),
        ([{"a": True}, {"a": 1}], TypeError, "an int after a bool"),
        ([{"a": dt.datetime(2020, 1, 1)}, {"a": dt.datetime(2020, 1, 1, tzinfo=UTC)}],
         TypeError, "with a zone after a datetime without"),
        ([{"a": object()}], TypeError, "got object"),
        ([{1: 2}], TypeError, "names of columns"),
        ([5], TypeError, "Record 0: expected a dict, got int"),
        ([{"a": 1 << 70}], ValueError, "does not fit int64"),
        ([{"a": decimal.Decimal("1e-40")}], ValueError, "digits, more than 38"),
    ],
)  # fmt: skip
def test_guesses_that_fail(rows: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as caught:
        _core.schema_from_rows(rows)
    assert says in str(caught.value)


def test_a_list_in_itself() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="deep"):
        _core.schema_from_rows([{"a": loop}])


def shuffled(r: random.Random, row: dict[str, Any]) -> dict[str, Any]:
    """The same members in another order, under keys that are other objects."""
    items = list(row.items())
    r.shuffle(items)
    return {("".join(list(key))): value for key, value in items}


class Key(str):
    """Not exactly a str."""


class Row(dict[str, Any]):
    """Not exactly a dict."""


def test_rows_of_every_layout() -> None:
    r = random.Random(11)
    names = [f"c{i}" for i in range(6)]
    schema = pa.schema([(name, pa.int64()) for name in names])
    rows: list[Any] = []
    for n in range(3000):
        row: dict[str, Any] = {name: n * 10 + i for i, name in enumerate(names)}
        kind = r.randrange(8)
        if kind == 0:
            row = shuffled(r, row)
        elif kind == 1:
            del row[r.choice(names)]
        elif kind == 2:
            row = {}
        elif kind == 3:
            row = {Key(name): value for name, value in row.items()}
        elif kind == 4:
            row = Row(row)
        elif kind == 5:
            row = {name: None if r.random() < 0.5 else value for name, value in row.items()}
        rows.append(row)
    plain = [{str(key): value for key, value in row.items()} for row in rows]
    assert table(rows, schema).to_pylist() == [
        {name: row.get(name) for name in names} for row in plain
    ]


def test_a_key_that_is_no_column_is_found_wherever_it_is() -> None:
    schema = pa.schema([("a", pa.int64()), ("b", pa.int64())])
    good: list[Any] = [{"a": 1, "b": 2}] * 5
    bads: list[Any] = [{"a": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}, {"a": 1, Key("c"): 2}, {1: 2, "b": 3}]
    for bad in bads:
        with pytest.raises(ValueError, match="^Record 5 has fields not in the table schema"):
            table([*good, bad], schema)
        found = list(_core.stream_from_rows([*good, bad], schema, strict=False))
        assert sum(len(pa.record_batch(batch)) for batch in found) == 6
    required = pa.schema([pa.field("a", pa.int64(), nullable=False), ("b", pa.int64())])
    for lacking in ({"b": 2}, {"a": None, "b": 2}, {}):
        with pytest.raises(ValueError, match="^Record 5 is missing required field 'a'"):
            table([*good, lacking], required)


def test_rows_that_change_while_read_after_others_like_them() -> None:
    class Clears:
        def __init__(self, row: dict[str, Any]) -> None:
            self.row = row

        def __index__(self) -> int:
            self.row.clear()
            self.row.update({f"x{i}": "a longer text" * 9 for i in range(100)})
            return 7

    schema = pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.float64())])
    rows: list[dict[str, Any]] = [{"a": i, "b": f"text {i}", "c": 0.5} for i in range(20)]
    for i in (3, 4, 19):
        rows[i]["a"] = Clears(rows[i])
    if not GIL:  # There rows are read field by field, and this one is another by then.
        with pytest.raises(ValueError, match="Record 3 has fields not in the table schema"):
            table(rows, schema)
        return
    found = table(rows, schema).to_pylist()
    assert [row["a"] for row in found] == [7 if i in (3, 4, 19) else i for i in range(20)]
    assert [row["b"] for row in found] == [f"text {i}" for i in range(20)]


def test_what_is_nearly_of_a_columns_class() -> None:
    class Text(str):
        pass

    class Whole(int):
        pass

    class Real(float):
        pass

    class Moment(dt.datetime):
        pass

    schema = pa.schema([
        ("t", pa.string()), ("i", pa.int64()), ("f", pa.float64()), ("b", pa.bool_()),
        ("m", pa.timestamp("us")), ("z", pa.timestamp("us", "UTC")),
    ])  # fmt: skip
    when = dt.datetime(2024, 2, 29, 23, 59, 59, 999_999)
    east = dt.timezone(dt.timedelta(hours=5, minutes=30))
    plain = {"t": "é", "i": -1, "f": -0.0, "b": True, "m": when, "z": when.replace(tzinfo=UTC)}
    near = {"t": Text("é"), "i": Whole(-1), "f": Real(-0.0), "b": np.bool_(True),
            "m": Moment(2024, 2, 29, 23, 59, 59, 999_999),
            "z": when.replace(tzinfo=UTC).astimezone(east)}  # fmt: skip
    found = table([plain, near, plain, near], schema).to_pylist()
    assert found == [plain] * 4
    assert [str(row["f"]) for row in found] == ["-0.0"] * 4


def test_every_day_of_the_calendar() -> None:
    r = random.Random(3)
    days = [dt.date.fromordinal(n) for n in r.sample(range(1, dt.date.max.toordinal() + 1), 5000)]
    days += [dt.date(y, m, d) for y in (1, 4, 100, 400, 1600, 1900, 1970, 2000, 2100, 9999)
             for m, d in ((1, 1), (2, 28), (3, 1), (12, 31))]  # fmt: skip
    days += [dt.date(y, 2, 29) for y in (4, 400, 1600, 2000, 2024, 9996)]
    moments = [
        dt.datetime.combine(day, dt.time(r.randrange(24), r.randrange(60), r.randrange(60), r.randrange(10**6)))
        for day in days
    ]
    for type_, zone in ((pa.timestamp("us"), None), (pa.timestamp("us"), UTC), (pa.timestamp("us", "UTC"), UTC)):
        rows = [{"m": moment.replace(tzinfo=zone)} for moment in moments]
        found = table(rows, pa.schema([("m", type_)])).column("m").cast(pa.int64()).to_pylist()
        epoch = dt.datetime(1970, 1, 1)
        assert found == [(moment - epoch) // dt.timedelta(microseconds=1) for moment in moments]


def test_batches_of_a_long_stream_are_as_one() -> None:
    rows = [{"i": i, "t": f"text {i % 1000}" * (i % 3), "n": None if i % 7 else i} for i in range(200_000)]
    schema = pa.schema([("i", pa.int64()), ("t", pa.string()), ("n", pa.int64())])
    batches = [pa.record_batch(batch) for batch in _core.stream_from_rows(rows, schema)]
    assert [len(batch) for batch in batches] == [32768] * 6 + [3392]
    assert pa.Table.from_batches(batches).to_pylist() == rows


QUICK = pa.schema([
    ("b", pa.bool_()), ("i", pa.int64()), ("f", pa.float64()), ("t", pa.string()), ("l", pa.large_string()),
    ("m", pa.timestamp("us")), ("z", pa.timestamp("us", "UTC")), pa.field("r", pa.int64(), nullable=False),
])  # fmt: skip
SLOW = [pa.field("n", pa.int32()), pa.field("d", pa.date32()), pa.field("e", pa.decimal128(9, 2), nullable=False)]
MIXED = pa.schema([SLOW[0], *QUICK, *SLOW[1:]])


def quick_row(r: random.Random, words: list[str]) -> dict[str, Any]:
    when = moment(r) if r.random() < 0.2 else dt.datetime(2024, 2, 29, r.randrange(24))
    return {"b": r.random() < 0.5, "i": r.randrange(-5, 1 << 63), "f": r.gauss(0, 1), "t": r.choice(words),
            "l": text(r), "m": when, "z": when.replace(tzinfo=UTC), "r": r.randrange(9)}  # fmt: skip


def mixed_row(r: random.Random, row: dict[str, Any]) -> dict[str, Any]:
    row.update(n=r.randrange(-(1 << 31), 1 << 31), d=moment(r).date(), e=decimal.Decimal(r.randrange(99)) / 4)
    if r.random() < 0.1:
        row.update(n=None, d=None)
    return row


def odd_row(r: random.Random, row: dict[str, Any]) -> Any:
    """Fits as well, but not as the others do."""
    change: dict[str, Any] = r.choice((
        {"b": np.bool_(True)}, {"i": 5.0}, {"f": 1}, {"t": b"bytes"}, {"m": pd.Timestamp(5000)}, {"m": 77},
        {"z": dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))}, {"r": np.int8(4)},
        {"l": "long" * 300_000},
    ))  # fmt: skip
    holed = {"gone": 0, **row, "x": 1}
    del holed["gone"], holed["x"]
    short = dict(row)
    del short[r.choice("biftlmz")]
    return r.choice((Row(row), shuffled(r, row), UserDict(row), holed, short, {**row, **change}))


def quick_rows(r: random.Random, odd: float) -> list[Any]:
    words = [text(r) for _ in range(3)]
    nulls = r.choice((0.0, 0.0, 0.01, 0.5))
    rows: list[Any] = []
    for _ in range(r.choice((63, 64, 65, 300, 9000))):
        row = quick_row(r, words)
        row = {k: None if k != "r" and r.random() < nulls else v for k, v in row.items()}
        rows.append(odd_row(r, row) if r.random() < odd else row)
    return rows


@pytest.mark.parametrize("seed", range(12))
def test_a_list_is_taken_as_what_is_iterated(seed: int) -> None:
    r = random.Random(seed)
    rows = quick_rows(r, odd=(0.0, 0.003, 0.2)[seed % 3])
    texts = [t.decode() if isinstance(t := row.get("t"), bytes) else t for row in rows]
    for schema in (QUICK, MIXED):
        found = table(rows, schema).combine_chunks()
        assert found == table(iter(rows), schema).combine_chunks()
        assert found.column("t").to_pylist() == texts
        rows = [mixed_row(r, row) if isinstance(row, dict) else row | mixed_row(r, {}) for row in rows]


def said(form: Any, schema: pa.Schema) -> tuple[type[BaseException], str]:
    with pytest.raises((TypeError, ValueError)) as caught:
        table(form, schema)
    return caught.type, str(caught.value)


@pytest.mark.parametrize("seed", range(12))
def test_a_list_fails_as_what_is_iterated(seed: int) -> None:
    r = random.Random(100 + seed)
    rows = quick_rows(r, odd=(0.0, 0.003)[seed % 2])
    bad: list[Any] = [{"r": None}, {"i": "x"}, {"i": 1 << 63}, {"t": 5}, {"t": "\ud800"}, {"b": 1}, {"m": "x"},
                      {"f": "x"}, {"new": 1}]  # fmt: skip
    for schema in (QUICK, MIXED):
        for change in bad:
            broken = list(rows)
            for at in (*(r.randrange(len(rows)) for _ in range(3)), -1):
                row = quick_row(r, ["w"])
                row = mixed_row(r, row) if schema is MIXED else row
                broken[at] = {**row, **(change if at == -1 or r.random() < 0.5 else r.choice(bad))}
            assert said(broken, schema) == said(iter(broken), schema)
        rows = [mixed_row(r, quick_row(r, ["a", "b"])) for row in rows]
        bad += [{"n": 1 << 31}, {"n": "x"}, {"d": "x"}, {"e": None}, {"e": decimal.Decimal("0.001")}]


@pytest.mark.skipif(not GIL, reason="there rows are taken one by one")
def test_what_a_block_has_looked_at_is_held() -> None:
    class Clears:
        def __init__(self, n: int) -> None:
            self.n = n

        def __index__(self) -> int:
            for row in rows[self.n + 1 : 64]:
                row.clear()
            return self.n

    schema = pa.schema([("n", pa.int32()), ("e", pa.decimal128(9, 0)), ("t", pa.string())])
    rows = [{"n": Clears(i), "e": decimal.Decimal(i), "t": f"text {i}"} for i in range(64)]
    rows.insert(0, {"n": 0, "e": decimal.Decimal(0), "t": ""})  # One by one, and so is …
    rows.insert(1, dict(rows[0]))  # … this one: nothing was learned before.
    found = table(rows, schema).to_pylist()
    assert found[2:64] == [{"n": i, "e": i, "t": f"text {i}"} for i in range(62)]


@pytest.mark.parametrize("odd_at", [64, 66, 100, 127, 128, 190])
@pytest.mark.parametrize("null_at", [0, 65, 66, 99, 126, 180])
def test_what_was_taken_of_a_row_that_is_odd(null_at: int, odd_at: int) -> None:
    schema = pa.schema([("a", pa.int64()), ("b", pa.bool_()), ("s", pa.string()), ("c", pa.int64())])
    rows: list[Any] = [{"a": i, "b": i % 3 == 0, "s": "x" * (i % 5), "c": i} for i in range(200)]
    rows[null_at].update(a=None, b=None, s=None)
    expected = [dict(row) for row in rows]
    rows[odd_at]["c"] = float(odd_at)
    found = table(rows, schema)
    assert found.to_pylist() == expected
    assert [found.column(name).null_count for name in "absc"] == [1, 1, 1, 0]


def test_a_list_that_changes_while_it_is_taken() -> None:
    class Cuts:
        def __index__(self) -> int:
            del rows[200:]
            rows[100:] = [{"a": 2, "b": "new"}]
            return 7

    for type_ in (pa.int64(), pa.int32()):
        schema = pa.schema([("a", type_), ("b", pa.string())])
        rows: list[dict[str, Any]] = [{"a": i, "b": f"text {i}"} for i in range(1000)]
        rows[90]["a"] = Cuts()
        found = table(rows, schema).to_pylist()
        as_made = [{"a": 7 if i == 90 else i, "b": f"text {i}"} for i in range(1000)]
        assert found[:100] == as_made[:100]
        # What had been looked at by then is as it was.
        assert found[100:] in ([{"a": 2, "b": "new"}], as_made[100 : len(found)])


def test_references_are_given_back() -> None:
    class Whole:
        def __index__(self) -> int:
            return 5

    odd, text_, key = Whole(), "".join(["some", "text"]), "".join(["k", "ey"])
    before = [sys.getrefcount(x) for x in (odd, text_, key)]
    schema = pa.schema([("key", pa.string()), ("n", pa.int64())])
    rows = [{key: text_, "n": odd} for _ in range(100)]
    table(rows, schema)
    with pytest.raises(TypeError):
        table([*rows, {key: text_, "n": object()}], schema)
    del rows
    assert [sys.getrefcount(x) for x in (odd, text_, key)] == before
