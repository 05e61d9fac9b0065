// One column of a file being written: rows to levels and values, those to pages.
//
// (1) Pages end, and dictionaries are given up, at rows that depend on the rows since the
//     chunk began and on the options, never on how the rows came.
// (2) A page has whole rows only.
#ifndef DSI_CODEC_PARQUET_COLUMN_H
#define DSI_CODEC_PARQUET_COLUMN_H

#include "codec/parquet/parquet_chunk_write.h"

struct dsi_parquet_column_writer {
    const struct dsi_parquet_node *leaf;
    const struct dsi_parquet_write_options *options; // With the defaults filled in.
    uint8_t floors[DSI_PARQUET_DEPTH_MAX + 1];       // By repetition level: see init.

    // The page at hand.
    struct dsi_parquet_levels reps;
    struct dsi_parquet_levels defs;
    struct dsi_parquet_values_writer values;
    size_t page_rows;
    size_t page_slots;

    struct dsi_parquet_chunk_writer chunk;
};

/// Starts a column. `leaf`, `options` and `tools` are borrowed.
void dsi_parquet_column_writer_init(struct dsi_parquet_column_writer *c,
                                    const struct dsi_parquet_node *leaf,
                                    const struct dsi_parquet_write_options *options,
                                    struct dsi_parquet_tools *tools);
void dsi_parquet_column_writer_release(struct dsi_parquet_column_writer *c);

/// What is left of a batch; see dsi_parquet_writer_write. All zero but `in` and
/// `row_base` at its start.
struct dsi_parquet_part {
    const struct dsi_parquet_input *in;
    size_t row;
    size_t slot;
    size_t element;
    int64_t row_base; // The number of the batch's first row in the file, for messages.
};

/// Appends the next `rows` rows, and moves the part on. DS_EINVALID names the column and
/// the row.
DS_MUST_CHECK int dsi_parquet_column_append(struct dsi_parquet_column_writer *c,
                                            struct dsi_parquet_part *part, size_t rows,
                                            struct ds_error *err);

/// About the bytes the chunk has so far.
size_t dsi_parquet_column_size(const struct dsi_parquet_column_writer *c);

/// About the bytes that it costs to end the chunk here: what the next one has to repeat.
size_t dsi_parquet_column_loss(const struct dsi_parquet_column_writer *c);

/// Ends the page at hand; `last` says whether it is the chunk's last one.
DS_MUST_CHECK int dsi_parquet_column_flush(struct dsi_parquet_column_writer *c, bool last,
                                           struct ds_error *err);

/// Ends the chunk, flushed before: as dsi_parquet_chunk_end.
DS_MUST_CHECK int dsi_parquet_column_end(struct dsi_parquet_column_writer *c,
                                         int64_t file_offset, struct dsi_arena *arena,
                                         struct dsi_buf *head,
                                         struct dsi_parquet_written *out,
                                         struct ds_error *err);
void dsi_parquet_column_next(struct dsi_parquet_column_writer *c);

#endif
