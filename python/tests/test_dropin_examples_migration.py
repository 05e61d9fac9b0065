"""The examples of DataShard's page on migration: its own layout becomes Iceberg's."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

import pytest
from examples_support import left

from datashard import load_table, migrate_table

GOLDEN = pathlib.Path(__file__).parents[2] / "tests/golden/legacy"
NAME = "0.7.2-partitioned"


@pytest.fixture
def trades(tmp_path: pathlib.Path) -> str:
    """A table that DataShard 0.7.2 wrote."""
    if not (GOLDEN / NAME).is_dir():
        pytest.skip("without tests/golden")
    shutil.copytree(GOLDEN / NAME, tmp_path / "trades")
    return str(tmp_path / "trades")


def recorded() -> list[dict[str, Any]]:
    """What the version that wrote it read, snapshot by snapshot."""
    steps: list[dict[str, Any]] = json.loads((GOLDEN / f"{NAME}.json").read_text())["steps"]
    return steps


def files(path: str) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in pathlib.Path(path).rglob("*") if p.is_file()}


def test_migration11_1_migrate(trades: str) -> None:
    before = files(trades)
    assert migrate_table(trades, dry_run=True)["status"] == "dry-run"
    assert files(trades) == before
    assert migrate_table(trades)["status"] == "migrated"
    assert migrate_table(trades)["status"] == "already-migrated"
    data = {name: text for name, text in before.items() if "/data/" in name}
    after = files(trades)
    assert {name: after[name] for name in data} == data
    assert len(left(trades)) == len(recorded()[-1]["rows"])


def test_migration11_2_what_is_there(trades: str) -> None:
    migrate_table(trades)
    t = load_table(trades)
    steps = recorded()
    assert t.row_count() == len(steps[-1]["rows"])
    numbers = list(dict.fromkeys(step["snapshot"] for step in steps))
    assert [s["snapshot_id"] for s in t.snapshots()] == numbers
    for step in steps:
        assert len(t.scan(snapshot_id=step["snapshot"])) == len(step["rows"])
