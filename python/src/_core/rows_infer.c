// Guessing a schema from rows.
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "rows_convert.h"

enum { depth_max = 64, signals_each = 8192 };

enum seen {
    SEEN_BOOL = 1 << 0,
    SEEN_INT = 1 << 1,
    SEEN_FLOAT = 1 << 2,
    SEEN_DECIMAL = 1 << 3,
    SEEN_STRING = 1 << 4,
    SEEN_BINARY = 1 << 5,
    SEEN_DATE = 1 << 6,
    SEEN_TIME = 1 << 7,
    SEEN_NAIVE = 1 << 8,
    SEEN_AWARE = 1 << 9,
    SEEN_UUID = 1 << 10,
    SEEN_LIST = 1 << 11,
    SEEN_STRUCT = 1 << 12,
};

// What is known of one column.
struct guess {
    unsigned seen;
    PyObject *name;  // A str; NULL above all.
    PyObject *index; // Structs: from name to place in members.
    struct guess **members;
    int64_t n_members; // Lists: 0 or 1.
    int before;        // Digits of the widest number, before and after the point.
    int after;
};

static void free_guess(struct guess *g)
{
    if (!g) {
        return;
    }
    for (int64_t i = 0; i < g->n_members; i++) {
        free_guess(g->members[i]);
    }
    free(g->members);
    Py_XDECREF(g->index);
    Py_XDECREF(g->name);
    free(g);
}

static struct guess *new_guess(PyObject *name)
{
    struct guess *g = calloc(1, sizeof *g);

    if (!g) {
        PyErr_NoMemory();
        return NULL;
    }
    Py_XINCREF(name);
    g->name = name;
    return g;
}

// A new member at the end. NULL with an exception.
static struct guess *add_member(struct guess *g, PyObject *name)
{
    struct guess **members = NULL;
    struct guess *made = NULL;

    if ((g->n_members & (g->n_members - 1)) == 0) { // Powers of two: it is full.
        size_t room = g->n_members > 0 ? (size_t)g->n_members * 2 : 1;
        members = realloc(g->members, room * sizeof *members);
        if (!members) {
            PyErr_NoMemory();
            return NULL;
        }
        g->members = members;
    }
    made = new_guess(name);
    if (made) {
        g->members[g->n_members++] = made;
    }
    return made;
}

static struct guess *member(struct guess *g, PyObject *name)
{
    PyObject *at = NULL;
    struct guess *made = NULL;

    if (!PyUnicode_Check(name)) {
        rows_py_misfit(PyExc_TypeError, "names of columns that are str", name);
        return NULL;
    }
    if (!g->index) {
        g->index = PyDict_New();
    }
    at = g->index ? PyDict_GetItemWithError(g->index, name) : NULL;
    if (at) {
        return g->members[PyLong_AsSsize_t(at)];
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    at = PyLong_FromLongLong(g->n_members);
    if (at && PyDict_SetItem(g->index, name, at) == 0) {
        made = add_member(g, name);
    }
    Py_XDECREF(at);
    return made;
}

static int is_a(PyObject *value, PyObject *cls)
{
    return PyObject_IsInstance(value, cls) == 1;
}

static unsigned kind_of_moment(const struct rows_py *py, PyObject *value)
{
    PyObject *zone = PyObject_GetAttr(value, py->tzinfo);
    unsigned kind = !zone ? 0 : zone == Py_None ? SEEN_NAIVE : SEEN_AWARE;

    Py_XDECREF(zone);
    return kind;
}

// 0: none of the kinds, perhaps with an exception.
static unsigned kind_of_object(const struct rows_py *py, PyObject *value)
{
    if (is_a(value, py->datetime)) {
        return kind_of_moment(py, value);
    }
    if (is_a(value, py->date)) {
        return SEEN_DATE;
    }
    if (is_a(value, py->time)) {
        return SEEN_TIME;
    }
    if (is_a(value, py->decimal)) {
        return SEEN_DECIMAL;
    }
    if (is_a(value, py->uuid)) {
        return SEEN_UUID;
    }
    if (PyByteArray_Check(value) || PyMemoryView_Check(value)) {
        return SEEN_BINARY;
    }
    if (rows_py_is_of(value, "numpy", "bool", "bool_")) {
        return SEEN_BOOL;
    }
    if (rows_py_is_of(value, "numpy", "ndarray", NULL)) {
        return SEEN_LIST;
    }
    if (rows_py_is_datetime64(value)) {
        return SEEN_NAIVE;
    }
    if (PyIndex_Check(value)) {
        return SEEN_INT;
    }
    if (PyObject_HasAttrString(value, "__float__")) {
        return SEEN_FLOAT;
    }
    return PyMapping_Check(value) && PyObject_HasAttrString(value, "keys") ? SEEN_STRUCT
                                                                           : 0;
}

static unsigned kind_of(const struct rows_py *py, PyObject *value)
{
    if (PyBool_Check(value)) {
        return SEEN_BOOL;
    }
    if (PyLong_Check(value)) {
        return SEEN_INT;
    }
    if (PyFloat_Check(value)) {
        return SEEN_FLOAT;
    }
    if (PyUnicode_Check(value)) {
        return SEEN_STRING;
    }
    if (PyBytes_Check(value)) {
        return SEEN_BINARY;
    }
    if (PyDict_Check(value)) {
        return SEEN_STRUCT;
    }
    if (PyList_Check(value) || PyTuple_Check(value)) {
        return SEEN_LIST;
    }
    return kind_of_object(py, value);
}

static const char *name_of(unsigned seen)
{
    static const char *const names[] = {"a bool",
                                        "an int",
                                        "a float",
                                        "a Decimal",
                                        "a str",
                                        "bytes",
                                        "a date",
                                        "a time",
                                        "a datetime without a zone",
                                        "a datetime with a zone",
                                        "a UUID",
                                        "a list",
                                        "a dict"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if ((seen & (1U << i)) != 0) {
            return names[i];
        }
    }
    return "None";
}

static int note_digits(struct guess *g, PyObject *value)
{
    int before = 0;
    int after = 0;
    PyObject *number = PyIndex_Check(value) ? PyNumber_Index(value) : NULL;

    if (PyErr_Occurred() ||
        rows_decimal_size(number ? number : value, &before, &after) < 0) {
        Py_XDECREF(number);
        return -1;
    }
    Py_XDECREF(number);
    g->before = before > g->before ? before : g->before;
    g->after = after > g->after ? after : g->after;
    return 0;
}

static int note(const struct rows_py *py, struct guess *g, PyObject *value, int depth);

static int note_members(const struct rows_py *py, struct guess *g, PyObject *value,
                        int depth)
{
    PyObject *items = PyMapping_Items(value);
    Py_ssize_t n = items ? PyList_Size(items) : 0;
    int rc = items ? 0 : -1;

    for (Py_ssize_t i = 0; rc == 0 && i < n; i++) {
        PyObject *pair = PyList_GetItem(items, i);
        PyObject *name = pair && PyTuple_Check(pair) ? PyTuple_GetItem(pair, 0) : NULL;
        PyObject *item = name ? PyTuple_GetItem(pair, 1) : NULL;
        struct guess *of = item ? member(g, name) : NULL;
        rc = of ? note(py, of, item, depth + 1) : -1;
        if (rc < 0 && !PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "expected pairs of name and value");
        }
    }
    Py_XDECREF(items);
    return rc;
}

