"""Removes files that no snapshot of a table reaches.

What is removed: files below the table's ``data`` directory, and Avro files (manifests and
their lists) below ``metadata``, that are older than the grace period and that none of the
table's snapshots leads to. Never: version files, hidden files (locks, queues, ledgers,
temporary files), symlinks and what is behind them, directories that are tables themselves,
and files with a marker in ``metadata/inflight``.

A writer's files are nobody's until its commit, and it is the grace period that protects
them: it must be longer than any writer takes. The files are listed before the metadata are
read, so a commit in between only makes more of them reachable; and when the table has moved
on by the time all is read, it is read again.
"""

from __future__ import annotations

import json
import os
import stat
import time
from typing import Any

from ._handle import local_root
from .file_manager import FileManager
from .logging_config import get_logger
from .metadata_manager import MetadataManager

__all__ = [
    "CLOCK_SKEW_WARN_MS",
    "DEFAULT_INFLIGHT_TIMEOUT_MS",
    "INFLIGHT_PATH",
    "MIN_GRACE_PERIOD_MS",
    "GarbageCollectionAborted",
    "GarbageCollector",
]

INFLIGHT_PATH = "metadata/inflight"
DEFAULT_INFLIGHT_TIMEOUT_MS = 24 * 60 * 60 * 1000
MIN_GRACE_PERIOD_MS = 5 * 60 * 1000
CLOCK_SKEW_WARN_MS = 60 * 1000

_logger = get_logger(__name__)
_ROUNDS = 10


class GarbageCollectionAborted(RuntimeError):
    """It cannot be told which files are in use. Nothing was deleted."""


