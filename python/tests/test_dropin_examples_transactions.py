"""The examples of DataShard's pages on transactions and many writers."""

from __future__ import annotations

import gc
import logging
import os
import pathlib
import random
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from examples_support import Rows, left, same, schema

from datashard import (
    ConcurrentModificationException,
    DataFile,
    FileFormat,
    Schema,
    Table,
    Transaction,
    create_table,
    load_table,
)

EMPLOYEES = "emp_id long!, name string!, department string!"
EVENTS = "event_id long!, event_type string!, timestamp long!, data string"
PAIRS = "record_id long!, value string!"
DATA = "record_id long!, data string!"


@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "table")


def numbered(name: str, count: int, start: int = 0) -> Rows:
    return [{"record_id": i, name: f"{name}_{i}"} for i in range(start, start + count)]


def with_retries(attempts: int, work: Callable[[], bool], base_delay: float = 0.01) -> bool:
    """The loop of the manual, which retries on one exception alone."""
    for attempt in range(attempts):
        try:
            return work()
        except ConcurrentModificationException:
            if attempt == attempts - 1:
                raise
            time.sleep(base_delay * (2**attempt) + random.uniform(0, 0.01))
    raise AssertionError("not reached")


def test_transactions_1_a_transaction_of_its_own(path: str) -> None:
    user_schema = schema("user_id long!, name string!, age long")
    table = create_table(path, user_schema)
    sample_data: Rows = [
        {"user_id": 1, "name": "Alice", "age": 30},
        {"user_id": 2, "name": "Bob", "age": 25},
    ]
    success = table.append_records(records=sample_data, schema=user_schema)
    assert success is True and left(path) == sample_data


def test_transactions_2_a_with_statement(path: str) -> None:
    employee_schema = schema(EMPLOYEES)
    table = create_table(path, employee_schema)
    rows: Rows = [
        {"emp_id": 1, "name": "Charlie", "department": "Engineering"},
        {"emp_id": 2, "name": "David", "department": "Sales"},
    ]
    with table.new_transaction() as tx:
        tx.append_data(records=rows, schema=employee_schema)
    assert left(path) == rows
    with pytest.raises(RuntimeError, match="given up"), table.new_transaction() as tx:
        tx.append_data(records=rows, schema=employee_schema)
        raise RuntimeError("given up")
    assert left(path) == rows and len(table.snapshots()) == 1


def test_transactions_3_append_records(path: str) -> None:
    metrics_schema = schema("timestamp long!, metric_name string!, value double!")
    metrics_table = create_table(path, metrics_schema)
    metrics_data: Rows = [
        {"timestamp": 1700000000000, "metric_name": "cpu_usage", "value": 45.2},
        {"timestamp": 1700000001000, "metric_name": "memory_usage", "value": 62.8},
    ]
    assert metrics_table.append_records(records=metrics_data, schema=metrics_schema)
    assert left(path) == metrics_data


def test_transactions_4_append_files(path: str, tmp_path: pathlib.Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = create_table(path, schema("id long, name string"))
    given = tmp_path / "data.parquet"
    data_file = DataFile(
        file_path=str(given),
        file_format=FileFormat.PARQUET,
        partition_values={},
        record_count=100,
        file_size_in_bytes=10240,
    )
    with pytest.raises(FileNotFoundError), table.new_transaction() as tx:
        tx.append_files([data_file])
    rows: Rows = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), given)
    with table.new_transaction() as tx:
        tx.append_files([data_file])
    assert left(path) == rows and load_table(path).row_count() == 2
    assert table.garbage_collect()["data_files"] == 0 and given.exists()


def test_transactions_5_commit_and_rollback(path: str) -> None:
    employee_schema = schema(EMPLOYEES)
    table = create_table(path, employee_schema)
    rows = [{"emp_id": 3, "name": "Eve", "department": "Marketing"}]
    tx = table.new_transaction().begin()
    tx.append_data(records=rows, schema=employee_schema)
    assert tx.commit() is True and tx.rollback() is False
    other = table.new_transaction().begin()
    try:
        other.append_data(records=rows, schema=employee_schema)
        raise OSError("something else went wrong")
    except OSError:
        assert other.rollback() is True
    assert left(path) == rows and not other.is_active()


