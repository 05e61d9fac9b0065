#include "base/int128.h"
#include "harness.h"

#include <string.h>

static void test_int128__has_a_shortest_big_endian_form(void **state)
{
    static const struct {
        int64_t value;
        size_t size;
        const char *bytes;
    } cases[] = {
        {0, 1, "\x00"},        {1, 1, "\x01"},        {-1, 1, "\xff"},
        {127, 1, "\x7f"},      {128, 2, "\x00\x80"},  {-128, 1, "\x80"},
        {-129, 2, "\xff\x7f"}, {1420, 2, "\x05\x8c"}, {-1420, 2, "\xfa\x74"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t out[16];
        dsi_int128 back = 0;
        assert_int_equal(dsi_int128_to_be(cases[i].value, out), cases[i].size);
        assert_memory_equal(out, cases[i].bytes, cases[i].size);
        assert_true(dsi_int128_from_be(out, cases[i].size, &back));
        assert_true(back == cases[i].value);
    }
}

static void test_int128__reads_wide_forms_only_if_the_rest_is_sign(void **state)
{
    uint8_t wide[20];
    dsi_int128 v = 0;
    (void)state;

    memset(wide, 0xff, sizeof wide);
    wide[19] = 0xfe;
    assert_true(dsi_int128_from_be(wide, 20, &v));
    assert_true(v == -2);
    wide[0] = 1;
    assert_false(dsi_int128_from_be(wide, 20, &v));
    assert_false(dsi_int128_from_be(wide, 0, &v));
}

static void check_text(const char *text, int precision, int scale, const char *expected)
{
    char out[DSI_DECIMAL_TEXT_SIZE];
    dsi_int128 v = 0;
    bool ok = dsi_decimal_parse(text, strlen(text), precision, scale, &v);
    if (!expected) {
        assert_false(ok);
        return;
    }
    assert_true(ok);
    dsi_decimal_format(v, scale, out);
    assert_string_equal(out, expected);
}

static void test_int128__reads_and_writes_decimals(void **state)
{
    (void)state;
    check_text("14.20", 9, 2, "14.20");
    check_text("14.2", 9, 2, "14.20");
    check_text("-0.05", 9, 2, "-0.05");
    check_text("+7", 9, 2, "7.00");
    check_text(".5", 9, 2, "0.50");
    check_text("5.", 9, 2, "5.00");
    check_text("1e3", 9, 2, "1000.00");
    check_text("1.5E-1", 9, 2, "0.15");
    check_text("1.500", 9, 2, "1.50");
    check_text("0000000000000000000000000000000000000000000000001", 2, 0, "1");
    check_text("99999999999999999999999999999999999999", 38, 0,
               "99999999999999999999999999999999999999");
    check_text("-99999999999999999999999999999999999999", 38, 38, NULL);
    check_text("0.00000000000000000000000000000000000001", 38, 38,
               "0.00000000000000000000000000000000000001");
    check_text("0e999999", 9, 2, "0.00");
}

static void test_int128__refuses_what_does_not_fit(void **state)
{
    (void)state;
    check_text("1.234", 9, 2, NULL); // It would have to be rounded.
    check_text("1000", 4, 2, NULL);  // Six digits.
    check_text("1e999999", 38, 0, NULL);
    check_text("", 9, 2, NULL);
    check_text("-", 9, 2, NULL);
    check_text(".", 9, 2, NULL);
    check_text("1e", 9, 2, NULL);
    check_text("1.2.3", 9, 2, NULL);
    check_text("12a", 9, 2, NULL);
    check_text(" 1", 9, 2, NULL);
}

static void test_int128__knows_its_digits(void **state)
{
    (void)state;
    assert_true(dsi_int128_fits(999, 3));
    assert_true(dsi_int128_fits(-999, 3));
    assert_false(dsi_int128_fits(1000, 3));
    assert_true(dsi_int128_pow10(38) / dsi_int128_pow10(37) == 10);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int128__has_a_shortest_big_endian_form),
        cmocka_unit_test(test_int128__reads_wide_forms_only_if_the_rest_is_sign),
        cmocka_unit_test(test_int128__reads_and_writes_decimals),
        cmocka_unit_test(test_int128__refuses_what_does_not_fit),
        cmocka_unit_test(test_int128__knows_its_digits),
    };
    return cmocka_run_group_tests_name("int128", tests, NULL, NULL);
}
