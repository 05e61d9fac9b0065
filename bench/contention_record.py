"""The record that every writer appends; contention_record.h makes the same in C."""
import functools

APPENDS_EACH = 1_000_000_000  # Appends of one writer: numbers do not meet.
ROWS_MAX = 100_000            # Rows of one append.
VARIANTS = 8                  # A writer's messages come again after so many appends.
LEVEL = "INFO"
COMPONENT = "dfs.DataNode$PacketResponder"
FIRST_TS = 1_226_262_975_000_000  # 2008-11-09 20:36:15 UTC, in microseconds.
COLUMNS = [("ts", "timestamp"), ("level", "string"), ("component", "string"),
           ("block", "long"), ("message", "string")]


def append_number(writer, nth):
    return writer * APPENDS_EACH + nth


def mixed(x):
    """splitmix64: a number that looks random for each that comes in."""
    mask = (1 << 64) - 1
    x = (x + 0x9e3779b97f4a7c15) & mask
    x = ((x ^ (x >> 30)) * 0xbf58476d1ce4e5b9) & mask
    x = ((x ^ (x >> 27)) * 0x94d049bb133111eb) & mask
    x ^= x >> 31
    return x - (1 << 64) if x >> 63 else x


@functools.cache
def messages(writer, variant, count):
    first = (writer * VARIANTS + variant) * ROWS_MAX
    return [f"PacketResponder 1 for block blk_{mixed(first + i)} terminating"
            for i in range(count)]


def numbers(append):
    """(time of the first row, number of the first row, writer, variant) of an append."""
    writer, nth = divmod(append, APPENDS_EACH)
    return FIRST_TS + nth * 1000, append * ROWS_MAX, writer, append % VARIANTS


def rows(append, count):
    """The rows of one append, as tuples with the time in microseconds."""
    ts, first, writer, variant = numbers(append)
    text = messages(writer, variant, count)
    return [(ts + i, LEVEL, COMPONENT, first + i, text[i]) for i in range(count)]


def arrow_schema():
    import pyarrow
    types = {"timestamp": pyarrow.timestamp("us"), "string": pyarrow.string(),
             "long": pyarrow.int64()}
    return pyarrow.schema([(name, types[kind]) for name, kind in COLUMNS])


@functools.cache
def arrow_text(writer, variant, count):
    import pyarrow
    return [pyarrow.array(c, pyarrow.string()) for c in (
        [LEVEL] * count, [COMPONENT] * count, messages(writer, variant, count))]


def arrow_prepare(writer, count):
    """Makes the text beforehand, so that no writer's time goes into it."""
    for variant in range(VARIANTS):
        arrow_text(writer, variant, count)


def arrow(append, count):
    """The rows of one append as an Arrow table."""
    import numpy
    import pyarrow
    ts, first, writer, variant = numbers(append)
    level, component, text = arrow_text(writer, variant, count)
    row = numpy.arange(count, dtype=numpy.int64)
    return pyarrow.Table.from_arrays(
        [pyarrow.array(ts + row).cast(pyarrow.timestamp("us")), level, component,
         pyarrow.array(first + row), text], schema=arrow_schema())
