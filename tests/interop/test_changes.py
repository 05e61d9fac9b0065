"""Files taken out, columns added and snapshots forgotten, as the other engines see it; and
what becomes of a transaction of ours when another engine commits in the middle of it.

usage: test_changes.py CHANGE_TABLE    (the program)
"""
import json
import subprocess
import sys

import values
from peers import (datashard, duckdb_connection, duckdb_rows, metadata, our_catalog,
                   pyiceberg_catalog, rows_equal, run, scan, spark_session, workspace)
from test_pyiceberg import SCHEMA, parquet_file

CHANGE = sys.argv[1]
FAR_FUTURE_MS = 4102444800000


class Transaction:
    """One of ours, taken step by step: see change_table.c."""

    def __init__(self, folder, isolation=""):
        self.process = subprocess.Popen(
            [CHANGE, our_catalog(folder), "shared", "ns.t"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask("begin", isolation)

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)).rstrip() + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().rstrip("\n")
        assert answer and not answer.startswith("error"), (words, answer)
        return answer

    def delete(self, path):
        assert self.ask("delete", path) == "1", path
        return self

    def append(self, path):
        self.ask("append", path)
        return self

    def join(self, path):
        self.ask("join", path)
        return self

    def widen(self, path):
        self.ask("widen", path)
        return self

    def expire(self, keep):
        self.ask("expire", FAR_FUTURE_MS, keep)
        return self

    def end(self):
        """(True, the snapshot's id) or (False, what conflicts)."""
        word, _, rest = self.ask("commit").partition(" ")
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0
        return (True, int(rest)) if word == "committed" else (False, json.loads(rest))

    def committed(self):
        good, snapshot = self.end()
        assert good, snapshot
        return snapshot

    def refused(self, rule):
        good, why = self.end()
        assert not good and why["rule"] == rule, why
        return why


def make(name, *options, appends=3):
    """A folder with a table, an append and a file for each 100."""
    folder = workspace(name)
    ours = our_catalog(folder)
    datashard("--catalog", ours, "create", "ns.t", "--schema", SCHEMA, *options)
    for k in range(appends):
        datashard("--catalog", ours, "append", "ns.t", parquet_file(folder, 100 * k))
    return folder, pyiceberg_catalog(folder).load_table("ns.t")


def file_of(table, append):
    """The data file that PyIceberg says append number `append` made, the first being 1."""
    table.refresh()
    entries = table.inspect.entries().to_pylist()
    return next(e["data_file"]["file_path"] for e in entries
                if e["sequence_number"] == append and e["status"] != 2)


def of(*appends):
    return [row for append in appends for row in values.rows(100 * (append - 1))]


def all_agree(folder, table, rows, what):
    """Ours, PyIceberg and DuckDB read these rows."""
    table.refresh()
    newest = table.metadata_location.removeprefix("file://")
    rows_equal(scan("ns.t", catalog=our_catalog(folder)), rows, what=f"{what}: ours")
    rows_equal(table.scan().to_arrow().to_pylist(), rows, what=f"{what}: PyIceberg")
    rows_equal(duckdb_rows(duckdb_connection(), f"select * from iceberg_scan('{newest}')"),
               rows, what=f"{what}: DuckDB")


# --- What ours did, read by others

def test_a_file_taken_out():
    folder, table = make("changes-delete")
    before = table.current_snapshot().snapshot_id
    snapshot = Transaction(folder).delete(file_of(table, 2)).committed()
    all_agree(folder, table, of(1, 3), "deleted")
    rows_equal(table.scan(snapshot_id=before).to_arrow().to_pylist(), of(1, 2, 3),
               what="PyIceberg, before")
    now = table.current_snapshot()
    assert now.snapshot_id == snapshot and now.summary.operation.value == "delete", now
    assert now.summary["deleted-data-files"] == "1", now.summary
    assert now.summary["deleted-records"] == str(len(of(2))), now.summary
    assert now.summary["total-records"] == str(len(of(1, 3))), now.summary
    status = sorted(e["status"] for e in table.inspect.entries().to_pylist())
    assert status.count(2) == 1 and len(status) == 3, status
    table.append(values.arrow_table(300))  # They go on where we stopped.
    table.delete("id = 300")
    left = [r for r in of(1, 3, 4) if r["id"] != 300]
    all_agree(folder, table, left, "theirs on top")


