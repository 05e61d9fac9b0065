#include "unit/api/fixture.h"

static void test_api_handle__outlives_its_catalog_handle(void **state)
{
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    ds_catalog_free(f.catalog);
    f.catalog = NULL;
    fixture_append(&f, "id,s\n1,a\n");
    assert_int_equal(fixture_count(&f, NULL), 1);
    fixture_release(&f);
}

static void test_api_handle__checks_what_it_is_given(void **state)
{
    struct fixture f;
    (void)state;

    struct ds_table_spec spec = {0};
    ds_table *table = NULL;
    fixture_init(&f, NULL);
    assert_int_equal(ds_catalog_create_table(f.catalog, "a.x", &spec, &table, &f.err),
                     DS_EINVALID);
    assert_non_null(strstr(f.err.message, "struct_size"));
    spec.struct_size = sizeof(spec);
    assert_int_equal(ds_catalog_create_table(f.catalog, "a.x", &spec, &table, &f.err),
                     DS_EINVALID);
    spec.struct_size += 8;
    assert_int_equal(ds_catalog_create_table(f.catalog, "a.x", &spec, &table, &f.err),
                     DS_EUNSUPPORTED);
    assert_int_equal(ds_catalog_open_table(NULL, "a.x", &table, &f.err), DS_EINVALID);
    assert_int_equal(ds_catalog_open_table(f.catalog, NULL, &table, NULL), DS_EINVALID);
    assert_int_equal(ds_table_open("", &table, &f.err), DS_EINVALID);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_handle__outlives_its_catalog_handle),
        cmocka_unit_test(test_api_handle__checks_what_it_is_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
