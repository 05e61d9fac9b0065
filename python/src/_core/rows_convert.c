#include "rows_convert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int is_a(PyObject *value, PyObject *cls)
{
    return (PyObject *)Py_TYPE(value) == cls || PyObject_IsInstance(value, cls) == 1;
}

int rows_to_bool(PyObject *value, bool *out)
{
    int truth = 0;

    if (PyBool_Check(value)) {
        *out = value == Py_True;
        return 0;
    }
    if (!rows_py_is_of(value, "numpy", "bool", "bool_")) {
        return rows_py_misfit(PyExc_TypeError, "a bool", value);
    }
    truth = PyObject_IsTrue(value);
    *out = truth == 1;
    return truth < 0 ? -1 : 0;
}

// A new int for a float that has no fraction.
static PyObject *whole_number(double d)
{
    if (!isfinite(d) || d != floor(d)) {
        char text[40];
        (void)snprintf(text, sizeof text, "%.17g", d);
        PyErr_Format(PyExc_ValueError, "expected an integer, got %s", text);
        return NULL;
    }
    return PyLong_FromDouble(d);
}

static PyObject *decimal_to_int(PyObject *value)
{
    PyObject *n = PyNumber_Long(value); // ValueError or OverflowError: NaN and infinity.
    int same = n ? PyObject_RichCompareBool(n, value, Py_EQ) : -1;

    if (same == 0) {
        PyErr_Format(PyExc_ValueError, "expected an integer, got %S", value);
    }
    if (same != 1) {
        Py_CLEAR(n);
    }
    return n;
}

// A new int of the same value.
static PyObject *to_int_object(PyObject *value)
{
    const struct rows_py *py = rows_py_get();
    double d = 0;

    if (!py) {
        return NULL;
    }
    if (PyBool_Check(value) || PyUnicode_Check(value) || PyBytes_Check(value)) {
        rows_py_misfit(PyExc_TypeError, "an integer", value);
        return NULL;
    }
    if (PyFloat_Check(value)) {
        return whole_number(PyFloat_AsDouble(value));
    }
    if (PyIndex_Check(value)) {
        PyObject *n = PyNumber_Index(value); // numpy's bool has an __index__ that raises.
        if (!n && PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            rows_py_misfit(PyExc_TypeError, "an integer", value);
        }
        return n;
    }
    if (is_a(value, py->decimal)) {
        return decimal_to_int(value);
    }
    if (rows_py_is_of(value, "numpy", "bool", "bool_")) {
        rows_py_misfit(PyExc_TypeError, "an integer", value);
        return NULL;
    }
    d = PyFloat_AsDouble(value); // numpy's float32; never parses.
    if (d == -1.0 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            rows_py_misfit(PyExc_TypeError, "an integer", value);
        }
        return NULL;
    }
    return whole_number(d);
}

static int too_large(PyObject *value, const char *sign, int64_t width)
{
    PyErr_Format(PyExc_ValueError, "%S does not fit %sint%d", value, sign,
                 (int)(width * 8));
    return -1;
}

int rows_to_int(PyObject *value, int64_t width, int64_t *out)
{
    int64_t most = width == 8 ? INT64_MAX : ((int64_t)1 << (width * 8 - 1)) - 1;
    int overflow = 0;
    long long n = 0;

    if (PyLong_CheckExact(value)) {
        n = PyLong_AsLongLongAndOverflow(value, &overflow);
    } else {
        PyObject *number = to_int_object(value);
        if (!number) {
            return -1;
        }
        n = PyLong_AsLongLongAndOverflow(number, &overflow);
        Py_DECREF(number);
    }
    if (overflow != 0 || n > most || n < -most - 1) {
        return too_large(value, "", width);
    }
    *out = n;
    return 0;
}

int rows_to_uint(PyObject *value, int64_t width, uint64_t *out)
{
    uint64_t most = width == 8 ? UINT64_MAX : ((uint64_t)1 << (width * 8)) - 1;
    PyObject *number = to_int_object(value);
    unsigned long long n = 0;

    if (!number) {
        return -1;
    }
    n = PyLong_AsUnsignedLongLong(number);
    Py_DECREF(number);
    if (PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError)) {
            return -1;
        }
        PyErr_Clear();
        return too_large(value, "u", width);
    }
    if (n > most) {
        return too_large(value, "u", width);
    }
    *out = n;
    return 0;
}

// Whether an int is exactly this float: compared as Python compares them, without error.
static int same_number(PyObject *value, double d)
{
    PyObject *f = PyFloat_FromDouble(d);
    int same = f ? PyObject_RichCompareBool(value, f, Py_EQ) : -1;

    Py_XDECREF(f);
    return same;
}

static int int_to_float(PyObject *value, int64_t width, double *out)
{
    double d = PyLong_AsDouble(value);
    int same = 0;

    if (d == -1.0 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError)) {
            return -1;
        }
        PyErr_Clear();
    } else {
        d = width == 4 ? (double)(float)d : d;
        same = isfinite(d) ? same_number(value, d) : 0;
    }
    if (same == 0) {
        PyErr_Format(PyExc_ValueError, "%S is not a number that float%d holds exactly",
                     value, (int)(width * 8));
    }
    *out = d;
    return same == 1 ? 0 : -1;
}

