"""Processes that write to one table, and one of them stopped while it leads."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

from datashard._native import IcebergTable

__all__ = ["Writers", "stop", "stop_a_leader"]

WRITER = """
import os, sys
from datashard import CommitUnknown
from datashard._native import IcebergTable
parent = os.getppid()
table = IcebergTable.open(sys.argv[1])
number = int(sys.argv[2])
try:
    print("go", flush=True)
    while os.getppid() == parent:  # Not for ever, when the tests are killed.
        table.append([{"id": number}])
        number += 1
except CommitUnknown as error:
    print("unknown", number, error.identity, type(error.__cause__).__name__, bool(error.token), flush=True)
except KeyboardInterrupt as error:
    inside = error.__traceback__.tb_next  # Else it came before, or after, an append.
    print("between" if not inside else "yes" if hasattr(error, "committed") else "no", number, flush=True)
"""


class Writers:
    """Processes that append as fast as they can, each ids of its own: a million from
    `first` on, the next million, …"""

    def __init__(self, location: pathlib.Path, count: int, first: int = 1_000_000) -> None:
        self.all = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(location), str(first + 1_000_000 * i)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for i in range(count)
        ]
        for process in self.all:
            assert process.stdout is not None and process.stdout.readline() == "go\n"

    def __enter__(self) -> Writers:
        return self

    def __exit__(self, *args: object) -> None:
        for process in self.all:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.communicate()


def stop(process: subprocess.Popen[str]) -> None:
    """Stops it, and waits until it is."""
    os.kill(process.pid, signal.SIGSTOP)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)


def stop_a_leader(table: IcebergTable, writers: Writers, claimed: int) -> subprocess.Popen[str]:
    """Stops the writer that leads, with so many changes in its hands that others have left
    in the queue; its own mostly is in no slot of it."""
    by_pid = {process.pid: process for process in writers.all}
    until = time.monotonic() + 120
    while time.monotonic() < until:
        leader = by_pid.get(table.stats()["leader_pid"])
        if leader is None:
            continue
        stop(leader)
        stats = table.stats()
        if stats["leader_pid"] == leader.pid and stats["queue_claimed"] >= claimed:
            return leader
        os.kill(leader.pid, signal.SIGCONT)
    raise AssertionError("no leader could be stopped in the middle of its work")
