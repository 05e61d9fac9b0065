"""What DataShard's properties say of commits, and what is said of metadata that grow."""

from __future__ import annotations

import os
from collections.abc import Mapping

from . import _core
from ._errors import Error
from ._handle import Handle, local_root
from .logging_config import get_logger

__all__ = [
    "DEFAULT_MANIFEST_COMPACTION_THRESHOLD",
    "DEFAULT_METADATA_WARN_BYTES",
    "MANIFEST_COMPACTION_THRESHOLD_PROPERTY",
    "METADATA_WARN_BYTES_PROPERTY",
    "warn_of_large_metadata",
    "with_engine_properties",
]

# How many manifests a commit merges; 0: it merges none.
MANIFEST_COMPACTION_THRESHOLD_PROPERTY = "datashard.manifest.compaction-threshold"
DEFAULT_MANIFEST_COMPACTION_THRESHOLD = 64
# The size of a metadata file, in bytes, that is worth a warning; 0: none is.
METADATA_WARN_BYTES_PROPERTY = "datashard.metadata.warn-bytes"
DEFAULT_METADATA_WARN_BYTES = 1 << 20

# What the engine goes by instead of the first.
_MERGE_COUNT = "commit.manifest.min-count-to-merge"
_MERGE_ENABLED = "commit.manifest-merge.enabled"

_logger = get_logger("datashard.metadata_manager")


def with_engine_properties(properties: Mapping[str, str | None]) -> dict[str, str | None]:
    """The properties to set, with those of Iceberg's that say the same as DataShard's
    threshold of manifests; what the caller sets itself stays. A threshold that is no whole
    number says nothing."""
    wanted = dict(properties)
    if MANIFEST_COMPACTION_THRESHOLD_PROPERTY not in wanted:
        return wanted
    text = wanted[MANIFEST_COMPACTION_THRESHOLD_PROPERTY]
    try:
        count = None if text is None else int(text)
    except ValueError:
        _logger.warning("%s=%r is no number", MANIFEST_COMPACTION_THRESHOLD_PROPERTY, text)
        return wanted
    if count is None:
        told: dict[str, str | None] = {_MERGE_COUNT: None, _MERGE_ENABLED: None}
    elif count <= 0:
        told = {_MERGE_ENABLED: "false"}
    else:
        told = {_MERGE_COUNT: str(max(count, 2)), _MERGE_ENABLED: "true"}
    return {**told, **wanted}


# Looking means reading the newest metadata, which a commit that others led did not need.
_LOOK_EVERY = 64


def warn_of_large_metadata(handle: Handle, table: _core.Table) -> None:
    """Logs a warning where a table's metadata file is larger than its property says, and
    again when it has doubled; looked for after a handle's 1st, 2nd, 4th, 8th … commit, and
    every 64th. Never fails: the commit is done."""
    handle.commits_seen += 1
    seen = handle.commits_seen
    if seen & (seen - 1) != 0 and seen % _LOOK_EVERY != 0:
        return
    try:
        size = os.path.getsize(local_root(str(table.info()["metadata_location"])))
        if size < 2 * handle.warned_metadata_bytes or size <= 0:
            return
        text = table.properties().get(METADATA_WARN_BYTES_PROPERTY)
        most = int(text) if text and text.isdigit() else DEFAULT_METADATA_WARN_BYTES
        if not 0 < most <= size:
            return
        handle.warned_metadata_bytes = size
        _logger.warning(
            "%s: its metadata document has %d bytes by now. Each commit writes all of it, so what "
            "they write grows with the SQUARE of their number. Fewer, larger commits "
            "(new_transaction()) and fewer old states (expire_snapshots, then garbage_collect) "
            "keep it small. The property %s says how many bytes are worth this warning; 0: none.",
            handle.table_path,
            size,
            METADATA_WARN_BYTES_PROPERTY,
        )
    except (Error, OSError) as error:
        _logger.debug("%s: the metadata could not be measured: %s", handle.table_path, error)
