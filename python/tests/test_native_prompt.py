"""How schemas and batches look at the prompt, and what a batch turns into."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

import datashard as ds

PLAIN = [
    pa.bool_(), pa.int8(), pa.int32(), pa.int64(), pa.uint8(), pa.uint32(), pa.float32(), pa.float64(),
    pa.decimal128(12, 3), pa.date32(), pa.date64(), pa.time32("s"), pa.time64("us"), pa.timestamp("us"),
    pa.timestamp("ns", "UTC"), pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.binary(7), pa.null(),
]  # fmt: skip


def core_schema(schema: pa.Schema) -> ds._core.Schema:
    empty = pa.Table.from_batches([], schema)
    return ds._core.stream_from(empty).schema


@pytest.mark.parametrize("kind", PLAIN, ids=str)
def test_types_are_spelled_as_pyarrow_spells_them(kind: pa.DataType) -> None:
    schema = pa.schema([pa.field("a", kind)])
    if kind != pa.null():
        schema = schema.append(pa.field("b", kind, nullable=False))
    assert repr(core_schema(schema)) == schema.to_string(show_field_metadata=False, show_schema_metadata=False)


def test_types_in_types() -> None:
    schema = pa.schema(
        [
            pa.field("l", pa.list_(pa.field("element", pa.int32(), nullable=False))),
            pa.field("s", pa.struct([pa.field("x", pa.string()), pa.field("y", pa.large_list(pa.float64()), False)])),
            pa.field("m", pa.map_(pa.string(), pa.int64())),
            pa.field("f", pa.list_(pa.int8(), 3)),
            pa.field("d", pa.dictionary(pa.int32(), pa.string())),
        ]
    )
    assert repr(core_schema(schema)).split("\n") == [
        "l: list<element: int32 not null>",
        "s: struct<x: string, y: large_list<item: double> not null>",
        "m: map<string, int64>",
        "f: fixed_size_list<item: int8>[3]",
        "d: dictionary<string>",
    ]


def test_what_python_has_no_values_for_is_its_arrow_format() -> None:
    text = repr(core_schema(pa.schema([("d", pa.duration("s")), ("u", pa.int8())])))
    assert text == "d: tDs\nu: int8"


def test_deep_types_end() -> None:
    kind = pa.int8()
    for _ in range(40):
        kind = pa.list_(kind)
    text = repr(core_schema(pa.schema([("deep", kind)])))
    assert text.count("list<") == 16 and "…" in text


@pytest.fixture
def table() -> ds.IcebergTable:
    t = ds.Catalog("memory:").create_table("a.t", "id long not null, msg string")
    t.append([{"id": i, "msg": f"m{i}"} for i in range(5)])
    return t


def test_a_tables_schema(table: ds.IcebergTable) -> None:
    assert repr(table.schema) == "id: int64 not null\nmsg: string"
    assert len(table.schema) == 2


def test_a_batch_tells_what_it_is(table: ds.IcebergTable) -> None:
    (batch,) = table.scan()
    assert (batch.num_rows, batch.num_columns, batch.column_names) == (5, 2, ["id", "msg"])
    assert repr(batch) == "<Batch of 5 rows: id, msg>"


def test_of_many_columns_a_batch_shows_some() -> None:
    t = ds.Catalog("memory:").create_table("a.wide", ", ".join(f"c{i} long" for i in range(30)))
    t.append({"c0": 1})
    (batch,) = t.scan()
    assert repr(batch) == "<Batch of 1 row: c0, c1, c2, c3, c4, c5, c6, c7, … 22 more>"


def test_a_batch_becomes_what_others_have(table: ds.IcebergTable) -> None:
    (batch,) = table.scan()
    rows = [{"id": i, "msg": f"m{i}"} for i in range(5)]
    assert isinstance(batch.to_arrow(), pa.RecordBatch) and batch.to_arrow().to_pylist() == rows
    assert batch.to_pandas().to_dict("records") == rows
    assert batch.to_polars().to_dicts() == rows


def test_small_files_are_merged_on_demand(tmp_path: Path) -> None:
    t = ds.IcebergTable.create(tmp_path / "t", "id long")
    for i in range(12):
        t.append({"id": i}, group=False)
    done = t.optimize()
    assert (done.files, done.made, done.rows, done.commits) == (12, 1, 12, 1)
    fresh = ds.IcebergTable.open(tmp_path / "t")
    assert len(fresh.files()) == 1
    assert sorted(r["id"] for r in fresh.scan().to_pylist()) == list(range(12))
    assert t.optimize().files == 0


def test_snapshots_expire_as_one_commit(tmp_path: Path) -> None:
    t = ds.IcebergTable.create(tmp_path / "t", "id long")
    for i in range(6):
        t.append({"id": i})
    kept = [s.snapshot_id for s in t.snapshots()[-2:]]
    assert t.expire_snapshots(dt.timedelta(0), retain_last=2).committed
    fresh = ds.IcebergTable.open(tmp_path / "t")
    assert [s.snapshot_id for s in fresh.snapshots()] == kept
    assert fresh.count() == 6
