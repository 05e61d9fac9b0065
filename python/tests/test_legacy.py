"""Tables that DataShard itself wrote, in its own layout and in Iceberg's.

tests/golden/legacy has them, and what their version read from each of their snapshots.
"""

from __future__ import annotations

import datetime
import decimal
import json
import pathlib
import shutil
import uuid
from typing import Any

import pytest

import datashard
from datashard import Schema, create_table, load_table, migrate_table

GOLDEN = pathlib.Path(__file__).parents[2] / "tests" / "golden" / "legacy"
OWN_LAYOUT = ["0.5.4-plain", "0.7.2-all", "0.7.2-noschema", "0.7.2-partitioned", "0.9.1-all"]


def plain(value: Any) -> Any:
    """A value as the recorded JSON has it."""
    if isinstance(value, (datetime.date, datetime.time, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, (decimal.Decimal, uuid.UUID)) else value


def rows_of(rows: Any) -> list[dict[str, Any]]:
    return [{name: plain(value) for name, value in row.items()} for row in rows]


def copy_of(name: str, to: pathlib.Path) -> tuple[str, list[dict[str, Any]]]:
    """A golden table of its own, and what was recorded of it."""
    shutil.copytree(GOLDEN / name, to / name)
    recorded = json.loads((GOLDEN / f"{name}.json").read_text())
    return str(to / name), recorded["steps"]


def files_of(path: str) -> dict[str, bytes]:
    root = pathlib.Path(path)
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


@pytest.mark.parametrize("name", OWN_LAYOUT)
def test_every_row_of_every_snapshot_is_read(name: str, tmp_path: pathlib.Path) -> None:
    path, steps = copy_of(name, tmp_path)
    before = files_of(path)
    table = load_table(path)
    assert rows_of(table.scan()) == steps[-1]["rows"]
    assert table.row_count() == len(steps[-1]["rows"])
    snapshots = list(dict.fromkeys(step["snapshot"] for step in steps))
    assert [s["snapshot_id"] for s in table.snapshots()] == snapshots
    for step in steps:
        assert rows_of(table.scan(snapshot_id=step["snapshot"])) == step["rows"]
    assert files_of(path) == before  # Reading leaves no trace.


def test_a_filter_loses_no_row(tmp_path: pathlib.Path) -> None:
    path, steps = copy_of("0.7.2-all", tmp_path)
    table = load_table(path)
    for row in steps[-1]["rows"]:
        if row["s"] is not None:
            assert [r["i"] for r in table.scan(filter={"s": row["s"]})] == [row["i"]]
            assert [r["i"] for r in table.scan(filter={"u": row["u"]})] == [row["i"]]


def test_a_write_says_what_to_do(tmp_path: pathlib.Path) -> None:
    path, _ = copy_of("0.7.2-partitioned", tmp_path)
    before = files_of(path)
    schema = Schema(1, [{"id": 1, "name": "a", "type": "long"}])
    table = create_table(path, schema, if_exists="ignore")
    for write in (
        lambda: table.append_records([{"a": 1}]),
        lambda: table.expire_snapshots(older_than_ms=2**40),
    ):
        with pytest.raises(datashard.Unsupported, match="datashard migrate"):
            write()
    assert files_of(path) == before


def test_half_a_table_is_refused(tmp_path: pathlib.Path) -> None:
    path, _ = copy_of("0.4.1-plain", tmp_path)
    with pytest.raises(datashard.Unsupported, match="0.4 or older"):
        load_table(path)


@pytest.mark.parametrize("victim", ["metadata/v6-*", "metadata/manifests/manifest_*"])
def test_damage_is_an_error(victim: str, tmp_path: pathlib.Path) -> None:
    path, steps = copy_of("0.7.2-all", tmp_path)
    for file in pathlib.Path(path).glob(victim):
        whole = file.read_bytes()
        for size in range(0, len(whole), 97):
            file.write_bytes(whole[:size])
            try:
                rows = rows_of(load_table(path).scan())
            except datashard.Error:
                continue
            # Only what the current snapshot does not need may be cut.
            assert rows == steps[-1]["rows"]
        file.write_bytes(whole)


@pytest.mark.parametrize("remove_old", [False, True])
@pytest.mark.parametrize("name", OWN_LAYOUT)
def test_a_migrated_table_has_every_row_and_takes_more(
    name: str, remove_old: bool, tmp_path: pathlib.Path
) -> None:
    path, steps = copy_of(name, tmp_path)
    before = files_of(path)
    open_before = load_table(path)
    assert open_before.row_count() == len(steps[-1]["rows"])
    assert migrate_table(path, dry_run=True)["status"] == "dry-run"
    assert files_of(path) == before
    report = migrate_table(path, remove_old=remove_old)
    assert report["status"] == "migrated" and report["table"] == path
    assert report["rows"] == len(steps[-1]["rows"]) and not report["snapshots_left_out"]
    assert report["peak_bytes"] > report["metadata_bytes_now"] > 0
    after = files_of(path)
    for file, content in before.items():
        if file.startswith("data/") or (not remove_old and file.startswith("metadata/")):
            assert after[file] == content  # Nothing that was there has changed.
    assert (report["removed_files"] > 0) == remove_old
    for table in (load_table(path), open_before):  # A handle of before goes on, too.
        assert rows_of(table.scan()) == steps[-1]["rows"]
        for step in steps:
            assert rows_of(table.scan(snapshot_id=step["snapshot"])) == step["rows"]
    first = open_before.scan()[-1]
    assert open_before.append_records([first])
    assert rows_of(load_table(path).scan()) == steps[-1]["rows"] + rows_of([first])
    assert migrate_table(path)["status"] == "already-migrated"


def test_a_migration_of_nothing_says_so(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="No pre-0.10 datashard table"):
        migrate_table(str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


def test_two_migrations_at_once_make_one_table(tmp_path: pathlib.Path) -> None:
    import concurrent.futures

    path, steps = copy_of("0.7.2-all", tmp_path)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: migrate_table(path), range(4)))
    assert sorted(r["status"] for r in reports) == ["already-migrated"] * 3 + ["migrated"]
    assert rows_of(load_table(path).scan()) == steps[-1]["rows"]
    assert len(list(pathlib.Path(path, "metadata").glob("snap-*"))) == 6
