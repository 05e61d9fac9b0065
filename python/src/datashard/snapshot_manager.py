"""A table's snapshots: found by id or time, removed, gone back to."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from .data_structures import HistoryEntry, Snapshot, TableMetadata
from .exceptions import ConcurrentModificationException
from .metadata_manager import MetadataManager

__all__ = [
    "SNAPSHOT_RETENTION_PROPERTY",
    "SnapshotManager",
    "repoint_parents_to_surviving_ancestors",
]

# How many snapshots a table keeps, for those who look at that property.
SNAPSHOT_RETENTION_PROPERTY = "datashard.snapshot.retention-count"

_ATTEMPTS = 50


def repoint_parents_to_surviving_ancestors(
    all_snapshots: Sequence[Snapshot], kept: Sequence[Snapshot]
) -> None:
    """Gives each of `kept` whose parent is not among them the nearest ancestor that is, as
    `all_snapshots` have them; None where there is none. Changes the snapshots."""
    parents = {one.snapshot_id: one.parent_snapshot_id for one in all_snapshots}
    there = {one.snapshot_id for one in kept}
    for one in kept:
        parent = one.parent_snapshot_id
        for _ in all_snapshots:  # Not for ever, if they should go round in a circle.
            if parent is None or parent in there:
                break
            parent = parents.get(parent)
        one.parent_snapshot_id = parent if parent in there else None


class SnapshotManager:
    """Snapshots of the table a MetadataManager is for. Any thread may use it."""

    def __init__(self, metadata_manager: MetadataManager) -> None:
        self.metadata_manager = metadata_manager

    def create_snapshot(
        self,
        manifest_list_path: str,
        operation: str = "append",
        parent_snapshot_id: int | None = None,
        summary: dict[str, Any] | None = None,
        base_metadata: TableMetadata | None = None,
        snapshot_id: int | None = None,
        metadata_mutator: Callable[[TableMetadata], object] | None = None,
        sequence_number: int | None = None,
    ) -> Snapshot:
        """NotImplementedError: snapshots are made by transactions, which check conflicts."""
        raise NotImplementedError(
            f"create_snapshot({manifest_list_path!r}): snapshots are made by transactions; "
            "use Table.new_transaction()"
        )

    def get_snapshot_by_id(self, snapshot_id: int) -> Snapshot | None:
        """None when it is unknown."""
        return self.metadata_manager.get_snapshot_by_id(snapshot_id)

    def get_current_snapshot(self) -> Snapshot | None:
        """None in an empty table."""
        return self.metadata_manager.get_current_snapshot()

    def get_all_snapshots(self) -> list[Snapshot]:
        """In the order they were committed."""
        return self.metadata_manager.get_all_snapshots()

    def get_snapshot_history(self) -> list[HistoryEntry]:
        """Which snapshot became current when, oldest first."""
        return self.metadata_manager.get_snapshot_history()

    def list_snapshots(self) -> list[dict[str, Any]]:
        """The snapshots as dicts, in the order they were committed."""
        return [
            {
                "snapshot_id": s.snapshot_id,
                "timestamp_ms": s.timestamp_ms,
                "operation": s.operation,
                "summary": s.summary,
                "parent_id": s.parent_snapshot_id,
            }
            for s in self.get_all_snapshots()
        ]

    def get_snapshot_by_timestamp(self, timestamp_ms: int) -> Snapshot | None:
        """The last one made at `timestamp_ms` since 1970 or before; None when all are later."""
        found = None
        for one in self.get_all_snapshots():
            if one.timestamp_ms <= timestamp_ms and (
                found is None or one.timestamp_ms >= found.timestamp_ms
            ):
                found = one
        return found

    def get_snapshot_as_of_time(self, timestamp_ms: int) -> Snapshot | None:
        """The same as get_snapshot_by_timestamp()."""
        return self.get_snapshot_by_timestamp(timestamp_ms)

    def time_travel_to(self, snapshot_id: int) -> Snapshot | None:
        """The same as get_snapshot_by_id()."""
        return self.get_snapshot_by_id(snapshot_id)

    def time_travel_to_timestamp(self, timestamp_ms: int) -> Snapshot | None:
        """The same as get_snapshot_by_timestamp()."""
        return self.get_snapshot_by_timestamp(timestamp_ms)

    def delete_snapshot(self, snapshot_id: int) -> bool:
        """Takes a snapshot out of the table; False when it is unknown.

        Its children get its nearest ancestor as parent. When it is the current one, the
        table goes back to the latest of the others in its history. ValueError when a tag or
        another branch refers to it. Files stay until a garbage collection.
        """
        return self._change(snapshot_id, remove=True)

    def rollback_to(self, snapshot_id: int) -> Snapshot:
        """Makes an earlier snapshot the current one; later ones stay. ValueError if unknown."""
        if not self._change(snapshot_id, remove=False):
            raise ValueError(f"there is no snapshot {snapshot_id}")
        found = self.get_snapshot_by_id(snapshot_id)
        if found is None:
            raise ConcurrentModificationException(f"snapshot {snapshot_id} was removed meanwhile")
        return found

    def _change(self, snapshot_id: int, remove: bool) -> bool:
        for left in range(_ATTEMPTS - 1, -1, -1):
            base = self.metadata_manager.refresh()
            if base is None or all(s.snapshot_id != snapshot_id for s in base.snapshots):
                return False
            new = copy.deepcopy(base)
            if remove:
                new.snapshots = [s for s in new.snapshots if s.snapshot_id != snapshot_id]
                if new.current_snapshot_id == snapshot_id:
                    known = {s.snapshot_id for s in new.snapshots}
                    log = [e.snapshot_id for e in new.snapshot_log if e.snapshot_id in known]
                    new.current_snapshot_id = log[-1] if log else -1
            else:
                new.current_snapshot_id = snapshot_id
            try:
                self.metadata_manager.commit(base, new)
                return True
            except ConcurrentModificationException:
                if left == 0:
                    raise
        return False
