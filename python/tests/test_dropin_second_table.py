"""Metadata, snapshots, manifests and collection, on tables the engine wrote."""

from __future__ import annotations

import copy
import json
import os
import time
from pathlib import Path

import pytest

import datashard as ds
from datashard import migrate, transaction_commit
from datashard._avro import read_container, write_container
from datashard.__main__ import main
from datashard.data_structures import DataFile, FileFormat
from datashard.garbage_collector import GarbageCollectionAborted
from datashard.metadata_manager import ConcurrentModificationException, MetadataManager

SCHEMA = ds.Schema(0, [{"id": 1, "name": "id", "type": "long"}])
NOTHING = {"data_files": 0, "manifest_files": 0, "manifest_lists": 0, "metadata_files": 0}


def table_of(path: Path, commits: int = 3) -> ds.Table:
    table = ds.create_table(str(path), SCHEMA)
    for i in range(commits):
        table.append_records([{"id": i}])
    return table


def rows(path: Path) -> set[int]:
    return {row["id"] for row in ds.load_table(str(path)).scan()}


def age(path: Path, seconds: int = 7200) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_collection_removes_what_nobody_reaches_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "t"
    table = table_of(root)
    for name in ("data/orphan.parquet", "metadata/orphan.avro"):
        (root / name).write_bytes(b"x")
        age(root / name)
    kept = ["data/fresh.parquet", "data/.datashard-x", "metadata/.datashard-y.avro", "metadata/notes"]
    for name in kept:
        (root / name).write_bytes(b"x")
        if "fresh" not in name:
            age(root / name)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_bytes(b"x")
    age(outside / "mine")
    (root / "data" / "link").symlink_to(outside)
    (root / "data" / "file").symlink_to(outside / "mine")
    assert table.garbage_collect() == {**NOTHING, "data_files": 1, "manifest_files": 1}
    assert all((root / name).exists() for name in kept)
    assert (outside / "mine").exists() and (root / "data" / "file").is_symlink()
    assert rows(root) == {0, 1, 2}


def test_collection_without_grace_keeps_live_files(tmp_path: Path) -> None:
    for name in ("data", "d"):
        table = table_of(tmp_path / name)
        assert table.garbage_collect(0, allow_short_grace=True) == NOTHING
        assert rows(tmp_path / name) == {0, 1, 2}


def test_a_table_below_data_is_left_alone(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t")
    table_of(tmp_path / "t" / "data" / "inner")
    assert table.garbage_collect(0, allow_short_grace=True) == NOTHING
    assert rows(tmp_path / "t" / "data" / "inner") == {0, 1, 2}


@pytest.mark.parametrize("damage", ["garbage", "absent", "emptied"])
@pytest.mark.parametrize("which", ["list", "manifest"])
def test_collection_stops_at_what_it_cannot_read(tmp_path: Path, which: str, damage: str) -> None:
    root = tmp_path / "t"
    table = table_of(root)
    snapshot = table.current_snapshot()
    assert snapshot is not None
    path = root / snapshot.manifest_list
    if which == "manifest":
        path = root / table.file_manager.read_manifest_list_file(snapshot.manifest_list)[0].manifest_path
    if damage == "absent":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"garbage" + path.read_bytes()[7:])
    else:
        _, meta = read_container(path.read_bytes())
        path.write_bytes(write_container(json.loads(meta["avro.schema"]), []))
    (root / "data" / "orphan").write_bytes(b"x")
    age(root / "data" / "orphan")
    before = sorted(p.name for p in (root / "data").iterdir())
    with pytest.raises(GarbageCollectionAborted, match="Nothing was deleted"):
        table.garbage_collect(0, allow_short_grace=True)
    assert sorted(p.name for p in (root / "data").iterdir()) == before


def test_markers_protect(tmp_path: Path) -> None:
    root = tmp_path / "t"
    table = table_of(root, 1)
    (root / "data" / "coming.parquet").write_bytes(b"x")
    (root / "metadata" / "inflight").mkdir()
    (root / "metadata/inflight/coming.inflight").write_text('{"file_path": "/data/coming.parquet"}')
    assert table.garbage_collect(0, allow_short_grace=True) == NOTHING
    (root / "metadata/inflight/coming.inflight").unlink()
    assert table.garbage_collect(0, allow_short_grace=True)["data_files"] == 1


def test_a_removed_snapshot_leaves_no_gap_and_its_files_go(tmp_path: Path) -> None:
    root = tmp_path / "t"
    table = table_of(root)
    first, middle, last = table.metadata_manager.get_all_snapshots()
    assert table.snapshot_manager.delete_snapshot(middle.snapshot_id)
    assert not table.snapshot_manager.delete_snapshot(middle.snapshot_id)
    found = MetadataManager(str(root)).get_all_snapshots()
    assert [(s.snapshot_id, s.parent_snapshot_id) for s in found] == [
        (first.snapshot_id, -1),
        (last.snapshot_id, first.snapshot_id),
    ]
    assert rows(root) == {0, 1, 2}
    assert table.snapshot_manager.delete_snapshot(last.snapshot_id)
    assert rows(root) == {0}
    assert table.garbage_collect(0, allow_short_grace=True)["data_files"] == 2
    assert rows(root) == {0}
    table.append_records([{"id": 9}])
    assert rows(root) == {0, 9}


