#include "unit/api/fixture.h"

static void test_api_scan__outlives_table_and_catalog(void **state)
{
    struct fixture f;
    (void)state;

    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n2,\n");
    assert_int_equal(fixture_count(&f, "s is null"), 1);
    assert_int_equal(ds_table_scan(f.table, NULL, &stream, &f.err), DS_OK);
    fixture_release(&f);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_int_equal(batch.length, 2);
    batch.release(&batch);
    stream.release(&stream);
}

static void test_api_scan__refuses_a_wrong_filter_and_limit(void **state)
{
    struct fixture f;
    (void)state;

    struct ds_scan_options options = {.struct_size = sizeof(options), .filter = "id ="};
    struct ArrowArrayStream stream = {0};
    fixture_init(&f, NULL);
    assert_int_equal(ds_table_scan(f.table, &options, &stream, &f.err), DS_EINVALID);
    options.filter = NULL;
    options.limit = -1;
    assert_int_equal(ds_table_scan(f.table, &options, &stream, &f.err), DS_EINVALID);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_scan__outlives_table_and_catalog),
        cmocka_unit_test(test_api_scan__refuses_a_wrong_filter_and_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
