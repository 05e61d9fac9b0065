"""Random filters on our tables, against what pyarrow says of the same rows."""
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import ours
import same

SIGNS = {"=": pc.equal, "<>": pc.not_equal, "<": pc.less, "<=": pc.less_equal,
         ">": pc.greater, ">=": pc.greater_equal}
FILTERS_OF_A_TABLE = 6


def pick(rng, choices):
    return choices[rng.integers(len(choices))]


def literal(value, t):
    """A value of a column as the filter language writes it; None: it cannot."""
    if pa.types.is_boolean(t):
        return "true" if value.as_py() else "false"
    if pa.types.is_integer(t):
        return str(value.as_py())
    if pa.types.is_floating(t):
        number = float(value.as_py())
        return repr(number) if np.isfinite(number) else None
    if pa.types.is_decimal(t):
        return f"{value.as_py():f}"
    if pa.types.is_date(t):
        return f"date '{value.as_py().isoformat()}'"
    if pa.types.is_time(t):
        return f"'{value.as_py().isoformat()}'"
    if pa.types.is_timestamp(t):
        text = value.cast(pa.timestamp("us")).as_py().isoformat(" ")
        return f"timestamp '{text}{'+00:00' if t.tz else ''}'"
    if same.meaning(t) == ("string",):
        text = value.as_py()
        return None if "\0" in text else "'" + text.replace("'", "''") + "'"
    return None


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def comparison(rng, name, column):
    """(text, mask) of one leaf, or None."""
    t = column.type
    kind = rng.integers(8)
    q = quoted(name)
    if kind == 0:
        return f"{q} is null", pc.is_null(column)
    if kind == 1:
        return f"{q} is not null", pc.is_valid(column)
    if pa.types.is_floating(t) and kind == 2:
        return f"{q} is nan", pc.fill_null(pc.is_nan(column), False)
    valid = column.drop_null()
    if len(valid) == 0:
        return None
    value = valid[int(rng.integers(len(valid)))]
    text = literal(value, t)
    if text is None:
        return None
    if pa.types.is_boolean(t):
        return f"{q} = {text}", pc.equal(column, value)
    if same.meaning(t) == ("string",) and kind == 3:
        prefix = value.as_py()[:int(rng.integers(0, 4))]
        if not set(prefix) & set("%_\\\0"):
            return (f"{q} like {literal(pa.scalar(prefix), pa.string())[:-1]}%'",
                    pc.starts_with(column, prefix))
    if kind == 4:
        others = [v for v in (valid[int(rng.integers(len(valid)))] for _ in range(3))
                  if literal(v, t) is not None]
        masks = [pc.equal(column, v) for v in [value, *others]]
        made = masks[0]
        for m in masks[1:]:
            made = pc.or_kleene(made, m)
        texts = ", ".join([text, *(literal(v, t) for v in others)])
        if rng.random() < .3:
            return f"{q} not in ({texts})", pc.invert(made)
        return f"{q} in ({texts})", made
    sign = pick(rng, list(SIGNS))
    return f"{q} {sign} {text}", SIGNS[sign](column, value)


def predicate(rng, table, depth):
    if depth > 0 and rng.random() < .6:
        a, b = (predicate(rng, table, depth - 1) for _ in range(2))
        if a is None or b is None:
            return a or b
        kind = rng.integers(3)
        if kind == 0:
            return f"({a[0]} and {b[0]})", pc.and_kleene(a[1], b[1])
        if kind == 1:
            return f"({a[0]} or {b[0]})", pc.or_kleene(a[1], b[1])
        return f"not ({a[0]})", pc.invert(a[1])
    names = [f.name for f in table.schema if simple(f.type)]
    name = pick(rng, names)
    return comparison(rng, name, same.plain(table[name]))


def simple(t):
    t = same.type_of(t)
    return not (pa.types.is_nested(t) or pa.types.is_null(t) or pa.types.is_float16(t)
                or same.meaning(t)[0] in ("binary", "fixed", "uuid"))


def check(rng, t, table, failure):
    for _ in range(FILTERS_OF_A_TABLE):
        made = predicate(rng, table, 2)
        if made is None:
            continue
        text, mask = made
        expected = table.filter(pc.fill_null(mask, False))
        columns = None
        if rng.random() < .4:
            columns = ["row", *(n for n in table.column_names[1:] if rng.random() < .5)]
            expected = expected.select(columns)
        try:
            got = t.scan(text, columns, int(rng.integers(1, 3)))
        except ours.Refused as e:
            raise failure(f"filter {text}: {e}") from None
        got = got.take(pc.sort_indices(got["row"]))
        try:
            same.compare_tables(expected, got)
        except same.Mismatch as e:
            raise failure(f"filter {text}: {e}") from None
        if t.count(text) != expected.num_rows:
            raise failure(f"filter {text}: counted {t.count(text)}, not "
                          f"{expected.num_rows}")
