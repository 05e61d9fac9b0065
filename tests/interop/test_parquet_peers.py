"""pyarrow and DuckDB write Parquet files, copy_parquet reads and writes them again, and both
must find the same values, types, field ids and sound statistics in the copy.

usage: test_parquet_peers.py COPY_PARQUET    (the program; needs pyarrow; DuckDB if it is there)
"""
import datetime
import decimal
import math
import random
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

COPY = sys.argv[1]
CODECS = {"none": 0, "gzip": 1, "zstd": 3, "snappy": 4, "lz4": 5}
ENCODINGS = {"all": None, "plain": {"PLAIN"}, "split": {"PLAIN", "BYTE_STREAM_SPLIT"},
             "delta": {"PLAIN", "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY"},
             "prefix": {"PLAIN", "DELTA_BYTE_ARRAY"}}
D = decimal.Decimal
UTC = datetime.timezone.utc


def columns(rng, n):
    def some(make, nulls):
        return [None if rng.random() < nulls else make() for _ in range(n)]

    def text():
        return "".join(rng.choice("aäß€𝄞z") for _ in range(rng.choice([0, 1, 5, 90])))

    specials = [0.0, -0.0, math.nan, math.inf, -math.inf, 1e-310, -1.5]
    epoch = datetime.datetime(1970, 1, 1)
    micros = lambda: epoch + datetime.timedelta(microseconds=rng.randrange(-10**16, 10**17))
    makers = {
        "boolean": (pa.bool_(), lambda: rng.random() < .5),
        "int": (pa.int32(), lambda: rng.choice([-2**31, 2**31 - 1, 0, rng.randrange(-50, 50)])),
        "long": (pa.int64(), lambda: rng.choice([-2**63, 2**63 - 1, rng.getrandbits(62)])),
        "uint32": (pa.uint32(), lambda: rng.choice([0, 2**32 - 1, rng.getrandbits(32)])),
        "float": (pa.float32(), lambda: rng.choice(specials[:5] + [rng.randrange(99) / 4])),
        "double": (pa.float64(), lambda: rng.choice(specials + [rng.random()])),
        "decimal9": (pa.decimal128(9, 2), lambda: D(rng.randrange(-10**9 + 1, 10**9)) / 100),
        "decimal18": (pa.decimal128(18, 0), lambda: D(rng.randrange(-10**18 + 1, 10**18))),
        "decimal38": (pa.decimal128(38, 10),
                      lambda: D(rng.randrange(-10**37, 10**37)).scaleb(-10, decimal.Context(50))),
        "date": (pa.date32(), lambda: datetime.date.fromordinal(rng.randrange(1, 3000000))),
        "time": (pa.time64("us"), lambda: micros().time()),
        "timestamp": (pa.timestamp("us"), micros),
        "timestamptz": (pa.timestamp("us", "UTC"), lambda: micros().replace(tzinfo=UTC)),
        "timestamp_ns": (pa.timestamp("ns"), lambda: rng.randrange(-2**62, 2**62)),
        "string": (pa.string(), text),
        "few": (pa.string(), lambda: rng.choice(["AA", "UA", "WN"])),
        "fixed": (pa.binary(5), lambda: rng.randbytes(5)),
        "binary": (pa.binary(), lambda: rng.randbytes(rng.randrange(100))),
    }
    for name, (t, make) in makers.items():
        for nulls in (0, .2, 1):
            yield f"{name}_{nulls}", pa.array(some(make, nulls), t), nulls > 0


def make_table(rng, n):
    fields, arrays = [], []
    for i, (name, array, nullable) in enumerate(columns(rng, n)):
        fields.append(pa.field(name, array.type, nullable,
                               metadata={"PARQUET:field_id": str(i + 1)}))
        arrays.append(array)
    return pa.table(arrays, pa.schema(fields))


def nested_type(rng, depth):
    kind = rng.choice(["struct", "list", "map"]) if depth > 0 else "leaf"
    if kind == "struct":
        return pa.struct([pa.field(name, nested_type(rng, depth - 1), rng.random() < .7)
                          for name in "abc"[:rng.randrange(1, 4)]])
    if kind == "list":
        return pa.list_(pa.field("element", nested_type(rng, depth - rng.randrange(1, 3)),
                                 rng.random() < .7))
    if kind == "map":
        return pa.map_(pa.string(), pa.field("value", nested_type(rng, depth - 1),
                                             rng.random() < .7))
    return rng.choice([pa.int32(), pa.int64(), pa.string(), pa.bool_(), pa.float64(),
                       pa.binary(3), pa.decimal128(20, 2), pa.timestamp("us")])


