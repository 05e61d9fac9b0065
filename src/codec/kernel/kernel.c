#include "codec/kernel/kernel.h"

#include "codec/kernel/kernel_bits.h"
#include "codec/kernel/kernel_target.h"
#include "codec/kernel/kernel_unpack.h"
#include "codec/kernel/kernel_utf8.h"
#include "codec/kernel/kernel_values.h"

// A level without a form of its own takes the one below it.

static const struct dsi_kernels scalar = {
    .level = DSI_CPU_SCALAR,
    .unpack8 = dsi_unpack8_scalar,
    .unpack32 = dsi_unpack32_scalar,
    .unpack64 = dsi_unpack64_scalar,
    .max_u32 = dsi_max_u32_scalar,
    .levels_bits = dsi_levels_bits_scalar,
    .count_bits = dsi_count_bits_scalar,
    .expand = dsi_expand_scalar,
    .join_streams = dsi_join_streams_scalar,
    .split_streams = dsi_split_streams_scalar,
    .text_kind = dsi_text_kind_scalar,
};

#if DSI_KERNEL_X86

static const struct dsi_kernels sse4 = {
    .level = DSI_CPU_SSE4,
    .unpack8 = dsi_unpack8_scalar,
    .unpack32 = dsi_unpack32_scalar,
    .unpack64 = dsi_unpack64_scalar,
    .max_u32 = dsi_max_u32_sse4,
    .levels_bits = dsi_levels_bits_sse4,
    .count_bits = dsi_count_bits_sse4,
    .expand = dsi_expand_scalar,
    .join_streams = dsi_join_streams_sse4,
    .split_streams = dsi_split_streams_sse4,
    .text_kind = dsi_text_kind_sse4,
};

static const struct dsi_kernels avx2 = {
    .level = DSI_CPU_AVX2,
    .unpack8 = dsi_unpack8_scalar,
    .unpack32 = dsi_unpack32_avx2,
    .unpack64 = dsi_unpack64_avx2,
    .max_u32 = dsi_max_u32_avx2,
    .levels_bits = dsi_levels_bits_avx2,
    .count_bits = dsi_count_bits_sse4,
    .expand = dsi_expand_avx2,
    .join_streams = dsi_join_streams_sse4,
    .split_streams = dsi_split_streams_sse4,
    .text_kind = dsi_text_kind_avx2,
};

static const struct dsi_kernels avx512 = {
    .level = DSI_CPU_AVX512,
    .unpack8 = dsi_unpack8_avx512,
    .unpack32 = dsi_unpack32_avx512,
    .unpack64 = dsi_unpack64_avx512,
    .max_u32 = dsi_max_u32_avx512,
    .levels_bits = dsi_levels_bits_avx2,
    .count_bits = dsi_count_bits_sse4,
    .expand = dsi_expand_avx512,
    .join_streams = dsi_join_streams_sse4,
    .split_streams = dsi_split_streams_sse4,
    .text_kind = dsi_text_kind_avx512,
};

static const struct dsi_kernels *const levels[] = {&scalar, &sse4, &avx2, &avx512};
#else
static const struct dsi_kernels *const levels[] = {&scalar};
#endif

const struct dsi_kernels *dsi_kernels(void)
{
    return levels[dsi_cpu_level()];
}

const struct dsi_kernels *dsi_kernels_at(enum dsi_cpu_level level)
{
    return level <= dsi_cpu_level_max() ? levels[level] : NULL;
}
