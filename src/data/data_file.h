// Data files: Iceberg rows in Parquet, written with their metrics, read by field id.
#ifndef DSI_DATA_DATA_FILE_H
#define DSI_DATA_DATA_FILE_H

#include "data/batch.h"
#include "model/manifest.h"
#include "storage/storage.h"

struct dsi_data_writer;

struct dsi_data_writer_options {
    ds_storage *storage;
    const char *location; // The file to make; absent so far.
    const struct dsi_metadata
        *metadata; // Properties: write.parquet.*, write.metadata.metrics.*
    const struct dsi_schema *schema; // Of the batches.
    int32_t spec_id;
    const struct dsi_value *partition; // Copied.
    size_t partition_count;
    int32_t sort_order_id; // 0: unsorted.
};

/// Begins a data file. Nothing is visible, let alone durable, before finish. Ends by
/// dsi_data_writer_close.
DS_MUST_CHECK int dsi_data_writer_open(const struct dsi_data_writer_options *options,
                                       struct dsi_data_writer **out,
                                       struct ds_error *err);

/// Appends rows [first, first + count) of a batch with the writer's schema.
DS_MUST_CHECK int dsi_data_writer_append(struct dsi_data_writer *w,
                                         const struct dsi_batch *b, int64_t first,
                                         int64_t count, struct ds_error *err);

/// Bytes on storage so far plus an estimate of what is buffered: for rolling.
uint64_t dsi_data_writer_bytes(const struct dsi_data_writer *w);
int64_t dsi_data_writer_rows(const struct dsi_data_writer *w);

/// Makes the file durable, its name too, and describes it, metrics included, in the
/// arena.
DS_MUST_CHECK int dsi_data_writer_finish(struct dsi_data_writer *w,
                                         struct dsi_arena *arena,
                                         struct dsi_data_file *out, struct ds_error *err);

/// Frees the writer; without a successful finish nothing is left behind. NULL is fine.
void dsi_data_writer_close(struct dsi_data_writer *w);

struct dsi_data_reader;

struct dsi_data_reader_options {
    ds_storage *storage;
    const struct dsi_data_file *file; // Path, format, size, partition values.
    const struct dsi_metadata
        *metadata;                   // Specs (identity partition values), name mapping.
    const struct dsi_schema *schema; // What to read: a projection; columns by field id.
    int64_t batch_rows_max;          // 0: 65,536.
    size_t batch_bytes_max; // Of a text column in a batch, or one value; 0: 64 MiB.

    /// Asked for each row group with what its statistics say; false skips it. NULL: all.
    bool (*keep)(void *arg, int64_t rows, const struct dsi_column_metrics *columns,
                 size_t count);
    void *keep_arg;
};

/// Opens a data file for reading. A column absent from the file is, in this order: its
/// identity partition value, by name mapping, its initial default, null; a required one
/// with none of them is DS_ECORRUPT. Promotions as dsi_type_promotes. Ends by
/// dsi_data_reader_close. The options' pointers are borrowed until then.
DS_MUST_CHECK int dsi_data_reader_open(const struct dsi_data_reader_options *options,
                                       struct dsi_data_reader **out,
                                       struct ds_error *err);

/// The next rows: DS_ROW with *out (released by the caller), or DS_OK at the end.
DS_MUST_CHECK int dsi_data_reader_next(struct dsi_data_reader *r, struct dsi_batch *out,
                                       struct ds_error *err);
void dsi_data_reader_close(struct dsi_data_reader *r); // NULL is fine.

/// The schema a Parquet file itself has, with its field ids (or fresh ones when it has
/// none), in the arena: for `create --like` and for reading a file as input.
DS_MUST_CHECK int dsi_data_file_schema(ds_storage *storage, const char *location,
                                       struct dsi_arena *arena, struct dsi_schema *out,
                                       struct ds_error *err);

#endif
