"""Iceberg's partition transforms on Python values.

What the engine does when it writes, for programs that ask beforehand: the transform of a
value, the partition of a row, the directory of a file. Values are as `Table.scan` gives
them; None stays None.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from .data_structures import PartitionField, PartitionSpec, Schema, parse_decimal_type
from .uuid_columns import to_bytes

__all__ = [
    "BUCKET_RE",
    "SUPPORTED",
    "TEMPORAL",
    "TRUNCATE_RE",
    "UnsupportedTransform",
    "avro_type",
    "bucket_bytes",
    "canonical",
    "murmur3_32",
    "partition_avro_fields",
    "partition_groups",
    "partition_key",
    "partition_path",
    "path_segment",
    "result_type",
    "spec_field_types",
    "transform_function",
    "truncate_value",
]

BUCKET_RE = re.compile(r"^bucket\[(\d+)\]$")
TRUNCATE_RE = re.compile(r"^truncate\[(\d+)\]$")
TEMPORAL = ("year", "month", "day", "hour")
SUPPORTED = ("identity", *TEMPORAL, "bucket[N]", "truncate[W]")

# A partition field, and the type of its column.
TypedField = tuple[PartitionField, str]

_DAY0 = date(1970, 1, 1)
_TIME0 = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_TIMES = ("timestamp", "timestamptz")
_HASHED = ("int", "long", "date", "time", *_TIMES, "string", "binary", "uuid")
_CUT = ("int", "long", "string", "binary")


class UnsupportedTransform(ValueError):
    """There is no such transform, or none of that type."""


def _is_fixed(kind: str) -> bool:
    return kind.startswith("fixed")


def murmur3_32(data: bytes) -> int:
    """MurmurHash3, x86, 32 bits, seed 0; from 0 to 2**32 - 1."""

    def turned(value: int, bits: int) -> int:
        return ((value << bits) | (value >> (32 - bits))) & 0xFFFFFFFF

    def mixed(block: int) -> int:
        return turned(block * 0xCC9E2D51 & 0xFFFFFFFF, 15) * 0x1B873593 & 0xFFFFFFFF

    whole = len(data) & ~3
    state = 0
    for (block,) in struct.iter_unpack("<I", data[:whole]):
        state = (turned(state ^ mixed(block), 13) * 5 + 0xE6546B64) & 0xFFFFFFFF
    state ^= mixed(int.from_bytes(data[whole:], "little")) ^ len(data)
    for factor, shift in ((0x85EBCA6B, 16), (0xC2B2AE35, 13)):
        state = (state ^ (state >> shift)) * factor & 0xFFFFFFFF
    return state ^ (state >> 16)


def _micros(value: datetime) -> int:
    if value.tzinfo is not None:
        value = value.astimezone(timezone.utc).replace(tzinfo=None)
    return (value - _TIME0) // _MICROSECOND


def _micros_of_day(value: time) -> int:
    return (datetime.combine(_DAY0, value.replace(tzinfo=None)) - _TIME0) // _MICROSECOND


def _unscaled(value: Any) -> tuple[int, int]:
    """A decimal's digits as a whole number, and how many of them follow the point."""
    sign, digits, exponent = Decimal(value if isinstance(value, (int, Decimal)) else str(value)).as_tuple()
    if not isinstance(exponent, int):
        raise UnsupportedTransform(f"{value} is no number that has digits")
    number = int("".join(map(str, digits)) or "0") * 10 ** max(0, exponent)
    return (-number if sign else number), max(0, -exponent)


