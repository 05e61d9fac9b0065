"""verify, rewrite_data_files, and the guards before anything is lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import datashard as ds
from datashard.compaction import RewriteConflict

SCHEMA = ds.Schema(
    1,
    [
        {"id": 1, "name": "hour", "type": "int", "required": True},
        {"id": 2, "name": "text", "type": "string"},
    ],
)
BY_HOUR = ds.PartitionSpec(0, [ds.PartitionField(1, 1000, "hour", "identity")])


def filled(path: Path, commits: int = 3, spec: ds.PartitionSpec | None = None) -> ds.Table:
    table = ds.create_table(str(path), SCHEMA, spec)
    for i in range(commits):
        table.append_records([{"hour": 9, "text": f"a{i}"}, {"hour": 19, "text": f"b{i}"}])
    return table


def texts(table: ds.Table) -> list[str]:
    return sorted(row["text"] for row in ds.load_table(table.table_path).scan())


def first_file(table: ds.Table) -> Path:
    return Path(table.parquet_paths()[0])


def test_a_healthy_table_verifies(tmp_path: Path) -> None:
    table = filled(tmp_path / "t")
    report = table.verify()
    assert report["ok"] and report["errors"] == [] and json.dumps(report)
    assert report["data_files"] == report["checked_files"] == report["snapshots"] == 3
    assert report["rows"] == report["rows_read"] == 6
    assert report["snapshot_id"] == table.snapshots()[-1]["snapshot_id"]
    assert table.verify(deep=True)["ok"] and table.verify(limit=1)["checked_files"] == 1
    assert table.verify(snapshot_id=table.snapshots()[0]["snapshot_id"])["rows"] == 2
    assert ds.create_table(str(tmp_path / "empty"), SCHEMA).verify()["ok"]


def test_verify_names_each_damaged_file_and_goes_on(tmp_path: Path) -> None:
    table = filled(tmp_path / "t")
    paths = [Path(path) for path in table.parquet_paths()]
    paths[0].unlink()
    paths[1].write_bytes(b"PAR1 nothing of the kind PAR1")
    report = table.verify()
    assert not report["ok"] and report["checked_files"] == 3 and report["rows_read"] == 2
    assert len(report["errors"]) == 2
    assert paths[0].name in report["errors"][0] and paths[1].name in report["errors"][1]


def test_deep_looks_at_every_files_ends(tmp_path: Path) -> None:
    table = filled(tmp_path / "t", 1)
    path = first_file(table)
    whole = path.read_bytes()
    path.write_bytes(b"XXXX" + whole[4:])
    assert "first bytes" in table.verify(deep=True)["errors"][0]


def test_verify_does_not_raise_without_a_table(tmp_path: Path) -> None:
    table = filled(tmp_path / "t", 1)
    for name in os.listdir(tmp_path / "t" / "metadata"):
        os.unlink(tmp_path / "t" / "metadata" / name)
    report = table.verify()
    assert not report["ok"] and report["errors"]
    unknown = filled(tmp_path / "other", 1).verify(snapshot_id=1)
    assert not unknown["ok"] and unknown["errors"]


def test_small_files_become_one_for_each_partition(tmp_path: Path) -> None:
    table = filled(tmp_path / "t", 6, BY_HOUR)
    before = texts(table)
    assert table.rewrite_data_files(min_input_files=7)["rewritten_files"] == 0
    plan = table.rewrite_data_files(dry_run=True)
    assert plan["rewritten_files"] == 12 and plan["partitions"] == 2 and plan["rows"] == 12
    assert not plan["committed"] and len(table.parquet_paths()) == 12
    old = table.snapshots()[-1]["snapshot_id"]
    report = table.rewrite_data_files()
    assert report["committed"] and report["rewritten_files"] == 12 and report["added_files"] == 2
    assert 0 < report["bytes_after"] < report["bytes_before"] == plan["bytes_before"]
    assert {tuple(f.partition_values.items()) for f in table._get_all_data_files()} == {
        (("hour", 9),),
        (("hour", 19),),
    }
    assert texts(table) == before == sorted(r["text"] for r in table.scan(snapshot_id=old))
    assert not table.rewrite_data_files()["committed"]


def test_one_partition_is_rewritten_alone(tmp_path: Path) -> None:
    table = filled(tmp_path / "t", 5, BY_HOUR)
    before = texts(table)
    report = table.rewrite_data_files(partition={"hour": 19})
    assert report["committed"] and report["rewritten_files"] == 5 and report["added_files"] == 1
    files = [f.partition_values["hour"] for f in table._get_all_data_files()]
    assert sorted(files) == [9] * 5 + [19] and texts(table) == before


def test_a_rewrite_that_loses_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = filled(tmp_path / "t", 5, BY_HOUR)
    plan = table._plan_rewrite

    def late(*args: object) -> object:
        groups = plan(*args)  # type: ignore[arg-type]
        with ds.load_table(table.table_path).new_transaction() as tx:
            tx.delete_files([groups[0][0].file_path])
        return groups

    monkeypatch.setattr(table, "_plan_rewrite", late)
    with pytest.raises(RewriteConflict, match="no rows were lost|No rows were lost"):
        table.rewrite_data_files(partition={"hour": 19})
    assert len(texts(table)) == 9 and table.verify()["ok"]


def test_another_schema_for_a_table_that_is_there_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "t", 1)
    other = ds.Schema(1, [{"id": 1, "name": "price", "type": "double"}])
    with pytest.raises(ds.SchemaMismatchError, match="if_exists='ignore'"):
        ds.create_table(str(tmp_path / "t"), other)
    kept = ds.create_table(str(tmp_path / "t"), other, if_exists="ignore")
    assert not kept.created and texts(kept) == ["a0", "b0"]
    assert not ds.create_table(str(tmp_path / "t"), SCHEMA).created


def test_collection_without_grace_has_to_be_asked_for(tmp_path: Path) -> None:
    table = filled(tmp_path / "t", 1)
    orphan = tmp_path / "t" / "data" / "orphan.parquet"
    orphan.write_bytes(b"x")
    os.utime(orphan, (1, 1))
    with pytest.raises(ValueError, match="allow_short_grace"):
        table.garbage_collect(grace_period_ms=299_999)
    assert orphan.exists()
    assert table.garbage_collect(grace_period_ms=300_000)["data_files"] == 1


def test_partition_values_come_from_the_rows(tmp_path: Path) -> None:
    table = filled(tmp_path / "t", 0, BY_HOUR)
    with pytest.raises(ValueError, match="computed from the rows"):
        table.append_records([{"hour": 9}], partition_values={"hour": 19})
    bad = ds.PartitionSpec(0, [ds.PartitionField(2, 1000, "day", "day")])
    with pytest.raises(ValueError, match="needs a date"):
        ds.create_table(str(tmp_path / "bad"), SCHEMA, bad)
    assert not (tmp_path / "bad").exists()
    named = ds.PartitionSpec(0, [ds.PartitionField(2, 1000, "shard", "bucket[4]")])
    other = ds.create_table(str(tmp_path / "named"), SCHEMA, named)
    other.append_records([{"hour": 1, "text": "x"}, {"hour": 1, "text": None}])
    values = [f.partition_values["shard"] for f in other._get_all_data_files()]
    assert None in values and {type(v) for v in values} == {int, type(None)}


def test_partitions_of_one_commit_are_read_in_the_order_they_came(tmp_path: Path) -> None:
    table = ds.create_table(str(tmp_path / "t"), SCHEMA, BY_HOUR)
    hours = [7, 3, 11, 3, 1, 7]
    table.append_records([{"hour": hour} for hour in hours])
    assert [row["hour"] for row in table.scan()] == [7, 7, 3, 3, 11, 1]
    assert [f.partition_values["hour"] for f in table._get_all_data_files()] == [7, 3, 11, 1]


def test_many_new_files_are_worth_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = ds.create_table(str(tmp_path / "t"), SCHEMA, BY_HOUR)
    table.append_records([{"hour": 1, "text": str(i)} for i in range(150)])
    assert not caplog.records
    table.append_records([{"hour": i} for i in range(101)])
    assert "101 data files" in caplog.text and "rewrite_data_files" in caplog.text
