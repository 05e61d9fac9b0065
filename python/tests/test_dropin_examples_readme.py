"""The examples of DataShard's READMEs, each with what it leaves in its table."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
from typing import Any

import pytest
from examples_support import left, same, schema

from datashard import Schema, Table, Unsupported, create_table, load_table

EVENTS = "user_id long!, event string!, timestamp long!"
TASKS = (
    "task_id string!, workflow_id string!, status string!, started_at long!,"
    "completed_at long!, duration_ms long!, error_message string, worker_id string!"
)
TASK_1 = {
    "task_id": "task-001",
    "workflow_id": "wf-123",
    "status": "success",
    "started_at": 1700000000000,
    "completed_at": 1700000150000,
    "duration_ms": 150000,
    "error_message": "",
    "worker_id": "worker-1",
}
TASK_2 = {
    **TASK_1,
    "task_id": "task-002",
    "status": "failed",
    "completed_at": 1700000200000,
    "duration_ms": 200000,
    "error_message": "Connection timeout",
    "worker_id": "worker-2",
}
RECORDS = [
    {"user_id": 100, "event": "login", "timestamp": 1700000000},
    {"user_id": 101, "event": "logout", "timestamp": 1700000100},
]


@pytest.fixture(autouse=True)
def here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative names are in a directory of the test."""
    monkeypatch.chdir(tmp_path)


def task_logs() -> Table:
    logs_schema = schema(TASKS)
    logs = create_table("task_logs", logs_schema)
    logs.append_records([TASK_1], logs_schema)
    logs.append_records([TASK_2], logs_schema)
    return logs


def test_readme_1_quick_start() -> None:
    events = schema(EVENTS)
    table = create_table("my_table", events)
    success = table.append_records(RECORDS, events)
    snapshot = table.current_snapshot()
    assert success and snapshot is not None and left("my_table") == RECORDS
    previous_snapshot_id = snapshot.snapshot_id
    table.append_records(RECORDS, events)
    old_snapshot = table.snapshot_by_id(previous_snapshot_id)
    assert old_snapshot == snapshot and load_table("my_table").row_count() == 4


def test_readme_2_logs_by_pandas_and_the_manifests() -> None:
    import pandas as pd

    from datashard.file_manager import FileManager

    task_logs()
    table = load_table("task_logs")
    snapshot = table.current_snapshot()
    assert snapshot is not None
    file_manager = FileManager(table.table_path, table.metadata_manager)
    manifest_list_path = os.path.join(table.table_path, snapshot.manifest_list)
    data_frames = []
    for manifest_file in file_manager.read_manifest_list_file(manifest_list_path):
        manifest_path = os.path.join(table.table_path, manifest_file.manifest_path)
        for data_file in file_manager.read_manifest_file(manifest_path):
            parquet_path = os.path.join(table.table_path, data_file.file_path.lstrip("/"))
            data_frames.append(pd.read_parquet(parquet_path))
    logs_df = pd.concat(data_frames, ignore_index=True)
    assert len(logs_df[logs_df["status"] == "failed"]) == 1
    assert logs_df["duration_ms"].mean() == 175000
    assert left("task_logs") == [TASK_1, TASK_2]


def test_readme_3_two_workers() -> None:
    tasks = schema("task_id string!, worker_id string!, status string!, timestamp long!")
    first = {"task_id": "t1", "worker_id": "worker-1", "status": "success"}
    second = {"task_id": "t2", "worker_id": "worker-2", "status": "success"}
    rows = [{**first, "timestamp": 1700000000}, {**second, "timestamp": 1700000001}]
    create_table("task-logs", tasks)

    def work(row: dict[str, Any]) -> bool:
        return load_table("task-logs").append_records([row], tasks)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert all(pool.map(work, rows))
    assert left("task-logs") == rows


