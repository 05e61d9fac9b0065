"""DuckDB reads our tables: path tables by directory, catalog tables by metadata file."""
import values
from peers import (datashard, duckdb_connection, duckdb_rows, our_catalog, rows_equal, run,
                   scan, workspace)
from test_pyiceberg import SCHEMA, parquet_file


def path_table(name, *options):
    folder = workspace(name)
    table = folder / "t"
    datashard("create", table, "--schema", SCHEMA, *options)
    for first in (0, 100):
        datashard("append", table, parquet_file(folder, first))
    return table


def test_a_path_table_reads_by_its_directory():
    for options in ([], ["--partition-by", "bucket(4, id), month(ts)"]):
        table = path_table("duckdb-path", *options)
        rows = duckdb_rows(duckdb_connection(), f"select * from iceberg_scan('{table}')")
        rows_equal(rows, values.rows() + values.rows(100), what="DuckDB of ours")


def test_a_catalog_table_reads_by_its_metadata_file():
    folder = workspace("duckdb-catalog")
    ours = our_catalog(folder)
    datashard("--catalog", ours, "create", "ns.t", "--schema", SCHEMA)
    datashard("--catalog", ours, "append", "ns.t", parquet_file(folder))
    newest = max((folder / "warehouse").rglob("*.metadata.json"), key=lambda p: p.name)
    rows = duckdb_rows(duckdb_connection(), f"select * from iceberg_scan('{newest}')")
    rows_equal(rows, values.rows(), what="DuckDB of ours")


def test_snapshots_are_seen_alike():
    table = path_table("duckdb-snapshots")
    rows = duckdb_rows(duckdb_connection(),
                       f"select snapshot_id from iceberg_snapshots('{table}')")
    lines = datashard("snapshots", table, "--format", "csv").splitlines()
    assert len(lines) - 1 == len(rows) == 2
    for row in rows:
        assert any(str(row["snapshot_id"]) in line for line in lines), row


def test_filters_give_the_same_answers():
    table = path_table("duckdb-filters", "--partition-by", "year(ts)")
    connection = duckdb_connection()
    for text in ("id < 10", "s is null", "i > 500 or i is null", "not (i > 500)",
                 # DuckDB sorts NaN above all numbers; here, as in IEEE 754, it is not.
                 "d > 1.0 and d < 1000.0", "day >= date '2020-06-01'", "s like 's00%'",
                 "not (s = 'iceberg' and i > 1) or flag", "d = 0.0",
                 "i between 5 and 700 and not flag", "dec9 in (14.20, 2.25)"):
        expected = duckdb_rows(connection,
                               f"select * from iceberg_scan('{table}') where {text}")
        ours = scan(table, "--where", text.replace("or flag", "or flag = true")
                    .replace("not flag", "flag = false"))
        rows_equal(ours, expected, what=text)


if __name__ == "__main__":
    run([f for name, f in sorted(globals().items()) if name.startswith("test_")])
