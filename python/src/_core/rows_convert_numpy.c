// numpy.datetime64: it has no attributes that say its fields, so numpy converts it.
#include "rows_convert.h"

#include <stdio.h>

// `made == value` as numpy compares them: NaT equals nothing. -1 with an exception.
static int equal(PyObject *made, PyObject *value)
{
    PyObject *answer = PyObject_RichCompare(made, value, Py_EQ);
    int yes = answer ? PyObject_IsTrue(answer) : -1;

    Py_XDECREF(answer);
    return yes;
}

// Casts there and back: what is too fine for `unit`, or beyond its range, comes back
// changed.
int rows_from_datetime64(PyObject *value, const char *unit, int64_t *out)
{
    PyObject *dtype = PyObject_GetAttrString(value, "dtype");
    PyObject *made = NULL;
    PyObject *back = NULL;
    PyObject *count = NULL;
    char name[32];
    int same = -1;

    (void)snprintf(name, sizeof name, "datetime64[%s]", unit);
    made = dtype ? PyObject_CallMethod(value, "astype", "s", name) : NULL;
    back = made ? PyObject_CallMethod(made, "astype", "O", dtype) : NULL;
    same = back ? equal(back, value) : -1;
    count = same > 0 ? PyObject_CallMethod(made, "astype", "s", "int64") : NULL;
    if (count) {
        same = rows_to_int(count, 8, out) < 0 ? -1 : 1;
    } else if (same > 0) {
        same = -1;
    }
    Py_XDECREF(count);
    Py_XDECREF(back);
    Py_XDECREF(made);
    Py_XDECREF(dtype);
    return same;
}
