// Single Python values into Arrow's. Every function returns 0, or -1 with an exception
// whose text says what was expected and what came; who calls adds row and column.
#ifndef DATASHARD_PYTHON_ROWS_CONVERT_H
#define DATASHARD_PYTHON_ROWS_CONVERT_H

#include "rows_py.h"
#include "rows_type.h"

int rows_to_bool(PyObject *value, bool *out);

/// Integers of `width` bytes. Floats and Decimals without a fraction are integers too;
/// bools are not.
int rows_to_int(PyObject *value, int64_t width, int64_t *out);
int rows_to_uint(PyObject *value, int64_t width, uint64_t *out);

/// Floats of `width` bytes, from what a float can hold exactly (float32: within its
/// range).
int rows_to_float(PyObject *value, int64_t width, double *out);

/// int and Decimal that `type` can hold exactly, as sixteen bytes.
int rows_to_decimal(PyObject *value, const struct rows_type *type, void *out);

/// The digits that an int or a Decimal has before and after the point; 99: or more.
int rows_decimal_size(PyObject *value, int *before, int *after);

/// date, datetime or numpy.datetime64 at midnight, or the days (date64: milliseconds) as
/// an int.
int rows_to_date(PyObject *value, const struct rows_type *type, int64_t *out);

/// time without a zone, or an int of the type's unit.
int rows_to_time(PyObject *value, const struct rows_type *type, int64_t *out);

/// datetime (one without a zone is taken as UTC where the column has a zone, one with a
/// zone is brought to UTC), numpy.datetime64 (likewise UTC), or an int of the type's
/// unit.
int rows_to_timestamp(PyObject *value, const struct rows_type *type, int64_t *out);

/// A numpy.datetime64 in whole units ("D", "s", "ms", "us", "ns") since 1970: 1, or 0
/// when it is not a whole number of them or out of their range.
int rows_from_datetime64(PyObject *value, const char *unit, int64_t *out);

/// str, or bytes that are UTF-8. The text is borrowed from *keep, which the caller
/// releases.
int rows_to_text(PyObject *value, const char **text, Py_ssize_t *size, PyObject **keep);

/// bytes, bytearray, memoryview, or str as UTF-8; likewise.
int rows_to_bytes(PyObject *value, const char **bytes, Py_ssize_t *size, PyObject **keep);

/// UUID, its text, or its sixteen bytes.
int rows_to_uuid(PyObject *value, void *out);

#endif
