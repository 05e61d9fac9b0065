"""Data files by themselves: written and read without a commit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO

from . import _core
from ._fields import arrow_schema, check_records
from .data_structures import DataFile, FileFormat, Schema
from .integrity import IntegrityChecker
from .storage_backend import StorageBackend

if TYPE_CHECKING:
    from .file_manager import FileManager

__all__ = ["DataFileManager", "DataFileReader", "DataFileWriter"]


def _check_format(file_format: FileFormat) -> None:
    if file_format is not FileFormat.PARQUET:
        raise ValueError(f"Unsupported file format: {file_format}")


def _arrow() -> Any:
    import pyarrow  # type: ignore[import-untyped,unused-ignore]

    return pyarrow


class DataFileReader:
    """A Parquet file as Arrow data of pyarrow; a context manager."""

    def __init__(
        self,
        file_path: Any,
        file_format: FileFormat = FileFormat.PARQUET,
        schema: Any = None,
        filesystem: Any = None,
    ) -> None:
        _check_format(file_format)
        self.file_path = file_path
        self._file: Any = None
        self._filesystem = filesystem

    def open(self) -> DataFileReader:
        """Opens the file."""
        import pyarrow.parquet  # type: ignore[import-untyped,unused-ignore]

        source = self.file_path
        if self._filesystem is not None:
            source = self._filesystem.open_input_file(source)
        self._file = pyarrow.parquet.ParquetFile(source)
        return self

    def close(self) -> None:
        """Closes it."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _opened(self) -> Any:
        if self._file is None:
            self.open()
        return self._file

    def read_all(self) -> Any:
        """All rows as a pyarrow.Table."""
        return self._opened().read()

    def read_batches(self, batch_size: int = 1000) -> Iterator[Any]:
        """Record batches of at most `batch_size` rows."""
        yield from self._opened().iter_batches(batch_size=batch_size)

    def read_columns(self, columns: Sequence[str]) -> Any:
        """Some columns as a pyarrow.Table."""
        return self._opened().read(columns=list(columns))

    def schema(self) -> Any:
        """The file's pyarrow.Schema."""
        return self._opened().schema_arrow

    def read_pandas(self) -> Any:
        """All rows as a DataFrame."""
        return self.read_all().to_pandas()

    def read_batches_pandas(self, batch_size: int = 1000) -> Iterator[Any]:
        """DataFrames of at most `batch_size` rows."""
        for batch in self.read_batches(batch_size):
            yield batch.to_pandas()

    def read_columns_pandas(self, columns: Sequence[str]) -> Any:
        """Some columns as a DataFrame."""
        return self.read_columns(columns).to_pandas()

    def __enter__(self) -> DataFileReader:
        return self.open()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class DataFileWriter:
    """Writes a Parquet file through pyarrow; a context manager."""

    def __init__(
        self,
        file_path: str,
        file_format: FileFormat = FileFormat.PARQUET,
        schema: Any = None,
        metadata: Mapping[str, str] | None = None,
        filesystem: Any = None,
    ) -> None:
        _check_format(file_format)
        self.file_path = file_path
        self._schema = schema.with_metadata(dict(metadata)) if metadata else schema
        self._filesystem = filesystem
        self._writer: Any = None
        self._rows = 0

    @property
    def row_count(self) -> int:
        """Rows written."""
        return self._rows

    def open(self) -> DataFileWriter:
        """Makes the file."""
        import pyarrow.parquet

        self._writer = pyarrow.parquet.ParquetWriter(
            self.file_path, self._schema, filesystem=self._filesystem
        )
        return self

    def write_batch(self, data: Any) -> None:
        """Writes a pyarrow.Table or RecordBatch."""
        if self._writer is None:
            self.open()
        if isinstance(data, _arrow().RecordBatch):
            self._writer.write_batch(data)
        else:
            self._writer.write_table(data)
        self._rows += data.num_rows

    def write_records(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Writes dicts."""
        self.write_batch(_arrow().Table.from_pylist(list(records), schema=self._schema))

    def write_pandas(self, df: Any) -> None:
        """Writes a DataFrame."""
        self.write_batch(
            _arrow().Table.from_pandas(df, schema=self._schema, preserve_index=False)
        )

    def close(self) -> None:
        """Ends the file; without this it is not readable."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def __enter__(self) -> DataFileWriter:
        return self.open()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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
        _check_format(file_format)
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

        _check_format(file_format)
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
        _check_format(file_format)
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
        """The schema as a pyarrow.Schema, as DataShard has it: uuid is text."""
        pa = _arrow()
        kinds = {
            "boolean": pa.bool_(),
            "int": pa.int32(),
            "long": pa.int64(),
            "float": pa.float32(),
            "double": pa.float64(),
            "date": pa.date32(),
            "time": pa.time64("us"),
            "timestamp": pa.timestamp("us"),
            "string": pa.string(),
            "uuid": pa.string(),
            "binary": pa.binary(),
            "fixed": pa.binary(),
        }
        if all(isinstance(f["type"], str) and f["type"] in kinds for f in iceberg_schema.fields):
            return pa.schema(
                [
                    pa.field(f["name"], kinds[f["type"]], nullable=not f.get("required", False))
                    for f in iceberg_schema.fields
                ]
            )
        return pa.schema(arrow_schema(iceberg_schema))

    def open_parquet_source(self, file_path: str) -> BinaryIO:
        """The file, opened for reading."""
        return open(self._get_arrow_path(file_path), "rb")
