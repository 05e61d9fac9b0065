"""Programs that open a table, append a row and end: their small files are merged."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import time

import pytest

from datashard._native import IcebergTable

EVERY = 8
RUNS = 3 * EVERY

# Nothing is ever closed: the interpreter ends.
SCRIPTS = {
    "global": "table = IcebergTable.open(sys.argv[1]); table.append([{'id': int(sys.argv[2])}])",
    "cycle": "table = IcebergTable.open(sys.argv[1]); table.append([{'id': int(sys.argv[2])}])\n"
    "class Holder: pass\nh = Holder(); h.me = h; h.table = table; del table",
}


def ingest(at: pathlib.Path) -> pathlib.Path:
    IcebergTable.create(
        at / "t", "id long", ingest=True, properties={"datashard.merge-small-files.every": str(EVERY)}
    )
    return at / "t"


@pytest.mark.parametrize("how", SCRIPTS)
def test_scripts_that_append_once_leave_few_files(tmp_path: pathlib.Path, how: str) -> None:
    location = ingest(tmp_path)
    script = "import sys\nfrom datashard._native import IcebergTable\n" + SCRIPTS[how]
    for run in range(RUNS):
        subprocess.run([sys.executable, "-c", script, str(location), str(run)], check=True, timeout=60)
    table = IcebergTable.open(location)
    assert sorted(row["id"] for row in table.scan().to_pylist()) == list(range(RUNS))
    files = int(table.snapshots()[-1].summary["total-data-files"])
    assert files < 2 * EVERY + EVERY // 2, files


def test_a_handle_that_is_dropped_waits_no_longer_than_its_table_says(tmp_path: pathlib.Path) -> None:
    location = ingest(tmp_path)
    longest = 0.0
    for run in range(RUNS):
        table = IcebergTable.open(location)
        table.append([{"id": run}])
        begun = time.monotonic()
        del table
        longest = max(longest, time.monotonic() - begun)
    assert longest < 10  # Two seconds, and what a busy machine adds.
    assert IcebergTable.open(location).scan().count() == RUNS
