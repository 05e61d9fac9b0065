"""Iterators of batches: each under its own columns' names, and what an iterator raises."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from datashard import Catalog, IcebergTable, Invalid


@pytest.fixture
def table() -> IcebergTable:
    return Catalog("memory:").create_table("a.t", "a long, b long")


def rows(table: IcebergTable) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.refresh().scan(ordered=True).to_pylist()]


AB, BA = pa.table({"a": [1], "b": [10]}), pa.table({"b": [20], "a": [2]})


@pytest.mark.parametrize(
    "batches",
    [
        [AB, BA],
        [AB.to_batches()[0], BA.to_batches()[0]],
        [pl.DataFrame(AB), pl.DataFrame(BA)],
        [pl.DataFrame(AB).lazy(), pl.DataFrame(BA).lazy()],
        [AB.to_pandas(), BA.to_pandas()],
        [AB, pl.DataFrame(BA)],
        [duckdb.sql("select 1::bigint a, 10::bigint b"), duckdb.sql("select 20::bigint b, 2 a")],
    ],
)
@pytest.mark.parametrize("how", ["append", "transaction", "appender"])
def test_columns_in_another_order_stay_under_their_names(
    table: IcebergTable, batches: list[Any], how: str
) -> None:
    if how == "append":
        assert table.append(iter(batches)).rows == 2
    elif how == "transaction":
        with table.transaction() as tx:
            tx.append(batches)
    else:
        with table.appender() as appender:
            appender.write(batches)
    assert rows(table) == [(1, 10), (2, 20)]


def test_batches_that_differ_are_one_commit(table: IcebergTable) -> None:
    narrow = pa.table({"a": pa.array([3], pa.int32()), "b": pa.array([30], pa.int16())})
    result = table.append([AB, pa.table({"a": [2]}), AB, AB, narrow, pl.DataFrame()])
    assert result.rows == 5 and len(table.refresh().snapshots()) == 1
    assert rows(table) == [(1, 10), (2, None), (1, 10), (1, 10), (3, 30)]


def test_units_of_time_are_each_batchs_own() -> None:
    table = Catalog("memory:").create_table("a.t", "at timestamp")
    of = [pa.table({"at": pa.array([10**6], pa.timestamp("s"))}).cast(pa.schema([("at", pa.timestamp(u))]))
          for u in ("us", "ms", "s", "ns")]
    table.append(of)
    assert len(set(rows(table))) == 1 and table.count() == 4


def test_frames_of_pandas_have_gaps(table: IcebergTable) -> None:
    frames = (pd.DataFrame({"a": [i, None], "b": [i, i]}) for i in range(2))
    assert table.append(frames).rows == 4
    assert rows(table) == [(0, 0), (None, 0), (1, 1), (None, 1)]


def test_field_ids_are_each_batchs_own(table: IcebergTable) -> None:
    def with_ids(a: int, b: int) -> pa.Table:
        ids = [{"PARQUET:field_id": str(i)} for i in (a, b)]
        fields = [pa.field(n, pa.int64(), metadata=m) for n, m in zip("ab", ids)]
        return pa.table({"a": [1], "b": [2]}, pa.schema(fields))

    with pytest.raises(Invalid, match="by its field id"):
        table.append([with_ids(1, 2), with_ids(2, 1)])
    assert rows(table) == []


class Boom(Exception):
    """Nothing that pyarrow knows."""


@pytest.mark.parametrize("raised", [Boom("why"), KeyboardInterrupt("now"), OSError(5, "disk")])
@pytest.mark.parametrize("at", [0, 1, 3])
def test_what_an_iterator_raises_is_raised_as_it_was(
    table: IcebergTable, raised: BaseException, at: int
) -> None:
    def batches() -> Iterator[Any]:
        for number, batch in enumerate([AB, AB, BA, AB]):
            if number == at:
                raise raised
            yield batch

    with pytest.raises(type(raised)) as caught:
        table.append(batches())
    assert caught.value is raised
    with pytest.raises(type(raised)), table.transaction() as tx:
        tx.append(batches())
    assert rows(table) == []


@pytest.mark.parametrize("installed", [True, False])
def test_nothing_stays_of_batches_that_failed(
    table: IcebergTable, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the transaction goes on."""

    def batches() -> Iterator[Any]:
        yield pl.DataFrame(AB)
        yield pl.DataFrame(BA)
        raise Boom

    if not installed:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Invalid, match="failed before"), table.transaction() as tx:
        with contextlib.suppress(Boom):
            tx.append(batches())
    with pytest.raises(Boom):
        table.append(batches())
    assert table.append([pl.DataFrame(AB), pl.DataFrame(BA)]).rows == 2
    assert rows(table) == [(1, 10), (2, 20)]


def test_a_row_among_batches_is_refused(table: IcebergTable) -> None:
    with pytest.raises(TypeError, match="an iterator of batches gave a dict"):
        table.append([AB, {"a": 1}])
    assert rows(table) == []
