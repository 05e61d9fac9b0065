#!/usr/bin/env python3
"""Runs the writers of one peer that is called from Python, a process each.

usage: contention_writers.py PEER FOLDER WRITERS ROWS APPENDS SECONDS GRACE

What contention_run.c does for C programs, with the same files: they are described in
contention_run.h. The peer's module is loaded once, then the writers are forked, before
the peer has made a thread or opened anything.
"""
import json
import multiprocessing
import os
import resource
import signal
import struct
import sys
import time
import traceback

import contention_peers
import contention_record

RECORD = struct.Struct("=4q")


def said_by(reason):
    return f"{type(reason).__name__}: {reason}".replace("\n", " ")[:500]


def notes_of(folder, writer):
    """Where a writer notes what it did; made before it says that it is ready."""
    return (os.open(folder / f"writer-{writer}.bin", os.O_WRONLY | os.O_CREAT, 0o644),
            open(folder / f"writer-{writer}.err", "w", encoding="utf-8"))


def append_until_over(peer, state, notes, writer, options, begun):
    rows, appends, seconds = options
    records, reasons = notes
    with reasons:
        used = resource.getrusage(resource.RUSAGE_SELF)
        go = time.monotonic_ns()
        deadline = go + int(seconds * 1e9)
        os.write(records, RECORD.pack(-1, go, int((used.ru_utime + used.ru_stime) * 1e9), 0))
        for nth in range(appends):
            with begun:
                begun.value += 1
                over = begun.value > appends
            if over or time.monotonic_ns() >= deadline:
                break
            append = contention_record.append_number(writer, nth)
            batch = peer.batch(append, rows)
            start = time.monotonic_ns()
            try:
                tries = peer.append(state, batch)
            except Exception as reason:  # A failed append is a figure, whatever it is.
                tries = -1
                print(said_by(reason), file=reasons, flush=True)
            os.write(records, RECORD.pack(append, start, time.monotonic_ns(), tries))
    os.close(records)


def in_a_child(work):
    """Forks; the child does the work and ends without what an interpreter does last."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work()
        status = 0
    except BaseException:  # Whatever it is: say it, and never return into the parent.
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def gather(pids, late):
    """Waits for all, kills who is late; (killed, what each used)."""
    ends, killed = {}, 0
    while len(ends) < len(pids):
        for pid in pids:
            if pid not in ends:
                done, status, used = os.wait4(pid, os.WNOHANG)
                if done:
                    ends[pid] = {"cpu_s": used.ru_utime + used.ru_stime,
                                 "peak_kb": used.ru_maxrss, "status": status}
        if not killed and time.monotonic() > late:
            for pid in pids:
                if pid not in ends:
                    killed += 1
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)
    return killed, [ends[p] for p in pids]


def run(peer, folder, writers, rows, appends, seconds, grace):
    if os.waitpid(in_a_child(lambda: peer.prepare(folder)), 0)[1]:
        sys.exit(f"contention: {peer.name}: the table could not be made")
    ready, go = os.pipe(), os.pipe()
    begun = multiprocessing.Value("q", 0)

    def write(writer):
        os.close(go[1])
        os.close(ready[0])
        try:
            state = peer.open(folder)
        except Exception as reason:
            (folder / "open.err").write_text(said_by(reason), encoding="utf-8")
            raise
        peer.warm(writer, rows)
        notes = notes_of(folder, writer)
        os.write(ready[1], b"r")
        os.close(ready[1])
        os.read(go[0], 1)  # Nothing is sent: it ends when the parent closes its side.
        append_until_over(peer, state, notes, writer, (rows, appends, seconds), begun)

    pids = [in_a_child(lambda w=w: write(w)) for w in range(writers)]
    os.close(ready[1])
    os.close(go[0])
    for _ in pids:
        if not os.read(ready[0], 1):  # All who are not ready are gone.
            gather(pids, 0)
            why = folder / "open.err"
            sys.exit(f"contention: {peer.name}: a writer could not open the table: "
                     f"{why.read_text(encoding='utf-8') if why.exists() else 'it died'}")
    os.close(go[1])
    killed, ends = gather(pids, time.monotonic() + seconds + grace)
    print(json.dumps({"killed": killed, "writers": ends}))
    return 1 if sum(e["status"] != 0 for e in ends) > killed else 0


def main():
    import pathlib
    name, folder, writers, rows, appends, seconds, grace = sys.argv[1:]
    peer = contention_peers.PEERS[name]()
    sys.exit(run(peer, pathlib.Path(folder), int(writers), int(rows), int(appends),
                 float(seconds), float(grace)))


if __name__ == "__main__":
    main()
