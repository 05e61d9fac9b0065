"""Moved tables with deleted rows: relocated, what is deleted stays deleted, for other readers."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import datashard as ds
from datashard import _core
from datashard._avro import read_container, write_container
from datashard._native import IcebergTable

PATH_ID, POS_ID = 2147483546, 2147483545
V3_FIELDS = (
    ("referenced_data_file", "string", 143),
    ("content_offset", "long", 144),
    ("content_size_in_bytes", "long", 145),
)


def column(name: str, kind: pa.DataType, number: int) -> pa.Field:
    return pa.field(name, kind, nullable=False, metadata={"PARQUET:field_id": str(number)})


def newest(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(newest_file(path).read_text())
    return found


def newest_file(path: Path) -> Path:
    return max((path / "metadata").glob("v*.metadata.json"), key=lambda f: int(f.name[1:].split(".")[0]))


def plain(location: str) -> Path:
    return Path(location.removeprefix("file://"))


def container(place: Path) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    return read_container(place.read_bytes(), logical=False)


def store(place: Path, header: dict[str, bytes], records: list[dict[str, Any]], **told: str) -> int:
    meta = {k: v.decode() for k, v in header.items() if not k.startswith("avro.")} | told
    made = write_container(json.loads(header["avro.schema"]), records, meta)
    place.write_bytes(made)
    return len(made)


def with_fields(header: dict[str, bytes]) -> dict[str, bytes]:
    """A manifest's header whose entries have the fields of format version 3, too."""
    schema = json.loads(header["avro.schema"])
    file = next(f for f in schema["fields"] if f["name"] == "data_file")["type"]
    there = {f["name"] for f in file["fields"]}
    for name, kind, number in V3_FIELDS:
        if name not in there:
            file["fields"].append({"name": name, "type": ["null", kind], "default": None, "field-id": number})
    return {**header, "avro.schema": json.dumps(schema).encode()}


def puffin(blobs: bytes, referenced: str) -> bytes:
    footer = {
        "blobs": [
            {
                "type": "deletion-vector-v1",
                "fields": [],
                "snapshot-id": -1,
                "sequence-number": -1,
                "offset": 4,
                "length": len(blobs),
                "properties": {"referenced-data-file": referenced, "cardinality": "1"},
            }
        ],
        "properties": {"created-by": "a test"},
    }
    text = json.dumps(footer).encode()
    return b"PFA1" + blobs + b"PFA1" + text + struct.pack("<II", len(text), 0) + b"PFA1"


class Deleted:
    """A table of n = 0 … 9 in two files at ``old``, and files of deletes that are added to its
    newest snapshot."""

    def __init__(self, at: Path) -> None:
        self.path = at / "old"
        table = IcebergTable.create(self.path, "n long")
        for first in (0, 5):
            table.append([{"n": n} for n in range(first, first + 5)])
        self.snapshot = newest(self.path)["snapshots"][-1]
        self.listed, self.list_header = container(plain(self.snapshot["manifest-list"]))
        entries = [e for one in self.listed for e in container(plain(one["manifest_path"]))[0]]
        self.header = with_fields(container(plain(self.listed[0]["manifest_path"]))[1])
        self.data = sorted(e["data_file"]["file_path"] for e in entries)
        self.entry = entries[0]
        self.entries: list[dict[str, Any]] = []

    def add(self, content: int, name: str, rows: int, form: str = "PARQUET", **more: Any) -> None:
        place = self.path / "data" / name
        same = {k: None for k, v in self.entry["data_file"].items() if k not in ("partition", "sort_order_id")}
        file = {
            **self.entry["data_file"],
            **same,
            **{k: None for k, _, _ in V3_FIELDS},
            "content": content,
            "file_path": f"file://{place}",
            "file_format": form,
            "record_count": rows,
            "file_size_in_bytes": place.stat().st_size,
            **more,
        }
        numbers = {"status": 1, "snapshot_id": self.snapshot["snapshot-id"]}
        later = {"sequence_number": None, "file_sequence_number": None}
        self.entries.append({**self.entry, **numbers, **later, "data_file": file})

    def positions(self, name: str, rows: list[tuple[str, int]], **writer: Any) -> None:
        schema = pa.schema([column("file_path", pa.string(), PATH_ID), column("pos", pa.int64(), POS_ID)])
        table = pa.table([[p for p, _ in rows], [n for _, n in rows]], schema=schema)
        pq.write_table(table, self.path / "data" / name, **writer)
        bounds = [min(rows)[0].encode(), max(rows)[0].encode()]
        lower, upper = ([{"key": PATH_ID, "value": b}] for b in bounds)
        sizes = [{"key": PATH_ID, "value": 7}]
        self.add(1, name, len(rows), lower_bounds=lower, upper_bounds=upper, column_sizes=sizes, split_offsets=[4])

    def equality(self, name: str, values: list[int]) -> None:
        pq.write_table(pa.table([values], schema=pa.schema([column("n", pa.int64(), 1)])), self.path / "data" / name)
        self.add(2, name, len(values), equality_ids=[1])

    def finish(self) -> Path:
        """Makes them part of the snapshot, and moves the table: where it is."""
        place = self.path / "metadata" / "deletes-m0.avro"
        size = store(place, self.header, self.entries, content="deletes")
        rows = sum(e["data_file"]["record_count"] for e in self.entries)
        numbers = {"added_snapshot_id": self.snapshot["snapshot-id"], "sequence_number": self.snapshot["sequence-number"]}
        counts = {"added_files_count": len(self.entries), "existing_files_count": 0, "deleted_files_count": 0}
        counts |= {"added_rows_count": rows, "existing_rows_count": 0, "deleted_rows_count": 0}
        place_now = {"manifest_path": f"file://{place}", "manifest_length": size, "content": 1}
        row = {**self.listed[0], **numbers, **counts, **place_now, "min_sequence_number": numbers["sequence_number"]}
        store(plain(self.snapshot["manifest-list"]), self.list_header, [*self.listed, row])
        os.rename(self.path, self.path.parent / "new")
        return self.path.parent / "new"


