"""Nothing is lost: every call of the extension, well and badly, again and again."""

from __future__ import annotations

import contextlib
import decimal
import gc
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from datashard import Cancelled, _core

ROUNDS = 300
WARM = 60
TRIES = 30
SCHEMA = """{"type": "struct", "fields": [
    {"id": 1, "name": "id", "required": true, "type": "long"},
    {"id": 2, "name": "s", "required": false, "type": "string"},
    {"id": 3, "name": "d", "required": false, "type": "decimal(9, 2)"},
    {"id": 4, "name": "l", "required": false, "type":
        {"type": "list", "element-id": 5, "element": "string", "element-required": false}}]}"""
ROW = {"id": 1, "s": "x" * 50, "d": decimal.Decimal("1.50"), "l": ["a", None]}


class Boom(Exception):
    """What fails in the middle of something."""


def boom(row: dict[str, Any] = ROW) -> Iterator[dict[str, Any]]:
    yield row
    raise Boom


class Hostile:
    """Arrow capsules that are none."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return object()

    def __arrow_c_schema__(self) -> object:
        raise Boom


def table_of(properties: dict[str, str] | None = None) -> _core.Table:
    return _core.Catalog("memory:").create_table("a.t", schema_json=SCHEMA, properties=properties)


ROUND_TRIP = table_of()
ROUND_TRIP.append([ROW] * 10)


def transaction(table: _core.Table, *calls: Callable[[_core.Transaction], object]) -> None:
    tx = table.begin()
    try:
        for call in calls:
            call(tx)
    finally:
        tx.close()


def appender(table: _core.Table, *rows: object) -> None:
    ap = table.appender(batch_ms=1, on_ack=lambda ack: str(ack))
    try:
        for row in rows:
            ap.write(row)
        ap.flush()
        ap.stats()
    finally:
        ap.close()
        ap.take_back()


def cancelled(call: Callable[[], object]) -> None:
    stop = _core.Stop()
    stop.set()
    _core.watch(stop)
    try:
        with pytest.raises(Cancelled):
            call()
    finally:
        _core.watch(None)


def abandoned() -> None:
    stream = ROUND_TRIP.scan(batch_rows=3)
    next(stream).to_pylist()
    stream.schema.names  # noqa: B018
    stream.__arrow_c_stream__()


CALLS: dict[str, Callable[[], object]] = {
    "append": lambda: table_of().append([ROW, ROW]),
    "append_one_file": lambda: table_of({"datashard.group-commit.rows-max": "0"}).append([ROW]),
    "append_bad_row": lambda: ROUND_TRIP.append([ROW, {"id": "x"}]),
    "append_missing": lambda: ROUND_TRIP.append([{"s": "x"}]),
    "append_surplus": lambda: ROUND_TRIP.append([{"id": 1, "other": 1}]),
    "append_nested": lambda: ROUND_TRIP.append([{"id": 1, "l": [1, {}]}]),
    "append_raises": lambda: ROUND_TRIP.append(boom()),
    "append_no_rows": lambda: ROUND_TRIP.append(7),
    "append_hostile": lambda: ROUND_TRIP.append(Hostile()),
    "append_option": lambda: ROUND_TRIP.append([ROW], nope=1),
    "append_identity": lambda: ROUND_TRIP.append([ROW], identity="x", summary={"a": "b"}),
    "append_summary": lambda: ROUND_TRIP.append([ROW], summary={"a": 1}),
    "append_cancelled": lambda: cancelled(lambda: ROUND_TRIP.append([ROW])),
    "append_twice": lambda: transaction(ROUND_TRIP, lambda t: t.append([ROW]), lambda t: t.append(boom())),
    "commit": lambda: transaction(table_of(), lambda t: t.append([ROW]), lambda t: t.commit()),
    "commit_cancelled": lambda: cancelled(lambda: transaction(ROUND_TRIP, lambda t: t.append([ROW]))),
    "commit_again": lambda: transaction(table_of(), lambda t: t.commit(), lambda t: t.commit()),
    "columns": lambda: transaction(ROUND_TRIP, lambda t: t.add_columns(_core.schema_from_rows([{"n": 1}]))),
    "columns_bad": lambda: transaction(ROUND_TRIP, lambda t: t.add_columns(_core.schema_from_rows([{"id": "x"}]))),
    "columns_hostile": lambda: transaction(ROUND_TRIP, lambda t: t.add_columns(Hostile())),
    "files": lambda: transaction(ROUND_TRIP, lambda t: t.delete_files([f["path"] for f in ROUND_TRIP.files(columns=True)])),
    "files_bad": lambda: transaction(ROUND_TRIP, lambda t: t.delete_files([1])),  # type: ignore[list-item]
    "property_bad": lambda: transaction(ROUND_TRIP, lambda t: t.set_property("", None)),
    "expire_bad": lambda: transaction(ROUND_TRIP, lambda t: t.expire_snapshots(0, -1)),
    "properties_bad": lambda: ROUND_TRIP.set_properties({"a": 1}),  # type: ignore[dict-item]
    "appender": lambda: appender(table_of(), ROW, [ROW], _core.stream_from_rows([ROW])),
    "appender_bad": lambda: appender(ROUND_TRIP, {"id": "x"}),
    "appender_raises": lambda: appender(ROUND_TRIP, boom()),
    "appender_option": lambda: ROUND_TRIP.appender(on_ack=7),  # type: ignore[arg-type]
    "resolve_bad": lambda: ROUND_TRIP.resolve("x"),
    "scan": lambda: [batch.to_pydict() for batch in ROUND_TRIP.scan(where="id = 1", columns=["s", "d"], limit=5)],
    "scan_abandoned": abandoned,
    "scan_where": lambda: ROUND_TRIP.scan(where="id ="),
    "scan_columns": lambda: ROUND_TRIP.scan(columns=["nope"]),
    "scan_limit": lambda: ROUND_TRIP.scan(limit=-1),
    "scan_snapshot": lambda: ROUND_TRIP.scan(snapshot_id=3),
    "count_bad": lambda: ROUND_TRIP.count(where="nope = 1"),
    "info": lambda: (ROUND_TRIP.info(), ROUND_TRIP.snapshots(), ROUND_TRIP.history(), ROUND_TRIP.refs()),
    "json": lambda: (ROUND_TRIP.metadata_json(), ROUND_TRIP.spec_json(), ROUND_TRIP.properties(), ROUND_TRIP.stats()),
    "catalog_bad": lambda: _core.Catalog("nope:x"),
    "catalog_property": lambda: _core.Catalog("memory:", {"a": 1}),  # type: ignore[dict-item]
    "open_bad": lambda: _core.open_table("/nowhere/at/all"),
    "create_bad": lambda: _core.Catalog("memory:").create_table("a.t", schema_json="{"),
    "create_partition": lambda: _core.Catalog("memory:").create_table("a.t", schema_json=SCHEMA, partition_by="nope"),
    "namespaces": lambda: _core.Catalog("memory:").drop_namespace("nope"),
    "rows_stream": lambda: list(_core.stream_from_rows([ROW] * 3)),
    "rows_all": lambda: next(_core.stream_from_rows([ROW] * 3).read_all()),
    "rows_all_raise": lambda: _core.stream_from_rows(boom()).read_all(),
    "scan_all": lambda: ROUND_TRIP.scan().read_all(),
    "rows_guess": lambda: _core.schema_from_rows([{"a": 1}, {"a": "x"}]),
    "rows_raise": lambda: list(_core.stream_from_rows(boom())),
    "rows_type": lambda: _core.stream_from("abc"),
    "file_bad": lambda: _core.scan_file("/nowhere/at/all.parquet"),
    "write_bad": lambda: _core.write_file("/proc/nowhere/all.parquet", _core.stream_from_rows([ROW])),
    "watch_bad": lambda: _core.watch(7),  # type: ignore[arg-type]
}


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(pathlib.Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def references() -> int:
    """To the singletons that a call may forget, and whatever else Python counts."""
    return sum(sys.getrefcount(each) for each in (ROW, SCHEMA, boom, Boom, *vars(_core).values()))


@pytest.mark.parametrize("name", CALLS)
def test_again_and_again(name: str) -> None:
    call = CALLS[name]

    def run(rounds: int) -> None:
        for _ in range(rounds):
            with contextlib.suppress(Exception):
                call()

    # The first rounds fill what is kept; of the others the best says what one costs. What
    # is lost is lost each time; without a GIL some are counted late.
    run(WARM)
    blocks: list[int] = []
    while not blocks or (min(blocks) >= ROUNDS // 6 and len(blocks) < TRIES):
        gc.collect()
        before, counted = sys.getallocatedblocks(), references()
        run(ROUNDS // 3)
        gc.collect()
        blocks.append(sys.getallocatedblocks() - before)
        assert abs(references() - counted) < ROUNDS // 6
    assert min(blocks) < ROUNDS // 6, f"{blocks} objects more after {ROUNDS // 3} rounds each"


def test_memory_that_python_does_not_count_stays() -> None:
    def run(rounds: int) -> None:
        for _ in range(rounds):
            for call in CALLS.values():
                with contextlib.suppress(Exception):
                    call()

    run(20)
    growths = []
    for _ in range(4):
        gc.collect()
        before = resident()
        run(10)
        gc.collect()
        growths.append(resident() - before)
    assert min(growths) < 1_000_000, f"{growths} bytes more after ten rounds of everything each"
