// Writing a Parquet file from Arrow buffers.
//
// Bytes leave through a callback in file order and are never revisited. Data pages are
// version 1, levels RLE, values dictionary-encoded while that pays and plain after; every
// page has its CRC, every chunk statistics in the order of its type, an offset index and,
// where the format has one, a column index. Bloom filters follow the pages of their row
// group, indexes the last row group.
//
// (1) The bytes depend on the rows and the options only: however the rows are cut into
//     calls, the file is the same.
// (2) After an error, nothing but dsi_parquet_writer_free: the file is incomplete and has
//     no footer, so nobody can take it for a whole one.
#ifndef DSI_CODEC_PARQUET_WRITE_H
#define DSI_CODEC_PARQUET_WRITE_H

#include "codec/parquet/parquet.h"

/// A file being written. One thread at a time.
typedef struct dsi_parquet_writer dsi_parquet_writer;

/// Takes the next bytes of the file, all of them, or fails with a status of its own.
typedef int (*dsi_parquet_write_fn)(void *arg, struct ds_slice bytes,
                                    struct ds_error *err);

/// How a column's values are encoded. A dictionary, while it pays, comes before any.
enum dsi_parquet_encode {
    DSI_PARQUET_ENCODE_AUTO, ///< By looking at the values.
    DSI_PARQUET_ENCODE_PLAIN,
    DSI_PARQUET_ENCODE_DELTA,        ///< DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY.
    DSI_PARQUET_ENCODE_DELTA_PREFIX, ///< DELTA_BYTE_ARRAY.
    DSI_PARQUET_ENCODE_SPLIT,        ///< BYTE_STREAM_SPLIT.
};

/// What DSI_PARQUET_ENCODE_AUTO chooses from, beside a dictionary. What other engines
/// read is in docs/decisions/008.
enum dsi_parquet_choice {
    DSI_PARQUET_CHOICE_COMMON, ///< PLAIN, DELTA_BINARY_PACKED.
    DSI_PARQUET_CHOICE_PLAIN,
    DSI_PARQUET_CHOICE_ALL,
};

/// What one column is written with; all zero means the defaults.
struct dsi_parquet_leaf_options {
    bool no_dictionary;
    enum dsi_parquet_encode encode;
    bool bloom_filter;      ///< Not for BOOLEAN: it is passed over.
    double bloom_fpp;       ///< 0: 0.01.
    int64_t bloom_distinct; ///< Expected distinct values in a row group; 0: as seen.
    size_t bloom_bytes_max; ///< 0: 1 MiB.
};

/// All zero means the defaults, which are Iceberg's but for the codec. Everything is
/// copied.
struct dsi_parquet_write_options {
    enum dsi_compression codec; ///< NONE, GZIP, ZSTD, SNAPPY, LZ4_RAW or BROTLI.
    bool has_level;             ///< Use `level`; else the codec's own default.
    int level;
    bool no_dictionary;
    enum dsi_parquet_choice choice;
    size_t page_bytes;       ///< A data page ends at about so many; 0: 1 MiB.
    size_t page_rows;        ///< … or at so many rows; 0: 20,000.
    size_t dictionary_bytes; ///< A chunk's dictionary holds no more; 0: 2 MiB.
    size_t row_group_bytes;  ///< A row group ends at about so many; 0: 128 MiB, at most 1
                             ///< GiB.
    size_t row_group_early; ///< … or where it has so many, and at least a quarter of what
                            ///< stands before it, if little is lost; 0: not before.
    int64_t row_group_rows; ///< … or at so many rows; 0: 2^31 - 1.
    size_t bound_bytes;     ///< Longer bounds are cut in the file; 0: 64.
    const char *created_by; ///< NULL: "datashard version X".
    struct ds_properties key_values;
    const struct dsi_parquet_sorting *sorting; ///< The order the rows come in, if any.
    size_t sorting_count;
    const struct dsi_parquet_leaf_options *leaves; ///< One per leaf; NULL: the defaults.
};

