#include "legacy_case.h"

// A table of two snapshots, 10 and 20, whose lists and manifests the tests make up.
static const char table[] =
    "{\"format_version\": 2, \"table_uuid\": \"u\", \"current_schema_id\": 0,"
    "\"schemas\": [{\"schema_id\": 0, \"fields\": []}], \"current_snapshot_id\": 20,"
    "\"snapshots\": ["
    "{\"snapshot_id\": 10, \"timestamp_ms\": 1, \"manifest_list\": \"a\"},"
    "{\"snapshot_id\": 20, \"timestamp_ms\": 2, \"manifest_list\": \"b\"}]}";

static struct dsi_metadata *metadata;

static int make(void **state)
{
    (void)state;
    return legacy_parse(table, &metadata, NULL);
}

static int end(void **state)
{
    (void)state;
    dsi_fault_stop();
    dsi_metadata_unref(metadata);
    return 0;
}

static int list_of(struct ds_slice bytes, struct dsi_manifest_list *out,
                   struct ds_error *err)
{
    return dsi_legacy_list_parse(bytes, metadata, metadata->snapshots[1], out, err);
}

static void test_legacy_manifest__reads_lists_in_avro(void **state)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_manifest_list list;
    struct ds_error err = {0};
    (void)state;

    legacy_file("0.7.2-partitioned/metadata/manifests", "manifest_list_", &bytes);
    if (list_of(dsi_buf_slice(&bytes), &list, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_in_range(list.count, 1, 3);
    for (size_t i = 0; i < list.count; i++) {
        const struct dsi_manifest_file *f = &list.files[i];
        assert_true(
            dsi_text_starts_with(f->path, LEGACY_LOCATION "/metadata/manifests/"));
        assert_int_equal(f->sequence_number, i + 1);
        assert_int_equal(f->added_files_count, 1);
        assert_int_equal(f->deleted_files_count, 0);
        assert_true(f->length > 1000 && f->added_snapshot_id > 20);
    }
    dsi_manifest_list_release(&list);
    dsi_buf_release(&bytes);
}

static void test_legacy_manifest__reads_entries_in_avro(void **state)
{
    static const struct dsi_manifest_file row = {
        .path = "x", .sequence_number = 7, .added_snapshot_id = 20, .first_row_id = -1};
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_manifest m;
    struct ds_error err = {0};
    (void)state;

    legacy_file("0.5.4-plain/metadata/manifests", "manifest_1", &bytes);
    if (dsi_legacy_manifest_parse(dsi_buf_slice(&bytes), &row, metadata, &m, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(m.entry_count, 1);
    const struct dsi_manifest_entry *e = &m.entries[0];
    assert_true(dsi_text_starts_with(e->file.path, LEGACY_LOCATION "/data/auto_"));
    assert_int_equal(e->file.format, DSI_FORMAT_PARQUET);
    assert_int_equal(e->file.column_count, 0); // Their bounds are not taken over.
    assert_int_equal(strlen(e->file.checksum), 64);
    assert_int_equal(e->sequence_number, 7);         // That version gave none: the row's.
    assert_int_equal(e->status, DSI_ENTRY_EXISTING); // Another snapshot added it.
    assert_non_null(e->file.partition);
    dsi_manifest_release(&m);
    dsi_buf_release(&bytes);
}

static void test_legacy_manifest__reads_json(void **state)
{
    static const char list[] =
        "{\"x\": 1, \"manifests\": [{\"manifest_path\": \"/metadata/m.json\", "
        "\"manifest_length\": 5, \"content\": 0, \"added_snapshot_id\": 10}]}";
    static const char manifest[] =
        "{\"files\": [{\"file_path\": \"/data/a.parquet\", \"file_format\": \"parquet\", "
        "\"partition_values\": {\"a\": 1}, \"record_count\": 3, "
        "\"file_size_in_bytes\": 4, \"lower_bounds\": {\"1\": \"x\"}}]}";
    struct dsi_manifest_list rows;
    struct dsi_manifest m;
    (void)state;

    assert_int_equal(list_of(dsi_slice_text(list), &rows, NULL), DS_OK);
    assert_int_equal(rows.count, 1);
    assert_string_equal(rows.files[0].path, LEGACY_LOCATION "/metadata/m.json");
    assert_int_equal(rows.files[0].sequence_number, 1); // Snapshot 10's.
    assert_int_equal(dsi_legacy_manifest_parse(dsi_slice_text(manifest), &rows.files[0],
                                               metadata, &m, NULL),
                     DS_OK);
    assert_int_equal(m.entry_count, 1);
    assert_int_equal(m.entries[0].snapshot_id, 10);
    assert_int_equal(m.entries[0].status, DSI_ENTRY_ADDED);
    assert_int_equal(m.entries[0].file.record_count, 3);
    assert_null(m.entries[0].file.checksum);
    dsi_manifest_release(&m);
    dsi_manifest_list_release(&rows);
}

static void test_legacy_manifest__refuses_what_is_broken(void **state)
{
    static const struct {
        bool is_list;
        const char *text;
        const char *says;
    } cases[] = {
        {true, "", "expected"},
        {true, "Obj\x01", "element 0"},
        {true, "{\"manifests\": [{}]}", "manifest_path is missing"},
        {true, "{\"manifests\": [{\"manifest_path\": \"../x\"}]}", "leaves the table"},
        {true, "{\"manifests\": [{\"manifest_path\": \"x\", \"content\": 1}]}", "delete"},
        {true, "{\"manifests\": [{\"manifest_path\": \"x\", \"manifest_length\": -1}]}",
         "out of range"},
        {true, "{\"manifests\": [{\"manifest_length\": \"x\"}]}", "expected a number"},
        {false, "{\"files\": [{\"file_path\": \"x\"}]}", "record_count is missing"},
        {false, "{\"files\": [{\"file_path\": \"x\", \"file_format\": \"orc\"}]}",
         "file_format"},
        {false, "{\"files\": [{\"file_path\": \"\"}]}", "expected a path"},
        {false, "{\"files\": [{\"status\": 2}]}", "out of range"},
    };
    static const struct dsi_manifest_file row = {.path = "x", .first_row_id = -1};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_manifest_list list = {0};
        struct dsi_manifest m = {0};
        struct ds_error err = {0};
        struct ds_slice bytes = dsi_slice_text(cases[i].text);
        int rc = cases[i].is_list
                     ? list_of(bytes, &list, &err)
                     : dsi_legacy_manifest_parse(bytes, &row, metadata, &m, &err);
        if (rc >= 0 || !strstr(err.message, cases[i].says)) {
            fail_msg("%zu: %d '%s' does not say '%s'", i, rc, err.message, cases[i].says);
        }
    }
}

// Cut anywhere, a list is an error, but where a block ends: that cannot be seen.
static void test_legacy_manifest__sees_cuts(void **state)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    size_t good = 0;
    (void)state;

    legacy_file("0.7.2-all/metadata/manifests", "manifest_list_", &bytes);
    for (size_t size = 0; size < bytes.size; size++) {
        struct dsi_manifest_list list;
        int rc = list_of((struct ds_slice){bytes.data, size}, &list, NULL);
        good += rc == DS_OK;
        dsi_manifest_list_release(&list);
    }
    assert_in_range(good, 0, 1);
    dsi_buf_release(&bytes);
}

static void test_legacy_manifest__survives_every_fault(void **state)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_fault_plan plan = {0};
    (void)state;

    legacy_file("0.7.2-all/metadata/manifests", "manifest_list_", &bytes);
    while (dsi_fault_next(&plan)) {
        struct dsi_manifest_list list;
        struct ds_error err = {0};
        int rc = list_of(dsi_buf_slice(&bytes), &list, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        dsi_manifest_list_release(&list);
    }
    assert_true(plan.target > 1);
    dsi_buf_release(&bytes);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legacy_manifest__reads_lists_in_avro),
        cmocka_unit_test(test_legacy_manifest__reads_entries_in_avro),
        cmocka_unit_test(test_legacy_manifest__reads_json),
        cmocka_unit_test(test_legacy_manifest__refuses_what_is_broken),
        cmocka_unit_test(test_legacy_manifest__sees_cuts),
        cmocka_unit_test(test_legacy_manifest__survives_every_fault),
    };
    return cmocka_run_group_tests_name("legacy_manifest", tests, make, end);
}
