"""What PyIceberg reads from a table's manifest list and manifests, as plain lines.

test_manifest_golden.c prints the same lines from the same files.
"""
import decimal

COUNTS = ("added_files_count", "existing_files_count", "deleted_files_count",
          "added_rows_count", "existing_rows_count", "deleted_rows_count")


def number(v):
    return "-" if v is None else str(int(v))


def hexed(v):
    return "-" if v is None else "0x" + bytes(v).hex()


def value(v):
    if v is None:
        return "null"
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, decimal.Decimal):
        return str(int(v.scaleb(-v.as_tuple().exponent)))
    return "0x" + v.encode().hex() if isinstance(v, str) else str(v)


def columns(f):
    maps = [f.column_sizes, f.value_counts, f.null_value_counts, f.nan_value_counts]
    bounds = [f.lower_bounds, f.upper_bounds]
    ids = set().union(*(m or {} for m in maps + bounds))
    for i in sorted(ids):
        numbers = [number((m or {}).get(i)) for m in maps]
        yield " ".join(["column", str(i)] + numbers
                       + [hexed((m or {}).get(i)) for m in bounds])


def entry_lines(e):
    f = e.data_file
    yield " ".join(map(str, (
        "entry", int(e.status), e.snapshot_id, e.sequence_number, e.file_sequence_number,
        int(f.content), f.file_path, f.file_format.value.lower(), f.record_count,
        f.file_size_in_bytes, number(f.sort_order_id))))
    yield " ".join(["partition"] + [value(v) for v in f.partition])
    yield from columns(f)
    yield " ".join(["splits"] + [str(s) for s in f.split_offsets or []])


def manifest_lines(m):
    yield " ".join(["manifest", m.manifest_path, str(m.manifest_length),
                    str(m.partition_spec_id), str(int(m.content)),
                    str(m.sequence_number or 0), str(m.min_sequence_number or 0),
                    str(m.added_snapshot_id)] + [number(getattr(m, c)) for c in COUNTS])
    for s in m.partitions or []:
        yield " ".join(["summary", str(int(s.contains_null)), number(s.contains_nan),
                        hexed(s.lower_bound), hexed(s.upper_bound)])


def lines(io, manifests):
    for m in manifests:
        yield from manifest_lines(m)
        for e in m.fetch_manifest_entry(io, discard_deleted=False):
            yield from entry_lines(e)
