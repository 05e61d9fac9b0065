"""Names and signatures of DataShard, as facts."""

from __future__ import annotations

import inspect

import pytest

import datashard
from datashard import data_structures, filters

# As DataShard 0.7.2 has them: parameters, in order, without self.
SIGNATURES = {
    "create_table": ["table_path", "schema", "partition_spec"],
    "load_table": ["table_path"],
    "parse_filter_dict": ["filter_dict"],
    "Table": ["table_path", "create_if_not_exists", "schema", "partition_spec"],
    "Table.new_transaction": [],
    "Table.append_records": ["records", "schema", "partition_values"],
    "Table.append_pandas": ["df", "schema"],
    "Table.append_data": ["files"],
    "Table.refresh": [],
    "Table.garbage_collect": ["grace_period_ms"],
    "Table.current_snapshot": [],
    "Table.snapshot_by_id": ["snapshot_id"],
    "Table.snapshots": [],
    "Table.time_travel": ["snapshot_id", "timestamp"],
    "Table.row_count": [],
    "Table.scan": ["columns", "filter", "parallel", "verify_checksums"],
    "Table.to_pandas": ["columns", "filter", "parallel", "verify_checksums"],
    "Table.scan_batches": ["batch_size", "columns", "filter", "verify_checksums"],
    "Table.iter_records": ["columns", "filter", "verify_checksums"],
    "Table.iter_pandas": ["chunksize", "columns", "filter", "verify_checksums"],
    "Transaction": ["metadata_manager", "snapshot_manager", "file_manager"],
    "Transaction.begin": [],
    "Transaction.is_active": [],
    "Transaction.append_data": ["records", "schema", "partition_values"],
    "Transaction.append_pandas": ["df", "schema"],
    "Transaction.append_files": ["files"],
    "Transaction.delete_files": ["file_paths"],
    "Transaction.expire_snapshots": ["older_than_ms"],
    "Transaction.overwrite_by_filter": ["filter_func"],
    "Transaction.commit": [],
    "Transaction.rollback": [],
    "Schema": ["schema_id", "fields", "schema_string"],
    "PartitionField": ["source_id", "field_id", "name", "transform"],
    "PartitionSpec": ["spec_id", "fields"],
    "SortField": ["source_id", "field_id", "transform", "direction"],
    "SortOrder": ["order_id", "fields"],
    "HistoryEntry": ["timestamp_ms", "snapshot_id"],
    "FilterExpression": ["column", "op", "value"],
}


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_parameters_come_in_the_known_order(name: str) -> None:
    owner: object = datashard
    for part in name.split("."):
        owner = getattr(owner, part)
    assert callable(owner)
    found = [p for p in inspect.signature(owner).parameters if p != "self"]
    wanted = SIGNATURES[name]
    assert found[: len(wanted)] == wanted
    for extra in list(inspect.signature(owner).parameters.values())[-1:]:
        if extra.name not in wanted and extra.name != "self":
            assert extra.default is not inspect.Parameter.empty


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
