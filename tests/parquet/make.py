"""Random schemas and random rows: every type, any nesting, and the values that break things.

Everything follows from a numpy Generator, so a seed is a table.
"""
import decimal

import numpy as np
import pyarrow as pa

MICROS_MIN = -62135596800 * 10**6  # 0001-01-01, where Python's and others' dates end.
MICROS_MAX = 253402300800 * 10**6 - 1  # 9999-12-31.
DAYS_MIN, DAYS_MAX = -719162, 2932896
FLOAT_BITS = {
    np.float16: [0, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0x7e01, 0xfe2a, 1, 0x7bff],
    np.float32: [0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7fc12345, 0xffc00001,
                 1, 0x7f7fffff, 0x00800000],
    np.float64: [0, 1 << 63, 0x7ff << 52, 0xfff << 52, 0x7ff8 << 48, 0x7ff8000000012345,
                 0xfff8000000000001, 1, 0x7fefffffffffffff, 1 << 52],
}
PIECES = ["", "a", "b", "zz", "naïve", "€", "😀", "\U0010ffff", "\0", "\x7f", "ÿ", "\ufeff",
          "line\n", "longer text with a common start ", "\ue000", "\ud7ff"]

INTEGERS = {t: np.dtype(str(t)) for t in (pa.int8(), pa.int16(), pa.int32(), pa.int64(),
                                          pa.uint8(), pa.uint16(), pa.uint32())}


def simple_types():
    """What Iceberg has a type for, in every carrier."""
    return [
        pa.bool_(), *INTEGERS, pa.float16(), pa.float32(), pa.float64(), pa.date32(),
        pa.time32("ms"), pa.time64("us"),
        *(pa.timestamp(u, z) for u in ("ms", "us", "ns") for z in (None, "UTC")),
        pa.string(), pa.string(), pa.large_string(), pa.binary(), pa.large_binary(),
        pa.uuid(), "decimal", "decimal", "fixed", pa.dictionary(pa.int32(), pa.string()),
    ]


def any_field(rng, name, types, depth):
    t = any_type(rng, types, depth)
    return pa.field(name, t, pa.types.is_null(t) or bool(rng.random() < .75))


def any_type(rng, types, depth):
    if depth > 1 and rng.random() < .45:
        kind = rng.integers(3)
        if kind == 0:
            names = [f"f{i}" for i in range(rng.integers(1, 5))]
            return pa.struct([any_field(rng, n, types, depth - 1) for n in names])
        element = any_field(rng, "element", types, depth - 1)
        if kind == 1:
            return pa.list_(element) if rng.random() < .8 else pa.large_list(element)
        key = pa.field("key", [pa.string(), pa.int32(), pa.int64(), pa.date32(),
                               pa.binary()][rng.integers(5)], False)
        return pa.map_(key, pa.field("value", element.type, element.nullable))
    t = types[rng.integers(len(types))]
    if isinstance(t, str):
        if t == "fixed":
            return pa.binary(int(rng.choice([1, 2, 5, 8, 16, 33])))
        precision = int(rng.choice([1, 4, 9, 10, 18, 19, 28, 37, 38]))
        return pa.decimal128(precision, int(rng.integers(0, precision + 1)))
    return t


def schema(rng, types=None, depth=5, ids=True, columns_max=7):
    types = types or simple_types()
    deep = 1 if rng.random() < .35 else int(rng.integers(1, depth + 1))
    names = ["id", "a", "Ünï €", "b c", "x_1", "Y", "very_" + "long_" * 20 + "name", "z"]
    fields = [any_field(rng, names[i], types, deep)
              for i in range(rng.integers(1, columns_max + 1))]
    if not ids:
        return pa.schema(fields)
    next_id = [0]
    return pa.schema([with_ids(f, next_id) for f in fields])


def with_ids(field, next_id):
    """The field again, with Parquet field ids on it and everything below."""
    next_id[0] += 1
    mark = {"PARQUET:field_id": str(next_id[0])}
    t = field.type
    if pa.types.is_struct(t):
        t = pa.struct([with_ids(t.field(i), next_id) for i in range(t.num_fields)])
    elif pa.types.is_list(t):
        t = pa.list_(with_ids(t.value_field, next_id))
    elif pa.types.is_large_list(t):
        t = pa.large_list(with_ids(t.value_field, next_id))
    elif pa.types.is_map(t):
        t = pa.map_(with_ids(t.key_field, next_id), with_ids(t.item_field, next_id))
    return pa.field(field.name, t, field.nullable, mark)


