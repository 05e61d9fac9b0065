"""What is in a table, by a reader that is not the one under test.

Every reader answers with {append: (rows, first, last, sum of the rows' numbers)}.
"""
import pathlib
import sqlite3

import contention_record as record
from contention_peers import duckdb_connection

SELECT = (f"select block // {record.ROWS_MAX} as append, count(*), "
          f"min(block % {record.ROWS_MAX}), max(block % {record.ROWS_MAX}), "
          f"sum(block % {record.ROWS_MAX}) from {{}} group by 1")


def answer(rows):
    return {row[0]: tuple(map(int, row[1:])) for row in rows}


def iceberg(metadata):
    """DuckDB's reader of Iceberg, by the metadata file."""
    path = str(metadata).removeprefix("file://")
    connection = duckdb_connection("avro", "iceberg")
    return answer(connection.execute(SELECT.format(f"iceberg_scan('{path}')")).fetchall())


def iceberg_catalog(folder):
    """The metadata file that an Iceberg SQL catalog names, read by SQLite itself."""
    with sqlite3.connect(folder / "catalog.db") as db:
        return iceberg(db.execute("select metadata_location from iceberg_tables").fetchone()[0])


def iceberg_folder(folder):
    """The newest metadata file of a table that is a folder."""
    def version(path):
        digits = path.name.removeprefix("v").split(".")[0].split("-")[0]
        return int(digits) if digits.isdigit() else -1
    files = (folder / "table" / "metadata").glob("*.metadata.json")
    return iceberg(max(files, key=version))


def delta(folder):
    """The files that the log names, read by DuckDB."""
    import deltalake
    files = deltalake.DeltaTable(str(folder / "table")).file_uris()
    if not files:
        return {}
    return answer(duckdb_connection().execute(
        SELECT.format(f"read_parquet({[str(pathlib.Path(f)) for f in files]})")).fetchall())


def ducklake(folder):
    """A fresh connection; there is no second reader of this format here."""
    connection = duckdb_connection("sqlite_scanner", "ducklake")
    connection.execute(f"attach 'ducklake:sqlite:{folder}/catalog.db' as lake (read_only)")
    return answer(connection.execute(SELECT.format("lake.lines")).fetchall())


def plain(folder):
    with sqlite3.connect(folder / "plain.db") as db:
        return answer(db.execute(SELECT.format("lines").replace("//", "/")))


def swaps(folder):
    """How often the value was swapped: there are no rows."""
    with sqlite3.connect(folder / "plain.db") as db:
        return db.execute("select version from head").fetchone()[0]


# What the readers need beside Python itself.
PACKAGES = {
    iceberg_catalog: ["duckdb", "duckdb-ext-avro", "duckdb-ext-iceberg"],
    iceberg_folder: ["duckdb", "duckdb-ext-avro", "duckdb-ext-iceberg"],
    delta: ["duckdb", "deltalake"],
    ducklake: ["duckdb", "duckdb-ext-ducklake", "duckdb-ext-sqlite"],
}


def balance(found, acked, tried, rows):
    """Compares what was acknowledged with what is there, append by append.

    lost: acknowledged, and not there or not whole. duplicate: rows more than once.
    unacknowledged: there, though its writer was told no, or nothing. alien: nobody's.
    """
    result = {"lost": 0, "duplicate": 0, "unacknowledged": 0, "alien": 0, "found": len(found)}
    whole = (rows, 0, rows - 1, rows * (rows - 1) // 2)
    for append, counts in found.items():
        if append not in tried:
            result["alien"] += 1
        elif counts[0] > rows:
            result["duplicate"] += 1
        elif append not in acked:
            result["unacknowledged"] += 1
        elif counts != whole:
            result["lost"] += 1
    result["lost"] += sum(1 for append in acked if append not in found)
    return result
