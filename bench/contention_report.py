"""What make bench-contention says of its figures: lines, a section of RESULTS.md, aims."""
import os

import contention_fairness
import contention_plot
from results_file import replace_section

AIM_PER_S, AIM_P99_MS, AIM_FAIRNESS, AIM_FLAT, AIM_FLOOR = 3000, 25, 1.5, 1.25, 1.3
APPENDS = 120_000
SHOWN = {"datashard": "DataShard", "deltalake": "deltalake", "duckdb": "DuckDB",
         "duckdb-ext-ducklake": "DuckLake's extension", "pyiceberg": "PyIceberg",
         "python": "Python"}
AIM_RATIOS = {"pyiceberg": 100, "datashard_py": 100, "ducklake": 10, "deltalake": 10}


def number(value, digits=1):
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.{digits}f}"


def fairness(got):
    """The most appends of a writer over the fewest; None where one had none."""
    return got["most"] / got["fewest"] if got["fewest"] else None


def line(name, got):
    """One cell, for who watches."""
    fair = fairness(got)
    text = (f"contention: peer={name} writers={got['writers']} rows={got['rows']} "
            f"per_s={got['per_s']:.1f} acked={got['acked']} ")
    for key in ("p50_ms", "p99_ms", "max_ms"):
        text += f"{key}={got[key]:.2f} " if got[key] is not None else f"{key}=- "
    text += (f"failed={got['failed']} unfinished={got['unfinished']} lost={got['lost']} "
             f"duplicate={got['duplicate']} alien={got['alien']} files={got['files']} "
             f"bytes={got['bytes']} cpu_s={got['cpu_s']:.2f} peak_kb={got['peak_kb']} "
             f"fairness={f'{fair:.2f}' if fair else 'starved'}")
    return text + f" why={got['reasons'][0][0][:120]!r}" if got["reasons"] else text


def find(results, name, writers, rows):
    return results["cells"].get(f"{name} {writers} {rows}")


def rate(results, name, writers=12, rows=1):
    got = find(results, name, writers, rows)
    return got["per_s"] if got else None


def best(results, names, writers=12, rows=1):
    rates = [rate(results, n, writers, rows) for n in names]
    return max((r for r in rates if r is not None), default=None)


def over(a, b):
    return a / b if a is not None and b else None


def peer_rates(results):
    """Acknowledged appends a second of the headline's cell, the better of two settings."""
    return {"pyiceberg": rate(results, "pyiceberg"),
            "datashard_py": rate(results, "datashard_py"),
            "deltalake": rate(results, "deltalake"),
            "ducklake": best(results, ["ducklake", "ducklake_inlined"]),
            "sqlite": best(results, ["sqlite", "sqlite_wal"]),
            "floor": rate(results, "floor")}


def flat_ratio(results, kind="ingest"):
    got = results["flat"].get(kind)
    return got["tenths"]["ratio"] if got and got["tenths"] else None


def floor_ratio(results, where="floors", peer="datashard_sqlite"):
    got = results.get(where, {}).get(peer)
    return got["ratio"] if got else None


# Where one writer was beside the floor: (its key in the last line, what it is called).
FLOORS = [("", "floors", "datashard_sqlite", "one writer over the floor for its syncs"),
          ("_path", "floors", "datashard_path", "the same on a path table"),
          ("_journal", "journal_floors", "datashard_sqlite",
           "one writer over the floor on ext4 with a journal"),
          ("_path_journal", "journal_floors", "datashard_path",
           "the same on a path table there")]


def synced_ratio(results, where):
    """One writer on a path table over the floor of what it syncs alone."""
    got = results.get(where, {}).get("datashard_path")
    return got.get("synced_ratio") if got else None


def least_fair(results):
    """The highest ratio of ours, of all kinds of equal writers; None: not measured."""
    ratios = [got["ratio"] or float("inf") for cell in results.get("fairness", {}).values()
              for name, got in cell.items() if name != "control"]
    return max(ratios, default=None)


