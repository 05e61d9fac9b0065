"""Making and opening tables: `create_table` and `load_table`."""

from __future__ import annotations

import logging
import os

from ._fields import compare
from .data_structures import DataFile, FileFormat, PartitionSpec, Schema
from .exceptions import SchemaMismatchError
from .table import Table
from .transaction import Transaction

__all__ = ["DataFile", "FileFormat", "Table", "Transaction", "create_table", "load_table"]

_logger = logging.getLogger(__name__)


def _check_existing(table: Table, schema: Schema, if_exists: str) -> None:
    current = table._get_current_schema()
    if current is None:
        _logger.warning(
            "create_table(%r): the table is there and has no schema; the one given is not "
            "applied, the first append must bring it",
            table.table_path,
        )
        return
    try:
        same = not compare(current, schema)
    except ValueError:
        same = False
    if same:
        return
    message = (
        f"create_table({table.table_path!r}): table already exists with a different schema. "
        f"Persisted fields: {[f['name'] for f in current.fields]}; "
        f"requested fields: {[f['name'] for f in schema.fields]}."
    )
    if if_exists == "error":
        raise SchemaMismatchError(
            message + " Pass if_exists='ignore', or use load_table(), to open it as it is."
        )
    _logger.warning("%s The stored schema stays.", message)


def create_table(
    table_path: str | os.PathLike[str],
    schema: Schema | None = None,
    partition_spec: PartitionSpec | None = None,
    if_exists: str = "error",
) -> Table:
    """Makes a table in a directory, or opens the one that is there.

    A table that is there keeps its schema. Another one given is a SchemaMismatchError, or
    with ``if_exists="ignore"`` a warning in the log.
    """
    if if_exists not in ("error", "ignore"):
        raise ValueError(f"if_exists must be 'error' or 'ignore', got {if_exists!r}")
    table = Table(table_path, True, schema, partition_spec)
    if schema is not None and not table.created:
        _check_existing(table, schema, if_exists)
    return table


def load_table(table_path: str | os.PathLike[str]) -> Table:
    """Opens the table in a directory. ValueError where there is none; nothing is made."""
    table = Table(table_path, create_if_not_exists=False)
    if not table.refresh():
        raise ValueError(f"No Iceberg table found at {table_path}")
    return table
