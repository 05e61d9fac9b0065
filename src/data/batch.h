// A batch: some rows of a table, column by column, in Arrow's layout and Iceberg's types.
//
// This is the one in-memory form of rows: readers make batches, filters look at them,
// writers take them. At the border they become, or come from, Arrow C Data.
//
// (1) A column's layout is fixed by its type: BOOLEAN bits; INT, DATE 4 bytes; LONG,
//     TIME, TIMESTAMP* 8; FLOAT 4; DOUBLE 8; DECIMAL 16 (little-endian two's complement);
//     UUID 16; FIXED its length; STRING, BINARY, GEOMETRY, GEOGRAPHY offsets (32 or 64
//     bits) and bytes. STRUCT: its children; row i of it is row offset + i of each child.
//     LIST, MAP: offsets, which are rows of the children (element; key and value): row i
//     is rows [offsets[offset + i], offsets[offset + i + 1]) of them. What a null row of
//     a STRUCT, LIST or MAP covers in its children is there, and means nothing. VARIANT:
//     two required BINARY children, "metadata" and "value", like a STRUCT's.
// (2) Buffers are trusted: whoever made the batch has checked offsets and UTF-8.
// (3) A batch owns, or shares, everything its columns point at until it is released.
#ifndef DSI_DATA_BATCH_H
#define DSI_DATA_BATCH_H

#include "model/value.h"

struct dsi_column {
    const struct dsi_field
        *field; // Its place in the batch's schema; borrowed from there.
    int64_t length;
    int64_t offset;           // Of row 0, in elements, into validity, values and offsets.
    int64_t null_count;       // -1: not counted.
    const uint8_t *validity;  // Bits, 1: a value. NULL: no nulls.
    const void *values;       // Fixed-size layouts; the bytes of STRING and BINARY.
    const int32_t *offsets;   // Layouts with offsets: length + 1 after `offset`; or
    const int64_t *offsets64; // these instead.
    struct dsi_column *children; // STRUCT, LIST, MAP, VARIANT.
    size_t child_count;
};

struct dsi_batch {
    int64_t rows;
    const struct dsi_schema *schema; // Borrowed; outlives the batch.
    struct dsi_column *columns;      // One per root field, in order.
    size_t column_count;
    struct dsi_arena arena; // The columns themselves, and small things.
    void **owned;           // Buffers from dsi_malloc, freed with the batch.
    size_t owned_count;
    size_t owned_capacity;
    struct dsi_buf *pooled; // Those that go back to the pool.
    size_t pooled_count;
    size_t pooled_capacity;
    void (*release_source)(void *source); // What an import keeps alive; NULL: nothing.
    void *source;
};

/// An empty batch with `schema`'s columns; end with dsi_batch_release.
DS_MUST_CHECK int dsi_batch_init(struct dsi_batch *b, const struct dsi_schema *schema,
                                 struct ds_error *err);
void dsi_batch_release(struct dsi_batch *b); // Twice is fine.

/// The fields of a type's children: those of a STRUCT, LIST or MAP, VARIANT's two, and
/// none.
const struct dsi_field *dsi_layout_children(const struct dsi_type *t, size_t *count);

/// Gives a column beside the batch's own its children, columns of its field's type; they
/// live as long as the batch.
DS_MUST_CHECK int dsi_batch_column(struct dsi_batch *b, struct dsi_column *c,
                                   struct ds_error *err);

/// Memory that the batch frees when it is released; NULL when there is none.
void *dsi_batch_malloc(struct dsi_batch *b, size_t size);

/// Gives a dsi_malloc'd buffer to the batch (freed also when this fails).
DS_MUST_CHECK int dsi_batch_own(struct dsi_batch *b, void *p, struct ds_error *err);

/// Gives what a buffer holds to the batch, which returns it to the pool if it is pooled;
/// `buf` is empty after, also when this fails. NULL for a buffer without memory.
DS_MUST_CHECK int dsi_batch_own_buf(struct dsi_batch *b, struct dsi_buf *buf,
                                    const void **out, struct ds_error *err);

bool dsi_column_is_null(const struct dsi_column *c, int64_t row);

/// The value of a primitive column at a row, borrowed from the batch.
void dsi_column_value(const struct dsi_column *c, int64_t row, struct dsi_value *out);

/// A new batch with the chosen rows of `b`, in that order. `rows` are indices below
/// b->rows.
DS_MUST_CHECK int dsi_batch_take(const struct dsi_batch *b, const int64_t *rows,
                                 size_t count, struct dsi_batch *out,
                                 struct ds_error *err);

/// A view of rows [first, first + count); borrows everything, `b` must outlive it.
DS_MUST_CHECK int dsi_batch_slice(const struct dsi_batch *b, int64_t first, int64_t count,
                                  struct dsi_batch *out, struct ds_error *err);

// Building rows one value at a time: what CSV and JSON readers and tests use.
struct dsi_batch_builder;

DS_MUST_CHECK int dsi_batch_builder_new(const struct dsi_schema *schema,
                                        struct dsi_batch_builder **out,
                                        struct ds_error *err);
void dsi_batch_builder_free(struct dsi_batch_builder *b); // NULL is fine.

/// Sets the value of root column `column` in the current row (unset ones are null). For
/// nested columns only null; see dsi_batch_builder_column.
DS_MUST_CHECK int dsi_batch_builder_set(struct dsi_batch_builder *b, size_t column,
                                        const struct dsi_value *v, struct ds_error *err);

/// Root column `column` without a value for the current row, to be given one with
/// dsi_column_builder_put or dsi_column_builder_end (column_builder.h): values of any
/// depth.
struct dsi_column_builder *dsi_batch_builder_column(struct dsi_batch_builder *b,
                                                    size_t column);

/// Ends the current row. DS_EINVALID when a required column is unset or null.
DS_MUST_CHECK int dsi_batch_builder_end_row(struct dsi_batch_builder *b,
                                            struct ds_error *err);
int64_t dsi_batch_builder_rows(const struct dsi_batch_builder *b);
size_t dsi_batch_builder_bytes(const struct dsi_batch_builder *b);

/// Moves the rows so far into a batch; the builder is empty after.
DS_MUST_CHECK int dsi_batch_builder_take(struct dsi_batch_builder *b,
                                         struct dsi_batch *out, struct ds_error *err);

#endif
