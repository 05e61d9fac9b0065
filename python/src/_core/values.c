#include "values.h"

#include <stdlib.h>
#include <string.h>

#include "values_scalar.h"

enum { depth_max = 64, signals_each = 8192 };

// One column that is read. The array is borrowed.
struct reader {
    const struct rows_py *py;
    struct rows_type type;
    PyObject *name; // Interned.
    const struct ArrowArray *array;
    const unsigned char *validity; // NULL: all values are there.
    PyObject *dictionary;          // A list of the dictionary's values.
    int64_t n_children;
    struct reader *children;
};

static PyObject *read_value(const struct reader *r, int64_t i);

static void release_reader(struct reader *r)
{
    for (int64_t i = 0; i < r->n_children; i++) {
        release_reader(&r->children[i]);
    }
    free(r->children);
    Py_XDECREF(r->dictionary);
    Py_XDECREF(r->name);
    *r = (struct reader){0};
}

static int open_reader(const struct ArrowSchema *schema, const struct ArrowArray *array,
                       int depth, struct reader *r);

// A list of `n` values from `from` on.
static PyObject *read_many(const struct reader *r, int64_t from, int64_t n)
{
    PyObject *list = PyList_New((Py_ssize_t)n);

    if (list) {
        PyObject_GC_UnTrack(list); // Or the collector walks it again and again.
    }
    for (int64_t i = 0; list && i < n; i++) {
        PyObject *value = read_value(r, from + i);
        if (!value || PyList_SetItem(list, (Py_ssize_t)i, value) < 0 ||
            (i % signals_each == signals_each - 1 && PyErr_CheckSignals() < 0)) {
            Py_CLEAR(list);
        }
    }
    if (list) {
        PyObject_GC_Track(list);
    }
    return list;
}

static PyObject *read_dictionary(const struct ArrowSchema *schema,
                                 const struct ArrowArray *array, int depth)
{
    struct reader r = {0};
    PyObject *list = NULL;

    if (open_reader(schema, array, depth, &r) == 0) {
        list = read_many(&r, 0, array->length);
    }
    release_reader(&r);
    return list;
}

// How many buffers an array of this type has at least.
static int64_t buffers_min(const struct rows_type *type)
{
    switch (type->kind) {
    case ROWS_NULL:
        return 0;
    case ROWS_STRUCT:
    case ROWS_FIXED_LIST:
        return 1;
    case ROWS_STRING:
    case ROWS_BINARY:
        return 3;
    default:
        return 2;
    }
}

static int check_array(const struct reader *r, const struct ArrowSchema *schema)
{
    const struct ArrowArray *a = r->array;

    if (!a || a->n_buffers < buffers_min(&r->type) ||
        a->n_children != schema->n_children || a->length < 0 || a->offset < 0 ||
        (schema->dictionary && !a->dictionary)) {
        PyErr_Format(PyExc_ValueError, "column '%U': the array is not of its type '%s'",
                     r->name, schema->format);
        return -1;
    }
    return 0;
}

