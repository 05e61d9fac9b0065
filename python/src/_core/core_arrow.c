// Schema and Stream: Arrow data between Python and C, by capsules.
#include "core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core_batch.h"
#include "core_capsule.h"
#include "core_held.h"
#include "core_share.h"
#include "core_text.h"
#include "core_wait.h"
#include "rows.h"
#include "values.h"

// ---- Schema

struct schema {
    PyObject_HEAD struct ArrowSchema schema;
};

PyObject *core_schema_new(struct core_state *state, struct ArrowSchema *schema)
{
    struct schema *self = (struct schema *)PyType_GenericAlloc(state->schema, 0);

    if (!self) {
        schema->release(schema);
        return NULL;
    }
    self->schema = *schema;
    schema->release = NULL;
    return (PyObject *)self;
}

const struct ArrowSchema *core_schema_of(PyObject *self)
{
    return &((struct schema *)self)->schema;
}

static void schema_dealloc(PyObject *object)
{
    struct schema *self = (struct schema *)object;
    PyTypeObject *type = Py_TYPE(object);

    if (self->schema.release) {
        self->schema.release(&self->schema);
    }
    PyObject_Free(self);
    Py_DECREF(type);
}

PyObject *core_schema_export(PyObject *self, PyObject *unused)
{
    struct ArrowSchema *copy = NULL;
    PyObject *capsule = core_capsule_schema(&copy);

    (void)unused;
    if (capsule && core_schema_copy(core_schema_of(self), copy) < 0) {
        Py_CLEAR(capsule);
        PyErr_NoMemory();
    }
    return capsule;
}

PyObject *core_schema_names(PyObject *self, void *unused)
{
    const struct ArrowSchema *s = core_schema_of(self);
    PyObject *names = PyList_New(0);

    (void)unused;
    for (int64_t i = 0; names && i < s->n_children; i++) {
        PyObject *name = core_str(s->children[i]->name ? s->children[i]->name : "");
        if (!name || PyList_Append(names, name) < 0) {
            Py_CLEAR(names);
        }
        Py_XDECREF(name);
    }
    return names;
}

static PyObject *schema_repr(PyObject *self)
{
    return core_schema_text(core_schema_of(self));
}

static Py_ssize_t schema_length(PyObject *self)
{
    return (Py_ssize_t)core_schema_of(self)->n_children;
}

