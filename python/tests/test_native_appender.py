"""The appender and asyncio: what is acknowledged is there, and no outcome is lost."""

from __future__ import annotations

import asyncio
import pathlib
import threading
import uuid

import pytest

from datashard import Cancelled
from datashard._async import new_identity
from datashard._native import IcebergTable

TEXT = "id long not null, msg string"


@pytest.fixture
def table(tmp_path: pathlib.Path) -> IcebergTable:
    return IcebergTable.create(tmp_path / "t", TEXT)


def ids(table: IcebergTable) -> list[int]:
    return sorted(row["id"] for row in IcebergTable.open(table.location).scan().to_pylist())


def test_threads_share_an_appender(table: IcebergTable) -> None:
    failures: list[BaseException] = []

    with table.appender(every="20ms") as ap:

        def write(start: int) -> None:
            try:
                tickets = [ap.write({"id": start + i}) for i in range(50)]
                assert ap.wait(tickets[-1])
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=(n * 50,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == [] and ids(table) == list(range(200))


def test_appender_takes_what_append_takes(table: IcebergTable) -> None:
    acks: list[dict[str, object]] = []
    with table.appender(every=None, on_ack=acks.append) as ap:
        ap.write({"id": 0})
        ap.write([{"id": 1}, {"id": 2}])
        pa = pytest.importorskip("pyarrow")
        ap.write(pa.table({"id": [3], "msg": ["x"]}))
        ap.write(iter(pa.table({"id": [4, 5]}).to_batches(max_chunksize=1)))
        with pytest.raises(ValueError):
            ap.write({"id": None})
        assert ap.flush(timeout=60)
        assert ids(table) == [0, 1, 2, 3, 4, 5]
        assert "6 of 6" in repr(ap)
    assert len(acks) >= 1


def test_an_exception_in_the_block_keeps_what_was_accepted(table: IcebergTable) -> None:
    with pytest.raises(KeyError), table.appender() as ap:
        ap.write({"id": 1})
        raise KeyError("x")
    assert ids(table) == [1]


def test_a_bad_interval_is_refused(table: IcebergTable) -> None:
    with pytest.raises(ValueError, match="every"):
        table.appender(every="soon")


def test_append_async(table: IcebergTable) -> None:
    async def run() -> int:
        results = await asyncio.gather(*(table.append_async({"id": i}) for i in range(5)))
        return sum(result.rows for result in results)

    assert asyncio.run(run()) == 5 and ids(table) == list(range(5))


def test_cancelled_waits_lose_nothing(table: IcebergTable) -> None:
    started, go = threading.Event(), threading.Event()

    def slow():  # type: ignore[no-untyped-def]
        started.set()
        assert go.wait(60)
        yield {"id": 1}

    async def run() -> str:
        pending = table.append_async(slow())

        async def wait() -> None:
            await pending

        task = asyncio.create_task(wait())
        await asyncio.to_thread(started.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not pending.done()
        go.set()
        with pytest.raises(Cancelled):  # Nothing was committed.
            await pending
        return pending.identity

    identity = asyncio.run(run())
    assert ids(table) == []
    assert not IcebergTable.open(table.location).resolve(identity).committed


def test_shielded_commits_go_on(table: IcebergTable) -> None:
    started, go = threading.Event(), threading.Event()

    def slow():  # type: ignore[no-untyped-def]
        started.set()
        assert go.wait(60)
        yield {"id": 1}

    async def run() -> str:
        pending = table.append_async(slow())

        async def wait() -> None:
            await asyncio.shield(pending)

        task = asyncio.create_task(wait())
        await asyncio.to_thread(started.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not pending.done()
        go.set()
        result = await pending
        assert result.committed and result == await pending == pending.result()
        assert result.identity == pending.identity
        return pending.identity

    identity = asyncio.run(run())
    assert ids(table) == [1]
    assert IcebergTable.open(table.location).resolve(identity).committed


def test_a_loop_that_ends_waits_for_its_commits(table: IcebergTable) -> None:
    async def run() -> None:
        table.append_async({"id": 7})

    asyncio.run(run())
    assert ids(table) == [7]


def test_failures_come_out_of_await(table: IcebergTable) -> None:
    async def run() -> None:
        with pytest.raises(ValueError):
            await table.append_async({"nope": 1})

    asyncio.run(run())


def test_transactions_under_asyncio(table: IcebergTable) -> None:
    async def run() -> None:
        async with table.transaction() as tx:
            tx.append({"id": 1})
        assert tx.result is not None and tx.result.committed
        other = table.transaction()
        other.append({"id": 2})
        assert (await other.commit_async()).rows == 1
        with pytest.raises(KeyError):
            async with table.transaction() as lost:
                lost.append({"id": 3})
                raise KeyError("x")

    asyncio.run(run())
    assert ids(table) == [1, 2]


def test_identities_are_of_version_7() -> None:
    first, second = uuid.UUID(new_identity()), uuid.UUID(new_identity())
    assert first.version == second.version == 7 and first.variant == uuid.RFC_4122 and first != second
