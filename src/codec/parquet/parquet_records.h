// Rows of a leaf inside lists and maps: each is a slot at repetition level 0 and those
// after it that repeat; the next page may go on with it.
#ifndef DSI_CODEC_PARQUET_RECORDS_H
#define DSI_CODEC_PARQUET_RECORDS_H

#include "codec/parquet/parquet_pages.h"

/// As dsi_parquet_reader_read.
DS_MUST_CHECK int dsi_parquet_records_read(dsi_parquet_reader *r, size_t rows_max,
                                           struct dsi_parquet_column *out, size_t *rows,
                                           struct ds_error *err);

/// As dsi_parquet_reader_skip, for rows that are known to be there.
DS_MUST_CHECK int dsi_parquet_records_skip(dsi_parquet_reader *r, int64_t rows,
                                           struct ds_error *err);

/// Passes over slots of the page at hand, whatever rows they belong to.
DS_MUST_CHECK int dsi_parquet_records_pass(dsi_parquet_reader *r, size_t slots,
                                           struct ds_error *err);

#endif
