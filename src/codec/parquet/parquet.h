// A Parquet file's footer as values: schema, row groups, column chunks, statistics.
// Parquet format 2.12, src/main/thrift/parquet.thrift.
//
// Nothing here reads a file. The caller fetches the last DSI_PARQUET_TAIL_SIZE bytes,
// asks dsi_parquet_footer_size how many more it needs, and hands those over; then it
// fetches column chunks (`offset`, `size`) for parquet_read.h to decode. Writing is in
// parquet_write.h.
//
// (1) What a parsed file says about places has been checked: every chunk lies inside the
//     file, every row group has one chunk per leaf of the leaf's own type, counts are not
//     negative. What a chunk's bytes say is checked when they are decoded.
// (2) A parsed file is immutable, and any thread may read it.
#ifndef DSI_CODEC_PARQUET_H
#define DSI_CODEC_PARQUET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/compress/compress.h"
#include "datashard/status.h"
#include "datashard/types.h"

// The numbers are the format's own.
enum dsi_parquet_physical {
    DSI_PARQUET_BOOLEAN = 0,
    DSI_PARQUET_INT32 = 1,
    DSI_PARQUET_INT64 = 2,
    DSI_PARQUET_INT96 = 3,
    DSI_PARQUET_FLOAT = 4,
    DSI_PARQUET_DOUBLE = 5,
    DSI_PARQUET_BYTE_ARRAY = 6,
    DSI_PARQUET_FIXED = 7, ///< FIXED_LEN_BYTE_ARRAY of type_length bytes.
};

enum dsi_parquet_repetition {
    DSI_PARQUET_REQUIRED = 0,
    DSI_PARQUET_OPTIONAL = 1,
    DSI_PARQUET_REPEATED = 2,
};

enum dsi_parquet_logical_kind {
    DSI_PARQUET_LOGICAL_NONE,
    DSI_PARQUET_LOGICAL_STRING,
    DSI_PARQUET_LOGICAL_MAP,
    DSI_PARQUET_LOGICAL_LIST,
    DSI_PARQUET_LOGICAL_ENUM,
    DSI_PARQUET_LOGICAL_DECIMAL,
    DSI_PARQUET_LOGICAL_DATE,
    DSI_PARQUET_LOGICAL_TIME,
    DSI_PARQUET_LOGICAL_TIMESTAMP,
    DSI_PARQUET_LOGICAL_INTEGER,
    DSI_PARQUET_LOGICAL_UNKNOWN, ///< Always null.
    DSI_PARQUET_LOGICAL_JSON,
    DSI_PARQUET_LOGICAL_BSON,
    DSI_PARQUET_LOGICAL_UUID,
    DSI_PARQUET_LOGICAL_FLOAT16,
    DSI_PARQUET_LOGICAL_VARIANT,
    DSI_PARQUET_LOGICAL_GEOMETRY,
    DSI_PARQUET_LOGICAL_GEOGRAPHY,
    DSI_PARQUET_LOGICAL_INTERVAL, ///< Only as a converted type.
    DSI_PARQUET_LOGICAL_OTHER,    ///< A type newer than this code: treat as physical.
};

enum dsi_parquet_unit { DSI_PARQUET_MILLIS, DSI_PARQUET_MICROS, DSI_PARQUET_NANOS };

/// What a physical type stands for. A file that has only the older converted type is
/// read as the logical type the format says it means (its timestamps are UTC).
struct dsi_parquet_logical {
    enum dsi_parquet_logical_kind kind;
    int32_t precision;          ///< DECIMAL: at least 1.
    int32_t scale;              ///< DECIMAL: 0..precision.
    enum dsi_parquet_unit unit; ///< TIME, TIMESTAMP.
    bool utc;                   ///< TIME, TIMESTAMP: isAdjustedToUTC.
    int32_t bit_width;          ///< INTEGER: 8, 16, 32, 64.
    bool is_signed;             ///< INTEGER.
    const char *crs;            ///< GEOMETRY, GEOGRAPHY; NULL: the default.
    int32_t algorithm;          ///< GEOGRAPHY: the format's number; 0 is spherical.
};

