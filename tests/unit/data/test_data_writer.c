#include "base/fault.h"
#include "base/text.h"
#include "unit/data/files.h"
#include "unit/data/nested.h"

#define PLACE "memory:///t/data/a.parquet"

static ds_storage *memory;

static int open_storage(void **state)
{
    (void)state;
    return dsi_storage_mem_new(&memory, NULL);
}

static int close_storage(void **state)
{
    (void)state;
    dsi_storage_free(memory);
    return 0;
}

static bool is_there(void)
{
    struct ds_file_info info;
    return dsi_storage_stat(memory, PLACE, &info, NULL) == DS_OK;
}

// Writes a batch, cut at random places, and describes the file.
static int write_file(struct rows_random *r, const struct dsi_batch *b,
                      const struct dsi_metadata *m, struct dsi_arena *arena,
                      struct dsi_data_file *out, struct ds_error *err)
{
    static const struct dsi_value partition[] = {{.kind = DSI_TYPE_INT, .as.i32 = 9}};
    struct dsi_data_writer_options options = {.storage = memory,
                                              .location = PLACE,
                                              .metadata = m,
                                              .schema = b->schema,
                                              .spec_id = 4,
                                              .partition = partition,
                                              .partition_count = 1};
    struct dsi_data_writer *w = NULL;
    int rc = dsi_data_writer_open(&options, &w, err);

    for (int64_t at = 0; rc == DS_OK && at < b->rows;) {
        int64_t count = 1 + rows_below(r, b->rows - at);
        rc = dsi_data_writer_append(w, b, at, count, err);
        at += count;
        assert_true(rc < 0 || dsi_data_writer_rows(w) == at);
    }
    if (rc == DS_OK) {
        assert_false(is_there()); // (1) Nothing has a name before finish.
        rc = dsi_data_writer_finish(w, arena, out, err);
    }
    dsi_data_writer_close(w);
    return rc;
}

static int read_file(const struct dsi_data_file *file, const struct dsi_schema *schema,
                     int64_t batch_max, struct dsi_batch *out, struct ds_error *err)
{
    struct dsi_data_reader_options options = {.storage = memory,
                                              .file = file,
                                              .schema = schema,
                                              .batch_rows_max = batch_max,
                                              .batch_bytes_max = (size_t)batch_max};
    return files_read_all(&options, out, err);
}

// What is true of a column by looking at every value of it.
static void check_metrics(const struct dsi_batch *b, const struct dsi_data_file *f)
{
    assert_int_equal(f->column_count, b->column_count);
    for (size_t c = 0; c < b->column_count; c++) {
        const struct dsi_column_metrics *m = &f->columns[c];
        const struct dsi_field *field = b->columns[c].field;
        int64_t nulls = 0;
        int64_t nans = 0;
        struct dsi_value low = DSI_VALUE_NULL;
        struct dsi_value high = DSI_VALUE_NULL;
        assert_int_equal(m->field_id, field->id);
        if (m->lower.data) {
            assert_int_equal(dsi_value_from_bytes(&field->type, m->lower, &low, NULL),
                             DS_OK);
        }
        if (m->upper.data) {
            assert_int_equal(dsi_value_from_bytes(&field->type, m->upper, &high, NULL),
                             DS_OK);
        }
        for (int64_t i = 0; i < b->rows; i++) {
            struct dsi_value v;
            dsi_column_value(&b->columns[c], i, &v);
            nulls += v.null;
            if (v.null || dsi_value_is_nan(&v)) {
                nans += !v.null;
                continue;
            }
            assert_false(low.null); // A value that can be compared: there are bounds.
            assert_true(dsi_value_compare(&low, &v) <= 0);
            assert_true(high.null || dsi_value_compare(&high, &v) >= 0);
        }
        assert_int_equal(m->value_count, b->rows);
        assert_int_equal(m->null_count, nulls);
        bool floats =
            field->type.kind == DSI_TYPE_FLOAT || field->type.kind == DSI_TYPE_DOUBLE;
        assert_int_equal(m->nan_count, floats ? nans : -1);
        assert_true(m->column_size > 0 || b->rows == 0);
    }
}

static const struct ds_property *properties(struct rows_random *r, size_t *count)
{
    static const char *const codecs[] = {"zstd",    "gzip",         "snappy",
                                         "lz4_raw", "uncompressed", "brotli"};
    static struct ds_property p[4];
    p[0] =
        (struct ds_property){"write.parquet.compression-codec", codecs[rows_below(r, 6)]};
    p[1] = (struct ds_property){"write.parquet.dict-size-bytes",
                                rows_below(r, 2) ? "100" : "2000000"};
    p[2] = (struct ds_property){"write.parquet.page-row-limit",
                                rows_below(r, 2) ? "7" : "20000"};
    p[3] = (struct ds_property){"write.parquet.row-group-size-bytes",
                                rows_below(r, 2) ? "4000" : "134217728"};
    *count = 4;
    return p;
}