static int note_items(const struct rows_py *py, struct guess *g, PyObject *value,
                      int depth)
{
    PyObject *items = PySequence_List(value);
    Py_ssize_t n = items ? PyList_Size(items) : 0;
    int rc = items ? 0 : -1;

    if (rc == 0 && g->n_members == 0) {
        PyObject *name = PyUnicode_FromString("element");
        rc = name && add_member(g, name) ? 0 : -1;
        Py_XDECREF(name);
    }
    for (Py_ssize_t i = 0; rc == 0 && i < n; i++) {
        rc = note(py, g->members[0], PyList_GetItem(items, i), depth + 1);
    }
    Py_XDECREF(items);
    return rc;
}

// Puts the column's name before the text of a TypeError or ValueError.
static void name_level(const struct guess *g)
{
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *trace = NULL;

    if (!g->name || (!PyErr_ExceptionMatches(PyExc_TypeError) &&
                     !PyErr_ExceptionMatches(PyExc_ValueError))) {
        return;
    }
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyErr_Format(PyErr_GivenExceptionMatches(type, PyExc_TypeError) ? PyExc_TypeError
                                                                    : PyExc_ValueError,
                 "column '%U': %S", g->name, value ? value : Py_None);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

// Whether values of these kinds go into one column.
static bool together(unsigned seen)
{
    return (seen & (seen - 1)) == 0 || seen == (SEEN_INT | SEEN_FLOAT) ||
           seen == (SEEN_INT | SEEN_DECIMAL);
}

static int note_value(const struct rows_py *py, struct guess *g, PyObject *value,
                      int depth)
{
    unsigned kind = kind_of(py, value);
    int64_t whole = 0;

    if (kind == 0) {
        return PyErr_Occurred()
                   ? -1
                   : rows_py_misfit(PyExc_TypeError, "a value of a known type", value);
    }
    if (!together(g->seen | kind)) {
        PyErr_Format(
            PyExc_TypeError, "%s after %s", name_of(kind),
            name_of(g->seen & ~(g->seen == (SEEN_INT | SEEN_FLOAT) ? SEEN_INT : 0U)));
        return -1;
    }
    if (depth > depth_max) {
        PyErr_Format(PyExc_ValueError, "values nested more than %d deep", (int)depth_max);
        return -1;
    }
    g->seen |= kind;
    switch (kind) {
    case SEEN_INT:
        if (rows_to_int(value, 8, &whole) < 0) {
            return -1;
        }
        if (whole <= 99 && whole >= -99 && g->before >= 2) {
            return 0;
        }
        return g->before >= 19 ? 0 : note_digits(g, value);
    case SEEN_DECIMAL:
        return note_digits(g, value);
    case SEEN_STRUCT:
        return note_members(py, g, value, depth);
    case SEEN_LIST:
        return note_items(py, g, value, depth);
    default:
        return 0;
    }
}

static int note(const struct rows_py *py, struct guess *g, PyObject *value, int depth)
{
    int rc = 0;

    if (value == Py_None || rows_py_is_null(value)) {
        return 0;
    }
    Py_INCREF(value);
    rc = note_value(py, g, value, depth);
    Py_DECREF(value);
    if (rc < 0) {
        name_level(g);
    }
    return rc;
}

static int to_schema(const struct guess *g, struct ArrowSchema *out);

static int with_members(const struct guess *g, const char *format, const char *name,
                        struct ArrowSchema *out)
{
    if (rows_schema_new(format, name, NULL, g->name ? ARROW_FLAG_NULLABLE : 0,
                        g->n_members, out) < 0) {
        return -1;
    }
    for (int64_t i = 0; i < g->n_members; i++) {
        if (to_schema(g->members[i], out->children[i]) < 0) {
            out->release(out);
            return -1;
        }
    }
    return 0;
}

static const char *plain_format(unsigned seen)
{
    switch (seen) {
    case SEEN_BOOL:
        return "b";
    case SEEN_INT:
        return "l";
    case SEEN_FLOAT:
    case SEEN_INT | SEEN_FLOAT:
        return "g";
    case SEEN_BINARY:
        return "z";
    case SEEN_DATE:
        return "tdD";
    case SEEN_TIME:
        return "ttu";
    case SEEN_NAIVE:
        return "tsu:";
    case SEEN_AWARE:
        return "tsu:UTC";
    case SEEN_UUID:
        return "w:16";
    default: // Strings, and columns of None alone.
        return "u";
    }
}

static int to_schema(const struct guess *g, struct ArrowSchema *out)
{
    // One pair: the extension's name.
    static const char uuid[] = "\1\0\0\0\24\0\0\0ARROW:extension:name\12\0\0\0arrow.uuid";
    const char *name = g->name ? PyUnicode_AsUTF8AndSize(g->name, NULL) : "";
    char decimal[32];

    if (!name) {
        return -1;
    }
    if (!g->name || g->seen == SEEN_STRUCT) {
        return with_members(g, "+s", name, out);
    }
    if (g->seen == SEEN_LIST) {
        return with_members(g, "+l", name, out);
    }
    if ((g->seen & SEEN_DECIMAL) != 0) {
        int digits = g->before + g->after > 0 ? g->before + g->after : 1;
        if (digits > 38) {
            PyErr_Format(PyExc_ValueError,
                         "column '%U': its decimals need %d digits, more than 38",
                         g->name, digits);
            return -1;
        }
        (void)snprintf(decimal, sizeof decimal, "d:%d,%d", digits, g->after);
        return rows_schema_new(decimal, name, NULL, ARROW_FLAG_NULLABLE, 0, out);
    }
    return rows_schema_new(plain_format(g->seen), name,
                           g->seen == SEEN_UUID ? uuid : NULL, ARROW_FLAG_NULLABLE, 0,
                           out);
}

// Puts the row's number before the text.
static void name_row(Py_ssize_t i)
{
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *trace = NULL;
    PyObject *as = PyErr_ExceptionMatches(PyExc_TypeError)    ? PyExc_TypeError
                   : PyErr_ExceptionMatches(PyExc_ValueError) ? PyExc_ValueError
                                                              : NULL;

    if (!as) {
        return;
    }
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyErr_Format(as, "Record %zd: %S", i, value ? value : Py_None);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

static int note_rows(const struct rows_py *py, struct guess *root, PyObject *rows)
{
    for (Py_ssize_t i = 0; i < PySequence_Size(rows); i++) {
        PyObject *row = PySequence_GetItem(rows, i);
        int rc = row ? 0 : -1;
        if (row && kind_of(py, row) != SEEN_STRUCT) {
            rc = PyErr_Occurred() ? -1 : rows_py_misfit(PyExc_TypeError, "a dict", row);
        }
        rc = rc < 0 ? rc : note_value(py, root, row, 0);
        Py_XDECREF(row);
        if (rc < 0) {
            name_row(i);
            return -1;
        }
        if (i % signals_each == signals_each - 1 && PyErr_CheckSignals() < 0) {
            return -1;
        }
    }
    return 0;
}

int rows_infer(PyObject *rows, struct ArrowSchema *out)
{
    const struct rows_py *py = rows_py_get();
    struct guess *root = NULL;
    int rc = -1;

    *out = (struct ArrowSchema){0};
    if (!PyList_Check(rows) && !PyTuple_Check(rows)) {
        PyErr_SetString(PyExc_TypeError, "expected a list of dicts");
        return -1;
    }
    root = py ? new_guess(NULL) : NULL;
    if (root && note_rows(py, root, rows) == 0) {
        rc = to_schema(root, out);
    }
    free_guess(root);
    return rc;
}
