// The rows of a row group that pass a filter, as batches.
//
// The filter's columns are decoded first. Where few rows pass, only those are decoded of
// the other columns; where many do, all are and the rest is dropped.
//
// (1) A batch has only rows that pass, in their order, at least one and, if it has
//     columns, at most batch_rows_max.
// (2) All columns of a batch have the same number of rows: a column that got further than
//     the shortest one (text that fills its buffer) goes back.
#ifndef DSI_DATA_DATA_PASS_H
#define DSI_DATA_DATA_PASS_H

#include "data/data_columns.h"
#include "data/data_select.h"

struct dsi_data_pass {
    const struct dsi_data_reader_options *options; // With the defaults filled in.
    struct dsi_data_columns *columns;
    struct dsi_row_ranges ranges; // What is left of the row group, from …
    size_t range;                 // … this one, from …
    int64_t row;                  // … this row on.
    int64_t block_rows;           // How many rows the filter looks at next.
    int64_t *chosen;
    size_t chosen_capacity;
    uint64_t rows_read;
    uint64_t rows_late;
};

/// `p->options` and `p->columns` are set. Ends by dsi_data_pass_release.
void dsi_data_pass_release(struct dsi_data_pass *p);

/// Begins with these rows of the group at hand, borrowed.
void dsi_data_pass_begin(struct dsi_data_pass *p, struct dsi_row_ranges ranges);

/// The next rows that pass: DS_ROW, or DS_OK at the end of the ranges.
DS_MUST_CHECK int dsi_data_pass_next(struct dsi_data_pass *p, struct dsi_batch *out,
                                     struct ds_error *err);

#endif
