"""Where files are: a directory, or a bucket of S3.

Paths are relative to the table; a leading "/" means the table's root as well. Tables
themselves are read and written by the engine, which keeps them on local disks.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, BinaryIO

from .lock_provider import LocalLockProvider, LockProvider

if TYPE_CHECKING:
    from .s3_backend import CASConflictError, S3FileStream, S3RangeFile, S3StorageBackend

__all__ = [
    "CASConflictError",
    "LocalStorageBackend",
    "S3FileStream",
    "S3RangeFile",
    "S3StorageBackend",
    "StorageBackend",
    "create_storage_backend",
]

_S3_NAMES = ("BOTO3_AVAILABLE", "CASConflictError", "S3FileStream", "S3RangeFile", "S3StorageBackend", "ClientError")

_YES = ("true", "1", "yes")


class StorageBackend(ABC):
    """Files by path. Missing files are FileNotFoundError."""

    @abstractmethod
    def read_file(self, path: str) -> bytes:
        """All bytes of a file."""

    @abstractmethod
    def open_file(self, path: str) -> Any:
        """A stream over a file, for reading; close it."""

    def open_seekable(self, path: str) -> Any:
        """The same, seekable."""
        raise NotImplementedError(f"{type(self).__name__} cannot open seekable files")

    @abstractmethod
    def write_file(self, path: str, content: bytes) -> None:
        """Makes or replaces a file: readers see the old bytes or the new ones."""

    def read_json(self, path: str) -> dict[str, Any]:
        """A JSON file as a dict."""
        value = json.loads(self.read_file(path))
        if not isinstance(value, dict):
            raise ValueError(f"{path} is no JSON object")
        return value

    def write_json(self, path: str, data: dict[str, Any]) -> None:
        """Writes a dict as JSON."""
        self.write_file(path, json.dumps(data, indent=2).encode())

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Whether there is such a file."""

    @abstractmethod
    def list_files(self, prefix: str) -> list[str]:
        """The files below a directory, as paths relative to the root; none if it is absent."""

    @abstractmethod
    def delete_file(self, path: str) -> None:
        """Removes a file; an absent one is no error."""

    def delete_files(self, paths: Iterable[str]) -> None:
        """Removes several files."""
        for path in paths:
            self.delete_file(path)

    @abstractmethod
    def makedirs(self, path: str, exist_ok: bool = True) -> None:
        """Makes a directory and its parents."""

    @abstractmethod
    def get_size(self, path: str) -> int:
        """Bytes of a file."""

    @abstractmethod
    def get_modified_time(self, path: str) -> float:
        """When it was written, in seconds since 1970."""

    def list_files_with_mtime(self, prefix: str) -> list[tuple[str, float]]:
        """What list_files gives, each with when it was written, in seconds since 1970."""
        return [(path, self.get_modified_time(path)) for path in self.list_files(prefix)]

    def clock_ms(self) -> float:
        """Now by the clock that dates files, in ms since 1970."""
        return time.time() * 1000

    def write_files(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Writes several files, each as write_file does, in order."""
        for path, content in items:
            self.write_file(path, content)

    @abstractmethod
    def create_lock(self, path: str, timeout: float = 30.0) -> LockProvider:
        """A lock of that name, not yet taken; `timeout` in seconds."""

    @property
    def supports_cas(self) -> bool:
        """Whether write_file_cas works."""
        return False

    @property
    def atomic_write_failures(self) -> bool:
        """Whether a write that fails has surely written nothing."""
        return False

    def read_file_with_etag(self, path: str) -> tuple[bytes, str | None]:
        """The bytes and what names this version of them."""
        return self.read_file(path), None

    def write_file_cas(self, path: str, content: bytes, etag: str | None) -> None:
        """Writes only over that version (None: only when absent), else CASConflictError."""
        raise NotImplementedError("This backend does not support CAS writes")

    def create_exclusive(self, path: str, content: bytes) -> None:
        """Makes a file that is not there yet, whole and durable; CASConflictError when
        somebody was first."""
        self.write_file_cas(path, content, None)


class LocalStorageBackend(StorageBackend):
    """A directory. No path leads out of it, by "..", by symlink or by a like-named sibling:
    that is a ValueError."""

    def __init__(self, base_path: str) -> None:
        self.base_path = os.path.abspath(base_path)

    def _resolve_path(self, path: str) -> str:
        base = os.path.realpath(self.base_path)
        full = os.path.realpath(os.path.join(base, path.lstrip("/")))
        if full != base and not full.startswith(base.rstrip("/") + "/"):
            raise ValueError(
                "Security Error: Path traversal attempt detected. Resolved path "
                f"'{full}' is outside base directory '{base}'"
            )
        return full

    def read_file(self, path: str) -> bytes:
        """See StorageBackend."""
        with open(self._resolve_path(path), "rb") as file:
            return file.read()

    def open_file(self, path: str) -> BinaryIO:
        """See StorageBackend."""
        return open(self._resolve_path(path), "rb")

    def open_seekable(self, path: str) -> BinaryIO:
        """See StorageBackend."""
        return open(self._resolve_path(path), "rb")

    def write_file(self, path: str, content: bytes) -> None:
        """See StorageBackend. The bytes and the name are durable when this returns."""
        self._publish(path, content, os.replace)

    def create_exclusive(self, path: str, content: bytes) -> None:
        """See StorageBackend."""
        from .s3_backend import CASConflictError

        try:
            self._publish(path, content, os.link)
        except FileExistsError as cause:
            raise CASConflictError(f"{path} already exists") from cause

    def _publish(
        self, path: str, content: bytes, put_in_place: Callable[[str, str], object]
    ) -> None:
        """Writes the bytes beside `path` and has them put there."""
        full = self._resolve_path(path)
        folder = os.path.dirname(full)
        os.makedirs(folder, exist_ok=True)
        fd, temporary = tempfile.mkstemp(prefix=".datashard-", suffix=".tmp", dir=folder)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                mask = os.umask(0)
                os.umask(mask)
                os.fchmod(file.fileno(), 0o666 & ~mask)
                os.fsync(file.fileno())
            put_in_place(temporary, full)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)
        sync_directory(folder)

    @property
    def atomic_write_failures(self) -> bool:
        """A rename that fails has renamed nothing."""
        return True

    def exists(self, path: str) -> bool:
        """See StorageBackend."""
        return os.path.exists(self._resolve_path(path))

    def list_files(self, prefix: str) -> list[str]:
        """See StorageBackend. Symlinked directories are not entered."""
        base = os.path.realpath(self.base_path)
        top = self._resolve_path(prefix)
        found: list[str] = []

        def fail(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                raise error

        for folder, _, names in os.walk(top, onerror=fail, followlinks=False):
            found.extend(os.path.relpath(os.path.join(folder, name), base) for name in names)
        return sorted(found)

    def list_files_with_mtime(self, prefix: str) -> list[tuple[str, float]]:
        """See StorageBackend. A symlink has the time of its own."""
        base = os.path.realpath(self.base_path)
        found: list[tuple[str, float]] = []
        for path in self.list_files(prefix):
            try:
                found.append((path, os.lstat(os.path.join(base, path)).st_mtime))
            except FileNotFoundError:
                continue  # Gone since it was listed.
        return found

    def delete_file(self, path: str) -> None:
        """See StorageBackend."""
        try:
            os.unlink(self._resolve_path(path))
        except FileNotFoundError:
            pass

    def makedirs(self, path: str, exist_ok: bool = True) -> None:
        """See StorageBackend."""
        os.makedirs(self._resolve_path(path), exist_ok=exist_ok)

    def get_size(self, path: str) -> int:
        """See StorageBackend."""
        return os.path.getsize(self._resolve_path(path))

    def get_modified_time(self, path: str) -> float:
        """See StorageBackend."""
        return os.path.getmtime(self._resolve_path(path))

    def create_lock(self, path: str, timeout: float = 30.0) -> LockProvider:
        """See StorageBackend."""
        return LocalLockProvider(self._resolve_path(path), timeout)


def sync_directory(folder: str) -> None:
    """Makes the names in a directory durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def create_storage_backend(table_path: str) -> StorageBackend:
    """The directory, or what DATASHARD_STORAGE_TYPE=s3 and DATASHARD_S3_* say."""
    if os.environ.get("DATASHARD_STORAGE_TYPE", "local").lower() != "s3":
        return LocalStorageBackend(table_path)
    bucket = os.environ.get("DATASHARD_S3_BUCKET")
    if not bucket:
        raise ValueError("DATASHARD_S3_BUCKET environment variable is required for S3 storage")
    from .s3_backend import S3StorageBackend

    parts = (os.environ.get("DATASHARD_S3_PREFIX", "").strip("/"), table_path.strip("/"))
    conditional = os.environ.get("DATASHARD_S3_USE_CONDITIONAL_WRITES", "").strip().lower()
    unsafe = os.environ.get("DATASHARD_S3_ALLOW_UNSAFE_LOCK", "").strip().lower()
    return S3StorageBackend(
        bucket=bucket,
        endpoint_url=os.environ.get("DATASHARD_S3_ENDPOINT"),
        access_key=os.environ.get("DATASHARD_S3_ACCESS_KEY"),
        secret_key=os.environ.get("DATASHARD_S3_SECRET_KEY"),
        region=os.environ.get("DATASHARD_S3_REGION", "us-east-1"),
        prefix="/".join(part for part in parts if part),
        use_conditional_writes=conditional in _YES if conditional else None,
        allow_unsafe_lock=unsafe in _YES,
    )


def __getattr__(name: str) -> Any:
    if name in _S3_NAMES:
        from . import s3_backend

        value = getattr(s3_backend, name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
