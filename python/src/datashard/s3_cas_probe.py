"""Whether a store of S3's kind takes conditional writes, by trying."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

__all__ = ["detect_conditional_writes"]

_REFUSED = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")
_known: dict[tuple[str | None, str], bool] = {}
_lock = threading.Lock()


def _refuses(s3: Any, bucket: str, key: str, **condition: str) -> bool:
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=b"other", **condition)
    except Exception as error:
        answer = getattr(error, "response", None)
        if not isinstance(answer, dict):
            raise
        return str(answer.get("Error", {}).get("Code")) in _REFUSED
    return False


def detect_conditional_writes(
    s3: Any, bucket: str, key_for: Callable[[str], str], endpoint_url: str | None
) -> bool:
    """Writes a small object, tries to write over it where that must fail, and removes it.
    Asked once in a process for each store and bucket. Errors are the client's."""
    asked = (endpoint_url, bucket)
    with _lock:
        if asked in _known:
            return _known[asked]
        key = key_for(f".locks/probe-{uuid.uuid4().hex}")
        s3.put_object(Bucket=bucket, Key=key, Body=b"probe")
        try:
            found = _refuses(s3, bucket, key, IfNoneMatch="*") and _refuses(
                s3, bucket, key, IfMatch=f'"{"0" * 32}"'
            )
        finally:
            s3.delete_object(Bucket=bucket, Key=key)
        _known[asked] = found
        return found
