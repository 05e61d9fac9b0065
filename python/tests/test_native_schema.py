"""Schemas, durations and moments: what people write, and what the library is given."""

from __future__ import annotations

import datetime as dt
import json
import pathlib
import re

import pytest

from datashard._catalog import library_uri
from datashard._errors import Invalid
from datashard._schema import listed, schema_arguments, schema_from_text, schema_text
from datashard._table import INGEST_PROPERTIES, table_properties
from datashard._units import duration_ms, moment_ms, size_text


def test_text_nests_and_ids_are_unique() -> None:
    schema = schema_from_text("a int not null, m map<string, list<struct<x: int, y: decimal(9, 2) not null>>>")
    fields = schema["fields"]
    assert [f["required"] for f in fields] == [True, False]
    point = fields[1]["type"]["value"]["element"]
    assert [f["name"] for f in point["fields"]] == ["x", "y"]
    assert point["fields"][1]["type"] == "decimal(9,2)"
    ids = re.findall(r'"(?:id|element-id|key-id|value-id)": (\d+)', json.dumps(schema))
    assert len(ids) == len(set(ids)) == 7


@pytest.mark.parametrize(
    ("words", "iceberg"),
    [("bigint", "long"), ("TEXT", "string"), ("float8", "double"), ("bytea", "binary"), ("fixed[4]", "fixed[4]")],
)
def test_names_of_other_systems(words: str, iceberg: str) -> None:
    assert schema_from_text(f"c {words}")["fields"][0]["type"] == iceberg


def test_a_colon_may_follow_a_name() -> None:
    words = 'id: long not null, a:b int, "c:" string, d : list<struct<x: int, y int>>'
    assert [f["name"] for f in schema_from_text(words)["fields"]] == ["id", "a:b", "c:", "d"]
    assert schema_from_text(words) == schema_from_text(schema_text(schema_from_text(words)))


@pytest.mark.parametrize("bad", ["", "a", "a int b long", "a list<int", "a map<string>", "a int,, b int", "a <int>"])
def test_malformed_text_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="schema"):
        schema_from_text(bad)


def test_deep_nesting_is_refused_not_overflowed() -> None:
    with pytest.raises(Invalid, match="deeper"):
        schema_from_text("a " + "list<" * 5000 + "int" + ">" * 5000)


def test_words_come_back() -> None:
    text = 'id long not null, "a b" string, s struct<x: int not null, l: list<string not null>>'
    assert schema_text(schema_from_text(text)) == text


def test_dicts_of_columns() -> None:
    made = json.loads(schema_arguments({"id": "long not null", "at": dt.datetime, "p": {"x": int}})["schema_json"])
    assert made == schema_from_text("id long not null, at timestamptz, p struct<x: long>")
    with pytest.raises(TypeError, match="'id'"):
        schema_arguments({"id": 7})
    with pytest.raises(TypeError):
        schema_arguments(42)


def test_iceberg_json_goes_through() -> None:
    schema = schema_from_text("id long")
    assert json.loads(schema_arguments(schema)["schema_json"]) == schema
    assert json.loads(schema_arguments(json.dumps(schema))["schema_json"]) == schema


def test_lists_of_terms() -> None:
    assert listed(["day(ts)", "level"]) == "day(ts), level"
    assert listed("day(ts)") == "day(ts)"
    assert listed([]) is None and listed(None) is None


def test_durations() -> None:
    assert duration_ms("100ms") == 100
    assert duration_ms(0.1) == 100
    assert duration_ms(dt.timedelta(minutes=2)) == 120_000
    for bad in ("100", "-1s", "ms", "1 week", -1, float("nan"), float("inf")):
        with pytest.raises(ValueError):
            duration_ms(bad)
    with pytest.raises(TypeError):
        duration_ms(True)


def test_moments() -> None:
    expected = 1_795_168_800_000
    zone = dt.timezone(dt.timedelta(hours=2))
    assert moment_ms("2026-11-20T10:00Z") == expected
    assert moment_ms("2026-11-20 10:00:00.1234567") == expected + 123
    assert moment_ms("2026-11-20T12:00:00+02:00") == expected
    assert moment_ms(dt.datetime(2026, 11, 20, 12, tzinfo=zone)) == expected
    assert moment_ms(dt.date(2026, 11, 20)) == expected - 10 * 3_600_000
    assert abs(moment_ms("-1h") - (dt.datetime.now().timestamp() - 3600) * 1000) < 60_000
    for bad in ("yesterday", "", "1960-01-01"):
        with pytest.raises(ValueError, match="as_of"):
            moment_ms(bad)
    with pytest.raises(TypeError, match="snapshot_id"):
        moment_ms(1234)  # type: ignore[arg-type]


def test_uris_as_sqlalchemy_spells_them() -> None:
    assert library_uri("sqlite:///a/b.db") == "sqlite:a/b.db"
    assert library_uri("sqlite:////a/b.db") == "sqlite:/a/b.db"
    assert library_uri("sqlite://///a/b.db") == "sqlite:/a/b.db"  # Four, and a path's own.
    assert library_uri("sqlite:a.db") == "sqlite:a.db"
    assert library_uri("sqlite://") == "memory:"
    for bad in ("sqlite://host/a.db", "sqlite:", "sqlite:///", "catalog.db", "./warehouse", "http://x", ""):
        with pytest.raises(ValueError):
            library_uri(bad)


def test_ingest_is_what_the_program_sets() -> None:
    source = pathlib.Path(__file__).resolve().parents[2] / "cli" / "cmd_create.c"
    if not source.exists():
        pytest.skip("the program's source is not here")
    block = source.read_text().split("ingest_properties[] = {")[1].split("};")[0]
    assert dict(re.findall(r'\{"([^"]+)", "([^"]+)"\}', block)) == dict(INGEST_PROPERTIES)
    assert table_properties({"datashard.expire-batch": "8"}, True)["datashard.expire-batch"] == "8"
    assert table_properties(None, False) == {}


def test_sizes() -> None:
    assert [size_text(n) for n in (0, 1023, 1024, 3 * 2**30)] == ["0 B", "1023 B", "1.0 KiB", "3.0 GiB"]
