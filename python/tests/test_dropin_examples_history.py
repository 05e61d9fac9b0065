"""The examples of DataShard's page on time travel, with what the table then shows."""

from __future__ import annotations

import pathlib
import shutil
import time

import pytest
from examples_support import Rows, left, schema

from datashard import Table, create_table, load_table

EVENTS = "event_id long!, event_name string!, timestamp long!"
EVENT_1 = {"event_id": 1, "event_name": "user_login", "timestamp": 1700000000000}
EVENT_2 = {"event_id": 2, "event_name": "user_logout", "timestamp": 1700000100000}


@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "table")


@pytest.fixture
def history(path: str) -> Table:
    table = create_table(path, schema(EVENTS))
    table.append_records(records=[EVENT_1], schema=schema(EVENTS))
    table.append_records(records=[EVENT_2], schema=schema(EVENTS))
    return table


def wait_for_next_ms(since_ms: int) -> int:
    """A time, in ms, that is later than `since_ms`."""
    now = int(time.time() * 1000)
    while now <= since_ms:
        now = int(time.time() * 1000)
    return now


def test_time_travel_1_each_append_is_a_snapshot(history: Table) -> None:
    assert len(history.snapshots()) == 2 and left(history.table_path) == [EVENT_1, EVENT_2]


def test_time_travel_2_snapshots(history: Table) -> None:
    snapshots = history.snapshots()
    assert len(snapshots) == 2 and left(history.table_path) == [EVENT_1, EVENT_2]
    assert [s["operation"] for s in snapshots] == ["append", "append"]
    assert [s["parent_id"] for s in snapshots] == [-1, snapshots[0]["snapshot_id"]]
    assert snapshots[0]["timestamp"] <= snapshots[1]["timestamp"]


def test_time_travel_3_the_current_one(history: Table) -> None:
    current_snapshot = history.current_snapshot()
    last = load_table(history.table_path).snapshots()[-1]
    assert current_snapshot is not None and last["snapshot_id"] == current_snapshot.snapshot_id
    assert last["timestamp_ms"] == current_snapshot.timestamp_ms


def test_time_travel_4_one_by_its_number(history: Table) -> None:
    assert history.snapshot_by_id(1234567890) is None
    number = history.snapshots()[0]["snapshot_id"]
    specific_snapshot = history.snapshot_by_id(number)
    assert specific_snapshot is not None and specific_snapshot.snapshot_id == number


def test_time_travel_5_to_a_snapshot(history: Table) -> None:
    assert history.time_travel(snapshot_id=1234567890) is None
    number = history.snapshots()[0]["snapshot_id"]
    historical_data = history.time_travel(snapshot_id=number)
    assert historical_data.snapshot_id == number and historical_data.scan() == [EVENT_1]


def test_time_travel_6_to_a_time(path: str) -> None:
    event_schema = schema("event_id long!, event_type string!, value long!")
    table = create_table(path, event_schema)
    before_time_ms = int(time.time() * 1000)
    wait_for_next_ms(before_time_ms)
    changes: Rows = [{"event_id": 3, "event_type": "update", "value": 100}]
    table.append_records(records=changes, schema=event_schema)
    assert table.time_travel(timestamp=before_time_ms) is None and left(path) == changes


def test_time_travel_7_there_and_back(path: str) -> None:
    demo_schema = schema("event string!, value long!")
    historical_table = create_table(path, demo_schema)
    initial_data: Rows = [{"event": "start", "value": 100}]
    historical_table.append_records(records=initial_data, schema=demo_schema)
    initial_time = int(time.time() * 1000)
    wait_for_next_ms(initial_time)
    update_data: Rows = [{"event": "update", "value": 200}]
    historical_table.append_records(records=update_data, schema=demo_schema)
    initial_state = historical_table.time_travel(timestamp=initial_time)
    current_state = historical_table.time_travel()
    assert initial_state.scan() == initial_data
    assert current_state.scan() == left(path) == initial_data + update_data
    assert initial_state.snapshot_id != current_state.snapshot_id


def test_time_travel_8_the_log(history: Table) -> None:
    log = history.metadata_manager.get_snapshot_history()
    found = [(entry.snapshot_id, entry.timestamp_ms) for entry in log]
    assert found == [(s["snapshot_id"], s["timestamp_ms"]) for s in history.snapshots()]


def test_time_travel_9_expiry_by_age(history: Table) -> None:
    with history.new_transaction() as tx:
        one_week_ms = 7 * 24 * 60 * 60 * 1000
        tx.expire_snapshots(older_than_ms=one_week_ms)
        tx.commit()
    assert len(history.snapshots()) == 2  # Both are younger.
    time.sleep(0.002)  # Older than 1 ms, which is what the next call asks for.
    with history.new_transaction() as tx:
        tx.expire_snapshots(older_than_ms=1)
        tx.commit()
    assert len(load_table(history.table_path).snapshots()) == 1
    assert left(history.table_path) == [EVENT_1, EVENT_2]


