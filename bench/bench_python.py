#!/usr/bin/env python3
"""The Python package beside DataShard 0.11.2, PyIceberg 0.12 and its own C API.

usage: bench_python.py DIR BENCH_PYTHON_C [--quick] [--write] [--appends N] [--rounds N]

DIR holds the environments that python_environment.py made. Every measurement is a process
of its own, all peers in turns, the best of the rounds counts. Import time, appends of 1,
1,000 and 1,000,000 rows as dicts and as Arrow, scans of the million to Arrow and pandas,
12 processes that append 1,000 times one row (--appends: another number), and each
process's peak memory. --quick: 100,000 rows, 20 appends, one round. --write puts the
table into RESULTS.md. The last line gives the figures.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from results_file import replace_section

HERE = pathlib.Path(__file__).resolve().parent
SHOWN = {"ours": "datashard", "c": "its C API", "datashard_py": "DataShard 0.11.2",
         "pyiceberg": "PyIceberg 0.12"}
WRITERS = 12
LIMIT_S = 3600


def fail(command, done):
    sys.exit(f"bench_python: {' '.join(map(str, command))}: {done.stdout}{done.stderr}")


class Bench:
    """Runs cells and keeps the best of each: results[(operation, peer)]."""

    def __init__(self, options):
        self.base = pathlib.Path(options.dir).resolve()
        self.work = self.base / "bench-work"
        self.c = pathlib.Path(options.c_program).resolve()
        self.results = {}
        self.env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        self.env.pop("PYTHONPATH", None)

    def python(self, peer):
        return self.base / ("bench-ours" if peer == "ours" else "bench-peers") / "python/bin/python"

    def run(self, command):
        done = subprocess.run(command, capture_output=True, text=True, env=self.env,
                              timeout=LIMIT_S)
        if done.returncode:
            fail(command, done)
        return json.loads(done.stdout.splitlines()[-1])

    def keep(self, operation, peer, got):
        old = self.results.setdefault((operation, peer), got)
        if got["seconds"] < old["seconds"]:
            self.results[operation, peer] = got
        print(f"bench_python: {operation} {peer} seconds={got['seconds']:.4f}"
              f" peak_mb={got['peak_kb'] / 1024:.0f}", flush=True)

    def cell(self, peer, operation, *arguments):
        self.keep(self.name(operation, arguments), peer, self.run(
            [self.python(peer), HERE / "python_cell.py", peer, operation,
             *map(str, arguments)]))

    @staticmethod
    def name(operation, arguments):
        return f"{operation} {arguments[1]}" if len(arguments) > 1 else operation

    def folder(self, name):
        path = self.work / name.replace(" ", "-")
        shutil.rmtree(path, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def imports(self):
        for peer in ("ours", "datashard_py", "pyiceberg"):
            self.cell(peer, "import")

    def rows_file(self, rows):
        """The Arrow table that Python appends, as a file for the C program."""
        path = self.work / f"rows-{rows}.arrow"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            code = ("import sys, pyarrow.ipc, contention_record as r; t = r.arrow(0, int(sys.argv[1]));"
                    "w = pyarrow.ipc.new_file(sys.argv[2], t.schema); w.write_table(t); w.close()")
            done = subprocess.run([self.python("ours"), "-c", code, str(rows), str(path)],
                                  env={**self.env, "PYTHONPATH": str(HERE)},
                                  capture_output=True, text=True)
            if done.returncode:
                fail(["rows_file"], done)
        return path

    def appends(self, rows, times):
        file = self.rows_file(rows)
        for what in ("dicts", "arrow"):
            operation = f"append-{what}"
            for peer in ("ours", "datashard_py", "pyiceberg"):
                self.cell(peer, operation, self.folder(f"{peer} {what} {rows}"), rows, times)
            self.keep(f"{operation} {rows}", "c", self.run(
                [self.c, "append", self.folder(f"c {what} {rows}"), file, str(times)]))

    def scans(self, rows):
        """Of what append-arrow of so many rows wrote, once."""
        for what in ("arrow", "pandas"):
            for peer in ("ours", "datashard_py", "pyiceberg"):
                self.cell(peer, f"scan-{what}", self.work / f"{peer}-arrow-{rows}", rows, 3)
            self.keep(f"scan-{what} {rows}", "c", self.run(
                [self.c, "scan", self.work / f"c-arrow-{rows}"]))

    def writers(self, peer, times):
        """All let go at once; the time is until the last one's end."""
        folder = self.folder(f"{peer} writers")
        cell = [self.python(peer), HERE / "python_cell.py", peer]
        made = subprocess.run([*cell, "make", folder], capture_output=True, text=True,
                              env=self.env)
        if made.returncode:
            fail(cell, made)
        running = [subprocess.Popen(
            [*map(str, cell), "writer", str(folder), str(n), str(times)], env=self.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for n in range(WRITERS)]
        while not all((folder / f"ready-{n}").exists() or running[n].poll() is not None
                      for n in range(WRITERS)):
            time.sleep(0.01)
        start = time.perf_counter()
        (folder / "go").touch()
        ends = [p.communicate(timeout=LIMIT_S) for p in running]
        seconds = time.perf_counter() - start
        failed = sum(p.returncode != 0 for p in running)
        got = [json.loads(out.splitlines()[-1]) for (out, _), p in zip(ends, running)
               if p.returncode == 0]
        if failed:
            print(f"bench_python: writers {peer}: {failed} failed:"
                  f" {next(e for (_, e), p in zip(ends, running) if p.returncode)[-300:]}")
        self.keep(f"writers {times}", peer, {
            "rows": sum(g["rows"] for g in got), "seconds": seconds, "failed": failed,
            "peak_kb": max((g["peak_kb"] for g in got), default=0)})


def number(value, digits=3):
    return "-" if value is None else f"{value:,.{digits}f}"


def table(bench):
    """Seconds, and peak memory, of every operation and peer, as Markdown."""
    peers = list(SHOWN)
    text = "| operation | " + " | ".join(f"{SHOWN[p]}, s (MB)" for p in peers) + " |\n"
    text += "|---|" + "---|" * len(peers) + "\n"
    for operation in dict.fromkeys(o for o, _ in bench.results):
        cells = []
        for peer in peers:
            got = bench.results.get((operation, peer))
            cells.append("-" if got is None else
                         f"{got['seconds']:.4f} ({got['peak_kb'] / 1024:.0f})"
                         + (f", {got['failed']} writers failed" if got.get("failed") else ""))
        text += f"| {operation} | " + " | ".join(cells) + " |\n"
    return text


def ratio(bench, operation, over, under):
    above, below = (bench.results.get((operation, p)) for p in (over, under))
    return above["seconds"] / below["seconds"] if above and below else None


def figures(bench, rows, times):
    """The aims: at most 30 ms, 1.3, 1.05 and 1.05; at least 10."""
    got = {"import_ms": bench.results["import", "ours"]["seconds"] * 1000,
           "dict1_over_c": ratio(bench, "append-dicts 1", "ours", "c"),
           "dicts_over_datashard": ratio(bench, f"append-dicts {rows}", "datashard_py", "ours"),
           "arrow_append_over_c": ratio(bench, f"append-arrow {rows}", "ours", "c"),
           "arrow_scan_over_c": ratio(bench, f"scan-arrow {rows}", "ours", "c")}
    for peer in ("ours", "datashard_py", "pyiceberg"):
        cell = bench.results[f"writers {times}", peer]
        got[f"{peer}_appends_s"] = cell["rows"] / cell["seconds"]
    return " ".join(f"{name}={number(value, 2)}" for name, value in got.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dir")
    parser.add_argument("c_program")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--appends", type=int)
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    rows = 100_000 if options.quick else 1_000_000
    times = options.appends or (20 if options.quick else 1000)
    bench = Bench(options)
    shutil.rmtree(bench.work, ignore_errors=True)
    for _ in range(options.rounds or (1 if options.quick else 3)):
        bench.imports()
        bench.appends(1, 50)
        bench.appends(1000, 20)
        bench.appends(rows, 1)
        bench.scans(rows)
    for peer in ("ours", "datashard_py", "pyiceberg"):
        bench.writers(peer, times)
    line = figures(bench, rows, times)
    if options.write:
        replace_section(HERE / "RESULTS.md", "python",
                        f"# The Python package\n\n`make bench-python`, {os.cpu_count()} processors."
                        f" {WRITERS} writers: `writers {times}` is {times} appends of one row each."
                        f" Best of the rounds.\n\n{table(bench)}\n    {line}\n")
    print(table(bench))
    shutil.rmtree(bench.work, ignore_errors=True)
    print(f"bench_python: rows={rows} {line}")


if __name__ == "__main__":
    main()
