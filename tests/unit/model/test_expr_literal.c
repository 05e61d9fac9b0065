#include "expr_case.h"
#include "harness.h"

#include <string.h>

#include "model/expr_literal.h"

static int fit(enum dsi_type_kind kind, const char *text, struct dsi_fit *out)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_type type = {.kind = kind, .precision = 9, .scale = 2};
    struct dsi_literal literal = {
        .kind = DSI_LITERAL_STRING, .text = text, .size = strlen(text)};
    int rc = dsi_expr_fit(&literal, &type, &arena, out, NULL);

    dsi_arena_release(&arena);
    return rc;
}

static void fits(enum dsi_type_kind kind, const char *text, int side, bool exact)
{
    struct dsi_fit f;

    assert_int_equal(fit(kind, text, &f), DS_OK);
    assert_int_equal(f.side, side);
    if (side == 0) {
        assert_int_equal(f.exact, exact);
    }
}

static void test_expr_literal__says_which_side_a_number_is_on(void **state)
{
    (void)state;
    fits(DSI_TYPE_INT, "2147483647", 0, true);
    fits(DSI_TYPE_INT, "2147483647.5", 0, false);
    fits(DSI_TYPE_INT, "2147483648", 1, false);
    fits(DSI_TYPE_INT, "-2147483648", 0, true);
    fits(DSI_TYPE_INT, "-2147483648.5", -1, false);
    fits(DSI_TYPE_LONG, "9223372036854775807", 0, true);
    fits(DSI_TYPE_LONG, "9223372036854775808", 1, false);
    fits(DSI_TYPE_LONG, "1e40", 1, false);
    fits(DSI_TYPE_LONG, "-1e4000", -1, false);
    fits(DSI_TYPE_DECIMAL, "9999999.99", 0, true);
    fits(DSI_TYPE_DECIMAL, "9999999.999", 0, false);
    fits(DSI_TYPE_DECIMAL, "10000000", 1, false);
    fits(DSI_TYPE_DECIMAL, "-10000000", -1, false);
    fits(DSI_TYPE_FLOAT, "1e39", 0, false);
    fits(DSI_TYPE_FLOAT, "inf", 0, true);
    fits(DSI_TYPE_TIMESTAMP, "2262-04-12 00:00:00", 0, true);
    fits(DSI_TYPE_TIMESTAMP_NS, "2262-04-12 00:00:00", 1, false);
    fits(DSI_TYPE_TIMESTAMP_NS, "1677-01-01 00:00:00", -1, false);
}

static void test_expr_literal__rounds_down(void **state)
{
    struct dsi_fit f;
    (void)state;

    assert_int_equal(fit(DSI_TYPE_INT, "-2.5", &f), DS_OK);
    assert_int_equal(f.floor.as.i32, -3);
    assert_int_equal(fit(DSI_TYPE_DECIMAL, "-0.005", &f), DS_OK);
    assert_int_equal((int)f.floor.as.decimal, -1);
    assert_int_equal(fit(DSI_TYPE_TIMESTAMP, "1969-12-31 23:59:59.9999999", &f), DS_OK);
    assert_int_equal(f.floor.as.i64, -1);
    assert_false(f.exact);
    assert_int_equal(fit(DSI_TYPE_DATE, "1969-12-31 12:00:00", &f), DS_OK);
    assert_int_equal(f.floor.as.i32, -1);
    assert_int_equal(fit(DSI_TYPE_FLOAT, "-1e39", &f), DS_OK);
    assert_true(f.floor.as.f32 < -3.4028234e38f); // Minus infinity: what lies below.
}

static void test_expr_literal__refuses_other_words(void **state)
{
    struct dsi_fit f;
    (void)state;

    assert_int_equal(fit(DSI_TYPE_INT, "nan", &f), DS_EINVALID);
    assert_int_equal(fit(DSI_TYPE_DOUBLE, "NaN", &f), DS_EINVALID);
    assert_int_equal(fit(DSI_TYPE_INT, "", &f), DS_EINVALID);
    assert_int_equal(fit(DSI_TYPE_DATE, "2020-02-30", &f), DS_EINVALID);
    assert_int_equal(fit(DSI_TYPE_DATE, "2020-02-29T00:00:00Z", &f), DS_EINVALID);
    assert_int_equal(fit(DSI_TYPE_UUID, "f79c", &f), DS_EINVALID);
    assert_int_equal(fit(DSI_TYPE_VARIANT, "x", &f), DS_EINVALID);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expr_literal__says_which_side_a_number_is_on),
        cmocka_unit_test(test_expr_literal__rounds_down),
        cmocka_unit_test(test_expr_literal__refuses_other_words),
    };
    return cmocka_run_group_tests_name("expr_literal", tests, NULL, NULL);
}
