"""Manifests and manifest lists as objects: of Iceberg's form, whoever wrote them, and of the
forms that DataShard had before.

Paths come relative to the table, as `to_rel` makes them. Bytes that break their form are a
CorruptDataError that names the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ._avro import MAGIC, read_container
from ._errors import CorruptData
from ._manifests import (
    ToRelative,
    column_types,
    file_of_entry,
    file_of_json,
    file_of_own_entry,
    manifest_of_own_record,
    manifest_of_record,
)
from .data_structures import DataFile, ManifestContent, ManifestFile

__all__ = [
    "AVRO_MAGIC",
    "ToRelative",
    "avro_container",
    "avro_records",
    "data_file_from_avro",
    "data_file_from_iceberg",
    "data_files_from_json",
    "decode_manifest",
    "decode_manifest_list",
    "is_iceberg_manifest",
    "manifest_from_avro",
    "manifest_from_iceberg",
]

AVRO_MAGIC = MAGIC
_T = TypeVar("_T")


def avro_container(
    content: bytes, path: str, kind: str
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The header and the records of an Avro file; `path` and `kind` are for the error."""
    try:
        records, header = read_container(content)
        return {name: value.decode() for name, value in header.items()}, records
    except (CorruptData, NotImplementedError, UnicodeDecodeError) as cause:
        raise CorruptData(f"{kind} {path} is not a readable Avro container: {cause}") from cause


def avro_records(content: bytes, path: str, kind: str) -> list[dict[str, Any]]:
    """The records alone."""
    return avro_container(content, path, kind)[1]


def is_iceberg_manifest(header: Mapping[str, Any]) -> bool:
    """Whether a manifest with that header is of Iceberg's form, not DataShard's own."""
    return "schema" in header or "format-version" in header


def data_file_from_iceberg(
    record: Mapping[str, Any], types: Mapping[int, Any], to_rel: ToRelative
) -> DataFile:
    """The data file of an entry; bounds of columns that `types` does not tell are left out.
    NotImplementedError for a file of deletes, without which rows would be too many."""
    raw = record["data_file"]
    if int(raw.get("content") or 0) != 0:
        raise NotImplementedError(
            f"{raw.get('file_path')!r} is a delete file: it is not among the data files"
        )
    return file_of_entry(record, types, to_rel)


def data_file_from_avro(record: Mapping[str, Any]) -> DataFile:
    """The data file of an entry as DataShard wrote them before 0.10."""
    return file_of_own_entry(record)


def _from_json(content: bytes, member: str, make: Callable[[Mapping[str, Any]], _T], what: str) -> list[_T]:
    try:
        return [make(one) for one in json.loads(content.decode()).get(member, ())]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        raise CorruptData(f"Could not parse {what} (neither Avro nor JSON)") from cause


def data_files_from_json(content: bytes, manifest_path: str) -> list[DataFile]:
    """The data files of a manifest in JSON."""
    return _from_json(content, "files", file_of_json, f"manifest file {manifest_path}")


def decode_manifest(content: bytes, path: str, to_rel: ToRelative) -> list[DataFile]:
    """Every data file of a manifest, in whichever form it is."""
    if not content.startswith(AVRO_MAGIC):
        return data_files_from_json(content, path)
    header, records = avro_container(content, path, "Manifest")
    try:
        if not is_iceberg_manifest(header):
            return [data_file_from_avro(one) for one in records]
        types = column_types(header)
        return [data_file_from_iceberg(one, types, to_rel) for one in records]
    except (KeyError, TypeError, AttributeError) as cause:
        raise CorruptData(f"Manifest {path} has entries of no known form: {cause!r}") from cause


def manifest_from_iceberg(record: Mapping[str, Any], to_rel: ToRelative) -> ManifestFile:
    """The manifest that a record names. NotImplementedError for one of deletes."""
    if ManifestContent(int(record.get("content") or 0)) is not ManifestContent.DATA:
        raise NotImplementedError(
            f"{record.get('manifest_path')!r} holds delete files: it is not among the data manifests"
        )
    return manifest_of_record(record, to_rel)


def manifest_from_avro(record: Mapping[str, Any]) -> ManifestFile:
    """The manifest that a record names as DataShard wrote them before 0.10."""
    return manifest_of_own_record(record)


def decode_manifest_list(content: bytes, path: str, to_rel: ToRelative) -> list[ManifestFile]:
    """Every manifest of a manifest list, in whichever form it is."""
    if not content.startswith(AVRO_MAGIC):
        return _from_json(content, "manifests", manifest_from_avro, f"manifest list file {path}")
    header, records = avro_container(content, path, "Manifest list")
    try:
        if "format-version" in header or "snapshot-id" in header:
            return [manifest_from_iceberg(one, to_rel) for one in records]
        return [manifest_from_avro(one) for one in records]
    except (KeyError, TypeError, AttributeError) as cause:
        raise CorruptData(f"Manifest list {path} has records of no known form: {cause!r}") from cause
