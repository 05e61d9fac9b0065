"""Arrow, DuckDB and UUIDs through DataShard's Table."""

from __future__ import annotations

import sys
import uuid
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import datashard as ds
from datashard.partitioning import murmur3_32, transform_function
from datashard.schema_validation import type_family
from datashard.uuid_columns import decode_columns, encode_columns

SCHEMA = ds.Schema(
    1,
    [
        {"id": 1, "name": "symbol", "type": "string", "required": True},
        {"id": 2, "name": "qty", "type": "long", "required": True},
        {"id": 3, "name": "px", "type": "decimal(18,8)"},
    ],
)
KEYED = ds.Schema(
    1, [{"id": 1, "name": "key", "type": "uuid", "required": True}, {"id": 2, "name": "n", "type": "int"}]
)


@pytest.fixture
def table(tmp_path: Path) -> ds.Table:
    made = ds.create_table(str(tmp_path / "t"), SCHEMA)
    made.append_records([{"symbol": "A", "qty": 10, "px": Decimal("1.5")}, {"symbol": "B", "qty": 5}])
    made.append_records([{"symbol": "A", "qty": 7}])
    return made


def test_sql_sees_the_rows_that_are_asked_for(table: ds.Table) -> None:
    pytest.importorskip("duckdb")
    found = table.sql("select symbol, sum(qty)::bigint as q from t group by 1 order by 1")
    assert found.to_pylist() == [{"symbol": "A", "q": 17}, {"symbol": "B", "q": 5}]
    first = table.snapshots()[0]["snapshot_id"]
    assert table.sql("select count(*) as n from x", "x", snapshot_id=first).to_pylist() == [{"n": 2}]
    assert table.sql("select qty from t", filter={"symbol": "B"}).to_pylist() == [{"qty": 5}]


def test_several_tables_meet_in_one_connection(table: ds.Table, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    other = ds.create_table(str(tmp_path / "u"), SCHEMA)
    other.append_records([{"symbol": "B", "qty": 1}])
    with duckdb.connect() as connection:
        assert table.to_duckdb(connection, "one") is connection
        other.to_duckdb(connection, "two")
        query = "select count(*) from one join two using (symbol)"
        assert connection.execute(query).fetchone() == (1,)


def test_without_duckdb_the_error_says_what_to_install(
    table: ds.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ImportError, match="pip install duckdb"):
        table.sql("select 1")
    with pytest.raises(ImportError, match="pip install duckdb"):
        table.to_duckdb()
    with pytest.raises(ValueError, match="S3-backed"):
        table.duckdb_s3_secret_sql()


def test_the_files_are_where_parquet_paths_says(table: ds.Table) -> None:
    paths = table.parquet_paths()
    assert [pq.read_table(p, partitioning=None).num_rows for p in paths] == [2, 1]
    assert len(table.parquet_paths(snapshot_id=table.snapshots()[0]["snapshot_id"])) == 1


def test_no_rows_have_columns_all_the_same(tmp_path: Path, table: ds.Table) -> None:
    empty = ds.create_table(str(tmp_path / "e"), SCHEMA).to_arrow(columns=["qty"])
    assert empty.num_rows == 0 and empty.schema.field("qty").type == pa.int64()
    assert table.to_arrow(filter={"qty": (">", 99)}).column_names == ["symbol", "qty", "px"]


def test_arrow_is_made_to_fit_or_refused(table: ds.Table) -> None:
    narrow = pa.table({"qty": pa.array([1], pa.int32()), "symbol": pa.array(["C"]).dictionary_encode()})
    assert table.append_arrow(narrow)
    assert table.scan(filter={"symbol": "C"}) == [{"symbol": "C", "qty": 1, "px": None}]
    for wrong, why in (
        ({"symbol": ["X"], "qty": [1], "more": [1]}, "not in the table schema"),
        ({"symbol": ["X"], "qty": pa.array([None], pa.int64())}, "null values"),
        ({"symbol": ["X"]}, "missing required field"),
        ({"symbol": ["X"], "qty": ["12"]}, "type families"),
        ({"symbol": ["X"], "qty": [1.5]}, "not compatible"),
    ):
        with pytest.raises(ValueError, match=why):
            table.append_arrow(pa.table(wrong))
    assert table.append_arrow(narrow.slice(0, 0)) and len(table.snapshots()) == 3
    assert type_family(pa.large_string()) == "text" and type_family(pa.decimal128(5)) == "number"


def test_uuids_are_text_to_read_and_bytes_in_files(tmp_path: Path) -> None:
    table = ds.create_table(str(tmp_path / "k"), KEYED)
    keys = sorted(str(uuid.uuid4()) for _ in range(4))
    table.append_records([{"key": keys[0], "n": 0}, {"key": uuid.UUID(keys[1]), "n": 1}])
    table.append_arrow(pa.table({"key": [keys[2]], "n": pa.array([2], pa.int32())}))
    raw = pa.array([uuid.UUID(keys[3]).bytes], pa.binary(16))
    table.append_arrow(pa.table({"key": raw, "n": pa.array([3], pa.int32())}))
    assert sorted(row["key"] for row in table.scan()) == keys
    assert sorted(table.to_arrow().column("key").to_pylist()) == keys
    for form in (keys[2], uuid.UUID(keys[2]), uuid.UUID(keys[2]).bytes):
        assert [row["n"] for row in table.scan(filter={"key": form})] == [2]
    with pytest.raises(ValueError, match="not a uuid"):
        table.append_records([{"key": "nonsense"}])
    for path in table.parquet_paths():
        kind = pq.read_schema(path).field("key").type
        assert getattr(kind, "storage_type", kind) == pa.binary(16)  # As this pyarrow has it.


def test_uuid_columns_go_there_and_back() -> None:
    text = str(uuid.uuid4())
    there = encode_columns(pa.table({"key": [text, None]}), KEYED)
    assert there.schema.field("key").type == pa.binary(16)
    assert decode_columns(there, KEYED).column("key").to_pylist() == [text, None]


def test_transforms_are_icebergs() -> None:
    # Of the appendix of Iceberg's specification: what hashes to what.
    assert transform_function("bucket[100]", "string")("iceberg") == (1210000089 & 0x7FFFFFFF) % 100
    assert murmur3_32(b"iceberg") == 1210000089
    assert murmur3_32((34).to_bytes(8, "little")) == 2017239379
    assert transform_function("truncate[10]", "int")(-1) == -10
    assert transform_function("truncate[50]", "decimal(9,2)")(Decimal("10.65")) == Decimal("10.50")
