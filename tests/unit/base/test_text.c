#include "base/text.h"
#include "harness.h"

#include <math.h>
#include <string.h>

static void test_text__reads_whole_integers_only(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-1", true, -1},
        {"+12", true, 12},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"1 ", false, 0},
        {"0x1", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t v = 0;
        bool ok = dsi_text_to_i64(cases[i].text, strlen(cases[i].text), &v);
        assert_int_equal(ok, cases[i].ok);
        assert_true(!ok || v == cases[i].value);
    }
}

static void test_text__reads_numbers_and_refuses_the_rest(void **state)
{
    double v = 0;
    (void)state;
    assert_true(dsi_text_to_f64("1.5", 3, &v) && v == 1.5);
    assert_true(dsi_text_to_f64("-1e3", 4, &v) && v == -1000);
    assert_true(dsi_text_to_f64("-inf", 4, &v) && v == -INFINITY);
    assert_true(dsi_text_to_f64("NaN", 3, &v) && isnan(v));
    assert_true(dsi_text_to_f64("-0", 2, &v) && signbit(v));
    assert_false(dsi_text_to_f64("0x10", 4, &v));
    assert_false(dsi_text_to_f64("1,5", 3, &v));
    assert_false(dsi_text_to_f64(" 1", 2, &v));
    assert_false(dsi_text_to_f64("1.2.3", 5, &v));
    assert_false(dsi_text_to_f64("", 0, &v));
    assert_false(dsi_text_to_f64("e5", 2, &v));
}

static void test_text__writes_the_shortest_number(void **state)
{
    char out[DSI_F64_TEXT_SIZE];
    (void)state;
    dsi_f64_format(0.1, out);
    assert_string_equal(out, "0.1");
    dsi_f64_format(1.0 / 3, out);
    assert_string_equal(out, "0.3333333333333333");
    dsi_f64_format(-0.0, out);
    assert_string_equal(out, "-0");
    dsi_f64_format(-INFINITY, out);
    assert_string_equal(out, "-Infinity");
    dsi_f32_format(0.1F, out);
    assert_string_equal(out, "0.1");
    dsi_f32_format(NAN, out);
    assert_string_equal(out, "NaN");
}

