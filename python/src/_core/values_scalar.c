#include "values_scalar.h"

#include <stdio.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

static const int64_t day_seconds = 86400;
static const int64_t epoch_ordinal = 719163; // 1970-01-01 by date.toordinal.
static const int64_t last_ordinal = 3652059; // 9999-12-31.

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

PyObject *values_date(const struct rows_py *py, const struct rows_type *type,
                      int64_t value)
{
    int64_t days =
        type->per_second > 0 ? floor_div(value, day_seconds * type->per_second) : value;

    if (days > last_ordinal - epoch_ordinal || days < 1 - epoch_ordinal) {
        PyErr_Format(PyExc_ValueError, "day %lld is outside the years 1 to 9999",
                     (long long)days);
        return NULL;
    }
    return PyObject_CallMethod(py->date, "fromordinal", "L",
                               (long long)days + epoch_ordinal);
}

// Calls `cls` with integers, and with `last` unless it is NULL.
static PyObject *call_ints(PyObject *cls, const int *ints, int n, PyObject *last)
{
    PyObject *args = PyTuple_New(n + (last ? 1 : 0));
    PyObject *made = NULL;

    for (int i = 0; args && i < n; i++) {
        PyObject *value = PyLong_FromLong(ints[i]);
        if (!value || PyTuple_SetItem(args, i, value) < 0) {
            Py_CLEAR(args);
        }
    }
    if (args && last) {
        Py_INCREF(last);
        if (PyTuple_SetItem(args, n, last) < 0) {
            Py_CLEAR(args);
        }
    }
    made = args ? PyObject_CallObject(cls, args) : NULL;
    Py_XDECREF(args);
    return made;
}

// Splits units of time into seconds and microseconds. -1: it has nanoseconds.
static int split(int64_t value, int64_t per_second, int64_t *seconds, int *micros)
{
    int64_t rest = 0;

    *seconds = floor_div(value, per_second);
    rest = value % per_second; // Seconds times that many may not fit.
    rest = (rest < 0 ? rest + per_second : rest) * (1000000000 / per_second);
    if (rest % 1000 != 0) {
        PyErr_SetString(PyExc_ValueError,
                        "a time with nanoseconds, which datetime cannot hold; read it as "
                        "Arrow");
        return -1;
    }
    *micros = (int)(rest / 1000);
    return 0;
}

PyObject *values_time(const struct rows_py *py, const struct rows_type *type,
                      int64_t value)
{
    int64_t seconds = 0;
    int micros = 0;

    if (split(value, type->per_second, &seconds, &micros) < 0) {
        return NULL;
    }
    if (seconds < 0 || seconds >= day_seconds) {
        PyErr_Format(PyExc_ValueError, "%lld is no time of a day", (long long)value);
        return NULL;
    }
    const int parts[] = {(int)(seconds / 3600), (int)(seconds / 60 % 60),
                         (int)(seconds % 60), micros};
    return call_ints(py->time, parts, 4, NULL);
}

// Year, month and day from the days since 1970-01-01: years begin in March here, so that
// leap days are last.
static void civil(int64_t days, int *out)
{
    int64_t z = days + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t day_of_era = z - era * 146097;
    int64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day = day_of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day + 2) / 153;

    out[2] = (int)(day - (153 * month + 2) / 5 + 1);
    out[1] = (int)(month < 10 ? month + 3 : month - 9);
    out[0] = (int)(year + era * 400 + (out[1] <= 2));
}

PyObject *values_timestamp(const struct rows_py *py, const struct rows_type *type,
                           int64_t value)
{
    int parts[7];
    int64_t seconds = 0;
    int64_t days = 0;

    if (split(value, type->per_second, &seconds, &parts[6]) < 0) {
        return NULL;
    }
    days = floor_div(seconds, day_seconds);
    if (days > last_ordinal - epoch_ordinal || days < 1 - epoch_ordinal) {
        PyErr_Format(PyExc_ValueError, "timestamp %lld is outside the years 1 to 9999",
                     (long long)value);
        return NULL;
    }
    seconds -= days * day_seconds;
    civil(days, parts);
    parts[3] = (int)(seconds / 3600);
    parts[4] = (int)(seconds / 60 % 60);
    parts[5] = (int)(seconds % 60);
    return call_ints(py->datetime, parts, 7, type->zoned ? py->utc : NULL);
}

PyObject *values_decimal(const struct rows_py *py, const struct rows_type *type,
                         const void *sixteen)
{
    char digits[48];
    char text[80];
    char *at = digits + sizeof digits - 1;
    uint128 n = 0;
    bool negative = false;

    memcpy(&n, sixteen, 16);
    negative = n >> 127 != 0;
    n = negative ? (uint128)0 - n : n;
    *at = '\0';
    do {
        *--at = (char)('0' + (int)(n % 10));
        n /= 10;
    } while (n > 0);
    (void)snprintf(text, sizeof text, "%s%sE%d", negative ? "-" : "", at, -type->scale);
    return PyObject_CallFunction(py->decimal, "s", text);
}

PyObject *values_uuid(const struct rows_py *py, const void *sixteen)
{
    PyObject *bytes = PyBytes_FromStringAndSize(sixteen, 16);
    PyObject *made =
        bytes ? PyObject_CallFunctionObjArgs(py->uuid, Py_None, bytes, NULL) : NULL;

    Py_XDECREF(bytes);
    return made;
}
