#include "storage_root.h"
#include "unit/api/fixture.h"

static void test_api_file__refuses_what_is_not_there_and_releases_the_stream(void **state)
{
    struct fixture f;
    (void)state;

    struct ArrowArrayStream stream = {0};
    struct storage_root root;
    assert_true(storage_root_make(&root, "file"));
    fixture_init(&f, NULL);
    assert_int_equal(
        ds_file_scan(storage_root_path(&root, "none.parquet"), &stream, &f.err),
        DS_ENOTFOUND);
    storage_root_remove(&root);
    fixture_append(&f, "id,s\n1,a\n");
    assert_int_equal(ds_table_scan(f.table, NULL, &stream, &f.err), DS_OK);
    assert_true(ds_file_write("relative/../x.parquet", &stream, NULL, &f.err) < 0);
    assert_null(stream.release);
    fixture_release(&f);
}

// Reads a stream to its end: rows, and the sum of the first column, a long.
static int64_t drain(struct ArrowArrayStream *stream, int64_t *sum)
{
    struct ArrowArray a = {0};
    int64_t rows = 0;

    *sum = 0;
    while (stream->get_next(stream, &a) == 0 && a.release) {
        const int64_t *n = a.children[0]->buffers[1];
        for (int64_t i = 0; i < a.length; i++) {
            *sum += n[a.children[0]->offset + i];
        }
        rows += a.length;
        a.release(&a);
    }
    stream->release(stream);
    return rows;
}

static void test_api_file__scans_a_part_of_a_file(void **state)
{
    static const char *const columns[] = {"id"};
    static const char *const unknown[] = {"nobody"};
    struct ds_scan_options options = {.struct_size = sizeof options, .threads = 3};
    struct ArrowArrayStream stream = {0};
    struct storage_root root;
    struct fixture f;
    char csv[20000] = "id,s\n";
    char path[400];
    int64_t sum = 0;
    (void)state;

    assert_true(storage_root_make(&root, "file"));
    fixture_init(&f, NULL);
    for (int i = 0; i < 1000; i++) {
        size_t used = strlen(csv);
        snprintf(csv + used, sizeof csv - used, "%d,x%d\n", i, i % 7);
    }
    fixture_append(&f, csv);
    assert_int_equal(ds_table_scan(f.table, NULL, &stream, &f.err), DS_OK);
    snprintf(path, sizeof path, "%s/part.parquet", root.dir);
    assert_int_equal(ds_file_write(path, &stream, NULL, &f.err), DS_OK);

    options.columns = columns;
    options.column_count = 1;
    options.filter = "s = 'x3' and id >= 500";
    options.batch_rows_max = 50;
    assert_int_equal(ds_file_scan_with(path, &options, &stream, &f.err), DS_OK);
    int64_t expected = 0;
    int64_t rows = 0;
    for (int i = 500; i < 1000; i++) {
        expected += i % 7 == 3 ? i : 0;
        rows += i % 7 == 3;
    }
    assert_int_equal(drain(&stream, &sum), rows);
    assert_int_equal(sum, expected);
    assert_int_equal(ds_file_scan_with(path, NULL, &stream, &f.err), DS_OK);
    assert_int_equal(drain(&stream, &sum), 1000);
    assert_int_equal(ds_file_scan(path, &stream, &f.err), DS_OK);
    assert_int_equal(drain(&stream, &sum), 1000);
    assert_int_equal(sum, 999 * 500);

    options.columns = unknown;
    assert_int_equal(ds_file_scan_with(path, &options, &stream, &f.err), DS_EINVALID);
    options =
        (struct ds_scan_options){.struct_size = sizeof options, .at.snapshot_id = 7};
    assert_int_equal(ds_file_scan_with(path, &options, &stream, &f.err), DS_EINVALID);
    fixture_release(&f);
    storage_root_remove(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_api_file__refuses_what_is_not_there_and_releases_the_stream),
        cmocka_unit_test(test_api_file__scans_a_part_of_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
