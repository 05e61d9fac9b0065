#include "base/text.h"
#include "harness.h"
#include "model/value.h"

#include <string.h>

static struct dsi_type type_of(const char *text, struct dsi_arena *arena)
{
    struct dsi_type t = {0};
    assert_int_equal(dsi_type_parse(text, arena, &t, NULL), DS_OK);
    return t;
}

// Specification, Appendix D.
static void test_value_bytes__are_what_the_specification_says(void **state)
{
    static const struct {
        const char *type;
        const char *text;
        const char *bytes;
        size_t size;
    } cases[] = {
        {"boolean", "false", "\0", 1},
        {"boolean", "true", "\1", 1},
        {"int", "34", "\x22\0\0\0", 4},
        {"int", "-1", "\xff\xff\xff\xff", 4},
        {"long", "34", "\x22\0\0\0\0\0\0\0", 8},
        {"float", "1", "\0\0\x80\x3f", 4},
        {"double", "-0.0", "\0\0\0\0\0\0\0\x80", 8},
        {"date", "2017-11-16", "\x4e\x44\0\0", 4},
        {"time", "22:31:08", "\x00\x83\x07\xe0\x12\x00\x00\x00", 8},
        {"timestamp", "1970-01-01T00:00:00.000001", "\1\0\0\0\0\0\0\0", 8},
        {"timestamptz", "1970-01-01T01:00:00.000001+01:00", "\1\0\0\0\0\0\0\0", 8},
        {"timestamp_ns", "1970-01-01T00:00:00.000000001", "\1\0\0\0\0\0\0\0", 8},
        {"decimal(9,2)", "14.20", "\x05\x8c", 2},
        {"decimal(9,2)", "1.28", "\0\x80", 2},
        {"decimal(9,2)", "-1.28", "\x80", 1},
        {"string", "iceberg", "iceberg", 7},
        {"uuid", "f79c3e09-677c-4bbd-a479-3f349cb785e7",
         "\xf7\x9c\x3e\x09\x67\x7c\x4b\xbd\xa4\x79\x3f\x34\x9c\xb7\x85\xe7", 16},
        {"fixed[4]", "00010203", "\0\1\2\3", 4},
        {"binary", "", "", 0},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_type t = type_of(cases[i].type, &arena);
        struct dsi_value v = DSI_VALUE_NULL;
        struct dsi_value back = DSI_VALUE_NULL;
        struct dsi_buf out = DSI_BUF_INIT;
        struct ds_error err = {0};
        if (dsi_value_parse(&t, cases[i].text, strlen(cases[i].text), &arena, &v, &err) <
            0) {
            fail_msg("%s", err.message);
        }
        assert_int_equal(dsi_value_to_bytes(&v, &out, &err), DS_OK);
        assert_int_equal(out.size, cases[i].size);
        if (out.size > 0) {
            assert_memory_equal(out.data, cases[i].bytes, out.size);
        }
        assert_int_equal(dsi_value_from_bytes(&t, dsi_buf_slice(&out), &back, &err),
                         DS_OK);
        assert_true(dsi_value_equal(&v, &back));
        dsi_buf_release(&out);
    }
    dsi_arena_release(&arena);
}

static void test_value_bytes__of_a_narrower_type_are_widened(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_slice four = {(const uint8_t *)"\xfe\xff\xff\xff", 4};
    struct ds_slice half = {(const uint8_t *)"\0\0\x80\x3f", 4};
    struct dsi_value v = DSI_VALUE_NULL;
    struct ds_error err = {0};
    (void)state;

    struct dsi_type t = type_of("long", &arena);
    assert_int_equal(dsi_value_from_bytes(&t, four, &v, &err), DS_OK);
    assert_true(v.as.i64 == -2);
    t = type_of("double", &arena);
    assert_int_equal(dsi_value_from_bytes(&t, half, &v, &err), DS_OK);
    assert_true(v.as.f64 == 1.0);
    t = type_of("timestamp", &arena);
    assert_int_equal(dsi_value_from_bytes(&t, four, &v, &err), DS_OK);
    assert_true(v.as.i64 == INT64_C(-2) * 86400 * 1000000);
    t = type_of("timestamp_ns", &arena);
    assert_int_equal(dsi_value_from_bytes(&t, four, &v, &err), DS_OK);
    assert_true(v.as.i64 == INT64_C(-2) * 86400 * 1000000000);
    dsi_arena_release(&arena);
}

static void test_value_bytes__of_a_wrong_size_are_corrupt(void **state)
{
    static const struct {
        const char *type;
        const char *bytes;
        size_t size;
    } cases[] = {
        {"boolean", "", 0},       {"boolean", "ab", 2},
        {"int", "abc", 3},        {"int", "abcdefgh", 8},
        {"long", "abc", 3},       {"time", "abcd", 4},
        {"float", "abcdefgh", 8}, {"double", "a", 1},
        {"decimal(3,0)", "", 0},  {"decimal(3,0)", "\x7f\x7f", 2},
        {"string", "\xff", 1},    {"uuid", "abc", 3},
        {"fixed[2]", "abc", 3},   {"unknown", "", 0},
        {"variant", "", 0},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_type t = type_of(cases[i].type, &arena);
        struct ds_slice bytes = {(const uint8_t *)cases[i].bytes, cases[i].size};
        struct dsi_value v = DSI_VALUE_NULL;
        struct ds_error err = {0};
        assert_int_equal(dsi_value_from_bytes(&t, bytes, &v, &err), DS_ECORRUPT);
        assert_non_null(strstr(err.message, "are no value of type"));
    }
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_bytes__are_what_the_specification_says),
        cmocka_unit_test(test_value_bytes__of_a_narrower_type_are_widened),
        cmocka_unit_test(test_value_bytes__of_a_wrong_size_are_corrupt),
    };
    return cmocka_run_group_tests_name("value_bytes", tests, NULL, NULL);
}
