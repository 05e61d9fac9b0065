"""Commits under asyncio: in a thread, and never lost with the task that asked."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Callable, Generator
from typing import Any

from . import _core
from ._records import CommitResult

__all__ = ["PendingCommit", "new_identity"]


def new_identity() -> str:
    """A UUID of version 7, as the library makes for commits."""
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=number))


def _look_at(task: asyncio.Future[CommitResult]) -> None:
    """What whoever was cancelled does not ask for is no exception that nobody looked at."""
    if not task.cancelled():
        task.exception()


class PendingCommit:
    """A commit under way in a thread; `await` gives its CommitResult, as often as asked.

    The cancellation of a task that awaits it asks the commit to stop, as `cancel` does, and
    does not wait until it has. What became of it tells this object, awaited again from any
    task of the loop: Cancelled (nothing was committed), its result (it was too late to
    stop), or CommitUnknown. In another process or after a restart ask
    `table.resolve(pending.identity)`. `await asyncio.shield(pending)` lets the commit go on
    when the task is cancelled. A loop that `asyncio.run` made waits for such commits before
    it closes.

    The CancelledError that leaves an `await` names the identity in its text.
    """

    def __init__(self, call: Callable[[], CommitResult], identity: str) -> None:
        asyncio.get_running_loop()  # RuntimeError, before anything is begun.
        self._identity = identity
        self._stop = _core.Stop()
        self._call = call
        self._task = asyncio.ensure_future(asyncio.to_thread(self._run))

    def _run(self) -> CommitResult:
        _core.watch(self._stop)
        try:
            return self._call()
        finally:
            _core.watch(None)

    @property
    def identity(self) -> str:
        """The UUID the commit carries, known before it is done; "" where it has none."""
        return self._identity

    def cancel(self) -> None:
        """Asks the commit to stop, wherever it waits; it ends within a fraction of a second.
        Await it to know how. No effect when it is done. Any thread."""
        self._stop.set()

    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._task.done()

    def result(self) -> CommitResult:
        """Its result, or raises its exception; asyncio.InvalidStateError: not yet."""
        return self._task.result()

    def __await__(self) -> Generator[Any, None, CommitResult]:
        return self._wait().__await__()

    async def _wait(self) -> CommitResult:
        try:
            return await asyncio.shield(self._task)
        except asyncio.CancelledError as cancelled:
            self.cancel()
            self._task.add_done_callback(_look_at)
            if not cancelled.args:
                cancelled.args = (f"the commit {self._identity} was asked to stop",)
            raise

    def __repr__(self) -> str:
        return f"<PendingCommit {self._identity} {'done' if self.done() else 'under way'}>"
