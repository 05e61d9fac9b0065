#include "base/text.h"
#include "harness.h"
#include "model/value.h"

#include <string.h>

// Specification, Appendix D, "JSON single-value serialization".
static void test_value_json__reads_back_as_written(void **state)
{
    static const char *const cases[][2] = {
        {"boolean", "true"},
        {"int", "34"},
        {"long", "-9223372036854775808"},
        {"float", "1.5"},
        {"double", "0.1"},
        {"decimal(9,2)", "\"14.20\""},
        {"decimal(9,2)", "\"-0.01\""},
        {"date", "\"2017-11-16\""},
        {"time", "\"22:31:08.123456\""},
        {"timestamp", "\"2017-11-16T22:31:08.123456\""},
        {"timestamp", "\"2017-11-16T22:31:08.000000\""},
        {"timestamptz", "\"2017-11-16T22:31:08.123456+00:00\""},
        {"timestamp_ns", "\"2017-11-16T22:31:08.123456789\""},
        {"timestamptz_ns", "\"2017-11-16T22:31:08.123456789+00:00\""},
        {"string", "\"ice\\\"berg\""},
        {"uuid", "\"f79c3e09-677c-4bbd-a479-3f349cb785e7\""},
        {"fixed[4]", "\"000102ff\""},
        {"binary", "\"000102ff\""},
        {"string", "null"},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_type t = {0};
        struct dsi_value v = DSI_VALUE_NULL;
        struct ds_error err = {0};
        assert_int_equal(dsi_type_parse(cases[i][0], &arena, &t, &err), DS_OK);
        int rc = dsi_value_from_json(&t, dsi_slice_text(cases[i][1]), &arena, &v, &err);
        if (rc < 0) {
            fail_msg("%s", err.message);
        }
        out.size = 0;
        assert_int_equal(dsi_value_to_json(&v, &t, &out, &err), DS_OK);
        assert_string_equal(dsi_buf_text(&out), cases[i][1]);
    }
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
}

static void test_value_json__refuses_another_types_json(void **state)
{
    static const char *const cases[][2] = {
        {"boolean", "1"},  {"int", "2147483648"}, {"int", "\"1\""},
        {"long", "1.0"},   {"float", "1e39"},     {"decimal(9,2)", "14"},
        {"date", "17486"}, {"string", "1"},       {"decimal(9,2)", "\"1.234\""},
        {"uuid", "\"x\""}, {"int", "1 2"},        {"double", ""},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_type t = {0};
        struct dsi_value v = DSI_VALUE_NULL;
        struct ds_error err = {0};
        assert_int_equal(dsi_type_parse(cases[i][0], &arena, &t, &err), DS_OK);
        int rc = dsi_value_from_json(&t, dsi_slice_text(cases[i][1]), &arena, &v, &err);
        assert_int_equal(rc, DS_ECORRUPT);
    }
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_json__reads_back_as_written),
        cmocka_unit_test(test_value_json__refuses_another_types_json),
    };
    return cmocka_run_group_tests_name("value_json", tests, NULL, NULL);
}
