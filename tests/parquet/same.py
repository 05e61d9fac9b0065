"""Are two pyarrow tables the same rows? To the bit: -0.0 is not 0.0, and a NaN's payload
counts. Types may differ in their carrier alone (a dictionary of text is text, an int8 is an
int, milliseconds are microseconds when the instant is the same), never in their meaning.
"""
import uuid

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


class Mismatch(AssertionError):
    pass


def plain(array):
    """Without extension, dictionary or run ends; one chunk."""
    while True:
        t = array.type
        if isinstance(array, pa.ChunkedArray):
            array = (pa.concat_arrays([plain(c) for c in array.chunks])
                     if array.num_chunks else pa.array([], type_of(t)))
        elif isinstance(t, pa.BaseExtensionType):
            array = array.storage
        elif pa.types.is_dictionary(t):
            array = array.dictionary_decode()
        elif pa.types.is_run_end_encoded(t):
            array = pc.run_end_decode(array)
        else:
            return array


def type_of(t):
    if isinstance(t, pa.BaseExtensionType):
        return type_of(t.storage_type)
    if pa.types.is_dictionary(t) or pa.types.is_run_end_encoded(t):
        return type_of(t.value_type)
    return t


def meaning(t):
    """What values of a type are, whatever carries them."""
    if isinstance(t, pa.BaseExtensionType) and t.extension_name == "arrow.uuid":
        return ("uuid",)
    t = type_of(t)
    if pa.types.is_struct(t):
        return ("struct", tuple(t.field(i).name for i in range(t.num_fields)))
    if is_list(t):
        return ("list",)
    if pa.types.is_map(t):
        return ("map",)
    if pa.types.is_integer(t):
        return ("integer",)
    if pa.types.is_float16(t) or pa.types.is_float32(t):
        return ("float",)
    if pa.types.is_decimal(t):
        return ("decimal", t.scale)
    if pa.types.is_date(t):
        return ("date",)
    if pa.types.is_time(t):
        return ("time",)
    if pa.types.is_timestamp(t):
        return ("timestamp", t.tz is not None)
    if pa.types.is_string(t) or pa.types.is_large_string(t) or t == pa.string_view():
        return ("string",)
    if pa.types.is_binary(t) or pa.types.is_large_binary(t) or t == pa.binary_view():
        return ("binary",)
    if pa.types.is_fixed_size_binary(t):
        return ("fixed", t.byte_width)
    return (str(t),)  # bool, double, null


def is_list(t):
    return (pa.types.is_list(t) or pa.types.is_large_list(t)
            or pa.types.is_fixed_size_list(t) or pa.types.is_list_view(t)
            or pa.types.is_large_list_view(t))


def first_difference(place, a, b, equal):
    bad = np.flatnonzero(~equal)
    i = int(bad[0])
    raise Mismatch(f"{place}: {len(bad)} of {len(equal)} values differ, the first at {i}: "
                   f"{shown(a[i])} and {shown(b[i])}")


def shown(value):
    """Times as numbers: Python's own lose nanoseconds, and refuse some."""
    if isinstance(value, pa.Scalar) and pa.types.is_temporal(value.type):
        return value.value
    return repr(value.as_py() if isinstance(value, pa.Scalar) else value)[:200]


def numbers(array):
    """Integers or the bits of floats, without nulls, as numpy."""
    t = array.type
    if pa.types.is_float16(t):
        array = array.cast(pa.float32())
        t = pa.float32()
    if pa.types.is_float32(t):
        return array.to_numpy(zero_copy_only=False).view(np.uint32)
    if pa.types.is_float64(t):
        return array.to_numpy(zero_copy_only=False).view(np.uint64)
    if pa.types.is_date64(t):
        return array.cast(pa.date32()).view(pa.int32()).to_numpy(False)
    if pa.types.is_temporal(t):
        array = array.view(pa.int32() if t.bit_width == 32 else pa.int64())
    return array.to_numpy(zero_copy_only=False)


