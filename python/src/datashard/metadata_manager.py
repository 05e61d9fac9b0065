"""A table's metadata as DataShard's objects, and changes of them by hand."""

from __future__ import annotations

import copy
import json
import os
import threading
from typing import Any

from ._handle import Handle, local_root, relative
from ._moved import moved_metadata, same_place
from ._versions import publish, successor
from .data_structures import (
    HistoryEntry,
    PartitionField,
    PartitionSpec,
    Schema,
    Snapshot,
    SortField,
    SortOrder,
    TableMetadata,
)
from .exceptions import (
    AmbiguousCommitError,
    AmbiguousMetadataError,
    ConcurrentModificationException,
    LegacyLayoutError,
    SchemaMismatchError,
    TableExistsError,
)
from .lock_provider import LockProvider
from .storage_backend import StorageBackend, create_storage_backend
from .table_paths import join_uri, location_uri
from .transaction_commit import DEFAULT_METADATA_WARN_BYTES, METADATA_WARN_BYTES_PROPERTY
from .version_hint import metadata_file_name, version_of

__all__ = [
    "AmbiguousCommitError",
    "AmbiguousMetadataError",
    "ConcurrentModificationException",
    "LegacyLayoutError",
    "MetadataManager",
    "SchemaMismatchError",
    "TableExistsError",
]


def _snapshot(entry: dict[str, Any], root: str, there: frozenset[int]) -> Snapshot:
    summary = dict(entry.get("summary") or {})
    parent = entry.get("parent-snapshot-id", -1)
    return Snapshot(
        snapshot_id=entry["snapshot-id"],
        timestamp_ms=entry["timestamp-ms"],
        manifest_list=relative(entry.get("manifest-list", ""), root),
        parent_snapshot_id=parent if parent in there else -1,  # It may be forgotten.
        operation=summary.get("operation"),
        summary=summary,
        schema_id=entry.get("schema-id"),
        sequence_number=entry.get("sequence-number", 0),
    )


def _schema(entry: dict[str, Any]) -> Schema:
    return Schema(entry.get("schema-id", 0), [dict(field) for field in entry["fields"]])


def _spec(entry: dict[str, Any]) -> PartitionSpec:
    fields = [
        PartitionField(f["source-id"], f.get("field-id", 0), f["name"], f["transform"])
        for f in entry["fields"]
    ]
    return PartitionSpec(entry["spec-id"], fields)


def _order(entry: dict[str, Any]) -> SortOrder:
    fields = [
        SortField(f["source-id"], f["source-id"], f["transform"], f["direction"])
        for f in entry["fields"]
    ]
    return SortOrder(entry["order-id"], fields)


def metadata_of(raw: dict[str, Any], root: str) -> TableMetadata:
    """Iceberg's metadata JSON as a TableMetadata; paths below `root` become relative."""
    there = frozenset(one["snapshot-id"] for one in raw.get("snapshots") or ())
    return TableMetadata(
        location=local_root(raw["location"]),
        table_uuid=raw["table-uuid"],
        format_version=raw["format-version"],
        last_sequence_number=raw.get("last-sequence-number", 0),
        last_updated_ms=raw["last-updated-ms"],
        last_column_id=raw["last-column-id"],
        schemas=[_schema(one) for one in raw["schemas"]],
        current_schema_id=raw["current-schema-id"],
        partition_specs=[_spec(one) for one in raw["partition-specs"]],
        default_spec_id=raw["default-spec-id"],
        sort_orders=[_order(one) for one in raw["sort-orders"]],
        default_sort_order_id=raw["default-sort-order-id"],
        properties=dict(raw.get("properties") or {}),
        current_snapshot_id=_current(raw),
        snapshots=[_snapshot(one, root, there) for one in raw.get("snapshots") or ()],
        snapshot_log=[
            HistoryEntry(one["timestamp-ms"], one["snapshot-id"])
            for one in raw.get("snapshot-log") or ()
        ],
        metadata_log=[
            {
                "timestamp-ms": one["timestamp-ms"],
                "metadata-file": relative(one["metadata-file"], root),
            }
            for one in raw.get("metadata-log") or ()
        ],
    )


def _current(raw: dict[str, Any]) -> int:
    found = raw.get("current-snapshot-id")
    return -1 if found is None else int(found)


def place_of(metadata_location: str) -> str:
    """The location of the path table with that metadata file."""
    return metadata_location.rpartition("/metadata/")[0]


