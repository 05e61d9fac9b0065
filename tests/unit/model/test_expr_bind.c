#include "expr_case.h"
#include "harness.h"

#include <string.h>

#include "base/fault.h"

static void binds_as(const char *filter, const char *expected)
{
    struct expr_case c;
    const struct dsi_bound *e = NULL;
    struct dsi_buf text = DSI_BUF_INIT;

    assert_int_equal(expr_case_init(&c), DS_OK);
    if (expr_case_bind(&c, filter, &e) != DS_OK) {
        fail_msg("%s: %s", filter, c.err.message);
    }
    assert_int_equal(dsi_bound_format(e, &text, &c.err), DS_OK);
    assert_string_equal(dsi_buf_text(&text), expected);
    dsi_buf_release(&text);
    dsi_arena_release(&c.arena);
}

static void refuses(const char *filter, const char *message)
{
    struct expr_case c;
    const struct dsi_bound *e = NULL;

    assert_int_equal(expr_case_init(&c), DS_OK);
    assert_int_equal(expr_case_bind(&c, filter, &e), DS_EINVALID);
    assert_null(e);
    if (!strstr(c.err.message, message)) {
        fail_msg("%s: \"%s\" lacks \"%s\"", filter, c.err.message, message);
    }
    dsi_arena_release(&c.arena);
}

static void test_expr_bind__pushes_not_to_the_leaves(void **state)
{
    (void)state;
    binds_as("not i = 1", "i <> 1");
    binds_as("not (i < 1 and l >= 2)", "(i >= 1 or l < 2)");
    binds_as("not (i < 1 or not l >= 2)", "(i >= 1 and l >= 2)");
    binds_as("not i in (3, 1, 2, 1)", "i not in (1, 2, 3)");
    binds_as("not not i is null", "i is null");
    binds_as("not i is null", "i is not null");
    binds_as("not i between 1 and 2", "(i < 1 or i > 2)");
    binds_as("not origin like 'S%'", "origin does not start with S");
    binds_as("not ok", "ok = false");
    binds_as("ok", "ok = true");
    binds_as("not true", "false");
}

static void test_expr_bind__remembers_nan_under_not(void **state)
{
    (void)state;
    binds_as("d < 5", "d < 5");
    binds_as("not d < 5", "(d >= 5 or d is nan)");
    binds_as("not f >= 5", "(f < 5 or f is nan)");
    binds_as("not d = 5", "d <> 5");
    binds_as("not d is nan", "d is not nan");
    refuses("d = 'nan'", "is nan");
    refuses("i is nan", "expected a float or double");
}

static void test_expr_bind__folds_what_no_value_can_be(void **state)
{
    (void)state;
    binds_as("i < 5000000000", "i is not null");
    binds_as("i > 5000000000", "false");
    binds_as("i = 5000000000", "false");
    binds_as("i <> 5000000000", "i is not null");
    binds_as("not i > 5000000000", "i is not null");
    binds_as("i >= -5000000000", "i is not null");
    binds_as("i < -5000000000", "false");
    binds_as("l < 1e30", "l is not null");
    binds_as("l < 1e300", "l is not null");
    binds_as("l < -1e300", "false");
    binds_as("i < 2.5", "i <= 2");
    binds_as("i <= 2.5", "i <= 2");
    binds_as("i > 2.5", "i > 2");
    binds_as("i >= -2.5", "i > -3");
    binds_as("i = 2.5", "false");
    binds_as("i <> 2.5", "i is not null");
    binds_as("i = 2.0", "i = 2");
    binds_as("i in (1, 2.5, 1e10)", "i = 1");
    binds_as("i not in (2.5)", "i is not null");
    binds_as("i in (2.5)", "false");
    binds_as("i in (1, null)", "i = 1");
    binds_as("i not in (1, null)", "false");
    binds_as("dec < 1.005", "dec <= 1.00");
    binds_as("dec = 1.5", "dec = 1.50");
    binds_as("dec < 10000000", "dec is not null");
    binds_as("date < '2020-01-01 12:00:00'", "date <= 2020-01-01");
    binds_as("date = date '2020-01-01'", "date = 2020-01-01");
    binds_as("i < 5000000000 and l = 1", "(i is not null and l = 1)");
    binds_as("i > 5000000000 or l = 1", "l = 1");
    binds_as("i > 5000000000 and l = 1", "false");
    binds_as("true and l = 1", "l = 1");
    binds_as("true or l = 1", "true");
    binds_as("origin like '%'", "origin is not null");
    binds_as("origin not like '%'", "false");
    binds_as("not d < 1e400", "(d > 1.7976931348623157e+308 or d is nan)");
}

