"""Rows with every primitive type and the values that break things."""
import datetime
import decimal
import math
import uuid

D = decimal.Decimal
UTC = datetime.timezone.utc


def pyarrow_schema():
    import pyarrow as pa
    return pa.schema([
        pa.field("id", pa.int64(), nullable=False),
        pa.field("flag", pa.bool_()),
        pa.field("i", pa.int32()),
        pa.field("f", pa.float32()),
        pa.field("d", pa.float64()),
        pa.field("dec9", pa.decimal128(9, 2)),
        pa.field("dec18", pa.decimal128(18, 4)),
        pa.field("dec38", pa.decimal128(38, 10)),
        pa.field("day", pa.date32()),
        pa.field("t", pa.time64("us")),
        pa.field("ts", pa.timestamp("us")),
        pa.field("tz", pa.timestamp("us", tz="UTC")),
        pa.field("s", pa.string()),
        pa.field("fx", pa.binary(5)),
        pa.field("b", pa.binary()),
    ])


def row(key, **values):
    empty = {name: None for name in pyarrow_schema().names}
    return {**empty, "id": key, **values}


def rows(first=0):
    """About thirty rows, from `first` on."""
    some = [
        dict(flag=True, i=1, f=1.5, d=2.5, dec9=D("14.20"), dec18=D("-1.0001"),
             dec38=D("12345678901234567890.1234567890"), day=datetime.date(2017, 11, 16),
             t=datetime.time(22, 31, 8, 123456),
             ts=datetime.datetime(2017, 11, 16, 22, 31, 8, 123456),
             tz=datetime.datetime(2017, 11, 16, 22, 31, 8, 1, tzinfo=UTC),
             s="iceberg", fx=b"\x00\x01\x02\x03\x04", b=b"\xff\x00"),
        dict(),
        dict(flag=False, i=-2**31, f=math.nan, d=math.nan, dec9=D("-9999999.99"),
             dec18=D("99999999999999.9999"), dec38=D("-9999999999999999999999999999.9999999999"),
             day=datetime.date(1969, 12, 31), t=datetime.time(0, 0),
             ts=datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),
             tz=datetime.datetime(1, 1, 1, tzinfo=UTC), s="", fx=b"\xff" * 5, b=b""),
        dict(i=2**31 - 1, f=-0.0, d=-0.0, s="naïve €😀", day=datetime.date(9999, 12, 31),
             ts=datetime.datetime(9999, 12, 31, 23, 59, 59)),
        dict(f=0.0, d=0.0, s="x" * 300, b=b"y" * 300),
        dict(f=math.inf, d=-math.inf, s="\U0010ffff" * 20, day=datetime.date(1, 1, 1)),
        dict(f=-math.inf, d=math.inf, s="a/b=c %25 +&é", i=0),
    ]
    many = [dict(i=k * 7919 % 1000, d=k / 7, s=f"s{k:04}", flag=k % 3 == 0,
                 dec9=D(k) / 4, day=datetime.date(2020, 1, 1) + datetime.timedelta(k * 11),
                 ts=datetime.datetime(2020, 1, 1) + datetime.timedelta(hours=k * 31),
                 tz=datetime.datetime(2020, 1, 1, tzinfo=UTC) + datetime.timedelta(hours=k * 13))
            for k in range(24)]
    return [row(first + n, **values) for n, values in enumerate(some + many)]


def arrow_table(first=0):
    import pyarrow as pa
    return pa.Table.from_pylist(rows(first), schema=pyarrow_schema())


def a_uuid(n):
    return uuid.UUID(int=(n * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)