def test_a_file_replaced_in_a_partitioned_table():
    folder, table = make("changes-replace", "--partition-by", "truncate(10000, id)")
    change = Transaction(folder).delete(file_of(table, 1))
    change.append(parquet_file(folder, 300)).committed()
    all_agree(folder, table, of(2, 3, 4), "replaced")
    now = table.current_snapshot()
    assert now.summary.operation.value == "overwrite", now
    assert now.summary["added-data-files"] == now.summary["deleted-data-files"] == "1"


def test_every_file_taken_out():
    folder, table = make("changes-empty", appends=1)
    Transaction(folder).delete(file_of(table, 1)).committed()
    all_agree(folder, table, [], "empty")
    table.append(values.arrow_table(100))
    all_agree(folder, table, of(2), "filled again")


def test_snapshots_forgotten():
    folder, table = make("changes-expire")
    gone = file_of(table, 2)
    Transaction(folder).delete(gone).committed()
    datashard("--catalog", our_catalog(folder), "append", "ns.t", parquet_file(folder, 300))
    old = [s.snapshot_id for s in table.refresh().metadata.snapshots]
    Transaction(folder).expire(2).committed()
    all_agree(folder, table, of(1, 3, 4), "expired")
    kept = [s.snapshot_id for s in table.metadata.snapshots]
    assert kept == old[-2:], (kept, old)
    rows_equal(table.scan(snapshot_id=kept[0]).to_arrow().to_pylist(), of(1, 3),
               what="PyIceberg, the snapshot before")
    newest = table.metadata_location.removeprefix("file://")
    seen = duckdb_rows(duckdb_connection(),
                       f"select snapshot_id from iceberg_snapshots('{newest}')")
    assert sorted(r["snapshot_id"] for r in seen) == sorted(kept)
    there = {f"file://{p}" for p in (folder / "warehouse").rglob("*.parquet")}
    assert gone not in there and len(there) == 3, there
    table.append(values.arrow_table(400))
    all_agree(folder, table, of(1, 3, 4, 5), "theirs on top")


def wider_file(folder, first):
    """Rows with two more columns, one of them nested."""
    import pyarrow
    import pyarrow.parquet
    rows = values.arrow_table(first)
    more = pyarrow.array([r["id"] * 2 if r["id"] % 3 else None for r in rows.to_pylist()],
                         pyarrow.int64())
    tags = pyarrow.array([[f"t{r['id']}", None] for r in rows.to_pylist()],
                         pyarrow.list_(pyarrow.string()))
    path = folder / f"wider-{first}.parquet"
    pyarrow.parquet.write_table(
        rows.append_column("more", more).append_column("tags", tags), path)
    return path


def wide(row):
    key = row["id"]
    return {**row, "more": key * 2 if key % 3 else None, "tags": [f"t{key}", None]}


def narrow(row):
    return {**row, "more": None, "tags": None}


def test_columns_added_with_rows():
    folder, table = make("changes-widen", appends=1)
    file = wider_file(folder, 100)
    before = table.current_snapshot().snapshot_id
    last = table.metadata.last_column_id
    Transaction(folder).widen(file).append(file).committed()
    all_agree(folder, table, [narrow(r) for r in of(1)] + [wide(r) for r in of(2)], "wider")
    rows_equal(table.scan(snapshot_id=before).to_arrow().to_pylist(), of(1),
               what="PyIceberg, before")
    more = table.schema().find_field("more")
    assert not more.required and more.field_id > last, more
    assert table.metadata.last_column_id == last + 3  # The list's elements have one, too.
    with table.update_schema() as update:  # Theirs count on from ours.
        update.rename_column("more", "double")
        update.delete_column("tags")
    expected = [{**r, "double": None} for r in of(1)]
    expected += [{**r, "double": wide(r)["more"]} for r in of(2)]
    all_agree(folder, table, expected, "renamed by them")