def last_line(results):
    ours = rate(results, "datashard_sqlite")
    head = find(results, "datashard_sqlite", 12, 1)

    def shown(value, digits=2):
        return "-" if value is None else f"{value:.{digits}f}"
    text = (f"contention: datashard_sqlite_12x1={shown(ours, 0)} "
            f"datashard_path_12x1={shown(rate(results, 'datashard_path'), 0)} "
            f"p99_ms={shown(head['p99_ms'] if head else None)} ")
    peers = peer_rates(results)
    for name, value in peers.items():
        text += f"{name}={shown(value, 1)} "
    for name, value in peers.items():
        text += f"ratio_{name}={shown(over(ours, value), 1)} "
    w64 = over(rate(results, "datashard_sqlite", 64), ours)
    lost = sum(c["lost"] + c["duplicate"] + c["alien"] for c in our_cells(results))
    text += f"w64_over_w12={shown(w64)} "
    for key, where, peer, _ in FLOORS:
        text += f"one_writer_over_floor{key}={shown(floor_ratio(results, where, peer))} "
    text += (f"one_writer_over_synced_path={shown(synced_ratio(results, 'floors'))} "
             "one_writer_over_synced_path_journal="
             f"{shown(synced_ratio(results, 'journal_floors'))} ")
    return text + (f"fairness={shown(least_fair(results))} flat={shown(flat_ratio(results))} "
                   f"flat_in_memory={shown(flat_ratio(results, 'memory'))} "
                   f"flat_journal={shown(flat_ratio(results, 'journal'))} "
                   f"flat_history={shown(flat_ratio(results, 'history'))} lost={lost}")


def our_cells(results):
    cells = [c for n, c in results["cells"].items()
             if n.startswith(("datashard_sqlite ", "datashard_path "))]
    return cells + [c for c in results["flat"].values() if c]


def wrong(results):
    """What makes the run fail: rows of ours that do not balance, peers that did not run."""
    out = [f"datashard {c['writers']}x{c['rows']}: lost {c['lost']}, duplicate "
           f"{c['duplicate']}, alien {c['alien']}"
           for c in our_cells(results) if c["lost"] or c["duplicate"] or c["alien"]]
    if not results["quick"]:
        out += [f"not run: {n}: {why}" for n, why in results["not_run"].items()]
    return out


def fairness_aims(results):
    out = []
    for cell, found in results.get("fairness", {}).items():
        writers, rows = cell.split()
        what = "one row" if rows == "1" else f"{int(rows):,} rows"
        worst = max(got["ratio"] or float("inf")
                    for name, got in found.items() if name != "control")
        out.append((f"{writers} equal writers, {what}: most over fewest at most "
                    f"{AIM_FAIRNESS}", worst, worst <= AIM_FAIRNESS))
    return out


def aims(results):
    """(what is aimed at, what was found, whether it is met or None when not measured)."""
    head = find(results, "datashard_sqlite", 12, 1)
    ours, peers = rate(results, "datashard_sqlite"), peer_rates(results)
    out = [(f"12 writers, one row: at least {AIM_PER_S:,} acknowledged a second", ours,
            ours is not None and ours >= AIM_PER_S)]
    p99, fair = (head["p99_ms"], fairness(head)) if head else (None, None)
    out.append((f"there, p99 at most {AIM_P99_MS} ms", p99, (p99 or 1e9) <= AIM_P99_MS))
    out.append((f"there, most over fewest appends of a writer at most {AIM_FAIRNESS}", fair,
                (fair or 1e9) <= AIM_FAIRNESS))
    for name, aim in AIM_RATIOS.items():
        ratio = over(ours, peers[name])
        out.append((f"there, at least {aim} times {name}", ratio, (ratio or 0) >= aim))
    ratio = over(ours, peers["floor"])
    out.append(("there, above the bare swap loop (ratio above 1)", ratio, (ratio or 0) > 1))
    ratio = over(rate(results, "datashard_sqlite", 64), ours)
    out.append(("64 writers over 12: at least 1", ratio, (ratio or 0) >= 1))
    out += fairness_aims(results)
    for _, where, peer, words in FLOORS:
        ratio = floor_ratio(results, where, peer)
        out.append((f"{words}: at most {AIM_FLOOR}", ratio, (ratio or 1e9) <= AIM_FLOOR))
    flat = results["flat"].get("ingest")
    whole = flat["acked"] if flat else None
    out.append((f"12 writers: of {APPENDS:,} appends all acknowledged in time", whole,
                (whole or 0) >= APPENDS))
    ratio = flat_ratio(results) if whole and whole >= APPENDS else None
    out.append((f"all {APPENDS:,} appends, last tenth over first: at most {AIM_FLAT}", ratio,
                (ratio or 1e9) <= AIM_FLAT))
    flat = results["flat"].get("journal")
    ratio = flat_ratio(results, "journal") if flat and flat["acked"] >= APPENDS else None
    out.append((f"the same on ext4 with a journal: at most {AIM_FLAT}", ratio,
                (ratio or 1e9) <= AIM_FLAT))
    lost = sum(c["lost"] + c["duplicate"] + c["alien"] for c in our_cells(results))
    out.append(("ours lost, doubled or made up, in all cells: none", lost, lost == 0))
    return [(what, value, ok if value is not None else None) for what, value, ok in out]


