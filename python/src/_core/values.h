// Arrow into Python values. All calls need the interpreter, and raise on failure.
#ifndef DATASHARD_PYTHON_VALUES_H
#define DATASHARD_PYTHON_VALUES_H

#include "core_python.h"

#include "datashard/arrow.h"

/// A new list of dicts, one a row, keys in the schema's order (the key objects are shared
/// between rows).
PyObject *values_rows(const struct ArrowSchema *schema, const struct ArrowArray *batch);

/// A new dict of lists, one a column.
PyObject *values_columns(const struct ArrowSchema *schema,
                         const struct ArrowArray *batch);

#endif
