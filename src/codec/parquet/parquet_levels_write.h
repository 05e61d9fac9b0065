// The definition or repetition levels of a page being written, in the RLE / bit-packing
// hybrid from the start: a long run takes a few bytes while it waits, too.
//
// (1) What comes out depends on the levels alone, not on how they came: runs begin and
//     end at multiples of eight levels since the page began.
#ifndef DSI_CODEC_PARQUET_LEVELS_WRITE_H
#define DSI_CODEC_PARQUET_LEVELS_WRITE_H

#include "base/buf.h"
#include "codec/parquet/parquet.h"

struct dsi_parquet_levels {
    struct dsi_buf bytes; // Runs that are done.
    int width;            // Bits in a level; 0: all are 0, and nothing is stored.
    uint32_t max;
    size_t count;

    uint64_t ones;     // A 1 in each of a group's eight places.
    uint64_t group;    // Levels that do not make a group yet …
    int group_count;   // … so many of them.
    uint64_t repeated; // The group that repeats …
    size_t repeats;    // … so often, and is not in `bytes` yet.
    size_t packed;     // Groups of the packed run that is open …
    size_t packed_at;  // … whose header is there in `bytes`.

    // How often each level came. Mostly there are few: those above `max` are never set.
    int64_t histogram[DSI_PARQUET_DEPTH_MAX + 1];
};

/// For levels 0 to `max`. End with dsi_parquet_levels_release.
void dsi_parquet_levels_init(struct dsi_parquet_levels *l, uint32_t max);
void dsi_parquet_levels_release(struct dsi_parquet_levels *l);

/// Appends `count` times the same level.
DS_MUST_CHECK int dsi_parquet_levels_repeat(struct dsi_parquet_levels *l, uint32_t level,
                                            size_t count, struct ds_error *err);

/// Appends levels that are known to be at most `max`.
DS_MUST_CHECK int dsi_parquet_levels_append(struct dsi_parquet_levels *l,
                                            const uint8_t *levels, size_t count,
                                            struct ds_error *err);

/// Appends the levels of validity bits from `first` on: `max` where one is set, else one
/// less.
DS_MUST_CHECK int dsi_parquet_levels_append_bits(struct dsi_parquet_levels *l,
                                                 const uint8_t *bits, size_t first,
                                                 size_t count, struct ds_error *err);

/// Appends the page's levels to `out` as they stand in a data page of version 1 (nothing
/// if there is one level only), and forgets them.
DS_MUST_CHECK int dsi_parquet_levels_end(struct dsi_parquet_levels *l,
                                         struct dsi_buf *out, struct ds_error *err);

#endif
