"""DataShard's documented calls, over real tables, read back by a fresh handle."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import pathlib
import shutil
from typing import Any

import pytest

import datashard
from datashard import Schema, Table, create_table, load_table

from children import child

FIELDS: list[dict[str, Any]] = [
    {"id": 1, "name": "id", "type": "long", "required": True},
    {"id": 2, "name": "s", "type": "string"},
    {"id": 3, "name": "f", "type": "double"},
    {"id": 4, "name": "ts", "type": "timestamp"},
    {"id": 5, "name": "b", "type": "binary"},
    {"id": 6, "name": "ok", "type": "boolean"},
    {"id": 7, "name": "day", "type": "date"},
]
INF = float("inf")
ROWS: list[dict[str, Any]] = [
    {
        "id": i,
        "s": "it's" if i else None,
        "f": [1.5, INF, float("nan")][i],
        "ts": dt.datetime(2024, 1, 1 + i, 3, 4, 5, 678),
        "b": b"\x00\xff",
        "ok": bool(i),
        "day": dt.date(2024, 1, 1 + i),
    }
    for i in range(3)
]


@pytest.fixture
def table(tmp_path: pathlib.Path) -> Table:
    return create_table(str(tmp_path / "t"), Schema(1, FIELDS))


@pytest.fixture
def three(table: Table) -> Table:
    for row in ROWS:
        assert table.append_records([row]) is True
    return table


def ids(table: Any, **condition: Any) -> list[int]:
    return [row["id"] for row in load_table(table.table_path).scan(["id"], condition)]


def test_an_empty_table(table: Table) -> None:
    assert table.scan() == [] and table.row_count() == 0
    assert table.current_snapshot() is None and table.time_travel() is None
    assert list(table.scan_batches()) == [] and list(table.iter_records()) == []


def test_rows_come_back_in_the_order_of_commits(three: Table) -> None:
    fresh = load_table(three.table_path)
    rows = fresh.scan()
    assert [r["id"] for r in rows] == [0, 1, 2]
    assert rows[:2] == ROWS[:2] and rows[2]["f"] != rows[2]["f"]
    assert fresh.scan(parallel=True)[:2] == rows[:2] and fresh.row_count() == 3
    assert [len(b) for b in fresh.scan_batches(batch_size=2)] == [1, 1, 1]
    assert fresh.scan(columns=[]) == [{}, {}, {}]


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ({"s": "it's"}, [1, 2]),
        ({"s": ("is_null", True)}, [0]),
        ({"s": ("is_null", False)}, [0]),
        ({"s": ("isnotnull", True)}, [1, 2]),
        ({"s": ("!=", "x")}, [1, 2]),
        ({"s": ("=", None)}, []),
        ({"f": (">", 1)}, [0, 1]),
        ({"f": INF}, [1]),
        ({"f": ("!=", 1.5)}, [1, 2]),
        ({"id": ("<", INF)}, [0, 1, 2]),
        ({"id": ("<=", 1.5)}, [0, 1]),
        ({"ts": ("between", (dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2, 23)))}, [0, 1]),
        ({"b": b"\x00\xff"}, [0, 1, 2]),
        ({"ok": True}, [1, 2]),
        ({"day": (">=", dt.date(2024, 1, 2))}, [1, 2]),
        ({"id": ("in", [0, 2, None])}, [0, 2]),
        ({"id": ("not_in", [0, None])}, [1, 2]),
        ({"s": ("not_in", [])}, [1, 2]),
        ({"id": ("in", [])}, []),
        ({"id": ["<", 1]}, [0]),
        ({"ok": True, "id": ("<", 2)}, [1]),
        ({}, [0, 1, 2]),
    ],
)
def test_filters_choose_the_known_rows(
    three: Table, condition: dict[str, Any], wanted: list[int]
) -> None:
    assert ids(three, **condition) == wanted


def test_unknown_columns_are_key_and_value_errors(three: Table) -> None:
    for cls in (KeyError, ValueError):
        with pytest.raises(cls, match="no"):
            three.scan(columns=["no"])
        with pytest.raises(cls, match="no"):
            three.scan(filter={"no": 1})


def test_snapshots_and_time_travel(three: Table) -> None:
    entries = three.snapshots()
    assert [set(e) for e in entries] == [
        {"snapshot_id", "timestamp_ms", "timestamp", "operation", "summary", "parent_id"}
    ] * 3
    assert entries[0]["parent_id"] == -1
    assert entries[1]["parent_id"] == entries[0]["snapshot_id"]
    current = three.current_snapshot()
    assert current is not None and current.snapshot_id == entries[2]["snapshot_id"]
    assert os.path.isfile(os.path.join(three.table_path, current.manifest_list))
    first = entries[0]["snapshot_id"]
    past = three.time_travel(snapshot_id=first)
    assert past == three.snapshot_by_id(first) and past.sequence_number == 1
    assert [r["id"] for r in past.scan()] == [0] and past.row_count() == 1
    assert [r["id"] for r in three.scan(snapshot_id=first)] == [0]
    assert three.time_travel(timestamp=5) is None and three.time_travel(snapshot_id=7) is None
    assert three.time_travel(timestamp=2**50).snapshot_id == current.snapshot_id


def test_appends_that_do_not_fit_change_nothing(table: Table) -> None:
    with pytest.raises(ValueError, match="not in the table schema"):
        table.append_records([{"id": 1, "zz": 2}])
    with pytest.raises(ValueError, match="Record 1 is missing required field 'id'"):
        table.append_records([{"id": 1}, {"s": "x"}])
    with pytest.raises((ValueError, TypeError)):
        table.append_records([{"id": "x"}])
    swapped = [{**FIELDS[0], "id": 2}, {**FIELDS[1], "id": 1}, *FIELDS[2:]]
    for fields in ([{**FIELDS[0], "type": "int"}, *FIELDS[1:]], swapped, FIELDS[1:]):
        with pytest.raises(ValueError, match="does not match"):
            table.append_records([{"id": 1}], Schema(1, fields))
    assert load_table(table.table_path).snapshots() == []


def test_the_states_of_a_transaction(table: Table) -> None:
    tx = table.new_transaction()
    with pytest.raises(RuntimeError, match="Transaction is not active"):
        tx.commit()
    with pytest.raises(RuntimeError, match="Transaction is not active"):
        tx.append_data([{"id": 1}])
    tx.begin()
    with pytest.raises(RuntimeError, match="Transaction already active"):
        tx.begin()
    assert tx.append_data([{"id": 1}]).append_data([{"id": 2}]) is tx
    assert tx.is_active() and tx.commit() is True and tx.rollback() is False
    assert len(table.snapshots()) == 1 and table.row_count() == 2
    with tx:
        tx.append_data([{"id": 3}])
        assert tx.rollback() is True
    with table.new_transaction() as empty:
        assert empty.commit() is True
    with pytest.raises(RuntimeError, match="already active"):
        with table.new_transaction().begin():
            pass
    with pytest.raises(KeyError):
        with table.new_transaction() as tx:
            tx.append_data([{"id": 4}])
            raise KeyError("given up")
    assert ids(table) == [1, 2]


def test_two_appending_transactions_both_commit(table: Table) -> None:
    tx = table.new_transaction().begin()
    tx.append_data([{"id": 1}])
    assert table.append_records([{"id": 2}])
    assert tx.append_data([{"id": 3}]).commit()
    assert sorted(ids(table)) == [1, 2, 3]


def test_whole_files_leave_and_rows_are_overwritten(three: Table) -> None:
    first = three._get_all_data_files()[0]
    assert first.file_path.startswith("/data/") and first.record_count == 1
    with three.new_transaction() as tx:
        tx.delete_files([first.file_path, first.file_path.lstrip("/")])
    assert ids(three) == [1, 2] and three.snapshots()[-1]["operation"] == "delete"
    with pytest.raises(FileNotFoundError, match="not part of the current snapshot"):
        with three.new_transaction() as tx:
            tx.delete_files([three._get_all_data_files()[0].file_path, first.file_path])
    assert len(three.snapshots()) == 4 and ids(three) == [1, 2]
    with three.new_transaction() as tx:
        tx.overwrite_by_filter(lambda row: row["s"] == "it's" and row["id"] == 1)
        tx.append_data([{"id": 7}])
    assert sorted(ids(three)) == [2, 7]


def test_the_second_to_replace_a_file_fails(three: Table) -> None:
    path = three._get_all_data_files()[0].file_path
    both = [three.new_transaction().begin() for _ in range(2)]
    for n, tx in enumerate(both):
        tx.delete_files([path]).append_data([{"id": 10 + n}])
    assert both[0].commit() is True
    with pytest.raises(datashard.ConcurrentModificationException):
        both[1].commit()
    assert both[1].rollback() is False
    assert sorted(ids(three)) == [1, 2, 10]


def test_files_from_outside_are_taken_in(table: Table, tmp_path: pathlib.Path) -> None:
    other = create_table(str(tmp_path / "other"), Schema(1, FIELDS))
    other.append_records(ROWS[:2])
    path = other._resolve_file_path(other._get_all_data_files()[0].file_path)
    file = datashard.DataFile(path, datashard.FileFormat.PARQUET, {}, 100, 10240)
    assert table.append_data([file]) is True
    shutil.rmtree(other.table_path)
    assert ids(table) == [0, 1] and table.row_count() == 2
    with pytest.raises(FileNotFoundError, match="Data file does not exist"):
        table.append_data([file])
    (tmp_path / "no.parquet").write_bytes(b"no parquet")
    file.file_path = str(tmp_path / "no.parquet")
    with pytest.raises(ValueError, match="Cannot read the parquet schema"):
        table.append_data([file])
    assert len(load_table(table.table_path).snapshots()) == 1


def test_columns_are_added_with_the_rows_that_have_them(tmp_path: pathlib.Path) -> None:
    made = create_table(str(tmp_path / "t"))
    schema = Schema(2, [FIELDS[0], {"id": 5, "name": "x", "type": "string"}])
    with pytest.raises(ValueError, match="No schema available"):
        made.append_records([{"id": 1}])
    assert made.append_records([{"id": 1}], schema)
    assert made.append_records([{"id": 2, "x": "y"}], schema)
    wider = Schema(3, [*schema.fields, {"id": 6, "name": "n", "type": "long"}])
    for n in (3, 4):
        assert made.append_records([{"id": n, "n": n}], wider)
    rows = load_table(made.table_path).scan()
    assert [(r["id"], r["x"], r["n"]) for r in rows] == [
        (1, None, None),
        (2, "y", None),
        (3, None, 3),
        (4, None, 4),
    ]
    assert made.expire_snapshots(retain_last=1) == 3 and len(made.snapshots()) == 1


def test_loading_what_is_not_there_makes_nothing(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="No Iceberg table found at"):
        load_table(str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


def test_no_cache_outlives_the_directory(three: Table) -> None:
    shutil.rmtree(three.table_path)
    again = create_table(three.table_path, Schema(1, FIELDS))
    assert again.row_count() == 0 and three.row_count() == 0
    assert three.append_records([{"id": 8}]) and ids(again) == [8]


def test_a_relative_path_is_resolved_once(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = create_table("here", Schema(1, FIELDS))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    table.append_records([{"id": 1}])
    assert ids(create_table(str(tmp_path / "here"))) == [1]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_storage_of_another_kind_is_refused(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATASHARD_STORAGE_TYPE", "gcs")
    with pytest.raises(ValueError, match="gcs"):
        create_table(str(tmp_path / "t"))


WRITER = """
import sys, datashard
table = datashard.load_table(sys.argv[1])
for i in range(50):
    assert table.append_records([{"id": int(sys.argv[2]) * 50 + i}]) is True
