#include "codec/parquet/parquet_bounds.h"

#include "harness.h"

#include <math.h>
#include <string.h>

static const struct dsi_parquet_field string_field = {.name = "x",
                                                      .physical = DSI_PARQUET_BYTE_ARRAY,
                                                      .logical.kind =
                                                          DSI_PARQUET_LOGICAL_STRING};

// The stored upper bound of a text, cut to `max` bytes.
static bool upper(const char *text, size_t size, size_t max, char out[64])
{
    struct dsi_parquet_bounds b = {0};
    struct dsi_buf scratch = DSI_BUF_INIT;
    struct dsi_parquet_statistics s;
    struct ds_slice v = {(const uint8_t *)text, size};

    assert_int_equal(dsi_parquet_bounds_add(&b, DSI_PARQUET_ORDER_BYTES, v, NULL), DS_OK);
    assert_int_equal(dsi_parquet_bounds_store(&b, &string_field, max, &scratch, &s, NULL),
                     DS_OK);
    if (s.has_max) {
        assert_true(dsi_parquet_compare(DSI_PARQUET_ORDER_BYTES, s.max, v) >= 0);
        assert_int_equal(s.max_exact, size <= max);
        memset(out, 0, 64);
        memcpy(out, s.max.data, s.max.size);
    }
    assert_true(s.has_min);
    assert_true(dsi_parquet_compare(DSI_PARQUET_ORDER_BYTES, s.min, v) <= 0);
    dsi_parquet_bounds_release(&b);
    dsi_buf_release(&scratch);
    return s.has_max;
}

static void test_parquet_bounds__raises_the_last_character_that_can_be(void **state)
{
    char out[64];
    (void)state;

    assert_true(upper("abcd", 4, 4, out));
    assert_string_equal(out, "abcd");
    assert_true(upper("abcd", 4, 3, out));
    assert_string_equal(out, "abd");
    assert_true(upper("ab\x7f"
                      "d",
                      4, 3, out)); // U+0080 would be longer.
    assert_string_equal(out, "ac");
    assert_true(upper("a\xc3\xbf"
                      "x",
                      4, 3, out)); // U+00FF
    assert_string_equal(out, "a\xc4\x80");
    assert_true(upper("\xed\x9f\xbf"
                      "x",
                      4, 3, out)); // U+D7FF: past the surrogates.
    assert_string_equal(out, "\xee\x80\x80");
    assert_true(upper("a\xf4\x8f\xbf\xbf"
                      "x",
                      6, 5, out)); // The last of all characters.
    assert_string_equal(out, "b");
    assert_false(upper("\xf4\x8f\xbf\xbf"
                       "x",
                       5, 4, out));
    assert_true(upper("ab\xff\xff", 4, 3, out)); // No text after all.
    assert_string_equal(out, "ac");
    assert_false(upper("\xff\xff\xff", 3, 2, out));
}

static void test_parquet_bounds__counts_nans_and_ignores_them(void **state)
{
    static const float values[] = {NAN, 3, -2, NAN, 0};
    struct dsi_parquet_bounds b = {0};
    float min = 0;
    float max = 0;
    (void)state;

    assert_int_equal(dsi_parquet_bounds_add_all(&b, DSI_PARQUET_ORDER_F32,
                                                (const uint8_t *)values, 4, 5, NULL),
                     DS_OK);
    assert_int_equal(
        dsi_parquet_count_nans(DSI_PARQUET_ORDER_F32, (const uint8_t *)values, 5), 2);
    memcpy(&min, b.min.data, 4);
    memcpy(&max, b.max.data, 4);
    assert_true(b.has && min == -2 && max == 3);
    dsi_parquet_bounds_release(&b);
}

static void test_parquet_bounds__finds_the_extremes_of_integers(void **state)
{
    static const int64_t values[] = {5, INT64_MIN, 7, INT64_MAX, -1};
    struct dsi_parquet_bounds b = {0};
    struct dsi_parquet_bounds all = {0};
    (void)state;

    assert_int_equal(dsi_parquet_bounds_add_all(&b, DSI_PARQUET_ORDER_I64,
                                                (const uint8_t *)values, 8, 5, NULL),
                     DS_OK);
    assert_int_equal(dsi_parquet_bounds_merge(&all, DSI_PARQUET_ORDER_I64, &b, NULL),
                     DS_OK);
    assert_memory_equal(all.min.data, &values[1], 8);
    assert_memory_equal(all.max.data, &values[3], 8);
    dsi_parquet_bounds_reset(&b);
    assert_false(b.has);
    dsi_parquet_bounds_release(&b);
    dsi_parquet_bounds_release(&all);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_bounds__raises_the_last_character_that_can_be),
        cmocka_unit_test(test_parquet_bounds__counts_nans_and_ignores_them),
        cmocka_unit_test(test_parquet_bounds__finds_the_extremes_of_integers),
    };
    return cmocka_run_group_tests_name("parquet_bounds", tests, NULL, NULL);
}
