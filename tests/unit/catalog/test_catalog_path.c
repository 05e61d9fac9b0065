#include "catalog/catalog_backend.h"
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "base/fault.h"
#include "base/text.h"
#include "catalog/catalog_versions.h"
#include "posix_double.h"
#include "storage/storage_fault.h"
#include "storage/storage_record.h"
#include "storage_root.h"

static struct storage_root root;
static struct dsi_catalog *catalog;
static struct dsi_storage_record record;
static struct dsi_storage_fault fault;
static struct dsi_arena arena;
static struct dsi_metadata metadata;
static struct dsi_table_name name;
static struct dsi_head base;
static struct ds_error err;

// A catalog over a recording over a failing local storage.
static int make(void **state)
{
    ds_storage *local = NULL;
    ds_storage *failing = NULL;
    ds_storage *recording = NULL;
    (void)state;

    memset(&err, 0, sizeof err);
    memset(&metadata, 0, sizeof metadata);
    memset(&record, 0, sizeof record);
    memset(&fault, 0, sizeof fault);
    if (!storage_root_make(&root, "file") ||
        dsi_storage_local_new(&local, NULL) != DS_OK ||
        dsi_storage_fault_new(local, &fault, &failing, NULL) != DS_OK ||
        dsi_storage_record_new(failing, &record, &recording, NULL) != DS_OK ||
        dsi_catalog_path_new(root.prefix, recording, &catalog, NULL) != DS_OK) {
        return -1;
    }
    metadata.location = dsi_arena_printf(&arena, "%s/t", root.prefix);
    name = (struct dsi_table_name){"", metadata.location};
    return 0;
}

static int end(void **state)
{
    (void)state;
    posix_double_stop();
    dsi_catalog_free(catalog);
    dsi_storage_record_release(&record);
    dsi_arena_release(&arena);
    storage_root_remove(&root);
    return 0;
}

static int swap(const struct dsi_head *from, struct dsi_head *out)
{
    const struct dsi_swap s = {.base = from,
                               .metadata = &metadata,
                               .json = {(const uint8_t *)"{}", 2},
                               .identity = "0192f0c1-0000-7000-8000-000000000001"};
    return dsi_catalog_swap(catalog, &name, &s, &arena, out, &err);
}

static int64_t head(void)
{
    struct dsi_head h;
    int rc = dsi_catalog_load(catalog, &name, &arena, &h, NULL);
    return rc == DS_OK ? h.version : rc;
}

static const char *file(const char *file_name)
{
    return dsi_arena_printf(&arena, "%s/metadata/%s", name.name, file_name);
}

static void put(const char *file_name, const char *content)
{
    assert_int_equal(dsi_storage_put(catalog->storage, file(file_name),
                                     dsi_slice_text(content), 0, NULL),
                     DS_OK);
}

static void test_catalog_path__is_laid_out_as_readers_by_path_want_it(void **state)
{
    struct ds_file_info info;
    struct dsi_buf hint = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(swap(NULL, &base), DS_OK);
    assert_int_equal(swap(&base, &base), DS_OK);
    assert_string_equal(base.metadata_location, file("v2.metadata.json"));
    assert_int_equal(
        dsi_storage_stat(catalog->storage, file("v1.metadata.json"), &info, NULL), DS_OK);
    assert_int_equal(
        dsi_storage_read(catalog->storage, file(DSI_VERSION_HINT), &hint, NULL), DS_OK);
    assert_int_equal(hint.size, 1);
    assert_int_equal(hint.data[0], '2');
    dsi_buf_release(&hint);
}

