"""Processes that are forked and go on without exec, and what their parents leave behind."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid

from datashard._native import IcebergTable

from writers import Writers, stop_a_leader

PARENT = """
import multiprocessing, sys
from datashard._native import IcebergTable

def child(ready):
    ready.send("up")
    ready.recv()

table = IcebergTable.open(sys.argv[1])
table.append([{"id": 1}])  # It has its place in the queue now.
here, there = multiprocessing.Pipe()
process = multiprocessing.get_context("fork").Process(target=child, args=(there,))
process.start()
here.recv()
print(process.pid, flush=True)
sys.stdin.readline()
table.append([{"id": 5}], identity=sys.argv[2])
print("done", flush=True)
sys.stdin.readline()
"""

WORKERS = """
import multiprocessing, sys
from datashard._native import IcebergTable

table = IcebergTable.open(sys.argv[1])
table.append([{"id": 0}])

def work(number):
    return table.append([{"id": number}]).committed

with multiprocessing.get_context("fork").Pool(4) as pool:
    assert all(pool.map(work, range(1, 41), chunksize=1))
table.append([{"id": 41}])
"""


def test_workers_of_a_pool_commit_through_the_parents_table(tmp_path: pathlib.Path) -> None:
    location = tmp_path / "t"
    IcebergTable.create(location, "id long")
    subprocess.run([sys.executable, "-c", WORKERS, str(location)], check=True, timeout=120)
    rows = IcebergTable.open(location).scan().to_pylist()
    assert sorted(row["id"] for row in rows) == list(range(42))


def kill_between(location: pathlib.Path, identity: str) -> int | None:
    """Has a parent killed whose append was published and not yet taken up, and whose child
    lives on: the child's pid. None: it took too long, and others may have begun."""
    table = IcebergTable.open(location)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(location), identity],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdin is not None and parent.stdout is not None
    child = int(parent.stdout.readline())
    with Writers(location, 1) as writers:
        leader = stop_a_leader(table, writers, 0)
        begun = time.monotonic()
        parent.stdin.write(b"\n")
        parent.stdin.flush()
        while table.stats()["queue_waiting"] == 0 and time.monotonic() - begun < 0.8:
            pass
        parent.kill()
        in_time = time.monotonic() - begun < 0.8  # After a second the parent would lead.
        parent.wait(60)
        assert table.resolve(identity).committed is False or not in_time
        os.kill(leader.pid, signal.SIGCONT)
        target = table.count() + 5
        until = time.monotonic() + 60
        while table.count() < target:
            assert time.monotonic() < until
            table.refresh()
    parent.stdin.close()
    parent.stdout.close()
    if not in_time:
        os.kill(child, signal.SIGKILL)
        return None
    return child


def test_a_killed_parents_append_is_dead_while_its_child_lives(tmp_path: pathlib.Path) -> None:
    location = tmp_path / "t"
    IcebergTable.create(location, "id long")
    child = None
    for _ in range(8):
        identity = str(uuid.uuid4())
        child = kill_between(location, identity)
        if child is not None:
            break
    assert child is not None
    os.kill(child, 0)  # It lives.
    try:
        fresh = IcebergTable.open(location)
        assert not fresh.resolve(identity).committed
        assert fresh.count("id = 5") == 0
    finally:
        os.kill(child, signal.SIGKILL)
