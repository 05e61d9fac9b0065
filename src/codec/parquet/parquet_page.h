// Page headers and statistics on the wire. parquet.thrift, PageHeader.
#ifndef DSI_CODEC_PARQUET_PAGE_H
#define DSI_CODEC_PARQUET_PAGE_H

#include "codec/parquet/parquet_order.h"
#include "codec/thrift/thrift.h"

// The numbers are the format's own.
enum dsi_parquet_page_type {
    DSI_PARQUET_PAGE_DATA = 0,
    DSI_PARQUET_PAGE_INDEX = 1,
    DSI_PARQUET_PAGE_DICTIONARY = 2,
    DSI_PARQUET_PAGE_DATA_V2 = 3,
};

enum dsi_parquet_encoding {
    DSI_PARQUET_PLAIN = 0,
    DSI_PARQUET_PLAIN_DICTIONARY = 2,
    DSI_PARQUET_RLE = 3,
    DSI_PARQUET_BIT_PACKED = 4,
    DSI_PARQUET_DELTA_BINARY_PACKED = 5,
    DSI_PARQUET_DELTA_LENGTH_BYTE_ARRAY = 6,
    DSI_PARQUET_DELTA_BYTE_ARRAY = 7,
    DSI_PARQUET_RLE_DICTIONARY = 8,
    DSI_PARQUET_BYTE_STREAM_SPLIT = 9,
};

// Every number is checked to be at least 0, and the header of its type to be there.
struct dsi_parquet_page {
    int32_t type; // May be one that is not in the enum: to be passed over.
    int32_t uncompressed_size;
    int32_t compressed_size; // What follows the header in the file.
    bool has_crc;
    uint32_t crc;
    int32_t value_count; // Nulls included.
    int32_t encoding;
    int32_t def_encoding;
    int32_t rep_encoding;
    // Version 2 only.
    int32_t null_count;
    int32_t row_count;
    int32_t def_size;
    int32_t rep_size;
    bool is_compressed;
};

/// Reads the header at the start of `in`; `*size` is how many bytes it takes. Its
/// compressed_size bytes are known to be there after it. DS_ECORRUPT.
DS_MUST_CHECK int dsi_parquet_page_read(struct ds_slice in, struct dsi_parquet_page *out,
                                        size_t *size, struct ds_error *err);

/// The same, but what follows the header need not be there.
DS_MUST_CHECK int dsi_parquet_page_head(struct ds_slice in, struct dsi_parquet_page *out,
                                        size_t *size, struct ds_error *err);

/// Appends the header of a dictionary page or a data page of version 1.
DS_MUST_CHECK int dsi_parquet_page_write(const struct dsi_parquet_page *page,
                                         struct dsi_buf *out, struct ds_error *err);

/// Reads a Statistics struct; the bounds point into the input. Counts are to be set to
/// what "absent" means before.
DS_MUST_CHECK int dsi_parquet_statistics_read(struct dsi_thrift_reader *r,
                                              struct dsi_parquet_raw_statistics *out,
                                              struct ds_error *err);

#endif
