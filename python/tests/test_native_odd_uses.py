"""Handles, places and processes used in odd ways: a clear result each."""

from __future__ import annotations

import copy
import gc
import logging
import multiprocessing
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any

import pytest

import datashard as ds
from datashard import Catalog, IcebergTable, NotFound, Schema, create_table, load_table

from children import child

ONE = Schema(1, [{"id": 1, "name": "c", "type": "long"}])


@pytest.fixture(autouse=True)
def here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Relative names are in a directory of the test."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def python(code: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs code with this interpreter and this package, in this directory."""
    place = str(pathlib.Path(ds.__file__).parent.parent)
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": place},
        **options,
    )


def values(path: str | os.PathLike[str]) -> list[int]:
    return sorted(row["c"] for row in load_table(path).scan())


def three(path: str = "t") -> ds.Table:
    table = create_table(path, ONE)
    table.append_records([{"c": i} for i in range(3)])
    return table


# Places and names.


@pytest.mark.parametrize(
    "name", ["relative", "a/b/c", "sp ace", "ümläut", "per%20cent", "100%", "a#b", "a?b", "it's", "~"]
)
def test_names_of_places_mean_what_they_say(name: str, here: pathlib.Path) -> None:
    for given in (f"{name}-text", here / f"{name}-path"):
        table = create_table(given, ONE)
        assert table.append_records([{"c": 1}]) and values(given) == [1]
        assert os.path.isdir(os.path.join(given, "metadata"))
        assert IcebergTable.open(given).count() == 1
    assert not os.path.exists(os.path.expanduser("~/-text"))  # A shell's tilde, not ours.


def test_names_that_cannot_be_places() -> None:
    make: list[Callable[[Any], object]] = [create_table, load_table]
    for call in make:
        with pytest.raises(ValueError, match="cannot be empty"):
            call("")
        with pytest.raises(TypeError, match="a str or a Path, not bytes"):
            call(b"bytes")
        with pytest.raises(ValueError, match="control character"):
            call("new\nline")
    assert os.listdir(".") == []


@pytest.mark.parametrize("name", ["ä", "a b", "a%b", "a.b", 'a"b', "it's", "select", "\n", "😀"])
def test_names_of_columns(name: str) -> None:
    fields = [{"id": i, "name": n, "type": "long"} for i, n in enumerate([name, "z"], 1)]
    table = create_table("t", Schema(1, fields))
    table.append_records([{name: 1, "z": 2}, {name: 3, "z": 4}])
    assert load_table("t").scan([name], {name: 3}) == [{name: 3}]


def test_a_column_without_a_name() -> None:
    with pytest.raises(ValueError, match="a field's name is text, not ''"):
        Schema(1, [{"id": 1, "name": "", "type": "long"}])


def test_ten_thousand_columns() -> None:
    count = 10_000
    names = [f"c{i}" for i in range(count)]
    fields = [{"id": i, "name": n, "type": "long"} for i, n in enumerate(names, 1)]
    table = create_table("wide", Schema(1, fields))
    table.append_records([{n: i for i, n in enumerate(names)}])
    row = load_table("wide").scan()[0]
    assert list(row) == names and list(row.values()) == list(range(count))
    native = table.native
    assert "9992 more" in repr(native) and "9800 more" in native._repr_html_()
    assert len(repr(native)) < 500 and len(native._repr_html_()) < 50_000


# A table that goes away, or changes, while it is used.


def test_a_table_dropped_while_it_is_open() -> None:
    table = three()
    native, rows = table.native, table.iter_records()
    shutil.rmtree("t")
    calls: list[Callable[[], object]] = [table.scan, table.row_count, table.snapshots]
    calls += [lambda: list(rows), lambda: table.append_records([{"c": 1}])]
    for call in calls:
        with pytest.raises(RuntimeError, match="table is not initialized"):
            call()
    calls = [native.refresh, native.scan().to_pylist, lambda: native.append({"c": 1})]
    for call in calls:
        with pytest.raises(NotFound):
            call()
    assert table.refresh() is False and "cannot be shown" in repr(native)
    three()
    assert table.row_count() == 3 and values("t") == [0, 1, 2]
    with pytest.raises(ds.CommitConflict, match="replaced"):
        native.refresh()


