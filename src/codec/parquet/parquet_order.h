// How values compare, and which statistics may be believed.
// parquet.thrift, ColumnOrder and Statistics; LogicalTypes.md, "Sort order".
#ifndef DSI_CODEC_PARQUET_ORDER_H
#define DSI_CODEC_PARQUET_ORDER_H

#include "codec/parquet/parquet.h"

enum dsi_parquet_order {
    DSI_PARQUET_ORDER_NONE, // There is none, or none that writers agree on.
    DSI_PARQUET_ORDER_BOOLEAN,
    DSI_PARQUET_ORDER_I32,
    DSI_PARQUET_ORDER_U32,
    DSI_PARQUET_ORDER_I64,
    DSI_PARQUET_ORDER_U64,
    DSI_PARQUET_ORDER_F32,
    DSI_PARQUET_ORDER_F64,
    DSI_PARQUET_ORDER_BYTES,   // Unsigned bytes, a prefix first.
    DSI_PARQUET_ORDER_DECIMAL, // Big-endian two's complement.
};

enum dsi_parquet_order dsi_parquet_order_of(const struct dsi_parquet_field *f);

/// Compares two values in plain encoding, of the width the order has: <0, 0, >0. Floats
/// by IEEE 754's totalOrder: -0 below +0, NaN outside. Not for ORDER_NONE.
int dsi_parquet_compare(enum dsi_parquet_order order, struct ds_slice a,
                        struct ds_slice b);

bool dsi_parquet_is_nan(enum dsi_parquet_order order, struct ds_slice plain);

/// A Statistics struct as it stands in the file.
struct dsi_parquet_raw_statistics {
    bool has_old_min;
    bool has_old_max;
    struct ds_slice old_min; // The deprecated pair, compared as signed by all.
    struct ds_slice old_max;
    struct dsi_parquet_statistics s;
};

/// What of it can be believed for a column; see struct dsi_parquet_statistics. The slices
/// stay where they point.
struct dsi_parquet_statistics
dsi_parquet_statistics_trust(const struct dsi_parquet_raw_statistics *raw,
                             const struct dsi_parquet_field *f,
                             enum dsi_parquet_column_order order);

#endif
