#include "rows_layout.h"

#include <stdlib.h>

// Rows of ever changing layouts are looked up sooner than learned.
enum { LEARNED_MAX = 256 };

// Without the interpreter's lock others may change a dict while it is walked through.
#ifdef Py_GIL_DISABLED
static const bool dicts_keep_still = false;
#else
static const bool dicts_keep_still = true;
#endif

int rows_layout_begin(struct rows_layout *l, PyObject *index, int64_t columns)
{
    size_t n = columns > 0 ? (size_t)columns : 1;

    l->index = index;
    l->columns = columns;
    l->keys = calloc(n, sizeof *l->keys);
    l->places = calloc(n, sizeof *l->places);
    l->values = calloc(n, sizeof *l->values);
    if (!l->keys || !l->places || !l->values) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

void rows_layout_end(struct rows_layout *l)
{
    for (int64_t i = 0; l->keys && i < l->columns; i++) {
        Py_XDECREF(l->keys[i]);
    }
    free(l->keys);
    free(l->places);
    free(l->values);
    Py_XDECREF(l->index);
}

// Keys that were made anew for each document, as parsers do it, are other objects with
// the same text: the new one is what comes again, if any does.
static bool same_text(PyObject *key, PyObject **known)
{
    if (!PyUnicode_CheckExact(key) || PyUnicode_Compare(key, *known) != 0) {
        PyErr_Clear(); // Memory may have been short.
        return false;
    }
    Py_INCREF(key);
    Py_DECREF(*known);
    *known = key;
    return true;
}

bool rows_layout_match(struct rows_layout *l, PyObject *dict, PyObject **values,
                       int64_t step)
{
    if (!dicts_keep_still || PyDict_Size(dict) != (Py_ssize_t)l->count) {
        return false;
    }
    for (int64_t i = 0; l->count < l->columns && i < l->columns; i++) {
        values[i * step] = NULL;
    }
    for (int64_t i = 0; i < l->count; i++) {
        // Members that were never taken out of a dict are at 0, 1, 2, and so on. Whatever
        // is there in others, it is a member's key and its value; and no call has to wait
        // for the one before it to say where it got to.
        Py_ssize_t at = (Py_ssize_t)i;
        PyObject *key = NULL;
        PyObject *value = NULL;
        if (!PyDict_Next(dict, &at, &key, &value) ||
            (key != l->keys[i] && !same_text(key, &l->keys[i]))) {
            return false;
        }
        values[l->places[i] * step] = value;
    }
    return true;
}

void rows_layout_learn(struct rows_layout *l, PyObject *dict)
{
    PyObject *key = NULL;
    PyObject *value = NULL;
    Py_ssize_t at = 0;
    int64_t n = 0;

    if (!dicts_keep_still || PyDict_Size(dict) > (Py_ssize_t)l->columns ||
        l->learned >= LEARNED_MAX) {
        return;
    }
    l->learned++;
    l->count = -1; // Like no dict, should this one turn out to be none to learn from.
    while (PyDict_Next(dict, &at, &key, &value)) {
        PyObject *place =
            PyUnicode_CheckExact(key) ? PyDict_GetItemWithError(l->index, key) : NULL;
        if (!place || n == l->columns) {
            PyErr_Clear();
            return;
        }
        Py_INCREF(key);
        Py_XDECREF(l->keys[n]);
        l->keys[n] = key;
        l->places[n++] = PyLong_AsSsize_t(place);
    }
    l->count = n;
}