def test_reading_while_another_process_rewrites() -> None:
    table = create_table("t", ONE)
    for i in range(10):
        table.append_records([{"c": i}])
    code = """
import datashard
table = datashard.load_table("t")
for _ in range(20):
    files = [f.file_path for f in table._get_all_data_files()]
    rows = table.scan()
    with table.new_transaction() as tx:
        tx.delete_files(files)
        tx.append_data(rows)
"""
    place = str(pathlib.Path(ds.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": place}
    with child(code, env=environment) as writer:
        while writer.poll() is None:
            assert sorted(row["c"] for row in table.scan()) == list(range(10))
            assert table.row_count() == 10
    assert writer.returncode == 0 and values("t") == list(range(10))
    assert len(table.snapshots()) == 30


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to be somebody else")
def test_a_directory_that_cannot_be_written() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # pytest's own are for their owner alone.
        denied_in(os.path.join(folder, "t"))


def denied_in(path: str) -> None:
    three(path)
    code = """
import os
import datashard as ds
# Later nothing can be imported, where only root may read it.
import datashard.partition_validation
from datashard import Schema, create_table, load_table
native = ds.IcebergTable.open(".")
load_table(".")
os.setgid(65534)
os.setuid(65534)
table = load_table(".")
print(sorted(row["c"] for row in table.scan()))
for call in (lambda: table.append_records([{"c": 9}]), lambda: native.append({"c": 9}),
             lambda: create_table("new", Schema(1, []))):
    try:
        call()
    except PermissionError as error:
        print("denied", error.errno)
"""
    subprocess.run(["chmod", "-R", "a+rX,go-w", path], check=True)
    done = python(code, cwd=path)
    assert done.stdout == "[0, 1, 2]\n" + "denied 13\n" * 3, done.stdout + done.stderr
    assert values(path) == [0, 1, 2] and not os.path.exists(os.path.join(path, "new"))


@pytest.fixture
def small_disk(here: pathlib.Path) -> Any:
    (here / "disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", "disk"]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield here / "disk"
    subprocess.run(["umount", "--lazy", str(here / "disk")], check=True)


def test_a_disk_that_fills_up(small_disk: pathlib.Path) -> None:
    table = create_table(small_disk / "t", ONE)
    whole = 0
    with pytest.raises(OSError) as raised:
        while whole < 1000:
            table.append_records([{"c": whole}] * 3000)
            whole += 1
    assert raised.value.errno == 28 and whole > 0
    assert values(small_disk / "t") == [i for i in range(whole) for _ in range(3000)]
    again = ["mount", "-o", "remount,size=4M", str(small_disk)]
    subprocess.run(again, check=True)
    assert table.append_records([{"c": -1}])
    assert load_table(small_disk / "t").row_count() == whole * 3000 + 1


# Processes, threads, copies.


def test_handles_go_to_other_processes_by_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    table = three()
    catalog = Catalog("sqlite:///catalog.db")
    catalog.create_table("a.t", "c long").append({"c": 5})
    kept = [pickle.dumps(o) for o in (table, table.native, table.current_snapshot(), catalog)]
    monkeypatch.chdir("/")
    again, native, snapshot, of_catalog = (pickle.loads(text) for text in kept)
    assert again.append_records([{"c": 3}]) and native.count() == 3
    assert len(snapshot.scan()) == 3 and table.row_count() == 4
    assert of_catalog.open_table("a.t").count() == 1
    for one in (copy.copy(table), copy.deepcopy(table)):
        assert one.row_count() == 4 and one is not table


@pytest.mark.parametrize("kind", ["appender", "transaction", "memory table", "memory catalog"])
def test_what_stays_in_its_process_says_so(kind: str) -> None:
    catalog = Catalog("memory:")
    native = catalog.create_table("a.t", "c long")
    with native.appender() as appender, native.transaction() as transaction:
        objects = {
            "appender": appender,
            "transaction": transaction,
            "memory table": native,
            "memory catalog": catalog,
        }
        for call in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match="stays in its process"):
                call(objects[kind])
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(three().new_transaction())


def _append(job: tuple[Any, int]) -> int:
    table, number = job
    if isinstance(table, IcebergTable):
        table.append({"c": number})
    else:
        table.append_records([{"c": number}])
    return number


def test_processes_that_are_spawned() -> None:
    table = create_table("t", ONE)
    jobs = [(table, 1), (table.native, 2), (table, 3), (table.native, 4)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_append, jobs) == [1, 2, 3, 4]
    assert values("t") == [1, 2, 3, 4]


def test_threads_that_share_a_table() -> None:
    table = create_table("t", ONE)
    failed: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for i in range(start, start + 10):
                table.append_records([{"c": i}])
                assert i in {row["c"] for row in table.scan()}
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(100 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and values("t") == [100 * n + i for n in range(4) for i in range(10)]


def test_subinterpreters_are_refused() -> None:
    code = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
made = interpreters.create()
try:
    told = interpreters.run_string(made, "import datashard")
except Exception as error:
    told = error
print(told if isinstance(told, Exception) else getattr(told, "formatted", told))
"""
    done = python(code)
    assert "does not support loading in subinterpreters" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


# Handles used twice, or after their end.


def test_with_statements_entered_twice() -> None:
    table = three()
    mine = table.new_transaction()
    for number in (3, 4):
        with mine:
            mine.append_data([{"c": number}])
    assert values("t") == [0, 1, 2, 3, 4]
    native = table.native
    with native, native:
        pass
    with native.transaction() as transaction:
        transaction.append({"c": 5})
    with pytest.raises(ValueError, match="the transaction has ended"), transaction:
        pass
    assert values("t") == [0, 1, 2, 3, 4, 5]


def test_use_after_the_end() -> None:
    native = three().native
    appender = native.appender()
    with appender:
        ticket = appender.write({"c": 3})
    appender.close()
    with pytest.raises(ValueError, match="the appender was closed"):
        appender.write({"c": 4})
    assert appender.wait(ticket) and "1 of 1 rows durable" in repr(appender)
    stream = native.scan().stream()
    stream.close()
    for call in (stream.__arrow_c_stream__, lambda: next(iter(stream))):
        with pytest.raises(ValueError, match="the stream is closed"):
            call()
    catalog = Catalog("sqlite:///catalog.db")
    catalog.close()
    with pytest.raises(ValueError, match="the catalog is closed"):
        catalog.list_tables()
    assert values("t") == [0, 1, 2, 3]


@pytest.mark.parametrize("end", ["", "del appender", "raise SystemExit(0)", "1 / 0"])
def test_an_appender_that_nobody_closes(end: str) -> None:
    create_table("t", ONE)
    code = f"""
import datashard
appender = datashard.IcebergTable.open("t").appender(every=None)
for i in range(100):
    appender.write({{"c": i}})
appender.flush()
for i in range(100, 150):
    appender.write({{"c": i}})
{end}
"""
    done = python(code)
    assert done.returncode == (1 if end == "1 / 0" else 0), done.stderr
    assert done.stderr == "" or end == "1 / 0" and "ZeroDivisionError" in done.stderr, done.stderr
    assert values("t") == list(range(150))


def test_an_appender_that_nobody_closes_and_that_cannot_commit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    native = create_table("t", ONE).native
    appender = native.appender(every=None, budget="1ms")
    appender.write({"c": 1})
    shutil.rmtree("t")
    with caplog.at_level(logging.ERROR, "datashard"):
        del appender
        gc.collect()
    assert "were not committed" in caplog.text


def test_an_appender_and_several_batches() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    native = create_table("t", ONE).native
    batches = [pyarrow.record_batch({"c": [i, i + 1]}) for i in range(0, 10, 2)]
    given = [pyarrow.Table.from_batches(batches), batches, iter(batches)]
    with native.appender(every=None) as appender:
        for data in given:
            ticket = appender.write(data)
            assert appender.wait(ticket, timeout="50ms") is False
            assert appender.flush() and appender.wait(ticket)
            native.refresh()
        assert appender.write([]) >= 0 and native.count() == 30


# How they look.


def test_how_tables_look() -> None:
    empty = create_table("empty", ONE)
    assert repr(empty) == "Table('empty')" and "no snapshot, 0 rows" in repr(empty.native)
    assert "<td>none</td>" in empty.native._repr_html_()
    native = three("<b>&").native
    assert "3 rows" in repr(native) and "<b>" not in native._repr_html_()
    assert "&lt;b&gt;&amp;" in native._repr_html_()
    assert repr(native.scan(limit=1)).endswith("limit=1>")
