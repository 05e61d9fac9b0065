#include "fixture.h"

static struct ds_cell cell_int(int64_t i)
{
    return (struct ds_cell){.kind = DS_CELL_INT, .as.integer = i};
}

static void test_api_appender__takes_rows_and_batches(void **state)
{
    struct fixture f;
    struct ds_appender_stats s = {.struct_size = sizeof(s)};
    struct ds_commit_options commit = {.struct_size = sizeof(commit)};
    struct ds_appender_options options = {
        .struct_size = sizeof(options), .batch_ms = 5, .commit = &commit};
    struct ArrowSchema schema = {0};
    ds_appender *a = NULL;
    uint64_t ticket = 0;
    (void)state;

    fixture_init(&f, NULL);
    assert_int_equal(ds_appender_open(f.table, &options, &a, &f.err), DS_OK);
    struct ds_cell row[1] = {cell_int(1)};
    assert_int_equal(ds_appender_write_row(a, row, 1, &ticket, &f.err), DS_OK);
    struct ArrowArrayStream stream = {0};
    struct ArrowArray array = {0};
    fixture_append(&f, "id,s\n2,two\n3,three\n");
    struct ds_scan_options scan = {.struct_size = sizeof(scan)};
    assert_int_equal(ds_table_scan(f.table, &scan, &stream, &f.err), DS_OK);
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(stream.get_next(&stream, &array), 0);
    assert_int_equal(ds_appender_write(a, &schema, &array, &ticket, &f.err), DS_OK);
    assert_null(array.release);
    schema.release(&schema);
    stream.release(&stream);
    assert_int_equal(ds_appender_wait(a, ticket, -1, &f.err), DS_OK);
    assert_int_equal(ds_appender_flush(a, -1, &f.err), DS_OK);
    assert_int_equal(ds_appender_stats(a, &s, &f.err), DS_OK);
    assert_int_equal(s.writes_acknowledged, 2);
    assert_int_equal(ds_appender_close(a, -1, &f.err), DS_OK);
    assert_int_equal(ds_appender_take_back(a, DS_NOT_COMMITTED, &stream, &f.err), DS_OK);
    ds_appender_free(a);
    int64_t rows = fixture_count(&f, NULL);
    assert_true(rows == 5 || rows == 4); // Whether the scan saw the first row.
    fixture_release(&f);
}

static void test_api_appender__checks_its_arguments(void **state)
{
    struct fixture f;
    struct ds_appender_options options = {0};
    struct ds_commit_options commit = {0};
    struct ds_appender_stats s = {0};
    struct ArrowArrayStream stream;
    ds_appender *a = NULL;
    (void)state;

    fixture_init(&f, NULL);
    assert_int_equal(ds_appender_open(NULL, NULL, &a, &f.err), DS_EINVALID);
    assert_int_equal(ds_appender_open(f.table, NULL, NULL, &f.err), DS_EINVALID);
    assert_int_equal(ds_appender_open(f.table, &options, &a, &f.err), DS_EINVALID);
    options.struct_size = sizeof(options) + 8;
    assert_int_equal(ds_appender_open(f.table, &options, &a, &f.err), DS_EUNSUPPORTED);
    options.struct_size = sizeof(options);
    options.batch_ms = -2;
    assert_int_equal(ds_appender_open(f.table, &options, &a, &f.err), DS_EINVALID);
    options.batch_ms = 0;
    options.commit = &commit;
    assert_int_equal(ds_appender_open(f.table, &options, &a, &f.err), DS_EINVALID);
    commit.struct_size = sizeof(commit);
    commit.identity = "01234567-89ab-4def-8123-456789abcdef";
    assert_int_equal(ds_appender_open(f.table, &options, &a, &f.err), DS_EINVALID);
    assert_null(a);
    assert_int_equal(ds_appender_write(NULL, NULL, NULL, NULL, &f.err), DS_EINVALID);
    assert_int_equal(ds_appender_write_row(NULL, NULL, 0, NULL, &f.err), DS_EINVALID);
    assert_int_equal(ds_appender_wait(NULL, 0, 0, &f.err), DS_EINVALID);
    assert_int_equal(ds_appender_flush(NULL, 0, &f.err), DS_EINVALID);
    assert_int_equal(ds_appender_stats(NULL, &s, &f.err), DS_EINVALID);
    assert_int_equal(ds_appender_close(NULL, 0, &f.err), DS_EINVALID);
    assert_int_equal(ds_appender_take_back(NULL, DS_UNKNOWN, &stream, &f.err),
                     DS_EINVALID);
    ds_appender_free(NULL);
    assert_int_equal(ds_appender_open(f.table, NULL, &a, &f.err), DS_OK);
    assert_int_equal(ds_appender_stats(a, &s, &f.err), DS_EINVALID);
    assert_int_equal(ds_appender_write_row(a, NULL, 2, NULL, &f.err), DS_EINVALID);
    assert_int_equal(ds_appender_take_back(a, DS_COMMITTED, &stream, &f.err),
                     DS_EINVALID);
    ds_appender_free(a); // Never closed: that is done here.
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_appender__takes_rows_and_batches),
        cmocka_unit_test(test_api_appender__checks_its_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
