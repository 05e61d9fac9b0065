"""Is what a file of ours says about its rows true? Its footer, page headers, checksums,
bounds, page indexes, sizes and Bloom filters, read here anew and compared with the rows.
"""
import struct
import zlib

import numpy as np

import bloom
import shred
import thrift

DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = 0, 2, 3
BYTE_ARRAY = 6


class Unsound(Exception):
    pass


def need(condition, *what):
    if not condition:
        raise Unsound(" ".join(map(str, what)))


def decoded(kind, raw):
    """A bound as Parquet stores it, as something to compare with the leaf's values."""
    if kind == "bool":
        return raw[0]
    if kind == "float":
        return struct.unpack("<f", raw)[0]
    if kind == "double":
        return struct.unpack("<d", raw)[0]
    if kind == "int":
        return int.from_bytes(raw, "little", signed=True)
    if kind == "decimal-int":
        return int.from_bytes(raw, "little", signed=True)
    if kind == "decimal":
        return int.from_bytes(raw, "big", signed=True)
    return raw


def bound_kind(leaf, physical):
    return "decimal-int" if leaf.kind == "decimal" and physical in (1, 2) else leaf.kind


def extremes(leaf, values):
    """(least, greatest) as the format orders them, NaN left out; None without any."""
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "f":
            values = values[~np.isnan(values)]
        return (values.min().item(), values.max().item()) if len(values) else None
    return (min(values), max(values)) if values else None


def check_bounds(where, leaf, kind, values, low, high, exact=(None, None)):
    """low and high raw or None."""
    if low is None and high is None:
        return
    found = extremes(leaf, values)
    need(found or not len(values) or leaf.kind in ("float", "double"), where, "no values")
    for raw, name in ((low, "min"), (high, "max")):
        if raw is None:
            continue
        bound = decoded(kind, raw)
        if kind in ("float", "double"):
            need(bound == bound, where, f"{name} is NaN")
            if bound == 0:
                need((np.signbit(bound) == (name == "min")), where, f"{name} is {bound}")
        if found is None:
            need(False, where, f"has a {name} and no value that is ordered")
        if name == "min":
            need(bound <= found[0], where, f"min {bound!r} above {found[0]!r}")
            need(not exact[0] or bound == found[0], where,
                 f"min {bound!r} is said to be exact, and is not: {found[0]!r}")
        else:
            need(bound >= found[1], where, f"max {bound!r} below {found[1]!r}")
            need(not exact[1] or bound == found[1], where,
                 f"max {bound!r} is said to be exact, and is not: {found[1]!r}")


class Page:
    def __init__(self, offset, header, body):
        self.offset, self.header, self.body = offset, header, body
        self.size = body - offset + header[3]
        self.kind = header[1]
        self.data = header.get(5) or header.get(8) or header.get(7)
        self.encoding = self.data.get(4 if self.kind == DATA_PAGE_V2 else 2)


def pages_of(data, meta, where):
    at = min(v for v in (meta.get(11), meta[9]) if v)
    end = at + meta[7]
    while at < end:
        header, body = thrift.struct(data, at)
        page = Page(at, header, body)
        at = body + header[3]
        need(at <= end, where, "a page beyond its chunk")
        need(4 in header, where, "a page without a CRC")
        need(header[4] & 0xffffffff == zlib.crc32(data[body:at]), where, "a wrong CRC")
        yield page
    need(at == end, where, "pages end before the chunk")


def check_pages(where, leaf, first_row, last_row, meta, pages):
    """What the headers say of the slots they hold; [(page, first row, slots)]."""
    slot, last = leaf.slots(first_row, last_row)
    need(meta[5] == last - slot, where, f"num_values {meta[5]}, slots {last - slot}")
    made, encodings = [], {}
    for page in pages:
        encodings[(page.kind, page.encoding)] = encodings.get((page.kind, page.encoding), 0) + 1
        if page.kind == DICTIONARY_PAGE:
            need(not made, where, "a dictionary after data")
            continue
        n = page.data[1]
        nulls = n - int(leaf.has[slot:slot + n].sum())
        starts_row = slot < last and leaf.rep[slot] == 0
        if page.kind == DATA_PAGE_V2:
            rows = int((leaf.rep[slot:slot + n] == 0).sum())
            need(page.data[2] == nulls, where, f"page says {page.data[2]} nulls, not {nulls}")
            need(page.data[3] == rows, where, f"page says {page.data[3]} rows, not {rows}")
            need(n == 0 or starts_row, where, "a page begins inside a row")
        made.append((page, slot, slot + n, starts_row))
        slot += n
    need(slot == last, where, f"pages hold {slot} slots of {last}")
    said = meta[2]
    need(all(e in said for _, e in encodings), where, f"encodings {said} of {encodings}")
    if 13 in meta:
        stats = {(s[1], s[2]): s[3] for s in meta[13]}
        need(stats == encodings, where, f"encoding_stats {stats} of {encodings}")
    return made


def check_offset_index(where, data, chunk, leaf, first_row, pages):
    index, end = thrift.struct(data, chunk[4])
    need(end == chunk[4] + chunk[5], where, "offset_index_length")
    need(len(index[1]) == len(pages), where, "offset index: another number of pages")
    for place, (page, a, b, starts_row) in zip(index[1], pages):
        need(place[1] == page.offset and place[2] == page.size, where,
             f"offset index {place}, page {page.offset} {page.size}")
        need(starts_row or a == b, where, "offset index, and a page begins inside a row")
        need(a == b or place[3] == leaf.row[a] - first_row, where,
             f"offset index {place}, row {leaf.row[a] - first_row}")
    if 2 in index:
        for n, (_, a, b, _) in zip(index[2], pages):
            real = sum(map(len, leaf.values_of(a, b)))
            need(n == real, where, f"offset index: {n} bytes of values, not {real}")


