#include "core_text.h"

#include "core.h"
#include "rows_type.h"

// How deep types are told, and how many names; what is beyond is "…".
enum { DEPTH_MAX = 16, NAMES_MAX = 8 };

static PyObject *type_text(const struct ArrowSchema *s, int depth);

// A str for s: its name and type, and whether it may be null.
static PyObject *field_text(const struct ArrowSchema *s, int depth)
{
    PyObject *type = type_text(s, depth);
    PyObject *text = NULL;

    if (type) {
        text = PyUnicode_FromFormat("%s: %U%s", s->name ? s->name : "", type,
                                    s->flags & ARROW_FLAG_NULLABLE ? "" : " not null");
    }
    Py_XDECREF(type);
    return text;
}

static PyObject *joined(PyObject *parts, const char *between)
{
    PyObject *glue = parts ? PyUnicode_FromString(between) : NULL;
    PyObject *text = glue ? PyUnicode_Join(glue, parts) : NULL;

    Py_XDECREF(glue);
    Py_XDECREF(parts);
    return text;
}

static PyObject *fields_text(const struct ArrowSchema *s, const char *between, int depth)
{
    PyObject *parts = PyList_New(0);

    for (int64_t i = 0; parts && i < s->n_children; i++) {
        PyObject *part = field_text(s->children[i], depth);
        if (!part || PyList_Append(parts, part) < 0) {
            Py_CLEAR(parts);
        }
        Py_XDECREF(part);
    }
    return joined(parts, between);
}

// "before" inner "after"; takes the reference to inner.
static PyObject *around(const char *before, PyObject *inner, const char *after)
{
    PyObject *text = inner ? PyUnicode_FromFormat("%s%U%s", before, inner, after) : NULL;

    Py_XDECREF(inner);
    return text;
}

static PyObject *map_text(const struct ArrowSchema *s, int depth)
{
    const struct ArrowSchema *entry = s->children[0];
    PyObject *key = type_text(entry->children[0], depth);
    PyObject *value = key ? type_text(entry->children[1], depth) : NULL;
    PyObject *text = value ? PyUnicode_FromFormat("map<%U, %U>", key, value) : NULL;

    Py_XDECREF(key);
    Py_XDECREF(value);
    return text;
}

static const char *unit_of(int64_t per_second)
{
    return per_second == 1         ? "s"
           : per_second == 1000    ? "ms"
           : per_second == 1000000 ? "us"
                                   : "ns";
}

static const char *prefix_of(enum rows_offsets offsets)
{
    return offsets == ROWS_OFFSETS_64 ? "large_" : "";
}

static const char *suffix_of(enum rows_offsets offsets)
{
    return offsets == ROWS_OFFSETS_VIEW ? "_view" : "";
}

// Types with types in them; NULL without an exception for others.
static PyObject *nested_text(const struct ArrowSchema *s, const struct rows_type *t,
                             int depth)
{
    switch (t->kind) {
    case ROWS_LIST:
        return around(t->offsets == ROWS_OFFSETS_64 ? "large_list<" : "list<",
                      field_text(s->children[0], depth), ">");
    case ROWS_FIXED_LIST: {
        PyObject *inner = field_text(s->children[0], depth);
        PyObject *text = inner ? PyUnicode_FromFormat("fixed_size_list<%U>[%lld]", inner,
                                                      (long long)t->width)
                               : NULL;
        Py_XDECREF(inner);
        return text;
    }
    case ROWS_STRUCT:
        return around("struct<", fields_text(s, ", ", depth), ">");
    case ROWS_MAP:
        return map_text(s, depth);
    case ROWS_DICTIONARY:
        return around("dictionary<", type_text(s->dictionary, depth), ">");
    default:
        return NULL;
    }
}

static PyObject *plain_text(const struct ArrowSchema *s, const struct rows_type *t)
{
    int bits = (int)t->width * 8;

    switch (t->kind) {
    case ROWS_NULL:
        return PyUnicode_FromString("null");
    case ROWS_BOOL:
        return PyUnicode_FromString("bool");
    case ROWS_INT:
        return PyUnicode_FromFormat("int%d", bits);
    case ROWS_UINT:
        return PyUnicode_FromFormat("uint%d", bits);
    case ROWS_FLOAT:
        return PyUnicode_FromString(bits == 32 ? "float" : "double");
    case ROWS_DECIMAL:
        return PyUnicode_FromFormat("decimal128(%d, %d)", t->precision, t->scale);
    case ROWS_DATE:
        return PyUnicode_FromFormat("date%d[%s]", bits, bits == 32 ? "day" : "ms");
    case ROWS_TIME:
        return PyUnicode_FromFormat("time%d[%s]", bits, unit_of(t->per_second));
    case ROWS_TIMESTAMP: // The format ends in the zone: "tsu:UTC".
        return PyUnicode_FromFormat("timestamp[%s%s%s]", unit_of(t->per_second),
                                    t->zoned ? ", tz=" : "", s->format + 4);
    case ROWS_STRING:
        return PyUnicode_FromFormat("%sstring%s", prefix_of(t->offsets),
                                    suffix_of(t->offsets));
    case ROWS_BINARY:
        return PyUnicode_FromFormat("%sbinary%s", prefix_of(t->offsets),
                                    suffix_of(t->offsets));
    case ROWS_FIXED:
        return PyUnicode_FromFormat("fixed_size_binary[%lld]", (long long)t->width);
    case ROWS_UUID:
        return PyUnicode_FromString("uuid");
    default:
        return PyUnicode_FromString(s->format);
    }
}

static PyObject *type_text(const struct ArrowSchema *s, int depth)
{
    struct rows_type type;
    PyObject *text = NULL;

    if (depth == DEPTH_MAX) {
        return PyUnicode_FromString("…");
    }
    if (rows_type_parse(s, &type) < 0) { // What is only shown need not be supported.
        PyErr_Clear();
        return PyUnicode_FromString(s->format ? s->format : "");
    }
    text = nested_text(s, &type, depth + 1);
    return text || PyErr_Occurred() ? text : plain_text(s, &type);
}

PyObject *core_schema_text(const struct ArrowSchema *schema)
{
    return fields_text(schema, "\n", 0);
}

PyObject *core_names_text(const struct ArrowSchema *schema)
{
    int64_t shown = schema->n_children < NAMES_MAX ? schema->n_children : NAMES_MAX;
    PyObject *parts = PyList_New(0);

    for (int64_t i = 0; parts && i < schema->n_children && i < shown; i++) {
        PyObject *name =
            core_str(schema->children[i]->name ? schema->children[i]->name : "");
        if (!name || PyList_Append(parts, name) < 0) {
            Py_CLEAR(parts);
        }
        Py_XDECREF(name);
    }
    PyObject *text = joined(parts, ", ");
    if (text && schema->n_children > shown) {
        PyObject *longer = PyUnicode_FromFormat("%U, %s %lld more", text, "…",
                                                (long long)(schema->n_children - shown));
        Py_DECREF(text);
        text = longer;
    }
    return text;
}
