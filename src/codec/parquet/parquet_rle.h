// The RLE / bit-packing hybrid: levels, dictionary indices, booleans.
// Parquet Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
#ifndef DSI_CODEC_PARQUET_RLE_H
#define DSI_CODEC_PARQUET_RLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/kernel/kernel.h"

struct dsi_parquet_rle {
    const uint8_t *at;
    const uint8_t *end;
    int width;            // Bits in a value, 0..32.
    uint32_t value;       // Of the run at hand, if it repeats.
    uint64_t repeat_left; // Values left in a repeating run …
    uint64_t packed_left; // … or in a bit-packed one; never both.
    int packed_skip;      // Values of the byte group at `at` that were taken already.
    const struct dsi_kernels *kernels;
};

/// Starts on `in`, borrowed. `width` is 0 to 32.
void dsi_parquet_rle_init(struct dsi_parquet_rle *d, struct ds_slice in, int width);

/// The next values, at least one and at most `max` of them; 0 when there are no more, or
/// what follows is no run. A last group of eight may bring padding along.
size_t dsi_parquet_rle_some(struct dsi_parquet_rle *d, uint32_t *out, size_t max);

/// The same into bytes, for a width of at most 8.
size_t dsi_parquet_rle_bytes(struct dsi_parquet_rle *d, uint8_t *out, size_t max);

/// How many times the next value repeats: 0 when it is in a bit-packed run (or nothing
/// follows). Nothing is taken; dsi_parquet_rle_pass does that.
uint64_t dsi_parquet_rle_repeats(struct dsi_parquet_rle *d, uint32_t *value);
void dsi_parquet_rle_pass(struct dsi_parquet_rle *d, uint64_t count);

/// Passes over values, whatever runs they are in: `count` of them, or as many as there
/// are. How many.
uint64_t dsi_parquet_rle_skip(struct dsi_parquet_rle *d, uint64_t count);

/// Unpacks `count` values of `width` bits (0..64) from the start of `in`, which has at
/// least as many bytes as that takes.
void dsi_parquet_unpack32(struct ds_slice in, int width, uint32_t *out, size_t count);
void dsi_parquet_unpack64(struct ds_slice in, int width, uint64_t *out, size_t count);

/// Bits that the largest of these values needs.
int dsi_parquet_bit_width(uint32_t max);

/// Appends the hybrid form of `count` values, none of which has a bit above its width.
DS_MUST_CHECK int dsi_parquet_rle_write(const uint32_t *values, size_t count, int width,
                                        struct dsi_buf *out, struct ds_error *err);

#endif
