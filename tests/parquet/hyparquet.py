"""Our files as hyparquet sees them, a reader in JavaScript that shares no code with others.

A 64-bit integer is "n" and digits, text "s" and the text, bytes "x" and hexadecimal; a
map is an object, its keys as JavaScript writes them.
"""
import decimal
import json
import math
import os
import subprocess

import pyarrow as pa

import same
import shred

ROWS_MAX = 300  # Of a file worth asking for: it is slow.
HERE = os.path.dirname(os.path.abspath(__file__))


def number(v):
    if math.isnan(v):
        return "NaN"
    if math.isinf(v):
        return "Infinity" if v > 0 else "-Infinity"
    return "-0" if v == 0 and math.copysign(1, v) < 0 else v


def unscaled(v, t):
    return int(v.scaleb(t.scale, decimal.Context(80)))


def leaf(array):
    """A maker of values for a type without children."""
    t = array.type
    if pa.types.is_boolean(t):
        return array.to_pylist()
    if pa.types.is_floating(t):
        return [None if v is None else number(float(v)) for v in array.to_pylist()]
    if pa.types.is_decimal(t):
        if t.precision <= 9:
            return [None if v is None else unscaled(v, t) for v in array.to_pylist()]
        if t.precision <= 18:
            return [None if v is None else f"n{unscaled(v, t)}" for v in array.to_pylist()]
        width = shred.decimal_width(t.precision)
        return [None if v is None else
                "x" + unscaled(v, t).to_bytes(width, "big", signed=True).hex()
                for v in array.to_pylist()]
    if pa.types.is_integer(t) or pa.types.is_temporal(t):
        wide = t in (pa.int64(), pa.uint32()) or not (pa.types.is_integer(t)
                                                      or pa.types.is_date(t))
        made = iter(shred.plain_values(array.drop_null())[1])
        return [None if not v else f"n{next(made)}" if wide else int(next(made))
                for v in array.is_valid().to_pylist()]
    if same.meaning(t) == ("string",):
        return [None if v is None else "s" + v for v in array.to_pylist()]
    return [None if v is None else "x" + v.hex() for v in array.to_pylist()]


def key(v):
    """A map's key as the name of a property."""
    if isinstance(v, str) and v[0] == "x":
        return ",".join(map(str, bytes.fromhex(v[1:])))
    return v[1:] if isinstance(v, str) else str(v)


def values(array):
    """What hyparquet.mjs prints for an array."""
    array = same.plain(array)
    t = array.type
    valid = array.is_valid().to_pylist()
    if pa.types.is_struct(t):
        names = [t.field(i).name for i in range(t.num_fields)
                 if not pa.types.is_null(t.field(i).type)]
        columns = [values(array.field(n)) for n in names]
        return [dict(zip(names, row)) if v else None
                for v, row in zip(valid, zip(*columns))]
    if same.is_list(t) or pa.types.is_map(t):
        offsets, *children = same.parts(array)
        children = [values(c) for c in children]
        made = []
        for i, v in enumerate(valid):
            parts = [c[offsets[i]:offsets[i + 1]] for c in children]
            if not v:
                made.append(None)
            elif len(parts) == 1:
                made.append(parts[0])
            else:
                made.append({key(k): x for k, x in zip(*parts)})
        return made
    if pa.types.is_null(t):
        return [None] * len(array)
    return leaf(array)


def differences(files):
    """[(path, what is wrong)] of [(path, table)]."""
    modules = os.path.join(os.environ["DATASHARD_INTEROP"], "npm/node_modules")
    done = subprocess.run(["node", os.path.join(HERE, "hyparquet.mjs")], text=True,
                          input="\n".join(path for path, _ in files), capture_output=True,
                          env=dict(os.environ, NODE_MODULES=os.path.abspath(modules)))
    said = {r["path"]: r for r in map(json.loads, done.stdout.splitlines())}
    for path, table in files:
        got = said.get(path, {"error": done.stderr[-300:]})
        if "error" in got:
            yield path, f"hyparquet cannot read it: {got['error']}"
            continue
        for name in table.column_names:
            expected = values(table[name])
            found = got["columns"].get(name)
            if found != expected:
                where = next((i for i, (a, b) in enumerate(zip(expected, found or []))
                              if a != b), None)
                yield path, (f"read by hyparquet: {name}, row {where}: "
                             f"{json.dumps(expected[where])[:200]} and "
                             f"{json.dumps(found[where])[:200]}"
                             if where is not None else
                             f"read by hyparquet: {name}: {found and len(found)} rows")
                break
