// What one Arrow column is to Python.
#ifndef DATASHARD_PYTHON_ROWS_TYPE_H
#define DATASHARD_PYTHON_ROWS_TYPE_H

#include "core_python.h"

#include <stdbool.h>

#include "datashard/arrow.h"

enum rows_kind {
    ROWS_NULL,
    ROWS_BOOL,
    ROWS_INT,
    ROWS_UINT,
    ROWS_FLOAT,
    ROWS_DECIMAL,
    ROWS_DATE,
    ROWS_TIME,
    ROWS_TIMESTAMP,
    ROWS_STRING,
    ROWS_BINARY,
    ROWS_FIXED, ///< Fixed-size binary.
    ROWS_UUID,  ///< Sixteen bytes, extension arrow.uuid.
    ROWS_LIST,
    ROWS_FIXED_LIST,
    ROWS_STRUCT,
    ROWS_MAP,
    ROWS_DICTIONARY, ///< ROWS_INT or ROWS_UINT is what the indices are: see
                     ///< `is_unsigned`.
};

enum rows_offsets {
    ROWS_OFFSETS_NONE,
    ROWS_OFFSETS_32,
    ROWS_OFFSETS_64,
    ROWS_OFFSETS_VIEW, ///< Sixteen-byte views into any number of buffers.
};

struct rows_type {
    enum rows_kind kind;
    enum rows_offsets offsets;
    int64_t width; ///< Bytes of one value (a fixed list: its elements); 0: not fixed.
    int64_t per_second; ///< Times and timestamps: 1 to 1,000,000,000. date64: 1,000.
    bool zoned;         ///< Timestamps: of UTC, not of the wall.
    bool is_unsigned;   ///< Dictionaries: their indices.
    int precision;      ///< Decimals.
    int scale;
};

/// Reads the format (and the extension's name) of one field. -1: TypeError for what has
/// no place here, ValueError for what is no format.
int rows_type_parse(const struct ArrowSchema *schema, struct rows_type *out);

/// A deep copy, the caller's to release. -1: MemoryError.
int rows_schema_copy(const struct ArrowSchema *schema, struct ArrowSchema *out);

/// A field with room for `n_children` (released ones, to be filled); strings are copied;
/// `metadata` may be NULL. The caller's to release. -1: MemoryError.
int rows_schema_new(const char *format, const char *name, const char *metadata,
                    int64_t flags, int64_t n_children, struct ArrowSchema *out);

#endif
