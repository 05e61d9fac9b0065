#include "codec/kernel/kernel_unpack.h"

#include <assert.h>
#include <string.h>

#include "codec/kernel/kernel_target.h"
#include "codec/parquet/parquet_bytes.h"

enum { GROUP = 8 }; // So many values fill whole bytes, whatever their width.

static uint64_t mask_of(int width)
{
    return width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
}

// The value that begins at a bit, from the bytes that are there.
static uint64_t value_at(const uint8_t *in, size_t size, size_t bit, int width)
{
    uint8_t bytes[16] = {0};
    size_t first = bit / 8;
    int shift = (int)(bit % 8);

    memcpy(bytes, in + first, size - first < 9 ? size - first : 9);
    uint64_t v = dsi_le64(bytes) >> shift;
    if (shift + width > 64) {
        v |= (uint64_t)bytes[8] << (64 - shift);
    }
    return v & mask_of(width);
}

// How many values can be read with loads of `span` bytes each that begin in the value's
// first byte.
static size_t count_safe(size_t size, size_t span, int width, size_t count)
{
    if (size < span) {
        return 0;
    }
    size_t values = (size - span) * 8 / (size_t)width + 1;
    return values < count ? values : count;
}

static size_t whole_groups(size_t count)
{
    return count - count % GROUP;
}

// Bits to bytes, eight at once: a copy of the byte for each, one bit left in each copy,
// and that bit moved to the bottom. (A flat column's levels are mostly this.)
static size_t unpack8_bits(const uint8_t *in, uint8_t *out, size_t count)
{
    const uint64_t ones = 0x0101010101010101u;

    for (size_t i = 0; i + GROUP <= count; i += GROUP) {
        uint64_t bits = in[i / GROUP] * ones & 0x8040201008040201u;
        dsi_put_le64(out + i, (bits + 0x7f * ones) >> 7 & ones);
    }
    return whole_groups(count);
}

void dsi_unpack8_scalar(const uint8_t *in, size_t size, int width, uint8_t *out,
                        size_t count)
{
    size_t i = 0;

    if (width == 0) {
        memset(out, 0, count);
        return;
    }
    if (width == 1) {
        i = unpack8_bits(in, out, count);
    }
    size_t fast = whole_groups(count_safe(size, 8, width, count));
    uint64_t mask = mask_of(width);
    for (; i < fast; i += GROUP) { // Eight values of up to eight bits are one load.
        uint64_t bits = dsi_le64(in + i / GROUP * (size_t)width);
        for (int j = 0; j < GROUP; j++) {
            out[i + (size_t)j] = (uint8_t)(bits >> (j * width) & mask);
        }
    }
    for (; i < count; i++) {
        out[i] = (uint8_t)value_at(in, size, i * (size_t)width, width);
    }
}

static size_t unpack32_small(const uint8_t *in, size_t size, int width, uint32_t *out,
                             size_t count)
{
    size_t fast = whole_groups(count_safe(size, 8, width, count));
    uint64_t mask = mask_of(width);

    for (size_t i = 0; i < fast; i += GROUP) {
        uint64_t bits = dsi_le64(in + i / GROUP * (size_t)width);
        for (int j = 0; j < GROUP; j++) {
            out[i + (size_t)j] = (uint32_t)(bits >> (j * width) & mask);
        }
    }
    return fast;
}

void dsi_unpack32_scalar(const uint8_t *in, size_t size, int width, uint32_t *out,
                         size_t count)
{
    size_t i = 0;

    if (width == 0) {
        memset(out, 0, count * sizeof *out);
        return;
    }
    if (width <= 8) {
        i = unpack32_small(in, size, width, out, count);
    } else {
        size_t fast = count_safe(size, 8, width, count);
        uint64_t mask = mask_of(width);
        for (; i < fast; i++) {
            size_t bit = i * (size_t)width;
            out[i] = (uint32_t)(dsi_le64(in + bit / 8) >> bit % 8 & mask);
        }
    }
    for (; i < count; i++) {
        out[i] = (uint32_t)value_at(in, size, i * (size_t)width, width);
    }
}

void dsi_unpack64_scalar(const uint8_t *in, size_t size, int width, uint64_t *out,
                         size_t count)
{
    uint64_t mask = mask_of(width);
    size_t i = 0;

    if (width == 0) {
        memset(out, 0, count * sizeof *out);
        return;
    }
    if (width <= 57) { // With up to seven bits before it, one load holds it.
        size_t fast = count_safe(size, 8, width, count);
        for (; i < fast; i++) {
            size_t bit = i * (size_t)width;
            out[i] = dsi_le64(in + bit / 8) >> bit % 8 & mask;
        }
    }
    for (; i < count; i++) {
        out[i] = value_at(in, size, i * (size_t)width, width);
    }
}

#if DSI_KERNEL_X86

// All of them work alike: a shuffle brings the bytes that a value touches into its lane,
// a shift by its own count puts its first bit at the bottom, a mask cuts off its
// neighbours.

