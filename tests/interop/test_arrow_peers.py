"""pyarrow hands over nested arrays of every layout, in slices and with nonsense under nulls;
what comes back from datashard, as text, as a file and as a stream, must be the same values.

usage: test_arrow_peers.py        (DATASHARD_LIBRARY names the shared library; SEED=N)
"""
import ctypes
import datetime
import decimal
import json
import os
import pathlib
import random
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "parquet"))
import ours  # noqa: E402

DEPTH = 4
D = decimal.Decimal


# --- arrays, and the values they stand for ------------------------------------------------

def nulls(rng, n):
    return [rng.random() < .25 for _ in range(n)] if rng.random() < .7 else [False] * n


def leaf(rng, n, simple):
    """`simple`: what JSON has a form of its own for."""
    text = lambda: "".join(rng.choice("aäß€𝄞z\n\"") for _ in range(rng.choice([0, 1, 9, 40])))
    day = lambda: datetime.date(1970, 1, 1) + datetime.timedelta(rng.randrange(-9999, 20000))
    moment = lambda: (datetime.datetime(1970, 1, 1) +
                      datetime.timedelta(milliseconds=rng.randrange(-10**13, 10**13)))
    zoned = lambda: moment().replace(tzinfo=datetime.timezone.utc)
    kinds = [
        (pa.bool_(), lambda: rng.random() < .5), (pa.int8(), lambda: rng.randrange(-128, 128)),
        (pa.int64(), lambda: rng.getrandbits(63) - 2**62),
        (pa.uint16(), lambda: rng.getrandbits(16)), (pa.uint32(), lambda: rng.getrandbits(32)),
        (pa.float64(), lambda: rng.randrange(-9999, 9999) / 8), (pa.string(), text),
        (pa.large_string(), text), (pa.string_view(), text)]
    if not simple:
        data = lambda: rng.randbytes(rng.choice([0, 3, 12, 13, 50]))
        kinds += [
            (pa.int32(), lambda: rng.getrandbits(31)),
            (pa.float16(), lambda: float(rng.randrange(99))),
            (pa.float32(), lambda: rng.randrange(-99, 99) / 4),
            (pa.decimal128(9, 2), lambda: D(rng.randrange(-10**8, 10**8)) / 100),
            (pa.decimal128(38, 0), lambda: D(rng.randrange(-10**37, 10**37))),
            (pa.decimal256(20, 3), lambda: D(rng.randrange(-10**18, 10**18)) / 1000),
            (pa.date32(), day), (pa.date64(), day), (pa.time32("ms"), lambda: moment().time()),
            (pa.time64("us"), lambda: moment().time()),
            (pa.timestamp("s"), lambda: moment().replace(microsecond=0)),
            (pa.timestamp("ms"), moment), (pa.timestamp("us", "UTC"), zoned),
            (pa.binary(), data), (pa.large_binary(), data), (pa.binary_view(), data),
            (pa.binary(5), lambda: rng.randbytes(5))]
    t, make = rng.choice(kinds)
    values = [None if gone else make() for gone in nulls(rng, n)]
    return pa.array(values, t), values


def hide(values, gone):
    return [None if g else v for v, g in zip(values, gone)]


def mask(gone):
    return pa.array(gone, pa.bool_())


def struct(rng, n, depth, simple):
    parts = [array(rng, n, depth - 1, simple) for _ in range(rng.randrange(1, 4))]
    names = [f"f{i}" for i in range(len(parts))]
    gone = nulls(rng, n)
    fields = [pa.field(name, a.type, a.null_count > 0 or pa.types.is_run_end_encoded(a.type)
                       or pa.types.is_dictionary(a.type) or rng.random() < .5)
              for name, (a, _) in zip(names, parts)]
    made = pa.StructArray.from_arrays([a for a, _ in parts], fields=fields, mask=mask(gone))
    rows = [dict(zip(names, row)) for row in zip(*(v for _, v in parts))]
    return made, hide(rows, gone)


def cuts(rng, n, most=4):
    ends = [rng.randrange(3)]
    for _ in range(n):
        ends.append(ends[-1] + rng.randrange(most))
    return ends


