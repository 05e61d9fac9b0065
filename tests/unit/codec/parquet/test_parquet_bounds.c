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

static uint64_t next_random(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 29 ^ *random << 33;
}

static void expect_same(const struct dsi_parquet_bounds *a,
                        const struct dsi_parquet_bounds *b)
{
    assert_int_equal(a->has, b->has);
    assert_int_equal(a->min.size, b->min.size);
    assert_int_equal(a->max.size, b->max.size);
    if (a->min.size > 0) {
        assert_memory_equal(a->min.data, b->min.data, a->min.size);
    }
    if (a->max.size > 0) {
        assert_memory_equal(a->max.data, b->max.data, a->max.size);
    }
}

enum { COUNT_MAX = 40 };

static void compare_all(enum dsi_parquet_order order, size_t width, uint64_t seed)
{
    uint8_t values[COUNT_MAX * 20];
    struct dsi_parquet_bounds one = {0};
    struct dsi_parquet_bounds all = {0};
    uint64_t random = seed;
    size_t count = next_random(&random) % COUNT_MAX;

    for (size_t i = 0; i < count * width; i++) { // Often the same; NaN, zeros, extremes.
        static const uint8_t some[] = {0, 0x80, 0xff, 0x7f, 1};
        uint64_t r = next_random(&random);
        values[i] = seed % 2 ? some[r % 5] : (uint8_t)r;
    }
    for (size_t i = 0; i < count; i++) {
        struct ds_slice v = {values + i * width, width};
        assert_int_equal(dsi_parquet_bounds_add(&one, order, v, NULL), DS_OK);
    }
    assert_int_equal(dsi_parquet_bounds_add_all(&all, order, values, width, count, NULL),
                     DS_OK);
    expect_same(&one, &all);
    dsi_parquet_bounds_release(&one);
    dsi_parquet_bounds_release(&all);
}

static void test_parquet_bounds__are_the_same_value_by_value_and_all_at_once(void **state)
{
    (void)state;

    for (uint64_t seed = 0; seed < 300; seed++) {
        compare_all(DSI_PARQUET_ORDER_NONE, 12, seed);
        compare_all(DSI_PARQUET_ORDER_I32, 4, seed);
        compare_all(DSI_PARQUET_ORDER_U32, 4, seed);
        compare_all(DSI_PARQUET_ORDER_I64, 8, seed);
        compare_all(DSI_PARQUET_ORDER_U64, 8, seed);
        compare_all(DSI_PARQUET_ORDER_F32, 4, seed);
        compare_all(DSI_PARQUET_ORDER_F64, 8, seed);
        compare_all(DSI_PARQUET_ORDER_BYTES, 1 + seed % 20, seed);
        compare_all(DSI_PARQUET_ORDER_DECIMAL, 1 + seed % 20, seed);
    }
}

static void test_parquet_bounds__are_those_of_text_of_any_length(void **state)
{
    static const enum dsi_parquet_order orders[] = {
        DSI_PARQUET_ORDER_NONE, DSI_PARQUET_ORDER_BYTES, DSI_PARQUET_ORDER_DECIMAL};
    (void)state;

    for (uint64_t seed = 0; seed < 600; seed++) {
        uint8_t values[COUNT_MAX * 40] = {0};
        uint32_t lengths[COUNT_MAX];
        struct dsi_parquet_bounds one = {0};
        struct dsi_parquet_bounds all = {0};
        uint64_t random = seed;
        size_t count = 1 + next_random(&random) % (COUNT_MAX - 1);
        size_t alike = seed % 2 * (next_random(&random) % 27); // Bytes most begin with.
        size_t at = 0;
        for (size_t i = 0; i < count; i++) {
            bool odd = next_random(&random) % 16 == 0;
            size_t same = odd ? next_random(&random) % (alike + 1) : alike;
            lengths[i] = (uint32_t)(same + next_random(&random) % 13);
            for (size_t k = 0; k < lengths[i]; k++) {
                uint64_t r = next_random(&random);
                values[at + k] = (uint8_t)(k < same ? 'a' + k : r % 3 * 127);
            }
            struct ds_slice v = {values + at, lengths[i]};
            assert_int_equal(dsi_parquet_bounds_add(&one, orders[seed % 3], v, NULL),
                             DS_OK);
            at += lengths[i];
        }
        assert_int_equal(dsi_parquet_bounds_add_bytes(&all, orders[seed % 3], values,
                                                      lengths, count, NULL),
                         DS_OK);
        expect_same(&one, &all);
        dsi_parquet_bounds_release(&one);
        dsi_parquet_bounds_release(&all);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_bounds__raises_the_last_character_that_can_be),
        cmocka_unit_test(test_parquet_bounds__counts_nans_and_ignores_them),
        cmocka_unit_test(test_parquet_bounds__finds_the_extremes_of_integers),
        cmocka_unit_test(
            test_parquet_bounds__are_the_same_value_by_value_and_all_at_once),
        cmocka_unit_test(test_parquet_bounds__are_those_of_text_of_any_length),
    };
    return cmocka_run_group_tests_name("parquet_bounds", tests, NULL, NULL);
}
