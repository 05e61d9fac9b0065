// The fields of a datetime, without asking for them one by one.
//
// The limited API has no access to datetime's fields, and attributes cost ten times what
// the rest of a conversion does. CPython keeps them in every datetime as the ten bytes
// that pickle writes too. Where they are is found out once, by looking for the known
// bytes of some datetimes in these; where that does not work, nothing is read this way.
#ifndef DATASHARD_PYTHON_ROWS_MOMENT_H
#define DATASHARD_PYTHON_ROWS_MOMENT_H

#include "rows_py.h"

#include <stdbool.h>
#include <stdint.h>

/// The microseconds since 1970 of a value that is exactly a datetime.datetime, of UTC or
/// without a zone; runs no foreign code. false, and no exception, for all others, and
/// when it cannot be told.
bool rows_moment_read(const struct rows_py *py, PyObject *value, int64_t *out);

#endif
