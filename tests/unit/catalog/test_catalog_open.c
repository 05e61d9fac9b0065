#include "catalog/catalog.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage_root.h"

static struct storage_root root;
static struct dsi_arena arena;

static int make(void **state)
{
    (void)state;
    return storage_root_make(&root, "file") ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    dsi_arena_release(&arena);
    storage_root_remove(&root);
    return 0;
}

static int open_with(const char *uri, const char *key, const char *value,
                     struct dsi_catalog **out, struct ds_error *err)
{
    struct ds_property item = {key, value};
    return dsi_catalog_open(uri, (struct ds_properties){&item, key ? 1 : 0}, out, err);
}

// Where table ns.t would go.
static char *place(const char *uri, const char *key, const char *value)
{
    const struct dsi_table_name name = {"ns", "t"};
    struct dsi_catalog *c = NULL;
    struct ds_error err = {0};
    char *location = NULL;

    if (open_with(uri, key, value, &c, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(dsi_catalog_default_location(c, &name, &arena, &location, &err),
                     DS_OK);
    dsi_catalog_free(c);
    return location;
}

// `form` with "%s" replaced by the directory of the test.
static char *text(const char *form)
{
    const char *at = strstr(form, "%s");
    return dsi_arena_printf(&arena, "%.*s%s%s", (int)(at - form), form, root.dir, at + 2);
}

static void test_catalog_open__puts_the_warehouse_beside_the_database(void **state)
{
    char here[1000];
    (void)state;

    char *want = text("file://%s/warehouse/ns/t");
    assert_string_equal(place(text("sqlite:%s/c.db"), NULL, NULL), want);
    assert_string_equal(place(text("sqlite:///%s/c.db"), NULL, NULL), want);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(root.dir), 0);
    assert_string_equal(place("sqlite:c.db", NULL, NULL), want);
    assert_string_equal(place("sqlite:./c.db", NULL, NULL), want);
    assert_string_equal(place("sqlite:///c.db", NULL, NULL), want);
    assert_string_equal(place("sqlite:c.db", "warehouse", "w"), text("file://%s/w/ns/t"));
    assert_int_equal(chdir(here), 0);
    assert_string_equal(place(text("sqlite:%s/c.db"), "warehouse", "/w/"),
                        "file:///w/ns/t");
    assert_string_equal(place(text("sqlite:%s/c.db"), "warehouse", "file:/w"),
                        "file:///w/ns/t");
    assert_string_equal(place("memory:", NULL, NULL), "memory:///warehouse/ns/t");
    assert_string_equal(place("memory:", "warehouse", "memory:///w"), "memory:///w/ns/t");
}

static void test_catalog_open__refuses_what_it_does_not_know(void **state)
{
    const char *bad[] = {
        "",         "postgresql://x", "http://x/y", "sqlite:", "sqlite::memory:",
        "memory:x", "jdbc:sqlite:x"};
    struct dsi_catalog *c = NULL;
    struct ds_error err = {0};
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(open_with(bad[i], NULL, NULL, &c, &err), DS_EINVALID);
        assert_null(c);
        assert_true(strstr(err.message, "sqlite") || strstr(err.message, "memory"));
    }
    assert_int_equal(open_with("memory:", "warehouse", "s3://b/w", &c, &err),
                     DS_EUNSUPPORTED);
    assert_int_equal(open_with("memory:", "warehouse", "/a/../b", &c, &err), DS_EINVALID);
    assert_int_equal(open_with("/a/../b", NULL, NULL, &c, &err), DS_EINVALID);
}

static void test_catalog_open__refuses_properties_that_make_no_sense(void **state)
{
    const char *bad[] = {"", "x", "-1", "1.5", "99999999999999"};
    struct dsi_catalog *c = NULL;
    struct ds_error err = {0};
    (void)state;

    char *uri = text("sqlite:%s/c.db");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(open_with(uri, "busy-timeout-ms", bad[i], &c, &err),
                         DS_EINVALID);
    }
    assert_int_equal(open_with(uri, "name", "", &c, &err), DS_EINVALID);
}

static void test_catalog_open__refuses_files_that_are_no_database(void **state)
{
    struct dsi_catalog *c = NULL;
    struct ds_error err = {0};
    (void)state;

    FILE *f = fopen(text("%s/text"), "w");
    for (int i = 0; i < 100; i++) {
        fputs("this is not a database\n", f);
    }
    fclose(f);
    assert_int_equal(open_with(text("sqlite:%s/text"), NULL, NULL, &c, &err),
                     DS_ECORRUPT);
    assert_int_equal(open_with(text("sqlite:%s"), NULL, NULL, &c, &err), DS_EINVALID);
    assert_int_equal(mkfifo(text("%s/pipe"), 0666), 0);
    assert_int_equal(open_with(text("sqlite:%s/pipe"), NULL, NULL, &c, &err),
                     DS_EINVALID);
    assert_int_equal(open_with(text("sqlite:%s/no/c.db"), NULL, NULL, &c, &err), DS_EIO);
    const char *path = text("%s/no/c.db");
    assert_memory_equal(err.message, path, strlen(path)); // And no URI before it.
}

static void test_catalog_open__takes_a_directory_for_path_tables(void **state)
{
    struct dsi_catalog *c = NULL;
    struct dsi_table_name *names = NULL;
    size_t count = 0;
    (void)state;

    assert_int_equal(open_with(root.dir, NULL, NULL, &c, NULL), DS_OK);
    assert_false(dsi_catalog_can_gzip(c));
    assert_int_equal(dsi_catalog_list_tables(c, NULL, &arena, &names, &count, NULL),
                     DS_OK);
    assert_int_equal(count, 0);
    dsi_catalog_free(c);
    assert_int_equal(open_with("relative/", NULL, NULL, &c, NULL), DS_OK);
    dsi_catalog_free(c);
}

#define OPEN_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        OPEN_TEST(test_catalog_open__puts_the_warehouse_beside_the_database),
        OPEN_TEST(test_catalog_open__refuses_what_it_does_not_know),
        OPEN_TEST(test_catalog_open__refuses_properties_that_make_no_sense),
        OPEN_TEST(test_catalog_open__refuses_files_that_are_no_database),
        OPEN_TEST(test_catalog_open__takes_a_directory_for_path_tables),
    };
    return cmocka_run_group_tests_name("catalog_open", tests, NULL, NULL);
}
