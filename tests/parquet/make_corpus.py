#!/usr/bin/env python3
"""Makes small files for fuzz_parquet_file: every codec, encoding, page version and shape.

usage: make_corpus.py DIR    (in the peers' environment, as check_parquet.py)
"""
import os
import sys

import numpy as np
import pyarrow as pa

import make
import ours
import writers

SIZE_MAX = 3000
FILES = 60


def small(path):
    return os.path.getsize(path) <= SIZE_MAX


def main():
    folder = sys.argv[1]
    made = seed = 0
    peers = ["pyarrow", "pyarrow", "arrow_rs", "duckdb", "ours"]
    while made < FILES:
        seed += 1
        rng = np.random.default_rng(seed)
        peer = peers[made % len(peers)]
        types = [t for t in make.simple_types()
                 if peer != "duckdb" or t not in (pa.float16(), pa.timestamp("ns", "UTC"))]
        s = make.schema(rng, types, 1 + made % 4, columns_max=3, ids=peer == "ours")
        table = make.table(rng, s, int(rng.choice([1, 5, 20, 60])))
        path = os.path.join(folder, f"{peer}_{seed}.parquet")
        try:
            if peer == "ours":
                ours.write_file(path, table)
            else:
                getattr(writers, "with_" + peer)(rng, table, path)
        except Exception:
            continue
        if small(path):
            made += 1
        else:
            os.remove(path)


if __name__ == "__main__":
    main()