// Widths up to 25: with seven bits before it a value is still within four bytes. Each
// half of the register has its own 16 bytes, from where its first value begins.
DSI_AVX2 void dsi_unpack32_avx2(const uint8_t *in, size_t size, int width, uint32_t *out,
                                size_t count)
{
    if (width == 0 || width > 25) {
        dsi_unpack32_scalar(in, size, width, out, count);
        return;
    }
    size_t half = (size_t)width / 2; // Bytes before the fifth value.
    size_t span = half + 16;
    size_t groups = size < span ? 0 : (size - span) / (size_t)width + 1;
    groups = groups < count / GROUP ? groups : count / GROUP;
    const __m256i bit = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
                                           _mm256_set1_epi32(width));
    const __m256i shift = _mm256_and_si256(bit, _mm256_set1_epi32(7));
    const int h = (int)half;
    const __m256i byte = _mm256_sub_epi32(_mm256_srli_epi32(bit, 3),
                                          _mm256_setr_epi32(0, 0, 0, 0, h, h, h, h));
    const __m256i shuffle =
        _mm256_add_epi32(_mm256_mullo_epi32(byte, _mm256_set1_epi32(0x01010101)),
                         _mm256_set1_epi32(0x03020100));
    const __m256i mask = _mm256_set1_epi32((int)mask_of(width));

    for (size_t g = 0; g < groups; g++) {
        const uint8_t *at = in + g * (size_t)width;
        __m256i v = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)at)),
            _mm_loadu_si128((const __m128i *)(const void *)(at + half)), 1);
        v = _mm256_srlv_epi32(_mm256_shuffle_epi8(v, shuffle), shift);
        _mm256_storeu_si256((__m256i *)(void *)(out + g * GROUP),
                            _mm256_and_si256(v, mask));
    }
    size_t done = groups * GROUP;
    if (done < count) {
        size_t bytes = groups * (size_t)width;
        dsi_unpack32_scalar(in + bytes, size - bytes, width, out + done, count - done);
    }
}

// Four values of up to 57 bits from two loads of 16 bytes; where the values of one half
// begin is `first` bits behind the group's start.
struct quarter {
    size_t low; // Bytes to either load.
    size_t high;
    __m256i shuffle;
    __m256i shift;
};

DSI_AVX2 static struct quarter quarter_of(int width, int first)
{
    struct quarter q;
    int bits[4];
    int bytes[4];

    for (int i = 0; i < 4; i++) {
        bits[i] = first + i * width;
    }
    q.low = (size_t)bits[0] / 8;
    q.high = (size_t)bits[2] / 8;
    for (int i = 0; i < 4; i++) {
        bytes[i] = bits[i] / 8 - bits[i / 2 * 2] / 8;
    }
    const __m256i byte = _mm256_setr_epi64x(bytes[0], bytes[1], bytes[2], bytes[3]);
    const __m256i spread =
        _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8, 0, 0, 0, 0, 0, 0,
                         0, 0, 8, 8, 8, 8, 8, 8, 8, 8);
    q.shuffle = _mm256_add_epi8(_mm256_shuffle_epi8(byte, spread),
                                _mm256_set1_epi64x(0x0706050403020100));
    q.shift = _mm256_setr_epi64x(bits[0] % 8, bits[1] % 8, bits[2] % 8, bits[3] % 8);
    return q;
}

DSI_AVX2 static inline __m256i load_quarter(const uint8_t *at, const struct quarter *q,
                                            __m256i mask)
{
    __m256i v = _mm256_inserti128_si256(
        _mm256_castsi128_si256(
            _mm_loadu_si128((const __m128i *)(const void *)(at + q->low))),
        _mm_loadu_si128((const __m128i *)(const void *)(at + q->high)), 1);
    v = _mm256_srlv_epi64(_mm256_shuffle_epi8(v, q->shuffle), q->shift);
    return _mm256_and_si256(v, mask);
}

DSI_AVX2 void dsi_unpack64_avx2(const uint8_t *in, size_t size, int width, uint64_t *out,
                                size_t count)
{
    if (width == 0 || width > 57 || count < GROUP) {
        dsi_unpack64_scalar(in, size, width, out, count);
        return;
    }
    const struct quarter a = quarter_of(width, 0);
    const struct quarter b = quarter_of(width, 4 * width);
    const __m256i mask = _mm256_set1_epi64x((long long)mask_of(width));
    size_t span = b.high + 16;
    size_t groups = size < span ? 0 : (size - span) / (size_t)width + 1;
    groups = groups < count / GROUP ? groups : count / GROUP;

    for (size_t g = 0; g < groups; g++) {
        const uint8_t *at = in + g * (size_t)width;
        __m256i *to = (__m256i *)(void *)(out + g * GROUP);
        _mm256_storeu_si256(to, load_quarter(at, &a, mask));
        _mm256_storeu_si256(to + 1, load_quarter(at, &b, mask));
    }
    size_t done = groups * GROUP;
    if (done < count) {
        size_t bytes = groups * (size_t)width;
        dsi_unpack64_scalar(in + bytes, size - bytes, width, out + done, count - done);
    }
}

// With VBMI one shuffle reaches all 64 bytes, and a masked load reads no byte too many.

