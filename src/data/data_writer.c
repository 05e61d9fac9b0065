// Writing a data file: batches to Parquet, metrics to a data file's description.
//
// (1) The file has its name only after finish: until then it is a sink's, which leaves
//     nothing behind when it is closed.
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "data/column_layout.h"
#include "data/data_file.h"
#include "data/data_metrics.h"
#include "data/data_schema.h"

enum { STEP_ROWS = 16 * 1024 }; // Decimals are converted so many rows at a time.

struct dsi_data_writer {
    struct dsi_arena arena;
    struct dsi_data_writer_options options; // Strings and values copied to the arena.
    struct dsi_metrics_mode *modes;         // Per root column.
    struct dsi_parquet_field *fields;       // Per column that is stored: the leaves.
    size_t *columns;                        // Which root column a leaf is.
    size_t leaf_count;
    struct dsi_parquet_input *inputs; // Of one call, per leaf.
    struct dsi_buf *scratch;          // Per leaf: values that had to be converted.
    dsi_parquet_writer *parquet;
    struct ds_sink *sink;
    int64_t rows;
    bool finishing; // finish has been called …
    bool finished;  // … and has succeeded, or the name is somebody else's.
};

static int write_bytes(void *arg, struct ds_slice bytes, struct ds_error *err)
{
    struct dsi_data_writer *w = arg;
    return dsi_sink_write(w->sink, bytes, err);
}

static int read_codec(const struct dsi_metadata *m, struct dsi_parquet_write_options *out,
                      struct ds_error *err)
{
    static const struct {
        const char *name;
        enum dsi_compression codec;
    } codecs[] = {
        {"zstd", DSI_COMPRESSION_ZSTD},         {"gzip", DSI_COMPRESSION_GZIP},
        {"snappy", DSI_COMPRESSION_SNAPPY},     {"lz4_raw", DSI_COMPRESSION_LZ4_RAW},
        {"brotli", DSI_COMPRESSION_BROTLI},     {"uncompressed", DSI_COMPRESSION_NONE},
    };
    const char *text = dsi_metadata_property(m, "write.parquet.compression-codec");
    const char *level = dsi_metadata_property(m, "write.parquet.compression-level");
    int64_t n = 0;

    out->codec = DSI_COMPRESSION_GZIP; // What Java takes when a table does not say.
    bool known = !text;
    for (size_t i = 0; !known && i < sizeof codecs / sizeof codecs[0]; i++) {
        if (dsi_text_equal_nocase(text, codecs[i].name)) {
            out->codec = codecs[i].codec;
            known = true;
        }
    }
    if (!known) {
        return dsi_fail(
            err, DS_EUNSUPPORTED,
            "property write.parquet.compression-codec is '%s', expected zstd, "
            "gzip, snappy, lz4_raw, brotli or uncompressed",
            text);
    }
    if (level) {
        if (!dsi_text_to_i64(level, strlen(level), &n) || n < -100 || n > 100) {
            return dsi_fail(
                err, DS_EINVALID,
                "property write.parquet.compression-level is '%s', expected a "
                "small number",
                level);
        }
        out->has_level = out->codec == DSI_COMPRESSION_ZSTD ||
                         out->codec == DSI_COMPRESSION_BROTLI ||
                         out->codec == DSI_COMPRESSION_GZIP; // The others have none.
        out->level = (int)n;
    }
    return DS_OK;
}

static int read_properties(const struct dsi_metadata *m,
                           struct dsi_parquet_write_options *out, struct ds_error *err)
{
    static const struct {
        const char *key;
        int64_t fallback;
    } sizes[] = {
        {"write.parquet.row-group-size-bytes", 128 << 20},
        {"write.parquet.page-size-bytes", 1 << 20},
        {"write.parquet.page-row-limit", 20000},
        {"write.parquet.dict-size-bytes", 2 << 20},
    };
    int64_t n[4] = {0};
    int rc = DS_OK;