def nested_value(rng, t, nullable=True):
    some = range(rng.choice([0, 1, 3, 3, 40]))
    if nullable and rng.random() < .2:
        return None
    if pa.types.is_struct(t):
        return {f.name: nested_value(rng, f.type, f.nullable) for f in t}
    if pa.types.is_map(t):
        return [(f"key {i}", nested_value(rng, t.item_type, t.item_field.nullable))
                for i in some if i < 4]
    if pa.types.is_list(t):
        return [nested_value(rng, t.value_type, t.value_field.nullable) for _ in some]
    return {pa.string(): lambda: "ä" * rng.randrange(9), pa.bool_(): lambda: rng.random() < .5,
            pa.float64(): lambda: rng.choice([0.5, -1e300]),
            pa.binary(3): lambda: rng.randbytes(3), pa.timestamp("us"):
            lambda: datetime.datetime(2020, 1, 1 + rng.randrange(28)),
            pa.decimal128(20, 2): lambda: D(rng.randrange(-10**19, 10**19)) / 100
            }.get(t, lambda: rng.randrange(-99, 99))()


def nested_table(rng, n):
    fields = [pa.field(f"c{i}", nested_type(rng, 1 + i), rng.random() < .8) for i in range(4)]
    return pa.table([pa.array([nested_value(rng, f.type, f.nullable) for _ in range(n)], f.type)
                     for f in fields], pa.schema(fields))


def with_nested(folder, rng):
    """Whatever is nested: read by pyarrow and DuckDB as it was before."""
    for n in (0, 1, 300, 6000):
        made, table = f"{folder}/nested.parquet", nested_table(rng, n)
        for codec in rng.sample(list(CODECS), 2):
            pq.write_table(table, made, compression=codec, store_schema=False,
                           data_page_version=rng.choice(["1.0", "2.0"]),
                           data_page_size=rng.choice([200, 1 << 20]))
            to = f"{folder}/copy.parquet"
            subprocess.run([COPY, made, to, str(rng.randrange(1, 3000)), str(CODECS[codec])],
                           check=True)
            ours = pq.read_table(to, page_checksum_verification=True)
            assert ours.equals(pq.read_table(made)), (n, codec)
            file = pq.ParquetFile(to).metadata
            for g in range(file.num_row_groups):
                for c in range(file.num_columns):
                    assert file.row_group(g).column(c).has_offset_index
            try:
                import duckdb
            except ImportError:
                continue
            assert duckdb.sql(f"select count(*) from (from '{made}' except all from '{to}')"
                              ).fetchall() == [(0,)], (n, codec)


