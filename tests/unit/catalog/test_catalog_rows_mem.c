#include "catalog/catalog_rows.h"
#include "harness.h"

#include <string.h>

static const struct dsi_table_name t = {"ns", "t"};
static const struct dsi_table_name u = {"ns", "u"};

static void test_catalog_rows_mem__keeps_what_is_committed_and_only_that(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_rows *r = NULL;
    char *location = NULL;
    (void)state;

    assert_int_equal(dsi_rows_mem_new(&r, NULL), DS_OK);
    assert_int_equal(r->ops->begin(r, true, NULL), DS_OK);
    assert_int_equal(r->ops->insert(r, &t, "a", NULL), DS_OK);
    r->ops->rollback(r);
    assert_int_equal(r->ops->begin(r, false, NULL), DS_OK);
    assert_int_equal(r->ops->find(r, &t, &arena, &location, NULL), DS_ENOTFOUND);
    r->ops->rollback(r);

    assert_int_equal(r->ops->begin(r, true, NULL), DS_OK);
    assert_int_equal(r->ops->insert(r, &t, "a", NULL), DS_OK);
    assert_int_equal(r->ops->insert(r, &t, "b", NULL), DS_EEXISTS);
    assert_int_equal(r->ops->update(r, &t, "x", "b", NULL), DS_ECONFLICT);
    assert_int_equal(r->ops->update(r, &t, "a", "b", NULL), DS_OK);
    assert_int_equal(r->ops->touch(r, &t, NULL), DS_OK);
    assert_int_equal(r->ops->touch(r, &u, NULL), DS_ENOTFOUND);
    assert_int_equal(r->ops->commit(r, NULL), DS_OK);

    assert_int_equal(r->ops->begin(r, true, NULL), DS_OK);
    assert_int_equal(r->ops->find(r, &t, &arena, &location, NULL), DS_OK);
    assert_string_equal(location, "b");
    assert_int_equal(r->ops->rename(r, &t, &t, NULL), DS_EEXISTS);
    assert_int_equal(r->ops->rename(r, &t, &u, NULL), DS_OK);
    assert_int_equal(r->ops->remove(r, &t, NULL), DS_ENOTFOUND);
    assert_int_equal(r->ops->remove(r, &u, NULL), DS_OK);
    assert_int_equal(r->ops->commit(r, NULL), DS_OK);
    r->ops->free(r);
    dsi_arena_release(&arena);
}

static void test_catalog_rows_mem__keeps_many_properties(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_properties found = {NULL, 0};
    struct dsi_rows *r = NULL;
    (void)state;

    assert_int_equal(dsi_rows_mem_new(&r, NULL), DS_OK);
    assert_int_equal(r->ops->begin(r, true, NULL), DS_OK);
    for (int i = 0; i < 50; i++) {
        char *key = dsi_arena_printf(&arena, "k%d", i % 40);
        assert_int_equal(r->ops->set_property(r, "ns", key, "v", NULL), DS_OK);
    }
    assert_int_equal(r->ops->set_property(r, "ns", "k3", NULL, NULL), DS_OK);
    assert_int_equal(r->ops->set_property(r, "ns", "none", NULL, NULL), DS_OK);
    assert_int_equal(r->ops->commit(r, NULL), DS_OK);
    assert_int_equal(r->ops->begin(r, true, NULL), DS_OK);
    assert_int_equal(r->ops->properties(r, "ns", &arena, &found, NULL), DS_OK);
    assert_int_equal(found.count, 39);
    assert_int_equal(r->ops->remove_properties(r, "ns", NULL), DS_OK);
    assert_int_equal(r->ops->properties(r, "ns", &arena, &found, NULL), DS_OK);
    assert_int_equal(found.count, 0);
    assert_int_equal(r->ops->commit(r, NULL), DS_OK);
    r->ops->free(r);
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog_rows_mem__keeps_what_is_committed_and_only_that),
        cmocka_unit_test(test_catalog_rows_mem__keeps_many_properties),
    };
    return cmocka_run_group_tests_name("catalog_rows_mem", tests, NULL, NULL);
}
