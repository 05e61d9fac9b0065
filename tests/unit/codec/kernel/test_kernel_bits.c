#include "codec/kernel/kernel_bits.h"

#include "guarded.h"

enum { ROWS_MAX = 300 };

static bool bit_at(const uint8_t *bits, size_t i)
{
    return bits[i / 8] >> i % 8 & 1;
}

static void make_levels(uint8_t *levels, size_t rows, uint64_t *random)
{
    uint64_t share = next_random(random) % 11; // Tenths that have a value.
    for (size_t i = 0; i < rows; i++) {
        levels[i] =
            (uint8_t)(next_random(random) % 10 < share ? 3 : next_random(random) % 3);
    }
}

static void test_kernel_bits__makes_bits_of_levels_at_every_level(void **state)
{
    struct guarded in = guarded_new();
    struct guarded out = guarded_new();
    uint64_t random = 1;
    (void)state;

    for (int level = DSI_CPU_SCALAR; level <= (int)dsi_cpu_level_max(); level++) {
        const struct dsi_kernels *k = dsi_kernels_at((enum dsi_cpu_level)level);
        for (size_t rows = 0; rows < ROWS_MAX; rows++) {
            uint8_t *levels = guarded_last(&in, rows);
            uint8_t *bits = guarded_last(&out, (rows + 7) / 8);
            size_t set = 0;
            make_levels(levels, rows, &random);
            memset(bits, 0xff, (rows + 7) / 8);
            size_t got = k->levels_bits(levels, rows, 3, bits);
            for (size_t i = 0; i < rows; i++) {
                assert_int_equal(bit_at(bits, i), levels[i] == 3);
                set += levels[i] == 3;
            }
            for (size_t i = rows; i < (rows + 7) / 8 * 8; i++) {
                assert_false(bit_at(bits, i));
            }
            assert_int_equal(got, set);
            assert_int_equal(k->count_bits(bits, rows), set);
            for (size_t i = 0; i + 5 < rows; i += 7) { // Not all of them.
                size_t some = 0;
                for (size_t j = 0; j < i; j++) {
                    some += bit_at(bits, j);
                }
                assert_int_equal(k->count_bits(bits, i), some);
            }
        }
    }
    guarded_free(&in);
    guarded_free(&out);
}

static void test_kernel_bits__expands_values_over_nulls_at_every_level(void **state)
{
    static const size_t widths[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 17};
    struct guarded in = guarded_new();
    struct guarded out = guarded_new();
    uint8_t levels[ROWS_MAX];
    uint64_t random = 2;
    (void)state;

    for (int level = DSI_CPU_SCALAR; level <= (int)dsi_cpu_level_max(); level++) {
        const struct dsi_kernels *k = dsi_kernels_at((enum dsi_cpu_level)level);
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            size_t width = widths[w];
            for (size_t rows = 0; rows < ROWS_MAX; rows++) {
                uint8_t *bits = guarded_last(&in, (rows + 7) / 8);
                uint8_t *values = guarded_last(&out, rows * width);
                uint8_t packed[ROWS_MAX * 17];
                make_levels(levels, rows, &random);
                size_t present = k->levels_bits(levels, rows, 3, bits);
                fill_random(values, rows * width, &random); // Junk behind `present`.
                memcpy(packed, values, present * width);
                k->expand(values, width, bits, rows, present);
                size_t next = 0;
                for (size_t i = 0; i < rows; i++) {
                    static const uint8_t zeros[17];
                    const uint8_t *want =
                        bit_at(bits, i) ? packed + next++ * width : zeros;
                    if (memcmp(values + i * width, want, width) != 0) {
                        fail_msg("%s: width %zu, row %zu of %zu",
                                 dsi_cpu_level_name(k->level), width, i, rows);
                    }
                }
            }
        }
    }
    guarded_free(&in);
    guarded_free(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernel_bits__makes_bits_of_levels_at_every_level),
        cmocka_unit_test(test_kernel_bits__expands_values_over_nulls_at_every_level),
    };
    return cmocka_run_group_tests_name("kernel_bits", tests, NULL, NULL);
}
