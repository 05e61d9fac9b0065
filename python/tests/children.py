"""Processes that tests start: none outlives its test, or its time."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

__all__ = ["child"]


@contextlib.contextmanager
def child(code: str, *arguments: str, seconds: float = 120, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """Python that runs `code`. After so many seconds it is killed, whatever the test waits for
    then ends, and the test fails and says why; at the end of the block it is killed, too."""
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], text=True, **more)
    late = threading.Event()

    def kill() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        timer.join()
        process.kill()  # Nothing happens to one that has ended.
        process.communicate()
        if late.is_set():
            pytest.fail(f"a process was killed: it had not ended after {seconds} s: {code.strip()[:200]}")
