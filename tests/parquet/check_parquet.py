#!/usr/bin/env python3
"""Proves that what we read from Parquet is what is in it, and the reverse; see README.md.

usage: check_parquet.py [--cases N] [--first SEED] [--corpus-only | --no-corpus]
                        [--program READ_PARQUET]
       check_parquet.py --case SEED [--kind KIND]    one case again, its file is kept

SEEDS=N in the environment is --cases N beginning at a seed nobody knows, CASE=SEED is
--case. Run it in the peers' environment (tests/interop/with_engines.py), DATASHARD_LIBRARY
naming the library. The last line is the verdict.
"""
import argparse
import itertools
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile

import corpus
import survives

LOST = "the process died"
SIMD = ["scalar", "sse4", "avx2", "avx512"]  # By the seed; what a machine lacks is left out.
ALIKE = 60  # Files that are written at each level, and must be the same.
SHOWN_MAX = 20
ASKED_AT_ONCE = 150


def say(line):
    print(line, flush=True)


def worker(first, step, last, folder, long):
    """Cases first, first + step, …: a line of JSON before and after each."""
    import differential
    import hyparquet
    import pyarrow
    pyarrow.set_cpu_count(1)
    waiting = []  # (seed, path, table): hyparquet is asked about many at once.
    for seed in range(first, last, step):
        say(json.dumps({"begin": seed}))
        case = differential.Case(seed, long=long).run(folder)
        waiting += [(seed, path, table) for path, table in case.ours
                    if table.num_rows <= hyparquet.ROWS_MAX and not case.failure]
        say(json.dumps({"seed": seed, "kind": case.kind, "files": case.files,
                        "failure": case.failure, "skipped": case.skipped,
                        "refused": case.refused}))
        if len(waiting) >= ASKED_AT_ONCE or seed + step >= last:
            ask_hyparquet(waiting)
            waiting.clear()
        clean(folder, waiting)


def ask_hyparquet(waiting):
    import hyparquet
    seeds = {path: seed for seed, path, _ in waiting}
    if not waiting or not shutil.which("node"):
        return
    for path, wrong in hyparquet.differences([(p, t) for _, p, t in waiting]):
        say(json.dumps({"seed": seeds[path], "kind": "hyparquet", "files": 0,
                        "failure": wrong, "skipped": None, "refused": None}))


def clean(folder, kept):
    """Removes what no longer waits for anybody."""
    needed = {os.path.relpath(path, folder).split(os.sep)[0] for _, path, _ in kept}
    for name in set(os.listdir(folder)) - needed:
        path = os.path.join(folder, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


def at_level(seed):
    """The environment of a case: its level of vector instructions."""
    return dict(os.environ, DATASHARD_SIMD=SIMD[seed % len(SIMD)])


class Worker:
    """One process; begun again after the case that killed it."""

    def __init__(self, first, step, last, long):
        self.next, self.step, self.last, self.long = first, step, last, long
        self.folder = tempfile.mkdtemp(prefix="check-parquet-")
        self.begin()

    def begin(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", str(self.next), str(self.step),
             str(self.last), self.folder] + (["--long"] if self.long else []),
            stdout=subprocess.PIPE, text=True, env=at_level(self.next))

    def results(self):
        while self.next < self.last:
            running = None
            for line in self.process.stdout:
                result = json.loads(line)
                if "begin" in result:
                    running = result["begin"]
                    continue
                if result["kind"] != "hyparquet":
                    self.next = result["seed"] + self.step
                    running = None
                yield result
            if self.process.wait() == 0:
                break
            died = self.next if running is None else running
            yield {"seed": died, "kind": "?", "files": 1, "skipped": None, "refused": None,
                   "failure": f"{LOST} ({self.process.returncode})"}
            self.next = died + self.step
            self.begin()
        shutil.rmtree(self.folder, ignore_errors=True)


def again(seed):
    return f"make check-parquet CASE={seed}"


