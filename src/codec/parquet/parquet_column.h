// One column of a file being written: rows to pages, pages to a chunk.
//
// (1) Pages end, and dictionaries are given up, at rows that depend on the rows since the
//     chunk began and on the options, never on how the rows came.
#ifndef DSI_CODEC_PARQUET_COLUMN_H
#define DSI_CODEC_PARQUET_COLUMN_H

#include "codec/parquet/parquet_bounds.h"
#include "codec/parquet/parquet_dict.h"
#include "codec/parquet/parquet_write.h"

/// What the footer says of a chunk that has been written.
struct dsi_parquet_written {
    int64_t offset;
    int64_t size;
    int64_t uncompressed_size;
    int64_t value_count;
    int64_t data_offset;
    bool has_dictionary;
    int32_t indexed_pages;
    int32_t plain_pages;
    struct dsi_parquet_statistics statistics; // Bounds in the arena.
};

struct dsi_parquet_column_writer {
    const struct dsi_parquet_node *leaf;
    const struct dsi_parquet_write_options *options; // With the defaults filled in.
    enum dsi_parquet_order order;
    char name[128];

    // The page at hand.
    struct dsi_buf levels;  // uint32 for each row, if there are levels.
    struct dsi_buf values;  // Plain; of BOOLEAN, bits.
    struct dsi_buf indices; // uint32, while `indexed`.
    size_t page_rows;
    size_t page_values; // Not null.
    size_t page_plain;  // Bytes its values take in plain encoding.

    // The chunk at hand.
    bool indexed; // A dictionary is in use.
    struct dsi_parquet_dict dict;
    struct dsi_buf pages;
    int64_t uncompressed_size;
    int64_t value_count;
    int64_t null_count;
    int32_t indexed_pages;
    int32_t plain_pages;
    struct dsi_parquet_bounds bounds;

    struct dsi_buf scratch;
    struct dsi_buf packed; // A page before its compression.
    struct dsi_compressor compressor;

    // The whole file.
    struct dsi_parquet_bounds file_bounds;
    struct dsi_parquet_column_summary summary; // Its bounds are made at the end.
};

/// Starts a column. `leaf` and `options` are borrowed.
void dsi_parquet_column_writer_init(struct dsi_parquet_column_writer *c,
                                    const struct dsi_parquet_node *leaf,
                                    const struct dsi_parquet_write_options *options);
void dsi_parquet_column_writer_release(struct dsi_parquet_column_writer *c);

/// Appends rows [from, from + rows) of a batch; `row_base` is the number of the batch's
/// first row in the file, for messages. See dsi_parquet_writer_write.
struct dsi_parquet_part {
    const struct dsi_parquet_input *in;
    size_t from;
    size_t rows;
    int64_t row_base;
};

DS_MUST_CHECK int dsi_parquet_column_append(struct dsi_parquet_column_writer *c,
                                            struct dsi_parquet_part part,
                                            struct ds_error *err);

/// About the bytes the chunk has so far.
size_t dsi_parquet_column_size(const struct dsi_parquet_column_writer *c);

/// Ends the chunk: `head` becomes its dictionary page (or nothing), to be written before
/// `c->pages`; then dsi_parquet_column_next begins the next one. `file_offset` is where
/// the chunk will start.
DS_MUST_CHECK int dsi_parquet_column_end(struct dsi_parquet_column_writer *c,
                                         int64_t file_offset, struct dsi_arena *arena,
                                         struct dsi_buf *head,
                                         struct dsi_parquet_written *out,
                                         struct ds_error *err);
void dsi_parquet_column_next(struct dsi_parquet_column_writer *c);

#endif
