"""The lock for stores without conditional writes."""

from __future__ import annotations

from .lock_provider import S3PollingLockProvider

__all__ = ["S3PollingLockProvider"]