static PyMethodDef schema_methods[] = {
    {"__arrow_c_schema__", core_schema_export, METH_NOARGS, "A copy, as a capsule."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef schema_getset[] = {
    {"names", core_schema_names, NULL, "The columns' names.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot schema_slots[] = {{Py_tp_dealloc, (void *)schema_dealloc},
                                     {Py_tp_methods, schema_methods},
                                     {Py_tp_getset, schema_getset},
                                     {Py_tp_repr, (void *)schema_repr},
                                     {Py_sq_length, (void *)schema_length},
                                     {Py_tp_doc, "An Arrow schema."},
                                     {0, NULL}};

// ---- Stream

struct stream {
    PyObject_HEAD struct ArrowArrayStream stream;
    _Atomic(PyObject *) schema; // NULL until somebody asked.
    atomic_bool busy;
    bool moved;
};

PyObject *core_stream_new(struct core_state *state, struct ArrowArrayStream *stream)
{
    struct stream *self = (struct stream *)PyType_GenericAlloc(state->stream, 0);

    if (!self) {
        stream->release(stream);
        return NULL;
    }
    self->stream = *stream;
    stream->release = NULL;
    return (PyObject *)self;
}

static int stream_enter(struct stream *self)
{
    if (!core_enter(&self->busy, "another thread is reading the stream")) {
        return -1;
    }
    if (self->stream.release) {
        return 0;
    }
    core_leave(&self->busy);
    core_invalid(self->moved ? "the stream was handed on: its rows are read where it "
                               "went"
                             : "the stream is closed");
    return -1;
}

static PyObject *stream_fail(struct stream *self, int code)
{
    const char *words = NULL;
    struct ds_error err = {0};
    int status = DS_EIO;

    if (PyErr_Occurred() || rows_pending_error()) {
        return NULL;
    }
    switch (code) {
    case ENOMEM:
        status = DS_ENOMEM;
        break;
    case EINVAL:
        status = DS_EINVALID;
        break;
    case ENOSYS:
        status = DS_EUNSUPPORTED;
        break;
    case ENOENT:
        status = DS_ENOTFOUND;
        break;
    case EBADMSG:
        status = DS_ECORRUPT;
        break;
    case ECANCELED:
        status = DS_ECANCELLED;
        break;
    case ESTALE:
        status = DS_EEXPIRED;
        break;
    default:
        break;
    }
    words =
        self->stream.get_last_error ? self->stream.get_last_error(&self->stream) : NULL;
    PyOS_snprintf(err.message, sizeof err.message, "%.1000s",
                  words ? words : strerror(code));
    return core_raise(status, &err);
}

static PyObject *stream_schema_of(struct stream *self)
{
    struct ArrowSchema schema = {0};
    int code = 0;

    if (!self->schema) {
        Py_BEGIN_ALLOW_THREADS;
        code = self->stream.get_schema(&self->stream, &schema);
        Py_END_ALLOW_THREADS;
        if (code != 0) {
            return stream_fail(self, code);
        }
        self->schema = core_schema_new(core_state((PyObject *)self), &schema);
    }
    return self->schema;
}

static PyObject *stream_schema(PyObject *object, void *unused)
{
    struct stream *self = (struct stream *)object;
    PyObject *schema = self->schema;

    (void)unused;
    if (!schema) {
        if (stream_enter(self) < 0) {
            return NULL;
        }
        schema = stream_schema_of(self);
        core_leave(&self->busy);
    }
    return schema ? Py_NewRef(schema) : NULL;
}

static PyObject *stream_export_schema(PyObject *self, PyObject *unused)
{
    PyObject *schema = stream_schema(self, NULL);
    PyObject *capsule = schema ? core_schema_export(schema, unused) : NULL;

    Py_XDECREF(schema);
    return capsule;
}

static PyObject *stream_export(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"requested_schema", NULL};
    struct stream *self = (struct stream *)object;
    struct ArrowArrayStream *out = NULL;
    PyObject *requested = NULL;
    PyObject *capsule = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O", names, &requested) ||
        stream_enter(self) < 0) {
        return NULL;
    }
    capsule = core_capsule_stream(&out);
    if (capsule) {
        *out = self->stream;
        self->stream.release = NULL;
        self->moved = true;
    }
    core_leave(&self->busy);
    return capsule;
}

static PyObject *stream_next(PyObject *object)
{
    struct stream *self = (struct stream *)object;
    struct ArrowArray array = {0};
    PyObject *schema = NULL;
    PyObject *made = NULL;
    int code = 0;

    if (PyErr_CheckSignals() < 0 || stream_enter(self) < 0) {
        return NULL;
    }
    schema = stream_schema_of(self);
    if (schema) {
        Py_BEGIN_ALLOW_THREADS;
        code = self->stream.get_next(&self->stream, &array);
        Py_END_ALLOW_THREADS;
        if (code != 0) {
            made = stream_fail(self, code);
        } else if (array.release) {
            made = core_batch_new(core_state(object), schema, &array);
        }
    }
    core_leave(&self->busy);
    return made;
}

// Every batch that is left into `held`: 0, or -1 with an exception.
static int stream_drain(struct stream *self, struct core_held *held)
{
    struct ArrowArray array = {0};
    int code = 0;

    for (;;) {
        if (PyErr_CheckSignals() < 0) {
            return -1;
        }
        Py_BEGIN_ALLOW_THREADS;
        code = self->stream.get_next(&self->stream, &array);
        Py_END_ALLOW_THREADS;
        if (code != 0) {
            stream_fail(self, code);
            return -1;
        }
        if (!array.release) {
            return 0;
        }
        if (core_held_add(held, &array) < 0) {
            PyErr_NoMemory();
            return -1;
        }
    }
}

static PyObject *stream_read_all(PyObject *object, PyObject *unused)
{
    struct stream *self = (struct stream *)object;
    struct ArrowArrayStream stream = {0};
    struct core_held *held = NULL;
    PyObject *schema = NULL;
    int rc = -1;

    (void)unused;
    if (stream_enter(self) < 0) {
        return NULL;
    }
    schema = stream_schema_of(self);
    held = schema ? core_held_new(core_schema_of(schema)) : NULL;
    if (held) {
        rc = stream_drain(self, held);
    } else if (schema) {
        PyErr_NoMemory();
    }
    core_leave(&self->busy);
    if (rc < 0) {
        core_held_free(held);
        return NULL;
    }
    core_held_stream(held, &stream);
    return core_stream_new(core_state(object), &stream);
}

static void stream_end(struct stream *self)
{
    struct ArrowArrayStream stream = self->stream;

    self->stream.release = NULL;
    if (stream.release) {
        Py_BEGIN_ALLOW_THREADS;
        stream.release(&stream);
        Py_END_ALLOW_THREADS;
    }
}

static PyObject *stream_close(PyObject *object, PyObject *unused)
{
    struct stream *self = (struct stream *)object;

    (void)unused;
    if (!core_enter(&self->busy, "another thread is reading the stream")) {
        return NULL;
    }
    stream_end(self);
    core_leave(&self->busy);
    Py_RETURN_NONE;
}

static void stream_dealloc(PyObject *object)
{
    struct stream *self = (struct stream *)object;
    PyTypeObject *type = Py_TYPE(object);

    stream_end(self);
    Py_XDECREF(self->schema);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef stream_methods[] = {
    {"__arrow_c_schema__", stream_export_schema, METH_NOARGS,
     "Its schema, as a capsule."},
    {"__arrow_c_stream__", CORE_KEYWORDS(stream_export), METH_VARARGS | METH_KEYWORDS,
     "Moves it out, into a capsule."},
    {"read_all", stream_read_all, METH_NOARGS,
     "What is left, read into memory: a Stream whose reading cannot fail."},
    {"close", stream_close, METH_NOARGS, "Ends it; again is fine."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef stream_getset[] = {
    {"schema", stream_schema, NULL, "Its schema.", NULL}, {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot stream_slots[] = {
    {Py_tp_dealloc, (void *)stream_dealloc},
    {Py_tp_methods, stream_methods},
    {Py_tp_getset, stream_getset},
    {Py_tp_iter, (void *)PyObject_SelfIter},
    {Py_tp_iternext, (void *)stream_next},
    {Py_tp_doc, "Batches, one after the other; for one consumer."},
    {0, NULL}};

// ---- Out of Python

int core_schema_take(PyObject *object, struct ArrowSchema *out)
{
    PyObject *capsule = PyObject_CallMethod(object, "__arrow_c_schema__", NULL);
    struct ArrowSchema *schema =
        capsule ? PyCapsule_GetPointer(capsule, CORE_CAPSULE_SCHEMA) : NULL;

    if (!capsule && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Format(PyExc_TypeError,
                     "%R is no Arrow schema: it has no __arrow_c_schema__",
                     Py_TYPE(object));
    }
    if (schema && !schema->release) {
        core_invalid("the schema's capsule was used before");
        schema = NULL;
    }
    if (schema) {
        *out = *schema;
        schema->release = NULL;
    }
    Py_XDECREF(capsule);
    return schema ? 0 : -1;
}

// A stream of one batch.
struct single {
    struct ArrowSchema schema;
    struct ArrowArray array;
};

static int single_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    struct single *one = s->private_data;
    return core_schema_copy(&one->schema, out) < 0 ? ENOMEM : 0;
}

static int single_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct single *one = s->private_data;
    *out = one->array;
    one->array.release = NULL;
    return 0;
}

static const char *single_error(struct ArrowArrayStream *s)
{
    (void)s;
    return NULL;
}

static void single_release(struct ArrowArrayStream *s)
{
    struct single *one = s->private_data;
    one->schema.release(&one->schema);
    if (one->array.release) {
        one->array.release(&one->array);
    }
    free(one);
    s->release = NULL;
}

static int take_array(PyObject *object, struct ArrowArrayStream *out)
{
    PyObject *pair = PyObject_CallMethod(object, "__arrow_c_array__", NULL);
    struct ArrowSchema *schema = NULL;
    struct ArrowArray *array = NULL;
    struct single *one = NULL;

    if (pair && (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2)) {
        PyErr_SetString(PyExc_TypeError, "__arrow_c_array__ must give two capsules");
    } else if (pair) {
        schema = PyCapsule_GetPointer(PyTuple_GetItem(pair, 0), CORE_CAPSULE_SCHEMA);
        array = schema
                    ? PyCapsule_GetPointer(PyTuple_GetItem(pair, 1), CORE_CAPSULE_ARRAY)
                    : NULL;
    }
    if (array && (!schema->release || !array->release)) {
        core_invalid("the array's capsules were used before");
    } else if (array && !(one = calloc(1, sizeof *one))) {
        PyErr_NoMemory();
    } else if (array) {
        *one = (struct single){*schema, *array};
        schema->release = NULL;
        array->release = NULL;
        *out = (struct ArrowArrayStream){single_schema, single_next, single_error,
                                         single_release, one};
    }
    Py_XDECREF(pair);
    return one ? 0 : -1;
}

static int take_stream(PyObject *object, struct ArrowArrayStream *out)
{
    PyObject *capsule = PyObject_CallMethod(object, "__arrow_c_stream__", NULL);
    struct ArrowArrayStream *stream =
        capsule ? PyCapsule_GetPointer(capsule, CORE_CAPSULE_STREAM) : NULL;

    if (stream && !stream->release) {
        core_invalid("the stream's capsule was used before");
        stream = NULL;
    }
    if (stream) {
        *out = *stream;
        stream->release = NULL;
    }
    Py_XDECREF(capsule);
    return stream ? 0 : -1;
}

static int take_rows(PyObject *object, const struct ArrowSchema *schema, bool strict,
                     struct ArrowArrayStream *out)
{
    struct ArrowSchema guessed = {0};
    PyObject *rows = NULL;
    int rc = -1;

    if (schema) {
        return rows_to_stream(object, schema, strict, 0, out);
    }
    rows = PySequence_List(object);
    if (rows && rows_infer(rows, &guessed) == 0) {
        rc = rows_to_stream(rows, &guessed, strict, 0, out);
        guessed.release(&guessed);
    }
    Py_XDECREF(rows);
    return rc;
}

int core_stream_take(PyObject *object, const struct ArrowSchema *schema, bool strict,
                     struct ArrowArrayStream *out)
{
    if (PyObject_HasAttrString(object, "__arrow_c_stream__")) {
        return take_stream(object, out);
    }
    if (PyObject_HasAttrString(object, "__arrow_c_array__")) {
        return take_array(object, out);
    }
    if (PyUnicode_Check(object) || PyBytes_Check(object) || PyDict_Check(object) ||
        !(PyObject_HasAttrString(object, "__iter__") || PySequence_Check(object))) {
        PyErr_Format(PyExc_TypeError,
                     "expected Arrow data (with __arrow_c_stream__ or __arrow_c_array__) "
                     "or dicts, not %R",
                     Py_TYPE(object));
        return -1;
    }
    return take_rows(object, schema, strict, out);
}

static int source_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    struct core_source *source = s->private_data;
    return source->inner.get_schema(&source->inner, out);
}

static int source_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct core_source *source = s->private_data;
    PyGILState_STATE gil = PyGILState_Ensure();
    int code = PyErr_CheckSignals() < 0 ? ECANCELED : 0;

    *out = (struct ArrowArray){0};
    if (code == 0) {
        Py_BEGIN_ALLOW_THREADS;
        code = source->inner.get_next(&source->inner, out);
        Py_END_ALLOW_THREADS;
        if (code != 0) {
            (void)rows_pending_error();
        }
    }
    if (code != 0 && PyErr_Occurred() && !source->type) {
        PyErr_Fetch(&source->type, &source->value, &source->traceback);
    }
    PyGILState_Release(gil);
    return code;
}

static const char *source_error(struct ArrowArrayStream *s)
{
    struct core_source *source = s->private_data;

    if (source->type || !source->inner.get_last_error) {
        return "interrupted";
    }
    return source->inner.get_last_error(&source->inner);
}

static void source_release(struct ArrowArrayStream *s)
{
    struct core_source *source = s->private_data;

    if (source->inner.release) {
        source->inner.release(&source->inner);
    }
    s->release = NULL;
}

void core_source_wrap(struct core_source *source, struct ArrowArrayStream *out)
{
    *out = (struct ArrowArrayStream){source_schema, source_next, source_error,
                                     source_release, source};
}

int core_source_raise(struct core_source *source, struct core_wait *wait)
{
    if (!source->type) {
        return 0;
    }
    if (wait) {
        core_wait_forget(wait); // It came after.
    }
    PyErr_Restore(source->type, source->value, source->traceback);
    source->type = NULL;
    return 1;
}

PyObject *core_stream_from_rows(PyObject *module, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"rows", "schema", "strict", NULL};
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    PyObject *rows = NULL;
    PyObject *like = Py_None;
    int strict = 1;
    int rc = 0;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|Op:stream_from_rows", names,
                                     &rows, &like, &strict) ||
        (like != Py_None && core_schema_take(like, &schema) < 0)) {
        return NULL;
    }
    rc = take_rows(rows, schema.release ? &schema : NULL, strict != 0, &stream);
    if (schema.release) {
        schema.release(&schema);
    }
    return rc < 0 ? NULL : core_stream_new(PyModule_GetState(module), &stream);
}