static void test_expr_bind__reads_literals_by_type(void **state)
{
    (void)state;
    binds_as("origin = 'SEA'", "origin = SEA");
    binds_as("I = 1", "i = 1");
    binds_as("\"Odd name\" = 1", "Odd name = 1");
    binds_as("i = '7'", "i = 7");
    binds_as("ts < '2020-01-01 10:00:00'", "ts < 2020-01-01T10:00:00");
    binds_as("ts < '2020-01-01 10:00:00.0000001'", "ts <= 2020-01-01T10:00:00");
    binds_as("tz < '2020-01-01T10:00:00+01:00'", "tz < 2020-01-01T09:00:00+00:00");
    binds_as("tz < '2020-01-01'", "tz < 2020-01-01T00:00:00+00:00");
    binds_as("t < '10:00'", "t < 10:00:00");
    binds_as("u = 'f79c3e09-677c-4bbd-a479-3f349cb785e7'",
             "u = f79c3e09-677c-4bbd-a479-3f349cb785e7");
    binds_as("s is null", "s is null");
    binds_as("s.x = 1", "x = 1");
}

static void test_expr_bind__names_what_does_not_fit(void **state)
{
    (void)state;
    refuses("orgin = 'SEA'", "no column orgin; did you mean origin");
    refuses("qqqqqqqqqq = 1", "the columns are i, l, f, d, dec, date, ts, tz, …");
    refuses("i = 'x'", "x for column i, of type int: expected a number");
    refuses("origin = 5", "expected text in 'single quotes'");
    refuses("i = true", "expected a number");
    refuses("date = 'yesterday'", "expected a date like '2017-11-16'");
    refuses("date = 5", "'single quotes'");
    refuses("ts = '2020-01-01T00:00:00Z'", "no time zone");
    refuses("ts = 'x'", "expected a time like");
    refuses("i = null", "write \"i is null\"");
    refuses("s = 1", "only IS [NOT] NULL");
    refuses("list.element = 1", "not inside a list");
    refuses("i like 'x%'", "expected a string for LIKE");
    refuses("i", "expected a comparison");
    refuses("i = date '2020-01-01'", "expected a number");
    refuses("i = 1 or nowhere = 2", "no column nowhere");
    refuses("i = 0.00000000000000000000000000000000000000001", "38 digits");
}

static void test_expr_bind__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct expr_case c;
        const struct dsi_bound *e = NULL;
        int32_t *ids = NULL;
        size_t count = 0;
        int rc = expr_case_init(&c);
        if (rc == DS_OK) {
            rc =
                expr_case_bind(&c, "not (i in (1, 2) or d < 2 and origin like 'x%')", &e);
        }
        if (rc == DS_OK) {
            rc = dsi_bound_fields(e, &c.arena, &ids, &count, &c.err);
        }
        assert_true(rc == DS_OK ? count == 3 && !plan.name : rc == DS_ENOMEM);
        dsi_arena_release(&c.arena);
    }
    assert_true(plan.target > 1);
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
        cmocka_unit_test(test_expr_bind__pushes_not_to_the_leaves),
        cmocka_unit_test(test_expr_bind__remembers_nan_under_not),
        cmocka_unit_test(test_expr_bind__folds_what_no_value_can_be),
        cmocka_unit_test(test_expr_bind__reads_literals_by_type),
        cmocka_unit_test(test_expr_bind__names_what_does_not_fit),
        cmocka_unit_test_teardown(test_expr_bind__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("expr_bind", tests, NULL, NULL);
}
