// Decoding one column chunk into Arrow buffers, so many rows at a time.
//
// The caller fetched the chunk's bytes (parquet.h: offset, size) and keeps them alive.
// Pages are decompressed one at a time as rows are asked for, so memory is one page, the
// dictionary, and what the caller takes.
//
// What a page holds is a sequence of slots, each with a definition and a repetition level
// (Dremel, Melnik et al. 2010). A row is one slot and those that follow it with a
// repetition level above 0; where nothing repeats, a slot is a row. A slot whose
// definition level reaches the leaf's `element_def` has an element: a value, or a null if
// the level is below max_def. A slot below that is a null or empty list, somewhere above,
// and has none.
//
// (1) What comes back has exactly as many rows as it says, all of them whole, every
//     offset ascends, every null is a zeroed value: bad bytes end in an error, never in a
//     wrong buffer.
// (2) After an error the reader is good for nothing but dsi_parquet_reader_free.
#ifndef DSI_CODEC_PARQUET_READ_H
#define DSI_CODEC_PARQUET_READ_H

#include "codec/parquet/parquet.h"

/// The decoder of one column chunk. One thread at a time.
typedef struct dsi_parquet_reader dsi_parquet_reader;

/// All zero means the defaults.
struct dsi_parquet_read_options {
    bool keep_levels; ///< Also fill `defs`: what tells which parent is null or empty.
    bool ignore_checksums; ///< Do not compare pages with their CRC.
    bool partial;          ///< Not all bytes of the chunk: see dsi_parquet_reader_jump.
    size_t page_bytes_max; ///< A larger page is refused; 0: 2 GiB.
};

/// Rows decoded so far, in Arrow's layout. Start with DSI_PARQUET_COLUMN_INIT; reading
/// appends, so a batch may span pages, chunks and files. The buffers may be taken away
/// (dsi_buf_take) to become an Arrow array; release the rest.
///
/// values: BOOLEAN: bits, least significant first. INT32, FLOAT: 4 bytes each; INT64,
/// DOUBLE: 8, in the host's order. INT96: 12 bytes as stored. FIXED: type_length bytes.
/// BYTE_ARRAY: elements + 1 int32 offsets into `bytes`, the first being 0 (no elements:
/// empty).
struct dsi_parquet_column {
    size_t rows;       // Whole ones.
    size_t elements;   // As many values, validity bits. Equal to `rows` if max_rep is 0.
    size_t slots;      // As many levels, where they are kept.
    size_t null_count; // Of the elements.
    struct dsi_buf validity; ///< Bits, 1 is valid. Empty while there is no null.
    struct dsi_buf values;
    struct dsi_buf bytes; ///< BYTE_ARRAY only. Its max bounds a batch: see _read.
    struct dsi_buf defs;  ///< keep_levels: one byte for each slot.
    struct dsi_buf reps; ///< max_rep > 0: one byte for each slot. Its max bounds a batch.
};

#define DSI_PARQUET_COLUMN_INIT                                                          \
    {                                                                                    \
        0, 0, 0, 0, DSI_BUF_INIT, DSI_BUF_INIT, DSI_BUF_INIT, DSI_BUF_INIT, DSI_BUF_INIT \
    }

/// Large buffers of the column come from the pool from now on, and go there.
void dsi_parquet_column_use_pool(struct dsi_parquet_column *c);

/// Frees the buffers; the struct is empty and usable afterwards.
void dsi_parquet_column_release(struct dsi_parquet_column *c);

/// Leaves the first `rows` of what was read, at most as many as there are. Where the leaf
/// repeats, its levels must have been kept.
void dsi_parquet_column_cut(const struct dsi_parquet_node *leaf, size_t rows,
                            struct dsi_parquet_column *c);

/// Opens a chunk. `leaf`, `chunk` and `bytes` (exactly chunk->size of them) are borrowed
/// until the reader is freed; `options` may be NULL. DS_EUNSUPPORTED names the column and
/// what it uses that is not built (a codec).
DS_MUST_CHECK int dsi_parquet_reader_new(const struct dsi_parquet_node *leaf,
                                         const struct dsi_parquet_chunk *chunk,
                                         struct ds_slice bytes,
                                         const struct dsi_parquet_read_options *options,
                                         dsi_parquet_reader **out, struct ds_error *err);

/// Appends the next rows to `out`: `rows_max` of them, or what is left. Fewer also when a
/// BYTE_ARRAY column's `bytes` would pass its own max (or 2 GiB, which int32 offsets
/// need), or its slots the max of `reps` (0: 2^26); DS_EUNSUPPORTED if a row does not
/// even fit an empty column. After that, and only that, the reader may return to a place.
/// `*rows` is how many were appended; 0 with DS_OK means that all rows have been read,
/// or, while dsi_parquet_reader_rows_left says otherwise, that `out` is full.
DS_MUST_CHECK int dsi_parquet_reader_read(dsi_parquet_reader *r, size_t rows_max,
                                          struct dsi_parquet_column *out, size_t *rows,
                                          struct ds_error *err);

/// Passes over rows; DS_ECORRUPT if the chunk ends before. Whole pages are not even
/// decompressed (where a leaf repeats, only those of version 2), and values that are
/// passed are not decoded.
DS_MUST_CHECK int dsi_parquet_reader_skip(dsi_parquet_reader *r, int64_t rows,
                                          struct ds_error *err);

/// Whether a value, in plain encoding without a length, is in the chunk's dictionary;
/// also true when the chunk has none. Its page is taken as dsi_parquet_reader_jump does;
/// not after rows were read.
DS_MUST_CHECK int dsi_parquet_reader_find(dsi_parquet_reader *r, struct ds_slice plain,
                                          bool *found, struct ds_error *err);

/// Rows not yet read.
int64_t dsi_parquet_reader_rows_left(const dsi_parquet_reader *r);

/// Where a reader stands between two rows.
struct dsi_parquet_place {
    size_t page;  // Of the bytes: where its header is.
    size_t slots; // Of the page, before the place.
    int64_t rows_left;
    int64_t page_rows_left; // Where the page begins.
    int64_t page_slots_left;
};

struct dsi_parquet_place dsi_parquet_reader_place(const dsi_parquet_reader *r);

/// Goes back to a place where this reader was since it was made, or has jumped. A page
/// is decoded again, no more.
DS_MUST_CHECK int dsi_parquet_reader_return(dsi_parquet_reader *r,
                                            const struct dsi_parquet_place *to,
                                            struct ds_error *err);

/// Goes on with other pages of the chunk, borrowed: whole ones, one after the other, that
/// hold `rows` whole rows, as an offset index says. The chunk's dictionary, if it has
/// one, is taken from the start of the bytes the reader was made with, which with
/// options.partial need be no more than that page.
DS_MUST_CHECK int dsi_parquet_reader_jump(dsi_parquet_reader *r, struct ds_slice pages,
                                          int64_t rows, struct ds_error *err);

/// NULL is fine.
void dsi_parquet_reader_free(dsi_parquet_reader *r);

#endif
