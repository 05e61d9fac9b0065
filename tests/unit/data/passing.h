// A file in memory whose rows are numbered, and filters on that number, for the tests of
// reading less.
#ifndef DSI_TEST_DATA_PASSING_H
#define DSI_TEST_DATA_PASSING_H

#include "data/data_columns.h"
#include "data/data_schema.h"
#include "model/metadata.h"
#include "unit/data/files.h"

#define PASSING_PLACE "memory:///t/data/a.parquet"

static const struct dsi_field passing_fields[] = {
    ROWS_FIELD(1, "n", true, .kind = DSI_TYPE_LONG), // The row's number.
    ROWS_FIELD(2, "s", false, .kind = DSI_TYPE_STRING),
    ROWS_FIELD(3, "d", false, .kind = DSI_TYPE_DOUBLE),
    ROWS_FIELD(4, "i", false, .kind = DSI_TYPE_INT),
    ROWS_FIELD(5, "b", false, .kind = DSI_TYPE_BOOLEAN),
    ROWS_FIELD(6, "n2", true, .kind = DSI_TYPE_LONG), // Again.
};

enum { PASSING_COLUMNS = sizeof passing_fields / sizeof *passing_fields };

struct passing {
    ds_storage *storage;
    struct dsi_schema schema;
    struct dsi_batch rows;
    struct dsi_metadata *m;
    struct dsi_data_file file;
};

// Writes `count` rows; sizes as table properties, NULL: the default.
static inline void passing_init(struct passing *p, uint64_t seed, int64_t count,
                                const char *group_bytes, const char *page_rows)
{
    struct rows_random r = {seed};
    struct dsi_batch_builder *builder = NULL;
    struct dsi_data_writer *w = NULL;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_file written;
    const struct ds_property properties[] = {
        {"write.parquet.row-group-size-bytes", group_bytes ? group_bytes : "134217728"},
        {"write.parquet.page-row-limit", page_rows ? page_rows : "20000"}};

    *p = (struct passing){.schema = rows_schema(passing_fields, PASSING_COLUMNS),
                          .file = files_data_file(PASSING_PLACE)};
    struct dsi_metadata_new new = {.properties = {properties, 2},
                                   .table_uuid = "f79c3e09-677c-4bbd-a479-3f349cb785e7",
                                   .location = "memory:///t",
                                   .schema = &p->schema};
    assert_int_equal(dsi_metadata_new(&new, &p->m, NULL), DS_OK);
    assert_int_equal(dsi_storage_mem_new(&p->storage, NULL), DS_OK);
    assert_int_equal(dsi_batch_builder_new(&p->schema, &builder, NULL), DS_OK);
    for (int64_t n = 0; n < count; n++) {
        for (size_t c = 0; c < PASSING_COLUMNS; c++) {
            uint8_t bytes[ROWS_TEXT_MAX];
            struct dsi_value v = {.kind = DSI_TYPE_LONG, .as.i64 = n};
            if (c > 0 && c < 5) {
                v = rows_value(&r, &passing_fields[c], bytes);
            }
            assert_int_equal(dsi_batch_builder_set(builder, c, &v, NULL), DS_OK);
        }
        assert_int_equal(dsi_batch_builder_end_row(builder, NULL), DS_OK);
    }
    assert_int_equal(dsi_batch_builder_take(builder, &p->rows, NULL), DS_OK);
    struct dsi_data_writer_options options = {.storage = p->storage,
                                              .location = PASSING_PLACE,
                                              .metadata = p->m,
                                              .schema = &p->schema};
    assert_int_equal(dsi_data_writer_open(&options, &w, NULL), DS_OK);
    assert_int_equal(dsi_data_writer_append(w, &p->rows, 0, count, NULL), DS_OK);
    assert_int_equal(dsi_data_writer_finish(w, &arena, &written, NULL), DS_OK);
    dsi_data_writer_close(w);
    dsi_arena_release(&arena);
    dsi_batch_builder_free(builder);
}

static inline void passing_release(struct passing *p)
{
    dsi_batch_release(&p->rows);
    dsi_metadata_unref(p->m);
    dsi_storage_free(p->storage);
}

// Rows from `low` up to `high`, and of these, so many in a thousand, by chance.
struct passing_filter {
    int64_t low;
    int64_t high;
    uint64_t per_mille;
};

static inline bool passing_passes(const struct passing_filter *f, int64_t n)
{
    struct rows_random r = {(uint64_t)n * 77 + f->per_mille};

    return n >= f->low && n < f->high && rows_next(&r) % 1000 < f->per_mille;
}

// About the first column, whatever else there is.
static inline enum dsi_match passing_match(const void *arg, int64_t rows,
                                           const struct dsi_column_metrics *columns,
                                           size_t count)
{
    const struct passing_filter *f = arg;
    int64_t low = INT64_MIN;
    int64_t high = INT64_MAX;

    assert_true(rows > 0 && count > 0);
    for (size_t i = 0; i < count; i++) {
        if (columns[i].field_id == 1 && columns[i].lower.size == 8) {
            memcpy(&low, columns[i].lower.data, 8);
            memcpy(&high, columns[i].upper.data, 8);
        }
    }
    if (high < f->low || low >= f->high) {
        return DSI_MATCH_NONE;
    }
    return f->per_mille == 1000 && low >= f->low && high < f->high ? DSI_MATCH_ALL
                                                                   : DSI_MATCH_SOME;
}

static inline enum dsi_match passing_probe(const void *arg, dsi_data_has_fn has,
                                           void *has_arg)
{
    (void)arg;
    (void)has;
    (void)has_arg;
    return DSI_MATCH_SOME;
}

static inline int passing_eval(const void *arg, const struct dsi_batch *b, int64_t *rows,
                               size_t *count, struct ds_error *err)
{
    const struct dsi_column *n = NULL;
    (void)err;

    for (size_t i = 0; i < b->column_count; i++) {
        n = b->columns[i].field->id == 1 ? &b->columns[i] : n;
    }
    assert_non_null(n);
    *count = 0;
    for (int64_t i = 0; i < b->rows; i++) {
        struct dsi_value v;
        dsi_column_value(n, i, &v);
        if (passing_passes(arg, v.as.i64)) {
            rows[(*count)++] = i;
        }
    }
    return DS_OK;
}

static inline struct dsi_data_filter passing_of(const struct passing_filter *f)
{
    return (struct dsi_data_filter){.arg = f,
                                    .ids = &passing_fields[0].id,
                                    .id_count = 1,
                                    .match = passing_match,
                                    .probe = passing_probe,
                                    .eval = passing_eval};
}

// A file that is open, and its columns in a row group.
struct passing_open {
    struct dsi_arena arena;
    struct ds_file *file;
    struct dsi_parquet_file parquet;
    struct dsi_data_columns columns;
};

static inline int passing_open(struct passing *p,
                               const struct dsi_data_reader_options *options,
                               struct passing_open *o, struct ds_error *err)
{
    *o = (struct passing_open){.arena = DSI_ARENA_INIT};
    int rc = dsi_file_open(p->storage, p->file.path, &o->file, err);
    if (rc == DS_OK) {
        rc = dsi_data_footer_read(o->file, &o->parquet, err);
    }
    if (rc == DS_OK) {
        rc = dsi_data_columns_init(&o->columns, options, o->file, &o->parquet, &o->arena,
                                   err);
    }
    return rc;
}

static inline void passing_close(struct passing_open *o)
{
    dsi_data_columns_release(&o->columns);
    dsi_parquet_file_release(&o->parquet);
    dsi_file_close(o->file);
    dsi_arena_release(&o->arena);
}

#endif
