"""Paths of a table's files: relative to the table, or as URIs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import quote

from ._handle import local_root
from .storage_backend import LocalStorageBackend, StorageBackend

__all__ = ["is_uri", "join_uri", "location_uri", "to_relative"]

_SCHEMES = ("file:", "s3:", "s3a:", "gs:", "abfs:", "abfss:", "hdfs:")


def is_uri(path: str) -> bool:
    """Whether the path begins with the name of a storage."""
    return path.startswith(_SCHEMES)


def location_uri(storage: StorageBackend, table_path: str) -> str:
    """The table's location as a URI."""
    if is_uri(table_path):
        return table_path.rstrip("/")
    if isinstance(storage, LocalStorageBackend):
        return "file://" + quote(os.path.abspath(table_path))
    from .s3_backend import S3StorageBackend

    if not isinstance(storage, S3StorageBackend):
        raise ValueError(f"{type(storage).__name__} has no URIs")
    return f"s3://{storage.bucket}/{storage.prefix}".rstrip("/")


def join_uri(location: str, relative: str) -> str:
    """The URI of a file of the table; what is a URI already stays as it is."""
    return relative if is_uri(relative) else f"{location.rstrip('/')}/{relative.lstrip('/')}"


def to_relative(path: str, locations: Iterable[str | None]) -> str:
    """The path below the first of `locations` it is in, without "/" before it. ValueError
    for one that is in none: a URI, or an absolute path that is none of the table's own
    (``/data/x.parquet``)."""
    plain = local_root(path)
    for one in locations:
        if one:
            base = local_root(one).rstrip("/") + "/"
            if plain.startswith(base):
                return plain[len(base) :]
    inside = path.lstrip("/")
    if is_uri(path) or (path.startswith("/") and inside.split("/")[0] not in ("data", "metadata")):
        raise ValueError(f"{path} is outside the table")
    return inside
