#include "harness.h"
#include "random_filter.h"

// The metrics a writer would record for these values; some left out, strings truncated.
static void measure(struct rng *r, const struct dsi_field *f,
                    const struct dsi_value *values, size_t count, size_t stride,
                    struct dsi_arena *arena, struct dsi_column_metrics *out)
{
    const struct dsi_value *low = NULL;
    const struct dsi_value *high = NULL;
    struct dsi_buf bytes = DSI_BUF_INIT;
    bool exists = true;

    *out = (struct dsi_column_metrics){f->id, 1, (int64_t)count, 0, 0, {0}, {0}};
    for (size_t i = 0; i < count; i++) {
        const struct dsi_value *v = &values[i * stride];
        if (v->null) {
            out->null_count++;
        } else if (dsi_value_is_nan(v)) {
            out->nan_count++;
        } else {
            low = !low || dsi_value_compare(v, low) < 0 ? v : low;
            high = !high || dsi_value_compare(v, high) > 0 ? v : high;
        }
    }
    if (low && rng_below(r, 5)) {
        struct dsi_value cut;
        int32_t length = 1 + (int32_t)rng_below(r, 4);
        assert_int_equal(dsi_value_truncate_lower(low, length, arena, &cut, NULL), DS_OK);
        assert_int_equal(dsi_value_to_bytes(&cut, &bytes, NULL), DS_OK);
        assert_int_equal(dsi_arena_copy(arena, dsi_buf_slice(&bytes), &out->lower), 0);
        if (bytes.size == 0) {
            out->lower.data = (const uint8_t *)""; // Empty is not absent.
        }
    }
    bytes.size = 0;
    if (high && rng_below(r, 5)) {
        struct dsi_value cut;
        int32_t length = 1 + (int32_t)rng_below(r, 4);
        assert_int_equal(
            dsi_value_truncate_upper(high, length, arena, &cut, &exists, NULL), DS_OK);
        if (exists) {
            assert_int_equal(dsi_value_to_bytes(&cut, &bytes, NULL), DS_OK);
            assert_int_equal(dsi_arena_copy(arena, dsi_buf_slice(&bytes), &out->upper),
                             0);
            if (bytes.size == 0) {
                out->upper.data = (const uint8_t *)"";
            }
        }
    }
    out->null_count = rng_below(r, 5) ? out->null_count : -1;
    out->nan_count = rng_below(r, 5) ? out->nan_count : -1;
    out->value_count = rng_below(r, 5) ? out->value_count : -1;
    dsi_buf_release(&bytes);
}

static void test_expr_metrics__never_skips_a_row_that_passes(void **state)
{
    enum { ROWS = 4, TRIES = 30000 };
    struct dsi_arena fixed = DSI_ARENA_INIT;
    struct dsi_schema schema = {0};
    size_t seen[3] = {0};
    struct rng r;
    (void)state;

    rng_init(&r);
    assert_int_equal(
        dsi_schema_from_json(dsi_slice_text(random_schema), &fixed, &schema, NULL),
        DS_OK);
    for (size_t n = 0; n < TRIES; n++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_value values[ROWS * RANDOM_COLUMNS];
        struct dsi_column_metrics metrics[RANDOM_COLUMNS];
        const struct dsi_bound *e = NULL;
        size_t rows = 1 + rng_below(&r, ROWS);
        size_t passing = 0;
        char text[4000];
        for (size_t i = 0; i < rows * RANDOM_COLUMNS; i++) {
            random_value(&r, &schema, i % RANDOM_COLUMNS, &arena, &values[i]);
        }
        for (size_t c = 0; c < RANDOM_COLUMNS; c++) {
            measure(&r, &schema.root.fields[c], values + c, rows, RANDOM_COLUMNS, &arena,
                    &metrics[c]);
        }
        random_filter(&r, (int)rng_below(&r, 3), text, sizeof text);
        bind_text(text, &schema, &arena, &e);
        struct dsi_rows_view view = {
            .rows = (int64_t)rows, .columns = metrics, .column_count = RANDOM_COLUMNS};
        enum dsi_match m = dsi_match_rows(e, &view);
        for (size_t i = 0; i < rows; i++) {
            passing += row_passes(e, &schema, &values[i * RANDOM_COLUMNS]);
        }
        if ((m == DSI_MATCH_NONE && passing > 0) ||
            (m == DSI_MATCH_ALL && passing < rows)) {
            fail_msg("%zu of %zu rows pass, the metrics say %d: %s", passing, rows,
                     (int)m, text);
        }
        seen[m]++;
        dsi_arena_release(&arena);
    }
    print_message("  none %zu, some %zu, all %zu\n", seen[0], seen[1], seen[2]);
    assert_true(seen[DSI_MATCH_NONE] > TRIES / 20 && seen[DSI_MATCH_ALL] > TRIES / 20);
    dsi_arena_release(&fixed);
}

struct bounds {
    const char *lower;
    const char *upper;
    int64_t nulls;
    int64_t nans;
};

