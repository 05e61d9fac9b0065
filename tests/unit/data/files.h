// Golden Parquet files for the tests of data files.
#ifndef DSI_TEST_DATA_FILES_H
#define DSI_TEST_DATA_FILES_H

#include "data/data_file.h"
#include "unit/data/rows.h"

#define FILES_GOLDEN(name) "file://" DSI_TEST_GOLDEN "/parquet/" name

static inline struct dsi_data_file files_data_file(const char *location)
{
    return (struct dsi_data_file){.path = location,
                                  .format = DSI_FORMAT_PARQUET,
                                  .record_count = -1,
                                  .sort_order_id = -1,
                                  .first_row_id = -1,
                                  .content_offset = -1,
                                  .content_size = -1};
}

// Reads a whole file; the batches are put together in `out` (empty on failure).
static inline int files_read(const struct dsi_data_reader_options *options,
                             struct dsi_batch_builder *all, struct ds_error *err)
{
    struct dsi_data_reader *r = NULL;
    int rc = dsi_data_reader_open(options, &r, err);
    while (rc >= 0) {
        struct dsi_batch b;
        rc = dsi_data_reader_next(r, &b, err);
        for (int64_t i = 0; rc == DS_ROW && i < b.rows; i++) {
            int put = DS_OK;
            for (size_t c = 0; put == DS_OK && c < b.column_count; c++) {
                struct dsi_value v;
                dsi_column_value(&b.columns[c], i, &v);
                put = dsi_batch_builder_set(all, c, &v, err);
            }
            if (put == DS_OK) {
                put = dsi_batch_builder_end_row(all, err);
            }
            if (put < 0) {
                rc = put;
            }
        }
        dsi_batch_release(&b);
        if (rc != DS_ROW) {
            break;
        }
    }
    dsi_data_reader_close(r);
    return rc;
}

static inline int files_read_all(const struct dsi_data_reader_options *options,
                                 struct dsi_batch *out, struct ds_error *err)
{
    struct dsi_batch_builder *all = NULL;
    *out = (struct dsi_batch){0};
    int rc = dsi_batch_builder_new(options->schema, &all, err);
    if (rc == DS_OK) {
        rc = files_read(options, all, err);
    }
    if (rc == DS_OK) {
        rc = dsi_batch_builder_take(all, out, err);
    }
    dsi_batch_builder_free(all);
    return rc;
}

#endif
