// Python rows (dicts) into Arrow.
//
// All calls need the interpreter (the GIL, or an attached thread state) and raise Python
// exceptions on failure, when they return -1.
#ifndef DATASHARD_PYTHON_ROWS_H
#define DATASHARD_PYTHON_ROWS_H

#include "core_python.h"

#include "datashard/arrow.h"

/// Builds one batch of all `rows` (a list or tuple of mappings) by `schema`, a struct of
/// columns. A missing member and None are null. Strict: a member the schema does not have
/// is a ValueError that names row and member. Required (not nullable) columns must be
/// there. A value that does not fit is a ValueError or TypeError that names row and
/// column; what is lossy is refused. The caller releases *out.
int rows_to_array(PyObject *rows, const struct ArrowSchema *schema, int strict,
                  struct ArrowArray *out);

/// The same for any iterable, as a stream of batches of at most `batch_rows` rows (0:
/// 32,768), converted while it is read: get_next takes the GIL, and hands a Python
/// exception on with rows_pending_error. `schema` is copied. The caller releases *out.
int rows_to_stream(PyObject *rows, const struct ArrowSchema *schema, int strict,
                   int64_t batch_rows, struct ArrowArrayStream *out);

/// The exception that a stream of rows_to_stream met and its consumer could not see:
/// raises it and returns 1, or 0 when there is none. Per thread.
int rows_pending_error(void);

/// Guesses columns from rows (a list or tuple of mappings), all nullable: bool, int64,
/// double (of ints and floats), string, binary, date32, time64[us], timestamp[us] (UTC
/// where values carry a zone; mixed is a TypeError), decimal128 of enough digits, uuid,
/// lists, structs. Columns of only None are strings. The caller releases *out.
int rows_infer(PyObject *rows, struct ArrowSchema *out);

#endif
