"""The peers as writers: each takes a table and a Generator, and leaves a file."""
import arro3.core
import arro3.io
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

ENCODINGS = {
    "bool": ["PLAIN", "RLE"],
    "number": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
    "float": ["PLAIN", "BYTE_STREAM_SPLIT"],
    "bytes": ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"],
    "fixed": ["PLAIN", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"],
}
# What a writer makes of types it does not have.
LOOSE = {"arrow_rs": {("uuid", "fixed")}, "duckdb": {("fixed", "binary"), "any nan"}}


class DuckDB:
    """A connection that is opened again when DuckDB has given up on it."""

    def __init__(self):
        self.connection = None

    def __call__(self):
        if self.connection is None:
            self.connection = duckdb.connect(config={"threads": 1})
            self.connection.execute("set timezone = 'UTC'")
        return self.connection

    def read(self, path):
        try:
            return self().sql(f"from read_parquet('{path}')").to_arrow_table()
        except duckdb.FatalException:
            self.connection = None
            raise

    def write(self, table, statement):
        self().register("rows_of_case", table)
        try:
            self().execute(statement)
        except duckdb.FatalException:
            self.connection = None
            raise
        self().unregister("rows_of_case")


database = DuckDB()


def physical(t, decimal_as_integer):
    if isinstance(t, pa.BaseExtensionType):
        t = t.storage_type
    if pa.types.is_dictionary(t):
        t = t.value_type
    if pa.types.is_boolean(t):
        return "bool"
    if pa.types.is_decimal(t):
        return "number" if decimal_as_integer and t.precision <= 18 else "fixed"
    if pa.types.is_float16(t) or pa.types.is_fixed_size_binary(t):
        return "fixed"
    if pa.types.is_floating(t):
        return "float"
    return "number" if pa.types.is_integer(t) or pa.types.is_temporal(t) else "bytes"


def leaves(field, path=()):
    """(path in the file, type) of every leaf, with the standard names of levels."""
    t, path = field.type, (*path, field.name)
    if pa.types.is_struct(t):
        for i in range(t.num_fields):
            yield from leaves(t.field(i), path)
    elif pa.types.is_list(t) or pa.types.is_large_list(t):
        yield from leaves(t.value_field.with_name("element"), (*path, "list"))
    elif pa.types.is_map(t):
        yield from leaves(t.key_field.with_name("key"), (*path, "key_value"))
        yield from leaves(t.item_field.with_name("value"), (*path, "key_value"))
    else:
        yield ".".join(path), t


def pick(rng, *choices):
    return choices[rng.integers(len(choices))]


def column_encodings(rng, schema, decimal_as_integer=False):
    made = {}
    for field in schema:
        for path, t in leaves(field):
            if not pa.types.is_null(t):
                made[path] = pick(rng, *ENCODINGS[physical(t, decimal_as_integer)])
    return made


def with_pyarrow(rng, table, path):
    o = {
        "compression": pick(rng, "none", "snappy", "gzip", "zstd", "lz4", "brotli"),
        "data_page_version": pick(rng, "1.0", "2.0"),
        "data_page_size": int(rng.choice([1, 64, 500, 4096, 1 << 20])),
        "write_batch_size": int(rng.choice([1, 7, 64, 1000])),
        "row_group_size": int(rng.choice([3, 50, 700, 1 << 20])),
        "write_statistics": bool(rng.random() < .8),
        "write_page_index": bool(rng.random() < .5),
        "write_page_checksum": bool(rng.random() < .5),
        "use_compliant_nested_type": bool(rng.random() < .8),
        "store_schema": bool(rng.random() < .3),
        "store_decimal_as_integer": bool(rng.random() < .5),
        "version": pick(rng, "2.4", "2.6", "2.6"),
    }
    if table.num_rows > 500:
        o["row_group_size"] = max(50, o["row_group_size"])
    if any(t == pa.timestamp("ns") or t == pa.timestamp("ns", "UTC")
           for f in table.schema for _, t in leaves(f)):
        o["version"] = "2.6"  # An older one would round.
    if o["data_page_version"] == "1.0" and rng.random() < .3:
        o["max_rows_per_page"] = int(rng.choice([1, 10, 100]))
    if rng.random() < .5:
        o["use_dictionary"] = True
        o["dictionary_pagesize_limit"] = int(rng.choice([20, 300, 1 << 20]))
    else:
        o["use_dictionary"] = False
        if o["use_compliant_nested_type"] and rng.random() < .8:
            o["column_encoding"] = column_encodings(rng, table.schema,
                                                    o["store_decimal_as_integer"])
    pq.write_table(table, path, **o)
    return o


def with_arrow_rs(rng, table, path):
    o = {
        "compression": pick(rng, "uncompressed", "snappy", "gzip(6)", "zstd(1)", "lz4_raw",
                            "brotli(1)"),
        "writer_version": pick(rng, "parquet_1_0", "parquet_2_0"),
        "data_page_size_limit": int(rng.choice([50, 1000, 1 << 20])),
        "data_page_row_count_limit": int(rng.choice([1, 20, 20000])),
        "write_batch_size": int(rng.choice([1, 10, 1024])),
        "max_row_group_size": int(rng.choice([40, 700, 1 << 20])),
        "dictionary_enabled": bool(rng.random() < .5),
        "dictionary_page_size_limit": int(rng.choice([50, 1 << 20])),
        "bloom_filter_enabled": bool(rng.random() < .2),
        "skip_arrow_metadata": True,
    }
    if not o["dictionary_enabled"] and rng.random() < .8:
        o["column_encoding"] = {
            k: v for k, v in column_encodings(rng, table.schema, True).items()
            if v != "RLE" or o["writer_version"] == "parquet_2_0"}
    arro3.io.write_parquet(arro3.core.Table.from_arrow(table), path, **o)
    return o


def with_duckdb(rng, table, path):
    o = {
        "parquet_version": pick(rng, "v1", "v2"),
        "codec": pick(rng, "uncompressed", "snappy", "gzip", "zstd", "lz4_raw", "brotli"),
        "row_group_size": int(rng.choice([50, 2048, 100000])),
    }
    if rng.random() < .4:
        o["dictionary_size_limit"] = int(rng.choice([1, 5, 1000]))
    if rng.random() < .3:
        o["write_bloom_filter"] = "true"
    options = ", ".join(f"{k} {v}" for k, v in o.items())
    database.write(table, f"copy rows_of_case to '{path}' (format parquet, {options})")
    return o
