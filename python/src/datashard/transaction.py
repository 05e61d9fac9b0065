"""DataShard's transactions: several changes, one commit.

A transaction belongs to one thread at a time. Its data files are written at once and
removed again unless it commits.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from . import _core
from ._errors import CommitConflict, CommitUnknown, Error, Invalid, NotFound, Timeout, Unsupported
from ._fields import arrow_schema, check_names, check_records, compare, listed_records
from ._handle import Handle, local_root, relative
from ._input import Batches, prepared
from ._pandas import frame_as_arrow
from .data_structures import DataFile, FileFormat, Schema
from .logging_config import get_logger
from .transaction_append import is_partitioned, warn_of_many_files
from .transaction_commit import warn_of_large_metadata, with_engine_properties

if TYPE_CHECKING:
    from .file_manager import FileManager
    from .metadata_manager import MetadataManager
    from .snapshot_manager import SnapshotManager
    from .table import Table

__all__ = ["Transaction"]

_logger = get_logger(__name__)

_AGE_LIMIT_MS = 315_532_800_000  # 1980-01-01: what lies before is an age, not a date.


def cutoff_of(older_than_ms: int, now_ms: int) -> int:
    """A cut-off in ms since 1970; numbers that would be dates before 1980 are an age."""
    return older_than_ms if older_than_ms >= _AGE_LIMIT_MS else now_ms - older_than_ms


class Transaction:
    """Changes that become visible together. Not begun when made: use ``with`` or `begin`."""

    _owner: Table

    def __init__(
        self,
        metadata_manager: MetadataManager,
        snapshot_manager: SnapshotManager,
        file_manager: FileManager,
    ) -> None:
        self.metadata_manager = metadata_manager
        self.snapshot_manager = snapshot_manager
        self.file_manager = file_manager
        self._start(Handle(metadata_manager.table_path))

    @classmethod
    def _on(cls, handle: Handle, table: Table) -> Transaction:
        made = cls.__new__(cls)
        made._owner = table
        made._start(handle)
        return made

    def __getattr__(self, name: str) -> Any:
        # Those of a Table's transactions are the Table's, made when somebody asks.
        if name in ("metadata_manager", "snapshot_manager", "file_manager"):
            return getattr(self._owner, name)
        raise AttributeError(f"'Transaction' object has no attribute {name!r}")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a transaction stays in its process")

    def _start(self, handle: Handle) -> None:
        self._handle = handle
        self._active = False
        self._failed = False  # It ended by itself: a `with` block must not end as if it had not.
        self._core: _core.Transaction | None = None
        self._table: _core.Table | None = None
        self._looks_first = True
        self._schema: Schema | None = None
        self._looked_at: tuple[Schema, _core.Schema] | None = None  # What rows are checked by.
        self._changes = 0
        self._cutoff: int | None = None
        self._retain: int | None = None
        self._replaced: set[str] = set()
        self._joined: set[str] = set()
        self._result: dict[str, Any] = {}

    # The state.

    @property
    def table_path(self) -> str:
        """The table's path, as it was given."""
        return self._handle.table_path

    @property
    def did_commit_snapshot(self) -> bool:
        """Whether the commit of this transaction made a snapshot."""
        return self._result.get("snapshot_id") is not None

    def begin(self) -> Transaction:
        """Starts afresh. RuntimeError when it is active."""
        if self._active:
            raise RuntimeError("Transaction already active")
        self._start(self._handle)
        self._active = True
        return self

    def _begin_as_known(self) -> Transaction:
        """Starts on the state that the handle has seen last, without looking for a newer one.
        The commit finds its place after whatever others have committed since, but what they
        did to the schema is not seen before."""
        self.begin()
        self._looks_first = False
        return self

    def is_active(self) -> bool:
        """Begun, and neither committed nor rolled back."""
        return self._active

    def _check_active(self) -> None:
        if not self._active:
            raise RuntimeError("Transaction is not active")

    def _open(self) -> _core.Transaction:
        self._check_active()
        if self._core is None:
            known = None if self._looks_first else self._handle.known()
            if known is not None:
                self._table, self._schema = known
            else:
                self._table = self._handle.fresh()
                self._schema = self._handle.schema(self._table)
            self._core = self._table.begin()
        return self._core

    def _state(self) -> tuple[_core.Transaction, _core.Table, Schema]:
        core = self._open()
        assert self._table is not None and self._schema is not None
        return core, self._table, self._schema

    def _end(self) -> None:
        core, self._core = self._core, None
        self._active = False
        if core is not None:
            core.close()

    def _fail(self) -> None:
        self._end()
        self._failed = True

    # Adding.

    def _use_schema(self, given: Schema | None) -> Schema:
        """The schema rows must have; makes room for the columns `given` adds."""
        core, _, mine = self._state()
        if given is None:
            if not mine.fields:
                raise ValueError(
                    "No schema available: the table has no persisted schema and none was "
                    "provided. Pass schema= to create_table() or to the append."
                )
            return mine
        added = list(given.fields) if not mine.fields else compare(mine, given)
        if added:
            loose = [{**f, "required": False} for f in added]
            _offered(core, "add_columns")(arrow_schema(given, loose))
            fields = [*mine.fields, *loose]
            self._schema = Schema(mine.schema_id, fields)
            self._changes += 1
        return given

    def append_data(
        self,
        records: list[dict[str, Any]],
        schema: Schema | None = None,
        partition_values: dict[str, Any] | None = None,
    ) -> Transaction:
        """Adds rows. `partition_values` is of no effect, and a ValueError where the table is
        partitioned: there the rows say which partition they belong to.

        ValueError, before anything is written: no schema at all, another schema than the
        table's, a field nobody knows, a required one missing. ValueError or TypeError: a
        value that is not of its column's type. None of these rows is in the transaction
        then, which goes on. Any other failure ends it.
        """
        self._open()
        self._refuse_partition_values(partition_values)
        rows = listed_records(records)
        if not rows and schema is None:
            return self
        wanted = self._use_schema(schema)
        if self._changes or not rows or self._is_stricter(wanted):
            check_records(rows, wanted)
            return self._write_rows(rows, wanted)
        return self._write_checking(rows, wanted)

    def _is_stricter(self, wanted: Schema) -> bool:
        """Whether `wanted` requires what the table does not."""
        _, _, mine = self._state()
        loose = {f["name"] for f in mine.fields if not f.get("required", False)}
        return any(f.get("required", False) and f["name"] in loose for f in wanted.fields)

    def _write_checking(self, rows: Sequence[dict[str, Any]], wanted: Schema) -> Transaction:
        """Writes the first rows of a transaction. The extension checks them as it goes, which
        is faster."""
        try:
            return self._write_rows(rows, wanted)
        except (TypeError, ValueError):
            check_records(rows, wanted)  # Which may say it in DataShard's words.
            raise

    def _write_rows(self, rows: Sequence[dict[str, Any]], wanted: Schema) -> Transaction:
        """Writes rows, or none of them. Where others would be lost with them, all values are
        looked at before the first is taken."""
        if self._changes and rows:
            for _ in _core.stream_from_rows(rows, self._arrow_of(wanted)):
                pass
        if self._changes or not rows:
            return self._write(rows)
        core, _, _ = self._state()
        try:
            core.append(rows)
        except (TypeError, ValueError):
            core.close()
            self._core = None  # Nothing was in it; it is made anew when it is needed.
            raise
        except BaseException:
            self._fail()
            raise
        self._changes += 1
        return self

    def _arrow_of(self, wanted: Schema) -> _core.Schema:
        if self._looked_at is None or self._looked_at[0] is not wanted:
            self._looked_at = wanted, arrow_schema(wanted)
        return self._looked_at[1]

    def append_records(
        self,
        records: list[dict[str, Any]],
        schema: Schema | None = None,
        partition_values: dict[str, Any] | None = None,
    ) -> Transaction:
        """`append_data`, by the name that a Table has for it."""
        return self.append_data(records, schema, partition_values)

    def _refuse_partition_values(self, given: dict[str, Any] | None) -> None:
        if given and is_partitioned(self._state()[1]):
            raise ValueError(
                f"partition_values={given}: the table is partitioned, and partition values are "
                "computed from the rows"
            )

    def _write(self, data: object) -> Transaction:
        core, _, _ = self._state()
        if isinstance(data, (list, tuple)) and not data:
            return self
        try:
            core.append(data)
        except BaseException:
            self._fail()
            raise
        self._changes += 1
        return self

    def append_pandas(self, df: Any, schema: Schema | None = None) -> Transaction:
        """Adds the rows of a DataFrame; NaN, NaT and NA are null. Its index is left out."""
        self._check_active()
        core_schema = self._table_schema_for(df, schema)
        return self._write_rows(frame_as_arrow(df, core_schema), core_schema)

    def _table_schema_for(self, df: Any, schema: Schema | None) -> Schema:
        try:
            import pandas
        except ImportError:
            raise ImportError("pandas is required for append_pandas") from None
        if not isinstance(df, pandas.DataFrame):
            raise ValueError("Expected a pandas DataFrame")
        wanted = self._use_schema(schema)
        check_names([str(c) for c in df.columns], wanted, "DataFrame")
        for field in wanted.fields:
            if field.get("required", False) and field["name"] in df.columns:
                if df[field["name"]].isna().any():
                    raise ValueError(f"DataFrame has null values in required field '{field['name']}'")
        return wanted

    def append_arrow(
        self,
        table: Any,
        schema: Schema | None = None,
        partition_values: dict[str, Any] | None = None,
    ) -> Transaction:
        """Adds the rows of anything that `IcebergTable.append` takes. The columns
        of a ``pyarrow.Table`` may come in another order, in narrower types, or be absent
        where they are optional. ValueError for what does not fit."""
        self._open()
        self._refuse_partition_values(partition_values)
        wanted = self._use_schema(schema)
        if not hasattr(table, "__arrow_c_stream__") and not hasattr(table, "__arrow_c_array__"):
            core_table = self._state()[1]
            table = prepared(table, lambda: core_table.schema)  # A LazyFrame, a dataset ...
        if isinstance(table, Batches):
            for _ in table.handed_to(self._write):
                pass
            return self
        names = getattr(getattr(table, "schema", None), "names", None)
        if callable(names):  # A polars schema's.
            names = names()
        if names is not None:
            check_names([str(n) for n in names], wanted, "Arrow table")
        if type(table).__module__.partition(".")[0] == "pyarrow" and hasattr(table, "column"):
            table = _conformed(table, wanted)
        return self if _is_empty(table) else self._write(table)

    # Whole files.

    def append_files(self, files: list[DataFile]) -> Transaction:
        """Makes Parquet files part of the table. Paths are relative to the table, or anywhere:
        what lies inside the table joins as it is, and may not be changed any more; the rows of
        other files are written to files of the table's own. Files that are in the table are
        passed over. Counts are the file's, whatever the DataFile says; but a table without
        columns believes it, and takes any file. Joining files get the present time, so that a
        garbage collection before the commit leaves them alone.

        FileNotFoundError: no such file. ValueError: not Parquet, other columns, or rows of
        several partitions.
        """
        core, table, schema = self._state()
        for one in files:
            if not hasattr(one, "file_path"):
                raise TypeError(
                    f"data files are DataFile objects, not {type(one).__name__};"
                    " records go to Table.append_records or Transaction.append_data"
                )
        root = self._handle.root(table)
        live = set(self._live()) | self._joined
        joining: list[tuple[str, DataFile]] = []
        copied: list[str] = []
        for one in files:
            path = self._place(one, root)
            if schema.fields:
                self._check_file(one.file_path, path, schema)
            inside = relative(path, root)
            if schema.fields and inside == path:
                copied.append(path)
            elif inside in live:
                _logger.warning("append_files: %s is in the table already", one.file_path)
            else:
                live.add(inside)
                joining.append((path, one))
        try:
            if joining:
                for path, _ in joining:  # To a collection as new as what a writer makes.
                    with contextlib.suppress(OSError):
                        os.utime(path)
                _offered(core, "add_files")([(p, None, one.record_count) for p, one in joining])
                self._joined.update(relative(p, root) for p, _ in joining)
                self._changes += 1
            for path in copied:
                self._write(_core.scan_file(path))
        except Invalid as error:
            self._fail()
            raise _no_match(", ".join(f.file_path for f in files), str(error)) from error
        except BaseException:
            self._fail()
            raise
        return self

    def _place(self, one: DataFile, root: str) -> str:
        if one.file_format is not FileFormat.PARQUET:
            raise ValueError(f"Unsupported file format: {one.file_format}")
        given = local_root(one.file_path)
        base = os.path.realpath(root)
        inside = os.path.realpath(
            given if given.startswith(root.rstrip("/") + "/")
            else os.path.join(root, given.lstrip("/"))
        )
        if os.path.isfile(inside):
            if not inside.startswith(base.rstrip("/") + "/"):
                raise ValueError(
                    f"Security Error: Path traversal attempt detected. Resolved path "
                    f"'{inside}' is outside base directory '{base}'"
                )
            return os.path.join(root, os.path.relpath(inside, base))
        if not os.path.isabs(given) or not os.path.isfile(given):
            raise FileNotFoundError(f"Data file does not exist: {one.file_path}")
        return given

    def _check_file(self, named: str, path: str, schema: Schema) -> None:
        try:
            stream = _core.scan_file(path)
            names = list(stream.schema.names)
            stream.close()
        except (Error, OSError, ValueError) as error:
            raise ValueError(
                f"Cannot read the parquet schema of '{named}': {error}. Refusing to append a "
                f"file whose columns cannot be checked against the table's."
            ) from error
        wanted = [str(f["name"]) for f in schema.fields]
        if names != wanted:
            raise _no_match(named, f"Its columns are {names}, the table's {wanted}.")

    def _live(self) -> dict[str, str]:
        _, table, _ = self._state()
        root = self._handle.root(table)
        return {relative(str(f["path"]), root): str(f["path"]) for f in table.files()}

    def delete_files(self, file_paths: list[str]) -> Transaction:
        """Takes whole files out of the table; ``/data/x`` and ``data/x`` are the same.

        FileNotFoundError, before anything is changed, for a path that is not in the table;
        one that this transaction has taken out already is passed over.
        """
        core, table, _ = self._state()
        if isinstance(file_paths, str):
            raise TypeError("delete_files: a list of paths, not one text")
        root = self._handle.root(table)
        live = self._live()
        wanted = [relative(path, root).lstrip("/") for path in file_paths]
        unknown = [path for path in wanted if path not in live]
        if unknown:
            raise NotFound(f"delete_files: not part of the current snapshot: {unknown}")
        found = [live[path] for path in dict.fromkeys(wanted) if live[path] not in self._replaced]
        if found:
            _offered(core, "delete_files")(found)
            self._replaced.update(found)
            self._changes += 1
        return self

    def overwrite_by_filter(self, filter_func: Callable[[Any], bool]) -> Transaction:
        """Takes out the rows for which ``filter_func(row)`` is true, `row` being a dict;
        what the transaction appends comes in their place.

        Files with such rows are replaced by new ones with the others. The commit fails with
        ConcurrentModificationException when somebody else has replaced one of them since.
        Rows that others append meanwhile are not looked at.
        """
        core, table, schema = self._state()
        names = [str(f["name"]) for f in schema.fields]
        for entry in table.files():
            path = str(entry["path"])
            if path in self._replaced:
                continue
            kept: list[dict[str, Any]] = []
            hits = 0
            for batch in _core.scan_file(path):
                for row in batch.to_pylist():
                    full = {name: row.get(name) for name in names}
                    if filter_func(full):
                        hits += 1
                    else:
                        kept.append(full)
            if hits:
                _offered(core, "delete_files")([path])
                self._replaced.add(path)
                self._changes += 1
                if kept:
                    self._write(kept)
        return self

    # Snapshots and properties.

    def expire_snapshots(
        self, older_than_ms: int | None = None, retain_last: int | None = None
    ) -> Transaction:
        """Forgets snapshots from before `older_than_ms`, milliseconds since 1970; a number
        that would be a date before 1980 is an age. The current one and the `retain_last`
        newest stay. The latest cut-off of several calls counts. Makes no snapshot."""
        self._check_active()
        if older_than_ms is None and retain_last is None:
            raise ValueError("expire_snapshots needs older_than_ms and/or retain_last")
        if retain_last is not None and retain_last < 1:
            raise ValueError("retain_last must be >= 1")
        now = _now_ms()
        cutoff = now + 1 if older_than_ms is None else cutoff_of(int(older_than_ms), now)
        self._cutoff = cutoff if self._cutoff is None else max(self._cutoff, cutoff)
        if retain_last is not None:
            self._retain = retain_last if self._retain is None else min(self._retain, retain_last)
        return self

    def set_properties(self, properties: Mapping[str, str | None]) -> Transaction:
        """Sets table properties; None removes one. DataShard's threshold of manifests sets
        Iceberg's, which the engine goes by."""
        core = self._open()
        properties = with_engine_properties(properties)
        for key, value in properties.items():
            if not isinstance(key, str) or not key:
                raise ValueError(f"property names must be non-empty strings, got {key!r}")
            if value is not None and not isinstance(value, str):
                raise ValueError(
                    f"property values must be strings or None, got {value!r} for {key}"
                )
        for key, value in properties.items():
            core.set_property(key, value)
            self._changes += 1
        return self

    def compact_manifests(self) -> Transaction:
        """Does nothing: commits merge manifests by themselves, as the table's properties
        ``commit.manifest-merge.*`` say."""
        self._check_active()
        return self

    def mark_replace(self) -> Transaction:
        """Does nothing: the library tells the operation from what is done."""
        self._check_active()
        return self

    # The end.

    def commit(self) -> bool:
        """True when everything is in the table, durably; without changes, no snapshot.

        ConcurrentModificationException: nothing was committed. AmbiguousCommitError: nobody
        can say yet; its ``token`` tells the table's `resolve`.
        """
        self._check_active()
        if self._cutoff is not None:
            _offered(self._open(), "expire_snapshots")(self._cutoff, self._retain or 1)
            self._changes += 1
        if self._changes == 0:
            self._end()
            return True
        core, table, _ = self._state()
        try:
            self._result = core.commit()
        except CommitUnknown as error:
            self._settle(table, error)
        except Timeout as error:
            self._end()
            raise CommitConflict(f"The commit ran out of time: {error}") from error
        except BaseException:
            self._end()
            raise
        self._end()
        warn_of_many_files(self._handle.table_path, table, self._result)
        warn_of_large_metadata(self._handle, table)
        return True

    def _settle(self, table: _core.Table, error: CommitUnknown) -> None:
        try:
            outcome = table.resolve(error.token)["outcome"]
        except (Error, OSError):
            self._end()
            raise error from None
        if outcome != "committed":
            self._end()
            if outcome == "unknown":
                raise error
            raise CommitConflict(f"Nothing was committed: {error}") from error

    def rollback(self) -> bool:
        """Gives everything up and removes its files; False when it is not active."""
        if not self._active:
            return False
        self._end()
        return True

    def __enter__(self) -> Transaction:
        return self.begin()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_type is not None:
            self.rollback()
        elif self._active:
            self.commit()
        elif self._failed:
            raise RuntimeError("Transaction is not active: a failure ended it, and nothing was committed")


def _offered(core: _core.Transaction, name: str) -> Callable[..., object]:
    """A method of the extension's; Unsupported where the extension was built without."""
    found: Callable[..., object] | None = getattr(core, name, None)
    if found is None:
        raise Unsupported(f"This build of the extension has no {name} in transactions")
    return found


def _conformed(table: Any, wanted: Schema) -> Any:
    import pyarrow as pa

    from .schema_validation import conform

    if isinstance(table, pa.RecordBatch):
        table = pa.Table.from_batches([table])
    return conform(table, wanted)


def _is_empty(table: Any) -> bool:
    return getattr(table, "num_rows", None) == 0


def _now_ms() -> int:
    import time

    return int(time.time() * 1000)


def _no_match(named: str, why: str) -> ValueError:
    return ValueError(
        f"Data file '{named}' has a schema that does not match the table's persisted schema. {why}"
    )


# Where DataShard 0.7 has these names.
_ELSEWHERE = {
    "AmbiguousCommitError": "exceptions",
    "ConcurrentModificationException": "exceptions",
    "Table": "table",
    "TransactionManager": "transaction_manager",
}


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(import_module(f".{_ELSEWHERE[name]}", __package__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
