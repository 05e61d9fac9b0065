"""A process that a test starts ends with it, and one that hangs fails it."""

from __future__ import annotations

import os
import subprocess

import pytest

from children import child

HANGS = "import time; print('go', flush=True); time.sleep(600)"


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_that_hangs_is_killed_and_named() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"not ended after 0.5 s: import time"):
        with child(HANGS, seconds=0.5, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline() == "go\n"
            assert process.stdout.readline() == ""  # It ends: else this would take for ever.
    assert not is_there(process.pid)


def test_one_is_killed_when_its_test_fails() -> None:
    with pytest.raises(ZeroDivisionError):
        with child(HANGS, stdout=subprocess.PIPE) as process:
            assert 1 / 0
    assert not is_there(process.pid)


def test_one_that_ends_says_how() -> None:
    with child("import sys; sys.exit(int(sys.argv[1]))", "3") as process:
        assert process.wait() == 3
