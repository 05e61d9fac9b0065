// Python values into columns.
#include "rows_column.h"

#include "rows_convert.h"
#include "rows_grow.h"
#include "rows_moment.h"

// The column's path, "a.b.c". Elements of lists and maps have Arrow's names for them.
static PyObject *path_of(const struct rows_column *c)
{
    PyObject *above = NULL;
    PyObject *path = NULL;

    if (!c->parent || !c->parent->parent) {
        Py_INCREF(c->name);
        return c->name;
    }
    above = path_of(c->parent);
    path = above ? PyUnicode_FromFormat("%U.%U", above, c->name) : NULL;
    Py_XDECREF(above);
    return path;
}

// Says row and column in a TypeError or ValueError that lacks them, as an Invalid; others
// stay.
static void name_place(struct rows_context *context, const struct rows_column *c)
{
    const struct rows_py *py = context->py;
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *trace = NULL;
    PyObject *path = NULL;
    PyObject *as = NULL;

    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
        as = py->invalid_type;
    } else if (PyErr_ExceptionMatches(PyExc_ValueError) ||
               PyErr_ExceptionMatches(PyExc_OverflowError)) {
        as = py->invalid;
    } else {
        return;
    }
    context->named = true;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    path = path_of(c);
    if (!c->parent && value) {
        PyErr_Format(as, "Record %lld: %S", (long long)context->row, value);
    } else if (path && value) {
        PyErr_Format(as, "Record %lld, column '%U': %S", (long long)context->row, path,
                     value);
    }
    Py_XDECREF(path);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

// One more value that is not there, or (in a null of the level above) does not matter.
static int append_empty(struct rows_context *context, struct rows_column *c, bool valid)
{
    static const unsigned char zeros[64];
    int64_t left = c->type.kind == ROWS_BOOL ? 0 : c->type.width;

    if (c->type.kind == ROWS_BOOL && rows_add_bit(&c->data, c->length, false) < 0) {
        return -1;
    }
    for (; left > 0; left -= (int64_t)sizeof zeros) {
        int64_t size = left < (int64_t)sizeof zeros ? left : (int64_t)sizeof zeros;
        if (rows_buffer_add(&c->data, zeros, size) < 0) {
            return -1;
        }
    }
    if (c->type.offsets != ROWS_OFFSETS_NONE) {
        int64_t end = c->n_children > 0 ? c->children[0]->length : c->data.used;
        if ((c->length == 0 && rows_add_offset(context, c, 0, 0) < 0) ||
            rows_add_offset(context, c, end, 0) < 0) {
            return -1;
        }
    }
    for (int64_t i = 0; c->type.kind == ROWS_STRUCT && i < c->n_children; i++) {
        if (append_empty(context, c->children[i], c->children[i]->required) < 0) {
            return -1;
        }
    }
    return rows_count(c, valid);
}

static int append_null(struct rows_context *context, struct rows_column *c)
{
    PyObject *path = NULL;

    if (!c->required || c->type.kind == ROWS_NULL) {
        return append_empty(context, c, false);
    }
    context->named = true;
    path = path_of(c);
    if (path) {
        PyErr_Format(context->py->invalid,
                     "Record %lld is missing required field '%U' (or it is None)",
                     (long long)context->row, path);
        Py_DECREF(path);
    }
    return -1;
}

static int append_sized(struct rows_column *c, PyObject *value)
{
    unsigned char wide[16] = {0};
    uint64_t u = 0;
    int64_t n = 0;
    double d = 0;
    float f = 0;
    int rc = 0;

    switch (c->type.kind) {
    case ROWS_INT:
        rc = rows_to_int(value, c->type.width, &n);
        break;
    case ROWS_UINT:
        rc = rows_to_uint(value, c->type.width, &u);
        n = (int64_t)u;
        break;
    case ROWS_DATE:
        rc = rows_to_date(value, &c->type, &n);
        break;
    case ROWS_TIME:
        rc = rows_to_time(value, &c->type, &n);
        break;
    case ROWS_TIMESTAMP:
        rc = rows_to_timestamp(value, &c->type, &n);
        break;
    case ROWS_FLOAT:
        if (PyFloat_CheckExact(value) && c->type.width == 8) {
            d = PyFloat_AsDouble(value);
        } else {
            rc = rows_to_float(value, c->type.width, &d);
        }
        f = (float)d;
        if (c->type.width == 4) {
            return rc < 0 ? rc : rows_buffer_add(&c->data, &f, 4);
        }
        return rc < 0 ? rc : rows_buffer_add(&c->data, &d, 8);
    case ROWS_DECIMAL:
        rc = rows_to_decimal(value, &c->type, wide);
        return rc < 0 ? rc : rows_buffer_add(&c->data, wide, 16);
    default: // ROWS_UUID
        rc = rows_to_uuid(value, wide);
        return rc < 0 ? rc : rows_buffer_add(&c->data, wide, 16);
    }
    return rc < 0 ? rc
                  : rows_buffer_add(&c->data, &n, c->type.width); // Little end first.
}