def matrix(results, order, rows, key, digits):
    """Peers by numbers of writers, one figure in each cell."""
    writers = sorted({c["writers"] for c in results["cells"].values() if c["rows"] == rows})
    out = ["| peer | " + " | ".join(f"{w} writer{'s'[:w > 1]}" for w in writers) + " |",
           "|---" * (len(writers) + 1) + "|"]
    for name, label in order.items():
        cells = [find(results, name, w, rows) for w in writers]
        if any(cells):
            out.append(f"| {label} | " + " | ".join(
                number(c[key], digits) if c else "" for c in cells) + " |")
    return out + [""]


def detail(results, order, rows):
    out = ["| peer | writers | appends | /s | p50 ms | p99 ms | max ms | failed | unfinished "
           "| lost | double | attempts | fewest..most | files | MB | CPU s | peak MB |",
           "|---" * 17 + "|"]
    cells = sorted((c["writers"], list(order).index(n.split()[0]), order[n.split()[0]], c)
                   for n, c in results["cells"].items() if c["rows"] == rows)
    for writers, _, label, c in cells:
        out.append(
            f"| {label} | {writers} | {number(c['acked'])} | {number(c['per_s'])} | "
            f"{number(c['p50_ms'])} | {number(c['p99_ms'])} | {number(c['max_ms'])} | "
            f"{number(c['failed'])} | {c['unfinished']} | {number(c['lost'])} | "
            f"{number(c['duplicate'])} | {number(c['attempts'])} | "
            f"{number(c['fewest'])}..{number(c['most'])} | {number(c['files'])} | "
            f"{c['bytes'] / 1e6:.1f} | {c['cpu_s']:.1f} | {c['peak_kb'] / 1024:.0f} |")
    return out + [""]


def flat_section(results):
    out = ["| table | appends | /s | first tenth, us | last tenth, us | ratio | of rounds "
           "| files | MB |",
           "|---|---|---|---|---|---|---|---|---|"]
    for kind, what in (("ingest", "made for ingest"),
                       ("memory", "made for ingest, in memory"),
                       ("journal", "made for ingest, on ext4 with a journal"),
                       ("history", "all history kept")):
        c = results["flat"].get(kind)
        if c and c["tenths"]:
            t = c["tenths"]
            rounds = ", ".join(f"{r:.2f}" for r in c.get("ratios") or [t["ratio"]])
            out.append(f"| {what} | {number(c['acked'])} | {number(c['per_s'])} | "
                       f"{t['first_us']:.0f} | {t['last_us']:.0f} | {t['ratio']:.2f} | "
                       f"{rounds} | {number(c['files'])} | {c['bytes'] / 1e6:.1f} |")
    return out + [""]


def floor_section(results, order):
    found = [(order[name], f) for name, f in results["floors"].items()]
    found += [(order[name] + ", ext4 with a journal", f)
              for name, f in results.get("journal_floors", {}).items()]
    out = []
    for what, f in found:
        made = ", ".join(f["steps"])
        alone = (f", of what is synced alone {f['synced_us']:.0f} us, ratio "
                 f"{f['synced_ratio']:.2f}" if f.get("synced_us") else "")
        out.append(f"* {what}: {f['ours_us']:.0f} us, floor {f['floor_us']:.0f} us, "
                   f"ratio {f['ratio']:.2f}{alone}, of {f['ours']} and {f['bare']} appends; one "
                   f"append: `{made}`")
    return out + [""]