def lists(rng, n, depth, simple):
    layout = rng.choice(["list", "large", "fixed", "view", "large_view"])
    gone = nulls(rng, n)
    if layout == "fixed":
        size = rng.randrange(1, 4)
        child, values = array(rng, n * size, depth - 1, simple)
        made = pa.FixedSizeListArray.from_arrays(child, size, mask=mask(gone))
        return made, hide([values[i * size:(i + 1) * size] for i in range(n)], gone)
    ends = cuts(rng, n)
    child, values = array(rng, ends[-1] + rng.randrange(3), depth - 1, simple)
    wide = pa.int64() if layout.startswith("large") else pa.int32()
    if layout in ("list", "large"):
        kind = pa.ListArray if layout == "list" else pa.LargeListArray
        made = kind.from_arrays(pa.array(ends, wide), child, mask=mask(gone))
        return made, hide([values[a:b] for a, b in zip(ends, ends[1:])], gone)
    places = [(a, b - a) for a, b in zip(ends, ends[1:])]
    if rng.random() < .7:  # In any order, one over the other.
        places = [(rng.randrange(len(values) - size + 1), size) for _, size in places]
    kind = pa.ListViewArray if layout == "view" else pa.LargeListViewArray
    made = kind.from_arrays(pa.array([a for a, _ in places], wide),
                            pa.array([s for _, s in places], wide), child, mask=mask(gone))
    return made, hide([values[a:a + s] for a, s in places], gone)


def maps(rng, n, depth, simple):
    ends = cuts(rng, n)
    gone = nulls(rng, n)
    if simple or rng.random() < .5:
        keys = [f"k{i}" for i in range(ends[-1])]
        key_array = pa.array(keys, rng.choice([pa.string(), pa.large_string()]))
    else:
        keys = list(range(ends[-1]))
        key_array = pa.array(keys, pa.int32())
    items, values = array(rng, ends[-1], depth - 1, simple)
    made = pa.MapArray.from_arrays(pa.array(ends, pa.int32()), key_array, items,
                                   mask=mask(gone))
    rows = [list(zip(keys[a:b], values[a:b])) for a, b in zip(ends, ends[1:])]
    return made, hide(rows, gone)


def dictionary(rng, n, depth, simple):
    entries, values = array(rng, rng.randrange(1, 6), depth - 1, simple)
    codes = [None if gone else rng.randrange(len(values)) for gone in nulls(rng, n)]
    kind = rng.choice([pa.int8(), pa.uint16(), pa.int32(), pa.int64()])
    made = pa.DictionaryArray.from_arrays(pa.array(codes, kind), entries)
    return made, [None if c is None else values[c] for c in codes]


def runs(rng, n, depth, simple):
    ends = sorted({n, *(rng.randrange(1, n + 1) for _ in range(rng.randrange(5)))}) if n else []
    child, values = array(rng, len(ends), depth - 1, simple)
    made = pa.RunEndEncodedArray.from_arrays(
        pa.array(ends, rng.choice([pa.int16(), pa.int32(), pa.int64()])), child)
    rows, at = [], 0
    for row in range(n):
        at += ends[at] <= row
        rows.append(values[at])
    return made, rows


def array(rng, n, depth, simple):
    """An array of n values, and the values."""
    before, after = rng.choice([(0, 0), (0, 3), (9, 0), (3, 1)])
    make = rng.choice([struct, lists, lists, maps, dictionary, runs]) if depth > 0 else None
    whole = n + before + after
    made, values = (make(rng, whole, depth, simple) if make and rng.random() < .8
                    else leaf(rng, whole, simple))
    return made.slice(before, n), values[before:before + n]


def table(rng, simple=False):
    """A stream's schema, its batches, and each column's values."""
    n, columns = rng.randrange(60), {}
    parts = {f"c{i}": array(rng, n, DEPTH, simple) for i in range(rng.randrange(1, 5))}
    schema = pa.schema([pa.field(name, a.type) for name, (a, _) in parts.items()])
    whole = pa.record_batch([a for a, _ in parts.values()], schema)
    columns = {name: values for name, (_, values) in parts.items()}
    cut = rng.randrange(n + 1)
    return schema, [whole.slice(0, cut), whole.slice(cut)], columns


# --- the ways through ---------------------------------------------------------------------

READ = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t,
                        ctypes.c_void_p)
WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t,
                         ctypes.c_void_p)
JSONL = 2


class RowsOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("format", ctypes.c_int), ("read", READ),
                ("read_arg", ctypes.c_void_p), ("name", ctypes.c_char_p),
                ("schema", ctypes.c_void_p), ("delimiter", ctypes.c_char),
                ("batch_rows_max", ctypes.c_uint32)]


class Form(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("string_view", ctypes.c_bool),
                ("dictionary", ctypes.c_bool),
                ("dictionary_columns", ctypes.POINTER(ctypes.c_char_p)),
                ("dictionary_column_count", ctypes.c_size_t)]


