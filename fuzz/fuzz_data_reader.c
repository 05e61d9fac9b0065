// Bytes as a data file: its schema, then every row of every column, as its own types
// and wider ones. What comes out must be what batches promise.
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/column_layout.h"
#include "data/data_file.h"

#define PLACE "memory:///f"

enum { ROWS_MAX = 100000 };

static void check_value(const struct dsi_column *c, int64_t row)
{
    struct dsi_value v;

    dsi_column_value(c, row, &v);
    bool wrong = v.null                      ? c->field->required
                 : v.kind == DSI_TYPE_STRING ? !dsi_utf8_valid(v.as.bytes)
                 : v.kind == DSI_TYPE_DECIMAL
                     ? !dsi_int128_fits(v.as.decimal, c->field->type.precision)
                     : false;
    if (wrong) {
        abort();
    }
}

// Aborts where a column breaks its promises.
static void check_column(const struct dsi_column *c, int64_t rows)
{
    bool nested = dsi_layout_of(&c->field->type) == DSI_LAYOUT_NESTED;
    int64_t below = rows;

    if (c->length < rows || c->offset != 0 || (c->field->required && c->validity)) {
        abort();
    }
    for (int64_t i = 0; !nested && i < rows; i++) {
        check_value(c, i);
    }
    if (nested && dsi_layout_has_offsets(&c->field->type)) {
        below = c->offsets[rows];
        for (int64_t i = 0; i < rows; i++) {
            if (c->offsets[0] != 0 || c->offsets[i] > c->offsets[i + 1]) {
                abort();
            }
        }
    }
    for (size_t i = 0; i < c->child_count; i++) {
        check_column(&c->children[i], below);
    }
}

static void check(const struct dsi_batch *b)
{
    for (size_t c = 0; c < b->column_count; c++) {
        if (b->columns[c].length != b->rows) {
            abort();
        }
        check_column(&b->columns[c], b->rows);
    }
}

// A filter that lets some values pass: it is asked for rows, and proves nothing.
static bool passes(const struct dsi_column *c, int64_t row)
{
    struct dsi_value v;

    if (dsi_layout_of(&c->field->type) == DSI_LAYOUT_NESTED ||
        dsi_column_is_null(c, row)) {
        return dsi_column_is_null(c, row);
    }
    dsi_column_value(c, row, &v);
    return dsi_layout_of(&c->field->type) == DSI_LAYOUT_BYTES ? v.as.bytes.size % 3 == 0
                                                              : row % 40 == 0;
}

static enum dsi_match match_some(const void *arg, int64_t rows,
                                 const struct dsi_column_metrics *columns, size_t count)
{
    (void)arg;
    (void)rows;
    (void)columns;
    (void)count;
    return DSI_MATCH_SOME;
}

static enum dsi_match probe_some(const void *arg, dsi_data_has_fn has, void *has_arg)
{
    const struct dsi_value v = {.kind = DSI_TYPE_LONG, .as.i64 = 7};

    has(has_arg, *(const int32_t *)arg, &v);
    return DSI_MATCH_SOME;
}

static int eval_some(const void *arg, const struct dsi_batch *b, int64_t *rows,
                     size_t *count, struct ds_error *err)
{
    (void)arg;
    (void)err;
    *count = 0;
    for (int64_t i = 0; i < b->rows; i++) {
        rows[*count] = i;
        *count += passes(&b->columns[0], i);
    }
    return DS_OK;
}

// One way of reading the rows; -1: it failed.
static int64_t read_rows(ds_storage *s, const struct dsi_schema *schema, int way)
{
    const int32_t id = schema->root.fields[0].id;
    struct dsi_data_filter filter = {&id, &id, 1, match_some, probe_some, eval_some};
    struct dsi_data_file file = {.path = PLACE, .format = DSI_FORMAT_PARQUET};
    struct dsi_data_reader_options options = {.storage = s,
                                              .file = &file,
                                              .schema = schema,
                                              .own_schema = true,
                                              .batch_rows_max = 100,
                                              .batch_bytes_max = 5000};
    struct dsi_data_reader *r = NULL;
    struct ds_error err = {0};
    int64_t rows = 0;
    options.fetch_bytes_max = way > 0 ? 300 : 0; // Small windows.
    options.part_count = way > 0 ? 2 : 0;
    options.part = way == 2;
    options.filter = way == 3 ? &filter : NULL;
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
    return rc < 0 ? -1 : rows;
}

// Its two halves have as many rows as the whole, where all can be read.
static void read_ways(ds_storage *s, const struct dsi_schema *schema)
{
    int64_t rows = read_rows(s, schema, 0);
    int64_t first = read_rows(s, schema, 1);
    int64_t second = read_rows(s, schema, 2);

    if (rows >= 0 && rows < ROWS_MAX && first >= 0 && second >= 0 &&
        first + second != rows) {
        abort();
    }
    read_rows(s, schema, 3);
}

// One column as a schema of its own, so that an odd one does not hide the others; the
// second time as the type it may be promoted to.
static void read_column(ds_storage *s, const struct dsi_field *f)
{
    struct dsi_field wide = *f;
    struct dsi_schema schema = {
        .root = {.kind = DSI_TYPE_STRUCT, .fields = &wide, .field_count = 1}};

    read_ways(s, &schema);
    wide.type.kind = f->type.kind == DSI_TYPE_INT     ? DSI_TYPE_LONG
                     : f->type.kind == DSI_TYPE_FLOAT ? DSI_TYPE_DOUBLE
                                                      : f->type.kind;
    if (f->type.kind == DSI_TYPE_DECIMAL) {
        wide.type.precision = 38;
    }
    if (!dsi_type_equal(&wide.type, &f->type)) {
        read_ways(s, &schema);
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
