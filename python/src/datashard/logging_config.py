"""Loggers of the package: ``datashard`` and ``datashard.<module>``.

Importing installs no handler and sets no level: what is shown is the program's choice.
"""

from __future__ import annotations

import logging

__all__ = ["DataShardLogger", "get_logger"]

_ROOT = "datashard"
logging.getLogger(_ROOT).addHandler(logging.NullHandler())


def get_logger(name: str = _ROOT) -> logging.Logger:
    """The logger of that name; a name outside the package is put under ``datashard``."""
    if name != _ROOT and not name.startswith(_ROOT + "."):
        name = f"{_ROOT}.{name}"
    return logging.getLogger(name)


class DataShardLogger:
    """The same as functions of a class."""

    @staticmethod
    def get_logger(name: str = _ROOT) -> logging.Logger:
        """See get_logger()."""
        return get_logger(name)

    @staticmethod
    def set_level(level: int | str) -> None:
        """Sets the level of every logger of the package that has none of its own."""
        logging.getLogger(_ROOT).setLevel(level)
