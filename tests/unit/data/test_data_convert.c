#include "data/data_convert.h"

#include "base/int128.h"
#include "harness.h"

#include <string.h>

static const struct dsi_type decimal_9 = {
    .kind = DSI_TYPE_DECIMAL, .precision = 9, .scale = 2};
static const struct dsi_type decimal_38 = {
    .kind = DSI_TYPE_DECIMAL, .precision = 38, .scale = 2};
static const struct dsi_type timestamp = {.kind = DSI_TYPE_TIMESTAMP};
static const struct dsi_type time_of_day = {.kind = DSI_TYPE_TIME};

static dsi_int128 decimal_at(const uint8_t *out, size_t i)
{
    dsi_int128 v = 0;
    memcpy(&v, out + i * 16, sizeof v);
    return v;
}

static void test_data_convert__makes_decimals_of_numbers(void **state)
{
    static const struct dsi_parquet_field i32 = {.physical = DSI_PARQUET_INT32};
    static const struct dsi_parquet_field i64 = {.physical = DSI_PARQUET_INT64};
    static const int32_t small[] = {0, -1, 999999999, -999999999};
    static const int64_t large[] = {0, -1, INT64_MAX, INT64_MIN};
    uint8_t out[4 * 16];
    (void)state;

    assert_true(
        dsi_data_convert(&i32, &decimal_9, &decimal_9, (const uint8_t *)small, 4, out));
    for (size_t i = 0; i < 4; i++) {
        assert_true(decimal_at(out, i) == small[i]);
    }
    assert_true(
        dsi_data_convert(&i64, &decimal_38, &decimal_38, (const uint8_t *)large, 4, out));
    for (size_t i = 0; i < 4; i++) {
        assert_true(decimal_at(out, i) == large[i]);
    }
}

static void test_data_convert__notes_decimals_with_too_many_digits(void **state)
{
    static const struct dsi_parquet_field i32 = {.physical = DSI_PARQUET_INT32};
    static const struct dsi_parquet_field i64 = {.physical = DSI_PARQUET_INT64};
    static const int32_t small[] = {1000000000, -1000000000};
    static const int64_t large[] = {1000000000, -1000000000, INT64_MIN, INT64_MAX};
    uint8_t out[16];
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        assert_false(dsi_data_convert(&i32, &decimal_9, &decimal_9,
                                      (const uint8_t *)&small[i], 1, out));
    }
    for (size_t i = 0; i < 4; i++) {
        assert_false(dsi_data_convert(&i64, &decimal_9, &decimal_9,
                                      (const uint8_t *)&large[i], 1, out));
        // Neither what the file says nor what is read may be passed.
        assert_false(dsi_data_convert(&i64, &decimal_9, &decimal_38,
                                      (const uint8_t *)&large[i], 1, out));
        assert_false(dsi_data_convert(&i64, &decimal_38, &decimal_9,
                                      (const uint8_t *)&large[i], 1, out));
    }
}

static void test_data_convert__makes_decimals_of_bytes_of_every_width(void **state)
{
    static const int64_t numbers[] = {0, 1, -1, 127, -128, 100, -99, 3};
    (void)state;

    for (size_t width = 1; width <= 16; width++) {
        struct dsi_parquet_field f = {.physical = DSI_PARQUET_FIXED,
                                      .type_length = (int32_t)width};
        uint8_t in[8 * 16];
        uint8_t out[8 * 16];
        for (size_t i = 0; i < 8; i++) {
            dsi_uint128 v = (dsi_uint128)(dsi_int128)numbers[i];
            for (size_t b = 0; b < width; b++) {
                in[i * width + width - 1 - b] = (uint8_t)(v >> (8 * b));
            }
        }
        for (size_t rows = 0; rows <= 8; rows++) {
            assert_true(dsi_data_convert(&f, &decimal_38, &decimal_38, in, rows, out));
            for (size_t i = 0; i < rows; i++) {
                assert_true(decimal_at(out, i) == numbers[i]);
            }
        }
        in[0] = 0x7f;
        struct dsi_type few = {.kind = DSI_TYPE_DECIMAL, .precision = 2, .scale = 2};
        assert_false(dsi_data_convert(&f, &few, &few, in, 8, out));
    }
}

