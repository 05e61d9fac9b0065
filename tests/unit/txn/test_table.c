#include "fixture.h"

static void test_table__is_created_once(void **state)
{
    struct dsi_schema schema = test_schema();
    struct dsi_metadata_new spec = {.schema = &schema};
    struct dsi_catalog c;
    struct ds_error err = {0};
    struct dsi_table *again = NULL;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    assert_int_equal(dsi_table_create(&c, &test_name, &spec, &again, &err), DS_EEXISTS);
    assert_null(again);
    dsi_table_free(t);
    catalog_release(&c);
}

static enum fate always(void *arg)
{
    return *(enum fate *)arg;
}

static void test_table__is_ours_when_only_the_answer_to_its_creation_was_bad(void **state)
{
    static const enum fate fates[] = {FATE_ANSWER_LOST, FATE_LIE};
    struct dsi_schema schema = test_schema();
    struct dsi_metadata_new spec = {.schema = &schema};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        enum fate f = fates[i];
        struct dsi_catalog c;
        struct dsi_table *t = NULL;
        catalog_init(&c);
        c.fate = always;
        c.arg = &f;
        assert_int_equal(dsi_table_create(&c, &test_name, &spec, &t, NULL), DS_OK);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

static void test_table__refresh_moves_to_the_head_and_keeps_old_states_whole(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *a = test_create(&c, NULL, 0);
    struct dsi_table *b = test_open(&c);
    const struct dsi_state *before = dsi_table_state(b);
    struct dsi_change *change = test_change(a, NULL, "memory:///t/data/a", 3);
    assert_int_equal(dsi_commit(a, change, NULL, NULL, NULL), DS_OK);
    assert_int_equal(dsi_table_refresh(b, NULL), DS_OK);
    const struct dsi_state *after = dsi_table_state(b);
    assert_int_equal(before->metadata->snapshot_count, 0);
    assert_int_equal(after->metadata->snapshot_count, 1);
    assert_int_equal(dsi_table_refresh(b, NULL), DS_OK);
    const struct dsi_state *same = dsi_table_state(b);
    assert_ptr_equal(same, after); // Nothing was read again.
    dsi_table_publish(b, before);  // An older version changes nothing.
    const struct dsi_state *still = dsi_table_state(b);
    assert_ptr_equal(still, after);
    dsi_state_unref(still);
    dsi_state_unref(same);
    dsi_state_unref(after);
    dsi_state_unref(before);
    dsi_change_free(change);
    dsi_table_free(b);
    dsi_table_free(a);
    catalog_release(&c);
}

static void test_table__whose_metadata_file_is_gone_is_refused_by_name(void **state)
{
    struct dsi_catalog c;
    struct ds_error err = {0};
    struct dsi_table *t = NULL;
    (void)state;

    catalog_init(&c);
    dsi_table_free(test_create(&c, NULL, 0));
    assert_int_equal(dsi_storage_remove(c.storage, c.head, NULL), DS_OK);
    assert_int_equal(dsi_table_open(&c, &test_name, &t, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, c.head));
    free(c.head);
    c.head = NULL;
    assert_int_equal(dsi_table_open(&c, &test_name, &t, &err), DS_ENOTFOUND);
    catalog_release(&c);
}

static void test_table__metadata_may_be_gzip(void **state)
{
    static const struct ds_property set[] = {
        {"write.metadata.compression-codec", "gzip"}};
    struct dsi_catalog c;
    struct dsi_buf raw = DSI_BUF_INIT;
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 1);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 3);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    assert_int_equal(dsi_storage_read(c.storage, c.head, &raw, NULL), DS_OK);
    assert_int_equal(raw.data[0], 0x1f);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 3);
    dsi_buf_release(&raw);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table__is_created_once),
        cmocka_unit_test(
            test_table__is_ours_when_only_the_answer_to_its_creation_was_bad),
        cmocka_unit_test(
            test_table__refresh_moves_to_the_head_and_keeps_old_states_whole),
        cmocka_unit_test(test_table__whose_metadata_file_is_gone_is_refused_by_name),
        cmocka_unit_test(test_table__metadata_may_be_gzip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
