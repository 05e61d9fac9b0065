// The columns that a reader of a data file decodes: where each comes from, and its bytes
// in the row group at hand, fetched when they are wanted.
//
// (1) What is not wanted is not fetched: a column of which no row is asked for costs
//     nothing; of the others, where the file says where their pages are, only pages with
//     rows that were chosen.
// (2) What is small is fetched at once, for all columns; what is large, in windows. So
//     memory is bounded whatever the size of a row group (but for lists and maps in files
//     without an offset index).
#ifndef DSI_DATA_DATA_COLUMNS_H
#define DSI_DATA_DATA_COLUMNS_H

#include "data/data_file.h"
#include "data/data_io.h"
#include "data/data_pages.h"
#include "data/data_source.h"

// One column of the reader's schema.
struct dsi_data_column {
    const struct dsi_field *field;
    const struct dsi_data_origin *origin;
    struct dsi_data_source *decoder;
    /// The leaf that its statistics are about; NULL: a constant, or nested.
    const struct dsi_parquet_node *leaf;
    bool filtered;                 // The filter looks at it.
    bool begun;                    // In this row group.
    struct dsi_data_chunk *chunks; // One for each leaf of the decoder.
};

// Consecutive rows of a row group.
struct dsi_row_range {
    int64_t first;
    int64_t end;
    bool sure; // Every one of them passes.
};

// In their order, without overlap, none of them empty.
struct dsi_row_ranges {
    struct dsi_row_range *items; // In an arena.
    size_t count;
    uint64_t pages_skipped;
};

// Some of the columns.
enum dsi_data_which {
    DSI_DATA_FILTER, // Those that the filter looks at.
    DSI_DATA_REST,   // Those of the output that it does not.
    DSI_DATA_OUTPUT, // Those of the output.
};

struct dsi_data_columns {
    struct dsi_data_io io;
    int64_t fetch_max; // Bytes that are fetched at once.
    struct dsi_data_column *items;
    size_t count;
    size_t output_count; // The first ones: those that come out.
    const struct dsi_parquet_row_group *group;
    int64_t row_base;       // Of the group, in the file.
    struct dsi_arena arena; // For as long as the group lasts.
    struct dsi_row_range everything;
    struct dsi_row_ranges chosen;
    bool fetched[3]; // Of the group, by enum dsi_data_which.
};

/// Matches the schema's columns with the file's; small things go to the arena. `file` and
/// `parquet` are borrowed. Ends by dsi_data_columns_release.
DS_MUST_CHECK int dsi_data_columns_init(struct dsi_data_columns *c,
                                        const struct dsi_data_reader_options *options,
                                        struct ds_file *file,
                                        const struct dsi_parquet_file *parquet,
                                        struct dsi_arena *arena, struct ds_error *err);
void dsi_data_columns_release(struct dsi_data_columns *c); // Twice is fine.

/// Begins a row group; nothing is fetched yet.
void dsi_data_columns_begin(struct dsi_data_columns *c,
                            const struct dsi_parquet_row_group *group, int64_t row_base);
void dsi_data_columns_end(struct dsi_data_columns *c); // Twice is fine.

/// Says which rows will be read, at most; they stay where they are. All, unless told.
void dsi_data_columns_choose(struct dsi_data_columns *c, struct dsi_row_ranges chosen);

/// Says that this row group will be read soon, as much of it as is fetched at once.
void dsi_data_columns_expect(struct dsi_data_columns *c,
                             const struct dsi_parquet_row_group *group);

bool dsi_data_columns_is(const struct dsi_data_columns *c, size_t i,
                         enum dsi_data_which which);

/// Fetches some of the columns, where they are not there yet, and begins them.
DS_MUST_CHECK int dsi_data_columns_fetch(struct dsi_data_columns *c,
                                         enum dsi_data_which which, struct ds_error *err);

/// What the file says of a row group, an entry for each column, in the arena.
DS_MUST_CHECK int dsi_data_columns_metrics(const struct dsi_data_columns *c,
                                           const struct dsi_parquet_row_group *group,
                                           struct dsi_arena *arena,
                                           struct dsi_column_metrics **out,
                                           struct ds_error *err);

#endif
