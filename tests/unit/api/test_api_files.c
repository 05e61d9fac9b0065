#include "unit/api/fixture.h"

static int see_file(void *arg, const struct ds_file_entry *file)
{
    int64_t *rows = arg;
    assert_non_null(strstr(file->partition, "s="));
    assert_string_equal(file->format, "parquet");
    *rows += file->record_count;
    return DS_OK;
}

static void test_api_files__tells_live_files_with_their_partition(void **state)
{
    struct fixture f;
    (void)state;

    int64_t rows = 0;
    fixture_init(&f, "s");
    assert_int_equal(ds_table_files(f.table, NULL, see_file, &rows, &f.err), DS_OK);
    assert_int_equal(rows, 0);
    fixture_append(&f, "id,s\n1,a\n2,b\n3,b\n");
    assert_int_equal(ds_table_files(f.table, NULL, see_file, &rows, &f.err), DS_OK);
    assert_int_equal(rows, 3);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_files__tells_live_files_with_their_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