def test_time_travel_10_back_to_what_was_good(path: str) -> None:
    user_schema = schema("user_id long!, username string!, status string!")
    table = create_table(path, user_schema)
    good_data: Rows = [{"user_id": 1, "username": "alice", "status": "active"}]
    table.append_records(records=good_data, schema=user_schema)
    good_snapshot = table.current_snapshot()
    assert good_snapshot is not None
    table.append_records([{"user_id": 1, "username": "?", "status": "?"}])
    recovered_data = table.time_travel(snapshot_id=good_snapshot.snapshot_id)
    assert recovered_data.scan() == good_data and len(left(path)) == 2


def test_time_travel_11_an_analysis_that_can_be_repeated(path: str) -> None:
    training_schema = schema("sample_id long!, feature_1 double!, feature_2 double!, label long!")
    table = create_table(path, training_schema)
    training_data: Rows = [
        {"sample_id": 1, "feature_1": 0.5, "feature_2": 0.8, "label": 1},
        {"sample_id": 2, "feature_1": 0.3, "feature_2": 0.6, "label": 0},
    ]
    table.append_records(records=training_data, schema=training_schema)
    analysis_timestamp = int(time.time() * 1000)
    historical_analysis_data = table.time_travel(timestamp=analysis_timestamp)
    wait_for_next_ms(analysis_timestamp)
    table.append_records(training_data)
    assert historical_analysis_data.scan() == training_data and len(left(path)) == 4
    assert table.time_travel(timestamp=analysis_timestamp).scan() == training_data


def test_time_travel_12_an_audit_log(path: str) -> None:
    audit_schema = schema("audit_id long!, operation string!, user string!, timestamp long!")
    table = create_table(path, audit_schema)
    first = {"audit_id": 1, "operation": "INSERT", "user": "admin", "timestamp": 1700000000000}
    second = {"audit_id": 2, "operation": "UPDATE", "user": "alice", "timestamp": 1700000100000}
    table.append_records(records=[first, second], schema=audit_schema)
    assert [s["operation"] for s in table.snapshots()] == ["append"]
    assert left(path) == [first, second]


def test_time_travel_13_two_tables(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    orders_schema = schema("order_id long!, customer_id long!, amount double!")
    customers_schema = schema("customer_id long!, name string!")
    table1 = create_table(str(tmp_path / "orders"), orders_schema)
    table2 = create_table(str(tmp_path / "customers"), customers_schema)
    order = {"order_id": 1, "customer_id": 100, "amount": 99.99}
    customer = {"customer_id": 100, "name": "Alice"}
    table1.append_records(records=[order], schema=orders_schema)
    table2.append_records(records=[customer], schema=customers_schema)
    ref_snapshot = table1.current_snapshot()
    assert ref_snapshot is not None
    table1_data = table1.time_travel(snapshot_id=ref_snapshot.snapshot_id)
    assert table1_data.scan() == left(table1.table_path) == [order] and not caplog.records
    assert table2.time_travel(snapshot_id=ref_snapshot.snapshot_id) is None
    assert "has no snapshot" in caplog.text and left(table2.table_path) == [customer]


def test_time_travel_14_from_the_first_to_the_last_step(path: str) -> None:
    workflow_schema = schema("step_id long!, step_name string!, status string!, timestamp long!")
    table = create_table(path, workflow_schema)
    numbers = []
    for number, name in enumerate(["init", "process"], 1):
        step = {"step_id": number, "step_name": name, "status": "completed"}
        table.append_records(
            records=[{**step, "timestamp": int(time.time() * 1000)}], schema=workflow_schema
        )
        snapshot = table.current_snapshot()
        assert snapshot is not None
        numbers.append(snapshot.snapshot_id)
    historical = table.time_travel(snapshot_id=numbers[0])
    assert [row["step_name"] for row in historical.scan()] == ["init"]
    assert [s["snapshot_id"] for s in table.snapshots()] == numbers
    assert [row["step_name"] for row in left(path)] == ["init", "process"]
    shutil.rmtree(path)
    with pytest.raises(ValueError, match="No Iceberg table found"):
        load_table(path)


def test_time_travel11_1_every_read_takes_a_snapshot(path: str) -> None:
    given = schema("id long!, status string!")
    table = create_table(path, given)
    then: Rows = [{"id": 1, "status": "failed"}, {"id": 2, "status": "ok"}]
    table.append_records(then, given)
    table.append_records([{"id": 3, "status": "failed"}], given)
    as_of = table.snapshots()[0]["snapshot_id"]
    assert table.scan(snapshot_id=as_of) == then and len(left(path)) == 3
    assert table.row_count(snapshot_id=as_of) == 2
    assert [r for b in table.scan_batches(snapshot_id=as_of) for r in b] == then
    with pytest.raises(ValueError):
        table.scan(snapshot_id=1)
    pytest.importorskip("pandas")
    df = table.to_pandas(snapshot_id=as_of, filter={"status": "failed"})
    assert df.to_dict("records") == then[:1]
