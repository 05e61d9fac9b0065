// Rows taken many at a time, column by column.
//
// Most lists of rows have dicts like one another, whose values are None or exactly of
// their columns' classes. Then no foreign code runs in between, nothing of theirs can go
// away, and nothing has to be held; the values of a column follow one another in a loop
// of its own, and what comes next is fetched into the processor's cache meanwhile.
#ifndef DATASHARD_PYTHON_ROWS_BLOCK_H
#define DATASHARD_PYTHON_ROWS_BLOCK_H

#include "rows_column.h"

struct rows_block;

/// For rows that go to the columns of `root`, which is borrowed. NULL, and no exception,
/// where they have to be taken one by one: they are few, or not exactly a list, or some
/// column has elements or binary data, or memory is short, or the interpreter runs
/// threads side by side.
struct rows_block *rows_block_new(const struct rows_py *py, struct rows_column *root,
                                  PyObject *rows);
void rows_block_free(struct rows_block *b); ///< NULL is fine.

/// Appends rows of the list, from `first` on and at most `most`; fewer when their texts
/// are large. Returns how many, 0 without a block (NULL); the one after them then is for
/// rows_column_append. -1 with an exception, as rows_column_append.
int64_t rows_block_append(struct rows_block *b, struct rows_context *context,
                          PyObject *list, Py_ssize_t first, int64_t most);

#endif
