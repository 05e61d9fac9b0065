#include "codec/kernel/kernel_values.h"

#include <string.h>

#include "codec/kernel/kernel_target.h"

// Compiled once for each level: the compiler makes vector code of it.
static inline uint32_t max_u32(const uint32_t *values, size_t count)
{
    uint32_t max = 0;

    for (size_t i = 0; i < count; i++) {
        max = values[i] > max ? values[i] : max;
    }
    return max;
}

uint32_t dsi_max_u32_scalar(const uint32_t *values, size_t count)
{
    return max_u32(values, count);
}

// Values [from, count) of them.
static void join_from(const uint8_t *in, size_t width, size_t from, size_t count,
                      uint8_t *out)
{
    for (size_t b = 0; b < width; b++) {
        const uint8_t *stream = in + b * count;
        for (size_t i = from; i < count; i++) {
            out[i * width + b] = stream[i];
        }
    }
}

static void split_from(const uint8_t *in, size_t width, size_t from, size_t count,
                       uint8_t *out)
{
    for (size_t b = 0; b < width; b++) {
        uint8_t *stream = out + b * count;
        for (size_t i = from; i < count; i++) {
            stream[i] = in[i * width + b];
        }
    }
}

void dsi_join_streams_scalar(const uint8_t *in, size_t width, size_t count, uint8_t *out)
{
    join_from(in, width, 0, count, out);
}

void dsi_split_streams_scalar(const uint8_t *in, size_t width, size_t count, uint8_t *out)
{
    split_from(in, width, 0, count, out);
}

#if DSI_KERNEL_X86

DSI_SSE4 uint32_t dsi_max_u32_sse4(const uint32_t *values, size_t count)
{
    return max_u32(values, count);
}

DSI_AVX2 uint32_t dsi_max_u32_avx2(const uint32_t *values, size_t count)
{
    return max_u32(values, count);
}

DSI_AVX512 uint32_t dsi_max_u32_avx512(const uint32_t *values, size_t count)
{
    return max_u32(values, count);
}

DSI_SSE4 static inline __m128i load(const uint8_t *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

DSI_SSE4 static inline void store(uint8_t *at, __m128i v)
{
    _mm_storeu_si128((__m128i *)(void *)at, v);
}

// One round of a perfect shuffle: registers i and i + n / 2 are woven into 2i and 2i + 1.
// log2(n) rounds turn n streams of 16 bytes into 16 values of n bytes, and four rounds
// more would turn them back: the shuffle of 16n bytes has order log2(16n).
DSI_SSE4 static inline void weave(__m128i *v, int n)
{
    __m128i out[8];

    for (int i = 0; i < n / 2; i++) {
        out[2 * i] = _mm_unpacklo_epi8(v[i], v[i + n / 2]);
        out[2 * i + 1] = _mm_unpackhi_epi8(v[i], v[i + n / 2]);
    }
    for (int i = 0; i < n; i++) {
        v[i] = out[i];
    }
}

DSI_SSE4 static inline size_t join(const uint8_t *in, int width, int rounds, size_t count,
                                   uint8_t *out)
{
    size_t i = 0;

    for (; i + 16 <= count; i += 16) {
        __m128i v[8];
        for (int b = 0; b < width; b++) {
            v[b] = load(in + (size_t)b * count + i);
        }
        for (int r = 0; r < rounds; r++) {
            weave(v, width);
        }
        for (int b = 0; b < width; b++) {
            store(out + i * (size_t)width + 16 * (size_t)b, v[b]);
        }
    }
    return i;
}

DSI_SSE4 static inline size_t split(const uint8_t *in, int width, size_t count,
                                    uint8_t *out)
{
    size_t i = 0;

    for (; i + 16 <= count; i += 16) {
        __m128i v[8];
        for (int b = 0; b < width; b++) {
            v[b] = load(in + i * (size_t)width + 16 * (size_t)b);
        }
        for (int r = 0; r < 4; r++) {
            weave(v, width);
        }
        for (int b = 0; b < width; b++) {
            store(out + (size_t)b * count + i, v[b]);
        }
    }
    return i;
}

DSI_SSE4 void dsi_join_streams_sse4(const uint8_t *in, size_t width, size_t count,
                                    uint8_t *out)
{
    size_t done = 0;

    if (width == 4) {
        done = join(in, 4, 2, count, out);
    } else if (width == 8) {
        done = join(in, 8, 3, count, out);
    }
    join_from(in, width, done, count, out);
}

DSI_SSE4 void dsi_split_streams_sse4(const uint8_t *in, size_t width, size_t count,
                                     uint8_t *out)
{
    size_t done = 0;

    if (width == 4) {
        done = split(in, 4, count, out);
    } else if (width == 8) {
        done = split(in, 8, count, out);
    }
    split_from(in, width, done, count, out);
}

#endif
