"""Parquet files that are there join a table: natively, and by DataShard's append_files."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import datashard
from datashard import DataFile, FileFormat, Schema, create_table, load_table

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

FIELDS = [
    {"id": 1, "name": "id", "type": "long", "required": True},
    {"id": 2, "name": "day", "type": "date", "required": False},
    {"id": 3, "name": "name", "type": "string", "required": False},
]


def rows(first: int, count: int, day: int = 1) -> Any:
    return pa.table(
        {
            "id": pa.array(range(first, first + count), pa.int64()),
            "day": [dt.date(2024, 3, day)] * count,
            "name": [f"n{i}" if i % 3 else None for i in range(first, first + count)],
        }
    )


def put(path: Path, table: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return str(path)


def native(tmp_path: Path, **options: Any) -> datashard.IcebergTable:
    return datashard.IcebergTable.create(str(tmp_path / "t"), schema=rows(0, 3).schema, **options)


def ids_in_a_new_process(path: Path) -> list[int]:
    code = "import sys, datashard; print([r['id'] for r in datashard.IcebergTable.open(sys.argv[1]).scan().to_pylist()])"
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    return sorted(eval(out.stdout))  # noqa: S307: our own numbers.


def described(path: str, rows: int = 1) -> DataFile:
    return DataFile(path, FileFormat.PARQUET, {}, rows, 1)


def test_files_of_others_are_read_by_everybody(tmp_path: Path) -> None:
    t = native(tmp_path)
    t.append(rows(0, 2))
    inside = put(tmp_path / "t" / "data" / "mine.parquet", rows(2, 3))
    outside = put(tmp_path / "elsewhere.parquet", rows(5, 4))
    made = t.add_files(["data/mine.parquet", outside])
    assert (made.rows, made.files) == (7, 2)
    assert ids_in_a_new_process(tmp_path / "t") == list(range(9))
    assert t.count("name is null") == 3
    assert {f.path.removeprefix("file://") for f in t.files()} >= {inside, outside}
    with pytest.raises(datashard.AlreadyExists, match="in the table already"):
        t.add_files([outside])
    with pytest.raises(datashard.NotFound):
        t.add_files([str(tmp_path / "nobody.parquet")])


def test_a_transaction_that_fails_leaves_them(tmp_path: Path) -> None:
    t = native(tmp_path)
    mine = put(tmp_path / "t" / "data" / "mine.parquet", rows(0, 3))
    with pytest.raises(RuntimeError, match="on purpose"), t.transaction() as tx:
        tx.append(rows(3, 50_000))
        tx.add_files([mine])
        raise RuntimeError("on purpose")
    assert os.listdir(tmp_path / "t" / "data") == ["mine.parquet"]
    with t.transaction() as tx:
        tx.append(rows(3, 50_000))
        tx.add_files([mine])
    assert t.count() == 50_003
    assert t.refresh().count("id < 3") == 3


def test_a_commit_that_is_refused_leaves_them(tmp_path: Path) -> None:
    t = native(tmp_path)
    mine = put(tmp_path / "t" / "data" / "mine.parquet", rows(0, 3))
    late = datashard.IcebergTable.open(str(tmp_path / "t"))
    tx = late.transaction()
    tx.add_files([mine])
    t.set_properties({"schema.name-mapping.default": "[]"})
    with pytest.raises(datashard.CommitConflict, match="names-changed"):
        tx.commit()
    assert pq.read_table(mine).num_rows == 3
    assert datashard.IcebergTable.open(str(tmp_path / "t")).count() == 0


def test_partitions_come_from_what_files_say(tmp_path: Path) -> None:
    t = native(tmp_path, partition_by="month(day)")
    t.add_files([put(tmp_path / "a.parquet", rows(0, 3))])
    assert [f.partition for f in t.files()] == ["day_month=2024-03"]
    mixed = rows(3, 3).set_column(1, "day", [[dt.date(2024, 3, 1)] * 2 + [dt.date(2023, 1, 1)]])
    with pytest.raises(datashard.Invalid, match="column day: the rows are of more than one"):
        t.add_files([put(tmp_path / "b.parquet", mixed)])
    blind = tmp_path / "c.parquet"
    pq.write_table(rows(4, 2), blind, write_statistics=False)
    with pytest.raises(datashard.Invalid, match="give it"):
        t.add_files([blind])
    t.add_files([blind], partition={"day_month": "2024-03"})
    assert t.count("day < '2024-03-02'") == 5
    assert t.count("day >= '2024-04-01'") == 0


def test_files_with_ids_are_read_by_them(tmp_path: Path) -> None:
    t = native(tmp_path)
    fields = [
        pa.field(other, f.type, metadata={"PARQUET:field_id": str(i)})
        for i, (f, other) in enumerate(zip(rows(0, 3).schema, ["key", "date", "text"]), 1)
    ]
    t.add_files([put(tmp_path / "a.parquet", rows(0, 3).rename_columns(["key", "date", "text"]).cast(pa.schema(fields)))])
    assert "schema.name-mapping.default" not in t.properties
    assert ids_in_a_new_process(tmp_path / "t") == [0, 1, 2]


def test_a_table_tells_of_columns(tmp_path: Path) -> None:
    t = create_table(str(tmp_path / "t"), Schema(1, FIELDS))
    t.append_records([{"id": 3, "day": dt.date(2024, 1, 2), "name": None}, {"id": 1, "name": "b"}])
    put(tmp_path / "t" / "data" / "mine.parquet", rows(10, 3))
    t.append_data([described("data/mine.parquet")])
    first, second = load_table(str(tmp_path / "t"))._get_data_files_from_manifest()
    assert first.lower_bounds == {1: 1, 2: dt.date(2024, 1, 2), 3: "b"}
    assert first.upper_bounds == {1: 3, 2: dt.date(2024, 1, 2), 3: "b"}
    assert first.null_value_counts == {1: 0, 2: 1, 3: 1}
    assert first.value_counts == {1: 2, 2: 2, 3: 2}
    assert set(first.column_sizes or {}) == {1, 2, 3}
    assert (second.lower_bounds or {})[1] == 10
    assert (second.upper_bounds or {})[1] == 12


def test_append_files_takes_what_is_inside_as_it_is(tmp_path: Path) -> None:
    t = create_table(str(tmp_path / "t"), Schema(1, FIELDS))
    inside = put(tmp_path / "t" / "data" / "mine.parquet", rows(0, 3))
    outside = put(tmp_path / "elsewhere.parquet", rows(3, 2))
    before = os.stat(inside)
    with t.new_transaction() as tx:
        tx.append_files([described("/data/mine.parquet", 99), described(outside)])
    assert sorted(r["id"] for r in load_table(str(tmp_path / "t")).scan()) == [0, 1, 2, 3, 4]
    assert os.stat(inside).st_ino == before.st_ino
    paths = [f.file_path for f in t._get_data_files_from_manifest()]
    assert "/data/mine.parquet" in paths
    assert outside not in paths
    os.remove(outside)  # Its rows are the table's own.
    with t.new_transaction() as tx:
        tx.append_files([described("data/mine.parquet"), described(inside)])  # Once is enough.
    assert load_table(str(tmp_path / "t")).row_count() == 5


def test_a_collection_before_the_commit_leaves_joining_files_alone(tmp_path: Path) -> None:
    t = create_table(str(tmp_path / "t"), Schema(1, FIELDS))
    t.append_records([{"id": 0}])
    mine = put(tmp_path / "t" / "data" / "mine.parquet", rows(1, 2))
    other = put(tmp_path / "t" / "data" / "other.parquet", rows(1, 2))
    os.utime(mine, (1, 1))
    os.utime(other, (1, 1))
    with t.new_transaction() as tx:
        tx.append_files([described("data/mine.parquet")])
        t.garbage_collect()
    assert not os.path.exists(other)
    assert sorted(r["id"] for r in load_table(str(tmp_path / "t")).scan()) == [0, 1, 2]


def test_append_files_says_what_does_not_fit(tmp_path: Path) -> None:
    t = create_table(str(tmp_path / "t"), Schema(1, FIELDS))
    with_nulls = rows(0, 2).set_column(0, "id", [pa.array([1, None], pa.int64())])
    put(tmp_path / "t" / "data" / "nulls.parquet", with_nulls)
    with pytest.raises(ValueError, match="column id is required"), t.new_transaction() as tx:
        tx.append_files([described("data/nulls.parquet")])
    with pytest.raises(FileNotFoundError), t.new_transaction() as tx:
        tx.append_files([described("data/nobody.parquet")])
    assert (tmp_path / "t" / "data" / "nulls.parquet").exists()
    assert t.row_count() == 0


def test_a_table_without_columns_takes_any_file(tmp_path: Path) -> None:
    t = create_table(str(tmp_path / "t"))
    (tmp_path / "t" / "data").mkdir(exist_ok=True)
    (tmp_path / "t" / "data" / "legacy.parquet").write_bytes(b"opaque")
    with t.new_transaction() as tx:
        tx.append_files([described("/data/legacy.parquet", 1000)])
    assert load_table(str(tmp_path / "t")).row_count() == 1000
    assert len(t.snapshots()) == 1


def test_a_file_must_begin_as_parquet_does(tmp_path: Path) -> None:
    t = create_table(str(tmp_path / "t"), Schema(1, FIELDS))
    t.append_records([{"id": i, "name": "x" * 50} for i in range(20_000)])
    (path,) = (tmp_path / "t" / "data").rglob("*.parquet")
    with open(path, "r+b") as file:
        file.write(b"\0\0\0\0")
    with pytest.raises(datashard.CorruptData, match="does not begin with PAR1"):
        load_table(str(tmp_path / "t")).scan()


def test_files_join_with_the_columns_they_bring(tmp_path: Path) -> None:
    t = native(tmp_path)
    t.append(rows(0, 3))
    more = rows(3, 3).append_column("more", pa.array([7, 8, None], pa.int64()))
    wider = put(tmp_path / "wider.parquet", more)
    with pytest.raises(datashard.Invalid, match="column more of the file is not in the table"):
        t.add_files([wider])
    with t.transaction() as tx:
        tx.add_columns("more long")
        tx.add_files([wider])
    fresh = datashard.IcebergTable.open(str(tmp_path / "t"))
    assert sorted(r["more"] or 0 for r in fresh.scan().to_pylist()) == [0, 0, 0, 0, 7, 8]
    with fresh.transaction() as tx:  # The mapping grows with the table.
        tx.add_columns("last string")
    wider = put(tmp_path / "widest.parquet", rows(6, 3).append_column("last", pa.array(["a", "b", "c"])))
    fresh.add_files([wider])
    assert datashard.IcebergTable.open(str(tmp_path / "t")).count("last is not null") == 3
