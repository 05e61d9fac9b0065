"""Avro container files, as Iceberg's manifests are: read whole, written whole.

Codecs: null and deflate. Bytes that break the format are a CorruptData.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from typing import Any

from ._errors import CorruptData, Unsupported

__all__ = ["read_container", "write_container"]

_BLOCK_RECORDS = 1000
_MAGIC = b"Obj\x01"
_FILE_MAX = 1 << 31
_PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

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
        for key in ("items", "values"):
            if key in schema:
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


def _value(r: _Reader, schema: Any, known: dict[str, Any], depth: int = 0) -> Any:
    if depth > 64:
        raise CorruptData("an Avro schema is too deep")
    if isinstance(schema, str):
        if schema in _PRIMITIVES:
            return _primitive(r, schema)
        return _value(r, known[schema], known, depth + 1)
    if isinstance(schema, list):
        index = r.long()
        if not 0 <= index < len(schema):
            raise CorruptData("an Avro union has no such branch")
        return _value(r, schema[index], known, depth + 1)
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
        return r.take(int(schema["size"]))
    if kind == "enum":
        return schema["symbols"][r.long()]
    return _value(r, kind, known, depth + 1)


def _inflate(codec: str, block: bytes) -> bytes:
    if codec in ("", "null"):
        return block
    if codec != "deflate":
        raise Unsupported(f"the Avro codec {codec} is not supported here")
    engine = zlib.decompressobj(-15)
    out = engine.decompress(block, _FILE_MAX)
    if engine.unconsumed_tail or not engine.eof:
        raise CorruptData("an Avro block does not decompress")
    return out


def read_container(data: bytes) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """The records of a container file and its metadata; the whole file must be sound."""
    try:
        return _read(data)
    except (KeyError, IndexError, TypeError, ValueError, RecursionError, zlib.error) as cause:
        raise CorruptData(f"not an Avro file: {cause}") from cause


def _read(data: bytes) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    r = _Reader(data)
    if r.take(4) != _MAGIC:
        raise CorruptData("not an Avro file: its first bytes are others")
    meta: dict[str, bytes] = _value(r, {"type": "map", "values": "bytes"}, {})
    sync = r.take(16)
    schema = json.loads(meta["avro.schema"])
    codec = meta.get("avro.codec", b"null").decode()
    known: dict[str, Any] = {}
    _names(schema, known)
    records: list[dict[str, Any]] = []
    while r.at < len(data):
        count = r.long()
        block = _Reader(_inflate(codec, r.take(r.long())))
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


def _put(out: io.BytesIO, schema: Any, value: Any) -> None:
    """Unions are ["null", type]; of the rest what manifests need."""
    if isinstance(schema, list):
        _put_long(out, 0 if value is None else 1)
        if value is not None:
            _put(out, schema[1], value)
    elif schema == "boolean":
        out.write(b"\x01" if value else b"\x00")
    elif schema in ("int", "long"):
        _put_long(out, value)
    elif schema == "string":
        _put_bytes(out, value.encode())
    elif schema == "bytes":
        _put_bytes(out, value)
    elif schema["type"] == "record":
        for field in schema["fields"]:
            _put(out, field["type"], value.get(field["name"]))
    elif schema["type"] in ("array", "map"):
        if value:
            _put_long(out, len(value))
        for item in value:
            if schema["type"] == "map":
                _put_bytes(out, item.encode())
                _put(out, schema["values"], value[item])
            else:
                _put(out, schema["items"], item)
        _put_long(out, 0)
    else:
        raise ValueError(f"no such Avro type: {schema}")


def write_container(
    schema: dict[str, Any], records: list[dict[str, Any]], metadata: dict[str, str] | None = None
) -> bytes:
    """A container file with deflated blocks."""
    out, sync = io.BytesIO(), os.urandom(16)
    meta = {"avro.schema": json.dumps(schema), "avro.codec": "deflate", **(metadata or {})}
    out.write(_MAGIC)
    _put(out, {"type": "map", "values": "string"}, meta)
    out.write(sync)
    for first in range(0, len(records), _BLOCK_RECORDS):
        block = records[first : first + _BLOCK_RECORDS]
        body = io.BytesIO()
        for record in block:
            _put(body, schema, record)
        engine = zlib.compressobj(wbits=-15)
        _put_long(out, len(block))
        _put_bytes(out, engine.compress(body.getvalue()) + engine.flush())
        out.write(sync)
    return out.getvalue()
