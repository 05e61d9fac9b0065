"""Every file of the parquet-testing corpus: read by us and by an independent reader, value
by value, or refused for the reason that corpus_refused.txt gives.
"""
import csv
import fnmatch
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

import ours
import same
import writers

HERE = pathlib.Path(__file__).parent
# Where pyarrow cannot read, or is known to be wrong.
BY_DUCKDB = {"data/incorrect_map_schema.parquet"}
CSV_BESIDE = "{stem}_expect.csv"


class Refusals:
    """What corpus_refused.txt expects; `used` patterns have matched a file."""

    def __init__(self):
        self.lines = []
        self.used = set()
        for line in (HERE / "corpus_refused.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                self.lines.append(tuple(x.strip() for x in line.split("|")))

    def of(self, name):
        """(part of our message, the reason), or two None."""
        for pattern, part, why in self.lines:
            if fnmatch.fnmatchcase(name, pattern):
                self.used.add(pattern)
                return part, why
        return None, None

    def unused(self):
        return [pattern for pattern, _, _ in self.lines if pattern not in self.used]


def files(root):
    for folder in ("data", "shredded_variant", "bad_data"):
        for path in sorted((root / folder).rglob("*.parquet*")):
            if path.suffix != ".json":
                yield path


def reference(root, path):
    """The rows by another reader, and the type pairs that stand for each other."""
    name = str(path.relative_to(root))
    if name in BY_DUCKDB:
        return (writers.database.read(path), {("fixed", "binary"), ("uuid", "string")})
    file = pq.ParquetFile(path)
    loose = set()
    if any(file.schema.column(i).physical_type == "INT96"
           for i in range(len(file.schema))):
        loose.add(("timestamp", "timestamp"))  # pyarrow gives these no zone.
    return pq.ParquetFile(path, coerce_int96_timestamp_unit="us").read(), loose


def check_csv(path, table):
    """The values that the corpus itself gives as text, where it does."""
    text = path.with_name(CSV_BESIDE.format(stem=path.stem))
    if not text.is_file():
        return
    with open(text, newline="") as f:
        header, *rows = csv.reader(f)
    expected = [list(column) for column in zip(*rows)]
    for i, name in enumerate(table.column_names):
        got = ["" if v is None else str(v) for v in table.column(i).to_pylist()]
        if got != expected[i]:
            k = next(k for k, (a, b) in enumerate(zip(got, expected[i])) if a != b)
            raise same.Mismatch(f"{header[i]}, row {k}: {got[k]}, the CSV has "
                                f"{expected[i][k]}")


def check_big(path):
    """Two rows, each one map of one key of 2^30 letters: more than one batch can hold."""
    rows = 0
    for batch in ours.batches(path):
        rows += batch.num_rows
        for array in batch.columns:
            keys = array.keys
            if len(keys) != batch.num_rows or array.items.to_pylist() != [1] * len(keys):
                raise same.Mismatch("large_string_map: not one key for each row")
            for i in range(len(keys)):
                view = memoryview(keys[i].as_buffer())
                if len(view) != 1 << 30 or view[:1000] != b"a" * 1000 or \
                        bytes(view[-1000:]) != b"a" * 1000:
                    raise same.Mismatch("large_string_map: another key")
    if rows != 2:
        raise same.Mismatch(f"large_string_map: {rows} rows")


def check_variants(root, path, table):
    """Shredded variants: each is, byte for byte, what cases.json says it was made of."""
    cases = json.loads((root / "shredded_variant/cases.json").read_text())
    case = next(c for c in cases if c.get("parquet_file") == path.name)
    files = case.get("variant_files") or [case["variant_file"]]
    for i, row in enumerate(table.column("var").to_pylist()):
        expected = files[i] and (path.parent / files[i]).read_bytes()
        if (row and row["metadata"] + row["value"]) != expected:
            raise same.Mismatch(f"var, row {i}: another variant than {files[i]}")


def check_file(root, path, refusals):
    """("equal" | "refused", why), or raises same.Mismatch."""
    name = str(path.relative_to(root))
    part, why = refusals.of(name)
    try:
        if name == "data/large_string_map.brotli.parquet":
            check_big(path)
            got = None
        else:
            got = ours.scan_file(path)
    except ours.Refused as e:
        if part is None:
            raise same.Mismatch(f"refused, but not listed: {e}") from None
        if part not in str(e):
            raise same.Mismatch(f"refused, but not for '{part}': {e}") from None
        return "refused", why
    if part is not None:
        raise same.Mismatch("listed as refused, and it is read")
    if path.parent.name == "shredded_variant":
        check_variants(root, path, got)
    elif got is not None:
        expected, loose = reference(root, path)
        same.compare_tables(expected, got, loose)
        check_csv(path, got)
    return "equal", None


def check(root, say):
    """Counts and failures; `say` prints a line."""
    refusals = Refusals()
    count, equal, refused, failures = 0, 0, [], []
    for path in files(root):
        name = str(path.relative_to(root))
        count += 1
        try:
            what, why = check_file(root, path, refusals)
        except same.Mismatch as e:
            failures.append(f"{name}: {e}")
            say(f"MISMATCH {failures[-1]}")
            continue
        if what == "equal":
            equal += 1
        else:
            refused.append((name, why))
    for pattern in refusals.unused():
        failures.append(f"{pattern}: listed as refused, and not in the corpus")
        say(f"MISMATCH {failures[-1]}")
    return count, equal, refused, failures
