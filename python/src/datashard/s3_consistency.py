"""Trying S3 calls again where that can help."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from .logging_config import get_logger

__all__ = [
    "NOT_FOUND_S3_ERROR_CODES",
    "PERMANENT_S3_ERROR_CODES",
    "RETRYABLE_EXCEPTIONS",
    "S3ConsistencyHandler",
    "default_handler",
    "error_code",
    "is_not_found_error",
    "is_permanent_s3_error",
    "with_s3_retry",
]

_logger = get_logger(__name__)
_T = TypeVar("_T")

#: Answers that no further try changes.
PERMANENT_S3_ERROR_CODES = frozenset(
    "401 403 AccessDenied AllAccessDisabled AccountProblem AuthorizationHeaderMalformed"
    " InvalidAccessKeyId InvalidBucketName InvalidObjectState InvalidToken NoSuchBucket"
    " PermanentRedirect SignatureDoesNotMatch TokenRefreshRequired UnauthorizedAccess".split()
)

#: Answers that say there is no such object.
NOT_FOUND_S3_ERROR_CODES = frozenset(("404", "NoSuchKey", "NotFound"))


def _of_the_client() -> tuple[type[BaseException], ...]:
    """The exceptions of S3's client; none where it is not installed."""
    try:
        from botocore.exceptions import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
            BotoCoreError,
            ClientError,
        )
    except ImportError:
        return ()
    return (ClientError, BotoCoreError)


#: Failures worth another try when nothing else is said: the client's own, where it is
#: installed, and the system's.
RETRYABLE_EXCEPTIONS: tuple[type[BaseException], ...] = (*_of_the_client(), IOError, OSError)
_LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


def error_code(exc: BaseException) -> str:
    """The code of the answer of S3 that the exception carries; "" for none."""
    response = getattr(exc, "response", None)
    error = response.get("Error") if isinstance(response, dict) else None
    code = error.get("Code") if isinstance(error, dict) else None
    return "" if code is None else str(code)


def is_permanent_s3_error(exc: BaseException) -> bool:
    """Whether the exception carries an answer of S3 that no further try changes."""
    return error_code(exc) in PERMANENT_S3_ERROR_CODES


def is_not_found_error(exc: BaseException) -> bool:
    """Whether the exception says that there is no such object."""
    return error_code(exc) in NOT_FOUND_S3_ERROR_CODES or isinstance(exc, FileNotFoundError)


class S3ConsistencyHandler:
    """Delays are in seconds: `initial_delay`, then times `backoff_factor`, at most
    `max_delay`, each shortened by up to a half at random."""

    def __init__(
        self,
        max_retries: int = 5,
        initial_delay: float = 0.1,
        max_delay: float = 5.0,
        backoff_factor: float = 2.0,
        retryable_exceptions: tuple[type[BaseException], ...] = RETRYABLE_EXCEPTIONS,
    ) -> None:
        self.max_retries = max_retries
        self.initial_delay = initial_delay
        self.max_delay = max_delay
        self.backoff_factor = backoff_factor
        self.retryable_exceptions = retryable_exceptions

    def _worth_it(self, exc: BaseException) -> bool:
        if is_permanent_s3_error(exc) or is_not_found_error(exc) or isinstance(exc, _LASTING):
            return False
        return isinstance(exc, self.retryable_exceptions)

    def retry_with_backoff(
        self,
        operation: Callable[[], _T],
        operation_name: str = "S3 operation",
        expected_value: _T | None = None,
    ) -> _T:
        """What `operation` returns, after up to `max_retries` tries more.

        With `expected_value` another value is a try that failed, and the last one is
        returned as it is. The exception of the last try goes to the caller, and one that no
        try would change does so at once.
        """
        delay = self.initial_delay
        for left in range(self.max_retries, -1, -1):
            try:
                value = operation()
                if expected_value is None or value == expected_value or left == 0:
                    return value
            except Exception as exc:
                if left == 0 or not self._worth_it(exc):
                    raise
                _logger.debug("%s failed, %d tries left: %s", operation_name, left, exc)
            time.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(delay * self.backoff_factor, self.max_delay)
        raise ValueError("max_retries is negative")

    def read_after_write(
        self,
        write_op: Callable[[], object],
        read_op: Callable[[], _T],
        operation_name: str = "S3 write-then-read",
    ) -> _T:
        """Writes, then reads, each with its tries."""
        self.retry_with_backoff(write_op, f"{operation_name} (write)")
        return self.retry_with_backoff(read_op, f"{operation_name} (read)")


#: The handler of the usual tries.
default_handler = S3ConsistencyHandler()


def with_s3_retry(operation: Callable[[], _T], operation_name: str = "S3 operation") -> _T:
    """`operation` with the usual tries."""
    return default_handler.retry_with_backoff(operation, operation_name)
