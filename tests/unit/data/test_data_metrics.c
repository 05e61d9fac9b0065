#include "base/fault.h"
#include "data/data_metrics.h"
#include "unit/data/rows.h"

static int modes(const struct ds_property *properties, size_t count, int32_t order_id,
                 const struct dsi_schema *schema, struct dsi_metrics_mode *out,
                 struct ds_error *err)
{
    static const struct dsi_sort_field by_date = {.source_id = 9};
    static const struct dsi_sort_order order = {
        .order_id = 1, .fields = &by_date, .field_count = 1};
    struct dsi_metadata m = {.properties = properties,
                             .property_count = count,
                             .sort_orders = &order,
                             .sort_order_count = 1};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_metrics_mode *made = NULL;
    struct dsi_stored stored;
    int rc = dsi_data_stored(schema, &arena, &stored, err);
    rc = rc < 0 ? rc : dsi_metrics_modes(&m, &stored, order_id, &arena, &made, err);
    if (rc == DS_OK) {
        memcpy(out, made, stored.leaf_count * sizeof *out);
    }
    dsi_arena_release(&arena);
    return rc;
}

static void test_data_metrics__reads_modes_from_properties(void **state)
{
    static const struct ds_property p[] = {
        {"write.metadata.metrics.column.f", "none"},
        {"write.metadata.metrics.column.s", "truncate(3)"},
        {"write.metadata.metrics.column.u", "Full"},
        {"write.metadata.metrics.default", "counts"},
    };
    struct dsi_schema schema = rows_all_schema();
    struct dsi_metrics_mode m[ROWS_ALL_COUNT];
    (void)state;

    assert_int_equal(modes(p, 4, 1, &schema, m, NULL), DS_OK);
    assert_int_equal(m[0].kind, DSI_METRICS_COUNTS);
    assert_int_equal(m[3].kind, DSI_METRICS_NONE);
    assert_int_equal(m[12].kind, DSI_METRICS_TRUNCATE);
    assert_int_equal(m[12].length, 3);
    assert_int_equal(m[13].kind, DSI_METRICS_FULL);
    assert_int_equal(m[8].kind, DSI_METRICS_TRUNCATE); // The table is sorted by it.
    assert_int_equal(m[8].length, 16);
    assert_int_equal(modes(p, 4, 0, &schema, m, NULL), DS_OK);
    assert_int_equal(m[8].kind, DSI_METRICS_COUNTS);
}

static void test_data_metrics__infers_a_default_for_so_many_columns(void **state)
{
    static const struct ds_property p[] = {
        {"write.metadata.metrics.column.u", "counts"},
        {"write.metadata.metrics.max-inferred-column-defaults", "2"},
    };
    struct dsi_schema schema = rows_all_schema();
    struct dsi_metrics_mode m[ROWS_ALL_COUNT];
    (void)state;

    assert_int_equal(modes(p, 2, 0, &schema, m, NULL), DS_OK);
    assert_int_equal(m[1].kind, DSI_METRICS_TRUNCATE);
    assert_int_equal(m[1].length, 16);
    assert_int_equal(m[2].kind, DSI_METRICS_NONE);
    assert_int_equal(m[13].kind, DSI_METRICS_COUNTS);
}

static const struct dsi_field deep[] = {ROWS_FIELD(6, "b", false, .kind = DSI_TYPE_INT)};
static const struct dsi_field inner[] = {
    ROWS_FIELD(4, "t", false, .kind = DSI_TYPE_STRUCT, .fields = deep, .field_count = 1),
    ROWS_FIELD(5, "a", false, .kind = DSI_TYPE_STRING)};
static const struct dsi_field outer[] = {
    ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_STRUCT, .fields = inner, .field_count = 2),
    ROWS_FIELD(2, "v", false, .kind = DSI_TYPE_VARIANT),
    ROWS_FIELD(3, "i", false, .kind = DSI_TYPE_INT)};

static void test_data_metrics__goes_by_full_names_and_from_the_outside_in(void **state)
{
    static const struct ds_property p[] = {
        {"write.metadata.metrics.column.s.t.b", "counts"},
        {"write.metadata.metrics.max-inferred-column-defaults", "3"}};
    struct dsi_schema schema = rows_schema(outer, 3);
    struct dsi_metrics_mode m[5]; // s.t.b, s.a, v twice, i.
    (void)state;

    assert_int_equal(modes(p, 2, 0, &schema, m, NULL), DS_OK);
    assert_int_equal(m[0].kind, DSI_METRICS_COUNTS);
    assert_int_equal(modes(p + 1, 1, 0, &schema, m, NULL), DS_OK);
    assert_int_equal(m[0].kind, DSI_METRICS_NONE); // v, i, s.a, and then s.t.b.
    for (size_t i = 1; i < 5; i++) {
        assert_int_equal(m[i].kind, DSI_METRICS_TRUNCATE);
    }
}

