#include "expr_case.h"
#include "harness.h"

#include <string.h>

static struct dsi_value value_of(struct expr_case *c, const char *column,
                                 const char *text)
{
    const struct dsi_field *f = dsi_schema_field_by_name(&c->schema, column);
    struct dsi_value v;

    assert_int_equal(dsi_value_parse(&f->type, text, strlen(text), &c->arena, &v, NULL),
                     DS_OK);
    return v;
}

static bool passes(struct expr_case *c, const char *filter, const struct dsi_value *v)
{
    const struct dsi_bound *e = NULL;
    bool known = false;

    assert_int_equal(expr_case_bind(c, filter, &e), DS_OK);
    bool result = dsi_bound_value(e, v, &known);
    assert_true(known);
    return result;
}

static void test_expr_bound__compares_floats_as_numbers(void **state)
{
    struct expr_case c;
    (void)state;

    assert_int_equal(expr_case_init(&c), DS_OK);
    struct dsi_value minus_zero = value_of(&c, "d", "-0.0");
    struct dsi_value nan = value_of(&c, "d", "nan");
    assert_true(passes(&c, "d = 0", &minus_zero));
    assert_false(passes(&c, "d < 0", &minus_zero));
    assert_true(passes(&c, "d in (0, 1)", &minus_zero));
    assert_false(passes(&c, "d = 5", &nan));
    assert_false(passes(&c, "d > 5", &nan));
    assert_false(passes(&c, "d <= 5", &nan));
    assert_true(passes(&c, "d <> 5", &nan));
    assert_true(passes(&c, "d not in (5, 6)", &nan));
    assert_true(passes(&c, "not d > 5", &nan));
    assert_true(passes(&c, "d is not null", &nan));
    assert_true(passes(&c, "d is nan", &nan));
    dsi_arena_release(&c.arena);
}

static void test_expr_bound__keeps_nulls_out_of_everything_but_tests(void **state)
{
    static const char *const never[] = {"d = 5",       "d <> 5",          "not d = 5",
                                        "d in (1, 2)", "d not in (1, 2)", "d is nan",
                                        "not d < 5",   "d is not null"};
    struct dsi_value null = DSI_VALUE_NULL;
    struct expr_case c;
    (void)state;

    assert_int_equal(expr_case_init(&c), DS_OK);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        assert_false(passes(&c, never[i], &null));
    }
    assert_false(passes(&c, "origin not like 'S%'", &null));
    assert_true(passes(&c, "d is null", &null));
    assert_true(passes(&c, "d is not nan", &null));
    dsi_arena_release(&c.arena);
}

static void test_expr_bound__compares_only_what_goes_together(void **state)
{
    struct dsi_value i = {.kind = DSI_TYPE_INT, .as.i32 = 5};
    struct dsi_value l = {.kind = DSI_TYPE_LONG, .as.i64 = 5};
    struct dsi_value date = {.kind = DSI_TYPE_DATE, .as.i32 = 5};
    struct dsi_value ts = {.kind = DSI_TYPE_TIMESTAMP, .as.i64 = 5};
    struct dsi_value f = {.kind = DSI_TYPE_FLOAT, .as.f32 = 5};
    struct dsi_value d = {.kind = DSI_TYPE_DOUBLE, .as.f64 = 5};
    int order = 1;
    (void)state;

    assert_true(dsi_bound_compare(&i, &l, &order));
    assert_int_equal(order, 0);
    assert_true(dsi_bound_compare(&i, &date, &order));
    assert_true(dsi_bound_compare(&f, &d, &order));
    assert_false(dsi_bound_compare(&l, &ts, &order));
    assert_false(dsi_bound_compare(&i, &d, &order));
    assert_false(dsi_bound_compare(&i, &DSI_VALUE_NULL, &order));
}

static void test_expr_bound__lists_its_columns_once(void **state)
{
    struct expr_case c;
    const struct dsi_bound *e = NULL;
    int32_t *ids = NULL;
    size_t count = 0;
    (void)state;

    assert_int_equal(expr_case_init(&c), DS_OK);
    assert_int_equal(
        expr_case_bind(&c, "origin = 'x' or (i = 1 and l = 2 and not i > 7)", &e), DS_OK);
    assert_int_equal(dsi_bound_fields(e, &c.arena, &ids, &count, &c.err), DS_OK);
    assert_int_equal(count, 3);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[1], 2);
    assert_int_equal(ids[2], 9);
    dsi_arena_release(&c.arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expr_bound__compares_floats_as_numbers),
        cmocka_unit_test(test_expr_bound__keeps_nulls_out_of_everything_but_tests),
        cmocka_unit_test(test_expr_bound__compares_only_what_goes_together),
        cmocka_unit_test(test_expr_bound__lists_its_columns_once),
    };
    return cmocka_run_group_tests_name("expr_bound", tests, NULL, NULL);
}
