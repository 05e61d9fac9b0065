#include "codec/kernel/kernel_bits.h"

#include <stdbool.h>
#include <string.h>

#include "codec/kernel/kernel_target.h"
#include "codec/parquet/parquet_bytes.h"

static bool bit_at(const uint8_t *bits, size_t i)
{
    return bits[i / 8] >> i % 8 & 1;
}

// Sums of pairs, of fours, of bytes; the multiplication adds the bytes up.
static size_t count_word(uint64_t w)
{
    w -= w >> 1 & 0x5555555555555555u;
    w = (w & 0x3333333333333333u) + (w >> 2 & 0x3333333333333333u);
    w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (size_t)(w * 0x0101010101010101u >> 56);
}

// The bits after the last whole word, as one.
static uint64_t last_word(const uint8_t *bits, size_t count)
{
    uint64_t word = 0;

    for (size_t i = 0; i < count; i += 8) {
        uint64_t byte = bits[i / 8];
        if (count - i < 8) {
            byte &= (1u << (count - i)) - 1;
        }
        word |= byte << i;
    }
    return word;
}

static uint64_t load_word(const uint8_t *at)
{
    uint64_t word = 0;
    memcpy(&word, at, sizeof word);
    return word;
}

size_t dsi_count_bits_scalar(const uint8_t *bits, size_t count)
{
    size_t set = 0;
    size_t i = 0;

    for (; i + 64 <= count; i += 64) {
        set += count_word(load_word(bits + i / 8));
    }
    return set + count_word(last_word(bits + i / 8, count - i));
}

// Bits for the levels from `from` on, which begins a byte; how many are set.
static size_t levels_tail(const uint8_t *levels, size_t from, size_t count, uint8_t level,
                          uint8_t *bits)
{
    size_t set = 0;

    for (size_t i = from; i < count; i += 8) {
        unsigned byte = 0;
        for (size_t j = 0; j < 8 && i + j < count; j++) {
            byte |= (unsigned)(levels[i + j] == level) << j;
        }
        bits[i / 8] = (uint8_t)byte;
        set += count_word(byte);
    }
    return set;
}

size_t dsi_levels_bits_scalar(const uint8_t *levels, size_t count, uint8_t level,
                              uint8_t *bits)
{
    return levels_tail(levels, 0, count, level, bits);
}

// Values move up, so the last goes first: what is overwritten has moved already. One that
// is not there is a zero.
static void expand_words(uint8_t *values, size_t width, const uint8_t *bits, size_t rows,
                         size_t present)
{
    for (size_t row = rows; row > present; row--) {
        uint64_t v = 0;
        bool there = bit_at(bits, row - 1);
        present -= there;
        memcpy(&v, values + present * width, width);
        v &= 0 - (uint64_t)there;
        memcpy(values + (row - 1) * width, &v, width);
    }
}

static void expand_bytes(uint8_t *values, size_t width, const uint8_t *bits, size_t rows,
                         size_t present)
{
    for (size_t row = rows; row > present; row--) {
        if (bit_at(bits, row - 1)) {
            present--;
            memmove(values + (row - 1) * width, values + present * width, width);
        } else {
            memset(values + (row - 1) * width, 0, width);
        }
    }
}

void dsi_expand_scalar(uint8_t *values, size_t width, const uint8_t *bits, size_t rows,
                       size_t present)
{
    if (width == 4) { // A constant, so that each is one load and one store.
        expand_words(values, 4, bits, rows, present);
    } else if (width == 8) {
        expand_words(values, 8, bits, rows, present);
    } else {
        expand_bytes(values, width, bits, rows, present);
    }
}

#if DSI_KERNEL_X86

DSI_SSE4 size_t dsi_count_bits_sse4(const uint8_t *bits, size_t count)
{
    size_t set = 0;
    size_t i = 0;

    for (; i + 64 <= count; i += 64) {
        set += (size_t)_mm_popcnt_u64(load_word(bits + i / 8));
    }
    return set + (size_t)_mm_popcnt_u64(last_word(bits + i / 8, count - i));
}