def test_transactions_6_a_loop_of_attempts(path: str) -> None:
    order_schema = schema("order_id long!, customer string!, amount double!")
    table = create_table(path, order_schema)
    order_data: Rows = [{"order_id": 100, "customer": "Alice", "amount": 250.50}]
    assert with_retries(5, lambda: table.append_records(records=order_data, schema=order_schema))
    assert left(path) == order_data


def test_transactions_7_isolation(path: str) -> None:
    employee_schema = schema(EMPLOYEES)
    table = create_table(path, employee_schema)
    tx1 = table.new_transaction().begin()
    tx2_data: Rows = [{"emp_id": 4, "name": "Frank", "department": "HR"}]
    table.append_records(records=tx2_data, schema=employee_schema)
    mine: Rows = [{"emp_id": 5, "name": "Grace", "department": "Finance"}]
    tx1.append_data(records=mine, schema=employee_schema)
    assert left(path) == tx2_data
    assert tx1.commit() is True and left(path) == tx2_data + mine


def test_transactions_8_errors(path: str) -> None:
    log_schema = schema("log_id long!, message string!, level string!")
    table = create_table(path, log_schema)
    log_data: Rows = [
        {"log_id": 1, "message": "Application started", "level": "INFO"},
        {"log_id": 2, "message": "User logged in", "level": "INFO"},
    ]
    caught = None
    try:
        success = table.append_records(records=log_data, schema=log_schema)
    except FileNotFoundError as e:
        caught = e
    except ConcurrentModificationException as e:
        caught = e
    except Exception as e:
        caught = e
    assert caught is None and success and left(path) == log_data


def test_transactions_9_from_the_first_to_the_last_step(path: str) -> None:
    event_schema = schema(EVENTS)
    table = create_table(path, event_schema)
    events: Rows = [
        {"event_id": 1, "event_type": "click", "timestamp": 1700000000000, "data": "button1"},
        {"event_id": 2, "event_type": "pageview", "timestamp": 1700000001000, "data": "home"},
    ]
    assert with_retries(3, lambda: table.append_records(records=events, schema=event_schema))
    current_snapshot = table.current_snapshot()
    assert current_snapshot is not None and left(path) == events
    assert current_snapshot.snapshot_id == table.snapshots()[-1]["snapshot_id"]


def test_concurrency_1_one_commit(path: str) -> None:
    data_schema = schema(PAIRS)
    table = create_table(path, data_schema)
    with table.new_transaction() as tx:
        tx.append_data(records=[{"record_id": 1, "value": "A"}], schema=data_schema)
        success = tx.commit()
    assert success is True and left(path) == [{"record_id": 1, "value": "A"}]


def test_concurrency_2_attempts_around_a_transaction(path: str) -> None:
    conflict_schema = schema(PAIRS)
    table = create_table(path, conflict_schema)

    def attempt() -> bool:
        with table.new_transaction() as tx:
            tx.append_data(records=[{"record_id": 2, "value": "B"}], schema=conflict_schema)
            return tx.commit()

    assert with_retries(5, attempt) and left(path) == [{"record_id": 2, "value": "B"}]


def test_concurrency_3_a_reader_and_a_writer(path: str) -> None:
    concurrent_schema = schema(PAIRS)
    table = create_table(path, concurrent_schema)
    done = threading.Event()
    seen: list[int] = []

    def read_process() -> None:
        while not done.is_set():
            table.current_snapshot()
            seen.append(len(table.scan()))

    reader = threading.Thread(target=read_process)
    reader.start()
    write_data = [{"record_id": 3, "value": "C"}]
    for _ in range(10):
        table.append_records(records=write_data, schema=concurrent_schema)
    done.set()
    reader.join()
    assert seen == sorted(seen) and left(path) == write_data * 10


