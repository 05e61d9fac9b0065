"""The examples of DataShard's pages on speed and on object stores.

The latter's code is the same for local tables, which is where it runs here.
"""

from __future__ import annotations

import concurrent.futures
import datetime
import gc
import os
import pathlib
import random
import time
from collections import defaultdict
from typing import Any

import pytest
from examples_support import Rows, left, same, schema

from datashard import DataFile, FileFormat, Table, create_table, load_table

EVENTS = "user_id long!, event string!, timestamp long!"
TASKS = "task_id string!, status string!"
TASK_1 = {"task_id": "t1", "status": "success"}
TASK_2 = {"task_id": "t2", "status": "success"}


@pytest.fixture(autouse=True)
def here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative names are in a directory of the test."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def facts() -> Table:
    """Rows that every query of the page finds something in; a file for each of three."""
    columns = "id long, name string, status string, age long, value double, category string"
    table = create_table("facts", schema(columns + ", timestamp long, x long"))
    for start in (0, 3, 6):
        table.append_records(
            [
                {
                    "id": i,
                    "name": f"n{i}",
                    "status": ["failed", "active", "done"][i % 3],
                    "age": 20 + 5 * i,
                    "value": 25.0 * i,
                    "category": "ABCD"[i % 4],
                    "timestamp": 1000 * i,
                    "x": i % 2,
                }
                for i in range(start, start + 3)
            ]
        )
    return table


def numbered(name: str, count: int) -> Rows:
    return [{"record_id": i, name: f"{name}_{i}"} for i in range(count)]


def ids(rows: Rows) -> list[int]:
    return [row["id"] for row in rows]


def test_performance_1_a_parquet_file() -> None:
    import pyarrow
    import pyarrow.parquet

    rows = [{"id": 1}]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), "data.parquet")
    parquet_file = DataFile(
        file_path=os.path.abspath("data.parquet"),
        file_format=FileFormat.PARQUET,
        partition_values={},
        record_count=1000,
        file_size_in_bytes=50000,
    )
    table = create_table("table", schema("id long"))
    table.append_data([parquet_file])
    assert left("table") == rows and table.row_count() == 1


def test_performance_2_an_avro_file_is_refused() -> None:
    pathlib.Path("data.avro").write_bytes(b"Obj\x01")
    avro_file = DataFile(
        file_path=os.path.abspath("data.avro"),
        file_format=FileFormat.AVRO,
        partition_values={},
        record_count=1000,
        file_size_in_bytes=45000,
    )
    table = create_table("table", schema("id long"))
    with pytest.raises(ValueError):
        table.append_data([avro_file])
    assert left("table") == []


def test_performance_3_a_label() -> None:
    hot_schema = schema("record_id long!, name string!, status string!")
    table = create_table("table", hot_schema)
    rows: Rows = [{"record_id": 1, "name": "Alice", "status": "active"}]
    with table.new_transaction() as tx:
        tx.append_data(records=rows, schema=hot_schema, partition_values={"type": "hot"})
        tx.commit()
    assert left("table") == rows


def test_performance_4_a_label_of_three() -> None:
    event_schema = schema("event string!, user_id long!")
    table = create_table("events", event_schema)
    today = datetime.date.today()
    rows: Rows = [{"event": "login", "user_id": 123}]
    with table.new_transaction() as tx:
        tx.append_data(
            records=rows,
            schema=event_schema,
            partition_values={"year": today.year, "month": today.month, "day": today.day},
        )
        tx.commit()
    assert left("events") == rows


def test_performance_5_one_transaction() -> None:
    batch_schema = schema("record_id long!, value string!")
    table = create_table("table", batch_schema)
    batch_records = numbered("value", 1000)
    with table.new_transaction() as tx:
        tx.append_data(records=batch_records, schema=batch_schema)
        tx.commit()
    assert same(left("table"), batch_records) and len(table.snapshots()) == 1


def test_performance_6_parts_of_a_large_write() -> None:
    large_schema = schema("record_id long!, data string!")
    table = create_table("table", large_schema)
    large_data = numbered("data", 10000)
    batch_size = 500
    for i in range(0, len(large_data), batch_size):
        with table.new_transaction() as tx:
            tx.append_data(records=large_data[i : i + batch_size], schema=large_schema)
            success = tx.commit()
            if not success:
                break
    assert same(left("table"), large_data) and len(table.snapshots()) == 20


