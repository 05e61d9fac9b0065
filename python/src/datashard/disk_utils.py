"""Room on a disk."""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

from .logging_config import get_logger

__all__ = ["DiskSpace", "check_disk_space", "estimate_write_size", "get_disk_space"]

_logger = get_logger(__name__)


class DiskSpace(NamedTuple):
    """Bytes of a file system; `percent_used` is 0 to 100."""

    total: int
    used: int
    free: int
    percent_used: float


def get_disk_space(path: str) -> DiskSpace:
    """The file system that `path`, or its nearest existing parent, is on."""
    place = os.path.abspath(path)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    usage = shutil.disk_usage(place)
    percent = 100.0 * usage.used / usage.total if usage.total else 0.0
    return DiskSpace(usage.total, usage.used, usage.free, percent)


def check_disk_space(
    path: str, required_bytes: int, warn_threshold: float = 90.0, error_threshold: float = 95.0
) -> None:
    """OSError when fewer than `required_bytes` are free; a warning is logged when the disk
    is fuller than `warn_threshold` percent.

    A disk that is fuller than `error_threshold` but has the room is not refused: five
    percent of a large disk is much. It is logged as well.
    """
    space = get_disk_space(path)
    if space.free < required_bytes:
        raise OSError(
            f"Insufficient disk space: {required_bytes} bytes required at {path}, {space.free} free"
        )
    if space.percent_used >= min(warn_threshold, error_threshold):
        _logger.warning("disk %.1f%% full at %s: %d bytes free", space.percent_used, path, space.free)


def estimate_write_size(data: bytes, overhead_factor: float = 1.2) -> int:
    """Bytes that writing `data` may take."""
    return int(len(data) * overhead_factor)
