#include "rows.h"

#include "rows_column.h"

enum { signals_each = 8192 };

static int append_all(struct rows_column *root, PyObject *rows, int strict)
{
    struct rows_context context = {.py = rows_py_get(), .strict = strict != 0};

    if (!context.py) {
        return -1;
    }
    for (Py_ssize_t i = 0;; i++) {
        PyObject *row = rows_py_item(rows, i);
        int rc = 0;
        if (!row) {
            return PyErr_Occurred() ? -1 : 0;
        }
        context.row = i;
        rc = rows_column_append(&context, root, row);
        Py_DECREF(row);
        if (rc < 0 ||
            (i % signals_each == signals_each - 1 && PyErr_CheckSignals() < 0)) {
            return -1;
        }
    }
}

int rows_to_array(PyObject *rows, const struct ArrowSchema *schema, int strict,
                  struct ArrowArray *out)
{
    struct rows_column *root = NULL;
    int rc = -1;

    *out = (struct ArrowArray){0};
    if (!PyList_Check(rows) && !PyTuple_Check(rows)) {
        PyErr_SetString(PyExc_TypeError, "expected a list of dicts");
        return -1;
    }
    root = rows_column_new(schema);
    if (root && root->type.kind != ROWS_STRUCT) {
        PyErr_SetString(PyExc_TypeError, "the schema is not one of columns");
    } else if (root &&
               rows_column_reserve(root, PyList_Check(rows) ? PyList_Size(rows)
                                                            : PyTuple_Size(rows)) == 0 &&
               append_all(root, rows, strict) == 0) {
        rc = rows_column_finish(root, out);
    }
    rows_column_free(root);
    return rc;
}
