"""Locks: on a local file, or as an object of S3 with a lease."""

from __future__ import annotations

import random
import threading
import time
import uuid
from abc import ABC, abstractmethod
from typing import Any

from .file_lock import FileLock

__all__ = [
    "LocalLockProvider",
    "LockProvider",
    "S3LockProvider",
    "S3LockProviderBase",
    "S3PollingLockProvider",
]

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
        self.lock = FileLock(lock_path, timeout)

    def acquire(self) -> bool:
        """See LockProvider."""
        return self.lock.acquire()

    def release(self) -> None:
        """See LockProvider."""
        self.lock.release()

    def is_held(self) -> bool:
        """See LockProvider."""
        return self.lock.is_held()


def _code(exc: BaseException) -> str:
    response = getattr(exc, "response", None)
    error = response.get("Error", {}) if isinstance(response, dict) else {}
    return str(error.get("Code", ""))


class S3LockProviderBase(LockProvider):
    """An object holding its owner's id. A thread renews the lease three times in its
    length; a lease that has lapsed here is never renewed, for somebody else may have the
    lock by then. Another's lease has lapsed when its object has not changed for its length,
    by the server's clock or by being watched so long from here: clocks are not compared.

    `timeout` and `lease_seconds` are in seconds. Who waits does so for at least the lease
    and `takeover_margin_seconds`, so that a lock whose owner died is always taken over.
    """

    TAKEOVER_MARGIN_SECONDS = 15

    def __init__(
        self,
        s3_client: Any,
        bucket: str,
        key: str,
        timeout: float = 30.0,
        lease_seconds: int = 60,
        takeover_margin_seconds: float | None = None,
    ) -> None:
        self.s3 = s3_client
        self.bucket = bucket
        self.key = key
        self.timeout = timeout
        self.lease_seconds = lease_seconds
        self.takeover_margin_seconds = (
            self.TAKEOVER_MARGIN_SECONDS
            if takeover_margin_seconds is None
            else takeover_margin_seconds
        )
        self.lock_id = str(uuid.uuid4())
        self.is_locked = False
        self._lease_deadline = 0.0  # Of time.monotonic().
        self._etag: str | None = None
        self._watched: tuple[str | None, float] = (None, 0.0)  # A version, since when.
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None

    def acquire(self) -> bool:
        """See LockProvider."""
        if self.is_held():
            return True
        longest = max(self.timeout, self.lease_seconds + self.takeover_margin_seconds)
        end = time.monotonic() + longest
        while True:
            started = time.monotonic()
            if self._try_acquire() or self._try_takeover_expired():
                self._lease_deadline = started + self.lease_seconds
                self.is_locked = True
                self._start_heartbeat()
                return True
            if time.monotonic() >= end:
                raise TimeoutError(
                    f"Failed to acquire S3 lock at {self.key} within {longest}s: "
                    f"{self._holder_description()}"
                )
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

    def _start_heartbeat(self) -> None:
        self._stop.clear()
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._heart.start()

    def _beat(self) -> None:
        while not self._stop.wait(self.lease_seconds / 3) and self.is_locked:
            self._renew_once()

    def _holder_description(self) -> str:
        """Who has the lock, in words for the one who waited for it."""
        try:
            answer = self.s3.head_object(Bucket=self.bucket, Key=self.key)
            renewed = answer.get("LastModified")
        except Exception as error:
            return f"the lock could not be inspected ({error})"
        return (
            f"its owner last renewed it at {renewed} (lease {self.lease_seconds}s) and seems to be "
            "at work. Deleting the object would let two writers in at once; a lock whose owner "
            "has died is taken over"
        )

    def _look(self) -> tuple[str, str | None, float] | None:
        """Owner, version and age in seconds, at least; None when it is free."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=self.key)
        except Exception as exc:
            if _code(exc) in _MISSING:
                return None
            raise
        owner = answer["Body"].read().decode()
        etag = answer.get("ETag")
        return owner, etag, max(self._served_age(answer), self._watched_age(etag))

    @staticmethod
    def _served_age(answer: dict[str, Any]) -> float:
        written = answer.get("LastModified")
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if written is None or "date" not in headers:
            return 0.0
        from email.utils import parsedate_to_datetime

        return float((parsedate_to_datetime(headers["date"]) - written).total_seconds())

    def _watched_age(self, etag: str | None) -> float:
        now = time.monotonic()
        if etag is None or etag != self._watched[0]:
            self._watched = (etag, now)
        return now - self._watched[1]

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
    def _try_acquire(self) -> bool:
        """Takes a lock that is free."""

    def _try_takeover_expired(self) -> bool:
        """Takes a lock whose lease has lapsed; False where `_try_acquire` sees to that."""
        return False

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


class S3LockProvider(S3LockProviderBase):
    """By conditional writes: one of several takers wins."""

    def _try_acquire(self) -> bool:
        return self._put(IfNoneMatch="*")

    def _try_takeover_expired(self) -> bool:
        found = self._look()
        if found is None or found[1] is None or found[2] < self.lease_seconds:
            return False
        return self._put(IfMatch=found[1])

    def _renew(self) -> bool:
        return self._put(IfMatch=self._etag) if self._etag else False


class S3PollingLockProvider(S3LockProviderBase):
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
