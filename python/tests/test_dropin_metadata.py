"""Metadata, manifests and bounds as objects and bytes, through DataShard's modules."""

from __future__ import annotations

import json
import struct
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import datashard as ds
from datashard._avro import read_container
from datashard.column_stats import compute_column_bounds
from datashard.filters import parse_filter_dict
from datashard.iceberg_bounds import decode_bound, encode_bound
from datashard.metadata_serde import (
    check_iceberg_representable,
    dict_to_metadata,
    is_legacy_document,
    metadata_to_dict,
)
from datashard.partition_pruning import prune_files_by_partition
from datashard.table_paths import join_uri, location_uri, to_relative
from datashard.version_hint import version_of

SCHEMA = ds.Schema(
    1,
    [
        {"id": 1, "name": "n", "type": "long", "required": True},
        {"id": 2, "name": "day", "type": "date"},
    ],
)


def filled(path: Path, commits: int = 2) -> ds.Table:
    spec = ds.PartitionSpec(0, [ds.PartitionField(2, 1000, "day", "identity")])
    table = ds.create_table(str(path), SCHEMA, spec)
    for i in range(commits):
        table.append_records([{"n": i, "day": date(2026, 1, 1 + i)}])
    return table


@pytest.mark.parametrize(
    ("kind", "value", "raw"),
    [
        ("boolean", True, b"\1"),
        ("int", -2, struct.pack("<i", -2)),
        ("long", 2**40, struct.pack("<q", 2**40)),
        ("double", 1.5, struct.pack("<d", 1.5)),
        ("date", date(1960, 1, 2), struct.pack("<i", -3652)),
        ("time", time(1, 0, 0, 5), struct.pack("<q", 3_600_000_005)),
        ("timestamp", datetime(1970, 1, 2), struct.pack("<q", 86_400_000_000)),
        ("timestamptz", datetime(1970, 1, 2, tzinfo=timezone.utc), struct.pack("<q", 86_400_000_000)),
        ("string", "ä", "ä".encode()),
        ("binary", b"\0", b"\0"),
        ("fixed[2]", b"ab", b"ab"),
        ("uuid", "00000000-0000-0000-0000-000000000102", bytes(14) + b"\1\2"),
        ("decimal(9,2)", Decimal("-1.28"), b"\x80"),
        ("decimal(38,8)", Decimal("123456789012345678901234567890.12345678"), None),
    ],
)
def test_bounds_go_there_and_back(kind: str, value: Any, raw: bytes | None) -> None:
    coded = encode_bound(value, kind)
    assert coded is not None and (raw is None or coded == raw)
    assert decode_bound(coded, kind) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("long", 1.5),
        ("int", True),
        ("int", "5"),
        ("int", 2**31),
        ("boolean", 1),
        ("decimal(9,2)", Decimal("1.234")),
        ("decimal(9,2)", 1.5),
        ("date", datetime(2026, 1, 1)),
        ("uuid", "nonsense"),
        ("long", None),
    ],
)
def test_what_is_not_exactly_of_the_type_has_no_bound(kind: str, value: Any) -> None:
    assert encode_bound(value, kind) is None


def test_a_zone_is_taken_into_account() -> None:
    here = datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert encode_bound(here, "timestamptz") == bytes(8) == encode_bound(here, "timestamp")
    assert encode_bound(datetime(1970, 1, 1), "timestamptz") == bytes(8)


def test_metadata_go_there_and_back(tmp_path: Path) -> None:
    table = filled(tmp_path / "t")
    found = table.metadata_manager.refresh()
    assert found is not None
    doc = metadata_to_dict(found)
    stored = json.loads(table._handle.fresh().metadata_json())
    for key in ("format-version", "table-uuid", "location", "last-column-id", "last-partition-id"):
        assert doc[key] == stored[key]
    assert doc["partition-specs"] == stored["partition-specs"]
    assert [s["manifest-list"] for s in doc["snapshots"]] == [
        s["manifest-list"] for s in stored["snapshots"]
    ]
    assert doc["refs"]["main"]["snapshot-id"] == stored["current-snapshot-id"]
    again = dict_to_metadata(json.loads(json.dumps(doc)))
    again.default_sort_order_id = found.default_sort_order_id
    again.sort_orders = found.sort_orders
    assert again == found
    assert dict_to_metadata(doc, "file:///elsewhere").location == "/elsewhere"
    assert not is_legacy_document(doc) and is_legacy_document({"format_version": 2})
    with pytest.raises(ValueError, match=r"fixed\[L\]"):
        check_iceberg_representable(ds.Schema(1, [{"id": 1, "name": "b", "type": "fixed"}]))


