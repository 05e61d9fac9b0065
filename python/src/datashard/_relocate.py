"""The metadata of a table whose directory was moved, made to name where it is now.

Manifests and their lists are written anew, under new names, with nothing changed but the
paths below the old place: snapshots, numbers and statistics stay. What was written is read
back, and every live data file must be there. The old ones stay until `garbage_collect`.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ._avro import read_container, write_container
from ._errors import CorruptData, NotFound, Unsupported
from ._moved import moved_path
from .data_structures import Snapshot, TableMetadata
from .metadata_serde import LEGACY_SUMMARY_LIST_LENGTH, LEGACY_SUMMARY_LIST_SHA256

if TYPE_CHECKING:
    from .file_manager import FileManager

__all__ = ["Rewrite"]

_POSITION_DELETES = 1


class Rewrite:
    """The snapshots of a table that says it is at `old`, for `new`. With `dry_run` nothing is
    written, and `counts` tell what would be; `written` are the new files, relative paths."""

    def __init__(self, files: FileManager, old: str, new: str, dry_run: bool) -> None:
        self._files = files
        self._old = old
        self._new = new
        self._dry_run = dry_run
        self._manifests: dict[str, dict[str, Any]] = {}  # By old path: what lists say of the new.
        self.written: list[str] = []
        self.counts = {"snapshots": 0, "manifests": 0, "data_files": 0, "metadata_bytes_added": 0}

    def snapshots(self, metadata: TableMetadata) -> list[Snapshot]:
        """The snapshots with their new lists; after a failure nothing is left of them."""
        try:
            return [self._snapshot(one) for one in metadata.snapshots]
        except BaseException:
            self.undo()
            raise

    def undo(self) -> None:
        """Removes what was written: nobody names it."""
        while self.written:
            self._files.storage.delete_file(self.written.pop())

    def _snapshot(self, one: Snapshot) -> Snapshot:
        if not one.manifest_list:
            raise Unsupported(f"snapshot {one.snapshot_id} has no manifest list: it is of format version 1")
        length, checksum = self._files.snapshot_list_integrity(one)
        content = self._files.read_bytes(one.manifest_list, length, checksum)
        records, header = read_container(content, logical=False)
        kept = [{**record, **self._manifest(record)} for record in records]
        path = self._files.new_manifest_list_path(one.snapshot_id)
        made = self._write(path, header, kept)
        self.counts["snapshots"] += 1
        summary = {
            k: v
            for k, v in (one.summary or {}).items()
            if k not in (LEGACY_SUMMARY_LIST_LENGTH, LEGACY_SUMMARY_LIST_SHA256)
        }
        from .file_manager import ManifestListInfo

        summary |= ManifestListInfo(path, len(made), hashlib.sha256(made).hexdigest()).summary()
        listed = one.manifest_list if self._dry_run else path
        return replace(one, manifest_list=listed, summary=summary)

    def _manifest(self, record: dict[str, Any]) -> dict[str, Any]:
        """What a list says of the manifest otherwise, when it is written anew."""
        old = str(record["manifest_path"])
        if old not in self._manifests:
            content = self._files.read_bytes(old, record["manifest_length"], record.get("datashard_sha256"))
            entries, header = read_container(content, logical=False)
            kept = [{**one, "data_file": self._data_file(one, old)} for one in entries]
            path = self._files.new_manifest_path()
            made = self._write(path, header, kept)
            told = {"manifest_path": f"{self._new.rstrip('/')}/{path}", "manifest_length": len(made)}
            if record.get("datashard_sha256") is not None:
                told["datashard_sha256"] = hashlib.sha256(made).hexdigest()
            self._manifests[old] = told
            self.counts["manifests"] += 1
            self.counts["data_files"] += len(entries)
        return self._manifests[old]

    def _data_file(self, entry: dict[str, Any], manifest: str) -> dict[str, Any]:
        """The entry's file, with its path of now."""
        raw: dict[str, Any] = entry["data_file"]
        path = str(raw["file_path"])
        if entry["status"] != 2:
            if raw.get("content") == _POSITION_DELETES:
                raise Unsupported(
                    f"{path} deletes rows of files by their old paths, which stand inside it: "
                    f"`Table.relocate` writes it anew, too"
                )
            self._check_there(path, raw)
        moved = moved_path(path, self._old, self._new)
        changed = {"file_path": moved}
        if raw.get("referenced_data_file"):
            changed["referenced_data_file"] = moved_path(raw["referenced_data_file"], self._old, self._new)
        return {**raw, **changed}

    def _check_there(self, path: str, raw: dict[str, Any]) -> None:
        inside = moved_path(path, self._old, "")
        if inside == path:
            return  # Elsewhere, and not moved.
        try:
            size = os.path.getsize(self._files.resolve(inside.lstrip("/")))
        except FileNotFoundError as cause:
            raise NotFound(f"{path} is not in the moved directory: nothing was changed") from cause
        if size != raw["file_size_in_bytes"]:
            raise CorruptData(
                f"{path} has {size} bytes in the moved directory, not {raw['file_size_in_bytes']}: "
                f"nothing was changed"
            )

    def _write(self, path: str, header: dict[str, bytes], records: list[dict[str, Any]]) -> bytes:
        """Writes an Avro file durably, as the old one was but for these records, and reads it
        back; the bytes."""
        told = {k: v.decode() for k, v in header.items() if not k.startswith("avro.")}
        codec = header.get("avro.codec", b"null").decode() or "null"
        schema = json.loads(header["avro.schema"])
        try:
            content = write_container(schema, records, told, codec)
        except ValueError as cause:
            raise Unsupported(f"a manifest of this form cannot be written anew: {cause}") from cause
        if read_container(content, logical=False)[0] != records:
            raise Unsupported("a manifest of this form cannot be written anew")
        self.counts["metadata_bytes_added"] += len(content)
        if not self._dry_run:
            self.written.append(path)
            self._files.storage.write_file(path, content)
            if self._files.storage.read_file(path) != content:
                raise CorruptData(f"{path} is not what was written")
        return content
