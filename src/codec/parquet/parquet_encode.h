// The values of a page to the bytes of an encoding: the other direction of
// parquet_delta.h. Parquet Encodings.md.
//
// (1) The same values give the same bytes, on every machine.
#ifndef DSI_CODEC_PARQUET_ENCODE_H
#define DSI_CODEC_PARQUET_ENCODE_H

#include "codec/parquet/parquet.h"

/// Values without nulls, borrowed. Numbers are little-endian.
struct dsi_parquet_encode_input {
    const struct dsi_parquet_field *field;
    size_t count;
    const uint8_t *bytes;    ///< One after the other; of BOOLEAN, bits.
    const uint32_t *lengths; ///< BYTE_ARRAY: of each, at most INT32_MAX; else NULL.
};

/// Appends the values to `out`; `encoding` is the format's number: PLAIN, RLE (BOOLEAN),
/// DELTA_BINARY_PACKED (INT32, INT64), DELTA_LENGTH_BYTE_ARRAY (BYTE_ARRAY),
/// DELTA_BYTE_ARRAY (BYTE_ARRAY, FIXED) or BYTE_STREAM_SPLIT (INT32, INT64, FLOAT,
/// DOUBLE, FIXED). The type must be one that the encoding is for.
DS_MUST_CHECK int dsi_parquet_encode(int32_t encoding,
                                     const struct dsi_parquet_encode_input *in,
                                     struct dsi_buf *out, struct ds_error *err);

/// May values of this type be encoded so?
bool dsi_parquet_can_encode(int32_t encoding, enum dsi_parquet_physical p);

#endif