static void test_catalog_path__tells_a_version_from_a_later_one_of_its_name(void **state)
{
    struct dsi_head now = {NULL, -1, 0};
    (void)state;

    assert_int_equal(swap(NULL, &base), DS_OK);
    assert_int_equal(dsi_catalog_load(catalog, &name, &arena, &now, NULL), DS_OK);
    assert_int_not_equal(base.stamp, 0);
    assert_int_equal(now.stamp, base.stamp);
    assert_int_equal(dsi_storage_remove(catalog->storage, file("v1.metadata.json"), NULL),
                     DS_OK);
    put("v1.metadata.json", "{\"another\": 1}");
    assert_int_equal(dsi_catalog_load(catalog, &name, &arena, &now, NULL), DS_OK);
    assert_int_equal(now.version, base.version);
    assert_int_not_equal(now.stamp, base.stamp);
    assert_int_equal(swap(&base, &base), DS_ECONFLICT);
    assert_int_equal(head(), 1);
}

static void test_catalog_path__syncs_three_times_for_a_swap(void **state)
{
    (void)state;
    assert_int_equal(swap(NULL, &base), DS_OK);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(swap(&base, &base), DS_OK);
    // The names that the version needs, its content, its name. Not the hint.
    assert_int_equal(posix_double_count("fsync"), 3);
    assert_int_equal(posix_double_count("link"), 1);
    assert_int_equal(posix_double_count("rename"), 1);
}

static void test_catalog_path__writes_the_hint_only_after_the_swap(void **state)
{
    (void)state;
    assert_int_equal(swap(NULL, &base), DS_OK);
    const char *log = dsi_storage_record_text(&record);
    const char *version = strstr(log, "v1.metadata.json 2 flags=1 -> 0");
    const char *hint = strstr(log, DSI_VERSION_HINT " 1 flags=4 -> 0");
    assert_non_null(version);
    assert_non_null(hint);
    assert_true(version < hint);
}

static void test_catalog_path__needs_no_hint(void **state)
{
    (void)state;
    assert_int_equal(swap(NULL, &base), DS_OK);
    assert_int_equal(swap(&base, &base), DS_OK);
    assert_int_equal(dsi_storage_remove(catalog->storage, file(DSI_VERSION_HINT), NULL),
                     DS_OK);
    assert_int_equal(head(), 2);
    put(DSI_VERSION_HINT, "7");
    assert_int_equal(head(), 2);
    fault = (struct dsi_storage_fault){.call = "put", .nth = 2};
    assert_int_equal(swap(&base, &base), DS_OK); // The hint could not be written.
    assert_int_equal(head(), 3);
}

static void test_catalog_path__loses_to_a_version_under_another_name(void **state)
{
    struct dsi_head next;
    (void)state;

    assert_int_equal(swap(NULL, &base), DS_OK);
    put("v2.gz.metadata.json", "gz"); // Another engine's, compressed.
    assert_int_equal(swap(&base, &next), DS_ECONFLICT);
    assert_int_equal(head(), 2);
    put("v3.metadata.json.gz", "gz");
    assert_int_equal(head(), 3);
}

static void test_catalog_path__writes_no_compressed_version(void **state)
{
    const struct dsi_swap s = {.metadata = &metadata,
                               .json = {(const uint8_t *)"{}", 2},
                               .identity = "x",
                               .gzip = true};
    (void)state;

    assert_false(dsi_catalog_can_gzip(catalog));
    assert_int_equal(dsi_catalog_swap(catalog, &name, &s, &arena, &base, &err),
                     DS_EUNSUPPORTED);
}

static void test_catalog_path__refuses_to_be_moved(void **state)
{
    const struct dsi_head sql = {"file:///x/00003-x.metadata.json", -1, 0};
    struct dsi_head next;
    (void)state;

    assert_int_equal(swap(NULL, &base), DS_OK);
    assert_int_equal(swap(&sql, &next), DS_EINVALID);
    metadata.location =
        dsi_arena_printf(&arena, "file:%s/t", root.dir); // The same place.
    assert_int_equal(swap(&base, &base), DS_OK);
    metadata.location = dsi_arena_printf(&arena, "%s/t2", root.prefix);
    assert_int_equal(swap(&base, &next), DS_EINVALID);
    assert_int_equal(head(), 2);
}

