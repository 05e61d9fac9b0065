"""Spark's Iceberg over the JDBC catalog on our SQLite file: both ways, every transform."""
import datetime
import decimal
import math

from peers import (datashard, our_catalog, pyiceberg_catalog, rows_equal, run, scan,
                   spark_session, workspace)

FOLDER = workspace("spark")
OURS = our_catalog(FOLDER)
COLUMNS = ("id bigint, flag boolean, i int, f float, d double, dec decimal(20,3), "
           "day date, ts timestamp_ntz, tz timestamp, s string, b binary")
SCHEMA = ("id long, flag boolean, i int, f float, d double, dec decimal(20,3), day date, "
          "ts timestamp, tz timestamptz, s string, b binary")
D = decimal.Decimal


def spark_rows(first=0):
    moment = datetime.datetime(2020, 2, 29, 12, 34, 56, 789)
    names = [part.split()[0] for part in COLUMNS.split(", ")]
    full = (True, -7, 1.25, -2.5, D("12345678901234567.890"), datetime.date(2020, 2, 29),
            moment, moment, "héllo", b"\x00\xff")
    odd = (False, 2**31 - 1, math.nan, -0.0, D("-0.001"), datetime.date(1969, 12, 31),
           datetime.datetime(1969, 12, 31, 23, 59, 59), datetime.datetime(1970, 1, 1),
           "", b"")
    rows = [(first, *full), (first + 1, *odd), (first + 2, *[None] * 10)]
    rows += [(first + k, k % 2 == 0, k * 37, k / 4, math.inf if k == 9 else k / 7,
              D(k) / 8, datetime.date(2020, 1, 1) + datetime.timedelta(k * 17),
              moment + datetime.timedelta(hours=k * 29),
              moment + datetime.timedelta(days=k * 40), f"s{k}", bytes([k]))
             for k in range(3, 20)]
    return names, rows


def write(spark, table, first=0):
    names, rows = spark_rows(first)
    spark.createDataFrame(rows, COLUMNS).writeTo(table).append()
    return [dict(zip(names, row)) for row in rows]


def read(spark, table):
    return [row.asDict() for row in spark.table(table).collect()]


def test_ours_is_read_and_extended_by_spark():
    spark = spark_session(FOLDER)
    datashard("--catalog", OURS, "create", "ns.ours", "--schema", SCHEMA,
              "--partition-by", "bucket(4, id), month(ts)")
    wrote = write(spark, "shared.ns.ours")
    rows_equal(scan("ns.ours", catalog=OURS), wrote, what="ours of Spark's rows")
    copy = FOLDER / "copy.parquet"
    datashard("--catalog", OURS, "scan", "ns.ours", "--where", "id < 10", "--format",
              "parquet", "--output", copy)
    datashard("--catalog", OURS, "append", "ns.ours", copy)
    expected = wrote + [row for row in wrote if row["id"] < 10]
    both = sorted(read(spark, "shared.ns.ours"), key=lambda r: r["id"])
    rows_equal(both, sorted(expected, key=lambda r: r["id"]), what="Spark of both")


def test_every_transform_of_spark_reads_back():
    spark = spark_session(FOLDER)
    spark.sql("create namespace if not exists shared.ns")
    transforms = ["s", "day", "dec", "bucket(4, id)", "bucket(3, s)", "bucket(3, ts)",
                  "truncate(2, s)", "truncate(10, i)", "truncate(50, dec)", "years(ts)",
                  "months(tz)", "days(day)", "hours(ts)", "bucket(4, id), days(ts)"]
    for n, transform in enumerate(transforms):
        table = f"ns.p{n}"
        spark.sql(f"create table shared.{table} ({COLUMNS}) using iceberg "
                  f"partitioned by ({transform})")
        wrote = write(spark, f"shared.{table}")
        rows_equal(scan(table, catalog=OURS), wrote, what=transform)
        line = '{"id": 777, "s": "ours", "day": "2021-05-06", "dec": 1.5, "i": 42, ' \
               '"ts": "2021-05-06T07:08:09", "tz": "2021-05-06T07:08:09Z"}\n'
        datashard("--catalog", OURS, "append", table, "-", "--format", "jsonl", input=line)
        found = [row for row in read(spark, f"shared.{table}") if row["id"] == 777]
        assert len(found) == 1 and found[0]["s"] == "ours", (transform, found)


def test_a_spec_change_and_a_schema_change_read_back():
    spark = spark_session(FOLDER)
    spark.sql("create namespace if not exists shared.ns")
    spark.sql(f"create table shared.ns.evolve ({COLUMNS}) using iceberg")
    write(spark, "shared.ns.evolve")
    spark.sql("alter table shared.ns.evolve add partition field bucket(4, id)")
    write(spark, "shared.ns.evolve", 100)
    spark.sql("alter table shared.ns.evolve rename column s to text")
    spark.sql("alter table shared.ns.evolve alter column i type bigint")
    spark.sql("alter table shared.ns.evolve alter column f type double")
    spark.sql("alter table shared.ns.evolve alter column dec type decimal(30,3)")
    spark.sql("alter table shared.ns.evolve drop column b")
    spark.sql("alter table shared.ns.evolve add column extra int")
    expected = read(spark, "shared.ns.evolve")
    rows_equal(scan("ns.evolve", catalog=OURS), expected, what="after evolution")
    # Spark sorts NaN above all numbers; here, as in IEEE 754, it is not.
    for text in ("i > 100", "f > 2.0 and f < 100.0", "dec >= 1.0", "extra is null", "text like 's1%'"):
        expected = [r.asDict() for r in spark.table("shared.ns.evolve").where(text).collect()]
        rows_equal(scan("ns.evolve", "--where", text, catalog=OURS), expected, what=text)


def test_manifests_pile_up_and_still_agree():
    spark = spark_session(FOLDER)
    datashard("--catalog", OURS, "create", "ns.many", "--schema", "id long, s string",
              "--property", "commit.manifest.min-count-to-merge=5")
    for n in range(12):
        datashard("--catalog", OURS, "append", "ns.many", "-", "--format", "jsonl",
                  input=f'{{"id": {n}, "s": "ours"}}\n')
    spark.sql("insert into shared.ns.many values (100, 'spark')")
    rows = read(spark, "shared.ns.many")
    assert sorted(r["id"] for r in rows) == [*range(12), 100]
    assert spark.sql("select count(*) from shared.ns.many.manifests").collect()[0][0] < 13
    table = pyiceberg_catalog(FOLDER).load_table("ns.many")
    rows_equal(table.scan().to_arrow().to_pylist(), rows, what="PyIceberg of all")


if __name__ == "__main__":
    run([f for name, f in sorted(globals().items()) if name.startswith("test_")])