def stream_of(schema, batches):
    s = ours.Stream()
    pa.RecordBatchReader.from_batches(schema, batches)._export_to_c(s.address)
    return s


def to_json(schema, batches):
    """Every row as an object, by datashard."""
    pieces, err, rows = [], ours.Error(), ctypes.c_int64(-1)

    def write(arg, data, size, failure):
        pieces.append(ctypes.string_at(data, size))
        return 0

    s, callback = stream_of(schema, batches), WRITE(write)
    ours.check(ours.library.ds_rows_write(ctypes.c_void_p(s.address), JSONL, callback, None,
                                          ctypes.byref(rows), ctypes.byref(err)), err)
    text = b"".join(pieces)
    assert rows.value == sum(b.num_rows for b in batches) == text.count(b"\n")
    return text


def release_schema(room):
    """pyarrow cannot take back all it gives (runs inside other types)."""
    release = ctypes.cast(room, ctypes.POINTER(ctypes.c_void_p))[7]
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(release)(ctypes.addressof(room))


def from_json(schema, text):
    """Rows of a schema that is pyarrow's, read by datashard."""
    err, rows, out = ours.Error(), ctypes.c_void_p(), []
    left = [text]

    def read(arg, data, size, failure):
        piece, left[0] = left[0][:size], left[0][size:]
        ctypes.memmove(data, piece, len(piece))
        return len(piece)

    room = ctypes.create_string_buffer(ours.SCHEMA_BYTES)
    array_room = ctypes.create_string_buffer(10 * ctypes.sizeof(ctypes.c_void_p))
    schema._export_to_c(ctypes.addressof(room))
    callback = READ(read)
    options = RowsOptions(struct_size=ctypes.sizeof(RowsOptions), format=JSONL, read=callback,
                          schema=ctypes.addressof(room))
    library = ours.library
    try:
        ours.check(library.ds_rows_open(ctypes.byref(options), ctypes.byref(rows),
                                        ctypes.byref(err)), err)
        while True:
            rc = library.ds_rows_next(rows, array_room, ctypes.byref(err))
            ours.check(rc, err)
            if rc == 0:
                break
            batch = pa.RecordBatch._import_from_c(ctypes.addressof(array_room),
                                                  plain_schema(schema))
            batch.validate(full=True)
            out.append(batch)
    finally:
        library.ds_rows_free(rows)
        release_schema(room)
    return pa.Table.from_batches(out, plain_schema(schema))


def plain_type(t):
    """The layout in which datashard hands out what came in as t."""
    if pa.types.is_dictionary(t) or pa.types.is_run_end_encoded(t):
        return plain_type(t.value_type)
    if pa.types.is_struct(t):
        return pa.struct([pa.field(f.name, plain_type(f.type), f.nullable) for f in t.fields])
    if pa.types.is_map(t):
        return pa.map_(plain_type(t.key_type), plain_type(t.item_type))
    if hasattr(t, "value_field"):
        return pa.list_(pa.field("element", plain_type(t.value_type), t.value_field.nullable))
    for wide, given in (("int32", ("int8", "int16", "uint8", "uint16")), ("int64", ("uint32",)),
                        ("float", ("halffloat",)), ("string", ("large_string", "string_view")),
                        ("binary", ("large_binary", "binary_view"))):
        if str(t) in given:
            return pa.type_for_alias(wide)
    return t


def plain_schema(schema):
    return pa.schema([pa.field(f.name, plain_type(f.type), f.nullable) for f in schema])


def json_of(t, value):
    """A value as JSON's reader gives it; only the type knows a map from a list."""
    if value is None:
        return None
    if pa.types.is_dictionary(t) or pa.types.is_run_end_encoded(t):
        return json_of(t.value_type, value)
    if pa.types.is_struct(t):
        return {f.name: json_of(f.type, value[f.name]) for f in t.fields}
    if pa.types.is_map(t):
        return {k: json_of(t.item_type, v) for k, v in value}
    if hasattr(t, "value_field"):
        return [json_of(t.value_type, v) for v in value]
    return value


def same(found, wanted, what):
    assert found.num_rows == len(next(iter(wanted.values()))), what
    for name, values in wanted.items():
        is_now = found[name].to_pylist()
        for row, (a, b) in enumerate(zip(is_now, values)):
            assert a == b, f"{what}: column {name}, row {row}: {a!r} is not {b!r}"


# --- the tests ----------------------------------------------------------------------------

