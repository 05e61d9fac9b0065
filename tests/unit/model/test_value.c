#include "base/text.h"
#include "harness.h"
#include "model/value.h"

#include <math.h>
#include <string.h>

static void test_value__floats_order_as_iceberg_sorts_them(void **state)
{
    static const double order[] = {-NAN, -INFINITY, -1e300, -1,       -5e-324, -0.0,
                                   0.0,  5e-324,    1,      INFINITY, NAN};
    const size_t count = sizeof order / sizeof order[0];
    (void)state;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            struct dsi_value a = {.kind = DSI_TYPE_DOUBLE, .as.f64 = order[i]};
            struct dsi_value b = {.kind = DSI_TYPE_DOUBLE, .as.f64 = order[j]};
            struct dsi_value c = {.kind = DSI_TYPE_FLOAT, .as.f32 = (float)order[i]};
            struct dsi_value d = {.kind = DSI_TYPE_FLOAT, .as.f32 = (float)order[j]};
            int expected = (i > j) - (i < j);
            assert_int_equal(dsi_value_compare(&a, &b), expected);
            if (fabs(order[i]) < 1e30 && fabs(order[j]) < 1e30 &&
                fabs(order[i]) > 1e-30 && fabs(order[j]) > 1e-30) {
                assert_int_equal(dsi_value_compare(&c, &d), expected);
            }
        }
    }
}

static void test_value__compares_every_kind(void **state)
{
    struct dsi_value pairs[][2] = {
        {{.kind = DSI_TYPE_BOOLEAN, .as.boolean = false},
         {.kind = DSI_TYPE_BOOLEAN, .as.boolean = true}},
        {{.kind = DSI_TYPE_INT, .as.i32 = INT32_MIN},
         {.kind = DSI_TYPE_INT, .as.i32 = 1}},
        {{.kind = DSI_TYPE_LONG, .as.i64 = INT64_MIN},
         {.kind = DSI_TYPE_LONG, .as.i64 = 1}},
        {{.kind = DSI_TYPE_DECIMAL, .as.decimal = -5},
         {.kind = DSI_TYPE_DECIMAL, .as.decimal = 4}},
        {{.kind = DSI_TYPE_STRING, .as.bytes = dsi_slice_text("a\x7f")},
         {.kind = DSI_TYPE_STRING, .as.bytes = dsi_slice_text("a\xc3\xa9")}},
        {{.kind = DSI_TYPE_BINARY, .as.bytes = dsi_slice_text("")},
         {.kind = DSI_TYPE_BINARY, .as.bytes = dsi_slice_text("a")}},
    };
    struct dsi_value null = DSI_VALUE_NULL;
    (void)state;

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_true(dsi_value_compare(&pairs[i][0], &pairs[i][1]) < 0);
        assert_true(dsi_value_compare(&pairs[i][1], &pairs[i][0]) > 0);
        assert_true(dsi_value_equal(&pairs[i][0], &pairs[i][0]));
        assert_false(dsi_value_equal(&pairs[i][0], &pairs[i][1]));
        assert_false(dsi_value_equal(&pairs[i][0], &null));
    }
    assert_true(dsi_value_equal(&null, &null));
}

static void test_value__casts_what_fits_only(void **state)
{
    struct dsi_type t_int = {.kind = DSI_TYPE_INT};
    struct dsi_type t_long = {.kind = DSI_TYPE_LONG};
    struct dsi_type t_float = {.kind = DSI_TYPE_FLOAT};
    struct dsi_type t_double = {.kind = DSI_TYPE_DOUBLE};
    struct dsi_type t_date = {.kind = DSI_TYPE_DATE};
    struct dsi_type t_ts = {.kind = DSI_TYPE_TIMESTAMP};
    struct dsi_type t_ns = {.kind = DSI_TYPE_TIMESTAMP_NS};
    struct dsi_type t_small = {.kind = DSI_TYPE_DECIMAL, .precision = 3, .scale = 1};
    struct dsi_type t_big = {.kind = DSI_TYPE_DECIMAL, .precision = 5, .scale = 1};
    struct dsi_value out = DSI_VALUE_NULL;
    struct ds_error err = {0};
    (void)state;

    struct dsi_value v = {.kind = DSI_TYPE_INT, .as.i32 = -7};
    assert_int_equal(dsi_value_cast(&v, &t_int, &t_long, &out, &err), DS_OK);
    assert_true(out.kind == DSI_TYPE_LONG && out.as.i64 == -7);
    v = (struct dsi_value){.kind = DSI_TYPE_LONG, .as.i64 = INT64_C(1) << 31};
    assert_int_equal(dsi_value_cast(&v, &t_long, &t_int, &out, &err), DS_EINVALID);
    v = (struct dsi_value){.kind = DSI_TYPE_FLOAT, .as.f32 = 0.1f};
    assert_int_equal(dsi_value_cast(&v, &t_float, &t_double, &out, &err), DS_OK);
    assert_true(out.as.f64 == (double)0.1f);
    v = (struct dsi_value){.kind = DSI_TYPE_DATE, .as.i32 = -1};
    assert_int_equal(dsi_value_cast(&v, &t_date, &t_ts, &out, &err), DS_OK);
    assert_true(out.as.i64 == -INT64_C(86400000000));
    v.as.i32 = 106752; // Beyond what nanoseconds can hold.
    assert_int_equal(dsi_value_cast(&v, &t_date, &t_ns, &out, &err), DS_EINVALID);
    v = (struct dsi_value){.kind = DSI_TYPE_DECIMAL, .as.decimal = 1000};
    assert_int_equal(dsi_value_cast(&v, &t_big, &t_small, &out, &err), DS_EINVALID);
    v.as.decimal = 999;
    assert_int_equal(dsi_value_cast(&v, &t_small, &t_big, &out, &err), DS_OK);
    assert_true(out.as.decimal == 999);
    assert_int_equal(dsi_value_cast(&v, &t_small, &t_int, &out, &err), DS_EINVALID);
    v = DSI_VALUE_NULL;
    assert_int_equal(dsi_value_cast(&v, &t_small, &t_int, &out, &err), DS_OK);
    assert_true(out.null);
}

static void test_value__copies_deeply_and_knows_nan(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    char text[] = "abc";
    struct dsi_value v = {.kind = DSI_TYPE_STRING, .as.bytes = dsi_slice_text(text)};
    struct dsi_value out = DSI_VALUE_NULL;
    struct dsi_value nan = {.kind = DSI_TYPE_FLOAT, .as.f32 = NAN};
    (void)state;

    assert_int_equal(dsi_value_copy(&v, &arena, &out, &err), DS_OK);
    text[0] = 'x';
    assert_memory_equal(out.as.bytes.data, "abc", 3);
    assert_true(dsi_value_is_nan(&nan));
    assert_false(dsi_value_is_nan(&v));
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value__floats_order_as_iceberg_sorts_them),
        cmocka_unit_test(test_value__compares_every_kind),
        cmocka_unit_test(test_value__casts_what_fits_only),
        cmocka_unit_test(test_value__copies_deeply_and_knows_nan),
    };
    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
