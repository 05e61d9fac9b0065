"""Small files merged into larger ones, as the other engines see it.

usage: test_tidy.py TIDY_TABLE    (the program)
"""
import concurrent.futures
import json
import subprocess
import sys

import values
from peers import (datashard, duckdb_connection, duckdb_rows, metadata, our_catalog,
                   pyiceberg_catalog, rows_equal, run, scan, spark_session, workspace)
from test_pyiceberg import SCHEMA, parquet_file

TIDY = sys.argv[1]
APPENDS = 20


def tidy(folder):
    """Files merged, and files made of them."""
    done = subprocess.run([TIDY, our_catalog(folder), "shared", "ns", "t"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tuple(map(int, done.stdout.split()))


def make(name, *options):
    """A folder with a table of many small files, and its rows."""
    folder = workspace(name)
    ours = our_catalog(folder)
    datashard("--catalog", ours, "create", "ns.t", "--schema", SCHEMA, "--property",
              "datashard.merge-small-files.enabled=true", *options)
    rows = []
    for k in range(APPENDS):
        datashard("--catalog", ours, "append", "ns.t", parquet_file(folder, 100 * k))
        rows += values.rows(100 * k)
    return folder, ours, rows


def test_pyiceberg_reads_what_was_merged_and_what_was_before():
    folder, ours, rows = make("tidy-pyiceberg")
    before = metadata("ns.t", ours)["current-snapshot-id"]
    assert tidy(folder) == (APPENDS, 1)
    table = pyiceberg_catalog(folder).load_table("ns.t")
    snapshot = table.current_snapshot()
    assert snapshot.summary.operation.value == "replace", snapshot
    assert snapshot.summary["deleted-data-files"] == str(APPENDS)
    assert snapshot.summary["total-data-files"] == "1"
    rows_equal(table.scan().to_arrow().to_pylist(), rows, what="PyIceberg, merged")
    rows_equal(table.scan(snapshot_id=before).to_arrow().to_pylist(), rows,
               what="PyIceberg, before")
    assert len(table.inspect.files()) == 1
    entries = table.inspect.entries().to_pylist()
    live = [e for e in entries if e["status"] != 2]
    gone = [e for e in entries if e["status"] == 2]
    assert len(live) == 1 and len(gone) == APPENDS, entries
    assert live[0]["sequence_number"] == APPENDS
    assert live[0]["file_sequence_number"] == APPENDS + 1
    # It goes on: rows of theirs on top, a delete that takes our file apart, ours again.
    table.append(values.arrow_table(9000))
    table.delete("id = 9000")
    left = [r for r in rows + values.rows(9000) if r["id"] != 9000]
    rows_equal(scan("ns.t", catalog=ours), left, what="ours after theirs")
    datashard("--catalog", ours, "append", "ns.t", parquet_file(folder, 9500))
    table.refresh()
    rows_equal(table.scan().to_arrow().to_pylist(), left + values.rows(9500),
               what="PyIceberg of all")


def test_theirs_is_merged_too():
    folder = workspace("tidy-theirs")
    catalog = pyiceberg_catalog(folder)
    catalog.create_namespace("ns")
    table = catalog.create_table("ns.t", schema=values.pyarrow_schema(), properties={
        "datashard.merge-small-files.enabled": "true"})
    rows = []
    for k in range(APPENDS):
        table.append(values.arrow_table(100 * k))
        rows += values.rows(100 * k)
    assert tidy(folder) == (APPENDS, 1)
    table.refresh()
    rows_equal(table.scan().to_arrow().to_pylist(), rows, what="PyIceberg of theirs")
    rows_equal(scan("ns.t", catalog=our_catalog(folder)), rows, what="ours of theirs")


def test_duckdb_reads_what_was_merged():
    folder, _, rows = make("tidy-duckdb")
    assert tidy(folder) == (APPENDS, 1)
    newest = max((folder / "warehouse").rglob("*.metadata.json"),
                 key=lambda p: p.name)
    rows_equal(duckdb_rows(duckdb_connection(), f"select * from iceberg_scan('{newest}')"),
               rows, what="DuckDB, merged")


def test_spark_reads_and_rewrites_what_was_merged():
    folder = workspace("tidy-spark")
    ours = our_catalog(folder)
    datashard("--catalog", ours, "create", "ns.t", "--schema", "id long, s string, n int",
              "--partition-by", "truncate(100000, id)", "--property",
              "datashard.merge-small-files.enabled=true")
    rows = [{"id": k * 10 + i, "s": f"s{k}", "n": i} for k in range(APPENDS) for i in range(10)]
    for k in range(APPENDS):
        lines = "\n".join(map(json.dumps, rows[k * 10:k * 10 + 10]))
        datashard("--catalog", ours, "append", "ns.t", "-", "--format", "jsonl",
                  input=lines + "\n")
    spark = spark_session(folder)
    before = metadata("ns.t", ours)["current-snapshot-id"]
    assert tidy(folder) == (APPENDS, 1)

    def ids(sql):
        return sorted(r["id"] for r in spark.sql(sql).collect())

    wanted = sorted(r["id"] for r in rows)
    assert ids("select id from shared.ns.t") == wanted
    assert ids(f"select id from shared.ns.t version as of {before}") == wanted
    assert spark.sql("select count(*) from shared.ns.t.files").collect()[0][0] == 1
    spark.sql("delete from shared.ns.t where id < 100")  # Takes our file apart.
    left = [i for i in wanted if i >= 100]
    assert ids("select id from shared.ns.t") == left
    assert sorted(r["id"] for r in scan("ns.t", catalog=ours)) == left
    history = spark.sql("select operation from shared.ns.t.snapshots "
                        "order by committed_at").collect()
    assert [r[0] for r in history][APPENDS] == "replace"


def append_some(ours, writer):
    """The ids of rows that were acknowledged, each a commit of its own."""
    ids = range(writer * 1000, writer * 1000 + APPENDS)
    for k in ids:
        datashard("--catalog", ours, "append", "ns.t", "-", "--format", "jsonl",
                  input=json.dumps({"id": k, "s": f"w{writer}"}) + "\n")
    return list(ids)


def merge_until(folder, writing):
    merged = 0
    while any(not w.done() for w in writing):
        merged += tidy(folder)[0]
    return merged


def test_two_mergers_beside_many_writers_lose_and_leave_nothing():
    folder = workspace("tidy-together")
    ours = our_catalog(folder)
    properties = ["datashard.expire-on-commit=true", "history.expire.max-snapshot-age-ms=1",
                  "history.expire.min-snapshots-to-keep=10"]
    datashard("--catalog", ours, "create", "ns.t", "--schema", "id long, s string",
              *[word for p in properties for word in ("--property", p)])
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(append_some, ours, w) for w in range(6)]
        merging = [pool.submit(merge_until, folder, writing) for _ in range(2)]
        wanted = sorted(k for w in writing for k in w.result())
        assert sum(m.result() for m in merging) > 0
    table = pyiceberg_catalog(folder).load_table("ns.t")
    assert sorted(table.scan().to_arrow()["id"].to_pylist()) == wanted
    named = {entry.data_file.file_path
             for snapshot in table.metadata.snapshots
             for manifest in snapshot.manifests(table.io)
             for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)}
    there = {f"file://{path}" for path in (folder / "warehouse").rglob("*.parquet")}
    assert named == there, (len(named), len(there), sorted(named ^ there)[:3])


if __name__ == "__main__":
    run([f for name, f in sorted(globals().items()) if name.startswith("test_")])
