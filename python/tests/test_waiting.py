"""What a call waits for is in the log, while it waits."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from datashard import Catalog

HOLDER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
database.execute("ROLLBACK")
"""


class Told(logging.Handler):
    """Keeps what it is told, and by whom."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.threads: list[int] = []
        self.come = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.threads.append(threading.get_ident())
        self.come.set()


class Refused(Exception):
    pass


class Refusing(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise Refused(record.getMessage())


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that keeps the catalog's database locked until its input ends."""
    Catalog(f"sqlite:///{tmp_path}/c.db").create_table("a.t", "id long")
    command = [sys.executable, "-c", HOLDER, f"{tmp_path}/c.db"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.stdin.close()


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("datashard")
    before = list(logger.handlers)
    yield logger
    logger.handlers[:] = before


@pytest.mark.parametrize("of_main", [True, False])
def test_who_waits_is_told_who_holds_the_catalog(
    tmp_path: Path, holder: subprocess.Popen[str], logger: logging.Logger, of_main: bool
) -> None:
    table = Catalog(f"sqlite:///{tmp_path}/c.db").open_table("a.t")
    told = Told()
    logger.addHandler(told)
    assert holder.stdin is not None
    threads = [threading.Thread(target=lambda: told.come.wait(60) and holder.stdin and holder.stdin.close())]
    if not of_main:
        threads.append(threading.Thread(target=lambda: table.append([{"id": 1}])))
    for thread in threads:
        thread.start()
    if of_main:
        table.append([{"id": 1}])
    for thread in threads:
        thread.join()
    words = told.records[0].getMessage()
    assert told.records[0].levelno == logging.WARNING
    assert f"process {holder.pid} (" in words and ") has kept it locked for 2" in words
    assert told.threads[0] == (threading.get_ident() if of_main else threads[1].ident)
    assert table.count() == 1


def test_what_a_handler_raises_ends_the_wait(
    tmp_path: Path, holder: subprocess.Popen[str], logger: logging.Logger
) -> None:
    table = Catalog(f"sqlite:///{tmp_path}/c.db").open_table("a.t")
    logger.addHandler(Refusing())
    with pytest.raises(Refused, match="has kept it locked"):
        table.append([{"id": 1}])
    assert holder.stdin is not None
    holder.stdin.close()
    assert holder.wait() == 0
    assert table.refresh().count() == 0
