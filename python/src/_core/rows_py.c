#include "rows_py.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static PyObject *member(const char *module, const char *name)
{
    PyObject *m = PyImport_ImportModule(module);
    PyObject *found = m ? PyObject_GetAttrString(m, name) : NULL;

    Py_XDECREF(m);
    return found;
}

static bool look_up_classes(struct rows_py *py)
{
    PyObject *zone = NULL;

    py->datetime = member("datetime", "datetime");
    py->date = py->datetime ? member("datetime", "date") : NULL;
    py->time = py->date ? member("datetime", "time") : NULL;
    zone = py->time ? member("datetime", "timezone") : NULL;
    py->utc = zone ? PyObject_GetAttrString(zone, "utc") : NULL;
    Py_XDECREF(zone);
    if (!py->utc) {
        return false;
    }
    py->epoch = PyObject_CallFunction(py->datetime, "iii", 1970, 1, 1);
    py->epoch_utc = !py->epoch ? NULL
                               : PyObject_CallFunction(py->datetime, "iiiiiiiO", 1970, 1,
                                                       1, 0, 0, 0, 0, py->utc);
    py->decimal = py->epoch_utc ? member("decimal", "Decimal") : NULL;
    py->uuid = py->decimal ? member("uuid", "UUID") : NULL;
    py->invalid = py->uuid ? member("datashard._errors", "Invalid") : NULL;
    py->invalid_type = py->invalid ? member("datashard._errors", "InvalidType") : NULL;
    return py->invalid_type != NULL;
}

static bool intern_names(struct rows_py *py)
{
    struct {
        PyObject **at;
        const char *name;
    } const names[] = {
        {&py->days, "days"},
        {&py->seconds, "seconds"},
        {&py->microseconds, "microseconds"},
        {&py->nanoseconds, "nanoseconds"},
        {&py->tzinfo, "tzinfo"},
        {&py->hour, "hour"},
        {&py->minute, "minute"},
        {&py->second, "second"},
        {&py->microsecond, "microsecond"},
        {&py->toordinal, "toordinal"},
        {&py->fromordinal, "fromordinal"},
        {&py->bytes, "bytes"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *names[i].at = PyUnicode_InternFromString(names[i].name);
        if (!*names[i].at) {
            return false;
        }
    }
    return true;
}

static void release(struct rows_py *py)
{
    PyObject *const owned[] = {
        py->datetime,     py->date,         py->time,      py->utc,         py->epoch,
        py->epoch_utc,    py->decimal,      py->uuid,      py->days,        py->seconds,
        py->microseconds, py->nanoseconds,  py->tzinfo,    py->hour,        py->minute,
        py->second,       py->microsecond,  py->toordinal, py->fromordinal, py->bytes,
        py->invalid,      py->invalid_type,
    };

    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        Py_XDECREF(owned[i]);
    }
    free(py);
}

const struct rows_py *rows_py_get(void)
{
    static _Atomic(struct rows_py *) known;
    struct rows_py *py = atomic_load_explicit(&known, memory_order_acquire);
    struct rows_py *nobody = NULL;

    if (py) {
        return py;
    }
    py = calloc(1, sizeof *py);
    if (!py) {
        PyErr_NoMemory();
        return NULL;
    }
    if (!look_up_classes(py) || !intern_names(py)) {
        release(py);
        return NULL;
    }
    if (!atomic_compare_exchange_strong(&known, &nobody, py)) {
        release(py); // An import let another thread in, which was first.
        py = nobody;
    }
    return py;
}

// Whether the attribute `name` of a class is a string for which `text` is it, or (below)
// a module of which `text` is the package.
static bool class_has(PyObject *cls, const char *name, const char *text, bool below)
{
    PyObject *value = PyObject_GetAttrString(cls, name);
    const char *s =
        value && PyUnicode_Check(value) ? PyUnicode_AsUTF8AndSize(value, NULL) : NULL;
    size_t n = strlen(text);
    bool has = s && strncmp(s, text, n) == 0 && (s[n] == '\0' || (below && s[n] == '.'));

    PyErr_Clear();
    Py_XDECREF(value);
    return has;
}

int rows_py_is_of(PyObject *value, const char *module, const char *name,
                  const char *other)
{
    PyObject *cls = (PyObject *)Py_TYPE(value);

    return (class_has(cls, "__name__", name, false) ||
            (other && class_has(cls, "__name__", other, false))) &&
           class_has(cls, "__module__", module, true);
}

// Whether a value is exactly of a class that is known, none of whose values is null.
static bool is_known(PyObject *value)
{
    const struct rows_py *py = rows_py_get();
    PyObject *cls = (PyObject *)Py_TYPE(value);

    if (!py) {
        PyErr_Clear();
        return false;
    }
    return cls == py->datetime || cls == py->date || cls == py->time ||
           cls == py->decimal || cls == py->uuid;
}

int rows_py_is_datetime64(PyObject *value)
{
    return rows_py_is_of(value, "numpy", "datetime64", NULL);
}

// numpy's NaT does not equal itself.
static bool is_nat64(PyObject *value)
{
    PyObject *same =
        rows_py_is_datetime64(value) ? PyObject_RichCompare(value, value, Py_EQ) : NULL;
    bool is = same && PyObject_IsTrue(same) == 0;

    PyErr_Clear();
    Py_XDECREF(same);
    return is;
}

int rows_py_is_null(PyObject *value)
{
    if (value == Py_None) {
        return 1;
    }
    if (PyUnicode_CheckExact(value) || PyLong_CheckExact(value) ||
        PyFloat_CheckExact(value) || PyBytes_CheckExact(value) ||
        PyDict_CheckExact(value) || PyList_CheckExact(value) || PyBool_Check(value) ||
        is_known(value)) {
        return 0;
    }
    return rows_py_is_of(value, "pandas", "NaTType", "NAType") || is_nat64(value);
}

#ifdef Py_GIL_DISABLED
static PyObject *list_item(PyObject *list, Py_ssize_t i)
{
    PyObject *found = i < PyList_Size(list) ? PyList_GetItemRef(list, i) : NULL;

    if (!found && PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_IndexError)) {
        PyErr_Clear(); // Another thread has just made it shorter.
    }
    return found;
}

PyObject *rows_py_member(PyObject *dict, PyObject *name)
{
    PyObject *found = NULL;

    return PyDict_GetItemRef(dict, name, &found) < 0 ? NULL : found;
}
#else
static PyObject *list_item(PyObject *list, Py_ssize_t i)
{
    PyObject *found = i < PyList_Size(list) ? PyList_GetItem(list, i) : NULL;

    Py_XINCREF(found);
    return found;
}

PyObject *rows_py_member(PyObject *dict, PyObject *name)
{
    PyObject *found = PyDict_GetItemWithError(dict, name);

    Py_XINCREF(found);
    return found;
}
#endif

PyObject *rows_py_item(PyObject *sequence, Py_ssize_t i)
{
    PyObject *found = NULL;

    if (PyList_Check(sequence)) {
        return list_item(sequence, i);
    }
    found = i < PyTuple_Size(sequence) ? PyTuple_GetItem(sequence, i) : NULL;
    Py_XINCREF(found);
    return found;
}

int rows_py_misfit(PyObject *type, const char *expected, PyObject *value)
{
    PyObject *cls = PyObject_GetAttrString((PyObject *)Py_TYPE(value), "__name__");

    if (cls) {
        PyErr_Format(type, "expected %s, got %S", expected, cls);
        Py_DECREF(cls);
    }
    return -1;
}
