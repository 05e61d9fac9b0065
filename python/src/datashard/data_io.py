"""Single Parquet files through pyarrow, which is imported when one is opened."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from .data_structures import FileFormat

__all__ = ["DataFileReader", "DataFileWriter", "check_format", "read_parquet_table"]


def check_format(file_format: FileFormat) -> None:
    """ValueError for others than Parquet."""
    if file_format is not FileFormat.PARQUET:
        raise ValueError(f"Unsupported file format: {file_format}")


def _arrow() -> Any:
    import pyarrow  # type: ignore[import-untyped,unused-ignore]

    return pyarrow


def read_parquet_table(source: Any, **kwargs: Any) -> Any:
    """A Parquet file as a ``pyarrow.Table``: ``pyarrow.parquet.read_table``, but a directory
    called ``name=value`` on the way to it adds no column."""
    import pyarrow.parquet

    return pyarrow.parquet.read_table(source, **{"partitioning": None, **kwargs})


class DataFileReader:
    """A Parquet file as Arrow data of pyarrow; a context manager."""

    def __init__(
        self,
        file_path: Any,
        file_format: FileFormat = FileFormat.PARQUET,
        schema: Any = None,
        filesystem: Any = None,
    ) -> None:
        check_format(file_format)
        self.file_path = file_path
        self.file_format = file_format
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

    def read_columns(self, column_names: Sequence[str]) -> Any:
        """Some columns as a pyarrow.Table."""
        return self._opened().read(columns=list(column_names))

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

    def read_columns_pandas(self, column_names: Sequence[str]) -> Any:
        """Some columns as a DataFrame."""
        return self.read_columns(column_names).to_pandas()

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
        check_format(file_format)
        self.file_path = file_path
        self.file_format = file_format
        self.metadata = metadata
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

    def write_batch(self, batch: Any) -> None:
        """Writes a pyarrow.Table or RecordBatch."""
        if self._writer is None:
            self.open()
        if isinstance(batch, _arrow().RecordBatch):
            self._writer.write_batch(batch)
        else:
            self._writer.write_table(batch)
        self._rows += batch.num_rows

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


def __getattr__(name: str) -> Any:
    if name == "PANDAS_AVAILABLE":
        return importlib.util.find_spec("pandas") is not None
    if name == "pd":
        import pandas

        return pandas
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
