// A whole file: its schema, then every row of all columns together and of each alone; in
// parts, and through a filter, which leads through the indexes.
// What comes out is handed to the importer, which believes nothing. libFuzzer changes
// files by parquet_mutate.h; the standalone form of the target does so too.
#include <stdlib.h>
#include <string.h>

#include "data/arrow_io.h"
#include "data/data_file.h"
#include "fuzz/parquet_mutate.h"

#define PLACE "memory:///f"

enum { ROWS_MAX = 200000, BATCH_ROWS = 1000, CHANGES_MAX = 3 };

// Out by one door and in by the other, where everything is checked.
static void check(const struct dsi_schema *schema, struct dsi_batch *b)
{
    struct ArrowSchema arrow;
    struct ArrowArray array;
    struct dsi_arrow_import *import = NULL;
    struct dsi_batch again;
    struct ds_error err = {0};
    int64_t rows = b->rows;

    if (dsi_arrow_schema_write(schema, &arrow, &err) < 0 ||
        dsi_arrow_import_new(&arrow, schema, &import, &err) < 0 ||
        dsi_arrow_export_batch(b, &array, &err) < 0 ||
        dsi_arrow_import_batch(import, &array, 0, &again, &err) < 0 ||
        again.rows != rows) {
        abort();
    }
    dsi_batch_release(&again);
    dsi_arrow_import_free(import);
    arrow.release(&arrow);
}

// Rows until the end, or a negative status.
static int64_t read_rows(const struct dsi_data_reader_options *options)
{
    struct dsi_data_reader *r = NULL;
    struct ds_error err = {0};
    int64_t rows = 0;
    int rc = dsi_data_reader_open(options, &r, &err);

    while (rc >= 0 && rows < ROWS_MAX) {
        struct dsi_batch b;
        rc = dsi_data_reader_next(r, &b, &err);
        if (rc != DS_ROW) {
            break;
        }
        rows += b.rows;
        check(options->output ? options->output : options->schema, &b);
        dsi_batch_release(&b);
    }
    if (rc < 0 && err.message[0] == '\0') {
        abort(); // A failure without words.
    }
    dsi_data_reader_close(r);
    return rc < 0 ? rc : rows;
}

// A filter that believes bounds and asks filters and dictionaries, and takes every second
// row of a batch.
static enum dsi_match match(const void *arg, int64_t rows,
                            const struct dsi_column_metrics *columns, size_t count)
{
    (void)arg;
    return count > 0 && columns[0].lower.data && rows % 7 == 3 ? DSI_MATCH_NONE
                                                               : DSI_MATCH_SOME;
}

static enum dsi_match probe(const void *arg, dsi_data_has_fn has, void *has_arg)
{
    const struct dsi_field *f = arg;
    const struct dsi_value zero = {.kind = f->type.kind};

    return f->type.field_count > 0 || has(has_arg, f->id, &zero) ? DSI_MATCH_SOME
                                                                 : DSI_MATCH_NONE;
}

static int eval(const void *arg, const struct dsi_batch *b, int64_t *rows, size_t *count,
                struct ds_error *err)
{
    (void)arg;
    (void)err;
    *count = 0;
    for (int64_t i = b->rows % 2; i < b->rows; i += 2) {
        rows[(*count)++] = i;
    }
    return DS_OK;
}

static void read_all_ways(ds_storage *s, const struct dsi_schema *schema, size_t size)
{
    struct dsi_data_file file = {
        .path = PLACE, .format = DSI_FORMAT_PARQUET, .file_size = (int64_t)size};
    struct dsi_data_reader_options options = {.storage = s,
                                              .file = &file,
                                              .schema = schema,
                                              .own_schema = true,
                                              .batch_rows_max = BATCH_ROWS};
    int64_t all = read_rows(&options);
    const struct dsi_field *first = &schema->root.fields[0];
    const struct dsi_data_filter filter = {.arg = first,
                                           .ids = &first->id,
                                           .id_count = 1,
                                           .match = match,
                                           .probe = probe,
                                           .eval = eval};

    options.part_count = 2;
    int64_t part = read_rows(&options);
    options.part = 1;
    int64_t other = read_rows(&options);
    if (all >= 0 && all < ROWS_MAX && part >= 0 && other >= 0 && part + other != all) {
        abort();
    }
    options.part_count = 0;
    options.part = 0;
    options.filter = &filter;
    int64_t some = read_rows(&options);
    if (all >= 0 && all < ROWS_MAX && some > all) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema schema;
    ds_storage *s = NULL;

    if (dsi_storage_mem_new(&s, NULL) < 0 ||
        dsi_storage_put(s, PLACE, (struct ds_slice){data, size}, 0, NULL) < 0) {
        abort();
    }
    if (dsi_data_file_schema(s, PLACE, &arena, &schema, NULL) == DS_OK &&
        schema.root.field_count > 0) {
        size_t count = schema.root.field_count;
        read_all_ways(s, &schema, size);
        for (size_t i = 0; count > 1 && i < count && i < 16; i++) {
            struct dsi_schema one = schema;
            one.root.fields = &schema.root.fields[i];
            one.root.field_count = 1;
            read_all_ways(s, &one, size);
        }
    }
    dsi_arena_release(&arena);
    dsi_storage_free(s);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    struct dsi_buf out = DSI_BUF_INIT;

    for (unsigned int i = 0; i < CHANGES_MAX; i++) {
        out.size = 0;
        if (dsi_parquet_mutate((struct ds_slice){data, size}, seed + i, &out) &&
            out.size <= max) {
            memcpy(data, out.data, out.size);
            size = out.size;
            break;
        }
    }
    dsi_buf_release(&out);
    return size;
}
