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

// Of the two columns of one file: id has 1 to 3, s a null and twice "b".
static int see_columns(void *arg, const struct ds_file_entry *file)
{
    bool wanted = *(bool *)arg;
    assert_int_equal(file->column_count, wanted ? 2 : 0);
    if (!wanted) {
        assert_null(file->columns);
        return DS_OK;
    }
    const struct ds_column_stats *id = &file->columns[0];
    const struct ds_column_stats *s = &file->columns[1];
    assert_int_equal(id->field_id, 1);
    assert_int_equal(id->null_count, 0);
    assert_int_equal(id->nan_count, -1);
    assert_int_equal(id->lower.size, 8);
    assert_int_equal(id->lower.data[0], 1);
    assert_int_equal(id->upper.data[0], 3);
    assert_int_equal(s->field_id, 2);
    assert_int_equal(s->value_count, 3);
    assert_int_equal(s->null_count, 1);
    assert_int_equal(s->upper.size, 1);
    assert_int_equal(s->upper.data[0], 'b');
    assert_true(s->size_bytes > 0);
    return DS_ROW; // No failure: it goes on.
}

static void test_api_files__tells_of_columns_when_asked(void **state)
{
    struct ds_files_options options = {.struct_size = sizeof(options), .columns = true};
    struct ds_files_options odd = {.struct_size = 0};
    bool wanted = true;
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,b\n2,\n3,b\n");
    assert_int_equal(ds_table_files_with(f.table, &options, see_columns, &wanted, &f.err),
                     DS_OK);
    wanted = false;
    assert_int_equal(ds_table_files_with(f.table, NULL, see_columns, &wanted, &f.err),
                     DS_OK);
    assert_int_equal(ds_table_files(f.table, NULL, see_columns, &wanted, &f.err), DS_OK);
    assert_int_equal(ds_table_files_with(f.table, &odd, see_columns, &wanted, &f.err),
                     DS_EINVALID);
    assert_int_equal(ds_table_files_with(NULL, NULL, see_columns, &wanted, &f.err),
                     DS_EINVALID);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_files__tells_live_files_with_their_partition),
        cmocka_unit_test(test_api_files__tells_of_columns_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
