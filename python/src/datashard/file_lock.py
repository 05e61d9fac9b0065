"""A lock between processes, on a file that stays.

The kernel frees it when its holder dies, and it belongs to one FileLock object: two in one
process exclude each other as well. The file is never removed: two holders would lock
different files of one name.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType

__all__ = ["FCNTL_AVAILABLE", "MSVCRT_AVAILABLE", "FileLock", "file_lock"]

# Which of the two systems' locks there are: this package is for those with fcntl.
FCNTL_AVAILABLE = True
MSVCRT_AVAILABLE = False

_POLL_SECONDS = 0.01
_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class FileLock:
    """`timeout` is in seconds. A context manager; not reentrant; one thread at a time."""

    def __init__(self, lock_file: str, timeout: float = 30.0) -> None:
        self.lock_file = lock_file
        self.timeout = timeout
        self._fd: int | None = None
        self._pid = 0

    def is_held(self) -> bool:
        """Whether this object holds the lock. A child of fork does not hold its parent's."""
        return self._fd is not None and self._pid == os.getpid()

    def acquire(self, blocking: bool = True) -> bool:
        """True with the lock; False when it is busy and `blocking` is off.

        TimeoutError when it stays busy; other failures are the system's OSError, at once.
        """
        if self.is_held():
            return True
        end = time.monotonic() + self.timeout
        while not self._try():
            if not blocking:
                return False
            if time.monotonic() >= end:
                raise TimeoutError(f"Failed to acquire lock on {self.lock_file} within {self.timeout}s")
            time.sleep(_POLL_SECONDS)
        return True

    def release(self) -> None:
        """Gives it back; nothing happens when it is not held."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _try(self) -> bool:
        if self._fd is not None:  # Inherited from a parent: closing leaves it to him.
            self.release()
        folder = os.path.dirname(self.lock_file)
        if folder:
            os.makedirs(folder, exist_ok=True)
        fd = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            if error.errno in _BUSY:
                return False
            raise
        self._fd, self._pid = fd, os.getpid()
        return True

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


@contextmanager
def file_lock(lock_file: str, timeout: float = 30.0) -> Generator[FileLock, None, None]:
    """Holds the lock inside the block; TimeoutError after `timeout` seconds."""
    lock = FileLock(lock_file, timeout)
    lock.acquire()
    try:
        yield lock
    finally:
        lock.release()
