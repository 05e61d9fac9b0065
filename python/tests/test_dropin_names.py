"""Names and signatures of DataShard, as facts."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from original_names import Fact, find, gap, known

import datashard
from datashard import data_structures, filters

# What differs on purpose or is not there: NAME | REASON.
LISTED = dict(
    line.split(" | ", 1)
    for line in Path(__file__).with_name("original_names.txt").read_text().splitlines()
    if line and not line.startswith("#")
)


NEWEST = "0.11.2"


def as_in_the_newest() -> set[str]:
    """The names of which the versions say different things, and which are here as the newest
    says, not as an older one does: the rule of original_names.txt."""
    versions = known()
    newest = versions.pop(NEWEST)
    return {
        name
        for facts in versions.values()
        for name, fact in facts.items()
        if gap(name, fact) and any(_is_so(fact, other, newest[other]) for other in _now(name, newest))
    }


def _is_so(old: Fact, name: str, new: Fact) -> bool:
    return old != new and not gap(name, new)


def _now(name: str, newest: dict[str, Fact]) -> list[str]:
    """Where the newest version defines what has that name in an older one."""
    if name in newest:
        return [name]
    plain = name.rpartition(".")[2]
    moved = [other for other in newest if other.rpartition(".")[2] == plain]
    return [other for other in moved if find(other) is find(name)]


def test_every_public_name_is_here_or_listed_with_a_reason() -> None:
    pytest.importorskip("pyarrow")
    missing: dict[str, str] = {}
    counts = [0, 0]
    otherwise = as_in_the_newest()
    for version, facts in known().items():
        gaps = {name: why for name, fact in facts.items() if (why := gap(name, fact))}
        if version != NEWEST:
            gaps = {name: why for name, why in gaps.items() if name not in otherwise}
        print(f"names of {version}: {len(facts) - len(gaps)} of {len(facts)}")
        counts[0] += len(facts) - len(gaps)
        counts[1] += len(facts)
        missing.update(gaps)
    for name, why in sorted(missing.items()):
        print(f"not there: {name}: {why}: {LISTED.get(name, 'no reason is known')}")
    print(f"{len(otherwise)} names of which the versions disagree: ours is {NEWEST}'s")
    print(f"dropin_names={counts[0]}/{counts[1]}")
    assert sorted(missing.keys() - LISTED.keys()) == []
    assert sorted(LISTED.keys() - missing.keys()) == []


def test_only_what_the_newest_says_otherwise_is_excused(monkeypatch: pytest.MonkeyPatch) -> None:
    excused = as_in_the_newest()
    name, now = "datashard.storage_backend.S3StorageBackend", "datashard.s3_backend.S3StorageBackend"
    assert name in excused and "datashard.Table" not in excused
    older, newest = known()["0.7.2"][name], known()["0.11.2"][now]
    assert older.parameters != newest.parameters
    # Of what both say, or where it is as neither says, nothing is excused.
    for told in (older, newest._replace(parameters=["self", "there"])):
        facts = known()
        facts["0.11.2"][now] = told
        monkeypatch.setitem(globals(), "known", lambda facts=facts: dict(facts))
        assert name not in as_in_the_newest()


def test_a_gap_is_seen() -> None:
    facts = known()["0.11.2"]
    scan = facts["datashard.table.Table.row_count"]
    assert gap("datashard.table.Table.row_count", scan) == ""
    assert gap("datashard.table.Table.row_counts", scan) == "absent"
    assert gap("datashard.no_module", Fact("module")) == "absent"
    grown = scan._replace(parameters=["self", "snapshot_id=1"])
    assert gap("datashard.table.Table.row_count", grown) == "snapshot_id is None by default, not 1"
    moved = scan._replace(parameters=["self", "a", "snapshot_id=None"])
    assert gap("datashard.table.Table.row_count", moved) == "no parameter a"
    assert "datashard.Table" in facts and "datashard.table.Table.table_path" in facts


def test_defaults_are_the_known_ones() -> None:
    def default(function: object, name: str) -> object:
        assert callable(function)
        return inspect.signature(function).parameters[name].default

    assert default(datashard.Table.garbage_collect, "grace_period_ms") == 3600000
    assert default(datashard.Table.scan, "parallel") is False
    assert default(datashard.Table.scan, "verify_checksums") is None
    assert default(datashard.Table.scan_batches, "batch_size") == 10000
    assert default(datashard.Table.iter_pandas, "chunksize") == 50000


def test_enums_have_the_known_values() -> None:
    assert [f.value for f in data_structures.FileFormat] == ["parquet", "avro", "orc"]
    assert [c.value for c in data_structures.ManifestContent] == [0, 1]
    assert {o.name: o.value for o in filters.FilterOp} == {
        "EQ": "==",
        "NE": "!=",
        "LT": "<",
        "LE": "<=",
        "GT": ">",
        "GE": ">=",
        "IN": "in",
        "NOT_IN": "not_in",
        "IS_NULL": "is_null",
        "IS_NOT_NULL": "is_not_null",
    }
    assert not hasattr(filters, "to_pyarrow_filter")


def test_schemas_are_checked_when_made() -> None:
    field = {"id": 1, "name": "a", "type": "long"}
    for key in field:
        broken = {k: v for k, v in field.items() if k != key}
        with pytest.raises(ValueError, match=f"Field missing required property '{key}'"):
            datashard.Schema(1, [broken])
    with pytest.raises(ValueError, match="Unknown field type 'super_int'"):
        datashard.Schema(1, [{**field, "type": "super_int"}])
    with pytest.raises(ValueError, match="duplicate field id 1"):
        datashard.Schema(1, [field, {**field, "name": "b"}])
    with pytest.raises(ValueError, match="duplicate field name 'a'"):
        datashard.Schema(1, [field, {**field, "id": 2}])


def test_filters_are_parsed_as_known() -> None:
    parse = datashard.parse_filter_dict
    expression, op = datashard.FilterExpression, datashard.FilterOp
    assert parse({"a": 1}) == [expression("a", op.EQ, 1)]
    assert parse({"a": ("NOT IN", (1, 2))}) == [expression("a", op.NOT_IN, [1, 2])]
    assert parse({"a": ["<", 5]}) == [expression("a", op.LT, 5)]
    assert parse({"a": ("between", (1, 2))}) == [
        expression("a", op.GE, 1),
        expression("a", op.LE, 2),
    ]
    with pytest.raises(ValueError, match="is_null"):
        parse({"a": None})
    with pytest.raises(ValueError, match="Unknown filter operator: 1"):
        parse({"a": (1, 2)})
    with pytest.raises(TypeError):
        parse({"a": ("between", 5)})
    with pytest.raises(ValueError):
        parse({"a": ("between", (1, 2, 3))})
    with pytest.raises(ValueError, match="equals a list"):
        parse({"a": [1, 2, 3]})
