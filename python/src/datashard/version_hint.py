"""Names of version files, and the hint where to begin looking for the newest."""

from __future__ import annotations

import re

__all__ = [
    "LEGACY_HINT_PATH",
    "LEGACY_METADATA_FILE_RE",
    "METADATA_FILE_RE",
    "MIGRATED_HINT_PATH",
    "metadata_file_name",
    "version_of",
]

METADATA_FILE_RE = re.compile(r"^v(\d+)\.metadata\.json$")
# Those of DataShard's first format, whose hint is beside the metadata directory.
LEGACY_METADATA_FILE_RE = re.compile(r"^v(\d+)-[0-9a-f]{8}\.metadata\.json$")
LEGACY_HINT_PATH = "metadata.version-hint.text"
MIGRATED_HINT_PATH = "metadata.version-hint.text.migrated"


def metadata_file_name(version: int) -> str:
    """The name of a version's file."""
    return f"v{version}.metadata.json"


def version_of(name: str) -> int:
    """The version that "7" or "v7.metadata.json" names; ValueError for anything else."""
    found = METADATA_FILE_RE.match(name)
    if found is None and not name.isdecimal():
        raise ValueError(f"{name!r} names no version; expected 'v7.metadata.json' or '7'")
    return int(found[1] if found is not None else name)
