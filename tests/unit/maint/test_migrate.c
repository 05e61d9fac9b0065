#include "maint/migrate.h"
#include "unit/maint/legacy_table.h"

#include "catalog/catalog_legacy.h"
#include "catalog/catalog_versions.h"

// What a reader sees: the rows of the current snapshot, and whether it is Iceberg.
static int64_t look(ds_storage *storage, bool *iceberg)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_version version = {0, NULL, {0, 0}};
    struct dsi_legacy_head head = {0, NULL, NULL};
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    int rc = dsi_version_head(storage, LEGACY_TABLE, &arena, &version, &err);

    if (rc == DS_ENOTFOUND) {
        rc = dsi_legacy_head_find(storage, LEGACY_TABLE, &arena, &head, &err);
        version.path = head.path;
    }
    if (rc < 0 || (rc = dsi_metadata_load(storage, version.path, &m, &err)) < 0) {
        fail_msg("%s", err.message);
    }
    *iceberg = !m->is_legacy;
    int64_t rows = legacy_rows(storage, m, dsi_metadata_current_snapshot(m));
    dsi_metadata_unref(m);
    dsi_arena_release(&arena);
    return rows;
}

static int migrate(ds_storage *storage, bool dry_run, bool remove_old,
                   struct dsi_buf *report, struct ds_error *err)
{
    report->size = 0;
    return dsi_migrate(&(struct dsi_migrate){.storage = storage,
                                             .table = LEGACY_TABLE,
                                             .dry_run = dry_run,
                                             .remove_old = remove_old},
                       report, err);
}

static void says(struct dsi_buf *report, const char *what)
{
    if (!strstr(dsi_buf_text(report), what)) {
        fail_msg("%s does not say %s", dsi_buf_text(report), what);
    }
}

static void test_migrate__makes_an_iceberg_table(void **state)
{
    ds_storage *storage = legacy_table("0.7.2-all");
    struct dsi_buf report = DSI_BUF_INIT;
    struct ds_error err = {0};
    bool iceberg = true;
    size_t files = legacy_count(storage, "", NULL);
    (void)state;

    assert_int_equal(look(storage, &iceberg), 6);
    assert_false(iceberg);
    assert_int_equal(migrate(storage, true, true, &report, &err), DS_OK);
    says(&report, "\"status\":\"dry-run\"");
    assert_int_equal(legacy_count(storage, "", NULL), files);
    if (migrate(storage, false, false, &report, &err) < 0) {
        fail_msg("%s", err.message);
    }
    says(&report, "\"status\":\"migrated\"");
    says(&report, "\"to\":\"v7.metadata.json\"");
    says(&report, "\"snapshots\":6");
    says(&report, "{\"name\":\"u\",\"was\":\"uuid\",\"is\":\"string\"}");
    assert_int_equal(look(storage, &iceberg), 6);
    assert_true(iceberg);
    // DataShard's hint is out of the way, and what it said is kept.
    assert_int_equal(legacy_count(storage, DSI_LEGACY_HINT, NULL), 1);
    assert_int_equal(legacy_count(storage, DSI_LEGACY_HINT_KEPT, NULL), 1);
    assert_int_equal(migrate(storage, false, false, &report, &err), DS_OK);
    says(&report, "\"status\":\"already-migrated\"");
    assert_int_equal(migrate(storage, false, true, &report, &err), DS_OK);
    assert_int_equal(legacy_count(storage, "/manifests/", NULL), 0);
    assert_int_equal(look(storage, &iceberg), 6);
    dsi_buf_release(&report);
    dsi_storage_free(storage);
}

static void test_migrate__needs_a_table(void **state)
{
    struct dsi_buf report = DSI_BUF_INIT;
    struct ds_error err = {0};
    ds_storage *storage = NULL;
    (void)state;

    assert_int_equal(dsi_storage_mem_new(&storage, NULL), DS_OK);
    assert_int_equal(migrate(storage, false, false, &report, &err), DS_ENOTFOUND);
    dsi_storage_free(storage);
    dsi_buf_release(&report);
}

static void test_migrate__takes_the_file_it_is_told(void **state)
{
    ds_storage *storage = legacy_table("0.7.2-partitioned");
    struct dsi_buf report = DSI_BUF_INIT;
    struct ds_error err = {0};
    char path[512];
    struct dsi_migrate m = {.storage = storage, .table = LEGACY_TABLE};
    bool iceberg = false;
    (void)state;

    assert_int_equal(legacy_count(storage, "/v2-", path), 1);
    assert_int_equal(dsi_storage_remove(storage, LEGACY_TABLE "/" DSI_LEGACY_HINT, NULL),
                     DS_OK);
    m.metadata_file = "../x";
    assert_int_equal(dsi_migrate(&m, &report, &err), DS_EINVALID);
    m.metadata_file = "v9-00000000.metadata.json";
    assert_int_equal(dsi_migrate(&m, &report, &err), DS_ENOTFOUND);
    m.metadata_file = strrchr(path, '/') + 1;
    assert_int_equal(dsi_migrate(&m, &report, &err), DS_OK);
    says(&report, "\"to\":\"v4.metadata.json\""); // Above every number that is there.
    assert_int_equal(look(storage, &iceberg), 4);
    assert_true(iceberg);
    dsi_storage_free(storage);
    dsi_buf_release(&report);
}