/// One schema element. To write, they come in an array in depth-first order, without the
/// root; `child_count` elements follow a group, each with its own below it.
struct dsi_parquet_field {
    const char *name; ///< UTF-8. Dots are legal in it, and mean nothing.
    bool has_field_id;
    int32_t field_id;
    enum dsi_parquet_repetition repetition;
    size_t child_count;                 ///< 0: a leaf.
    enum dsi_parquet_physical physical; ///< Leaves only.
    int32_t type_length;                ///< FIXED: bytes in a value, at least 1.
    struct dsi_parquet_logical logical;
};

enum { DSI_PARQUET_DEPTH_MAX = 64 };

struct dsi_parquet_node {
    struct dsi_parquet_field field;
    const struct dsi_parquet_node *parent;      ///< NULL: the root.
    const struct dsi_parquet_node *first_child; ///< NULL: a leaf (or an empty root).
    const struct dsi_parquet_node *next;        ///< Next sibling, or NULL.
    size_t leaf; ///< Leaves: the index in `leaves` and in every row group's `columns`.
    int32_t max_def;
    int32_t max_rep; ///< More than 0: inside a list or map.
    /// The definition level from which on the innermost repeated field, at the node or
    /// above it, has an entry: 0 where nothing repeats.
    int32_t element_def;
};

// The numbers are the format's own.
enum dsi_parquet_codec {
    DSI_PARQUET_UNCOMPRESSED = 0,
    DSI_PARQUET_SNAPPY = 1,
    DSI_PARQUET_GZIP = 2,
    DSI_PARQUET_LZO = 3,
    DSI_PARQUET_BROTLI = 4,
    DSI_PARQUET_LZ4 = 5, ///< The ambiguous old one.
    DSI_PARQUET_ZSTD = 6,
    DSI_PARQUET_LZ4_RAW = 7,
};

/// A chunk's statistics, as far as they may be trusted: bounds in an order this library
/// does not know, NaN bounds, and the deprecated min/max of types whose order they got
/// wrong have been dropped on reading. A float bound of zero is widened to -0 / +0.
struct dsi_parquet_statistics {
    bool has_min;
    bool has_max;
    bool min_exact; ///< The file says so; false also when it says nothing.
    bool max_exact;
    struct ds_slice min; ///< Plain encoding, without the length of a BYTE_ARRAY.
    struct ds_slice max;
    int64_t null_count;     ///< -1: not known.
    int64_t nan_count;      ///< -1: not known.
    int64_t distinct_count; ///< -1: not known.
};

/// How a file says that a column's bounds are ordered.
enum dsi_parquet_column_order {
    DSI_PARQUET_COLUMN_ORDER_ABSENT,
    DSI_PARQUET_COLUMN_ORDER_TYPE,
    DSI_PARQUET_COLUMN_ORDER_IEEE754,
    DSI_PARQUET_COLUMN_ORDER_OTHER,
};

struct dsi_parquet_chunk {
    int64_t offset; ///< Where its first page (dictionary or data) starts in the file.
    int64_t size;   ///< Bytes to fetch from there.
    int64_t uncompressed_size;
    int64_t value_count; ///< Slots (parquet_read.h); rows, if the leaf's max_rep is 0.
    int64_t row_count;   ///< Of its row group.
    enum dsi_parquet_codec codec;
    uint32_t encodings; ///< Bit n is the format's encoding n; hints only.
    /// Every value that is not null is in the dictionary, as the file says.
    bool all_indexed;
    enum dsi_parquet_column_order order;
    struct dsi_parquet_statistics statistics;
    int64_t column_index_offset; ///< 0: none.
    int32_t column_index_size;
    int64_t offset_index_offset; ///< 0: none.
    int32_t offset_index_size;
    int64_t bloom_filter_offset; ///< 0: none.
    int32_t bloom_filter_size;   ///< 0: not known.
};

