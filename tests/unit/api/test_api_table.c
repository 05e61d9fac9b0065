#include "unit/api/fixture.h"

static void test_api_table__tells_what_it_is(void **state)
{
    struct fixture f;
    (void)state;

    struct ds_table_info info = {.struct_size = sizeof(info)};
    char *json = NULL;
    fixture_init(&f, NULL);
    int64_t id = fixture_append(&f, "id,s\n1,a\n");
    assert_int_equal(ds_table_info(f.table, &info, &f.err), DS_OK);
    assert_string_equal(info.name, "a.t");
    assert_int_equal(info.current_snapshot_id, id);
    assert_int_equal(info.snapshot_count, 1);
    assert_int_equal(ds_table_metadata_json(f.table, &json, &f.err), DS_OK);
    assert_non_null(strstr(json, info.uuid));
    ds_string_free(json);
    assert_int_equal(ds_table_schema_json(f.table, &json, &f.err), DS_OK);
    assert_non_null(strstr(json, "long"));
    ds_string_free(json);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_table__tells_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
