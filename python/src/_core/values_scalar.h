// Single Arrow values into Python's. Every function returns a new reference, or NULL with
// an exception that has no place in its text.
#ifndef DATASHARD_PYTHON_VALUES_SCALAR_H
#define DATASHARD_PYTHON_VALUES_SCALAR_H

#include "rows_py.h"
#include "rows_type.h"

PyObject *values_date(const struct rows_py *py, const struct rows_type *type,
                      int64_t value);
PyObject *values_time(const struct rows_py *py, const struct rows_type *type,
                      int64_t value);
PyObject *values_timestamp(const struct rows_py *py, const struct rows_type *type,
                           int64_t value);
PyObject *values_decimal(const struct rows_py *py, const struct rows_type *type,
                         const void *sixteen);
PyObject *values_uuid(const struct rows_py *py, const void *sixteen);

#endif