static void test_data_writer__writes_what_is_read_back(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    (void)state;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct rows_random r = {seed};
        struct dsi_metadata m = {0};
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_data_file file;
        struct dsi_batch b;
        struct dsi_batch back;
        struct ds_error err = {0};
        print_message("  seed %llu\n", (unsigned long long)seed);
        m.properties = properties(&r, &m.property_count);
        assert_int_equal(rows_make(&r, &schema, rows_below(&r, 400), &b, &err), DS_OK);
        if (write_file(&r, &b, &m, &arena, &file, &err) < 0 ||
            read_file(&file, &schema, rows_below(&r, 200), &back, &err) < 0) {
            fail_msg("%s", err.message);
        }
        assert_int_equal(back.rows, b.rows);
        for (int64_t i = 0; i < b.rows; i++) {
            rows_assert_same(&b, i, &back, i);
        }
        check_metrics(&b, &file);
        assert_int_equal(file.record_count, b.rows);
        assert_int_equal(file.spec_id, 4);
        assert_int_equal(file.partition_count, 1);
        assert_int_equal(file.partition[0].as.i32, 9);
        assert_string_equal(file.path, PLACE);
        struct ds_file_info info;
        assert_int_equal(dsi_storage_stat(memory, PLACE, &info, NULL), DS_OK);
        assert_int_equal(info.size, file.file_size);
        for (size_t i = 1; i < file.split_offset_count; i++) {
            assert_true(file.split_offsets[i] > file.split_offsets[i - 1]);
        }
        assert_int_equal(dsi_storage_remove(memory, PLACE, NULL), DS_OK);
        dsi_batch_release(&back);
        dsi_batch_release(&b);
        dsi_arena_release(&arena);
    }
}

static void test_data_writer__writes_slices_with_their_offsets(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct rows_random r = {77};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_file file;
    struct dsi_batch b;
    struct dsi_batch slice;
    struct dsi_batch back;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(rows_make(&r, &schema, 90, &b, &err), DS_OK);
    assert_int_equal(dsi_batch_slice(&b, 13, 61, &slice, &err), DS_OK);
    assert_int_equal(write_file(&r, &slice, NULL, &arena, &file, &err), DS_OK);
    assert_int_equal(read_file(&file, &schema, 0, &back, &err), DS_OK);
    assert_int_equal(back.rows, 61);
    for (int64_t i = 0; i < 61; i++) {
        rows_assert_same(&b, 13 + i, &back, i);
    }
    assert_int_equal(dsi_storage_remove(memory, PLACE, NULL), DS_OK);
    dsi_batch_release(&back);
    dsi_batch_release(&slice);
    dsi_batch_release(&b);
    dsi_arena_release(&arena);
}

static void read_bytes(struct dsi_buf *out)
{
    struct ds_file_info info;
    struct ds_file *f = NULL;

    assert_int_equal(dsi_storage_stat(memory, PLACE, &info, NULL), DS_OK);
    assert_int_equal(dsi_file_open(memory, PLACE, &f, NULL), DS_OK);
    assert_int_equal(dsi_buf_append_zero(out, (size_t)info.size, NULL), DS_OK);
    assert_int_equal(dsi_file_read(f, 0, out->data, out->size, NULL), DS_OK);
    dsi_file_close(f);
}

static bool is_in_list(const struct dsi_type *t, int32_t id, bool in_list)
{
    in_list = in_list || t->kind == DSI_TYPE_LIST || t->kind == DSI_TYPE_MAP;
    for (size_t i = 0; i < t->field_count; i++) {
        if ((t->fields[i].id == id && in_list) ||
            is_in_list(&t->fields[i].type, id, in_list)) {
            return true;
        }
    }
    return false;
}

// Sizes everywhere, counts outside of lists, bounds of what has an order.
static void check_nested_metrics(const struct dsi_batch *b, const struct dsi_data_file *f)
{
    for (size_t i = 0; i < f->column_count; i++) {
        const struct dsi_column_metrics *m = &f->columns[i];
        const struct dsi_field *field = dsi_schema_field(b->schema, m->field_id);
        assert_non_null(field);
        assert_true(field->type.field_count == 0);
        assert_true(i == 0 || f->columns[i - 1].field_id < m->field_id);
        assert_true(m->column_size > 0 || b->rows == 0);
        if (is_in_list(&b->schema->root, m->field_id, false)) {
            assert_int_equal(m->value_count, -1);
            assert_true(!m->lower.data && !m->upper.data);
            continue;
        }
        assert_int_equal(m->value_count, b->rows);
        assert_true(m->null_count >= 0 && m->null_count <= b->rows);
        bool bounds = field->type.kind != DSI_TYPE_VARIANT && m->null_count < b->rows;
        assert_int_equal(m->lower.data != NULL, bounds);
    }
}

