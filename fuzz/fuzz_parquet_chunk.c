// A column chunk: read to its end, or refused, with every row accounted for.
// Six bytes say what the column is: type, definition levels, codec, width, rows (2).
#include <stdint.h>

#include "codec/parquet/parquet_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct dsi_parquet_node *leaf, const struct dsi_parquet_column *c)
{
    if (c->validity.size > 0 && c->validity.size != (c->rows + 7) / 8) {
        __builtin_trap();
    }
    if (leaf->field.physical == DSI_PARQUET_BYTE_ARRAY && c->rows > 0) {
        const int32_t *o = (const int32_t *)(const void *)c->values.data;
        if (c->values.size != (c->rows + 1) * sizeof *o || o[0] != 0 ||
            (size_t)o[c->rows] != c->bytes.size) {
            __builtin_trap();
        }
        for (size_t i = 0; i < c->rows; i++) {
            if (o[i] > o[i + 1]) {
                __builtin_trap();
            }
        }
    } else if (leaf->field.physical != DSI_PARQUET_BOOLEAN &&
               c->values.size != c->rows * dsi_parquet_width(&leaf->field)) {
        __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dsi_parquet_codec codecs[] = {
        DSI_PARQUET_UNCOMPRESSED, DSI_PARQUET_UNCOMPRESSED, DSI_PARQUET_SNAPPY,
        DSI_PARQUET_GZIP,         DSI_PARQUET_ZSTD,         DSI_PARQUET_LZ4_RAW};
    const struct dsi_parquet_read_options options = {
        .ignore_checksums = true, .keep_levels = true, .page_bytes_max = 1 << 22};
    struct dsi_parquet_node root = {.field.name = "root"};
    struct dsi_parquet_node leaf = {.field.name = "x", .parent = &root};
    struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
    dsi_parquet_reader *r = NULL;
    struct ds_error err = {0};
    size_t rows = 1;

    if (size < 6) {
        return 0;
    }
    leaf.field.physical = (enum dsi_parquet_physical)(data[0] % 8);
    leaf.max_def = data[1] % 4;
    leaf.field.type_length = 1 + data[3] % 40;
    struct dsi_parquet_chunk chunk = {.size = (int64_t)size - 6,
                                      .codec = codecs[data[2] % 6],
                                      .value_count = data[4] | data[5] << 8};
    if (dsi_parquet_reader_new(&leaf, &chunk, (struct ds_slice){data + 6, size - 6},
                               &options, &r, &err) < 0) {
        return 0;
    }
    while (rows > 0 && dsi_parquet_reader_read(r, 777, &c, &rows, &err) == DS_OK) {
        check(&leaf, &c);
        if (c.rows > 3000) {
            dsi_parquet_column_release(&c);
        }
    }
    dsi_parquet_reader_free(r);
    dsi_parquet_column_release(&c);
    return 0;
}
