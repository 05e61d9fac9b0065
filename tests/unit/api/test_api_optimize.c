#include "unit/api/fixture.h"

static int count_file(void *arg, const struct ds_file_entry *file)
{
    (void)file;
    ++*(int64_t *)arg;
    return DS_OK;
}

static int64_t files(struct fixture *f)
{
    int64_t n = 0;
    assert_int_equal(ds_table_files(f->table, NULL, count_file, &n, &f->err), DS_OK);
    return n;
}

static void test_api_optimize__tells_what_it_did(void **state)
{
    struct ds_optimize_result r = {.struct_size = sizeof r};
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    assert_int_equal(ds_table_optimize(f.table, NULL, &r, &f.err), DS_OK);
    assert_int_equal(r.files + r.made + r.rows + r.commits, 0);
    for (int i = 0; i < 5; i++) {
        fixture_append(&f, "id,s\n1,a\n2,b\n");
    }
    assert_int_equal(files(&f), 5);
    struct ds_optimize_options o = {.struct_size = sizeof o, .files_min = 6};
    assert_int_equal(ds_table_optimize(f.table, &o, &r, &f.err), DS_OK);
    assert_int_equal(r.files, 0);
    o = (struct ds_optimize_options){.struct_size = sizeof o, .small_bytes = 1};
    assert_int_equal(ds_table_optimize(f.table, &o, &r, &f.err), DS_OK);
    assert_int_equal(r.files, 0);
    assert_int_equal(ds_table_optimize(f.table, NULL, &r, &f.err), DS_OK);
    assert_int_equal(r.files, 5);
    assert_int_equal(r.made, 1);
    assert_int_equal(r.rows, 10);
    assert_int_equal(r.commits, 1);
    assert_true(r.bytes > 0);
    assert_int_equal(r.struct_size, sizeof r);
    assert_int_equal(files(&f), 1);
    assert_int_equal(ds_table_optimize(f.table, NULL, NULL, &f.err), DS_OK);
    fixture_release(&f);
}

static void test_api_optimize__refuses_what_makes_no_sense(void **state)
{
    struct ds_optimize_result r = {.struct_size = sizeof r};
    struct ds_optimize_options bad[] = {
        {.struct_size = sizeof bad[0], .small_bytes = -1},
        {.struct_size = sizeof bad[0], .files_min = -1},
        {.struct_size = sizeof bad[0], .files_min = 1},
        {.struct_size = 0},
    };
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(ds_table_optimize(f.table, &bad[i], &r, &f.err), DS_EINVALID);
    }
    assert_int_equal(ds_table_optimize(NULL, NULL, &r, &f.err), DS_EINVALID);
    r.struct_size = 0;
    assert_int_equal(ds_table_optimize(f.table, NULL, &r, &f.err), DS_EINVALID);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_optimize__tells_what_it_did),
        cmocka_unit_test(test_api_optimize__refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