class GarbageCollector:
    """For the table of a MetadataManager."""

    def __init__(
        self, table_path: str, metadata_manager: MetadataManager, file_manager: FileManager
    ) -> None:
        self.table_path = table_path
        self.metadata_manager = metadata_manager
        self.file_manager = file_manager
        self.storage = file_manager.storage
        self._root = os.path.realpath(os.path.abspath(table_path))

    def collect(
        self,
        grace_period_ms: int = 3_600_000,
        inflight_timeout_ms: int = DEFAULT_INFLIGHT_TIMEOUT_MS,
        allow_short_grace: bool = False,
    ) -> dict[str, int]:
        """How many ``data_files`` and ``manifest_files`` were removed; ``manifest_lists``
        and ``metadata_files`` are 0: lists count as manifests, and version files stay.

        ValueError for a grace period of less than five minutes, unless `allow_short_grace`
        says that nobody else is writing. GarbageCollectionAborted when something of the
        table cannot be read. Markers older than `inflight_timeout_ms` protect nothing.
        """
        if grace_period_ms < MIN_GRACE_PERIOD_MS and not allow_short_grace:
            raise ValueError(
                f"grace_period_ms={grace_period_ms} is below {MIN_GRACE_PERIOD_MS} ms: files of "
                "writers at work would be removed. Pass allow_short_grace=True if there are none."
            )
        now_ms = self.storage.clock_ms()
        if abs(now_ms - time.time() * 1000) > CLOCK_SKEW_WARN_MS:
            _logger.warning("the storage's clock differs from this machine's; the storage's counts")
        oldest_kept = (now_ms - grace_period_ms) / 1000
        data = self._old_files("data", oldest_kept)
        metadata = [p for p in self._old_files("metadata", oldest_kept) if p.endswith(".avro")]
        kept = self._marked(now_ms / 1000, inflight_timeout_ms) | self._reachable()
        counts = {"data_files": 0, "manifest_files": 0, "manifest_lists": 0, "metadata_files": 0}
        for key, found in (("data_files", data), ("manifest_files", metadata)):
            for path in found:
                if path not in kept and self._remove(path, oldest_kept):
                    counts[key] += 1
        return counts

    def _old_files(self, folder: str, oldest_kept: float) -> list[str]:
        """Relative paths of old regular files, hidden ones and other tables' left out."""
        try:
            listed = self.storage.list_files_with_mtime(folder)
        except (OSError, ValueError) as cause:
            raise GarbageCollectionAborted(
                f"Aborting GC: cannot list files under {folder}: {cause}. Nothing was deleted."
            ) from cause
        found: list[str] = []
        tables: dict[str, bool] = {}
        for path, written in listed:
            parts = path.split("/")
            if os.path.isabs(path) or ".." in parts or parts[0] != folder:
                raise GarbageCollectionAborted(
                    f"Aborting GC: storage listing under '{folder}' returned a path outside the "
                    f"table root ({path}). Reachability cannot be determined."
                )
            if any(part.startswith(".") for part in parts) or self._other_table(parts, tables):
                continue
            if written <= oldest_kept:
                found.append(path)
        return found

    def _other_table(self, parts: list[str], known: dict[str, bool]) -> bool:
        """Whether a directory on the way down holds metadata of its own."""
        for i in range(1, len(parts)):
            folder = "/".join(parts[:i])
            if folder not in known:
                full = os.path.join(self._root, folder)
                known[folder] = os.path.isdir(os.path.join(full, "metadata")) or os.path.exists(
                    os.path.join(full, "metadata.version-hint.text")
                )
            if known[folder]:
                return True
        return False

    def _is_old(self, path: str, oldest_kept: float) -> bool:
        try:
            info = os.lstat(os.path.join(self._root, path))
        except FileNotFoundError:
            return False
        return stat.S_ISREG(info.st_mode) and info.st_mtime <= oldest_kept

    def _remove(self, path: str, oldest_kept: float) -> bool:
        full = os.path.join(self._root, path)
        # A directory may have become a symlink, and a file a new one.
        if os.path.realpath(os.path.dirname(full)) != os.path.dirname(full):
            return False
        if not self._is_old(path, oldest_kept):
            return False
        try:
            os.unlink(full)
        except FileNotFoundError:
            return False
        _logger.debug("removed %s", full)
        return True

    def _reachable(self) -> set[str]:
        """Relative paths of what the snapshots lead to, until the table holds still."""
        kept: set[str] = set()
        lists_read: set[str] = set()
        manifests_read: set[str] = set()
        before = ""
        for _ in range(_ROUNDS):
            raw, location = self._metadata()
            if location == before:
                return kept
            before = location
            for snapshot in raw.get("snapshots") or ():
                where = snapshot.get("manifest-list")
                if not where:
                    raise GarbageCollectionAborted(
                        f"Aborting GC: snapshot {snapshot['snapshot-id']} has no manifest list. "
                        "Nothing was deleted."
                    )
                if where not in lists_read:
                    self._follow(snapshot, raw["location"], kept, manifests_read)
                    lists_read.add(where)
            for key in ("statistics", "partition-statistics"):
                for one in raw.get(key) or ():
                    kept.add(self._within(one["statistics-path"], raw["location"]))
        raise GarbageCollectionAborted(
            "Aborting GC: the table moves on faster than it can be read. Nothing was deleted."
        )

    def _metadata(self) -> tuple[dict[str, Any], str]:
        try:
            loaded = self.metadata_manager._load()
        except Exception as cause:
            raise GarbageCollectionAborted(
                f"Aborting GC: cannot read the table's metadata: {cause}. Nothing was deleted."
            ) from cause
        if loaded is None:
            raise GarbageCollectionAborted(
                f"Aborting GC: there is no table at {self.table_path}. Nothing was deleted."
            )
        return loaded

    def _within(self, path: str, location: str) -> str:
        """The path relative to the table, however it is spelled; others as they are."""
        plain = local_root(path)
        root = local_root(location).rstrip("/") + "/"
        if plain.startswith(root):
            return os.path.normpath(plain[len(root) :])
        if not os.path.isabs(plain):
            return os.path.normpath(plain)
        real = os.path.realpath(plain)
        if real.startswith(self._root + "/"):
            return os.path.relpath(real, self._root)
        first = plain.lstrip("/").split("/")[0]
        return os.path.normpath(plain.lstrip("/")) if first in ("data", "metadata") else real

    def _follow(
        self, snapshot: dict[str, Any], location: str, kept: set[str], read: set[str]
    ) -> None:
        where = snapshot["manifest-list"]
        kept.add(self._within(where, location))
        manifests = self._read("manifest list", where, location)
        self._check_whole(snapshot, manifests)
        for manifest in manifests:
            path = manifest["manifest_path"]
            if path in read:
                continue
            kept.add(self._within(path, location))
            entries = self._read("manifest", path, location)
            live = sum(entry["status"] != 2 for entry in entries)
            if live < sum(manifest.get(f"{k}_files_count") or 0 for k in ("added", "existing")):
                raise GarbageCollectionAborted(
                    f"Aborting GC: manifest {path} is not whole. Nothing was deleted."
                )
            for entry in entries:
                if entry["status"] != 2:
                    kept.add(self._within(entry["data_file"]["file_path"], location))
            read.add(path)

    @staticmethod
    def _check_whole(snapshot: dict[str, Any], manifests: list[dict[str, Any]]) -> None:
        """A list cut between two of its blocks reads well, but names too few files."""
        total = (snapshot.get("summary") or {}).get("total-data-files")
        found = sum(
            (m.get("added_files_count") or 0) + (m.get("existing_files_count") or 0)
            for m in manifests
            if not m.get("content")
        )
        if total is not None and found < int(total):
            raise GarbageCollectionAborted(
                f"Aborting GC: manifest list {snapshot['manifest-list']} names {found} data files "
                f"of {total}. Nothing was deleted."
            )

    def _read(self, what: str, where: str, location: str) -> list[dict[str, Any]]:
        try:
            return self.file_manager.read_entries(self._within(where, location))
        except Exception as cause:
            raise GarbageCollectionAborted(
                f"Aborting GC: cannot read reachable {what} {where}: {cause}. Nothing was deleted."
            ) from cause

    def _marked(self, now: float, timeout_ms: int) -> set[str]:
        """What markers of writers at work name."""
        folder = os.path.join(self._root, *INFLIGHT_PATH.split("/"))
        kept: set[str] = set()
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            return kept
        for name in names:
            full = os.path.join(folder, name)
            try:
                if now - os.stat(full).st_mtime > timeout_ms / 1000:
                    continue
                with open(full, encoding="utf-8") as file:
                    kept.add(os.path.normpath(str(json.load(file)["file_path"]).lstrip("/")))
            except FileNotFoundError:
                continue  # Its writer is done.
            except (OSError, ValueError, KeyError, TypeError) as cause:
                raise GarbageCollectionAborted(
                    f"Aborting GC: cannot read the marker {full}: {cause}. Nothing was deleted."
                ) from cause
        return kept
