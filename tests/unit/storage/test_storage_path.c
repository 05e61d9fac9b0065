#include "harness.h"
#include "storage/storage_path.h"

#include "base/alloc.h"

static int path_of(const char *location, const char *scheme, const char **out)
{
    return dsi_storage_path(location, scheme, out, NULL);
}

static void test_storage_path__takes_every_form_of_a_location(void **state)
{
    const char *forms[] = {"/a/b", "file:/a/b", "file:///a/b", "file://localhost/a/b"};
    const char *path = NULL;
    (void)state;

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        assert_int_equal(path_of(forms[i], "file", &path), DS_OK);
        assert_string_equal(path, "/a/b");
    }
    assert_int_equal(path_of("memory:///a", "memory", &path), DS_OK);
    assert_string_equal(path, "/a");
    assert_int_equal(path_of("/a", "memory", &path), DS_OK);
    assert_string_equal(path, "/a");
    assert_int_equal(path_of("/...", "file", &path), DS_OK);
    assert_int_equal(path_of("/..a/b..", "file", &path), DS_OK);
}

static void test_storage_path__refuses_the_rest(void **state)
{
    const char *bad[] = {"",           "a/b",       "file:",      "file://host/a",
                         "file:a",     "file://",   "s3://a/b",   "memory:///a",
                         "/a/../b",    "/..",       "/./a",       "/a/.",
                         "/a//b",      "//a",       "/a/",        "/",
                         "files:///a", "FILE:///a", "file:////a", "file://localhost"};
    const char *path = NULL;
    struct ds_error err = {0};
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(dsi_storage_path(bad[i], "file", &path, &err), DS_EINVALID);
        assert_null(path);
        assert_true(err.message[0] != '\0');
    }
}

static void test_storage_path__knows_schemes_and_hidden_names(void **state)
{
    (void)state;
    assert_true(dsi_storage_path_has_scheme("/a", "file"));
    assert_true(dsi_storage_path_has_scheme("file:/a", "file"));
    assert_false(dsi_storage_path_has_scheme("/a", "memory"));
    assert_false(dsi_storage_path_has_scheme("filex:/a", "file"));
    assert_true(dsi_storage_path_is_hidden("/a/.datashard-x"));
    assert_true(dsi_storage_path_is_hidden(".datashard-"));
    assert_false(dsi_storage_path_is_hidden("/.datashard-x/a"));
    assert_false(dsi_storage_path_is_hidden("/a/x.datashard-"));
}

static void test_storage_path__finds_the_directory(void **state)
{
    static const char *const dirs[][2] = {
        {"/a/b/f", "/a/b"}, {"/a", "/"}, {"/a/.f", "/a"}};
    (void)state;

    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        char *dir = dsi_storage_path_dir(dirs[i][0]);
        assert_string_equal(dir, dirs[i][1]);
        dsi_free(dir);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storage_path__takes_every_form_of_a_location),
        cmocka_unit_test(test_storage_path__refuses_the_rest),
        cmocka_unit_test(test_storage_path__knows_schemes_and_hidden_names),
        cmocka_unit_test(test_storage_path__finds_the_directory),
    };
    return cmocka_run_group_tests_name("storage_path", tests, NULL, NULL);
}
