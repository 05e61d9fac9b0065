// The encodings that are turned into plain ones before use: the delta family and
// BYTE_STREAM_SPLIT. Parquet Encodings.md.
#ifndef DSI_CODEC_PARQUET_DELTA_H
#define DSI_CODEC_PARQUET_DELTA_H

#include "codec/parquet/parquet.h"

/// Appends the plain encoding of what `in` holds to `out` (whose max bounds the work):
/// `encoding` is the format's number, `count_max` the most values a page may have.
/// DS_ECORRUPT; DS_EUNSUPPORTED for an encoding that is none of these, or that the type
/// cannot have.
DS_MUST_CHECK int dsi_parquet_to_plain(int32_t encoding,
                                       const struct dsi_parquet_field *f,
                                       struct ds_slice in, size_t count_max,
                                       struct dsi_buf *out, struct ds_error *err);

#endif