static inline uint64_t low_bits(size_t count)
{
    return count >= 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1;
}

// Bytes that hold the next `values` of `width` bits, of the `size` that are left.
static inline size_t bytes_of(size_t values, int width, size_t size)
{
    size_t bytes = (values * (size_t)width + 7) / 8;
    return bytes < size ? bytes : size;
}

DSI_AVX512 void dsi_unpack8_avx512(const uint8_t *in, size_t size, int width,
                                   uint8_t *out, size_t count)
{
    if (width == 0) {
        memset(out, 0, count);
        return;
    }
    // Each 64-bit lane gets the bytes of its eight values; multishift picks them out.
    const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i byte = _mm512_mullo_epi64(lane, _mm512_set1_epi64(width));
    const __m512i shuffle =
        _mm512_add_epi8(_mm512_mullo_epi64(byte, _mm512_set1_epi64(0x0101010101010101)),
                        _mm512_set1_epi64(0x0706050403020100));
    const uint64_t starts = 0x0706050403020100u * (uint64_t)width; // A byte for each.
    const __m512i shift = _mm512_set1_epi64((long long)starts);
    const __m512i mask = _mm512_set1_epi8((char)mask_of(width));

    for (size_t i = 0; i < count; i += 64) {
        size_t n = count - i < 64 ? count - i : 64;
        size_t at = i / 8 * (size_t)width;
        __m512i v =
            _mm512_maskz_loadu_epi8(low_bits(bytes_of(n, width, size - at)), in + at);
        v = _mm512_multishift_epi64_epi8(shift, _mm512_permutexvar_epi8(shuffle, v));
        _mm512_mask_storeu_epi8(out + i, low_bits(n), _mm512_and_si512(v, mask));
    }
}

DSI_AVX512 void dsi_unpack32_avx512(const uint8_t *in, size_t size, int width,
                                    uint32_t *out, size_t count)
{
    if (width == 0 || width > 25) {
        dsi_unpack32_scalar(in, size, width, out, count);
        return;
    }
    const __m512i lane =
        _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i bit = _mm512_mullo_epi32(lane, _mm512_set1_epi32(width));
    const __m512i shift = _mm512_and_si512(bit, _mm512_set1_epi32(7));
    const __m512i shuffle = _mm512_add_epi32(
        _mm512_mullo_epi32(_mm512_srli_epi32(bit, 3), _mm512_set1_epi32(0x01010101)),
        _mm512_set1_epi32(0x03020100));
    const __m512i mask = _mm512_set1_epi32((int)mask_of(width));
    size_t bytes = 2 * (size_t)width;
    uint64_t whole = low_bits(bytes);
    size_t i = 0;

    for (; i + 16 <= count; i += 16, in += bytes, size -= bytes) {
        __m512i v = _mm512_maskz_loadu_epi8(whole, in);
        v = _mm512_srlv_epi32(_mm512_permutexvar_epi8(shuffle, v), shift);
        _mm512_storeu_si512(out + i, _mm512_and_si512(v, mask));
    }
    if (i < count) {
        size_t n = count - i;
        __m512i v = _mm512_maskz_loadu_epi8(low_bits(bytes_of(n, width, size)), in);
        v = _mm512_srlv_epi32(_mm512_permutexvar_epi8(shuffle, v), shift);
        _mm512_mask_storeu_epi32(out + i, (__mmask16)low_bits(n),
                                 _mm512_and_si512(v, mask));
    }
}

DSI_AVX512 void dsi_unpack64_avx512(const uint8_t *in, size_t size, int width,
                                    uint64_t *out, size_t count)
{
    if (width == 0 || width > 57) {
        dsi_unpack64_scalar(in, size, width, out, count);
        return;
    }
    const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i bit = _mm512_mullo_epi64(lane, _mm512_set1_epi64(width));
    const __m512i shift = _mm512_and_si512(bit, _mm512_set1_epi64(7));
    const __m512i shuffle =
        _mm512_add_epi64(_mm512_mullo_epi64(_mm512_srli_epi64(bit, 3),
                                            _mm512_set1_epi64(0x0101010101010101)),
                         _mm512_set1_epi64(0x0706050403020100));
    const __m512i mask = _mm512_set1_epi64((long long)mask_of(width));
    size_t bytes = (size_t)width;
    uint64_t whole = low_bits(bytes);
    size_t i = 0;

    for (; i + 8 <= count; i += 8, in += bytes, size -= bytes) {
        __m512i v = _mm512_maskz_loadu_epi8(whole, in);
        v = _mm512_srlv_epi64(_mm512_permutexvar_epi8(shuffle, v), shift);
        _mm512_storeu_si512(out + i, _mm512_and_si512(v, mask));
    }
    if (i < count) {
        size_t n = count - i;
        __m512i v = _mm512_maskz_loadu_epi8(low_bits(bytes_of(n, width, size)), in);
        v = _mm512_srlv_epi64(_mm512_permutexvar_epi8(shuffle, v), shift);
        _mm512_mask_storeu_epi64(out + i, (__mmask8)low_bits(n),
                                 _mm512_and_si512(v, mask));
    }
}

#endif
