#include "fixture.h"
#include "txn/summary.h"

static const char *find(const struct ds_properties *p, const char *key)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->items[i].key, key) == 0) {
            return p->items[i].value;
        }
    }
    return NULL;
}

static size_t times(const struct ds_properties *p, const char *key)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) {
        n += strcmp(p->items[i].key, key) == 0;
    }
    return n;
}

static void test_summary__counts_what_is_added_and_what_there_is(void **state)
{
    static const struct ds_property mine[] = {{"job", "17"}, {"added-records", "99"}};
    struct ds_commit_options o = {.struct_size = sizeof o, .summary = {mine, 2}};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_properties p = {0};
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, &o, "memory:///t/data/a", 3);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_summary_input in = {m, NULL, change, NULL, 1, 0, 0};
    assert_int_equal(dsi_summary_append(&in, &arena, &p, NULL), DS_OK);
    assert_string_equal(p.items[0].key, "operation");
    assert_string_equal(p.items[0].value, "append");
    assert_string_equal(find(&p, DSI_KEY_COMMIT_ID), change->identity);
    assert_string_equal(find(&p, "added-records"), "3");
    assert_string_equal(find(&p, "added-data-files"), "1");
    assert_string_equal(find(&p, "changed-partition-count"), "1");
    assert_string_equal(find(&p, "total-records"), "3");
    assert_string_equal(find(&p, "total-delete-files"), "0");
    assert_string_equal(find(&p, "job"), "17");
    assert_int_equal(times(&p, "added-records"), 1); // Ours, and not the caller's.
    assert_null(find(&p, "deleted-data-files"));
    assert_null(find(&p, "partition-summaries-included"));
    dsi_metadata_unref(m);
    dsi_change_free(change);
    dsi_table_free(t);
    dsi_arena_release(&arena);
    catalog_release(&c);
}

static void test_summary__adds_to_the_parents_totals_or_leaves_them_out(void **state)
{
    static const struct ds_property sums[] = {
        {"operation", "append"}, {"total-records", "39"}, {"total-data-files", "many"}};
    struct dsi_snapshot_new spec = {.snapshot_id = 5,
                                    .parent_id = DSI_SNAPSHOT_NONE,
                                    .sequence_number = 1,
                                    .timestamp_ms = 1,
                                    .manifest_list = "memory:///t/metadata/x.avro",
                                    .summary = sums,
                                    .summary_count = 3,
                                    .first_row_id = -1,
                                    .added_rows = -1};
    const struct dsi_snapshot *parent = NULL;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_properties p = {0};
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 3);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    assert_int_equal(dsi_snapshot_new(&spec, &parent, NULL), DS_OK);
    struct dsi_summary_input in = {m, parent, change, NULL, 1, 0, 0};
    assert_int_equal(dsi_summary_append(&in, &arena, &p, NULL), DS_OK);
    assert_string_equal(find(&p, "total-records"), "42");
    assert_null(find(&p, "total-data-files")); // The parent's makes no sense,
    assert_null(find(&p, "total-files-size")); // and here it has none.
    assert_int_equal(dsi_summary_replaced(parent), -1);
    dsi_snapshot_unref(parent);
    dsi_metadata_unref(m);
    dsi_change_free(change);
    dsi_table_free(t);
    dsi_arena_release(&arena);
    catalog_release(&c);
}

static struct dsi_replaced_file gone = {"memory:///t/data/old", "memory:///t/m", 40, 9};

static void test_summary__of_a_deletion_says_what_goes(void **state)
{
    static const struct ds_property sums[] = {{"total-records", "39"},
                                              {"total-data-files", "1"}};
    struct dsi_snapshot_new spec = {.snapshot_id = 5,
                                    .parent_id = DSI_SNAPSHOT_NONE,
                                    .sequence_number = 1,
                                    .timestamp_ms = 1,
                                    .manifest_list = "memory:///t/metadata/x.avro",
                                    .summary = sums,
                                    .summary_count = 2,
                                    .first_row_id = -1,
                                    .added_rows = -1};
    const struct dsi_snapshot *parent = NULL;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    assert_int_equal(dsi_snapshot_new(&spec, &parent, NULL), DS_OK);
    for (int adds = 0; adds < 2; adds++) {
        struct ds_properties p = {0};
        struct dsi_change *change =
            adds ? test_change(t, NULL, "memory:///t/data/a", 3) : test_blank(t, NULL);
        assert_int_equal(dsi_change_delete(change, &gone, 1, NULL), DS_OK);
        struct dsi_summary_input in = {m, parent, change, NULL, 1, 0, 0};
        assert_int_equal(dsi_summary_append(&in, &arena, &p, NULL), DS_OK);
        assert_string_equal(p.items[0].value, adds ? "overwrite" : "delete");
        assert_string_equal(find(&p, "deleted-records"), "40");
        // Whose partitions the files are of it does not know,
        assert_null(find(&p, "changed-partition-count"));
        // and fewer rows than none there cannot be: the parent's sum was wrong.
        if (adds) {
            assert_string_equal(find(&p, "total-records"), "2");
        } else {
            assert_null(find(&p, "total-records"));
        }
        assert_string_equal(find(&p, "total-data-files"), adds ? "1" : "0");
        dsi_change_free(change);
    }
    dsi_snapshot_unref(parent);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    dsi_arena_release(&arena);
    catalog_release(&c);
}

static void test_summary__lists_partitions_only_when_it_knows_all(void **state)
{
    static const struct ds_property limit[] = {{"write.summary.partition-limit", "9"}};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, limit, 1);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    for (int stored = 0; stored < 2; stored++) {
        struct ds_properties p = {0};
        struct dsi_change *change = stored
                                        ? test_stored(t, "memory:///t/data/b", 3)
                                        : test_change(t, NULL, "memory:///t/data/a", 3);
        struct dsi_summary_input in = {m, NULL, change, NULL, 1, 0, 0};
        assert_int_equal(dsi_summary_append(&in, &arena, &p, NULL), DS_OK);
        assert_int_equal(times(&p, "partition-summaries-included"), stored ? 0 : 1);
        assert_string_equal(find(&p, "changed-partition-count"), "1");
        dsi_change_free(change);
    }
    dsi_metadata_unref(m);
    dsi_table_free(t);
    dsi_arena_release(&arena);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary__counts_what_is_added_and_what_there_is),
        cmocka_unit_test(test_summary__adds_to_the_parents_totals_or_leaves_them_out),
        cmocka_unit_test(test_summary__of_a_deletion_says_what_goes),
        cmocka_unit_test(test_summary__lists_partitions_only_when_it_knows_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
