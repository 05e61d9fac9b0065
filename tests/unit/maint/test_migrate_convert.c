#include "maint/migrate_convert.h"
#include "unit/maint/legacy_table.h"

#include "catalog/catalog_legacy.h"
#include "txn/legacy_load.h"

struct table {
    ds_storage *storage;
    struct dsi_arena arena;
    struct dsi_legacy legacy;
    struct dsi_metadata *old;
    struct dsi_migrate_convert convert;
};

static void open_table(struct table *t, const char *golden)
{
    struct dsi_legacy_head head = {0, NULL, NULL};
    struct dsi_buf json = DSI_BUF_INIT;
    struct ds_error err = {0};

    *t = (struct table){.storage = legacy_table(golden)};
    assert_int_equal(
        dsi_legacy_head_find(t->storage, LEGACY_TABLE, &t->arena, &head, NULL), DS_OK);
    assert_int_equal(dsi_storage_read(t->storage, head.path, &json, NULL), DS_OK);
    if (dsi_legacy_load(t->storage, dsi_buf_slice(&json), head.path, &t->legacy, &t->old,
                        &err) < 0) {
        fail_msg("%s", err.message);
    }
    dsi_buf_release(&json);
    t->convert.storage = t->storage;
    t->convert.legacy = &t->legacy;
    t->convert.old = t->old;
}

static void close_table(struct table *t)
{
    dsi_migrate_convert_release(&t->convert);
    dsi_metadata_unref(t->old);
    dsi_legacy_release(&t->legacy);
    dsi_arena_release(&t->arena);
    dsi_storage_free(t->storage);
}

// The path of a data file that only snapshots from `first` to `last` have.
static const char *file_of(struct table *t, size_t snapshot, size_t entry)
{
    struct dsi_manifest_list list = {0};
    struct dsi_manifest m;
    const char *path = NULL;

    assert_int_equal(dsi_snapshot_manifests(t->storage, t->old,
                                            t->old->snapshots[snapshot], &list, NULL),
                     DS_OK);
    assert_int_equal(
        dsi_manifest_load(t->storage, t->old, &list.files[0], NULL, &m, NULL), DS_OK);
    assert_true(entry < m.entry_count);
    path = dsi_arena_strdup(&t->arena, m.entries[entry].file.path);
    dsi_manifest_release(&m);
    dsi_manifest_list_release(&list);
    return path;
}

static void counted(void *arg, uint64_t done, uint64_t all)
{
    uint64_t *seen = arg;
    assert_int_equal(done, *seen + 1);
    assert_int_equal(all, 6);
    *seen = done;
}

static void test_migrate_convert__keeps_every_snapshot(void **state)
{
    static const int64_t rows[] = {5, 6, 10, 5, 5, 6};
    struct table t;
    struct ds_error err = {0};
    uint64_t seen = 0;
    (void)state;

    open_table(&t, "0.7.2-all");
    t.convert.progress = counted;
    t.convert.progress_arg = &seen;
    if (dsi_migrate_convert(&t.convert, &err) < 0) {
        fail_msg("%s", err.message);
    }
    const struct dsi_metadata *m = t.convert.made;
    assert_false(m->is_legacy);
    assert_int_equal(m->snapshot_count, 6);
    assert_int_equal(seen, 6);
    assert_int_equal(t.convert.rows, 6);
    for (size_t i = 0; i < 6; i++) {
        const struct dsi_snapshot *s = m->snapshots[i];
        char text[8];
        snprintf(text, sizeof text, "%d", (int)rows[i]);
        assert_int_equal(legacy_rows(t.storage, m, s), rows[i]);
        assert_string_equal(dsi_snapshot_summary(s, "total-records"), text);
        assert_true(s->snapshot_id == t.old->snapshots[i]->snapshot_id);
        assert_int_equal(s->sequence_number, i + 1);
    }
    assert_string_equal(dsi_snapshot_summary(m->snapshots[2], "added-data-files"), "2");
    assert_null(dsi_snapshot_summary(m->snapshots[3], "added-data-files"));
    // Bounds come from the footers, and are there.
    struct dsi_manifest_list list = {0};
    struct dsi_manifest x;
    assert_int_equal(dsi_snapshot_manifests(t.storage, m, m->snapshots[0], &list, NULL),
                     DS_OK);
    assert_int_equal(dsi_manifest_load(t.storage, m, &list.files[0], NULL, &x, NULL),
                     DS_OK);
    assert_int_equal(x.entries[0].file.column_count, 12);
    assert_int_equal(x.entries[0].file.columns[2].lower.size, 8);
    dsi_manifest_release(&x);
    dsi_manifest_list_release(&list);
    dsi_migrate_convert_undo(&t.convert);
    assert_int_equal(legacy_count(t.storage, "/snap-", NULL), 0);
    close_table(&t);
}

static void test_migrate_convert__leaves_out_what_is_lost_of_history(void **state)
{
    struct table t;
    struct ds_error err = {0};
    (void)state;

    open_table(&t, "0.7.2-all");
    // The first file was deleted in the fourth snapshot: three need it.
    assert_int_equal(dsi_storage_remove(t.storage, file_of(&t, 0, 0), NULL), DS_OK);
    assert_int_equal(dsi_migrate_convert(&t.convert, &err), DS_OK);
    assert_int_equal(t.convert.left_out_count, 3);
    assert_non_null(strstr(t.convert.left_out[0].why, ".parquet is not there"));
    assert_int_equal(t.convert.made->snapshot_count, 3);
    assert_int_equal(t.convert.made->snapshot_log_count, 3);
    close_table(&t);
}

static void refuses(const char *golden, void (*harm)(struct table *t), const char *says)
{
    struct table t;
    struct ds_error err = {0};

    open_table(&t, golden);
    harm(&t);
    int rc = dsi_migrate_convert(&t.convert, &err);
    if (rc >= 0 || !strstr(err.message, says)) {
        fail_msg("%d '%s' does not say '%s'", rc, err.message, says);
    }
    close_table(&t);
}

static void lose_file(struct table *t)
{
    assert_int_equal(dsi_storage_remove(t->storage, file_of(t, 2, 0), NULL), DS_OK);
}

static void rewrite_file(struct table *t, size_t size, uint8_t flip)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    const char *path = file_of(t, 2, 0);

    assert_int_equal(dsi_storage_read(t->storage, path, &bytes, NULL), DS_OK);
    bytes.data[10] ^= flip;
    assert_true(size <= bytes.size);
    bytes.size -= size;
    assert_int_equal(dsi_storage_put(t->storage, path, dsi_buf_slice(&bytes), 0, NULL),
                     DS_OK);
    dsi_buf_release(&bytes);
}

static void cut_file(struct table *t)
{
    rewrite_file(t, 1, 0);
}

static void flip_byte(struct table *t)
{
    rewrite_file(t, 0, 1);
}

static void test_migrate_convert__refuses_a_damaged_table(void **state)
{
    (void)state;
    refuses("0.7.2-partitioned", lose_file, ".parquet is not there");
    refuses("0.7.2-partitioned", cut_file, "PAR1");
    refuses("0.7.2-partitioned", flip_byte, "SHA-256");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_migrate_convert__keeps_every_snapshot),
        cmocka_unit_test(test_migrate_convert__leaves_out_what_is_lost_of_history),
        cmocka_unit_test(test_migrate_convert__refuses_a_damaged_table),
    };
    return cmocka_run_group_tests_name("migrate_convert", tests, NULL, NULL);
}
