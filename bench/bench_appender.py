"""A million JSON lines through one appender, beside DuckDB and pyarrow, in one run.

usage: bench_appender.py DATASHARD DIR       (under tests/interop/with_engines.py)

Lines are about 100 bytes in 5 columns. Ours: `datashard append --every 1s` from the file
and from a pipe, every row acknowledged. The peers read the same file and write one zstd
Parquet file, durably, which is all they have to do. Each three times, in turns; the best
counts. The last line begins "appender:".
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

import duckdb
import pyarrow.json
import pyarrow.parquet

ROWS = int(os.environ.get("ROWS", 1000000))
ROUNDS = 3
SCHEMA = "id long not null, at timestamptz, level string, ms double, msg string"
WORDS = ("request served from cache after retry by worker node upstream timeout "
         "connection reset peer user session token").split()


def make(path):
    draw = random.Random(7)
    with open(path, "w") as out:
        for i in range(ROWS):
            out.write(json.dumps(
                {"id": i, "at": f"2026-11-{i * 20 // ROWS + 1:02}T{i % 24:02}:{i % 60:02}:"
                                f"{i * 7 % 60:02}.{i % 1000:03}Z",
                 "level": draw.choice(("info", "warn", "error", "debug")),
                 "ms": round(draw.random() * 100, 2),
                 "msg": " ".join(draw.choice(WORDS) for _ in range(3))},
                separators=(",", ":")) + "\n")


def ours(program, source, folder, piped):
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([program, "create", folder, "--schema", SCHEMA], check=True,
                   stdout=subprocess.DEVNULL)
    words = [program, "append", folder, "-" if piped else source, "--format", "jsonl",
             "--every", "1s", "--json"]
    feeder = subprocess.Popen(["cat", source], stdout=subprocess.PIPE) if piped else None
    start = time.perf_counter()
    out = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True,
                         stdin=feeder.stdout if piped else None).stdout
    seconds = time.perf_counter() - start
    if piped:
        feeder.stdout.close()
        feeder.wait()
    last = json.loads(out.splitlines()[-1])
    found = subprocess.run([program, "scan", folder, "--count"], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    if last["rows_committed"] != ROWS or int(found) != ROWS:
        sys.exit(f"bench_appender: {found.strip()} rows of {ROWS}: {last}")
    return seconds


def synced(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def by_duckdb(source, target):
    start = time.perf_counter()
    with duckdb.connect() as db:
        db.execute("set threads = 2")
        db.execute(f"copy (select * from read_json('{source}', format = 'newline_delimited', "
                   "columns = {'id': 'bigint', 'at': 'timestamptz', 'level': 'varchar', "
                   f"'ms': 'double', 'msg': 'varchar'}})) to '{target}' "
                   "(format parquet, compression zstd)")
    synced(target)
    return time.perf_counter() - start


def by_pyarrow(source, target):
    start = time.perf_counter()
    rows = pyarrow.json.read_json(source)
    pyarrow.parquet.write_table(rows, target, compression="zstd")
    synced(target)
    return time.perf_counter() - start


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = str(folder / "rows.jsonl")
    make(source)
    works = {
        "file": lambda: ours(program, source, str(folder / "t"), False),
        "pipe": lambda: ours(program, source, str(folder / "t"), True),
        "duckdb": lambda: by_duckdb(source, str(folder / "d.parquet")),
        "pyarrow": lambda: by_pyarrow(source, str(folder / "p.parquet")),
    }
    best = dict.fromkeys(works, float("inf"))
    for _ in range(ROUNDS):
        for name, work in works.items():
            best[name] = min(best[name], work())
    for name, seconds in best.items():
        print(f"  {name:8} {seconds:6.2f} s  {ROWS / seconds:10,.0f} rows/s")
    size = os.path.getsize(source) / ROWS
    shutil.rmtree(folder)
    print(f"appender: rows_per_s={ROWS / best['file']:.0f} "
          f"pipe_rows_per_s={ROWS / best['pipe']:.0f} bytes_per_row={size:.0f} "
          f"over_duckdb={best['duckdb'] / best['file']:.2f} "
          f"over_pyarrow={best['pyarrow'] / best['file']:.2f}")


main()