static void test_catalog_path__serves_a_table_behind_a_link(void **state)
{
    char *link = dsi_arena_printf(&arena, "%s/link", root.dir);
    char *there = dsi_arena_printf(&arena, "%s/t", root.dir);
    char *behind = dsi_arena_printf(&arena, "%s/link/t", root.dir);
    ds_storage *view = NULL;
    (void)state;

    metadata.location = behind;
    assert_int_equal(swap(NULL, &base), DS_EINVALID); // There is no such place.
    assert_int_equal(symlink(root.dir, link), 0);
    metadata.location = there;
    assert_int_equal(swap(NULL, &base), DS_OK);
    metadata.location = behind;
    assert_int_equal(swap(&base, &base), DS_OK);
    assert_int_equal(head(), 2);
    assert_int_equal(dsi_catalog_storage_at(catalog, &name, behind, &view, &err), DS_OK);
    assert_ptr_equal(view, catalog->storage);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(swap(&base, &base), DS_EINVALID);
}

static void test_catalog_path__does_not_know_a_version_it_could_not_sync(void **state)
{
    struct dsi_head next;
    (void)state;

    assert_int_equal(swap(NULL, &base), DS_OK);
    posix_double_start("fsync", 3, -EIO);
    assert_int_equal(swap(&base, &next), DS_EUNKNOWN);
    posix_double_stop();
    assert_int_equal(next.version, 2);
    assert_int_equal(head(), 2); // It may be there, and so it stays.
}

static void test_catalog_path__confirms_by_a_sync_of_the_names(void **state)
{
    (void)state;

    assert_int_equal(swap(NULL, &base), DS_OK);
    posix_double_start("fsync", 1, -EIO);
    assert_int_equal(dsi_catalog_confirm(catalog, &name, &err), DS_EIO);
    assert_int_equal(dsi_catalog_confirm(catalog, &name, &err), DS_OK);
    assert_int_equal(posix_double_count("fsync"), 2);
}

static void test_catalog_path__does_not_know_a_create_others_overtook(void **state)
{
    (void)state;
    put("v5.metadata.json", "{}");
    assert_int_equal(swap(NULL, &base), DS_EEXISTS);
    assert_int_equal(dsi_storage_remove(catalog->storage, file("v5.metadata.json"), NULL),
                     DS_OK);
    // The third look: two found no table, ours or of another layout.
    fault = (struct dsi_storage_fault){.call = "list", .nth = 3};
    assert_int_equal(swap(NULL, &base), DS_EUNKNOWN); // It could not see.
    assert_int_equal(base.version, 1);
}

static void test_catalog_path__ends_every_fault_of_the_storage_truthfully(void **state)
{
    (void)state;
    for (int after = 0; after < 2; after++) {
        for (uint32_t nth = 1;; nth++) {
            struct dsi_head next;
            assert_int_equal(swap(NULL, &base), DS_OK);
            fault.nth = nth;
            fault.after = after;
            fault.seen = 0;
            int rc = swap(&base, &next);
            bool reached = fault.seen >= nth;
            fault.nth = 0;
            assert_int_equal(head(), rc == DS_OK ? 2 : rc == DS_EUNKNOWN ? head() : 1);
            end(NULL);
            assert_int_equal(make(NULL), 0);
            if (!reached) {
                break;
            }
        }
    }
}

