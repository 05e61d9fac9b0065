// Stored values to values of a batch, many at once: the conversions that real files need
// in every row.
#ifndef DSI_DATA_DATA_CONVERT_H
#define DSI_DATA_DATA_CONVERT_H

#include "codec/parquet/parquet_read.h"
#include "model/type.h"

/// Converts `rows` fixed-size values of storage `f`, which hold a `from`, to `to`. Nulls
/// are zeroed values, as the codec leaves them. False when this pair has no form here, or
/// when some value does not fit: `out` then means nothing, and who wants to know which
/// goes value by value.
bool dsi_data_convert(const struct dsi_parquet_field *f, const struct dsi_type *from,
                      const struct dsi_type *to, const uint8_t *in, size_t rows,
                      uint8_t *out);

#endif
