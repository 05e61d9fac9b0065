"""The plot of make bench-contention: throughput and p99 by writers, for each size of append."""

STYLES = {
    "datashard_sqlite": ("#d62728", "o", 2.4), "datashard_path": ("#ff9896", "o", 2.0),
    "pyiceberg": ("#1f77b4", "s", 1.2), "datashard_py": ("#17becf", "^", 1.2),
    "deltalake": ("#2ca02c", "v", 1.2), "ducklake": ("#bcbd22", "D", 1.2),
    "ducklake_inlined": ("#8c6d31", "d", 1.2), "sqlite": ("#7f7f7f", "x", 1.2),
    "sqlite_wal": ("#c7c7c7", "+", 1.2), "floor": ("#000000", "_", 1.2)}


def panel(axes, results, order, rows, key, title):
    for name, label in order.items():
        points = sorted((c["writers"], c[key]) for n, c in results["cells"].items()
                        if n.split()[0] == name and c["rows"] == rows and c[key])
        if points:
            color, marker, width = STYLES[name]
            axes.plot(*zip(*points), color=color, marker=marker, linewidth=width,
                      label=label, linestyle="--" if name == "floor" else "-")
    writers = sorted({c["writers"] for c in results["cells"].values()})
    axes.set_xscale("log", base=2)
    axes.set_xticks(writers, [str(w) for w in writers])
    axes.set_yscale("log")
    axes.grid(True, which="major", color="#e0e0e0", linewidth=0.6)
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def draw(results, order, stem):
    """Writes stem.png and stem.svg."""
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "contention"
    import matplotlib.pyplot as plt
    rows_list = sorted({c["rows"] for c in results["cells"].values()})
    figure, axes = plt.subplots(2, len(rows_list), figsize=(4.6 * len(rows_list), 7.6),
                                squeeze=False)
    for i, rows in enumerate(rows_list):
        what = "1 row" if rows == 1 else f"{rows:,} rows"
        panel(axes[0][i], results, order, rows, "per_s",
              f"acknowledged appends/s, {what} each")
        panel(axes[1][i], results, order, rows, "p99_ms", f"p99, ms, {what} each")
        axes[1][i].set_xlabel("writers, a process each")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=5, frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(f"{stem}.png", dpi=110, metadata={"Software": None})
    figure.savefig(f"{stem}.svg", metadata={"Date": None})
    plt.close(figure)
