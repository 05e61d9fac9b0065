#include "base/text.h"
#include "codec/json/json_reader.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>

static struct dsi_json_reader reader(struct dsi_arena *arena, const char *text)
{
    struct dsi_json_reader r;
    dsi_json_reader_init(&r, dsi_slice_text(text), arena, "test");
    return r;
}

static void test_json_reader__pulls_members_in_order(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    struct ds_slice key = {NULL, 0};
    struct ds_slice raw = {NULL, 0};
    const char *text = NULL;
    int64_t big = 0;
    double real = 0;
    bool yes = false;
    (void)state;

    struct dsi_json_reader r = reader(
        &arena, " {\"a\" : 9223372036854775807,\n\"b\":[1, 2.5e1 ,true,null,\"x\"],"
                "\"c\":{\"d\":[]} , \"e\":\"\"} ");
    assert_int_equal(dsi_json_object_begin(&r, &err), DS_OK);
    assert_int_equal(dsi_json_object_next(&r, &key, &err), DS_ROW);
    assert_true(dsi_json_key_is(key, "a"));
    assert_false(dsi_json_key_is(key, "ab"));
    assert_int_equal(dsi_json_i64(&r, &big, &err), DS_OK);
    assert_true(big == INT64_MAX);
    assert_int_equal(dsi_json_object_next(&r, &key, &err), DS_ROW);
    assert_int_equal(dsi_json_array_begin(&r, &err), DS_OK);
    assert_int_equal(dsi_json_array_next(&r, &err), DS_ROW);
    assert_int_equal(dsi_json_i64(&r, &big, &err), DS_OK);
    assert_int_equal(dsi_json_array_next(&r, &err), DS_ROW);
    assert_int_equal(dsi_json_f64(&r, &real, &err), DS_OK);
    assert_true(real == 25.0);
    assert_int_equal(dsi_json_array_next(&r, &err), DS_ROW);
    assert_int_equal(dsi_json_bool(&r, &yes, &err), DS_OK);
    assert_true(yes);
    assert_int_equal(dsi_json_array_next(&r, &err), DS_ROW);
    assert_int_equal(dsi_json_null(&r, &yes, &err), DS_OK);
    assert_true(yes);
    assert_int_equal(dsi_json_array_next(&r, &err), DS_ROW);
    assert_int_equal(dsi_json_null(&r, &yes, &err), DS_OK);
    assert_false(yes);
    assert_int_equal(dsi_json_string(&r, &text, &err), DS_OK);
    assert_string_equal(text, "x");
    assert_int_equal(dsi_json_array_next(&r, &err), DS_OK);
    assert_int_equal(dsi_json_object_next(&r, &key, &err), DS_ROW);
    assert_int_equal(dsi_json_skip(&r, &raw, &err), DS_OK);
    assert_true(dsi_json_key_is(raw, "{\"d\":[]}"));
    assert_int_equal(dsi_json_object_next(&r, &key, &err), DS_ROW);
    assert_int_equal(dsi_json_string(&r, &text, &err), DS_OK);
    assert_string_equal(text, "");
    assert_int_equal(dsi_json_object_next(&r, &key, &err), DS_OK);
    assert_int_equal(dsi_json_end(&r, &err), DS_OK);
    dsi_arena_release(&arena);
}

static void test_json_reader__unescapes_strings(void **state)
{
    static const struct {
        const char *json;
        const char *text;
        size_t size;
    } cases[] = {
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
        {"\"\\u0041\\u00e9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac", 6},
        {"\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!", 5},
        {"\"plain text that is longer than a word\\n\"",
         "plain text that is longer than a word\n", 38},
        {"\"nul\\u0000in\"", "nul\0in", 6},
        {"\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80", 4},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_slice text = {NULL, 0};
        struct ds_error err = {0};
        struct dsi_json_reader r = reader(&arena, cases[i].json);
        assert_int_equal(dsi_json_string_slice(&r, &text, &err), DS_OK);
        assert_int_equal(text.size, cases[i].size);
        assert_memory_equal(text.data, cases[i].text, text.size);
        dsi_arena_release(&arena);
    }
}

