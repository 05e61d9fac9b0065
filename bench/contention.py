#!/usr/bin/env python3
"""Many writers of one table, ours beside others': make bench-contention.

usage: contention.py BUILD FOLDER [--quick] [--only PEER,...] [--writers N,...]
                     [--rows N,...] [--write] [--again]

BUILD has the programs, FOLDER takes the tables while they are measured. Each cell (a peer,
so many writers, so many rows in an append) is a new table; its writers, a process each,
append until the cell's time is over, and finish what they have begun. Then a reader that
is not the one under test counts every append. --quick runs few cells. --write replaces our
section of RESULTS.md and the plots. --again reports the last run's figures once more.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import sys
import time
from importlib import metadata

import contention_count as count
import contention_fairness
import contention_fsync
import contention_journal
import contention_report
from contention_measure import UNBOUNDED, Failed, Peer, cell, remove_all

HERE = pathlib.Path(__file__).resolve().parent
WRITERS, ROWS = [1, 2, 4, 12, 32, 64], [1, 100, 10_000]
QUICK_WRITERS, QUICK_ROWS = [1, 12], [1]
HEADLINE = (12, 1)               # Writers, rows: ours does all of them.
HEADLINE_ROUNDS = 3
HEADLINE_LEAST, HEADLINE_LONG = 1000, 15    # Who does fewer appends has so many seconds.
MEMORY, MEMORY_ROOM = pathlib.Path("/dev/shm"), 1 << 30
FLAT_APPENDS, FLAT_SECONDS, FLAT_ROUNDS = 120_000, 150, 3
HISTORY_APPENDS, HISTORY_SECONDS = 12_000, 30
GRACE = 12
OPENING = 0.5                    # Writers start, caches fill, the first groups form.


def peers(build):
    ours, sqlite = build / "contention_ours", build / "contention_sqlite"
    return [
        Peer("datashard_sqlite", "datashard, sqlite catalog", count.iceberg_catalog, ours,
             ("sqlite", "ingest")),
        Peer("datashard_path", "datashard, path table", count.iceberg_folder, ours,
             ("path", "ingest")),
        Peer("pyiceberg", "PyIceberg", count.iceberg_catalog),
        Peer("datashard_py", "DataShard (Python)", count.iceberg_folder),
        Peer("deltalake", "deltalake", count.delta),
        Peer("ducklake", "DuckLake", count.ducklake),
        Peer("ducklake_inlined", "DuckLake, inlined", count.ducklake),
        Peer("sqlite", "SQLite INSERT", count.plain, sqlite, ("rollback",)),
        Peer("sqlite_wal", "SQLite INSERT, WAL", count.plain, sqlite, ("wal",)),
        Peer("floor", "bare swaps", count.swaps, sqlite, ("swap",), counts_swaps=True),
    ]


def history_peer(build):
    return Peer("datashard_history", "datashard, all history kept", count.iceberg_catalog,
                build / "contention_ours", ("sqlite", "history"))


def has_room(place):
    """Whether a table of the size that grows fits into this place in memory."""
    return os.access(place, os.W_OK) and shutil.disk_usage(place).free >= MEMORY_ROOM


def is_run(peer, rows):
    """What makes sense: swaps have no rows, and inlining is for small appends."""
    return rows == 1 or peer.name not in ("floor", "ducklake_inlined")


def packages(peer):
    """The packages that it and the reader of its tables need."""
    from contention_peers import PEERS
    return [*(PEERS[peer.name].packages if peer.name in PEERS else ()),
            *count.PACKAGES.get(peer.count, ())]


def missing(wanted):
    """The peers whose packages are not there and why, and the versions of the others'."""
    absent, versions = {}, {}
    for name, package in [(p.name, q) for p in wanted for q in packages(p)] + [
            ("the plot", "matplotlib")]:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            absent[name] = f"no {package} in the environment"
    return absent, versions


