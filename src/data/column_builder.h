// One column being built value by value, its children with it.
//
// (1) A column of `length` values is whole: its buffers hold them, its children what they
//     cover. What children have beyond that is pending: dsi_column_builder_end makes a
//     value of it, everything else drops it. So a failure in the middle of a value, at
//     any depth, can always be rolled back.
// (2) Under a null STRUCT, children are null also where they are required.
#ifndef DSI_DATA_COLUMN_BUILDER_H
#define DSI_DATA_COLUMN_BUILDER_H

#include "data/column_layout.h"

struct dsi_column_builder {
    const struct dsi_field *field;           // Borrowed.
    const struct dsi_column_builder *parent; // NULL: the rows themselves.
    enum dsi_layout layout;
    bool has_offsets;        // dsi_layout_has_offsets of the type.
    size_t width;            // Of FIXED values.
    struct dsi_buf validity; // Bits.
    struct dsi_buf values;   // Bits, fixed values or bytes.
    struct dsi_buf offsets;  // int32_t, length + 1 of them once there is a value.
    int64_t length;
    int64_t nulls;
    struct dsi_column_builder *children; // STRUCT, LIST, MAP, VARIANT.
    size_t child_count;
};

/// Prepares a column of the field's type and all below it; `c` must not move after. End
/// with dsi_column_builder_release, also after a failure.
DS_MUST_CHECK int dsi_column_builder_init(struct dsi_column_builder *c,
                                          const struct dsi_field *field,
                                          const struct dsi_column_builder *parent,
                                          int depth, struct ds_error *err);
void dsi_column_builder_release(struct dsi_column_builder *c);

/// Appends a primitive's value, or a null of any type. DS_EINVALID: a value of another
/// type, one its type cannot hold, or a null in a required column that is not a root.
DS_MUST_CHECK int dsi_column_builder_put(struct dsi_column_builder *c,
                                         const struct dsi_value *v, struct ds_error *err);

/// Appends the STRUCT, VARIANT, LIST or MAP that the values its children were given since
/// the last one make. A STRUCT's children were given one or none each: those that were
/// given none are null, DS_EINVALID if required. A MAP's were given equally many.
DS_MUST_CHECK int dsi_column_builder_end(struct dsi_column_builder *c,
                                         struct ds_error *err);

/// Back to `length` values, which it has; nothing is pending after.
void dsi_column_builder_truncate(struct dsi_column_builder *c, int64_t length);

/// The bytes of the last value of a flat column that has one, borrowed until the next
/// change; a boolean is one byte.
struct ds_slice dsi_column_builder_last(const struct dsi_column_builder *c);

/// The column's path, "a.b.element", cut to fit.
void dsi_column_builder_path(const struct dsi_column_builder *c, char *out, size_t size);

/// What all buffers hold.
size_t dsi_column_builder_bytes(const struct dsi_column_builder *c);

/// How many columns there are, `c` and all below it.
size_t dsi_column_builder_count(const struct dsi_column_builder *c);

/// Moves the values into a column of `b`, which has room for three times
/// dsi_column_builder_count buffers more; nothing is left here. Cannot fail.
void dsi_column_builder_take(struct dsi_column_builder *c, struct dsi_batch *b,
                             struct dsi_column *out);

#endif
