"""Where writers note the files they are about to commit, for those who collect."""

from __future__ import annotations

from .garbage_collector import INFLIGHT_PATH

__all__ = ["INFLIGHT_PATH"]
