#include "expr_case.h"
#include "harness.h"

#include <string.h>

#include "base/fault.h"

static void expect_shape(const struct dsi_expr *e, char *out, size_t size, size_t *used);

static void put(char *out, size_t size, size_t *used, const char *text)
{
    size_t n = strlen(text);
    assert_true(*used + n < size);
    memcpy(out + *used, text, n + 1);
    *used += n;
}

static const char *const names[] = {
    "true", "false", "and", "or",   "not",   "=",   "<>",     "<",      "<=", ">",
    ">=",   "in",    "ni",  "null", "value", "nan", "number", "starts", "ns", "truth"};

// (and (= a 'x') …): the tree as text.
static void expect_shape(const struct dsi_expr *e, char *out, size_t size, size_t *used)
{
    put(out, size, used, "(");
    put(out, size, used, names[e->op]);
    if (e->column) {
        put(out, size, used, " ");
        put(out, size, used, e->column);
    }
    for (size_t i = 0; i < e->literal_count; i++) {
        put(out, size, used, " ");
        put(out, size, used, e->literals[i].text);
    }
    for (size_t i = 0; i < e->child_count; i++) {
        put(out, size, used, " ");
        expect_shape(e->children[i], out, size, used);
    }
    put(out, size, used, ")");
}

static void parses_as(const char *text, const char *shape)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_expr *e = NULL;
    struct ds_error err = {0};
    char out[1000] = "";
    size_t used = 0;

    if (dsi_expr_parse(text, &arena, &e, &err) != DS_OK) {
        fail_msg("%s: %s", text, err.message);
    }
    expect_shape(e, out, sizeof out, &used);
    assert_string_equal(out, shape);
    dsi_arena_release(&arena);
}

static void refuses(const char *text, const char *message)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_expr *e = NULL;
    struct ds_error err = {0};

    assert_int_equal(dsi_expr_parse(text, &arena, &e, &err), DS_EINVALID);
    assert_null(e);
    if (!strstr(err.message, message)) {
        fail_msg("%s: \"%s\" lacks \"%s\"", text, err.message, message);
    }
    dsi_arena_release(&arena);
}

static void test_expr_parse__reads_every_predicate(void **state)
{
    (void)state;
    parses_as("a = 1", "(= a 1)");
    parses_as("a == 'x'", "(= a x)");
    parses_as("a != -1.5e3", "(<> a -1.5e3)");
    parses_as("a <> +7", "(<> a 7)");
    parses_as("a<=.5", "(<= a .5)");
    parses_as("60 < delay", "(> delay 60)");
    parses_as("'x' = a", "(= a x)");
    parses_as("a IN (1, 2,3)", "(in a 1 2 3)");
    parses_as("a not in ('x')", "(not (in a x))");
    parses_as("a between 1 and 2 and b = 3", "(and (and (>= a 1) (<= a 2)) (= b 3))");
    parses_as("a not between 1 and 2", "(not (and (>= a 1) (<= a 2)))");
    parses_as("a is null or a IS NOT NULL", "(or (null a) (value a))");
    parses_as("a is nan or a is not NaN", "(or (nan a) (number a))");
    parses_as("a like 'x%'", "(starts a x)");
    parses_as("a not like 'x%'", "(not (starts a x))");
    parses_as("a like 'x'", "(= a x)");
    parses_as("true", "(true true)");
    parses_as("FALSE and ok", "(and (false false) (truth ok))");
    parses_as("not ok", "(not (truth ok))");
    parses_as("ok = true", "(= ok true)");
}

static void test_expr_parse__knows_precedence(void **state)
{
    (void)state;
    parses_as("a=1 or b=2 and c=3", "(or (= a 1) (and (= b 2) (= c 3)))");
    parses_as("(a=1 or b=2) and c=3", "(and (or (= a 1) (= b 2)) (= c 3))");
    parses_as("not a=1 and b=2", "(and (not (= a 1)) (= b 2))");
    parses_as("a=1 or b=2 or c=3", "(or (= a 1) (= b 2) (= c 3))");
    parses_as("not not a=1", "(not (not (= a 1)))");
}

