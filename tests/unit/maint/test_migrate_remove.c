#include "maint/migrate.h"
#include "maint/migrate_remove.h"
#include "unit/maint/legacy_table.h"

#include "catalog/catalog_versions.h"

static void migrated(const char *golden, ds_storage **storage, struct dsi_metadata **m)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf report = DSI_BUF_INIT;
    struct dsi_version head = {0, NULL, {0, 0}};
    struct ds_error err = {0};

    *storage = legacy_table(golden);
    if (dsi_migrate(&(struct dsi_migrate){.storage = *storage, .table = LEGACY_TABLE},
                    &report, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(dsi_version_head(*storage, LEGACY_TABLE, &arena, &head, NULL),
                     DS_OK);
    assert_int_equal(dsi_metadata_load(*storage, head.path, m, NULL), DS_OK);
    dsi_buf_release(&report);
    dsi_arena_release(&arena);
}

static void test_migrate_remove__removes_what_nobody_reads(void **state)
{
    // The second has old and new metadata under names of one form.
    static const char *const tables[] = {"0.7.2-all", "0.5.4-plain"};
    static const int64_t rows[] = {6, 3};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        ds_storage *storage = NULL;
        struct dsi_metadata *m = NULL;
        uint64_t removed = 0;
        migrated(tables[i], &storage, &m);
        size_t data = legacy_count(storage, ".parquet", NULL);
        assert_int_equal(dsi_migrate_remove(storage, LEGACY_TABLE, m, &removed, NULL),
                         DS_OK);
        assert_true(removed > 6);
        assert_int_equal(legacy_count(storage, ".parquet", NULL), data);
        assert_int_equal(legacy_count(storage, "metadata.version-hint", NULL), 0);
        assert_int_equal(legacy_count(storage, "/manifests/", NULL), 0);
        assert_int_equal(legacy_count(storage, ".metadata.json", NULL), 1);
        for (size_t j = 0; j < m->snapshot_count; j++) {
            assert_true(legacy_rows(storage, m, m->snapshots[j]) > 0);
        }
        assert_int_equal(legacy_rows(storage, m, dsi_metadata_current_snapshot(m)),
                         rows[i]);
        assert_int_equal(dsi_migrate_remove(storage, LEGACY_TABLE, m, &removed, NULL),
                         DS_OK);
        assert_int_equal(removed, 0);
        dsi_metadata_unref(m);
        dsi_storage_free(storage);
    }
}

static void test_migrate_remove__touches_nothing_that_is_named(void **state)
{
    ds_storage *storage = NULL;
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    uint64_t removed = 0;
    (void)state;

    migrated("0.5.4-plain", &storage, &m);
    size_t files = legacy_count(storage, "", NULL);
    struct dsi_snapshot *s = (struct dsi_snapshot *)(uintptr_t)m->snapshots[0];
    s->manifest_list = LEGACY_TABLE "/metadata/manifests/manifest_list_1.avro";
    assert_int_equal(dsi_migrate_remove(storage, LEGACY_TABLE, m, &removed, &err),
                     DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "in use"));
    assert_int_equal(legacy_count(storage, "", NULL), files);
    dsi_metadata_unref(m);
    dsi_storage_free(storage);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_migrate_remove__removes_what_nobody_reads),
        cmocka_unit_test(test_migrate_remove__touches_nothing_that_is_named),
    };
    return cmocka_run_group_tests_name("migrate_remove", tests, NULL, NULL);
}