struct dsi_parquet_sorting {
    size_t leaf;
    bool descending;
    bool nulls_first;
};

struct dsi_parquet_row_group {
    int64_t row_count;
    int64_t offset; ///< The first byte of its first chunk: what Iceberg calls a split.
    int64_t compressed_size;
    int64_t uncompressed_size;
    const struct dsi_parquet_chunk *columns; ///< One per leaf, in their order.
    const struct dsi_parquet_sorting *sorting;
    size_t sorting_count;
};

struct dsi_parquet_file {
    struct dsi_arena arena; ///< Owns everything below.
    const struct dsi_parquet_node *root;
    const struct dsi_parquet_node **leaves;
    size_t leaf_count;
    const struct dsi_parquet_row_group *row_groups;
    size_t row_group_count;
    int64_t row_count;
    struct ds_properties key_values; ///< A key without value has "".
    const char *created_by;          ///< "" if the file does not say.
};

enum { DSI_PARQUET_TAIL_SIZE = 8, DSI_PARQUET_FILE_SIZE_MIN = 12 };

/// Reads the end of a file of `file_size` bytes: `*size` is the number of bytes at the
/// end of the file, these DSI_PARQUET_TAIL_SIZE among them, that the footer takes.
/// DS_ECORRUPT if this is no Parquet file, DS_EUNSUPPORTED if its footer is encrypted.
DS_MUST_CHECK int dsi_parquet_footer_size(const uint8_t tail[DSI_PARQUET_TAIL_SIZE],
                                          int64_t file_size, size_t *size,
                                          struct ds_error *err);

/// Parses the last bytes of a file, exactly as many as dsi_parquet_footer_size said.
/// Everything is copied; `footer` may go afterwards. On success `out` is to be released.
/// DS_ECORRUPT, DS_EUNSUPPORTED (encrypted columns), DS_ENOMEM.
DS_MUST_CHECK int dsi_parquet_file_parse(struct ds_slice footer, int64_t file_size,
                                         struct dsi_parquet_file *out,
                                         struct ds_error *err);

/// Twice is fine, and so is a zeroed struct.
void dsi_parquet_file_release(struct dsi_parquet_file *f);

/// The node with this field id, anywhere in the tree (the first, if a broken writer gave
/// it twice), or NULL.
const struct dsi_parquet_node *dsi_parquet_file_field(const struct dsi_parquet_file *f,
                                                      int32_t field_id);

/// "a.b.c", cut to fit, for messages. The root's own name is left out.
void dsi_parquet_path(const struct dsi_parquet_node *n, char *out, size_t size);

/// Bytes of one value; 0 for BOOLEAN (a bit) and BYTE_ARRAY (any number).
size_t dsi_parquet_width(const struct dsi_parquet_field *f);

const char *dsi_parquet_physical_name(enum dsi_parquet_physical p);
const char *dsi_parquet_codec_name(enum dsi_parquet_codec c);

/// A single value in plain encoding, as a number of the host. BYTE_ARRAY, FIXED and INT96
/// borrow `plain`. DS_ECORRUPT when it has the wrong size.
struct dsi_parquet_value {
    enum dsi_parquet_physical physical;
    union {
        bool boolean;
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        struct ds_slice bytes;
    } as;
};

DS_MUST_CHECK int dsi_parquet_value_read(const struct dsi_parquet_field *f,
                                         struct ds_slice plain,
                                         struct dsi_parquet_value *out,
                                         struct ds_error *err);

/// An INT96 timestamp (nanoseconds of the day, Julian day) as microseconds since 1970;
/// false if it does not fit 64 bits. The nanoseconds below are dropped (towards -inf).
bool dsi_parquet_int96_to_micros(const uint8_t bytes[12], int64_t *out);

#endif