def test_rolling_back_and_on(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t")
    first = table.metadata_manager.get_all_snapshots()[0]
    assert table.snapshot_manager.rollback_to(first.snapshot_id).snapshot_id == first.snapshot_id
    assert rows(tmp_path / "t") == {0}
    table.append_records([{"id": 7}])
    assert rows(tmp_path / "t") == {0, 7}
    with pytest.raises(ValueError):
        table.snapshot_manager.rollback_to(12345)


def test_a_stale_base_is_refused_and_properties_are_kept(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t", 1)
    manager = table.metadata_manager
    stale = manager.refresh()
    assert stale is not None
    wanted = copy.deepcopy(stale)
    wanted.properties["who"] = "me"
    made = manager.commit(stale, wanted)
    assert made.properties["who"] == "me"
    with pytest.raises(ConcurrentModificationException, match="concurrent modification"):
        manager.commit(stale, wanted)
    table.append_records([{"id": 1}])
    fresh = MetadataManager(str(tmp_path / "t")).refresh()
    assert fresh is not None and fresh.properties["who"] == "me"
    assert [s.sequence_number for s in fresh.snapshots] == [1, 2]
    assert all((tmp_path / "t" / e["metadata-file"]).exists() for e in fresh.metadata_log)


def test_manifests_are_written_and_read(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t", 1)
    files = table.file_manager
    one = DataFile("/data/x.parquet", FileFormat.PARQUET, {"year": 2024}, 5, 10, lower_bounds={1: -3})
    manifest = files.create_manifest_file([one], snapshot_id=7, sequence_number=2)
    (found,) = files.read_manifest_file(str(tmp_path / "t" / manifest.manifest_path))
    assert (found.file_path, found.partition_values, found.lower_bounds) == ("/data/x.parquet", {"year": 2024}, {1: -3})
    assert (found.added_snapshot_id, found.sequence_number) == (7, 2)
    (listed,) = files.read_manifest_list_file(files.create_manifest_list_file([manifest], 7))
    assert listed.manifest_path == manifest.manifest_path
    assert files.verify_integrity([manifest])["missing_files"] == ["/data/x.parquet"]
    with pytest.raises(ValueError, match="Path traversal"):
        files.read_manifest_file("/etc/passwd")


def test_datashards_threshold_of_manifests_is_minded(tmp_path: Path) -> None:
    def manifests(path: Path) -> int:
        table = ds.load_table(str(path))
        snapshot = table.current_snapshot()
        assert snapshot is not None
        return len(table.file_manager.read_manifest_list_file(snapshot.manifest_list))

    threshold = transaction_commit.MANIFEST_COMPACTION_THRESHOLD_PROPERTY
    for name, value, most in (("low", "3", 3), ("off", "0", 6), ("odd", "many", 6)):
        table = table_of(tmp_path / name, 0)
        table.set_properties({threshold: value})
        for i in range(6):
            table.append_records([{"id": i}])
        found = manifests(tmp_path / name)
        assert found == 6 if most == 6 else found <= most
        assert table.row_count() == 6
    table = ds.load_table(str(tmp_path / "low"))
    assert table.properties()["commit.manifest.min-count-to-merge"] == "3"
    table.set_properties({threshold: None, "a": "b"})
    left = table.properties()
    assert left["a"] == "b" and not any("manifest" in name for name in left)


def test_large_metadata_are_told_of_once_per_doubling(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction_commit, "_LOOK_EVERY", 1)
    table = table_of(tmp_path / "t", 0)
    table.set_properties({MetadataManager.METADATA_WARN_BYTES_PROPERTY: "3000"})
    with caplog.at_level("WARNING", logger="datashard.metadata_manager"):
        for i in range(20):
            table.append_records([{"id": i}])
        told = [r.getMessage() for r in caplog.records]
        assert 1 <= len(told) <= 3 and all("metadata document" in one for one in told)
        caplog.clear()
        table.set_properties({MetadataManager.METADATA_WARN_BYTES_PROPERTY: "0"})
        for i in range(20):
            table.append_records([{"id": i}])
    assert caplog.records == [] and MetadataManager.DEFAULT_METADATA_WARN_BYTES == 1 << 20


def test_metadata_are_not_read_after_each_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    real = transaction_commit.local_root
    monkeypatch.setattr(transaction_commit, "local_root", lambda place: looked.append(place) or real(place))
    table = table_of(tmp_path / "t", 0)
    for i in range(200):
        table.append_records([{"id": i}])
    assert len(looked) == 9  # 1, 2, 4 … 128 and 192.
    assert table.row_count() == 200


def test_the_note_of_a_migration_is_no_error(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t", 1)
    migrate.write_migration_notice(table.storage)
    text = (tmp_path / "t" / migrate.MIGRATION_NOTICE_PATH).read_text()
    assert "KeyError" in text and ds.__version__ in text
    (tmp_path / "t" / migrate.MIGRATION_NOTICE_PATH).unlink()
    (tmp_path / "t" / migrate.MIGRATION_NOTICE_PATH).mkdir()
    migrate.write_migration_notice(table.storage)
    assert rows(tmp_path / "t") == {0}


def test_verify_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table_of(tmp_path / "t", 2)
    assert main(["verify", str(tmp_path / "t")]) == 0
    assert "2 rows" in capsys.readouterr().out
    next((tmp_path / "t" / "data").glob("*.parquet")).unlink()
    assert main(["verify", str(tmp_path / "t")]) == 1
    assert "missing" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "t"), "--deep", "--limit", "1"]) == 1
    assert main(["verify", str(tmp_path / "nothing")]) == 1
    assert "no table" in capsys.readouterr().err and not (tmp_path / "nothing").exists()
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0 and ds.__version__ in capsys.readouterr().out
