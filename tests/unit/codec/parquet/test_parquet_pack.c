#include "codec/parquet/parquet_pack.h"

#include "codec/parquet/parquet_rle.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static uint64_t next_random(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 32 ^ *random << 21;
}

enum { GROUPS = 9, COUNT = GROUPS * DSI_PARQUET_PACK_GROUP };

static void test_parquet_pack__unpacks_to_what_it_was_at_every_width(void **state)
{
    uint64_t random = 3;
    (void)state;

    for (int width = 0; width <= 64; width++) {
        uint64_t wide[COUNT];
        uint32_t narrow[COUNT];
        uint64_t back[COUNT];
        size_t size = GROUPS * (size_t)width;
        uint8_t *bytes = malloc(size + DSI_PARQUET_PACK_SLACK); // A sanitizer sees more.
        struct ds_slice in = {bytes, size};
        for (size_t i = 0; i < COUNT; i++) {
            uint64_t v = next_random(&random);
            wide[i] = width == 0 ? 0 : v >> (64 - width);
            narrow[i] = (uint32_t)wide[i];
        }
        dsi_parquet_pack64(wide, GROUPS, width, bytes);
        dsi_parquet_unpack64(in, width, back, COUNT);
        assert_memory_equal(back, wide, sizeof wide);
        if (width <= 32) {
            memset(bytes, 0xee, size + DSI_PARQUET_PACK_SLACK);
            dsi_parquet_pack32(narrow, GROUPS, width, bytes);
            dsi_parquet_unpack64(in, width, back, COUNT);
            assert_memory_equal(back, wide, sizeof wide);
        }
        free(bytes);
    }
}

static void test_parquet_pack__packs_the_example_of_the_format(void **state)
{
    static const uint32_t values[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const uint8_t expected[] = {0x88, 0xc6, 0xfa};
    uint8_t bytes[3 + DSI_PARQUET_PACK_SLACK];
    (void)state;

    dsi_parquet_pack32(values, 1, 3, bytes);
    assert_memory_equal(bytes, expected, sizeof expected);
}

static void test_parquet_pack__counts_bits(void **state)
{
    (void)state;

    assert_int_equal(dsi_parquet_bit_width64(0), 0);
    for (int i = 0; i < 64; i++) {
        uint64_t top = (uint64_t)1 << i;
        assert_int_equal(dsi_parquet_bit_width64(top), i + 1);
        assert_int_equal(dsi_parquet_bit_width64(top | (top - 1)), i + 1);
        assert_int_equal(dsi_parquet_bit_width64(top - 1), i);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_pack__unpacks_to_what_it_was_at_every_width),
        cmocka_unit_test(test_parquet_pack__packs_the_example_of_the_format),
        cmocka_unit_test(test_parquet_pack__counts_bits),
    };
    return cmocka_run_group_tests_name("parquet_pack", tests, NULL, NULL);
}
