"""The directory as a StorageBackend."""

from __future__ import annotations

from .storage_backend import LocalStorageBackend

__all__ = ["LocalStorageBackend"]