def deletes_of(path: Path) -> list[dict[str, Any]]:
    """The entries of the newest snapshot's files of deletes."""
    listed, _ = container(plain(newest(path)["snapshots"][-1]["manifest-list"]))
    return [e["data_file"] for one in listed if one["content"] == 1 for e in container(plain(one["manifest_path"]))[0]]


def live(path: Path, data: list[dict[str, Any]]) -> list[int]:
    """The rows that are not deleted, as the deletes in a table's files say it; by hand."""
    gone: set[tuple[str, int]] = set()
    values: set[int] = set()
    for file in deletes_of(path):
        table = pq.read_table(plain(file["file_path"]))
        if file["content"] == 1:
            gone |= set(zip(table["file_path"].to_pylist(), table["pos"].to_pylist()))
        else:
            values |= set(table["n"].to_pylist())
    rows: list[int] = []
    for one in data:
        found = pq.read_table(plain(one["file_path"]))["n"].to_pylist()
        rows += [n for i, n in enumerate(found) if (one["file_path"], i) not in gone and n not in values]
    return sorted(rows)


def data_of(path: Path) -> list[dict[str, Any]]:
    listed, _ = container(plain(newest(path)["snapshots"][-1]["manifest-list"]))
    return [e["data_file"] for one in listed if one["content"] == 0 for e in container(plain(one["manifest_path"]))[0]]


def test_position_deletes_name_the_files_of_now(tmp_path: Path) -> None:
    table = Deleted(tmp_path)
    table.positions("a-deletes.parquet", [(table.data[0], 1), (table.data[1], 0)])
    table.positions("b-deletes.parquet", [("file:///elsewhere/x.parquet", 3), (table.data[1], 4)])
    table.equality("eq-deletes.parquet", [2])
    path = table.finish()
    before = sorted(path.rglob("*"))
    dry = _core.open_table(str(path)).relocate(dry_run=True)
    assert dry["relocated"] and dry["delete_files"] == 2 and sorted(path.rglob("*")) == before
    done = _core.open_table(str(path)).relocate()
    assert (done["snapshots"], done["delete_files"], done["data_files"]) == (2, 2, 5)
    files = deletes_of(path)
    assert "/old/" not in json.dumps(newest(path)) + repr(files) + repr(data_of(path))
    for file in files:
        assert plain(file["file_path"]).stat().st_size == file["file_size_in_bytes"]
        assert file["column_sizes"] is None and file["split_offsets"] is None
    new = [p.replace("/old/", "/new/") for p in table.data]
    bounds = [[f[k][0]["value"].decode() for k in ("lower_bounds", "upper_bounds")] for f in files[:2]]
    assert bounds == [[new[0], new[1]], sorted(["file:///elsewhere/x.parquet", new[1]])]
    order = pq.read_table(plain(files[1]["file_path"]))["file_path"].to_pylist()
    assert order == sorted(order) and "file:///elsewhere/x.parquet" in order
    assert live(path, data_of(path)) == [0, 3, 4, 6, 7, 8]
    assert files[2]["file_path"].endswith("/new/data/eq-deletes.parquet") and files[2]["equality_ids"] == [1]
    assert (path / "data" / "a-deletes.parquet").is_file()  # Until it is collected.
    assert not _core.open_table(str(path)).relocate()["relocated"]
    os.rename(path, tmp_path / "third")
    again = _core.open_table(str(tmp_path / "third")).relocate()
    assert again["delete_files"] == 2 and live(tmp_path / "third", data_of(tmp_path / "third")) == [0, 3, 4, 6, 7, 8]