def check_column_index(where, data, chunk, leaf, kind, pages):
    index, end = thrift.struct(data, chunk[6])
    need(end == chunk[6] + chunk[7], where, "column_index_length")
    need(len(index[1]) == len(index[2]) == len(index[3]) == len(pages), where,
         "column index: another number of pages")
    kept = []
    for k, (_, a, b, _) in enumerate(pages):
        values = leaf.values_of(a, b)
        need(index[1][k] == (len(values) == 0), where, f"null_pages[{k}]")
        if 5 in index:
            need(index[5][k] == b - a - len(values), where, f"null_counts[{k}]")
        if len(values):
            check_bounds(f"{where} page {k}", leaf, kind, values, index[2][k], index[3][k])
            kept.append((decoded(kind, index[2][k]), decoded(kind, index[3][k])))
    order = index[4]
    steps = list(zip(kept, kept[1:]))
    if order == 1:
        need(all(a[0] <= b[0] and a[1] <= b[1] for a, b in steps), where, "not ascending")
    elif order == 2:
        need(all(a[0] >= b[0] and a[1] >= b[1] for a, b in steps), where, "not descending")
    for field, levels in ((6, leaf.rep), (7, leaf.definition)):
        if field in index and index[field]:
            size = len(index[field]) // len(pages)
            for k, (_, a, b, _) in enumerate(pages):
                check_histogram(f"{where} page {k}", index[field][k * size:(k + 1) * size],
                                levels[a:b])


def check_histogram(where, said, levels):
    real = np.bincount(levels, minlength=len(said)).tolist()
    need(said == real, where, f"level histogram {said}, not {real}")


def check_sizes(where, sizes, leaf, a, b):
    if 1 in sizes:
        real = sum(map(len, leaf.values_of(a, b)))
        need(sizes[1] == real, where, f"{sizes[1]} bytes of values, not {real}")
    for field, levels in ((2, leaf.rep), (3, leaf.definition)):
        if sizes.get(field):
            check_histogram(where, sizes[field], levels[a:b])


def check_bloom(where, data, meta, leaf, values):
    header, body = thrift.struct(data, meta[14])
    need(15 not in meta or meta[15] == body - meta[14] + header[1], where, "bloom length")
    bits = data[body:body + header[1]]
    need(len(bits) == header[1] and len(bits) % 32 == 0, where, "bloom size")
    for v in list(values)[:50]:
        raw = bloom.plain(v, meta[1], leaf.kind, leaf.width)
        need(bloom.contains(bits, raw), where, f"bloom filter without {v!r}")


def check_chunk(where, data, chunk, leaf, first_row, last_row):
    meta = chunk[3]
    kind = bound_kind(leaf, meta[1])
    all_pages = list(pages_of(data, meta, where))
    headers = sum(p.body - p.offset + p.header[2] for p in all_pages)
    need(meta[6] == headers, where, f"total_uncompressed_size {meta[6]}, not {headers}")
    pages = check_pages(where, leaf, first_row, last_row, meta, all_pages)
    a, b = leaf.slots(first_row, last_row)
    values = leaf.values_of(a, b)
    s = meta.get(12, {})
    if 3 in s:
        need(s[3] == b - a - len(values), where, f"null_count {s[3]}, not {b - a - len(values)}")
    check_bounds(where, leaf, kind, values, s.get(6), s.get(5), (s.get(8), s.get(7)))
    if 4 in s:
        need(s[4] == len(set(list(values))), where, "distinct_count")
    if 16 in meta:
        check_sizes(where, meta[16], leaf, a, b)
    if chunk.get(4):
        check_offset_index(where, data, chunk, leaf, first_row, pages)
    if chunk.get(6):
        check_column_index(where, data, chunk, leaf, kind, pages)
    if meta.get(14):
        check_bloom(where, data, meta, leaf, values)


def check_file(path, table):
    """Raises Unsound; `table` is what the file was made of."""
    with open(path, "rb") as f:
        data = f.read()
    need(data[:4] == b"PAR1" and data[-4:] == b"PAR1", "magic")
    size = int.from_bytes(data[-8:-4], "little")
    meta, end = thrift.struct(data, len(data) - 8 - size)
    need(end == len(data) - 8, "the footer's length")
    need(meta[3] == table.num_rows, f"num_rows {meta[3]}, not {table.num_rows}")
    leaves = list(shred.leaves(table))
    row = 0
    for g, group in enumerate(meta.get(4, [])):
        columns = group[1]
        need(len(columns) == len(leaves), f"{len(columns)} columns of {len(leaves)}")
        need(group[2] == sum(c[3][6] for c in columns), "total_byte_size")
        need(group.get(6) in (None, sum(c[3][7] for c in columns)), "total_compressed_size")
        for leaf, chunk in zip(leaves, columns):
            where = f"row group {g}, {'.'.join(leaf.path)}:"
            check_chunk(where, data, chunk, leaf, row, row + group[3])
        row += group[3]
    need(row == table.num_rows, "rows of the row groups")