/// One leaf's part of a batch, in Arrow's layout; borrowed during the call. `offset`
/// counts elements (bits, values, offsets) to pass over in every buffer, as Arrow's does.
struct dsi_parquet_input {
    const uint8_t *validity; ///< Bits, 1 is valid; NULL: no nulls.
    const void *values;      ///< As parquet_read.h says; NULL for BYTE_ARRAY.
    const void *offsets;     ///< BYTE_ARRAY: int32 or int64 offsets into `bytes`.
    const uint8_t *bytes;    ///< BYTE_ARRAY.
    bool wide_offsets;       ///< The offsets are int64.
    size_t offset;
    /// Inside structs and lists, in place of `validity`: the levels of each slot, from
    /// their own start (`offset` does not apply). See parquet_read.h for what a slot is,
    /// and which of them have an element. NULL for columns of the root.
    const uint8_t *defs;
    const uint8_t *reps; ///< NULL where nothing repeats: each row is one slot.
    size_t slots;        ///< With `reps`: how many; the rows they make are `rows`.
};

/// What the whole file holds of one leaf: Iceberg's metrics come from here.
struct dsi_parquet_column_summary {
    int64_t compressed_size; ///< Of its chunks, page headers included.
    int64_t value_count;     ///< Nulls included.
    int64_t null_count;
    int64_t nan_count; ///< FLOAT, DOUBLE; else 0.
    /// Smallest and largest value, whole, neither null nor NaN; -0 below +0. False when
    /// there is none, or the type has no order (INT96, INTERVAL, geometry, variant).
    bool has_bounds;
    struct dsi_parquet_value min;
    struct dsi_parquet_value max;
};

struct dsi_parquet_summary {
    int64_t row_count;
    int64_t file_size;
    const int64_t *split_offsets; ///< Where each row group starts, ascending.
    size_t split_count;
    const struct dsi_parquet_column_summary *columns; ///< One per leaf.
    size_t column_count;
};

/// Starts a file. `fields` is the schema in depth-first order (parquet.h). DS_EINVALID
/// for a schema or options that make no sense.
DS_MUST_CHECK int dsi_parquet_writer_new(const struct dsi_parquet_field *fields,
                                         size_t field_count,
                                         const struct dsi_parquet_write_options *options,
                                         dsi_parquet_writer **out, struct ds_error *err);

/// Whether one could be started: as above, but makes none.
DS_MUST_CHECK int
dsi_parquet_writer_check(const struct dsi_parquet_field *fields, size_t field_count,
                         const struct dsi_parquet_write_options *options,
                         struct ds_error *err);

/// Where the bytes go; once, before the first row.
void dsi_parquet_writer_output(dsi_parquet_writer *w, dsi_parquet_write_fn write,
                               void *arg);

/// Appends `rows` rows: `columns` has one input per leaf. DS_EINVALID for a null in a
/// required column, offsets that descend or levels that make no rows, naming the column
/// and the row.
DS_MUST_CHECK int dsi_parquet_writer_write(dsi_parquet_writer *w,
                                           const struct dsi_parquet_input *columns,
                                           size_t rows, struct ds_error *err);

/// About how large the file would be if it were finished now: written and buffered. The
/// last pages count as what they take at most, but not after dsi_parquet_writer_settle:
/// then it depends on the rows alone, not on how they came.
int64_t dsi_parquet_writer_size(const dsi_parquet_writer *w);
DS_MUST_CHECK int dsi_parquet_writer_settle(dsi_parquet_writer *w, struct ds_error *err);

/// Writes the last row group and the footer. A file without rows is a legal file.
/// `*summary` (may be NULL) is borrowed until the writer is freed.
DS_MUST_CHECK int dsi_parquet_writer_finish(dsi_parquet_writer *w,
                                            const struct dsi_parquet_summary **summary,
                                            struct ds_error *err);

/// NULL is fine. Without finish, what was written is abandoned.
void dsi_parquet_writer_free(dsi_parquet_writer *w);

#endif
