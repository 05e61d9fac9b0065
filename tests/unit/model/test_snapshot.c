#include "base/fault.h"
#include "metadata_case.h"
#include "model/parts_json.h"

static const struct ds_property summary[] = {{"operation", "append"},
                                             {"added-records", "5"}};
static const struct dsi_snapshot_new plain = {.snapshot_id = 7,
                                              .parent_id = 6,
                                              .sequence_number = 3,
                                              .timestamp_ms = 1000,
                                              .manifest_list = "file:///t/snap.avro",
                                              .schema_id = 0,
                                              .summary = summary,
                                              .summary_count = 2,
                                              .first_row_id = -1,
                                              .added_rows = -1};

static void test_snapshot__writes_itself_once(void **state)
{
    const struct dsi_snapshot *s = NULL;
    struct dsi_snapshot_new n = plain;
    (void)state;

    assert_int_equal(dsi_snapshot_new(&n, &s, NULL), DS_OK);
    assert_true(dsi_slice_equal(
        s->raw, dsi_slice_text("{\"sequence-number\":3,\"snapshot-id\":7,"
                               "\"parent-snapshot-id\":6,\"timestamp-ms\":1000,"
                               "\"summary\":{\"operation\":\"append\","
                               "\"added-records\":\"5\"},"
                               "\"manifest-list\":\"file:///t/snap.avro\","
                               "\"schema-id\":0}")));
    assert_string_equal(dsi_snapshot_summary(s, "added-records"), "5");
    dsi_snapshot_unref(s);
    n.parent_id = DSI_SNAPSHOT_NONE;
    n.first_row_id = 10;
    n.added_rows = 5;
    assert_int_equal(dsi_snapshot_new(&n, &s, NULL), DS_OK);
    assert_true(s->parent_id == DSI_SNAPSHOT_NONE && s->first_row_id == 10);
    dsi_snapshot_unref(s);
}

// What its text says when it is read, field by field.
static void assert_as_read(const struct dsi_snapshot *s)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_json_reader r;
    const struct dsi_snapshot *back = NULL;
    struct ds_error err = {0};

    dsi_json_reader_init(&r, s->raw, &arena, "test");
    if (dsi_snapshot_read(&r, &back, &err) < 0) {
        fail_msg("%s\n%.*s", err.message, (int)s->raw.size, (const char *)s->raw.data);
    }
    assert_same_snapshot(s, back);
    assert_int_equal(s->manifests == NULL, back->manifests == NULL);
    assert_int_equal(s->summary == NULL, back->summary == NULL);
    for (size_t i = 0; i < s->summary_count; i++) {
        assert_string_equal(s->summary[i].key, back->summary[i].key);
        assert_string_equal(s->summary[i].value, back->summary[i].value);
    }
    dsi_snapshot_unref(back);
    dsi_arena_release(&arena);
}

static void test_snapshot__is_what_its_text_says(void **state)
{
    static const int64_t numbers[] = {-7, -1, 0, 1, INT64_MAX};
    enum { COUNT = sizeof numbers / sizeof numbers[0] };
    const struct dsi_snapshot *s = NULL;
    size_t made = 0;
    (void)state;

    for (size_t i = 0; i < (size_t)COUNT * COUNT * COUNT * COUNT; i++) {
        struct dsi_snapshot_new n = plain;
        n.sequence_number = numbers[i % COUNT];
        n.parent_id = numbers[i / COUNT % COUNT];
        n.schema_id = numbers[i / COUNT % COUNT] > INT32_MAX
                          ? INT32_MAX
                          : (int32_t)numbers[i / COUNT % COUNT];
        n.first_row_id = numbers[i / COUNT / COUNT % COUNT];
        n.added_rows = numbers[i / COUNT / COUNT / COUNT];
        n.summary_count = i % 3;
        assert_int_equal(dsi_snapshot_new(&n, &s, NULL), DS_OK);
        assert_as_read(s);
        dsi_snapshot_unref(s);
        made++;
    }
    assert_int_equal(made, 625);
}

// Each character of one byte; some of more, at the borders of their lengths; with others
// around them, at each place of eight bytes.
static void test_snapshot__takes_every_character(void **state)
{
    static const char *const wide[] = {"\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "\\u0041",
                                       "\",\"sequence-number\":9",
                                       "\\",
                                       ""};
    enum { WIDE = sizeof wide / sizeof wide[0] };
    (void)state;

    for (size_t i = 1; i < 128 + WIDE; i++) {
        char one[2] = {i < 128 ? (char)i : 'x', '\0'};
        const char *odd = i < 128 ? one : wide[i - 128];
        for (size_t at = 0; at < 8; at++) {
            char text[64];
            snprintf(text, sizeof text, "%.*s%s%.*s", (int)at, "abcdefgh", odd,
                     (int)(8 - at), "ijklmnop");
            struct ds_property said[] = {{text, odd}, {odd, text}, {"", ""}};
            struct dsi_snapshot_new n = plain;
            const struct dsi_snapshot *s = NULL;
            n.manifest_list = text;
            n.summary = said;
            n.summary_count = 3;
            assert_int_equal(dsi_snapshot_new(&n, &s, NULL), DS_OK);
            assert_as_read(s);
            assert_string_equal(s->manifest_list, text);
            dsi_snapshot_unref(s);
        }
    }
}

static void test_snapshot__refuses_what_cannot_be(void **state)
{
    const struct dsi_snapshot *s = NULL;
    struct dsi_snapshot_new n = plain;
    struct ds_error err = {0};
    (void)state;

    n.snapshot_id = -5;
    assert_int_equal(dsi_snapshot_new(&n, &s, &err), DS_ECORRUPT);
    n = plain;
    n.timestamp_ms = -1;
    assert_int_equal(dsi_snapshot_new(&n, &s, &err), DS_ECORRUPT);
    n = plain;
    n.manifest_list = "\xff";
    assert_int_equal(dsi_snapshot_new(&n, &s, &err), DS_EINVALID);
    assert_null(s);
}

static void test_snapshot__takes_null_for_what_is_not_said(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_json_reader r;
    const struct dsi_snapshot *s = NULL;
    (void)state;

    dsi_json_reader_init(
        &r,
        dsi_slice_text(
            "{\"snapshot-id\":1,\"timestamp-ms\":2,\"parent-snapshot-id\":null,"
            "\"summary\":null,\"schema-id\":null,\"manifests\":[]}"),
        &arena, "test");
    assert_int_equal(dsi_snapshot_read(&r, &s, NULL), DS_OK);
    assert_true(s->parent_id == DSI_SNAPSHOT_NONE && s->schema_id == -1);
    assert_int_equal(s->manifest_count, 0);
    dsi_snapshot_unref(s);
    dsi_arena_release(&arena);
}

static void test_snapshot__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        const struct dsi_snapshot *s = NULL;
        struct ds_error err = {0};
        int rc = dsi_snapshot_new(&plain, &s, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK ? s && !plan.name : !s && err.message[0]);
        dsi_snapshot_unref(s);
    }
    assert_true(plan.target > 2);
}

static int stop_faults(void **state)
{
    (void)state;
    dsi_fault_stop();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot__writes_itself_once),
        cmocka_unit_test(test_snapshot__is_what_its_text_says),
        cmocka_unit_test(test_snapshot__takes_every_character),
        cmocka_unit_test(test_snapshot__refuses_what_cannot_be),
        cmocka_unit_test(test_snapshot__takes_null_for_what_is_not_said),
        cmocka_unit_test_teardown(test_snapshot__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
