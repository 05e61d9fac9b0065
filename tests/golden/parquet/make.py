#!/usr/bin/env python3
"""Makes the files of this folder with pyarrow. They are kept as they are: run it to see how
they came about, or to add one."""
import datetime as dt
import decimal
import pathlib
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).resolve().parent
D = decimal.Decimal
day = dt.date(2017, 11, 16)
at = dt.datetime(2017, 11, 16, 22, 31, 8, 123000)


def with_ids(schema, first=1):
    return pa.schema(
        [f.with_metadata({b"PARQUET:field_id": str(i).encode()}) for i, f in
         enumerate(schema, first)])


# Every storage of a type that other writers use; three rows, the second null.
types = {
    "b": (pa.bool_(), [True, None, False]),
    "i8": (pa.int8(), [-128, None, 127]),
    "u16": (pa.uint16(), [0, None, 65535]),
    "i32": (pa.int32(), [-2**31, None, 2**31 - 1]),
    "u32": (pa.uint32(), [0, None, 2**32 - 1]),
    "i64": (pa.int64(), [-2**63, None, 2**63 - 1]),
    "f16": (pa.float16(), [1.5, None, -2.0]),
    "f32": (pa.float32(), [1.5, None, -0.0]),
    "f64": (pa.float64(), [1.5, None, float("nan")]),
    "d9": (pa.decimal128(9, 2), [D("-1234567.89"), None, D("0.01")]),
    "d18": (pa.decimal128(18, 3), [D("-123456789012345.678"), None, D("0.001")]),
    "d38": (pa.decimal128(38, 0), [D(-10**38 + 1), None, D(10**38 - 1)]),
    "date": (pa.date32(), [day, None, dt.date(1969, 12, 31)]),
    "t_ms": (pa.time32("ms"), [dt.time(1, 2, 3, 4000), None, dt.time(23, 59, 59, 999000)]),
    "t_us": (pa.time64("us"), [dt.time(1, 2, 3, 4), None, dt.time(23, 59, 59, 999999)]),
    "ts_ms": (pa.timestamp("ms"), [at, None, dt.datetime(1969, 12, 31, 23, 59, 59, 999000)]),
    "ts_us": (pa.timestamp("us"), [at, None, dt.datetime(1969, 12, 31, 23, 59, 59, 999999)]),
    "tz_us": (pa.timestamp("us", "UTC"), [at, None, at]),
    "s": (pa.string(), ["é€😀", None, ""]),
    "dict": (pa.dictionary(pa.int32(), pa.string()), ["SEA", None, "SEA"]),
    "bin": (pa.binary(), [b"\x00\xff", None, b""]),
    "fix": (pa.binary(5), [b"abcde", None, b"\x00" * 5]),
    "u": (pa.uuid(), [uuid.UUID(int=1).bytes, None, uuid.UUID(int=2**128 - 1).bytes]),
}
table = pa.table([pa.array(v, t) for t, v in types.values()],
                 schema=with_ids(pa.schema([(n, t) for n, (t, _) in types.items()])))
pq.write_table(table, here / "types.parquet", compression="zstd", store_schema=False)
pq.write_table(table, here / "types_decimal_integers.parquet", compression="snappy",
               store_schema=False, store_decimal_as_integer=True, use_dictionary=False)

# INT96, no field ids.
pq.write_table(pa.table({"ts": pa.array([at, None, dt.datetime(1969, 12, 31, 23)],
                                        pa.timestamp("us"))}),
               here / "int96.parquet", use_deprecated_int96_timestamps=True,
               store_schema=False)

# Narrow types that tables widen later; two row groups of 50 rows with separate ranges.
n = range(100)
narrow = pa.table(
    [pa.array(n, pa.int32()), pa.array([i / 2 for i in n], pa.float32()),
     pa.array([D(i) / 100 for i in n], pa.decimal128(5, 2)),
     pa.array([f"name {i}" for i in n])],
    schema=with_ids(pa.schema([pa.field("i", pa.int32()), pa.field("f", pa.float32()),
                               pa.field("d", pa.decimal128(5, 2)),
                               pa.field("s", pa.string())])))
pq.write_table(narrow, here / "narrow.parquet", row_group_size=50, store_schema=False)

# What has no place in a table, or is not UTF-8.
pq.write_table(pa.table({"u64": pa.array([1], pa.uint64())}), here / "uint64.parquet",
               store_schema=False)
pq.write_table(pa.table([pa.array([[1, 2], None], pa.list_(pa.int32())),
                         pa.array([{"x": 1}, None], pa.struct([("x", pa.int64())])),
                         pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32()))],
                        names=["xs", "st", "m"]),
               here / "nested.parquet", store_schema=False)

# Nested four levels deep, in small pages that rows span; no field ids.
def deep_row(i):
    if i % 7 == 3:
        return None
    return {"a": i if i % 5 else None,
            "b": None if i % 11 == 2 else [
                None if k % 4 == 3 else
                {"c": f"text {i} {k}" if k % 3 else None,
                 "d": [(f"key {n}", [n, None, i][:n]) for n in range((i + k) % 3)]}
                for k in range(i % 6)]}


deep = pa.struct([("a", pa.int32()), ("b", pa.list_(pa.struct([
    ("c", pa.string()), ("d", pa.map_(pa.string(), pa.list_(pa.int32())))])))])
for version in "1.0", "2.0":
    pq.write_table(pa.table([pa.array([deep_row(i) for i in range(200)], deep)], names=["s"]),
                   here / f"deep_v{version[0]}.parquet", data_page_version=version,
                   data_page_size=200, write_batch_size=16, use_dictionary=["s.b.list.element.c"],
                   compression="snappy", store_schema=False)

# A plain file without field ids, as somebody has it who will add it to a table: two row
# groups, all rows of one day and one region.
plain = pa.table({
    "id": pa.array([3, 1, 2, 6, 4, 5], pa.int64()),
    "region": pa.array(["eu"] * 6),
    "day": pa.array([dt.date(2024, 3, 5)] * 6),
    "name": pa.array(["carol with a name longer than sixteen", None, "bob", "fritz", "dave",
                      "eve"]),
    "amount": pa.array([1.5, None, -2.0, 4.25, 0.0, 3.0], pa.float64()),
    "void": pa.array([None] * 6, pa.string()),
})
pq.write_table(plain, here / "plain.parquet", row_group_size=3, store_schema=False)
