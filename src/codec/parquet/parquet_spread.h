// Elements whose definition levels are known, on their way into a column.
#ifndef DSI_CODEC_PARQUET_SPREAD_H
#define DSI_CODEC_PARQUET_SPREAD_H

#include "codec/parquet/parquet_pages.h"

// Consecutive elements of a page.
struct dsi_parquet_span {
    size_t count;
    const uint8_t *levels; // One for each; NULL: they all are `level`.
    uint8_t level;
};

/// How many of them are values.
size_t dsi_parquet_span_present(const struct dsi_parquet_span *s, int32_t max_def);

/// Appends elements of the page at hand, whose values are open: `s->count` becomes how
/// many. Fewer than there were, when `out` has no room for the next one's bytes, or more
/// come next time. Nothing is counted in `out` but nulls.
DS_MUST_CHECK int dsi_parquet_spread(dsi_parquet_reader *r, struct dsi_parquet_span *s,
                                     struct dsi_parquet_column *out,
                                     struct ds_error *err);

/// Takes what was appended last back until `out` has so many slots and elements.
void dsi_parquet_spread_cut(const struct dsi_parquet_node *leaf, size_t slots,
                            size_t elements, struct dsi_parquet_column *out);

#endif
