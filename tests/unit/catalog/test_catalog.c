#include "catalog/catalog_backend.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"

static const struct dsi_table_name t = {"ns", "t"};
static const struct dsi_table_name u = {"ns", "u"};
static struct dsi_arena arena;

static struct dsi_catalog *open_memory(void)
{
    struct dsi_catalog *c = NULL;
    assert_int_equal(
        dsi_catalog_open("memory:", (struct ds_properties){NULL, 0}, &c, NULL), DS_OK);
    return c;
}

static int create(struct dsi_catalog *c, struct dsi_head *out)
{
    static struct dsi_metadata m;
    m.location = "memory:///t";
    const struct dsi_swap s = {
        .metadata = &m, .json = {(const uint8_t *)"{}", 2}, .identity = "id"};
    return dsi_catalog_swap(c, &t, &s, &arena, out, NULL);
}

// Everything that changes a catalog, up to the first failure.
static int everything(struct dsi_catalog *c, struct ds_error *err)
{
    const struct ds_properties none = {NULL, 0};
    struct dsi_head head;
    int rc = create(c, &head);

    rc = rc ? rc : dsi_catalog_rename(c, &t, &u, err);
    rc = rc ? rc : dsi_catalog_register(c, &t, head.metadata_location, err);
    rc = rc ? rc : dsi_catalog_drop(c, &u, err);
    rc = rc ? rc : dsi_catalog_create_namespace(c, "n", none, err);
    rc = rc ? rc : dsi_catalog_set_namespace(c, "n", none, err);
    rc = rc ? rc : dsi_catalog_drop_namespace(c, "n", err);
    return rc;
}

static void test_catalog__surrounds_every_effect_with_fault_points(void **state)
{
    const char *effects[] = {"swap",          "rename",           "register",
                             "drop",          "create_namespace", "set_namespace",
                             "drop_namespace"};
    struct dsi_fault_plan plan = {0};
    size_t met = 0;
    (void)state;

    for (;;) {
        struct dsi_catalog *c = open_memory();
        if (!dsi_fault_next(&plan)) {
            dsi_catalog_free(c);
            break;
        }
        int rc = everything(c, NULL);
        dsi_fault_stop();
        for (size_t i = 0; plan.name && i < 7; i++) {
            char before[64];
            char after[64];
            snprintf(before, sizeof before, "catalog.%s.before", effects[i]);
            snprintf(after, sizeof after, "catalog.%s.after", effects[i]);
            if (strcmp(plan.name, before) == 0) {
                assert_int_equal(rc, DS_EIO);
                met++;
            } else if (strcmp(plan.name, after) == 0) {
                assert_int_equal(rc, DS_EUNKNOWN);
                met++;
            }
        }
        dsi_catalog_free(c);
        dsi_arena_release(&arena);
    }
    assert_int_equal(met, 14);
}

static void test_catalog__says_what_a_catalog_has_not(void **state)
{
    const struct ds_properties none = {NULL, 0};
    const struct dsi_table_name path = {"", "/a"};
    struct ds_properties found;
    struct dsi_catalog *c = NULL;
    struct dsi_table_name *names = NULL;
    struct ds_error err = {0};
    char **spaces = NULL;
    size_t count = 0;
    (void)state;

    assert_int_equal(dsi_catalog_open("memory:///x", none, &c, NULL), DS_OK);
    assert_int_equal(dsi_catalog_rename(c, &path, &t, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "path tables"));
    assert_int_equal(dsi_catalog_register(c, &path, "/x", &err), DS_EUNSUPPORTED);
    assert_int_equal(dsi_catalog_list_tables(c, "ns", &arena, &names, &count, &err),
                     DS_EUNSUPPORTED);
    assert_int_equal(dsi_catalog_list_namespaces(c, NULL, &arena, &spaces, &count, &err),
                     DS_EUNSUPPORTED);
    assert_int_equal(dsi_catalog_create_namespace(c, "n", none, &err), DS_EUNSUPPORTED);
    assert_int_equal(dsi_catalog_drop_namespace(c, "n", &err), DS_EUNSUPPORTED);
    assert_int_equal(dsi_catalog_load_namespace(c, "n", &arena, &found, &err),
                     DS_EUNSUPPORTED);
    assert_int_equal(dsi_catalog_set_namespace(c, "n", none, &err), DS_EUNSUPPORTED);
    dsi_catalog_free(c);
    dsi_catalog_free(NULL);
}