def test_pyiceberg_applies_the_deletes(tmp_path: Path) -> None:
    pyiceberg = pytest.importorskip("pyiceberg.table")
    table = Deleted(tmp_path)
    table.positions("a-deletes.parquet", [(table.data[0], 1), (table.data[1], 0)])
    table.positions("b-deletes.parquet", [(table.data[1], 4)])
    path = table.finish()
    ds.load_table(str(path)).relocate()
    found = pyiceberg.StaticTable.from_metadata(str(newest_file(path))).scan().to_arrow()
    assert sorted(found.column("n").to_pylist()) == [0, 2, 3, 4, 6, 7, 8]


def test_deletion_vectors_name_the_files_of_now(tmp_path: Path) -> None:
    table = Deleted(tmp_path)
    place = table.path / "data" / "dv.puffin"
    blobs = os.urandom(57)
    place.write_bytes(puffin(blobs, table.data[1]))
    about = {"referenced_data_file": table.data[1], "content_offset": 4, "content_size_in_bytes": len(blobs)}
    table.add(1, "dv.puffin", 1, "PUFFIN", **about)
    path = table.finish()
    assert ds.load_table(str(path)).relocate()["delete_files"] == 1
    file = deletes_of(path)[0]
    now = table.data[1].replace("/old/", "/new/")
    assert file["referenced_data_file"] == now and file["file_path"] != f"file://{path}/data/dv.puffin"
    made = plain(file["file_path"]).read_bytes()
    assert len(made) == file["file_size_in_bytes"] and made[4 : 4 + len(blobs)] == blobs
    assert (file["content_offset"], file["content_size_in_bytes"]) == (4, len(blobs))
    assert made == puffin(blobs, now).replace(b", ", b",").replace(b": ", b":").replace(
        struct.pack("<I", len(json.dumps(json.loads(puffin_text(puffin(blobs, now)))))),
        struct.pack("<I", len(puffin_text(made))),
    )


def puffin_text(file: bytes) -> str:
    size = struct.unpack("<I", file[-12:-8])[0]
    return file[-12 - size : -12].decode()


@pytest.mark.parametrize("content", [b"", b"PFA1", b"PFA1" * 5, b"PFA1xxxxPFA1" + b"\xff" * 8 + b"PFA1"])
def test_a_damaged_file_of_deletes_changes_nothing(tmp_path: Path, content: bytes) -> None:
    table = Deleted(tmp_path)
    (table.path / "data" / "dv.puffin").write_bytes(content)
    table.add(1, "dv.puffin", 1, "PUFFIN", referenced_data_file=table.data[0])
    path = table.finish()
    before = sorted(path.rglob("*"))
    with pytest.raises(ds.CorruptDataError, match="dv.puffin"):
        ds.load_table(str(path)).relocate()
    assert sorted(path.rglob("*")) == before


def test_deletes_in_orc_are_refused(tmp_path: Path) -> None:
    table = Deleted(tmp_path)
    (table.path / "data" / "d.orc").write_bytes(b"ORC")
    table.add(1, "d.orc", 1, "ORC")
    path = table.finish()
    before = sorted(path.rglob("*"))
    with pytest.raises(NotImplementedError, match="in ORC"):
        ds.load_table(str(path)).relocate()
    assert sorted(path.rglob("*")) == before
