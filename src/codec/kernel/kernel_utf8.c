#include "codec/kernel/kernel_utf8.h"

#include <string.h>

#include "base/text.h"
#include "codec/kernel/kernel_target.h"

// Bytes from the start on that are ASCII, as far as whole words go.
static size_t skip_ascii(const uint8_t *bytes, size_t size)
{
    const uint64_t high = 0x8080808080808080u;
    size_t at = 0;

    for (; at + 8 <= size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + at, sizeof word);
        if (word & high) {
            break;
        }
    }
    return at;
}

enum dsi_text_kind dsi_text_kind_scalar(const uint8_t *bytes, size_t size)
{
    size_t at = skip_ascii(bytes, size);

    while (at < size && bytes[at] < 0x80) {
        at++;
    }
    if (at == size) {
        return DSI_TEXT_ASCII;
    }
    return dsi_utf8_valid((struct ds_slice){bytes + at, size - at}) ? DSI_TEXT_UTF8
                                                                    : DSI_TEXT_BAD;
}

#if DSI_KERNEL_X86

// Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte" (2021):
// what is wrong with two bytes in a row can be told from three of their four nibbles.
// Each table maps a nibble to the faults that it allows; a fault that all three allow is
// there. What remains is that third and fourth bytes stand where a lead byte wants them:
// exactly there two continuations in a row (TWO) are no fault.
enum {
    SHORT = 1 << 0,           // A lead byte without its continuation.
    LONG = 1 << 1,            // A continuation after ASCII.
    OVERLONG_3 = 1 << 2,      // e0, then below a0.
    LARGE = 1 << 3,           // f4, then above 8f; or above f4.
    SURROGATE = 1 << 4,       // ed, then above 9f.
    OVERLONG_2 = 1 << 5,      // c0 or c1.
    LARGE_1000 = 1 << 6,      // Above f4, then 8x …
    OVERLONG_4 = 1 << 6,      // … or f0, then below 90.
    TWO = 1 << 7,             // Two continuations.
    ANY = SHORT | LONG | TWO, // Faults that the first byte's low nibble says nothing of.
};

// As bytes of a register: by the first byte's high nibble, its low one, the second's
// high.
#define FIRST_HIGH                                                                       \
    LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, (char)TWO, (char)TWO, (char)TWO,     \
        (char)TWO, SHORT | OVERLONG_2, SHORT, SHORT | OVERLONG_3 | SURROGATE,            \
        SHORT | LARGE | LARGE_1000 | OVERLONG_4
#define FIRST_LOW                                                                        \
    (char)(ANY | OVERLONG_2 | OVERLONG_3 | OVERLONG_4), (char)(ANY | OVERLONG_2),        \
        (char)ANY, (char)ANY, (char)(ANY | LARGE), (char)(ANY | LARGE | LARGE_1000),     \
        (char)(ANY | LARGE | LARGE_1000), (char)(ANY | LARGE | LARGE_1000),              \
        (char)(ANY | LARGE | LARGE_1000), (char)(ANY | LARGE | LARGE_1000),              \
        (char)(ANY | LARGE | LARGE_1000), (char)(ANY | LARGE | LARGE_1000),              \
        (char)(ANY | LARGE | LARGE_1000), (char)(ANY | LARGE | LARGE_1000 | SURROGATE),  \
        (char)(ANY | LARGE | LARGE_1000), (char)(ANY | LARGE | LARGE_1000)
#define SECOND_HIGH                                                                      \
    SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT,                              \
        (char)(LONG | TWO | OVERLONG_2 | OVERLONG_3 | OVERLONG_4 | LARGE_1000),          \
        (char)(LONG | TWO | OVERLONG_2 | OVERLONG_3 | LARGE),                            \
        (char)(LONG | TWO | OVERLONG_2 | SURROGATE | LARGE),                             \
        (char)(LONG | TWO | OVERLONG_2 | SURROGATE | LARGE), SHORT, SHORT, SHORT, SHORT