def syncs_section(results, order):
    """Who syncs what before it acknowledges."""
    out = ["| peer | syncs for each append | of them of files of rows and metadata |",
           "|---|---|---|"]
    for name, (calls, files) in results["syncs"].items():
        out.append(f"| {order[name]} | {calls:.1f} | {files:.1f} |")
    return out + [""]


def head_section(results, order):
    """The cell that the aims are about, with the lowest and the highest of its rounds."""
    ours = rate(results, "datashard_sqlite")
    out = ["| peer | appends | /s | of rounds | ours over it | p50 ms | p99 ms | max ms | failed "
           "| lost | fewest..most |", "|---" * 11 + "|"]
    for name, label in order.items():
        c = find(results, name, 12, 1)
        if c:
            rounds = c.get("rounds") or [c["per_s"]]
            out.append(
                f"| {label} | {number(c['acked'])} | {number(c['per_s'])} | "
                f"{number(min(rounds))}..{number(max(rounds))} | "
                f"{number(over(ours, c['per_s']))} | {number(c['p50_ms'])} | "
                f"{number(c['p99_ms'])} | {number(c['max_ms'])} | "
                f"{number(c['failed'] + c['unfinished'])} | {number(c['lost'])} | "
                f"{number(c['fewest'])}..{number(c['most'])} |")
    return out + [""]


def section(results, order):
    minutes = results["took_s"] / 60
    versions = ", ".join(f"{SHOWN[n]} {v}" for n, v in sorted(results["versions"].items())
                         if n in SHOWN)
    command = "make bench-contention" + (" OPTIONS=--quick" if results["quick"] else "")
    out = [
        "# Many writers of one table: figures", "",
        f"Made by `{command}` in {minutes:.0f} minutes, {os.cpu_count()} processors, one disk; "
        "what is measured and how:", "[README.md](README.md). " + versions + ".", "",
        "A cell is a new table and a few seconds; whoever is slow has made few appends in it "
        "(the column says how", "many), and its p99 is then no more than its slowest. Appends "
        "are acknowledged one by one. Whose files are", "not synced (a table below), whose "
        "acknowledgements do not survive a power cut: that makes it quicker here.", "",
        "![appends a second and p99 by writers](contention.png)", "", "## Aims", "",
        "| aim | found | met |", "|---|---|---|"]
    for what, value, ok in aims(results):
        out.append(f"| {what} | {number(value, 2)} | "
                   f"{'not measured' if ok is None else 'yes' if ok else '**no**'} |")
    out += ["", "## 12 writers, one row", "", *head_section(results, order)]
    rows_list = sorted({c["rows"] for c in results["cells"].values()})
    for rows in rows_list:
        what = "one row" if rows == 1 else f"{rows:,} rows"
        out += [f"## Appends of {what}", "", "Acknowledged appends a second:", "",
                *matrix(results, order, rows, "per_s", 1), "p99, milliseconds:", "",
                *matrix(results, order, rows, "p99_ms", 1)]
    out += ["## Time for each append as the table grows (12 writers, one row)", "",
            *flat_section(results), "## How evenly equal writers are served", "",
            *contention_fairness.lines(results.get("fairness", {}), order),
            "## One writer beside the floor for its syncs", "",
            *floor_section(results, order), "## Syncs for each append of one writer, by strace",
            "", *syncs_section(results, order)]
    if results["not_run"]:
        out += ["## Not run", "", *(f"* {n}: {w}" for n, w in results["not_run"].items()), ""]
    for rows in rows_list:
        what = "one row" if rows == 1 else f"{rows:,} rows"
        out += [f"## Everything, appends of {what}", "", *detail(results, order, rows)]
    return "\n".join(out)


def write(results, order, folder):
    """Our section of RESULTS.md, and the plots beside it."""
    replace_section(folder / "RESULTS.md", "contention", section(results, order))
    contention_plot.draw(results, order, folder / "contention")