static void test_catalog__takes_the_base_for_the_answer_too(void **state)
{
    static struct dsi_metadata m;
    struct dsi_catalog *c = open_memory();
    struct dsi_head head;
    (void)state;

    m.location = "memory:///t";
    assert_int_equal(create(c, &head), DS_OK);
    const struct dsi_swap s = {.base = &head,
                               .metadata = &m,
                               .json = {(const uint8_t *)"{}", 2},
                               .identity = "id"};
    assert_int_equal(dsi_catalog_swap(c, &t, &s, &arena, &head, NULL), DS_OK);
    assert_int_equal(head.version, 1);
    dsi_catalog_unlock(c, NULL);
    dsi_catalog_free(c);
    dsi_arena_release(&arena);
}

static void test_catalog__names_a_queue_beside_the_lock_of_local_tables(void **state)
{
    const struct ds_properties none = {NULL, 0};
    const struct dsi_table_name paths[] = {{"", "/tmp/x/t"}, {"", "file:///tmp/x/t"}};
    const struct dsi_table_name memory = {"", "memory:///x/t"};
    const struct dsi_table_name bad = {"a..b", "t"};
    struct dsi_catalog *c = NULL;
    char *path = NULL;
    char *other = NULL;
    (void)state;

    assert_int_equal(dsi_catalog_open("/tmp", none, &c, NULL), DS_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(dsi_catalog_queue_path(c, &paths[i], &arena, &path, NULL),
                         DS_OK);
        assert_string_equal(path, "/tmp/x/t/metadata/.datashard-lock-group1");
    }
    assert_int_equal(dsi_catalog_queue_path(c, &memory, &arena, &path, NULL), DS_OK);
    assert_null(path);
    dsi_catalog_free(c);

    c = open_memory();
    assert_int_equal(dsi_catalog_queue_path(c, &t, &arena, &path, NULL), DS_OK);
    assert_null(path);
    assert_int_equal(dsi_catalog_queue_path(c, &bad, &arena, &path, NULL), DS_EINVALID);
    dsi_catalog_free(c);

    char dir[] = "/tmp/datashard-test-XXXXXX";
    char uri[64];
    assert_non_null(mkdtemp(dir));
    snprintf(uri, sizeof uri, "sqlite:%s/c.db", dir);
    assert_int_equal(dsi_catalog_open(uri, none, &c, NULL), DS_OK);
    assert_int_equal(dsi_catalog_queue_path(c, &t, &arena, &path, NULL), DS_OK);
    assert_int_equal(strncmp(path, dir, strlen(dir)), 0);
    assert_int_equal(strncmp(path + strlen(dir), "/.datashard-c.db-", 17), 0);
    assert_int_equal(dsi_catalog_queue_path(c, &u, &arena, &other, NULL), DS_OK);
    assert_string_not_equal(path, other);
    dsi_catalog_free(c);
    snprintf(uri, sizeof uri, "%s/c.db", dir);
    unlink(uri);
    rmdir(dir);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog__surrounds_every_effect_with_fault_points),
        cmocka_unit_test(test_catalog__says_what_a_catalog_has_not),
        cmocka_unit_test(test_catalog__takes_the_base_for_the_answer_too),
        cmocka_unit_test(test_catalog__names_a_queue_beside_the_lock_of_local_tables),
    };
    return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
