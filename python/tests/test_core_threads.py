"""Objects that threads share, with the interpreter's lock and without."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Callable

import pytest

import datashard as ds

THREADS = 6


def together(work: Callable[[int], None], threads: int = THREADS) -> None:
    """Runs work(0), work(1) … at once; raises what the first that failed raised."""
    barrier = threading.Barrier(threads)
    failed: list[BaseException] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            work(number)
        except BaseException as e:
            failed.append(e)

    started = [threading.Thread(target=run, args=(i,)) for i in range(threads)]
    for t in started:
        t.start()
    for t in started:
        t.join()
    if failed:
        raise failed[0]


@pytest.fixture
def table(tmp_path: pathlib.Path) -> ds.IcebergTable:
    return ds.IcebergTable.create(str(tmp_path / "t"), "id long, name string")


def test_one_table_serves_writers_and_readers(table: ds.IcebergTable) -> None:
    each = 8

    def work(number: int) -> None:
        for k in range(each):
            table.append([{"id": number * 1000 + k, "name": f"writer {number}"}])
            found = table.scan(where=f"id >= {number * 1000} and id < {number * 1000 + 1000}")
            ids = sorted(row["id"] for row in found.to_pylist())
            assert ids == [number * 1000 + i for i in range(k + 1)]

    together(work)
    fresh = ds.IcebergTable.open(table.location)
    assert sorted(r["id"] for r in fresh.scan().to_pylist()) == [
        number * 1000 + k for number in range(THREADS) for k in range(each)
    ]


def test_a_transaction_is_of_one_thread_at_a_time(table: ds.IcebergTable) -> None:
    tx = table.transaction()
    added: list[int] = []

    def work(number: int) -> None:
        for k in range(20):
            try:
                tx.append([{"id": number * 100 + k}])
            except ValueError as e:
                assert "another thread" in str(e)
            else:
                added.append(number * 100 + k)

    together(work)
    tx.commit()
    fresh = ds.IcebergTable.open(table.location)
    assert sorted(r["id"] for r in fresh.scan().to_pylist()) == sorted(added)
    assert added


def test_a_transaction_is_committed_once(table: ds.IcebergTable) -> None:
    for k in range(10):
        tx = table.transaction()
        tx.append([{"id": k}])
        committed: list[int] = []

        def work(number: int) -> None:
            try:
                tx.commit()
            except ValueError:
                return
            committed.append(number)

        together(work, 4)
        assert len(committed) == 1
    assert ds.IcebergTable.open(table.location).count() == 10


def test_a_stream_gives_each_batch_to_one_thread(table: ds.IcebergTable) -> None:
    for k in range(12):
        table.append([{"id": k}])
    stream = iter(table.scan())
    seen: list[int] = []

    def work(number: int) -> None:
        while True:
            try:
                batch = next(stream)
            except StopIteration:
                return
            except ValueError as e:
                assert "another thread" in str(e)
                continue
            seen.extend(r["id"] for r in batch.to_pylist())

    together(work)
    assert sorted(seen) == list(range(12))


def test_rows_may_change_while_they_are_read(table: ds.IcebergTable) -> None:
    """Whoever changes rows under way gets some of either; nothing breaks, no value is torn."""
    rows: list[dict[str, object]] = [{"id": i, "name": "x" * (i % 50)} for i in range(300)]
    stop = threading.Event()

    def change(number: int) -> None:
        step = 0
        while not stop.is_set():
            row = rows[(step * 7 + number) % 100]
            row.pop("name", None)
            row["name"] = "y" * (step % 50)
            if len(rows) > 300 + step % 100:
                rows.pop()
            else:
                rows.append({"id": step, "name": "z" * (step % 50)})
            step += 1

    others = [threading.Thread(target=change, args=(i,)) for i in range(3)]
    for t in others:
        t.start()
    committed = 0
    try:
        for turn in range(12):
            try:
                committed += table.append(rows[:200] if turn % 2 else rows).rows
            except (ds.Error, RuntimeError, ValueError):
                continue  # It may say that the rows changed.
    finally:
        stop.set()
        for t in others:
            t.join()
    found = ds.IcebergTable.open(table.location).scan().to_pylist()
    assert len(found) == committed > 0
    for row in found:
        assert len(set(row["name"] or "")) <= 1
