// A whole file: its schema, then every row of all columns together and of each alone.
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

static void read_rows(ds_storage *s, const struct dsi_schema *schema)
{
    struct dsi_data_file file = {.path = PLACE, .format = DSI_FORMAT_PARQUET};
    struct dsi_data_reader_options options = {
        .storage = s, .file = &file, .schema = schema, .batch_rows_max = BATCH_ROWS};
    struct dsi_data_reader *r = NULL;
    struct ds_error err = {0};
    int64_t rows = 0;
    int rc = dsi_data_reader_open(&options, &r, &err);

    while (rc >= 0 && rows < ROWS_MAX) {
        struct dsi_batch b;
        rc = dsi_data_reader_next(r, &b, &err);
        if (rc != DS_ROW) {
            break;
        }
        rows += b.rows;
        check(schema, &b);
        dsi_batch_release(&b);
    }
    if (rc < 0 && err.message[0] == '\0') {
        abort(); // A failure without words.
    }
    dsi_data_reader_close(r);
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
    if (dsi_data_file_schema(s, PLACE, &arena, &schema, NULL) == DS_OK) {
        size_t count = schema.root.field_count;
        read_rows(s, &schema);
        for (size_t i = 0; count > 1 && i < count && i < 16; i++) {
            struct dsi_schema one = schema;
            one.root.fields = &schema.root.fields[i];
            one.root.field_count = 1;
            read_rows(s, &one);
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
