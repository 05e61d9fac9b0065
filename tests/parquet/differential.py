"""One case of the differential test: a seed is a schema, rows, a writer and its options.

Peers write and we read; or we write, a file or a table, and pyarrow, DuckDB and ourselves
read. What is read must be what was given to the writer, to the bit.
"""
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import filters
import flips
import footer
import make
import ours
import same
import writers

# What we refuse for a reason that stays: (part of the message, the reason).
REFUSED = [
]
# What a peer cannot be asked to read, by its own error.
PEER_LIMITS = {
    "pyarrow": ["Not implemented", "not implemented"],
    "duckdb": ["Not implemented", "not implemented", "Unsupported"],
}


class Failure(Exception):
    """A wrong value, a refusal without a reason, or a file that others cannot read."""


def reason_of(refusal):
    return next((why for part, why in REFUSED if part in str(refusal)), None)


def read_by_us(path):
    try:
        return ours.scan_file(path), None
    except ours.Refused as e:
        why = reason_of(e)
        if why is None:
            raise Failure(f"refused: {e}") from None
        return None, why


def expect_same(what, expected, got, loose=frozenset()):
    try:
        same.compare_tables(expected, got, loose)
    except same.Mismatch as e:
        raise Failure(f"{what}: {e}") from None


DICTIONARY = pa.dictionary(pa.int32(), pa.string())


def types_for(peer):
    types = make.simple_types()
    if peer == "duckdb":  # It would round what it does not have.
        lacks = (pa.float16(), pa.timestamp("ns", "UTC"), DICTIONARY)
        return [t for t in types if t not in lacks]
    if peer == "table":  # Nanoseconds need format version 3.
        return [t for t in types
                if not (not isinstance(t, str) and pa.types.is_timestamp(t)
                        and t.unit == "ns")]
    if peer == "arrow_rs":
        return types + [pa.null()]
    return types + [pa.null(), pa.time64("ns")]


def peer_writes(peer, rng, path, case):
    s = make.schema(rng, types_for(peer), ids=bool(rng.random() < .5))
    table = make.table(rng, s, make.rows(rng, case.long))
    try:
        case.options = getattr(writers, "with_" + peer)(rng, table, path)
    except Exception as e:  # A writer that cannot is not our case.
        case.skipped = f"{peer} cannot write it: {str(e)[:100]}"
        return
    got, case.refused = read_by_us(path)
    if got is not None:
        try:
            expect_same("read by us", table, got, writers.LOOSE.get(peer, frozenset()))
        except Failure:
            if peer != "duckdb" or not all_read(path, got):
                raise
            case.skipped = "duckdb wrote other values, as pyarrow and DuckDB read it too"


def all_read(path, got):
    """Whether both peers find in a file of DuckDB's what we find there."""
    try:
        for read in (read_by_pyarrow, read_by_duckdb):
            same.compare_tables(got, read(path), DUCKDB_READS | {("binary", "fixed")})
    except (same.Mismatch, pa.ArrowException, OSError):
        return False
    return True


def read_by_pyarrow(path):
    return pq.ParquetFile(path, page_checksum_verification=True).read(use_threads=False)


def read_by_duckdb(path):
    return writers.database.read(path)


def asked(peer, read, path):
    """What a peer reads in a file of ours, or None where it says that it cannot."""
    try:
        return read(path)
    except Exception as e:
        if any(part in str(e) for part in PEER_LIMITS[peer]):
            return None
        raise Failure(f"{peer} cannot read it: {e}") from None


DUCKDB_READS = {("fixed", "binary"), ("uuid", "string"), "any nan"}


def check_duckdb(path, table):
    """DuckDB 2.0 gives varying answers about some files with many tiny pages, in a process
    that has nothing else: what it does not say each time is not held against a file."""
    answers = set()
    for _ in range(ANSWERS):
        theirs = asked("duckdb", read_by_duckdb, path)
        try:
            if theirs is not None:
                same.compare_tables(table, theirs, DUCKDB_READS)
            return
        except same.Mismatch as e:
            answers.add(str(e))
    if len(answers) == 1:
        raise Failure(f"read by duckdb: {answers.pop()}")


def check_ours(rng, path, table, case):
    """A file of ours, by everybody; the footer and the indexes against the rows."""
    theirs = asked("pyarrow", read_by_pyarrow, path)
    if theirs is not None:
        expect_same("read by pyarrow", table, theirs)
    if not has_type(table.schema, lambda t: t == pa.timestamp("ns", "UTC")):
        check_duckdb(path, table)
    got, case.refused = read_by_us(path)
    if got is not None:
        expect_same("read by us", table, got)
    try:
        footer.check_file(path, table)
    except footer.Unsound as e:
        raise Failure(f"footer: {e}") from None
    case.ours.append((path, table))


def has_type(schema, wanted):
    return any(wanted(t) for f in schema for _, t in writers.leaves(f))


class Declined(Exception):
    """A refusal to write for a reason in REFUSED."""