    *out = (struct dsi_parquet_write_options){.codec = DSI_COMPRESSION_ZSTD};
    for (size_t i = 0; i < 4; i++) {
        n[i] = sizes[i].fallback;
        if (m) {
            DSI_TRY(dsi_metadata_property_i64(m, sizes[i].key, sizes[i].fallback, 1,
                                              &n[i], err));
        }
    }
    if (m) {
        DSI_TRY(read_codec(m, out, err));
    }
    out->row_group_bytes = (size_t)n[0];
    out->page_bytes = (size_t)n[1];
    out->page_rows = (size_t)n[2];
    out->dictionary_bytes = (size_t)n[3];
done:
    return rc;
}

// The leaves: every column but those of type unknown, which are never stored.
static int make_leaves(struct dsi_data_writer *w, struct ds_error *err)
{
    const struct dsi_schema *schema = w->options.schema;
    size_t count = schema->root.field_count;

    w->fields = dsi_arena_array(&w->arena, count, sizeof *w->fields);
    w->columns = dsi_arena_array(&w->arena, count, sizeof *w->columns);
    w->inputs = dsi_arena_array(&w->arena, count, sizeof *w->inputs);
    w->scratch = dsi_arena_array(&w->arena, count, sizeof *w->scratch);
    if (!w->fields || !w->columns || !w->inputs || !w->scratch) {
        return dsi_no_memory(err, "making a data file writer");
    }
    for (size_t i = 0; i < count; i++) {
        const struct dsi_field *f = &schema->root.fields[i];
        if (f->type.kind == DSI_TYPE_UNKNOWN) {
            continue;
        }
        int rc = dsi_data_parquet_field(f, &w->fields[w->leaf_count], err);
        if (rc < 0) {
            return rc;
        }
        w->columns[w->leaf_count++] = i;
    }
    return DS_OK;
}

static int copy_options(struct dsi_data_writer *w,
                        const struct dsi_data_writer_options *options,
                        struct ds_error *err)
{
    size_t count = options->partition_count;
    struct dsi_value *values = dsi_arena_array(&w->arena, count, sizeof *values);
    int rc = DS_OK;

    w->options = *options;
    w->options.location = dsi_arena_strdup(&w->arena, options->location);
    w->options.partition = values;
    if (!w->options.location || !values) {
        return dsi_no_memory(err, "making a data file writer");
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(dsi_value_copy(&options->partition[i], &w->arena, &values[i], err));
    }
done:
    return rc;
}

void dsi_data_writer_close(struct dsi_data_writer *w)
{
    if (!w) {
        return;
    }
    dsi_parquet_writer_free(w->parquet);
    dsi_sink_close(w->sink);
    if (w->finishing && !w->finished) {
        // The answer may have been lost after the file got its name. Nobody refers to it;
        // the first error is the one worth reporting.
        DSI_IGNORE(dsi_storage_remove(w->options.storage, w->options.location, NULL));
    }
    for (size_t i = 0; i < w->leaf_count; i++) {
        dsi_buf_release(&w->scratch[i]);
    }
    dsi_arena_release(&w->arena);
    dsi_free(w);
}

int dsi_data_writer_open(const struct dsi_data_writer_options *options,
                         struct dsi_data_writer **out, struct ds_error *err)
{
    struct dsi_data_writer *w = dsi_calloc(1, sizeof *w);
    struct dsi_parquet_write_options parquet;
    int rc = DS_OK;

    *out = NULL;
    if (!w) {
        return dsi_no_memory(err, "making a data file writer");
    }
    DSI_TRY(copy_options(w, options, err));
    DSI_TRY(make_leaves(w, err));
    DSI_TRY(dsi_metrics_modes(options->metadata, options->schema, options->sort_order_id,
                              &w->arena, &w->modes, err));
    DSI_TRY(read_properties(options->metadata, &parquet, err));
    DSI_TRY(dsi_parquet_writer_new(w->fields, w->leaf_count, &parquet, &w->parquet, err));
    DSI_TRY(dsi_sink_create(options->storage, options->location, &w->sink, err));
    dsi_parquet_writer_output(w->parquet, write_bytes, w);
    *out = w;
    w = NULL;
done:
    dsi_data_writer_close(w);
    return rc < 0 ? dsi_wrap(err, rc, "writing %s", options->location) : rc;
}

