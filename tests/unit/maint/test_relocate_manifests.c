#include "base/text.h"
#include "maint/relocate_manifests.h"
#include "unit/maint/moved_table.h"

static struct dsi_relocation relocation_of(struct moved *t, const struct dsi_metadata *m,
                                           ds_storage *to)
{
    return (struct dsi_relocation){.from_storage = dsi_table_storage(t->f.table->table),
                                   .to_storage = to,
                                   .metadata = m,
                                   .from = m->location,
                                   .to = t->now,
                                   .identity = "00000000-0000-7000-8000-00000012345f",
                                   .lists = DSI_MAP_INIT,
                                   .manifests = DSI_MAP_INIT,
                                   .deletes = DSI_MAP_INIT};
}

static void test_relocate_manifests__each_is_written_once(void **state)
{
    ds_storage *storage = NULL;
    struct moved t;
    (void)state;

    moved_make(&t);
    assert_int_equal(dsi_storage_local_new(&storage, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(t.f.table->table);
    struct dsi_relocation r = relocation_of(&t, m, storage);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < m->snapshot_count; i++) {
            assert_int_equal(dsi_relocate_snapshot(&r, m->snapshots[i], &t.f.err), DS_OK);
        }
        assert_int_equal(r.manifest_count, 2);
        assert_int_equal(r.file_count, 2);
        assert_int_equal(r.written_count, 4);
    }
    for (size_t i = 0; i < m->snapshot_count; i++) {
        const struct dsi_relocated *list =
            dsi_map_get_text(&r.lists, m->snapshots[i]->manifest_list);
        struct ds_file_info info = {0};
        assert_non_null(list);
        assert_int_equal(strncmp(list->path, t.now, strlen(t.now)), 0);
        assert_non_null(strstr(list->path, "/metadata/snap-"));
        assert_int_equal(dsi_storage_stat(storage, list->path, &info, NULL), DS_OK);
        assert_int_equal(info.size, list->size);
        assert_int_equal(strlen(list->checksum), 64);
    }
    dsi_relocate_undo(&r);
    dsi_relocate_release(&r);
    dsi_metadata_unref(m);
    dsi_storage_free(storage);
    moved_end(&t);
}

// The path of a data file, where it is now.
static int find_data(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)info;
    if (strstr(path, ".parquet")) {
        snprintf(arg, 1024, "%s", path);
    }
    return DS_OK;
}

static void test_relocate_manifests__misses_a_file_that_is_not_as_it_was(void **state)
{
    ds_storage *storage = NULL;
    char path[1024] = "";
    struct moved t;
    (void)state;

    moved_make(&t);
    assert_int_equal(dsi_storage_local_new(&storage, NULL), DS_OK);
    assert_int_equal(dsi_storage_list(storage, t.now, find_data, path, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(t.f.table->table);
    for (int i = 0; i < 2; i++) {
        struct dsi_relocation r = relocation_of(&t, m, storage);
        assert_int_equal(dsi_storage_remove(storage, path, NULL), DS_OK);
        if (i == 1) {
            assert_int_equal(dsi_storage_put(storage, path, dsi_slice_text("x"), 0, NULL),
                             DS_OK);
        }
        int rc = DS_OK;
        for (size_t k = 0; k < m->snapshot_count && rc == DS_OK; k++) {
            rc = dsi_relocate_snapshot(&r, m->snapshots[k], &t.f.err);
        }
        assert_int_equal(rc, i == 0 ? DS_ENOTFOUND : DS_ECORRUPT);
        assert_non_null(strstr(t.f.err.message, "nothing was changed"));
        assert_non_null(strstr(t.f.err.message, strrchr(path, '/')));
        dsi_relocate_undo(&r);
        dsi_relocate_release(&r);
        if (i == 0) {
            assert_int_equal(dsi_storage_put(storage, path, dsi_slice_text("y"), 0, NULL),
                             DS_OK);
        }
    }
    dsi_metadata_unref(m);
    dsi_storage_free(storage);
    moved_end(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relocate_manifests__each_is_written_once),
        cmocka_unit_test(test_relocate_manifests__misses_a_file_that_is_not_as_it_was),
    };
    return cmocka_run_group_tests_name("relocate_manifests", tests, NULL, NULL);
}
