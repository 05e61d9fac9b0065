"""What a table tells about itself and about commits: small values without behaviour."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from ._units import moment_of

__all__ = [
    "CommitOptions",
    "CommitResult",
    "DataFile",
    "HistoryEntry",
    "OptimizeResult",
    "Ref",
    "Snapshot",
    "commit_options",
]


def _number(value: int | None) -> int | None:
    """None for a number that is absent, which C spells -1."""
    return None if value is None or value < 0 else value


class CommitOptions(TypedDict, total=False):
    """How to commit; every key may be left out."""

    identity: str | uuid.UUID
    """A UUID that names the commit: run again with the same one, it is committed once."""
    branch: str
    """Default "main"."""
    timeout_ms: int
    """For all attempts; default the table's commit.retry.total-timeout-ms."""
    attempts_max: int
    """-1: only time counts; default commit.retry.num-retries + 1."""
    summary: Mapping[str, str]
    """Added to the snapshot's summary."""
    group: bool
    """False: a swap of its own, never shared with other writers."""


def commit_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Commit options as the extension takes them: a UUID is its text."""
    identity = given.get("identity")
    return {**given, "identity": str(identity)} if isinstance(identity, uuid.UUID) else dict(given)


@dataclass(frozen=True)
class OptimizeResult:
    """What merging small files did."""

    files: int
    """Rewritten; 0: there was nothing to do."""
    made: int
    """Into so many."""
    rows: int
    bytes: int
    """Of the files rewritten."""
    commits: int
    """Each is whole by itself."""


@dataclass(frozen=True)
class CommitResult:
    """What became of a commit, and what it cost."""

    outcome: Literal["committed", "not committed", "unknown"]
    snapshot_id: int | None
    """The new snapshot; None when the commit made none (properties, no rows)."""
    sequence_number: int | None
    rows: int
    files: int
    """Data files added; 0 when the rows share one of a group."""
    bytes: int
    attempts: int
    """Swaps tried."""
    conflicts: int
    """Swaps lost to somebody else."""
    waited_us: int
    elapsed_us: int
    identity: str
    """The commit's UUID, for table.resolve()."""
    token: str
    group_size: int
    """Commits that shared the swap, this one included; 0: it was alone."""

    @property
    def committed(self) -> bool:
        """Whether it is in the table, durably."""
        return self.outcome == "committed"

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> CommitResult:
        """From the extension's dict."""
        return cls(
            outcome=result["outcome"],
            snapshot_id=_number(result["snapshot_id"]),
            sequence_number=_number(result["sequence_number"]),
            rows=result["rows"],
            files=result["files"],
            bytes=result["bytes"],
            attempts=result["attempts"],
            conflicts=result["conflicts"],
            waited_us=result["waited_us"],
            elapsed_us=result["elapsed_us"],
            identity=result["identity"],
            token=result["token"],
            group_size=result["group_size"],
        )


@dataclass(frozen=True)
class Snapshot:
    """One state of a table."""

    snapshot_id: int
    parent_id: int | None
    sequence_number: int
    timestamp_ms: int
    operation: str
    summary: Mapping[str, str] = field(repr=False)
    schema_id: int | None
    manifest_list: str = field(repr=False)
    is_current: bool
    """It is the current snapshot, or an ancestor of it."""

    @property
    def timestamp(self) -> dt.datetime:
        """When it was made, in UTC."""
        return moment_of(self.timestamp_ms)

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Snapshot:
        """From the extension's dict."""
        return cls(
            snapshot_id=info["snapshot_id"],
            parent_id=_number(info["parent_id"]),
            sequence_number=info["sequence_number"],
            timestamp_ms=info["timestamp_ms"],
            operation=info["operation"],
            summary=dict(info["summary"]),
            schema_id=_number(info["schema_id"]),
            manifest_list=info["manifest_list"],
            is_current=info["is_current"],
        )


@dataclass(frozen=True)
class HistoryEntry:
    """One entry of the log of current snapshots."""

    snapshot_id: int
    parent_id: int | None
    made_current_ms: int
    is_current_ancestor: bool

    @property
    def made_current(self) -> dt.datetime:
        """When the snapshot became current, in UTC."""
        return moment_of(self.made_current_ms)

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> HistoryEntry:
        """From the extension's dict."""
        return cls(
            snapshot_id=info["snapshot_id"],
            parent_id=_number(info["parent_id"]),
            made_current_ms=info["made_current_ms"],
            is_current_ancestor=info["is_current_ancestor"],
        )


@dataclass(frozen=True)
class Ref:
    """A branch or a tag."""

    name: str
    snapshot_id: int
    is_tag: bool
    max_ref_age_ms: int | None
    max_snapshot_age_ms: int | None
    min_snapshots_to_keep: int | None

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Ref:
        """From the extension's dict."""
        return cls(
            name=info["name"],
            snapshot_id=info["snapshot_id"],
            is_tag=info["is_tag"],
            max_ref_age_ms=_number(info["max_ref_age_ms"]),
            max_snapshot_age_ms=_number(info["max_snapshot_age_ms"]),
            min_snapshots_to_keep=_number(info["min_snapshots_to_keep"]),
        )


@dataclass(frozen=True)
class DataFile:
    """One live file of a snapshot."""

    path: str
    format: str
    content: int
    """0 data, 1 position deletes, 2 equality deletes."""
    partition: str
    """Such as "day=2026-11-20"; "" without partitions."""
    spec_id: int
    record_count: int
    size_bytes: int
    sequence_number: int
    snapshot_id: int

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> DataFile:
        """From the extension's dict."""
        return cls(
            path=info["path"],
            format=info["format"],
            content=info["content"],
            partition=info["partition"],
            spec_id=info["spec_id"],
            record_count=info["record_count"],
            size_bytes=info["size_bytes"],
            sequence_number=info["sequence_number"],
            snapshot_id=info["snapshot_id"],
        )
