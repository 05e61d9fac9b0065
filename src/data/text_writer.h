// Batches as text: CSV and JSON.
#ifndef DSI_DATA_TEXT_WRITER_H
#define DSI_DATA_TEXT_WRITER_H

#include "base/buf.h"
#include "data/batch.h"
#include "datashard/rows.h"

/// Appends what comes before the first row (CSV's header, JSON's bracket).
DS_MUST_CHECK int dsi_text_write_begin(enum ds_rows_format format,
                                       const struct dsi_schema *schema,
                                       struct dsi_buf *out, struct ds_error *err);

/// Appends one row of a batch. `first` is true for the first row of all.
DS_MUST_CHECK int dsi_text_write_row(enum ds_rows_format format,
                                     const struct dsi_batch *b, int64_t row, bool first,
                                     struct dsi_buf *out, struct ds_error *err);
DS_MUST_CHECK int dsi_text_write_end(enum ds_rows_format format, struct dsi_buf *out,
                                     struct ds_error *err);

/// Appends one value as people read it, a nested one as JSON; nothing at all for null
/// (*null tells).
DS_MUST_CHECK int dsi_text_write_cell(const struct dsi_column *column, int64_t row,
                                      struct dsi_buf *out, bool *null,
                                      struct ds_error *err);

#endif
