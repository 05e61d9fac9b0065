"""Data files and manifests of a table, by path."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ._avro import read_container, write_container
from ._bounds import decode_bound, encode_bound
from ._errors import CorruptData
from ._handle import local_root
from .avro_schemas import MANIFEST_LIST_SCHEMA, manifest_schema
from .data_operations import DataFileManager
from .data_structures import (
    DataFile,
    FileFormat,
    ManifestContent,
    ManifestFile,
    Snapshot,
    TableMetadata,
)
from .metadata_manager import MetadataManager
from .metadata_serde import SUMMARY_LIST_LENGTH, SUMMARY_LIST_SHA256
from .storage_backend import StorageBackend, create_storage_backend

__all__ = [
    "ENTRY_STATUS_ADDED",
    "ENTRY_STATUS_EXISTING",
    "SUMMARY_LIST_LENGTH",
    "SUMMARY_LIST_SHA256",
    "FileManager",
    "ManifestListInfo",
]

# What became of a file, as an entry of a manifest says.
ENTRY_STATUS_EXISTING = 0
ENTRY_STATUS_ADDED = 1

_FOLDERS = ("data", "metadata")


class ManifestListInfo(NamedTuple):
    """A manifest list: its path, bytes and SHA-256."""

    path: str
    length: int
    checksum: str

    def summary(self) -> dict[str, str]:
        """The same as DataShard notes it in a snapshot's summary."""
        return {SUMMARY_LIST_LENGTH: str(self.length), SUMMARY_LIST_SHA256: self.checksum}