int rows_to_float(PyObject *value, int64_t width, double *out)
{
    const struct rows_py *py = rows_py_get();
    double d = 0;

    if (!py) {
        return -1;
    }
    if (PyLong_Check(value)) { // A bool is 0 or 1.
        return int_to_float(value, width, out);
    }
    if (!PyFloat_Check(value) && PyIndex_Check(value)) {
        PyObject *number = PyNumber_Index(value);
        int rc = number ? int_to_float(number, width, out) : -1;
        Py_XDECREF(number);
        if (number || !PyErr_ExceptionMatches(PyExc_TypeError)) {
            return rc;
        }
        PyErr_Clear();
    }
    if (!PyFloat_Check(value) && is_a(value, py->decimal)) {
        return rows_py_misfit(PyExc_TypeError, "a float", value);
    }
    d = PyFloat_AsDouble(value);
    if (d == -1.0 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError)) {
            return -1;
        }
        PyErr_Clear();
        return rows_py_misfit(PyExc_TypeError, "a float", value);
    }
    if (width == 4 && isfinite(d) && isinf((float)d)) {
        PyErr_Format(PyExc_ValueError, "%S does not fit float32", value);
        return -1;
    }
    *out = d;
    return 0;
}

int rows_to_text(PyObject *value, const char **text, Py_ssize_t *size, PyObject **keep)
{
    PyObject *copy = NULL;
    char *bytes = NULL;

    *keep = NULL;
    if (PyUnicode_Check(value)) {
        *text = PyUnicode_AsUTF8AndSize(value, size);
        return *text ? 0 : -1;
    }
    if (PyBytes_Check(value)) {
        if (PyBytes_AsStringAndSize(value, &bytes, size) < 0) {
            return -1;
        }
    } else if (PyByteArray_Check(value)) {
        copy = PyBytes_FromObject(value); // It may change while it is looked at.
        if (!copy || PyBytes_AsStringAndSize(copy, &bytes, size) < 0) {
            Py_XDECREF(copy);
            return -1;
        }
    } else {
        return rows_py_misfit(PyExc_TypeError, "a str", value);
    }
    *keep = PyUnicode_DecodeUTF8(bytes, *size, "strict");
    Py_XDECREF(copy);
    *text = *keep ? PyUnicode_AsUTF8AndSize(*keep, size) : NULL;
    if (!*text) {
        Py_CLEAR(*keep);
        return -1;
    }
    return 0;
}

int rows_to_bytes(PyObject *value, const char **bytes, Py_ssize_t *size, PyObject **keep)
{
    char *found = NULL;

    *keep = NULL;
    if (PyBytes_Check(value)) {
        if (PyBytes_AsStringAndSize(value, &found, size) < 0) {
            return -1;
        }
        *bytes = found;
        return 0;
    }
    if (PyUnicode_Check(value)) {
        *bytes = PyUnicode_AsUTF8AndSize(value, size);
        return *bytes ? 0 : -1;
    }
    if (!PyMemoryView_Check(value) && !PyByteArray_Check(value)) {
        return rows_py_misfit(PyExc_TypeError, "bytes", value);
    }
    *keep = PyBytes_FromObject(value); // It may change while it is looked at.
    if (!*keep || PyBytes_AsStringAndSize(*keep, &found, size) < 0) {
        Py_CLEAR(*keep);
        return -1;
    }
    *bytes = found;
    return 0;
}

// The sixteen bytes of a bytes object.
static int take_sixteen(PyObject *bytes, void *out)
{
    char *at = NULL;
    Py_ssize_t size = 0;

    if (PyBytes_AsStringAndSize(bytes, &at, &size) < 0) {
        return -1;
    }
    if (size != 16) {
        PyErr_Format(PyExc_ValueError, "%R is not a uuid: %zd bytes", bytes, size);
        return -1;
    }
    memcpy(out, at, 16);
    return 0;
}

int rows_to_uuid(PyObject *value, void *out)
{
    const struct rows_py *py = rows_py_get();
    PyObject *uuid = NULL;
    PyObject *bytes = NULL;
    int rc = -1;

    if (!py) {
        return -1;
    }
    if (PyBytes_Check(value)) {
        return take_sixteen(value, out);
    }
    if (PyUnicode_Check(value)) {
        uuid = PyObject_CallFunctionObjArgs(py->uuid, value, NULL);
        if (!uuid && PyErr_ExceptionMatches(PyExc_ValueError)) {
            PyErr_Clear();
            PyErr_Format(PyExc_ValueError, "%R is not a uuid", value);
        }
    } else if (is_a(value, py->uuid)) {
        Py_INCREF(value);
        uuid = value;
    } else {
        return rows_py_misfit(PyExc_TypeError, "a UUID", value);
    }
    bytes = uuid ? PyObject_GetAttr(uuid, py->bytes) : NULL;
    rc = bytes ? take_sixteen(bytes, out) : -1;
    Py_XDECREF(bytes);
    Py_XDECREF(uuid);
    return rc;
}
