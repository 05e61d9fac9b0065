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
#include <string.h>

/// One who reads many of them.
struct rows_moment {
    const struct rows_py *py;
    int fields; ///< Where in a datetime its fields are; the byte before says whether …
    int zone;   ///< … there is a zone, and here it is.
    uint32_t day; ///< Year, month and day of the one before, as its bytes; 0: of none.
    int64_t day_seconds; ///< When that day began, in seconds since 1970.
};

/// false, and no exception, when datetimes cannot be read this way.
bool rows_moment_begin(const struct rows_py *py, struct rows_moment *out);

/// The seconds from 1970 to the day that is at the fields' beginning.
int64_t rows_moment_day(const unsigned char *fields);

/// The microseconds since 1970 of a value that is exactly a datetime.datetime, of UTC or
/// without a zone; runs no foreign code. false, and no exception, for all others.
static inline bool rows_moment_take(struct rows_moment *m, PyObject *value, int64_t *out)
{
    const unsigned char *memory = (const unsigned char *)value;
    const unsigned char *f = memory + m->fields;
    PyObject *zone = NULL;
    uint32_t day = 0;

    if ((PyObject *)Py_TYPE(value) != m->py->datetime) {
        return false;
    }
    if (f[-1] != 0) {
        memcpy(&zone, memory + m->zone, sizeof zone);
        if (zone != m->py->utc) {
            return false;
        }
    }
    memcpy(&day, f, sizeof day);
    if (day != m->day) {
        m->day = day;
        m->day_seconds = rows_moment_day(f);
    }
    *out = (m->day_seconds + f[4] * 3600 + f[5] * 60 + f[6]) * 1000000 +
           (f[7] << 16 | f[8] << 8 | f[9]);
    return true;
}

/// The same for one value; also false when datetimes cannot be read this way.
bool rows_moment_read(const struct rows_py *py, PyObject *value, int64_t *out);

#endif
