#include "data/data_source.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "data/data_schema.h"
#include "unit/data/files.h"
#include "unit/data/nested_slots.h"

// The first row group of a golden file, one of its columns being read.
struct reading {
    ds_storage *storage;
    struct ds_file *file;
    struct dsi_parquet_file parquet;
    struct dsi_arena arena;
    struct dsi_data_source *source;
    struct dsi_buf chunks[8];
    struct dsi_data_chunk bytes[8];
    struct dsi_data_io io;
    struct dsi_batch batch;
};

static int fetch(struct reading *r, struct ds_error *err)
{
    size_t leaves = dsi_data_source_leaf_count(r->source);
    int rc = DS_OK;

    assert_true(leaves <= 8);
    for (size_t i = 0; i < leaves; i++) {
        const struct dsi_parquet_chunk *c =
            &r->parquet.row_groups[0].columns[dsi_data_source_leaf(r->source, i)->leaf];
        DSI_TRY(dsi_buf_reserve(&r->chunks[i], (size_t)c->size, err));
        DSI_TRY(dsi_file_read(r->file, (uint64_t)c->offset, r->chunks[i].data,
                              (size_t)c->size, err));
        r->chunks[i].size = (size_t)c->size;
        r->bytes[i] = (struct dsi_data_chunk){
            .mode = DSI_CHUNK_WHOLE, .chunk = c, .head = dsi_buf_slice(&r->chunks[i])};
    }
done:
    return rc;
}

// Always to be closed, whatever it returns.
static int open_reading(struct reading *r, const char *location,
                        const struct dsi_schema *schema, struct ds_error *err)
{
    struct dsi_data_file file = files_data_file(location);
    struct dsi_data_reader_options options = {.file = &file, .schema = schema};
    struct dsi_data_origin *origins = NULL;
    int rc = DS_OK;

    *r = (struct reading){0};
    DSI_TRY(dsi_storage_local_new(&r->storage, err));
    DSI_TRY(dsi_file_open(r->storage, location, &r->file, err));
    DSI_TRY(dsi_data_footer_read(r->file, &r->parquet, err));
    DSI_TRY(dsi_data_origins(&options, &r->parquet, &r->arena, &origins, err));
    DSI_TRY(dsi_data_source_new(&origins[0], &r->source, err));
    DSI_TRY(fetch(r, err));
    DSI_TRY(dsi_batch_init(&r->batch, schema, err));
    DSI_TRY(dsi_data_source_begin(r->source, &r->io, &r->parquet.row_groups[0], r->bytes,
                                  0, err));
done:
    return rc;
}

static void close_reading(struct reading *r)
{
    dsi_batch_release(&r->batch);
    dsi_data_source_free(r->source);
    for (size_t i = 0; i < 8; i++) {
        dsi_buf_release(&r->chunks[i]);
    }
    dsi_parquet_file_release(&r->parquet);
    dsi_arena_release(&r->arena);
    dsi_file_close(r->file);
    dsi_storage_free(r->storage);
}

static void assert_name(const struct dsi_column *c, int64_t row, int n)
{
    char name[16];
    snprintf(name, sizeof name, "name %d", n);
    assert_true(dsi_slice_equal(dsi_column_bytes(c, row), dsi_slice_text(name)));
}

static void test_data_source__reads_skips_and_gives_back(void **state)
{
    static const struct dsi_field name =
        ROWS_FIELD(4, "s", false, .kind = DSI_TYPE_STRING);
    struct dsi_schema schema = rows_schema(&name, 1);
    struct reading r;
    (void)state;

    assert_int_equal(open_reading(&r, FILES_GOLDEN("narrow.parquet"), &schema, NULL),
                     DS_OK);
    struct dsi_column *c = &r.batch.columns[0];
    assert_int_equal(dsi_data_source_read(r.source, 10, 0, &r.batch, c, NULL), DS_OK);
    assert_int_equal(c->length, 10);
    assert_name(c, 9, 9);
    assert_int_equal(dsi_data_source_give_back(r.source, 4, c, NULL), DS_OK);
    assert_int_equal(c->length, 4);
    assert_int_equal(dsi_data_source_row(r.source), 4);
    assert_int_equal(dsi_data_source_skip(r.source, 20, NULL), DS_OK);
    assert_int_equal(dsi_data_source_read(r.source, 100, 70, &r.batch, c, NULL), DS_OK);
    assert_int_equal(c->length, 10); // "name 24" and on: 70 bytes.
    assert_name(c, 0, 24);
    assert_int_equal(dsi_data_source_read(r.source, 100, 3, &r.batch, c, NULL), DS_OK);
    assert_int_equal(c->length, 1); // Larger alone than the limit: alone.
    assert_name(c, 0, 34);
    assert_int_equal(dsi_data_source_skip(r.source, 16, NULL), DS_ECORRUPT);
    close_reading(&r);
}

enum { DEEP_ROWS = 200, DEEP_TEXT = 4096 };

static char deep_text[DEEP_ROWS][DEEP_TEXT]; // Each row in words.

static void print_row(const struct dsi_column *c, int64_t row, char out[DEEP_TEXT])
{
    struct dsi_buf text = DSI_BUF_INIT;

    nested_print(c, row, &text);
    assert_true(text.size < DEEP_TEXT);
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    dsi_buf_release(&text);
}

static void check_rows(const struct dsi_column *c, const int64_t *rows, int64_t count)
{
    char text[DEEP_TEXT];

    for (int64_t i = 0; i < count; i++) {
        print_row(c, i, text);
        assert_string_equal(text, deep_text[rows[i]]);
    }
}

