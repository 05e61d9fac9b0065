"""What the tests of DataShard's source distributions ask for and do not bring along.

A plugin for the pytest that `original_tests.py` starts. DataShard 0.11.2 keeps these
fixtures in a conftest.py that its distribution leaves out; 0.7.2 has those of tables in the
test files, where they win over these.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import datashard

PEOPLE = [
    {"id": 1, "name": "Alice", "age": 30, "status": "active", "score": 95.5},
    {"id": 2, "name": "Bob", "age": 25, "status": "inactive", "score": 82.0},
    {"id": 3, "name": "Charlie", "age": 35, "status": "active", "score": 88.5},
    {"id": 4, "name": "Diana", "age": 28, "status": "pending", "score": 91.0},
    {"id": 5, "name": "Eve", "age": 32, "status": "active", "score": 77.5},
]


def _schema(*columns: tuple[str, str]) -> datashard.Schema:
    fields = [
        {"id": i, "name": name, "type": kind, "required": i == 1}
        for i, (name, kind) in enumerate(columns, start=1)
    ]
    return datashard.Schema(schema_id=0, fields=fields)


@pytest.fixture
def temp_table(tmp_path: Path) -> Iterator[datashard.Table]:
    """A table without schema and rows."""
    yield datashard.create_table(str(tmp_path / "test_table"))


@pytest.fixture
def table_with_data(temp_table: datashard.Table) -> Iterator[datashard.Table]:
    """Five people, in one file."""
    schema = _schema(
        ("id", "long"), ("name", "string"), ("age", "int"), ("status", "string"), ("score", "double")
    )
    temp_table.append_records(PEOPLE, schema)
    yield temp_table


@pytest.fixture
def table_with_multiple_files(temp_table: datashard.Table) -> Iterator[datashard.Table]:
    """Twenty rows in each of five files; ids, values and categories tell the files apart."""
    schema = _schema(("id", "long"), ("value", "int"), ("category", "string"))
    for batch in range(5):
        rows = [
            {"id": batch * 100 + i, "value": batch * 10 + i, "category": f"cat_{batch}"}
            for i in range(20)
        ]
        temp_table.append_records(rows, schema)
    yield temp_table


@pytest.fixture
def s3_env() -> None:
    """A bucket, which there is not."""
    pytest.skip("needs a bucket")