def through_text(rng):
    schema, batches, columns = table(rng, simple=True)
    text = to_json(schema, batches)
    for row, line in enumerate(text.splitlines()):
        for name, value in json.loads(line).items():
            wanted = json_of(schema.field(name).type, columns[name][row])
            assert value == wanted, f"column {name}, row {row}: {value!r} is not {wanted!r}"
    same(from_json(schema, text), columns, "read as JSON")


def through_files(rng, folder):
    schema, batches, columns = table(rng)
    path = os.path.join(folder, f"{rng.getrandbits(60)}.parquet")
    s, err, rows = stream_of(schema, batches), ours.Error(), ctypes.c_int64(-1)
    ours.check(ours.library.ds_file_write(os.fsencode(path), ctypes.c_void_p(s.address),
                                          ctypes.byref(rows), ctypes.byref(err)), err)
    found = pq.read_table(path)
    found.validate(full=True)
    same(found, columns, "read by pyarrow")
    same(ours.scan_file(path), columns, "scanned")
    for form in (Form(string_view=True), Form(dictionary=True), Form(dictionary=True,
                                                                     string_view=True)):
        form.struct_size = ctypes.sizeof(Form)
        s, err = ours.Stream(), ours.Error()
        ours.check(ours.library.ds_file_scan_as(
            os.fsencode(path), ctypes.byref(form), ctypes.c_void_p(s.address),
            ctypes.byref(err)), err)
        same(s.read(), columns, f"scanned, {form.string_view}, {form.dictionary}")
    os.remove(path)


def refusals():
    inner = pa.struct([pa.field("a", pa.int32(), nullable=False)])
    rows = pa.array([[{"a": 1}], None, [{"a": 2}, {"a": None}]], pa.list_(inner))
    schema = pa.schema([pa.field("xs", rows.type)])
    try:
        to_json(schema, [pa.record_batch([rows], schema)])
        raise AssertionError("a null in a required field was taken")
    except ours.Refused as e:
        assert "column xs.element.a, row 2: null, but the column is required" in str(e), e


def extensions(folder):
    """What a shape, a variant and a uuid are is told by a file, and by a scan of it."""
    def marked(name, t, extension, parameters):
        return pa.field(name, t, metadata={"ARROW:extension:name": extension,
                                           "ARROW:extension:metadata": parameters})
    shape = bytes.fromhex("0101000000000000000000f03f0000000000000040")
    parts = pa.struct([pa.field("metadata", pa.binary(), False),
                       pa.field("value", pa.binary(), False)])
    uuids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef"],
                                                               pa.binary(16)))
    crs = '{"crs":"EPSG:3857","crs_type":"authority_code"}'
    table = pa.table(
        [pa.array([shape, None]),
         pa.array([{"metadata": b"\1\0\0", "value": b"\x0c\5"}, None], parts),
         pa.ListArray.from_arrays(pa.array([0, 1, 1], pa.int32()), uuids)],
        pa.schema([marked("g", pa.binary(), "geoarrow.wkb", crs),
                   marked("v", parts, "arrow.parquet.variant", ""),
                   pa.field("u", pa.list_(pa.uuid()))]))
    path = os.path.join(folder, "extensions.parquet")
    ours.write_file(path, table)
    kinds = str(pq.ParquetFile(path).schema)
    for words in ("g (Geometry(crs=EPSG:3857))", "v (Variant(1))", "element (UUID)"):
        assert words in kinds, kinds
    back = ours.scan_file(path)
    assert back.to_pylist() == table.to_pylist()
    for name, parameters in (("g", crs), ("v", "")):
        metadata = back.field(name).metadata
        assert metadata[b"ARROW:extension:name"] == table.field(name).metadata[
            b"ARROW:extension:name"], metadata
        assert metadata[b"ARROW:extension:metadata"] == parameters.encode(), metadata
    assert back.field("u").type.value_type == pa.uuid()


def main():
    seed = int(os.environ.get("SEED", random.randrange(2**31)))
    rounds = int(os.environ.get("ROUNDS", 150))
    refusals()
    with tempfile.TemporaryDirectory() as folder:
        extensions(folder)
        for i in range(rounds):
            print(f"seed {seed + i}", end="\r", flush=True)
            for way in (through_text, lambda r: through_files(r, folder)):
                try:
                    way(random.Random(seed + i))
                except Exception:
                    print(f"\nfailed with SEED={seed + i} ROUNDS=1")
                    raise
    print(f"ok: {rounds} tables, seeds from {seed}")


main()