def written(write):
    try:
        return write()
    except ours.Refused as e:
        if reason_of(e):
            raise Declined(reason_of(e)) from None
        raise Failure(f"refused to write: {e}") from None


def we_write_file(rng, path, case):
    types = make.simple_types()
    s = make.schema(rng, types, ids=bool(rng.random() < .5))
    table = make.table(rng, s, make.rows(rng, case.long))
    cuts = [None, 1, 3, 64, 1000]
    batch = cuts[rng.integers(len(cuts))]
    written(lambda: ours.write_file(path, table, batch))
    again = path + ".again"
    written(
        lambda: ours.write_file(again, table, cuts[rng.integers(len(cuts))]))
    with open(path, "rb") as a, open(again, "rb") as b:
        if a.read() != b.read():
            raise Failure("cut into other batches the rows make another file")
    os.remove(again)
    check_ours(rng, path, table, case)
    if rng.random() < .2:
        flips.check(rng, path, table, Failure)


def table_properties(rng, schema):
    def some(key, *values):
        if rng.random() < .5:
            made["write.parquet." + key] = writers.pick(rng, *values)

    made = {}
    some("compression-codec", "zstd", "snappy", "gzip", "lz4_raw", "uncompressed", "brotli")
    if made.get("write.parquet.compression-codec") in ("zstd", "gzip"):
        some("compression-level", 1, 3, 9)
    some("row-group-size-bytes", 100, 5000, 1 << 20)
    some("page-size-bytes", 10, 1000, 1 << 20)
    some("page-row-limit", 1, 10, 500)
    some("dict-size-bytes", 10, 500, 1 << 20)
    for field in schema:
        if rng.random() < .15 and field.name.isascii() and " " not in field.name:
            made[f"write.parquet.bloom-filter-enabled.column.{field.name}"] = "true"
    if rng.random() < .2:
        made["write.target-file-size-bytes"] = writers.pick(rng, 1000, 20000)
    if rng.random() < .4:
        made["write.metadata.metrics.default"] = writers.pick(
            rng, "none", "counts", "truncate(1)", "truncate(3)", "full")
    return made


def we_write_table(rng, folder, case):
    s = make.schema(rng, types_for("table"), ids=False)
    table = make.table(rng, s, make.rows(rng, case.long))
    table = table.add_column(0, ROW, pa.array(range(table.num_rows), pa.int64()))
    case.options = table_properties(rng, s)

    def write():
        shutil.rmtree(folder, ignore_errors=True)
        t = ours.Table(folder, table.schema, case.options)
        half = int(rng.integers(0, table.num_rows + 1)) if rng.random() < .4 else 0
        for part in (table.slice(0, half), table.slice(half)):
            if part.num_rows:
                t.append(part, int(rng.choice([1, 50, 4000])) if table.num_rows < 500
                         else 1000)
        return t

    t = written(write)
    try:
        expect_same("the scan", table, in_order(t.scan()))
        check_data_files(rng, t, table, case)
        filters.check(rng, t, table, Failure)
    except ours.Refused as e:
        if reason_of(e):
            raise Declined(reason_of(e)) from None
        raise Failure(f"refused: {e}") from None
    finally:
        t.close()


def check_data_files(rng, t, table, case):
    """Each by everybody: its rows are a run of the table's."""
    seen = 0
    for path in t.data_files():
        rows = pq.read_table(path, columns=["row"], use_threads=False)["row"].to_numpy()
        seen += len(rows)
        check_ours(rng, path, table.slice(int(rows[0]), len(rows)), case)
    if seen != table.num_rows:
        raise Failure(f"{seen} rows in the files, {table.num_rows} were appended")


def in_order(table):
    """Files come in any order; their rows are numbered."""
    return table.take(pc.sort_indices(table["row"]))


ANSWERS = 12
ROW = pa.field("row", pa.int64(), False)
KINDS = [("pyarrow", .42), ("arrow_rs", .16), ("duckdb", .10), ("file", .18), ("table", .14)]


class Case:
    """What came of one seed."""

    def __init__(self, seed, kind=None, long=False):
        self.seed, self.kind, self.long = seed, kind, long
        self.options, self.skipped, self.refused, self.failure = {}, None, None, None
        self.ours = []  # (path, table) of files we wrote, for readers in other programs.
        self.files = 1

    def run(self, folder):
        rng = np.random.default_rng(self.seed)
        names, weights = zip(*KINDS)
        kind = names[rng.choice(len(names), p=weights)]
        self.kind = self.kind or kind
        path = os.path.join(folder, f"{self.seed}.parquet")
        try:
            if self.kind == "file":
                we_write_file(rng, path, self)
            elif self.kind == "table":
                we_write_table(rng, path, self)
                self.files = max(1, len(self.ours))
            else:
                peer_writes(self.kind, rng, path, self)
        except Declined as e:
            self.refused = str(e)
        except Failure as e:
            self.failure = str(e)
        return self