static int append_text(struct rows_context *context, struct rows_column *c,
                       PyObject *value)
{
    PyObject *keep = NULL;
    const char *text = NULL;
    Py_ssize_t size = 0;
    int rc = c->type.kind == ROWS_STRING ? rows_to_text(value, &text, &size, &keep)
                                         : rows_to_bytes(value, &text, &size, &keep);

    if (rc < 0) {
        return -1;
    }
    if (c->type.kind == ROWS_FIXED && size != c->type.width) {
        PyErr_Format(PyExc_ValueError, "expected %lld bytes, got %zd",
                     (long long)c->type.width, size);
        rc = -1;
    }
    if (rc == 0 && c->type.offsets != ROWS_OFFSETS_NONE) {
        rc = c->length == 0 ? rows_add_offset(context, c, 0, 0) : 0;
        rc = rc < 0 ? rc : rows_add_offset(context, c, c->data.used + size, size);
    }
    rc = rc < 0 ? rc : rows_buffer_add(&c->data, text, size);
    Py_XDECREF(keep);
    return rc;
}

// A list or tuple of a value that is neither text nor a mapping.
static PyObject *as_sequence(PyObject *value)
{
    if (PyList_Check(value) || PyTuple_Check(value)) {
        Py_INCREF(value);
        return value;
    }
    if (!PyUnicode_Check(value) && !PyBytes_Check(value) && !PyByteArray_Check(value) &&
        !PyDict_Check(value)) {
        PyObject *list = PySequence_List(value);
        if (list || !PyErr_ExceptionMatches(PyExc_TypeError)) {
            return list;
        }
        PyErr_Clear();
    }
    rows_py_misfit(PyExc_TypeError, "a list", value);
    return NULL;
}

static int append_list(struct rows_context *context, struct rows_column *c,
                       PyObject *value)
{
    PyObject *items = as_sequence(value);
    int64_t before = c->children[0]->length;
    int rc = 0;

    if (!items || (c->length == 0 && rows_add_offset(context, c, 0, 0) < 0)) {
        Py_XDECREF(items);
        return -1;
    }
    for (Py_ssize_t i = 0; rc == 0; i++) {
        PyObject *element = rows_py_item(items, i);
        if (!element) {
            break;
        }
        rc = rows_column_append(context, c->children[0], element);
        Py_DECREF(element);
    }
    Py_DECREF(items);
    return rc < 0 || PyErr_Occurred()
               ? -1
               : rows_add_offset(context, c, c->children[0]->length,
                                 c->children[0]->length - before);
}

static int append_entry(struct rows_context *context, struct rows_column *entries,
                        PyObject *pair)
{
    for (int64_t side = 0; side < 2; side++) {
        PyObject *value = PyTuple_GetItem(pair, (Py_ssize_t)side);
        int rc = 0;
        Py_XINCREF(value);
        rc = value ? rows_column_append(context, entries->children[side], value) : -1;
        Py_XDECREF(value);
        if (rc < 0) {
            return -1;
        }
    }
    return rows_count(entries, true);
}

