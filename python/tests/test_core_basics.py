"""The extension by itself: round trips, errors, capsules, fork, signals."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datashard import _core, _errors

pa = pytest.importorskip("pyarrow")


def make(path: Path) -> _core.Table:
    schema = pa.schema([("id", pa.int64()), ("s", pa.string())])
    return _core.create_table(str(path / "t"), schema=schema)


def ids(table: _core.Table) -> list[int]:
    return sorted(row["id"] for batch in table.scan() for row in batch.to_pylist())


def test_rows_and_arrow_come_back_from_a_fresh_handle(tmp_path: Path) -> None:
    table = make(tmp_path)
    assert table.append([{"id": 1, "s": "a"}])["outcome"] == "committed"
    table.append(pa.table({"id": [2, 3], "s": ["b", None]}))
    fresh = _core.open_table(str(tmp_path / "t"))
    assert pa.table(fresh.scan()).sort_by("id").to_pydict() == {
        "id": [1, 2, 3],
        "s": ["a", "b", None],
    }
    assert fresh.count(where="s is null") == 1


def test_failures_have_their_classes(tmp_path: Path) -> None:
    table = make(tmp_path)
    with pytest.raises(_errors.NotFound):
        _core.open_table(str(tmp_path / "none"))
    with pytest.raises(_errors.AlreadyExists):
        make(tmp_path)
    with pytest.raises(_errors.Invalid):
        table.scan(where="((")
    with pytest.raises(TypeError):
        table.append([], no_such_option=1)


def test_a_stream_that_was_handed_on_says_so(tmp_path: Path) -> None:
    table = make(tmp_path)
    table.append([{"id": 1}])
    stream = table.scan()
    capsule = stream.__arrow_c_stream__()
    with pytest.raises(ValueError, match="handed on"):
        next(stream)
    del capsule, stream
    batch = next(table.scan())
    first, second = pa.record_batch(batch), pa.record_batch(batch)
    del batch
    assert first.equals(second) and first.num_rows == 1


def rows_then(*after: BaseException) -> Iterator[dict[str, Any]]:
    """Rows of two batches, then what is raised."""
    yield from ({"id": n} for n in range(100_000))
    for each in after:
        raise each


def test_all_of_a_stream_is_read_once(tmp_path: Path) -> None:
    table = make(tmp_path)
    assert list(table.scan().read_all()) == []
    table.append(rows_then())
    stream = table.scan()
    first = len(next(stream))
    held = stream.read_all()
    assert pa.schema(held.schema).names == ["id", "s"]
    assert 0 < first < 100_000 and sum(map(len, held)) == 100_000 - first
    assert list(held) == list(stream) == list(stream.read_all()) == []
    part = table.scan().read_all()
    next(part)  # The rest is let go with it.
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.read_all()


def test_what_fails_while_all_is_read_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):
        _core.stream_from_rows(rows_then(KeyError("mine")), pa.schema([("id", pa.int64())])).read_all()


def test_a_forked_child_appends_through_an_inherited_table(tmp_path: Path) -> None:
    table = make(tmp_path)
    table.append([{"id": 1}])
    child = os.fork()
    if child == 0:
        try:
            table.append([{"id": 2}])
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    table.append([{"id": 3}])
    assert ids(_core.open_table(str(tmp_path / "t"))) == [1, 2, 3]


def test_ctrl_c_in_an_append_commits_nothing(tmp_path: Path) -> None:
    table = make(tmp_path)

    def rows() -> Iterator[dict[str, int]]:
        for i in range(200_000):
            if i == 100_000:
                signal.raise_signal(signal.SIGINT)
            yield {"id": i}

    with pytest.raises(KeyboardInterrupt):
        table.append(rows())
    assert _core.open_table(str(tmp_path / "t")).count() == 0


def test_threads_append_through_one_table(tmp_path: Path) -> None:
    table = make(tmp_path)
    threads = [
        threading.Thread(target=lambda i=i: table.append([{"id": i}])) for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ids(_core.open_table(str(tmp_path / "t"))) == [0, 1, 2, 3]


def test_an_appender_acknowledges_and_is_not_for_children(tmp_path: Path) -> None:
    table = make(tmp_path)
    acks: list[dict[str, object]] = []
    appender = table.appender(on_ack=acks.append)
    appender.write({"id": 1})
    ticket = appender.write(pa.table({"id": [2]}))
    assert appender.wait(ticket)
    child = os.fork()
    if child == 0:
        try:
            appender.write({"id": 3})
        except ValueError:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    appender.close()
    assert acks[-1]["last_ticket"] == ticket and acks[-1]["error"] is None
    assert ids(_core.open_table(str(tmp_path / "t"))) == [1, 2]


def test_a_transaction_commits_once_or_not_at_all(tmp_path: Path) -> None:
    table = make(tmp_path)
    left = table.begin()
    left.append([{"id": 1}])
    left.close()
    txn = table.begin()
    txn.append([{"id": 2}])
    txn.set_property("k", "v")
    assert txn.commit()["rows"] == 1
    with pytest.raises(ValueError, match="ended"):
        txn.commit()
    fresh = _core.open_table(str(tmp_path / "t"))
    assert ids(fresh) == [2] and fresh.properties()["k"] == "v"


def test_a_transaction_replaces_files_and_adds_columns(tmp_path: Path) -> None:
    table = make(tmp_path)
    table.set_properties({"datashard.group-commit.enabled": "false"})
    table.append([{"id": 1}])
    before = [file["path"] for file in table.files()]
    txn = table.begin()
    assert txn.delete_files([*before, "data/none.parquet"]) == len(before) == 1
    txn.add_columns(pa.schema([("id", pa.int64()), ("x", pa.float64())]))
    txn.append([{"id": 2, "x": 0.5}])
    txn.commit()
    fresh = _core.open_table(str(tmp_path / "t"))
    rows = [row for batch in fresh.scan() for row in batch.to_pylist()]
    assert rows == [{"id": 2, "s": None, "x": 0.5}]
    txn = fresh.begin()
    txn.expire_snapshots(1 << 60, retain_last=1)
    txn.commit()
    assert len(_core.open_table(str(tmp_path / "t")).snapshots()) == 1
