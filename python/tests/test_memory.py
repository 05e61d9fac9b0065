"""What is kept for the next rows, and given back on request."""

import threading

import pyarrow as pa

import datashard as ds

ROWS = 200_000


def make_rows():
    return pa.table({"n": range(ROWS), "s": ["some words"] * ROWS})


def make(place):
    table = ds.IcebergTable.create(place, "n long, s string")
    table.append(make_rows())
    return table


def test_release_memory_gives_back_what_rows_were_in(tmp_path):
    table = make(tmp_path / "t")
    ds.release_memory()
    rows = table.scan().to_arrow()
    ds.release_memory()
    assert sum(rows["n"].to_pylist()) == ROWS * (ROWS - 1) // 2  # What is in use is not touched.
    del rows
    assert ds.release_memory() >= ROWS * 8
    assert ds.release_memory() == 0


def test_rows_stay_whole_while_others_come_and_go(tmp_path):
    """Memory that is used again by many threads belongs to one of them at a time."""
    table = make(tmp_path / "t")
    want = make_rows()
    wrong = []

    def scan_again():
        kept = [table.scan().to_arrow() for _ in range(4)]
        ds.release_memory()
        kept += [table.scan(where="n >= 1000").to_arrow() for _ in range(4)]
        kept = [k.sort_by("n") for k in kept]  # Scans give rows in any order.
        if not all(k.equals(want) for k in kept[:4]):
            wrong.append("all rows")
        if not all(k.equals(want.slice(1000)) for k in kept[4:]):
            wrong.append("some rows")

    threads = [threading.Thread(target=scan_again) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
