"""How evenly equal writers are served, ours beside writers that share nothing."""
from contention_measure import (UNBOUNDED, Failed, Peer, put_away, quantile, read_records,
                                run_writers)

# Writers, rows, seconds.
CELLS = [(12, 1, 3), (12, 10_000, 5), (64, 1, 4), (64, 10_000, 32)]
LEAST = 20     # Appends of each writer: one more or less is then no great matter.
LONGER = 3     # A cell in which somebody has fewer is run again, so often, twice as long.
GRACE = 12


def served(folder, said, writers, seconds):
    """Appends of each writer, the fewest first, while all of them append.

    That is from when each has had its first one acknowledged until the time is over:
    whoever was started late was not an equal of the others before.
    """
    before, start, appends = read_records(folder, writers)
    ends = [sorted(a[3] for a in appends if a[0] == w and a[4] >= 0) for w in range(writers)]
    if not all(ends):
        raise Failed("a writer has no append")
    begin, over = max(e[0] for e in ends), start + int(seconds * 1e9)
    counts = sorted(sum(begin < e <= over for e in mine) for mine in ends)
    cpu = sum(w["cpu_s"] for w in said["writers"]) - before
    return {"fewest": counts[0], "median": quantile(counts, 0.5), "most": counts[-1],
            "ratio": counts[-1] / counts[0] if counts[0] else None,
            "window_s": (over - begin) / 1e9, "cpu_us": cpu * 1e6 / len(appends),
            "bytes": written(folder) // len(appends)}


def written(folder):
    """Bytes of all files of rows: what appends write, whoever names them."""
    return sum(f.stat().st_size for f in folder.rglob("*.parquet"))


def run_once(peer, folder, writers, rows, seconds):
    said = run_writers(peer.command(folder, writers, rows, UNBOUNDED, seconds, GRACE),
                       folder, seconds + GRACE + 120)
    got = served(folder, said, writers, seconds)
    put_away(folder)
    return got


def run_one(peer, folder, writers, rows, seconds, longer):
    """A cell that is long enough to tell."""
    got = run_once(peer, folder, writers, rows, seconds)
    while got["fewest"] < LEAST and longer > 0:
        seconds, longer = seconds * 2, longer - 1
        got = run_once(peer, folder, writers, rows, seconds)
    return got


def measure(peers, control_program, folder, share=1):
    """{"WRITERS ROWS": {peer's name or "control": what it was served}}

    Of the cells' time a share, and then none is run again.
    """
    out, longer = {}, LONGER if share == 1 else 0
    for writers, rows, seconds in CELLS:
        cell = out[f"{writers} {rows}"] = {}
        for peer in peers:
            cell[peer.name] = run_one(peer, folder, writers, rows, seconds / share, longer)
        like = cell[peers[0].name]
        control = Peer("control", "control", None, control_program,
                       (int(like["cpu_us"]), like["bytes"]))
        cell["control"] = run_one(control, folder, writers, rows, seconds / share, longer)
    return out


def lines(results, order):
    """The table of the report."""
    out = ["| writers x rows | who | seconds | fewest | median | most | most over fewest |",
           "|---|---|---|---|---|---|---|"]
    for cell, found in results.items():
        writers, rows = cell.split()
        for name, got in found.items():
            ratio = f"{got['ratio']:.2f}" if got["ratio"] else "-"
            out.append(f"| {writers} x {int(rows):,} | {order.get(name, name)} | "
                       f"{got['window_s']:.1f} | {got['fewest']:,} | {got['median']:,} | "
                       f"{got['most']:,} | {ratio} |")
    return out + [""]