// Does something at random with the source, and compares what comes of it.
static void step(struct reading *r, struct rows_random *random)
{
    struct dsi_column *c = &r->batch.columns[0];
    int64_t at = dsi_data_source_row(r->source);
    int64_t left = DEEP_ROWS - at;
    int64_t rows[DEEP_ROWS];
    size_t bytes_max = (size_t)rows_below(random, 3) * 60;
    int64_t pick = rows_below(random, 4);
    int64_t count = 0;

    if (left == 0 || pick == 0) {
        at = rows_below(random, DEEP_ROWS);
        assert_int_equal(dsi_data_source_seek(r->source, at, NULL), DS_OK);
        return;
    }
    if (pick == 1) {
        int64_t skip = rows_below(random, left + 1);
        assert_int_equal(dsi_data_source_skip(r->source, skip, NULL), DS_OK);
        return;
    }
    if (pick == 2) {
        for (int64_t row = at; row < DEEP_ROWS && count < 40; row++) {
            if (rows_below(random, 3) == 0) {
                rows[count++] = row - at;
            }
        }
        if (count == 0) {
            return;
        }
        assert_int_equal(dsi_data_source_pick(r->source, rows, (size_t)count, bytes_max,
                                              &r->batch, c, NULL),
                         DS_OK);
        assert_true(c->length >= 1 && c->length <= count);
        for (int64_t i = 0; i < c->length; i++) {
            rows[i] += at;
        }
        check_rows(c, rows, c->length);
        assert_int_equal(dsi_data_source_row(r->source), rows[c->length - 1] + 1);
        return;
    }
    count = 1 + rows_below(random, 50);
    assert_int_equal(
        dsi_data_source_read(r->source, count, bytes_max, &r->batch, c, NULL), DS_OK);
    assert_true(c->length >= 1 && c->length <= (count < left ? count : left));
    int64_t keep = rows_below(random, c->length + 1);
    assert_int_equal(dsi_data_source_give_back(r->source, keep, c, NULL), DS_OK);
    for (int64_t i = 0; i < keep; i++) {
        rows[i] = at + i;
    }
    check_rows(c, rows, keep);
}

static void test_data_source__reads_nested_rows_from_anywhere(void **state)
{
    static const char *const files[] = {FILES_GOLDEN("deep_v1.parquet"),
                                        FILES_GOLDEN("deep_v2.parquet")};
    (void)state;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        const char *file = files[seed % 2];
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct rows_random random = {seed};
        struct dsi_schema schema;
        struct reading r;
        ds_storage *local = NULL;
        assert_int_equal(dsi_storage_local_new(&local, NULL), DS_OK);
        assert_int_equal(dsi_data_file_schema(local, file, &arena, &schema, NULL), DS_OK);
        dsi_storage_free(local);
        assert_int_equal(open_reading(&r, file, &schema, NULL), DS_OK);
        struct dsi_column *c = &r.batch.columns[0];
        assert_int_equal(dsi_data_source_read(r.source, 1000, 0, &r.batch, c, NULL),
                         DS_OK);
        assert_int_equal(c->length, DEEP_ROWS);
        for (int64_t i = 0; i < DEEP_ROWS; i++) {
            print_row(c, i, deep_text[i]);
        }
        assert_string_equal(deep_text[3], "null");
        assert_string_equal(deep_text[1], "{1,[{null,[key 0:[]]}]}");
        for (int i = 0; i < 100; i++) {
            step(&r, &random);
        }
        close_reading(&r);
        dsi_arena_release(&arena);
    }
}

static void test_data_source__makes_up_what_is_not_in_the_file(void **state)
{
    static const struct dsi_field gone = {
        99, false, "gone", NULL, {.kind = DSI_TYPE_INT}, "42", NULL};
    struct dsi_schema schema = rows_schema(&gone, 1);
    struct reading r;
    struct dsi_value v;
    (void)state;

    assert_int_equal(open_reading(&r, FILES_GOLDEN("narrow.parquet"), &schema, NULL),
                     DS_OK);
    struct dsi_column *c = &r.batch.columns[0];
    assert_int_equal(dsi_data_source_leaf_count(r.source), 0);
    assert_int_equal(dsi_data_source_read(r.source, 10, 0, &r.batch, c, NULL), DS_OK);
    assert_int_equal(c->length, 10);
    dsi_column_value(c, 9, &v);
    assert_int_equal(v.as.i32, 42);
    assert_int_equal(dsi_data_source_give_back(r.source, 3, c, NULL), DS_OK);
    assert_int_equal(dsi_data_source_row(r.source), 3);
    close_reading(&r);
}

static void test_data_source__survives_every_fault(void **state)
{
    static const struct dsi_field name =
        ROWS_FIELD(4, "s", false, .kind = DSI_TYPE_STRING);
    struct dsi_schema schema = rows_schema(&name, 1);
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        struct reading r;
        int rc = open_reading(&r, FILES_GOLDEN("narrow.parquet"), &schema, &err);
        if (rc == DS_OK) {
            struct dsi_column *c = &r.batch.columns[0];
            rc = dsi_data_source_read(r.source, 20, 0, &r.batch, c, &err);
            if (rc == DS_OK) {
                rc = dsi_data_source_give_back(r.source, 10, c, &err);
            }
            if (rc == DS_OK) {
                rc = dsi_data_source_read(r.source, 20, 0, &r.batch, c, &err);
            }
            if (rc == DS_OK) {
                assert_name(c, 19, 29);
            }
        }
        dsi_fault_stop();
        assert_int_equal(rc < 0, plan.name != NULL);
        close_reading(&r);
    }
    assert_true(plan.target > 20);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_source__reads_skips_and_gives_back),
        cmocka_unit_test(test_data_source__reads_nested_rows_from_anywhere),
        cmocka_unit_test(test_data_source__makes_up_what_is_not_in_the_file),
        cmocka_unit_test(test_data_source__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_source", tests, NULL, NULL);
}
