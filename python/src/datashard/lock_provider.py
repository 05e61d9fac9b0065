"""Locks: on a local file, or as an object of S3 with a lease."""

from __future__ import annotations

import random
import threading
import time
import uuid
from abc import ABC, abstractmethod
from typing import Any

from .file_lock import FileLock

__all__ = ["LocalLockProvider", "LockProvider", "S3LockProvider", "S3PollingLockProvider"]

_LOST = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")
_MISSING = ("404", "NoSuchKey", "NotFound")


class LockProvider(ABC):
    """A lock that is taken, asked for and given back."""

    @abstractmethod
    def acquire(self) -> bool:
        """True with the lock, else TimeoutError."""

    @abstractmethod
    def release(self) -> None:
        """Gives it back; nothing happens when it is not held."""

    @abstractmethod
    def is_held(self) -> bool:
        """Whether it is still ours."""

    def __enter__(self) -> LockProvider:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class LocalLockProvider(LockProvider):
    """A FileLock."""

    def __init__(self, lock_path: str, timeout: float = 30.0) -> None:
        self._lock = FileLock(lock_path, timeout)

    def acquire(self) -> bool:
        """See LockProvider."""
        return self._lock.acquire()

    def release(self) -> None:
        """See LockProvider."""
        self._lock.release()

    def is_held(self) -> bool:
        """See LockProvider."""
        return self._lock.is_held()


def _code(exc: BaseException) -> str:
    response = getattr(exc, "response", None)
    error = response.get("Error", {}) if isinstance(response, dict) else {}
    return str(error.get("Code", ""))


class _S3Lock(LockProvider):
    """An object holding its owner's id. A thread renews the lease three times in its
    length; a lease that has lapsed here is never renewed, for somebody else may have the
    lock by then. Others' leases are timed by the server's clock alone."""

    def __init__(
        self, s3_client: Any, bucket: str, key: str, timeout: float = 30.0, lease_seconds: int = 60
    ) -> None:
        self.s3 = s3_client
        self.bucket = bucket
        self.key = key
        self.timeout = timeout
        self.lease_seconds = lease_seconds
        self.lock_id = str(uuid.uuid4())
        self.is_locked = False
        self._lease_deadline = 0.0  # Of time.monotonic().
        self._etag: str | None = None
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None

    def acquire(self) -> bool:
        """See LockProvider."""
        if self.is_held():
            return True
        end = time.monotonic() + self.timeout
        while True:
            started = time.monotonic()
            if self._try_acquire():
                self._lease_deadline = started + self.lease_seconds
                self.is_locked = True
                self._stop.clear()
                self._heart = threading.Thread(target=self._beat, daemon=True)
                self._heart.start()
                return True
            if time.monotonic() >= end:
                raise TimeoutError(f"Failed to acquire S3 lock at {self.key} within {self.timeout}s")
            time.sleep(random.uniform(0.3, 0.9))

    def is_held(self) -> bool:
        """Whether the lease runs and the object is ours."""
        if not self.is_locked or time.monotonic() >= self._lease_deadline:
            return False
        found = self._look()
        return found is not None and found[0] == self.lock_id

    def release(self) -> None:
        """See LockProvider. A lock that is somebody else's by now is left alone."""
        self._stop.set()
        if self._heart is not None and self._heart is not threading.current_thread():
            self._heart.join()
        self._heart = None
        if self.is_held():
            self.s3.delete_object(Bucket=self.bucket, Key=self.key)
        self.is_locked = False

    def _beat(self) -> None:
        while not self._stop.wait(self.lease_seconds / 3) and self.is_locked:
            self._renew_once()

    def _look(self) -> tuple[str, str | None, float] | None:
        """Owner, version and age in seconds by the server's clock; None when it is free."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=self.key)
        except Exception as exc:
            if _code(exc) in _MISSING:
                return None
            raise
        owner = answer["Body"].read().decode()
        written = answer.get("LastModified")
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        age = 0.0
        if written is not None and "date" in headers:
            from email.utils import parsedate_to_datetime

            age = (parsedate_to_datetime(headers["date"]) - written).total_seconds()
        return owner, answer.get("ETag"), age

    def _renew_once(self) -> None:
        started = time.monotonic()
        if started >= self._lease_deadline:
            self.is_locked = False
            return
        try:
            if self._renew():
                self._lease_deadline = started + self.lease_seconds
            else:
                self.is_locked = False
        except Exception as exc:
            if _code(exc) in _LOST:
                self.is_locked = False  # Else the lease goes on, and so do the tries.

    @abstractmethod
    def _try_acquire(self) -> bool: ...

    @abstractmethod
    def _renew(self) -> bool: ...

    def _put(self, **condition: str) -> bool:
        try:
            answer = self.s3.put_object(
                Bucket=self.bucket, Key=self.key, Body=self.lock_id.encode(), **condition
            )
        except Exception as exc:
            if _code(exc) in _LOST:
                return False
            raise
        self._etag = answer.get("ETag") if isinstance(answer, dict) else None
        return True


class S3LockProvider(_S3Lock):
    """By conditional writes: one of several takers wins."""

    def _try_acquire(self) -> bool:
        if self._put(IfNoneMatch="*"):
            return True
        found = self._look()
        if found is None or found[1] is None or found[2] < self.lease_seconds:
            return False
        return self._put(IfMatch=found[1])

    def _renew(self) -> bool:
        return self._put(IfMatch=self._etag) if self._etag else False


class S3PollingLockProvider(_S3Lock):
    """For stores without conditional writes: best effort, by writing and looking again."""

    def _try_acquire(self) -> bool:
        found = self._look()
        if found is not None and found[2] < self.lease_seconds:
            return False
        self._put()
        time.sleep(random.uniform(0.1, 0.3))  # Others who wrote at the same time show now.
        found = self._look()
        return found is not None and found[0] == self.lock_id

    def _renew(self) -> bool:
        found = self._look()
        if found is None or found[0] != self.lock_id or time.monotonic() >= self._lease_deadline:
            return False
        return self._put()
