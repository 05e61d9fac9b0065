"""What the interoperability tests share: our program, the other engines, comparing rows."""
import datetime
import decimal
import glob
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

BASE = pathlib.Path(os.environ["DATASHARD_INTEROP"])  # environment.py's DIR
PROGRAM = os.environ["DATASHARD_PROGRAM"]
FLIGHTS = BASE / "npm/node_modules/vega-datasets/data/flights-3m.parquet"


class Failure(Exception):
    """Our program said no; the text is its standard error."""


def datashard(*arguments, input=None, check=True):
    """Runs our program; its standard output, or Failure with its standard error."""
    if "--catalog" in arguments:  # The name the other engines know the catalog by.
        arguments += ("--catalog-name", "shared")
    done = subprocess.run([PROGRAM, *map(str, arguments)], input=input,
                          capture_output=True, text=input is None or isinstance(input, str))
    if check and done.returncode != 0:
        raise Failure(f"datashard {' '.join(map(str, arguments))}: exit "
                      f"{done.returncode}: {done.stderr}")
    return done.stdout


def scan(table, *options, catalog=None):
    """All rows our program reads, as a list of dicts, by way of Parquet: exact values."""
    import pyarrow.parquet
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "rows.parquet"
        where = ["--catalog", catalog] if catalog else []
        datashard(*where, "scan", table, "--format", "parquet", "--output", out, *options)
        return pyarrow.parquet.read_table(out).to_pylist()


def workspace(name, fresh=True):
    """A directory of this test's own, emptied unless `fresh` is False."""
    path = pathlib.Path(os.environ.get("DATASHARD_WORK", tempfile.gettempdir())) / name
    if fresh:
        shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def plain(value):
    """One value in a form that compares: NaN equals NaN, -0.0 is not 0.0, zones are UTC."""
    if isinstance(value, float):
        return ("nan",) if math.isnan(value) else (value, math.copysign(1, value))
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if hasattr(value, "bytes") and hasattr(value, "hex"):  # uuid.UUID
        return value.bytes
    if isinstance(value, decimal.Decimal):  # By value: 0 is 0.00.
        return (value.normalize(decimal.Context(prec=50)).as_tuple(), value == 0)
    return value


def rows_equal(ours, theirs, key="id", what="rows"):
    """Compares two lists of dicts as sets of rows ordered by `key`, value by value."""
    ours = sorted(ours, key=lambda r: r[key])
    theirs = sorted(theirs, key=lambda r: r[key])
    assert len(ours) == len(theirs), f"{what}: {len(ours)} rows, expected {len(theirs)}"
    for mine, other in zip(ours, theirs):
        assert list(mine) == list(other), f"{what}: columns {list(mine)} / {list(other)}"
        for column in mine:
            a, b = plain(mine[column]), plain(other[column])
            assert a == b, f"{what}: {key}={mine[key]} {column}: {a!r}, expected {b!r}"


def pyiceberg_catalog(folder, name="shared"):
    from pyiceberg.catalog.sql import SqlCatalog
    return SqlCatalog(name, uri=f"sqlite:///{folder}/catalog.db",
                      warehouse=f"file://{folder}/warehouse")


def our_catalog(folder):
    return f"sqlite:{folder}/catalog.db"


def spark_session(folder, name="shared"):
    """A Spark session whose catalog `name` is the JDBC catalog on the same SQLite file."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession
    prefix = f"spark.sql.catalog.{name}"
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.jars", ",".join(glob.glob(str(BASE / "jars/*.jar"))))
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(folder / "spark"))
        .config("spark.sql.extensions", "org.apache.iceberg.spark.extensions"
                                        ".IcebergSparkSessionExtensions")
        .config(prefix, "org.apache.iceberg.spark.SparkCatalog")
        .config(f"{prefix}.type", "jdbc")
        .config(f"{prefix}.uri", f"jdbc:sqlite:{folder}/catalog.db")
        .config(f"{prefix}.warehouse", f"{folder}/warehouse")
        .config(f"{prefix}.jdbc.schema-version", "V1")
        .config(f"{prefix}.jdbc.busy_timeout", "60000")  # Its driver gives up after 3 s.
        .config(f"{prefix}.clients", "1")  # Two connections of its own block each other.
        .config(f"{prefix}.cache-enabled", "false")
        .getOrCreate())
    session.sparkContext.setLogLevel("ERROR")
    return session


def duckdb_connection():
    import duckdb
    import site
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute("set timezone = 'UTC'")
    for extension in ("avro", "iceberg"):
        pattern = f"duckdb_ext/extensions/*/*/{extension}.duckdb_extension"
        path = glob.glob(os.path.join(site.getsitepackages()[0], pattern))[0]
        connection.execute(f"load '{path}'")
    return connection


def duckdb_rows(connection, sql):
    table = connection.execute(sql).arrow()
    table = table.read_all() if hasattr(table, "read_all") else table
    return table.to_pylist()


def run(tests):
    """Runs each function, says what passed, and exits with the number that failed."""
    failed = 0
    for test in tests:
        try:
            test()
            print(f"ok   {test.__name__}", flush=True)
        except Exception as reason:  # A test may fail in any way; all of them are told.
            import traceback
            traceback.print_exc(limit=6)
            print(f"FAIL {test.__name__}: {reason}", flush=True)
            failed += 1
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def metadata(table, catalog=None):
    where = ["--catalog", catalog] if catalog else []
    return json.loads(datashard(*where, "metadata", table))
