"""The examples of the pages that came with DataShard 0.9 to 0.11."""

from __future__ import annotations

import datetime as dt
import os
import pathlib

import pytest
from examples_support import Rows, left, same, schema

from datashard import PartitionField, PartitionSpec, Table, create_table, load_table

TRADES = "id long, symbol string, qty long, status string, ccy string"
TRADED: Rows = [
    {"id": i, "symbol": "AB"[i % 2], "qty": 10 * i, "status": s, "ccy": "EUR"}
    for i, s in enumerate(["failed", "done", "done", "failed"])
]


@pytest.fixture(autouse=True)
def here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative names are in a directory of the test."""
    monkeypatch.chdir(tmp_path)


def arrow_of(result):
    """The rows of a DuckDB result: the call has another name since DuckDB 2."""
    newer = getattr(result, "to_arrow_table", None)
    return newer() if newer is not None else result.fetch_arrow_table()


@pytest.fixture
def trades() -> Table:
    table = create_table("trades", schema(TRADES))
    table.append_records(TRADED[:2])
    table.append_records(TRADED[2:])
    return load_table("trades")


def test_readme11_10_duckdb(trades: Table) -> None:
    pytest.importorskip("duckdb")
    old_id = trades.snapshots()[0]["snapshot_id"]
    found = trades.sql("SELECT symbol, sum(qty) AS qty FROM t GROUP BY 1 ORDER BY 1")
    assert found.to_pylist() == [{"symbol": "A", "qty": 20}, {"symbol": "B", "qty": 40}]
    counted = trades.sql("SELECT count(*) AS n FROM trades", alias="trades", snapshot_id=old_id)
    assert counted.to_pylist() == [{"n": 2}]
    arrow = trades.to_arrow(filter={"status": "failed"}, columns=["id", "symbol"])
    assert arrow.to_pylist() == [{"id": 0, "symbol": "A"}, {"id": 3, "symbol": "B"}]
    con = trades.to_duckdb(view_name="trades")
    assert con.execute("SELECT count(*) FROM trades").fetchone() == (4,)
    paths = trades.parquet_paths()
    with pytest.raises(ValueError, match="S3"):
        con.execute(trades.duckdb_s3_secret_sql())
    counted = con.execute("SELECT count(*) FROM read_parquet($p)", {"p": paths})
    assert counted.fetchone() == (4,)
    trades.append_arrow(
        arrow_of(con.execute("SELECT id + 10 AS id, symbol, qty, status, ccy FROM trades"))
    )
    assert same(left("trades"), TRADED + [{**r, "id": r["id"] + 10} for r in TRADED])


def test_duckdb11_1_queries(trades: Table) -> None:
    pytest.importorskip("duckdb")
    earlier_snapshot_id = trades.snapshots()[0]["snapshot_id"]
    by_symbol = trades.sql("SELECT symbol, sum(qty) AS qty FROM t GROUP BY 1 ORDER BY 1")
    assert by_symbol.column("qty").to_pylist() == [20, 40]
    failed = trades.sql(
        "SELECT count(*) FROM trades WHERE status = 'failed'",
        alias="trades",
        snapshot_id=earlier_snapshot_id,
    )
    assert failed.column(0).to_pylist() == [1]
    other = create_table("fx", schema("ccy string, rate double"))
    other.append_records([{"ccy": "EUR", "rate": 1.5}])
    con = trades.to_duckdb(view_name="trades")
    other.to_duckdb(con, view_name="fx")
    joined = con.execute("SELECT sum(qty * rate) FROM trades JOIN fx USING (ccy)").fetchone()
    assert joined == (90.0,)
    arrow = trades.to_arrow(columns=["symbol", "qty"], filter={"qty": (">", 0)})
    assert arrow.num_rows == 3 and len(left("trades")) == 4


def test_duckdb11_2_the_files_themselves(trades: Table) -> None:
    duckdb = pytest.importorskip("duckdb")
    con = duckdb.connect()
    with pytest.raises(ValueError, match="S3"):
        con.execute(trades.duckdb_s3_secret_sql())
    paths = trades.parquet_paths()
    counted = con.execute("SELECT count(*) FROM read_parquet($p)", {"p": paths}).fetchone()
    assert counted == (4,) and all(os.path.isabs(p) for p in paths)
    first = trades.snapshots()[0]["snapshot_id"]
    assert len(trades.parquet_paths(snapshot_id=first)) == 1


def test_duckdb11_3_rows_from_arrow(trades: Table) -> None:
    duckdb = pytest.importorskip("duckdb")
    con = duckdb.connect()
    result = arrow_of(con.execute("SELECT 9::BIGINT AS id, 'C' AS symbol"))
    trades.append_arrow(result)
    new = {"id": 9, "symbol": "C", "qty": None, "status": None, "ccy": None}
    assert same(left("trades"), [*TRADED, new])
    with pytest.raises(ValueError):
        trades.append_arrow(arrow_of(con.execute("SELECT 'x' AS nobody")))
    with pytest.raises((ValueError, TypeError)):
        trades.append_arrow(arrow_of(con.execute("SELECT '12' AS id")))
    assert load_table("trades").row_count() == 5


def test_operating11_1_a_buffer() -> None:
    given = schema("id long")
    table = create_table("table", given)
    stream = [{"id": i} for i in range(12000)]
    buffer = []
    for row in stream:
        buffer.append(row)
        if len(buffer) >= 5_000:
            table.append_records(buffer, given)
            buffer.clear()
    assert len(buffer) == 2000 and load_table("table").row_count() == 10000
    assert same(left("table"), stream[:10000]) and len(table.snapshots()) == 2


def test_operating11_2_two_appends_are_one_snapshot() -> None:
    given = schema("id long")
    table = create_table("table", given)
    morning, afternoon = [{"id": 1}], [{"id": 2}]
    with table.new_transaction() as tx:
        tx.append_records(morning, given)
        tx.append_records(afternoon, given)
        tx.commit()
    assert left("table") == morning + afternoon and len(table.snapshots()) == 1


def test_operating11_3_expiry_and_collection() -> None:
    table = create_table("table", schema("id long"))
    for i in range(60):
        table.append_records([{"id": i}])
    removed = table.expire_snapshots(retain_last=48)
    stats = table.garbage_collect()
    assert removed == 12 and stats["data_files"] == 0
    assert {"data_files", "manifest_files", "manifest_lists"} <= set(stats)
    assert len(load_table("table").snapshots()) == 48
    assert same(left("table"), [{"id": i} for i in range(60)])


def test_operating11_4_upkeep(trades: Table) -> None:
    t = load_table("trades")
    assert t.expire_snapshots(retain_last=100) == 0
    collected = t.garbage_collect()
    assert collected["data_files"] == 0 and same(left("trades"), TRADED)


def test_operating11_5_verify(trades: Table) -> None:
    report = trades.verify()
    current = trades.current_snapshot()
    assert current is not None and report["snapshot_id"] == current.snapshot_id
    assert report["ok"] is True and report["errors"] == [] and report["deep"] is False
    assert report["rows"] == report["rows_read"] == 4
    assert report["data_files"] == report["checked_files"] == 2
    os.unlink(trades._resolve_file_path(trades._get_all_data_files()[0].file_path))
    broken = load_table("trades").verify(deep=True)
    assert broken["ok"] is False and len(broken["errors"]) == 1


def test_operating11_6_partitions() -> None:
    given = schema("ts timestamp, sym string, px double")
    spec = PartitionSpec(
        spec_id=0,
        fields=[
            PartitionField(source_id=2, field_id=1000, name="sym", transform="identity"),
            PartitionField(source_id=1, field_id=1001, name="d", transform="day"),
        ],
    )
    table = create_table("trades", schema=given, partition_spec=spec)
    rows: Rows = [
        {"ts": dt.datetime(2026, 9, 9 + i // 2, 12), "sym": ["BTC-USD", "X"][i % 2], "px": i + 0.5}
        for i in range(4)
    ]
    table.append_records(rows, given)
    assert same(left("trades"), rows) and len(table._get_all_data_files()) == 4
    gone = [f for f in table._get_all_data_files() if "BTC-USD" not in str(f.partition_values)]
    for file in gone:
        os.unlink(table._resolve_file_path(file.file_path))
    found = load_table("trades").scan(filter={"sym": "BTC-USD"})
    assert same(found, rows[::2]) and len(gone) == 2


def test_operating11_7_small_files_become_large() -> None:
    table = create_table("table", schema("id long"))
    for i in range(6):
        table.append_records([{"id": i}])
    plan = table.rewrite_data_files(dry_run=True)
    assert plan["committed"] is False and len(table._get_all_data_files()) == 6
    report = table.rewrite_data_files(target_file_size_bytes=128 * 1024**2, min_input_files=5)
    assert report["rewritten_files"] == 6 and report["added_files"] == 1
    assert report["rows"] == 6 and report["committed"] is True
    assert len(load_table("table")._get_all_data_files()) == 1
    assert same(left("table"), [{"id": i} for i in range(6)])


def test_operating11_8_a_range_of_one() -> None:
    table = create_table("table", schema("hour long"))
    table.append_records([{"hour": i} for i in range(24)])
    rows = table.scan(filter={"hour": ("between", (19, 19))})
    assert rows == [{"hour": 19}] and len(left("table")) == 24


def test_interoperability11_1_duckdb_by_location(trades: Table) -> None:
    duckdb = pytest.importorskip("duckdb")
    con = duckdb.connect()
    with pytest.raises(ValueError, match="S3"):
        con.execute(trades.duckdb_s3_secret_sql())
    location = trades.location.removeprefix("file://")
    assert os.path.samefile(location, "trades")
    counted = con.execute(f"SELECT count(*) FROM '{location}/data/**/*.parquet'").fetchone()
    assert counted == (4,)


def test_interoperability11_2_pyiceberg(trades: Table) -> None:
    from pyiceberg.table import StaticTable

    head = max(pathlib.Path("trades/metadata").glob("v*.metadata.json"), key=os.path.getmtime)
    t = StaticTable.from_metadata(str(head.resolve()))
    assert same(t.scan().to_arrow().to_pylist(), TRADED)
    first = trades.snapshots()[0]["snapshot_id"]
    assert same(t.scan(snapshot_id=first).to_arrow().to_pylist(), TRADED[:2])
