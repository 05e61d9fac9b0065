"""Tables that DataShard wrote in its own layout, converted: PyIceberg and DuckDB read them."""
import datetime
import json
import pathlib
import shutil

from peers import datashard, duckdb_connection, duckdb_rows, run, workspace

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "legacy"
TABLES = ["0.5.4-plain", "0.7.2-all", "0.7.2-noschema", "0.7.2-partitioned", "0.9.1-all"]


def plain(value):
    if isinstance(value, (datetime.date, datetime.time, datetime.datetime)):
        return value.isoformat()
    return value.hex() if isinstance(value, (bytes, bytearray)) else value


def as_text(rows):
    """Rows in an order of their own, as the recorded JSON has their values."""
    plain_rows = [{k: plain(v) for k, v in row.items()} for row in rows]
    return sorted(json.dumps(row, sort_keys=True) for row in plain_rows)


def converted(name):
    table = workspace(f"legacy-{name}") / "t"
    shutil.copytree(GOLDEN / name, table)
    datashard("migrate", table)
    version = (table / "metadata" / "version-hint.text").read_text()
    steps = json.loads((GOLDEN / f"{name}.json").read_text())["steps"]
    return table, table / "metadata" / f"v{version}.metadata.json", steps


def test_pyiceberg_reads_every_snapshot():
    from pyiceberg.table import StaticTable

    for name in TABLES:
        _, metadata, steps = converted(name)
        theirs = StaticTable.from_metadata(str(metadata))
        assert as_text(theirs.scan().to_arrow().to_pylist()) == as_text(steps[-1]["rows"])
        for step in steps:
            rows = theirs.scan(snapshot_id=step["snapshot"]).to_arrow().to_pylist()
            assert as_text(rows) == as_text(step["rows"]), (name, step["snapshot"])


def test_pyiceberg_finds_rows_by_the_bounds():
    from pyiceberg.table import StaticTable

    _, metadata, steps = converted("0.7.2-all")
    theirs = StaticTable.from_metadata(str(metadata))
    for row in steps[-1]["rows"]:
        if row["s"] is not None:
            found = theirs.scan(row_filter=f"l = {row['l']} and i = {row['i']}").to_arrow()
            assert as_text(found.to_pylist()) == as_text([row])


def test_duckdb_reads_the_table():
    for name in TABLES:
        table, _, steps = converted(name)
        rows = duckdb_rows(duckdb_connection(), f"select * from iceberg_scan('{table}')")
        assert as_text(rows) == as_text(steps[-1]["rows"]), name


if __name__ == "__main__":
    run([f for name, f in sorted(globals().items()) if name.startswith("test_")])
