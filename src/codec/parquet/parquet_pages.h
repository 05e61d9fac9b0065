// The pages of a column chunk, one at a time: what the files of the chunk reader share.
//
// A page is opened in three steps, each only when it is needed: its header, which says
// how many slots it has; its levels; its values. Pages that are passed over as a whole
// are not decompressed.
//
// (1) `values_owed` values of the page at hand were passed over, but not yet by `values`.
// (2) Levels in `defs` and `reps` have been checked against their maxima and, where there
//     are both, against each other; they belong to the page at hand.
#ifndef DSI_CODEC_PARQUET_PAGES_H
#define DSI_CODEC_PARQUET_PAGES_H

#include "codec/parquet/parquet_levels.h"
#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_read.h"
#include "codec/parquet/parquet_values.h"

enum dsi_parquet_page_state {
    DSI_PARQUET_PAGE_SEEN, // Its header.
    DSI_PARQUET_PAGE_LEVELS,
    DSI_PARQUET_PAGE_VALUES,
};

struct dsi_parquet_reader {
    const struct dsi_parquet_node *leaf;
    const struct dsi_parquet_chunk *chunk;
    struct dsi_parquet_read_options options;
    enum dsi_compression codec;
    struct dsi_decompressor decompressor;
    char name[128];
    uint8_t rep_def[DSI_PARQUET_DEPTH_MAX + 1]; // The least def that has this rep.
    struct ds_slice bytes; // The pages there are: the chunk's, or those jumped to.
    struct ds_slice rest;  // Of them: not yet looked at.
    bool is_part;          // `bytes` ends where a row does; slots_left is not known.
    bool at_row;           // The next slot is the first of `bytes`: a row begins there.
    int64_t rows_left;     // Of the chunk: not read; nested: not begun.
    int64_t slots_left;    // Of the chunk.

    // The page at hand.
    struct dsi_parquet_page header;
    size_t at;               // Of its header in `bytes`.
    struct ds_slice body;    // As in the file.
    size_t page_slots;       // All of them, and …
    size_t page_left;        // … those not yet taken.
    int64_t page_rows_left;  // rows_left when it began, and …
    int64_t page_slots_left; // … slots_left.
    enum dsi_parquet_page_state state;
    struct dsi_buf page;    // Decompressed, if it had to be.
    struct dsi_buf plain;   // The values of an encoding that is turned into plain.
    struct ds_slice stored; // Its values, not yet started.
    size_t values_owed;     // (1)
    struct dsi_parquet_level_reader def;
    struct dsi_parquet_level_reader rep;
    uint8_t defs[DSI_PARQUET_BLOCK]; // Levels read ahead: (2).
    uint8_t reps[DSI_PARQUET_BLOCK];
    uint8_t last_def; // Of the last of them.
    size_t levels_at;
    size_t levels_count;
    struct dsi_parquet_values values;

    bool has_dictionary;
    size_t dictionary_at; // In `bytes`.
    struct dsi_parquet_dictionary dictionary;
};

/// DS_ECORRUPT with the column's name.
int dsi_parquet_pages_corrupt(const dsi_parquet_reader *r, const char *what,
                              struct ds_error *err);

/// Goes on to the next data page that has slots: page_left is more than 0. Dictionaries
/// are taken on the way. DS_ECORRUPT at the end of the pages.
DS_MUST_CHECK int dsi_parquet_pages_next(dsi_parquet_reader *r, struct ds_error *err);

/// Takes the page at the start if it is a dictionary; no page is at hand after.
DS_MUST_CHECK int dsi_parquet_pages_dictionary(dsi_parquet_reader *r,
                                               struct ds_error *err);

/// Opens the levels of the page at hand, or its values as well, if they are not yet.
DS_MUST_CHECK int dsi_parquet_pages_open_levels(dsi_parquet_reader *r,
                                                struct ds_error *err);
DS_MUST_CHECK int dsi_parquet_pages_open_values(dsi_parquet_reader *r,
                                                struct ds_error *err);

#endif
