#include "base/text.h"
#include "harness.h"
#include "model/value.h"

#include <string.h>

struct bound_case {
    enum dsi_type_kind kind;
    const char *text;
    int32_t length;
    const char *lower;
    const char *upper; // NULL: there is none.
};

static void test_value_truncate__cuts_where_java_cuts(void **state)
{
    static const struct bound_case cases[] = {
        {DSI_TYPE_STRING, "iceberg", 3, "ice", "icf"},
        {DSI_TYPE_STRING, "ice", 3, "ice", "ice"},
        {DSI_TYPE_STRING, "", 3, "", ""},
        {DSI_TYPE_STRING,
         "a\x7f"
         "b",
         2, "a\x7f", "a\xc2\x80"},
        {DSI_TYPE_STRING,
         "a\xdf\xbf"
         "b",
         2, "a\xdf\xbf", "a\xe0\xa0\x80"},
        {DSI_TYPE_STRING, "a\xed\x9f\xbfz", 2, "a\xed\x9f\xbf", "a\xee\x80\x80"},
        {DSI_TYPE_STRING, "a\xef\xbf\xbfz", 2, "a\xef\xbf\xbf", "a\xf0\x90\x80\x80"},
        {DSI_TYPE_STRING, "a\xf4\x8f\xbf\xbfz", 2, "a\xf4\x8f\xbf\xbf", "b"},
        {DSI_TYPE_STRING, "\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf", 1, "\xf4\x8f\xbf\xbf",
         NULL},
        {DSI_TYPE_STRING, "\xc3\xa9\xc3\xa9\xc3\xa9", 2, "\xc3\xa9\xc3\xa9",
         "\xc3\xa9\xc3\xaa"},
        {DSI_TYPE_BINARY, "\x01\xff\xff\x02", 3, "\x01\xff\xff", "\x02"},
        {DSI_TYPE_BINARY, "\xff\xff\xff", 2, "\xff\xff", NULL},
        {DSI_TYPE_FIXED, "abcd", 2, "ab", "ac"},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct bound_case *c = &cases[i];
        struct dsi_value v = {.kind = c->kind, .as.bytes = dsi_slice_text(c->text)};
        struct dsi_value out = DSI_VALUE_NULL;
        struct ds_error err = {0};
        bool exists = false;
        assert_int_equal(dsi_value_truncate_lower(&v, c->length, &arena, &out, &err),
                         DS_OK);
        assert_true(dsi_slice_equal(out.as.bytes, dsi_slice_text(c->lower)));
        assert_true(dsi_value_compare(&out, &v) <= 0);
        assert_int_equal(
            dsi_value_truncate_upper(&v, c->length, &arena, &out, &exists, &err), DS_OK);
        assert_int_equal(exists, c->upper != NULL);
        if (exists) {
            assert_true(dsi_slice_equal(out.as.bytes, dsi_slice_text(c->upper)));
            assert_true(dsi_value_compare(&out, &v) >= 0);
            assert_true(c->kind != DSI_TYPE_STRING || dsi_utf8_valid(out.as.bytes));
        }
    }
    dsi_arena_release(&arena);
}

static void test_value_truncate__leaves_other_types_alone(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_value v = {.kind = DSI_TYPE_LONG, .as.i64 = 123456};
    struct dsi_value out = DSI_VALUE_NULL;
    bool exists = false;
    (void)state;

    assert_int_equal(dsi_value_truncate_lower(&v, 1, &arena, &out, NULL), DS_OK);
    assert_true(dsi_value_equal(&v, &out));
    assert_int_equal(dsi_value_truncate_upper(&v, 1, &arena, &out, &exists, NULL), DS_OK);
    assert_true(exists && dsi_value_equal(&v, &out));
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_truncate__cuts_where_java_cuts),
        cmocka_unit_test(test_value_truncate__leaves_other_types_alone),
    };
    return cmocka_run_group_tests_name("value_truncate", tests, NULL, NULL);
}