def pattern(rng, n, distinct):
    """Indexes into `distinct` things: few, runs of one, sorted, or anything."""
    kind = rng.integers(5)
    if kind == 0:
        return rng.integers(0, min(distinct, 1 + int(rng.integers(8))), n)
    if kind == 1 and n:
        cuts = np.sort(rng.integers(0, n, 1 + n // 50))
        return rng.integers(0, distinct, len(cuts) + 1)[np.searchsorted(cuts, np.arange(n))]
    if kind == 2:
        return np.sort(rng.integers(0, distinct, n))
    return rng.integers(0, distinct, n)


def integers(rng, n, low, high):
    """Within [low, high]: small ones, steps, extremes, any."""
    if n == 0:
        return np.zeros(0, object)
    span = high - low
    kind = rng.integers(5)
    if kind == 0:
        some = np.array([low, high, max(low, -1), 0 if low <= 0 else low, min(high, 1)],
                        object)
        return some[pattern(rng, n, len(some))]
    if kind == 1:
        some = rng.integers(0, min(span, 40) + 1, 50).astype(object) + max(low, -20)
        return np.minimum(some[pattern(rng, n, 50)], high)
    if kind == 2:
        step = max(1, min(span // (2 * n + 2), int(rng.integers(1, 5000))))
        start = low + span // 4
        jitter = rng.integers(0, step, n) if rng.random() < .5 else np.zeros(n, np.int64)
        made = start + (np.arange(n) * step + jitter).astype(object)
        return np.minimum(made, high)
    some = np.array([low + int.from_bytes(rng.bytes(17), "little") % (span + 1)
                     for _ in range(min(n, 300))] or [low], object)
    if kind == 3:
        return some[pattern(rng, n, len(some))]
    return some[np.arange(n) % len(some)]


def floats(rng, n, kind):
    bits = {np.float16: np.uint16, np.float32: np.uint32, np.float64: np.uint64}[kind]
    special = np.array(FLOAT_BITS[kind], bits).view(kind)
    with np.errstate(over="ignore", invalid="ignore"):
        ordinary = [rng.normal(0, 1000, n), rng.integers(0, 20, n) / 4,
                    rng.random(n)][rng.integers(3)].astype(kind)
    if rng.random() < .5:
        take = rng.random(n) < rng.choice([.02, .3, 1])
        ordinary = np.where(take, special[rng.integers(0, len(special), n)], ordinary)
    return ordinary


def texts(rng, n):
    kind = rng.integers(4)
    if kind == 0:
        pool = PIECES
    elif kind == 1:
        pool = [f"{PIECES[13]}{i:05}" for i in sorted(rng.integers(0, 99999, 200))]
    elif kind == 2:
        pool = ["".join(PIECES[k] for k in rng.integers(0, len(PIECES), rng.integers(9)))
                for _ in range(60)]
    else:
        pool = ["x" * int(rng.integers(0, 3000)) + str(i) for i in range(5)] + ["", "y"]
    picked = pattern(rng, n, len(pool))
    pool = np.array(pool + [None], object)[:-1]
    return pool[picked]


def blobs(rng, n):
    pool = [rng.bytes(int(rng.choice([0, 1, 2, 7, 64, 65, 900]))) for _ in range(40)]
    pool += [b"", b"\xff" * 70, b"\xff" * 3, b"\0"]
    pool = np.array(pool + [None], object)[:-1]
    return pool[pattern(rng, n, len(pool))]


def of_pool(rng, n, pool):
    if n == 0:
        return []
    pool = np.array(pool + [None], object)[:-1]
    return pool[pattern(rng, n, len(pool))]


def primitive(rng, t, n, mask):
    """An array of n values, null where `mask` (may be None) is set."""
    if pa.types.is_dictionary(t):
        return primitive(rng, t.value_type, n, mask).dictionary_encode().cast(t)
    if isinstance(t, pa.BaseExtensionType):
        return t.wrap_array(primitive(rng, t.storage_type, n, mask))
    if pa.types.is_null(t):
        return pa.nulls(n)
    if pa.types.is_boolean(t):
        made = pattern(rng, n, 2).astype(bool)
    elif t in INTEGERS:
        limits = np.iinfo(INTEGERS[t])
        made = integers(rng, n, int(limits.min), int(limits.max)).astype(INTEGERS[t])
    elif pa.types.is_floating(t):
        made = floats(rng, n, t.to_pandas_dtype())
    elif pa.types.is_date32(t):
        made = integers(rng, n, DAYS_MIN, DAYS_MAX).astype(np.int32)
    elif pa.types.is_time(t):
        per_day = 86400 * {"ms": 10**3, "us": 10**6, "ns": 10**9}[t.unit]
        if t.unit == "ns":  # Iceberg's time has microseconds.
            made = integers(rng, n, 0, per_day // 1000 - 1).astype(np.int64) * 1000
        else:
            made = integers(rng, n, 0, per_day - 1).astype(np.int64)
        made = made.astype(np.int32 if t.bit_width == 32 else np.int64)
    elif pa.types.is_timestamp(t):
        low, high = (-2**63, 2**63 - 1) if t.unit == "ns" else (MICROS_MIN, MICROS_MAX)
        k = 1000 if t.unit == "ms" else 1
        made = integers(rng, n, low // k, high // k).astype(np.int64)
    elif pa.types.is_decimal(t):
        whole = 10**t.precision - 1
        context = decimal.Context(60)
        made = [decimal.Decimal(int(v)).scaleb(-t.scale, context)
                for v in integers(rng, n, -whole, whole)]
    elif pa.types.is_fixed_size_binary(t):
        size = t.byte_width
        made = of_pool(rng, n, [rng.bytes(size) for _ in range(30)] + [b"\0" * size,
                                                                     b"\xff" * size])
    elif pa.types.is_binary(t) or pa.types.is_large_binary(t):
        made = blobs(rng, n)
    else:
        made = texts(rng, n)
    if mask is not None and isinstance(made, list):
        made = [None if m else v for v, m in zip(made, mask)]
        mask = None
    if isinstance(made, np.ndarray) and made.dtype != object:
        return masked(made, t, mask)
    return pa.array(made, t, mask=mask)


def masked(made, t, mask):
    """NaN stays NaN, whatever from_pandas would make of it."""
    if pa.types.is_temporal(t):
        return pa.array(made, pa.int32() if t.bit_width == 32 else pa.int64(),
                        mask=mask).view(t)
    return pa.array(made, t, mask=mask, from_pandas=False)


def null_mask(rng, n, nullable):
    if not nullable or rng.random() < .25:
        return None
    return rng.random(n) < rng.choice([.03, .3, .9, 1])


def counts(rng, n, mask):
    """How long each of n lists is; sometimes a null has elements nobody sees."""
    most = int(rng.choice([0, 1, 3, 3, 6]))
    made = rng.integers(0, most + 1, n)
    if n and rng.random() < .1:
        made[rng.integers(0, n)] = 200
    if mask is not None and rng.random() < .8:
        made = np.where(mask, 0, made)
    return made


def distinct_keys(rng, t, sizes):
    """Keys that no map has twice: their place in the map is part of them."""
    place = np.concatenate([np.arange(k) for k in sizes]) if len(sizes) else np.arange(0)
    salt = rng.integers(0, 3, len(place)) * 1000
    numbers = (place + salt).astype(np.int64)
    if pa.types.is_integer(t):
        return pa.array(numbers, pa.int64()).cast(t)
    if pa.types.is_date32(t):
        return pa.array(numbers.astype(np.int32)).view(t)
    return pa.array([f"k{v}" for v in numbers], pa.string()).cast(t)


def array(rng, field, n, size_max=20000):
    """Rows for a field. Deep lists are kept from growing past size_max elements."""
    t, mask = field.type, null_mask(rng, n, field.nullable)
    if pa.types.is_struct(t):
        children = [array(rng, t.field(i), n, size_max) for i in range(t.num_fields)]
        return pa.StructArray.from_arrays(
            children, fields=[t.field(i) for i in range(t.num_fields)],
            mask=None if mask is None else pa.array(mask))
    if not (pa.types.is_list(t) or pa.types.is_large_list(t) or pa.types.is_map(t)):
        return primitive(rng, t, n, mask)
    sizes = counts(rng, n, mask)
    while sizes.sum() > size_max:
        sizes = sizes // 2
    wide = np.int64 if pa.types.is_large_list(t) else np.int32
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]).astype(wide))
    m = None if mask is None else pa.array(mask)
    if pa.types.is_map(t):
        keys = distinct_keys(rng, t.key_type, sizes)
        items = array(rng, t.item_field, len(keys), size_max)
        return pa.MapArray.from_arrays(offsets, keys, items, t, mask=m)
    values = array(rng, t.value_field, int(sizes.sum()), size_max)
    made = pa.LargeListArray if pa.types.is_large_list(t) else pa.ListArray
    return made.from_arrays(offsets, values, t, mask=m)


def rows(rng, long=False):
    if long:
        return int(rng.integers(0, 30000))
    kind = rng.integers(10)
    return [0, 1, 2][kind] if kind < 3 and rng.random() < .5 else int(
        rng.choice([7, 8, 9, 31, 64, 100, 129, 300, 300, 1000, 3000]))


def table(rng, the_schema, n):
    return pa.table([array(rng, f, n) for f in the_schema], the_schema)
