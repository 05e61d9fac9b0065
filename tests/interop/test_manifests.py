"""Other implementations read the manifests that write_manifests.c writes.

usage: test_manifests.py WRITE_MANIFESTS    (the program; needs pyiceberg, or fastavro, or
                                             Debian's python3-avro: it checks with what is there)
"""
import datetime
import decimal
import json
import math
import subprocess
import sys
import tempfile

D = decimal.Decimal
EPOCH = datetime.datetime(1970, 1, 1)
FIRST = {"p_x200": False, "p_x201": -2**31, "p_x202": -2**63, "p_x203": -1.5,
         "p_x204": 1e300, "p_x205": datetime.date(2017, 11, 16),
         "p_x206": datetime.time(22, 31, 8, 123456),
         "p_x207": EPOCH + datetime.timedelta(microseconds=1510871468000001),
         "p_x209": "ham", "p_x2011": b"\0\1\2\3\4", "p_x2012": b"",
         "p_x2013": D("-0.01"), "p_x2014": D("9" * 28 + "." + "9" * 10),
         "p_x2015": D("123.45")}


def check_records(entries, rows, schema, close):
    assert [e["status"] for e in entries] == [1, 0, 1, 1]
    assert [e["snapshot_id"] for e in entries] == [None, 5, None, None]
    assert [e["sequence_number"] for e in entries] == [None, 3, None, None]
    assert [e["file_sequence_number"] for e in entries] == [None, 4, None, None]
    first = entries[0]["data_file"]["partition"]
    for name, value in FIRST.items():
        assert close(first[name], value), (name, first[name], value)
    assert all(v is None for v in entries[3]["data_file"]["partition"].values())
    full = entries[2]["data_file"]
    assert full["column_sizes"] == [{"key": 1, "value": 10}]
    assert full["value_counts"] == [{"key": 1, "value": 20}, {"key": 3, "value": 20}]
    assert full["nan_value_counts"] == [{"key": 3, "value": 5}]
    assert full["lower_bounds"] == [{"key": 1, "value": b"\0"}]
    assert full["split_offsets"] == [4, 10**12] and full["sort_order_id"] == 0
    assert full["file_format"] == "PARQUET" and full["record_count"] == 7
    assert rows[0]["added_files_count"] == 3 and rows[0]["existing_rows_count"] == 7
    assert rows[0]["sequence_number"] == 9 and rows[0]["min_sequence_number"] == 3
    assert len(rows[0]["partitions"]) == 16
    # Attributes that libraries are known to lose must be in the header.
    fields = {f["name"]: f for f in schema["fields"]}
    assert [fields[n]["field-id"] for n in ("status", "snapshot_id", "data_file")] == [0, 1, 2]
    data = {f["name"]: f for f in fields["data_file"]["type"]["fields"]}
    assert data["split_offsets"]["type"][1]["element-id"] == 133
    assert data["column_sizes"]["type"][1]["logicalType"] == "map"


def same(a, b):
    if isinstance(b, datetime.datetime) and a.tzinfo:
        a = a.replace(tzinfo=None)
    return a == b or (isinstance(b, float) and math.isclose(a, b))


def with_fastavro(folder):
    import fastavro
    with open(f"{folder}/m0.avro", "rb") as f, open(f"{folder}/list.avro", "rb") as g:
        reader = fastavro.reader(f)
        check_records(list(reader), list(fastavro.reader(g)),
                      json.loads(reader.metadata["avro.schema"]), same)


def with_python_avro(folder):
    import avro.datafile
    import avro.io
    with open(f"{folder}/m0.avro", "rb") as f, open(f"{folder}/list.avro", "rb") as g:
        reader = avro.datafile.DataFileReader(f, avro.io.DatumReader())
        schema = json.loads(reader.meta["avro.schema"])
        rows = list(avro.datafile.DataFileReader(g, avro.io.DatumReader()))
        check_records(list(reader), rows, schema, same)


def with_pyiceberg(folder):
    from pyiceberg.io.pyarrow import PyArrowFileIO
    from pyiceberg.manifest import read_manifest_list
    io = PyArrowFileIO()
    (m,) = read_manifest_list(io.new_input(f"file://{folder}/list.avro"))
    assert m.added_files_count == 3 and m.sequence_number == 9
    assert m.min_sequence_number == 3 and m.added_snapshot_id == 77
    entries = m.fetch_manifest_entry(io, discard_deleted=False)
    assert [int(e.status) for e in entries] == [1, 0, 1, 1]
    assert [e.snapshot_id for e in entries] == [77, 5, 77, 77]
    assert [e.sequence_number for e in entries] == [9, 3, 9, 9]
    part = entries[0].data_file.partition
    # PyIceberg 0.12 narrows doubles in Avro files, so 1e300 may come as infinity.
    assert [part[i] for i in (0, 1, 2, 3, 5, 6)] == [False, -2**31, -2**63, -1.5, 17486,
                                                     81068123456]
    assert part[4] in (1e300, math.inf)
    assert part[9] == "ham" and part[13] == D("-0.01") and part[15] == D("123.45")
    assert all(entries[3].data_file.partition[i] is None for i in range(16))
    full = entries[2].data_file
    assert full.value_counts == {1: 20, 3: 20} and full.nan_value_counts == {3: 5}
    assert full.split_offsets == [4, 10**12]
    return True


checks = {"fastavro": with_fastavro, "avro": with_python_avro, "pyiceberg": with_pyiceberg}
done = []
for codec in ("gzip", "zstd", "snappy", "uncompressed"):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder, codec], check=True)
        for name, check in checks.items():
            try:
                __import__(name)
            except ImportError:
                continue
            try:
                check(folder)
                done.append(f"{name}/{codec}")
            except Exception as e:
                if not any(word in str(e) for word in ("odec", "not installed")):  # A library without a codec is none of our faults.
                    raise
                print(f"{name} does not read {codec}: {e}")
print("read by", ", ".join(done))
sys.exit(0 if done else 77)