DSI_SSE4 size_t dsi_levels_bits_sse4(const uint8_t *levels, size_t count, uint8_t level,
                                     uint8_t *bits)
{
    const __m128i want = _mm_set1_epi8((char)level);
    size_t set = 0;
    size_t i = 0;

    for (; i + 16 <= count; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(levels + i));
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, want));
        uint16_t word = (uint16_t)mask;
        memcpy(bits + i / 8, &word, sizeof word);
        set += (size_t)_mm_popcnt_u32(mask);
    }
    return set + levels_tail(levels, i, count, level, bits);
}

DSI_AVX2 size_t dsi_levels_bits_avx2(const uint8_t *levels, size_t count, uint8_t level,
                                     uint8_t *bits)
{
    const __m256i want = _mm256_set1_epi8((char)level);
    size_t set = 0;
    size_t i = 0;

    for (; i + 32 <= count; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(levels + i));
        uint32_t mask = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, want));
        memcpy(bits + i / 8, &mask, sizeof mask);
        set += (size_t)_mm_popcnt_u32(mask);
    }
    return set + levels_tail(levels, i, count, level, bits);
}

// For each of the 256 ways in which eight rows may be there, which value each row takes:
// a byte for each row, the count of rows before it that are there.
#define BIT(m, j) ((uint64_t)((m) >> (j)&1))
#define RANK1(m) BIT(m, 0)
#define RANK2(m) (RANK1(m) + BIT(m, 1))
#define RANK3(m) (RANK2(m) + BIT(m, 2))
#define RANK4(m) (RANK3(m) + BIT(m, 3))
#define RANK5(m) (RANK4(m) + BIT(m, 4))
#define RANK6(m) (RANK5(m) + BIT(m, 5))
#define RANK7(m) (RANK6(m) + BIT(m, 6))
#define RANKS(m)                                                                         \
    (RANK1(m) << 8 | RANK2(m) << 16 | RANK3(m) << 24 | RANK4(m) << 32 | RANK5(m) << 40 | \
     RANK6(m) << 48 | RANK7(m) << 56)
#define RANKS_4(m) RANKS(m), RANKS((m) + 1), RANKS((m) + 2), RANKS((m) + 3)
#define RANKS_16(m) RANKS_4(m), RANKS_4((m) + 4), RANKS_4((m) + 8), RANKS_4((m) + 12)
#define RANKS_64(m)                                                                      \
    RANKS_16(m), RANKS_16((m) + 16), RANKS_16((m) + 32), RANKS_16((m) + 48)

static const uint64_t ranks[256] = {RANKS_64(0u), RANKS_64(64u), RANKS_64(128u),
                                    RANKS_64(192u)};

DSI_AVX2 static inline __m256i ranks_of(unsigned mask)
{
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)ranks[mask]));
}

// Whole eights of rows, from the end. A load of eight values may go past the last one
// that is left, into rows that are already in place: they are there, and not taken.
DSI_AVX2 static void expand4_avx2(uint8_t *values, const uint8_t *bits, size_t rows,
                                  size_t present)
{
    const __m256i one = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);

    while (rows > present) { // `rows` is a multiple of eight.
        unsigned mask = bits[rows / 8 - 1];
        rows -= 8;
        present -= (size_t)_mm_popcnt_u32(mask);
        __m256i v = _mm256_loadu_si256((const __m256i *)(void *)(values + present * 4));
        __m256i set = _mm256_and_si256(_mm256_set1_epi32((int)mask), one);
        v = _mm256_permutevar8x32_epi32(v, ranks_of(mask));
        v = _mm256_and_si256(v, _mm256_cmpeq_epi32(set, one));
        _mm256_storeu_si256((__m256i *)(void *)(values + rows * 4), v);
    }
}

// Four rows at a time: a value is two lanes of 32 bits.
DSI_AVX2 static void expand8_avx2(uint8_t *values, const uint8_t *bits, size_t rows,
                                  size_t present)
{
    const __m256i one = _mm256_setr_epi64x(1, 2, 4, 8);
    const __m256i odd = _mm256_set1_epi64x(INT64_C(1) << 32);

    while (rows > present) {
        unsigned mask = (unsigned)(bits[(rows - 1) / 8] >> (rows % 8 == 0 ? 4 : 0)) & 15;
        rows -= 4;
        present -= (size_t)_mm_popcnt_u32(mask);
        __m256i v = _mm256_loadu_si256((const __m256i *)(void *)(values + present * 8));
        __m256i set = _mm256_and_si256(_mm256_set1_epi64x((int)mask), one);
        __m128i rank = _mm_cvtsi64_si128((long long)ranks[mask]);
        __m256i lane = _mm256_cvtepu8_epi64(rank); // r -> 2r in the low half, 2r + 1.
        lane = _mm256_add_epi64(lane, lane);
        lane = _mm256_add_epi64(_mm256_or_si256(lane, _mm256_slli_epi64(lane, 32)), odd);
        v = _mm256_permutevar8x32_epi32(v, lane);
        v = _mm256_and_si256(v, _mm256_cmpeq_epi64(set, one));
        _mm256_storeu_si256((__m256i *)(void *)(values + rows * 8), v);
    }
}

