"""What DataShard's codecs of manifests and metadata return, as facts.

    python3 python/tests/original_codecs.py

Writes original_codecs.json beside it with DataShard 0.11.2, from the source distribution that
`original_tests.py` fetches; needs what DataShard needs. `answers` is what is asked of it, and
what test_dropin_codecs.py asks of this package: results as their repr, by the question.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FACTS = HERE / "original_codecs.json"
VERSION = "0.11.2"
LOCATION = "file:///lake/t"
NOON = datetime(2026, 1, 2, 12, 30, 0, 5)

VALUES = [
    True, False, 0, -5, 2**70, 1.5, float("inf"), Decimal("-1.20"), Decimal("NaN"), NOON,
    NOON.replace(tzinfo=timezone.utc), date(2026, 1, 2), time(1, 2, 3, 4), "text", "", "{", b"ab", None,
    uuid.UUID(int=7), [1],
]  # fmt: skip
TEXTS = [
    "12", "-12", "1.5", "1e3", "true", "FALSE", "nan", "text", "", '"quoted"', "[1]", '{"t": "int"}',
    '{"t": "int", "v": "x"}', '{"t": "date", "v": 5}', '{"t": "what", "v": 5}', '{"t": "dec", "v": "x"}',
    '{"t": "bool", "v": 1}', '{"t": "ts", "v": "2026-01-02T00:00:00+02:00"}', '{"t": "time", "v": "01:02"}', 7, None,
]  # fmt: skip
TYPES = [
    "boolean", "int", "long", "float", "double", "date", "time", "timestamp", "timestamptz", "string", "uuid",
    "binary", "fixed[2]", "decimal(9,2)", "decimal(38,3)", "list", {"type": "list"}, None,
]  # fmt: skip
RAW = [b"", b"\0", b"\1", b"\0\0\0\x80", b"\xff\xff\xff\x7f", b"\0" * 8, b"\1" * 8, b"ab\xff", bytes(range(16)), None]


def typed(value: object) -> str:
    """The value and its type: 1, 1.0 and True are not the same answer. Exceptions by name."""
    return f"{type(value).__name__} {value!r}"


def tried(call: Callable[[], object]) -> str:
    """What a call returns, or the name of its exception."""
    from datashard.integrity import CorruptDataError

    try:
        return typed(call())
    except CorruptDataError:
        return "raises CorruptDataError"
    except Exception as error:
        return f"raises {type(error).__name__}"


def _objects() -> dict[str, Any]:
    """Files, manifests and metadata to be coded."""
    from datashard import data_structures as ds

    schema = ds.Schema(
        3,
        [
            {"id": 1, "name": "n", "type": "long", "required": True},
            {"id": 2, "name": "day", "type": "date", "doc": "of the week"},
            {"id": 3, "name": "s", "type": "string"},
            {"id": 4, "name": "at", "type": "timestamptz"},
            {"id": 5, "name": "price", "type": "decimal(9,2)"},
        ],
    )
    fields = [
        ds.PartitionField(2, 1000, "day", "identity"),
        ds.PartitionField(3, 1001, "s_bucket", "bucket[4]"),
        ds.PartitionField(4, 1002, "at_day", "day"),
        ds.PartitionField(5, 1003, "price", "identity"),
        ds.PartitionField(4, 1004, "at", "identity"),
    ]
    zoned = NOON.replace(tzinfo=timezone.utc)
    full = ds.DataFile(
        file_path="/data/a.parquet",
        file_format=ds.FileFormat.PARQUET,
        partition_values={
            "day": date(2026, 1, 2), "s_bucket": 3, "at_day": 20455, "price": Decimal("1.25"), "at": zoned,
        },
        record_count=5,
        file_size_in_bytes=1234,
        column_sizes={1: 10, 3: 20},
        value_counts={1: 5},
        null_value_counts={1: 0, 2: 1},
        lower_bounds={1: -3, 2: date(1969, 1, 1), 3: "a", 4: zoned, 5: Decimal("1.25"), 9: 1},
        upper_bounds={1: 2**40, 2: date(2026, 1, 1), 3: "ü", 4: zoned, 5: Decimal("-1.255")},
        checksum="ab" * 32,
        split_offsets=[4, 1000],
        sort_order_id=0,
        added_snapshot_id=11,
        sequence_number=2,
    )  # fmt: skip
    bare = ds.DataFile("data/b.parquet", ds.FileFormat.ORC, {}, 0, 0)
    labelled = ds.DataFile("data/c.parquet", ds.FileFormat.AVRO, {"year": 2024, "when": date(2026, 1, 1)}, 1, 2)
    return {
        "schema": schema,
        "spec": ds.PartitionSpec(2, fields),
        "no_spec": ds.PartitionSpec(0, []),
        "full": full,
        "bare": bare,
        "labelled": labelled,
        "entries": [(1, 11, 2, full), (0, 7, 1, bare), (2, None, None, bare)],
        "manifests": [
            ds.ManifestFile("metadata/m1.avro", 100, 2, 11, 1, 2, 3, [], sequence_number=4, added_rows_count=9),
            ds.ManifestFile(
                "metadata/m2.avro", 200, 0, 12, 0, 0, 0,
                [{"contains_null": True, "contains_nan": None, "lower_bound": b"\1", "upper_bound": None}],
                sequence_number=6, min_sequence_number=5, checksum="cd" * 32, existing_rows_count=3,
            ),
        ],
        "metadata": ds.TableMetadata(
            location="/lake/t", table_uuid="00000000-0000-0000-0000-000000000007", last_updated_ms=5,
            schemas=[schema], current_schema_id=3, partition_specs=[ds.PartitionSpec(2, fields)],
            default_spec_id=2, sort_orders=[ds.SortOrder(1, [ds.SortField(1, 0, "identity", "asc")])],
            properties={"a": "b"}, current_snapshot_id=11,
            snapshots=[ds.Snapshot(11, 5, "metadata/l.avro", None, "append", {"k": "v"}, 3, 1)],
            snapshot_log=[ds.HistoryEntry(5, 11)], metadata_log=[{"timestamp-ms": 4, "metadata-file": "metadata/x"}],
            last_commit_id="c",
        ),
    }  # fmt: skip


JSON_MANIFEST = json.dumps(
    {
        "files": [
            {
                "file_path": "/data/j.parquet", "file_format": "parquet", "partition_values": {"p": "x"},
                "record_count": 3, "file_size_in_bytes": 9, "lower_bounds": {"1": 5},
            }
        ]
    }
).encode()  # fmt: skip
JSON_LIST = json.dumps(
    {
        "manifests": [
            {
                "manifest_path": "metadata/manifests/m.json", "manifest_length": 3, "partition_spec_id": 0,
                "added_snapshot_id": 8, "added_data_files_count": 1, "existing_data_files_count": 0,
                "deleted_data_files_count": 0, "content": 0,
            }
        ]
    }
).encode()  # fmt: skip


def old_avro() -> dict[str, bytes]:
    """Manifests as DataShard wrote them before 0.10. Needs fastavro, and its schemas."""
    import io

    import fastavro
    from datashard.avro_schemas import MANIFEST_ENTRY_SCHEMA, MANIFEST_FILE_SCHEMA
    from datashard.bounds import encode_bound

    entry = {
        "status": 1, "snapshot_id": 5, "sequence_number": 2, "file_sequence_number": None,
        "data_file": {
            "file_path": "/data/o.parquet", "file_format": "parquet", "partition": {"values": {"p": "x"}},
            "record_count": 3, "file_size_in_bytes": 9, "column_sizes": {"1": 4}, "value_counts": None,
            "null_value_counts": {"1": 0}, "lower_bounds": {"1": encode_bound(NOON), "2": "17"},
            "upper_bounds": {"1": encode_bound(NOON)}, "checksum": "ef" * 32,
        },
    }  # fmt: skip
    listed = {
        "manifest_path": "metadata/manifests/o.avro", "manifest_length": 3, "partition_spec_id": 0, "content": 0,
        "sequence_number": None, "min_sequence_number": 1, "added_snapshot_id": 5, "added_data_files_count": 1,
        "existing_data_files_count": 0, "deleted_data_files_count": 0, "partitions": [], "checksum": None,
    }  # fmt: skip
    made: dict[str, bytes] = {}
    for name, schema, record in (
        ("old manifest", MANIFEST_ENTRY_SCHEMA, entry),
        ("old manifest list", MANIFEST_FILE_SCHEMA, listed),
    ):
        out = io.BytesIO()
        fastavro.writer(out, fastavro.parse_schema(schema), [record], codec="deflate")
        made[name] = out.getvalue()
    return made


def new_avro() -> dict[str, bytes]:
    """Manifests as the package writes them now."""
    from datashard import manifest_writer as writer

    have = _objects()
    schema, spec, none = have["schema"], have["spec"], have["no_spec"]
    plain = [(1, 11, 2, have["bare"]), (1, 11, 2, have["labelled"])]
    return {
        "manifest": writer.encode_manifest(have["entries"], schema, spec, LOCATION),
        "manifest without partitions": writer.encode_manifest(plain, schema, none, LOCATION + "/"),
        "empty manifest": writer.encode_manifest([], schema, none, LOCATION),
        "manifest list": writer.encode_manifest_list(have["manifests"], 11, 7, 4, LOCATION),
        "first manifest list": writer.encode_manifest_list([], 11, -1, None, LOCATION),
    }


def to_relative(path: str) -> str:
    """A path below LOCATION; ValueError for others."""
    if path.startswith(LOCATION + "/"):
        return path[len(LOCATION) + 1 :]
    raise ValueError(path)


def _read(files: dict[str, bytes], prefix: str) -> Iterator[tuple[str, str]]:
    from datashard import manifest_codec as codec

    for name, content in files.items():
        decode = codec.decode_manifest_list if name.endswith("list") else codec.decode_manifest
        yield f"{prefix}{name}", tried(lambda: decode(content, "p", to_relative))
        header, records = codec.avro_container(content, "p", "Manifest")
        kept = {k: v for k, v in header.items() if not k.startswith("avro.")}
        yield f"{prefix}{name}: header", repr(sorted(kept.items()))
        yield f"{prefix}{name}: iceberg", repr(codec.is_iceberg_manifest(header))
        yield f"{prefix}{name}: records", repr(records)
        yield f"{prefix}{name}: cut", tried(lambda: decode(content[:-1], "p", to_relative))
        yield f"{prefix}{name}: grown", tried(lambda: decode(content + b"x", "p", to_relative))
        yield f"{prefix}{name}: outside", tried(lambda: decode(content.replace(b"/lake/", b"/like/"), "p", to_relative))


def _pure() -> Iterator[tuple[str, str]]:
    from datashard import avro_schemas, bounds, iceberg_avro, iceberg_bounds, manifest_codec, manifest_writer
    from datashard import metadata_serde, metadata_serde_legacy as legacy

    for value in VALUES:
        yield f"bounds.encode_bound({value!r})", tried(lambda: bounds.encode_bound(value))
        yield f"there and back {value!r}", tried(lambda: bounds.decode_bound(bounds.encode_bound(value)))
        for kind in TYPES:
            yield f"iceberg encode {value!r} {kind}", tried(lambda: iceberg_bounds.encode_bound(value, kind))
    for text in TEXTS:
        yield f"bounds.decode_bound({text!r})", tried(lambda: bounds.decode_bound(text))
        yield f"bounds.infer_value_legacy({text!r})", tried(lambda: bounds.infer_value_legacy(str(text)))
    for raw in RAW:
        for kind in TYPES:
            yield f"iceberg decode {raw!r} {kind}", tried(lambda: iceberg_bounds.decode_bound(raw, kind))
    field = {"name": "p", "type": ["null", "int"], "field-id": 1000, "default": None}
    for name, schema in (
        ("MANIFEST_ENTRY_SCHEMA", avro_schemas.MANIFEST_ENTRY_SCHEMA),
        ("MANIFEST_FILE_SCHEMA", avro_schemas.MANIFEST_FILE_SCHEMA),
        ("MANIFEST_LIST_SCHEMA", iceberg_avro.MANIFEST_LIST_SCHEMA),
        ("manifest_entry_schema()", iceberg_avro.manifest_entry_schema([field])),
        ("manifest_entry_schema([])", iceberg_avro.manifest_entry_schema([])),
    ):
        yield name, json.dumps(schema, sort_keys=True)
    for record in ({}, {"added_data_files_count": 2}, {"added_files_count": 1, "existing_data_files_count": None}):
        yield f"count_field_names({record})", repr(sorted(iceberg_avro.count_field_names(record).items()))
    have = _objects()
    summaries = manifest_writer.partition_summaries
    yield "summaries", repr(summaries(have["entries"], have["spec"], have["schema"]))
    yield "summaries of none", repr(summaries(have["entries"], have["no_spec"], have["schema"]))
    mixed = [(1, 1, 1, have["full"]), (1, 1, 1, _with(have["bare"], {"day": 5, "s_bucket": 1}))]
    yield "summaries of what does not compare", repr(summaries(mixed, have["spec"], have["schema"]))
    for name, content in (("manifest", JSON_MANIFEST), ("list", JSON_LIST), ("nothing", b"{}"), ("garbage", b"\0")):
        yield f"JSON {name} as manifest", tried(lambda: manifest_codec.decode_manifest(content, "p", to_relative))
        yield f"JSON {name} as list", tried(lambda: manifest_codec.decode_manifest_list(content, "p", to_relative))
    deletes = {"data_file": {"content": 1, "file_path": "x"}}
    yield "a delete file", tried(lambda: manifest_codec.data_file_from_iceberg(deletes, {}, to_relative))
    listed = {"content": 1, "manifest_path": "x"}
    yield "a manifest of deletes", tried(lambda: manifest_codec.manifest_from_iceberg(listed, to_relative))
    doc = legacy.legacy_metadata_to_dict(have["metadata"])
    yield "legacy document", json.dumps(doc, sort_keys=True)
    yield "legacy metadata", repr(legacy.legacy_dict_to_metadata(json.loads(json.dumps(doc))))
    yield "legacy by dict_to_metadata", repr(metadata_serde.dict_to_metadata(doc))
    yield "legacy, lacking", tried(lambda: legacy.legacy_dict_to_metadata({"location": "x"}))


def _with(one: Any, values: dict[str, Any]) -> Any:
    import dataclasses

    return dataclasses.replace(one, partition_values=values)


def answers(files: dict[str, bytes]) -> dict[str, str]:
    """The results by what was asked; `files` are manifests that DataShard wrote."""
    told = dict(_pure())
    told.update(_read(files, "DataShard's "))
    told.update(_read(new_avro(), "own "))
    return told


def known() -> tuple[dict[str, bytes], dict[str, str]]:
    """The files and the answers of DataShard."""
    told = json.loads(FACTS.read_text(encoding="utf-8"))
    return {k: base64.b64decode(v) for k, v in told["files"].items()}, told["answers"]


def main() -> None:
    """Makes the file; started by itself with "-" it prints what one package says."""
    if sys.argv[1:] == ["-"]:
        files = {**old_avro(), **new_avro()}
        coded = {k: base64.b64encode(v).decode() for k, v in files.items()}
        print(json.dumps({"files": coded, "answers": answers(files)}, indent=0))
        return
    from original_tests import fetch

    env = {**os.environ, "PYTHONPATH": str(fetch(VERSION) / "src"), "TZ": "UTC"}
    command = [sys.executable, str(Path(__file__).resolve()), "-"]
    FACTS.write_bytes(subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE).stdout)
    print(f"{len(known()[1])} answers")


if __name__ == "__main__":
    main()
