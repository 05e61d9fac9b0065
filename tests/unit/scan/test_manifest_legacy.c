#include "harness.h"
#include "scan/manifest_legacy.h"

#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/text.h"
#include "scan/scan.h"

#define TABLE "memory:///t"
#define FILE_(name)                                                                      \
    "{\"file_path\": \"" name "\", \"file_format\": \"parquet\", \"record_count\": 1, "  \
    "\"file_size_in_bytes\": 1}"

static const char metadata_json[] =
    "{\"format_version\": 2, \"table_uuid\": \"u\", \"current_schema_id\": 0,"
    "\"schemas\": [{\"schema_id\": 0, \"fields\": []}], \"current_snapshot_id\": 1,"
    "\"snapshots\": [{\"snapshot_id\": 1, \"timestamp_ms\": 1, \"manifest_list\": \"l\"},"
    "{\"snapshot_id\": 2, \"timestamp_ms\": 2, \"manifest_list\": \"l\", \"summary\": "
    "{\"manifest-list-sha256\": \"00\"}}]}";

static ds_storage *storage;
static struct dsi_metadata *m;

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, TABLE "/%s", name);
    assert_int_equal(dsi_storage_put(storage, path, dsi_slice_text(text), 0, NULL),
                     DS_OK);
}

static int make(void **state)
{
    struct dsi_legacy l;
    (void)state;

    assert_int_equal(dsi_storage_mem_new(&storage, NULL), DS_OK);
    assert_int_equal(dsi_legacy_read(dsi_slice_text(metadata_json), TABLE, &l, NULL),
                     DS_OK);
    assert_int_equal(dsi_legacy_to_metadata(&l, &m, NULL), DS_OK);
    m->is_legacy = true;
    dsi_legacy_release(&l);
    put("a",
        "{\"files\": [" FILE_("/data/1") "," FILE_("data/1") "," FILE_("data/2") "]}");
    put("b", "{\"files\": [" FILE_("data/2") "," FILE_("data/3") "]}");
    put("l", "{\"manifests\": [{\"manifest_path\": \"a\"}, {\"manifest_path\": \"b\"}]}");
    return 0;
}

static int end(void **state)
{
    (void)state;
    dsi_fault_stop();
    dsi_metadata_unref(m);
    dsi_storage_free(storage);
    return 0;
}

static void test_manifest_legacy__counts_a_file_once(void **state)
{
    static const size_t counts[] = {2, 1};
    static const char *const last[] = {TABLE "/data/2", TABLE "/data/3"};
    struct dsi_manifest_list list;
    (void)state;

    assert_int_equal(dsi_snapshot_manifests(storage, m, m->snapshots[0], &list, NULL),
                     DS_OK);
    assert_int_equal(list.count, 2);
    for (size_t i = 0; i < 2; i++) {
        struct dsi_manifest x;
        assert_int_equal(dsi_manifest_load(storage, m, &list.files[i], NULL, &x, NULL),
                         DS_OK);
        assert_int_equal(x.entry_count, counts[i]);
        assert_string_equal(x.entries[counts[i] - 1].file.path, last[i]);
        dsi_manifest_release(&x);
    }
    dsi_manifest_list_release(&list);
}

static void test_manifest_legacy__compares_sums(void **state)
{
    struct dsi_manifest_file row = {
        .path = TABLE "/a", .checksum = "00", .first_row_id = -1};
    struct dsi_manifest_list list;
    struct dsi_manifest x;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_snapshot_manifests(storage, m, m->snapshots[1], &list, &err),
                     DS_ECORRUPT);
    assert_non_null(strstr(err.message, "SHA-256"));
    assert_int_equal(dsi_manifest_load(storage, m, &row, NULL, &x, &err), DS_ECORRUPT);
    row.checksum = "";
    assert_int_equal(dsi_manifest_load(storage, m, &row, NULL, &x, &err), DS_OK);
    dsi_manifest_release(&x);
}

static void test_manifest_legacy__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_manifest_list list;
        struct ds_error err = {0};
        int rc = dsi_snapshot_manifests(storage, m, m->snapshots[0], &list, &err);
        dsi_fault_stop();
        assert_true(plan.name ? rc < 0 && err.message[0] : rc == DS_OK);
        assert_true(rc == DS_OK || list.count == 0);
        dsi_manifest_list_release(&list);
    }
    assert_true(plan.target > 5);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_manifest_legacy__counts_a_file_once, make,
                                        end),
        cmocka_unit_test_setup_teardown(test_manifest_legacy__compares_sums, make, end),
        cmocka_unit_test_setup_teardown(test_manifest_legacy__survives_every_fault, make,
                                        end),
    };
    return cmocka_run_group_tests_name("manifest_legacy", tests, NULL, NULL);
}
