#include "rows_column.h"

#include <stdlib.h>

enum { depth_max = 64 };

static void free_children(struct rows_column *c)
{
    for (int64_t i = 0; i < c->n_children; i++) {
        rows_column_free(c->children[i]);
    }
    free(c->children);
}

void rows_column_free(struct rows_column *column)
{
    if (!column) {
        return;
    }
    free_children(column);
    rows_layout_end(&column->layout);
    free(column->validity.data);
    free(column->offsets.data);
    free(column->data.data);
    Py_XDECREF(column->name);
    free(column);
}

// How the commonest values of a type are taken.
static enum rows_quick quick_of(const struct rows_type *type)
{
    switch (type->kind) {
    case ROWS_BOOL:
        return ROWS_QUICK_BOOL;
    case ROWS_INT:
        return type->width == 8 ? ROWS_QUICK_INT64 : ROWS_QUICK_NONE;
    case ROWS_FLOAT:
        return type->width == 8 ? ROWS_QUICK_FLOAT64 : ROWS_QUICK_NONE;
    case ROWS_TIMESTAMP:
        return type->per_second == 1000000 ? ROWS_QUICK_MOMENT : ROWS_QUICK_NONE;
    case ROWS_STRING:
        return ROWS_QUICK_TEXT;
    default:
        return ROWS_QUICK_NONE;
    }
}

// From names to places; a name that comes twice is refused. NULL with an exception.
static PyObject *index_of(const struct rows_column *c)
{
    PyObject *index = PyDict_New();

    for (int64_t i = 0; index && i < c->n_children; i++) {
        PyObject *place = PyLong_FromLongLong(i);
        if (PyDict_GetItemWithError(index, c->children[i]->name)) {
            PyErr_Format(PyExc_ValueError, "the schema has a column '%S' twice",
                         c->children[i]->name);
        }
        if (!place || PyErr_Occurred() ||
            PyDict_SetItem(index, c->children[i]->name, place) < 0) {
            Py_CLEAR(index);
        }
        Py_XDECREF(place);
    }
    return index;
}

// Structs are filled from dicts.
static int expect_dicts(struct rows_column *c)
{
    PyObject *index = index_of(c);

    return index ? rows_layout_begin(&c->layout, index, c->n_children) : -1;
}

static struct rows_column *new_column(const struct ArrowSchema *schema,
                                      struct rows_column *parent, int depth);

static int add_children(struct rows_column *c, const struct ArrowSchema *schema,
                        int depth)
{
    if (schema->n_children == 0) {
        return 0;
    }
    c->children = calloc((size_t)schema->n_children, sizeof *c->children);
    if (!c->children) {
        PyErr_NoMemory();
        return -1;
    }
    for (int64_t i = 0; i < schema->n_children; i++) {
        c->children[i] = new_column(schema->children[i], c, depth + 1);
        if (!c->children[i]) {
            return -1;
        }
        c->n_children = i + 1;
    }
    return c->type.kind == ROWS_STRUCT ? expect_dicts(c) : 0;
}

static struct rows_column *new_column(const struct ArrowSchema *schema,
                                      struct rows_column *parent, int depth)
{
    struct rows_column *c = calloc(1, sizeof *c);

    if (!c) {
        PyErr_NoMemory();
        return NULL;
    }
    c->parent = parent;
    c->required = (schema->flags & ARROW_FLAG_NULLABLE) == 0;
    if (depth > depth_max) {
        PyErr_Format(PyExc_ValueError, "the schema is nested more than %d deep",
                     (int)depth_max);
        goto failed;
    }
    if (rows_type_parse(schema, &c->type) < 0) {
        goto failed;
    }
    c->quick = quick_of(&c->type);
    if (c->type.kind == ROWS_DICTIONARY || c->type.kind == ROWS_FIXED_LIST ||
        c->type.offsets == ROWS_OFFSETS_VIEW) {
        PyErr_Format(PyExc_TypeError,
                     "column '%s': rows cannot be made of the Arrow type '%s'%s",
                     schema->name ? schema->name : "", schema->format,
                     schema->dictionary ? " with a dictionary" : "");
        goto failed;
    }
    c->name = PyUnicode_FromString(schema->name ? schema->name : "");
    if (!c->name) {
        goto failed;
    }
    PyUnicode_InternInPlace(&c->name);
    if (add_children(c, schema, depth) < 0) {
        goto failed;
    }
    return c;
failed:
    rows_column_free(c);
    return NULL;
}