def middle(cells):
    """Of sorted cells the median; what any of them lost or made up is told with it."""
    return {**cells[len(cells) // 2],
            **{key: max(c[key] for c in cells) for key in ("lost", "duplicate", "alien")}}


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = options.folder / "cell"
        self.results = {"cells": {}, "not_run": {}, "syncs": {}, "floors": {}, "flat": {},
                        "fairness": {}, "quick": options.quick, "began": time.time()}

    def seconds(self, rows):
        if self.options.seconds:
            return self.options.seconds
        return 1.5 if rows == 1 else 1.0

    def measure(self, peer, writers, rows, appends, seconds, opening=0.0):
        """Its figures; a peer that could not be run is given a second chance."""
        for _ in range(2):
            try:
                got = cell(peer, self.folder, writers, rows, appends, seconds, GRACE,
                           opening)
                print(contention_report.line(peer.name, got), flush=True)
                return got
            except Failed as reason:
                why = str(reason)
                print(f"contention: peer={peer.name} writers={writers} rows={rows} "
                      f"not_run: {why}", flush=True)
        self.results["not_run"][f"{peer.name} {writers}x{rows}"] = why
        return None

    def cells(self, wanted, writers_list, rows_list):
        for rows in rows_list:
            for writers in sorted(writers_list, key=lambda w: (w, rows) != HEADLINE):
                for peer in wanted:
                    if not is_run(peer, rows):
                        continue
                    got = self.rounds(peer, writers, rows)
                    if got:
                        self.results["cells"][f"{peer.name} {writers} {rows}"] = got
                    self.keep()

    def keep(self):
        """What is measured so far, for --again: a run that is cut short is not lost."""
        self.results["took_s"] = time.time() - self.results["began"]
        (self.options.folder / "results.json").write_text(json.dumps(self.results, indent=1))

    def rounds(self, peer, writers, rows):
        """One cell; the one that the aims are about more often, and of that the median."""
        limits, rounds = (UNBOUNDED, self.seconds(rows), OPENING), 1
        if (writers, rows) == HEADLINE and not self.options.quick:
            rounds = HEADLINE_ROUNDS
        cells = [self.measure(peer, writers, rows, *limits) for _ in range(rounds)]
        cells = sorted((c for c in cells if c), key=lambda c: c["per_s"])
        if not cells:
            return None
        if rounds > 1 and max(c["acked"] for c in cells) < HEADLINE_LEAST:
            # A table that is always new says little of 12 x 10,000.
            long = self.measure(peer, writers, rows, UNBOUNDED, HEADLINE_LONG, OPENING)
            cells = [long] if long else cells
        return {**middle(cells), "rounds": [c["per_s"] for c in cells]}

    def growing(self, peer):
        """A table that grows, more often than once: of those the median."""
        share, rounds = (10, 1) if self.options.quick else (1, FLAT_ROUNDS)
        cells = [self.measure(peer, *HEADLINE, FLAT_APPENDS // share, FLAT_SECONDS / share)
                 for _ in range(rounds)]
        cells = sorted((c for c in cells if c and c["tenths"]),
                       key=lambda c: c["tenths"]["ratio"])
        if len(cells) < rounds:
            return None    # Of those that failed nobody knows on which side they were.
        return {**middle(cells), "acked": min(c["acked"] for c in cells),
                "ratios": [c["tenths"]["ratio"] for c in cells]}

    def flat(self, ours, build):
        """What an append costs as the table grows, whatever --seconds says of the cells."""
        share = 10 if self.options.quick else 1
        ingest = self.growing(ours)
        history = self.measure(history_peer(build), *HEADLINE, HISTORY_APPENDS // share,
                               HISTORY_SECONDS / (3 if share > 1 else 1))
        self.results["flat"] = {"ingest": ingest, "history": history,
                                "memory": self.flat_in_memory(ours)}

    def flat_in_memory(self, ours):
        """The same where files cost nothing: what of it is the disk's. None without room."""
        if self.options.quick or not has_room(MEMORY):
            return None
        kept, place = self.folder, MEMORY / f"datashard-contention-{os.getpid()}"
        place.mkdir()
        self.folder = place / kept.name
        try:
            return self.measure(ours, *HEADLINE, FLAT_APPENDS, FLAT_SECONDS)
        finally:
            shutil.rmtree(place, ignore_errors=True)
            self.folder = kept

    def journaled(self, ours, build):
        """The figures that hang on how files are made, on ext4 with a journal: see README."""
        kept = self.folder
        try:
            with contention_journal.mounted(self.options.folder / "journal") as place:
                self.folder = place / kept.name
                self.results["flat"]["journal"] = self.measure(
                    ours[0], *HEADLINE, FLAT_APPENDS, FLAT_SECONDS)
                if contention_fsync.have_strace():
                    self.results["journal_floors"] = {
                        p.name: contention_fsync.one_writer_floor(
                            p, build / "contention_floor", self.folder) for p in ours}
        except Failed as reason:
            self.results["not_run"]["ext4 with a journal"] = str(reason)
        finally:
            self.folder = kept

    def fairness(self, ours, build):
        """Equal writers of our tables, beside writers that share nothing."""
        try:
            self.results["fairness"] = contention_fairness.measure(
                ours, build / "contention_control", self.folder,
                10 if self.options.quick else 1)
        except Failed as reason:
            self.results["not_run"]["fairness"] = str(reason)

    def syncs(self, wanted, build):
        if not contention_fsync.have_strace():
            self.results["not_run"]["syncs"] = "strace is not there, or may not be used"
            return
        for peer in wanted:
            try:
                self.results["syncs"][peer.name] = contention_fsync.syncs_per_append(
                    peer, self.folder)
                if peer.name.startswith("datashard_") and peer.program:
                    self.results["floors"][peer.name] = contention_fsync.one_writer_floor(
                        peer, build / "contention_floor", self.folder)
            except Failed as reason:
                self.results["not_run"][f"syncs of {peer.name}"] = str(reason)


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--writers", default="")
    parser.add_argument("--rows", default="")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    return options


def numbers(text, quick, fallback, quick_fallback):
    return [int(n) for n in text.split(",")] if text else quick_fallback if quick else fallback


def choose(options):
    wanted = peers(options.build.resolve())
    if options.only:
        names = options.only.split(",")
        unknown = set(names) - {p.name for p in wanted}
        if unknown:
            sys.exit(f"contention: no peer {', '.join(sorted(unknown))}; there are "
                     f"{', '.join(p.name for p in wanted)}")
        wanted = [p for p in wanted if p.name in names]
    return wanted


def run(options):
    wanted = choose(options)
    absent, versions = missing(wanted)
    if absent and not options.quick:
        sys.exit("contention: " + "; ".join(f"{n}: {w}" for n, w in absent.items()))
    bench = Bench(options)
    bench.results["not_run"].update(absent)
    bench.results["versions"] = dict(versions, python=platform.python_version())
    wanted = [p for p in wanted if p.name not in absent]
    bench.cells(wanted, numbers(options.writers, options.quick, WRITERS, QUICK_WRITERS),
                numbers(options.rows, options.quick, ROWS, QUICK_ROWS))
    for ours in [p for p in wanted if p.name == "datashard_sqlite"]:
        bench.flat(ours, options.build.resolve())
    bench.keep()
    ours = [p for p in wanted if p.name.startswith("datashard_") and p.program]
    if ours:
        bench.fairness(ours, options.build.resolve())
    bench.keep()
    bench.syncs(wanted, options.build.resolve())
    bench.keep()
    if ours and not options.quick:
        bench.journaled(ours, options.build.resolve())
        bench.keep()


def main():
    options = parse()
    options.folder.mkdir(parents=True, exist_ok=True)
    kept = options.folder / "results.json"
    if not options.again:
        try:
            run(options)
        finally:
            remove_all(options.folder)
    results = json.loads(kept.read_text())
    order = {p.name: p.label for p in peers(options.build)}
    if options.write:
        contention_report.write(results, order, HERE)
    print(contention_report.last_line(results))
    bad = contention_report.wrong(results)
    for reason in bad:
        print(f"contention: WRONG: {reason}", file=sys.stderr)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
