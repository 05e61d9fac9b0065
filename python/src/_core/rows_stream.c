// Rows as a stream: converted while its consumer reads.
#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rows_block.h"
#include "rows_column.h"

enum { batch_rows_default = 32768, signals_each = 8192 };

static const int64_t batch_bulk_max = (int64_t)1 << 30; // Bytes; room below 2 GiB.
static const char pending_key[] = "datashard.rows.pending";

struct rows_stream {
    PyObject *rows; // A list or an iterator; NULL when it is at its end.
    bool listed;
    Py_ssize_t at;            // In the list.
    struct rows_block *block; // NULL: rows come one by one.
    struct ArrowSchema schema;
    struct rows_column *root;
    struct rows_context context;
    int64_t batch_rows;
    bool failed;
    char error[512];
};

// Keeps the exception in the thread's state, its text in the stream. Returns an errno.
static int park_exception(struct rows_stream *s)
{
    int code = PyErr_ExceptionMatches(PyExc_MemoryError) ? ENOMEM : EINVAL;
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *trace = NULL;
    PyObject *text = NULL;
    PyObject *thread = PyThreadState_GetDict();
    const char *utf8 = NULL;

    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (value && trace) {
        (void)PyException_SetTraceback(value, trace);
    }
    text = value ? PyObject_Str(value) : NULL;
    utf8 = text ? PyUnicode_AsUTF8AndSize(text, NULL) : NULL;
    s->error[0] = '\0';
    strncat(s->error, utf8 ? utf8 : "converting rows failed", sizeof s->error - 1);
    if (thread && value) {
        (void)PyDict_SetItemString(thread, pending_key, value);
    }
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    s->failed = true;
    return code;
}

int rows_pending_error(void)
{
    PyObject *thread = PyThreadState_GetDict();
    PyObject *value = thread ? PyDict_GetItemString(thread, pending_key) : NULL;

    if (!value) {
        return 0;
    }
    Py_INCREF(value);
    (void)PyDict_DelItemString(thread, pending_key);
    PyErr_SetObject((PyObject *)Py_TYPE(value), value);
    Py_DECREF(value);
    return 1;
}

// One row: 1, 0 at the end, -1 with an exception.
static int64_t take_row(struct rows_stream *s)
{
    PyObject *row = s->listed ? rows_py_item(s->rows, s->at) : PyIter_Next(s->rows);
    int rc = 0;

    if (!row) {
        return PyErr_Occurred() ? -1 : 0;
    }
    rc = rows_column_append(&s->context, s->root, row);
    Py_DECREF(row);
    return rc < 0 ? -1 : 1;
}

// Rows until the batch is full or there are no more.
static int fill_batch(struct rows_stream *s)
{
    int64_t n = 0;

    s->context.bulk = 0;
    while (n < s->batch_rows && s->context.bulk < batch_bulk_max) {
        int64_t most = signals_each - n % signals_each;
        int64_t got = 0;
        most = most < s->batch_rows - n ? most : s->batch_rows - n;
        got = rows_block_append(s->block, &s->context, s->rows, s->at, most);
        got = got == 0 ? take_row(s) : got;
        if (got == 0) {
            Py_CLEAR(s->rows);
            return 0;
        }
        n += got;
        s->at += (Py_ssize_t)got;
        s->context.row += got;
        if (got < 0 || (n % signals_each == 0 && PyErr_CheckSignals() < 0)) {
            return -1;
        }
    }
    return 0;
}

static int stream_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct rows_stream *s = stream->private_data;
    int rc = 0;

    *out = (struct ArrowArray){0};
    if (s->failed) {
        return EINVAL;
    }
    if (!s->rows) {
        return 0;
    }
    PyGILState_STATE gil = PyGILState_Ensure();
    if (fill_batch(s) < 0 ||
        (s->root->length > 0 && rows_column_finish(s->root, out) < 0)) {
        rc = park_exception(s);
    }
    PyGILState_Release(gil);
    return rc;
}

static int stream_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct rows_stream *s = stream->private_data;
    PyGILState_STATE gil = PyGILState_Ensure();
    int rc = rows_schema_copy(&s->schema, out) < 0 ? ENOMEM : 0;

    PyErr_Clear();
    PyGILState_Release(gil);
    return rc;
}

static const char *stream_get_last_error(struct ArrowArrayStream *stream)
{
    struct rows_stream *s = stream->private_data;

    return s->failed ? s->error : NULL;
}

static void free_stream(struct rows_stream *s)
{
    Py_XDECREF(s->rows);
    rows_block_free(s->block);
    rows_column_free(s->root);
    if (s->schema.release) {
        s->schema.release(&s->schema);
    }
    free(s);
}

static void stream_release(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
    if (Py_IsInitialized()) { // After the interpreter's end its objects are gone.
        PyGILState_STATE gil = PyGILState_Ensure();
        free_stream(stream->private_data);
        PyGILState_Release(gil);
    }
}

int rows_to_stream(PyObject *rows, const struct ArrowSchema *schema, int strict,
                   int64_t batch_rows, struct ArrowArrayStream *out)
{
    struct rows_stream *s = calloc(1, sizeof *s);

    *out = (struct ArrowArrayStream){0};
    if (rows_pending_error()) {
        PyErr_Clear(); // Of an earlier stream: nobody asked for it.
    }
    if (!s) {
        PyErr_NoMemory();
        return -1;
    }
    s->batch_rows = batch_rows > 0 ? batch_rows : batch_rows_default;
    s->context.strict = strict != 0;
    s->context.py = rows_py_get();
    s->root = s->context.py ? rows_column_new(schema) : NULL;
    if (s->root && s->root->type.kind != ROWS_STRUCT) {
        PyErr_SetString(PyExc_TypeError, "the schema is not one of columns");
    } else if (s->root && rows_schema_copy(schema, &s->schema) == 0) {
        s->listed = PyList_CheckExact(rows);
        s->rows = s->listed ? Py_NewRef(rows) : PyObject_GetIter(rows);
        s->block = rows_block_new(s->context.py, s->root, rows);
    }
    if (!s->rows) {
        free_stream(s);
        return -1;
    }
    *out = (struct ArrowArrayStream){.get_schema = stream_get_schema,
                                     .get_next = stream_get_next,
                                     .get_last_error = stream_get_last_error,
                                     .release = stream_release,
                                     .private_data = s};
    return 0;
}