// Faults of one block, given the block before it.
DSI_SSE4 static inline __m128i faults_sse4(__m128i v, __m128i before)
{
    const __m128i low = _mm_set1_epi8(0x0f);
    __m128i one = _mm_alignr_epi8(v, before, 15); // The byte before each byte, …
    __m128i two = _mm_alignr_epi8(v, before, 14);
    __m128i three = _mm_alignr_epi8(v, before, 13);
    __m128i a = _mm_shuffle_epi8(_mm_setr_epi8(FIRST_HIGH),
                                 _mm_and_si128(_mm_srli_epi16(one, 4), low));
    __m128i b = _mm_shuffle_epi8(_mm_setr_epi8(FIRST_LOW), _mm_and_si128(one, low));
    __m128i c = _mm_shuffle_epi8(_mm_setr_epi8(SECOND_HIGH),
                                 _mm_and_si128(_mm_srli_epi16(v, 4), low));
    __m128i third = _mm_subs_epu8(two, _mm_set1_epi8(0xe0 - 0x80));
    __m128i fourth = _mm_subs_epu8(three, _mm_set1_epi8(0xf0 - 0x80));
    __m128i wanted =
        _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8((char)0x80));
    return _mm_xor_si128(wanted, _mm_and_si128(_mm_and_si128(a, b), c));
}

DSI_SSE4 enum dsi_text_kind dsi_text_kind_sse4(const uint8_t *bytes, size_t size)
{
    size_t at = skip_ascii(bytes, size);
    __m128i before = _mm_setzero_si128();
    __m128i faults = _mm_setzero_si128();
    __m128i seen = _mm_setzero_si128();
    uint8_t last[16] = {0};

    for (; at + 16 <= size; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(bytes + at));
        faults = _mm_or_si128(faults, faults_sse4(v, before));
        seen = _mm_or_si128(seen, v);
        before = v;
    }
    // The rest and at least one zero: what begins and does not end is a fault there.
    if (at < size) {
        memcpy(last, bytes + at, size - at);
    }
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)last);
    faults = _mm_or_si128(faults, faults_sse4(v, before));
    seen = _mm_or_si128(seen, v);
    if (!_mm_testz_si128(faults, faults)) {
        return DSI_TEXT_BAD;
    }
    return _mm_movemask_epi8(seen) ? DSI_TEXT_UTF8 : DSI_TEXT_ASCII;
}

