"""Avro container files, as manifests are: read whole, written whole.

Codecs: null and deflate. What breaks the format is a CorruptData. Memory is bounded by the
file: no length is believed before its bytes are there, and neither blocks that inflate
without end nor values that take no bytes are read on.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from typing import Any

from ._avro_values import from_logical, to_logical
from ._errors import CorruptData, Unsupported

__all__ = ["MAGIC", "read_container", "write_container"]

MAGIC = b"Obj\x01"
_BLOCK_RECORDS = 1000
_DEPTH_MAX = 64
# What a file may inflate to, beside this many times its own size.
_INFLATED_SPARE = 1 << 24
_INFLATED_TIMES = 100
# Values per byte: a union's null has a byte of its own, a named type none; and some more
# for small files.
_VALUES_TIMES = 8
_VALUES_SPARE = 1024
_PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}


class _Reader:
    """Bytes, taken from the front. `values_left` counts down what may still be made of them."""

    def __init__(self, data: bytes, logical: bool = True) -> None:
        self.data = data
        self.at = 0
        self.logical = logical
        self.values_left = _VALUES_TIMES * len(data) + _VALUES_SPARE

    def take(self, size: int) -> bytes:
        if size < 0 or size > len(self.data) - self.at:
            raise CorruptData("the Avro data end too early")
        out = self.data[self.at : self.at + size]
        self.at += size
        return out

    def long(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift > 63:
                raise CorruptData("an Avro number is too long")
        return (value >> 1) ^ -(value & 1)

    def blocks(self) -> int:
        count = self.long()
        if count < 0:
            self.long()
            count = -count
        if count > len(self.data):
            raise CorruptData("an Avro block is larger than its file")
        return count

    def count_value(self) -> None:
        self.values_left -= 1
        if self.values_left < 0:
            raise CorruptData("the Avro data have more values than bytes")


def _names(schema: Any, known: dict[str, Any]) -> None:
    """Notes the named types, so that later uses by name find them."""
    if isinstance(schema, list):
        for part in schema:
            _names(part, known)
    elif isinstance(schema, dict):
        if "name" in schema and schema.get("type") in ("record", "fixed", "enum"):
            known[str(schema["name"])] = schema
        for field in schema.get("fields", ()):
            _names(field["type"], known)
        for key in ("type", "items", "values"):
            if isinstance(schema.get(key), (dict, list)):
                _names(schema[key], known)


def _primitive(r: _Reader, kind: str) -> Any:
    if kind == "null":
        return None
    if kind == "boolean":
        return r.take(1) != b"\x00"
    if kind in ("int", "long"):
        return r.long()
    if kind == "float":
        return struct.unpack("<f", r.take(4))[0]
    if kind == "double":
        return struct.unpack("<d", r.take(8))[0]
    raw = r.take(r.long())
    return raw if kind == "bytes" else raw.decode("utf-8")


def _branch(r: _Reader, schemas: list[Any]) -> Any:
    index = r.long()
    if not 0 <= index < len(schemas):
        raise CorruptData("an Avro union or enumeration has no such branch")
    return schemas[index]


def _value(r: _Reader, schema: Any, known: dict[str, Any], depth: int = 0) -> Any:
    if depth > _DEPTH_MAX:
        raise CorruptData("an Avro schema is too deep")
    r.count_value()
    if isinstance(schema, str):
        if schema in _PRIMITIVES:
            return _primitive(r, schema)
        return _value(r, known[schema], known, depth + 1)
    if isinstance(schema, list):
        return _value(r, _branch(r, schema), known, depth + 1)
    kind = schema["type"]
    if kind == "record":
        return {f["name"]: _value(r, f["type"], known, depth + 1) for f in schema["fields"]}
    if kind == "array":
        items: list[Any] = []
        while count := r.blocks():
            items.extend(_value(r, schema["items"], known, depth + 1) for _ in range(count))
        return items
    if kind == "map":
        pairs: dict[str, Any] = {}
        while count := r.blocks():
            for _ in range(count):
                key = _primitive(r, "string")
                pairs[key] = _value(r, schema["values"], known, depth + 1)
        return pairs
    if kind == "fixed":
        raw = r.take(int(schema["size"]))
        return from_logical(schema, raw) if r.logical else raw
    if kind == "enum":
        return _branch(r, schema["symbols"])
    raw = _value(r, kind, known, depth + 1)
    return from_logical(schema, raw) if r.logical else raw


def _inflate(codec: str, block: bytes, at_most: int) -> bytes:
    if codec in ("", "null"):
        return block
    if codec != "deflate":
        raise Unsupported(f"the Avro codec {codec} is not supported here")
    engine = zlib.decompressobj(-15)
    out = engine.decompress(block, at_most)
    if engine.unconsumed_tail or not engine.eof:
        raise CorruptData("an Avro block does not decompress, or to too many bytes")
    return out


def read_container(
    data: bytes, logical: bool = True
) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """The records of a container file and its metadata; the whole file must be sound. With
    `logical` false values are as they are stored, days and not dates."""
    try:
        return _read(data, logical)
    except (
        KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, zlib.error,
    ) as cause:
        raise CorruptData(f"not an Avro file: {cause}") from cause


def _read(data: bytes, logical: bool) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    r = _Reader(data)
    if r.take(4) != MAGIC:
        raise CorruptData("not an Avro file: its first bytes are others")
    meta: dict[str, bytes] = _value(r, {"type": "map", "values": "bytes"}, {})
    sync = r.take(16)
    schema = json.loads(meta["avro.schema"])
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise CorruptData("an Avro file of no records")
    codec = meta.get("avro.codec", b"null").decode()
    known: dict[str, Any] = {}
    _names(schema, known)
    records: list[dict[str, Any]] = []
    inflated_left = _INFLATED_SPARE + _INFLATED_TIMES * len(data)
    while r.at < len(data):
        count = r.long()
        block = _Reader(_inflate(codec, r.take(r.long()), inflated_left + 1), logical)
        inflated_left -= len(block.data)
        if inflated_left < 0:
            raise CorruptData("an Avro file inflates to too many bytes")
        if count < 0 or count > len(block.data):
            raise CorruptData("an Avro block counts more records than it has bytes")
        records.extend(_value(block, schema, known) for _ in range(count))
        if block.at != len(block.data) or r.take(16) != sync:
            raise CorruptData("an Avro block does not end where it should")
    return records, meta


def _put_long(out: io.BytesIO, value: int) -> None:
    rest = (value << 1) ^ (value >> 63)
    while rest > 0x7F:
        out.write(bytes((rest & 0x7F | 0x80,)))
        rest >>= 7
    out.write(bytes((rest,)))


def _put_bytes(out: io.BytesIO, value: bytes) -> None:
    _put_long(out, len(value))
    out.write(value)


_BITS = {"int": 31, "long": 63}
_SHAPES = {"record": dict, "array": list, "map": dict}


def _put_primitive(out: io.BytesIO, kind: str, value: Any) -> None:
    if kind == "boolean" and isinstance(value, bool):
        out.write(b"\x01" if value else b"\x00")
    elif kind in _BITS and isinstance(value, int) and -1 << _BITS[kind] <= value < 1 << _BITS[kind]:
        _put_long(out, value)
    elif kind in ("float", "double") and isinstance(value, (int, float)):
        out.write(struct.pack("<f" if kind == "float" else "<d", value))
    elif kind == "string" and isinstance(value, str):
        _put_bytes(out, value.encode())
    elif kind == "bytes" and isinstance(value, (bytes, bytearray, memoryview)):
        _put_bytes(out, bytes(value))
    else:
        raise ValueError(f"{value!r} is no Avro {kind}")


def _put(out: io.BytesIO, schema: Any, value: Any) -> None:
    """Unions are of null and one type; of the rest what manifests need."""
    if isinstance(schema, list):
        fitting = [i for i, one in enumerate(schema) if (one == "null") == (value is None)]
        if len(fitting) != 1 or len(schema) > 2:
            raise ValueError(f"{value!r} is none of the Avro types {schema}")
        _put_long(out, fitting[0])
        if value is not None:
            _put(out, schema[fitting[0]], value)
        return
    if isinstance(schema, str):
        _put_primitive(out, schema, value)
        return
    kind = schema["type"]
    shape = _SHAPES.get(kind)
    if shape is not None and not isinstance(value, shape):
        raise ValueError(f"{value!r} is no Avro {kind}")
    if kind == "record":
        for field in schema["fields"]:
            try:
                _put(out, field["type"], value.get(field["name"]))
            except ValueError as cause:
                raise ValueError(f"{field['name']}: {cause}") from cause
    elif kind in ("array", "map"):
        if value:
            _put_long(out, len(value))
        for item in value:
            if kind == "map":
                _put_bytes(out, item.encode())
                _put(out, schema["values"], value[item])
            else:
                _put(out, schema["items"], item)
        _put_long(out, 0)
    elif kind == "fixed":
        if not isinstance(value, bytes) or len(value) != schema["size"]:
            raise ValueError(f"{value!r} is not {schema['size']} bytes")
        out.write(value)
    elif kind in _PRIMITIVES:
        _put_primitive(out, kind, to_logical(schema, value))
    else:
        raise ValueError(f"no such Avro type: {schema}")


def write_container(
    schema: dict[str, Any],
    records: list[dict[str, Any]],
    metadata: dict[str, str] | None = None,
    codec: str = "deflate",
) -> bytes:
    """A container file; `codec` is "deflate" or "null". ValueError, naming the field, for a
    value that is none of its type."""
    out, sync = io.BytesIO(), os.urandom(16)
    meta = {"avro.schema": json.dumps(schema), "avro.codec": codec, **(metadata or {})}
    out.write(MAGIC)
    _put(out, {"type": "map", "values": "string"}, meta)
    out.write(sync)
    for first in range(0, len(records), _BLOCK_RECORDS):
        block = records[first : first + _BLOCK_RECORDS]
        body = io.BytesIO()
        for record in block:
            _put(body, schema, record)
        _put_long(out, len(block))
        _put_bytes(out, _deflate(body.getvalue()) if codec == "deflate" else body.getvalue())
        out.write(sync)
    return out.getvalue()


def _deflate(block: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(block) + engine.flush()