// What a filter on one column says of ten rows with these metrics.
static enum dsi_match says(size_t column, const char *filter, struct bounds b)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema schema = {0};
    struct dsi_buf low = DSI_BUF_INIT;
    struct dsi_buf high = DSI_BUF_INIT;
    struct dsi_value v;
    const struct dsi_bound *e = NULL;

    assert_int_equal(
        dsi_schema_from_json(dsi_slice_text(random_schema), &arena, &schema, NULL),
        DS_OK);
    const struct dsi_field *f = &schema.root.fields[column];
    struct dsi_column_metrics m = {f->id, 1, 10, b.nulls, b.nans, {0}, {0}};
    if (b.lower) {
        assert_int_equal(
            dsi_value_parse(&f->type, b.lower, strlen(b.lower), &arena, &v, NULL), DS_OK);
        assert_int_equal(dsi_value_to_bytes(&v, &low, NULL), DS_OK);
        m.lower = dsi_buf_slice(&low);
    }
    if (b.upper) {
        assert_int_equal(
            dsi_value_parse(&f->type, b.upper, strlen(b.upper), &arena, &v, NULL), DS_OK);
        assert_int_equal(dsi_value_to_bytes(&v, &high, NULL), DS_OK);
        m.upper = dsi_buf_slice(&high);
    }
    bind_text(filter, &schema, &arena, &e);
    struct dsi_rows_view view = {.rows = 10, .columns = &m, .column_count = 1};
    enum dsi_match result = dsi_match_rows(e, &view);
    dsi_buf_release(&low);
    dsi_buf_release(&high);
    dsi_arena_release(&arena);
    return result;
}

static void test_expr_metrics__proves_what_can_be_proved(void **state)
{
    struct bounds five = {"5", "9", 0, 0};
    struct bounds nulls = {"5", "9", 1, 0};
    struct bounds only_nulls = {NULL, NULL, 10, 0};
    (void)state;

    assert_int_equal(says(0, "i < 5", five), DSI_MATCH_NONE);
    assert_int_equal(says(0, "i <= 5", five), DSI_MATCH_SOME);
    assert_int_equal(says(0, "i < 10", five), DSI_MATCH_ALL);
    assert_int_equal(says(0, "i < 10", nulls), DSI_MATCH_SOME);
    assert_int_equal(says(0, "i > 9", five), DSI_MATCH_NONE);
    assert_int_equal(says(0, "i = 4", five), DSI_MATCH_NONE);
    assert_int_equal(says(0, "i in (1, 4, 10)", five), DSI_MATCH_NONE);
    assert_int_equal(says(0, "i not in (1, 4, 10)", five), DSI_MATCH_ALL);
    assert_int_equal(says(0, "i is null", five), DSI_MATCH_NONE);
    assert_int_equal(says(0, "i is null", only_nulls), DSI_MATCH_ALL);
    assert_int_equal(says(0, "i = 5", only_nulls), DSI_MATCH_NONE);
    assert_int_equal(says(0, "i <> 5", only_nulls), DSI_MATCH_NONE);
    assert_int_equal(says(0, "i < 5000000000", five), DSI_MATCH_ALL);
    assert_int_equal(says(7, "s like 'b%'", (struct bounds){"c", "d", 0, 0}),
                     DSI_MATCH_NONE);
    assert_int_equal(says(7, "s like 'ab%'", (struct bounds){"abc", "abz", 0, 0}),
                     DSI_MATCH_ALL);
}

static void test_expr_metrics__leaves_nan_out_of_bounds(void **state)
{
    struct bounds some = {"5", "5", 0, 3};
    struct bounds unsaid = {"5", "5", 0, -1};
    struct bounds none = {"5", "5", 0, 0};
    (void)state;

    assert_int_equal(says(3, "d <> 5", none), DSI_MATCH_NONE);
    assert_int_equal(says(3, "d <> 5", some), DSI_MATCH_SOME);
    assert_int_equal(says(3, "d <> 5", unsaid), DSI_MATCH_SOME);
    assert_int_equal(says(3, "d = 5", none), DSI_MATCH_ALL);
    assert_int_equal(says(3, "d = 5", unsaid), DSI_MATCH_SOME);
    assert_int_equal(says(3, "d > 5", unsaid), DSI_MATCH_NONE);
    assert_int_equal(says(3, "not d <= 5", unsaid), DSI_MATCH_SOME);
    assert_int_equal(says(3, "d is nan", none), DSI_MATCH_NONE);
    assert_int_equal(says(3, "d = 0", (struct bounds){"-0.0", "-0.0", 0, 0}),
                     DSI_MATCH_ALL);
    assert_int_equal(says(3, "d < 0", (struct bounds){"-0.0", "0.0", 0, 0}),
                     DSI_MATCH_NONE);
}

static void test_expr_metrics__makes_nothing_of_nonsense(void **state)
{
    (void)state;
    assert_int_equal(says(0, "i = 7", (struct bounds){"9", "5", 0, 0}), DSI_MATCH_SOME);
    assert_int_equal(says(0, "i is null", (struct bounds){"5", "9", 11, 0}),
                     DSI_MATCH_SOME);
    assert_int_equal(says(3, "d < 1", (struct bounds){"nan", "nan", 0, 0}),
                     DSI_MATCH_SOME);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expr_metrics__never_skips_a_row_that_passes),
        cmocka_unit_test(test_expr_metrics__proves_what_can_be_proved),
        cmocka_unit_test(test_expr_metrics__leaves_nan_out_of_bounds),
        cmocka_unit_test(test_expr_metrics__makes_nothing_of_nonsense),
    };
    return cmocka_run_group_tests_name("expr_metrics", tests, NULL, NULL);
}