static void test_text__knows_utf8(void **state)
{
    static const char *const good[] = {"",
                                       "abc",
                                       "h\xc3\xa9",
                                       "\xe2\x82\xac",
                                       "\xf0\x9f\x98\x80",
                                       "12345678\xc3\xa9",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\xff",         "\xc3",
                                      "\xc0\x80",     "\xe0\x80\x80",
                                      "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "abcdefgh\x80", "\xf0\x80\x80\x80",
                                      "\xe2\x82"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(dsi_utf8_valid(dsi_slice_text(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(dsi_utf8_valid(dsi_slice_text(bad[i])));
    }
}

static void test_text__counts_days_like_the_calendar(void **state)
{
    int64_t last = dsi_days_from_civil(-5000, 1, 1) - 1;
    (void)state;
    assert_int_equal(dsi_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(dsi_days_from_civil(2017, 11, 16), 17486);
    for (int64_t days = last + 1; days < 2932897; days += 13) { // To the year 9999.
        int64_t year = 0;
        int month = 0;
        int day = 0;
        dsi_civil_from_days(days, &year, &month, &day);
        assert_true(month >= 1 && month <= 12 && day >= 1 && day <= 31);
        assert_int_equal(dsi_days_from_civil(year, month, day), days);
    }
}

static void test_text__reads_and_writes_dates(void **state)
{
    static const char *const bad[] = {
        "2017-2-3",   "2017-13-01", "2017-00-10",  "2017-02-29",
        "2017-11-31", "17-11-16",   "2017-11-16 ", ""};
    char out[DSI_TIME_TEXT_SIZE];
    int32_t days = 0;
    (void)state;
    assert_true(dsi_text_to_date("2017-11-16", 10, &days));
    assert_int_equal(days, 17486);
    assert_true(dsi_text_to_date("2000-02-29", 10, &days));
    assert_true(dsi_text_to_date("-0001-12-31", 11, &days));
    dsi_date_format(days, out);
    assert_string_equal(out, "-0001-12-31");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(dsi_text_to_date(bad[i], strlen(bad[i]), &days));
    }
    assert_false(dsi_text_to_date("9999999-01-01", 13, &days)); // Beyond 32 bits of days.
}

static void check_timestamp(const char *text, const char *expected)
{
    char out[DSI_TIME_TEXT_SIZE];
    int64_t days = 0;
    int64_t ns = 0;
    bool zone = false;
    bool ok = dsi_text_to_timestamp(text, strlen(text), &days, &ns, &zone);
    assert_int_equal(ok, expected != NULL);
    if (ok) {
        dsi_timestamp_format(days, ns, 6, zone, out);
        assert_string_equal(out, expected);
    }
}

static void test_text__reads_and_writes_timestamps(void **state)
{
    (void)state;
    check_timestamp("2017-11-16T22:31:08.123456", "2017-11-16T22:31:08.123456");
    check_timestamp("2017-11-16 22:31:08", "2017-11-16T22:31:08.000000");
    check_timestamp("2017-11-16 22:31", "2017-11-16T22:31:00.000000");
    check_timestamp("2017-11-16", "2017-11-16T00:00:00.000000");
    check_timestamp("2017-11-16T22:31:08Z", "2017-11-16T22:31:08.000000+00:00");
    check_timestamp("2017-11-16T22:31:08-08:00", "2017-11-17T06:31:08.000000+00:00");
    check_timestamp("2017-01-01T00:30:00+0100", "2016-12-31T23:30:00.000000+00:00");
    check_timestamp("1969-12-31T23:59:59.999999999", "1969-12-31T23:59:59.999999");
    check_timestamp("2017-11-16T24:00:00", NULL);
    check_timestamp("2017-11-16T22:60:00", NULL);
    check_timestamp("2017-11-16T22:31:08.1234567890", NULL);
    check_timestamp("2017-11-16T22:31:08+1", NULL);
    check_timestamp("2017-11-16T", NULL);
    check_timestamp("2017-11-16T22:31:08Zjunk", NULL);
}

static void test_text__writes_times(void **state)
{
    char out[DSI_TIME_TEXT_SIZE];
    int64_t ns = 0;
    (void)state;
    assert_true(dsi_text_to_time_ns("22:31:08.123456789", 18, &ns));
    dsi_time_format(ns, 9, out);
    assert_string_equal(out, "22:31:08.123456789");
    dsi_time_format(ns, 3, out);
    assert_string_equal(out, "22:31:08.123");
    dsi_time_format(ns, 0, out);
    assert_string_equal(out, "22:31:08");
    assert_false(dsi_text_to_time_ns("22:31:08Z", 9, &ns));
}

static void test_text__compares_and_divides(void **state)
{
    (void)state;
    assert_true(dsi_slice_compare(dsi_slice_text("ab"), dsi_slice_text("abc")) < 0);
    assert_true(dsi_slice_compare(dsi_slice_text("b"), dsi_slice_text("abc")) > 0);
    assert_true(dsi_slice_compare(dsi_slice_text("\xff"), dsi_slice_text("a")) > 0);
    assert_true(dsi_text_equal_nocase("NaN", "nan"));
    assert_false(dsi_text_equal_nocase("na", "nan"));
    assert_true(dsi_text_ends_with("v1.metadata.json", ".json"));
    assert_false(dsi_text_ends_with("n", "json"));
    assert_int_equal(dsi_floor_div(-1, 10), -1);
    assert_int_equal(dsi_floor_mod(-1, 10), 9);
    assert_int_equal(dsi_floor_div(-10, 10), -1);
    assert_int_equal(dsi_floor_mod(-10, 10), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text__reads_whole_integers_only),
        cmocka_unit_test(test_text__reads_numbers_and_refuses_the_rest),
        cmocka_unit_test(test_text__writes_the_shortest_number),
        cmocka_unit_test(test_text__knows_utf8),
        cmocka_unit_test(test_text__counts_days_like_the_calendar),
        cmocka_unit_test(test_text__reads_and_writes_dates),
        cmocka_unit_test(test_text__reads_and_writes_timestamps),
        cmocka_unit_test(test_text__writes_times),
        cmocka_unit_test(test_text__compares_and_divides),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
