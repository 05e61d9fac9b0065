"""Parquet: ours beside pyarrow, DuckDB and polars, on the same files, in one run.

usage: bench_parquet.py BENCH_PARQUET DIR [--rounds N] [--data NAME,...] [--scale S]
                        [--results FILE]

Every figure is of a process of its own; in each round the engines take turns. A ratio is
the best peer of that round over ours (above 1 we are quicker, smaller, or leaner); its
median and, in brackets, lowest and highest round are printed. `--results` writes the
table as Markdown. Reads are of two files: the one our writer made (a table to us, files
to the others) and the one that pyarrow made ("foreign").
"""
import argparse
import importlib.metadata
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

from results_file import replace_section

HERE = pathlib.Path(__file__).parent
PEERS = ["pyarrow", "duckdb", "polars"]
WRITERS = ["pyarrow", "duckdb"]

# Of each data set: two columns of it, a filter on the column its rows are sorted by, and
# one on a column whose values are spread over the whole file; about 0.1 % of the rows.
CASES = {
    "flights": ("delay,origin", None, ("distance", 4200, 4300)),
    "lineitem": ("l_extendedprice,l_shipdate", ("l_orderkey", 3000000, 3006000),
                 ("l_partkey", 100000, 100199)),
    "wide": ("c000,c102", ("c003", 20000000, 20050000),
             ("c000", 500000000000, 501100000000)),
    "text": ("level,service", ("n", 500000, 501000), None),
    "nested": ("id,place", ("id", 250000, 250500), None),
}


# What each measure aims at, with one thread: the start of its name, and the ratio.
AIMS = {"scan": 1.3, "filter": 2, "write": 1.5}
MEMORY_AIM = 2


class Bench:
    def __init__(self, program, folder, rounds):
        self.program, self.folder, self.rounds = program, folder, rounds
        self.figures = {}  # (data, measure, threads) -> engine -> [cost of each round]

    def run(self, key, engine, command):
        threads = key[2]
        env = dict(os.environ, OMP_NUM_THREADS=str(threads),
                   POLARS_MAX_THREADS=str(threads))
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                              env=env)
        if done.returncode != 0:
            sys.exit(f"bench_parquet: {engine} {key}: {done.stderr[-2000:]}")
        cost = json.loads(done.stdout.strip().splitlines()[-1])
        self.figures.setdefault(key, {}).setdefault(engine, []).append(cost)
        return cost

    def peer(self, key, engine, *arguments):
        return self.run(key, engine,
                        [sys.executable, HERE / "parquet_peer.py", engine, *arguments])

    def write(self, name, source, threads, codec):
        """One round of writing; returns the files our writer made, and their table."""
        key, folder = (name, f"write {codec}", threads), self.folder / "written"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        ours = self.run(key, "ours", [self.program, "write", folder, source, threads, codec])
        files = sorted(pathlib.Path(ours["table"]).rglob("*.parquet"))
        ours["bytes"] = sum(f.stat().st_size for f in files)
        for engine in WRITERS:
            out = folder / f"{engine}.parquet"
            cost = self.peer(key, engine, "write", source, out, threads, codec)
            cost["bytes"] = out.stat().st_size
            out.unlink()
        return ours["table"], files

    def scan(self, key, ours, files, columns="-", bounds=None):
        where = "{0} >= {1} and {0} <= {2}".format(*bounds) if bounds else None
        threads, joined = key[2], ",".join(map(str, files))
        command = [self.program, "scan", ours, threads, columns]
        rows = {self.run(key, "ours", command + ([where] if where else []))["rows"]}
        for engine in PEERS:
            rows.add(self.peer(key, engine, "scan", joined, threads, columns,
                               *([",".join(map(str, bounds))] if bounds else []))["rows"])
        if len(rows) != 1:
            sys.exit(f"bench_parquet: {key}: the engines found {sorted(rows)} rows")

    def count(self, name, ours, files):
        key = (name, "count", 1)
        self.run(key, "ours", [self.program, "count", ours])
        for engine in PEERS:
            self.peer(key, engine, "count", ",".join(map(str, files)))

    def data(self, name, source):
        columns, sorted_by, spread_by = CASES[name]
        for _ in range(self.rounds):
            for threads in (1, 2):
                self.write(name, source, threads, "snappy")
                table, files = self.write(name, source, threads, "zstd")
                self.scan((name, "scan", threads), table, files)
                self.scan((name, "scan foreign", threads), source, [source])
                self.scan((name, "2 columns", threads), table, files, columns)
                if sorted_by:
                    self.scan((name, "filter sorted", threads), table, files,
                              bounds=sorted_by)
                if spread_by:
                    self.scan((name, "filter spread", threads), table, files,
                              bounds=spread_by)
            self.count(name, table, files)


def ratios(engines, field):
    """The best peer of each round over ours."""
    rounds = range(len(engines["ours"]))
    peers = [e for e in engines if e != "ours" and e != "polars"] or ["polars"]
    return [min(engines[p][i][field] for p in peers) / max(engines["ours"][i][field], 1e-9)
            for i in rounds]


def spread(values):
    return (f"{statistics.median(values):.2f} "
            f"({min(values):.2f}..{max(values):.2f})")


