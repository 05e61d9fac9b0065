// How values lie in columns: widths, bits, and copying rows from one column to another.
//
// (1) Rows are counted from a column's row 0; its `offset` is added here, nowhere else.
// (2) A value of DSI_LAYOUT_FIXED that is 16 bytes or a FIXED may be unaligned: it is
//     copied with memcpy. 1, 4 and 8 byte values are aligned.
#ifndef DSI_DATA_COLUMN_LAYOUT_H
#define DSI_DATA_COLUMN_LAYOUT_H

#include <string.h>

#include "data/batch.h"

enum dsi_layout {
    DSI_LAYOUT_NONE,   // UNKNOWN: every row is null.
    DSI_LAYOUT_BITS,   // BOOLEAN.
    DSI_LAYOUT_FIXED,  // dsi_layout_width bytes each.
    DSI_LAYOUT_BYTES,  // Offsets and bytes.
    DSI_LAYOUT_NESTED, // STRUCT, LIST, MAP, VARIANT.
};

// The most rows one batch may have: every count and offset of it then fits 32 bits.
#define DSI_BATCH_ROWS_MAX INT64_C(0x7fffffff)

// The most bytes of strings that a column we build may hold: its offsets are 32 bits.
#define DSI_COLUMN_BYTES_MAX ((size_t)0x7fffffff)

enum dsi_layout dsi_layout_of(const struct dsi_type *t);

/// Whether rows are told apart by offsets: STRING, BINARY, GEO…, LIST, MAP.
bool dsi_layout_has_offsets(const struct dsi_type *t);

/// Bytes of one value; 0 unless the layout is DSI_LAYOUT_FIXED.
size_t dsi_layout_width(const struct dsi_type *t);

static inline bool dsi_bit_get(const uint8_t *bits, int64_t i)
{
    return bits[i >> 3] >> (i & 7) & 1;
}

static inline void dsi_bit_set(uint8_t *bits, int64_t i)
{
    bits[i >> 3] = (uint8_t)(bits[i >> 3] | 1u << (i & 7));
}

static inline void dsi_bit_clear(uint8_t *bits, int64_t i)
{
    bits[i >> 3] = (uint8_t)(bits[i >> 3] & ~(1u << (i & 7)));
}

/// Where row `row` of a LIST or MAP begins in its children; row `length` is the end.
static inline int64_t dsi_column_offset(const struct dsi_column *c, int64_t row)
{
    int64_t i = c->offset + row;
    return c->offsets ? c->offsets[i] : c->offsets64[i];
}

/// Bytes that hold `count` bits.
static inline size_t dsi_bits_size(int64_t count)
{
    return ((size_t)count + 7) / 8;
}

/// How many of the bits [first, first + count) are set.
int64_t dsi_bits_count(const uint8_t *bits, int64_t first, int64_t count);

/// Copies bits [first, first + count) to the front of `out`; the rest of its last byte is
/// 0.
void dsi_bits_copy(uint8_t *out, const uint8_t *bits, int64_t first, int64_t count);

/// The bytes of a DSI_LAYOUT_BYTES or DSI_LAYOUT_FIXED value.
static inline struct ds_slice dsi_column_bytes(const struct dsi_column *c, int64_t row)
{
    const uint8_t *bytes = c->values;
    int64_t i = c->offset + row;
    if (c->offsets) {
        return (struct ds_slice){bytes + c->offsets[i],
                                 (size_t)(c->offsets[i + 1] - c->offsets[i])};
    }
    if (c->offsets64) {
        return (struct ds_slice){bytes + c->offsets64[i],
                                 (size_t)(c->offsets64[i + 1] - c->offsets64[i])};
    }
    size_t width = dsi_layout_width(&c->field->type);
    return (struct ds_slice){bytes + (size_t)i * width, width};
}

/// Zeroed memory that lives as long as the batch.
void *dsi_batch_calloc(struct dsi_batch *b, size_t size);

/// The rows of a column that are null, counted if nobody has yet.
int64_t dsi_column_null_count(const struct dsi_column *c);

/// Makes the buffers of `out` (a column of `b`, its field set) for `count` values, and
/// `bytes` bytes if it has strings: all zero, and a validity of zeros (all null) if
/// `nulls`. Children are left alone. DS_EUNSUPPORTED for more than DSI_BATCH_ROWS_MAX
/// values or DSI_COLUMN_BYTES_MAX bytes.
DS_MUST_CHECK int dsi_column_make(struct dsi_batch *b, struct dsi_column *out,
                                  int64_t count, size_t bytes, bool nulls,
                                  struct ds_error *err);

/// Fills `out` (a column of `b`, its field set) with `count` nulls; children too.
DS_MUST_CHECK int dsi_column_fill_null(struct dsi_batch *b, int64_t count,
                                       struct dsi_column *out, struct ds_error *err);

/// Fills `out` (a column of `b`, its field set) with `count` times the same value, which
/// for a nested column is null.
DS_MUST_CHECK int dsi_column_fill(struct dsi_batch *b, const struct dsi_value *v,
                                  int64_t count, struct dsi_column *out,
                                  struct ds_error *err);

/// Fills `out` (a column of `b`, its field set, its children there) with the chosen rows
/// of `in`, whose type is the same but for promotions; a row of -1 is null. Children are
/// gathered with their parents: those of a null STRUCT are null. DS_EUNSUPPORTED for more
/// than DSI_COLUMN_BYTES_MAX bytes of strings, or DSI_BATCH_ROWS_MAX elements.
DS_MUST_CHECK int dsi_column_gather(struct dsi_batch *b, const struct dsi_column *in,
                                    const int64_t *rows, int64_t count,
                                    struct dsi_column *out, struct ds_error *err);

#endif
