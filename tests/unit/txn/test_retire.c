#include "fixture.h"
#include "txn/expire.h"
#include "txn/removal.h"
#include "txn/retire.h"

struct names {
    size_t lists;
    size_t manifests;
    size_t metadata;
    size_t data;
};

static int count(void *arg, const char *path, const struct ds_file_info *info)
{
    struct names *n = arg;
    (void)info;
    n->lists += strstr(path, "/snap-") != NULL;
    n->manifests += strstr(path, ".avro") != NULL && !strstr(path, "/snap-");
    n->metadata += strstr(path, ".metadata.json") != NULL;
    n->data += strstr(path, "/data/") != NULL;
    return DS_OK;
}

static struct names list(struct dsi_catalog *c)
{
    struct names n = {0};
    assert_int_equal(dsi_storage_list(c->storage, "memory:///t", count, &n, NULL), DS_OK);
    return n;
}

static void append(struct dsi_table *t, int i)
{
    char path[64];
    snprintf(path, sizeof path, "memory:///t/data/%d", i);
    struct dsi_change *change = test_change(t, NULL, path, 1);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    dsi_change_free(change);
}

static void test_retire__leaves_exactly_the_reachable_files(void **state)
{
    static const struct ds_property set[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "3"},
        {"commit.manifest.min-count-to-merge", "4"},
        {"write.metadata.previous-versions-max", "2"},
        {"write.metadata.delete-after-commit.enabled", "true"},
    };
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 6);
    for (int i = 0; i < 60; i++) {
        append(t, i);
        assert_null(test_look(c.storage, c.head, &seen));
        assert_int_equal(seen.rows, i + 1);
        struct names n = list(&c);
        assert_true(n.lists <= 4);
        assert_true(n.manifests <= 12);
        assert_true(n.metadata <= 3);
        assert_int_equal(n.data, i + 1);
    }
    dsi_table_free(t);
    catalog_release(&c);
}

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

static void take_out(struct dsi_table *t, const char *path)
{
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_change *change = NULL;
    size_t found = 0;
    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    assert_int_equal(dsi_removal_find(dsi_table_storage(t), s->metadata, change, &path, 1,
                                      &found, NULL),
                     DS_OK);
    assert_int_equal(found, 1);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    dsi_change_free(change);
    dsi_state_unref(s);
}

static void expire_all(struct dsi_table *t)
{
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_change *change = NULL;
    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    assert_int_equal(dsi_change_expire(change, INT64_MAX, 1, NULL), DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    dsi_change_free(change);
    dsi_state_unref(s);
}

static void test_retire__frees_deleted_files_but_not_those_that_came_back(void **state)
{
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    append(t, 1);
    append(t, 2);
    append(t, 3);
    take_out(t, "data/1");
    take_out(t, "data/2");
    assert_int_equal(list(&c).data, 3); // Snapshots have them.
    append(t, 2);
    expire_all(t);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 2);
    assert_int_equal(list(&c).data, 2);
    assert_int_equal(list(&c).lists, 1);
    dsi_table_free(t);
    catalog_release(&c);
}

// What was taken out leaves manifests that name nothing else. The next commit has no use
// for them, and says of itself that it replaced none.
static void test_retire__frees_manifests_of_what_was_taken_out(void **state)
{
    static const struct ds_property set[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "1"},
    };
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 3);
    for (int i = 0; i < 10; i++) {
        char path[32];
        append(t, 2 * i);
        append(t, 2 * i + 1);
        snprintf(path, sizeof path, "data/%d", 2 * i);
        take_out(t, path);
    }
    append(t, 100);
    append(t, 101);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 12);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_manifest_list reachable = {0};
    assert_int_equal(dsi_snapshot_manifests(c.storage, s->metadata,
                                            dsi_metadata_current_snapshot(s->metadata),
                                            &reachable, NULL),
                     DS_OK);
    struct names n = list(&c);
    assert_int_equal(n.manifests, reachable.count);
    assert_int_equal(n.lists, 1);
    assert_int_equal(n.data, 12);
    dsi_manifest_list_release(&reachable);
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retire__leaves_exactly_the_reachable_files),
        cmocka_unit_test(test_retire__purge_removes_all_that_is_the_tables_own),
        cmocka_unit_test(test_retire__frees_deleted_files_but_not_those_that_came_back),
        cmocka_unit_test(test_retire__frees_manifests_of_what_was_taken_out),
        cmocka_unit_test(test_retire__purge_refuses_where_gc_is_off),
    };
    test_clock_ticks();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
