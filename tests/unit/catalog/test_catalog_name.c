#include "catalog/catalog_name.h"
#include "harness.h"

#include <string.h>

static void test_catalog_name__checks_namespaces(void **state)
{
    const char *good[] = {"a", "a.b.c", "with blank", "\xc3\xa4", "a-b_c%"};
    const char *bad[] = {"", ".", "a.", ".a", "a..b", "a\tb", "\x7f", "\xc3"};
    char long_name[257];
    (void)state;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(dsi_namespace_check(good[i], NULL), DS_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ds_error err = {0};
        assert_int_equal(dsi_namespace_check(bad[i], &err), DS_EINVALID);
        assert_true(err.message[0] != '\0');
    }
    memset(long_name, 'n', sizeof long_name);
    long_name[255] = '\0';
    assert_int_equal(dsi_namespace_check(long_name, NULL), DS_OK);
    long_name[255] = 'n';
    long_name[256] = '\0';
    assert_int_equal(dsi_namespace_check(long_name, NULL), DS_EINVALID);
}

static void test_catalog_name__checks_path_tables_as_locations(void **state)
{
    const struct dsi_table_name good[] = {
        {"", "/a/b"}, {"", "file:///a"}, {"", "memory:///a"}};
    const struct dsi_table_name bad[] = {
        {"", "a"}, {"", "/a/../b"}, {"", "s3://b/a"}, {"", ""}, {"", "memory:a"}};
    (void)state;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(dsi_table_name_check(&good[i], NULL), DS_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(dsi_table_name_check(&bad[i], NULL), DS_EINVALID);
    }
}

static void test_catalog_name__knows_what_is_below(void **state)
{
    (void)state;
    assert_true(dsi_namespace_is_below("a.b", "a"));
    assert_true(dsi_namespace_is_below("a.b.c", "a"));
    assert_false(dsi_namespace_is_below("a", "a"));
    assert_false(dsi_namespace_is_below("ab.c", "a"));
    assert_true(dsi_namespace_is_below("a", NULL));
    assert_true(dsi_namespace_is_below("a", ""));
}

static void test_catalog_name__reads_versions_of_metadata_files(void **state)
{
    const struct {
        const char *location;
        int64_t version;
    } want[] = {{"file:///t/metadata/00007-abc.metadata.json", 7},
                {"00000-x.metadata.json", 0},
                {"/t/123456-x", 123456},
                {"/t/v3.metadata.json", -1},
                {"/t/12x-y", -1},
                {"/t/-5", -1},
                {"/t/+5-", -1},
                {"/t/99999999999999-x", -1},
                {"/t/99999999999999999999999-x", -1},
                {"", -1}};
    (void)state;

    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_int_equal(dsi_metadata_file_version(want[i].location), want[i].version);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog_name__checks_namespaces),
        cmocka_unit_test(test_catalog_name__checks_path_tables_as_locations),
        cmocka_unit_test(test_catalog_name__knows_what_is_below),
        cmocka_unit_test(test_catalog_name__reads_versions_of_metadata_files),
    };
    return cmocka_run_group_tests_name("catalog_name", tests, NULL, NULL);
}
