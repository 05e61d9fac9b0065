"""Room on a disk."""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

from .logging_config import get_logger

__all__ = [
    "DEFAULT_MIN_FREE_BYTES",
    "DiskSpace",
    "check_disk_space",
    "estimate_write_size",
    "get_disk_space",
]

DEFAULT_MIN_FREE_BYTES = 64 * 1024 * 1024

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
    path: str,
    required_bytes: int,
    warn_threshold: float = 90.0,
    error_threshold: float = 95.0,
    min_free_bytes: int | None = None,
) -> None:
    """OSError when there is room for less than four times `required_bytes`, or less than
    `min_free_bytes` are free: by default DATASHARD_MIN_FREE_BYTES, else 64 MiB.

    How full the disk is in percent is only logged, above the thresholds: five percent of a
    large disk is much.
    """
    space = get_disk_space(path)
    floor = _least_free() if min_free_bytes is None else min_free_bytes
    needed = max(4 * required_bytes, floor)
    if space.free < needed:
        raise OSError(
            f"Insufficient disk space: {needed} bytes required at {path}, {space.free} free"
        )
    if space.percent_used >= min(warn_threshold, error_threshold):
        _logger.warning("disk %.1f%% full at %s: %d bytes free", space.percent_used, path, space.free)


def _least_free() -> int:
    given = os.environ.get("DATASHARD_MIN_FREE_BYTES", "").strip()
    if not given:
        return DEFAULT_MIN_FREE_BYTES
    try:
        return int(given)
    except ValueError:
        _logger.warning("DATASHARD_MIN_FREE_BYTES is %r, no number; the default counts", given)
        return DEFAULT_MIN_FREE_BYTES


def estimate_write_size(data: bytes, overhead_factor: float = 1.2) -> int:
    """Bytes that writing `data` may take."""
    return int(len(data) * overhead_factor)
