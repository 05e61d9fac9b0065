// The smallest and the largest of the values seen, while writing.
#ifndef DSI_CODEC_PARQUET_BOUNDS_H
#define DSI_CODEC_PARQUET_BOUNDS_H

#include "codec/parquet/parquet_order.h"

// (1) Neither bound is ever NaN. -0 is below +0.
struct dsi_parquet_bounds {
    bool has;
    struct dsi_buf min; // Plain encoding, without a length.
    struct dsi_buf max;
    int64_t nan_count;
};

void dsi_parquet_bounds_release(struct dsi_parquet_bounds *b);

/// Forgets everything, but keeps the memory.
void dsi_parquet_bounds_reset(struct dsi_parquet_bounds *b);

/// Takes one value into account. Nothing to do for ORDER_NONE. NaN is not counted here.
DS_MUST_CHECK int dsi_parquet_bounds_add(struct dsi_parquet_bounds *b,
                                         enum dsi_parquet_order order,
                                         struct ds_slice value, struct ds_error *err);

/// The same for `count` values of `width` bytes in a row.
DS_MUST_CHECK int dsi_parquet_bounds_add_all(struct dsi_parquet_bounds *b,
                                             enum dsi_parquet_order order,
                                             const uint8_t *values, size_t width,
                                             size_t count, struct ds_error *err);

/// The same for `count` BYTE_ARRAY values, one after the other.
DS_MUST_CHECK int dsi_parquet_bounds_add_bytes(struct dsi_parquet_bounds *b,
                                               enum dsi_parquet_order order,
                                               const uint8_t *values,
                                               const uint32_t *lengths, size_t count,
                                               struct ds_error *err);

/// How many of `count` values are NaN; 0 for orders other than the floats'.
size_t dsi_parquet_count_nans(enum dsi_parquet_order order, const uint8_t *values,
                              size_t count);

/// Bounds of `add` go into `b`, NaN counts too.
DS_MUST_CHECK int dsi_parquet_bounds_merge(struct dsi_parquet_bounds *b,
                                           enum dsi_parquet_order order,
                                           const struct dsi_parquet_bounds *add,
                                           struct ds_error *err);

/// What goes into the file: long bounds of BYTE_ARRAY columns cut to `bytes_max` (text
/// between characters), so that they still bound; zeros widened. Points into `b`, or to
/// `scratch`, whose content is replaced.
DS_MUST_CHECK int dsi_parquet_bounds_store(const struct dsi_parquet_bounds *b,
                                           const struct dsi_parquet_field *f,
                                           size_t bytes_max, struct dsi_buf *scratch,
                                           struct dsi_parquet_statistics *out,
                                           struct ds_error *err);

#endif
