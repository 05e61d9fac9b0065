// Failures, texts and settings between Python and C.
#include "core.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

PyObject *core_exception(int status, const struct ds_error *err,
                         const struct ds_commit_result *result)
{
    PyObject *errors = PyImport_ImportModule("datashard._errors");
    PyObject *exception = NULL;

    if (!errors) {
        return NULL;
    }
    exception = PyObject_CallMethod(
        errors, "from_status", "isisss", status,
        err->message[0] ? err->message : ds_status_text(status), (int)err->os_code,
        err->detail, result ? result->identity : "", result ? result->token : "");
    Py_DECREF(errors);
    return exception;
}

PyObject *core_raise_commit(int status, const struct ds_error *err,
                            const struct ds_commit_result *result)
{
    PyObject *exception = core_exception(status, err, result);

    if (exception) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        Py_DECREF(exception);
    }
    return NULL;
}

PyObject *core_raise(int status, const struct ds_error *err)
{
    return core_raise_commit(status, err, NULL);
}

PyObject *core_invalid(const char *format, ...)
{
    struct ds_error err = {0};
    va_list values;

    va_start(values, format);
    vsnprintf(err.message, sizeof err.message, format, values);
    va_end(values);
    return core_raise(DS_EINVALID, &err);
}

int core_text(PyObject *text, const char *what, const char **out)
{
    Py_ssize_t size = 0;

    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "%s must be a str, not %R", what, Py_TYPE(text));
        return -1;
    }
    *out = PyUnicode_AsUTF8AndSize(text, &size);
    if (!*out) {
        return -1;
    }
    if (strlen(*out) != (size_t)size) {
        core_invalid("%s contains a NUL character", what);
        return -1;
    }
    return 0;
}

void core_properties_release(struct core_properties *properties)
{
    PyMem_Free(properties->items);
    Py_CLEAR(properties->kept);
    *properties = (struct core_properties){0};
}

static int property_take(PyObject *pair, bool nullable, struct ds_property *out)
{
    PyObject *value = NULL;

    if (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2) {
        PyErr_SetString(PyExc_TypeError, "properties must be a mapping");
        return -1;
    }
    value = PyTuple_GetItem(pair, 1);
    if (core_text(PyTuple_GetItem(pair, 0), "the key of a property", &out->key) < 0) {
        return -1;
    }
    if (nullable && value == Py_None) {
        out->value = NULL;
        return 0;
    }
    return core_text(value, "the value of a property", &out->value);
}

int core_properties_take(PyObject *mapping, bool nullable, struct core_properties *out)
{
    Py_ssize_t count = 0;

    *out = (struct core_properties){0};
    if (!mapping || mapping == Py_None) {
        return 0;
    }
    out->kept = PyMapping_Items(mapping);
    if (!out->kept) {
        return -1;
    }
    count = PyList_Size(out->kept);
    out->items = PyMem_Calloc((size_t)count + 1, sizeof *out->items);
    if (!out->items) {
        PyErr_NoMemory();
        core_properties_release(out);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (property_take(PyList_GetItem(out->kept, i), nullable, &out->items[i]) < 0) {
            core_properties_release(out);
            return -1;
        }
    }
    out->properties = (struct ds_properties){out->items, (size_t)count};
    return 0;
}

int core_put(PyObject *d, const char *key, PyObject *value)
{
    int rc = value ? PyDict_SetItemString(d, key, value) : -1;

    Py_XDECREF(value);
    return rc;
}

PyObject *core_str(const char *text)
{
    if (!text) {
        Py_RETURN_NONE;
    }
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "surrogateescape");
}

PyObject *core_number(int64_t number, int64_t least)
{
    if (number < least) {
        Py_RETURN_NONE;
    }
    return PyLong_FromLongLong(number);
}

int core_collect_name(void *arg, const char *name)
{
    struct core_collector *c = arg;
    PyObject *text = NULL;
    int rc = -1;

    PyEval_RestoreThread(c->thread);
    text = core_str(name);
    if (text) {
        rc = PyList_Append(c->into, text);
        Py_DECREF(text);
    }
    c->thread = PyEval_SaveThread();
    return rc < 0 ? DS_ECANCELLED : DS_OK;
}

int core_collect_property(void *arg, const char *key, const char *value)
{
    struct core_collector *c = arg;
    int rc = 0;

    PyEval_RestoreThread(c->thread);
    rc = core_put(c->into, key, core_str(value));
    c->thread = PyEval_SaveThread();
    return rc < 0 ? DS_ECANCELLED : DS_OK;
}

PyObject *core_collected(struct core_collector *c, int rc, const struct ds_error *err)
{
    if (!PyErr_Occurred() && rc == DS_OK) {
        return c->into;
    }
    Py_CLEAR(c->into);
    return PyErr_Occurred() ? NULL : core_raise(rc, err);
}