PyObject *core_stream_from(PyObject *module, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"obj", "schema", NULL};
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    PyObject *object = NULL;
    PyObject *like = Py_None;
    int rc = 0;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O:stream_from", names, &object,
                                     &like) ||
        (like != Py_None && core_schema_take(like, &schema) < 0)) {
        return NULL;
    }
    rc = core_stream_take(object, schema.release ? &schema : NULL, true, &stream);
    if (schema.release) {
        schema.release(&schema);
    }
    return rc < 0 ? NULL : core_stream_new(PyModule_GetState(module), &stream);
}

PyObject *core_schema_from_rows(PyObject *module, PyObject *rows)
{
    PyObject *list = PySequence_List(rows);
    struct ArrowSchema schema = {0};
    int rc = list ? rows_infer(list, &schema) : -1;

    Py_XDECREF(list);
    return rc < 0 ? NULL : core_schema_new(PyModule_GetState(module), &schema);
}

PyObject *core_scan_file(PyObject *module, PyObject *args)
{
    struct ArrowArrayStream stream = {0};
    struct ds_error err = {0};
    const char *location = NULL;
    int rc = DS_OK;

    if (!PyArg_ParseTuple(args, "s:scan_file", &location)) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    rc = ds_file_scan(location, &stream, &err);
    Py_END_ALLOW_THREADS;
    return rc == DS_OK ? core_stream_new(PyModule_GetState(module), &stream)
                       : core_raise(rc, &err);
}

