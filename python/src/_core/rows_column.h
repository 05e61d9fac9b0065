// Arrow columns as they grow, value by value.
#ifndef DATASHARD_PYTHON_ROWS_COLUMN_H
#define DATASHARD_PYTHON_ROWS_COLUMN_H

#include "rows_buffer.h"
#include "rows_layout.h"
#include "rows_py.h"
#include "rows_type.h"

/// Which values of which columns are taken without further questions: None, and what is
/// exactly of the column's class and fits.
enum rows_quick {
    ROWS_QUICK_NONE,
    ROWS_QUICK_BOOL,
    ROWS_QUICK_INT64,
    ROWS_QUICK_FLOAT64,
    ROWS_QUICK_MOMENT, ///< Microseconds since 1970.
    ROWS_QUICK_TEXT,
};

struct rows_column {
    struct rows_type type;
    enum rows_quick quick;
    PyObject *name; ///< Interned.
    bool required;
    struct rows_column *parent; ///< NULL: the struct that the rows are.
    int64_t length;
    int64_t nulls;
    struct rows_buffer validity; ///< Empty while nothing is null.
    struct rows_buffer offsets;
    struct rows_buffer data;
    int64_t n_children;
    struct rows_column **children;
    struct rows_layout layout; ///< Of the dicts that a struct is filled from.
};

/// What is the same for all columns of one conversion.
struct rows_context {
    const struct rows_py *py;
    int64_t row;  ///< For messages.
    int64_t bulk; ///< Bytes and elements so far behind 32-bit offsets, of all columns.
    bool strict;  ///< Members that the schema lacks are errors.
    bool named;   ///< Whether the exception says row and column by now.
};

/// NULL with an exception for what cannot be built. Ended by rows_column_free.
struct rows_column *rows_column_new(const struct ArrowSchema *schema);
void rows_column_free(struct rows_column *column);

/// Makes room for so many more values of fixed size, for speed. -1: MemoryError.
int rows_column_reserve(struct rows_column *column, int64_t values);

/// Appends one value, None included. On -1 the columns are fit for nothing but
/// rows_column_free; the exception names row and column.
int rows_column_append(struct rows_context *context, struct rows_column *column,
                       PyObject *value);

/// Moves what was appended into *out, which the caller releases, on any thread, with or
/// without the interpreter; the column is empty afterwards. -1: MemoryError.
int rows_column_finish(struct rows_column *column, struct ArrowArray *out);

#endif
