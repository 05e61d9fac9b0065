"""What the tests of documented examples share: schemas, and rows as others read them."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import urllib.parse
from typing import Any

from datashard import Schema, load_table

Rows = list[dict[str, Any]]

# The pages of DataShard's documentation, and how many Python examples each has. Those that
# call nothing of datashard have no test; the reason stands here.
PAGES = {
    "readme": 10,
    "docs_readme": 3,
    "installation": 1,
    "quickstart": 8,
    "schemas": 8,
    "transactions": 9,
    "time_travel": 14,
    "concurrency": 10,
    "performance": 16,
    "troubleshooting": 10,
    "api_transaction": 6,
    "s3_storage": 4,
    "s3_guide": 12,
    "contributing": 2,
    "readme11": 12,
    "time_travel11": 1,
    "duckdb11": 3,
    "operating11": 8,
    "interoperability11": 2,
    "migration11": 2,
}
CALLS_NOTHING = {
    "s3_guide_1": "makes a bucket with boto3",
    "s3_guide_6": "sets environment variables of a shell",
    "s3_guide_8": "makes a bucket with boto3",
    "s3_guide_12": "sets an environment variable of a shell",
    "contributing_1": "how to write a docstring",
    "troubleshooting_8": "prints pyarrow's version",
    "troubleshooting_9": "checks a path with os",
}
# Word for word the same in the README of both versions.
SAME_AS_BEFORE = {
    "readme11_4": "readme_3",
    "readme11_5": "readme_4",
    "readme11_6": "readme_5",
    "readme11_7": "readme_6",
    "readme11_8": "readme_7",
    "readme11_9": "readme_8",
    "readme11_11": "readme_9",
    "readme11_12": "readme_10",
}


def schema(text: str, schema_id: int = 1) -> Schema:
    """``"id long!, name string"``: fields by number from 1; ``!`` is required."""
    fields = []
    for number, column in enumerate(text.split(","), 1):
        name, kind = column.split()
        fields.append(
            {
                "id": number,
                "name": name,
                "type": kind.rstrip("!"),
                "required": kind.endswith("!"),
            }
        )
    return Schema(schema_id=schema_id, fields=fields)


def left(path: str) -> Rows:
    """All rows of a table, in order, as a fresh handle reads them, and, where fastavro and
    pyarrow are installed, by its files alone as any Iceberg reader finds them."""
    rows = _sorted(load_table(path).scan())
    if _installed("fastavro") and _installed("pyarrow"):
        names = [str(f["name"]) for f in _metadata(path)[0]["fields"]]
        outside = [{n: row.get(n) for n in names} for row in _outside(path)]
        assert _sorted(outside) == rows
    return rows


def same(rows: Rows, wanted: Rows) -> bool:
    """The same rows, in whatever order."""
    return _sorted(rows) == _sorted(wanted)


def _sorted(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: [(v is None, str(v)) for v in row.values()])


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _local(uri: str) -> pathlib.Path:
    return pathlib.Path(urllib.parse.unquote(uri.removeprefix("file://")))


def _metadata(path: str) -> tuple[dict[str, Any], str | None]:
    """The current schema and manifest list, from the newest metadata file."""
    found = pathlib.Path(path, "metadata").glob("*.metadata.json")
    states = [json.loads(p.read_text()) for p in found]
    state = max((s for s in states if "format-version" in s), key=_age)
    current = state["current-schema-id"]
    fields = next(s for s in state["schemas"] if s["schema-id"] == current)
    number = state.get("current-snapshot-id")
    for snapshot in state.get("snapshots", []):
        if snapshot["snapshot-id"] == number:
            return fields, str(snapshot["manifest-list"])
    return fields, None


def _age(state: dict[str, Any]) -> tuple[int, int]:
    return len(state.get("metadata-log", [])), state["last-updated-ms"]


def _outside(path: str) -> Rows:
    import fastavro
    import pyarrow.parquet

    _, manifest_list = _metadata(path)
    rows: Rows = []
    if manifest_list is None:
        return rows
    with _local(manifest_list).open("rb") as lists:
        manifests = [entry["manifest_path"] for entry in fastavro.reader(lists)]
    for manifest in manifests:
        with _local(manifest).open("rb") as entries:
            for entry in fastavro.reader(entries):
                if entry["status"] != 2:
                    file = _local(entry["data_file"]["file_path"])
                    table = pyarrow.parquet.ParquetFile(file).read()
                    assert table.num_rows == entry["data_file"]["record_count"]
                    rows += table.to_pylist()
    return rows
