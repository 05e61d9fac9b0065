#include "txn/expire.h"

#include "fixture.h"

static void append(struct dsi_table *t, const char *branch, unsigned n)
{
    struct ds_commit_options o = {.struct_size = sizeof o, .branch = branch};
    char path[64];
    snprintf(path, sizeof path, "memory:///t/data/%u-%s", n, branch ? branch : "main");
    struct dsi_change *c = test_change(t, &o, path, 1);
    assert_int_equal(dsi_commit(t, c, &o, NULL, NULL), DS_OK);
    dsi_change_free(c);
}

static size_t snapshots(struct dsi_table *t)
{
    const struct dsi_metadata *m = dsi_table_metadata(t);
    size_t n = m->snapshot_count;
    dsi_metadata_unref(m);
    return n;
}

static size_t due(struct dsi_table *t)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_metadata *m = dsi_table_metadata(t);
    int64_t *ids = NULL;
    size_t count = 0;
    int64_t now_ms = m->last_updated_ms + 1000;
    assert_int_equal(dsi_expire_due(m, now_ms, &arena, &ids, &count, NULL), DS_OK);
    for (size_t i = 0; i < count; i++) { // The oldest ones.
        assert_int_equal(ids[i], m->snapshots[i]->snapshot_id);
    }
    dsi_metadata_unref(m);
    dsi_arena_release(&arena);
    return count;
}

static void test_expire__waits_until_a_whole_batch_is_due(void **state)
{
    static const struct ds_property set[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {DSI_KEY_EXPIRE_BATCH, "8"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "4"},
    };
    struct dsi_catalog c;
    size_t most = 0;
    size_t batches = 0;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 4);
    for (unsigned i = 0; i < 100; i++) {
        size_t before = snapshots(t);
        append(t, NULL, i);
        size_t now = snapshots(t);
        assert_true(now == before + 1 || now + 8 == before + 1);
        batches += now < before;
        most = now > most ? now : most;
    }
    assert_int_equal(most, 11);
    assert_int_equal(batches, 12);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_expire__does_nothing_unless_it_is_told_to(void **state)
{
    static const struct ds_property old[] = {
        {"history.expire.max-snapshot-age-ms", "1"},
        {"gc.enabled", "false"},
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
    };
    struct dsi_catalog c;
    (void)state;

    for (size_t count = 1; count <= 3; count += 2) { // Not wanted; not allowed.
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, old, count);
        for (unsigned i = 0; i < 5; i++) {
            append(t, NULL, i);
        }
        assert_int_equal(due(t), 0);
        assert_int_equal(snapshots(t), 5);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

static void test_expire__takes_long_histories_in_steps(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    for (unsigned i = 0; i < DSI_EXPIRE_MAX + 30; i++) {
        append(t, NULL, i);
    }
    struct dsi_change *change = test_blank(t, NULL);
    assert_int_equal(
        dsi_change_set_property(change, "history.expire.max-snapshot-age-ms", "1", NULL),
        DS_OK);
    assert_int_equal(
        dsi_change_set_property(change, DSI_KEY_EXPIRE_ON_COMMIT, "true", NULL), DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK); // Forgets already.
    assert_int_equal(snapshots(t), 30);
    assert_int_equal(due(t), 29);
    append(t, NULL, 1000);
    assert_in_range(snapshots(t), 1, 2);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_expire__keeps_what_branches_need(void **state)
{
    static const struct ds_property set[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
    };
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 2);
    append(t, NULL, 0);
    append(t, "audit", 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    int64_t held = dsi_metadata_find_ref(m, "audit")->snapshot_id;
    dsi_metadata_unref(m);
    for (unsigned i = 1; i < 6; i++) {
        append(t, NULL, i);
    }
    m = dsi_table_metadata(t);
    assert_non_null(dsi_metadata_snapshot(m, held));
    assert_in_range(m->snapshot_count, 2, 3);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_expire__lets_old_metadata_files_go_in_batches_too(void **state)
{
    static const struct ds_property set[] = {
        {"write.metadata.previous-versions-max", "10"},
        {DSI_KEY_EXPIRE_BATCH, "4"},
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
    };
    (void)state;
    for (size_t told = 2; told <= 3; told++) { // Without being told, one by one.
        struct dsi_catalog c;
        size_t fewest = SIZE_MAX;
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, set, told);
        for (unsigned i = 0; i < 30; i++) {
            append(t, NULL, i);
            const struct dsi_metadata *m = dsi_table_metadata(t);
            size_t n = m->metadata_log_count;
            assert_true(n <= 10);
            fewest = i >= 10 && n < fewest ? n : fewest;
            assert_int_equal(dsi_expire_log_batch(m), told == 3 ? 4 : 1);
            dsi_metadata_unref(m);
        }
        assert_int_equal(fewest, told == 3 ? 7 : 10);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expire__waits_until_a_whole_batch_is_due),
        cmocka_unit_test(test_expire__does_nothing_unless_it_is_told_to),
        cmocka_unit_test(test_expire__takes_long_histories_in_steps),
        cmocka_unit_test(test_expire__keeps_what_branches_need),
        cmocka_unit_test(test_expire__lets_old_metadata_files_go_in_batches_too),
    };
    test_clock_ticks();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
