// The decoder of one column chunk whose pages are fetched as rows are wanted.
//
// (1) What is held of a chunk is its dictionary and one window of its pages (or all of
//     them, where they are few): never more because the chunk is larger.
// (2) Pages that an index says to be somewhere are compared with it before they are
//     believed: a row is never another one.
#ifndef DSI_DATA_DATA_PAGES_H
#define DSI_DATA_DATA_PAGES_H

#include "codec/parquet/parquet_index.h"
#include "codec/parquet/parquet_read.h"
#include "data/data_io.h"

// Consecutive pages of a chunk.
struct dsi_data_segment {
    size_t first_page; // In the offset index.
    size_t end_page;
    struct ds_slice bytes; // No data: not read yet.
};

enum dsi_data_chunk_mode {
    DSI_CHUNK_WHOLE,    // `head` is all of it.
    DSI_CHUNK_SEGMENTS, // `head` is what comes before the first data page.
    DSI_CHUNK_STREAM,   // Nothing is there; windows are read one after the other.
};

// How the bytes of a chunk come.
struct dsi_data_chunk {
    enum dsi_data_chunk_mode mode;
    const struct dsi_parquet_chunk *chunk;
    struct ds_slice head;
    struct dsi_parquet_page_index index; // SEGMENTS.
    struct dsi_data_segment *segments;
    size_t segment_count;
    int64_t window_bytes; // STREAM.
};

struct dsi_data_pages {
    const struct dsi_parquet_node *leaf;
    const struct dsi_data_chunk *chunk; // NULL: not begun.
    struct dsi_data_io *io;
    int64_t row_count; // Of the row group.
    bool keep_levels;
    dsi_parquet_reader *reader;
    int64_t row;                    // Wanted next.
    int64_t reader_row;             // Where the reader stands.
    int64_t window_row;             // What it has: from this row …
    int64_t window_end;             // … up to this one.
    int64_t mark_row;               // Where it can go back to: this row …
    struct dsi_parquet_place start; // (of window_row)
    struct dsi_parquet_place mark;  // … at this place.
    struct dsi_buf buffer;
    struct dsi_buf dictionary; // STREAM.
    int64_t stream_first;      // Of the chunk: where its data pages begin.
    int64_t stream_at;         // Likewise: where the page with …
    int64_t stream_row;        // … this row begins.
};

/// Begins a chunk; everything is borrowed until the end. Zeroed before the first time.
DS_MUST_CHECK int dsi_data_pages_begin(struct dsi_data_pages *p, struct dsi_data_io *io,
                                       const struct dsi_parquet_node *leaf,
                                       const struct dsi_data_chunk *chunk,
                                       int64_t row_count, bool keep_levels,
                                       struct ds_error *err);
void dsi_data_pages_end(struct dsi_data_pages *p); // Twice is fine.

/// As dsi_parquet_reader_read; after DS_EUNSUPPORTED, going to a row is allowed.
DS_MUST_CHECK int dsi_data_pages_read(struct dsi_data_pages *p, size_t rows_max,
                                      struct dsi_parquet_column *out, size_t *rows,
                                      struct ds_error *err);

/// What is read next: any row that is in a segment; DS_ECORRUPT past the end. Nothing is
/// fetched or decoded before it is read.
DS_MUST_CHECK int dsi_data_pages_go(struct dsi_data_pages *p, int64_t row,
                                    struct ds_error *err);

#endif
