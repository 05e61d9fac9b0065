#include "base/fault.h"
#include "harness.h"
#include "txn/legacy_load.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "scan/scan.h"
#include "txn/table.h"

#define GOLDEN "file://" DSI_TEST_GOLDEN "/legacy/"

static ds_storage *storage;

static int make(void **state)
{
    (void)state;
    return dsi_storage_router_new(&storage, NULL);
}

static int end(void **state)
{
    (void)state;
    dsi_fault_stop();
    dsi_storage_free(storage);
    return 0;
}

// The location of a golden table's metadata file whose name begins so.
static void find(const char *table, const char *prefix, char *out, size_t size)
{
    char path[512];

    snprintf(path, sizeof path, DSI_TEST_GOLDEN "/legacy/%s/metadata", table);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (dsi_text_starts_with(e->d_name, prefix)) {
            snprintf(out, size, GOLDEN "%s/metadata/%.100s", table, e->d_name);
        }
    }
    closedir(dir);
}

static int64_t rows_of(const struct dsi_metadata *m, const struct dsi_snapshot *s)
{
    struct dsi_manifest_list list = {0};
    int64_t rows = 0;

    assert_int_equal(dsi_snapshot_manifests(storage, m, s, &list, NULL), DS_OK);
    for (size_t i = 0; i < list.count; i++) {
        struct dsi_manifest manifest;
        assert_int_equal(
            dsi_manifest_load(storage, m, &list.files[i], NULL, &manifest, NULL), DS_OK);
        for (size_t j = 0; j < manifest.entry_count; j++) {
            rows += manifest.entries[j].file.record_count;
        }
        dsi_manifest_release(&manifest);
    }
    dsi_manifest_list_release(&list);
    return rows;
}

static void test_legacy_load__makes_a_table_like_any_other(void **state)
{
    static const int64_t rows[] = {5, 6, 10, 5, 5, 6};
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    char location[512] = "";
    (void)state;

    find("0.7.2-all", "v6-", location, sizeof location);
    if (dsi_metadata_load(storage, location, &m, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_true(m->is_legacy);
    assert_string_equal(m->location, GOLDEN "0.7.2-all");
    assert_int_equal(m->snapshot_count, 6);
    for (size_t i = 0; i < m->snapshot_count; i++) {
        assert_int_equal(rows_of(m, m->snapshots[i]), rows[i]);
    }
    dsi_metadata_unref(m);
}

static void test_legacy_load__finds_the_schema_in_the_files(void **state)
{
    struct dsi_metadata *m = NULL;
    char location[512] = "";
    (void)state;

    find("0.7.2-noschema", "v2-", location, sizeof location);
    assert_int_equal(dsi_metadata_load(storage, location, &m, NULL), DS_OK);
    const struct dsi_schema *s = dsi_metadata_current_schema(m);
    assert_int_equal(s->root.field_count, 2);
    assert_string_equal(s->root.fields[1].name, "b");
    assert_int_equal(s->root.fields[0].type.kind, DSI_TYPE_LONG);
    dsi_metadata_unref(m);
}

static void test_legacy_load__refuses_half_a_table(void **state)
{
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    char location[512] = "";
    (void)state;

    find("0.4.1-plain", "v2", location, sizeof location);
    assert_int_equal(dsi_metadata_load(storage, location, &m, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "0.4 or older"));
    find("0.5.4-plain", "v2", location, sizeof location);
    assert_int_equal(dsi_metadata_load(storage, location, &m, &err), DS_OK);
    dsi_metadata_unref(m);
}

static void test_legacy_load__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    char location[512] = "";
    (void)state;

    find("0.7.2-noschema", "v2-", location, sizeof location);
    while (dsi_fault_next(&plan)) {
        struct dsi_metadata *m = NULL;
        struct ds_error err = {0};
        int rc = dsi_metadata_load(storage, location, &m, &err);
        dsi_fault_stop();
        assert_true(plan.name ? rc < 0 && !m && err.message[0] : rc == DS_OK);
        dsi_metadata_unref(m);
    }
    assert_true(plan.target > 20);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legacy_load__makes_a_table_like_any_other),
        cmocka_unit_test(test_legacy_load__finds_the_schema_in_the_files),
        cmocka_unit_test(test_legacy_load__refuses_half_a_table),
        cmocka_unit_test(test_legacy_load__survives_every_fault),
    };
    return cmocka_run_group_tests_name("legacy_load", tests, make, end);
}
