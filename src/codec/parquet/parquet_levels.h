// Definition and repetition levels of one data page.
// Parquet Encodings.md, "Run Length Encoding / Bit-Packing Hybrid" and "Bit-packed".
#ifndef DSI_CODEC_PARQUET_LEVELS_H
#define DSI_CODEC_PARQUET_LEVELS_H

#include "codec/parquet/parquet_rle.h"

struct dsi_parquet_level_reader {
    uint8_t max;
    bool is_packed;             // The old encoding: most significant bit first, no runs.
    struct ds_slice packed;     // Of that: what is left, from …
    size_t packed_bit;          // … this bit on.
    struct dsi_parquet_rle rle; // Else.
};

/// Levels of 0..max in the hybrid encoding, borrowed.
void dsi_parquet_level_reader_init(struct dsi_parquet_level_reader *l, struct ds_slice in,
                                   int32_t max);

/// Takes the `count` levels at the start of a page of version 1 off `body`. `encoding` is
/// the format's number; nothing is there when `max` is 0. DS_ECORRUPT, DS_EUNSUPPORTED.
DS_MUST_CHECK int dsi_parquet_level_reader_take(struct dsi_parquet_level_reader *l,
                                                int32_t encoding, int32_t max,
                                                size_t count, struct ds_slice *body,
                                                struct ds_error *err);

/// How many times the next level repeats; 0 when that is not known at once. Nothing is
/// taken; dsi_parquet_level_reader_pass does that. No more than there are, not above
/// `max`.
uint64_t dsi_parquet_level_reader_repeats(struct dsi_parquet_level_reader *l,
                                          uint8_t *level);
void dsi_parquet_level_reader_pass(struct dsi_parquet_level_reader *l, uint64_t count);

/// The next levels, at least one and at most `max`. DS_ECORRUPT when there are none, or
/// one is above its maximum.
DS_MUST_CHECK int dsi_parquet_level_reader_some(struct dsi_parquet_level_reader *l,
                                                uint8_t *out, size_t max, size_t *count,
                                                struct ds_error *err);

/// Exactly `count` levels.
DS_MUST_CHECK int dsi_parquet_level_reader_read(struct dsi_parquet_level_reader *l,
                                                uint8_t *out, size_t count,
                                                struct ds_error *err);

#endif
