// Dates and times. The limited API has none of datetime's own: values are asked by
// subtraction and attributes, which serves subclasses such as pandas.Timestamp as well.
#include "rows_convert.h"

static const int64_t day_seconds = 86400;
static const int64_t epoch_ordinal = 719163; // 1970-01-01 by date.toordinal.

// An attribute that is an integer. -1 with an exception is an error.
static int64_t get_int(PyObject *object, PyObject *name)
{
    PyObject *value = PyObject_GetAttr(object, name);
    long long n = value ? PyLong_AsLongLong(value) : -1;

    Py_XDECREF(value);
    return n;
}

static bool is_instance(PyObject *value, PyObject *cls)
{
    int is = PyObject_IsInstance(value, cls);

    if (is < 0) {
        PyErr_Clear();
    }
    return is == 1;
}

// An int of the column's own unit, for values that are no dates or times.
static int take_unit(PyObject *value, const char *expected, int64_t width, int64_t *out)
{
    if (PyBool_Check(value) || !PyIndex_Check(value)) {
        return rows_py_misfit(PyExc_TypeError, expected, value);
    }
    return rows_to_int(value, width, out);
}

// seconds and nanoseconds (0 to 999,999,999) in units of which a second has per_second.
static int to_unit(PyObject *value, int64_t seconds, int64_t nanos, int64_t per_second,
                   int64_t *out)
{
    int64_t size = 1000000000 / per_second;

    if (nanos % size != 0) {
        PyErr_Format(PyExc_ValueError,
                     "%S is finer than the column's unit; round it first", value);
        return -1;
    }
    if (__builtin_mul_overflow(seconds, per_second, out) ||
        __builtin_add_overflow(*out, nanos / size, out)) {
        PyErr_Format(PyExc_ValueError, "%S is out of the column's range", value);
        return -1;
    }
    return 0;
}

// Days as the column has them.
static int take_days(int64_t days, const struct rows_type *type, int64_t *out)
{
    *out = type->per_second > 0 ? days * day_seconds * type->per_second : days;
    return 0;
}

static int date_of_datetime64(PyObject *value, const struct rows_type *type, int64_t *out)
{
    int64_t days = 0;
    int exact = rows_from_datetime64(value, "D", &days);

    if (exact == 0) {
        PyErr_Format(PyExc_ValueError, "expected a date, got %S with a time of day",
                     value);
    }
    if (exact > 0 && (days < INT32_MIN || days > INT32_MAX)) {
        PyErr_Format(PyExc_ValueError, "%S is out of the column's range", value);
        return -1;
    }
    return exact > 0 ? take_days(days, type, out) : -1;
}

static int timestamp_of_datetime64(PyObject *value, const struct rows_type *type,
                                   int64_t *out)
{
    const char *unit = type->per_second == 1         ? "s"
                       : type->per_second == 1000    ? "ms"
                       : type->per_second == 1000000 ? "us"
                                                     : "ns";
    int exact = rows_from_datetime64(value, unit, out);

    if (exact == 0) {
        PyErr_Format(PyExc_ValueError,
                     "%S is finer than the column's unit, or out of its range", value);
    }
    return exact > 0 ? 0 : -1;
}

int rows_to_date(PyObject *value, const struct rows_type *type, int64_t *out)
{
    const struct rows_py *py = rows_py_get();
    PyObject *ordinal = NULL;
    int64_t days = 0;

    if (!py) {
        return -1;
    }
    if ((PyObject *)Py_TYPE(value) != py->date) {
        if (!is_instance(value, py->date)) {
            if (rows_py_is_datetime64(value)) {
                return date_of_datetime64(value, type, out);
            }
            return take_unit(value, "a date", type->width, out);
        }
        if (is_instance(value, py->datetime)) {
            int64_t parts = get_int(value, py->hour) | get_int(value, py->minute) |
                            get_int(value, py->second) | get_int(value, py->microsecond);
            if (parts != 0) {
                if (!PyErr_Occurred()) {
                    PyErr_Format(PyExc_ValueError,
                                 "expected a date, got %S with a time of day", value);
                }
                return -1;
            }
        }
    }
    ordinal = PyObject_CallMethodObjArgs(value, py->toordinal, NULL);
    days = ordinal ? PyLong_AsLongLong(ordinal) - epoch_ordinal : 0;
    Py_XDECREF(ordinal);
    if (PyErr_Occurred()) {
        return -1;
    }
    return take_days(days, type, out);
}

int rows_to_time(PyObject *value, const struct rows_type *type, int64_t *out)
{
    const struct rows_py *py = rows_py_get();
    PyObject *zone = NULL;
    int64_t seconds = 0;
    int64_t micros = 0;

    if (!py) {
        return -1;
    }
    if (!is_instance(value, py->time)) {
        if (take_unit(value, "a time", type->width, out) < 0) {
            return -1;
        }
        if (*out < 0 || *out >= day_seconds * type->per_second) {
            PyErr_Format(PyExc_ValueError, "%S is no time of a day", value);
            return -1;
        }
        return 0;
    }
    zone = PyObject_GetAttr(value, py->tzinfo);
    Py_XDECREF(zone);
    if (!zone || zone != Py_None) {
        if (zone) {
            PyErr_SetString(PyExc_ValueError, "expected a time without a zone");
        }
        return -1;
    }
    seconds = get_int(value, py->hour) * 3600 + get_int(value, py->minute) * 60 +
              get_int(value, py->second);
    micros = get_int(value, py->microsecond);
    return PyErr_Occurred()
               ? -1
               : to_unit(value, seconds, micros * 1000, type->per_second, out);
}

// The nanoseconds past the microsecond: pandas.Timedelta alone has them.
static int64_t extra_nanos(const struct rows_py *py, PyObject *delta)
{
    int64_t nanos = get_int(delta, py->nanoseconds);

    if (nanos == -1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_Clear();
            nanos = 0;
        }
    }
    return nanos;
}

int rows_to_timestamp(PyObject *value, const struct rows_type *type, int64_t *out)
{
    const struct rows_py *py = rows_py_get();
    bool exact = py && (PyObject *)Py_TYPE(value) == py->datetime;
    PyObject *zone = NULL;
    PyObject *delta = NULL;
    int64_t days = 0;
    int64_t seconds = 0;
    int64_t nanos = 0;

    if (!py) {
        return -1;
    }
    if (!exact && !is_instance(value, py->datetime)) {
        if (rows_py_is_datetime64(value)) {
            return timestamp_of_datetime64(value, type, out);
        }
        return take_unit(value, "a datetime", type->width, out);
    }
    zone = PyObject_GetAttr(value, py->tzinfo);
    if (!zone) {
        return -1;
    }
    delta = PyNumber_Subtract(value, zone == Py_None ? py->epoch : py->epoch_utc);
    Py_DECREF(zone);
    if (!delta) {
        return -1;
    }
    days = get_int(delta, py->days);
    seconds = get_int(delta, py->seconds);
    nanos = get_int(delta, py->microseconds) * 1000;
    nanos += exact ? 0 : extra_nanos(py, delta);
    Py_DECREF(delta);
    return PyErr_Occurred() ? -1
                            : to_unit(value, days * day_seconds + seconds, nanos,
                                      type->per_second, out);
}
