// Which rows of a row group may pass a filter, by the indexes of its pages.
// Parquet format, PageIndex.md.
#ifndef DSI_DATA_DATA_SELECT_H
#define DSI_DATA_DATA_SELECT_H

#include "data/data_columns.h"

/// Narrows `all`, rows of `group`, to those that may pass. `metrics` is what is known of
/// the row group. A column without an index, or with one that cannot be believed, is
/// known by its row group alone.
DS_MUST_CHECK int dsi_data_select(struct dsi_data_columns *c,
                                  const struct dsi_data_filter *filter,
                                  const struct dsi_column_metrics *metrics,
                                  struct dsi_row_range all, struct dsi_arena *arena,
                                  struct dsi_row_ranges *out, struct ds_error *err);

#endif
