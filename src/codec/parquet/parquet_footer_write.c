#include "codec/parquet/parquet_footer_write.h"

#include <assert.h>

#include "base/error.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_page.h"

static enum dsi_parquet_codec codec_of(enum dsi_compression c)
{
    switch (c) {
    case DSI_COMPRESSION_GZIP:
        return DSI_PARQUET_GZIP;
    case DSI_COMPRESSION_ZSTD:
        return DSI_PARQUET_ZSTD;
    case DSI_COMPRESSION_SNAPPY:
        return DSI_PARQUET_SNAPPY;
    case DSI_COMPRESSION_LZ4_RAW:
        return DSI_PARQUET_LZ4_RAW;
    case DSI_COMPRESSION_BROTLI:
        return DSI_PARQUET_BROTLI;
    default:
        return DSI_PARQUET_UNCOMPRESSED;
    }
}

static void write_path(struct dsi_thrift_writer *w, const struct dsi_parquet_node *leaf)
{
    const struct dsi_parquet_node *way[DSI_PARQUET_DEPTH_MAX];
    size_t depth = 0;

    for (; leaf->parent; leaf = leaf->parent) {
        assert(depth < DSI_PARQUET_DEPTH_MAX);
        way[depth++] = leaf;
    }
    dsi_thrift_write_list(w, 3, DSI_THRIFT_BINARY, depth);
    while (depth > 0) {
        dsi_thrift_element_text(w, way[--depth]->field.name);
    }
}

static void write_statistics(struct dsi_thrift_writer *w,
                             const struct dsi_parquet_statistics *s)
{
    dsi_thrift_write_struct(w, 12);
    dsi_thrift_write_i64(w, 3, s->null_count);
    if (s->has_max) {
        dsi_thrift_write_binary(w, 5, s->max);
    }
    if (s->has_min) {
        dsi_thrift_write_binary(w, 6, s->min);
    }
    if (s->has_max) {
        dsi_thrift_write_bool(w, 7, s->max_exact);
    }
    if (s->has_min) {
        dsi_thrift_write_bool(w, 8, s->min_exact);
    }
    if (s->nan_count >= 0) {
        dsi_thrift_write_i64(w, 9, s->nan_count);
    }
    dsi_thrift_write_struct_end(w);
}

static void write_encoding_count(struct dsi_thrift_writer *w, int32_t page_type,
                                 int32_t encoding, int32_t count)
{
    if (count > 0) {
        dsi_thrift_element_struct(w);
        dsi_thrift_write_i32(w, 1, page_type);
        dsi_thrift_write_i32(w, 2, encoding);
        dsi_thrift_write_i32(w, 3, count);
        dsi_thrift_write_struct_end(w);
    }
}

static void write_encodings(struct dsi_thrift_writer *w,
                            const struct dsi_parquet_written *c)
{
    bool used[DSI_PARQUET_ENCODING_COUNT] = {false};
    size_t count = 0;

    used[DSI_PARQUET_RLE] = true; // Levels.
    used[DSI_PARQUET_PLAIN] = c->has_dictionary;
    for (size_t i = 0; i < DSI_PARQUET_ENCODING_COUNT; i++) {
        used[i] = used[i] || c->pages[i] > 0;
        count += used[i];
    }
    dsi_thrift_write_list(w, 2, DSI_THRIFT_I32, count);
    for (int32_t i = 0; i < DSI_PARQUET_ENCODING_COUNT; i++) {
        if (used[i]) {
            dsi_thrift_element_i32(w, i);
        }
    }
}

static void write_encoding_counts(struct dsi_thrift_writer *w,
                                  const struct dsi_parquet_written *c)
{
    size_t count = c->has_dictionary;

    for (size_t i = 0; i < DSI_PARQUET_ENCODING_COUNT; i++) {
        count += c->pages[i] > 0;
    }
    dsi_thrift_write_list(w, 13, DSI_THRIFT_STRUCT, count);
    write_encoding_count(w, DSI_PARQUET_PAGE_DICTIONARY, DSI_PARQUET_PLAIN,
                         c->has_dictionary);
    for (int32_t i = 0; i < DSI_PARQUET_ENCODING_COUNT; i++) {
        write_encoding_count(w, DSI_PARQUET_PAGE_DATA, i, c->pages[i]);
    }
}

static void write_histogram(struct dsi_thrift_writer *w, int32_t id,
                            const int64_t *counts, int32_t max)
{
    if (counts) {
        dsi_thrift_write_list(w, id, DSI_THRIFT_I64, (size_t)max + 1);
        for (int32_t i = 0; i <= max; i++) {
            dsi_thrift_element_i64(w, counts[i]);
        }
    }
}

static void write_sizes(struct dsi_thrift_writer *w, const struct dsi_parquet_node *leaf,
                        const struct dsi_parquet_written *c)
{
    if (c->byte_count < 0 && !c->rep_histogram && !c->def_histogram) {
        return;
    }
    dsi_thrift_write_struct(w, 16);
    if (c->byte_count >= 0) {
        dsi_thrift_write_i64(w, 1, c->byte_count);
    }
    write_histogram(w, 2, c->rep_histogram, leaf->max_rep);
    write_histogram(w, 3, c->def_histogram, leaf->max_def);
    dsi_thrift_write_struct_end(w);
}