def test_readme_4_metrics() -> None:
    metrics = Schema(
        schema_id=1,
        fields=[
            {"id": 1, "name": "metric", "type": "string", "required": True},
            {"id": 2, "name": "value", "type": "double", "required": True},
        ],
    )
    table = create_table("metrics", metrics)
    rows = [
        {"metric": "cpu_usage", "value": 45.2},
        {"metric": "memory_usage", "value": 67.8},
    ]
    table.append_records(rows, metrics)
    assert left("metrics") == rows


def test_readme_5_a_name_without_a_place() -> None:
    given = schema("id long!, value string")
    table = create_table("my-table", given)
    records = [{"id": 1, "value": "data"}]
    table.append_records(records, given)
    assert left("my-table") == records and os.path.isdir("my-table")


def test_readme_6_the_wrong_way_is_refused_and_makes_nothing() -> None:
    given = schema("id long!")
    with pytest.raises(Unsupported, match="s3"):
        create_table("s3://bucket/table", given)
    assert os.listdir(".") == []
    create_table("table", given).append_records([{"id": 1}], given)
    assert left("table") == [{"id": 1}]


def test_readme_7_create_and_load() -> None:
    given = schema("id long!, value string")
    table = create_table("table", given)
    loaded = load_table("table")
    assert loaded.append_records([{"id": 1, "value": "data"}])
    assert table.row_count() == 1 and left("table") == [{"id": 1, "value": "data"}]


def test_readme_8_records_and_a_transaction() -> None:
    given = schema("id long!, value string")
    table = create_table("table", given)
    records = [{"id": 1, "value": "data"}]
    success = table.append_records(records, given)
    with table.new_transaction() as tx:
        tx.append_data(records, given)
        tx.commit()
    assert success and left("table") == records * 2 and len(table.snapshots()) == 2


def test_readme_9_all_ways_to_read() -> None:
    given = schema("id long!, name string, status string, age long, ts long")
    table = create_table("table", given)
    rows = [
        {"id": i, "name": f"n{i}", "status": s, "age": 20 + 10 * i, "ts": i}
        for i, s in enumerate(["failed", "active", "active", "failed"])
    ]
    for row in rows:
        table.append_records([row], given)
    snapshot = table.current_snapshot()
    assert snapshot is not None and table.snapshot_by_id(snapshot.snapshot_id) == snapshot
    assert len(table.snapshots()) == 4
    assert table.time_travel(snapshot_id=12345) is None
    travelled = table.time_travel(timestamp=1700000000000)
    assert travelled is None  # Nothing was there yet.
    assert table.scan() == left("table") == rows
    assert table.scan(filter={"status": "failed"}) == [rows[0], rows[3]]
    assert table.scan(filter={"age": (">", 30)}) == rows[2:]
    assert table.scan(filter={"id": ("in", [1, 2, 3])}) == rows[1:]
    assert table.scan(filter={"ts": ("between", (1, 2))}) == rows[1:3]
    assert table.scan(columns=["id", "name"])[3] == {"id": 3, "name": "n3"}
    assert table.scan(parallel=True) == rows == table.scan(parallel=4)
    assert [r for b in table.scan_batches(batch_size=10000) for r in b] == rows
    failed = list(table.iter_records(filter={"status": "failed"}))
    assert failed == [rows[0], rows[3]]
    import pandas

    assert table.to_pandas().to_dict("records") == rows
    df = table.to_pandas(parallel=True, filter={"status": "active"})
    assert list(df["id"]) == [1, 2]
    results = []
    for chunk_df in table.iter_pandas(chunksize=50000):
        results.append(chunk_df.groupby("status").count())
    assert pandas.concat(results)["id"].sum() == 4


def test_readme_10_a_schema() -> None:
    given = Schema(
        schema_id=1,
        fields=[{"id": 1, "name": "user_id", "type": "long", "required": True}],
    )
    table = create_table("table", given)
    with pytest.raises(ValueError, match="required"):
        table.append_records([{"user_id": None}], given)
    assert table.append_records([{"user_id": 1}], given) and left("table") == [{"user_id": 1}]


