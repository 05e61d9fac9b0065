"""What is said about appends to many partitions."""

from __future__ import annotations

import json
from typing import Any

from . import _core
from ._errors import Error
from .logging_config import get_logger

__all__ = ["MANY_PARTITIONS_WARNING", "is_partitioned", "warn_of_many_files"]

_logger = get_logger(__name__)
# More new files of one commit than this are worth a word.
MANY_PARTITIONS_WARNING = 100


def warn_of_many_files(name: str, table: _core.Table, result: dict[str, Any]) -> None:
    """Logs a warning where a commit to a partitioned table made more files than that. Never
    fails: the commit is done."""
    if int(result.get("rows") or 0) <= MANY_PARTITIONS_WARNING:
        return  # Fewer rows than that are in fewer files.
    try:
        _warn(name, table, result)
    except (Error, OSError) as error:
        _logger.debug("%s: the files of a commit could not be counted: %s", name, error)


def is_partitioned(table: _core.Table) -> bool:
    """Whether rows are kept by partition."""
    return bool(json.loads(table.spec_json())["fields"])


def _warn(name: str, table: _core.Table, result: dict[str, Any]) -> None:
    if not is_partitioned(table):
        return
    table.refresh()
    for one in reversed(table.snapshots()):
        if one["snapshot_id"] == result["snapshot_id"]:
            files = int(one["summary"].get("added-data-files", 0))
            if files > MANY_PARTITIONS_WARNING:
                _logger.warning(
                    "%s: one commit made %d data files, one for each partition it has rows of. "
                    "Larger appends, a coarser partitioning, or Table.rewrite_data_files() keep "
                    "files large.",
                    name,
                    files,
                )
            return