// A decimal as the file stores it.
static void store_decimal(dsi_int128 v, const struct dsi_parquet_field *f, uint8_t *out)
{
    if (f->physical == DSI_PARQUET_INT32) {
        int32_t n = (int32_t)v;
        memcpy(out, &n, sizeof n);
    } else if (f->physical == DSI_PARQUET_INT64) {
        int64_t n = (int64_t)v;
        memcpy(out, &n, sizeof n);
    } else {
        for (int32_t i = f->type_length; i-- > 0; v >>= 8) {
            out[i] = (uint8_t)(v & 0xff);
        }
    }
}

// Decimals are 16 bytes here and fewer in the file: their validity is copied too, since
// one offset counts for both.
static int decimal_input(struct dsi_data_writer *w, size_t leaf,
                         const struct dsi_column *c, int64_t first, int64_t count,
                         struct ds_error *err)
{
    const struct dsi_parquet_field *f = &w->fields[leaf];
    struct dsi_buf *scratch = &w->scratch[leaf];
    struct dsi_parquet_input *out = &w->inputs[leaf];
    size_t width = dsi_parquet_width(f);
    size_t bits = c->validity ? dsi_bits_size(count) : 0;
    const uint8_t *in = (const uint8_t *)c->values + (size_t)(c->offset + first) * 16;

    scratch->size = 0;
    int rc = dsi_buf_reserve(scratch, (size_t)count * width + bits, err);
    if (rc < 0) {
        return rc;
    }
    for (int64_t i = 0; i < count; i++) {
        dsi_int128 v = 0;
        if (!dsi_column_is_null(c, first + i)) {
            memcpy(&v, in + (size_t)i * 16, 16);
        }
        store_decimal(v, f, scratch->data + (size_t)i * width);
    }
    *out = (struct dsi_parquet_input){.values = scratch->data};
    if (bits > 0) {
        uint8_t *validity = scratch->data + (size_t)count * width;
        dsi_bits_copy(validity, c->validity, c->offset + first, count);
        out->validity = validity;
    }
    return DS_OK;
}

static int column_input(struct dsi_data_writer *w, size_t leaf,
                        const struct dsi_column *c, int64_t first, int64_t count,
                        struct ds_error *err)
{
    struct dsi_parquet_input *in = &w->inputs[leaf];

    if (c->field->type.kind == DSI_TYPE_DECIMAL) {
        return decimal_input(w, leaf, c, first, count, err);
    }
    *in = (struct dsi_parquet_input){.validity = c->validity,
                                     .values = c->values,
                                     .offset = (size_t)(c->offset + first)};
    if (dsi_layout_of(&c->field->type) == DSI_LAYOUT_BYTES) {
        in->values = NULL;
        in->bytes = c->values;
        in->wide_offsets = c->offsets64 != NULL;
        in->offsets = c->offsets ? (const void *)c->offsets : c->offsets64;
    }
    return DS_OK;
}

