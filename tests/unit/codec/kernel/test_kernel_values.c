#include "codec/kernel/kernel_values.h"

#include "guarded.h"

static void test_kernel_values__finds_the_largest_at_every_level(void **state)
{
    struct guarded in = guarded_new();
    uint64_t random = 3;
    (void)state;

    for (int level = DSI_CPU_SCALAR; level <= (int)dsi_cpu_level_max(); level++) {
        const struct dsi_kernels *k = dsi_kernels_at((enum dsi_cpu_level)level);
        for (size_t count = 0; count <= 130; count++) {
            uint32_t *values = (uint32_t *)(void *)guarded_last(&in, count * 4);
            fill_random((uint8_t *)values, count * 4, &random);
            uint32_t max = 0;
            for (size_t i = 0; i < count; i++) {
                max = values[i] > max ? values[i] : max;
            }
            assert_int_equal(k->max_u32(values, count), max);
            for (size_t i = 0; i < count; i++) { // Wherever it is, above INT32_MAX too.
                uint32_t was = values[i];
                values[i] = UINT32_MAX;
                assert_int_equal(k->max_u32(values, count), UINT32_MAX);
                values[i] = was;
            }
        }
    }
    guarded_free(&in);
}

static void test_kernel_values__joins_and_splits_streams_at_every_level(void **state)
{
    struct guarded in = guarded_new();
    struct guarded out = guarded_new();
    struct guarded back = guarded_new();
    uint64_t random = 4;
    (void)state;

    for (int level = DSI_CPU_SCALAR; level <= (int)dsi_cpu_level_max(); level++) {
        const struct dsi_kernels *k = dsi_kernels_at((enum dsi_cpu_level)level);
        for (size_t width = 1; width <= 17; width++) {
            for (size_t count = 0; count <= 130; count++) {
                uint8_t *streams = guarded_last(&in, count * width);
                uint8_t *values = guarded_last(&out, count * width);
                uint8_t *again = guarded_last(&back, count * width);
                fill_random(streams, count * width, &random);
                k->join_streams(streams, width, count, values);
                for (size_t i = 0; i < count * width; i++) {
                    if (values[i] != streams[i % width * count + i / width]) {
                        fail_msg("%s: width %zu, byte %zu of %zu values",
                                 dsi_cpu_level_name(k->level), width, i, count);
                    }
                }
                k->split_streams(values, width, count, again);
                assert_memory_equal(again, streams, count * width);
            }
        }
    }
    guarded_free(&in);
    guarded_free(&out);
    guarded_free(&back);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernel_values__finds_the_largest_at_every_level),
        cmocka_unit_test(test_kernel_values__joins_and_splits_streams_at_every_level),
    };
    return cmocka_run_group_tests_name("kernel_values", tests, NULL, NULL);
}
