#include "harness.h"
#include "random_filter.h"

#include "base/fault.h"

// Three-valued logic straight from the text's tree, for comparison: leaves are bound one
// by one, so no NOT is pushed anywhere.
enum truth { NO, MAYBE, YES };

static enum truth truth_of(const struct dsi_expr *e, const struct dsi_schema *schema,
                           const struct dsi_value *row, struct dsi_arena *arena)
{
    enum truth result = e->op == DSI_EXPR_AND ? YES : NO;
    const struct dsi_bound *leaf = NULL;
    bool known = false;

    if (e->op == DSI_EXPR_NOT) {
        return YES - truth_of(e->children[0], schema, row, arena);
    }
    if (e->op == DSI_EXPR_AND || e->op == DSI_EXPR_OR) {
        for (size_t i = 0; i < e->child_count; i++) {
            enum truth one = truth_of(e->children[i], schema, row, arena);
            if (e->op == DSI_EXPR_AND ? one < result : one > result) {
                result = one;
            }
        }
        return result;
    }
    const struct dsi_field *f = dsi_schema_field_by_name(schema, e->column);
    const struct dsi_value *v = &row[f - schema->root.fields];
    bool test = e->op == DSI_EXPR_IS_NULL || e->op == DSI_EXPR_NOT_NULL ||
                e->op == DSI_EXPR_IS_NAN || e->op == DSI_EXPR_NOT_NAN;
    if (v->null && !test) {
        return MAYBE;
    }
    assert_int_equal(dsi_expr_bind(e, schema, arena, &leaf, NULL), DS_OK);
    bool yes = dsi_bound_value(leaf, v, &known);
    assert_true(known);
    for (size_t i = 0; !yes && e->op == DSI_EXPR_IN && i < e->literal_count; i++) {
        if (e->literals[i].kind == DSI_LITERAL_NULL) {
            return MAYBE; // Not found, and one of the list is unknown.
        }
    }
    return yes ? YES : NO;
}

static int build(struct dsi_batch_builder *builder, size_t rows,
                 const struct dsi_value *values, struct dsi_batch *out,
                 struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < RANDOM_COLUMNS; c++) {
            DSI_TRY(
                dsi_batch_builder_set(builder, c, &values[r * RANDOM_COLUMNS + c], err));
        }
        DSI_TRY(dsi_batch_builder_end_row(builder, err));
    }
    rc = dsi_batch_builder_take(builder, out, err);
done:
    return rc;
}

static void test_expr_eval__agrees_with_three_valued_logic(void **state)
{
    enum { ROWS = 40, FILTERS = 3000 };
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema schema = {0};
    struct dsi_value values[ROWS * RANDOM_COLUMNS];
    struct dsi_batch_builder *builder = NULL;
    struct dsi_batch batch = {0};
    struct dsi_batch slice = {0};
    int64_t rows[ROWS];
    size_t passed = 0;
    struct rng r;
    (void)state;

    rng_init(&r);
    assert_int_equal(
        dsi_schema_from_json(dsi_slice_text(random_schema), &arena, &schema, NULL),
        DS_OK);
    for (size_t i = 0; i < ROWS * RANDOM_COLUMNS; i++) {
        random_value(&r, &schema, i % RANDOM_COLUMNS, &arena, &values[i]);
    }
    assert_int_equal(dsi_batch_builder_new(&schema, &builder, NULL), DS_OK);
    assert_int_equal(build(builder, ROWS, values, &batch, NULL), DS_OK);
    assert_int_equal(dsi_batch_slice(&batch, 5, ROWS - 5, &slice, NULL), DS_OK);
    for (size_t n = 0; n < FILTERS; n++) {
        struct dsi_arena local = DSI_ARENA_INIT;
        size_t first = rng_below(&r, 2) ? 5 : 0; // Offsets count.
        const struct dsi_batch *b = first ? &slice : &batch;
        const struct dsi_bound *bound = NULL;
        const struct dsi_expr *e = NULL;
        size_t count = 0;
        size_t at = 0;
        char text[4000];
        random_filter(&r, 3, text, sizeof text);
        bind_text(text, &schema, &local, &bound);
        assert_int_equal(dsi_expr_parse(text, &local, &e, NULL), DS_OK);
        assert_int_equal(dsi_expr_eval(bound, b, rows, &count, NULL), DS_OK);
        for (int64_t i = 0; i < b->rows; i++) {
            const struct dsi_value *row = &values[((size_t)i + first) * RANDOM_COLUMNS];
            bool expected = truth_of(e, &schema, row, &local) == YES;
            bool found = at < count && rows[at] == i;
            if (expected != found) {
                fail_msg("row %d: %s", (int)i, text);
            }
            at += found;
        }
        assert_int_equal(at, count);
        passed += count;
        dsi_arena_release(&local);
    }
    assert_true(passed > FILTERS); // Or the filters were all alike.
    dsi_batch_release(&slice);
    dsi_batch_release(&batch);
    dsi_batch_builder_free(builder);
    dsi_arena_release(&arena);
}

static void test_expr_eval__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_schema schema = {0};
        struct dsi_value values[3 * RANDOM_COLUMNS];
        struct dsi_batch_builder *builder = NULL;
        struct dsi_batch batch = {0};
        const struct dsi_bound *bound = NULL;
        const struct dsi_expr *e = NULL;
        struct ds_error err = {0};
        int64_t rows[3];
        size_t count = 0;
        int rc =
            dsi_schema_from_json(dsi_slice_text(random_schema), &arena, &schema, &err);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            values[i] = DSI_VALUE_NULL;
        }
        DSI_TRY(rc);
        DSI_TRY(dsi_expr_parse("(i is null or l = 1) and d is null", &arena, &e, &err));
        DSI_TRY(dsi_expr_bind(e, &schema, &arena, &bound, &err));
        DSI_TRY(dsi_batch_builder_new(&schema, &builder, &err));
        DSI_TRY(build(builder, 3, values, &batch, &err));
        DSI_TRY(dsi_expr_eval(bound, &batch, rows, &count, &err));
    done:
        assert_true(rc == DS_OK ? count == 3 : rc == DS_ENOMEM && err.message[0]);
        dsi_batch_release(&batch);
        dsi_batch_builder_free(builder);
        dsi_arena_release(&arena);
    }
    assert_true(plan.target > 3);
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
        cmocka_unit_test(test_expr_eval__agrees_with_three_valued_logic),
        cmocka_unit_test_teardown(test_expr_eval__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("expr_eval", tests, NULL, NULL);
}