static void test_data_metrics__refuses_a_mode_that_is_none(void **state)
{
    static const char *const bad[] = {"",
                                      "truncate",
                                      "truncate()",
                                      "truncate(0)",
                                      "truncate(-1)",
                                      "truncate(9999999999)",
                                      "truncate(1",
                                      "all"};
    struct dsi_schema schema = rows_all_schema();
    struct dsi_metrics_mode m[ROWS_ALL_COUNT];
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ds_property p = {"write.metadata.metrics.default", bad[i]};
        struct ds_error err = {0};
        assert_int_equal(modes(&p, 1, 0, &schema, m, &err), DS_EINVALID);
        assert_non_null(strstr(err.message, "write.metadata.metrics.default"));
    }
}

static struct dsi_parquet_value bytes(const char *s)
{
    struct dsi_parquet_value v = {.physical = DSI_PARQUET_BYTE_ARRAY};
    v.as.bytes = (struct ds_slice){(const uint8_t *)s, strlen(s)};
    return v;
}

static void summarize(const struct dsi_parquet_column_summary *s,
                      struct dsi_metrics_mode mode, const struct dsi_field *f,
                      struct dsi_arena *arena, struct dsi_column_metrics *out)
{
    const struct dsi_parquet_field p = {.physical = s->min.physical};
    const struct dsi_stored_node node = {.name = "x", .stored = &p};
    const struct dsi_stored_leaf leaf = {.field = f, .node = &node};
    const struct dsi_metrics_source from = {&leaf, s, mode};
    assert_int_equal(dsi_metrics_of_summary(&from, arena, out, NULL), DS_OK);
    assert_int_equal(out->field_id, f->id);
    assert_int_equal(out->column_size, s->compressed_size);
}

static void test_data_metrics__keeps_what_the_mode_says(void **state)
{
    const struct dsi_field *f = &rows_all_fields[12];
    struct dsi_parquet_column_summary s = {.compressed_size = 99,
                                           .value_count = 10,
                                           .null_count = 2,
                                           .has_bounds = true,
                                           .min = bytes("abcdef"),
                                           .max = bytes("zzz\xc3\xa9")};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_column_metrics m;
    (void)state;

    summarize(&s, (struct dsi_metrics_mode){DSI_METRICS_NONE, 0}, f, &arena, &m);
    assert_int_equal(m.value_count, -1);
    assert_int_equal(m.null_count, -1);
    assert_null(m.lower.data);
    summarize(&s, (struct dsi_metrics_mode){DSI_METRICS_COUNTS, 0}, f, &arena, &m);
    assert_int_equal(m.value_count, 10);
    assert_int_equal(m.null_count, 2);
    assert_int_equal(m.nan_count, -1); // Not a floating-point column.
    assert_null(m.lower.data);
    summarize(&s, (struct dsi_metrics_mode){DSI_METRICS_TRUNCATE, 3}, f, &arena, &m);
    assert_int_equal(m.lower.size, 3);
    assert_memory_equal(m.lower.data, "abc", 3);
    assert_int_equal(m.upper.size, 3);
    assert_memory_equal(m.upper.data, "zz{", 3); // (1): above every value.
    summarize(&s, (struct dsi_metrics_mode){DSI_METRICS_FULL, 0}, f, &arena, &m);
    assert_int_equal(m.lower.size, 6);
    assert_int_equal(m.upper.size, 5);
    s.has_bounds = false;
    summarize(&s, (struct dsi_metrics_mode){DSI_METRICS_FULL, 0}, f, &arena, &m);
    assert_null(m.lower.data);
    assert_null(m.upper.data);
    dsi_arena_release(&arena);
}

static void test_data_metrics__counts_nans_of_floats_only(void **state)
{
    const struct dsi_field *f = &rows_all_fields[4];
    struct dsi_parquet_column_summary s = {.value_count = 10,
                                           .nan_count = 3,
                                           .has_bounds = true,
                                           .min = {.physical = DSI_PARQUET_DOUBLE},
                                           .max = {.physical = DSI_PARQUET_DOUBLE}};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_column_metrics m;
    static const uint8_t minus_zero[] = {0, 0, 0, 0, 0, 0, 0, 0x80};
    (void)state;

    s.min.as.f64 = -0.0;
    s.max.as.f64 = 1.0;
    summarize(&s, (struct dsi_metrics_mode){DSI_METRICS_TRUNCATE, 16}, f, &arena, &m);
    assert_int_equal(m.nan_count, 3);
    assert_int_equal(m.lower.size, 8);
    assert_memory_equal(m.lower.data, minus_zero, 8);
    dsi_arena_release(&arena);
}