"""


def test_twelve_processes_lose_and_double_nothing(table: Table) -> None:
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(child(WRITER, table.table_path, str(n), seconds=240))
            for n in range(12)
        ]
        assert [w.wait() for w in writers] == [0] * 12
    assert sorted(ids(table)) == list(range(600))


def test_a_forgotten_parent_is_none(three: Table) -> None:
    with three.new_transaction() as tx:
        tx.expire_snapshots(older_than_ms=2**42)
    fresh = load_table(three.table_path)
    assert [one["parent_id"] for one in fresh.snapshots()] == [-1]
    current = fresh.current_snapshot()
    assert current is not None and current.parent_snapshot_id == -1
    assert [s.parent_snapshot_id for s in fresh.metadata_manager.get_all_snapshots()] == [-1]
    assert fresh.row_count() == 3


def wider(place: str) -> Schema:
    """The schema of FIELDS and one more column, which another handle adds now."""
    schema = Schema(1, [*FIELDS, {"id": 8, "name": "more", "type": "long"}])
    assert load_table(place).append_records([{"id": 100, "more": 1}], schema)
    return schema


def test_appends_without_looking_first_see_what_others_did_to_the_schema(table: Table) -> None:
    place = table.table_path
    assert table.append_records([{"id": 1}])
    schema = wider(place)
    assert table.append_records([{"id": 2, "more": 2}])
    assert table.append_records([{"id": 3, "more": 3}], schema)
    with pytest.raises(ValueError, match="^Record 1 has fields not in the table schema"):
        table.append_records([{"id": 4}, {"id": 5, "other": 1}])
    found = {row["id"]: row["more"] for row in load_table(place).scan(["id", "more"])}
    assert found == {1: None, 100: 1, 2: 2, 3: 3}


def test_appends_to_a_table_that_was_made_anew(table: Table) -> None:
    place = table.table_path
    assert table.append_records([{"id": 1}])
    shutil.rmtree(place)
    with pytest.raises(RuntimeError):
        table.append_records([{"id": 2}])
    other = create_table(place, Schema(1, [{"id": 1, "name": "x", "type": "string"}]))
    assert table.append_records([{"x": "there"}])
    assert other.append_records([{"x": "too"}])
    with pytest.raises(ValueError, match="fields not in the table schema"):
        table.append_records([{"id": 3}])
    assert load_table(place).scan() == [{"x": "there"}, {"x": "too"}]


def test_appends_to_a_table_that_was_made_anew_alike(table: Table) -> None:
    place = table.table_path
    assert table.append_records([{"id": 1}])
    shutil.rmtree(place)
    create_table(place, Schema(1, FIELDS))
    assert table.append_records([{"id": 2}])
    assert [row["id"] for row in load_table(place).scan(["id"])] == [2]
