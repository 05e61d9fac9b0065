"""Files of pyarrow that join a table as they are: everybody reads the same rows."""
import datetime

import values
from peers import (Failure, datashard, duckdb_connection, duckdb_rows, our_catalog,
                   pyiceberg_catalog, rows_equal, run, scan, workspace)
from test_pyiceberg import SCHEMA


def with_ids(table):
    """The same table with Iceberg's field ids, and names that the table does not know."""
    import pyarrow as pa
    fields = [pa.field(f"x_{f.name}", f.type, f.nullable, {"PARQUET:field_id": str(n)})
              for n, f in enumerate(table.schema, 1)]
    return pa.table(table.columns, schema=pa.schema(fields))


def put(path, table):
    import pyarrow.parquet
    pyarrow.parquet.write_table(table, path, row_group_size=10, store_schema=False)
    return path


def everybody_reads(folder, ours, name, expected):
    rows_equal(scan(name, catalog=ours), expected, what="ours")
    table = pyiceberg_catalog(folder).load_table(name)
    rows_equal(table.scan().to_arrow().to_pylist(), expected, what="PyIceberg")
    rows_equal(duckdb_rows(duckdb_connection(),
                           f"select * from iceberg_scan('{table.metadata_location}')"),
               expected, what="DuckDB")
    return table


def test_files_without_ids_are_read_by_everybody():
    folder = workspace("add-files-names")
    ours = our_catalog(folder)
    datashard("--catalog", ours, "create", "ns.t", "--schema", SCHEMA)
    datashard("--catalog", ours, "append", "ns.t", put(folder / "a", values.arrow_table()))
    datashard("--catalog", ours, "add-files", "ns.t", put(folder / "b", values.arrow_table(100)),
              put(folder / "c", values.arrow_table(200)))
    expected = values.rows() + values.rows(100) + values.rows(200)
    table = everybody_reads(folder, ours, "ns.t", expected)
    assert "schema.name-mapping.default" in table.properties
    # The names mean the same to PyIceberg when it adds a file itself.
    table.add_files([f"file://{put(folder / 'd', values.arrow_table(300))}"])
    everybody_reads(folder, ours, "ns.t", expected + values.rows(300))


def test_files_with_ids_are_read_by_everybody():
    folder = workspace("add-files-ids")
    ours = our_catalog(folder)
    datashard("--catalog", ours, "create", "ns.t", "--schema", SCHEMA)
    datashard("--catalog", ours, "add-files", "ns.t",
              put(folder / "a", with_ids(values.arrow_table())))
    table = everybody_reads(folder, ours, "ns.t", values.rows())
    assert "schema.name-mapping.default" not in table.properties


def test_nested_columns_are_read_by_everybody():
    import pyarrow as pa
    rows = [{"id": n, "xs": [n, None] if n % 2 else None,
             "st": {"a": n, "b": f"b{n}"} if n % 3 else None,
             "m": [(f"k{n}", n)] if n % 4 else []} for n in range(20)]
    schema = pa.schema([("id", pa.int64()), ("xs", pa.list_(pa.int32())),
                        ("st", pa.struct([("a", pa.int64()), ("b", pa.string())])),
                        ("m", pa.map_(pa.string(), pa.int32()))])
    folder = workspace("add-files-nested")
    ours = our_catalog(folder)
    path = put(folder / "a", pa.Table.from_pylist(rows, schema=schema))
    datashard("--catalog", ours, "create", "ns.t", "--schema",
              "id long, xs list<int>, st struct<a: long, b: string>, m map<string, int>")
    datashard("--catalog", ours, "add-files", "ns.t", path)
    expected = pa.Table.from_pylist(rows, schema=schema).to_pylist()
    table = pyiceberg_catalog(folder).load_table("ns.t")
    for what, read in (("ours", scan("ns.t", catalog=ours)),
                       ("PyIceberg", table.scan().to_arrow().to_pylist())):
        assert sorted(read, key=lambda r: r["id"]) == expected, what


def test_filters_skip_no_row_of_them():
    folder = workspace("add-files-filters")
    ours = our_catalog(folder)
    datashard("--catalog", ours, "create", "ns.t", "--schema", SCHEMA)
    for first in (0, 100):
        datashard("--catalog", ours, "add-files", "ns.t",
                  put(folder / f"f{first}", values.arrow_table(first)))
    table = pyiceberg_catalog(folder).load_table("ns.t")
    for text in ("id >= 110", "s is null", "day < '1970-01-01'", "s > 'naïve'", "i = 0",
                 "dec9 = 14.20", "s = '" + "x" * 300 + "'"):
        rows_equal(scan("ns.t", "--where", text, catalog=ours),
                   table.scan(row_filter=text).to_arrow().to_pylist(), what=text)


def test_partitions_are_the_same_as_pyicebergs():
    import pyarrow as pa
    from pyiceberg.transforms import MonthTransform
    folder = workspace("add-files-partitions")
    ours, theirs = our_catalog(folder), pyiceberg_catalog(folder)
    datashard("--catalog", ours, "create", "ns.t", "--schema", "id long, day date",
              "--partition-by", "month(day)")
    theirs.create_namespace_if_not_exists("ns")
    schema = pa.schema([("id", pa.int64()), ("day", pa.date32())])
    other = theirs.create_table("ns.other", schema=schema)
    with other.update_spec() as update:
        update.add_field("day", MonthTransform(), "day_month")
    for month in (1, 2):
        days = [datetime.date(2024, month, d) for d in (1, 15, 28)]
        path = put(folder / f"m{month}", pa.table([[month * 10 + n for n in range(3)], days],
                                                  schema=schema))
        datashard("--catalog", ours, "add-files", "ns.t", path)
        other.add_files([f"file://{path}"])
    mine = theirs.load_table("ns.t").inspect.files().to_pylist()
    for a, b in zip(sorted(mine, key=lambda f: f["file_path"]),
                    sorted(other.inspect.files().to_pylist(), key=lambda f: f["file_path"])):
        for key in ("partition", "record_count", "file_size_in_bytes", "value_counts",
                    "null_value_counts", "lower_bounds", "upper_bounds", "column_sizes"):
            assert a[key] == b[key], (key, a[key], b[key])
    mixed = put(folder / "mixed", pa.table(
        [[1, 2], [datetime.date(2024, 1, 1), datetime.date(2024, 2, 1)]], schema=schema))
    try:
        datashard("--catalog", ours, "add-files", "ns.t", mixed)
        raise AssertionError("two months are no partition")
    except Failure as error:
        assert "column day" in str(error), error


if __name__ == "__main__":
    run([f for name, f in sorted(globals().items()) if name.startswith("test_")])
