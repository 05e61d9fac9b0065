#include "txn/retire.h"

#include "leftover_fixture.h"

static void test_retire__purge_removes_all_that_is_the_tables_own(void **state)
{
    struct dsi_catalog c;
    struct dsi_change *change = NULL;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    for (int i = 0; i < 3; i++) {
        append(t, i);
    }
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_data_file theirs = test_file(c.storage, "memory:///other/data/x", 1);
    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    assert_int_equal(dsi_change_append(change, &theirs, 1, false, NULL), DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    dsi_state_unref(s);
    s = dsi_table_state(t);
    assert_int_equal(dsi_purge(c.storage, s, NULL), DS_OK);
    struct names n = list(&c);
    assert_int_equal(n.lists + n.manifests + n.metadata + n.data, 0);
    assert_true(test_exists(c.storage, "memory:///other/data/x"));
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_retire__purge_refuses_where_gc_is_off(void **state)
{
    static const struct ds_property set[] = {{"gc.enabled", "false"}};
    struct dsi_catalog c;
    struct ds_error err = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 1);
    append(t, 0);
    const struct dsi_state *s = dsi_table_state(t);
    struct names before = list(&c);
    assert_int_equal(dsi_purge(c.storage, s, &err), DS_EUNSUPPORTED);
    struct names after = list(&c);
    assert_memory_equal(&before, &after, sizeof after);
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retire__purge_removes_all_that_is_the_tables_own),
        cmocka_unit_test(test_retire__purge_refuses_where_gc_is_off),
    };
    test_clock_ticks();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
