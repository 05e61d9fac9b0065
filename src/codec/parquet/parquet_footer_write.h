// FileMetaData on the wire, written. parquet.thrift, FileMetaData and what is in it.
#ifndef DSI_CODEC_PARQUET_FOOTER_WRITE_H
#define DSI_CODEC_PARQUET_FOOTER_WRITE_H

#include "codec/parquet/parquet_column.h"
#include "codec/parquet/parquet_schema.h"

struct dsi_parquet_written_group {
    struct dsi_parquet_written_group *next;
    int64_t row_count;
    struct dsi_parquet_written *columns; // One per leaf.
};

struct dsi_parquet_footer {
    const struct dsi_parquet_schema *schema;
    const struct dsi_parquet_write_options *options; // With the defaults filled in.
    const struct dsi_parquet_field *elements;        // The root first.
    size_t element_count;
    const struct dsi_parquet_written_group *groups;
    size_t group_count;
    int64_t row_count;
};

/// Appends everything that follows the last row group: metadata, its size, "PAR1".
DS_MUST_CHECK int dsi_parquet_footer_write(const struct dsi_parquet_footer *f,
                                           struct dsi_buf *out, struct ds_error *err);

#endif