def bucket_bytes(value: Any, iceberg_type: str) -> bytes:
    """The bytes of a value that Iceberg hashes; UnsupportedTransform for other types."""
    if parse_decimal_type(iceberg_type) is not None:
        number = _unscaled(value)[0]
        bits = (number if number >= 0 else ~number).bit_length()
        return number.to_bytes(bits // 8 + 1, "big", signed=True)
    if iceberg_type not in _HASHED and not _is_fixed(iceberg_type):
        raise UnsupportedTransform(f"bucket[] is not defined for type {iceberg_type!r}")
    if iceberg_type == "string":
        return str(value).encode()
    if iceberg_type == "uuid":
        return to_bytes(value) or b""
    if iceberg_type == "binary" or _is_fixed(iceberg_type):
        return bytes(value)
    return struct.pack("<q", canonical(value, iceberg_type))


def truncate_value(value: Any, width: int, iceberg_type: str) -> Any:
    """A number rounded down to a multiple of `width`, decimals by their last digit; the
    first `width` characters or bytes of the others."""
    if value is None:
        return None
    if iceberg_type in ("int", "long"):
        return value // width * width
    if iceberg_type == "string":
        return str(value)[:width]
    if iceberg_type == "binary" or _is_fixed(iceberg_type):
        return bytes(value)[:width]
    if parse_decimal_type(iceberg_type) is None:
        raise UnsupportedTransform(f"truncate[] is not defined for type {iceberg_type!r}")
    number, scale = _unscaled(value)
    cut = number // width * width
    return Decimal((int(cut < 0), tuple(map(int, str(abs(cut)))), -scale))


def _months(value: date) -> int:
    return (value.year - 1970) * 12 + value.month - 1


def _days(value: date) -> int:
    if isinstance(value, datetime):
        return _micros(value) // (24 * 3_600_000_000)
    return (value - _DAY0).days


_TEMPORAL_FUNCTIONS: dict[str, Callable[[Any], int]] = {
    "year": lambda value: int(_utc(value).year - 1970),
    "month": lambda value: _months(_utc(value)),
    "day": _days,
    "hour": lambda value: _micros(value) // 3_600_000_000,
}


def _utc(value: Any) -> Any:
    zoned = isinstance(value, datetime) and value.tzinfo is not None
    return value.astimezone(timezone.utc) if zoned else value


def transform_function(transform: str, iceberg_type: str) -> Callable[[Any], Any]:
    """The transform of columns of that type; UnsupportedTransform where there is none."""
    bucket, truncate = BUCKET_RE.match(transform), TRUNCATE_RE.match(transform)
    if transform == "identity":
        if iceberg_type in ("float", "double"):
            raise UnsupportedTransform(
                f"identity is not for columns of type {iceberg_type}: NaN equals no other NaN, "
                "so each would have a partition of its own"
            )
        return lambda value: value
    if transform in TEMPORAL:
        return _temporal(transform, iceberg_type)
    if bucket:
        return _bucket(int(bucket[1]), iceberg_type)
    if truncate:
        return _truncate(int(truncate[1]), iceberg_type)
    raise UnsupportedTransform(
        f"unsupported partition transform {transform!r}; there are {', '.join(SUPPORTED)}"
    )


def _temporal(transform: str, iceberg_type: str) -> Callable[[Any], Any]:
    if iceberg_type not in ("date", *_TIMES):
        raise UnsupportedTransform(
            f"the {transform} transform needs a date or timestamp column, not {iceberg_type!r}"
        )
    if transform == "hour" and iceberg_type == "date":
        raise UnsupportedTransform("the hour transform needs a timestamp column, not a date")
    function = _TEMPORAL_FUNCTIONS[transform]
    return lambda value: None if value is None else function(value)


def _bucket(count: int, iceberg_type: str) -> Callable[[Any], Any]:
    if count <= 0:
        raise UnsupportedTransform(f"bucket[{count}]: it needs a positive modulus")
    known = iceberg_type in _HASHED or _is_fixed(iceberg_type)
    if not known and parse_decimal_type(iceberg_type) is None:
        raise UnsupportedTransform(f"bucket[] is not defined for type {iceberg_type!r}")
    return lambda value: (
        None
        if value is None
        else (murmur3_32(bucket_bytes(value, iceberg_type)) & 0x7FFFFFFF) % count
    )


def _truncate(width: int, iceberg_type: str) -> Callable[[Any], Any]:
    if width <= 0:
        raise UnsupportedTransform(f"truncate[{width}]: it needs a positive width")
    known = iceberg_type in _CUT or _is_fixed(iceberg_type)
    if not known and parse_decimal_type(iceberg_type) is None:
        raise UnsupportedTransform(f"truncate[] is not defined for type {iceberg_type!r}")
    return lambda value: truncate_value(value, width, iceberg_type)


def result_type(transform: str, source_type: str) -> str:
    """The type of what the transform gives."""
    if transform == "identity" or TRUNCATE_RE.match(transform):
        return source_type
    if transform == "day":
        return "date"
    if transform in TEMPORAL or BUCKET_RE.match(transform):
        return "int"
    raise UnsupportedTransform(f"unsupported partition transform {transform!r}")


def canonical(value: Any, value_type: str) -> Any:
    """A partition value that compares with others of its type, however it is spelled: days
    and microseconds since 1970 for dates and times; the others as they are."""
    if isinstance(value, datetime):
        return _micros(value)
    if isinstance(value, date):
        return (value - _DAY0).days
    if isinstance(value, time):
        return _micros_of_day(value)
    return value


# Of specs, rows and files.


def spec_field_types(spec: PartitionSpec, schema: Schema | None) -> list[TypedField]:
    """The spec's fields, each with the type of its column; "string" for unknown columns."""
    kinds = {int(f["id"]): str(f["type"]) for f in (schema.fields if schema else ())}
    return [(one, kinds.get(int(one.source_id), "string")) for one in spec.fields]


def partition_key(
    row: Mapping[str, Any], fields: Sequence[TypedField], column_of: Mapping[int, str]
) -> tuple[Any, ...]:
    """The partition of a row."""
    return tuple(
        transform_function(one.transform, kind)(row.get(column_of[int(one.source_id)]))
        for one, kind in fields
    )


def partition_groups(
    table: Any, spec_fields: Sequence[TypedField], column_of: Mapping[int, str]
) -> list[tuple[dict[str, Any], Any]]:
    """A ``pyarrow.Table`` taken apart: the values of each partition and its rows, which
    keep their order."""
    if not spec_fields:
        return [({}, table)]
    names = [one.name for one, _ in spec_fields]
    columns: list[list[Any]] = []
    for one, kind in spec_fields:
        function = transform_function(one.transform, kind)
        columns.append([function(v) for v in table.column(column_of[int(one.source_id)]).to_pylist()])
    places: dict[tuple[Any, ...], list[int]] = {}
    for i, key in enumerate(zip(*columns)):
        places.setdefault(key, []).append(i)
    return [(dict(zip(names, key)), table.take(rows)) for key, rows in places.items()]


def path_segment(name: str, value: Any) -> str:
    """``name=value`` as one directory, whatever the value holds."""
    if value is None:
        return f"{name}=__HIVE_DEFAULT_PARTITION__"
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, (bytes, bytearray)):
        text = value.hex()
    else:
        text = str(value)
    return f"{name}={quote(text, safe='')}"