def test_a_manifest_that_is_not_the_one_recorded_is_refused(tmp_path: Path) -> None:
    table = filled(tmp_path / "t")
    files = table._get_all_data_files() * 700
    made = table.file_manager.create_manifest_file(files, snapshot_id=1, sequence_number=1)
    path = tmp_path / "t" / made.manifest_path
    raw = path.read_bytes()
    assert raw.count(raw[-16:]) == 3  # The header, and two blocks.
    read = table.file_manager.read_manifest_file
    assert len(read(made.manifest_path, made.manifest_length, made.checksum)) == 1400
    path.write_bytes(raw[: raw.index(raw[-16:], raw.index(raw[-16:]) + 16) + 16])
    assert len(read_container(path.read_bytes())[0]) == 1000  # Whole, as far as Avro can tell.
    with pytest.raises(ds.CorruptDataError, match="bytes were recorded"):
        read(made.manifest_path, made.manifest_length)
    path.write_bytes(raw[:-20] + bytes([raw[-20] ^ 1]) + raw[-19:])
    with pytest.raises(ds.CorruptDataError, match="checksum"):
        read(made.manifest_path, made.manifest_length, made.checksum)


def test_partitions_tell_which_files_a_filter_needs(tmp_path: Path) -> None:
    table = filled(tmp_path / "t", 4)
    field = ds.PartitionField(2, 1000, "day", "identity")

    def days(condition: object) -> list[int]:
        terms = parse_filter_dict({"day": condition})
        kept = prune_files_by_partition(
            table._get_all_data_files(), terms, [(field, "date")], {2: "day"}
        )
        return sorted(one.partition_values["day"].day for one in kept)

    assert days(date(2026, 1, 2)) == [2] == days(("in", [date(2026, 1, 2), None]))
    assert days((">=", date(2026, 1, 3))) == [3, 4] and days(("!=", date(2026, 1, 1))) == [2, 3, 4]
    assert days(("is_null", True)) == [] and days(("is_not_null", True)) == [1, 2, 3, 4]
    assert days("no date") == [1, 2, 3, 4]  # Not decided here.


def test_bounds_of_arrow_columns() -> None:
    pa = pytest.importorskip("pyarrow")
    schema = ds.Schema(
        1,
        [
            {"id": 1, "name": "f", "type": "double"},
            {"id": 2, "name": "s", "type": "string"},
            {"id": 3, "name": "none", "type": "int"},
        ],
    )
    table = pa.table({"f": [1.0, float("nan"), -2.0], "s": ["b", None, "a"], "none": pa.nulls(3, pa.int32())})
    assert compute_column_bounds(table, schema) == ({1: -2.0, 2: "a"}, {1: 1.0, 2: "b"})


def test_paths_are_kept_inside(tmp_path: Path) -> None:
    table = filled(tmp_path / "t", 1)
    here = location_uri(table.storage, str(tmp_path / "t"))
    assert here == f"file://{tmp_path}/t" and table.metadata_manager.known_locations() == [here, here]
    assert to_relative(join_uri(here, "data/x"), [None, here]) == "data/x" == to_relative("/data/x", [])
    for outside in ("file:///etc/passwd", "s3://b/data/x", "/etc/passwd"):
        with pytest.raises(ValueError, match="outside the table"):
            to_relative(outside, [here])


def test_the_hint_can_be_set(tmp_path: Path) -> None:
    table = filled(tmp_path / "t")
    hint = tmp_path / "t" / "metadata" / "version-hint.text"
    assert table.repair_version_hint("v1.metadata.json") == 1 and hint.read_text() == "1"
    assert len(ds.load_table(table.table_path).scan()) == 2
    table.metadata_manager.heal_hint(1)
    assert hint.read_text() == "3"
    with pytest.raises(FileNotFoundError):
        table.repair_version_hint("9")
    with pytest.raises(ValueError, match="names no version"):
        version_of("nonsense")


@pytest.mark.parametrize("mode", ["full", True, "FULL"])
def test_files_are_looked_at_from_outside_when_asked(tmp_path: Path, mode: str | bool) -> None:
    table = filled(tmp_path / "t", 1)
    assert len(table.scan(verify_checksums=mode)) == 1
    path = Path(table.parquet_paths()[0])
    path.write_bytes(b"XXXX" + path.read_bytes()[4:])
    with pytest.raises(ds.CorruptDataError, match="Checksum mismatch for data file"):
        table.scan(verify_checksums=mode)
    for read in (table.scan_batches, table.iter_records):
        with pytest.raises(ds.CorruptDataError):
            next(iter(read(verify_checksums=mode)))
    with pytest.raises(ValueError, match="there are 'page', 'full' and 'off'"):
        table.scan(verify_checksums="sometimes")
