// The inner loops of the codecs, once in plain C and again in vector instructions where a
// measurement shows that they pay.
//
// (1) All levels give the same bytes for the same input: which one runs is never seen.
// (2) Nothing is read beyond what is said to be readable, nor written beyond what is said
//     to be writable, by any level.
// (3) Kernels trust their arguments: who calls them has checked sizes against the input.
// (4) In memory numbers are in the host's order, in packed bytes in the file's.
#ifndef DSI_CODEC_KERNEL_H
#define DSI_CODEC_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

enum dsi_text_kind {
    DSI_TEXT_BAD,   // Not UTF-8 (RFC 3629).
    DSI_TEXT_UTF8,  // UTF-8, some of it beyond ASCII.
    DSI_TEXT_ASCII, // Every byte is a character.
};

struct dsi_kernels {
    enum dsi_cpu_level level;

    /// Unpacks `count` values of `width` bits from `in`, of which `size` bytes (at least
    /// count * width / 8, rounded up) are readable. Widths: 0..8, 0..32, 0..64.
    /// Parquet Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
    void (*unpack8)(const uint8_t *in, size_t size, int width, uint8_t *out,
                    size_t count);
    void (*unpack32)(const uint8_t *in, size_t size, int width, uint32_t *out,
                     size_t count);
    void (*unpack64)(const uint8_t *in, size_t size, int width, uint64_t *out,
                     size_t count);

    /// The largest of them; 0 for none.
    uint32_t (*max_u32)(const uint32_t *values, size_t count);

    /// A bit for each of `count` levels, from the lowest of bits[0] on, set where the
    /// level is `level`; the last byte is filled with zeros. How many are set.
    size_t (*levels_bits)(const uint8_t *levels, size_t count, uint8_t level,
                          uint8_t *bits);

    /// How many of the first `count` bits are set.
    size_t (*count_bits)(const uint8_t *bits, size_t count);

    /// Moves the `present` values at the front of `values` (room for `rows` of `width`
    /// bytes) to the rows whose bit is set, `present` of them; zeros elsewhere.
    void (*expand)(uint8_t *values, size_t width, const uint8_t *bits, size_t rows,
                   size_t present);

    /// BYTE_STREAM_SPLIT: `width` streams of `count` bytes each to values, and back.
    void (*join_streams)(const uint8_t *in, size_t width, size_t count, uint8_t *out);
    void (*split_streams)(const uint8_t *in, size_t width, size_t count, uint8_t *out);

    enum dsi_text_kind (*text_kind)(const uint8_t *bytes, size_t size);
};

/// Those of the level in use (dsi_cpu_level). Any thread.
const struct dsi_kernels *dsi_kernels(void);

/// Those of one level; NULL when this processor does not have it.
const struct dsi_kernels *dsi_kernels_at(enum dsi_cpu_level level);

#endif
