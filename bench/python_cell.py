"""One measurement of bench_python.py, in a process of its own.

usage: python_cell.py PEER import
       python_cell.py PEER first-table FOLDER        (the import, and making a table)
       python_cell.py PEER append-dicts|scan-arrow|scan-pandas FOLDER ROWS TIMES
       python_cell.py PEER append-arrow FOLDER ROWS.arrow TIMES
       python_cell.py PEER make|make-ingest FOLDER   (a table for writers)
       python_cell.py PEER writer FOLDER NUMBER TIMES

PEER is ours, datashard_py or pyiceberg. Prints one JSON line: rows, seconds (of TIMES the
median), peak_kb, and held_kb, what the process had in memory when the clock began. A table
of make keeps its whole history, one of make-ingest (ours alone) forgets it. What is
appended is in memory before the clock runs: dicts, or the Arrow table of a file. The rows
are those of contention_record.py.
"""
import datetime
import json
import pathlib
import resource
import statistics
import sys
import time

import contention_record as record


class Ours:
    """The package of this project, by DataShard's names."""

    def __init__(self):
        import datashard
        self.package = datashard
        self.schema = datashard.Schema(schema_id=1, fields=[
            {"id": i + 1, "name": name, "type": kind, "required": False}
            for i, (name, kind) in enumerate(record.COLUMNS)])

    def make(self, folder):
        self.package.create_table(str(folder / "table"), self.schema)

    def make_ingest(self, folder):
        text = ", ".join(f"{name} {kind}" for name, kind in record.COLUMNS)
        self.package.Table.create(str(folder / "table"), text, ingest=True)

    def open(self, folder):
        return self.package.load_table(str(folder / "table"))

    def append_dicts(self, table, rows):
        table.append_records(rows, self.schema)

    def append_arrow(self, table, rows):
        table.append_arrow(rows, self.schema)

    def scan_arrow(self, table):
        return table.to_arrow()

    def scan_pandas(self, table):
        return table.to_pandas()


class DataShardPython(Ours):
    """DataShard itself: the same calls, another package."""


class PyIceberg:
    """PyIceberg with its SQLite catalog; dicts go through pyarrow."""

    def __init__(self):
        import pyarrow
        from pyiceberg.catalog.sql import SqlCatalog
        self.pyarrow, self.catalog_class = pyarrow, SqlCatalog

    def catalog(self, folder):
        return self.catalog_class("default", uri=f"sqlite:///{folder}/catalog.db",
                                  warehouse=f"file://{folder}/warehouse")

    def make(self, folder):
        catalog = self.catalog(folder)
        catalog.create_namespace("logs")
        catalog.create_table("logs.lines", record.arrow_schema(), properties={
            "commit.retry.num-retries": "1000000", "commit.retry.min-wait-ms": "10",
            "commit.retry.max-wait-ms": "1000"})

    def open(self, folder):
        return self.catalog(folder).load_table("logs.lines")

    def append_dicts(self, table, rows):
        table.append(self.pyarrow.Table.from_pylist(rows, schema=record.arrow_schema()))

    def append_arrow(self, table, rows):
        table.append(rows)

    def scan_arrow(self, table):
        return table.scan().to_arrow()

    def scan_pandas(self, table):
        return table.scan().to_pandas()


PEERS = {"ours": Ours, "datashard_py": DataShardPython, "pyiceberg": PyIceberg}
EPOCH = datetime.datetime(1970, 1, 1)


def dicts(append, count):
    names = [name for name, _ in record.COLUMNS]
    return [dict(zip(names, (EPOCH + datetime.timedelta(microseconds=r[0]), *r[1:])))
            for r in record.rows(append, count)]


def arrow_table(file):
    """The rows of a file, read into memory."""
    import pyarrow.ipc
    with pyarrow.ipc.open_file(file) as reader:
        return reader.read_all()


def held_kb():
    """What the process has in memory; from now on its peak is what it has and will have."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def answer(seconds, rows, held=0):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_kb": peak, "held_kb": held}))


def measure_import(name):
    module = "pyiceberg.catalog.sql" if name == "pyiceberg" else "datashard"
    answer(timed(lambda: __import__(module))[0], 0)


def measure_first_table(name, folder):
    """What is imported late is in this one."""
    folder.mkdir(parents=True)
    answer(timed(lambda: PEERS[name]().make(folder))[0], 0)


def measure_append(peer, folder, what, given, times):
    folder.mkdir(parents=True, exist_ok=True)
    peer.make(folder)
    table = peer.open(folder)
    data = dicts(0, int(given)) if what == "dicts" else arrow_table(given)
    append = peer.append_dicts if what == "dicts" else peer.append_arrow
    held = held_kb()
    answer(statistics.median(timed(lambda: append(table, data))[0] for _ in range(times)),
           len(data), held)


def measure_scan(peer, folder, what, rows, times):
    table = peer.open(folder)
    work = peer.scan_arrow if what == "arrow" else peer.scan_pandas
    seconds = []
    held = held_kb()
    for _ in range(times):
        took, got = timed(lambda: work(table))
        if len(got) != rows:
            sys.exit(f"the scan gave {len(got)} rows of {rows}")
        seconds.append(took)
        del got
    answer(statistics.median(seconds), rows, held)


def be_writer(peer, folder, number, times):
    """Waits for FOLDER/go, then appends one row at a time."""
    table = peer.open(folder)
    batches = [dicts(record.append_number(number, n), 1) for n in range(times)]
    (folder / f"ready-{number}").touch()
    while not (folder / "go").exists():
        time.sleep(0.001)
    answer(timed(lambda: [peer.append_dicts(table, b) for b in batches])[0], times)


def main():
    name, operation, *rest = sys.argv[1:]
    if operation == "import":
        return measure_import(name)
    if operation == "first-table":
        return measure_first_table(name, pathlib.Path(rest[0]))
    peer, folder = PEERS[name](), pathlib.Path(rest[0])
    kind, _, what = operation.partition("-")
    if kind == "make":
        folder.mkdir(parents=True, exist_ok=True)
        (peer.make_ingest if what else peer.make)(folder)
    elif operation == "writer":
        be_writer(peer, folder, int(rest[1]), int(rest[2]))
    elif kind == "append":
        measure_append(peer, folder, what, rest[1], int(rest[2]))
    elif kind == "scan":
        measure_scan(peer, folder, what, int(rest[1]), int(rest[2]))
    else:
        sys.exit(f"no such operation: {operation}")


if __name__ == "__main__":
    main()
