"""Schemas as people have them, and the form the library takes: Arrow's or Iceberg's JSON."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from . import _core
from ._errors import Invalid

__all__ = ["SchemaArguments", "listed", "schema_arguments", "schema_from_text", "schema_text"]

_DEPTH_MAX = 60

_ALIASES = {
    "bool": "boolean",
    "integer": "int",
    "int32": "int",
    "int4": "int",
    "bigint": "long",
    "int64": "long",
    "int8": "long",
    "real": "float",
    "float4": "float",
    "float32": "float",
    "float8": "double",
    "float64": "double",
    "str": "string",
    "text": "string",
    "varchar": "string",
    "bytes": "binary",
    "bytea": "binary",
    "blob": "binary",
    "timestamp_ntz": "timestamp",
    "timestamp_tz": "timestamptz",
}

_PYTHON_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "long",
    float: "double",
    str: "string",
    bytes: "binary",
    dt.datetime: "timestamptz",
    dt.date: "date",
    dt.time: "time",
    uuid.UUID: "uuid",
}

_TOKEN = re.compile(r'\s*("[^"]*"|`[^`]*`|[<>,:]|[^\s<>,:"`(\[]+(?:\s*[(\[][^)\]]*[)\]])?)')

# A name at the root of a text ends at white space alone, so "a:b int" is one.
_ROOT_NAME = re.compile(r'\s*("[^"]*"|`[^`]*`|[^\s,]+)')

Json = dict[str, Any]


class SchemaArguments(TypedDict, total=False):
    """One of the two, for create_table of the extension."""

    schema: object
    schema_json: str


class _Reader:
    """Reads "name type [not null], …"; ids are given in the order of reading."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.id = 0
        self.column = 0

    def fail(self, expected: str = "expected 'name type [not null], ...'") -> Invalid:
        near = self.text[self.at :].strip()[:60]
        return Invalid(f"schema: column {self.column} near {near!r}: {expected}")

    def next_id(self) -> int:
        self.id += 1
        return self.id

    def peek(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        return match[1] if match else ""

    def take(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        if not match:
            raise self.fail()
        self.at = match.end()
        return match[1]

    def take_if(self, *words: str) -> bool:
        start = self.at
        for word in words:
            if self.peek().lower() != word:
                self.at = start
                return False
            self.take()
        return True

    def name(self, depth: int) -> str:
        match = (_ROOT_NAME if depth == 0 else _TOKEN).match(self.text, self.at)
        if not match or match[1] in "<>,:":
            raise self.fail()
        self.at = match.end()
        name: str = match[1]
        if name[0] in "\"`":
            name = name[1:-1]
        elif depth == 0 and name[-1] == ":":  # "id: long", as in a struct.
            name = name[:-1]
        if not name:
            raise self.fail("a column needs a name")
        self.take_if(":")
        return name

    def required(self) -> bool:
        if self.take_if("not", "null"):
            return True
        self.take_if("null")
        return False

    def fields(self, end: str, depth: int) -> Json:
        fields: list[Json] = []
        while self.peek() != end:
            self.column += depth == 0
            field_id = self.next_id()
            name = self.name(depth)
            kind = self.type(depth + 1)
            fields.append({"id": field_id, "name": name, "required": self.required(), "type": kind})
            if not self.take_if(",") and self.peek() != end:
                raise self.fail()
        if not end and self.text[self.at :].strip():
            raise self.fail()
        return {"type": "struct", "fields": fields}

    def type(self, depth: int) -> str | Json:
        if depth > _DEPTH_MAX:
            raise self.fail(f"types nest deeper than {_DEPTH_MAX}")
        word = self.take()
        if word[0] in "<>,:\"`":
            raise self.fail("expected a type")
        word = re.sub(r"\s+", "", word.lower())
        if not self.take_if("<"):
            return _ALIASES.get(word, word)
        kind: Json
        if word == "struct":
            kind = self.fields(">", depth)
        elif word in ("list", "array"):
            element_id = self.next_id()
            element = self.type(depth + 1)
            kind = {"type": "list", "element-id": element_id, "element-required": self.required(), "element": element}
        elif word == "map":
            key_id, value_id = self.next_id(), self.next_id()
            key = self.type(depth + 1)
            self.take_if("not", "null")
            if not self.take_if(","):
                raise self.fail("a map has a key and a value")
            value = self.type(depth + 1)
            kind = {
                "type": "map",
                "key-id": key_id,
                "key": key,
                "value-id": value_id,
                "value-required": self.required(),
                "value": value,
            }
        else:
            raise self.fail(f"{word!r} has no parts; struct, list and map do")
        if not self.take_if(">"):
            raise self.fail("expected '>'")
        return kind


def schema_from_text(text: str) -> Json:
    """Columns in words as Iceberg's JSON; ValueError (Invalid) names the column.

    >>> schema_from_text("id long not null")["fields"]
    [{'id': 1, 'name': 'id', 'required': True, 'type': 'long'}]

    Types are Iceberg's, SQL's usual names, and struct<name: type, …>, list<type> and
    map<key, value>. Names with blanks stand in double quotes.
    """
    schema = _Reader(text).fields("", 0)
    if not schema["fields"]:
        raise Invalid("schema: there are no columns in it")
    return schema


def _type_text(kind: object, name: str, depth: int = 0) -> str:
    """A value of a dict of columns as a type in words."""
    if depth > _DEPTH_MAX:
        raise Invalid(f"schema: column {name!r} nests deeper than {_DEPTH_MAX}")
    if isinstance(kind, str):
        return kind
    if isinstance(kind, type) and kind in _PYTHON_TYPES:
        return _PYTHON_TYPES[kind]
    if isinstance(kind, Mapping):
        return f"struct<{_columns_text(kind, depth + 1)}>"
    if isinstance(kind, (list, tuple)) and len(kind) == 1:
        return f"list<{_type_text(kind[0], name, depth + 1)}>"
    raise TypeError(
        f"schema: the type of column {name!r} is text like 'long not null', a Python type,"
        f" [type] for a list or a dict for a struct, not {kind!r}"
    )


def _columns_text(columns: Mapping[Any, Any], depth: int = 0) -> str:
    parts = []
    for name, kind in columns.items():
        if not isinstance(name, str) or '"' in name:
            raise Invalid(f"schema: {name!r} is no name of a column")
        separator = ": " if depth > 0 else " "
        parts.append(f'"{name}"{separator}{_type_text(kind, name, depth)}')
    return ", ".join(parts)


def _from_mapping(schema: Mapping[Any, Any]) -> SchemaArguments:
    if schema.get("type") == "struct" and isinstance(schema.get("fields"), Sequence):
        return {"schema_json": json.dumps(dict(schema))}
    if schema and all(hasattr(kind, "__arrow_c_schema__") for kind in schema.values()):
        import pyarrow

        return {"schema": pyarrow.schema([(str(name), kind) for name, kind in schema.items()])}
    return {"schema_json": json.dumps(schema_from_text(_columns_text(schema)))}


def schema_arguments(schema: object) -> SchemaArguments:
    """Whatever says what columns a table has, as the extension takes it.

    Anything with __arrow_c_schema__ (a pyarrow or polars schema, a Scan, a table), data
    (their columns are taken), text, Iceberg's JSON as text or dict, or a dict of columns:

    >>> args = schema_arguments({"id": "long not null", "tags": [str]})
    >>> json.loads(args["schema_json"])["fields"][1]["type"]["element"]
    'string'
    """
    if isinstance(schema, str):
        if schema.lstrip().startswith("{"):
            return {"schema_json": schema}
        return {"schema_json": json.dumps(schema_from_text(schema))}
    if isinstance(schema, Mapping) and not hasattr(schema, "__arrow_c_schema__"):
        return _from_mapping(schema)
    if hasattr(schema, "collect_schema") and not hasattr(schema, "__arrow_c_stream__"):
        schema = schema.collect_schema()  # polars' LazyFrame.
    if type(schema).__module__.split(".")[0] == "pandas" and hasattr(schema, "columns"):
        import pyarrow

        return {"schema": pyarrow.Schema.from_pandas(schema, preserve_index=False)}
    if hasattr(schema, "__arrow_c_schema__"):
        return {"schema": schema}
    if hasattr(schema, "__arrow_c_stream__") or hasattr(schema, "__arrow_c_array__"):
        return {"schema": _core.stream_from(schema).schema}
    if type(schema).__module__.startswith("pyiceberg.") and hasattr(schema, "model_dump_json"):
        return {"schema_json": schema.model_dump_json()}
    if isinstance(schema, Sequence) and schema and all(isinstance(row, Mapping) for row in schema):
        return {"schema": _core.schema_from_rows(schema)}
    raise TypeError(
        "schema: an Arrow schema, text like 'id long not null, msg string', a dict of columns,"
        f" Iceberg's JSON, or rows to take the columns from; not {type(schema).__name__}"
    )


def listed(value: str | Sequence[str] | None) -> str | None:
    """A list of partition or sort terms as the text the library takes.

    >>> listed(["day(ts)", "bucket(16, id)"])
    'day(ts), bucket(16, id)'
    """
    if value is None or isinstance(value, str):
        return value or None
    return ", ".join(value) or None


def schema_text(schema: Mapping[str, Any]) -> str:
    """Iceberg's JSON of a schema in the words schema_from_text reads.

    >>> schema_text(schema_from_text("id long not null, t map<string, list<int>>"))
    'id long not null, t map<string, list<int>>'
    """
    return ", ".join(f"{_name_text(f['name'])} {field_type_text(f)}" for f in schema["fields"])


def _name_text(name: str) -> str:
    return name if re.fullmatch(r"[^\s,<>:\"`(\[]+", name) else f'"{name}"'


def field_type_text(field: Mapping[str, Any]) -> str:
    """The type of one field, with "not null" where it is required."""
    return _kind_text(field["type"]) + (" not null" if field.get("required") else "")


def _kind_text(kind: str | Mapping[str, Any]) -> str:
    if isinstance(kind, str):
        return kind
    if kind["type"] == "struct":
        return "struct<" + ", ".join(f"{_name_text(f['name'])}: {field_type_text(f)}" for f in kind["fields"]) + ">"
    if kind["type"] == "list":
        return f"list<{_kind_text(kind['element'])}{' not null' if kind.get('element-required') else ''}>"
    value = _kind_text(kind["value"]) + (" not null" if kind.get("value-required") else "")
    return f"map<{_kind_text(kind['key'])}, {value}>"