// Every byte of every input is looked at when a value is skipped.
static void test_json_reader__refuses_what_is_no_json(void **state)
{
    static const struct {
        const char *json;
        const char *message;
    } cases[] = {
        {"", "byte 1: expected a value, but the text ends here"},
        {"nul", "byte 1: expected a value, found 'n'"},
        {"\"abc", "byte 1: this string is not ended"},
        {"\"abc\\", "byte 1: this string is not ended"},
        {"\"a\nb\"", "byte 3: a control character in a string; escape it"},
        {"\"\\x\"", "byte 2: a backslash that starts no valid escape"},
        {"\"\\u12g4\"", "byte 2: a backslash that starts no valid escape"},
        {"\"\\ud800\"", "byte 2: a backslash that starts no valid escape"},
        {"\"\\ud800\\u0041\"", "byte 2: a backslash that starts no valid escape"},
        {"\"\\udc00\"", "byte 2: a backslash that starts no valid escape"},
        {"\"\xc3\"", "byte 1: this string is not UTF-8"},
        {"\"\xed\xa0\x80\"", "byte 1: this string is not UTF-8"},
        {"01", "byte 1: a number with a leading zero"},
        {"-", "byte 1: expected a number, found '-'"},
        {"1.", "byte 3: expected a digit after the point, but the text ends here"},
        {"1e", "byte 3: expected a digit of the exponent, but the text ends here"},
        {"[1 2]", "byte 4: expected ',' or ']', found '2'"},
        {"[1,]", "byte 4: expected a value, found ']'"},
        {"{\"a\":1,}", "byte 8: expected a key in quotes, found '}'"},
        {"{\"a\" 1}", "byte 6: expected ':' after a key, found '1'"},
        {"{a:1}", "byte 2: expected a key in quotes, found 'a'"},
        {"[\n1,\n2", "line 3, byte 7: expected ',' or ']', but the text ends here"},
        {"1 2", "byte 3: expected the end of the text, found '2'"},
        {"[1] \x01", "byte 5: expected the end of the text, found the byte 0x01"},
        {"[}", "byte 2: expected a value, found '}'"},
        {"{]", "byte 2: expected a key in quotes, found ']'"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_error err = {0};
        struct dsi_json_reader r = reader(&arena, cases[i].json);
        int rc = dsi_json_skip(&r, NULL, &err);
        if (rc == DS_OK) {
            rc = dsi_json_end(&r, &err);
        }
        assert_int_equal(rc, DS_ECORRUPT);
        if (!strstr(err.message, cases[i].message)) {
            fail_msg("'%s' gave: %s", cases[i].json, err.message);
        }
        dsi_arena_release(&arena);
    }
}

static void test_json_reader__keeps_integers_exact(void **state)
{
    static const char *const refused[] = {
        "1.0", "1e3", "9223372036854775808", "\"1\"", "-9223372036854775809", "true"};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    int64_t v = 0;
    int32_t narrow = 0;
    double real = 0;
    (void)state;

    struct dsi_json_reader r = reader(&arena, "-9223372036854775808");
    assert_int_equal(dsi_json_i64(&r, &v, &err), DS_OK);
    assert_true(v == INT64_MIN);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        r = reader(&arena, refused[i]);
        assert_int_equal(dsi_json_i64(&r, &v, &err), DS_ECORRUPT);
    }
    r = reader(&arena, "2147483648");
    assert_int_equal(dsi_json_i32(&r, &narrow, &err), DS_ECORRUPT);
    r = reader(&arena, "1e999");
    assert_int_equal(dsi_json_f64(&r, &real, &err), DS_ECORRUPT);
    r = reader(&arena, "-0.0");
    assert_int_equal(dsi_json_f64(&r, &real, &err), DS_OK);
    assert_true(1 / real < 0);
    dsi_arena_release(&arena);
}

static void test_json_reader__bounds_depth_without_recursion(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    static char text[2 * DSI_JSON_DEPTH_MAX + 3];
    (void)state;

    memset(text, '[', DSI_JSON_DEPTH_MAX);
    memset(text + DSI_JSON_DEPTH_MAX, ']', DSI_JSON_DEPTH_MAX);
    struct dsi_json_reader r = reader(&arena, text);
    assert_int_equal(dsi_json_skip(&r, NULL, &err), DS_OK);
    assert_int_equal(dsi_json_end(&r, &err), DS_OK);
    memset(text, '[', DSI_JSON_DEPTH_MAX + 1);
    r = reader(&arena, text);
    assert_int_equal(dsi_json_skip(&r, NULL, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "nested too deeply"));
    dsi_arena_release(&arena);
}

static void test_json_reader__refuses_nul_in_c_strings(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    const char *text = NULL;
    (void)state;

    struct dsi_json_reader r = reader(&arena, "\"a\\u0000b\"");
    assert_int_equal(dsi_json_string(&r, &text, &err), DS_ECORRUPT);
    dsi_arena_release(&arena);
}

static void test_json_reader__passes_over_a_byte_order_mark(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    (void)state;

    struct dsi_json_reader r = reader(&arena, "\xef\xbb\xbf[]");
    assert_int_equal(dsi_json_skip(&r, NULL, &err), DS_OK);
    dsi_arena_release(&arena);
}

