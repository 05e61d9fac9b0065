// Bytes as a data file: its schema, then every row of every flat column, as its own types
// and wider ones. What comes out must be what batches promise.
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/column_layout.h"
#include "data/data_file.h"

#define PLACE "memory:///f"

enum { ROWS_MAX = 100000 };

// Aborts where a batch breaks its promises.
static void check(const struct dsi_batch *b)
{
    for (size_t c = 0; c < b->column_count; c++) {
        const struct dsi_column *column = &b->columns[c];
        if (column->length != b->rows) {
            abort();
        }
        for (int64_t i = 0; i < b->rows; i++) {
            struct dsi_value v;
            dsi_column_value(column, i, &v);
            bool wrong =
                v.null ? column->field->required
                : v.kind == DSI_TYPE_STRING
                    ? !dsi_utf8_valid(v.as.bytes)
                    : v.kind == DSI_TYPE_DECIMAL &&
                          !dsi_int128_fits(v.as.decimal, column->field->type.precision);
            if (wrong) {
                abort();
            }
        }
    }
}

static void read_rows(ds_storage *s, const struct dsi_schema *schema)
{
    struct dsi_data_file file = {.path = PLACE, .format = DSI_FORMAT_PARQUET};
    struct dsi_data_reader_options options = {
        .storage = s, .file = &file, .schema = schema, .batch_rows_max = 1000};
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
        check(&b);
        rows += b.rows;
        dsi_batch_release(&b);
    }
    if (rc < 0 && err.message[0] == '\0') {
        abort(); // A failure without words.
    }
    dsi_data_reader_close(r);
}

// One column as a schema of its own, so that an odd one does not hide the others; the
// second time as the type it may be promoted to.
static void read_column(ds_storage *s, const struct dsi_field *f)
{
    struct dsi_field wide = *f;
    struct dsi_schema schema = {
        .root = {.kind = DSI_TYPE_STRUCT, .fields = &wide, .field_count = 1}};

    if (f->type.field_count > 0) {
        return;
    }
    read_rows(s, &schema);
    wide.type.kind = f->type.kind == DSI_TYPE_INT     ? DSI_TYPE_LONG
                     : f->type.kind == DSI_TYPE_FLOAT ? DSI_TYPE_DOUBLE
                                                      : f->type.kind;
    if (f->type.kind == DSI_TYPE_DECIMAL) {
        wide.type.precision = 38;
    }
    if (!dsi_type_equal(&wide.type, &f->type)) {
        read_rows(s, &schema);
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
    if (dsi_data_file_schema(s, PLACE, &arena, &schema, NULL) == DS_OK) {
        for (size_t i = 0; i < schema.root.field_count && i < 64; i++) {
            read_column(s, &schema.root.fields[i]);
        }
    }
    dsi_arena_release(&arena);
    dsi_storage_free(s);
    return 0;
}