def test_performance_7_chunks() -> None:
    memory_schema = schema("record_id long!, data string!")
    table = create_table("table", memory_schema)
    large_dataset = numbered("data", 2000)
    chunk_size = 100
    for i in range(0, len(large_dataset), chunk_size):
        with table.new_transaction() as tx:
            tx.append_data(records=large_dataset[i : i + chunk_size], schema=memory_schema)
            tx.commit()
        if i % (chunk_size * 10) == 0:
            gc.collect()
    assert same(left("table"), large_dataset)


def test_performance_8_metadata(facts: Table) -> None:
    current_metadata = facts.metadata_manager.refresh()
    snapshot = facts.current_snapshot()
    history = facts.metadata_manager.get_snapshot_history()
    assert current_metadata is not None and snapshot is not None and len(history) == 3
    assert history[-1].snapshot_id == snapshot.snapshot_id
    assert current_metadata.current_snapshot_id == snapshot.snapshot_id


def test_performance_9_a_pause_first() -> None:
    concurrency_schema = schema("record_id long!, data string!")
    table = create_table("table", concurrency_schema)

    def low_contention_write(record: dict[str, Any], base_delay: float = 0.01) -> bool:
        time.sleep(base_delay + random.uniform(0, 0.01))
        with table.new_transaction() as tx:
            tx.append_data(records=[record], schema=concurrency_schema)
            return tx.commit()

    sample_record = {"record_id": 1, "data": "example"}
    assert low_contention_write(sample_record) is True and left("table") == [sample_record]


def test_performance_10_a_pool_of_threads() -> None:
    parallel_schema = schema("record_id long!, value double!")
    table = create_table("table", parallel_schema)

    def write_dataset(data_subset: Rows) -> bool:
        with table.new_transaction() as tx:
            tx.append_data(records=data_subset, schema=parallel_schema)
            return tx.commit()

    datasets: list[Rows] = [
        [{"record_id": i, "value": float(i)} for i in range(start, start + 250)]
        for start in range(0, 1000, 250)
    ]
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as executor:
        futures = [executor.submit(write_dataset, subset) for subset in datasets]
        results = [future.result() for future in futures]
    assert all(results) and 1 <= len(table.snapshots()) <= 4  # They may share commits.
    assert same(left("table"), [row for subset in datasets for row in subset])


def test_performance_11_a_clock_around_it() -> None:
    metrics_schema = schema("metric_id long!, value double!")
    table = create_table("table", metrics_schema)
    metrics: dict[str, list[float]] = defaultdict(list)

    def time_operation(name: str, operation: Any, *args: Any, **kwargs: Any) -> Any:
        start = time.time()
        result = operation(*args, **kwargs)
        metrics[name].append(time.time() - start)
        return result

    sample_records: Rows = [{"metric_id": 1, "value": 42.0}]
    success = time_operation(
        "append_records", table.append_records, records=sample_records, schema=metrics_schema
    )
    assert success is True and len(metrics["append_records"]) == 1
    assert left("table") == sample_records


def test_performance_12_filters(facts: Table) -> None:
    all_records = facts.scan()
    filtered = [r for r in all_records if r["status"] == "failed"]
    assert facts.scan(filter={"status": "failed"}) == filtered and ids(filtered) == [0, 3, 6]
    assert ids(facts.scan(filter={"status": "active", "age": (">=", 30)})) == [4, 7]
    assert ids(facts.scan(filter={"value": (">", 100)})) == [5, 6, 7, 8]
    assert ids(facts.scan(filter={"value": ("<=", 50)})) == [0, 1, 2]
    assert ids(facts.scan(filter={"category": ("in", ["A", "B", "C"])})) == [0, 1, 2, 4, 5, 6, 8]
    assert ids(facts.scan(filter={"timestamp": ("between", (2000, 4000))})) == [2, 3, 4]
    assert len(left("facts")) == 9


def test_performance_13_files_that_are_not_read(facts: Table) -> None:
    first = facts._get_all_data_files()[0]
    os.unlink(os.path.join(facts.table_path, first.file_path.lstrip("/")))
    results = facts.scan(filter={"timestamp": (">", 3000)})
    assert ids(results) == [4, 5, 6, 7, 8]
    with pytest.raises(FileNotFoundError):
        facts.scan()


def test_performance_14_threads(facts: Table) -> None:
    records = facts.scan()
    assert facts.scan(parallel=True) == records == facts.scan(parallel=4) == left("facts")
    assert ids(facts.scan(filter={"status": "active"}, parallel=True)) == [1, 4, 7]
    pytest.importorskip("pandas")
    assert facts.to_pandas(parallel=True).to_dict("records") == records


