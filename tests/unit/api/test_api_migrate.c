#include "unit/api/fixture.h"

#include "datashard/migrate.h"

static void test_api_migrate__says_what_is_there(void **state)
{
    struct ds_migrate_options o = {.struct_size = sizeof o, .dry_run = true};
    struct ds_error err = {0};
    char *report = NULL;
    (void)state;

    assert_int_equal(
        ds_table_migrate(DSI_TEST_GOLDEN "/legacy/0.7.2-all", &o, &report, &err), DS_OK);
    assert_non_null(strstr(report, "\"status\":\"dry-run\""));
    assert_non_null(strstr(report, "\"rows\":6"));
    ds_string_free(report);
    assert_int_equal(
        ds_table_migrate(DSI_TEST_GOLDEN "/legacy/0.11.2-all", NULL, &report, &err),
        DS_OK);
    assert_non_null(strstr(report, "already-migrated"));
    ds_string_free(report);
    assert_int_equal(ds_table_migrate(DSI_TEST_GOLDEN "/no", NULL, &report, &err),
                     DS_ENOTFOUND);
    assert_null(report);
}

static void test_api_migrate__refuses_what_makes_no_sense(void **state)
{
    struct ds_migrate_options bad = {.struct_size = sizeof bad + 8};
    struct ds_error err = {0};
    char *report = NULL;
    (void)state;

    assert_int_equal(ds_table_migrate("/x", NULL, NULL, &err), DS_EINVALID);
    assert_int_equal(ds_table_migrate(NULL, NULL, &report, &err), DS_EINVALID);
    assert_int_equal(ds_table_migrate("/x", &bad, &report, &err), DS_EUNSUPPORTED);
    bad.struct_size = 0;
    assert_int_equal(ds_table_migrate("/x", &bad, &report, &err), DS_EINVALID);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_migrate__says_what_is_there),
        cmocka_unit_test(test_api_migrate__refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests_name("api_migrate", tests, NULL, NULL);
}
