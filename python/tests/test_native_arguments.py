"""Arguments that are not what a call takes: each is named, and nothing happens."""

from __future__ import annotations

import asyncio
import copy
import os
import pathlib
import pickle
import uuid
from collections.abc import Callable
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute
import pytest

from datashard import Catalog, IcebergTable, Invalid



@pytest.fixture
def table() -> IcebergTable:
    t = Catalog("memory:").create_table("a.t", "id int, at timestamptz, message string")
    t.append([{"id": 1, "message": "one"}])
    return t.refresh()


@pytest.mark.parametrize(
    "where", [pa.compute.field("id") == 1, pl.col("id") == 1, {"id": 1}, [("id", "=", 1)], 5, b"id = 1"]
)
def test_conditions_are_text(table: IcebergTable, where: Any) -> None:
    with pytest.raises(TypeError, match="where: SQL's text"):
        table.scan(where)
    with pytest.raises(Invalid, match="NUL character"):
        table.scan("message = 'a\0b'")


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"limit": 2**70}, Invalid, "limit: .* out of range"),
        ({"limit": 1.0}, TypeError, "limit: a whole number, not float"),
        ({"limit": -1}, Invalid, "limit: -1"),
        ({"snapshot_id": 2**70}, Invalid, "snapshot_id: .* out of range"),
        ({"snapshot_id": "5"}, TypeError, "snapshot_id: a whole number, not str"),
        ({"ref": 5}, TypeError, "ref: the name"),
        ({"as_of": pd.NaT}, Invalid, "as_of: NaT is no time"),
        ({"columns": []}, Invalid, "columns: an empty list; None is for all"),
    ],
)
def test_what_says_what_to_read(
    table: IcebergTable, arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        table.scan(**arguments)


def test_one_path_is_no_list_of_paths(table: IcebergTable) -> None:
    for path in ("one.parquet", pathlib.Path("one.parquet")):
        transaction = table.transaction()
        calls: list[Callable[[Any], object]] = [transaction.delete_files, transaction.add_files]
        for call in calls:
            with pytest.raises(TypeError, match="paths: a list of them, not one"):
                call(path)


def test_names_that_are_nearly_right(table: IcebergTable) -> None:
    for data in (pa.table({"mesage": ["x"]}), pl.DataFrame({"mesage": ["x"]})):
        with pytest.raises(Invalid, match="no such column; did you mean message"):
            table.append(data)
    with pytest.raises(Invalid, match="no column mesage; did you mean message"):
        table.scan(columns=["mesage"]).to_pylist()
    with pytest.raises(Invalid, match="no column host; the columns are id, at, message"):
        table.scan(columns=["host"]).to_pylist()


def test_types_are_told_in_pyarrows_words(table: IcebergTable) -> None:
    with pytest.raises(Invalid, match="column id: int64 does not fit the table's int; cast it"):
        table.append(pa.table({"id": [1]}))
    naive = pa.table({"at": pa.array([1], pa.timestamp("us"))})
    with pytest.raises(Invalid, match=r"timestamp\[us\] does not fit the table's timestamptz"):
        table.append(naive)


@pytest.mark.parametrize("schema", ["id lnog", "id long, id int", "id long, ID int"])
def test_a_schema_that_is_wrong_is_no_damage(schema: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(Invalid):
        Catalog("memory:").create_table("a.t", schema)
    with pytest.raises(Invalid):
        IcebergTable.create(tmp_path / "t", schema)
    assert not (tmp_path / "t").exists()


def test_an_identity_is_a_uuid_of_any_kind(table: IcebergTable) -> None:
    mine = uuid.uuid4()
    for identity in (mine, str(mine), mine):
        table.append({"id": 2}, identity=identity)
    with table.transaction(identity=mine) as tx:
        tx.append({"id": 2})

    async def again() -> None:
        assert (await table.append_async({"id": 2}, identity=mine)).identity == str(mine)

    asyncio.run(again())
    assert table.refresh().count("id = 2") == 1
    assert table.resolve(mine).committed and table.resolve(str(mine)).committed


def test_asyncios_calls_say_that_there_is_no_loop(table: IcebergTable, recwarn: Any) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        table.append_async({"id": 3})
    assert not recwarn.list and table.refresh().count() == 1


def test_a_scan_stays_in_its_process(table: IcebergTable) -> None:
    for call in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="pickle its table"):
            call(table.scan("id = 1"))


def test_an_appender_of_the_parent_can_be_shown(table: IcebergTable) -> None:
    with table.appender() as appender:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(write, repr(appender).encode())
            os._exit(0)
        os.close(write)
        os.waitpid(pid, 0)
        assert os.read(read, 500).startswith(b"<Appender: the appender is of the parent process")
        os.close(read)
