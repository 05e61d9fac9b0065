#include "harness.h"
#include "random_filter.h"

// The summary of some partition values, as a manifest list records it.
static void summarize(struct rng *r, const struct dsi_value *values, size_t count,
                      struct dsi_arena *arena, struct dsi_field_summary *out)
{
    const struct dsi_value *low = NULL;
    const struct dsi_value *high = NULL;
    struct dsi_buf bytes = DSI_BUF_INIT;

    *out = (struct dsi_field_summary){0};
    for (size_t i = 0; i < count; i++) {
        const struct dsi_value *v = &values[i];
        if (v->null) {
            out->contains_null = true;
        } else if (dsi_value_is_nan(v)) {
            out->contains_nan = 1;
        } else {
            low = !low || dsi_value_compare(v, low) < 0 ? v : low;
            high = !high || dsi_value_compare(v, high) > 0 ? v : high;
        }
    }
    if (low && rng_below(r, 4)) {
        assert_int_equal(dsi_value_to_bytes(low, &bytes, NULL), DS_OK);
        assert_int_equal(dsi_arena_copy(arena, dsi_buf_slice(&bytes), &out->lower), 0);
    }
    bytes.size = 0;
    if (high && rng_below(r, 4)) {
        assert_int_equal(dsi_value_to_bytes(high, &bytes, NULL), DS_OK);
        assert_int_equal(dsi_arena_copy(arena, dsi_buf_slice(&bytes), &out->upper), 0);
    }
    out->contains_nan = rng_below(r, 4) ? out->contains_nan : -1;
    dsi_buf_release(&bytes);
}

static void test_expr_manifest__never_skips_a_row_that_passes(void **state)
{
    enum { VALUES = 3, TRIES = 60000 };
    static const char *const transforms[] = {"identity",     "bucket[3]", "truncate[1]",
                                             "truncate[10]", "year",      "month",
                                             "day",          "hour"};
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
        struct dsi_partition_field field = {
            .source_id = f->id, .field_id = 1000, .name = "p"};
        struct dsi_partition_spec spec = {.fields = &field, .field_count = 1};
        struct dsi_field_summary summary;
        struct dsi_type result;
        struct dsi_value values[VALUES];
        struct dsi_value partitions[VALUES];
        struct dsi_projection p = {0};
        const struct dsi_bound *e = NULL;
        bool known = false;
        bool fits = true;
        char text[900];
        assert_int_equal(
            dsi_transform_parse(PICK(&r, transforms), &arena, &field.transform, NULL),
            DS_OK);
        fits = dsi_transform_result(&field.transform, &f->type, &result, NULL) == DS_OK;
        for (size_t i = 0; fits && i < VALUES; i++) {
            random_value(&r, &schema, column, &arena, &values[i]);
            fits = dsi_transform_apply(&field.transform, &f->type, &values[i],
                                       &partitions[i], NULL) == DS_OK;
        }
        if (!fits) {
            dsi_arena_release(&arena);
            continue;
        }
        summarize(&r, partitions, VALUES, &arena, &summary);
        random_predicate(&r, column, text, sizeof text);
        bind_text(text, &schema, &arena, &e);
        assert_int_equal(dsi_project(e, &spec, &schema, &arena, &p, NULL), DS_OK);
        bool kept = dsi_projection_match_manifest(&p, &summary, 1);
        for (size_t i = 0; i < VALUES; i++) {
            if (dsi_bound_value(e, &values[i], &known) && known && !kept) {
                fail_msg("%s loses a row of: %s", field.transform.text, text);
            }
        }
        skipped += !kept;
        dsi_arena_release(&arena);
    }
    print_message("  skipped %zu of %d\n", skipped, (int)TRIES);
    assert_true(skipped > TRIES / 20);
    dsi_arena_release(&fixed);
}

static void test_expr_manifest__makes_nothing_of_other_counts(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema schema = {0};
    struct dsi_partition_field field = {
        .source_id = 1,
        .field_id = 1000,
        .name = "p",
        .transform = {DSI_TRANSFORM_IDENTITY, 0, "identity"}};
    struct dsi_partition_spec spec = {.fields = &field, .field_count = 1};
    struct dsi_field_summary none = {.contains_nan = 0};
    struct dsi_projection p = {0};
    const struct dsi_bound *e = NULL;
    (void)state;

    assert_int_equal(
        dsi_schema_from_json(dsi_slice_text(random_schema), &arena, &schema, NULL),
        DS_OK);
    bind_text("i is null", &schema, &arena, &e);
    assert_int_equal(dsi_project(e, &spec, &schema, &arena, &p, NULL), DS_OK);
    assert_false(dsi_projection_match_manifest(&p, &none, 1));
    assert_true(dsi_projection_match_manifest(&p, NULL, 0));
    assert_true(dsi_projection_match(&p, NULL, 0));
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expr_manifest__never_skips_a_row_that_passes),
        cmocka_unit_test(test_expr_manifest__makes_nothing_of_other_counts),
    };
    return cmocka_run_group_tests_name("expr_manifest", tests, NULL, NULL);
}
