#include "fixture.h"
#include "txn/paths.h"

static void test_paths__follow_the_tables_properties(void **state)
{
    static const struct ds_property set[] = {
        {"write.data.path", "memory:///elsewhere/d"}};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_catalog c;
    char *path = NULL;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 1);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    assert_int_equal(dsi_table_data_path(m, &arena, &path, NULL), DS_OK);
    assert_string_equal(path, "memory:///elsewhere/d");
    assert_int_equal(dsi_table_metadata_path(m, &arena, &path, NULL), DS_OK);
    assert_string_equal(path, "memory:///t/metadata");
    assert_int_equal(dsi_metadata_file_path(m, "x.avro", &arena, &path, NULL), DS_OK);
    assert_string_equal(path, "memory:///t/metadata/x.avro");
    dsi_metadata_unref(m);
    dsi_table_free(t);
    dsi_arena_release(&arena);
    catalog_release(&c);
}

static void test_paths__are_below_a_root_by_whole_components(void **state)
{
    (void)state;
    assert_true(dsi_path_is_below("file:///w/t/data/a", "file:///w/t"));
    assert_true(dsi_path_is_below("file:///w/t/data/a", "file:///w/t/"));
    assert_false(dsi_path_is_below("file:///w/t2/data/a", "file:///w/t"));
    assert_false(dsi_path_is_below("file:///w/t", "file:///w/t"));
    assert_false(dsi_path_is_below("file:///w/t/", "file:///w/t"));
    assert_false(dsi_path_is_below("file:///w/t/../u/a", "file:///w/t"));
}

static void test_paths__compares_paths_in_one_form(void **state)
{
    static const char *const cases[][2] = {{"file:///a/b", "file:///a/b"},
                                           {"/a/b", "file:///a/b"},
                                           {"file:/a/b", "file:///a/b"},
                                           {"file://localhost/a/b", "file:///a/b"},
                                           {"memory:/a", "memory:///a"},
                                           {"s3://b/a", "s3://b/a"},
                                           {"../a", "../a"}};
    struct dsi_arena arena = DSI_ARENA_INIT;
    const char *form = NULL;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(dsi_path_form(cases[i][0], &arena, &form, NULL), DS_OK);
        assert_string_equal(form, cases[i][1]);
    }
    dsi_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths__follow_the_tables_properties),
        cmocka_unit_test(test_paths__compares_paths_in_one_form),
        cmocka_unit_test(test_paths__are_below_a_root_by_whole_components),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
