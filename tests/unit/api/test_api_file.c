#include "unit/api/fixture.h"

static void test_api_file__refuses_what_is_not_there_and_releases_the_stream(void **state)
{
    struct fixture f;
    (void)state;

    struct ArrowArrayStream stream = {0};
    fixture_init(&f, NULL);
    assert_int_equal(ds_file_scan("/nowhere/at/all.parquet", &stream, &f.err),
                     DS_ENOTFOUND);
    fixture_append(&f, "id,s\n1,a\n");
    assert_int_equal(ds_table_scan(f.table, NULL, &stream, &f.err), DS_OK);
    assert_true(ds_file_write("relative/../x.parquet", &stream, NULL, &f.err) < 0);
    assert_null(stream.release);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_api_file__refuses_what_is_not_there_and_releases_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
