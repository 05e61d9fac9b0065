#include "unit/api/fixture.h"

static void test_api_catalog__creates_opens_renames_and_drops(void **state)
{
    struct fixture f;
    (void)state;

    struct ds_table_spec spec = {.struct_size = sizeof(spec),
                                 .schema_json = FIXTURE_SCHEMA};
    ds_table *other = NULL;
    fixture_init(&f, NULL);
    assert_int_equal(ds_catalog_create_table(f.catalog, "a.t", &spec, &other, &f.err),
                     DS_EEXISTS);
    spec.if_absent = true;
    assert_int_equal(ds_catalog_create_table(f.catalog, "a.t", &spec, &other, &f.err),
                     DS_OK);
    ds_table_free(other);
    assert_int_equal(ds_catalog_rename_table(f.catalog, "a.t", "a.u", &f.err), DS_OK);
    assert_int_equal(ds_catalog_open_table(f.catalog, "a.t", &other, &f.err),
                     DS_ENOTFOUND);
    assert_int_equal(ds_catalog_drop_table(f.catalog, "a.u", true, &f.err), DS_OK);
    assert_int_equal(ds_catalog_drop_table(f.catalog, "a.u", false, &f.err),
                     DS_ENOTFOUND);
    fixture_release(&f);
}

static void test_api_catalog__refuses_to_purge_what_may_be_shared(void **state)
{
    struct fixture f;
    (void)state;

    struct ds_property off = {"gc.enabled", "false"};
    struct ds_properties properties = {&off, 1};
    ds_table *still = NULL;
    fixture_init(&f, NULL);
    assert_int_equal(ds_table_set_properties(f.table, &properties, NULL, NULL, &f.err),
                     DS_OK);
    assert_int_equal(ds_catalog_drop_table(f.catalog, "a.t", true, &f.err),
                     DS_EUNSUPPORTED);
    assert_int_equal(ds_catalog_open_table(f.catalog, "a.t", &still, &f.err), DS_OK);
    ds_table_free(still);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_catalog__creates_opens_renames_and_drops),
        cmocka_unit_test(test_api_catalog__refuses_to_purge_what_may_be_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
