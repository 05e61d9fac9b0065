#include "codec/parquet/parquet_order.h"

#include "harness.h"

#include <math.h>
#include <string.h>

static struct ds_slice f64(double *v)
{
    return (struct ds_slice){(const uint8_t *)v, sizeof *v};
}

static void test_parquet_order__orders_floats_totally(void **state)
{
    double values[] = {-INFINITY, -1.5, -0.0, 0.0, 1e-300, 2, INFINITY};
    double nan = NAN;
    (void)state;
    for (size_t i = 0; i + 1 < sizeof values / sizeof *values; i++) {
        assert_true(dsi_parquet_compare(DSI_PARQUET_ORDER_F64, f64(&values[i]),
                                        f64(&values[i + 1])) < 0);
        assert_true(dsi_parquet_compare(DSI_PARQUET_ORDER_F64, f64(&values[i + 1]),
                                        f64(&values[i])) > 0);
        assert_false(dsi_parquet_is_nan(DSI_PARQUET_ORDER_F64, f64(&values[i])));
    }
    assert_true(dsi_parquet_is_nan(DSI_PARQUET_ORDER_F64, f64(&nan)));
}

static void test_parquet_order__orders_decimals_of_any_length(void **state)
{
    static const struct {
        uint8_t size;
        uint8_t bytes[4];
    } sorted[] = {{3, {0xfe, 0xff, 0xff}}, {2, {0xff, 0x7f}}, {1, {0x80}},
                  {2, {0xff, 0xfe}},       {1, {0xff}},       {1, {0x00}},
                  {3, {0, 0, 1}},          {1, {0x7f}},       {2, {0x00, 0x80}},
                  {2, {0x01, 0x00}}};
    (void)state;
    for (size_t i = 0; i < sizeof sorted / sizeof *sorted; i++) {
        for (size_t j = 0; j < sizeof sorted / sizeof *sorted; j++) {
            int c =
                dsi_parquet_compare(DSI_PARQUET_ORDER_DECIMAL,
                                    (struct ds_slice){sorted[i].bytes, sorted[i].size},
                                    (struct ds_slice){sorted[j].bytes, sorted[j].size});
            assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
        }
    }
}

static void test_parquet_order__knows_unsigned_integers(void **state)
{
    static const uint8_t one[] = {1, 0, 0, 0};
    static const uint8_t ones[] = {0xff, 0xff, 0xff, 0xff};
    struct dsi_parquet_field f = {
        .physical = DSI_PARQUET_INT32,
        .logical = {.kind = DSI_PARQUET_LOGICAL_INTEGER, .bit_width = 32}};
    struct ds_slice a = {one, 4};
    struct ds_slice b = {ones, 4};
    (void)state;

    assert_true(dsi_parquet_compare(dsi_parquet_order_of(&f), a, b) < 0);
    f.logical.is_signed = true;
    assert_true(dsi_parquet_compare(dsi_parquet_order_of(&f), a, b) > 0);
    f.physical = DSI_PARQUET_INT96;
    assert_int_equal(dsi_parquet_order_of(&f), DSI_PARQUET_ORDER_NONE);
}

static void test_parquet_order__distrusts_the_deprecated_pair(void **state)
{
    static const uint8_t bytes[] = {1, 0, 0, 0};
    struct dsi_parquet_raw_statistics raw = {.has_old_min = true, .has_old_max = true};
    struct dsi_parquet_field f = {.physical = DSI_PARQUET_BYTE_ARRAY};
    struct dsi_parquet_statistics s;
    (void)state;

    raw.old_min = raw.old_max = (struct ds_slice){bytes, 4};
    s = dsi_parquet_statistics_trust(&raw, &f, DSI_PARQUET_COLUMN_ORDER_ABSENT);
    assert_false(s.has_min || s.has_max);
    f.physical = DSI_PARQUET_INT32;
    s = dsi_parquet_statistics_trust(&raw, &f, DSI_PARQUET_COLUMN_ORDER_ABSENT);
    assert_true(s.has_min && s.has_max);
    f.physical = DSI_PARQUET_INT64; // Four bytes are no INT64.
    s = dsi_parquet_statistics_trust(&raw, &f, DSI_PARQUET_COLUMN_ORDER_ABSENT);
    assert_false(s.has_min || s.has_max);
}

static void test_parquet_order__drops_bounds_that_cannot_be(void **state)
{
    double nan = NAN;
    double one = 1;
    double two = 2;
    const struct dsi_parquet_field f = {.physical = DSI_PARQUET_DOUBLE};
    struct dsi_parquet_raw_statistics raw = {.s = {.has_min = true, .has_max = true}};
    struct dsi_parquet_statistics s;
    (void)state;

    raw.s.min = f64(&one);
    raw.s.max = f64(&nan);
    s = dsi_parquet_statistics_trust(&raw, &f, DSI_PARQUET_COLUMN_ORDER_TYPE);
    assert_false(s.has_min || s.has_max);
    raw.s.max = f64(&two);
    s = dsi_parquet_statistics_trust(&raw, &f, DSI_PARQUET_COLUMN_ORDER_TYPE);
    assert_true(s.has_min && s.has_max);
    s = dsi_parquet_statistics_trust(&raw, &f, DSI_PARQUET_COLUMN_ORDER_OTHER);
    assert_false(s.has_min || s.has_max);
    raw.s.min = f64(&two);
    raw.s.max = f64(&one);
    s = dsi_parquet_statistics_trust(&raw, &f, DSI_PARQUET_COLUMN_ORDER_TYPE);
    assert_false(s.has_min || s.has_max);
}

static void test_parquet_order__reads_int96(void **state)
{
    uint8_t epoch[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0x8c, 0x3d, 0x25, 0};
    int64_t micros = 1;
    (void)state;

    assert_true(dsi_parquet_int96_to_micros(epoch, &micros));
    assert_int_equal(micros, 0);
    epoch[0] = 0xe8;
    epoch[1] = 0x03; // 1000 ns.
    epoch[8]--;      // A day before.
    assert_true(dsi_parquet_int96_to_micros(epoch, &micros));
    assert_true(micros == -86400000000 + 1);
    memset(epoch, 0xff, sizeof epoch);
    assert_false(dsi_parquet_int96_to_micros(epoch, &micros));
}

static void test_parquet_order__refuses_values_of_the_wrong_size(void **state)
{
    static const uint8_t bytes[] = {1, 0, 0};
    const struct dsi_parquet_field f = {.name = "x", .physical = DSI_PARQUET_INT32};
    struct dsi_parquet_value v;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_parquet_value_read(&f, (struct ds_slice){bytes, 3}, &v, &err),
                     DS_ECORRUPT);
    assert_string_equal(err.message, "column x: a value of 3 bytes, not a INT32");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_order__orders_floats_totally),
        cmocka_unit_test(test_parquet_order__orders_decimals_of_any_length),
        cmocka_unit_test(test_parquet_order__knows_unsigned_integers),
        cmocka_unit_test(test_parquet_order__distrusts_the_deprecated_pair),
        cmocka_unit_test(test_parquet_order__drops_bounds_that_cannot_be),
        cmocka_unit_test(test_parquet_order__reads_int96),
        cmocka_unit_test(test_parquet_order__refuses_values_of_the_wrong_size),
    };
    return cmocka_run_group_tests_name("parquet_order", tests, NULL, NULL);
}