def test_a_file_of_others_joins():
    """Without field ids, and with columns in another order: read by names."""
    import pyarrow.parquet
    folder, table = make("changes-join", appends=1)
    names = list(values.pyarrow_schema().names)
    loose = folder / "loose.parquet"
    pyarrow.parquet.write_table(values.arrow_table(100).select(names[::-1]), loose)
    Transaction(folder).join(loose).committed()
    all_agree(folder, table, of(1, 2), "joined")
    table.add_files([str(parquet_file(folder, 200))])  # Theirs, by the same mapping.
    all_agree(folder, table, of(1, 2, 3), "and one of theirs")
    with table.update_schema() as update:
        update.rename_column("s", "text")
    expected = [{("text" if k == "s" else k): v for k, v in r.items()} for r in of(1, 2, 3)]
    all_agree(folder, table, expected, "renamed")
    assert loose.is_file()


def test_all_in_one_commit():
    folder, table = make("changes-all")
    file = wider_file(folder, 300)
    change = Transaction(folder).delete(file_of(table, 1)).widen(file).append(file)
    change.expire(1).committed()
    all_agree(folder, table, [narrow(r) for r in of(2, 3)] + [wide(r) for r in of(4)], "all")
    # What was the newest is kept beside what this commit makes.
    assert len(table.metadata.snapshots) <= 2, table.metadata.snapshots


def test_spark_reads_and_goes_on():
    import pyarrow
    import pyarrow.parquet
    folder = workspace("changes-spark")
    ours = our_catalog(folder)
    datashard("--catalog", ours, "create", "ns.t", "--schema", "id long, s string",
              "--partition-by", "truncate(100000, id)")
    for k in range(4):
        lines = "".join(json.dumps({"id": k * 10 + i, "s": f"s{k}"}) + "\n" for i in range(10))
        datashard("--catalog", ours, "append", "ns.t", "-", "--format", "jsonl", input=lines)
    table = pyiceberg_catalog(folder).load_table("ns.t")
    Transaction(folder).delete(file_of(table, 1)).committed()
    before = metadata("ns.t", ours)["current-snapshot-id"]
    deleted = Transaction(folder).delete(file_of(table, 2)).committed()
    wider = folder / "wider.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"id": [50], "s": ["w"], "n": [7]}), wider)
    wide_at = Transaction(folder).widen(wider).append(wider).committed()
    Transaction(folder).expire(3).committed()
    # From here on only Spark writes: its driver may hold a lock as long as it lives.
    spark = spark_session(folder)

    def ids(sql):
        return sorted(r["id"] for r in spark.sql(sql).collect())

    left = [*range(20, 40)]
    assert ids(f"select id from shared.ns.t version as of {before}") == [*range(10, 40)]
    assert ids(f"select id from shared.ns.t version as of {deleted}") == left
    rows = {r["id"]: r["n"] for r in spark.sql("select id, n from shared.ns.t").collect()}
    assert rows == {**dict.fromkeys(left), 50: 7}
    assert spark.sql("select count(*) from shared.ns.t.files").collect()[0][0] == 3
    history = spark.sql("select snapshot_id, operation from shared.ns.t.snapshots "
                        "order by committed_at").collect()
    assert [tuple(r) for r in history] == [(before, "delete"), (deleted, "delete"),
                                           (wide_at, "append")], history
    spark.sql("delete from shared.ns.t where id < 25")  # Takes our file apart.
    spark.sql("insert into shared.ns.t values (60, 'spark', 8)")
    expected = [*range(25, 40), 50, 60]
    assert ids("select id from shared.ns.t") == expected
    assert sorted(r["id"] for r in scan("ns.t", catalog=ours)) == expected


# --- What others did in the middle of ours

