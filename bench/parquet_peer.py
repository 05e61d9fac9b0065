"""One measured operation of another Parquet reader or writer, in a process of its own.

usage: parquet_peer.py ENGINE write SOURCE OUT THREADS CODEC
       parquet_peer.py ENGINE scan FILES THREADS [COLUMNS|- [FILTER]]
       parquet_peer.py ENGINE count FILES

ENGINE is pyarrow, duckdb or polars; FILES are joined by commas. What is measured, and the
JSON line that is printed, are those of bench_parquet.c: `write` begins with the rows in
memory and ends when the file is durable; `scan` ends when all rows have been handed over
as Arrow memory. FILTER is "column,low,high", both ends included.
"""
import json
import os
import sys
import time


def status_kb(key):
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(key):
                return int(line.split()[1])
    return 0


def measured(work, whole_memory=False):
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass
    before = 0 if whole_memory else status_kb("VmRSS:")
    start, cpu = time.perf_counter(), time.process_time()
    rows = work()
    print(json.dumps({"rows": rows, "seconds": time.perf_counter() - start,
                      "cpu_s": time.process_time() - cpu,
                      "peak_kb": status_kb("VmHWM:") - before}))


def synced(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def literal(text):
    return float(text) if "." in text else int(text)


class Pyarrow:
    """Without a filter by iter_batches: of pyarrow's ways to read it is the quickest."""

    def __init__(self, threads):
        import pyarrow
        import pyarrow.dataset
        import pyarrow.parquet
        self.pa, self.pq, self.ds = pyarrow, pyarrow.parquet, pyarrow.dataset
        self.threads = threads > 1
        pyarrow.set_cpu_count(threads)
        pyarrow.set_io_thread_count(threads)

    def load(self, source):
        self.table = self.pq.read_table(source, use_threads=True)

    def write(self, out, codec):
        self.pq.write_table(self.table, out, compression=codec)
        return self.table.num_rows

    def scan(self, files, columns, bounds):
        if not bounds:
            return sum(batch.num_rows for file in files
                       for batch in self.pq.ParquetFile(file, pre_buffer=True).iter_batches(
                           65536, columns=columns, use_threads=self.threads))
        field = self.ds.field(bounds[0])
        condition = (field >= bounds[1]) & (field <= bounds[2])
        table = self.ds.dataset(files, format="parquet").to_table(
            columns=columns, filter=condition, use_threads=self.threads)
        return table.num_rows

    def count(self, files):
        return self.ds.dataset(files, format="parquet").count_rows()


class Duckdb:
    def __init__(self, threads):
        import duckdb
        self.db = duckdb.connect(config={"threads": threads})
        self.db.execute("set preserve_insertion_order = true")

    def load(self, source):
        self.db.execute(f"create table source as select * from '{source}'")

    def write(self, out, codec):
        self.db.execute(f"copy source to '{out}' (format parquet, compression {codec})")
        return self.db.execute("select count(*) from source").fetchone()[0]

    def scan(self, files, columns, bounds):
        names = ", ".join(f'"{c}"' for c in columns) if columns else "*"
        where = f'where "{bounds[0]}" between {bounds[1]} and {bounds[2]}' if bounds else ""
        rows = self.db.sql(f"select {names} from read_parquet({files}) {where}")
        reader = rows.to_arrow_reader(65536)
        return sum(batch.num_rows for batch in reader)

    def count(self, files):
        return self.db.execute(f"select count(*) from read_parquet({files})").fetchone()[0]


class Polars:
    def __init__(self, threads):
        os.environ["POLARS_MAX_THREADS"] = str(threads)
        import polars
        self.pl = polars

    def scan(self, files, columns, bounds):
        frame = self.pl.scan_parquet(files)
        if bounds:
            frame = frame.filter(self.pl.col(bounds[0]).is_between(bounds[1], bounds[2]))
        if columns:
            frame = frame.select(columns)
        return frame.collect(engine="streaming").height

    def count(self, files):
        return self.pl.scan_parquet(files).select(self.pl.len()).collect().item()


ENGINES = {"pyarrow": Pyarrow, "duckdb": Duckdb, "polars": Polars}


def main():
    name, what, *rest = sys.argv[1:]
    if what == "write":
        source, out, threads, codec = rest
        engine = ENGINES[name](int(threads))
        engine.load(source)

        def write():
            rows = engine.write(out, codec)
            synced(out)
            return rows

        measured(write, whole_memory=True)
    elif what == "scan":
        files, threads, columns, bounds = rest + ["-", ""][len(rest) - 2:]
        engine = ENGINES[name](int(threads))
        columns = None if columns == "-" else columns.split(",")
        if bounds:
            column, low, high = bounds.split(",")
            bounds = (column, literal(low), literal(high))
        measured(lambda: engine.scan(files.split(","), columns, bounds or None))
    else:
        engine = ENGINES[name](1)
        measured(lambda: engine.count(rest[0].split(",")))


if __name__ == "__main__":
    main()
