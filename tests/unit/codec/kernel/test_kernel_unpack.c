#include "codec/kernel/kernel_unpack.h"

#include "guarded.h"

enum { COUNT_MAX = 131 };

// Bit by bit: slow and plain.
static uint64_t bits_at(const uint8_t *bytes, size_t bit, int width)
{
    uint64_t v = 0;
    for (int i = 0; i < width; i++, bit++) {
        v |= (uint64_t)(bytes[bit / 8] >> bit % 8 & 1) << i;
    }
    return v;
}

static void check(const struct dsi_kernels *k, const uint8_t *in, size_t size, int width,
                  const struct guarded *out, size_t count)
{
    uint64_t *wide = (uint64_t *)(void *)guarded_last(out, count * 8);
    k->unpack64(in, size, width, wide, count);
    for (size_t i = 0; i < count; i++) {
        if (wide[i] != bits_at(in, i * (size_t)width, width)) {
            fail_msg("%s: unpack64, width %d, value %zu of %zu",
                     dsi_cpu_level_name(k->level), width, i, count);
        }
    }
    uint32_t *words = (uint32_t *)(void *)guarded_last(out, count * 4);
    if (width <= 32) {
        k->unpack32(in, size, width, words, count);
    }
    for (size_t i = 0; width <= 32 && i < count; i++) {
        if (words[i] != bits_at(in, i * (size_t)width, width)) {
            fail_msg("%s: unpack32, width %d, value %zu of %zu",
                     dsi_cpu_level_name(k->level), width, i, count);
        }
    }
    uint8_t *bytes = guarded_last(out, count);
    if (width <= 8) {
        k->unpack8(in, size, width, bytes, count);
    }
    for (size_t i = 0; width <= 8 && i < count; i++) {
        if (bytes[i] != bits_at(in, i * (size_t)width, width)) {
            fail_msg("%s: unpack8, width %d, value %zu of %zu",
                     dsi_cpu_level_name(k->level), width, i, count);
        }
    }
}

static void test_kernel_unpack__gives_every_width_and_tail_at_every_level(void **state)
{
    struct guarded in = guarded_new();
    struct guarded out = guarded_new();
    uint64_t random = 42;
    (void)state;

    for (int level = DSI_CPU_SCALAR; level <= (int)dsi_cpu_level_max(); level++) {
        const struct dsi_kernels *k = dsi_kernels_at((enum dsi_cpu_level)level);
        for (int width = 0; width <= 64; width++) {
            for (size_t count = 0; count < COUNT_MAX; count++) {
                size_t size = (count * (size_t)width + 7) / 8;
                uint8_t *at = guarded_last(&in, size);
                fill_random(at, size, &random);
                check(k, at, size, width, &out, count);
            }
        }
    }
    guarded_free(&in);
    guarded_free(&out);
}

// Bytes behind the values may be readable: then other paths are taken.
static void test_kernel_unpack__takes_longer_input_at_any_address(void **state)
{
    struct guarded in = guarded_new();
    struct guarded out = guarded_new();
    uint64_t random = 43;
    (void)state;

    for (int level = DSI_CPU_SCALAR; level <= (int)dsi_cpu_level_max(); level++) {
        const struct dsi_kernels *k = dsi_kernels_at((enum dsi_cpu_level)level);
        for (int i = 0; i < 4000; i++) {
            int width = (int)(next_random(&random) % 65);
            size_t count = next_random(&random) % 700;
            size_t more = next_random(&random) % 80;
            size_t size = (count * (size_t)width + 7) / 8 + more;
            uint8_t *at = guarded_last(&in, size);
            fill_random(at, size, &random);
            check(k, at, size, width, &out, count);
        }
    }
    guarded_free(&in);
    guarded_free(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernel_unpack__gives_every_width_and_tail_at_every_level),
        cmocka_unit_test(test_kernel_unpack__takes_longer_input_at_any_address),
    };
    return cmocka_run_group_tests_name("kernel_unpack", tests, NULL, NULL);
}
