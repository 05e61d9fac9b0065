// A chunk's page index: where its pages are, and what values each of them holds.
// Parquet format 2.12, PageIndex.md: OffsetIndex and ColumnIndex.
//
// (1) What was parsed has been checked against the chunk: pages lie inside it, in order,
//     without overlap; first rows ascend from 0 and stay below the row group's count; a
//     column index has as many entries as there are pages. Anything else is DS_ECORRUPT,
//     and a reader then does without the index.
// (2) Bounds are dropped where they may not be believed, as a chunk's are (parquet.h).
#ifndef DSI_CODEC_PARQUET_INDEX_H
#define DSI_CODEC_PARQUET_INDEX_H

#include "codec/parquet/parquet.h"

/// One data page.
struct dsi_parquet_page_place {
    int64_t offset;     ///< Of its header, in the file.
    int32_t size;       ///< Header and body.
    int64_t first_row;  ///< In the row group.
    int64_t row_count;  ///< Derived from the next page's first row; not stored.
    int64_t byte_count; ///< BYTE_ARRAY: unencoded bytes of its values; -1: not known.
};

struct dsi_parquet_page_bounds {
    bool all_null; ///< No value that is not null: the bounds say nothing.
    bool has_min;
    bool has_max;
    struct ds_slice min; ///< Plain encoding, without the length of a BYTE_ARRAY.
    struct ds_slice max;
    int64_t null_count; ///< -1: not known.
    int64_t nan_count;  ///< -1: not known.
};

// The numbers are the format's own.
enum dsi_parquet_boundary {
    DSI_PARQUET_UNORDERED,
    DSI_PARQUET_ASCENDING,
    DSI_PARQUET_DESCENDING
};

struct dsi_parquet_page_index {
    size_t page_count;
    struct dsi_parquet_page_place *places;
    struct dsi_parquet_page_bounds *bounds; ///< NULL: no column index.
    enum dsi_parquet_boundary boundary;
    // SizeStatistics' histograms, page after page; NULL: not known.
    const int64_t *rep_histograms; ///< page_count x (max_rep + 1).
    const int64_t *def_histograms; ///< page_count x (max_def + 1).
};

/// Parses a chunk's indexes into the arena; everything is copied. `column_index` may be
/// empty. DS_ECORRUPT, DS_ENOMEM.
DS_MUST_CHECK int dsi_parquet_page_index_parse(
    const struct dsi_parquet_node *leaf, const struct dsi_parquet_chunk *chunk,
    struct ds_slice offset_index, struct ds_slice column_index, struct dsi_arena *arena,
    struct dsi_parquet_page_index *out, struct ds_error *err);

/// Whether every page has bounds, or only nulls: the format has no other column index.
bool dsi_parquet_column_index_possible(const struct dsi_parquet_page_index *index);

/// Append the wire forms to `out`. The column index must be possible; counts of nulls and
/// NaNs go into it where they are known of every page.
DS_MUST_CHECK int
dsi_parquet_offset_index_write(const struct dsi_parquet_page_index *index,
                               struct dsi_buf *out, struct ds_error *err);
DS_MUST_CHECK int
dsi_parquet_column_index_write(const struct dsi_parquet_node *leaf,
                               const struct dsi_parquet_page_index *index,
                               struct dsi_buf *out, struct ds_error *err);

#endif
