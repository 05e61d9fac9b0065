"""The examples of DataShard's pages on first steps and schemas, with what they leave."""

from __future__ import annotations

import os
import pathlib
import shutil

import pytest
from examples_support import Rows, left, same, schema

from datashard import Schema, Table, create_table, load_table

USERS = "user_id long!, name string!, age long!, email string!"
PEOPLE: Rows = [
    {"user_id": 1, "name": "Alice", "age": 30, "email": "alice@example.com"},
    {"user_id": 2, "name": "Bob", "age": 25, "email": "bob@example.com"},
    {"user_id": 3, "name": "Charlie", "age": 35, "email": "charlie@example.com"},
]
COMPLEX = "id long!, category string!, value double!, timestamp string!"
EMPLOYEES = "employee_id long!, name string!, department string!, salary double!"
EMPLOYED: Rows = [
    {"employee_id": 1, "name": "Alice", "department": "Engineering", "salary": 95000.0},
    {"employee_id": 2, "name": "Bob", "department": "Sales", "salary": 75000.0},
    {"employee_id": 3, "name": "Charlie", "department": "Marketing", "salary": 80000.0},
]
METRICS = "timestamp long!, metric_name string!, value double!"


@pytest.fixture
def users(tmp_path: pathlib.Path) -> Table:
    table = create_table(str(tmp_path / "my_first_table"), schema(USERS))
    assert table.append_records(records=PEOPLE, schema=schema(USERS))
    return table


@pytest.fixture
def employees(tmp_path: pathlib.Path) -> Table:
    return create_table(str(tmp_path / "employee_table"), schema(EMPLOYEES))


def test_quickstart_1_a_table(tmp_path: pathlib.Path) -> None:
    user_schema = Schema(
        schema_id=1,
        fields=[
            {"id": 1, "name": "user_id", "type": "long", "required": True},
            {"id": 2, "name": "name", "type": "string", "required": True},
            {"id": 3, "name": "age", "type": "long", "required": True},
            {"id": 4, "name": "email", "type": "string", "required": True},
        ],
    )
    table_path = str(tmp_path / "my_first_table")
    table = create_table(table_path, user_schema)
    stored = load_table(table_path)._get_current_schema()
    assert stored is not None and stored.fields == user_schema.fields
    assert table.table_path == table_path and left(table_path) == []


def test_quickstart_2_rows(users: Table) -> None:
    success = users.append_records(records=PEOPLE, schema=schema(USERS))
    assert success is True and same(left(users.table_path), PEOPLE * 2)


def test_quickstart_3_snapshots(users: Table) -> None:
    current_snapshot = users.current_snapshot()
    all_snapshots = users.snapshots()
    assert current_snapshot is not None and len(all_snapshots) == 1
    assert all_snapshots[0]["snapshot_id"] == current_snapshot.snapshot_id
    stamp = all_snapshots[0]["timestamp"].timestamp()
    assert stamp == pytest.approx(current_snapshot.timestamp_ms / 1000)


def test_quickstart_4_time_travel(users: Table) -> None:
    users.append_records(PEOPLE[:1])
    first_snapshot = users.snapshots()[0]
    historical_data = users.time_travel(snapshot_id=first_snapshot["snapshot_id"])
    assert historical_data.snapshot_id == first_snapshot["snapshot_id"]
    assert historical_data.scan() == PEOPLE and len(left(users.table_path)) == 4


def test_quickstart_5_another_table(tmp_path: pathlib.Path) -> None:
    complex_schema = schema(COMPLEX)
    complex_table_path = str(tmp_path / "complex_table")
    complex_table = create_table(complex_table_path, complex_schema)
    complex_data: Rows = [
        {"id": 1, "category": "A", "value": 100.0, "timestamp": "2023-01-01"},
        {"id": 2, "category": "B", "value": 200.5, "timestamp": "2023-01-02"},
        {"id": 3, "category": "A", "value": 150.0, "timestamp": "2023-01-03"},
    ]
    success = complex_table.append_records(records=complex_data, schema=complex_schema)
    assert success and len(complex_table.snapshots()) == 1
    assert left(complex_table_path) == complex_data


