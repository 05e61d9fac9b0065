#!/usr/bin/env python3
"""Shows that make bench-contention counts right: planted faults must be told, each as such.

usage: contention_check.py FOLDER

The planted peers (contention_peers.py) are plain SQLite with a fault in every seventh
append of each writer: dropped, doubled, without its first row, or refused. Needs nothing
but Python itself. Prints one line; exit code 1 when a fault is not told as it is.
"""
import pathlib
import sys

import contention_count
from contention_measure import Failed, Peer, cell

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
    try:
        wrong = check(pathlib.Path(sys.argv[1]).resolve() / "check")
    except Failed as reason:
        wrong = [str(reason)]
    for line in wrong:
        print(f"contention_check: {line}")
    print(f"contention_check: planted={len(EXPECTED)} wrong={len(wrong)}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
