"""Tables whose rows Spark deleted, moved and relocated: what is deleted stays deleted, for
Spark, PyIceberg and DuckDB. Our own reader, which applies no deletes, refuses their files."""
import os

from peers import (datashard, duckdb_connection, duckdb_rows, run, scan, spark_session,
                   workspace, Failure)

FOLDER = workspace("moved")
PARTS = {"plain": "", "parts": "partitioned by (bucket(3, id))"}
ROWS = 200
# Deleted by two commits, in several files of every partition.
GONE = "id % 7 = 0", "id between 30 and 60"
LEFT = [n for n in range(ROWS) if n % 7 != 0 and not 30 <= n <= 60]


def moving(spark):
    """A catalog of Spark's whose tables are directories."""
    spark.conf.set("spark.sql.catalog.moving", "org.apache.iceberg.spark.SparkCatalog")
    spark.conf.set("spark.sql.catalog.moving.type", "hadoop")
    spark.conf.set("spark.sql.catalog.moving.warehouse", str(FOLDER / "w"))
    spark.conf.set("spark.sql.catalog.moving.cache-enabled", "false")
    spark.sql("create namespace if not exists moving.ns")


def deleted(spark, name, parts, version, form, granularity="file"):
    """A table of Spark's at FOLDER/w/ns/<name> with deleted rows; where it was moved to."""
    moving(spark)
    spark.sql(f"create table moving.ns.{name} (id bigint, s string) using iceberg {parts} "
              f"tblproperties ('format-version'='{version}', "
              f"'write.delete.mode'='merge-on-read', "
              f"'write.delete.granularity'='{granularity}', "
              f"'write.delete.format.default'='{form}')")
    for first in (0, ROWS // 2):
        spark.sql(f"insert into moving.ns.{name} "
                  f"select id, concat('s', id) from range({first}, {first + ROWS // 2})")
    for where in GONE:
        spark.sql(f"delete from moving.ns.{name} where {where}")
    files = spark.sql(f"select content, file_format, file_path "
                      f"from moving.ns.{name}.delete_files").collect()
    expected = {"parquet": "PARQUET", "avro": "AVRO", "puffin": "PUFFIN"}
    assert files and {f.file_format for f in files} == {expected[form]}, files
    assert len({f.file_path for f in files}) > (1 if granularity == "file" else 0)
    os.rename(FOLDER / "w/ns" / name, FOLDER / "w/ns" / f"{name}_now")
    return FOLDER / "w/ns" / f"{name}_now"


def spark_ids(spark, name, where="true"):
    return sorted(r.id for r in spark.sql(
        f"select id from moving.ns.{name}_now where {where}").collect())


def refused(table):
    """Sees that our reader gives no row that is deleted, and says which file deletes it."""
    try:
        scan(table)
    except Failure as reason:
        text = str(reason)
        assert "delete files, which cannot be read yet" in text and str(table) in text, text
        return
    raise AssertionError("rows that are deleted were read")


def check(name, parts, version, form, granularity="file"):
    spark = spark_session(FOLDER)
    table = deleted(spark, name, parts, version, form, granularity)
    before = {p for p in table.rglob("*")}
    datashard("relocate", table, "--dry-run")
    assert {p for p in table.rglob("*")} == before
    said = datashard("relocate", table)
    assert "written anew: " in said, said
    assert spark_ids(spark, name) == LEFT, f"{name}: Spark"
    assert spark_ids(spark, name, "id < 70") == [n for n in LEFT if n < 70]
    refused(table)
    # Spark goes on with it: further rows go, and files are written without those.
    spark.sql(f"delete from moving.ns.{name}_now where id > 190")
    left = [n for n in LEFT if n <= 190]
    assert spark_ids(spark, name) == left, f"{name}: Spark deletes more"
    spark.sql(f"call moving.system.rewrite_data_files(table => 'ns.{name}_now', "
              "options => map('rewrite-all', 'true'))")
    assert spark_ids(spark, name) == left, f"{name}: rewritten"
    return table


def newest(table, version=0):
    """A metadata file by its number, or the newest."""
    found = {int(p.name[1:].split(".")[0]): p for p in (table / "metadata").glob("v*.metadata.json")}
    return found[version or max(found)]


def peers_agree(name, parts, version, form, engines):
    """As check, for engines that read a metadata file: the one that relocating made."""
    spark = spark_session(FOLDER)
    table = deleted(spark, name, parts, version, form)
    datashard("relocate", table)
    if "pyiceberg" in engines:
        from pyiceberg.table import StaticTable
        found = StaticTable.from_metadata(str(newest(table))).scan().to_arrow()
        assert sorted(found["id"].to_pylist()) == LEFT, f"{name}: PyIceberg"
    if "duckdb" in engines:
        rows = duckdb_rows(duckdb_connection(),
                           f"select id from iceberg_scan('{newest(table)}')")
        assert sorted(r["id"] for r in rows) == LEFT, f"{name}: DuckDB"


def test_position_deletes_in_parquet():
    for kind, parts in PARTS.items():
        check(f"parquet_{kind}", parts, 2, "parquet")
        peers_agree(f"parquet_{kind}_peers", parts, 2, "parquet", ["pyiceberg", "duckdb"])


def test_position_deletes_in_avro():
    for kind, parts in PARTS.items():
        check(f"avro_{kind}", parts, 2, "avro")


def test_position_deletes_of_many_files_in_one():
    for form in ("parquet", "avro"):
        check(f"wide_{form}", "", 2, form, "partition")


def test_deletion_vectors():
    for kind, parts in PARTS.items():
        check(f"vectors_{kind}", parts, 3, "puffin")
        peers_agree(f"vectors_{kind}_peers", parts, 3, "puffin", ["pyiceberg", "duckdb"])


if __name__ == "__main__":
    run([f for name, f in sorted(globals().items()) if name.startswith("test_")])
