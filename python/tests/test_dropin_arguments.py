"""DataShard's calls with unusual arguments: what DataShard 0.11.2 does, or a clear error."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import pathlib
import time
from typing import Any

import pandas as pd
import pytest

from datashard import Schema, Table, create_table, load_table

FIELDS = [("id", "long"), ("s", "string"), ("at", "timestamp"), ("b", "boolean"), ("u", "uuid")]


@pytest.fixture
def table(tmp_path: pathlib.Path) -> Table:
    fields = [{"id": i, "name": n, "type": t} for i, (n, t) in enumerate(FIELDS, 1)]
    made = create_table(tmp_path / "t", Schema(1, fields))
    made.append_records([{"id": i} for i in range(3)])
    return made


def test_no_columns(table: Table, tmp_path: pathlib.Path) -> None:
    assert table.scan(columns=[]) == [{}] * 3
    for filter, rows in ((None, 3), ({"id": (">", 0)}, 2)):
        frame = table.to_pandas(columns=[], filter=filter)
        assert len(frame) == rows and list(frame.columns) == []
        assert table.to_arrow(columns=[], filter=filter).shape == (rows, 0)
    empty = create_table(tmp_path / "empty", Schema(1, [{"id": 1, "name": "id", "type": "long"}]))
    assert len(empty.to_pandas(columns=[])) == 0 == empty.to_arrow(columns=[]).num_rows


@pytest.mark.parametrize("size", [0, -1])
def test_chunks_have_rows(table: Table, size: int) -> None:
    with pytest.raises(ValueError, match=f"chunksize must be at least 1, got {size}"):
        next(table.iter_pandas(chunksize=size))
    with pytest.raises(ValueError, match=f"batch_size must be at least 1, got {size}"):
        next(table.scan_batches(batch_size=size))


def test_parallel_is_a_number_or_not(table: Table) -> None:
    everything: list[Any] = [None, True, False, 0, 1, 4, -1]
    assert {len(table.scan(parallel=parallel)) for parallel in everything} == {3}


def test_times_to_look_back_to(table: Table) -> None:
    now: list[Any] = [time.time() * 1000 + 1000, int(time.time() * 1000) + 1000, dt.datetime.now() + dt.timedelta(1)]
    assert [table.row_count(as_of=moment) for moment in now] == [3, 3, 3]
    with pytest.raises(TypeError, match="as_of: milliseconds since 1970 or a datetime, not str"):
        table.scan(as_of="2026-01-01")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "filter", [{"s": 1}, {"at": (">", 0)}, {"b": 1}, {"u": 5}, {"s": ("in", [1.5])}, {"b": ("<", 0.5)}]
)
def test_numbers_do_not_compare_with_other_columns(table: Table, filter: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"A column of type \w+ does not compare with [\d.]+$"):
        table.scan(filter=filter)
    assert table.scan(filter={"b": True}) == [] and len(table.scan(filter={"id": True})) == 1


def test_what_is_taken_for_something_else(table: Table, tmp_path: pathlib.Path) -> None:
    row: Any = {"id": 5}
    with pytest.raises(TypeError, match="DataFile objects, not dict; records go to Table.append_records"):
        table.append_data([row])
    with pytest.raises(TypeError, match="DataFrame: append_pandas takes it"):
        table.append_records(pd.DataFrame([row]))
    transaction: Any = table.new_transaction().begin()
    for path in ("data/x.parquet", ["data/x.parquet"]):
        with pytest.raises(TypeError, match="DataFile objects, not str"):
            transaction.append_files(path)
    with pytest.raises(TypeError, match="a list of paths, not one text"):
        transaction.delete_files("data/x.parquet")
    assert transaction.rollback() and table.row_count() == 3
    assert create_table(tmp_path / "bare").append_records([]) is True


def test_the_variable_for_checks_is_named(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASHARD_VERIFY_CHECKSUMS", "maybe")
    with pytest.raises(ValueError, match="DATASHARD_VERIFY_CHECKSUMS='maybe'"):
        table.scan()


def test_a_query_warns_of_nothing(table: Table, recwarn: pytest.WarningsRecorder) -> None:
    pytest.importorskip("duckdb")
    assert table.sql("select count(*) as n from t").to_pylist() == [{"n": 3}]
    assert table.sql("set threads = 1").num_rows == 0
    assert not recwarn.list


def test_a_table_that_was_opened_before_adds_to_the_columns_of_now(tmp_path: pathlib.Path) -> None:
    def schema(*names: str) -> Schema:
        return Schema(1, [{"id": i, "name": n, "type": "long"} for i, n in enumerate(names, 1)])

    early = create_table(tmp_path / "t", schema("a"))
    early.append_records([{"a": 1}])
    load_table(tmp_path / "t").append_records([{"a": 2, "b": 2}], schema("a", "b"))
    early.append_records([{"a": 3}], schema("a"))
    with pytest.raises(ValueError, match="does not match"):
        early.append_records([{"a": 3, "c": 3}], schema("a", "c"))
    assert early.append_records([{"a": 4, "c": 4}], schema("a", "b", "c"))
    assert load_table(tmp_path / "t").scan()[3:] == [{"a": 4, "b": None, "c": 4}]


def test_decimals_compare_with_every_number(tmp_path: pathlib.Path) -> None:
    fields = [{"id": 1, "name": "d", "type": "decimal(9, 2)"}]
    table = create_table(tmp_path / "d", Schema(1, fields))
    half = decimal.Decimal("1.50")
    table.append_records([{"d": half}])
    for value in (half, 1.5, ("<", 2), (">", decimal.Decimal("1.499")), ("in", [half, 3]), "1.5"):
        assert table.scan(filter={"d": value}) == [{"d": half}]


def test_whole_numbers_of_other_columns_of_pandas(table: Table) -> None:
    table.append_pandas(pd.DataFrame({"id": [True, False]}))
    table.append_pandas(pd.DataFrame({"id": [7.0, None]}))
    table.append_pandas(pd.DataFrame({"id": pd.array([True, None], "boolean")}))
    assert [row["id"] for row in table.scan()][3:] == [1, 0, 7, None, 1, None]
    for wrong in (1.5, float("inf"), 1e300):
        with pytest.raises(ValueError):
            table.append_pandas(pd.DataFrame({"id": [wrong]}))


def test_a_spec_that_datashard_keeps_and_does_not_use(tmp_path: pathlib.Path) -> None:
    """DataShard 0.11.2 given a spec of number 1 writes no spec 0, which its manifests name."""
    fields = [{"id": 1, "name": "n", "type": "long"}]
    table = create_table(tmp_path / "t", Schema(1, fields))
    table.append_records([{"n": 1}])
    (path,) = (tmp_path / "t" / "metadata").glob("v2.metadata.json")
    metadata = json.loads(path.read_text())
    spec = {"spec-id": 1, "fields": [{"source-id": 1, "field-id": 1000, "name": "n", "transform": "identity"}]}
    metadata.update({"partition-specs": [spec], "default-spec-id": 0, "last-partition-id": 1000})
    path.write_text(json.dumps(metadata))
    again = load_table(tmp_path / "t")
    assert again.scan() == [{"n": 1}] and again.append_records([{"n": 2}])
    assert [row["n"] for row in load_table(tmp_path / "t").scan()] == [1, 2]
    assert [f.partition_values for f in again._get_all_data_files()] == [{}, {}]
