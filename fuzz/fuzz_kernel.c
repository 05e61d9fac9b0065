// Every level of the kernels gives what plain C gives, for any bytes and sizes.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/kernel/kernel.h"

// Exactly so many bytes, for a sanitizer to watch.
static uint8_t *copy_of(const uint8_t *bytes, size_t size)
{
    uint8_t *p = malloc(size + (size == 0));
    if (!p) {
        abort();
    }
    if (size > 0) {
        memcpy(p, bytes, size);
    }
    return p;
}

static void same(const void *a, const void *b, size_t size)
{
    if (size > 0 && memcmp(a, b, size) != 0) {
        abort();
    }
}

static void compare_unpack(const struct dsi_kernels *one, const struct dsi_kernels *two,
                           const uint8_t *in, size_t size, int width)
{
    size_t count = width == 0 ? size : size * 8 / (size_t)width;
    uint64_t *a = calloc(count + 1, 8);
    uint64_t *b = calloc(count + 1, 8);
    if (!a || !b) {
        abort();
    }
    one->unpack64(in, size, width, a, count);
    two->unpack64(in, size, width, b, count);
    same(a, b, (count + 1) * 8);
    if (width <= 32) {
        one->unpack32(in, size, width, (uint32_t *)a, count);
        two->unpack32(in, size, width, (uint32_t *)b, count);
        same(a, b, (count + 1) * 8);
        if (one->max_u32((uint32_t *)a, count) != two->max_u32((uint32_t *)b, count)) {
            abort();
        }
    }
    if (width <= 8) {
        one->unpack8(in, size, width, (uint8_t *)a, count);
        two->unpack8(in, size, width, (uint8_t *)b, count);
        same(a, b, (count + 1) * 8);
    }
    free(a);
    free(b);
}

// The bytes as levels, and as values that stand where the levels say.
static void compare_levels(const struct dsi_kernels *one, const struct dsi_kernels *two,
                           const uint8_t *in, size_t size, size_t width)
{
    uint8_t *bits = copy_of(in, (size + 7) / 8);
    uint8_t *other = copy_of(in, (size + 7) / 8);
    uint8_t *a = calloc(size + 1, width);
    uint8_t *b = calloc(size + 1, width);
    uint8_t level = size > 0 ? in[0] : 0;
    if (!a || !b) {
        abort();
    }
    size_t present = one->levels_bits(in, size, level, bits);
    if (two->levels_bits(in, size, level, other) != present ||
        two->count_bits(other, size) != present) {
        abort();
    }
    same(bits, other, (size + 7) / 8);
    for (size_t i = 0; i < present * width; i++) {
        a[i] = b[i] = in[i % size];
    }
    one->expand(a, width, bits, size, present);
    two->expand(b, width, bits, size, present);
    same(a, b, (size + 1) * width);
    free(bits);
    free(other);
    free(a);
    free(b);
}

static void compare_streams(const struct dsi_kernels *one, const struct dsi_kernels *two,
                            const uint8_t *in, size_t size, size_t width)
{
    size_t count = size / width;
    uint8_t *a = copy_of(in, count * width);
    uint8_t *b = copy_of(in, count * width);
    one->join_streams(in, width, count, a);
    two->join_streams(in, width, count, b);
    same(a, b, count * width);
    one->split_streams(in, width, count, a);
    two->split_streams(in, width, count, b);
    same(a, b, count * width);
    free(a);
    free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct dsi_kernels *plain = dsi_kernels_at(DSI_CPU_SCALAR);

    if (size < 1 || size > 4096) {
        return 0;
    }
    uint8_t *in = copy_of(data + 1, size - 1);
    size--;
    for (int level = DSI_CPU_SSE4; level <= (int)dsi_cpu_level_max(); level++) {
        const struct dsi_kernels *k = dsi_kernels_at((enum dsi_cpu_level)level);
        compare_unpack(plain, k, in, size, data[0] % 65);
        compare_levels(plain, k, in, size, data[0] % 17 + 1u);
        compare_streams(plain, k, in, size, data[0] % 17 + 1u);
        if (plain->text_kind(in, size) != k->text_kind(in, size)) {
            abort();
        }
    }
    free(in);
    return 0;
}