def _retire(raw: dict[str, Any], gone: set[int], current: int) -> None:
    """Takes snapshots out of the metadata JSON, in place, and sets the current one."""
    for name, ref in list(raw.get("refs", {}).items()):
        if name != "main" and ref["snapshot-id"] in gone:
            raise ValueError(f"snapshot {ref['snapshot-id']} is what {name} refers to")
    parents = {s["snapshot-id"]: s.get("parent-snapshot-id") for s in raw.get("snapshots", ())}
    kept = [s for s in raw.get("snapshots", ()) if s["snapshot-id"] not in gone]
    for one in kept:
        parent = one.get("parent-snapshot-id")
        while parent in gone:
            parent = parents.get(parent)
        if parent is None:
            one.pop("parent-snapshot-id", None)
        else:
            one["parent-snapshot-id"] = parent
    raw["snapshots"] = kept
    raw["snapshot-log"] = [e for e in raw.get("snapshot-log", ()) if e["snapshot-id"] not in gone]
    for key in ("statistics", "partition-statistics"):
        if key in raw:
            raw[key] = [s for s in raw[key] if s["snapshot-id"] not in gone]
    if current == _current(raw):
        return
    if current == -1:
        raw.pop("current-snapshot-id", None)
        raw.get("refs", {}).pop("main", None)
        return
    if current not in {s["snapshot-id"] for s in kept}:
        raise ValueError(f"there is no snapshot {current}")
    raw["current-snapshot-id"] = current
    raw.setdefault("refs", {}).setdefault("main", {"type": "branch"})["snapshot-id"] = current
    raw["snapshot-log"].append(
        {"timestamp-ms": raw["last-updated-ms"], "snapshot-id": current}
    )


