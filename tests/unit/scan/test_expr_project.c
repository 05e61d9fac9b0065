#include "harness.h"
#include "random_filter.h"

#include "base/fault.h"

// One partition field on one column.
static void make_spec(const char *transform, int32_t source_id, struct dsi_arena *arena,
                      struct dsi_partition_field *field, struct dsi_partition_spec *spec)
{
    *field = (struct dsi_partition_field){
        .source_id = source_id, .field_id = 1000, .name = "p"};
    *spec = (struct dsi_partition_spec){.fields = field, .field_count = 1};
    assert_int_equal(dsi_transform_parse(transform, arena, &field->transform, NULL),
                     DS_OK);
}

static void projects_as(const char *transform, int32_t source_id, const char *filter,
                        const char *expected)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema schema = {0};
    struct dsi_partition_field field;
    struct dsi_partition_spec spec;
    struct dsi_projection p = {0};
    const struct dsi_bound *e = NULL;
    struct dsi_buf text = DSI_BUF_INIT;

    assert_int_equal(
        dsi_schema_from_json(dsi_slice_text(random_schema), &arena, &schema, NULL),
        DS_OK);
    make_spec(transform, source_id, &arena, &field, &spec);
    bind_text(filter, &schema, &arena, &e);
    assert_int_equal(dsi_project(e, &spec, &schema, &arena, &p, NULL), DS_OK);
    assert_int_equal(dsi_bound_format(p.expr, &text, NULL), DS_OK);
    assert_string_equal(dsi_buf_text(&text), expected);
    dsi_buf_release(&text);
    dsi_arena_release(&arena);
}

static void test_expr_project__goes_through_every_transform(void **state)
{
    (void)state;
    projects_as("identity", 1, "i < 10", "p < 10");
    projects_as("identity", 3, "not f < 10", "(p >= 10 or p is nan)");
    projects_as("bucket[16]", 2, "l = 34", "p = 3");
    projects_as("bucket[16]", 2, "l < 34", "p is not null");
    projects_as("bucket[16]", 2, "l <> 34", "p is not null");
    projects_as("bucket[16]", 2, "l is null", "p is null");
    projects_as("truncate[10]", 5, "dec >= 1.05", "p >= 1.00");
    projects_as("truncate[10]", 1, "i = 17", "p = 10");
    projects_as("truncate[10]", 1, "i > 19", "p >= 20");
    projects_as("truncate[10]", 2, "l = -2147483647", // It may have been an int.
                "p in (-2147483650, 2147483646)");
    projects_as("truncate[2]", 8, "s < 'abc'", "p <= ab");
    projects_as("truncate[2]", 8, "s like 'a%'", "p starts with a");
    projects_as("truncate[2]", 8, "s like 'ab%'", "p = ab");
    projects_as("truncate[2]", 8, "s like 'abc%'", "p = ab");
    projects_as("truncate[2]", 8, "s not like 'abc%'", "p is not null");
    projects_as("truncate[2]", 8, "s not like 'ab%'", "p <> ab");
    projects_as("day", 7, "ts < '2020-03-01'", "p <= 2020-02-29");
    projects_as("day", 7, "ts = '2020-02-29 12:00:00'", "p = 2020-02-29");
    projects_as("month", 6, "date >= '2020-02-29'", "p >= 601");
    projects_as("year", 6, "date between '2017-01-01' and '2018-12-31'",
                "(p >= 47 and p <= 48)");
    projects_as("year", 6, "date = '1969-06-01'", "p in (-1, 0)"); // Old writers.
    projects_as("void", 1, "i = 1", "true");
    projects_as("rotate[7]", 1, "i = 1", "true");
    projects_as("identity", 1, "l = 1", "true");
    projects_as("identity", 1, "l = 1 or i = 2", "(true or p = 2)");
}

static const char *const transforms[] = {
    "identity", "bucket[3]", "truncate[1]", "truncate[2]", "truncate[3]", "truncate[10]",
    "year",     "month",     "day",         "hour",        "void"};

static void test_expr_project__never_skips_a_row_that_passes(void **state)
{
    enum { TRIES = 60000 };
    struct dsi_arena fixed = DSI_ARENA_INIT;
    struct dsi_schema schema = {0};
    size_t skipped = 0;
    struct rng r;
    (void)state;

    rng_init(&r);
    assert_int_equal(
        dsi_schema_from_json(dsi_slice_text(random_schema), &fixed, &schema, NULL),
        DS_OK);
    for (size_t n = 0; n < TRIES; n++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        size_t column = rng_below(&r, RANDOM_COLUMNS);
        const struct dsi_field *f = &schema.root.fields[column];
        struct dsi_partition_field field;
        struct dsi_partition_spec spec;
        struct dsi_type result;
        struct dsi_value v;
        struct dsi_value partition;
        struct dsi_projection p = {0};
        const struct dsi_bound *e = NULL;
        bool known = false;
        char one[900];
        char text[2000];
        make_spec(PICK(&r, transforms), f->id, &arena, &field, &spec);
        random_value(&r, &schema, column, &arena, &v);
        if (dsi_transform_result(&field.transform, &f->type, &result, NULL) < 0 ||
            dsi_transform_apply(&field.transform, &f->type, &v, &partition, NULL) < 0) {
            dsi_arena_release(&arena);
            continue;
        }
        random_predicate(&r, column, one, sizeof one);
        snprintf(text, sizeof text, rng_below(&r, 2) ? "%s" : "not (%s)", one);
        bind_text(text, &schema, &arena, &e);
        assert_int_equal(dsi_project(e, &spec, &schema, &arena, &p, NULL), DS_OK);
        bool kept = dsi_projection_match(&p, &partition, 1);
        bool passes = dsi_bound_value(e, &v, &known);
        if (known && passes && !kept) {
            fail_msg("%s loses a row of: %s", field.transform.text, text);
        }
        skipped += !kept;
        dsi_arena_release(&arena);
    }
    print_message("  skipped %zu of %d\n", skipped, (int)TRIES);
    assert_true(skipped > TRIES / 10);
    dsi_arena_release(&fixed);
}

static void test_expr_project__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_schema schema = {0};
        struct dsi_partition_field field = {
            .source_id = 1,
            .field_id = 1000,
            .name = "p",
            .transform = {DSI_TRANSFORM_TRUNCATE, 10, "truncate[10]"}};
        struct dsi_partition_spec spec = {.fields = &field, .field_count = 1};
        struct dsi_projection p = {0};
        const struct dsi_expr *e = NULL;
        const struct dsi_bound *bound = NULL;
        struct ds_error err = {0};
        int rc =
            dsi_schema_from_json(dsi_slice_text(random_schema), &arena, &schema, &err);
        DSI_TRY(rc);
        DSI_TRY(dsi_expr_parse("i < 7 or i in (1, 2)", &arena, &e, &err));
        DSI_TRY(dsi_expr_bind(e, &schema, &arena, &bound, &err));
        DSI_TRY(dsi_project(bound, &spec, &schema, &arena, &p, &err));
    done:
        assert_true(rc == DS_OK ? p.expr != NULL : rc == DS_ENOMEM && err.message[0]);
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
        cmocka_unit_test(test_expr_project__goes_through_every_transform),
        cmocka_unit_test(test_expr_project__never_skips_a_row_that_passes),
        cmocka_unit_test_teardown(test_expr_project__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("expr_project", tests, NULL, NULL);
}
