"""PyIceberg, Spark and datashard append to one table at the same time: the sum is exact."""
import collections
import multiprocessing
import queue

from peers import (datashard, our_catalog, pyiceberg_catalog, run, scan, spark_session,
                   workspace)

FOLDER = workspace("together", fresh=__name__ == "__main__")
OURS = our_catalog(FOLDER)
OUR_WRITERS, OUR_APPENDS = 3, 20
PYICEBERG_APPENDS, SPARK_APPENDS = 6, 5


def write_ours(start, writer, acked):
    start.wait(timeout=120)
    for n in range(OUR_APPENDS):
        key = writer * 1000 + n
        datashard("--catalog", OURS, "append", "ns.t", "-", "--format", "jsonl",
                  input=f'{{"id": {key}, "who": "datashard"}}\n')
        acked.put(key)


def write_pyiceberg(start, acked):
    import pyarrow
    import sqlalchemy.exc
    from pyiceberg.exceptions import CommitFailedException
    catalog = pyiceberg_catalog(FOLDER)
    schema = pyarrow.schema([("id", pyarrow.int64()), ("who", pyarrow.string())])
    start.wait(timeout=120)
    for n in range(PYICEBERG_APPENDS):
        key = 50000 + n
        rows = pyarrow.Table.from_pylist([{"id": key, "who": "pyiceberg"}], schema=schema)
        while True:  # Its own retries give up under contention; a user would try again.
            try:
                catalog.load_table("ns.t").append(rows)
                break
            except CommitFailedException:
                print("pyiceberg: lost, again", flush=True)
            except sqlalchemy.exc.OperationalError as reason:
                if "locked" not in str(reason):  # Rolled back: it is safe to try again.
                    raise
                print("pyiceberg: the database is locked, again", flush=True)
                catalog.engine.dispose()  # Its connection would show it its own lost commit.
                catalog = pyiceberg_catalog(FOLDER)
        acked.put(key)


def restart_spark(spark):
    """A new Java process: the old one's driver goes on holding a lock after SQLITE_BUSY."""
    from pyspark import SparkContext
    java = SparkContext._gateway.proc
    spark.stop()
    SparkContext._gateway.shutdown()
    SparkContext._gateway = SparkContext._jvm = None
    java.kill()
    java.wait()
    return spark_session(FOLDER)


def write_spark(start, acked):
    spark = spark_session(FOLDER)
    spark.sql("select * from shared.ns.t").collect()  # Warm: it joins the race at once.
    start.wait(timeout=120)
    for n in range(SPARK_APPENDS):
        key = 70000 + n
        while spark.table("shared.ns.t").where(f"id = {key}").count() == 0:
            try:
                spark.sql(f"insert into shared.ns.t values ({key}, 'spark')")
            except Exception as reason:  # A Java exception; only a busy database is tried again.
                if "SQLITE_BUSY" not in str(reason):
                    raise
                print("spark: the database is busy, again", flush=True)
                spark = restart_spark(spark)
        acked.put(key)
    spark.stop()


def test_the_sum_is_exact():
    context = multiprocessing.get_context("spawn")
    datashard("--catalog", OURS, "create", "ns.t", "--schema", "id long, who string",
              "--property", "commit.retry.num-retries=100",
              "--property", "commit.retry.min-wait-ms=10",
              "--property", "commit.retry.max-wait-ms=500")
    pyiceberg_catalog(FOLDER).load_table("ns.t")
    acked = context.Queue()
    start = context.Barrier(OUR_WRITERS + 2)
    writers = [context.Process(target=write_ours, args=(start, w, acked), daemon=True)
               for w in range(OUR_WRITERS)]
    writers += [context.Process(target=write_pyiceberg, args=(start, acked), daemon=True),
                context.Process(target=write_spark, args=(start, acked), daemon=True)]
    for writer in writers:
        writer.start()
    total = OUR_WRITERS * OUR_APPENDS + PYICEBERG_APPENDS + SPARK_APPENDS
    expected = set()
    while len(expected) < total and any(w.is_alive() or not acked.empty() for w in writers):
        try:
            expected.add(acked.get(timeout=1))
        except queue.Empty:
            continue  # Look again whether anybody is still writing.
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0, f"a writer failed with {writer.exitcode}"
    found = collections.Counter(row["id"] for row in scan("ns.t", catalog=OURS))
    theirs = pyiceberg_catalog(FOLDER).load_table("ns.t").scan().to_arrow()
    assert collections.Counter(theirs["id"].to_pylist()) == found
    lost = expected - set(found)
    double = [key for key, count in found.items() if count > 1]
    alien = set(found) - expected
    print(f"together: writers={len(writers)} appends={total} acked={len(expected)} "
          f"found={sum(found.values())} lost={len(lost)} duplicate={len(double)} "
          f"alien={len(alien)}")
    assert not lost and not double and not alien, (lost, double, alien)


if __name__ == "__main__":
    run([test_the_sum_is_exact])
