// One column of a data file, decoded as a batch has it: the file's storage and type on
// one side, the type that is read on the other.
#ifndef DSI_DATA_DATA_COLUMN_H
#define DSI_DATA_DATA_COLUMN_H

#include "codec/parquet/parquet_read.h"
#include "data/column_layout.h"

/// DS_OK when a leaf can be read as this type: the same, a promotion, or another storage
/// of it. DS_EUNSUPPORTED or DS_ECORRUPT by name otherwise.
DS_MUST_CHECK int dsi_data_column_check(const struct dsi_parquet_node *leaf,
                                        const struct dsi_field *field,
                                        struct ds_error *err);

/// What messages call a column: the table's name at the root, the file's path below.
void dsi_data_column_name(const struct dsi_parquet_node *node,
                          const struct dsi_field *field, char *out, size_t size);

/// The row, counted from 0, that an element belongs to, as far as levels were kept.
int64_t dsi_data_column_row(const struct dsi_parquet_node *leaf,
                            const struct dsi_parquet_column *c, size_t element);

/// Moves elements that were decoded from `leaf` into `out`, a column of `b` (its field
/// set), converting where they must be; of `in` only the levels are left, also on
/// failure. Text that is not UTF-8, decimals and times out of range are DS_ECORRUPT with
/// the row, counted from `row_base`. Nulls in a required column likewise: below the root,
/// those that the levels (if they were kept) do not lay to a parent. The others are
/// dropped.
DS_MUST_CHECK int dsi_data_column_move(const struct dsi_parquet_node *leaf,
                                       struct dsi_parquet_column *in, int64_t row_base,
                                       struct dsi_batch *b, struct dsi_column *out,
                                       struct ds_error *err);

#endif