def partition_path(base: str, values: Mapping[str, Any]) -> str:
    """The directory of a partition below `base`."""
    return "/".join([base, *(path_segment(name, value) for name, value in values.items())])


_AVRO_TYPES: dict[str, Any] = {
    "boolean": "boolean",
    "int": "int",
    "long": "long",
    "float": "float",
    "double": "double",
    "string": "string",
    "uuid": "string",
    "binary": "bytes",
    "date": {"type": "int", "logicalType": "date"},
    "time": {"type": "long", "logicalType": "time-micros"},
    "timestamp": {"type": "long", "logicalType": "timestamp-micros"},
    "timestamptz": {"type": "long", "logicalType": "timestamp-micros"},
}


def avro_type(iceberg_type: str) -> Any:
    """The Avro type of partition values of that type."""
    if iceberg_type in _AVRO_TYPES:
        return _AVRO_TYPES[iceberg_type]
    if _is_fixed(iceberg_type):
        return "bytes"
    decimal = parse_decimal_type(iceberg_type)
    if decimal is None:
        raise UnsupportedTransform(f"no Avro mapping for partition type {iceberg_type!r}")
    return {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": decimal[0],
        "scale": decimal[1],
    }


def partition_avro_fields(spec_fields: Sequence[TypedField]) -> list[dict[str, Any]]:
    """The fields of a manifest's partition struct, optional all of them."""
    return [
        {
            "name": one.name,
            "type": ["null", avro_type(result_type(one.transform, kind))],
            "field-id": int(one.field_id),
            "default": None,
        }
        for one, kind in spec_fields
    ]
