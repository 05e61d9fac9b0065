// Data files: Iceberg rows in Parquet, written with their metrics, read by field id.
#ifndef DSI_DATA_DATA_FILE_H
#define DSI_DATA_DATA_FILE_H

#include "data/batch.h"
#include "model/expr.h"
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

/// Whether a writer could be opened: the schema and the properties, nothing of storage.
DS_MUST_CHECK int dsi_data_writer_check(const struct dsi_data_writer_options *options,
                                        struct ds_error *err);

/// Appends rows [first, first + count) of a batch with the writer's schema.
DS_MUST_CHECK int dsi_data_writer_append(struct dsi_data_writer *w,
                                         const struct dsi_batch *b, int64_t first,
                                         int64_t count, struct ds_error *err);

/// Bytes on storage so far plus an estimate of what is buffered: for rolling.
uint64_t dsi_data_writer_bytes(const struct dsi_data_writer *w);
/// Whatever is being compressed is waited for: then dsi_data_writer_bytes depends on the
/// rows alone, not on how they came. After an error only close may follow.
DS_MUST_CHECK int dsi_data_writer_settle(struct dsi_data_writer *w, struct ds_error *err);
int64_t dsi_data_writer_rows(const struct dsi_data_writer *w);

/// Makes the file durable, its name too, and describes it, metrics included, in the
/// arena.
DS_MUST_CHECK int dsi_data_writer_finish(struct dsi_data_writer *w,
                                         struct dsi_arena *arena,
                                         struct dsi_data_file *out, struct ds_error *err);

/// Frees the writer; without a successful finish nothing is left behind. NULL is fine.
void dsi_data_writer_close(struct dsi_data_writer *w);

struct dsi_data_reader;

/// Asked with a column's id and a value: false says that no row has it.
typedef bool (*dsi_data_has_fn)(void *arg, int32_t field_id, const struct dsi_value *v);

// What a reader asks about a filter, in the thread that reads. All members are required.
struct dsi_data_filter {
    const void *arg;
    const int32_t *ids; // Root columns it looks at; all of them are in the schema.
    size_t id_count;

    /// About rows of which this is known: an entry for each column of the schema.
    enum dsi_match (*match)(const void *arg, int64_t rows,
                            const struct dsi_column_metrics *columns, size_t count);
    /// About rows, by values that none of them has; NONE or SOME.
    enum dsi_match (*probe)(const void *arg, dsi_data_has_fn has, void *has_arg);
    /// As dsi_expr_eval; the batch has rows in the filter's columns alone.
    int (*eval)(const void *arg, const struct dsi_batch *b, int64_t *rows, size_t *count,
                struct ds_error *err);
};

struct dsi_data_reader_options {
    ds_storage *storage;
    const struct dsi_data_file *file; // Path, format, size, partition values.
    const struct dsi_metadata
        *metadata;                   // Specs (identity partition values), name mapping.
    const struct dsi_schema *schema; // What to read: a projection; columns by field id.
    bool own_schema; // It is the file's own (dsi_data_file_schema): columns by name.
    int64_t batch_rows_max; // 0: 65,536. Up to that, fewer where rows are wide.
    size_t batch_bytes_max; // Of a text column in a batch, or one value; 0: 64 MiB.

    const struct dsi_data_filter *filter; // NULL: every row.
    /// With a filter: what comes out, the first columns of `schema`, perhaps none of
    /// them; the others are there for the filter. NULL: all.
    const struct dsi_schema *output;

    /// This reader is for part `part` of `part_count`: whole row groups where there are
    /// enough, else rows of one. Parts have no row in common, and together have all, in
    /// their order. part_count 0: everything.
    uint32_t part;
    uint32_t part_count;
    size_t fetch_bytes_max; // What is fetched at once of a row group; 0: 8 MiB.
};

// What a reader did so far.
struct dsi_data_reader_stats {
    uint64_t groups_read;
    uint64_t groups_skipped; // By statistics, Bloom filters or dictionaries.
    uint64_t pages_skipped;  // Of the filter's columns, by their index.
    uint64_t rows_read;      // Whose columns (with a filter: its columns) were decoded.
    uint64_t rows_late;      // Chosen by the filter, and only then decoded.
    uint64_t bytes_read;
    uint64_t reads;
};

/// Opens a data file for reading. A column absent from the file is, in this order: its
/// identity partition value, by name mapping, its initial default, null; a required one
/// with none of them is DS_ECORRUPT. Promotions as dsi_type_promotes. Ends by
/// dsi_data_reader_close. The options' pointers are borrowed until then.
DS_MUST_CHECK int dsi_data_reader_open(const struct dsi_data_reader_options *options,
                                       struct dsi_data_reader **out,
                                       struct ds_error *err);

/// The next rows that pass: DS_ROW with *out (released by the caller; at least one row),
/// or DS_OK at the end.
DS_MUST_CHECK int dsi_data_reader_next(struct dsi_data_reader *r, struct dsi_batch *out,
                                       struct ds_error *err);
void dsi_data_reader_stats(const struct dsi_data_reader *r,
                           struct dsi_data_reader_stats *out);
void dsi_data_reader_close(struct dsi_data_reader *r); // NULL is fine.

/// The schema a Parquet file itself has, with its field ids (or fresh ones when it has
/// none), in the arena: for `create --like` and for reading a file as input.
DS_MUST_CHECK int dsi_data_file_schema(ds_storage *storage, const char *location,
                                       struct dsi_arena *arena, struct dsi_schema *out,
                                       struct ds_error *err);

/// The same, and how many rows it has.
DS_MUST_CHECK int dsi_data_file_look(ds_storage *storage, const char *location,
                                     struct dsi_arena *arena, struct dsi_schema *schema,
                                     int64_t *rows, struct ds_error *err);

#endif
