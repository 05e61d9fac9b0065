"""Ctrl-C and other signals in commits: they end, and what became of them is told truly."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from datashard import Cancelled, _core
from datashard._async import PendingCommit
from datashard._errors import Invalid
from datashard._native import Catalog, IcebergTable

from children import child
from writers import Writers, stop_a_leader

SOON = 3.0
"""Seconds; on an idle machine it is a twentieth of one."""

HOLDER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
db.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


class Held:
    """A process that holds the catalog's database, so that every commit waits."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._releasing = threading.Lock()  # By a timer, and at the end.
        assert process.stdout is not None and process.stdout.readline() == "held\n"

    def release(self) -> None:
        with self._releasing:
            if self._process.poll() is None:
                self._process.communicate()


@pytest.fixture
def database(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "catalog.db"


@pytest.fixture
def table(database: pathlib.Path) -> IcebergTable:
    return Catalog(f"sqlite:{database}").create_table("a.t", "id long")


@contextlib.contextmanager
def held(database: pathlib.Path) -> Iterator[Held]:
    with child(HOLDER, str(database), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        holder = Held(process)
        try:
            yield holder
        finally:
            holder.release()


@contextlib.contextmanager
def signalled(number: int = signal.SIGINT, after: float = 0.2) -> Iterator[list[float]]:
    """Sends this process a signal in a while; the list gets the time when."""
    sent: list[float] = []

    def send() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), number)

    timer = threading.Timer(after, send)
    timer.start()
    try:
        yield sent
    finally:
        timer.join()


def ids(database: pathlib.Path) -> list[int]:
    return sorted(row["id"] for row in Catalog(f"sqlite:{database}").open_table("a.t").scan().to_pylist())


def commit_in_transaction(table: IcebergTable) -> object:
    with table.transaction() as tx:
        tx.append([{"id": 1}])
    return tx.result


CALLS: list[Callable[[IcebergTable], object]] = [
    lambda table: table.append([{"id": 1}]),
    lambda table: table.append([{"id": 1}], group=False),
    lambda table: table.append(iter([_core.stream_from_rows([{"id": n}]) for n in range(2)])),
    commit_in_transaction,
    lambda table: table.set_properties({"a": "b"}),
    lambda table: table.resolve("00000000-0000-7000-8000-000000000000", timeout=60),
    lambda table: table._core.optimize(files_min=2),
]


@pytest.mark.parametrize("call", CALLS)
def test_every_commit_ends_with_ctrl_c(
    call: Callable[[IcebergTable], object], table: IcebergTable, database: pathlib.Path
) -> None:
    with held(database):
        with signalled() as sent, pytest.raises(KeyboardInterrupt) as raised:
            call(table)
        assert time.monotonic() - sent[0] < SOON
    assert not hasattr(raised.value, "committed")
    assert ids(database) == []
    assert table.append([{"id": 7}]).committed  # The handle is as good as before.
    assert ids(database) == [7] and "a" not in table.properties


LOOKS: list[Callable[[Catalog, IcebergTable], object]] = [
    lambda catalog, table: catalog.open_table("a.t"),
    lambda catalog, table: catalog.list_tables("a"),
    lambda catalog, table: catalog.create_table("a.u", "id long"),
    lambda catalog, table: catalog.create_namespace("b"),
    lambda catalog, table: catalog.rename_table("a.t", "a.v"),
    lambda catalog, table: catalog.drop_table("a.t"),
    lambda catalog, table: table.refresh(),
]


@pytest.mark.parametrize("look", LOOKS)
def test_every_wait_for_the_catalog_ends_with_ctrl_c(
    look: Callable[[Catalog, IcebergTable], object], table: IcebergTable, database: pathlib.Path
) -> None:
    catalog = Catalog(f"sqlite:{database}")
    assert catalog.list_tables("a") == ["a.t"]
    with held(database):
        for ask in (lambda: look(catalog, table), lambda: Catalog(f"sqlite:{database}").list_tables("a")):
            with signalled() as sent, pytest.raises(KeyboardInterrupt):
                ask()
            assert time.monotonic() - sent[0] < SOON
    assert catalog.list_namespaces() == ["a"] and catalog.list_tables("a") == ["a.t"]
    assert catalog.open_table("a.t").count() == 0  # The handles are as good as before.


