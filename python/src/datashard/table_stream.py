"""The reading half of a Table: rows in batches."""

from __future__ import annotations

from ._reading import Reading

__all__ = ["Reading"]
