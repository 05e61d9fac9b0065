#include "harness.h"
#include "table.h"

static void test_manifest_load__reads_what_was_committed(void **state)
{
    struct dsi_manifest_list list;
    struct dsi_manifest manifest;
    struct dsi_manifest_read_options options = {0};
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_fill(&t, &r, 2, 3, 4);
    const struct dsi_snapshot *s = dsi_metadata_current_snapshot(t.m);
    TABLE_OK(&t, dsi_snapshot_manifests(t.storage, t.m, s, &list, &t.err));
    assert_int_equal(list.count, 2);
    TABLE_OK(&t, dsi_manifest_load(t.storage, t.m, &list.files[1], &options, &manifest,
                                   &t.err));
    assert_int_equal(manifest.entry_count, 3);
    dsi_manifest_release(&manifest);

    list.files[1].length--;
    assert_int_equal(
        dsi_manifest_load(t.storage, t.m, &list.files[1], &options, &manifest, &t.err),
        DS_ECORRUPT);
    assert_non_null(strstr(t.err.message, list.files[1].path));
    list.files[1].path = "memory:///t/metadata/gone.avro";
    assert_int_equal(
        dsi_manifest_load(t.storage, t.m, &list.files[1], &options, &manifest, &t.err),
        DS_ENOTFOUND);
    assert_non_null(strstr(t.err.message, "gone.avro"));
    dsi_manifest_list_release(&list);
    table_release(&t);
}

static void test_manifest_load__knows_snapshots_without_a_list(void **state)
{
    struct dsi_manifest_list list;
    struct dsi_manifest manifest;
    struct dsi_manifest_read_options options = {0};
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_fill(&t, &r, 1, 3, 4);
    const char *const paths[] = {t.manifests[0].path};
    struct dsi_snapshot old = *dsi_metadata_current_snapshot(t.m);
    old.manifest_list = NULL;
    old.manifests = paths;
    old.manifest_count = 1;
    TABLE_OK(&t, dsi_snapshot_manifests(t.storage, t.m, &old, &list, &t.err));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.files[0].length, t.manifests[0].length);
    TABLE_OK(&t, dsi_manifest_load(t.storage, t.m, &list.files[0], &options, &manifest,
                                   &t.err));
    assert_int_equal(manifest.entry_count, 3);
    dsi_manifest_release(&manifest);
    dsi_manifest_list_release(&list);

    const char *const gone[] = {"memory:///t/metadata/gone.avro"};
    old.manifests = gone;
    assert_int_equal(dsi_snapshot_manifests(t.storage, t.m, &old, &list, &t.err),
                     DS_ENOTFOUND);
    assert_non_null(strstr(t.err.message, "gone.avro"));
    table_release(&t);
}

static void test_manifest_load__says_whose_list_is_broken(void **state)
{
    struct dsi_manifest_list list;
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_fill(&t, &r, 1, 1, 1);
    const struct dsi_snapshot *s = dsi_metadata_current_snapshot(t.m);
    TABLE_OK(&t, dsi_storage_put(t.storage, s->manifest_list, dsi_slice_text("Obj\1"), 0,
                                 &t.err));
    assert_int_equal(dsi_snapshot_manifests(t.storage, t.m, s, &list, &t.err),
                     DS_ECORRUPT);
    const char start[] = "snapshot 1: reading memory:///t/";
    assert_memory_equal(t.err.message, start, sizeof start - 1);
    assert_non_null(strstr(t.err.message, ": manifest list: "));
    table_release(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_load__reads_what_was_committed),
        cmocka_unit_test(test_manifest_load__knows_snapshots_without_a_list),
        cmocka_unit_test(test_manifest_load__says_whose_list_is_broken),
    };
    return cmocka_run_group_tests_name("manifest_load", tests, NULL, NULL);
}
