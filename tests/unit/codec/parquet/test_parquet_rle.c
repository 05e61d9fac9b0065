#include "codec/parquet/parquet_rle.h"

#include "harness.h"

#include <stdlib.h>
#include <string.h>

static uint32_t next_random(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 32);
}

static void test_parquet_rle__unpacks_the_example_of_the_format(void **state)
{
    static const uint8_t bytes[] = {0x88, 0xc6, 0xfa};
    uint32_t values[8];
    (void)state;

    dsi_parquet_unpack32((struct ds_slice){bytes, 3}, 3, values, 8);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(values[i], i);
    }
}

// Bit by bit: slow and plain.
static uint64_t bits_at(const uint8_t *bytes, size_t bit, int width)
{
    uint64_t v = 0;
    for (int i = 0; i < width; i++, bit++) {
        v |= (uint64_t)(bytes[bit / 8] >> bit % 8 & 1) << i;
    }
    return v;
}

static void test_parquet_rle__unpacks_every_width_and_tail(void **state)
{
    uint8_t bytes[64 * 8];
    uint64_t random = 42;
    (void)state;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)next_random(&random);
    }
    for (int width = 0; width <= 64; width++) {
        for (size_t count = 0; count <= 64; count++) {
            uint64_t wide[64];
            uint32_t narrow[64];
            size_t size = (count * (size_t)width + 7) / 8;
            uint8_t *exact = malloc(size + 1); // So that a sanitizer sees reads past it.
            memcpy(exact, bytes, size);
            struct ds_slice in = {exact, size};
            dsi_parquet_unpack64(in, width, wide, count);
            if (width <= 32) {
                dsi_parquet_unpack32(in, width, narrow, count);
            }
            for (size_t i = 0; i < count; i++) {
                uint64_t v = bits_at(exact, i * (size_t)width, width);
                assert_true(wide[i] == v);
                assert_true(width > 32 || narrow[i] == v);
            }
            free(exact);
        }
    }
}

static void test_parquet_rle__skips_as_far_as_it_reads(void **state)
{
    enum { COUNT = 2000 };
    static uint32_t values[COUNT];
    uint64_t random = 11;
    (void)state;

    for (int width = 1; width <= 32; width++) {
        struct dsi_buf out = DSI_BUF_INIT;
        struct dsi_parquet_rle d;
        for (size_t i = 0; i < COUNT; i++) {
            bool same = i > 0 && next_random(&random) % (1 + (unsigned)i % 23) != 0;
            values[i] = same ? values[i - 1] : next_random(&random) >> (32 - width);
        }
        assert_int_equal(dsi_parquet_rle_write(values, COUNT, width, &out, NULL), DS_OK);
        dsi_parquet_rle_init(&d, dsi_buf_slice(&out), width);
        for (size_t at = 0; at < COUNT;) {
            uint32_t v = 0;
            size_t n = next_random(&random) % 40;
            n = n < COUNT - at ? n : COUNT - at;
            assert_int_equal(dsi_parquet_rle_skip(&d, n), n);
            at += n;
            if (at < COUNT) {
                assert_int_equal(dsi_parquet_rle_some(&d, &v, 1), 1);
                assert_int_equal(v, values[at++]);
            }
        }
        assert_true(dsi_parquet_rle_skip(&d, 1000000) < 8); // Padding at the most.
        dsi_buf_release(&out);
    }
}

static void test_parquet_rle__ends_where_the_bytes_do(void **state)
{
    static const uint8_t empty_run[] = {0x00, 0x00};
    static const uint8_t cut_value[] = {0x04};
    static const uint8_t too_wide[] = {0x04, 0xff};
    static const uint8_t cut_group[] = {0x05, 0x88, 0xc6, 0xfa, 0x88};
    struct dsi_parquet_rle d;
    uint32_t values[32];
    (void)state;

    dsi_parquet_rle_init(&d, (struct ds_slice){empty_run, 2}, 8);
    assert_int_equal(dsi_parquet_rle_some(&d, values, 32), 0);
    dsi_parquet_rle_init(&d, (struct ds_slice){cut_value, 1}, 8);
    assert_int_equal(dsi_parquet_rle_some(&d, values, 32), 0);
    dsi_parquet_rle_init(&d, (struct ds_slice){too_wide, 2}, 3);
    assert_int_equal(dsi_parquet_rle_some(&d, values, 32), 0);
    dsi_parquet_rle_init(&d, (struct ds_slice){cut_group, 5}, 3);
    assert_int_equal(dsi_parquet_rle_some(&d, values, 32), 8);
    assert_int_equal(dsi_parquet_rle_some(&d, values, 32), 2);
    assert_int_equal(dsi_parquet_rle_some(&d, values, 32), 0);
    dsi_parquet_rle_init(&d, (struct ds_slice){cut_group, 5}, 3);
    assert_int_equal(dsi_parquet_rle_skip(&d, 9), 9);
    assert_int_equal(dsi_parquet_rle_skip(&d, 9), 1);
}

static void test_parquet_rle__tells_of_repeats_without_taking_them(void **state)
{
    static const uint8_t bytes[] = {0x14, 0x05, 0x03, 0x88, 0xc6, 0xfa};
    struct dsi_parquet_rle d;
    uint32_t value = 0;
    (void)state;

    dsi_parquet_rle_init(&d, (struct ds_slice){bytes, sizeof bytes}, 3);
    assert_int_equal(dsi_parquet_rle_repeats(&d, &value), 10);
    assert_int_equal(value, 5);
    dsi_parquet_rle_pass(&d, 10);
    assert_int_equal(dsi_parquet_rle_repeats(&d, &value), 0);
    assert_int_equal(dsi_parquet_rle_some(&d, &value, 1), 1);
    assert_int_equal(value, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_rle__unpacks_the_example_of_the_format),
        cmocka_unit_test(test_parquet_rle__unpacks_every_width_and_tail),
        cmocka_unit_test(test_parquet_rle__skips_as_far_as_it_reads),
        cmocka_unit_test(test_parquet_rle__ends_where_the_bytes_do),
        cmocka_unit_test(test_parquet_rle__tells_of_repeats_without_taking_them),
    };
    return cmocka_run_group_tests_name("parquet_rle", tests, NULL, NULL);
}
