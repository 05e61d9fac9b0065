"""Arrow IPC between pyarrow, polars and our program, both ways.

Random tables of every layout are written by pyarrow with each codec, as streams and files,
then read and written again by copy_ipc: pyarrow must find the same schema, metadata
included, and the same values in the copy. Then tables of ours are filled from IPC files and
given out as IPC again.

usage: test_arrow_ipc.py COPY_IPC [SEEDS]     (a seed is printed for each failure)
"""
import datetime
import decimal
import itertools
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import polars
import pyarrow as pa

COPY = sys.argv[1]
SEEDS = int(sys.argv[2]) if len(sys.argv) > 2 else 40
PROGRAM = os.environ.get("DATASHARD_PROGRAM")
D = decimal.Decimal


def leaf_types(rng):
    return rng.choice([
        pa.null(), pa.bool_(), pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(),
        pa.uint32(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(),
        pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(),
        pa.binary_view(), pa.binary(5), pa.binary(16), pa.decimal32(7, 2),
        pa.decimal64(15, 3), pa.decimal128(30, 5), pa.decimal256(60, 10), pa.date32(),
        pa.date64(), pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"),
        pa.timestamp("s"), pa.timestamp("ms", "UTC"), pa.timestamp("us"),
        pa.timestamp("ns", "Europe/Berlin"), pa.duration("us"), pa.month_day_nano_interval(),
    ])


def any_type(rng, depth):
    if depth == 0 or rng.random() < .5:
        return leaf_types(rng)
    inner = lambda: any_type(rng, depth - 1)
    kind = rng.randrange(9)
    if kind == 0:
        return pa.struct([pa.field(f"f{i}", inner()) for i in range(rng.randrange(4))])
    if kind == 1:
        return pa.map_(pa.string(), inner())
    if kind == 2:
        size = rng.randrange(0, 4)  # pyarrow makes those of size 0 of leaves only.
        return pa.list_(inner() if size else leaf_types(rng), size)
    if kind == 3:
        return pa.large_list(inner())
    if kind == 4:
        return pa.list_view(inner())
    if kind == 5:
        return pa.large_list_view(inner())
    if kind == 6:
        return pa.dictionary(rng.choice([pa.int8(), pa.uint16(), pa.int32(), pa.int64()]),
                             rng.choice([pa.string(), pa.int64(), pa.binary_view(),
                                         pa.decimal128(10, 2), pa.string_view()]))
    if kind == 7:
        return pa.run_end_encoded(rng.choice([pa.int16(), pa.int32(), pa.int64()]),
                                  leaf_types(rng))
    return pa.list_(inner())


def text(rng):
    return "".join(rng.choice("aäß€𝄞z") for _ in range(rng.choice([0, 1, 5, 12, 13, 90])))


def value(rng, t):
    if rng.random() < .15 or pa.types.is_null(t):
        return None
    if pa.types.is_boolean(t):
        return rng.random() < .5
    if pa.types.is_integer(t):
        low = 0 if pa.types.is_unsigned_integer(t) else -2**(t.bit_width - 1)
        high = low + 2**t.bit_width - 1
        return rng.choice([low, high, rng.randrange(low, high)])
    if pa.types.is_floating(t):
        return rng.choice([0.0, -0.0, math.nan, math.inf, rng.randrange(-99, 99) / 4])
    if pa.types.is_decimal(t):
        return D(rng.randrange(-10**t.precision + 1, 10**t.precision)).scaleb(
            -t.scale, decimal.Context(99))
    if pa.types.is_fixed_size_binary(t):
        return rng.randbytes(t.byte_width)
    if pa.types.is_string(t) or pa.types.is_large_string(t) or t == pa.string_view():
        return text(rng)
    if pa.types.is_binary(t) or pa.types.is_large_binary(t) or t == pa.binary_view():
        return rng.randbytes(rng.choice([0, 1, 12, 13, 40]))
    if t == pa.date64():
        return rng.randrange(0, 20000) * 86400000
    if pa.types.is_date32(t):
        return rng.randrange(-100000, 100000)
    if pa.types.is_time(t):
        return rng.randrange(0, 86400) * (1000 if t.unit == "ns" else 1)
    if pa.types.is_temporal(t) and t == pa.month_day_nano_interval():
        return (rng.randrange(99), rng.randrange(99), rng.randrange(10**12))
    if pa.types.is_temporal(t):  # Python has no nanoseconds.
        return rng.randrange(-10**9, 10**9) * (1000 if t.unit == "ns" else 1)
    if pa.types.is_struct(t):
        return {t.field(i).name: value(rng, t.field(i).type) for i in range(t.num_fields)}
    if pa.types.is_map(t):
        return [(str(i), value(rng, t.item_type)) for i in range(rng.randrange(4))]
    if pa.types.is_fixed_size_list(t):
        return [value(rng, t.value_type) for _ in range(t.list_size)]
    return [value(rng, t.value_type) for _ in range(rng.randrange(5))]


def array(rng, t, n):
    if pa.types.is_dictionary(t):
        words = pa.array([v for v in (value(rng, t.value_type) for _ in range(9))
                          if v is not None] or [value_not_null(t.value_type)], t.value_type)
        indices = [None if rng.random() < .2 else rng.randrange(len(words))
                   for _ in range(n)]
        return pa.DictionaryArray.from_arrays(pa.array(indices, t.index_type), words)
    if pa.types.is_run_end_encoded(t):
        ends = sorted(rng.sample(range(1, n), min(n - 1, rng.randrange(5)))) if n > 1 else []
        ends = ends + [n] if n else []
        values = pa.array([value(rng, t.value_type) for _ in ends], t.value_type)
        return pa.RunEndEncodedArray.from_arrays(pa.array(ends, t.run_end_type), values)
    return nested(rng, t, n)


def value_not_null(t):
    return D(1) if pa.types.is_decimal(t) else 1 if pa.types.is_integer(t) else \
        "w" if t == pa.string() or t == pa.string_view() else b"w"


def nested(rng, t, n):
    """Arrays whose children may be dictionaries and runs, which pa.array cannot make."""
    nulls = [rng.random() < .15 for _ in range(n)]
    mask = pa.array(nulls, pa.bool_())
    if pa.types.is_struct(t):
        if t.num_fields == 0:
            return pa.array([None if x else {} for x in nulls], t)
        return pa.StructArray.from_arrays([array(rng, f.type, n) for f in t],
                                          fields=list(t), mask=mask)
    if pa.types.is_fixed_size_list(t):
        values = array(rng, t.value_type, n * t.list_size)
        if t.list_size == 0:
            return pa.array([None if x else [] for x in nulls], t)
        return pa.FixedSizeListArray.from_arrays(values, type=t, mask=mask)
    makers = [(pa.types.is_map, None), (pa.types.is_large_list, pa.LargeListArray),
              (pa.types.is_list, pa.ListArray)]
    for test, maker in makers:
        if test(t):
            offsets = [0]
            for _ in range(n):
                offsets.append(offsets[-1] + rng.randrange(4))
            wide = pa.int64() if pa.types.is_large_list(t) else pa.int32()
            if maker is None:
                keys = pa.array([str(i) for i in range(offsets[-1])])
                return pa.MapArray.from_arrays(pa.array(offsets, wide), keys,
                                               array(rng, t.item_type, offsets[-1]))
            return maker.from_arrays(pa.array(offsets, wide),
                                     array(rng, t.value_type, offsets[-1]), type=t,
                                     mask=mask)
    for test, maker, wide in [(pa.types.is_list_view, pa.ListViewArray, pa.int32()),
                              (pa.types.is_large_list_view, pa.LargeListViewArray,
                               pa.int64())]:
        if test(t):
            total = rng.randrange(30)
            starts = [rng.randrange(total + 1) for _ in range(n)]
            sizes = [rng.randrange(min(4, total - s + 1)) for s in starts]
            return maker.from_arrays(pa.array(starts, wide), pa.array(sizes, wide),
                                     array(rng, t.value_type, total), type=t, mask=mask)
    return pa.array([value(rng, t) for _ in range(n)], t)


def random_batches(rng):
    count = rng.randrange(1, 6)
    fields = []
    for i in range(count):
        metadata = {b"PARQUET:field_id": str(i + 1).encode()} if rng.random() < .5 else None
        fields.append(pa.field(f"c{i} ä", any_type(rng, rng.randrange(4)),
                               metadata=metadata))
    schema = pa.schema(fields, metadata={"of": "all", "": "x"} if rng.random() < .5 else None)
    batches = []
    shared = {i: array(rng, f.type, 40) for i, f in enumerate(fields)}
    for _ in range(rng.randrange(4)):
        n = rng.choice([0, 1, 7, 8, 64, 100])
        arrays = []
        for i, f in enumerate(fields):
            has_dictionary = "dictionary" in str(f.type)
            if has_dictionary:  # One dictionary for all, so that files can have it.
                arrays.append(shared[i])
                n = 40
            else:
                arrays.append(None)
        for i, f in enumerate(fields):
            if arrays[i] is None:
                a = array(rng, f.type, n + 5)
                arrays[i] = a.slice(rng.randrange(6), n) if len(a) >= n + 5 else a
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return schema, batches


def write(path, schema, batches, stream, codec, **options):
    maker = pa.ipc.new_stream if stream else pa.ipc.new_file
    with maker(str(path), schema, options=pa.ipc.IpcWriteOptions(
            compression=codec, **options)) as writer:
        for b in batches:
            writer.write_batch(b)


def read(path, stream):
    opener = pa.ipc.open_stream if stream else pa.ipc.open_file
    with opener(str(path)) as reader:
        return reader.read_all()


def same(a, b):
    """Equal in type, nulls and values; NaN is NaN, and -0.0 is not 0.0."""
    if a.schema != b.schema or not a.schema.equals(b.schema, check_metadata=True):
        return f"schemas: {a.schema} / {b.schema}"
    if a.num_rows != b.num_rows:
        return f"{a.num_rows} / {b.num_rows} rows"
    for name, x, y in zip(a.schema.names, a.columns, b.columns):
        x, y = repr(x.to_pylist()), repr(y.to_pylist())
        if x != y:
            return f"{name}: {x[:300]} / {y[:300]}"
    return None


def copy(source, how, out, form, codec):
    done = subprocess.run([COPY, str(source), how, str(out), form, codec or "none"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return int(done.stdout)


def test_every_layout_both_ways(folder):
    files = 0
    for seed in range(SEEDS):
        rng = random.Random(seed)
        try:
            schema, batches = random_batches(rng)
        except pa.ArrowException:  # A type whose arrays pyarrow cannot make.
            continue
        wanted = pa.Table.from_batches(batches, schema)
        stream = rng.random() < .5
        codec = rng.choice([None, "lz4", "zstd"])
        v4 = rng.random() < .2
        source = folder / ("in.arrows" if stream else "in.arrow")
        options = {"metadata_version": pa.ipc.MetadataVersion.V4} if v4 else {}
        if rng.random() < .2:
            options["use_legacy_format"] = True
        write(source, schema, batches, stream, codec, **options)
        for how, form, ours in itertools.product(("forward", "file"), ("stream", "file"),
                                                 (None, "lz4", "zstd")):
            try:
                rows = copy(source, how, folder / "out", form, ours)
                problem = same(wanted, read(folder / "out", form == "stream"))
                if rows != wanted.num_rows:
                    problem = f"{rows} rows, {wanted.num_rows} expected"
            except Exception as e:
                problem = repr(e)
            if problem:
                raise AssertionError(f"seed {seed} ({codec}, stream={stream}, {options}) "
                                     f"{how}->{form} {ours}: {problem}\n{schema}")
            files += 1
    assert files >= SEEDS * 8, f"only {files} copies of {SEEDS} seeds"
    print(f"every layout both ways: {SEEDS} seeds, {files} copies")


def datashard(*arguments, input=None):
    done = subprocess.run([PROGRAM, *map(str, arguments)], input=input, capture_output=True)
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: {done.stderr.decode()}")
    return done.stdout


TABLE_TYPES = [
    pa.bool_(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.decimal128(20, 3),
    pa.date32(), pa.time64("us"), pa.timestamp("us"), pa.timestamp("us", "UTC"),
    pa.string(), pa.binary(), pa.binary(5), pa.list_(pa.string()),
    pa.struct([("a", pa.int64()), ("b", pa.list_(pa.float64()))]),
    pa.map_(pa.string(), pa.list_(pa.int32())),
]
# Layouts that become one of those: the values stay, the type is Iceberg's.
NARROWER = {
    pa.int8(): pa.int32(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(),
    pa.large_string(): pa.string(), pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(), pa.binary_view(): pa.binary(),
    pa.dictionary(pa.int8(), pa.string()): pa.string(),
    pa.run_end_encoded(pa.int32(), pa.int64()): pa.int64(),
    pa.large_list(pa.int64()): pa.list_(pa.int64()),
    pa.list_view(pa.string_view()): pa.list_(pa.string()),
    pa.decimal64(15, 2): pa.decimal128(15, 2),
}


def test_tables_take_and_give_them(folder):
    types = TABLE_TYPES + list(NARROWER)
    rng = random.Random(7)
    fields = [pa.field(f"c{i}", t) for i, t in enumerate(types)]
    schema = pa.schema(fields)
    batches = [pa.RecordBatch.from_arrays([array(rng, t, n) for t in types], schema=schema)
               for n in (0, 3, 1000)]
    wanted = pa.Table.from_batches(batches, schema)
    for codec, stream in itertools.product((None, "lz4", "zstd"), (True, False)):
        source = folder / ("t.arrows" if stream else "t.arrow")
        if not stream:  # A file has one dictionary a column.
            batches = [pa.Table.from_batches(batches, schema).combine_chunks()
                       .to_batches()[0]]
        write(source, schema, batches, stream, codec)
        table = folder / f"table{codec}{stream}"
        datashard("create", table, "--like", source)
        datashard("append", table, source)
        datashard("append", table, "-", "--format", "arrow", input=source.read_bytes())
        for ours in ("none", "lz4", "zstd"):
            out = datashard("scan", table, "--format", "arrow", "--compression", ours)
            with pa.ipc.open_stream(out) as reader:
                found = reader.read_all()
            check_table(wanted, found)
        datashard("scan", table, "--output", folder / "back.arrow", "--compression", "lz4")
        check_table(wanted, read(folder / "back.arrow", False))
        check_others(folder / "back.arrow", found)
    print("tables take and give them: every type, 6 sources")


def check_table(wanted, found):
    assert found.num_rows == 2 * wanted.num_rows, found.num_rows
    for i, name in enumerate(wanted.schema.names):
        t = found.schema.field(i).type
        target = NARROWER.get(wanted.schema.field(i).type, wanted.schema.field(i).type)
        same_type = str(t).replace("element", "item") == str(target)
        assert same_type or pa.types.is_nested(t), f"{name}: {t}, not {target}"
        twice = wanted.column(i).to_pylist() * 2
        got = found.column(i).to_pylist()
        assert repr(got) == repr(twice), \
            f"{name} ({wanted.schema.field(i).type}): {got[:5]} / {twice[:5]}"


def check_others(path, table):
    """polars reads our files too."""
    frame = polars.read_ipc(path)
    assert frame.shape == (table.num_rows, table.num_columns), frame.shape
    for name in ("c1", "c2", "c10"):
        assert frame[name].to_list() == table.column(name).to_pylist(), name
    frame = frame.select([f"c{i}" for i in (0, 1, 2, 4, 6, 8, 9, 10)])
    for compression in ("uncompressed", "lz4", "zstd"):
        frame.write_ipc(path.with_name("p.arrow"), compression=compression)
        frame.write_ipc_stream(path.with_name("p.arrows"), compression=compression)
        for name in ("p.arrow", "p.arrows"):
            out = path.with_name("copy.arrow")
            assert copy(path.with_name(name), "file", out, "file", None) == len(frame)
            back = polars.read_ipc(out)
            assert back.equals(frame), f"polars {name} {compression}"


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        test_every_layout_both_ways(folder)
        if PROGRAM:
            test_tables_take_and_give_them(folder)


main()
