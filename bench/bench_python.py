#!/usr/bin/env python3
"""The Python package beside DataShard 0.11.2, PyIceberg 0.12 and its own C API.

usage: bench_python.py DIR BENCH_PYTHON_C [--quick] [--write] [--appends N] [--rounds N]

DIR holds the environments that python_environment.py made. Every measurement is a process
of its own, all peers in turns; the median of the rounds counts, and of a ratio the median
of the rounds' ratios. Import time, appends of 1, 1,000 and 1,000,000 rows as dicts and as
Arrow, scans of the million to Arrow and pandas, 12 processes that append one row 1,000
times each (--appends: another number; peers that would need minutes do fewer, see
PEER_APPENDS), and each process's peak memory. --quick: 100,000 rows, 20 appends, one round.
--write puts the table into RESULTS.md. A peer that fails is left out, loudly. The last line
gives the figures.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import threading
import time

from results_file import replace_section

HERE = pathlib.Path(__file__).resolve().parent
SHOWN = {"ours": "datashard", "c": "its C API", "datashard_py": "DataShard 0.11.2",
         "pyiceberg": "PyIceberg 0.12"}
PEERS = ["datashard_py", "pyiceberg", "ours", "c"]
WRITERS = 12
PEER_APPENDS = {"datashard_py": 25, "pyiceberg": 10}  # Of each writer, at most.
SCANS = 11  # By each process: its first ones are slower.
AGAIN = 3    # So often ours and C come once more in a round,
SCAN_AGAIN = 9  # and when they scan: two runs of one program may differ by a fifth.
APPENDS = 5  # Of all rows.
LIMIT_S = 120  # Of one process.


class Failed(Exception):
    """A process has failed, or was stopped when its time was over."""


class Bench:
    """Runs cells and keeps what each said: results[(operation, peer)] is a list."""

    def __init__(self, options):
        self.base = pathlib.Path(options.dir).resolve()
        self.work = self.base / "bench-work"
        self.c = pathlib.Path(options.c_program).resolve()
        self.results = {}
        self.rounds = 0  # So many are over.
        self.env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        self.env.pop("PYTHONPATH", None)

    def python(self, peer):
        return self.base / ("bench-ours" if peer == "ours" else "bench-peers") / "python/bin/python"

    def run(self, *command):
        """The JSON line that a process ends with."""
        command = list(map(str, command))
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=self.env,
                                  timeout=LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{' '.join(command)}: more than {LIMIT_S} s") from error
        if done.returncode:
            raise Failed(f"{' '.join(command)}: {done.stdout[-500:]}{done.stderr[-1500:]}")
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None

    def cell(self, peer):
        """The beginning of a command: the C program and the Python one speak alike."""
        return [self.c] if peer == "c" else [self.python(peer), HERE / "python_cell.py", peer]

    def keep(self, operation, peer, got):
        self.results.setdefault((operation, peer), []).append({**got, "round": self.rounds})
        print(f"bench_python: {operation} {peer} seconds={got['seconds']:.4f}"
              f" peak_mb={got['peak_kb'] / 1024:.0f} held_mb={got['held_kb'] / 1024:.0f}",
              flush=True)

    def measure(self, operation, peer, *arguments):
        """One process's answer; a peer of others' may fail."""
        try:
            self.keep(operation, peer, self.run(*self.cell(peer), *arguments))
        except Failed as error:
            if peer in ("ours", "c"):
                raise
            print(f"bench_python: *** {operation} {peer} FAILED: {error} ***", flush=True)

    def got(self, operation, peer):
        """The medians of what was measured, or None."""
        all_ = self.results.get((operation, peer))
        if not all_:
            return None
        middle = {key: statistics.median(one[key] for one in all_)
                  for key in ("seconds", "peak_kb", "held_kb", "rows")}
        return {**middle, "failed": max(one.get("failed", 0) for one in all_)}

    def folder(self, name):
        path = self.work / name.replace(" ", "-")
        shutil.rmtree(path, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def imports(self):
        for peer in ("ours", "datashard_py", "pyiceberg"):
            self.measure("import", peer, "import")
        for peer in ("ours", "datashard_py", "pyiceberg"):
            self.measure("first table", peer, "first-table", self.folder(f"first-{peer}"))

    def rows_file(self, rows):
        """The Arrow table that is appended, as a file that every process reads."""
        path = self.work / f"rows-{rows}.arrow"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            code = ("import sys; sys.path.insert(0, sys.argv[3]);"
                    "import pyarrow.ipc, contention_record as r; t = r.arrow(0, int(sys.argv[1]));"
                    "w = pyarrow.ipc.new_file(sys.argv[2], t.schema); w.write_table(t); w.close()")
            self.run(self.python("ours"), "-c", code, rows, path, HERE)
        return path

    def order(self, again=AGAIN):
        """The peers; every second round the other way round: who comes first finds another
        state of the disk and its cache. Ours and C, which differ least, come so often more,
        each time the other way round."""
        peers = PEERS[::-1] if self.rounds % 2 else PEERS
        close = [p for p in reversed(peers) if p in ("ours", "c")]
        return peers + sum((close[::-1] if n % 2 else close for n in range(again)), [])

    def appends(self, rows, times):
        file = self.rows_file(rows)
        for what in ("dicts", "arrow"):
            operation = f"append-{what}"
            for peer in self.order():
                folder = self.folder(f"{peer} {what} {rows}")
                given = rows if what == "dicts" and peer != "c" else file
                self.measure(f"{operation} {rows}", peer, "append" if peer == "c" else operation,
                             folder, given, times)

    def scans(self, rows):
        """Of what one append wrote, the first of its process."""
        file = self.rows_file(rows)
        for peer in self.order():
            self.measure(f"first append-arrow {rows}", peer,
                         "append" if peer == "c" else "append-arrow",
                         self.folder(f"{peer} scanned"), file, 1)
        for what, again in (("arrow", SCAN_AGAIN), ("pandas", AGAIN)):
            for peer in self.order(again):
                folder = self.work / f"{peer}-scanned"
                of = ["scan", folder] if peer == "c" else [f"scan-{what}", folder, rows]
                self.measure(f"scan-{what} {rows}", peer, *of, SCANS)

    def writers(self, peer, times, make):
        """All let go at once; the time is until the last one's end."""
        folder = self.folder(f"{peer} writers")
        rows = [self.rows_file(1)] if peer == "c" else []
        operation = "writers" if make == "make" else "writers, bounded history"
        try:
            self.run(*self.cell(peer), make, folder, *rows)
        except Failed as error:
            print(f"bench_python: *** {operation} {peer} FAILED: {error} ***", flush=True)
            return
        running = [subprocess.Popen(
            [*map(str, [*self.cell(peer), "writer", folder, *rows, n, times])], env=self.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for n in range(WRITERS)]
        limit = threading.Timer(LIMIT_S, lambda: [p.kill() for p in running])
        limit.start()
        while not all((folder / f"ready-{n}").exists() or running[n].poll() is not None
                      for n in range(WRITERS)):
            time.sleep(0.01)
        start = time.perf_counter()
        (folder / "go").touch()
        ends = [p.communicate() for p in running]
        seconds = time.perf_counter() - start
        limit.cancel()
        got = [json.loads(out.splitlines()[-1]) for (out, _), p in zip(ends, running)
               if p.returncode == 0]
        if len(got) < WRITERS:
            why = next(e for (_, e), p in zip(ends, running) if p.returncode)
            print(f"bench_python: {operation} {peer}: {WRITERS - len(got)} failed: {why[-300:]}")
        self.keep(operation, peer, {
            "rows": sum(g["rows"] for g in got), "seconds": seconds,
            "failed": WRITERS - len(got), "held_kb": 0,
            "peak_kb": max((g["peak_kb"] for g in got), default=0)})


def number(value, digits=3):
    return "-" if value is None else f"{value:,.{digits}f}"


def shown(operation, got):
    if got is None:
        return "-"
    peak = f"{got['peak_kb'] / 1024:.0f}"
    if got["held_kb"]:
        peak += f": {got['held_kb'] / 1024:.0f} + {(got['peak_kb'] - got['held_kb']) / 1024:.0f}"
    peak = f"({peak})"
    if not operation.startswith("writers"):
        return f"{got['seconds']:.4f} {peak}"
    failed = f", {got['failed']:.0f} writers failed" if got["failed"] else ""
    return f"{got['rows'] / got['seconds']:.0f}/s of {got['rows']:.0f} {peak}{failed}"


def table(bench):
    """Seconds, and peak memory, of every operation and peer, as Markdown."""
    peers = list(SHOWN)
    text = "| operation | " + " | ".join(f"{SHOWN[p]}, s (MB)" for p in peers) + " |\n"
    text += "|---|" + "---|" * len(peers) + "\n"
    for operation in dict.fromkeys(o for o, _ in bench.results):
        cells = [shown(operation, bench.got(operation, peer)) for peer in peers]
        text += f"| {operation} | " + " | ".join(cells) + " |\n"
    return text


def ratio(bench, operation, over, under):
    """The median of the rounds' ratios, of the medians where a round has several: in a round
    they come right after each other, and so meet the machine in one mood; from round to round
    it has others."""
    above, below = (by_round(bench.results.get((operation, peer), [])) for peer in (over, under))
    both = above.keys() & below.keys()
    return statistics.median(above[n] / below[n] for n in both) if both else None


def by_round(results):
    """The median of each round's seconds."""
    rounds = {}
    for one in results:
        rounds.setdefault(one["round"], []).append(one["seconds"])
    return {n: statistics.median(all_) for n, all_ in rounds.items()}


def rate(bench, operation, peer):
    got = bench.got(operation, peer)
    return got["rows"] / got["seconds"] if got else None


def figures(bench, rows):
    """The aims: at most 30 ms, 1.3, 1.05 and 1.05; at least 10."""
    got = {"import_ms": bench.got("import", "ours")["seconds"] * 1000,
           "first_table_ms": bench.got("first table", "ours")["seconds"] * 1000,
           "dict1_over_c": ratio(bench, "append-dicts 1", "ours", "c"),
           "dicts_over_datashard": ratio(bench, f"append-dicts {rows}", "datashard_py", "ours"),
           "arrow_append_over_c": ratio(bench, f"append-arrow {rows}", "ours", "c"),
           "arrow_scan_over_c": ratio(bench, f"scan-arrow {rows}", "ours", "c")}
    for peer in SHOWN:
        got[f"{peer}_appends_s"] = rate(bench, "writers", peer)
    for peer in ("ours", "c"):
        got[f"{peer}_bounded_appends_s"] = rate(bench, "writers, bounded history", peer)
    return " ".join(f"{name}={number(value, 2)}" for name, value in got.items())


def measure_all(bench, rows, times, rounds):
    for _ in range(rounds):
        bench.imports()
        bench.appends(1, 50)
        bench.appends(1000, 20)
        bench.appends(rows, APPENDS)
        bench.scans(rows)
        for make in ("make", "make-ingest"):
            bench.writers("ours", times, make)
            bench.writers("c", times, make)
        bench.rounds += 1
    for peer, most in PEER_APPENDS.items():
        bench.writers(peer, min(times, most), "make")


def section(bench, times, rounds, line):
    fewer = ", ".join(f"{SHOWN[peer]} {most}" for peer, most in PEER_APPENDS.items())
    return (f"# The Python package\n\n`make bench-python`, {os.cpu_count()} processors. Seconds, and"
            f" peak memory of the process in MB: what it had when the clock began (the rows that"
            f" are appended among it) + what came on top; the median of {rounds} rounds; a"
            f" ratio is the median of theirs. Of all rows there are {APPENDS} appends to a table,"
            f" of which the median counts. The first table: a"
            f" process imports the package and makes a table. Whoever"
            f" appends Arrow has read it from the same file. The C program has the"
            f" same rows as Arrow in memory, also beside dicts and pandas. Writers: {WRITERS}"
            f" processes, each appends one row {times:,} times ({fewer}): appends a second, and"
            f" of how many. Their table keeps its whole history, or (ours alone) is made with"
            f" `ingest=True`.\n\n{table(bench)}\n    {line}\n")


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
    rounds = options.rounds or (1 if options.quick else 5)
    bench = Bench(options)
    shutil.rmtree(bench.work, ignore_errors=True)
    try:
        measure_all(bench, rows, times, rounds)
    except Failed as error:
        sys.exit(f"bench_python: {error}")
    line = figures(bench, rows)
    if options.write:
        replace_section(HERE / "RESULTS.md", "python", section(bench, times, rounds, line))
    print(table(bench))
    shutil.rmtree(bench.work, ignore_errors=True)
    print(f"bench_python: rows={rows} {line}")


if __name__ == "__main__":
    main()
