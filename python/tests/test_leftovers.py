"""Whatever is done to a table, by one or by several at once, no file is left that no version names."""

from __future__ import annotations

import concurrent.futures
import contextlib
import copy
import gc
import json
import os
import pathlib
import random
from collections.abc import Callable
from typing import Any

import fastavro
import pytest

from datashard import CommitConflict, IcebergTable, NotFound

DELETED = 2  # An entry's status: it was in the table, and its snapshot took it out.
FORGETFUL = {
    "datashard.expire-on-commit": "true",
    "history.expire.max-snapshot-age-ms": "1",
    "write.metadata.delete-after-commit.enabled": "true",
}


def entries(path: str) -> list[dict[str, Any]]:
    with open(path.removeprefix("file://"), "rb") as file:
        return [dict(entry) for entry in fastavro.reader(file) if isinstance(entry, dict)]


def named(location: pathlib.Path) -> set[str]:
    """The files that the newest version leads to, by name."""
    versions = {int(p.name[1:].split(".")[0]): p for p in location.glob("metadata/v*.metadata.json")}
    newest = versions[max(versions)]
    metadata = json.loads(newest.read_text())
    found = {newest.name, *(e["metadata-file"] for e in metadata["metadata-log"])}
    for snapshot in metadata["snapshots"]:
        found.add(snapshot["manifest-list"])
        for manifest in entries(snapshot["manifest-list"]):
            if manifest["manifest_path"] not in found:
                found.add(manifest["manifest_path"])
                listed = entries(manifest["manifest_path"])
                found.update(e["data_file"]["file_path"] for e in listed if e["status"] != DELETED)
    return {os.path.basename(name) for name in found}


def there(location: pathlib.Path) -> set[str]:
    """The files that are in its folders; names with a dot in front are its own affair."""
    return {
        path.name
        for path in location.rglob("*")
        if path.is_file() and path.name[0] != "." and path.name != "version-hint.text"
    }


class Life:
    """What happens to a table, in an order that the seed says."""

    def __init__(self, location: pathlib.Path, seed: int, merging: bool, **more: str) -> None:
        self.random = random.Random(seed)
        keep = self.random.choice([1, 3, 40])
        properties = {**FORGETFUL, "history.expire.min-snapshots-to-keep": str(keep)}
        properties["datashard.expire-batch"] = str(self.random.choice([1, 20]))
        properties["commit.manifest.min-count-to-merge"] = str(self.random.choice([2, 5, 100]))
        properties["write.metadata.previous-versions-max"] = str(self.random.choice([2, 30]))
        # By another thread, which commits and forgets while this one does.
        properties["datashard.merge-small-files.enabled"] = str(merging).lower()
        properties["datashard.merge-small-files.every"] = str(self.random.choice([4, 20]))
        properties.update(more)
        self.partitioned = self.random.random() < 0.5
        self.alone = not merging
        self.location = location
        self.table = IcebergTable.create(
            location,
            "id long, kind string",
            partition_by="kind" if self.partitioned else None,
            properties=properties,
        )
        self.next = 0

    def beside(self, seed: int) -> Life:
        """Somebody else's, of the same table, by a handle of his own."""
        other = copy.copy(self)
        other.random = random.Random(seed)
        other.table = IcebergTable.open(self.location)
        return other

    def new_rows(self) -> list[dict[str, Any]]:
        count = self.random.choice([1, 1, 1, 3])
        self.next += count
        return [{"id": n, "kind": self.random.choice("ab")} for n in range(self.next - count, self.next)]

    def append(self) -> None:
        self.table.append(self.new_rows())

    def some_files(self) -> list[str]:
        paths = [file.path for file in self.table.files()]
        return self.random.sample(paths, min(len(paths), self.random.choice([1, 2])))

    def delete(self) -> None:
        if paths := self.some_files():
            with self.table.transaction() as tx:
                tx.delete_files(paths)

    def replace(self) -> None:
        if paths := self.some_files():
            with self.table.transaction() as tx:
                tx.delete_files(paths)
                tx.append(self.new_rows())

    def add_again(self) -> None:
        """Files that were taken out, and are there for older snapshots."""
        live = {file.path.removeprefix("file://") for file in self.table.files()}
        old = sorted(str(path) for path in self.location.rglob("*.parquet") if str(path) not in live)
        if old and not self.partitioned:
            self.table.add_files(self.random.sample(old, 1))

    def optimize(self) -> None:
        self.table.optimize(files_min=2)

    def expire(self) -> None:
        self.table.expire_snapshots("2100-01-01", retain_last=self.random.choice([1, 5]))

    def set_property(self) -> None:
        self.table.set_properties({"note": str(self.next)})

    def close(self) -> None:
        """What the handle's housekeeper is at, it does to the end."""
        del self.table
        gc.collect()

    def reopen(self) -> None:
        self.close()
        self.table = IcebergTable.open(self.location)

    def live(self, steps: int) -> None:
        acts: list[Callable[[], None]] = [self.append] * 12
        acts += [self.delete, self.replace, self.optimize, self.expire, self.set_property, self.reopen]
        if self.alone:  # Else it may have gone by then.
            acts += [self.add_again]
        for _ in range(steps):
            # Somebody else may take out, and forget, what this one has just read.
            with contextlib.suppress(*([] if self.alone else [CommitConflict, NotFound])):
                self.random.choice(acts)()


def check(location: pathlib.Path) -> None:
    """The table has all its files, and there are no others."""
    assert there(location) ^ named(location) == set()
    table = IcebergTable.open(location)
    assert table.count() == len(table.scan().to_pylist())


@pytest.mark.parametrize("merging", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_no_file_is_left_that_nobody_names(tmp_path: pathlib.Path, seed: int, merging: bool) -> None:
    life = Life(tmp_path / "t", seed, merging)
    life.live(120)
    life.close()
    check(tmp_path / "t")


@pytest.mark.parametrize("group", ["true", "false"])
@pytest.mark.parametrize("seed", range(4))
def test_no_file_is_left_by_those_who_forget_at_once(tmp_path: pathlib.Path, seed: int, group: str) -> None:
    keep = {"history.expire.min-snapshots-to-keep": "1", "datashard.expire-batch": "1"}
    first = Life(tmp_path / "t", seed, True, **keep, **{"datashard.group-commit.enabled": group})
    lives = [first, first.beside(seed + 100), first.beside(seed + 200)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for done in [pool.submit(life.live, 60) for life in lives]:
            done.result()
    for life in lives:
        life.close()
    check(tmp_path / "t")


@pytest.mark.parametrize("way", ["merged", "deleted"])
def test_a_file_that_is_added_again_stays(tmp_path: pathlib.Path, way: str) -> None:
    """Forgetting those who had it first takes no file away from who has it now."""
    properties = {**FORGETFUL, "history.expire.min-snapshots-to-keep": "3"}
    properties["datashard.merge-small-files.enabled"] = "false"
    table = IcebergTable.create(tmp_path / "t", "id long", properties=properties)
    for number in range(2):
        table.append([{"id": number}])
    again, other = (file.path for file in table.files())
    if way == "merged":
        assert table.optimize(files_min=2).files == 2
    else:
        with table.transaction() as tx:
            tx.delete_files([again, other])
    table.add_files([again])
    for number in range(5):
        table.append([{"id": number}])
    assert os.path.exists(again.removeprefix("file://"))
    assert not os.path.exists(other.removeprefix("file://"))
    check(tmp_path / "t")