int dsi_data_writer_append(struct dsi_data_writer *w, const struct dsi_batch *b,
                           int64_t first, int64_t count, struct ds_error *err)
{
    int rc = DS_OK;

    if (b->column_count != w->options.schema->root.field_count || first < 0 ||
        count < 0 || first > b->rows || count > b->rows - first) {
        return dsi_fail(err, DS_EINVALID,
                        "writing %s: rows %lld to %lld of a batch of %lld rows and %zu "
                        "columns, expected %zu columns",
                        w->options.location, (long long)first, (long long)first + count,
                        (long long)b->rows, b->column_count,
                        w->options.schema->root.field_count);
    }
    while (count > 0) {
        int64_t step = count < STEP_ROWS ? count : STEP_ROWS;
        for (size_t i = 0; i < w->leaf_count; i++) {
            DSI_TRY(column_input(w, i, &b->columns[w->columns[i]], first, step, err));
        }
        DSI_TRY(dsi_parquet_writer_write(w->parquet, w->inputs, (size_t)step, err));
        w->rows += step;
        first += step;
        count -= step;
    }
done:
    return rc < 0 ? dsi_wrap(err, rc, "writing %s", w->options.location) : rc;
}

uint64_t dsi_data_writer_bytes(const struct dsi_data_writer *w)
{
    return (uint64_t)dsi_parquet_writer_size(w->parquet);
}

int64_t dsi_data_writer_rows(const struct dsi_data_writer *w)
{
    return w->rows;
}

static int compare_metrics(const void *a, const void *b)
{
    const struct dsi_column_metrics *x = a;
    const struct dsi_column_metrics *y = b;
    return (x->field_id > y->field_id) - (x->field_id < y->field_id);
}

static int describe(struct dsi_data_writer *w, const struct dsi_parquet_summary *summary,
                    struct dsi_arena *arena, struct dsi_data_file *out,
                    struct ds_error *err)
{
    struct dsi_column_metrics *columns =
        dsi_arena_array(arena, w->leaf_count, sizeof *columns);
    struct dsi_value *partition =
        dsi_arena_array(arena, w->options.partition_count, sizeof *partition);
    int64_t *splits = dsi_arena_array(arena, summary->split_count, sizeof *splits);
    char *path = dsi_arena_strdup(arena, w->options.location);
    int rc = DS_OK;

    if (!columns || !partition || !splits || !path) {
        return dsi_no_memory(err, "describing a data file");
    }
    for (size_t i = 0; i < w->leaf_count; i++) {
        size_t c = w->columns[i];
        struct dsi_metrics_source from = {&w->fields[i], &summary->columns[i],
                                          w->modes[c]};
        DSI_TRY(dsi_metrics_of_summary(&w->options.schema->root.fields[c], &from, arena,
                                       &columns[i], err));
    }
    if (w->leaf_count > 1) {
        qsort(columns, w->leaf_count, sizeof *columns, compare_metrics);
    }
    for (size_t i = 0; i < w->options.partition_count; i++) {
        DSI_TRY(dsi_value_copy(&w->options.partition[i], arena, &partition[i], err));
    }
    if (summary->split_count > 0) {
        memcpy(splits, summary->split_offsets, summary->split_count * sizeof *splits);
    }
    *out = (struct dsi_data_file){
        .content = DSI_CONTENT_DATA,
        .path = path,
        .format = DSI_FORMAT_PARQUET,
        .spec_id = w->options.spec_id,
        .partition = partition,
        .partition_count = w->options.partition_count,
        .record_count = summary->row_count,
        .file_size = summary->file_size,
        .columns = columns,
        .column_count = w->leaf_count,
        .split_offsets = splits,
        .split_offset_count = summary->split_count,
        .sort_order_id = w->options.sort_order_id,
        .first_row_id = -1,
        .content_offset = -1,
        .content_size = -1,
    };
done:
    return rc;
}

int dsi_data_writer_finish(struct dsi_data_writer *w, struct dsi_arena *arena,
                           struct dsi_data_file *out, struct ds_error *err)
{
    const struct dsi_parquet_summary *summary = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_parquet_writer_finish(w->parquet, &summary, err));
    DSI_TRY(describe(w, summary, arena, out, err));
    w->finishing = true;
    rc = dsi_sink_finish(w->sink, err);
    w->finished = rc == DS_OK || rc == DS_EEXISTS;
done:
    return rc < 0 ? dsi_wrap(err, rc, "writing %s", w->options.location) : rc;
}
