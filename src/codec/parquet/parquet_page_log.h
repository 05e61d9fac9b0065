// What the pages of a chunk were, kept while it is written, for its indexes.
#ifndef DSI_CODEC_PARQUET_PAGE_LOG_H
#define DSI_CODEC_PARQUET_PAGE_LOG_H

#include "codec/parquet/parquet_bounds.h"
#include "codec/parquet/parquet_index.h"
#include "codec/parquet/parquet_levels_write.h"

struct dsi_parquet_page_log {
    const struct dsi_parquet_node *leaf;
    size_t bound_bytes; // Longer bounds are cut.
    size_t count;

    struct dsi_buf
        places; // struct dsi_parquet_page_place, offsets from the chunk's first.
    struct dsi_buf bounds; // struct dsi_parquet_page_bounds, their bytes in `bytes`.
    struct dsi_buf bytes;  // Of each page's min and max in turn.
    struct dsi_buf reps;   // int64, max_rep + 1 for each page, if that is more than 0.
    struct dsi_buf defs;   // The same of max_def, if that is more than 1.
    struct dsi_buf scratch;
};

/// `leaf` is borrowed.
void dsi_parquet_page_log_init(struct dsi_parquet_page_log *log,
                               const struct dsi_parquet_node *leaf, size_t bound_bytes);
void dsi_parquet_page_log_release(struct dsi_parquet_page_log *log);

/// Forgets the pages, but keeps the memory.
void dsi_parquet_page_log_reset(struct dsi_parquet_page_log *log);

/// A page's levels, before they are written: their histograms are noted.
DS_MUST_CHECK int dsi_parquet_page_log_levels(struct dsi_parquet_page_log *log,
                                              const struct dsi_parquet_levels *reps,
                                              const struct dsi_parquet_levels *defs,
                                              struct ds_error *err);

/// A page; `place->row_count` of its slots are rows. `slots` and `values`: how many it
/// has of both.
DS_MUST_CHECK int dsi_parquet_page_log_add(struct dsi_parquet_page_log *log,
                                           const struct dsi_parquet_page_place *place,
                                           const struct dsi_parquet_bounds *bounds,
                                           size_t slots, size_t values,
                                           struct ds_error *err);

/// Where a page is, once that is known, and what it takes with its header; `number` is
/// log->count before it was added.
void dsi_parquet_page_log_place(struct dsi_parquet_page_log *log, size_t number,
                                size_t offset, size_t size);

/// Appends the chunk's indexes to the buffers, of pages that begin `offset` bytes into
/// the file. No column index where the format has none: nothing is appended.
DS_MUST_CHECK int dsi_parquet_page_log_write(struct dsi_parquet_page_log *log,
                                             int64_t offset, struct dsi_buf *column_index,
                                             struct dsi_buf *offset_index,
                                             struct ds_error *err);

#endif