static void test_catalog_path__reads_a_moved_table_where_it_is(void **state)
{
    const struct dsi_table_name other = {
        "", dsi_arena_printf(&arena, "%s/other", root.prefix)};
    char *old = dsi_arena_printf(&arena, "%s/old", root.prefix);
    const char *bare = name.name + strlen("file://");
    ds_storage *plain = catalog->storage;
    ds_storage *view = NULL;
    ds_storage *again = NULL;
    struct ds_file_info info;
    (void)state;

    put("x.json", "{}");
    assert_int_equal(dsi_catalog_storage_at(catalog, &name, name.name, &view, &err),
                     DS_OK);
    assert_ptr_equal(view, plain);
    assert_int_equal(dsi_catalog_storage_at(catalog, &name, bare, &view, &err), DS_OK);
    assert_ptr_equal(view, plain); // Another spelling of the same place.
    assert_int_equal(dsi_catalog_storage_at(catalog, &name, "s3://b/t", &view, &err),
                     DS_OK);
    assert_ptr_equal(view, plain);
    assert_int_equal(dsi_catalog_storage_at(catalog, &name, old, &view, &err), DS_OK);
    assert_ptr_not_equal(view, plain);
    const char *path = dsi_arena_printf(&arena, "%s/metadata/x.json", old);
    assert_int_equal(dsi_storage_stat(view, path, &info, &err), DS_OK);
    assert_int_equal(dsi_storage_stat(plain, path, &info, NULL), DS_ENOTFOUND);
    assert_int_equal(dsi_storage_remove(view, path, &err), DS_EUNSUPPORTED);
    assert_int_equal(dsi_catalog_storage_at(catalog, &name, old, &again, &err), DS_OK);
    assert_ptr_equal(view, again);
    assert_int_equal(dsi_catalog_storage_at(catalog, &other, old, &again, &err), DS_OK);
    assert_ptr_not_equal(view, again);
    metadata.location = old;
    assert_int_equal(swap(NULL, &base), DS_EINVALID);
    assert_non_null(strstr(err.message, "relocated first"));
}

static void test_catalog_path__a_view_survives_every_fault(void **state)
{
    const char *old = dsi_arena_printf(&arena, "%s/old", root.prefix);
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_catalog *c = NULL;
        ds_storage *local = NULL;
        ds_storage *view = NULL;
        struct ds_error e = {0};
        int rc = dsi_storage_local_new(&local, &e);
        rc = rc < 0 ? rc : dsi_catalog_path_new(root.prefix, local, &c, &e);
        if (!c) {
            dsi_storage_free(local);
        }
        rc = rc < 0 ? rc : dsi_catalog_storage_at(c, &name, old, &view, &e);
        dsi_fault_stop();
        assert_true(rc == DS_OK || e.message[0] != '\0');
        assert_true(rc < 0 || view != local);
        dsi_catalog_free(c);
    }
    assert_true(plan.target > 6);
}

#define PATH_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        PATH_TEST(test_catalog_path__is_laid_out_as_readers_by_path_want_it),
        PATH_TEST(test_catalog_path__tells_a_version_from_a_later_one_of_its_name),
        PATH_TEST(test_catalog_path__syncs_three_times_for_a_swap),
        PATH_TEST(test_catalog_path__writes_the_hint_only_after_the_swap),
        PATH_TEST(test_catalog_path__needs_no_hint),
        PATH_TEST(test_catalog_path__loses_to_a_version_under_another_name),
        PATH_TEST(test_catalog_path__writes_no_compressed_version),
        PATH_TEST(test_catalog_path__refuses_to_be_moved),
        PATH_TEST(test_catalog_path__serves_a_table_behind_a_link),
        PATH_TEST(test_catalog_path__does_not_know_a_version_it_could_not_sync),
        PATH_TEST(test_catalog_path__confirms_by_a_sync_of_the_names),
        PATH_TEST(test_catalog_path__does_not_know_a_create_others_overtook),
        PATH_TEST(test_catalog_path__ends_every_fault_of_the_storage_truthfully),
        PATH_TEST(test_catalog_path__reads_a_moved_table_where_it_is),
        PATH_TEST(test_catalog_path__a_view_survives_every_fault),
    };
    return cmocka_run_group_tests_name("catalog_path", tests, NULL, NULL);
}