def test_a_handler_that_raises_nothing_stops_nothing(table: IcebergTable, database: pathlib.Path) -> None:
    seen: list[int] = []
    with held(database) as holder:

        def handler(number: int, frame: object) -> None:
            seen.append(number)
            holder.release()

        before = signal.signal(signal.SIGUSR1, handler)
        try:
            with signalled(signal.SIGUSR1):
                assert table.append([{"id": 1}]).committed
        finally:
            signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1] and ids(database) == [1]


def test_what_a_handler_raises_is_raised(table: IcebergTable, database: pathlib.Path) -> None:
    def handler(number: int, frame: object) -> None:
        with contextlib.suppress(Invalid):  # The database waits for itself then.
            table.count()
        raise SystemExit(7)

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with held(database), signalled(signal.SIGTERM), pytest.raises(SystemExit) as raised:
            table.append([{"id": 1}])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert raised.value.code == 7 and ids(database) == []


def test_too_late_it_has_the_result(table: IcebergTable, database: pathlib.Path) -> None:
    # Looked at when the commit, which waits for nothing, is done: now and then.
    for number in range(2000):
        timer = threading.Timer(number % 20 / 5000, os.kill, (os.getpid(), signal.SIGINT))
        error: BaseException | None = None
        try:
            timer.start()
            table.append([{"id": number}])
            timer.join()
        except KeyboardInterrupt as interrupt:
            error = interrupt
        done = getattr(error, "committed", None)
        if done is not None:
            break
    assert error is not None and done is not None
    assert done.committed and table.resolve(done.identity).committed
    assert number in ids(database)


def test_other_threads_are_left_alone(table: IcebergTable, database: pathlib.Path) -> None:
    done = threading.Event()
    results: list[object] = []

    def append() -> None:
        results.append(table.append([{"id": 1}]))
        done.set()

    with held(database):
        threading.Thread(target=append).start()
        with signalled(), pytest.raises(KeyboardInterrupt):
            done.wait(60)
    assert done.wait(60) and len(results) == 1 and ids(database) == [1]


def test_the_appenders_waits_end_with_ctrl_c(table: IcebergTable, database: pathlib.Path) -> None:
    appender = table.appender(every="10ms")
    with held(database):
        ticket = appender.write({"id": 1})
        for wait in (lambda: appender.wait(ticket), appender.flush, appender.close):
            with signalled() as sent, pytest.raises(KeyboardInterrupt):
                wait()
            assert time.monotonic() - sent[0] < SOON
    appender.close()  # It was not closed, and lost nothing.
    assert ids(database) == [1]


# ---- asyncio


def test_a_task_that_is_cancelled_stops_its_commit(table: IcebergTable, database: pathlib.Path) -> None:
    async def run() -> PendingCommit:
        pending = table.append_async([{"id": 1}])
        with pytest.raises(asyncio.TimeoutError):  # The built-in one from 3.11 on.
            await asyncio.wait_for(pending, 0.2)
        begun = time.monotonic()
        with pytest.raises(Cancelled):
            await pending
        assert time.monotonic() - begun < SOON
        return pending

    with held(database):
        pending = asyncio.run(run())
    assert ids(database) == [] and not table.resolve(pending.identity).committed


def test_a_pending_commit_can_be_cancelled(table: IcebergTable, database: pathlib.Path) -> None:
    async def run() -> None:
        tx = table.transaction()
        tx.append([{"id": 1}])
        pending = tx.commit_async()
        pending.cancel()
        with pytest.raises(Cancelled):
            await pending
        done = table.append_async([{"id": 2}])
        assert (await done).committed
        done.cancel()  # Too late.
        assert (await done).committed

    with held(database) as holder:
        threading.Timer(0.3, holder.release).start()
        asyncio.run(run())
    assert ids(database) == [2]


def test_asyncio_run_ends_with_ctrl_c(table: IcebergTable, database: pathlib.Path) -> None:
    async def run() -> None:
        await table.append_async([{"id": 1}])

    with held(database):
        with signalled() as sent, pytest.raises(KeyboardInterrupt):
            asyncio.run(run())
        assert time.monotonic() - sent[0] < SOON
    assert ids(database) == []


