// One ArrowArray of a producer, checked, and its values as a column.
//
// (1) A view exists only of an array whose counts and pointers have been checked: `rows`
//     rows from element `first` on are there, as far as Arrow lets anybody know.
// (2) What the null slots of an array hold is never looked at; nor are rows that are not
//     `live`: those that a null around them covers, or that nothing refers to.
#ifndef DSI_DATA_ARROW_ARRAY_H
#define DSI_DATA_ARROW_ARRAY_H

#include "data/arrow_format.h"
#include "data/column_layout.h"

struct dsi_arrow_view;

// How the rows of one view come from those of another, for messages.
struct dsi_arrow_origin {
    const struct dsi_arrow_view *of; // The view around.
    const struct dsi_column *list;   // Not NULL: its offsets say which row covers which.
    const int64_t *rows;             // Not NULL: `count` rows refer to ours, first.
    int64_t count;
};

struct dsi_arrow_view {
    const char *name; // The column's path, for messages.
    const struct ArrowArray *array;
    struct dsi_arrow_format format;
    int64_t first; // The element that is row 0.
    int64_t rows;
    int64_t row_base;        // Added to rows in messages.
    const uint8_t *validity; // NULL: no nulls.
    int64_t nulls;           // Among the rows.
    const uint8_t *live;     // Bits from row 0 on, 1: it means something. NULL: all do.
    const struct dsi_arrow_origin *origin; // NULL: rows are those of the whole array.
};

/// Checks an array against its format. `skip` elements (a parent's offset) are passed
/// over before the array's own `offset` counts; -1 rows means all after them. The lies
/// it can find (DS_EINVALID) are those arrow_io.h names. `live` and `origin` are left
/// alone.
DS_MUST_CHECK int dsi_arrow_view_open(const struct ArrowArray *array,
                                      const struct dsi_arrow_format *format,
                                      bool dictionary, int64_t skip,
                                      struct dsi_arrow_view *v, struct ds_error *err);

/// Checks that the array of a STRUCT has `count` children, all of them there.
DS_MUST_CHECK int dsi_arrow_check_children(const struct dsi_arrow_view *v, int64_t count,
                                           struct ds_error *err);

/// Whether nothing may be read from a row: it is null, or not live.
static inline bool dsi_arrow_view_is_null(const struct dsi_arrow_view *v, int64_t row)
{
    return (v->validity && !dsi_bit_get(v->validity, v->first + row)) ||
           (v->live && !dsi_bit_get(v->live, row));
}

/// An integer at `p` of `width` bytes, aligned or not.
int64_t dsi_arrow_int(const uint8_t *p, size_t width, bool is_signed);

/// Checks the offsets of TEXT, BINARY, LIST or MAP in buffer 1, aligned or not: they are
/// there, not negative, and ascend. DS_EINVALID with the row where they do not.
DS_MUST_CHECK int dsi_arrow_check_offsets(const struct dsi_arrow_view *v,
                                          struct ds_error *err);

/// Where row `row` begins, by those offsets; row `rows` is the end.
int64_t dsi_arrow_offset(const struct dsi_arrow_view *v, int64_t row);

/// "column a.b, row 7: <what>", DS_EINVALID; the row is the batch's, however deep the
/// column is.
int dsi_arrow_row_error(const struct dsi_arrow_view *v, int64_t row, const char *what,
                        struct ds_error *err);

/// Whether values of this format may become values of the type at all.
bool dsi_arrow_fits(const struct dsi_arrow_format *f, const struct dsi_type *t);

// They fill `out` (a column of `b`, its field set) from a view whose format fits the
// type, borrowing the producer's buffers where they can. The third: UUIDs and fixed bytes
// from text and binary.
DS_MUST_CHECK int dsi_arrow_convert_fixed(struct dsi_batch *b,
                                          const struct dsi_arrow_view *v,
                                          struct dsi_column *out, struct ds_error *err);
DS_MUST_CHECK int dsi_arrow_convert_bytes(struct dsi_batch *b,
                                          const struct dsi_arrow_view *v,
                                          struct dsi_column *out, struct ds_error *err);
DS_MUST_CHECK int dsi_arrow_convert_sized(struct dsi_batch *b,
                                          const struct dsi_arrow_view *v,
                                          struct dsi_column *out, struct ds_error *err);

/// The validity of a column whose values begin at row 0; borrowed when it does so too.
DS_MUST_CHECK int dsi_arrow_copy_validity(struct dsi_batch *b,
                                          const struct dsi_arrow_view *v,
                                          struct dsi_column *out, struct ds_error *err);

#endif
