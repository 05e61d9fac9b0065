#include "rows.h"

#include "rows_block.h"
#include "rows_column.h"

enum { signals_each = 8192 };

static int append_one(struct rows_context *context, struct rows_column *root,
                      PyObject *rows)
{
    PyObject *row = rows_py_item(rows, (Py_ssize_t)context->row);
    int rc = 0;

    if (!row) {
        return PyErr_Occurred() ? -1 : 0;
    }
    rc = rows_column_append(context, root, row);
    Py_DECREF(row);
    return rc < 0 ? -1 : 1;
}

static int append_all(struct rows_column *root, PyObject *rows, int strict)
{
    struct rows_context context = {.py = rows_py_get(), .strict = strict != 0};
    struct rows_block *block = NULL;
    int64_t got = 1;

    if (!context.py) {
        return -1;
    }
    block = rows_block_new(context.py, root, rows);
    while (got > 0) {
        int64_t most = signals_each - context.row % signals_each;
        got = rows_block_append(block, &context, rows, (Py_ssize_t)context.row, most);
        got = got == 0 ? append_one(&context, root, rows) : got;
        context.row += got > 0 ? got : 0;
        if (got > 0 && context.row % signals_each == 0 && PyErr_CheckSignals() < 0) {
            got = -1;
        }
    }
    rows_block_free(block);
    return got < 0 ? -1 : 0;
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