static void test_expr_parse__reads_names_as_they_are_written(void **state)
{
    (void)state;
    parses_as("a.b.c = 1", "(= a.b.c 1)");
    parses_as("\"Odd name\" = 1", "(= Odd name 1)");
    parses_as("\"with \"\"quote\"\"\" = 1", "(= with \"quote\" 1)");
    parses_as("`back``tick` = 1", "(= back`tick 1)");
    parses_as("a.\"b c\" = 1", "(= a.b c 1)");
    parses_as("date > '2020-01-01'", "(> date 2020-01-01)");
    parses_as("date > date '2020-01-01'", "(> date 2020-01-01)");
    parses_as("ts > TIMESTAMP '2020-01-01 10:00:00'", "(> ts 2020-01-01 10:00:00)");
    parses_as("a = 'it''s'", "(= a it's)");
    parses_as("a = ''", "(= a )");
    parses_as("größe = 1", "(= größe 1)");
    parses_as("nan is nan", "(nan nan)");
}

static void test_expr_parse__says_where_and_what(void **state)
{
    (void)state;
    refuses("", "character 1: expected a column, but the filter ends");
    refuses("a = ", "character 5: expected a literal, but the filter ends");
    refuses("a = 'x", "character 5: a quote that is never closed");
    refuses("a = b", "columns compare with literals only");
    refuses("a = \"x\"", "'single quotes'");
    refuses("a = 1 b = 2", "character 7: expected AND, OR or the end, found b");
    refuses("(a = 1", "expected AND, OR or \")\"");
    refuses("a = 1)", "expected AND, OR or the end, found )");
    refuses("a in 1", "a list of literals after IN");
    refuses("a in ()", "expected a literal, found )");
    refuses("a in (1", "in the list after IN");
    refuses("a not 1", "IN, BETWEEN or LIKE after NOT");
    refuses("a is 1", "[NOT] NULL or NAN");
    refuses("a between 1", "the upper end of BETWEEN");
    refuses("a like '%x'", "only a prefix");
    refuses("a like 'a_b%'", "only a prefix");
    refuses("a like 'x%' escape '!'", "ESCAPE");
    refuses("a ilike 'x%'", "LIKE 'prefix%'");
    refuses("lower(a) = 'x'", "functions are not supported");
    refuses("1 = 1", "needs a column");
    refuses("1", "a comparison after the literal");
    refuses("a = 1;", "without \";\"");
    refuses("a = 1.2.3", "not a number");
    refuses("a = - 'x'", "a number after the sign");
    refuses("a # 1", "means nothing here");
    refuses("and = 1", "expected a column, found and");
    refuses("a = '\xff'", "not UTF-8");
    refuses("a = 1 and somewhere_far = = 2", "here: …");
}

static void test_expr_parse__is_bounded(void **state)
{
    enum { MANY = 200000 };
    static char text[2 * MANY + 64];
    (void)state;

    memset(text, '(', 100);
    text[100] = '\0';
    refuses(text, "nested too deep");

    text[0] = '\0';
    for (size_t i = 0; i < 100; i++) {
        memcpy(text + 4 * i, "not ", 5);
    }
    refuses(text, "nested too deep");

    memcpy(text, "a in (", 7);
    for (size_t i = 0; i < MANY; i++) {
        memcpy(text + 6 + 2 * i, "1,", 3);
    }
    memcpy(text + 6 + 2 * (size_t)MANY, "1)", 3);
    refuses(text, "more than 65536");

    memset(text, 'a', 5000);
    memcpy(text + 5000, " = 1", 5);
    refuses(text, "4,096 bytes");
}

static void test_expr_parse__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        const struct dsi_expr *e = NULL;
        struct ds_error err = {0};
        int rc =
            dsi_expr_parse("a.b in (1, -2) and (c like 'x%' or not d between 1 and 2)",
                           &arena, &e, &err);
        assert_true(rc == DS_OK ? e && !plan.name
                                : rc == DS_ENOMEM && !e && err.message[0]);
        dsi_arena_release(&arena);
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
        cmocka_unit_test(test_expr_parse__reads_every_predicate),
        cmocka_unit_test(test_expr_parse__knows_precedence),
        cmocka_unit_test(test_expr_parse__reads_names_as_they_are_written),
        cmocka_unit_test(test_expr_parse__says_where_and_what),
        cmocka_unit_test(test_expr_parse__is_bounded),
        cmocka_unit_test_teardown(test_expr_parse__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("expr_parse", tests, NULL, NULL);
}