def test_quickstart_6_filters(users: Table) -> None:
    assert users.scan() == PEOPLE == left(users.table_path)
    assert users.scan(filter={"name": "Alice"}) == PEOPLE[:1]
    assert users.scan(filter={"age": ("<", 30)}) == PEOPLE[1:2]
    assert users.scan(filter={"age": ("between", (25, 35))}) == PEOPLE
    assert users.scan(filter={"user_id": ("in", [1, 2])}) == PEOPLE[:2]
    names_only = users.scan(columns=["name", "email"])
    assert names_only[0] == {"name": "Alice", "email": "alice@example.com"}
    assert users.scan(parallel=True) == PEOPLE == users.scan(parallel=4)
    pytest.importorskip("pandas")
    df = users.to_pandas(columns=["name", "age"], filter={"age": (">=", 25)}, parallel=True)
    assert df.to_dict("records") == [{"name": p["name"], "age": p["age"]} for p in PEOPLE]


def test_quickstart_7_streams(users: Table) -> None:
    seen = []
    for batch in users.scan_batches(batch_size=1000):
        for record in batch:
            seen.append(record)
    assert seen == PEOPLE
    found = users.iter_records(filter={"age": (">", 30)})
    assert [record["name"] for record in found] == ["Charlie"]
    pytest.importorskip("pandas")
    for chunk_df in users.iter_pandas(chunksize=10000):
        summary = chunk_df.groupby("name").count()
        assert list(summary["age"]) == [1, 1, 1]


def test_quickstart_8_a_table_is_removed_and_made_anew(users: Table) -> None:
    if os.path.exists(users.table_path):
        shutil.rmtree(users.table_path)
    anew = create_table(users.table_path, schema(COMPLEX))
    assert anew.append_records([{"id": 1, "category": "A", "value": 1.0, "timestamp": "t"}])
    rows = [{"id": 1, "category": "A", "value": 1.0, "timestamp": "t"}]
    assert left(users.table_path) == users.scan() == rows


def test_schemas_1_a_schema(tmp_path: pathlib.Path) -> None:
    user_schema = schema("id long!, name string!, age long, salary double")
    assert user_schema.schema_id == 1 and user_schema.fields[3]["required"] is False
    path = str(tmp_path / "t")
    create_table(path, user_schema).append_records([{"id": 1, "name": "a"}])
    assert left(path) == [{"id": 1, "name": "a", "age": None, "salary": None}]


def test_schemas_2_a_table(employees: Table) -> None:
    stored = load_table(employees.table_path)._get_current_schema()
    assert stored is not None and stored.fields == schema(EMPLOYEES).fields


def test_schemas_3_rows(employees: Table) -> None:
    success = employees.append_records(records=EMPLOYED, schema=schema(EMPLOYEES))
    assert success is True and left(employees.table_path) == EMPLOYED


def test_schemas_4_what_does_not_fit_is_refused(employees: Table) -> None:
    invalid_record = [{"employee_id": 4, "name": "David"}]
    with pytest.raises(ValueError, match="missing required field 'department'"):
        employees.append_records(records=invalid_record, schema=schema(EMPLOYEES))
    assert left(employees.table_path) == [] and employees.current_snapshot() is None


def test_schemas_5_a_column_more(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "t")
    table = create_table(path, schema("user_id long!, name string!"))
    table.append_records([{"user_id": 1, "name": "Al"}])
    evolved_schema = schema("user_id long!, name string!, email string", schema_id=2)
    new_records = [{"user_id": 5, "name": "Eve", "email": "eve@example.com"}]
    assert table.append_records(records=new_records, schema=evolved_schema)
    assert left(path) == [{"user_id": 1, "name": "Al", "email": None}, *new_records]
    stored = load_table(path)._get_current_schema()
    assert stored is not None and stored.fields == evolved_schema.fields


def test_schemas_6_the_current_schema(employees: Table) -> None:
    current_metadata = employees.metadata_manager.refresh()
    assert current_metadata is not None
    number = current_metadata.current_schema_id
    current_schema = next(s for s in current_metadata.schemas if s.schema_id == number)
    assert [(f["name"], f["type"]) for f in current_schema.fields] == [
        ("employee_id", "long"),
        ("name", "string"),
        ("department", "string"),
        ("salary", "double"),
    ]


