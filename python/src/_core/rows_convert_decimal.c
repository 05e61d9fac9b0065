// Decimals: read from the text of the number, which is exact whatever the context is.
#include "rows_convert.h"

#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

struct decimal_text {
    bool negative;
    uint128 digits; // Without the zeros at both ends.
    int n_digits;
    int64_t exponent; // The power of ten that `digits` are times of.
};

// False: no finite number. More digits than 38 are counted, not kept.
static bool read_text(const char *s, struct decimal_text *out)
{
    int64_t fraction = 0;
    int64_t zeros = 0;
    bool in_fraction = false;
    bool any = false;

    *out = (struct decimal_text){.negative = *s == '-'};
    s += *s == '-' || *s == '+';
    for (; (*s >= '0' && *s <= '9') || (*s == '.' && !in_fraction); s++) {
        if (*s == '.') {
            in_fraction = true;
            continue;
        }
        any = true;
        fraction += in_fraction;
        zeros++;
        if (*s == '0') {
            zeros -= out->n_digits == 0;
            continue;
        }
        out->n_digits += zeros < 64 ? (int)zeros : 64;
        for (; zeros > 0 && out->n_digits <= 38; zeros--) {
            out->digits *= 10;
        }
        out->digits += (unsigned)(*s - '0');
        out->n_digits = out->n_digits > 64 ? 64 : out->n_digits;
        zeros = 0;
    }
    out->exponent = zeros - fraction;
    if (any && (*s == 'E' || *s == 'e')) {
        char *end = NULL;
        long long e = strtoll(s + 1, &end, 10);
        s = end;
        e = e > 1000000000 ? 1000000000 : e < -1000000000 ? -1000000000 : e;
        out->exponent += e;
    }
    return any && *s == '\0';
}

static int fit_text(const char *s, const struct rows_type *type, void *out)
{
    struct decimal_text d;
    int64_t shift = 0;

    if (!read_text(s, &d)) {
        PyErr_Format(PyExc_ValueError, "%s is not a finite decimal number", s);
        return -1;
    }
    shift = d.exponent + type->scale;
    if (d.n_digits == 0) {
        memset(out, 0, 16);
        return 0;
    }
    if (shift < 0) {
        PyErr_Format(PyExc_ValueError, "%.100s has more places than decimal(%d, %d)", s,
                     type->precision, type->scale);
        return -1;
    }
    if (d.n_digits + shift > type->precision) {
        PyErr_Format(PyExc_ValueError, "%.100s does not fit decimal(%d, %d)", s,
                     type->precision, type->scale);
        return -1;
    }
    for (; shift > 0; shift--) {
        d.digits *= 10;
    }
    d.digits = d.negative ? (uint128)0 - d.digits : d.digits;
    memcpy(out, &d.digits, 16);
    return 0;
}

int rows_decimal_size(PyObject *value, int *before, int *after)
{
    struct decimal_text d;
    PyObject *text = PyObject_Str(value);
    const char *s = text ? PyUnicode_AsUTF8AndSize(text, NULL) : NULL;
    int rc = s ? 0 : -1;

    if (s && !read_text(s, &d)) {
        PyErr_Format(PyExc_ValueError, "%s is not a finite decimal number", s);
        rc = -1;
    }
    Py_XDECREF(text);
    if (rc == 0) {
        int64_t whole = d.n_digits > 0 ? d.n_digits + d.exponent : 0;
        int64_t places = d.n_digits > 0 ? -d.exponent : 0;
        *before = whole < 0 ? 0 : whole > 99 ? 99 : (int)whole;
        *after = places < 0 ? 0 : places > 99 ? 99 : (int)places;
    }
    return rc;
}

int rows_to_decimal(PyObject *value, const struct rows_type *type, void *out)
{
    const struct rows_py *py = rows_py_get();
    PyObject *number = NULL;
    PyObject *text = NULL;
    const char *s = NULL;
    int rc = -1;

    if (!py) {
        return -1;
    }
    if (PyBool_Check(value)) {
        return rows_py_misfit(PyExc_TypeError, "a Decimal or an int", value);
    }
    if ((PyObject *)Py_TYPE(value) == py->decimal || PyLong_CheckExact(value)) {
        Py_INCREF(value);
        number = value;
    } else if (PyIndex_Check(value)) {
        number = PyNumber_Index(value);
    } else if (PyObject_IsInstance(value, py->decimal) == 1) {
        number = PyObject_CallFunctionObjArgs(py->decimal, value, NULL);
    } else if (!PyErr_Occurred()) {
        return rows_py_misfit(PyExc_TypeError, "a Decimal or an int", value);
    }
    text = number ? PyObject_Str(number) : NULL;
    s = text ? PyUnicode_AsUTF8AndSize(text, NULL) : NULL;
    rc = s ? fit_text(s, type, out) : -1;
    Py_XDECREF(text);
    Py_XDECREF(number);
    return rc;
}