// The rows after the last eight go one by one.
DSI_AVX2 void dsi_expand_avx2(uint8_t *values, size_t width, const uint8_t *bits,
                              size_t rows, size_t present)
{
    size_t whole = rows - rows % 8;

    if (width != 4 && width != 8) {
        dsi_expand_scalar(values, width, bits, rows, present);
        return;
    }
    for (; rows > whole && rows > present; rows--) {
        uint64_t v = 0;
        bool there = bit_at(bits, rows - 1);
        present -= there;
        if (there) {
            memcpy(&v, values + present * width, width);
        }
        memcpy(values + (rows - 1) * width, &v, width);
    }
    if (rows == present) {
        return;
    }
    if (width == 4) {
        expand4_avx2(values, bits, rows, present);
    } else {
        expand8_avx2(values, bits, rows, present);
    }
}

// The last rows, fewer than a register holds.
DSI_AVX512 static size_t expand4_part(uint8_t *values, unsigned mask, size_t row,
                                      size_t rows, size_t present)
{
    __mmask16 there = (__mmask16)((1u << rows) - 1);
    mask &= there;
    present -= (size_t)_mm_popcnt_u32(mask);
    __m512i v = _mm512_maskz_loadu_epi32(there, values + present * 4);
    v = _mm512_maskz_expand_epi32((__mmask16)mask, v);
    _mm512_mask_storeu_epi32(values + row * 4, there, v);
    return present;
}

DSI_AVX512 static void expand4_avx512(uint8_t *values, const uint8_t *bits, size_t rows,
                                      size_t present)
{
    size_t part = rows % 16;

    if (part > 0) {
        rows -= part;
        unsigned high = part > 8 ? bits[rows / 8 + 1] : 0u;
        present = expand4_part(values, bits[rows / 8] | high << 8, rows, part, present);
    }
    while (rows > present) {
        uint16_t mask = 0;
        rows -= 16;
        memcpy(&mask, bits + rows / 8, sizeof mask);
        present -= (size_t)_mm_popcnt_u32(mask);
        __m512i v = _mm512_loadu_si512(values + present * 4);
        _mm512_storeu_si512(values + rows * 4, _mm512_maskz_expand_epi32(mask, v));
    }
}

DSI_AVX512 static void expand8_avx512(uint8_t *values, const uint8_t *bits, size_t rows,
                                      size_t present)
{
    size_t part = rows % 8;

    if (part > 0) {
        rows -= part;
        __mmask8 there = (__mmask8)((1u << part) - 1);
        __mmask8 mask = bits[rows / 8] & there;
        present -= (size_t)_mm_popcnt_u32(mask);
        __m512i v = _mm512_maskz_loadu_epi64(there, values + present * 8);
        v = _mm512_maskz_expand_epi64(mask, v);
        _mm512_mask_storeu_epi64(values + rows * 8, there, v);
    }
    while (rows > present) {
        rows -= 8;
        __mmask8 mask = bits[rows / 8];
        present -= (size_t)_mm_popcnt_u32(mask);
        __m512i v = _mm512_loadu_si512(values + present * 8);
        _mm512_storeu_si512(values + rows * 8, _mm512_maskz_expand_epi64(mask, v));
    }
}

DSI_AVX512 void dsi_expand_avx512(uint8_t *values, size_t width, const uint8_t *bits,
                                  size_t rows, size_t present)
{
    if (rows == present) {
        return;
    }
    if (width == 4) {
        expand4_avx512(values, bits, rows, present);
    } else if (width == 8) {
        expand8_avx512(values, bits, rows, present);
    } else {
        dsi_expand_scalar(values, width, bits, rows, present);
    }
}

#endif
