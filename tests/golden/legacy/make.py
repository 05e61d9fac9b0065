"""Makes the tables of this directory with the DataShard that is installed.

    python make.py NAME        # in an environment with that version, pyarrow, fastavro

A table is written in a directory of that name, and what the version itself reads from it
after each commit in NAME.json: rows, values as text where JSON has none of their kind.
README.md says which tables there are.
"""

import datetime as dt
import decimal
import json
import os
import shutil
import sys
import uuid

import datashard
from datashard import PartitionSpec, Schema, create_table

ICEBERG = hasattr(datashard, "migrate_table")  # Since 0.10 it writes Iceberg.

TYPES = [
    ("b", "boolean"), ("i", "int"), ("l", "long"), ("f", "float"), ("d", "double"),
    ("da", "date"), ("t", "time"), ("ts", "timestamp"), ("s", "string"),
    ("bi", "binary"), ("u", "uuid"),
]  # fmt: skip
TYPES += (
    [("fx", "fixed[4]"), ("tz", "timestamptz"), ("de", "decimal(9,2)")]
    if ICEBERG
    else [("fx", "fixed")]
)


def plain(value):
    """A value as JSON has it."""
    if isinstance(value, (dt.date, dt.time, dt.datetime)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, decimal.Decimal) else value


def row(k):
    """The k-th row of the table of all types."""
    full = {
        "b": k % 2 == 0,
        "i": k,
        "l": k * 10**12,
        "f": k / 4,
        "d": -k / 8,
        "da": dt.date(1960, 1, 1) + dt.timedelta(500 * k),
        "t": dt.time(1, 2, k % 60, k),
        "ts": dt.datetime(1969, 12, 31, 23, 59, k, k),
        "s": f"row {k} \u00e9\u4e2d",
        "bi": bytes([k, 0, 255]),
        "u": str(uuid.UUID(int=k << 64 | 7)),
        "fx": b"abc" + bytes([k]),
        "tz": dt.datetime(2021, 1, 1, 0, 0, k, tzinfo=dt.timezone.utc),
        "de": decimal.Decimal(k) / 4,
    }
    return {name: full[name] for name, _ in TYPES}


class Recorder:
    """A table, and what it reads after each commit."""

    def __init__(self, table):
        self.table = table
        self.steps = []

    def note(self):
        snapshot = self.table.metadata_manager.refresh().current_snapshot_id
        rows = [{k: plain(v) for k, v in r.items()} for r in self.table.scan()]
        self.steps.append({"snapshot": snapshot, "rows": rows})


def all_types(path):
    schema = Schema(
        schema_id=1,
        fields=[
            {"id": n + 1, "name": name, "type": kind, "required": name == "i"}
            for n, (name, kind) in enumerate(TYPES)
        ],
    )
    t = Recorder(create_table(path, schema))
    nothing = dict.fromkeys(row(1))
    t.table.append_records([row(k) for k in range(5)])
    t.note()
    t.table.append_records([{**nothing, "i": 7}])
    t.note()
    with t.table.new_transaction() as tx:
        tx.append_data([row(k) for k in range(10, 13)])
        tx.append_data([row(20)])
    t.note()
    first = t.table._get_all_data_files()[0]
    with t.table.new_transaction() as tx:
        tx.delete_files([first.file_path])
    t.note()
    t.table.append_records([])
    t.note()
    if not ICEBERG:
        t.table.append_records([row(30)], partition_values={"day": "a/b", "n": 1})
        t.note()
    return t


def no_schema(path):
    t = Recorder(create_table(path))
    a = {"id": 1, "name": "a", "type": "long", "required": False}
    b = {"id": 2, "name": "b", "type": "string", "required": False}
    t.table.append_records([{"a": 1, "b": "x"}], Schema(schema_id=3, fields=[a, b]))
    t.note()
    t.table.append_records([{"a": 2, "b": None}], Schema(schema_id=4, fields=[a, b]))
    t.note()
    return t


def partitioned(path):
    from datashard.data_structures import PartitionField

    a = {"id": 1, "name": "a", "type": "long", "required": False}
    day = {"id": 2, "name": "day", "type": "date", "required": False}
    spec = PartitionSpec(spec_id=0, fields=[PartitionField(2, 1000, "day", "identity")])
    t = Recorder(create_table(path, Schema(schema_id=1, fields=[a, day]), spec))
    for k in range(3):
        rows = [{"a": 10 * k + n, "day": dt.date(2024, 1, 1 + k)} for n in range(2)]
        values = {} if ICEBERG else {"partition_values": {"day": f"2024-01-0{1 + k}"}}
        t.table.append_records(rows, **values)
        t.note()
    return t


def plain_table(path):
    a = {"id": 1, "name": "a", "type": "long", "required": False}
    b = {"id": 2, "name": "b", "type": "string", "required": False}
    schema = Schema(schema_id=1, fields=[a, b])
    t = Recorder(create_table(path, schema))
    for rows in ([{"a": 1, "b": "x"}, {"a": 2, "b": None}], [{"a": 3, "b": "z"}]):
        t.table.append_records(rows, schema)
        t.note()
    return t


KINDS = {
    "all": all_types,
    "noschema": no_schema,
    "partitioned": partitioned,
    "plain": plain_table,
}


def main():
    name = sys.argv[1]
    shutil.rmtree(name, ignore_errors=True)
    recorded = KINDS[name.split("-")[1]](os.path.join("/data", name))
    shutil.copytree(
        os.path.join("/data", name), name, ignore=shutil.ignore_patterns(".locks")
    )
    with open(f"{name}.json", "w") as f:
        json.dump({"steps": recorded.steps}, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
