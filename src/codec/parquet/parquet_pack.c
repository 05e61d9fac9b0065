#include "codec/parquet/parquet_pack.h"

#include <assert.h>

#include "codec/parquet/parquet_bytes.h"

enum { GROUP = DSI_PARQUET_PACK_GROUP };

// Adds a value to the word being filled; what is full goes out. With the width a
// constant and the loop around it unrolled, `used` is one too, and no test is left.
static inline uint8_t *add(uint64_t v, int width, uint64_t *word, int *used, uint8_t *out)
{
    *word |= v << *used;
    if (*used + width < 64) {
        *used += width;
        return out;
    }
    dsi_put_le64(out, *word);
    *word = *used > 0 ? v >> (64 - *used) : 0;
    *used += width - 64;
    return out + 8;
}

static inline void pack32(const uint32_t *v, size_t groups, int width, uint8_t *out)
{
    for (size_t g = 0; g < groups; g++, v += GROUP, out += width) {
        uint64_t word = 0;
        int used = 0;
        uint8_t *at = out;
        for (int i = 0; i < GROUP; i++) {
            at = add(v[i], width, &word, &used, at);
        }
        dsi_put_le64(at, word);
    }
}

static inline void pack64(const uint64_t *v, size_t groups, int width, uint8_t *out)
{
    for (size_t g = 0; g < groups; g++, v += GROUP, out += width) {
        uint64_t word = 0;
        int used = 0;
        uint8_t *at = out;
        for (int i = 0; i < GROUP; i++) {
            at = add(v[i], width, &word, &used, at);
        }
        dsi_put_le64(at, word);
    }
}

#define EIGHT_WIDTHS(X, w)                                                               \
    X((w) + 1)                                                                           \
    X((w) + 2) X((w) + 3) X((w) + 4) X((w) + 5) X((w) + 6) X((w) + 7) X((w) + 8)

void dsi_parquet_pack32(const uint32_t *values, size_t groups, int width, uint8_t *out)
{
    assert(width >= 0 && width <= 32);
    switch (width) {
#define WIDTH(w)                                                                         \
    case w:                                                                              \
        pack32(values, groups, w, out);                                                  \
        break;
        EIGHT_WIDTHS(WIDTH, 0)
        EIGHT_WIDTHS(WIDTH, 8)
        EIGHT_WIDTHS(WIDTH, 16)
        EIGHT_WIDTHS(WIDTH, 24)
#undef WIDTH
    default:
        break;
    }
}

void dsi_parquet_pack64(const uint64_t *values, size_t groups, int width, uint8_t *out)
{
    assert(width >= 0 && width <= 64);
    switch (width) {
#define WIDTH(w)                                                                         \
    case w:                                                                              \
        pack64(values, groups, w, out);                                                  \
        break;
        EIGHT_WIDTHS(WIDTH, 0)
        EIGHT_WIDTHS(WIDTH, 8)
        EIGHT_WIDTHS(WIDTH, 16)
        EIGHT_WIDTHS(WIDTH, 24)
        EIGHT_WIDTHS(WIDTH, 32)
        EIGHT_WIDTHS(WIDTH, 40)
        EIGHT_WIDTHS(WIDTH, 48)
        EIGHT_WIDTHS(WIDTH, 56)
#undef WIDTH
    default:
        break;
    }
}

int dsi_parquet_bit_width64(uint64_t max)
{
    int width = 0;

    for (int step = 32; step > 0; step /= 2) {
        if (max >> step > 0) {
            max >>= step;
            width += step;
        }
    }
    return max > 0 ? width + 1 : 0;
}
