#include "legacy_case.h"

static void test_legacy_read__knows_its_files_from_icebergs(void **state)
{
    (void)state;
    assert_true(dsi_legacy_is(dsi_slice_text("{\"x\": [1], \"format_version\": 2}")));
    assert_false(dsi_legacy_is(dsi_slice_text("{\"format-version\": 2}")));
    assert_false(
        dsi_legacy_is(dsi_slice_text("{\"format-version\": 2, \"format_version\": 2}")));
    assert_false(dsi_legacy_is(dsi_slice_text("{\"format_version\": 2")) &&
                 dsi_legacy_is(dsi_slice_text("")));
    assert_false(dsi_legacy_is(dsi_slice_text("[]")));
}

static void test_legacy_read__reads_a_table_that_datashard_wrote(void **state)
{
    struct dsi_buf json = DSI_BUF_INIT;
    struct dsi_legacy l;
    struct ds_error err = {0};
    (void)state;

    legacy_file("0.7.2-all/metadata", "v6-", &json);
    if (dsi_legacy_read(dsi_buf_slice(&json), LEGACY_LOCATION, &l, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(l.snapshot_count, 6);
    assert_int_equal(l.log_count, 6);
    assert_int_equal(l.schema_count, 1);
    const struct dsi_legacy_schema *s = dsi_legacy_current(&l);
    assert_non_null(s);
    assert_int_equal(s->count, 12);
    assert_string_equal(s->fields[1].name, "i");
    assert_true(s->fields[1].required && !s->fields[0].required);
    assert_string_equal(s->fields[7].type, "\"timestamp\"");
    assert_null(s->fields[7].was);
    // What the files hold: text, and bytes of any length.
    assert_string_equal(s->fields[10].type, "\"string\"");
    assert_string_equal(s->fields[10].was, "uuid");
    assert_string_equal(s->fields[11].type, "\"binary\"");
    assert_string_equal(s->fields[11].was, "fixed");
    assert_int_equal(l.snapshots[0].parent_id, -1);
    assert_true(l.snapshots[1].parent_id == l.snapshots[0].snapshot_id);
    assert_int_equal(l.snapshots[5].sequence_number, 6);
    assert_string_equal(l.snapshots[3].operation, "delete");
    assert_true(dsi_text_starts_with(l.snapshots[0].manifest_list,
                                     LEGACY_LOCATION "/metadata/manifests/manifest_li"));
    dsi_legacy_release(&l);
    dsi_buf_release(&json);
}

static void test_legacy_read__tells_what_partitioned_nothing(void **state)
{
    struct dsi_buf json = DSI_BUF_INIT;
    struct dsi_legacy l;
    (void)state;

    legacy_file("0.7.2-partitioned/metadata", "v3-", &json);
    assert_int_equal(dsi_legacy_read(dsi_buf_slice(&json), LEGACY_LOCATION, &l, NULL),
                     DS_OK);
    assert_int_equal(l.partition_field_count, 1);
    assert_string_equal(l.partition_fields[0], "day");
    dsi_legacy_release(&l);
    dsi_buf_release(&json);
}

static void test_legacy_read__takes_types_as_datashard_did(void **state)
{
    static const struct {
        const char *was;
        const char *type;
        int lists;
    } cases[] = {
        {"long", "\"long\"", 0},
        {"decimal(9,2)", "\"decimal(9, 2)\"", 0},
        {"fixed", "\"binary\"", 0},
        {"uuid", "\"string\"", 0},
        {"map<a,b>", "\"string\"", 0},
        {"list<long>", "\"long\"", 1},
        {"list<list<x>>", "\"string\"", 2},
        {"variant", "\"string\"", 0},
        {"timestamp_ns", "\"string\"", 0},
        {"list<", "\"string\"", 0},
        {"fixed[4]", "\"fixed[4]\"", 0},
        {"", "\"string\"", 0},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_legacy_field f = {0};
        assert_true(dsi_legacy_type(cases[i].was, &arena, &f));
        assert_string_equal(f.type, cases[i].type);
        assert_int_equal(f.lists, cases[i].lists);
    }
    dsi_arena_release(&arena);
}

static void test_legacy_read__refuses_what_is_broken(void **state)
{
    static const struct {
        const char *json;
        const char *says;
    } cases[] = {
        {"", "expected"},
        {"{}", "no 'table_uuid'"},
        {"{\"format_version\": 3, \"table_uuid\": \"u\"}", "format version 3"},
        {"{\"table_uuid\": \"u\", \"snapshots\": [{}]}", "no 'snapshot_id'"},
        {"{\"table_uuid\": \"u\", \"snapshots\": [{\"snapshot_id\": 1, "
         "\"timestamp_ms\": 1}]}",
         "no 'manifest_list'"},
        {"{\"table_uuid\": \"u\", \"snapshots\": [{\"snapshot_id\": 1, "
         "\"timestamp_ms\": 1, \"manifest_list\": \"../x\"}]}",
         "leaves the table"},
        {"{\"table_uuid\": \"u\", \"schemas\": [{\"fields\": [{\"id\": 1}]}]}",
         "has no name"},
        {"{\"table_uuid\": \"u\", \"schemas\": 7}", "expected"},
        {"{\"table_uuid\": \"u\", \"snapshots\": "
         "[{\"snapshot_id\": 18375688357498734668}]}",
         "64 bits"},
        {"{\"table_uuid\": \"u\"} x", "expected"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_legacy l;
        struct ds_error err = {0};
        int rc =
            dsi_legacy_read(dsi_slice_text(cases[i].json), LEGACY_LOCATION, &l, &err);
        if (rc >= 0 || !strstr(err.message, cases[i].says)) {
            fail_msg("%zu: %d '%s' does not say '%s'", i, rc, err.message, cases[i].says);
        }
        dsi_legacy_release(&l);
    }
}

static void test_legacy_read__survives_every_fault(void **state)
{
    struct dsi_buf json = DSI_BUF_INIT;
    struct dsi_fault_plan plan = {0};
    (void)state;

    legacy_file("0.7.2-all/metadata", "v6-", &json);
    while (dsi_fault_next(&plan)) {
        struct dsi_legacy l;
        struct ds_error err = {0};
        int rc = dsi_legacy_read(dsi_buf_slice(&json), LEGACY_LOCATION, &l, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0]);
        dsi_legacy_release(&l);
    }
    assert_true(plan.target > 2);
    dsi_buf_release(&json);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legacy_read__knows_its_files_from_icebergs),
        cmocka_unit_test(test_legacy_read__reads_a_table_that_datashard_wrote),
        cmocka_unit_test(test_legacy_read__tells_what_partitioned_nothing),
        cmocka_unit_test(test_legacy_read__takes_types_as_datashard_did),
        cmocka_unit_test(test_legacy_read__refuses_what_is_broken),
        cmocka_unit_test(test_legacy_read__survives_every_fault),
    };
    return cmocka_run_group_tests_name("legacy_read", tests, NULL, NULL);
}