PyObject *core_write_file(PyObject *module, PyObject *args)
{
    struct core_source source = {0};
    struct ArrowArrayStream stream = {0};
    struct ds_error err = {0};
    const char *location = NULL;
    PyObject *data = NULL;
    int64_t rows = 0;
    int rc = DS_OK;

    (void)module;
    if (!PyArg_ParseTuple(args, "sO:write_file", &location, &data) ||
        core_stream_take(data, NULL, true, &source.inner) < 0) {
        return NULL;
    }
    core_source_wrap(&source, &stream);
    Py_BEGIN_ALLOW_THREADS;
    rc = ds_file_write(location, &stream, &rows, &err);
    Py_END_ALLOW_THREADS;
    if (core_source_raise(&source, NULL)) {
        return NULL;
    }
    return rc == DS_OK ? PyLong_FromLongLong(rows) : core_raise(rc, &err);
}

#define FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION)

static PyType_Spec schema_spec = {.name = "datashard._core.Schema",
                                  .basicsize = sizeof(struct schema),
                                  .flags = FLAGS,
                                  .slots = schema_slots};
static PyType_Spec stream_spec = {.name = "datashard._core.Stream",
                                  .basicsize = sizeof(struct stream),
                                  .flags = FLAGS,
                                  .slots = stream_slots};

int core_arrow_register(PyObject *module, struct core_state *state)
{
    if (core_type_add(module, &schema_spec, &state->schema) < 0 ||
        core_batch_register(module, state) < 0) {
        return -1;
    }
    return core_type_add(module, &stream_spec, &state->stream);
}