struct rows_column *rows_column_new(const struct ArrowSchema *schema)
{
    return new_column(schema, NULL, 0);
}

int rows_column_reserve(struct rows_column *column, int64_t values)
{
    int64_t width = column->type.kind == ROWS_BOOL ? 1 : column->type.width;
    int64_t offset = column->type.offsets == ROWS_OFFSETS_64 ? 8 : 4;

    if (width > 0 && values < INT64_MAX / width / 2 &&
        rows_buffer_reserve(&column->data, column->type.kind == ROWS_BOOL
                                               ? values / 8 + 1
                                               : values * width) < 0) {
        return -1;
    }
    if (column->type.offsets != ROWS_OFFSETS_NONE && values < INT64_MAX / 16 &&
        rows_buffer_reserve(&column->offsets, (values + 1) * offset) < 0) {
        return -1;
    }
    for (int64_t i = 0; column->type.kind == ROWS_STRUCT && i < column->n_children; i++) {
        if (rows_column_reserve(column->children[i], values) < 0) {
            return -1;
        }
    }
    return 0;
}
// What an array owns, behind its private_data.
struct owned {
    const void *buffers[3];
};

static void release_array(struct ArrowArray *a)
{
    struct owned *owned = a->private_data;

    for (int64_t i = 0; i < a->n_children; i++) {
        if (a->children[i]->release) {
            a->children[i]->release(a->children[i]);
        }
        free(a->children[i]);
    }
    free(a->children);
    for (size_t i = 0; i < sizeof owned->buffers / sizeof *owned->buffers; i++) {
        free((void *)owned->buffers[i]);
    }
    free(owned);
    a->release = NULL;
}

// Offsets of no values are one offset, and readers want a buffer even of no bytes.
static int complete(struct rows_column *c)
{
    static const int64_t zero;

    if (c->type.offsets != ROWS_OFFSETS_NONE && c->length == 0 &&
        rows_buffer_add(&c->offsets, &zero, sizeof zero) < 0) {
        return -1;
    }
    return c->data.data ? 0 : rows_buffer_reserve(&c->data, 1);
}

static void move_buffers(struct rows_column *c, struct owned *owned,
                         struct ArrowArray *out)
{
    owned->buffers[0] = rows_buffer_take(&c->validity);
    out->n_buffers = c->type.kind == ROWS_NULL ? 0 : 1;
    if (c->type.offsets != ROWS_OFFSETS_NONE) {
        owned->buffers[out->n_buffers++] = rows_buffer_take(&c->offsets);
    }
    if (c->type.kind != ROWS_NULL && c->n_children == 0 && c->type.kind != ROWS_STRUCT) {
        owned->buffers[out->n_buffers++] = rows_buffer_take(&c->data);
    }
    out->length = c->length;
    out->null_count = c->nulls;
    out->buffers = owned->buffers;
    c->length = 0;
    c->nulls = 0;
}

int rows_column_finish(struct rows_column *column, struct ArrowArray *out)
{
    struct owned *owned = calloc(1, sizeof *owned);

    *out = (struct ArrowArray){.private_data = owned};
    if (!owned || complete(column) < 0) {
        free(owned);
        PyErr_NoMemory();
        return -1;
    }
    out->release = release_array;
    if (column->n_children > 0) {
        out->children = calloc((size_t)column->n_children, sizeof *out->children);
        if (!out->children) {
            goto failed;
        }
    }
    for (int64_t i = 0; i < column->n_children; i++) {
        out->children[i] = calloc(1, sizeof **out->children);
        if (!out->children[i]) {
            goto failed;
        }
        out->n_children = i + 1;
        if (rows_column_finish(column->children[i], out->children[i]) < 0) {
            goto failed;
        }
    }
    move_buffers(column, owned, out);
    return 0;
failed:
    out->release(out);
    PyErr_NoMemory();
    return -1;
}
