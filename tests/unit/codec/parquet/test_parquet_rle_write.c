#include "base/fault.h"
#include "codec/parquet/parquet_rle.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static uint32_t next_random(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 32);
}

static void test_parquet_rle_write__survives_a_round_trip_in_any_portions(void **state)
{
    enum { COUNT = 3000 };
    static uint32_t values[COUNT];
    static uint32_t back[COUNT];
    uint64_t random = 7;
    (void)state;

    for (int width = 1; width <= 32; width++) {
        struct dsi_buf out = DSI_BUF_INIT;
        struct dsi_parquet_rle d;
        uint32_t mask = width == 32 ? UINT32_MAX : (1u << width) - 1;
        for (size_t i = 0; i < COUNT; i++) { // Runs of all lengths.
            bool same = i > 0 && next_random(&random) % (1 + (unsigned)i % 17) != 0;
            values[i] = same ? values[i - 1] : next_random(&random) & mask;
        }
        assert_int_equal(dsi_parquet_rle_write(values, COUNT, width, &out, NULL), DS_OK);
        dsi_parquet_rle_init(&d, dsi_buf_slice(&out), width);
        for (size_t at = 0; at < COUNT;) {
            size_t want = 1 + next_random(&random) % 40;
            size_t n = dsi_parquet_rle_some(&d, back + at,
                                            want < COUNT - at ? want : COUNT - at);
            assert_true(n > 0);
            at += n;
        }
        assert_memory_equal(values, back, sizeof values);
        dsi_buf_release(&out);
    }
}

// Values 0 (and what else the pattern says), so many of each.
static void expect(const char *pattern, int width, const void *bytes, size_t size)
{
    uint32_t values[200];
    struct dsi_buf out = DSI_BUF_INIT;
    size_t count = 0;

    for (; *pattern; pattern++) {
        values[count++] = (uint32_t)(*pattern - '0');
    }
    assert_int_equal(dsi_parquet_rle_write(values, count, width, &out, NULL), DS_OK);
    assert_int_equal(out.size, size);
    assert_memory_equal(out.data, bytes, size);
    dsi_buf_release(&out);
}

static void test_parquet_rle_write__repeats_only_what_is_cheaper_repeated(void **state)
{
    (void)state;

    expect("33333333", 8, "\x10\x03", 2);
    expect("3333333", 8, "\x03\3\3\3\3\3\3\3\0", 9);
    expect("1111111100000000", 1, "\x05\xff\x00", 3);
    expect("11111111111111111111111111111111"
           "0",
           1, "\x40\x01\x03\x00", 4);
    expect("12345678"
           "77777777"
           "7",
           8, "\x03\1\2\3\4\5\6\7\x08\x12\x07", 11);
}

static void test_parquet_rle_write__reports_missing_memory(void **state)
{
    static const uint32_t values[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9};
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_buf out = DSI_BUF_INIT;
        int rc = dsi_parquet_rle_write(values, 16, 8, &out, NULL);
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        dsi_buf_release(&out);
    }
    assert_int_equal(plan.target, 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_rle_write__survives_a_round_trip_in_any_portions),
        cmocka_unit_test(test_parquet_rle_write__repeats_only_what_is_cheaper_repeated),
        cmocka_unit_test(test_parquet_rle_write__reports_missing_memory),
    };
    return cmocka_run_group_tests_name("parquet_rle_write", tests, NULL, NULL);
}
