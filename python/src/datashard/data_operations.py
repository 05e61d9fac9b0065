"""Data files by themselves: written and read without a commit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from . import _core, data_io
from ._fields import arrow_schema, check_records
from .arrow_types import iceberg_type_to_arrow
from .data_io import DataFileReader, DataFileWriter, check_format
from .data_structures import DataFile, FileFormat, Schema
from .integrity import IntegrityChecker
from .schema_validation import conform, validate_arrow_table_strict
from .storage_backend import StorageBackend

if TYPE_CHECKING:
    from .file_manager import FileManager

__all__ = ["DataFileManager", "DataFileReader", "DataFileWriter"]


def _arrow() -> Any:
    import pyarrow  # type: ignore[import-untyped,unused-ignore]

    return pyarrow


class DataFileManager:
    """Data files of a directory, which need not be a table's. Any thread may use it."""

    def __init__(self, file_manager: FileManager, storage: StorageBackend | None = None) -> None:
        self.file_manager = file_manager
        self.storage = storage if storage is not None else file_manager.storage

    def _get_arrow_path(self, path: str) -> str:
        return self.file_manager.resolve(path)

    def write_data_file(
        self,
        file_path: str,
        records: Sequence[Mapping[str, Any]],
        iceberg_schema: Schema,
        file_format: FileFormat = FileFormat.PARQUET,
        partition_values: dict[str, Any] | None = None,
    ) -> DataFile:
        """Writes dicts by the schema. No snapshot refers to the file.

        ValueError or TypeError for a record that does not fit.
        """
        check_format(file_format)
        check_records(records, iceberg_schema)
        stream = _core.stream_from_rows(records, arrow_schema(iceberg_schema))
        return self._write(file_path, stream, partition_values)

    def write_pandas_file(
        self,
        file_path: str,
        df: Any,
        iceberg_schema: Schema,
        file_format: FileFormat = FileFormat.PARQUET,
        partition_values: dict[str, Any] | None = None,
    ) -> DataFile:
        """Writes a DataFrame by the schema; NaN, NaT and NA are nulls."""
        from ._pandas import frame_as_arrow

        check_format(file_format)
        return self._write(file_path, frame_as_arrow(df, iceberg_schema), partition_values)

    def _write(self, path: str, data: object, partition: dict[str, Any] | None) -> DataFile:
        full = self._get_arrow_path(path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        rows = _core.write_file(full, data)
        return DataFile(
            file_path=path,
            file_format=FileFormat.PARQUET,
            partition_values=dict(partition or {}),
            record_count=rows,
            file_size_in_bytes=os.path.getsize(full),
            checksum=IntegrityChecker.compute_file_checksum(full),
        )

    def read_data_file(
        self,
        file_path: str,
        file_format: FileFormat = FileFormat.PARQUET,
        columns: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """The rows as dicts; ValueError for a path outside the table."""
        check_format(file_format)
        rows: list[dict[str, Any]] = []
        for batch in _core.scan_file(self._get_arrow_path(file_path)):
            found = batch.to_pylist()
            if columns is not None:
                found = [{name: row[name] for name in columns} for row in found]
            rows.extend(found)
        return rows

    def read_pandas_file(
        self,
        file_path: str,
        file_format: FileFormat = FileFormat.PARQUET,
        columns: Sequence[str] | None = None,
    ) -> Any:
        """The rows as a DataFrame."""
        import pandas

        return pandas.DataFrame(self.read_data_file(file_path, file_format, columns))

    def validate_records_strict(
        self, records: Sequence[Mapping[str, Any]], iceberg_schema: Schema
    ) -> None:
        """ValueError for a record with an unknown field or without a required one."""
        check_records(records, iceberg_schema)

    def validate_data_compatibility(
        self, records: Sequence[Mapping[str, Any]], iceberg_schema: Schema
    ) -> bool:
        """Whether the records could be written by the schema."""
        try:
            check_records(records, iceberg_schema)
            for _ in _core.stream_from_rows(records, arrow_schema(iceberg_schema)):
                pass
        except (ValueError, TypeError):
            return False
        return True

    def validate_pandas_compatibility(self, df: Any, iceberg_schema: Schema) -> bool:
        """Whether the DataFrame could be written by the schema."""
        return self.validate_data_compatibility(df.to_dict("records"), iceberg_schema)

    def create_arrow_schema(self, iceberg_schema: Schema) -> Any:
        """The schema as a ``pyarrow.Schema``: what its columns have in files."""
        pa = _arrow()
        return pa.schema(
            [
                pa.field(f["name"], iceberg_type_to_arrow(f["type"]), not f.get("required", False))
                for f in iceberg_schema.fields
            ]
        )

    def conform_arrow_table(self, table: Any, iceberg_schema: Schema) -> Any:
        """A ``pyarrow.Table`` with the schema's columns in its order and of its types;
        ValueError for what does not fit."""
        return conform(table, iceberg_schema)

    def validate_arrow_table_strict(self, table: Any, iceberg_schema: Schema) -> None:
        """ValueError without a required column, or with null in one."""
        validate_arrow_table_strict(table, iceberg_schema)

    def arrow_from_pandas(self, df: Any, iceberg_schema: Schema) -> Any:
        """A DataFrame as a ``pyarrow.Table`` of the schema; NaN, NaT and NA are nulls."""
        from ._pandas import frame_as_arrow

        rows = frame_as_arrow(df, iceberg_schema)
        stream = _core.stream_from_rows(rows, arrow_schema(iceberg_schema))
        table = _arrow().RecordBatchReader.from_stream(stream).read_all()
        return conform(table, iceberg_schema)

    def write_arrow_file(
        self,
        file_path: str,
        table: Any,
        iceberg_schema: Schema,
        file_format: FileFormat = FileFormat.PARQUET,
        partition_values: dict[str, Any] | None = None,
    ) -> DataFile:
        """Writes a ``pyarrow.Table``, made to fit the schema. No snapshot refers to the
        file."""
        check_format(file_format)
        return self._write(file_path, conform(table, iceberg_schema), partition_values)

    @staticmethod
    def schema_fingerprint(iceberg_schema: Schema) -> str:
        """Text that two schemas have in common when their fields are the same."""
        return json.dumps(iceberg_schema.fields, sort_keys=True, default=str)

    @contextmanager
    def parquet_source(self, file_path: str) -> Iterator[tuple[str, bool]]:
        """What pyarrow reads the file from, and whether with several threads: its absolute
        path, and True. ValueError for a path outside the table."""
        yield self._get_arrow_path(file_path), True

    def open_parquet_source(self, file_path: str) -> BinaryIO:
        """The file, opened for reading."""
        return open(self._get_arrow_path(file_path), "rb")


def __getattr__(name: str) -> Any:
    if name in ("PANDAS_AVAILABLE", "pd"):
        return getattr(data_io, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
