"""A table's rows as Parquet's leaves: levels and values, by Dremel's rules, in numpy.

Shares nothing with the writer: what footers and indexes say is compared with it.
"""
import decimal

import numpy as np
import pyarrow as pa

import same

CONTEXT = decimal.Context(80)


class Leaf:
    """Slots of one leaf: `row`, `rep` and `definition` of each; `values` where it has one."""

    def __init__(self, path, t, kind, row, rep, definition, has, values):
        self.width = decimal_width(t.precision) if kind == "decimal" else None
        self.path, self.kind, self.row, self.rep = path, kind, row, rep
        self.definition, self.has, self.values = definition, has, values
        self.value_before = np.concatenate([[0], np.cumsum(has)])

    def slots(self, first_row, last_row):
        return np.searchsorted(self.row, [first_row, last_row])

    def values_of(self, first_slot, last_slot):
        a, b = self.value_before[[first_slot, last_slot]]
        return self.values[a:b]


def decimal_width(precision):
    """The fewest bytes for every decimal of a precision, as in a fixed array."""
    return ((10**precision - 1).bit_length() + 8) // 8


def plain_values(array):
    """(kind, values as Parquet stores them): numpy numbers, or a list of ints or bytes."""
    t = array.type
    if pa.types.is_boolean(t):
        return "bool", array.to_numpy(False).astype(np.int64)
    if pa.types.is_floating(t):
        wide = pa.float64() if pa.types.is_float64(t) else pa.float32()
        return str(wide), array.cast(wide).to_numpy(False)
    if pa.types.is_integer(t):
        return "int", array.cast(pa.int64()).to_numpy(False)
    if pa.types.is_date(t):
        return "int", array.cast(pa.date32()).view(pa.int32()).to_numpy(False)
    if pa.types.is_time(t) or pa.types.is_timestamp(t):
        made = array.view(pa.int32() if t.bit_width == 32 else pa.int64())
        made = made.to_numpy(False).astype(np.int64)
        if t.unit == "ns" and pa.types.is_timestamp(t):
            return "int", made
        return "int", made * {"s": 10**6, "ms": 1000, "us": 1}[t.unit]
    if pa.types.is_decimal(t):
        return "decimal", [int(v.scaleb(t.scale, CONTEXT)) for v in array.to_pylist()]
    kind = "fixed" if pa.types.is_fixed_size_binary(t) else "bytes"
    if same.meaning(t) == ("string",):
        array = array.cast(pa.large_string()).cast(pa.large_binary())
    return kind, array.to_pylist()


def shred(field, array, row, rep, definition, at, path, depth):
    """`at`: which value of the array a slot stands for, -1 for none."""
    array = same.plain(array)
    path = (*path, field.name)
    live = at >= 0
    if field.nullable:
        valid = np.zeros(len(at), bool)
        valid[live] = array.is_valid().to_numpy(False)[at[live]]
        definition = definition + valid
        at = np.where(valid, at, -1)
        live = valid
    t = array.type
    if pa.types.is_struct(t):
        for i in range(t.num_fields):
            yield from shred(t.field(i), array.field(i), row, rep, definition, at, path,
                             depth)
        return
    if same.is_list(t) or pa.types.is_map(t):
        offsets, *children = same.parts(array)
        sizes = np.zeros(len(at), np.int64)
        sizes[live] = np.diff(offsets)[at[live]]
        starts = np.zeros(len(at), np.int64)
        starts[live] = offsets[:-1][at[live]]
        copies = np.maximum(sizes, 1)
        nth = np.arange(copies.sum()) - np.repeat(np.cumsum(copies) - copies, copies)
        some = np.repeat(sizes > 0, copies)
        row, rep, definition = (np.repeat(x, copies) for x in (row, rep, definition))
        rep = np.where(nth > 0, depth + 1, rep)
        definition = definition + some
        at = np.where(some, np.repeat(starts, copies) + nth, -1)
        fields = [t.key_field, t.item_field] if pa.types.is_map(t) else [t.value_field]
        for f, child in zip(fields, children):
            yield from shred(f, child, row, rep, definition, at, path, depth + 1)
        return
    if pa.types.is_null(t):
        return  # Iceberg stores no column of them.
    kind, values = plain_values(array.take(pa.array(at[live])))
    yield Leaf(path, t, kind, row, rep, definition, live, values)


def leaves(table):
    """Every leaf of a table, in the order of a file's columns."""
    n = np.arange(table.num_rows)
    zero = np.zeros(table.num_rows, np.int64)
    for i, field in enumerate(table.schema):
        yield from shred(field, table.column(i), n, zero, zero, n, (), 0)

