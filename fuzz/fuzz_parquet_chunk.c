// A column chunk: read to its end, or refused, with every row accounted for.
// Six bytes say what the column is: type, levels (two bits for each node above the leaf:
// what it is), codec, width and how many slots more than rows, rows (2).
#include <stdint.h>
#include <string.h>

#include "codec/parquet/parquet_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct dsi_parquet_node *leaf, const struct dsi_parquet_column *c)
{
    bool levels = c->defs.size == c->slots && c->reps.size == c->slots;

    if ((leaf->max_rep > 0 && !levels) || c->elements > c->slots || c->rows > c->slots ||
        (leaf->max_rep == 0 && c->elements != c->rows)) {
        __builtin_trap();
    }
    if (c->validity.size > 0 && c->validity.size != (c->elements + 7) / 8) {
        __builtin_trap();
    }
    if (leaf->field.physical == DSI_PARQUET_BYTE_ARRAY && c->elements > 0) {
        const int32_t *o = (const int32_t *)(const void *)c->values.data;
        if (c->values.size != (c->elements + 1) * sizeof *o || o[0] != 0 ||
            (size_t)o[c->elements] != c->bytes.size) {
            __builtin_trap();
        }
        for (size_t i = 0; i < c->elements; i++) {
            if (o[i] > o[i + 1]) {
                __builtin_trap();
            }
        }
    } else if (leaf->field.physical != DSI_PARQUET_BOOLEAN &&
               leaf->field.physical != DSI_PARQUET_BYTE_ARRAY &&
               c->values.size != c->elements * dsi_parquet_width(&leaf->field)) {
        __builtin_trap();
    }
}

enum { DEPTH = 4 };

// Required, optional, repeated or optional again: two bits for each node.
static const struct dsi_parquet_node *make_path(struct dsi_parquet_node nodes[DEPTH + 1],
                                                unsigned kinds)
{
    memset(nodes, 0, (DEPTH + 1) * sizeof *nodes);
    nodes[0].field.name = "root";
    for (size_t i = 1; i <= DEPTH; i++, kinds >>= 2) {
        struct dsi_parquet_node *n = &nodes[i];
        const struct dsi_parquet_node *up = &nodes[i - 1];
        unsigned kind = kinds & 3;
        n->field.name = "x";
        n->parent = up;
        n->field.repetition =
            (enum dsi_parquet_repetition)(kind == 3 ? DSI_PARQUET_OPTIONAL : (int)kind);
        bool repeats = n->field.repetition == DSI_PARQUET_REPEATED;
        n->max_def = up->max_def + (kind != 0);
        n->max_rep = up->max_rep + repeats;
        n->element_def = repeats ? n->max_def : up->element_def;
    }
    return &nodes[DEPTH];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dsi_parquet_codec codecs[] = {
        DSI_PARQUET_UNCOMPRESSED, DSI_PARQUET_UNCOMPRESSED, DSI_PARQUET_SNAPPY,
        DSI_PARQUET_GZIP,         DSI_PARQUET_ZSTD,         DSI_PARQUET_LZ4_RAW};
    const struct dsi_parquet_read_options options = {
        .ignore_checksums = true, .keep_levels = true, .page_bytes_max = 1 << 22};
    struct dsi_parquet_node nodes[DEPTH + 1];
    struct dsi_parquet_place start;
    struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
    dsi_parquet_reader *r = NULL;
    struct ds_error err = {0};
    size_t rows = 1;

    c.reps.max = 1 << 20;
    if (size < 6) {
        return 0;
    }
    const struct dsi_parquet_node *leaf = make_path(nodes, data[1]);
    nodes[DEPTH].field.physical = (enum dsi_parquet_physical)(data[0] % 8);
    nodes[DEPTH].field.type_length = 1 + data[3] % 40;
    int64_t rows_in = data[4] | (data[5] & 0x3f) << 8;
    struct dsi_parquet_chunk chunk = {.size = (int64_t)size - 6,
                                      .codec = codecs[data[2] % 6],
                                      .value_count = rows_in + data[3] * (data[5] >> 6),
                                      .row_count = rows_in};
    if (dsi_parquet_reader_new(leaf, &chunk, (struct ds_slice){data + 6, size - 6},
                               &options, &r, &err) < 0) {
        return 0;
    }
    start = dsi_parquet_reader_place(r);
    if (dsi_parquet_reader_skip(r, rows_in / 2, &err) < 0 ||
        dsi_parquet_reader_return(r, &start, &err) < 0) {
        rows = 0;
    }
    while (rows > 0 && dsi_parquet_reader_read(r, 777, &c, &rows, &err) == DS_OK) {
        check(leaf, &c);
        if (c.slots > 3000) {
            dsi_parquet_column_release(&c);
        }
    }
    dsi_parquet_reader_free(r);
    dsi_parquet_column_release(&c);
    return 0;
}
