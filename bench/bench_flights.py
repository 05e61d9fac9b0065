"""Append and full scan of the 3,000,000 flights, beside pyarrow and DuckDB, in one run.

usage: bench_flights.py BENCH_ROWS DIR       (under tests/interop/with_engines.py)

Each is measured with one thread and with two, three times in turns; the best counts.
Append: read the source file, write one zstd Parquet file, durably. Scan: every column of
every row of what we wrote, into Arrow memory. Prints rows per second and ratios.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import duckdb
import pyarrow
import pyarrow.parquet

FLIGHTS = pathlib.Path(os.environ["DATASHARD_INTEROP"],
                       "npm/node_modules/vega-datasets/data/flights-3m.parquet")
ROUNDS = 3


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def synced(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def ours(program, folder, threads):
    folder.mkdir(parents=True, exist_ok=True)
    line = subprocess.run([program, folder, FLIGHTS, str(threads)], check=True,
                          capture_output=True, text=True).stdout
    return json.loads(line)


def with_pyarrow(folder, threads, written):
    pyarrow.set_cpu_count(threads)
    out = folder / "pyarrow.parquet"

    def append():
        table = pyarrow.parquet.read_table(FLIGHTS, use_threads=threads > 1)
        pyarrow.parquet.write_table(table, out, compression="zstd")
        synced(out)

    def scan():
        for file in written:
            pyarrow.parquet.read_table(file, use_threads=threads > 1)

    return timed(append), timed(scan)


def with_duckdb(folder, threads, written):
    connection = duckdb.connect(config={"threads": threads})
    out = folder / "duckdb.parquet"

    def append():
        connection.execute(f"copy (select * from '{FLIGHTS}') to '{out}' (compression zstd)")
        synced(out)

    def scan():
        result = connection.execute(f"select * from read_parquet({[str(f) for f in written]})")
        table = result.arrow()
        if hasattr(table, "read_all"):
            table.read_all()

    return timed(append), timed(scan)


def main():
    program, base = sys.argv[1], pathlib.Path(sys.argv[2]) / "flights"
    if not FLIGHTS.is_file():
        print("*** BENCH SKIPPED: the flights are not there ***")
        return
    for threads in (1, 2):
        best = {}
        for _ in range(ROUNDS):
            shutil.rmtree(base, ignore_errors=True)
            mine = ours(program, base / "ours", threads)
            written = list(pathlib.Path(mine["table"]).rglob("*.parquet"))
            figures = {"ours": (mine["append_s"], mine["scan_s"]),
                       "pyarrow": with_pyarrow(base, threads, written),
                       "duckdb": with_duckdb(base, threads, written)}
            for name, pair in figures.items():
                old = best.get(name, pair)
                best[name] = tuple(map(min, old, pair))
        sizes = {"ours": sum(f.stat().st_size for f in written),
                 "pyarrow": (base / "pyarrow.parquet").stat().st_size,
                 "duckdb": (base / "duckdb.parquet").stat().st_size}
        rows = mine["rows"]
        text = f"bench_flights: threads={threads} rows={rows}"
        for name, (append, scan) in best.items():
            text += (f" {name}_append_rows_s={rows / append:.0f}"
                     f" {name}_scan_rows_s={rows / scan:.0f} {name}_bytes={sizes[name]}")
        for n, what in enumerate(("append", "scan")):
            peer = min(best["pyarrow"][n], best["duckdb"][n])
            text += f" {what}_ratio={peer / best['ours'][n]:.2f}"
        print(text, flush=True)


if __name__ == "__main__":
    main()