class FileManager:
    """Files of the table at a path; there need not be a table. Any thread may use it.

    Paths are relative to the table, with or without a leading "/", or absolute and inside
    it; others are a ValueError.
    """

    data_path = "data"
    metadata_path = "metadata"
    manifests_path = "metadata/manifests"
    legacy_manifests_path = "metadata/manifests"

    def __init__(
        self,
        table_path: str,
        metadata_manager: MetadataManager,
        storage: StorageBackend | None = None,
    ) -> None:
        self.table_path = table_path
        self.metadata_manager = metadata_manager
        self.storage = storage if storage is not None else create_storage_backend(table_path)
        self.data_file_manager = DataFileManager(self, self.storage)

    def resolve(self, path: str) -> str:
        """The absolute path of a file of the table, which is relative to the table, or to
        the working directory where the caller put a relative `table_path` before it."""
        plain = local_root(path)
        base = os.path.realpath(os.path.abspath(self.table_path))
        full = os.path.realpath(os.path.join(base, plain))
        if not os.path.lexists(full) and os.path.lexists(plain):
            full = os.path.realpath(plain)
        if full.startswith(base.rstrip("/") + "/"):
            return full
        inside = plain.lstrip("/")
        if plain.startswith("/") and inside.split("/")[0] in _FOLDERS:
            full = os.path.realpath(os.path.join(base, inside))
            if full.startswith(base.rstrip("/") + "/"):
                return full
        raise ValueError(
            "Security Error: Path traversal attempt detected. Resolved path "
            f"'{full}' is outside table root '{base}'"
        )

    def _relative(self, path: str) -> str:
        base = os.path.realpath(os.path.abspath(self.table_path))
        return os.path.relpath(self.resolve(path), base)

    def validate_file_exists(self, file_path: str) -> bool:
        """Whether the file is there."""
        return os.path.isfile(self.resolve(file_path))

    def validate_data_files(self, data_files: Sequence[DataFile]) -> bool:
        """True, or FileNotFoundError for the first that is absent."""
        for one in data_files:
            if not self.validate_file_exists(one.file_path):
                raise FileNotFoundError(f"Data file does not exist: {one.file_path}")
        return True

    def to_relative(self, path: str) -> str:
        """A path of the table's metadata as one relative to the table; ValueError for one
        that is outside."""
        return self._relative(path)

    def new_manifest_path(self) -> str:
        """A path for a manifest that is not there yet, relative to the table."""
        return f"{self.manifests_path}/manifest_{uuid.uuid4()}.avro"

    def new_manifest_list_path(self, snapshot_id: int) -> str:
        """The same for a snapshot's manifest list."""
        return f"{self.manifests_path}/manifest_list_{snapshot_id}_{uuid.uuid4()}.avro"

    @staticmethod
    def snapshot_list_integrity(snapshot: Snapshot | None) -> tuple[int | None, str | None]:
        """The length and SHA-256 that a snapshot's summary notes of its manifest list, as
        DataShard does; None where it does not."""
        summary = (snapshot.summary if snapshot is not None else None) or {}
        length = str(summary.get(SUMMARY_LIST_LENGTH, ""))
        return int(length) if length.isdigit() else None, summary.get(SUMMARY_LIST_SHA256)

    def _kinds(self, metadata: TableMetadata | None = None) -> dict[int, object]:
        metadata = metadata if metadata is not None else self.metadata_manager.refresh()
        schemas = [] if metadata is None else metadata.schemas
        return {f["id"]: f["type"] for s in schemas for f in s.fields}

    def create_manifest_file(
        self,
        data_files: Sequence[DataFile],
        manifest_content: ManifestContent = ManifestContent.DATA,
        snapshot_id: int | None = None,
        existing_files: Sequence[DataFile] | None = None,
        sequence_number: int | None = None,
        pre_write_hook: Callable[[str], object] | None = None,
        manifest_path: str | None = None,
        table_metadata: TableMetadata | None = None,
    ) -> ManifestFile:
        """Writes a manifest that lists the files; no snapshot refers to it.

        `pre_write_hook` is called with its relative path, which is `manifest_path` or a new
        one, before it is written. Types are those of `table_metadata`, by default the
        table's now.
        """
        old = list(existing_files or ())
        names = sorted({str(k) for one in [*data_files, *old] for k in one.partition_values})
        kinds = self._kinds(table_metadata)
        entries = [
            self._entry(one, ENTRY_STATUS_ADDED, snapshot_id, sequence_number, kinds) for one in data_files
        ] + [
            self._entry(one, ENTRY_STATUS_EXISTING, one.added_snapshot_id, one.sequence_number, kinds)
            for one in old
        ]
        meta = {
            "format-version": "2",
            "content": "data" if manifest_content is ManifestContent.DATA else "deletes",
            "partition-spec-id": "0",
        }
        content = write_container(manifest_schema(names), entries, meta)
        path = manifest_path if manifest_path is not None else self.new_manifest_path()
        self._write(path, content, pre_write_hook)
        numbers = [n for n in [sequence_number, *(o.sequence_number for o in old)] if n is not None]
        return ManifestFile(
            manifest_path=path,
            manifest_length=len(content),
            partition_spec_id=0,
            added_snapshot_id=0 if snapshot_id is None else snapshot_id,
            added_data_files_count=len(data_files),
            existing_data_files_count=len(old),
            deleted_data_files_count=0,
            partitions=[],
            content=manifest_content,
            sequence_number=sequence_number,
            min_sequence_number=min(numbers) if numbers else None,
            checksum=hashlib.sha256(content).hexdigest(),
            added_rows_count=sum(one.record_count for one in data_files),
            existing_rows_count=sum(one.record_count for one in old),
        )

    def _write(self, path: str, content: bytes, hook: Callable[[str], object] | None) -> None:
        if hook is not None:
            hook(path)
        self.storage.write_file(path, content)

    @staticmethod
    def _entry(
        one: DataFile, status: int, snapshot: int | None, number: int | None, kinds: dict[int, object]
    ) -> dict[str, Any]:
        def pairs(values: dict[int, Any] | None) -> list[dict[str, Any]] | None:
            return None if values is None else [{"key": k, "value": v} for k, v in values.items()]

        def bounds(values: dict[int, Any] | None) -> list[dict[str, Any]] | None:
            coded = {k: encode_bound(kinds.get(k), v) for k, v in (values or {}).items()}
            return pairs({k: v for k, v in coded.items() if v is not None} or None)

        return {
            "status": status,
            "snapshot_id": snapshot,
            "sequence_number": number,
            "file_sequence_number": number,
            "data_file": {
                "content": 0,
                "file_path": one.file_path,
                "file_format": one.file_format.value.upper(),
                "partition": {
                    str(k): None if v is None else str(v) for k, v in one.partition_values.items()
                },
                "record_count": one.record_count,
                "file_size_in_bytes": one.file_size_in_bytes,
                "column_sizes": pairs(one.column_sizes),
                "value_counts": pairs(one.value_counts),
                "null_value_counts": pairs(one.null_value_counts),
                "lower_bounds": bounds(one.lower_bounds),
                "upper_bounds": bounds(one.upper_bounds),
            },
        }

    def read_entries(self, manifest_path: str) -> list[dict[str, Any]]:
        """The raw entries of a manifest, deleted ones too, named as Iceberg names them."""
        return self._records(manifest_path, "Manifest file", "manifest file")

    def _records(
        self, path: str, there: str, what: str, length: int | None = None, checksum: str | None = None
    ) -> list[dict[str, Any]]:
        full = self.resolve(path)
        try:
            with open(full, "rb") as file:
                data = file.read()
        except FileNotFoundError as cause:
            raise FileNotFoundError(f"{there} does not exist: {path}") from cause
        if length is not None and len(data) != length:
            raise CorruptData(f"{there} {path} has {len(data)} bytes; {length} bytes were recorded")
        if checksum is not None and hashlib.sha256(data).hexdigest() != checksum:
            raise CorruptData(f"{there} {path} does not have the checksum that was recorded")
        try:
            return read_container(data)[0]
        except Exception as cause:
            raise ValueError(f"Could not parse {what} {path}: {cause}") from cause

    def read_manifest_file(
        self,
        manifest_path: str,
        expected_length: int | None = None,
        expected_checksum: str | None = None,
    ) -> list[DataFile]:
        """The files a manifest lists as live. Numbers a manifest leaves to its manifest
        list (the snapshot's, the sequence) are taken from there where a snapshot has it.
        CorruptDataError where the file is not of the length (bytes) or SHA-256 expected."""
        entries = self._records(
            manifest_path, "Manifest file", "manifest file", expected_length, expected_checksum
        )
        listed = self._listed(manifest_path)
        kinds = self._kinds()
        return [self._data_file(e, listed, kinds) for e in entries if e["status"] != 2]

    def _listed(self, manifest_path: str) -> ManifestFile | None:
        wanted = self._relative(manifest_path)
        for snapshot in reversed(self.metadata_manager.get_all_snapshots()):
            try:
                found = self.read_manifest_list_file(snapshot.manifest_list)
            except (OSError, ValueError):
                continue
            for one in found:
                if one.manifest_path == wanted:
                    return one
        return None

    def _data_file(
        self, entry: dict[str, Any], listed: ManifestFile | None, kinds: dict[int, object]
    ) -> DataFile:
        raw = entry["data_file"]

        def pairs(name: str) -> dict[int, Any] | None:
            found = raw.get(name)
            return None if found is None else {p["key"]: p["value"] for p in found}

        def bounds(name: str) -> dict[int, Any] | None:
            found = pairs(name)
            if found is None:
                return None
            values = {k: decode_bound(kinds.get(k), v) for k, v in found.items()}
            return {k: v for k, v in values.items() if v is not None}

        snapshot, number = entry.get("snapshot_id"), entry.get("sequence_number")
        if listed is not None:
            snapshot = listed.added_snapshot_id if snapshot is None else snapshot
            number = listed.sequence_number if number is None else number
        path = raw["file_path"]
        try:
            path = "/" + self._relative(path)
        except ValueError:
            pass  # Outside the table: named as it is, and never opened.
        return DataFile(
            file_path=path,
            file_format=FileFormat(str(raw["file_format"]).lower()),
            partition_values={
                k: None if v is None else str(v) for k, v in (raw.get("partition") or {}).items()
            },
            record_count=raw["record_count"],
            file_size_in_bytes=raw["file_size_in_bytes"],
            column_sizes=pairs("column_sizes"),
            value_counts=pairs("value_counts"),
            null_value_counts=pairs("null_value_counts"),
            lower_bounds=bounds("lower_bounds"),
            upper_bounds=bounds("upper_bounds"),
            split_offsets=raw.get("split_offsets"),
            sort_order_id=raw.get("sort_order_id"),
            added_snapshot_id=snapshot,
            sequence_number=number,
        )

    def create_manifest_list_file(
        self,
        manifest_files: Sequence[ManifestFile],
        snapshot_id: int,
        pre_write_hook: Callable[[str], object] | None = None,
    ) -> str:
        """Writes a manifest list and returns its relative path; no snapshot refers to it."""
        records = [
            {
                "manifest_path": m.manifest_path,
                "manifest_length": m.manifest_length,
                "partition_spec_id": m.partition_spec_id,
                "content": m.content.value,
                "sequence_number": m.sequence_number or 0,
                "min_sequence_number": m.min_sequence_number or 0,
                "added_snapshot_id": m.added_snapshot_id,
                "added_files_count": m.added_data_files_count,
                "existing_files_count": m.existing_data_files_count,
                "deleted_files_count": m.deleted_data_files_count,
                "added_rows_count": m.added_rows_count or 0,
                "existing_rows_count": m.existing_rows_count or 0,
                "deleted_rows_count": 0,
            }
            for m in manifest_files
        ]
        meta = {"format-version": "2", "snapshot-id": str(snapshot_id)}
        path = self.new_manifest_list_path(snapshot_id)
        self._write(path, write_container(MANIFEST_LIST_SCHEMA, records, meta), pre_write_hook)
        return path

    def read_manifest_list_file(
        self,
        list_path: str,
        expected_length: int | None = None,
        expected_checksum: str | None = None,
    ) -> list[ManifestFile]:
        """The manifests a manifest list names, oldest first; as `read_manifest_file`."""
        records = self._records(
            list_path, "Manifest list file", "manifest list file", expected_length, expected_checksum
        )
        found = [
            ManifestFile(
                manifest_path=self._relative(r["manifest_path"]),
                manifest_length=r["manifest_length"],
                partition_spec_id=r["partition_spec_id"],
                added_snapshot_id=r["added_snapshot_id"],
                added_data_files_count=r.get("added_files_count") or 0,
                existing_data_files_count=r.get("existing_files_count") or 0,
                deleted_data_files_count=r.get("deleted_files_count") or 0,
                partitions=list(r.get("partitions") or ()),
                content=ManifestContent(r.get("content") or 0),
                sequence_number=r.get("sequence_number"),
                min_sequence_number=r.get("min_sequence_number"),
                added_rows_count=r.get("added_rows_count"),
                existing_rows_count=r.get("existing_rows_count"),
            )
            for r in records
        ]
        return sorted(found, key=lambda m: m.sequence_number or 0)

    def verify_integrity(self, manifest_files: Sequence[ManifestFile]) -> dict[str, Any]:
        """Which of the files that these manifests list are there."""
        report: dict[str, Any] = {
            "total_files": 0,
            "existing_files": 0,
            "missing_files": [],
            "checksum_mismatches": [],
            "valid_manifests": 0,
            "invalid_manifests": [],
        }
        for manifest in manifest_files:
            try:
                files = self.read_manifest_file(manifest.manifest_path)
            except (OSError, ValueError):
                report["invalid_manifests"].append(manifest.manifest_path)
                continue
            report["valid_manifests"] += 1
            for one in files:
                report["total_files"] += 1
                if self.validate_file_exists(one.file_path):
                    report["existing_files"] += 1
                else:
                    report["missing_files"].append(one.file_path)
        return report

    def cleanup_orphaned_files(self, valid_file_paths: Sequence[str]) -> int:
        """NotImplementedError: a list of files says nothing of those being written."""
        raise NotImplementedError(
            "FileManager.cleanup_orphaned_files is unsafe and has been removed: "
            "it cannot know which files are in use. Use Table.garbage_collect(...) instead."
        )