static void write_chunk(struct dsi_thrift_writer *w, const struct dsi_parquet_node *leaf,
                        const struct dsi_parquet_written *c)
{
    dsi_thrift_element_struct(w);
    dsi_thrift_write_i64(w, 2, 0);
    dsi_thrift_write_struct(w, 3);
    dsi_thrift_write_i32(w, 1, (int32_t)leaf->field.physical);
    write_encodings(w, c);
    write_path(w, leaf);
    dsi_thrift_write_i32(w, 4, (int32_t)codec_of(c->codec));
    dsi_thrift_write_i64(w, 5, c->value_count);
    dsi_thrift_write_i64(w, 6, c->uncompressed_size);
    dsi_thrift_write_i64(w, 7, c->size);
    dsi_thrift_write_i64(w, 9, c->data_offset);
    if (c->has_dictionary) {
        dsi_thrift_write_i64(w, 11, c->offset);
    }
    write_statistics(w, &c->statistics);
    write_encoding_counts(w, c);
    if (c->bloom_offset > 0) {
        dsi_thrift_write_i64(w, 14, c->bloom_offset);
        dsi_thrift_write_i32(w, 15, c->bloom_size);
    }
    write_sizes(w, leaf, c);
    dsi_thrift_write_struct_end(w);
    if (c->offset_index_size > 0) {
        dsi_thrift_write_i64(w, 4, c->offset_index_offset);
        dsi_thrift_write_i32(w, 5, c->offset_index_size);
    }
    if (c->column_index_size > 0) {
        dsi_thrift_write_i64(w, 6, c->column_index_offset);
        dsi_thrift_write_i32(w, 7, c->column_index_size);
    }
    dsi_thrift_write_struct_end(w);
}

static void write_sorting(struct dsi_thrift_writer *w,
                          const struct dsi_parquet_write_options *o)
{
    dsi_thrift_write_list(w, 4, DSI_THRIFT_STRUCT, o->sorting_count);
    for (size_t i = 0; i < o->sorting_count; i++) {
        dsi_thrift_element_struct(w);
        dsi_thrift_write_i32(w, 1, (int32_t)o->sorting[i].leaf);
        dsi_thrift_write_bool(w, 2, o->sorting[i].descending);
        dsi_thrift_write_bool(w, 3, o->sorting[i].nulls_first);
        dsi_thrift_write_struct_end(w);
    }
}

static void write_group(struct dsi_thrift_writer *w, const struct dsi_parquet_footer *f,
                        const struct dsi_parquet_written_group *g, size_t ordinal)
{
    int64_t uncompressed = 0;
    int64_t compressed = 0;

    dsi_thrift_element_struct(w);
    dsi_thrift_write_list(w, 1, DSI_THRIFT_STRUCT, f->schema->leaf_count);
    for (size_t i = 0; i < f->schema->leaf_count; i++) {
        write_chunk(w, f->schema->leaves[i], &g->columns[i]);
        uncompressed += g->columns[i].uncompressed_size;
        compressed += g->columns[i].size;
    }
    dsi_thrift_write_i64(w, 2, uncompressed);
    dsi_thrift_write_i64(w, 3, g->row_count);
    if (f->options->sorting_count > 0) {
        write_sorting(w, f->options);
    }
    if (f->schema->leaf_count > 0) {
        dsi_thrift_write_i64(w, 5, g->columns[0].offset);
    }
    dsi_thrift_write_i64(w, 6, compressed);
    if (ordinal <= INT16_MAX) {
        dsi_thrift_write_i16(w, 7, (int16_t)ordinal);
    }
    dsi_thrift_write_struct_end(w);
}

static void write_key_values(struct dsi_thrift_writer *w, const struct ds_properties *kv)
{
    dsi_thrift_write_list(w, 5, DSI_THRIFT_STRUCT, kv->count);
    for (size_t i = 0; i < kv->count; i++) {
        dsi_thrift_element_struct(w);
        dsi_thrift_write_text(w, 1, kv->items[i].key);
        dsi_thrift_write_text(w, 2, kv->items[i].value);
        dsi_thrift_write_struct_end(w);
    }
}

int dsi_parquet_footer_write(const struct dsi_parquet_footer *f, struct dsi_buf *out,
                             struct ds_error *err)
{
    const struct dsi_parquet_written_group *g = f->groups;
    struct dsi_thrift_writer w;
    size_t start = out->size;
    uint8_t size[4];
    int rc = DS_OK;

    dsi_thrift_writer_begin(&w, out, err);
    dsi_thrift_write_i32(&w, 1, 1);
    dsi_thrift_write_list(&w, 2, DSI_THRIFT_STRUCT, f->element_count);
    for (size_t i = 0; i < f->element_count; i++) {
        dsi_parquet_element_write(&w, &f->elements[i], i == 0);
    }
    dsi_thrift_write_i64(&w, 3, f->row_count);
    dsi_thrift_write_list(&w, 4, DSI_THRIFT_STRUCT, f->group_count);
    for (size_t i = 0; g; i++, g = g->next) {
        write_group(&w, f, g, i);
    }
    if (f->options->key_values.count > 0) {
        write_key_values(&w, &f->options->key_values);
    }
    dsi_thrift_write_text(&w, 6, f->options->created_by);
    dsi_thrift_write_list(&w, 7, DSI_THRIFT_STRUCT, f->schema->leaf_count);
    for (size_t i = 0; i < f->schema->leaf_count; i++) {
        dsi_thrift_element_struct(&w); // TypeDefinedOrder, for every one.
        dsi_thrift_write_struct(&w, 1);
        dsi_thrift_write_struct_end(&w);
        dsi_thrift_write_struct_end(&w);
    }
    DSI_TRY(dsi_thrift_writer_end(&w));
    if (out->size - start > UINT32_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED, "parquet: a footer of %zu bytes",
                        out->size - start);
    }
    dsi_put_le32(size, (uint32_t)(out->size - start));
    DSI_TRY(dsi_buf_append(out, size, sizeof size, err));
    DSI_TRY(dsi_buf_append(out, "PAR1", 4, err));
done:
    return rc;
}