# ---- Long appends

LONG = """
import sys
from datashard._native import IcebergTable
def rows():
    while True:
        yield {"id": 1, "msg": "x" * 100}
print("go", flush=True)
try:
    IcebergTable.open(sys.argv[1]).append(rows())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""

LONG_BATCH = """
import sys
import pyarrow as pa
from datashard._native import IcebergTable
ids = pa.array(range(2_000_000))
batch = pa.record_batch({"id": ids, "msg": ids.cast(pa.string())})
def batches():
    while True:
        yield batch
print("go", flush=True)
try:
    IcebergTable.open(sys.argv[1]).append(pa.RecordBatchReader.from_batches(batch.schema, batches()))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def data_files(location: pathlib.Path) -> list[pathlib.Path]:
    return [path for path in location.rglob("*") if path.is_file() and "metadata" not in path.parts]


@pytest.mark.parametrize("program", [LONG, LONG_BATCH], ids=["rows", "batches"])
def test_a_long_append_ends_and_leaves_nothing(program: str, tmp_path: pathlib.Path) -> None:
    if "pyarrow" in program:
        pytest.importorskip("pyarrow")
    location = tmp_path / "t"
    IcebergTable.create(location, "id long, msg string")
    with child(program, str(location), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == "go\n"
        while not data_files(location):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        assert process.stdout.readline() == "interrupted\n"
        assert time.monotonic() - sent < SOON
        process.wait()
    assert IcebergTable.open(location).count() == 0 and not data_files(location)


def test_looking_for_files_stops_when_it_is_told(tmp_path: pathlib.Path) -> None:
    table = IcebergTable.create(tmp_path / "t", "id long")
    table.append([{"id": 1}])
    path = table.files()[0].path
    adding, deleting = table._core.begin(), table._core.begin()
    stop = _core.Stop()
    stop.set()
    _core.watch(stop)
    try:
        with pytest.raises(Cancelled):
            deleting.delete_files([path])
        with pytest.raises(Cancelled):
            adding.add_files([(path, {}, -1)])
        with pytest.raises(Cancelled):
            table._core.optimize(files_min=2)
    finally:
        _core.watch(None)
    again = table._core.begin()
    assert again.delete_files([path]) == 1
    again.close()


# ---- A leader that is stopped

def test_under_a_stopped_leader_the_answer_is_true(tmp_path: pathlib.Path) -> None:
    """Also what only `resolve` can tell: CommitUnknown, end to end."""
    location = tmp_path / "t"
    table = IcebergTable.create(location, "id long")
    said: dict[int, bool] = {}
    unknown: dict[int, str] = {}
    for tried in range(1, 6):
        with Writers(location, 4, tried * 10_000_000) as writers:
            leader = stop_a_leader(table, writers, 2)
            others = [process for process in writers.all if process is not leader]
            for process in others:
                process.send_signal(signal.SIGINT)
            sent = time.monotonic()
            for process in others:
                assert process.stdout is not None
                words = process.stdout.readline().split()
                assert time.monotonic() - sent < SOON
                if words[0] == "unknown":
                    assert words[3:] == ["KeyboardInterrupt", "True"]
                    unknown[int(words[1])] = words[2]
                elif words[0] != "between":
                    said[int(words[1])] = words[0] == "yes"
            fresh = IcebergTable.open(location)
            for number, identity in unknown.items():  # The leader is stopped still.
                if number not in said:
                    said[number] = fresh.resolve(identity).committed
            leader.send_signal(signal.SIGINT)
            os.kill(leader.pid, signal.SIGCONT)
            assert leader.stdout is not None
            words = leader.stdout.readline().split()
            if words[0] == "unknown":
                said[int(words[1])] = fresh.resolve(words[2]).committed
            elif words[0] != "between":
                said[int(words[1])] = words[0] == "yes"
        if unknown:
            break
    assert unknown
    counts: dict[int, int] = {}
    for row in IcebergTable.open(location).scan().to_pylist():
        counts[row["id"]] = counts.get(row["id"], 0) + 1
    assert set(counts.values()) == {1}
    assert {number: number in counts for number in said} == said
