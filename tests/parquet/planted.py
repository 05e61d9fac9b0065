"""Proves that the comparisons can fail: mistakes are planted, and each must be noticed."""
import os
import shutil
import struct
import tempfile

import numpy as np
import pyarrow as pa

import footer
import hyparquet
import ours
import same
import thrift


def changed(values, at, to):
    return [*values[:at], to, *values[at + 1:]]


def nan(payload):
    return struct.unpack("<d", struct.pack("<Q", 0x7ff8 << 48 | payload))[0]


def pairs():
    """(what was planted, the right table, the wrong one)."""
    def one(what, t, right, wrong, t2=None):
        return what, pa.table({"c": pa.array(right, t)}), pa.table({"c": pa.array(wrong, t2 or t)})

    ints = list(range(100))
    texts = [f"t{i}" for i in range(50)]
    lists = [[1, 2], [], None, [3, None]]
    deep = [{"a": [[1], []], "m": [("k", 1.0)]}, {"a": None, "m": []}]
    t = pa.struct([("a", pa.list_(pa.list_(pa.int8()))), ("m", pa.map_("string", "double"))])
    yield one("a wrong value", pa.int64(), ints, changed(ints, 42, 43))
    yield one("a dropped row", pa.int64(), ints, ints[:-1])
    yield one("a null moved by one", pa.int32(), [1, None, 1, 1], [1, 1, None, 1])
    yield one("a null for a zero", pa.int32(), [1, 0], [1, None])
    yield one("swapped rows", pa.string(), texts, [texts[1], texts[0], *texts[2:]])
    yield one("another letter", pa.string(), texts, changed(texts, 7, "t7 "))
    yield one("-0.0 for 0.0", pa.float64(), [1.0, 0.0], [1.0, -0.0])
    yield one("another NaN", pa.float64(), [nan(1)], [nan(2)])
    yield one("null for an empty text", pa.string(), ["a", ""], ["a", None])
    yield one("null for an empty list", pa.list_(pa.int64()), lists, changed(lists, 1, None))
    yield one("an element in the next list", pa.list_(pa.int64()), lists,
              [[1], [2], None, [3, None]])
    yield one("a null element gone", pa.list_(pa.int64()), lists, changed(lists, 3, [3]))
    yield one("deep inside", t, deep, [{"a": [[2], []], "m": [("k", 1.0)]}, deep[1]])
    yield one("a map's value", t, deep, [{"a": [[1], []], "m": [("k", -1.0)]}, deep[1]])
    yield one("a microsecond", pa.timestamp("us"), [0, 1], [0, 2])
    yield one("time zone lost", pa.timestamp("us", "UTC"), [0], [0], pa.timestamp("us"))
    yield one("bytes for text", pa.string(), ["a"], [b"a"], pa.binary())
    yield one("another scale", pa.decimal128(9, 2), [1], [1], pa.decimal128(9, 3))


def tables():
    """Planted in rows: what same.py says."""
    for what, right, wrong in pairs():
        same.compare_tables(right, right)
        try:
            same.compare_tables(right, wrong)
        except same.Mismatch:
            continue
        yield what


def files():
    """Planted in rows, checked through a file's footer, indexes and checksums."""
    n = 3000
    right = pa.table({"i": pa.array(np.arange(n) % 500, pa.int64()),
                      "s": [f"s{k % 300:03}" if k % 7 else None for k in range(n)]})
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "f.parquet")
        ours.write_file(path, right)
        footer.check_file(path, right)
        high = right.set_column(0, "i", pa.array([*range(500), 999, *([0] * (n - 501))]))
        empty = right.set_column(1, "s", pa.array([None] * n, pa.string()))
        for what, table in (("a value above the max", high), ("fewer values", empty),
                            ("fewer rows", right.slice(1))):
            try:
                footer.check_file(path, table)
            except footer.Unsound:
                continue
            yield what
        if shutil.which("node"):
            small, other = right.slice(0, 50), high.slice(450, 100).slice(0, 50)
            ours.write_file(path + "2", small)
            if list(hyparquet.differences([(path + "2", small)])):
                yield "hyparquet agrees"
            if not list(hyparquet.differences([(path + "2", other)])):
                yield "other values (hyparquet)"
        yield from body_changes(path, right)


def body_changes(path, table):
    """A changed byte in a page is wrong by its CRC, for footer.py as for the library."""
    with open(path, "rb") as f:
        data = bytearray(f.read())
    size = int.from_bytes(data[-8:-4], "little")
    meta, _ = thrift.struct(data, len(data) - 8 - size)
    page = next(footer.pages_of(data, meta[4][0][1][0][3], ""))
    data[page.body + 1] ^= 1
    with open(path, "wb") as f:
        f.write(data)
    try:
        footer.check_file(path, table)
        yield "a changed byte (footer.py)"
    except footer.Unsound:
        pass
    try:
        ours.scan_file(path)
        yield "a changed byte (the library)"
    except ours.Refused:
        pass


def check():
    """What was planted and not noticed."""
    return [*tables(), *files()]