static void test_data_metrics__reads_stored_numbers_in_the_types_unit(void **state)
{
    struct dsi_parquet_field f = {
        .physical = DSI_PARQUET_INT64,
        .logical = {.kind = DSI_PARQUET_LOGICAL_TIMESTAMP, .unit = DSI_PARQUET_MILLIS}};
    struct dsi_type ts = {.kind = DSI_TYPE_TIMESTAMP};
    struct dsi_type dec = {.kind = DSI_TYPE_DECIMAL, .precision = 4, .scale = 1};
    struct dsi_parquet_value v = {.physical = DSI_PARQUET_INT64, .as.i64 = -7};
    static const uint8_t be[] = {0xff, 0xd8, 0xf1}; // -9999
    struct dsi_value out;
    (void)state;

    assert_true(dsi_metrics_value(&f, &ts, &v, &out));
    assert_int_equal(out.as.i64, -7000);
    v.as.i64 = INT64_MAX / 10;
    assert_false(dsi_metrics_value(&f, &ts, &v, &out));
    f = (struct dsi_parquet_field){.physical = DSI_PARQUET_FIXED, .type_length = 3};
    v.physical = DSI_PARQUET_FIXED;
    v.as.bytes = (struct ds_slice){be, 3};
    assert_true(dsi_metrics_value(&f, &dec, &v, &out));
    assert_true(out.as.decimal == -9999);
    dec.precision = 3;
    assert_false(dsi_metrics_value(&f, &dec, &v, &out));
}

static void test_data_metrics__describes_a_constant(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_value v = {.kind = DSI_TYPE_INT, .as.i32 = 7};
    struct dsi_value null = DSI_VALUE_NULL;
    struct dsi_column_metrics m;
    (void)state;

    assert_int_equal(
        dsi_metrics_of_constant(&rows_all_fields[1], &v, 5, &arena, &m, NULL), DS_OK);
    assert_int_equal(m.null_count, 0);
    assert_int_equal(m.lower.size, 4);
    assert_int_equal(m.lower.data[0], 7);
    assert_int_equal(
        dsi_metrics_of_constant(&rows_all_fields[1], &null, 5, &arena, &m, NULL), DS_OK);
    assert_int_equal(m.null_count, 5);
    assert_null(m.lower.data);
    dsi_arena_release(&arena);
}

static void test_data_metrics__survives_every_fault(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct ds_property p = {"write.metadata.metrics.column.s", "truncate(3)"};
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_metrics_mode m[ROWS_ALL_COUNT];
        struct dsi_parquet_column_summary s = {
            .has_bounds = true, .min = bytes("abcdef"), .max = bytes("zzzzzz")};
        const struct dsi_parquet_field parquet = {.physical = DSI_PARQUET_BYTE_ARRAY};
        const struct dsi_stored_node node = {.name = "x", .stored = &parquet};
        const struct dsi_stored_leaf leaf = {.field = &rows_all_fields[12],
                                             .node = &node};
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_column_metrics out;
        struct ds_error err = {0};
        int rc = modes(&p, 1, 0, &schema, m, &err);
        if (rc == DS_OK) {
            struct dsi_metrics_source from = {&leaf, &s, m[12]};
            rc = dsi_metrics_of_summary(&from, &arena, &out, &err);
        }
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        dsi_arena_release(&arena);
    }
    assert_true(plan.target > 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_metrics__reads_modes_from_properties),
        cmocka_unit_test(test_data_metrics__infers_a_default_for_so_many_columns),
        cmocka_unit_test(test_data_metrics__goes_by_full_names_and_from_the_outside_in),
        cmocka_unit_test(test_data_metrics__refuses_a_mode_that_is_none),
        cmocka_unit_test(test_data_metrics__keeps_what_the_mode_says),
        cmocka_unit_test(test_data_metrics__counts_nans_of_floats_only),
        cmocka_unit_test(test_data_metrics__reads_stored_numbers_in_the_types_unit),
        cmocka_unit_test(test_data_metrics__describes_a_constant),
        cmocka_unit_test(test_data_metrics__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_metrics", tests, NULL, NULL);
}
