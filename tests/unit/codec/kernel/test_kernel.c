#include "codec/kernel/kernel.h"

#include "harness.h"

static void test_kernel__has_every_function_at_every_level(void **state)
{
    (void)state;

    for (int level = DSI_CPU_SCALAR; level <= (int)dsi_cpu_level_max(); level++) {
        const struct dsi_kernels *k = dsi_kernels_at((enum dsi_cpu_level)level);
        assert_non_null(k);
        assert_int_equal(k->level, level);
        assert_true(k->unpack8 && k->unpack32 && k->unpack64 && k->max_u32);
        assert_true(k->levels_bits && k->count_bits && k->expand);
        assert_true(k->join_streams && k->split_streams && k->text_kind);
    }
}

static void test_kernel__gives_no_level_that_the_processor_lacks(void **state)
{
    (void)state;

    for (int level = (int)dsi_cpu_level_max() + 1; level <= DSI_CPU_AVX512; level++) {
        assert_null(dsi_kernels_at((enum dsi_cpu_level)level));
    }
    assert_true(dsi_kernels() == dsi_kernels_at(dsi_cpu_level()));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernel__has_every_function_at_every_level),
        cmocka_unit_test(test_kernel__gives_no_level_that_the_processor_lacks),
    };
    return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}