def test_they_took_the_same_file_apart():
    folder, table = make("changes-same-file")
    change = Transaction(folder).delete(file_of(table, 2))
    table.delete("id = 101")  # Rewrites it.
    why = change.refused("file-removed")
    their = [s.snapshot_id for s in table.refresh().metadata.snapshots][3:]
    assert why["winner"]["snapshot-id"] in their, (why, their)
    all_agree(folder, table, [r for r in of(1, 2, 3) if r["id"] != 101], "theirs alone")


def test_they_took_another_file_apart():
    folder, table = make("changes-other-file")
    change = Transaction(folder).delete(file_of(table, 2))
    table.delete("id = 1")
    change.committed()
    all_agree(folder, table, [r for r in of(1, 3) if r["id"] != 1], "both")


def test_they_overwrote_everything():
    folder, table = make("changes-overwritten")
    change = Transaction(folder).delete(file_of(table, 2))
    table.overwrite(values.arrow_table(300))
    change.refused("file-removed")
    all_agree(folder, table, of(4), "theirs alone")


def test_they_appended():
    folder, table = make("changes-appended")
    only = Transaction(folder).delete(file_of(table, 1))
    table.append(values.arrow_table(300))
    only.committed()
    all_agree(folder, table, of(2, 3, 4), "a deletion reads nothing")
    change = Transaction(folder).delete(file_of(table, 2)).append(parquet_file(folder, 400))
    table.refresh().append(values.arrow_table(500))
    why = change.refused("files-added")
    assert why["winner"]["snapshot-id"] == table.refresh().current_snapshot().snapshot_id
    change = Transaction(folder, "snapshot").delete(file_of(table, 2))
    change.append(parquet_file(folder, 400))
    table.refresh().append(values.arrow_table(600))
    change.committed()
    all_agree(folder, table, of(3, 4, 5, 6, 7), "with snapshot isolation")


def test_they_changed_the_schema():
    from pyiceberg.types import LongType
    folder, table = make("changes-schema", appends=2)
    file = wider_file(folder, 200)
    ours = Transaction(folder).widen(file).append(file)
    only = Transaction(folder).delete(file_of(table, 1))
    plain = Transaction(folder).append(parquet_file(folder, 300))
    with table.update_schema() as update:
        update.add_column("more", LongType())
        update.rename_column("s", "text")
    ours.refused("schema-changed")
    only.committed()
    plain.committed()  # Of the columns as they were: by their ids.
    expected = [{("text" if k == "s" else k): v for k, v in r.items()} | {"more": None}
                for r in of(2, 4)]
    all_agree(folder, table, expected, "theirs, and ours rebased")


def test_they_set_a_property_and_forgot_snapshots():
    folder, table = make("changes-forgotten")
    change = Transaction(folder).delete(file_of(table, 1))
    with table.transaction() as theirs:
        theirs.set_properties({"theirs": "1"})
    change.committed()
    change = Transaction(folder).delete(file_of(table, 2)).append(parquet_file(folder, 300))
    base = table.refresh().current_snapshot().snapshot_id
    table.delete("id = 201")  # Of the third file: nothing is added but what was there.
    table.maintenance.expire_snapshots().by_id(base).commit()
    why = change.refused("files-added")  # Nobody can tell any more.
    assert "no longer in the history" in why["advice"] or "winner" in why, why
    all_agree(folder, table, [r for r in of(2, 3) if r["id"] != 201], "theirs alone")


def test_two_of_ours_and_one_of_theirs():
    folder, table = make("changes-expired-meanwhile", appends=4)
    forgets = Transaction(folder).expire(1)
    deletes = Transaction(folder).delete(file_of(table, 2))
    table.append(values.arrow_table(400))
    forgets.committed()
    deletes.committed()
    all_agree(folder, table, of(1, 3, 4, 5), "all three")
    assert len(table.metadata.snapshots) == 2, table.metadata.snapshots


if __name__ == "__main__":
    run([f for name, f in sorted(globals().items()) if name.startswith("test_")])
