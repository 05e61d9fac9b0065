"""Appender: many threads hand over rows, few commits carry them."""

from __future__ import annotations

import logging
import os
import weakref
from types import TracebackType
from typing import Any, Literal, NoReturn

from . import _core
from ._errors import Error
from ._input import Batches, prepared
from ._units import Duration, duration_ms

__all__ = ["Appender"]


_logger = logging.getLogger("datashard")
_LEFT_OPEN_MS = 30_000


def _left_open(core: _core.Appender, owner: int) -> None:
    """Commits what an appender holds that nobody closed, at its end or the process's."""
    if os.getpid() != owner:
        return  # A child of fork has nothing of it.
    try:
        core.close(_LEFT_OPEN_MS)
    except Exception as error:
        _logger.error("rows of an appender that was never closed were not committed: %s", error)


def wait_ms(timeout: Duration | None) -> int:
    """A timeout for the extension; None: as long as it takes."""
    return -1 if timeout is None else duration_ms(timeout, "timeout")


class Appender:
    """Rows from any number of threads, committed in few pieces, in the order of their tickets.

    A hand-over is accepted, with a ticket, and later durable: wait for the ticket, flush,
    or pass `on_ack`. While memory is full, `write` waits. While the storage or the catalog
    is away, commits are tried again under one identity, so no row is lost or doubled.

    >>> t = Catalog("memory:").create_table("a.t", "id long")
    >>> with t.appender(every="10ms") as ap:
    ...     tickets = [ap.write({"id": i}) for i in range(100)]
    >>> t.count()
    100

    The end of a `with` block commits all that was accepted, also when the block ends with
    an exception: an appender is no transaction. One that is never closed does so when it is
    collected or the process ends, for at most 30 seconds; what fails then is only logged. In
    a child of fork every call fails; the child opens one of its own.
    """

    def __init__(self, core: _core.Appender, schema: object) -> None:
        self._core = core
        self._schema = schema
        self._end = weakref.finalize(self, _left_open, core, os.getpid())

    def write(self, data: object) -> int:
        """Hands over a dict, dicts, or anything else append takes; its ticket, 0 for no rows.

        Of Arrow data each batch is a hand-over of its own; the ticket is the last one's,
        and who waits for it waits for all of them.

        ValueError (Invalid): a row does not fit, nothing of this hand-over is taken (of
        several batches: nothing from that one on).
        Timeout: memory is full for longer than `write_wait`; hand it over again. Any
        other: the appender has failed, and this is why.
        """
        if type(data) is dict:
            return self._core.write(data)
        ready = prepared(data, lambda: self._schema)
        if not isinstance(ready, Batches):
            return self._core.write(ready)
        ticket = 0
        for ticket in ready.handed_to(self._core.write):
            pass
        return ticket

    def wait(self, ticket: int, timeout: Duration | None = None) -> bool:
        """Waits until this hand-over and all before it are durable; False: not yet."""
        return self._core.wait(ticket, wait_ms(timeout))

    def flush(self, timeout: Duration | None = None) -> bool:
        """Commits now, and waits for everything handed over before; False: not yet."""
        return self._core.flush(wait_ms(timeout))

    def stats(self) -> dict[str, Any]:
        """Counters: rows_accepted, rows_acknowledged, commits, oldest_ms, lag_us, failing_ms …"""
        return self._core.stats()

    def close(self, timeout: Duration | None = None) -> None:
        """Commits what was accepted and ends; raises the first failure, if there was one."""
        self._core.close(wait_ms(timeout))
        self._end.detach()

    def take_back(self, outcome: Literal["not committed", "unknown"] = "not committed") -> _core.Stream | None:
        """After close: the rows that failed, in order; call again until it gives None."""
        return self._core.take_back(outcome)

    def __enter__(self) -> Appender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("an appender stays in its process: open another one there")

    def __repr__(self) -> str:
        try:
            stats = self._core.stats()
        except Error as error:
            return f"<Appender: {error}>"
        return f"<Appender: {stats['rows_acknowledged']:,} of {stats['rows_accepted']:,} rows durable>"
