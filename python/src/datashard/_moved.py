"""Paths and metadata of a table whose directory was moved, as of its new place."""

from __future__ import annotations

from typing import Any

__all__ = ["moved_metadata", "moved_path", "same_place"]

# Properties of Iceberg that name directories.
_DIRECTORIES = (
    "write.data.path",
    "write.folder-storage.path",
    "write.metadata.path",
    "write.object-storage.path",
)


def _bare(location: str) -> str:
    """The path of a location, whichever way it is spelled: as the engine reads them."""
    if not location.startswith("file:"):
        return location
    rest = location[len("file:") :]
    if rest.startswith("//localhost/"):
        return rest[len("//localhost") :]
    return rest[2:] if rest.startswith("//") else rest


def same_place(one: str, other: str) -> bool:
    """Whether two locations are one place."""
    return _bare(one).rstrip("/") == _bare(other).rstrip("/")


def moved_path(path: str, old: str, new: str) -> str:
    """A path below `old` as one below `new`; others as they are."""
    base = _bare(old).rstrip("/") + "/"
    plain = _bare(path)
    return f"{new.rstrip('/')}/{plain[len(base) :]}" if plain.startswith(base) else path


def moved_metadata(raw: dict[str, Any], new: str) -> None:
    """Makes metadata JSON, in place, those of the table at `new`: all but its snapshots."""
    old = str(raw["location"])
    raw["location"] = new
    for entry in raw.get("metadata-log", ()):
        entry["metadata-file"] = moved_path(entry["metadata-file"], old, new)
    for key in ("statistics", "partition-statistics"):
        for entry in raw.get(key, ()):
            entry["statistics-path"] = moved_path(entry["statistics-path"], old, new)
    properties = raw.get("properties") or {}
    for key in _DIRECTORIES:
        if key in properties:
            properties[key] = moved_path(properties[key], old, new)
