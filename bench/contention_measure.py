"""Runs one cell (a peer, so many writers, so many rows) and makes figures of its records."""
import collections
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
RECORD = struct.Struct("=4q")
UNBOUNDED = 100_000_000
DONE = "done"


class Failed(Exception):
    """A peer that could not be run at all."""


def put_away(folder):
    """Makes room for the next table at this place; the files go at the end, with all others.

    Some file systems (ext4 without a journal) are slow to make files for minutes after many
    were removed: then each cell would pay for the ones before it.
    """
    if folder.exists():
        done = folder.parent / DONE
        done.mkdir(exist_ok=True)
        folder.rename(done / str(time.time_ns()))


def remove_all(place):
    """Removes what was put away."""
    shutil.rmtree(place / DONE, ignore_errors=True)


def run_writers(command, folder, timeout):
    """Runs a program that runs writers; what it said of their ends."""
    put_away(folder)
    folder.mkdir(parents=True)
    try:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                              timeout=timeout)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"did not end within {timeout:.0f} s") from late
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        why = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise Failed(f"exit {done.returncode}: {why[:300]}")
    return json.loads(lines[-1])


def read_records(folder, writers):
    """(processor seconds before the start, start, [(writer, append, start, end, tries)])."""
    appends, before, starts = [], 0.0, []
    for writer in range(writers):
        data = (folder / f"writer-{writer}.bin").read_bytes()
        whole = len(data) - len(data) % RECORD.size
        for append, start, end, tries in RECORD.iter_unpack(data[:whole]):
            if append < 0:
                starts.append(start)
                before += end / 1e9
            else:
                appends.append((writer, append, start, end, tries))
    return before, min(starts), appends


def quantile(ordered, part):
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None


def on_disk(folder):
    """How many files, and the bytes that the disk has given them."""
    files = [f for f in folder.rglob("*")
             if f.is_file() and not f.name.startswith("writer-")]
    return len(files), sum(f.stat().st_blocks * 512 for f in files)


def reasons(folder):
    """The failures by their reason, most frequent first."""
    counted = collections.Counter()
    for path in folder.glob("writer-*.err"):
        counted.update(path.read_text(errors="replace").splitlines())
    return counted.most_common(3)


def tenths(acked, start):
    """Nanoseconds for each append in the first tenth and in the last, and their ratio.

    By the clock of all writers together: the appends in the order of their ends.
    """
    ends = sorted(a[3] for a in acked)
    tenth = len(ends) // 10
    if not tenth:
        return None
    first = (ends[tenth - 1] - start) / tenth
    last = (ends[-1] - ends[-1 - tenth]) / tenth
    return {"first_us": first / 1e3, "last_us": last / 1e3, "ratio": last / first}


def over_time(appends, nanoseconds):
    return len(appends) * 1e9 / nanoseconds if nanoseconds > 0 else 0.0


def rates(acked, begin, deadline):
    """Appends a second between two times, and from the first to the last of all."""
    last = max((a[3] for a in acked), default=begin)
    counted = [a for a in acked if a[3] > begin]
    within = [a for a in counted if a[3] <= deadline]
    return [over_time(within, min(last, deadline) - begin), over_time(counted, last - begin)]


def figures(folder, said, writers, rows, appends, seconds, opening=0.0):
    """Every figure of a cell but for what a reader finds.

    What was acknowledged in the first `opening` of its `seconds` counts for no rate and no
    percentile; for everything else it does.
    """
    before, start, tried = read_records(folder, writers)
    acked = [a for a in tried if a[4] >= 0]
    begin, deadline = start + int(opening * 1e9), start + int(seconds * 1e9)
    took = sorted((a[3] - a[2]) / 1e6 for a in acked if a[3] > begin)
    each = collections.Counter(a[0] for a in acked)
    counts = [each[w] for w in range(writers)]
    files, size = on_disk(folder)
    cpu = sum(w["cpu_s"] for w in said["writers"]) - before
    return {
        "writers": writers, "rows": rows, "seconds": seconds, "opening": opening,
        "stopped_by": "appends" if len(tried) >= appends else "time",
        "acked": len(acked), "per_s": max(rates(acked, begin, deadline)),
        "p50_ms": quantile(took, 0.5), "p99_ms": quantile(took, 0.99),
        "max_ms": took[-1] if took else None,
        "failed": len(tried) - len(acked), "unfinished": said["killed"],
        "reasons": reasons(folder),
        "attempts": sum(abs(a[4]) for a in tried) if all(a[4] for a in acked) else None,
        "fewest": min(counts), "most": max(counts), "files": files, "bytes": size,
        "cpu_s": cpu, "peak_kb": max(w["peak_kb"] for w in said["writers"]),
        "tenths": tenths(acked, start)}


def cell(peer, folder, writers, rows, appends, seconds, grace, opening=0.0):
    """All of it, `seconds` after its opening; the folder is gone afterwards."""
    from contention_count import balance
    seconds += opening
    command = peer.command(folder, writers, rows, appends, seconds, grace)
    said = run_writers(command, folder, seconds + grace + 120)
    result = figures(folder, said, writers, rows, appends, seconds, opening)
    _, _, tried = read_records(folder, writers)
    acked = {a[1] for a in tried if a[4] >= 0}
    if peer.counts_swaps:
        found = peer.count(folder)
        result.update(found=found, lost=max(0, len(acked) - found), duplicate=0, alien=0,
                      unacknowledged=max(0, found - len(acked)))
    else:
        known = {a[1] for a in tried}
        if result["unfinished"]:  # Who was killed in an append has no record of it.
            known |= {next_append(tried, w) for w in range(writers)}
        result.update(balance(peer.count(folder), acked, known, rows))
    put_away(folder)
    return result


def next_append(tried, writer):
    import contention_record
    mine = sum(1 for a in tried if a[0] == writer)
    return contention_record.append_number(writer, mine)


class Peer:
    """A line of the table: how its writers are started, and who counts its rows."""

    def __init__(self, name, label, count, program=None, words=(), counts_swaps=False):
        self.name, self.label, self.count = name, label, count
        self.program, self.words, self.counts_swaps = program, words, counts_swaps

    def command(self, folder, *numbers):
        if self.program:
            return [self.program, folder, *self.words, *numbers]
        return [sys.executable, HERE / "contention_writers.py", self.name, folder, *numbers]