def with_bloom_filters(folder):
    """DuckDB finds what is there, and by our filters knows what is not."""
    try:
        import duckdb
    except ImportError:
        return
    made, to = f"{folder}/bloom.parquet", f"{folder}/copy.parquet"
    pq.write_table(pa.table({"i": pa.array(range(0, 90000, 9), pa.int64()),
                             "s": [f"text {i}" for i in range(10000)]}), made,
                   store_schema=False)
    subprocess.run([COPY, made, to, "777", "3"], check=True)
    probe = lambda column, value: [row[0] for row in duckdb.execute(
        f"select bloom_filter_excludes from parquet_bloom_probe('{to}', '{column}', "
        f"{value}) order by row_group_id").fetchall()]
    for i in range(0, 10000, 997):
        for column, value in (("i", f"{9 * i}::bigint"), ("s", f"'text {i}'")):
            assert not probe(column, value)[i // 5000], (column, value)
    absent = [x for i in range(200) for x in probe("i", f"{9 * i + 1}::bigint")]
    assert sum(absent) > .95 * len(absent), sum(absent)


def bits(array):
    """What makes -0.0 and 0.0 differ, and NaN equal itself."""
    array = array.combine_chunks()
    if pa.types.is_floating(array.type):
        wide = pa.int64() if array.type == pa.float64() else pa.int32()
        whole = pc.fill_null(array, 0.0)
        return [a if v else None for a, v in
                zip(whole.view(wide).to_pylist(), array.is_valid().to_pylist())]
    return array


def check_statistics(path, table):
    file = pq.ParquetFile(path)
    row = 0
    for g in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(g)
        part = table.slice(row, group.num_rows)
        row += group.num_rows
        for i in range(group.num_columns):
            column, s = part.column(i), group.column(i).statistics
            assert s.null_count == column.null_count, (path, column)
            if not s.has_min_max or column.null_count == len(column):
                continue
            if pa.types.is_floating(column.type):
                column = column.filter(pc.invert(pc.is_nan(column)))
            if pa.types.is_temporal(column.type):
                continue  # pyarrow's Python values lose nanoseconds.
            values = [v for v in column.to_pylist() if v is not None]
            assert all(s.min <= v <= s.max for v in values), (path, table.schema[i])


def check_encodings(path, encoding):
    """Every encoding of a family is there, and no other."""
    if ENCODINGS.get(encoding):
        file = pq.ParquetFile(path).metadata
        seen = {e for g in range(file.num_row_groups) for c in range(file.num_columns)
                for e in file.row_group(g).column(c).encodings} - {"RLE"}
        assert seen == ENCODINGS[encoding], (path, seen)


def check(path, folder, codec, batch, table=None, encoding=None):
    to = f"{folder}/copy.parquet"
    subprocess.run([COPY, path, to, str(batch), str(CODECS[codec]),
                    *([encoding] if encoding else [])], check=True)
    ours = pq.read_table(to, page_checksum_verification=True)
    theirs = table if table is not None else pq.read_table(path)
    assert ours.schema.equals(pq.read_schema(path).remove_metadata(), check_metadata=True), path
    for name in theirs.column_names:
        assert bits(ours[name]) == bits(theirs[name]), (path, codec, batch, name)
    check_statistics(to, ours)
    return to


def duckdb_reads(path, other, encoding):
    """What pyarrow has compared already: all that is asked is whether DuckDB agrees. It
    has BYTE_STREAM_SPLIT for floats (later versions: for some other types too) and
    DELTA_BYTE_ARRAY for BYTE_ARRAY."""
    try:
        import duckdb
    except ImportError:
        return
    names = [f'"{f.name}"' for f in pq.read_schema(path)
             if pa.types.is_floating(f.type) or encoding in ("plain", "delta") or
             encoding == "prefix" and not pa.types.is_decimal128(f.type)
             and not pa.types.is_fixed_size_binary(f.type)]
    total = ", ".join(f"bit_xor(hash({n}))" for n in names)
    ours, theirs = (duckdb.sql(f"select {total} from '{f}'").fetchall() for f in (path, other))
    assert ours == theirs, path


def with_duckdb(folder, rng):
    try:
        import duckdb
    except ImportError:
        print("*** DuckDB is not there: pyarrow alone was asked ***")
        return
    made = f"{folder}/duckdb.parquet"
    for version in ("v1", "v2"):
        for codec in ("uncompressed", "snappy", "gzip", "zstd", "lz4_raw"):
            duckdb.sql(f"""copy (select i::bigint a, (i % 100)::int b, i * 0.5::double f,
                case when i % 3 = 0 then null else 'x' || (i % 77) end s, i % 2 = 0 o,
                (i % 1000)::decimal(20, 3) d, 'longer text ' || i l,
                timestamp '2020-01-01' + interval (i) seconds t from range(20000) x(i))
                to '{made}' (parquet_version {version}, codec {codec})""")
            to = check(made, folder, rng.choice(list(CODECS)), rng.randrange(1, 9000))
            for a, b in ((made, to), (to, made)):
                assert duckdb.sql(f"select count(*) from (from '{a}' except all "
                                  f"from '{b}')").fetchall() == [(0,)], (version, codec)


def main():
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        made = f"{folder}/made.parquet"
        encodings = [{}, {"use_dictionary": False}, {"use_dictionary": False,
                     "column_encoding": {"long_0.2": "DELTA_BINARY_PACKED",
                                         "string_0.2": "DELTA_BYTE_ARRAY",
                                         "binary_0": "DELTA_LENGTH_BYTE_ARRAY",
                                         "double_0.2": "BYTE_STREAM_SPLIT"}}]
        for n in (0, 1, 700, 12000):
            table = make_table(rng, n)
            for codec in CODECS:
                pq.write_table(table, made, compression=codec, store_schema=False,
                               version="2.6", row_group_size=5000,
                               data_page_version=rng.choice(["1.0", "2.0"]),
                               write_page_checksum=True, **rng.choice(encodings))
                check(made, folder, codec, rng.randrange(1, 9000), table if n else None)
        for encoding in ENCODINGS:
            to = check(made, folder, "zstd", rng.randrange(1, 9000), table, encoding)
            check_encodings(to, encoding)
            duckdb_reads(to, made, encoding)
        with_duckdb(folder, rng)
        with_nested(folder, rng)
        with_bloom_filters(folder)
    print("ok")


main()