// The file has the rows of the batch, batch by batch.
static void check_nested_rows(const struct dsi_batch *b, const struct dsi_data_file *file,
                              int64_t batch_max)
{
    const struct dsi_metadata m = {0};
    const struct dsi_data_reader_options options = {.storage = memory,
                                                    .file = file,
                                                    .metadata = &m,
                                                    .schema = b->schema,
                                                    .batch_rows_max = batch_max};
    struct dsi_data_reader *r = NULL;
    struct dsi_batch got;
    struct ds_error err = {0};
    int64_t at = 0;
    int rc = dsi_data_reader_open(&options, &r, &err);

    while (rc >= 0 && (rc = dsi_data_reader_next(r, &got, &err)) == DS_ROW) {
        assert_true(got.rows <= b->rows - at);
        for (size_t c = 0; c < b->column_count; c++) {
            for (int64_t row = 0; row < got.rows; row++) {
                assert_true(nested_same(&b->columns[c], at + row, &got.columns[c], row));
            }
        }
        at += got.rows;
        dsi_batch_release(&got);
    }
    if (rc < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(at, b->rows);
    dsi_data_reader_close(r);
}

static void test_data_writer__gives_the_same_bytes_for_any_cut_of_nested_rows(void **s)
{
    (void)s;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct rows_random r = {seed};
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_schema schema = nested_schema(&r, 4, seed % 2 == 0, &arena);
        struct dsi_metadata m = {0};
        struct dsi_buf first = DSI_BUF_INIT;
        struct dsi_data_file file;
        struct dsi_batch b;
        struct ds_error err = {0};
        m.properties = properties(&r, &m.property_count);
        nested_make(&r, &schema, rows_below(&r, 300), &b);
        for (int i = 0; i < 3; i++) {
            struct dsi_buf bytes = DSI_BUF_INIT;
            if (write_file(&r, &b, &m, &arena, &file, &err) < 0) {
                fail_msg("seed %llu: %s", (unsigned long long)seed, err.message);
            }
            check_nested_metrics(&b, &file);
            check_nested_rows(&b, &file, 1 + rows_below(&r, 200));
            read_bytes(i == 0 ? &first : &bytes);
            if (i > 0 && (bytes.size != first.size ||
                          memcmp(bytes.data, first.data, bytes.size) != 0)) {
                fail_msg("seed %llu: another file", (unsigned long long)seed);
            }
            dsi_buf_release(&bytes);
            assert_int_equal(dsi_storage_remove(memory, PLACE, NULL), DS_OK);
        }
        dsi_buf_release(&first);
        dsi_batch_release(&b);
        dsi_arena_release(&arena);
    }
}

static void test_data_writer__survives_every_fault_with_nested_rows(void **state)
{
    struct rows_random r = {21};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema schema = nested_schema(&r, 4, false, &arena);
    struct dsi_fault_plan plan = {0};
    struct dsi_batch b;
    (void)state;

    nested_make(&r, &schema, 30, &b);
    while (dsi_fault_next(&plan)) {
        struct dsi_arena mine = DSI_ARENA_INIT;
        struct dsi_data_file file;
        struct ds_error err = {0};
        int rc = write_file(&r, &b, NULL, &mine, &file, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || (plan.name && err.message[0] != '\0'));
        assert_int_equal(is_there(), rc == DS_OK);
        assert_int_equal(dsi_storage_remove(memory, PLACE, NULL), DS_OK);
        dsi_arena_release(&mine);
    }
    assert_true(plan.target > 100);
    dsi_batch_release(&b);
    dsi_arena_release(&arena);
}

static int open_with(const char *key, const char *value, struct ds_error *err)
{
    struct ds_property p = {key, value};
    struct dsi_metadata m = {.properties = &p, .property_count = 1};
    struct dsi_schema schema = rows_all_schema();
    struct dsi_data_writer_options options = {
        .storage = memory, .location = PLACE, .metadata = &m, .schema = &schema};
    struct dsi_data_writer *w = NULL;
    int rc = dsi_data_writer_open(&options, &w, err);
    dsi_data_writer_close(w);
    assert_false(is_there());
    return rc;
}

