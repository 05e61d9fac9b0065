"""A table in DuckDB: as a view, as the result of a query, or as a list of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._handle import local_root
from ._snapshots import entries_of

if TYPE_CHECKING:
    from ._handle import Handle

__all__ = ["DuckDB"]


def _import_duckdb(what: str) -> Any:
    try:
        import duckdb
    except ImportError:
        raise ImportError(f"duckdb is required for {what}. Install with: pip install duckdb") from None
    return duckdb


class DuckDB:
    """What a Table offers for DuckDB. Rows go through `to_arrow`, whose options all apply
    (columns, filter, parallel, snapshot_id, as_of), and so do its errors."""

    _handle: Handle

    if TYPE_CHECKING:

        def to_arrow(self, *args: Any, **options: Any) -> Any: ...

    def to_duckdb(self, connection: Any = None, view_name: str = "t", **scan_kwargs: Any) -> Any:
        """Makes the table's rows a view of a DuckDB connection, a new one in memory unless
        one is given, and returns the connection. The rows are those of now.

        ImportError without duckdb or pyarrow.
        """
        if connection is None:
            connection = _import_duckdb("Table.to_duckdb()").connect()
        connection.register(view_name, self.to_arrow(**scan_kwargs))
        return connection

    def sql(self, query: str, alias: str = "t", **scan_kwargs: Any) -> Any:
        """One query over the table, which it calls `alias`; a ``pyarrow.Table``.

        ImportError without duckdb or pyarrow; DuckDB's own errors for the query.
        """
        with _import_duckdb("Table.sql()").connect() as connection:
            self.to_duckdb(connection, alias, **scan_kwargs)
            relation = connection.sql(query)
            if relation is not None:
                return relation.to_arrow_table()
            import pyarrow

            return pyarrow.table({})  # A statement without rows.

    def parquet_paths(self, snapshot_id: int | None = None) -> list[str]:
        """The absolute paths of the data files, oldest first, for engines that read Parquet
        by themselves. They see neither filters nor rows deleted by other engines; columns
        are called as they were when the file was written."""
        entries = entries_of(self._handle.fresh(), snapshot_id)
        return [local_root(str(entry["path"])) for entry in entries]

    def duckdb_s3_secret_sql(self, name: str = "datashard_s3") -> str:
        """ValueError: the tables of this build are in directories, which need no secret."""
        raise ValueError("duckdb_s3_secret_sql() applies to S3-backed tables only")