def differential_test(first, cases, processes, long):
    """Counts by what came of each case."""
    from threading import Thread
    made = {"files": 0, "refused": 0, "skipped": 0, "crashes": 0, "failures": []}
    reasons = {}

    def collect(w):
        for r in w.results():
            made["files"] += r["files"]
            if r["failure"]:
                made["crashes"] += LOST in r["failure"]
                made["failures"].append(r)
                if len(made["failures"]) <= SHOWN_MAX:
                    say(f"MISMATCH seed {r['seed']} ({r['kind']}): {r['failure']}\n"
                        f"         once more: {again(r['seed'])}")
            for kind in ("skipped", "refused"):
                if r[kind]:
                    made[kind] += 1
                    made["files"] -= r["files"]
                    reasons[r[kind]] = reasons.get(r[kind], 0) + 1

    def work():
        while jobs:
            collect(Worker(first + jobs.pop(), step, first + cases, long))

    step = (processes + len(SIMD) - 1) // len(SIMD) * len(SIMD)
    jobs = list(range(step))
    threads = [Thread(target=work) for _ in range(processes)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if len(made["failures"]) > SHOWN_MAX:
        say(f"MISMATCH and {len(made['failures']) - SHOWN_MAX} more, not shown")
    for why, n in sorted(reasons.items()):
        say(f"not compared, {n} files: {why}")
    return made


def digests(first):
    """What the files of some seeds are, in this process."""
    import hashlib
    import make
    import numpy
    import ours
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + ALIKE):
            rng = numpy.random.default_rng(seed)
            table = make.table(rng, make.schema(rng), make.rows(rng))
            path = os.path.join(folder, "f")
            try:
                ours.write_file(path, table)
                with open(path, "rb") as f:
                    say(f"{seed} {hashlib.sha256(f.read()).hexdigest()}")
                os.remove(path)
            except ours.Refused as e:
                say(f"{seed} {str(e).split(': ')[-1]}")


def levels_differ(first):
    """Seeds whose file is not the same at every level of vector instructions."""
    running = [subprocess.Popen([sys.executable, __file__, "--digests", str(first)],
                                stdout=subprocess.PIPE, text=True, env=at_level(level))
               for level in range(len(SIMD))]
    said = [p.communicate()[0].splitlines() for p in running]
    if any(len(lines) != ALIKE for lines in said):
        return [f"{[len(lines) for lines in said]} of {ALIKE} files at the levels {SIMD}"]
    return [f"seed {lines[0].split()[0]} is another file at another level: {lines}"
            for lines in zip(*said) if len(set(lines)) > 1]


def one_case(seed, kind, long):
    import differential
    import hyparquet
    folder = tempfile.mkdtemp(prefix="check-parquet-")
    case = differential.Case(seed, kind, long).run(folder)
    if not case.failure and case.ours:
        case.failure = next((wrong for _, wrong in hyparquet.differences(case.ours)), None)
    say(f"seed {seed}, kind {case.kind}, options {case.options}")
    say(f"files are in {folder}")
    say(case.failure or case.skipped or case.refused or "equal")
    return 1 if case.failure else 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--cases", type=int, default=2000)
    p.add_argument("--first", type=int, default=1)
    p.add_argument("--case", type=int)
    p.add_argument("--kind")
    p.add_argument("--long", action="store_true")
    p.add_argument("--no-corpus", action="store_true")
    p.add_argument("--corpus-only", action="store_true")
    p.add_argument("--program")
    p.add_argument("--worker", nargs=4)
    p.add_argument("--digests", type=int)
    a = p.parse_args()
    if os.environ.get("CASE") and not a.worker:
        a.case = int(os.environ["CASE"])
    if os.environ.get("SEEDS"):
        a.cases, a.first = int(os.environ["SEEDS"]), secrets.randbelow(2**40)
    if a.worker:
        worker(*map(int, a.worker[:3]), a.worker[3], a.long)
        return 0
    if a.digests is not None:
        digests(a.digests)
        return 0
    if a.case is not None:
        os.environ.update(at_level(a.case))
        return one_case(a.case, a.kind, a.long)
    import planted
    if not shutil.which("node"):
        say("\n*** hyparquet SKIPPED: there is no node ***\n")
    missed = planted.check()
    for what in missed:
        say(f"MISMATCH planted, and not noticed: {what}")
    files = equal = crashes = 0
    refused, failures = [], list(missed)
    root = survives.location()
    if a.no_corpus:
        pass
    elif root.is_dir():
        if a.program:  # First: a child's memory is counted from what we have by then.
            for line in survives.check(a.program, root)[1]:
                failures.append(line)
                crashes += 1
                say(f"MISMATCH {line}")
        files, equal, refused, found = corpus.check(root, say)
        failures += found
        for why, names in itertools.groupby(refused, lambda pair: pair[1]):
            say(f"refused: {', '.join(name for name, _ in names)}: {why}")
    else:
        say(f"\n*** PARQUET CORPUS SKIPPED: nothing at {root}; set DATASHARD_CORPORA ***\n")
    d = {"files": 0, "refused": 0, "crashes": 0, "failures": []}
    if not a.corpus_only:
        say(f"differential: seeds {a.first} to {a.first + a.cases - 1}")
        for line in levels_differ(a.first):
            failures.append(line)
            say(f"MISMATCH {line}")
        d = differential_test(a.first, a.cases, os.cpu_count() or 1, a.long)
    bad = len(failures) + len(d["failures"])
    say(f"parquet: files={files} equal={equal} refused={len(refused)}(with reason) "
        f"crashes={crashes + d['crashes']} differential={d['files']} mismatches={bad}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