static void test_data_writer__names_a_property_that_makes_no_sense(void **state)
{
    static const char *const bad[][2] = {
        {"write.parquet.compression-codec", "lzo"},
        {"write.parquet.compression-level", "high"},
        {"write.parquet.row-group-size-bytes", "-1"},
        {"write.parquet.page-size-bytes", "x"},
        {"write.parquet.page-row-limit", "0"},
        {"write.parquet.dict-size-bytes", ""},
        {"write.metadata.metrics.default", "some"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ds_error err = {0};
        assert_true(open_with(bad[i][0], bad[i][1], &err) < 0);
        if (!strstr(err.message, bad[i][0])) {
            fail_msg("'%s' does not name %s", err.message, bad[i][0]);
        }
    }
    assert_int_equal(open_with("write.parquet.compression-codec", "UNCOMPRESSED", NULL),
                     DS_OK);
}

static void test_data_writer__leaves_nothing_without_finish(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct rows_random r = {5};
    struct dsi_data_writer_options options = {
        .storage = memory, .location = PLACE, .schema = &schema};
    struct dsi_data_writer *w = NULL;
    struct dsi_batch b;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(rows_make(&r, &schema, 20, &b, NULL), DS_OK);
    assert_int_equal(dsi_data_writer_open(&options, &w, &err), DS_OK);
    assert_int_equal(dsi_data_writer_append(w, &b, 0, 20, &err), DS_OK);
    assert_true(dsi_data_writer_bytes(w) > 0);
    assert_int_equal(dsi_data_writer_append(w, &b, 15, 6, &err), DS_EINVALID);
    dsi_data_writer_close(w);
    assert_false(is_there());
    dsi_batch_release(&b);
    dsi_data_writer_close(NULL);
}

static void test_data_writer__spares_a_file_that_is_somebody_elses(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct rows_random r = {6};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_writer_options options = {
        .storage = memory, .location = PLACE, .schema = &schema};
    struct dsi_data_writer *w = NULL;
    struct dsi_data_file file;
    struct dsi_batch b;
    struct ds_error err = {0};
    struct ds_slice theirs = {(const uint8_t *)"theirs", 6};
    (void)state;

    assert_int_equal(rows_make(&r, &schema, 3, &b, NULL), DS_OK);
    assert_int_equal(dsi_data_writer_open(&options, &w, &err), DS_OK);
    assert_int_equal(dsi_data_writer_append(w, &b, 0, 3, &err), DS_OK);
    assert_int_equal(dsi_storage_put(memory, PLACE, theirs, 0, NULL), DS_OK);
    assert_int_equal(dsi_data_writer_finish(w, &arena, &file, &err), DS_EEXISTS);
    dsi_data_writer_close(w);
    assert_true(is_there());
    assert_int_equal(dsi_storage_remove(memory, PLACE, NULL), DS_OK);
    dsi_batch_release(&b);
    dsi_arena_release(&arena);
}

// Wherever it fails: an error with words, no file, or a whole one.
static void write_and_look(const struct dsi_fault_plan *plan, const struct dsi_batch *b)
{
    struct rows_random r = {3};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_file file;
    struct ds_error err = {0};
    struct dsi_batch back = {0};
    int rc = write_file(&r, b, NULL, &arena, &file, &err);
    dsi_fault_stop();
    assert_true(rc == DS_OK || plan->name);
    assert_true(rc == DS_OK || err.message[0] != '\0');
    if (rc == DS_OK) {
        assert_int_equal(read_file(&file, b->schema, 0, &back, &err), DS_OK);
        assert_int_equal(back.rows, b->rows);
        assert_int_equal(dsi_storage_remove(memory, PLACE, NULL), DS_OK);
    } else if (!plan->lasting) {
        assert_false(is_there());
    }
    // When nothing works any more, the file cannot be removed either.
    assert_int_equal(dsi_storage_remove(memory, PLACE, NULL), DS_OK);
    dsi_batch_release(&back);
    dsi_arena_release(&arena);
}

static void test_data_writer__survives_every_fault(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct rows_random r = {14};
    struct dsi_batch b;
    (void)state;

    assert_int_equal(rows_make(&r, &schema, 30, &b, NULL), DS_OK);
    for (int lasting = 0; lasting < 2; lasting++) {
        struct dsi_fault_plan plan = {.lasting = lasting == 1};
        while (dsi_fault_next(&plan)) {
            write_and_look(&plan, &b);
        }
        assert_true(plan.target > 100);
    }
    dsi_batch_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_writer__writes_what_is_read_back),
        cmocka_unit_test(test_data_writer__writes_slices_with_their_offsets),
        cmocka_unit_test(
            test_data_writer__gives_the_same_bytes_for_any_cut_of_nested_rows),
        cmocka_unit_test(test_data_writer__survives_every_fault_with_nested_rows),
        cmocka_unit_test(test_data_writer__names_a_property_that_makes_no_sense),
        cmocka_unit_test(test_data_writer__leaves_nothing_without_finish),
        cmocka_unit_test(test_data_writer__spares_a_file_that_is_somebody_elses),
        cmocka_unit_test(test_data_writer__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_writer", tests, open_storage, close_storage);
}