static void test_json_reader__peeks_at_whole_nulls_only(void **state)
{
    static const char *const bad[] = {"n", "nul", "nULL", "nu|l"};
    enum dsi_json_kind kind = DSI_JSON_BOOL;
    struct dsi_json_reader r;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ds_error err = {0};
        dsi_json_reader_init(&r, dsi_slice_text(bad[i]), NULL, "in");
        assert_int_equal(dsi_json_peek(&r, &kind, &err), DS_ECORRUPT);
        assert_non_null(strstr(err.message, "a value"));
    }
    dsi_json_reader_init(&r, dsi_slice_text(" null"), NULL, "in");
    assert_int_equal(dsi_json_peek(&r, &kind, NULL), DS_OK);
    assert_int_equal(kind, DSI_JSON_NULL);
}

static void test_json_reader__finds_the_end_of_what_was_checked(void **state)
{
    static const char *const values[] = {
        "[]",    "{}",   "[[],{}]",      "{\"a\":[1,{\"b\":null}]}",
        "\"]\"", "-1e5", "true",         " [ \"]\" , \"[{\" ] ",
        "null",  "[0]",  "{\"}\":\"\"}", "[\"\\\\\",\"\\\"]\",\"\\\\\\\"}\"]"};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_json_reader r;
    (void)state;

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "[%s,%s , 7]", values[i], values[i]);
        for (int checked = 0; checked < 2; checked++) {
            struct ds_slice raw[2] = {{NULL, 0}};
            int64_t seven = 0;
            (checked ? dsi_json_reader_init_checked
                     : dsi_json_reader_init)(&r, dsi_slice_text(text), &arena, "test");
            assert_int_equal(dsi_json_array_begin(&r, NULL), DS_OK);
            for (int k = 0; k < 2; k++) {
                assert_int_equal(dsi_json_array_next(&r, NULL), DS_ROW);
                assert_int_equal(dsi_json_skip(&r, &raw[k], NULL), DS_OK);
            }
            assert_true(dsi_slice_equal(raw[0], raw[1]));
            assert_true(raw[0].size > 0 &&
                        strstr(values[i], (const char[2]){(char)raw[0].data[0], 0}));
            assert_int_equal(dsi_json_array_next(&r, NULL), DS_ROW);
            assert_int_equal(dsi_json_i64(&r, &seven, NULL), DS_OK);
            assert_int_equal(seven, 7);
            assert_int_equal(dsi_json_array_next(&r, NULL), DS_OK);
            assert_int_equal(dsi_json_end(&r, NULL), DS_OK);
        }
    }
    dsi_arena_release(&arena);
}

static void test_json_reader__takes_a_value_it_is_told(void **state)
{
    static const char text[] = "[ {\"a\": [1]}, {\"a\": [1]} ,{\"a\": [1, 2]},[]]";
    const struct ds_slice raw = {(const uint8_t *)"{\"a\": [1]}", 10};
    const struct ds_slice none = {(const uint8_t *)"[]", 2};
    const struct ds_slice more = {(const uint8_t *)"[]]]", 4};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_json_reader r;
    (void)state;

    dsi_json_reader_init(&r, dsi_slice_text(text), &arena, "test");
    assert_int_equal(dsi_json_array_begin(&r, NULL), DS_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dsi_json_array_next(&r, NULL), DS_ROW);
        assert_false(dsi_json_take(&r, none));
        assert_true(dsi_json_take(&r, raw));
    }
    assert_int_equal(dsi_json_array_next(&r, NULL), DS_ROW);
    assert_false(dsi_json_take(&r, raw)); // And nothing is taken.
    assert_int_equal(dsi_json_skip(&r, NULL, NULL), DS_OK);
    assert_int_equal(dsi_json_array_next(&r, NULL), DS_ROW);
    assert_false(dsi_json_take(&r, more)); // Longer than what is left.
    assert_true(dsi_json_take(&r, none));
    assert_int_equal(dsi_json_array_next(&r, NULL), DS_OK);
    assert_int_equal(dsi_json_end(&r, NULL), DS_OK);
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_reader__peeks_at_whole_nulls_only),
        cmocka_unit_test(test_json_reader__pulls_members_in_order),
        cmocka_unit_test(test_json_reader__unescapes_strings),
        cmocka_unit_test(test_json_reader__refuses_what_is_no_json),
        cmocka_unit_test(test_json_reader__keeps_integers_exact),
        cmocka_unit_test(test_json_reader__bounds_depth_without_recursion),
        cmocka_unit_test(test_json_reader__refuses_nul_in_c_strings),
        cmocka_unit_test(test_json_reader__passes_over_a_byte_order_mark),
        cmocka_unit_test(test_json_reader__finds_the_end_of_what_was_checked),
        cmocka_unit_test(test_json_reader__takes_a_value_it_is_told),
    };
    return cmocka_run_group_tests_name("json_reader", tests, NULL, NULL);
}