def compare_instants(place, a, b):
    """Without overflow: the finer is divided."""
    (na, ua), (nb, ub) = ((numbers(x).astype(np.int64), UNITS[x.type.unit])
                          for x in (a, b))
    if ua > ub:
        a, b, na, ua, nb, ub = b, a, nb, ub, na, ua
    k = ub // ua
    equal = (na % k == 0) & (na // k == nb)
    if not equal.all():
        first_difference(place, a, b, equal)


def compare_values(place, a, b, any_nan=False):
    """Arrays of one meaning, of one length, without nulls or children."""
    t = a.type
    if pa.types.is_null(t):
        return
    if pa.types.is_time(t) or pa.types.is_timestamp(t):
        compare_instants(place, a, b)
        return
    if pa.types.is_boolean(t):
        equal = a.to_numpy(False) == b.to_numpy(False)
    elif pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_date(t):
        equal = numbers(a) == numbers(b)
        if any_nan and pa.types.is_floating(t):
            equal |= pc.and_(pc.is_nan(a), pc.is_nan(b)).to_numpy(False)
    else:
        if pa.types.is_decimal(t):
            wide = pa.decimal256(76, t.scale)
        elif pa.types.is_fixed_size_binary(t) and pa.types.is_fixed_size_binary(b.type):
            wide = t
        elif meaning(t) == ("string",):
            wide = pa.large_string()
        else:
            wide = pa.large_binary()
        a, b = a.cast(wide), b.cast(wide)
        if a.equals(b):
            return
        equal = pc.equal(a, b).to_numpy(False)
    if not equal.all():
        first_difference(place, a, b, equal)


def compare_arrays(place, a, b, loose=frozenset(), at=None, bt=None):
    """`loose`: pairs of meanings that stand for each other here (a peer's habit), and "any
    nan" where a peer does not keep what is in a NaN; `at` and `bt`: which of the values to look at, when parents hide some."""
    ma, mb = meaning(a.type), meaning(b.type)
    if ma != mb and (ma[0], mb[0]) not in loose:
        raise Mismatch(f"{place}: {a.type} and {b.type} are different types")
    a, b = plain(a), plain(b)
    at = np.arange(len(a)) if at is None else at
    bt = np.arange(len(b)) if bt is None else bt
    if len(at) != len(bt):
        raise Mismatch(f"{place}: {len(at)} and {len(bt)} values")
    va, vb = a.is_valid().to_numpy(False)[at], b.is_valid().to_numpy(False)[bt]
    if not (va == vb).all():
        first_difference(f"{place} (null or not)", va, vb, va == vb)
    at, bt = at[va], bt[vb]
    if ma[0] == "struct" and mb[0] == "struct":
        for i, name in enumerate(ma[1]):
            compare_arrays(f"{place}.{name}", a.field(i), b.field(i), loose, at, bt)
    elif ma[0] in ("list", "map") and mb[0] in ("list", "map"):
        compare_lists(place, a, b, loose, at, bt)
    else:
        a, b = a.take(pa.array(at)), b.take(pa.array(bt))
        if ma == mb:
            compare_values(place, a, b, "any nan" in loose)
        else:
            compare_loosely(place, a, b)


def compare_lists(place, a, b, loose, at, bt):
    (oa, *ca), (ob, *cb) = parts(a), parts(b)
    la, lb = np.diff(oa)[at], np.diff(ob)[bt]
    if not (la == lb).all():
        first_difference(f"{place} (lengths)", la, lb, la == lb)
    at, bt = inside(oa[at], la), inside(ob[bt], lb)
    for name, x, y in zip(("element",) if len(ca) == 1 else ("key", "value"), ca, cb):
        compare_arrays(f"{place}.{name}", x, y, loose, at, bt)


def inside(starts, sizes):
    """The indexes of all elements of lists that start and are as long as said."""
    before = np.cumsum(sizes) - sizes
    return np.repeat(starts - before, sizes) + np.arange(sizes.sum())


def parts(a):
    """Offsets, and the children they point into."""
    t = a.type
    if pa.types.is_map(t):
        return a.offsets.to_numpy().astype(np.int64), a.keys, a.items
    if not (pa.types.is_list(t) or pa.types.is_large_list(t)):
        a = a.cast(pa.large_list(t.value_field))
    return a.offsets.to_numpy().astype(np.int64), a.values


def compare_loosely(place, a, b):
    """Two carriers of one meaning by a peer's habit: as text, bytes, or instants."""
    if pa.types.is_timestamp(a.type):
        compare_instants(place, a, b)
        return
    if meaning(b.type) == ("string",) and meaning(a.type)[0] == "fixed":
        b = pa.array([uuid.UUID(v).bytes for v in b.to_pylist()], pa.binary(16))
    wide = pa.large_binary()
    compare_values(place, *(x if pa.types.is_large_binary(x.type) else x.cast(wide)
                            for x in (a, b)))


def compare_tables(a, b, loose=frozenset()):
    if a.num_rows != b.num_rows:
        raise Mismatch(f"{a.num_rows} and {b.num_rows} rows")
    if a.column_names != b.column_names:
        raise Mismatch(f"columns {a.column_names} and {b.column_names}")
    for i, name in enumerate(a.column_names):
        compare_columns(name, a.column(i), b.column(i), loose)


def compare_types(place, a, b, loose):
    """Meanings alone, to the bottom: what there is to compare without rows."""
    ma, mb = meaning(a), meaning(b)
    if ma != mb and (ma[0], mb[0]) not in loose:
        raise Mismatch(f"{place}: {a} and {b} are different types")
    if ma[0] == mb[0] == "struct":
        for i, name in enumerate(ma[1]):
            compare_types(f"{place}.{name}", a.field(i).type, b.field(i).type, loose)
    elif ma[0] == "list" and mb[0] == "list":
        compare_types(f"{place}.element", a.value_type, b.value_type, loose)
    elif ma[0] == "map" and mb[0] == "map":
        compare_types(f"{place}.key", a.key_type, b.key_type, loose)
        compare_types(f"{place}.value", a.item_type, b.item_type, loose)


def compare_columns(name, a, b, loose):
    """Piece by piece: pyarrow cannot join chunks of every type."""
    compare_types(name, a.type, b.type, loose)
    if len(a) == 0:
        return
    ends = np.unique(np.concatenate([np.cumsum([len(c) for c in x.chunks], dtype=np.int64)
                                     for x in (a, b)]))
    start = 0
    for end in ends:
        if end > start:
            place = name if len(ends) == 1 else f"{name} from row {start}"
            compare_arrays(place, *(one_chunk(x.slice(start, end - start))
                                    for x in (a, b)), loose)
        start = end


def one_chunk(column):
    return next(c for c in column.chunks if len(c))