static int open_reader(const struct ArrowSchema *schema, const struct ArrowArray *array,
                       int depth, struct reader *r)
{
    *r = (struct reader){.py = rows_py_get(), .array = array};
    if (!r->py || rows_type_parse(schema, &r->type) < 0) {
        return -1;
    }
    if (depth > depth_max) {
        PyErr_Format(PyExc_ValueError, "the schema is nested more than %d deep",
                     (int)depth_max);
        return -1;
    }
    r->name = PyUnicode_FromString(schema->name ? schema->name : "");
    if (!r->name) {
        return -1;
    }
    PyUnicode_InternInPlace(&r->name);
    if (check_array(r, schema) < 0) {
        return -1;
    }
    if (array->n_buffers > 0 && array->null_count != 0) {
        r->validity = array->buffers[0];
    }
    if (schema->dictionary) {
        r->dictionary = read_dictionary(schema->dictionary, array->dictionary, depth + 1);
        if (!r->dictionary) {
            return -1;
        }
    }
    r->children = calloc((size_t)schema->n_children + 1, sizeof *r->children);
    if (!r->children) {
        PyErr_NoMemory();
        return -1;
    }
    for (int64_t i = 0; i < schema->n_children; i++) {
        r->n_children = i + 1;
        if (open_reader(schema->children[i], array->children[i], depth + 1,
                        &r->children[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

// A signed integer of the type's width.
static int64_t int_at(const struct reader *r, int64_t at)
{
    const unsigned char *data = r->array->buffers[1];

    switch (r->type.width) {
    case 1:
        return ((const int8_t *)data)[at];
    case 2:
        return ((const int16_t *)(const void *)data)[at];
    case 4:
        return ((const int32_t *)(const void *)data)[at];
    default:
        return ((const int64_t *)(const void *)data)[at];
    }
}

static uint64_t uint_at(const struct reader *r, int64_t at)
{
    uint64_t n = (uint64_t)int_at(r, at);

    return r->type.width == 8 ? n : n & (((uint64_t)1 << (r->type.width * 8)) - 1);
}

// The start and end of a value of offsets, in bytes or elements.
static void span_at(const struct reader *r, int64_t at, int64_t *from, int64_t *to)
{
    const void *offsets = r->array->buffers[1];

    if (r->type.offsets == ROWS_OFFSETS_64) {
        *from = ((const int64_t *)offsets)[at];
        *to = ((const int64_t *)offsets)[at + 1];
    } else {
        *from = ((const int32_t *)offsets)[at];
        *to = ((const int32_t *)offsets)[at + 1];
    }
}

static PyObject *read_text(const struct reader *r, int64_t at)
{
    const char *bytes = NULL;
    int64_t from = 0;
    int64_t to = 0;

    if (r->type.offsets == ROWS_OFFSETS_VIEW) {
        const char *view = (const char *)r->array->buffers[1] + at * 16;
        int32_t head[4]; // Size; up to 12 bytes, or a prefix, a buffer and an offset.
        memcpy(head, view, sizeof head);
        to = head[0];
        bytes =
            to <= 12 ? view + 4 : (const char *)r->array->buffers[2 + head[2]] + head[3];
    } else {
        span_at(r, at, &from, &to);
        bytes = (const char *)r->array->buffers[2] + (to > from ? from : 0);
    }
    if (to == from) {
        bytes = ""; // The buffer of no bytes may be NULL.
    }
    return r->type.kind == ROWS_STRING
               ? PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)(to - from), "strict")
               : PyBytes_FromStringAndSize(bytes, (Py_ssize_t)(to - from));
}

static PyObject *read_list(const struct reader *r, int64_t at)
{
    int64_t from = at * r->type.width;
    int64_t to = from + r->type.width;
    PyObject *list = NULL;

    if (r->type.kind == ROWS_LIST) {
        span_at(r, at, &from, &to);
    }
    list = PyList_New((Py_ssize_t)(to - from));
    for (int64_t i = from; list && i < to; i++) {
        PyObject *value = read_value(&r->children[0], i);
        if (!value || PyList_SetItem(list, (Py_ssize_t)(i - from), value) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

// A list of pairs: keys need be neither hashable nor different.
static PyObject *read_map(const struct reader *r, int64_t at)
{
    const struct reader *entries = &r->children[0];
    int64_t from = 0;
    int64_t to = 0;
    PyObject *list = NULL;

    span_at(r, at, &from, &to);
    list = PyList_New((Py_ssize_t)(to - from));
    for (int64_t i = from; list && i < to; i++) {
        int64_t inner = i + entries->array->offset;
        PyObject *key = read_value(&entries->children[0], inner);
        PyObject *value = key ? read_value(&entries->children[1], inner) : NULL;
        PyObject *pair = value ? PyTuple_Pack(2, key, value) : NULL;
        Py_XDECREF(key);
        Py_XDECREF(value);
        if (!pair || PyList_SetItem(list, (Py_ssize_t)(i - from), pair) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *read_struct(const struct reader *r, int64_t at)
{
    PyObject *dict = PyDict_New();

    for (int64_t i = 0; dict && i < r->n_children; i++) {
        PyObject *value = read_value(&r->children[i], at);
        if (!value || PyDict_SetItem(dict, r->children[i].name, value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *read_indexed(const struct reader *r, int64_t at)
{
    int64_t index = r->type.is_unsigned ? (int64_t)uint_at(r, at) : int_at(r, at);
    PyObject *value = NULL;

    if (index < 0 || index >= (int64_t)PyList_Size(r->dictionary)) {
        PyErr_SetString(PyExc_ValueError, "an index outside its dictionary");
        return NULL;
    }
    value = PyList_GetItem(r->dictionary, (Py_ssize_t)index);
    Py_XINCREF(value);
    return value;
}

static PyObject *read_float(const struct reader *r, int64_t at)
{
    const void *data = r->array->buffers[1];

    return PyFloat_FromDouble(r->type.width == 4 ? (double)((const float *)data)[at]
                                                 : ((const double *)data)[at]);
}

// A value that is there.
static PyObject *read_present(const struct reader *r, int64_t at)
{
    const unsigned char *data = r->array->n_buffers > 1 ? r->array->buffers[1] : NULL;

    switch (r->type.kind) {
    case ROWS_BOOL:
        return PyBool_FromLong((data[at / 8] >> (at % 8)) & 1);
    case ROWS_INT:
        return PyLong_FromLongLong(int_at(r, at));
    case ROWS_UINT:
        return PyLong_FromUnsignedLongLong(uint_at(r, at));
    case ROWS_FLOAT:
        return read_float(r, at);
    case ROWS_DECIMAL:
        return values_decimal(r->py, &r->type, data + at * 16);
    case ROWS_DATE:
        return values_date(r->py, &r->type, int_at(r, at));
    case ROWS_TIME:
        return values_time(r->py, &r->type, int_at(r, at));
    case ROWS_TIMESTAMP:
        return values_timestamp(r->py, &r->type, int_at(r, at));
    case ROWS_STRING:
    case ROWS_BINARY:
        return read_text(r, at);
    case ROWS_FIXED:
        return PyBytes_FromStringAndSize((const char *)data + at * r->type.width,
                                         (Py_ssize_t)r->type.width);
    case ROWS_UUID:
        return values_uuid(r->py, data + at * 16);
    case ROWS_LIST:
    case ROWS_FIXED_LIST:
        return read_list(r, at);
    case ROWS_STRUCT:
        return read_struct(r, at);
    case ROWS_MAP:
        return read_map(r, at);
    case ROWS_DICTIONARY:
        return read_indexed(r, at);
    default:
        Py_RETURN_NONE;
    }
}

// The value `i` of the array, counted from the array's own offset.
static PyObject *read_value(const struct reader *r, int64_t i)
{
    int64_t at = i + r->array->offset;

    if (r->validity && ((r->validity[at / 8] >> (at % 8)) & 1) == 0) {
        Py_RETURN_NONE;
    }
    return read_present(r, at);
}

static int open_batch(const struct ArrowSchema *schema, const struct ArrowArray *batch,
                      struct reader *r)
{
    if (open_reader(schema, batch, 0, r) < 0) {
        return -1;
    }
    if (r->type.kind != ROWS_STRUCT) {
        PyErr_SetString(PyExc_TypeError, "the batch is not one of columns");
        return -1;
    }
    return 0;
}

PyObject *values_rows(const struct ArrowSchema *schema, const struct ArrowArray *batch)
{
    struct reader r = {0};
    PyObject *list = NULL;

    if (open_batch(schema, batch, &r) == 0) {
        list = read_many(&r, 0, batch->length);
    }
    release_reader(&r);
    return list;
}

PyObject *values_columns(const struct ArrowSchema *schema, const struct ArrowArray *batch)
{
    struct reader r = {0};
    PyObject *dict = NULL;

    if (open_batch(schema, batch, &r) == 0) {
        dict = PyDict_New();
    }
    for (int64_t i = 0; dict && i < r.n_children; i++) {
        PyObject *list = read_many(&r.children[i], batch->offset, batch->length);
        if (!list || PyDict_SetItem(dict, r.children[i].name, list) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(list);
    }
    release_reader(&r);
    return dict;
}