def test_docs_readme_1_quick_start() -> None:
    given = schema("id long!, name string!, age int!")
    table = create_table("data/table", given)
    data = [
        {"id": 1, "name": "Alice", "age": 30},
        {"id": 2, "name": "Bob", "age": 25},
        {"id": 3, "name": "Charlie", "age": 35},
    ]
    success = table.append_records(data)
    snapshot = table.current_snapshot()
    assert success and snapshot is not None
    historical_data = table.time_travel(snapshot_id=snapshot.snapshot_id)
    assert historical_data.snapshot_id == snapshot.snapshot_id
    assert historical_data.scan() == left("data/table") == data


def test_docs_readme_2_a_data_frame() -> None:
    import pandas as pd

    given = schema("id long!, name string!, value int!")
    table = create_table("pandas_table", given)
    df = pd.DataFrame(
        {
            "id": [1, 2, 3, 4, 5],
            "name": ["Alice", "Bob", "Charlie", "David", "Eve"],
            "value": [100, 200, 150, 300, 250],
        }
    )
    table.append_pandas(df)
    result_df = table.to_pandas()
    assert len(result_df) == 5 and same(left("pandas_table"), df.to_dict("records"))


def test_docs_readme_3_a_data_frame_in_a_transaction() -> None:
    import pandas as pd

    table = create_table("table", schema("id long!, name string!"))
    df = pd.DataFrame({"id": [1, 2, 3], "name": ["Alice", "Bob", "Charlie"]})
    with table.new_transaction() as tx:
        tx.append_pandas(df)
        tx.commit()
    result_df = table.to_pandas()
    subset_df = table.to_pandas(columns=["id", "name"])
    assert result_df.equals(subset_df) and list(subset_df.columns) == ["id", "name"]
    assert left("table") == df.to_dict("records") and len(table.snapshots()) == 1


def test_installation_1_the_version() -> None:
    import datashard

    assert datashard.__version__.split(".")[0].isdigit()


def test_contributing_2_a_table_without_a_schema() -> None:
    table = create_table("test_table")
    assert table is not None and table.table_path == "test_table"
    assert left("test_table") == []


def test_readme11_1_batches() -> None:
    given = schema("id long!")
    table = create_table("table", given)
    stream = [{"id": i} for i in range(3)]
    for row in stream:
        table.append_records([row], given)
    buffer = [{"id": i} for i in range(3, 6)]
    table.append_records(buffer, given)
    batch_a, batch_b = [{"id": 6}], [{"id": 7}, {"id": 8}]
    with table.new_transaction() as tx:
        tx.append_records(batch_a, given)
        tx.append_records(batch_b, given)
        tx.commit()
    assert left("table") == [{"id": i} for i in range(9)] and len(table.snapshots()) == 5


def test_readme11_2_quick_start() -> None:
    events = schema(EVENTS)
    table = create_table("my_table", events)
    assert table.append_records(RECORDS, events)
    rows = table.scan(filter={"event": "login"}, columns=["user_id", "timestamp"])
    assert rows == [{"user_id": 100, "timestamp": 1700000000}]
    snapshot = table.current_snapshot()
    assert snapshot is not None
    previous_snapshot_id = snapshot.snapshot_id
    table.append_records([{"user_id": 102, "event": "login", "timestamp": 3}], events)
    found = [(s["snapshot_id"], s["timestamp"], s["operation"]) for s in table.snapshots()]
    assert [f[0] for f in found][0] == previous_snapshot_id and found[1][2] == "append"
    old_rows = table.scan(snapshot_id=previous_snapshot_id)
    assert old_rows == RECORDS and len(left("my_table")) == 3


def test_readme11_3_logs_by_pandas() -> None:
    pytest.importorskip("pandas")
    task_logs()
    table = load_table("task_logs")
    logs_df = table.to_pandas()
    failed_df = table.to_pandas(filter={"status": "failed"})
    failed_tasks = logs_df[logs_df["status"] == "failed"]
    assert failed_tasks.to_dict("records") == failed_df.to_dict("records") == [TASK_2]
    assert logs_df["duration_ms"].mean() == 175000 and left("task_logs") == [TASK_1, TASK_2]