// A writer of the old layout that commits whenever it gets its lock.
struct quick {
    ds_storage *storage;
    int commits;
    int waits;
};

static void commit_quickly(void *arg, uint64_t done, uint64_t all)
{
    struct quick *w = arg;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf head = DSI_BUF_INIT;
    struct dsi_legacy_head now;
    struct ds_error err = {0};
    char name[64];
    char path[128];
    void *lock = NULL;

    if (done != all) {
        return;
    }
    if (dsi_storage_lock(w->storage, LEGACY_TABLE "/" DSI_LEGACY_LOCK, 0, &lock, &err) !=
        DS_OK) {
        w->waits++;
        return;
    }
    assert_int_equal(dsi_legacy_head_find(w->storage, LEGACY_TABLE, &arena, &now, NULL),
                     DS_OK);
    assert_int_equal(dsi_storage_read(w->storage, now.path, &head, NULL), DS_OK);
    snprintf(name, sizeof name, "v%d-0000000%d.metadata.json", (int)now.number + 1,
             w->commits);
    snprintf(path, sizeof path, LEGACY_TABLE "/metadata/%s", name);
    assert_int_equal(dsi_storage_put(w->storage, path, dsi_buf_slice(&head), 0, NULL),
                     DS_OK);
    assert_int_equal(dsi_storage_put(w->storage, LEGACY_TABLE "/" DSI_LEGACY_HINT,
                                     dsi_slice_text(name), 0, NULL),
                     DS_OK);
    w->commits++;
    dsi_storage_unlock(w->storage, lock);
    dsi_buf_release(&head);
    dsi_arena_release(&arena);
}

static void test_migrate__comes_to_an_end_beside_a_quick_writer(void **state)
{
    struct quick writer = {.storage = legacy_table("0.7.2-partitioned")};
    struct dsi_migrate m = {.storage = writer.storage,
                            .table = LEGACY_TABLE,
                            .progress = commit_quickly,
                            .progress_arg = &writer};
    struct dsi_buf report = DSI_BUF_INIT;
    struct ds_error err = {0};
    void *lock = NULL;
    bool iceberg = false;
    (void)state;

    if (dsi_migrate(&m, &report, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(writer.commits, 1); // Then the lock was kept.
    assert_int_equal(writer.waits, 1);
    says(&report, "\"from\":\"v4-00000000.metadata.json\"");
    says(&report, "\"to\":\"v5.metadata.json\"");
    assert_int_equal(look(writer.storage, &iceberg), 6);
    assert_true(iceberg);
    // And it was given back.
    assert_int_equal(dsi_storage_lock(writer.storage, LEGACY_TABLE "/" DSI_LEGACY_LOCK, 0,
                                      &lock, NULL),
                     DS_OK);
    dsi_storage_unlock(writer.storage, lock);
    dsi_storage_free(writer.storage);
    dsi_buf_release(&report);
}

// Whatever fails, a reader sees the old table or the new one, with every row; and a
// second run comes to the end.
static void test_migrate__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    uint32_t unknown = 0;
    uint32_t old = 0;
    (void)state;

    for (bool more = true; more;) {
        ds_storage *storage = legacy_table("0.7.2-partitioned");
        struct dsi_buf report = DSI_BUF_INIT;
        struct ds_error err = {0};
        bool iceberg = false;
        more = dsi_fault_next(&plan);
        int rc = migrate(storage, false, plan.target % 2, &report, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0]);
        assert_int_equal(look(storage, &iceberg), 6);
        assert_true(rc != DS_OK || iceberg);
        unknown += rc == DS_EUNKNOWN;
        old += rc < 0 && !iceberg;
        if (rc < 0 && rc != DS_EUNKNOWN && !iceberg) { // It tidied up after itself.
            assert_in_range(legacy_count(storage, "-m0.avro", NULL), 0, 1);
        }
        assert_int_equal(migrate(storage, false, false, &report, &err), DS_OK);
        assert_int_equal(look(storage, &iceberg), 6);
        assert_true(iceberg);
        dsi_buf_release(&report);
        dsi_storage_free(storage);
    }
    assert_true(plan.target > 100);
    assert_true(unknown > 0);
    assert_true(old > 50);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_migrate__makes_an_iceberg_table),
        cmocka_unit_test(test_migrate__needs_a_table),
        cmocka_unit_test(test_migrate__takes_the_file_it_is_told),
        cmocka_unit_test(test_migrate__comes_to_an_end_beside_a_quick_writer),
        cmocka_unit_test(test_migrate__survives_every_fault),
    };
    return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