def test_schemas_7_all_schemas(employees: Table) -> None:
    employees.append_records(EMPLOYED, schema(EMPLOYEES + ", note string", schema_id=2))
    current_metadata = employees.metadata_manager.refresh()
    assert current_metadata is not None
    assert [len(s.fields) for s in current_metadata.schemas] == [4, 5]


def test_schemas_8_from_the_first_to_the_last_step(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "metrics")
    metrics_table = create_table(path, schema(METRICS))
    initial_metrics: Rows = [
        {"timestamp": 1700000000000, "metric_name": "cpu_usage", "value": 45.2},
        {"timestamp": 1700000000000, "metric_name": "memory_usage", "value": 62.8},
    ]
    metrics_table.append_records(records=initial_metrics, schema=schema(METRICS))
    enhanced_schema = schema(METRICS + ", tags string", schema_id=2)
    tagged_metrics: Rows = [
        {
            "timestamp": 1700000100000,
            "metric_name": "cpu_usage",
            "value": 52.1,
            "tags": "production",
        }
    ]
    metrics_table.append_records(records=tagged_metrics, schema=enhanced_schema)
    assert left(path) == [{**row, "tags": None} for row in initial_metrics] + tagged_metrics
    shutil.rmtree(path)
    with pytest.raises(ValueError, match="No Iceberg table found"):
        load_table(path)


@pytest.fixture
def mixed(tmp_path: pathlib.Path) -> Table:
    """Rows that every read of the reference page finds something in."""
    table = create_table(str(tmp_path / "mixed"), schema("id long, name string, status string"))
    table.append_records(
        [{"id": i, "name": f"n{i}", "status": "active" if i % 2 else "failed"} for i in range(6)]
    )
    return table


def test_api_transaction_1_forms_of_filters(mixed: Table) -> None:
    def ids(condition: object) -> list[int]:
        return [row["id"] for row in mixed.scan(filter={"id": condition})]

    assert ids(3) == ids(("==", 3)) == [3]
    assert ids((">", 3)) == [4, 5] and ids((">=", 3)) == [3, 4, 5]
    assert ids(("<", 2)) == [0, 1] and ids(("<=", 2)) == [0, 1, 2]
    assert ids(("in", [1, 2, 3])) == [1, 2, 3] and ids(("not_in", [1, 2])) == [0, 3, 4, 5]
    assert ids(("between", (2, 4))) == [2, 3, 4] and len(left(mixed.table_path)) == 6


def test_api_transaction_2_scan(mixed: Table) -> None:
    records = mixed.scan()
    assert same(records, left(mixed.table_path)) and len(records) == 6
    assert [r["id"] for r in mixed.scan(filter={"status": "active"})] == [1, 3, 5]
    records = mixed.scan(columns=["id", "name"], parallel=True)
    assert records == [{"id": i, "name": f"n{i}"} for i in range(6)]


def test_api_transaction_3_to_pandas(mixed: Table) -> None:
    pytest.importorskip("pandas")
    df = mixed.to_pandas(filter={"id": (">", 3)}, parallel=True)
    assert df.to_dict("records") == left(mixed.table_path)[4:]


def test_api_transaction_4_batches(mixed: Table) -> None:
    sizes = []
    for batch in mixed.scan_batches(batch_size=4):
        assert all(isinstance(row, dict) for row in batch)
        sizes.append(len(batch))
    assert sum(sizes) == 6 and max(sizes) <= 4


def test_api_transaction_5_records(mixed: Table) -> None:
    found = [record["id"] for record in mixed.iter_records(filter={"status": "failed"})]
    assert found == [0, 2, 4]


def test_api_transaction_6_chunks(mixed: Table) -> None:
    pandas = pytest.importorskip("pandas")
    results = []
    for chunk_df in mixed.iter_pandas(chunksize=10000):
        results.append(chunk_df.groupby("status")[["id"]].sum())
    assert pandas.concat(results)["id"].to_dict() == {"active": 9, "failed": 6}