// A dict, or pairs.
static int append_map(struct rows_context *context, struct rows_column *c,
                      PyObject *value)
{
    struct rows_column *entries = c->children[0];
    PyObject *items = PyDict_Check(value) ? PyDict_Items(value) : as_sequence(value);
    int64_t before = entries->length;
    int rc = 0;

    if (!items || (c->length == 0 && rows_add_offset(context, c, 0, 0) < 0)) {
        Py_XDECREF(items);
        return -1;
    }
    for (Py_ssize_t i = 0; rc == 0; i++) {
        PyObject *element = rows_py_item(items, i);
        PyObject *pair = NULL;
        if (!element) {
            break;
        }
        pair = PyList_Check(element) ? PyList_AsTuple(element) : element;
        if (pair && (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2)) {
            rc = rows_py_misfit(PyExc_TypeError, "a pair of key and value", pair);
        }
        rc = rc == 0 && pair ? append_entry(context, entries, pair) : -1;
        if (pair != element) {
            Py_XDECREF(pair);
        }
        Py_DECREF(element);
    }
    Py_DECREF(items);
    return rc < 0 || PyErr_Occurred()
               ? -1
               : rows_add_offset(context, c, entries->length, entries->length - before);
}

// Raises Invalid for members that are not the schema's.
static int refuse_unknown(struct rows_context *context, const struct rows_column *c,
                          PyObject *dict)
{
    PyObject *unknown = PyDict_Copy(dict);
    PyObject *names = unknown ? PyList_New(0) : NULL;
    PyObject *list = NULL;

    context->named = true;
    for (int64_t i = 0; names && i < c->n_children; i++) {
        if (PyDict_GetItemWithError(unknown, c->children[i]->name)) {
            (void)PyDict_DelItem(unknown, c->children[i]->name);
        }
        if (PyErr_Occurred() || PyList_Append(names, c->children[i]->name) < 0) {
            Py_CLEAR(names);
        }
    }
    list = names ? PyDict_Keys(unknown) : NULL;
    if (list) {
        PyErr_Format(context->py->invalid,
                     "Record %lld has fields not in the table schema: %R. Schema fields: "
                     "%R. Refusing to silently drop data.",
                     (long long)context->row, list, names);
    }
    Py_XDECREF(list);
    Py_XDECREF(names);
    Py_XDECREF(unknown);
    return -1;
}

// Every member, looked up by name.
static int append_looked_up(struct rows_context *context, struct rows_column *c,
                            PyObject *dict)
{
    int64_t found = 0;

    for (int64_t i = 0; i < c->n_children; i++) {
        struct rows_column *child = c->children[i];
        PyObject *value = rows_py_member(dict, child->name);
        int rc = 0;
        if (!value) {
            if (PyErr_Occurred() || append_null(context, child) < 0) {
                return -1;
            }
            continue;
        }
        found++;
        rc = rows_column_append(context, child, value);
        Py_DECREF(value);
        if (rc < 0) {
            return -1;
        }
    }
    if (context->strict && found < (int64_t)PyDict_Size(dict)) {
        return refuse_unknown(context, c, dict);
    }
    return rows_count(c, true);
}

static int append_text_quickly(struct rows_context *context, struct rows_column *c,
                               PyObject *value)
{
    Py_ssize_t size = 0;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);

    if (!text ||
        (c->type.offsets == ROWS_OFFSETS_32 && size > INT32_MAX - c->data.used)) {
        PyErr_Clear();
        return 0;
    }
    if ((c->length == 0 && rows_add_offset(context, c, 0, 0) < 0) ||
        rows_add_offset(context, c, c->data.used + size, size) < 0 ||
        rows_buffer_add(&c->data, text, size) < 0) {
        return -1;
    }
    return rows_count(c, true) < 0 ? -1 : 1;
}

// Appends a value (NULL: none) that asks for nothing: 1. 0: it is another one, and
// nothing happened. Runs no foreign code.
static int append_quickly(struct rows_context *context, struct rows_column *c,
                          PyObject *value)
{
    int64_t n = 0;
    double d = 0;
    int overflow = 0;

    if (!value || value == Py_None) {
        return append_null(context, c) < 0 ? -1 : 1;
    }
    switch (c->quick) {
    case ROWS_QUICK_BOOL:
        if (!PyBool_Check(value)) {
            return 0;
        }
        return rows_add_bit(&c->data, c->length, value == Py_True) < 0 ||
                       rows_count(c, true) < 0
                   ? -1
                   : 1;
    case ROWS_QUICK_INT64:
        if (!PyLong_CheckExact(value)) {
            return 0;
        }
        n = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (overflow != 0) {
            return 0;
        }
        break;
    case ROWS_QUICK_FLOAT64:
        if (!PyFloat_CheckExact(value)) {
            return 0;
        }
        d = PyFloat_AsDouble(value);
        memcpy(&n, &d, sizeof n);
        break;
    case ROWS_QUICK_MOMENT:
        if (!rows_moment_read(context->py, value, &n)) {
            return 0;
        }
        break;
    case ROWS_QUICK_TEXT:
        return PyUnicode_CheckExact(value) ? append_text_quickly(context, c, value) : 0;
    default:
        return 0;
    }
    return rows_buffer_add(&c->data, &n, sizeof n) < 0 || rows_count(c, true) < 0 ? -1
                                                                                  : 1;
}