def test_performance_15_columns(facts: Table) -> None:
    assert len(facts.scan()[0]) == 8
    assert facts.scan(columns=["id", "name"])[1] == {"id": 1, "name": "n1"}
    records = facts.scan(columns=["id", "status"], filter={"status": "active"}, parallel=True)
    assert records == [{"id": i, "status": "active"} for i in (1, 4, 7)]


def test_performance_16_streams(facts: Table) -> None:
    all_records = facts.scan()
    batches = list(facts.scan_batches(batch_size=10000))
    assert [row for batch in batches for row in batch] == all_records and len(batches) == 3
    assert list(facts.iter_records()) == all_records
    pandas = pytest.importorskip("pandas")
    results = []
    for chunk_df in facts.iter_pandas(chunksize=50000):
        results.append(chunk_df.groupby("x")[["id"]].sum())
    assert pandas.concat(results)["id"].sum() == 36


def test_s3_storage_1_the_same_code() -> None:
    events = schema(EVENTS)
    table = create_table("user-events", events)
    rows: Rows = [
        {"user_id": 1, "event": "login", "timestamp": 1700000000},
        {"user_id": 2, "event": "purchase", "timestamp": 1700000100},
    ]
    table.append_records(rows, events)
    assert left("user-events") == rows


def test_s3_storage_2_the_first_worker() -> None:
    tasks = schema(TASKS)
    create_table("task-results", tasks).append_records([TASK_1], tasks)
    assert left("task-results") == [TASK_1]


def test_s3_storage_3_the_second_worker() -> None:
    tasks = schema(TASKS)
    create_table("task-results", tasks).append_records([TASK_1], tasks)
    table = load_table("task-results")
    table.append_records([TASK_2], tasks)
    assert left("task-results") == [TASK_1, TASK_2]


def test_s3_storage_4_the_reader() -> None:
    create_table("task-results", schema(TASKS)).append_records([TASK_1])
    snapshot = load_table("task-results").current_snapshot()
    assert snapshot is not None and snapshot.snapshot_id > 0
    assert left("task-results") == [TASK_1]


def test_s3_guide_2_a_table() -> None:
    events = schema(EVENTS)
    rows: Rows = [
        {"user_id": 1, "event": "login", "timestamp": 1700000000},
        {"user_id": 2, "event": "purchase", "timestamp": 1700000100},
    ]
    create_table("user-events", events).append_records(rows, events)
    assert left("user-events") == rows


def test_s3_guide_3_the_first_worker() -> None:
    tasks = schema(TASKS)
    create_table("task-results", tasks).append_records([TASK_1], tasks)
    assert left("task-results") == [TASK_1]


def test_s3_guide_4_the_second_worker() -> None:
    tasks = schema(TASKS)
    create_table("task-results", tasks)
    load_table("task-results").append_records([TASK_2], tasks)
    assert left("task-results") == [TASK_2]


def test_s3_guide_5_the_reader() -> None:
    pytest.importorskip("pandas")
    create_table("task-results", schema(TASKS)).append_records([TASK_1, TASK_2])
    df = load_table("task-results").to_pandas()
    assert len(df) == 2 and left("task-results") == df.to_dict("records")


def test_s3_guide_7_one_by_one_and_all_at_once() -> None:
    tasks = schema(TASKS)
    table = create_table("task-results", tasks)
    records = [TASK_1, TASK_2]
    for record in records:
        table.append_records([record], tasks)
    table.append_records(records, tasks)
    assert same(left("task-results"), records * 2) and len(table.snapshots()) == 3


def test_s3_guide_9_out_of_one_table() -> None:
    pytest.importorskip("pandas")
    create_table("my-table", schema(TASKS)).append_records([TASK_1])
    df = load_table("my-table").to_pandas()
    assert df.to_dict("records") == [TASK_1] == left("my-table")


def test_s3_guide_10_and_into_another() -> None:
    pandas = pytest.importorskip("pandas")
    tasks = schema(TASKS)
    df = pandas.DataFrame([TASK_1, TASK_2])
    other_table = create_table("other-table", tasks)
    records = df.to_dict("records")
    other_table.append_records(records, tasks)
    assert left("other-table") == [TASK_1, TASK_2]


def test_s3_guide_11_from_one_to_the_other() -> None:
    pytest.importorskip("pandas")
    tasks = schema(TASKS)
    create_table("my-table", tasks).append_records([TASK_1, TASK_2], tasks)
    df = load_table("my-table").to_pandas()
    local_table = create_table("copy/my-table", tasks)
    local_table.append_records(df.to_dict("records"), tasks)
    assert left("copy/my-table") == left("my-table") == [TASK_1, TASK_2]