def test_concurrency_4_two_writers(path: str) -> None:
    writer_schema = schema("record_id long!, source string!")
    table = create_table(path, writer_schema)
    count = 30

    def writer(name: str) -> None:
        for i in range(count):
            record_data = [{"record_id": i, "source": name}]
            assert table.append_records(records=record_data, schema=writer_schema)

    writers = [threading.Thread(target=writer, args=(f"writer{n}",)) for n in (1, 2)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    wanted = [{"record_id": i, "source": f"writer{n}"} for n in (1, 2) for i in range(count)]
    assert same(left(path), wanted)


def test_concurrency_5_attempts_with_chance(path: str) -> None:
    retry_schema = schema(DATA)
    table = create_table(path, retry_schema)

    def safe_write_with_retry(
        table: Table, records: Rows, schema: Schema, max_retries: int = 5
    ) -> bool:
        return with_retries(
            max_retries, lambda: table.append_records(records=records, schema=schema)
        )

    sample_records: Rows = [{"record_id": 1, "data": "example"}]
    assert safe_write_with_retry(table, sample_records, retry_schema)
    assert left(path) == sample_records


def test_concurrency_6_batches(path: str) -> None:
    batch_schema = schema("record_id long!, batch_data string!")
    table = create_table(path, batch_schema)
    all_records = numbered("batch_data", 1000)
    for i in range(0, len(all_records), 100):
        assert table.append_records(records=all_records[i : i + 100], schema=batch_schema)
    assert same(left(path), all_records) and len(table.snapshots()) == 10


def test_concurrency_7_short_and_long_transactions(path: str) -> None:
    scope_schema = schema(PAIRS)
    table = create_table(path, scope_schema)

    def process(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "value": record["value"].upper()}

    def good_example(records: Rows) -> bool:
        processed_records = [process(r) for r in records]
        return table.append_records(records=processed_records, schema=scope_schema)

    def bad_example(records: Rows) -> bool:
        with table.new_transaction() as tx:
            processed_records = [process(r) for r in records]
            tx.append_data(records=processed_records, schema=scope_schema)
            return tx.commit()

    assert good_example([{"record_id": 1, "value": "a"}])
    assert bad_example([{"record_id": 2, "value": "b"}])
    assert left(path) == [{"record_id": 1, "value": "A"}, {"record_id": 2, "value": "B"}]


def test_concurrency_8_a_watched_write(path: str, caplog: pytest.LogCaptureFixture) -> None:
    monitor_schema = schema(DATA)
    table = create_table(path, monitor_schema)
    sample_records: Rows = [{"record_id": 1, "data": "monitored"}]

    def monitored_write() -> bool:
        start_time = time.time()
        result = table.append_records(records=sample_records, schema=monitor_schema)
        logging.info("%.3f", time.time() - start_time)
        return result

    with caplog.at_level(logging.INFO):
        assert with_retries(5, monitored_write)
    assert len(caplog.records) == 1 and left(path) == sample_records


def test_concurrency_9_a_lock_of_ones_own(path: str) -> None:
    leader_schema = schema(DATA)
    table = create_table(path, leader_schema)
    name = table.table_path.replace(os.sep, "_")
    lock_file = os.path.join(tempfile.gettempdir(), f"datashard_lock_{name}")

    def coordinated_write(records: Rows) -> bool:
        while True:
            try:
                lock = os.open(lock_file, os.O_CREAT | os.O_EXCL)
            except FileExistsError:
                time.sleep(0.01)
                continue
            try:
                return table.append_records(records=records, schema=leader_schema)
            finally:
                os.close(lock)
                os.unlink(lock_file)

    records = numbered("data", 3)
    assert coordinated_write(records) and left(path) == records


def test_concurrency_10_partition_values(path: str) -> None:
    partition_schema = schema("record_id long!, data string!, partition string!")
    table = create_table(path, partition_schema)
    record_groups: dict[str, Rows] = {
        "2024-01": [{"record_id": 1, "data": "jan_data", "partition": "2024-01"}],
        "2024-02": [{"record_id": 2, "data": "feb_data", "partition": "2024-02"}],
    }
    results = []
    for partition_value, records in record_groups.items():
        with table.new_transaction() as tx:
            tx.append_data(
                records=records,
                schema=partition_schema,
                partition_values={"partition": partition_value},
            )
            results.append(tx.commit())
    assert all(results) and left(path) == record_groups["2024-01"] + record_groups["2024-02"]


def test_troubleshooting_1_attempts_around_operations(path: str) -> None:
    table = create_table(path, schema(DATA))

    def safe_transaction_with_retry(operations: Callable[[Transaction], object]) -> bool:
        def attempt() -> bool:
            with table.new_transaction() as tx:
                operations(tx)
                return tx.commit()

        return with_retries(5, attempt)

    records = numbered("data", 2)
    assert safe_transaction_with_retry(lambda tx: tx.append_data(records))
    assert left(path) == records


def test_troubleshooting_2_smaller_transactions(path: str) -> None:
    batch_schema = schema(DATA)
    table = create_table(path, batch_schema)
    huge_dataset = numbered("data", 5000)
    batch_size = 1000
    for i in range(0, len(huge_dataset), batch_size):
        with table.new_transaction() as tx:
            tx.append_data(records=huge_dataset[i : i + batch_size], schema=batch_schema)
            success = tx.commit()
    assert success and same(left(path), huge_dataset) and len(table.snapshots()) == 5


def test_troubleshooting_3_a_file_that_is_not_there(path: str) -> None:
    table = create_table(path, schema(DATA))
    file_path = path + "-data.parquet"
    assert not os.path.exists(file_path)
    data_file = DataFile(file_path, FileFormat.PARQUET, {}, 1, 1)
    with pytest.raises(FileNotFoundError, match="Data file does not exist"):
        table.append_data([data_file])
    assert left(path) == []


def test_troubleshooting_4_chunks(path: str) -> None:
    chunk_schema = schema(PAIRS)
    table = create_table(path, chunk_schema)
    large_data = numbered("value", 20000)
    results = []
    for i in range(0, len(large_data), 1000):
        with table.new_transaction() as tx:
            tx.append_data(records=large_data[i : i + 1000], schema=chunk_schema)
            results.append(tx.commit())
        gc.collect()
    assert results == [True] * 20 and same(left(path), large_data)


def test_troubleshooting_5_loggers(path: str) -> None:
    metadata_logger = logging.getLogger("datashard.metadata_manager")
    before = metadata_logger.level
    metadata_logger.setLevel(logging.DEBUG)
    try:
        create_table(path, schema(DATA)).append_records(numbered("data", 1))
    finally:
        metadata_logger.setLevel(before)
    assert left(path) == numbered("data", 1)


def test_troubleshooting_6_what_a_table_says_of_itself(path: str) -> None:
    table = create_table(path, schema(DATA))
    table.append_records(numbered("data", 1))
    assert table.table_path == path
    metadata = table.metadata_manager.refresh()
    current = load_table(path).current_snapshot()
    assert metadata is not None and metadata.format_version == 2 and current is not None
    assert metadata.current_snapshot_id == current.snapshot_id
    assert len(metadata.snapshots) == len(metadata.schemas) == len(table.snapshots()) == 1
    assert table.transaction_manager.get_active_transactions() == []
    with table.new_transaction():
        assert len(table.transaction_manager.get_active_transactions()) == 1


def test_troubleshooting_7_a_folder_first(tmp_path: pathlib.Path) -> None:
    table_path = str(tmp_path / "valid/path/for/table")
    os.makedirs(os.path.dirname(table_path), exist_ok=True)
    basic_schema = schema("id long!, data string!")
    assert create_table(table_path, basic_schema).append_records([{"id": 1, "data": "x"}])
    assert left(table_path) == [{"id": 1, "data": "x"}]


def test_troubleshooting_10_the_version() -> None:
    import datashard

    assert isinstance(datashard.__version__, str) and datashard.__author__
