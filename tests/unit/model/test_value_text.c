#include "base/text.h"
#include "harness.h"
#include "model/value.h"

#include <string.h>

static const char *format(const char *type, const char *text, struct dsi_arena *arena,
                          struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_type t = {0};
    struct dsi_value v = DSI_VALUE_NULL;
    assert_int_equal(dsi_type_parse(type, arena, &t, NULL), DS_OK);
    if (dsi_value_parse(&t, text, strlen(text), arena, &v, err) < 0) {
        return NULL;
    }
    out->size = 0;
    assert_int_equal(dsi_value_format(&v, &t, out, err), DS_OK);
    return dsi_buf_text(out);
}

static void test_value_text__reads_and_writes_every_type(void **state)
{
    static const char *const cases[][3] = {
        {"boolean", "TRUE", "true"},
        {"int", "-2147483648", "-2147483648"},
        {"long", "9223372036854775807", "9223372036854775807"},
        {"float", "0.1", "0.1"},
        {"double", "1e400x", NULL},
        {"double", "1e400", NULL},
        {"double", "inf", "Infinity"},
        {"double", "-Infinity", "-Infinity"},
        {"double", "nan", "NaN"},
        {"float", "1e39", NULL},
        {"float", "", NULL},
        {"decimal(9,2)", "14.2", "14.20"},
        {"decimal(9,2)", "14.205", NULL},
        {"decimal(4,2)", "100", NULL},
        {"date", "2017-11-16", "2017-11-16"},
        {"date", "1969-02-29", NULL},
        {"time", "22:31:08", "22:31:08"},
        {"time", "22:31:08.5", "22:31:08.500"},
        {"time", "22:31:08.0000001", NULL},
        {"timestamp", "2017-11-16 22:31:08", "2017-11-16T22:31:08"},
        {"timestamp", "2017-11-16T22:31:08.123456", "2017-11-16T22:31:08.123456"},
        {"timestamp", "2017-11-16T22:31:08Z", NULL},
        {"timestamp", "-290308-12-21T19:59:05.224192", "-290308-12-21T19:59:05.224192"},
        {"timestamp", "-290308-12-21T19:59:05.224191", NULL},
        {"timestamp", "2017-11-16T22:31:08.1234567", NULL},
        {"timestamptz", "2017-11-16T14:31:08-08:00", "2017-11-16T22:31:08+00:00"},
        {"timestamptz", "2017-11-16T22:31:08", NULL},
        {"timestamp_ns", "2017-11-16T22:31:08.000000001",
         "2017-11-16T22:31:08.000000001"},
        {"timestamp_ns", "1677-09-21T00:12:43.145224192",
         "1677-09-21T00:12:43.145224192"},
        {"timestamp_ns", "1677-09-21T00:12:43.145224191", NULL},
        {"string", "a\"b", "a\"b"},
        {"string", "\xff", NULL},
        {"uuid", "F79C3E09-677C-4BBD-A479-3F349CB785E7",
         "f79c3e09-677c-4bbd-a479-3f349cb785e7"},
        {"uuid", "f79c3e09", NULL},
        {"fixed[2]", "0A0b", "0a0b"},
        {"fixed[2]", "0a", NULL},
        {"binary", "0x0a", "0a"},
        {"binary", "0g", NULL},
        {"binary", "0", NULL},
        {"unknown", "1", NULL},
        {"int", "2147483648", NULL},
        {"int", "1.5", NULL},
        {"int", "", NULL},
        {"boolean", "1", NULL},
        {"boolean", "truetruetrue", NULL},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_error err = {0};
        const char *got = format(cases[i][0], cases[i][1], &arena, &out, &err);
        if (!cases[i][2]) {
            if (got) {
                fail_msg("%s '%s' was taken as %s", cases[i][0], cases[i][1], got);
            }
            assert_int_equal(err.status, DS_EINVALID);
        } else if (!got || strcmp(got, cases[i][2]) != 0) {
            fail_msg("%s '%s' gave %s", cases[i][0], cases[i][1],
                     got ? got : err.message);
        }
    }
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
}

static void test_value_text__says_what_was_expected(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};
    (void)state;

    assert_null(format("date", "16.11.2017", &arena, &out, &err));
    assert_string_equal(err.message,
                        "'16.11.2017' is no date: expected a day such as 2017-11-16");
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
}

static void test_value_text__shows_what_no_day_has(void **state)
{
    struct dsi_type t = {.kind = DSI_TYPE_TIME};
    struct dsi_value v = {.kind = DSI_TYPE_TIME, .as.i64 = INT64_MIN};
    struct dsi_buf out = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(dsi_value_format(&v, &t, &out, NULL), DS_OK);
    assert_string_equal(dsi_buf_text(&out), "-9223372036854775808 microseconds");
    assert_int_equal(dsi_value_to_json(&v, &t, &out, NULL), DS_EINVALID);
    t.kind = v.kind = DSI_TYPE_TIMESTAMPTZ; // The farthest time there is.
    out.size = 0;
    assert_int_equal(dsi_value_format(&v, &t, &out, NULL), DS_OK);
    assert_string_equal(dsi_buf_text(&out), "-290308-12-21T19:59:05.224192+00:00");
    dsi_buf_release(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_text__reads_and_writes_every_type),
        cmocka_unit_test(test_value_text__says_what_was_expected),
        cmocka_unit_test(test_value_text__shows_what_no_day_has),
    };
    return cmocka_run_group_tests_name("value_text", tests, NULL, NULL);
}
