"""Merging small data files into larger ones, partition by partition, in one commit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _core
from ._errors import CommitConflict, NotFound, Unsupported
from .data_structures import DataFile

if TYPE_CHECKING:
    from ._handle import Handle
    from .transaction import Transaction

__all__ = ["DEFAULT_MIN_INPUT_FILES", "DEFAULT_TARGET_FILE_SIZE", "Compacting"]

DEFAULT_TARGET_FILE_SIZE = 128 * 1024 * 1024
DEFAULT_MIN_INPUT_FILES = 5


class Compacting:
    """The rewriting of a Table's files."""

    table_path: str
    _handle: Handle

    if TYPE_CHECKING:

        def new_transaction(self) -> Transaction: ...

        def _get_all_data_files(self) -> list[DataFile]: ...

        def _resolve_file_path(self, file_path: str) -> str: ...

    def rewrite_data_files(
        self,
        target_file_size_bytes: int = DEFAULT_TARGET_FILE_SIZE,
        partition: dict[str, Any] | None = None,
        min_input_files: int = DEFAULT_MIN_INPUT_FILES,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Merges data files of less than `target_file_size_bytes`, where a partition has at
        least `min_input_files` of them; with `partition` ({"hour": 19}) there only. The
        table has the same rows before and after, each in the partition it was in. How large
        new files become is the table property ``write.target-file-size-bytes``. Older
        snapshots keep the old files, which go when `garbage_collect` runs. Writers go on
        meanwhile.

        What was or, with ``dry_run=True``, would be done: ``rewritten_files``,
        ``added_files``, ``partitions``, ``rows``, ``bytes_before``, ``bytes_after``,
        ``committed``; the numbers of new files and bytes are 0 in a dry run.

        RewriteConflict, a ConcurrentModificationException and RuntimeError, when others
        take out the same files: no rows are lost. Unsupported for tables with delete files,
        which other engines made: let them do it.
        """
        groups = self._plan_rewrite(
            self._get_all_data_files(), target_file_size_bytes, partition, min_input_files
        )
        chosen = [one for group in groups for one in group]
        report: dict[str, Any] = {
            "rewritten_files": len(chosen),
            "added_files": 0,
            "partitions": len({_key(group[0].partition_values) for group in groups}),
            "rows": sum(one.record_count for one in chosen),
            "bytes_before": sum(one.file_size_in_bytes for one in chosen),
            "bytes_after": 0,
            "committed": False,
        }
        if not chosen or dry_run:
            return report
        before = {one.file_path for one in self._get_all_data_files()}
        try:
            if partition:
                self._rewrite(chosen)
                report["committed"] = True
            else:
                done = self._handle.fresh().optimize(
                    small_bytes=target_file_size_bytes, files_min=max(2, min_input_files)
                )
                report.update(
                    rewritten_files=done["files"], rows=done["rows"], bytes_before=done["bytes"],
                    committed=done["commits"] > 0,
                )  # fmt: skip
        except (CommitConflict, NotFound) as error:
            raise RewriteConflict(
                f"rewrite_data_files: others took out files that were being merged. No rows were "
                f"lost; run it again to merge what is there now. ({error})"
            ) from error
        made = [one for one in self._get_all_data_files() if one.file_path not in before]
        report["added_files"] = len(made)
        report["bytes_after"] = sum(one.file_size_in_bytes for one in made)
        return report

    def _rewrite(self, chosen: list[DataFile]) -> None:
        _refuse_what_would_lose(self._handle.fresh())
        with self.new_transaction() as tx:
            tx.delete_files([one.file_path for one in chosen])
            for one in chosen:
                tx._write(_core.scan_file(self._resolve_file_path(one.file_path)))

    @staticmethod
    def _plan_rewrite(
        data_files: list[DataFile],
        target: int,
        partition: Mapping[str, Any] | None,
        min_input_files: int,
    ) -> list[list[DataFile]]:
        """Groups of files of one partition each, smallest first, of about `target` bytes."""
        by_partition: dict[tuple[Any, ...], list[DataFile]] = {}
        for one in data_files:
            values = one.partition_values
            wanted = partition or {}
            if one.file_size_in_bytes < target and all(values.get(k) == v for k, v in wanted.items()):
                by_partition.setdefault(_key(values), []).append(one)
        groups: list[list[DataFile]] = []
        for files in by_partition.values():
            if len(files) < max(2, min_input_files):
                continue
            group: list[DataFile] = []
            size = 0
            for one in sorted(files, key=lambda f: f.file_size_in_bytes):
                if group and size + one.file_size_in_bytes > target:
                    groups.append(group)
                    group, size = [], 0
                group.append(one)
                size += one.file_size_in_bytes
            groups.append(group)
        return [group for group in groups if len(group) > 1]


class RewriteConflict(CommitConflict, RuntimeError):
    """The files of a rewrite were taken out by somebody else. No rows were lost."""


def _key(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """A partition as a key: 1, True and "1" are three."""
    return tuple(sorted((k, type(v).__name__, str(v)) for k, v in (values or {}).items()))


def _refuse_what_would_lose(table: _core.Table) -> None:
    """Rows are read file by file, by the names of columns: deletions kept beside the files,
    and files whose columns had other names, need more than that."""
    if any(entry.get("content", 0) not in (0, "data") for entry in table.files()):
        raise Unsupported("rewrite_data_files: the table has delete files of another engine")
    names: dict[int, tuple[str, str]] = {}
    for schema in json.loads(table.metadata_json())["schemas"]:
        for field in schema["fields"]:
            told = (field["name"], json.dumps(field["type"], sort_keys=True))
            if names.setdefault(field["id"], told) != told:
                raise Unsupported(
                    f"rewrite_data_files: column '{field['name']}' was called or typed otherwise "
                    f"before, and older files still have it so"
                )
