"""Appends of many rows, which two threads share: all of them, in order, or none."""

from __future__ import annotations

import contextlib
import pathlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from datashard import Schema, Transaction, create_table, load_table
from datashard._native import IcebergTable

TEXT = "id long not null, msg string"
COUNT = 250_000  # Several batches.


def made(first: int = 0, count: int = COUNT) -> Iterator[dict[str, Any]]:
    for i in range(first, first + count):
        yield {"id": i, "msg": f"row {i}"}


@pytest.fixture
def place(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "t")


@pytest.fixture
def table(place: str) -> IcebergTable:
    return IcebergTable.create(place, TEXT)


def ids_of(place: str, **options: Any) -> list[int]:
    found = IcebergTable.open(place).scan(ordered=True, **options).to_pydict()
    assert found["msg"] == [f"row {i}" for i in found["id"]]
    return found["id"]


def data_files(place: str) -> list[pathlib.Path]:
    return sorted(pathlib.Path(place, "data").rglob("*.parquet"))


@pytest.mark.parametrize("kind", ["list", "generator"])
def test_rows_stay_in_order(table: IcebergTable, place: str, kind: str) -> None:
    rows: Any = list(made()) if kind == "list" else made()
    assert table.append(rows).rows == COUNT
    assert ids_of(place) == list(range(COUNT))
    assert len(data_files(place)) == 1


def test_a_transaction_of_several_parts(table: IcebergTable, place: str) -> None:
    with table.transaction() as tx:
        tx.append(made())
        tx.append([{"id": COUNT, "msg": f"row {COUNT}"}])
        tx.append(made(COUNT + 1))
        assert tx.commit().rows == 2 * COUNT + 1
    assert ids_of(place) == list(range(2 * COUNT + 1))


@pytest.mark.parametrize("at", [1, 65_536, 140_000, COUNT - 1])
def test_what_fails_midway_leaves_nothing(table: IcebergTable, place: str, at: int) -> None:
    table.append([{"id": 0, "msg": "row 0"}])
    before = data_files(place)

    def broken() -> Iterator[dict[str, Any]]:
        yield from made(count=at)
        raise LookupError("the producer has failed")

    with pytest.raises(LookupError, match="the producer has failed"):
        table.append(broken())
    rows = list(made())
    rows[at] = {"id": "no number", "msg": None}
    with pytest.raises(TypeError, match=f"^Record {at}, column 'id'"):
        table.append(rows)
    rows[at] = {"id": at, "msg": None, "more": 1}
    with pytest.raises(ValueError, match=f"^Record {at} has fields not in the table schema"):
        table.append(rows)
    assert ids_of(place) == [0]
    assert data_files(place) == before
    assert table.append(made(1)).rows == COUNT


def test_many_threads_append_many_rows(table: IcebergTable, place: str) -> None:
    threads = [
        threading.Thread(target=table.append, args=(list(made(n * COUNT)),)) for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids_of(place)) == list(range(3 * COUNT))


def test_rows_that_other_threads_change_meanwhile(table: IcebergTable, place: str) -> None:
    """Each row is what it was at some moment; nothing is worse than that."""
    over = threading.Event()
    rows: list[dict[str, Any]] = list(made(count=2000))

    def change() -> None:
        n = 0
        while not over.is_set():
            n += 1
            row = rows[n * 7919 % 1000]
            row["more"] = None
            row["msg"] = f"row {row['id']}"
            row["msg"] = "".join(["row ", str(row["id"])])
            row.pop("more", None)
            rows[n % 1000] = {"msg": f"row {n % 1000}", "id": n % 1000}
            rows.append({"id": 0, "msg": "row 0"})
            rows.pop()

    changers = [threading.Thread(target=change) for _ in range(2)]
    for changer in changers:
        changer.start()
    appended = 0
    for _ in range(30):
        try:
            appended += table.append(rows).rows
        except ValueError as error:
            assert "fields not in the table schema" in str(error)
    over.set()
    for changer in changers:
        changer.join()
    assert len(ids_of(place)) == appended


FIELDS: list[dict[str, Any]] = [
    {"id": 1, "name": "id", "type": "long", "required": True},
    {"id": 2, "name": "msg", "type": "string", "required": False},
]


def begun(place: str) -> Transaction:
    return create_table(place, Schema(1, FIELDS)).new_transaction().begin()


@pytest.mark.parametrize("bad", [{"id": 2, "other": 1}, {"msg": "x"}, {"id": None}])
@pytest.mark.parametrize("before", [0, 1])
def test_a_transaction_goes_on_after_rows_that_were_refused(
    place: str, bad: dict[str, Any], before: int
) -> None:
    tx = begun(place)
    if before:
        tx.append_data(list(made(count=before)))
    with pytest.raises(ValueError, match="^Record 150000 "):
        tx.append_data([*made(count=150_000), bad])
    assert tx.is_active()
    assert tx.append_data(list(made(before, 70_000))).commit() is True
    assert ids_of(place) == list(range(before + 70_000))
    assert len(data_files(place)) == 1


@pytest.mark.parametrize("before", [0, 1])
def test_a_transaction_goes_on_after_a_value_that_does_not_fit(place: str, before: int) -> None:
    """As DataShard's does; what was in it before is in it still."""
    pandas = pytest.importorskip("pandas")
    with create_table(place, Schema(1, FIELDS)).new_transaction() as tx:
        if before:
            tx.append_data(list(made(count=before)))
        with pytest.raises(TypeError, match="^Record 150000, column 'id'"):
            tx.append_data([*made(count=150_000), {"id": "x"}])
        with pytest.raises(ValueError, match="^Record 1, column 'id'"):
            tx.append_pandas(pandas.DataFrame({"id": [before, 1.5]}))
        assert tx.is_active()
        tx.append_data(list(made(before, 1000)))
        with pytest.raises(TypeError, match="^Record 0, column 'msg'"):
            tx.append_data([{"id": 1000, "msg": 5}])
    assert ids_of(place) == list(range(before + 1000))
    assert len(data_files(place)) == 1


def test_a_block_does_not_end_as_if_a_failure_had_not_been(place: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = create_table(place, Schema(1, FIELDS))
    with pytest.raises(RuntimeError, match="Transaction is not active.*nothing was committed"):
        with table.new_transaction() as tx:
            tx.append_data([{"id": 1}])
            with contextlib.suppress(ValueError):
                tx.append_arrow(pyarrow.table({"id": pyarrow.nulls(1, "int64")}).to_reader())
            assert not tx.is_active()
    assert table.row_count() == 0
    with table.new_transaction() as tx:
        tx.append_data([{"id": 1}])
        tx.rollback()
    assert table.row_count() == 0 and data_files(place) == []


def test_a_schema_that_requires_more_than_the_tables(place: str) -> None:
    tx = begun(place)
    strict = Schema(1, [FIELDS[0], {**FIELDS[1], "required": True}])
    with pytest.raises(ValueError, match="^Record 1 is missing required field 'msg'"):
        tx.append_data([{"id": 0, "msg": "row 0"}, {"id": 1}], strict)
    assert tx.append_data([{"id": 0, "msg": "row 0"}], strict).commit() is True
    assert ids_of(place) == [0]


def test_parallel_or_not_the_order_is_the_tables(place: str) -> None:
    table = create_table(place, Schema(1, FIELDS))
    for n in range(6):
        table.append_records(list(made(n * 20_000, 20_000)))
    everything = list(range(120_000))
    for parallel in (False, True, 1, 2, 7):
        assert [row["id"] for row in table.scan(["id"], parallel=parallel)] == everything
    assert [row["id"] for row in table.iter_records(["id"])] == everything
