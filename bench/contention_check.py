#!/usr/bin/env python3
"""Shows that make bench-contention counts right: planted faults must be told, each as such.

usage: contention_check.py FOLDER CONTENTION_SQLITE

The planted peers (contention_peers.py) are plain SQLite with a fault in every seventh
append of each writer: dropped, doubled, without its first row, or refused. The writers in
C run too, and one of their appends is taken away behind their back. Needs nothing but
Python itself. Prints one line; exit code 1 when a fault is not told as it is.
"""
import pathlib
import sqlite3
import sys

import contention_count
import contention_record
from contention_measure import Failed, Peer, cell, read_records, remove_all, run_writers

WRITERS, ROWS, APPENDS = 3, 2, 60
COUNTED = ("lost", "duplicate", "unacknowledged", "alien", "failed")
EXPECTED = {"planted_nothing": (), "planted_loss": ("lost",),
            "planted_duplicate": ("duplicate",), "planted_part": ("lost",),
            "planted_failure": ("failed",)}


def check(folder):
    """The figures of each planted peer that are not as they should be."""
    wrong = []
    for name, faults in EXPECTED.items():
        peer = Peer(name, name, contention_count.plain)
        got = cell(peer, folder, WRITERS, ROWS, APPENDS, 60, 0)
        told = {key for key in COUNTED if got[key]}
        if told != set(faults):
            wrong.append(f"{name}: told {sorted(told)}, planted {sorted(faults)}")
        if got["acked"] + got["failed"] != APPENDS:
            wrong.append(f"{name}: {got['acked']} + {got['failed']} appends of {APPENDS}")
        if faults and got[faults[0]] < APPENDS // (WRITERS * 7) + 1:
            wrong.append(f"{name}: only {got[faults[0]]} {faults[0]}")
    killed_is_no_loss(wrong)
    return wrong


def check_c(program, folder):
    """The same of the writers in C: all is well, or one append is gone."""
    wrong = []
    for mode in ("rollback", "wal", "swap"):
        count = contention_count.swaps if mode == "swap" else contention_count.plain
        peer = Peer(mode, mode, count, program, (mode,), counts_swaps=mode == "swap")
        got = cell(peer, folder, WRITERS, ROWS, APPENDS, 60, 0)
        told = {key: got[key] for key in COUNTED if got[key]}
        if told or got["acked"] != APPENDS:
            wrong.append(f"C, {mode}: {got['acked']} appends of {APPENDS}, told {told}")
    run_writers(Peer("c", "c", None, program, ("rollback",)).command(
        folder, WRITERS, ROWS, APPENDS, 60, 0), folder, 120)
    tried = {a[1] for a in read_records(folder, WRITERS)[2]}
    with sqlite3.connect(folder / "plain.db") as db:
        db.execute("delete from lines where block / ? = ?",
                   (contention_record.ROWS_MAX, min(tried)))
    got = contention_count.balance(contention_count.plain(folder), tried, tried, ROWS)
    if got["lost"] != 1 or got["found"] != APPENDS - 1:
        wrong.append(f"C, one append taken away: {got}")
    return wrong


def killed_is_no_loss(wrong):
    """Rows of an append that was under way when its writer was killed are not alien."""
    rows = {5: (2, 0, 1, 1)}
    got = contention_count.balance(rows, acked=set(), tried={5}, rows=2)
    if got["unacknowledged"] != 1 or got["alien"] or got["lost"]:
        wrong.append(f"killed: {got}")
    got = contention_count.balance(rows, acked=set(), tried=set(), rows=2)
    if got["alien"] != 1:
        wrong.append(f"alien: {got}")


def main():
    folder = pathlib.Path(sys.argv[1]).resolve() / "check"
    try:
        wrong = check(folder) + check_c(pathlib.Path(sys.argv[2]).resolve(), folder)
    except Failed as reason:
        wrong = [str(reason)]
    finally:
        remove_all(folder.parent)
    for line in wrong:
        print(f"contention_check: {line}")
    print(f"contention_check: planted={len(EXPECTED) + 1} wrong={len(wrong)}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
