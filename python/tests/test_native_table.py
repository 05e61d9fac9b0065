"""Tables, scans and transactions through the Arrow-native API, read back by fresh handles."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import pathlib
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from datashard import _errors as errors
from datashard._native import Catalog, CommitResult, IcebergTable

TEXT = "id long not null, msg string"
ROWS = [{"id": 1, "msg": "one"}, {"id": 2, "msg": None}, {"id": 3, "msg": "three"}]


@pytest.fixture
def place(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "t")


@pytest.fixture
def table(place: str) -> IcebergTable:
    return IcebergTable.create(place, TEXT)


def rows_of(place: str) -> list[dict[str, Any]]:
    return sorted(IcebergTable.open(place).scan().to_pylist(), key=lambda row: row["id"])


def inputs(kind: str) -> Any:
    if kind == "dicts":
        return ROWS
    if kind == "tuple":
        return tuple(ROWS)
    if kind == "generator":
        return (row for row in ROWS)
    if kind == "scan":
        other = Catalog("memory:").create_table("a.b", TEXT)
        other.append(ROWS)
        return other.scan()
    pa = pytest.importorskip("pyarrow")
    arrow = pa.Table.from_pylist(ROWS, schema=pa.schema([pa.field("id", pa.int64(), False), ("msg", pa.string())]))
    if kind == "pyarrow":
        return arrow
    if kind == "reader":
        return arrow.to_reader()
    if kind == "batches":
        return iter(arrow.to_batches(max_chunksize=1))
    if kind == "list of batches":
        return arrow.to_batches(max_chunksize=2)
    if kind == "tables":
        return iter([arrow.slice(0, 2), arrow.slice(2)])
    if kind == "pandas":
        return pytest.importorskip("pandas").DataFrame(ROWS, index=[7, 8, 9])
    if kind in ("polars", "lazy"):
        frame = pytest.importorskip("polars").DataFrame(ROWS)
        return frame.lazy() if kind == "lazy" else frame
    return pytest.importorskip("duckdb").from_arrow(arrow)


KINDS = ["dicts", "tuple", "generator", "scan", "pyarrow", "reader", "batches", "list of batches", "tables",
         "pandas", "polars", "lazy", "duckdb"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_append_takes(kind: str, table: IcebergTable, place: str) -> None:
    result = table.append(inputs(kind))
    assert isinstance(result, CommitResult) and result.committed and result.rows == 3
    assert rows_of(place) == ROWS
    assert len(IcebergTable.open(place).snapshots()) == 1


@pytest.mark.parametrize("kind", ["pyarrow", "batches", "pandas", "generator"])
def test_transaction_takes(kind: str, table: IcebergTable, place: str) -> None:
    with table.transaction() as tx:
        tx.append(inputs(kind))
        tx.append({"id": 4})
        tx.set_properties({"owner": "me"})
    assert tx.result is not None and tx.result.rows == 4
    fresh = IcebergTable.open(place)
    assert fresh.count() == 4 and fresh.properties["owner"] == "me" and len(fresh.snapshots()) == 1


@pytest.mark.parametrize("bad", [42, "text", b"bytes", None, [1, 2], object()])
def test_append_refuses(bad: object, table: IcebergTable, place: str) -> None:
    with pytest.raises((TypeError, ValueError)):
        table.append(bad)
    assert rows_of(place) == []


def test_unknown_columns_and_missing_ones_are_refused(table: IcebergTable, place: str) -> None:
    with pytest.raises(ValueError, match="nope"):
        table.append([{"id": 1, "nope": 2}])
    with pytest.raises(ValueError):
        table.append([{"msg": "without id"}])
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="nope"):
        table.append(pandas.DataFrame({"id": [1], "nope": [2]}))
    assert rows_of(place) == []


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"id": "one"}, errors.InvalidType),
        ({"id": 2**63}, errors.Invalid),
        ({"msg": "no id"}, errors.Invalid),
        ({"id": 1, "other": 2}, errors.Invalid),
    ],
)
def test_a_row_that_does_not_fit_is_of_the_one_tree(
    row: dict[str, Any], kind: type[errors.Error], table: IcebergTable, place: str
) -> None:
    for call in (lambda: table.append([row]), lambda: table.append(iter([row]))):
        with pytest.raises(errors.Error) as raised:
            call()
        assert type(raised.value) is kind and isinstance(raised.value, ValueError)
        assert isinstance(raised.value, TypeError) == (kind is errors.InvalidType)
    with table.appender() as appender, pytest.raises(kind):
        appender.write(row)
    assert rows_of(place) == []


def test_an_iterator_that_fails_commits_nothing(table: IcebergTable, place: str) -> None:
    def broken() -> Iterator[dict[str, object]]:
        yield {"id": 1}
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        table.append(broken())
    assert rows_of(place) == []


def test_nothing_is_no_commit(table: IcebergTable) -> None:
    for empty in ([], iter([])):
        assert table.append(empty).snapshot_id is None
    assert table.snapshot_id is None


def test_a_block_that_fails_undoes(table: IcebergTable, place: str) -> None:
    with pytest.raises(KeyError), table.transaction() as tx:
        tx.append(ROWS)
        raise KeyError("x")
    assert tx.result is None and rows_of(place) == []
    with pytest.raises(ValueError, match="ended"):
        tx.append(ROWS)


def test_identity_commits_once(table: IcebergTable, place: str) -> None:
    identity = "0190a0b0-0000-7000-8000-000000000001"
    table.append(ROWS, identity=identity)
    IcebergTable.open(place).append(ROWS, identity=identity)
    assert rows_of(place) == ROWS
    assert IcebergTable.open(place).resolve(identity).committed


def test_scan_filters_projects_limits(table: IcebergTable) -> None:
    table.append(ROWS)
    scan = table.scan("id >= 2", ["msg"])
    assert scan.to_pylist() == scan.to_pylist() == [{"msg": None}, {"msg": "three"}]
    assert scan.schema.names == ["msg"] and scan.count() == 2
    assert scan.to_pydict() == {"msg": [None, "three"]}
    assert len(table.scan(limit=2).to_pylist()) == 2
    assert table.scan(limit=0).to_pylist() == [] and table.scan(limit=0).count() == 0
    assert sum(len(batch) for batch in table.scan()) == 3
    with pytest.raises(ValueError):
        table.scan("nope = 1").to_pylist()
    with pytest.raises(ValueError, match="only one"):
        table.scan(ref="main", snapshot_id=1)
    with pytest.raises(TypeError, match="list"):
        table.scan(columns="msg")


def test_scans_into_other_libraries(table: IcebergTable) -> None:
    pa = pytest.importorskip("pyarrow")
    table.append(ROWS)
    arrow = table.scan(ordered=True).to_arrow()
    assert arrow.to_pylist() == ROWS and pa.table(table).num_rows == 3
    assert pa.schema(table) == arrow.schema and pa.schema(table.scan(columns=["msg"])).names == ["msg"]
    assert table.scan(limit=0).to_arrow().schema.names == ["id", "msg"]
    assert table.scan().to_reader().read_all().num_rows == 3
    frame = table.scan(where="id = 3").to_pandas()
    assert frame.to_dict("records") == [{"id": 3, "msg": "three"}]
    polars = pytest.importorskip("polars")
    assert table.scan(columns=["id"]).to_polars()["id"].sort().to_list() == [1, 2, 3]
    assert polars.DataFrame(table).height == 3


def test_duckdb_reads_a_table_by_its_name(table: IcebergTable) -> None:
    duckdb = pytest.importorskip("duckdb")
    table.append(ROWS)
    t, s = table, table.scan(where="id > 1")
    for _ in range(2):
        assert duckdb.sql("select sum(id) from t").fetchall() == [(6,)]
        assert duckdb.sql("select count(*) from s").fetchall() == [(2,)]
    assert t is table and s is not None


def test_time_travel(table: IcebergTable, place: str) -> None:
    first = table.append(ROWS[:1]).snapshot_id
    table.append(ROWS[1:])
    assert table.count() == 3 and table.count(snapshot_id=first) == 1
    assert table.scan(ref="main").count() == 3
    made = table.snapshots()[0].timestamp
    assert made.tzinfo is not None and abs(made - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(minutes=5)
    later = made + dt.timedelta(days=1)
    assert table.count(as_of=later) == 3 and table.scan(as_of=later.isoformat()).count() == 3
    with pytest.raises(errors.Error):
        table.scan(as_of="2001-01-01").to_pylist()
    assert [h.snapshot_id for h in table.history()] == [s.snapshot_id for s in table.snapshots()]
    assert table.snapshots()[0].parent_id is None and table.snapshots()[1].parent_id == first
    assert [(r.name, r.is_tag) for r in table.refs()] == [("main", False)]
    assert sum(f.record_count for f in table.files()) == 3
    assert sum(f.record_count for f in table.files(snapshot_id=first)) == 1


def test_a_handle_shows_one_state_until_refreshed(table: IcebergTable, place: str) -> None:
    other = IcebergTable.open(place)
    table.append(ROWS)
    assert other.count() == 0 and other.refresh().count() == 3


def test_properties(table: IcebergTable, place: str) -> None:
    table.set_properties({"a": "1", "b": "2"})
    table.set_properties({"a": None})
    properties = IcebergTable.open(place).properties
    assert "a" not in properties and properties["b"] == "2"


def test_create_options(tmp_path: pathlib.Path) -> None:
    place = str(tmp_path / "events")
    IcebergTable.create(place, "ts timestamptz, n int", partition_by=["day(ts)"], ingest=True)
    fresh = IcebergTable.open(tmp_path / "events")
    assert fresh.properties["datashard.expire-on-commit"] == "true"
    fresh.append({"ts": dt.datetime(2026, 11, 20, 10, tzinfo=dt.timezone.utc), "n": 1})
    assert "2026-11-20" in fresh.files()[0].partition
    with pytest.raises(errors.AlreadyExists):
        IcebergTable.create(place, "n int")
    assert IcebergTable.create(place, "n int", if_not_exists=True).count() == 1
    with pytest.raises(FileNotFoundError):
        IcebergTable.open(tmp_path / "none")


@pytest.mark.parametrize("kind", ["pyarrow", "pandas", "polars", "dicts"])
def test_schema_taken_from_data(kind: str) -> None:
    data = inputs(kind)
    t = Catalog("memory:").create_table("a.t", data)
    t.append(data)
    assert t.schema.names == ["id", "msg"] and t.count() == 3


def test_schema_of_pyarrow_and_polars() -> None:
    pa = pytest.importorskip("pyarrow")
    cat = Catalog("memory:")
    assert cat.create_table("a.one", pa.schema([("x", pa.int32())])).schema.names == ["x"]
    assert cat.create_table("a.two", {"x": pa.int32(), "y": pa.string()}).schema.names == ["x", "y"]
    assert cat.create_table("a.three", cat.open_table("a.two")).schema.names == ["x", "y"]


def test_catalog(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Catalog("sqlite:///warehouse/catalog.db") as cat:
        t = cat.create_table(("logs", "events"), TEXT)
        t.append(ROWS)
        cat.create_namespace("empty", {"owner": "me"})
        assert cat.list_namespaces() == ["empty", "logs"] and cat.list_tables("logs") == ["logs.events"]
        assert cat.namespace_properties("empty")["owner"] == "me"
        cat.rename_table("logs.events", "logs.old")
    with pytest.raises(ValueError, match="closed"):
        cat.list_tables()
    assert (tmp_path / "warehouse" / "catalog.db").exists()
    again = Catalog(f"sqlite:///{tmp_path}/warehouse/catalog.db")
    assert again.table_exists("logs.old") and not again.table_exists("logs.events")
    assert again.load_table("logs.old").count() == 3
    again.drop_table("logs.old", purge=True)
    assert again.list_tables() == []
    with pytest.raises(errors.NotFound):
        again.open_table("logs.old")


def test_repr_shows_and_escapes(tmp_path: pathlib.Path) -> None:
    t = IcebergTable.create(tmp_path / "a<b>", '"<script>" long, msg string', properties={})
    assert "no snapshot" in repr(t) and "0 rows" in repr(t)
    t.append({"<script>": 1})
    assert str(t.snapshot_id) in repr(t) and "1 rows" in repr(t) and "msg string" in repr(t)
    html = t._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html and "a&lt;b&gt;" in html
    assert str(t.snapshot_id) in html
    assert "limit=3" in repr(t.scan(limit=3)) and "every row" in repr(t.scan())


def test_a_table_has_no_length(table: IcebergTable) -> None:
    assert bool(table)
    with pytest.raises(TypeError):
        len(table)  # type: ignore[arg-type]


def append_elsewhere(table: IcebergTable) -> None:
    table.append({"id": 9})


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_tables_go_to_other_processes(method: str, tmp_path: pathlib.Path) -> None:
    t = Catalog(f"sqlite:{tmp_path}/c.db").create_table("a.t", TEXT)
    t.append(ROWS)
    child = multiprocessing.get_context(method).Process(target=append_elsewhere, args=(t,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert t.refresh().count() == 4
    assert pickle.loads(pickle.dumps(t)).count() == 4


@pytest.mark.parametrize("place", ["t", "./t", ".//t", "../here/t", "sub/../t"])
def test_a_path_that_was_relative_is_whole_elsewhere(
    place: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    (here / "sub").mkdir(parents=True)
    monkeypatch.chdir(here)
    try:
        t = IcebergTable.create(place, TEXT)
    except errors.Invalid:
        assert place == "sub/../t"  # Only at the front.
        return
    monkeypatch.chdir("/")
    assert pickle.loads(pickle.dumps(t)).count() == 0
    child = multiprocessing.get_context("fork").Process(target=append_elsewhere, args=(t,))
    child.start()
    child.join(60)
    assert (child.exitcode, t.refresh().count()) == (0, 1)


def test_what_is_no_name_is_said() -> None:
    cat = Catalog("memory:")
    for wrong in (5, None, ("a", 5), b"a.t"):
        with pytest.raises(TypeError, match="a name is"):
            cat.load_table(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="URI"):
        Catalog(None)  # type: ignore[arg-type]


def test_tables_in_memory_stay() -> None:
    with pytest.raises(TypeError, match="memory"):
        pickle.dumps(Catalog("memory:").create_table("a.t", TEXT))
