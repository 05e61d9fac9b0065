"""DataShard's codecs: what they return, their files, and files that nobody wrote."""

from __future__ import annotations

import datetime
import io
import json
import struct
import tracemalloc
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from original_codecs import LOCATION, answers, known, new_avro, to_relative

import datashard as ds
from datashard import manifest_codec as codec
from datashard._avro import MAGIC, read_container, write_container
from datashard.integrity import CorruptDataError
from datashard.manifest_writer import ENTRY_STATUS_DELETED, encode_manifest

LONGS = {"type": "record", "name": "r", "fields": [{"name": "x", "type": "long"}]}
# DataShard says that bytes which are no value are None, and fails for dates out of Python's
# range all the same; here they are None.
OUT_OF_RANGE = {
    f"iceberg decode {raw!r} date": "NoneType None" for raw in (b"\0\0\0\x80", b"\xff\xff\xff\x7f")
}


def long(value: int) -> bytes:
    """A number as Avro has it."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest])


def container(schema: object, blocks: list[tuple[int, bytes]], codec_name: str = "null") -> bytes:
    """A file made by hand: its schema, and how many records the bytes of each block claim."""
    head = MAGIC + long(2)
    for key, value in (("avro.schema", json.dumps(schema)), ("avro.codec", codec_name)):
        head += long(len(key)) + key.encode() + long(len(value)) + value.encode()
    sync = bytes(range(16))
    body = b"".join(long(count) + long(len(data)) + data + sync for count, data in blocks)
    return head + long(0) + sync + body


def test_every_answer_is_datashards() -> None:
    files, wanted = known()
    found = answers(files)
    assert found.keys() == wanted.keys() and len(wanted) > 700
    differing = {k: (wanted[k], found[k]) for k in wanted if found[k] != wanted[k]}
    assert {k: mine for k, (_, mine) in differing.items()} == OUT_OF_RANGE


def test_a_wrong_answer_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    files, wanted = known()
    monkeypatch.setattr(codec, "column_types", lambda header: {})
    found = answers(files)
    assert found["DataShard's manifest"] != wanted["DataShard's manifest"]


def test_fastavro_reads_what_is_written_here() -> None:
    fastavro = pytest.importorskip("fastavro")
    for content in new_avro().values():
        theirs = list(fastavro.reader(io.BytesIO(content)))
        ours, header = read_container(content)
        assert theirs == ours
        assert fastavro.reader(io.BytesIO(content)).metadata == {k: v.decode() for k, v in header.items()}


@pytest.mark.parametrize("how", ["null", "deflate"])
def test_both_read_what_the_other_writes(how: str) -> None:
    fastavro = pytest.importorskip("fastavro")
    inner = {"type": "record", "name": "in", "fields": [{"name": "b", "type": ["null", "bytes"]}]}
    logical = {
        "date": ("int", datetime.date(1969, 5, 1)),
        "time-micros": ("long", datetime.time(23, 59, 59, 999999)),
        "timestamp-micros": ("long", datetime.datetime(2026, 1, 1, 0, 0, 0, 1, datetime.timezone.utc)),
        "timestamp-millis": ("long", datetime.datetime(1960, 1, 1, tzinfo=datetime.timezone.utc)),
        "local-timestamp-micros": ("long", datetime.datetime(2026, 1, 1, 0, 0, 0, 1)),
    }
    plain = {"int": -(2**31), "long": 2**63 - 1, "double": 1.5, "float": 0.25, "boolean": True, "string": "ü", "bytes": b"\0"}
    fields: list[dict[str, Any]] = [{"name": f"f{i}", "type": kind} for i, kind in enumerate(plain)]
    fields += [
        {"name": f"l{i}", "type": ["null", {"type": kind, "logicalType": name}]}
        for i, (name, (kind, _)) in enumerate(logical.items())
    ]
    fields += [
        {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "a", "type": {"type": "array", "items": inner}},
        {"name": "m", "type": {"type": "map", "values": "long"}},
        {"name": "again", "type": ["null", "in"]},
    ]
    schema = {"type": "record", "name": "top", "fields": fields}
    record: dict[str, Any] = {f"f{i}": value for i, value in enumerate(plain.values())}
    record |= {f"l{i}": value for i, (_, value) in enumerate(logical.values() )}
    record |= {"d": Decimal("-12.34"), "a": [{"b": None}, {"b": b"x" * 300}], "m": {"k": -1}, "again": None}
    records = [record] * 1500
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), records, codec=how)
    assert read_container(out.getvalue())[0] == records
    plain_schema = {**schema, "fields": fields[:-1]}
    mine = [{k: v for k, v in record.items() if k != "again"}] * 1500
    assert list(fastavro.reader(io.BytesIO(write_container(plain_schema, mine, codec=how)))) == mine


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("long", 2**63), ("int", 2**31), ("long", 1.5), ("long", None), ("string", b"x"), ("bytes", "x"),
        ("boolean", 1), ({"type": "array", "items": "long"}, 3), ({"type": "map", "values": "long"}, [1]),
        ({"type": "bytes", "logicalType": "decimal", "scale": 1}, Decimal("1.23")),
    ],
)  # fmt: skip
def test_what_is_none_of_its_type_is_not_written(kind: object, value: object) -> None:
    schema = {"type": "record", "name": "r", "fields": [{"name": "field_7", "type": kind}]}
    with pytest.raises(ValueError, match="field_7"):
        write_container(schema, [{"field_7": value}])


def test_no_cut_and_no_changed_byte_is_more_than_an_error() -> None:
    files = known()[0]
    for name, content in files.items():
        decode = codec.decode_manifest_list if name.endswith("list") else codec.decode_manifest
        for cut in range(len(content)):
            try:
                decode(content[:cut], "the/path", to_relative)
            except CorruptDataError as error:
                assert "the/path" in str(error)
            else:  # Between two blocks: the length that is noted elsewhere tells.
                assert content[:cut].endswith(content[-16:])
        for at in range(0, len(content), 3):
            for flip in (0x01, 0x80, 0xFF):
                damaged = content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :]
                try:
                    decode(damaged, "p", to_relative)
                except (CorruptDataError, NotImplementedError, ValueError):
                    pass  # Of a path or a file's kind; what is not told cannot be seen.


HOSTILE = {
    "nothing": b"",
    "another magic": b"Obj\x02" + bytes(40),
    "a head without end": MAGIC + long(1) + long(2**40) + b"k",
    "a head of many": MAGIC + long(2**60),
    "a number without end": MAGIC + b"\xff" * 40,
    "no schema": MAGIC + long(0) + bytes(16),
    "a schema of no records": container("long", [(1, b"\0")]),
    "a schema that is none": container(5, []),
    "an unknown type": container({"type": "record", "name": "r", "fields": [{"name": "x", "type": "y"}]}, [(1, b"\0")]),
    "a type of itself": container({"type": "record", "name": "r", "fields": [{"name": "x", "type": "r"}]}, [(1, b"\0")]),
    "a block of many records": container(LONGS, [(2**50, b"\0")]),
    "a block of many bytes": container(LONGS, [(1, b"\0")])[:-17] + long(2**50) + bytes(17),
    "fewer records than bytes": container(LONGS, [(1, b"\0\0")]),
    "a negative count": container(LONGS, [(-1, b"\0")]),
    "a long text": container({"type": "record", "name": "r", "fields": [{"name": "x", "type": "string"}]}, [(1, long(2**40) + b"a")]),
    "a negative text": container({"type": "record", "name": "r", "fields": [{"name": "x", "type": "string"}]}, [(1, long(-5) + b"a")]),
    "text that is none": container({"type": "record", "name": "r", "fields": [{"name": "x", "type": "string"}]}, [(1, long(1) + b"\xff")]),
    "no such branch": container({"type": "record", "name": "r", "fields": [{"name": "x", "type": ["null"]}]}, [(1, long(7))]),
    "no such symbol": container(
        {"type": "record", "name": "r", "fields": [{"name": "x", "type": {"type": "enum", "name": "e", "symbols": ["a"]}}]},
        [(1, long(-1))],
    ),
    "a codec that is none": container(LONGS, [(1, b"\0")], "lzip"),
    "no deflated bytes": container(LONGS, [(1, b"\0")], "deflate"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_clear_errors(name: str) -> None:
    with pytest.raises(CorruptDataError, match="manifest at/p is not a readable Avro"):
        codec.avro_container(HOSTILE[name], "at/p", "manifest")


def bomb() -> bytes:
    """64 MiB of zeros, deflated to 64 KiB."""
    engine = zlib.compressobj(9, wbits=-15)
    data = b"".join(engine.compress(bytes(1 << 20)) for _ in range(64)) + engine.flush()
    return container(LONGS, [(64 << 20, data)], "deflate")


def nulls() -> bytes:
    """Arrays of a million values that take no bytes, again and again."""
    schema = {"type": "record", "name": "r", "fields": [{"name": "x", "type": {"type": "array", "items": "null"}}]}
    size = 100_000
    return container(schema, [(1, long(size) * (size // 3) + b"\0")])


def widening() -> bytes:
    """A schema whose one record has 10**12 values of no bytes."""
    schema: Any = "null"
    for i in range(12):
        again = f"r{i - 1}" if i else "null"
        fields = [{"name": f"f{k}", "type": again if k else schema} for k in range(10)]
        schema = {"type": "record", "name": f"r{i}", "fields": fields}
    return container(schema, [(1, b"\0")])


@pytest.mark.parametrize("make", [bomb, nulls, widening])
def test_memory_is_bounded_by_the_file(make: Any) -> None:
    content = make()
    tracemalloc.start()
    try:
        with pytest.raises(CorruptDataError):
            codec.avro_container(content, "p", "manifest")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < (200 << 20)


def test_deletes_are_no_data_files() -> None:
    with pytest.raises(NotImplementedError, match="delete file"):
        codec.data_file_from_iceberg({"data_file": {"content": 2, "file_path": "x"}}, {}, to_relative)
    with pytest.raises(NotImplementedError, match="delete files"):
        codec.manifest_from_iceberg({"content": 1, "manifest_path": "x"}, to_relative)


def test_the_engines_manifests_are_read(tmp_path: Path) -> None:
    schema = ds.Schema(1, [{"id": 1, "name": "n", "type": "long"}, {"id": 2, "name": "day", "type": "date"}])
    spec = ds.PartitionSpec(0, [ds.PartitionField(2, 1000, "day", "identity")])
    table = ds.create_table(str(tmp_path / "t"), schema, spec)
    table.append_records([{"n": 5, "day": datetime.date(2026, 1, 2)}, {"n": 7, "day": datetime.date(2026, 1, 2)}])
    snapshot = table.current_snapshot()
    assert snapshot is not None
    relative = table.file_manager.to_relative
    (listed,) = codec.decode_manifest_list((tmp_path / "t" / snapshot.manifest_list).read_bytes(), "l", relative)
    (found,) = codec.decode_manifest((tmp_path / "t" / listed.manifest_path).read_bytes(), "m", relative)
    assert (listed.added_data_files_count, listed.added_rows_count) == (1, 2)
    assert struct.unpack("<i", listed.partitions[0]["lower_bound"])[0] == 20455
    assert (found.record_count, found.lower_bounds, found.upper_bounds) == (
        2,
        {1: 5, 2: datetime.date(2026, 1, 2)},
        {1: 7, 2: datetime.date(2026, 1, 2)},
    )
    assert found.partition_values == {"day": datetime.date(2026, 1, 2)}
    assert (tmp_path / "t" / found.file_path.lstrip("/")).is_file()


def test_manifests_are_written_where_one_says(tmp_path: Path) -> None:
    table = ds.create_table(str(tmp_path / "t"), ds.Schema(1, [{"id": 1, "name": "n", "type": "long"}]))
    files = table.file_manager
    one = ds.DataFile("/data/x.parquet", ds.FileFormat.PARQUET, {}, 5, 10, lower_bounds={1: -3})
    seen: list[str] = []
    made = files.write_manifest(
        [(1, 7, 2, one), (0, 3, 1, one), (2, 7, 2, one)], "metadata/m.avro", 7, 2, seen.append, location=LOCATION
    )
    assert (made.added_data_files_count, made.existing_data_files_count, made.deleted_data_files_count) == (1, 1, 1)
    assert (made.added_rows_count, made.existing_rows_count, made.min_sequence_number) == (5, 5, 1)
    content = (tmp_path / "t" / "metadata" / "m.avro").read_bytes()
    assert len(content) == made.manifest_length
    assert [e["data_file"]["file_path"] for e in read_container(content)[0]] == [f"{LOCATION}/data/x.parquet"] * 3
    assert codec.decode_manifest(content, "m", to_relative)[0].lower_bounds == {1: -3}
    info = files.create_manifest_list([made], 7, seen.append, "metadata/l.avro", 3, 2, LOCATION)
    assert seen == ["metadata/m.avro", "metadata/l.avro"] and info.path == "metadata/l.avro"
    raw = (tmp_path / "t" / info.path).read_bytes()
    header, records = codec.avro_container(raw, "l", "list")
    assert (len(raw), header["snapshot-id"], header["parent-snapshot-id"]) == (info.length, "7", "3")
    assert records[0]["manifest_path"] == f"{LOCATION}/metadata/m.avro"
    assert codec.decode_manifest_list(raw, "l", to_relative)[0].checksum == made.checksum
    assert files.read_manifest_list_file(files.create_manifest_list([made], 7).path)[0].manifest_path == "metadata/m.avro"
    assert ENTRY_STATUS_DELETED == 2
    with pytest.raises(NotImplementedError):
        files.create_manifest_file([one], ds.data_structures.ManifestContent.DELETES)
    with pytest.raises(ValueError, match="at"):
        encode_manifest([(1, 1, 1, one)], *_odd_partition(one), LOCATION)


def _odd_partition(one: ds.DataFile) -> tuple[ds.Schema, ds.PartitionSpec]:
    one.partition_values = {"at": "no date"}
    schema = ds.Schema(1, [{"id": 1, "name": "at", "type": "date"}])
    return schema, ds.PartitionSpec(0, [ds.PartitionField(1, 1000, "at", "identity")])
