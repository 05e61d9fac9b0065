"""The files that bench_parquet.py reads and writes, made once.

usage: parquet_data.py DIR [SCALE]

DIR gets flights.parquet (3,000,000 rows of the vega-datasets package, when the
environment has it), lineitem.parquet (TPC-H at scale SCALE, 1 unless told), wide.parquet
(200 columns), text.parquet (log lines) and nested.parquet (lists, maps and structs). All
are written by pyarrow with its defaults (snappy, 1 Mi rows a group), so that no reader
meets its own habits. Random, from a fixed seed.
"""
import os
import pathlib
import shutil
import subprocess
import sys

import numpy
import pyarrow
import pyarrow.parquet as pq

SEED = 20261121
WORDS = ("request connection upstream timeout user session cache miss hit retry worker "
         "queue shard commit snapshot manifest table partition row bytes latency p99 "
         "error warning started stopped accepted closed refused established").split()


def flights(path):
    source = pathlib.Path(os.environ.get("DATASHARD_INTEROP", "/nonexistent"),
                          "npm/node_modules/vega-datasets/data/flights-3m.parquet")
    if source.is_file():
        pq.write_table(pq.read_table(source), path)


def lineitem(path, scale):
    folder = path.parent / "tpch"
    program = pathlib.Path(sys.executable).parent / "tpchgen-cli"
    subprocess.run([program, "parquet", "-s", str(scale), "--tables=lineitem", "--quiet",
                    f"--output-dir={folder}"], check=True)
    pq.write_table(pq.read_table(folder / "lineitem.parquet"), path)
    shutil.rmtree(folder)


def wide(path):
    """200 columns of six kinds, a tenth of them null in every fourth."""
    rng, rows, columns = numpy.random.default_rng(SEED), 100_000, {}
    for i in range(200):
        mask = rng.random(rows) < 0.1 if i % 4 == 3 else None
        kind = i % 6
        if kind == 0:
            values = pyarrow.array(rng.integers(0, 1 << 40, rows), mask=mask)
        elif kind == 1:
            values = pyarrow.array(rng.integers(0, 100, rows).astype("int32"), mask=mask)
        elif kind == 2:
            values = pyarrow.array(rng.normal(size=rows), mask=mask)
        elif kind == 3:
            values = pyarrow.array(numpy.cumsum(rng.integers(0, 1000, rows)), mask=mask)
        elif kind == 4:
            values = pyarrow.array(rng.random(rows) < 0.3, mask=mask)
        else:
            values = pyarrow.array([WORDS[n] for n in rng.integers(0, len(WORDS), rows)],
                                   mask=mask)
        columns[f"c{i:03}"] = values
    pq.write_table(pyarrow.table(columns), path)


def text(path):
    """Log lines: a level, a service, a unique id, and 60 to 200 bytes of words."""
    rng, rows = numpy.random.default_rng(SEED + 1), 1_000_000
    lengths = rng.integers(8, 24, rows)
    words = numpy.array(WORDS)[rng.integers(0, len(WORDS), int(lengths.sum()))]
    lines, at = [], 0
    for length in lengths:
        lines.append(" ".join(words[at:at + length]))
        at += length
    ids = rng.integers(0, 1 << 62, rows)
    pq.write_table(pyarrow.table({
        "id": pyarrow.array([f"{n:016x}" for n in ids]),
        "level": pyarrow.array(numpy.array(["DEBUG", "INFO", "WARN", "ERROR"])[
            rng.choice(4, rows, p=[0.2, 0.7, 0.08, 0.02])]),
        "service": pyarrow.array([f"svc-{n}" for n in rng.integers(0, 50, rows)]),
        "n": pyarrow.array(numpy.arange(rows)),
        "message": pyarrow.array(lines)}), path)


def nested(path):
    """Events: a list of structs, a map, a list of lists, a struct of a struct."""
    rng, rows = numpy.random.default_rng(SEED + 2), 500_000
    def offsets(top):
        return pyarrow.array(numpy.concatenate([[0], numpy.cumsum(
            rng.integers(0, top, rows))]).astype("int32"))
    item = offsets(6)
    n = item[-1].as_py()
    items = pyarrow.ListArray.from_arrays(item, pyarrow.StructArray.from_arrays(
        [pyarrow.array(rng.integers(0, 5000, n)), pyarrow.array(rng.random(n) * 100),
         pyarrow.array(rng.integers(1, 9, n).astype("int32"), mask=rng.random(n) < 0.05)],
        ["sku", "price", "count"]))
    key = offsets(4)
    n = key[-1].as_py()
    tags = pyarrow.MapArray.from_arrays(
        key, pyarrow.array([WORDS[i] for i in rng.integers(0, len(WORDS), n)]),
        pyarrow.array([f"v{i}" for i in rng.integers(0, 1000, n)]))
    outer = offsets(3)
    n = outer[-1].as_py()
    inner = pyarrow.array(numpy.concatenate([[0], numpy.cumsum(
        rng.integers(0, 5, n))]).astype("int32"))
    points = pyarrow.ListArray.from_arrays(outer, pyarrow.ListArray.from_arrays(
        inner, pyarrow.array(rng.normal(size=inner[-1].as_py()))))
    place = pyarrow.StructArray.from_arrays(
        [pyarrow.array([WORDS[i] for i in rng.integers(0, len(WORDS), rows)]),
         pyarrow.StructArray.from_arrays(
             [pyarrow.array(rng.random(rows)), pyarrow.array(rng.random(rows))],
             ["x", "y"])], ["name", "at"])
    pq.write_table(pyarrow.table({"id": pyarrow.array(numpy.arange(rows)), "items": items,
                                  "tags": tags, "points": points, "place": place}), path)


def main():
    folder = pathlib.Path(sys.argv[1])
    scale = float(sys.argv[2]) if len(sys.argv) > 2 else 1
    folder.mkdir(parents=True, exist_ok=True)
    makers = {"flights": flights, "lineitem": lambda path: lineitem(path, scale),
              "wide": wide, "text": text, "nested": nested}
    for name, make in makers.items():
        path = folder / f"{name}.parquet"
        if not path.is_file():
            print(f"making {path}", flush=True)
            make(path)


if __name__ == "__main__":
    main()
