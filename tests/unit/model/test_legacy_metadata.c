#include "legacy_case.h"

#define SNAPSHOT(id, more)                                                               \
    "{\"snapshot_id\": " #id ", \"timestamp_ms\": " #id                                  \
    "000, \"manifest_list\": \"l" #id "\"" more "}"
#define TABLE(fields, more)                                                              \
    "{\"format_version\": 2, \"table_uuid\": \"u\", \"last_updated_ms\": 5, "            \
    "\"current_schema_id\": 1, \"schemas\": [{\"schema_id\": 1, \"fields\": [" fields    \
    "]}]" more "}"

static struct dsi_metadata *good(const char *json)
{
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    if (legacy_parse(json, &m, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return m;
}

static void test_legacy_metadata__finds_columns_by_name(void **state)
{
    struct dsi_metadata *m =
        good(TABLE("{\"id\": 3, \"name\": \"a\", \"type\": \"long\", \"doc\": \"d\"},"
                   "{\"id\": 5, \"name\": \"l\", \"type\": {\"type\": \"list<int>\"}}",
                   ""));
    const struct dsi_schema *s = dsi_metadata_current_schema(m);
    (void)state;

    assert_int_equal(s->root.field_count, 2);
    assert_int_equal(s->root.fields[0].id, 3);
    assert_string_equal(s->root.fields[0].doc, "d");
    assert_int_equal(s->root.fields[1].type.kind, DSI_TYPE_LIST);
    assert_int_equal(s->root.fields[1].type.fields[0].id, 6);
    assert_int_equal(m->last_column_id, 6);
    assert_int_equal(m->spec_count, 1);
    assert_int_equal(m->sort_order_count, 1);
    assert_string_equal(
        dsi_metadata_property(m, "schema.name-mapping.default"),
        "[{\"field-id\":3,\"names\":[\"a\"]},{\"field-id\":5,\"names\":[\"l\"],"
        "\"fields\":[{\"field-id\":6,\"names\":[\"element\",\"item\",\"array\"]}]}]");
    dsi_metadata_unref(m);
}

static void test_legacy_metadata__gives_new_ids_where_they_mean_nothing(void **state)
{
    static const char *const cases[] = {
        TABLE("{\"id\": 3, \"name\": \"a\"}, {\"id\": 3, \"name\": \"b\"}", ""),
        TABLE("{\"id\": 0, \"name\": \"a\"}, {\"id\": 3, \"name\": \"b\"}", ""),
        TABLE("{\"id\": \"x\", \"name\": \"a\"}, {\"name\": \"b\"}", ""),
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_metadata *m = good(cases[i]);
        const struct dsi_schema *s = dsi_metadata_current_schema(m);
        assert_int_equal(s->root.fields[0].id, 1);
        assert_int_equal(s->root.fields[1].id, 2);
        dsi_metadata_unref(m);
    }
}

static void test_legacy_metadata__keeps_the_history(void **state)
{
    struct dsi_metadata *m = good(TABLE(
        "", ", \"current_snapshot_id\": 2, \"snapshots\": [" SNAPSHOT(
                1, ", \"parent_snapshot_id\": -1, \"summary\": {\"k\": 5, \"n\": "
                   "null}") "," SNAPSHOT(2, ", \"parent_snapshot_id\": 1, \"operation\": "
                                            "\"delete\"") "],"
                                                          "\"snapshot_log\": "
                                                          "[{\"timestamp_ms\": 9000, "
                                                          "\"snapshot_id\": 1},"
                                                          "{\"timestamp_ms\": 7, "
                                                          "\"snapshot_id\": 77},"
                                                          "{\"timestamp_ms\": 2000, "
                                                          "\"snapshot_id\": 2}]"));
    (void)state;

    assert_int_equal(m->snapshot_count, 2);
    assert_int_equal(m->current_snapshot_id, 2);
    assert_int_equal(m->snapshots[0]->parent_id, DSI_SNAPSHOT_NONE);
    assert_string_equal(dsi_snapshot_summary(m->snapshots[0], "k"), "5");
    assert_null(dsi_snapshot_summary(m->snapshots[0], "n"));
    assert_string_equal(dsi_snapshot_summary(m->snapshots[0], "operation"), "append");
    assert_string_equal(dsi_snapshot_summary(m->snapshots[1], "operation"), "delete");
    // Numbers nobody gave, in order; a log that does not go back in time.
    assert_int_equal(m->snapshots[1]->sequence_number, 2);
    assert_int_equal(m->last_sequence_number, 2);
    assert_int_equal(m->snapshot_log_count, 2);
    assert_int_equal(m->snapshot_log[1].timestamp_ms, 9000);
    assert_int_equal(m->last_updated_ms, 9000);
    assert_string_equal(m->location, LEGACY_LOCATION);
    dsi_metadata_unref(m);
    m = good(TABLE("", ", \"snapshots\": [" SNAPSHOT(4, "") "]")); // Without a log.
    assert_int_equal(m->snapshot_log_count, 1);
    assert_int_equal(m->snapshot_log[0].timestamp_ms, 4000);
    dsi_metadata_unref(m);
}

static void test_legacy_metadata__holds_what_iceberg_forbids_for_broken(void **state)
{
    static const struct {
        const char *json;
        const char *says;
    } cases[] = {
        {TABLE("", ", \"current_snapshot_id\": 9"), "current-snapshot-id 9"},
        {TABLE("", ", \"snapshots\": [" SNAPSHOT(1, "") "," SNAPSHOT(1, "") "]"),
         "there twice"},
        {TABLE("{\"id\": 1, \"name\": \"a\"}, {\"id\": 1, \"name\": \"a\"}", ""), "a"},
        {"{\"format_version\": 2, \"table_uuid\": \"u\", \"current_schema_id\": 4}",
         "schema"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_metadata *m = NULL;
        struct ds_error err = {0};
        int rc = legacy_parse(cases[i].json, &m, &err);
        if (rc != DS_ECORRUPT || m || !strstr(err.message, cases[i].says)) {
            fail_msg("%zu: %d '%s' does not say '%s'", i, rc, err.message, cases[i].says);
        }
    }
}

static void test_legacy_metadata__keeps_paths_in_the_table(void **state)
{
    static const struct {
        const char *text;
        const char *path; // NULL: refused.
    } cases[] = {
        {"/data/a.parquet", LEGACY_LOCATION "/data/a.parquet"},
        {"data/a.parquet", LEGACY_LOCATION "/data/a.parquet"},
        {"/here/t/data/a.parquet", LEGACY_LOCATION "/data/a.parquet"},
        {"file:///here/t/data/a.parquet", LEGACY_LOCATION "/data/a.parquet"},
        {"/etc/passwd", LEGACY_LOCATION "/etc/passwd"},
        {"/here/to/a", LEGACY_LOCATION "/here/to/a"},
        {"../x", NULL},
        {"data/../../x", NULL},
        {"data//x", NULL},
        {"data/\x01", NULL},
        {"data/\xff", NULL},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *out = NULL;
        int rc = dsi_legacy_path(LEGACY_LOCATION, cases[i].text, &arena, &out, NULL);
        assert_int_equal(rc, cases[i].path ? DS_OK : DS_ECORRUPT);
        if (cases[i].path) {
            assert_string_equal(out, cases[i].path);
        }
    }
    dsi_arena_release(&arena);
}

static void test_legacy_metadata__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_metadata *m = NULL;
        struct ds_error err = {0};
        int rc = legacy_parse(TABLE("{\"id\": 1, \"name\": \"a\"}",
                                    ", \"snapshots\": [" SNAPSHOT(1, "") "]"),
                              &m, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        dsi_metadata_unref(m);
    }
    assert_true(plan.target > 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legacy_metadata__finds_columns_by_name),
        cmocka_unit_test(test_legacy_metadata__gives_new_ids_where_they_mean_nothing),
        cmocka_unit_test(test_legacy_metadata__keeps_the_history),
        cmocka_unit_test(test_legacy_metadata__holds_what_iceberg_forbids_for_broken),
        cmocka_unit_test(test_legacy_metadata__keeps_paths_in_the_table),
        cmocka_unit_test(test_legacy_metadata__survives_every_fault),
    };
    return cmocka_run_group_tests_name("legacy_metadata", tests, NULL, NULL);
}
