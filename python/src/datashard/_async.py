"""Commits under asyncio: in a thread, and never lost with the task that asked."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Callable, Generator
from typing import Any

from ._records import CommitResult

__all__ = ["PendingCommit", "new_identity"]


def new_identity() -> str:
    """A UUID of version 7, as the library makes for commits."""
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=number))


class PendingCommit:
    """A commit under way in a thread; `await` gives its CommitResult, as often as asked.

    A commit cannot be called back. So the cancellation of a task that awaits it ends the
    wait, not the commit: await this object again, from any task of the loop, or, in
    another process or after a restart, ask `table.resolve(pending.identity)`. A loop that
    `asyncio.run` made waits for such commits before it closes.

    The CancelledError that leaves an `await` names the identity in its text.
    """

    def __init__(self, call: Callable[[], CommitResult], identity: str) -> None:
        self._identity = identity
        self._task = asyncio.ensure_future(asyncio.to_thread(call))

    @property
    def identity(self) -> str:
        """The UUID the commit carries, known before it is done; "" where it has none."""
        return self._identity

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
            if not cancelled.args:
                cancelled.args = (f"the commit {self._identity} goes on",)
            raise

    def __repr__(self) -> str:
        return f"<PendingCommit {self._identity} {'done' if self.done() else 'under way'}>"
