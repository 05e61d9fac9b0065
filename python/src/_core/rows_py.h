// The classes and names that conversion needs from Python, looked up once.
#ifndef DATASHARD_PYTHON_ROWS_PY_H
#define DATASHARD_PYTHON_ROWS_PY_H

#include "core_python.h"

/// All are owned by the process: never released.
struct rows_py {
    PyObject *datetime; ///< datetime.datetime, and so on.
    PyObject *date;
    PyObject *time;
    PyObject *utc;       ///< datetime.timezone.utc
    PyObject *epoch;     ///< 1970-01-01 00:00:00, naive.
    PyObject *epoch_utc; ///< The same in UTC.
    PyObject *decimal;
    PyObject *uuid;
    PyObject *invalid;      ///< datashard.Invalid, a ValueError.
    PyObject *invalid_type; ///< datashard.InvalidType, which is a TypeError, too.
    PyObject *days;         ///< Interned names, from here on.
    PyObject *seconds;
    PyObject *microseconds;
    PyObject *nanoseconds;
    PyObject *tzinfo;
    PyObject *hour;
    PyObject *minute;
    PyObject *second;
    PyObject *microsecond;
    PyObject *toordinal;
    PyObject *fromordinal;
    PyObject *bytes;
};

/// NULL with an exception when an import fails. Any thread.
const struct rows_py *rows_py_get(void);

/// Whether `value` is None, pandas' NaT or NA, or numpy's NaT. Never fails.
int rows_py_is_null(PyObject *value);

/// Whether the class of `value` is called `name` (or `other`, when not NULL) and is of
/// `module` or one below that. Never fails.
int rows_py_is_of(PyObject *value, const char *module, const char *name,
                  const char *other);

/// Whether `value` is a numpy.datetime64. Never fails.
int rows_py_is_datetime64(PyObject *value);

/// An item of a list or tuple, owned, whatever other threads do to it; NULL without an
/// exception: there are not so many.
PyObject *rows_py_item(PyObject *sequence, Py_ssize_t i);

/// A member of a dict, owned likewise; NULL without an exception: it has none.
PyObject *rows_py_member(PyObject *dict, PyObject *name);

/// Raises `type`: `expected`, and what class `value` is of. Returns -1.
int rows_py_misfit(PyObject *type, const char *expected, PyObject *value);

#endif