static void test_data_convert__scales_times_and_notes_overflow(void **state)
{
    static const struct dsi_parquet_field millis = {
        .physical = DSI_PARQUET_INT64,
        .logical = {.kind = DSI_PARQUET_LOGICAL_TIMESTAMP, .unit = DSI_PARQUET_MILLIS}};
    static const struct dsi_parquet_field nanos = {
        .physical = DSI_PARQUET_INT64,
        .logical = {.kind = DSI_PARQUET_LOGICAL_TIMESTAMP, .unit = DSI_PARQUET_NANOS}};
    static const int64_t in[] = {-1, 1500, INT64_MAX / 1000, INT64_MIN / 1000};
    static const int64_t over[] = {INT64_MAX / 1000 + 1, INT64_MIN / 1000 - 1};
    int64_t out[4];
    (void)state;

    assert_true(dsi_data_convert(&millis, &timestamp, &timestamp, (const uint8_t *)in, 4,
                                 (uint8_t *)out));
    for (size_t i = 0; i < 4; i++) {
        assert_true(out[i] == in[i] * 1000);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_false(dsi_data_convert(&millis, &timestamp, &timestamp,
                                      (const uint8_t *)&over[i], 1, (uint8_t *)out));
    }
    assert_true(dsi_data_convert(&nanos, &timestamp, &timestamp, (const uint8_t *)in, 2,
                                 (uint8_t *)out));
    assert_int_equal(out[0], -1);
    assert_int_equal(out[1], 1);
}

static void test_data_convert__bounds_the_time_of_day(void **state)
{
    static const struct dsi_parquet_field micros = {
        .physical = DSI_PARQUET_INT64,
        .logical = {.kind = DSI_PARQUET_LOGICAL_TIME, .unit = DSI_PARQUET_MICROS}};
    static const struct dsi_parquet_field millis = {
        .physical = DSI_PARQUET_INT32,
        .logical = {.kind = DSI_PARQUET_LOGICAL_TIME, .unit = DSI_PARQUET_MILLIS}};
    static const int64_t good[] = {0, INT64_C(86399999999)};
    static const int64_t bad[] = {-1, INT64_C(86400000000)};
    static const int32_t good_millis[] = {0, 86399999};
    static const int32_t bad_millis[] = {-1, 86400000};
    int64_t out[2];
    (void)state;

    assert_true(dsi_data_convert(&micros, &time_of_day, &time_of_day,
                                 (const uint8_t *)good, 2, (uint8_t *)out));
    assert_memory_equal(out, good, sizeof out);
    assert_true(dsi_data_convert(&millis, &time_of_day, &time_of_day,
                                 (const uint8_t *)good_millis, 2, (uint8_t *)out));
    assert_int_equal(out[1], INT64_C(86399999000));
    for (size_t i = 0; i < 2; i++) {
        assert_false(dsi_data_convert(&micros, &time_of_day, &time_of_day,
                                      (const uint8_t *)&bad[i], 1, (uint8_t *)out));
        assert_false(dsi_data_convert(&millis, &time_of_day, &time_of_day,
                                      (const uint8_t *)&bad_millis[i], 1,
                                      (uint8_t *)out));
    }
}

static void test_data_convert__widens_by_the_sign_that_the_file_declares(void **state)
{
    static const struct dsi_type integer = {.kind = DSI_TYPE_INT};
    static const struct dsi_type large = {.kind = DSI_TYPE_LONG};
    static const struct dsi_parquet_field plain = {.physical = DSI_PARQUET_INT32};
    static const struct dsi_parquet_field u32 = {
        .physical = DSI_PARQUET_INT32,
        .logical = {.kind = DSI_PARQUET_LOGICAL_INTEGER, .bit_width = 32}};
    static const int32_t in[] = {-1, 7};
    int64_t out[2];
    (void)state;

    assert_true(dsi_data_convert(&plain, &integer, &large, (const uint8_t *)in, 2,
                                 (uint8_t *)out));
    assert_int_equal(out[0], -1);
    assert_true(
        dsi_data_convert(&u32, &large, &large, (const uint8_t *)in, 2, (uint8_t *)out));
    assert_int_equal(out[0], UINT32_MAX);
    assert_int_equal(out[1], 7);
    // What has no form here is left to who goes value by value.
    assert_false(dsi_data_convert(&plain, &integer, &integer, (const uint8_t *)in, 2,
                                  (uint8_t *)out));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_convert__makes_decimals_of_numbers),
        cmocka_unit_test(test_data_convert__notes_decimals_with_too_many_digits),
        cmocka_unit_test(test_data_convert__makes_decimals_of_bytes_of_every_width),
        cmocka_unit_test(test_data_convert__scales_times_and_notes_overflow),
        cmocka_unit_test(test_data_convert__bounds_the_time_of_day),
        cmocka_unit_test(test_data_convert__widens_by_the_sign_that_the_file_declares),
    };
    return cmocka_run_group_tests_name("data_convert", tests, NULL, NULL);
}