DSI_AVX2 static inline __m256i faults_avx2(__m256i v, __m256i before)
{
    const __m256i low = _mm256_set1_epi8(0x0f);
    __m256i cross = _mm256_permute2x128_si256(before, v, 0x21);
    __m256i one = _mm256_alignr_epi8(v, cross, 15);
    __m256i two = _mm256_alignr_epi8(v, cross, 14);
    __m256i three = _mm256_alignr_epi8(v, cross, 13);
    __m256i a = _mm256_shuffle_epi8(_mm256_setr_epi8(FIRST_HIGH, FIRST_HIGH),
                                    _mm256_and_si256(_mm256_srli_epi16(one, 4), low));
    __m256i b = _mm256_shuffle_epi8(_mm256_setr_epi8(FIRST_LOW, FIRST_LOW),
                                    _mm256_and_si256(one, low));
    __m256i c = _mm256_shuffle_epi8(_mm256_setr_epi8(SECOND_HIGH, SECOND_HIGH),
                                    _mm256_and_si256(_mm256_srli_epi16(v, 4), low));
    __m256i third = _mm256_subs_epu8(two, _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth = _mm256_subs_epu8(three, _mm256_set1_epi8(0xf0 - 0x80));
    __m256i wanted =
        _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
    return _mm256_xor_si256(wanted, _mm256_and_si256(_mm256_and_si256(a, b), c));
}

DSI_AVX2 static inline __m256i load_avx2(const uint8_t *at)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

// ASCII from the start on, in steps of 128 bytes.
DSI_AVX2 static size_t skip_ascii_avx2(const uint8_t *bytes, size_t size)
{
    size_t at = 0;

    for (; at + 128 <= size; at += 128) {
        __m256i a = _mm256_or_si256(load_avx2(bytes + at), load_avx2(bytes + at + 32));
        __m256i b =
            _mm256_or_si256(load_avx2(bytes + at + 64), load_avx2(bytes + at + 96));
        if (_mm256_movemask_epi8(_mm256_or_si256(a, b))) {
            break;
        }
    }
    return at;
}

DSI_AVX2 enum dsi_text_kind dsi_text_kind_avx2(const uint8_t *bytes, size_t size)
{
    size_t at = skip_ascii_avx2(bytes, size);
    __m256i before = _mm256_setzero_si256();
    __m256i faults = _mm256_setzero_si256();
    __m256i seen = _mm256_setzero_si256();
    uint8_t last[32] = {0};

    for (; at + 32 <= size; at += 32) {
        __m256i v = load_avx2(bytes + at);
        faults = _mm256_or_si256(faults, faults_avx2(v, before));
        seen = _mm256_or_si256(seen, v);
        before = v;
    }
    if (at < size) {
        memcpy(last, bytes + at, size - at);
    }
    __m256i v = load_avx2(last);
    faults = _mm256_or_si256(faults, faults_avx2(v, before));
    seen = _mm256_or_si256(seen, v);
    if (!_mm256_testz_si256(faults, faults)) {
        return DSI_TEXT_BAD;
    }
    return _mm256_movemask_epi8(seen) ? DSI_TEXT_UTF8 : DSI_TEXT_ASCII;
}

DSI_AVX512 static inline __mmask64 faults_avx512(__m512i v, __m512i before)
{
    const __m512i low = _mm512_set1_epi8(0x0f);
    const __m512i first_high = _mm512_broadcast_i32x4(_mm_setr_epi8(FIRST_HIGH));
    const __m512i first_low = _mm512_broadcast_i32x4(_mm_setr_epi8(FIRST_LOW));
    const __m512i second_high = _mm512_broadcast_i32x4(_mm_setr_epi8(SECOND_HIGH));
    // Sixteen bytes up: the last quarter of `before`, the first three of `v`.
    __m512i cross = _mm512_alignr_epi64(v, before, 6);
    __m512i one = _mm512_alignr_epi8(v, cross, 15);
    __m512i two = _mm512_alignr_epi8(v, cross, 14);
    __m512i three = _mm512_alignr_epi8(v, cross, 13);
    __m512i a =
        _mm512_shuffle_epi8(first_high, _mm512_and_si512(_mm512_srli_epi16(one, 4), low));
    __m512i b = _mm512_shuffle_epi8(first_low, _mm512_and_si512(one, low));
    __m512i c =
        _mm512_shuffle_epi8(second_high, _mm512_and_si512(_mm512_srli_epi16(v, 4), low));
    __m512i third = _mm512_subs_epu8(two, _mm512_set1_epi8(0xe0 - 0x80));
    __m512i fourth = _mm512_subs_epu8(three, _mm512_set1_epi8(0xf0 - 0x80));
    __m512i wanted =
        _mm512_and_si512(_mm512_or_si512(third, fourth), _mm512_set1_epi8((char)0x80));
    __m512i faults = _mm512_and_si512(_mm512_and_si512(a, b), c);
    return _mm512_cmpneq_epi8_mask(wanted, faults);
}

DSI_AVX512 enum dsi_text_kind dsi_text_kind_avx512(const uint8_t *bytes, size_t size)
{
    size_t at = skip_ascii_avx2(bytes, size);
    __m512i before = _mm512_setzero_si512();
    __m512i seen = _mm512_setzero_si512();
    __mmask64 faults = 0;

    for (; at + 64 <= size; at += 64) {
        __m512i v = _mm512_loadu_si512(bytes + at);
        faults |= faults_avx512(v, before);
        seen = _mm512_or_si512(seen, v);
        before = v;
    }
    uint64_t there = ((uint64_t)1 << (size - at)) - 1;
    __m512i v = _mm512_maskz_loadu_epi8(there, bytes + at);
    faults |= faults_avx512(v, before);
    seen = _mm512_or_si512(seen, v);
    if (faults) {
        return DSI_TEXT_BAD;
    }
    return _mm512_movepi8_mask(seen) ? DSI_TEXT_UTF8 : DSI_TEXT_ASCII;
}

#endif
