"""Readers beside somebody who expires snapshots and removes their files at once."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import datashard as ds
from datashard._handle import Handle

FILES = 24
IDS = list(range(FILES))


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    location = tmp_path / "t"
    table = ds.IcebergTable.create(location, "id long", partition_by="id")
    table.append([{"id": number} for number in IDS])
    return location


def vacuum(location: pathlib.Path, more: Sequence[int] = ()) -> None:
    """The same rows (and some) are in new files then, and everything of before is gone."""
    table = ds.load_table(location)
    before = {file.path for file in table.native.files()}
    with table.native.transaction() as tx:
        tx.delete_files(before)
        tx.append([*table.scan(), *({"id": number} for number in more)])
    assert table.expire_snapshots(older_than_ms=2**62) > 0
    table.garbage_collect(grace_period_ms=0, allow_short_grace=True)
    after = {str(file) for file in (location / "data").rglob("*.parquet")}
    assert not after & before and len(after) >= FILES


def vacuum_under_it(location: pathlib.Path, monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Whoever has looked up the newest state finds it expired, that many times."""
    schema, seen = Handle.schema, [0]

    def look(self: Handle, table: Any = None) -> Any:
        found = schema(self, table)
        if table is not None and seen[0] < times:
            seen[0] += 1
            with monkeypatch.context() as calm:
                calm.setattr(Handle, "schema", schema)
                vacuum(location, [FILES + seen[0]])
        return found

    monkeypatch.setattr(Handle, "schema", look)
    return seen


READS: dict[str, Callable[[Any], list[int]]] = {
    "scan": lambda t: [row["id"] for row in t.scan()],
    "to_arrow": lambda t: t.to_arrow()["id"].to_pylist(),
    "to_pandas": lambda t: t.to_pandas()["id"].tolist(),
    "scan_batches": lambda t: [row["id"] for rows in t.scan_batches(7) for row in rows],
    "iter_records": lambda t: [row["id"] for row in t.iter_records()],
    "iter_pandas": lambda t: [n for frame in t.iter_pandas(7) for n in frame["id"]],
}


NEEDS = {"to_arrow": ["pyarrow"], "to_pandas": ["pyarrow", "pandas"], "iter_pandas": ["pandas"]}


@pytest.mark.parametrize("name", READS)
def test_the_newest_state_is_read_again(name: str, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in NEEDS.get(name, []):
        pytest.importorskip(package)
    read = READS[name]
    reader = ds.load_table(path)
    seen = vacuum_under_it(path, monkeypatch, 2)
    assert sorted(read(reader)) == [*IDS, FILES + 1, FILES + 2]
    assert seen == [2]


def test_counting_looks_again(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = ds.load_table(path)
    vacuum_under_it(path, monkeypatch, 2)
    assert reader.row_count() == FILES + 2


def test_it_is_not_tried_for_ever(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = ds.load_table(path)
    vacuum_under_it(path, monkeypatch, 1000)
    with pytest.raises(ds.SnapshotExpired, match="was expired while it was being read"):
        reader.scan()


def test_what_was_given_out_cannot_be_taken_back(path: pathlib.Path) -> None:
    reader = ds.load_table(path)
    rows = reader.iter_records()
    lists = reader.scan_batches(1)
    first = [next(rows), *next(lists)]
    assert first == [{"id": 0}, {"id": 0}]
    vacuum(path)
    for rest in (lists, rows):
        with pytest.raises(ds.SnapshotExpired, match="snapshot .* was expired .*parquet.* read the table again"):
            list(rest)
    assert sorted(row["id"] for row in reader.scan()) == IDS


def test_a_state_that_was_asked_for_is_no_other_one(path: pathlib.Path) -> None:
    reader = ds.load_table(path)
    batches = reader.scan_batches(1, snapshot_id=reader.current_snapshot().snapshot_id)
    native = reader.native
    scan = native.scan()
    stream = scan.stream()
    assert next(batches) == [{"id": 0}]
    vacuum(path)
    with pytest.raises(ds.SnapshotExpired) as raised:
        list(batches)
    assert isinstance(raised.value, FileNotFoundError) and isinstance(raised.value, ds.NotFound)
    assert raised.value.status == -15
    for lost in (scan.to_pylist, scan.to_arrow, scan.count, native.files, lambda: list(stream)):
        with pytest.raises(ds.SnapshotExpired):
            lost()
    assert sorted(row["id"] for row in native.refresh().scan().to_pylist()) == IDS
