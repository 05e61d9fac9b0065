"""Data files and manifests of a table, by path."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ._errors import CorruptData
from ._handle import local_root, relative
from ._manifests import column_types, file_of_entry, manifest_of_own_record, manifest_of_record
from .data_operations import DataFileManager
from .data_structures import (
    DataFile,
    ManifestContent,
    ManifestFile,
    PartitionSpec,
    Schema,
    Snapshot,
    TableMetadata,
)
from .manifest_codec import (
    avro_container,
    data_file_from_avro,
    data_files_from_json,
    decode_manifest_list,
    is_iceberg_manifest,
)
from .manifest_writer import (
    ENTRY_STATUS_ADDED,
    ENTRY_STATUS_DELETED,
    ENTRY_STATUS_EXISTING,
    ManifestEntry,
    encode_manifest,
    encode_manifest_list,
    partition_summaries,
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
    manifests_path = "metadata"
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
        if os.path.isabs(plain) and not full.startswith(base.rstrip("/") + "/"):
            said = self.metadata_manager.recorded_location  # The table may have been moved.
            inside = plain if said is None else relative(plain, said)
            full = os.path.realpath(os.path.join(base, inside))
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
        return f"{self.manifests_path}/{uuid.uuid4()}-m0.avro"

    def new_manifest_list_path(self, snapshot_id: int) -> str:
        """The same for a snapshot's manifest list."""
        return f"{self.manifests_path}/snap-{snapshot_id}-1-{uuid.uuid4()}.avro"

    @staticmethod
    def snapshot_list_integrity(snapshot: Snapshot | None) -> tuple[int | None, str | None]:
        """The length and SHA-256 that a snapshot's summary notes of its manifest list, as
        DataShard does; None where it does not."""
        summary = (snapshot.summary if snapshot is not None else None) or {}
        length = str(summary.get(SUMMARY_LIST_LENGTH, ""))
        return int(length) if length.isdigit() else None, summary.get(SUMMARY_LIST_SHA256)

    def _types(self) -> dict[int, object]:
        """The columns' types by id, of whichever schema the table has had."""
        metadata = self.metadata_manager.refresh()
        schemas = [] if metadata is None else metadata.schemas
        return {int(f["id"]): f["type"] for s in schemas for f in s.fields}

    def _shape(self, metadata: TableMetadata | None) -> tuple[Schema, PartitionSpec]:
        """The current schema and spec of `metadata`, by default the table's; without columns
        and partitions where there are none."""
        metadata = metadata if metadata is not None else self.metadata_manager.refresh()
        if metadata is None:
            return Schema(0, []), PartitionSpec(0, [])
        schemas = {one.schema_id: one for one in metadata.schemas}
        specs = {one.spec_id: one for one in metadata.partition_specs}
        return (
            schemas.get(metadata.current_schema_id, Schema(0, [])),
            specs.get(metadata.default_spec_id, PartitionSpec(0, [])),
        )

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
        """Writes a manifest that lists the files as added, and `existing_files` with the
        snapshots and numbers they have; see `write_manifest`. `manifest_path` is by default a
        new one, the snapshot's id a random one. NotImplementedError for one of deletes."""
        if manifest_content is not ManifestContent.DATA:
            raise NotImplementedError("manifests of delete files are made by the engine alone")
        number = uuid.uuid4().int >> 65 if snapshot_id is None else snapshot_id
        entries: list[ManifestEntry] = [
            *((ENTRY_STATUS_ADDED, number, sequence_number, one) for one in data_files),
            *(
                (ENTRY_STATUS_EXISTING, one.added_snapshot_id, one.sequence_number, one)
                for one in existing_files or ()
            ),
        ]
        path = manifest_path if manifest_path is not None else self.new_manifest_path()
        return self.write_manifest(
            entries, path, number, sequence_number, pre_write_hook, table_metadata
        )

    def write_manifest(
        self,
        entries: Sequence[ManifestEntry],
        manifest_path: str,
        added_snapshot_id: int,
        sequence_number: int | None,
        pre_write_hook: Callable[[str], object] | None = None,
        table_metadata: TableMetadata | None = None,
        location: str | None = None,
    ) -> ManifestFile:
        """Writes a manifest of these entries; no snapshot refers to it.

        `pre_write_hook` is called with the path before anything is written. Types and
        partitions are those of `table_metadata`, by default the table's now; paths are made
        URIs below `location`, by default where those metadata say the table is.
        """
        schema, spec = self._shape(table_metadata)
        where = location or (table_metadata.location if table_metadata is not None else None)
        content = encode_manifest(entries, schema, spec, where or self._location())
        self._write(manifest_path, content, pre_write_hook)
        added = [one for status, _, _, one in entries if status == ENTRY_STATUS_ADDED]
        existing = [one for status, _, _, one in entries if status == ENTRY_STATUS_EXISTING]
        numbers = [number for _, _, number, _ in entries if number is not None]
        return ManifestFile(
            manifest_path=manifest_path,
            manifest_length=len(content),
            partition_spec_id=spec.spec_id,
            added_snapshot_id=added_snapshot_id,
            added_data_files_count=len(added),
            existing_data_files_count=len(existing),
            deleted_data_files_count=len(entries) - len(added) - len(existing),
            partitions=partition_summaries(entries, spec, schema),
            content=ManifestContent.DATA,
            sequence_number=sequence_number,
            min_sequence_number=min(numbers) if numbers else sequence_number,
            checksum=hashlib.sha256(content).hexdigest(),
            added_rows_count=sum(one.record_count for one in added),
            existing_rows_count=sum(one.record_count for one in existing),
        )

    def _location(self) -> str:
        manager = self.metadata_manager
        return manager.recorded_location or manager.location_uri

    def _write(self, path: str, content: bytes, hook: Callable[[str], object] | None) -> None:
        if hook is not None:
            hook(path)
        self.storage.write_file(path, content)

    def read_entries(self, manifest_path: str) -> list[dict[str, Any]]:
        """The raw entries of a manifest, deleted ones too, named as Iceberg names them."""
        content = self._content(manifest_path, "Manifest file")
        return self._container(content, manifest_path, "manifest file")[1]

    def read_bytes(self, path: str, length: int | None = None, checksum: str | None = None) -> bytes:
        """A metadata file; CorruptDataError where it is not of the length or SHA-256 given."""
        return self._content(path, "Metadata file", length, checksum)

    def _content(
        self, path: str, there: str, length: int | None = None, checksum: str | None = None
    ) -> bytes:
        try:
            with open(self.resolve(path), "rb") as file:
                data = file.read()
        except FileNotFoundError as cause:
            raise FileNotFoundError(f"{there} does not exist: {path}") from cause
        if length is not None and len(data) != length:
            raise CorruptData(f"{there} {path} has {len(data)} bytes; {length} bytes were recorded")
        if checksum is not None and hashlib.sha256(data).hexdigest() != checksum:
            raise CorruptData(f"{there} {path} does not have the checksum that was recorded")
        return data

    @staticmethod
    def _container(
        content: bytes, path: str, what: str
    ) -> tuple[dict[str, str], list[dict[str, Any]]]:
        try:
            return avro_container(content, path, what)
        except CorruptData as cause:
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
        content = self._content(manifest_path, "Manifest file", expected_length, expected_checksum)
        if content.lstrip()[:1] == b"{":
            return data_files_from_json(content, manifest_path)
        header, entries = self._container(content, manifest_path, "manifest file")
        if not is_iceberg_manifest(header):
            return [data_file_from_avro(one) for one in entries]
        listed = self._listed(manifest_path)
        types = {**self._types(), **column_types(header)}
        return [self._data_file(e, listed, types) for e in entries if e["status"] != ENTRY_STATUS_DELETED]

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

    def _relative_or_as_it_is(self, path: str) -> str:
        """A file outside the table is named as it is, and never opened."""
        try:
            return self._relative(path)
        except ValueError:
            return path

    def _data_file(
        self, entry: dict[str, Any], listed: ManifestFile | None, types: dict[int, object]
    ) -> DataFile:
        made = file_of_entry(entry, types, self._relative_or_as_it_is)
        number = entry.get("sequence_number")
        made.sequence_number = made.sequence_number if number is None else number
        if listed is not None:
            if made.added_snapshot_id is None:
                made.added_snapshot_id = listed.added_snapshot_id
            if made.sequence_number is None:
                made.sequence_number = listed.sequence_number
        return made

    def create_manifest_list(
        self,
        manifest_files: Sequence[ManifestFile],
        snapshot_id: int,
        pre_write_hook: Callable[[str], object] | None = None,
        list_path: str | None = None,
        parent_snapshot_id: int | None = None,
        sequence_number: int | None = None,
        location: str | None = None,
    ) -> ManifestListInfo:
        """Writes a manifest list and says where it is; no snapshot refers to it. As
        `write_manifest`; `list_path` is by default a new one."""
        path = list_path if list_path is not None else self.new_manifest_list_path(snapshot_id)
        where = location or self._location()
        content = encode_manifest_list(
            manifest_files, snapshot_id, parent_snapshot_id, sequence_number, where
        )
        self._write(path, content, pre_write_hook)
        return ManifestListInfo(path, len(content), hashlib.sha256(content).hexdigest())

    def create_manifest_list_file(
        self,
        manifest_files: Sequence[ManifestFile],
        snapshot_id: int,
        pre_write_hook: Callable[[str], object] | None = None,
    ) -> str:
        """Writes a manifest list and returns its relative path; no snapshot refers to it."""
        return self.create_manifest_list(manifest_files, snapshot_id, pre_write_hook).path

    def read_manifest_list_file(
        self,
        list_path: str,
        expected_length: int | None = None,
        expected_checksum: str | None = None,
    ) -> list[ManifestFile]:
        """The manifests a manifest list names, oldest first; as `read_manifest_file`."""
        content = self._content(list_path, "Manifest list file", expected_length, expected_checksum)
        if content.lstrip()[:1] == b"{":
            return decode_manifest_list(content, list_path, self._relative)
        header, records = self._container(content, list_path, "manifest list file")
        if "format-version" not in header and "snapshot-id" not in header:
            return [manifest_of_own_record(one) for one in records]
        found = [manifest_of_record(one, self._relative) for one in records]
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