class MetadataManager:
    """The metadata of the table at a path; there need not be one. Any thread may use it."""

    HINT_PATH = "metadata/version-hint.text"
    PREVIOUS_VERSIONS_MAX_PROPERTY = "write.metadata.previous-versions-max"
    DEFAULT_PREVIOUS_VERSIONS_MAX = 100
    METADATA_WARN_BYTES_PROPERTY = METADATA_WARN_BYTES_PROPERTY
    DEFAULT_METADATA_WARN_BYTES = DEFAULT_METADATA_WARN_BYTES

    def __init__(self, table_path: str, storage: StorageBackend | None = None) -> None:
        self.table_path = table_path
        self.storage = storage if storage is not None else create_storage_backend(table_path)
        self._handle = Handle(table_path)
        self._lock = threading.Lock()  # The text and the location are of one version.

    @property
    def metadata_path(self) -> str:
        """Where the version files are, relative to the table."""
        return "metadata"

    @property
    def lock_provider(self) -> LockProvider:
        """A lock beside the table's metadata for those who want one, not taken. The table
        itself is not guarded by it: version files are made only while they are absent."""
        return self.storage.create_lock(".locks/metadata.lock")

    @property
    def location_uri(self) -> str:
        """Where the table is now, as a URI."""
        return location_uri(self.storage, self.table_path)

    @property
    def recorded_location(self) -> str | None:
        """Where its metadata say it is; None where there is no table."""
        loaded = self._load()
        return None if loaded is None else str(loaded[0]["location"])

    @property
    def place(self) -> str | None:
        """Where the table is now, spelled as the engine does; None where there is none."""
        loaded = self._load()
        return None if loaded is None else place_of(loaded[1])

    def known_locations(self) -> list[str | None]:
        """What paths in manifests may begin with: both of these."""
        return [self.recorded_location, self.location_uri]

    def repair_version_hint(self, metadata_file: str) -> int:
        """Points the hint at a version, given as "v7.metadata.json" or "7", and returns its
        number. The hint says where to begin looking: later versions are found all the same.
        ValueError for what names no version, FileNotFoundError for one that is not there."""
        version = version_of(os.path.basename(metadata_file))
        if not self.storage.exists(f"metadata/{metadata_file_name(version)}"):
            raise FileNotFoundError(f"{self.table_path} has no {metadata_file_name(version)}")
        self.storage.write_file(self.HINT_PATH, str(version).encode())
        return version

    def heal_hint(self, from_version: int) -> int | None:
        """Points the hint at the newest version, wherever it pointed; None without one."""
        found = self.current_version
        return None if found is None else self.repair_version_hint(str(max(found, from_version)))

    @property
    def current_version(self) -> int | None:
        """The number of the version file that is the table's state."""
        loaded = self._load()
        if loaded is None:
            return None
        name = os.path.basename(loaded[1])
        return int(name[1:].split(".")[0]) if name.startswith("v") else None

    def _load(self) -> tuple[dict[str, Any], str] | None:
        """The metadata JSON of the newest version and that version's location."""
        with self._lock:
            table = self._handle.find()
            if table is None:
                return None
            raw: dict[str, Any] = json.loads(table.metadata_json())
            return raw, str(table.info()["metadata_location"])

    def initialize_table(self, metadata: TableMetadata) -> TableMetadata:
        """Makes a table with the current schema and spec given; TableExistsError if there is one."""
        schema = next(
            (s for s in metadata.schemas if s.schema_id == metadata.current_schema_id), None
        )
        spec = next(
            (s for s in metadata.partition_specs if s.spec_id == metadata.default_spec_id), None
        )
        if not self._handle.create(schema, spec):
            raise TableExistsError(
                f"Table at {self.table_path} is already initialized; refusing to overwrite its metadata"
            )
        made = self.refresh()
        if made is None:
            raise RuntimeError(f"the table at {self.table_path} is gone again")
        if not metadata.properties:
            return made
        wanted = copy.deepcopy(made)
        wanted.properties.update(metadata.properties)
        return self.commit(made, wanted)

    def refresh(self, probe: bool = True) -> TableMetadata | None:
        """The newest state; None where there is no table. It is always looked for, whatever
        `probe` says."""
        loaded = self._load()
        return None if loaded is None else metadata_of(loaded[0], local_root(loaded[0]["location"]))

    def commit(
        self, base_metadata: TableMetadata, new_metadata: TableMetadata, relocate: bool = False
    ) -> TableMetadata:
        """Makes the difference between the two the table's next state, whole or not at all.

        Properties, removed snapshots and the current snapshot may differ. Anything else is
        a NotImplementedError; data come and go by transactions. With `relocate` the location
        is that of `new_metadata`, which must be where the table is (ValueError), and the
        manifest lists are those of its snapshots: see `migrate.rewrite_snapshots`.
        ConcurrentModificationException when the table is no longer as in `base_metadata`.
        """
        loaded = self._load()
        if loaded is None:
            raise RuntimeError("No current metadata - table is not initialized")
        raw, location = loaded
        now = metadata_of(raw, local_root(raw["location"]))
        if base_metadata.table_uuid != now.table_uuid or new_metadata.table_uuid != now.table_uuid:
            raise ValueError("Table UUID mismatch - concurrent modification detected")
        for name in ("current_snapshot_id", "last_updated_ms"):
            expected, found = getattr(base_metadata, name), getattr(now, name)
            if expected != found:
                raise ConcurrentModificationException(
                    "Cannot commit metadata: concurrent modification detected. "
                    f"Expected {name}: {expected}, but found: {found}"
                )
        self._refuse_more(now, new_metadata)
        new = successor(raw, location)
        if relocate:
            self._move(new, new_metadata, location)
        new["properties"] = dict(new_metadata.properties)
        kept = {s.snapshot_id for s in new_metadata.snapshots}
        gone = {s.snapshot_id for s in now.snapshots} - kept
        current = new_metadata.current_snapshot_id
        _retire(new, gone, -1 if current is None else current)
        folder = os.path.dirname(local_root(location))
        publish(folder, os.path.basename(location), new)
        return metadata_of(new, local_root(new["location"]))

    @staticmethod
    def _move(new: dict[str, Any], wanted: TableMetadata, location: str) -> None:
        """Makes the metadata JSON those of the table where it is now."""
        from .metadata_serde import SUMMARY_LIST_LENGTH, SUMMARY_LIST_SHA256

        place = place_of(location)
        if not same_place(wanted.location, place):
            raise ValueError(f"the table is at {place}: it cannot be relocated to {wanted.location}")
        moved_metadata(new, place)
        told = {one.snapshot_id: one for one in wanted.snapshots}
        for entry in new.get("snapshots", ()):
            one = told.get(entry["snapshot-id"])
            if one is None:
                continue  # It goes.
            entry["manifest-list"] = join_uri(place, one.manifest_list)
            for key in (SUMMARY_LIST_LENGTH, SUMMARY_LIST_SHA256):
                if key in entry.get("summary", {}) and key in (one.summary or {}):
                    entry["summary"][key] = str((one.summary or {})[key])

    @staticmethod
    def _refuse_more(now: TableMetadata, new: TableMetadata) -> None:
        added = {s.snapshot_id for s in new.snapshots} - {s.snapshot_id for s in now.snapshots}
        if added:
            raise NotImplementedError("commit() adds no snapshots: use a transaction")
        for name in ("schemas", "current_schema_id", "partition_specs", "sort_orders"):
            if getattr(now, name) != getattr(new, name):
                raise NotImplementedError(f"commit() does not change {name}")

    # What user code and tests reach for, though it is not public.

    def _metadata_to_dict(self, metadata: TableMetadata) -> dict[str, Any]:
        from .metadata_serde import metadata_to_dict

        return metadata_to_dict(metadata)

    def _dict_to_metadata(self, metadata_dict: dict[str, Any]) -> TableMetadata:
        from .metadata_serde import dict_to_metadata

        return dict_to_metadata(metadata_dict, self.location_uri)

    def get_snapshot_by_id(self, snapshot_id: int) -> Snapshot | None:
        """None when it is unknown."""
        return next((s for s in self.get_all_snapshots() if s.snapshot_id == snapshot_id), None)

    def get_current_snapshot(self) -> Snapshot | None:
        """None in an empty table."""
        metadata = self.refresh()
        if metadata is None:
            return None
        wanted = metadata.current_snapshot_id
        return next((s for s in metadata.snapshots if s.snapshot_id == wanted), None)

    def get_all_snapshots(self) -> list[Snapshot]:
        """In the order they were committed."""
        metadata = self.refresh()
        if metadata is None:
            return []
        return sorted(metadata.snapshots, key=lambda s: s.sequence_number or 0)

    def get_snapshot_history(self) -> list[HistoryEntry]:
        """Which snapshot became current when, oldest first."""
        metadata = self.refresh()
        return [] if metadata is None else metadata.snapshot_log
