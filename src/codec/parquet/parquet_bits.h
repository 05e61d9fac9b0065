// Arrow's bitmaps: bit i is bit i % 8 of byte i / 8.
#ifndef DSI_CODEC_PARQUET_BITS_H
#define DSI_CODEC_PARQUET_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool dsi_bit_get(const uint8_t *bits, size_t i)
{
    return bits[i / 8] >> i % 8 & 1;
}

static inline void dsi_bit_or(uint8_t *bits, size_t i, bool v)
{
    bits[i / 8] |= (uint8_t)(v << i % 8);
}

/// Sets bits [at, at + count).
static inline void dsi_bits_fill(uint8_t *bits, size_t at, size_t count)
{
    for (; count > 0 && at % 8 != 0; at++, count--) {
        dsi_bit_or(bits, at, true);
    }
    for (; count >= 8; at += 8, count -= 8) {
        bits[at / 8] = 0xff;
    }
    for (; count > 0; at++, count--) {
        dsi_bit_or(bits, at, true);
    }
}

/// Copies `count` bits to bits that are zero so far.
static inline void dsi_bits_copy(uint8_t *to, size_t to_at, const uint8_t *from,
                                 size_t from_at, size_t count)
{
    for (; count > 0 && to_at % 8 != 0; to_at++, from_at++, count--) {
        dsi_bit_or(to, to_at, dsi_bit_get(from, from_at));
    }
    int shift = (int)(from_at % 8);
    for (; count >= 8; to_at += 8, from_at += 8, count -= 8) {
        unsigned low = from[from_at / 8];
        unsigned high = shift > 0 ? from[from_at / 8 + 1] : 0u;
        to[to_at / 8] = (uint8_t)((low | high << 8) >> shift);
    }
    for (; count > 0; to_at++, from_at++, count--) {
        dsi_bit_or(to, to_at, dsi_bit_get(from, from_at));
    }
}

#endif
