"""Writes the golden tables of this folder with PyIceberg.

usage: make.py       (in this folder; makes and removes /warehouse)
"""
import datetime
import decimal
import os
import pathlib
import shutil

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg import transforms, types

import dump

here = pathlib.Path(__file__).resolve().parent
root = pathlib.Path("/warehouse")
root.mkdir()

kinds = [("id", types.LongType(), pa.int64()), ("origin", types.StringType(), pa.string()),
         ("day", types.DateType(), pa.date32()),
         ("ts", types.TimestampType(), pa.timestamp("us")),
         ("tz", types.TimestamptzType(), pa.timestamp("us", "UTC")),
         ("price", types.DecimalType(9, 2), pa.decimal128(9, 2)),
         ("x", types.DoubleType(), pa.float64()), ("flag", types.BooleanType(), pa.bool_()),
         ("data", types.BinaryType(), pa.binary()),
         ("tm", types.TimeType(), pa.time64("us"))]
schema = Schema(*(types.NestedField(i + 1, name, t, required=False)
                  for i, (name, t, _) in enumerate(kinds)))
arrow = pa.schema([(name, t) for name, _, t in kinds])
identity = transforms.IdentityTransform()
spec = PartitionSpec(
    PartitionField(2, 1000, identity, "origin"),
    PartitionField(5, 1001, transforms.MonthTransform(), "tz_month"),
    PartitionField(3, 1002, identity, "day"),
    PartitionField(6, 1003, identity, "price"),
    PartitionField(1, 1004, transforms.BucketTransform(4), "id_bucket"),
    PartitionField(8, 1005, identity, "flag"),
    PartitionField(4, 1006, transforms.DayTransform(), "ts_day"))


def rows(k):
    ts = datetime.datetime(2017, 11, 16, 22, 31, 8, 123456)
    return pa.Table.from_pylist([
        dict(id=k, origin="SEA", day=ts.date(), ts=ts,
             tz=ts.replace(tzinfo=datetime.timezone.utc), price=decimal.Decimal("14.20"),
             x=1.5, flag=True, data=b"\x00\xff", tm=ts.time()),
        dict(id=k + 1, x=float("nan")),
        dict(id=-k, origin="sp\u00e4m", day=datetime.date(1969, 12, 31),
             ts=datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),
             price=decimal.Decimal("-0.01"), x=-1e300, flag=False, data=b"",
             tm=datetime.time(0))], schema=arrow)


try:
    catalog = SqlCatalog("c", uri=f"sqlite:///{root}/c.db", warehouse=f"file://{root}")
    catalog.create_namespace("n")
    for name, version, by in (("parted1", "1", spec), ("parted2", "2", spec),
                              ("plain1", "1", PartitionSpec()),
                              ("plain2", "2", PartitionSpec())):
        table = catalog.create_table(f"n.{name}", schema=schema, partition_spec=by,
                                     properties={"format-version": version})
        table.append(rows(10))
        table.append(rows(20))
        table.delete("id = 10")
        out = here / name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        strip = len("file://")
        snapshot = table.current_snapshot()
        manifests = snapshot.manifests(table.io)
        shutil.copy(table.metadata_location[strip:], out / "metadata.json")
        shutil.copy(snapshot.manifest_list[strip:], out / "list.avro")
        for i, m in enumerate(manifests):
            shutil.copy(m.manifest_path[strip:], out / f"m{i}.avro")
        text = "\n".join(dump.lines(table.io, manifests)) + "\n"
        (out / "expected.txt").write_text(text)
finally:
    shutil.rmtree(root)
