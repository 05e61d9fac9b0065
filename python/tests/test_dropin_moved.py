"""Tables whose directories were moved: read where they are, relocated, or left as they are."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import datashard as ds
from datashard import _core, migrate
from datashard.__main__ import main
from datashard._fields import iceberg_json
from datashard.metadata_manager import MetadataManager

SCHEMA = ds.Schema(
    1,
    [
        {"id": 1, "name": "n", "type": "long"},
        {"id": 2, "name": "day", "type": "date"},
        {"id": 3, "name": "price", "type": "decimal(9,2)"},
    ],
)
NOTHING = {"snapshots": 0, "manifests": 0, "data_files": 0}


def row(n: int) -> dict[str, Any]:
    return {"n": n, "day": date(1969 + n, 1, 2), "price": Decimal(n) / 4 - 1}


def moved(at: Path, commits: int = 3) -> tuple[Path, list[list[dict[str, Any]]]]:
    """A table that was made at ``at/old name`` and is at ``at/new ü name``, and the rows of its
    snapshots. One of its files is deleted."""
    # Partitions by decimals are not for all readers, and so not for create_table.
    schema = iceberg_json(SCHEMA)
    _core.create_table(str(at / "old name"), schema_json=schema, partition_by="day, price")
    table = ds.load_table(str(at / "old name"))
    for n in range(commits):
        table.append_records([row(n), row(n + 1)])
    with table.new_transaction() as tx:
        tx.delete_files([table._get_all_data_files()[0].file_path])
    rows = rows_of(at / "old name")
    assert len(rows) == commits + 1 and len(rows[-1]) == 2 * commits - 1
    os.rename(at / "old name", at / "new ü name")
    return at / "new ü name", rows


def rows_of(path: Path) -> list[list[dict[str, Any]]]:
    """The rows of each snapshot, as a new handle reads them."""
    table = ds.load_table(str(path))
    return [table.scan(snapshot_id=one["snapshot_id"]) for one in table.snapshots()]


def files_of(path: Path) -> dict[str, bytes]:
    return {str(f.relative_to(path)): f.read_bytes() for f in path.rglob("*") if f.is_file()}


def newest(path: Path) -> dict[str, Any]:
    versions = (path / "metadata").glob("v*.metadata.json")
    text = max(versions, key=lambda f: int(f.name[1:].split(".")[0])).read_text()
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_moved_table_is_read_where_it_is(tmp_path: Path) -> None:
    path, rows = moved(tmp_path)
    before = files_of(path)
    table = ds.load_table(str(path))
    assert rows_of(path) == rows and table.row_count() == len(rows[-1])
    assert table.scan(filter={"n": 2}) == [r for r in rows[-1] if r["n"] == 2]
    assert table.verify(deep=True)["ok"] and main(["verify", str(path)]) == 0
    assert all(Path(p).is_file() and Path(p).is_relative_to(path) for p in table.parquet_paths())
    assert len(table.scan(verify_checksums="full")) == len(rows[-1])
    assert all((path / f.file_path.lstrip("/")).is_file() for f in table._get_all_data_files())
    assert table.native.scan(ordered=True).to_pylist() == table.scan()
    assert files_of(path) == before and not (tmp_path / "old name").exists()


def test_a_moved_table_is_not_written(tmp_path: Path) -> None:
    path, rows = moved(tmp_path)
    before = files_of(path)
    table = ds.load_table(str(path))
    for write in (
        lambda: table.append_records([row(9)]),
        lambda: table.set_properties({"a": "b"}),
        lambda: table.expire_snapshots(retain_last=1),
        lambda: table.native.append([row(9)]),
        lambda: ds.create_table(str(path), SCHEMA, if_exists="ignore").append_records([row(9)]),
    ):
        with pytest.raises((NotImplementedError, ValueError), match="moved.*relocate"):
            write()
    after = {k: v for k, v in files_of(path).items() if "/.datashard-" not in k}
    assert after == {k: v for k, v in before.items() if "/.datashard-" not in k}
    assert not (tmp_path / "old name").exists() and rows_of(path) == rows


def test_collection_in_a_moved_table_keeps_what_it_has(tmp_path: Path) -> None:
    path, rows = moved(tmp_path)
    (path / "data" / "orphan.parquet").write_bytes(b"x")
    table = ds.load_table(str(path))
    assert table.garbage_collect(0, allow_short_grace=True)["data_files"] == 1
    assert rows_of(path) == rows


def test_a_relocated_table_is_as_it_was_but_for_paths(tmp_path: Path) -> None:
    path, rows = moved(tmp_path)
    manager = MetadataManager(str(path))
    files = ds.load_table(str(path)).file_manager
    was = [[files.read_entries(m.manifest_path) for m in files.read_manifest_list_file(s.manifest_list)] for s in manager.get_all_snapshots()]
    lists = [s.manifest_list for s in manager.get_all_snapshots()]
    old = newest(path)
    counts = ds.load_table(str(path)).relocate()
    assert (counts["snapshots"], counts["manifests"]) == (4, 4) and counts["metadata_bytes_added"] > 0
    new = newest(path)
    assert f"{tmp_path}/old name" not in json.dumps(new, ensure_ascii=False)
    assert new["location"] == f"file://{path}" and new["table-uuid"] == old["table-uuid"]
    for name in ("last-sequence-number", "snapshot-log", "refs", "schemas", "properties"):
        assert new[name] == old[name]
    for one, other in zip(new["snapshots"], old["snapshots"]):
        assert {**one, "manifest-list": ""} == {**other, "manifest-list": ""}
    assert all((path / e["metadata-file"].removeprefix(f"file://{path}/")).is_file() for e in new["metadata-log"])
    now = [[files.read_entries(m.manifest_path) for m in files.read_manifest_list_file(s.manifest_list)] for s in manager.get_all_snapshots()]
    text = repr(now)
    assert "old name" not in text and repr(was).replace(f"{tmp_path}/old name", str(path)) == text
    assert all((path / one).is_file() for one in lists)  # Until they are collected.
    assert rows_of(path) == rows
    assert ds.load_table(str(path)).relocate() == NOTHING == ds.load_table(str(path)).relocate()


def test_a_relocated_table_is_written_and_collected(tmp_path: Path) -> None:
    path, rows = moved(tmp_path)
    open_before = ds.load_table(str(path))
    assert open_before.row_count() == len(rows[-1])
    assert main(["relocate", str(path)]) == 0
    open_before.append_records([row(9)])
    assert rows_of(path)[-2:] == [rows[-1], ds.load_table(str(path)).scan()]
    table = ds.load_table(str(path))
    assert table.garbage_collect(0, allow_short_grace=True)["manifest_files"] == 8
    assert rows_of(path)[:-1] == rows and table.verify(deep=True)["ok"]
    assert len(table.scan()) == len(rows[-1]) + 1 and not (tmp_path / "old name").exists()
    assert main(["relocate", str(tmp_path / "nothing")]) == 1


def test_pyiceberg_reads_a_relocated_table(tmp_path: Path) -> None:
    pyiceberg = pytest.importorskip("pyiceberg.table")
    path, rows = moved(tmp_path)
    ds.load_table(str(path)).relocate()
    names = (path / "metadata").glob("v*.metadata.json")
    last = max(names, key=lambda f: int(f.name[1:].split(".")[0]))
    table = pyiceberg.StaticTable.from_metadata(str(last))
    for one, wanted in zip(table.metadata.snapshots, rows):
        found = table.scan(snapshot_id=one.snapshot_id).to_arrow().column("n").to_pylist()
        assert sorted(found) == sorted(r["n"] for r in wanted)


def test_a_copy_and_its_original_go_their_ways(tmp_path: Path) -> None:
    path, rows = moved(tmp_path)
    ds.load_table(str(path)).relocate()
    copy = tmp_path / "copy"
    shutil.copytree(path, copy)
    before = files_of(path)
    assert rows_of(copy) == rows
    with pytest.raises(NotImplementedError, match="relocate"):
        ds.load_table(str(copy)).append_records([row(7)])
    ds.load_table(str(copy)).relocate()
    ds.load_table(str(copy)).append_records([row(7)])
    assert files_of(path) == before
    shutil.rmtree(path)
    assert rows_of(copy)[:-1] == rows and row(7) in rows_of(copy)[-1]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    path, rows = moved(tmp_path)
    victim = Path(ds.load_table(str(path)).parquet_paths()[0])
    content = victim.read_bytes()
    victim.write_bytes(content + b"x")
    before = files_of(path)
    with pytest.raises(ds.CorruptDataError, match="nothing was changed"):
        ds.load_table(str(path)).relocate()
    assert files_of(path) == before
    victim.unlink()
    with pytest.raises(FileNotFoundError, match="nothing was changed"):
        ds.load_table(str(path)).relocate()
    victim.write_bytes(content)
    assert files_of(path).keys() == before.keys() and rows_of(path) == rows
    ds.load_table(str(path)).relocate()
    assert rows_of(path) == rows


def test_the_parts_are_datashards(tmp_path: Path) -> None:
    path, rows = moved(tmp_path)
    table = ds.load_table(str(path))
    manager, files = table.metadata_manager, table.file_manager
    base = manager.refresh()
    assert base is not None
    before = files_of(path)
    told, counts = migrate.rewrite_snapshots(files, base, "file:///elsewhere", dry_run=True)
    assert files_of(path) == before and counts["data_files"] > 0
    assert [s.manifest_list for s in told] == [s.manifest_list for s in base.snapshots]
    elsewhere = dataclasses.replace(base, location="file:///elsewhere")
    with pytest.raises(ValueError, match="cannot be relocated"):
        manager.commit(base, elsewhere, relocate=True)
    made, counts = migrate.rewrite_snapshots(files, base, f"file://{path}")
    assert len(files_of(path)) == len(before) + counts["snapshots"] + counts["manifests"]
    assert [s.snapshot_id for s in made] == [s.snapshot_id for s in base.snapshots]
    length, checksum = files.snapshot_list_integrity(made[0])
    assert files.read_manifest_list_file(made[0].manifest_list, length, checksum)
    wanted = dataclasses.replace(base, location=str(path), snapshots=made)
    assert manager.commit(base, wanted, relocate=True).location == str(path)
    assert rows_of(path) == rows and table.relocate() == NOTHING
    with pytest.raises(ValueError, match="No table"):
        migrate.relocate_table(ds.Table(str(tmp_path / "none"), create_if_not_exists=False))