def line(key, engines):
    name, measure, threads = key
    text = (f"bench_parquet: data={name} measure={measure.replace(' ', '-')} "
            f"threads={threads} rows={engines['ours'][0]['rows']}")
    for engine, costs in engines.items():
        text += f" {engine}_s={statistics.median(c['seconds'] for c in costs):.4f}"
        text += f" {engine}_mb={max(c['peak_kb'] for c in costs) / 1024:.0f}"
        if "bytes" in costs[0]:
            text += f" {engine}_bytes={costs[0]['bytes']}"
    text += f" ratio={spread(ratios(engines, 'seconds')).replace(' ', '')}"
    if "bytes" in engines["ours"][0]:
        text += f" size_ratio={statistics.median(ratios(engines, 'bytes')):.3f}"
    return text + f" memory_ratio={statistics.median(ratios(engines, 'peak_kb')):.2f}"


def missed(figures):
    """The aims that this run missed, a line each."""
    out = []
    for (name, measure, threads), engines in figures.items():
        aim = next((a for word, a in AIMS.items() if measure.startswith(word)), None)
        if threads != 1 or not aim:
            continue
        ratio = statistics.median(ratios(engines, "seconds"))
        memory = statistics.median(ratios(engines, "peak_kb"))
        if ratio < aim:
            out.append(f"* {name}, {measure}: {ratio:.2f} of {aim}")
        if memory < MEMORY_AIM:
            out.append(f"* {name}, {measure}: memory {memory:.2f} of {MEMORY_AIM}")
    return out or ["* none"]


def versions():
    return ", ".join(f"{p} {importlib.metadata.version(p)}" for p in PEERS)


def markdown(figures, command):
    out = ["# Parquet: figures", "",
           f"Made by `{command}`. Medians of the rounds, in milliseconds of the clock; a",
           "ratio is the better of pyarrow and DuckDB over ours (above 1: we are quicker,",
           "smaller or leaner), with its lowest and highest round. Memory is the peak beyond",
           "what the process had before; when writing, of the whole process, the rows in",
           f"memory included. Ours writes with one thread always. {os.cpu_count()} processors; "
           f"{versions()}.", "",
           "Aims, per core: scan 1.3, filter 2, write 1.5, memory 2. Missed in this run (why:",
           "[README.md](README.md)):", "", *missed(figures), ""]
    for name in dict.fromkeys(k[0] for k in figures):
        out += [f"## {name}", "",
                "| measure | threads | ours | pyarrow | DuckDB | polars | ratio | memory ratio "
                "| size ratio |", "|---|---|---|---|---|---|---|---|---|"]
        for key, engines in figures.items():
            if key[0] != name:
                continue
            cells = [f"{statistics.median(c['seconds'] for c in engines[e]) * 1e3:.1f}"
                     if e in engines else "" for e in ["ours", *PEERS]]
            size = (f"{statistics.median(ratios(engines, 'bytes')):.3f}"
                    if "bytes" in engines["ours"][0] else "")
            out.append(f"| {key[1]} | {key[2]} | " + " | ".join(cells) +
                       f" | {spread(ratios(engines, 'seconds'))}"
                       f" | {statistics.median(ratios(engines, 'peak_kb')):.2f} | {size} |")
        out.append("")
    return out


def instructions(program, folder, sources):
    """Instructions for each value of the loops that matter, by callgrind: no noise."""
    found = {}
    if not shutil.which("valgrind"):
        print("bench_parquet: no valgrind: instructions are not counted", flush=True)
        return found
    import pyarrow.parquet as pq
    for name, source in sources.items():
        small = folder / f"small-{name}.parquet"
        table = pq.ParquetFile(source).read_row_group(0).slice(0, 50_000)
        pq.write_table(table, small)
        values = table.num_rows * sum(1 for _ in pq.ParquetFile(small).schema)
        shutil.rmtree(folder / "counted", ignore_errors=True)
        (folder / "counted").mkdir()
        for what, arguments in (("scan", [small, 1]),
                                ("write", [folder / "counted", small, 1, "zstd"])):
            word = "drain" if what == "scan" else "ds_table_append"
            done = subprocess.run(
                ["valgrind", "--tool=callgrind", f"--toggle-collect={word}",
                 "--callgrind-out-file=/dev/null", program, what,
                 *map(str, arguments)], capture_output=True, text=True)
            collected = [l for l in done.stderr.splitlines() if "Collected" in l]
            if done.returncode == 0 and collected:
                found[name, what] = int(collected[0].split(":")[1]) / values
                print(f"bench_parquet: data={name} measure=instructions-{what} "
                      f"per_value={found[name, what]:.1f}", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default=",".join(CASES))
    parser.add_argument("--scale", default="1")
    parser.add_argument("--results", type=pathlib.Path)
    options = parser.parse_args()
    subprocess.run([sys.executable, HERE / "parquet_data.py", options.folder / "data",
                    options.scale], check=True)
    sources = {n: options.folder / "data" / f"{n}.parquet" for n in options.data.split(",")}
    sources = {n: f for n, f in sources.items() if f.is_file()}
    bench = Bench(options.program, options.folder, options.rounds)
    for name, source in sources.items():
        bench.data(name, source)
        for key, engines in bench.figures.items():
            if key[0] == name:
                print(line(key, engines), flush=True)
    counted = instructions(options.program, options.folder, sources)
    if options.results:
        text = markdown(bench.figures, "make bench-parquet")
        text += ["## Instructions for each value (callgrind, 50,000 rows, AVX2)", "",
                 "| data | scan | write zstd |", "|---|---|---|"]
        for name in sources:
            cells = [f"{counted[name, w]:.1f}" if (name, w) in counted else ""
                     for w in ("scan", "write")]
            text.append(f"| {name} | " + " | ".join(cells) + " |")
        replace_section(options.results, "parquet", "\n".join(text))


if __name__ == "__main__":
    main()
