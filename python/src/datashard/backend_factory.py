"""The StorageBackend that the environment asks for."""

from __future__ import annotations

from .storage_backend import create_storage_backend

__all__ = ["create_storage_backend"]