// The members from `first` on, of which that one asks for more. Converting it runs
// foreign code, which may change the dict: the values are held first.
static int append_held(struct rows_context *context, struct rows_column *c, int64_t first)
{
    PyObject **values = c->layout.values;
    int rc = 0;

    for (int64_t i = first; i < c->n_children; i++) {
        Py_XINCREF(values[i]);
    }
    for (int64_t i = first; i < c->n_children; i++) {
        PyObject *value = values[i];
        if (rc >= 0) {
            rc = append_quickly(context, c->children[i], value);
        }
        if (rc == 0) {
            rc = rows_column_append(context, c->children[i], value) < 0 ? -1 : 1;
        }
        Py_XDECREF(value);
    }
    return rc < 0 ? -1 : 0;
}

static int append_members(struct rows_context *context, struct rows_column *c,
                          PyObject *dict)
{
    int64_t i = 0;
    int rc = 1;

    if (!c->layout.index || !PyDict_CheckExact(dict)) {
        return append_looked_up(context, c, dict);
    }
    if (!rows_layout_match(&c->layout, dict, c->layout.values, 1)) {
        rc = append_looked_up(context, c, dict);
        if (rc == 0) {
            rows_layout_learn(&c->layout, dict);
        }
        return rc;
    }
    while (i < c->n_children &&
           (rc = append_quickly(context, c->children[i], c->layout.values[i])) > 0) {
        i++;
    }
    if (rc < 0 || (rc == 0 && append_held(context, c, i) < 0)) {
        return -1;
    }
    return rows_count(c, true);
}

// Any mapping.
static int append_struct(struct rows_context *context, struct rows_column *c,
                         PyObject *value)
{
    PyObject *dict = NULL;
    int rc = -1;

    if (PyDict_Check(value)) {
        return append_members(context, c, value);
    }
    if (!PyMapping_Check(value) || !PyObject_HasAttrString(value, "keys")) {
        return rows_py_misfit(PyExc_TypeError, "a dict", value);
    }
    dict = PyDict_New();
    if (dict && PyDict_Update(dict, value) == 0) {
        rc = append_members(context, c, dict);
    }
    Py_XDECREF(dict);
    return rc;
}

// A bool, number, date or text, not null.
static int append_plain(struct rows_context *context, struct rows_column *c,
                        PyObject *value)
{
    bool truth = false;
    int rc = 0;

    switch (c->type.kind) {
    case ROWS_NULL:
        return rows_py_misfit(PyExc_TypeError, "None", value);
    case ROWS_BOOL:
        rc = rows_to_bool(value, &truth);
        rc = rc < 0 ? rc : rows_add_bit(&c->data, c->length, truth);
        break;
    case ROWS_STRING:
    case ROWS_BINARY:
    case ROWS_FIXED:
        rc = append_text(context, c, value);
        break;
    default:
        rc = append_sized(c, value);
        break;
    }
    return rc < 0 ? rc : rows_count(c, true);
}

int rows_column_append(struct rows_context *context, struct rows_column *column,
                       PyObject *value)
{
    int rc = 0;

    if (column->parent && rows_py_is_null(value)) {
        return append_null(context, column);
    }
    switch (column->type.kind) {
    case ROWS_STRUCT:
        rc = append_struct(context, column, value);
        break;
    case ROWS_LIST:
        rc = append_list(context, column, value);
        rc = rc < 0 ? rc : rows_count(column, true);
        break;
    case ROWS_MAP:
        rc = append_map(context, column, value);
        rc = rc < 0 ? rc : rows_count(column, true);
        break;
    default:
        rc = append_plain(context, column, value);
        break;
    }
    if (rc < 0 && !context->named) {
        name_place(context, column);
    }
    return rc;
}
