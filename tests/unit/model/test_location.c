#include "harness.h"
#include "model/location.h"

#include <string.h>

static void test_location__one_place_has_one_form(void **state)
{
    static const char *const cases[][2] = {
        {"/a/b", "file:///a/b"},
        {"/a/b/", "file:///a/b"},
        {"file:/a/b", "file:///a/b"},
        {"file:///a/b/", "file:///a/b"},
        {"file://localhost/a", "file:///a"},
        {"memory:///a/b", "memory:///a/b"},
        {"memory:/a", "memory:///a"},
        {"/a b/\xc3\xa9/c..d", "file:///a b/\xc3\xa9/c..d"},
        {"/", "file:///"},
        {"/a/...", "file:///a/..."},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_error err = {0};
        char *out = NULL;
        assert_int_equal(dsi_location_normalize(cases[i][0], &arena, &out, &err), DS_OK);
        assert_string_equal(out, cases[i][1]);
    }
    dsi_arena_release(&arena);
}

static void test_location__refuses_what_could_leave_its_place(void **state)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"", DS_EINVALID},
        {"a/b", DS_EINVALID},
        {"../a", DS_EINVALID},
        {"/a/../b", DS_EINVALID},
        {"/a/..", DS_EINVALID},
        {"/a/./b", DS_EINVALID},
        {"/a//b", DS_EINVALID},
        {"//a", DS_EINVALID},
        {"/a\n/b", DS_EINVALID},
        {"file://host/a", DS_EINVALID},
        {"file:a", DS_EINVALID},
        {"/a\xff", DS_EINVALID},
        {"s3://bucket/a", DS_EUNSUPPORTED},
        {"/a/b//", DS_EINVALID},
        {"file:", DS_EINVALID},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_error err = {0};
        char *out = NULL;
        int rc = dsi_location_normalize(cases[i].text, &arena, &out, &err);
        if (rc != cases[i].status) {
            fail_msg("'%s' gave %d", cases[i].text, rc);
        }
        assert_true(err.message[0] != '\0');
    }
    dsi_arena_release(&arena);
}

static void test_location__joins_and_opens(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    char *out = NULL;
    (void)state;

    assert_int_equal(
        dsi_location_join("file:///t", "data", "x.parquet", &arena, &out, &err), DS_OK);
    assert_string_equal(out, "file:///t/data/x.parquet");
    assert_int_equal(dsi_location_join("file:///t", NULL, "x", &arena, &out, &err),
                     DS_OK);
    assert_string_equal(out, "file:///t/x");
    assert_string_equal(dsi_location_local_path("file:///a/b"), "/a/b");
    assert_string_equal(dsi_location_local_path("file:/a"), "/a");
    assert_string_equal(dsi_location_local_path("/a"), "/a");
    assert_null(dsi_location_local_path("memory:///a"));
    assert_null(dsi_location_local_path("s3://b/a"));
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_location__one_place_has_one_form),
        cmocka_unit_test(test_location__refuses_what_could_leave_its_place),
        cmocka_unit_test(test_location__joins_and_opens),
    };
    return cmocka_run_group_tests_name("location", tests, NULL, NULL);
}
