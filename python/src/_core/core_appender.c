// Appender: many threads hand over rows, few commits carry them.
#include "core.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rows.h"

// How long a wait goes on before it looks for signals.
enum { SLICE_MS = 100 };

struct appender {
    PyObject_HEAD ds_appender *handle;
    PyObject *table; // Outlives the appender.
    PyObject *on_ack;
    struct ArrowSchema schema; // The table's when it was opened: what rows are read by.
    int64_t write_wait_ms;     // -1: as long as it takes.
    pid_t pid;
};

static int64_t now_ms(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static ds_appender *handle_of(PyObject *object)
{
    struct appender *self = (struct appender *)object;

    if (self->pid == getpid()) {
        return self->handle;
    }
    core_invalid("the appender is of the parent process: open "
                 "another one in this one");
    return NULL;
}

static PyObject *ack_dict(const struct ds_appender_ack *ack)
{
    static const struct ds_error none = {0};
    PyObject *d = PyDict_New();
    PyObject *error =
        ack->status == DS_OK
            ? Py_NewRef(Py_None)
            : core_exception(ack->status, ack->error ? ack->error : &none, ack->commit);
    PyObject *commit = ack->commit ? core_result(ack->commit) : Py_NewRef(Py_None);

    if (!d || core_put(d, "error", error) < 0 || core_put(d, "commit", commit) < 0 ||
        core_put(d, "status", PyLong_FromLong(ack->status)) < 0 ||
        core_put(d, "first_ticket", PyLong_FromUnsignedLongLong(ack->first_ticket)) < 0 ||
        core_put(d, "last_ticket", PyLong_FromUnsignedLongLong(ack->last_ticket)) < 0 ||
        core_put(d, "rows", PyLong_FromUnsignedLongLong(ack->rows)) < 0 ||
        core_put(d, "bytes", PyLong_FromUnsignedLongLong(ack->bytes)) < 0 ||
        core_put(d, "waited_us", PyLong_FromLongLong(ack->waited_us)) < 0) {
        Py_CLEAR(d);
    }
    return d;
}

// In a thread of the appender.
static void on_ack(void *arg, const struct ds_appender_ack *ack)
{
    PyObject *function = arg;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *d = ack_dict(ack);
    PyObject *answer = d ? PyObject_CallFunctionObjArgs(function, d, NULL) : NULL;

    if (!answer) {
        PyErr_WriteUnraisable(function);
    }
    Py_XDECREF(answer);
    Py_XDECREF(d);
    PyGILState_Release(gil);
}

// Takes the appender's own keywords out of `rest`.
static int own_options(PyObject *rest, struct ds_appender_options *o, PyObject **ack)
{
    static const char *const names[] = {"batch_rows",   "batch_bytes",   "batch_ms",
                                        "memory_bytes", "write_wait_ms", "budget_ms"};
    int64_t *const into[] = {&o->batch_rows_max,   &o->batch_bytes_max, &o->batch_ms,
                             &o->memory_bytes_max, &o->write_wait_ms,   &o->budget_ms};
    PyObject *value = PyDict_GetItemString(rest, "on_ack");

    if (value) {
        *ack = value == Py_None ? NULL : Py_NewRef(value);
        if (PyDict_DelItemString(rest, "on_ack") < 0) {
            return -1;
        }
    }
    if (*ack && !PyCallable_Check(*ack)) {
        PyErr_SetString(PyExc_TypeError, "on_ack must be callable");
        return -1;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        value = PyDict_GetItemString(rest, names[i]);
        if (value) {
            *into[i] = PyLong_AsLongLong(value);
            if (PyErr_Occurred() || PyDict_DelItemString(rest, names[i]) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int appender_open(struct appender *self, ds_table *table, PyObject *keywords)
{
    struct ds_appender_options o = {.struct_size = sizeof o};
    PyObject *rest = keywords ? PyDict_Copy(keywords) : PyDict_New();
    struct core_options commit = {0};
    struct ds_error err = {0};
    int rc = DS_OK;

    if (!rest || own_options(rest, &o, &self->on_ack) < 0 ||
        core_options_take(rest, &commit) < 0) {
        Py_XDECREF(rest);
        return -1;
    }
    // Hand-overs wait here in slices, to look for signals.
    self->write_wait_ms = o.write_wait_ms == 0 ? -1 : o.write_wait_ms;
    if (o.write_wait_ms < 0) {
        self->write_wait_ms = 0;
    }
    if (o.write_wait_ms == 0 || o.write_wait_ms > SLICE_MS) {
        o.write_wait_ms = SLICE_MS;
    }
    o.commit = &commit.options;
    o.ack = self->on_ack ? on_ack : NULL;
    o.ack_arg = self->on_ack;
    Py_BEGIN_ALLOW_THREADS;
    rc = ds_table_schema(table, &self->schema, &err);
    if (rc == DS_OK) {
        rc = ds_appender_open(table, &o, &self->handle, &err);
    }
    Py_END_ALLOW_THREADS;
    core_options_release(&commit);
    Py_DECREF(rest);
    return rc == DS_OK ? 0 : (core_raise(rc, &err), -1);
}

PyObject *core_appender_new(PyObject *table, PyObject *args, PyObject *keywords)
{
    ds_table *handle = core_table_handle(table);
    struct appender *self = NULL;

    if (!handle || !PyArg_ParseTuple(args, ":appender")) {
        return NULL;
    }
    self = (struct appender *)PyType_GenericAlloc(core_state(table)->appender, 0);
    if (!self) {
        return NULL;
    }
    self->pid = getpid();
    self->table = Py_NewRef(table);
    if (appender_open(self, handle, keywords) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int appender_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct appender *self = (struct appender *)object;

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->table);
    Py_VISIT(self->on_ack);
    return 0;
}

// The appender's threads may call on_ack until it is freed.
static int appender_clear(PyObject *object)
{
    struct appender *self = (struct appender *)object;
    ds_appender *handle = self->pid == getpid() ? self->handle : NULL;

    self->handle = NULL;
    Py_BEGIN_ALLOW_THREADS;
    ds_appender_free(handle);
    Py_END_ALLOW_THREADS;
    Py_CLEAR(self->on_ack);
    Py_CLEAR(self->table);
    return 0;
}

static void appender_dealloc(PyObject *object)
{
    struct appender *self = (struct appender *)object;
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    (void)appender_clear(object);
    if (self->schema.release) {
        self->schema.release(&self->schema);
    }
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

// DS_ETIMEOUT leaves the array as it was.
static int write_batch(struct appender *self, const struct ArrowSchema *schema,
                       struct ArrowArray *array, uint64_t *ticket)
{
    int64_t begun = now_ms();
    struct ds_error err = {0};
    int rc = DS_OK;

    for (;;) {
        Py_BEGIN_ALLOW_THREADS;
        rc = ds_appender_write(self->handle, schema, array, ticket, &err);
        Py_END_ALLOW_THREADS;
        if (rc == DS_OK) {
            return 0;
        }
        if (rc != DS_ETIMEOUT ||
            (self->write_wait_ms >= 0 && now_ms() - begun >= self->write_wait_ms)) {
            core_raise(rc, &err);
            break;
        }
        if (PyErr_CheckSignals() < 0) {
            break;
        }
    }
    if (array->release) {
        array->release(array);
    }
    return -1;
}

static PyObject *write_rows(struct appender *self, PyObject *rows)
{
    struct ArrowArray array = {0};
    uint64_t ticket = 0;

    if (rows_to_array(rows, &self->schema, 1, &array) < 0 ||
        write_batch(self, &self->schema, &array, &ticket) < 0) {
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(ticket);
}

static PyObject *write_stream(struct appender *self, PyObject *data)
{
    struct core_source source = {0};
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    struct ds_error err = {0};
    uint64_t ticket = 0;
    int code = 0;

    if (core_stream_take(data, &self->schema, true, &source.inner) < 0) {
        return NULL;
    }
    core_source_wrap(&source, &stream);
    Py_BEGIN_ALLOW_THREADS;
    code = stream.get_schema(&stream, &schema);
    Py_END_ALLOW_THREADS;
    while (code == 0) {
        Py_BEGIN_ALLOW_THREADS;
        code = stream.get_next(&stream, &array);
        Py_END_ALLOW_THREADS;
        if (code != 0 || !array.release ||
            write_batch(self, &schema, &array, &ticket) < 0) {
            break;
        }
    }
    if (code != 0 && !core_source_raise(&source, NULL)) {
        const char *words = stream.get_last_error(&stream);
        PyOS_snprintf(err.message, sizeof err.message, "the Arrow stream failed: %.900s",
                      words ? words : strerror(code));
        core_raise(DS_EINVALID, &err);
    }
    if (schema.release) {
        schema.release(&schema);
    }
    stream.release(&stream);
    return PyErr_Occurred() ? NULL : PyLong_FromUnsignedLongLong(ticket);
}

static PyObject *appender_write(PyObject *object, PyObject *data)
{
    struct appender *self = (struct appender *)object;
    PyObject *rows = NULL;
    PyObject *ticket = NULL;

    if (!handle_of(object)) {
        return NULL;
    }
    if (PyList_Check(data) || PyTuple_Check(data)) {
        return write_rows(self, data);
    }
    if (!PyDict_Check(data)) {
        return write_stream(self, data);
    }
    rows = PyTuple_Pack(1, data);
    ticket = rows ? write_rows(self, rows) : NULL;
    Py_XDECREF(rows);
    return ticket;
}

// Waits in slices: 1 done, 0 not yet, -1 with an exception: a handler's. Otherwise *rc
// and *err say why it failed. ticket NULL: a flush.
static int wait_in_slices(ds_appender *handle, const uint64_t *ticket, int64_t timeout_ms,
                          int *rc, struct ds_error *err)
{
    int64_t begun = now_ms();

    for (;;) {
        int64_t left = timeout_ms < 0 ? SLICE_MS : timeout_ms - (now_ms() - begun);
        int64_t slice = left < 0 ? 0 : left < SLICE_MS ? left : SLICE_MS;

        Py_BEGIN_ALLOW_THREADS;
        *rc = ticket ? ds_appender_wait(handle, *ticket, slice, err)
                     : ds_appender_flush(handle, slice, err);
        Py_END_ALLOW_THREADS;
        if (*rc != DS_ETIMEOUT) {
            return *rc == DS_OK;
        }
        if (PyErr_CheckSignals() < 0) {
            return -1;
        }
        if (timeout_ms >= 0 && now_ms() - begun >= timeout_ms) {
            return 0;
        }
    }
}

// The same; whatever failed is raised.
static int wait_for(ds_appender *handle, const uint64_t *ticket, int64_t timeout_ms)
{
    struct ds_error err = {0};
    int rc = DS_OK;
    int done = wait_in_slices(handle, ticket, timeout_ms, &rc, &err);

    if (done == 0 && rc != DS_ETIMEOUT) {
        core_raise(rc, &err);
        return -1;
    }
    return done;
}

static PyObject *appender_wait(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"ticket", "timeout_ms", NULL};
    ds_appender *handle = handle_of(self);
    unsigned long long number = 0;
    long long timeout_ms = -1;
    PyObject *object = NULL;
    uint64_t ticket = 0;
    int rc = 0;

    if (!handle || !PyArg_ParseTupleAndKeywords(args, keywords, "O|L:wait", names,
                                                &object, &timeout_ms)) {
        return NULL;
    }
    number = PyLong_AsUnsignedLongLong(object);
    if (PyErr_Occurred()) {
        return NULL;
    }
    ticket = number;
    rc = wait_for(handle, &ticket, timeout_ms);
    return rc < 0 ? NULL : PyBool_FromLong(rc);
}

static PyObject *appender_flush(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout_ms", NULL};
    ds_appender *handle = handle_of(self);
    long long timeout_ms = -1;
    int rc = 0;

    if (!handle ||
        !PyArg_ParseTupleAndKeywords(args, keywords, "|L:flush", names, &timeout_ms)) {
        return NULL;
    }
    rc = wait_for(handle, NULL, timeout_ms);
    return rc < 0 ? NULL : PyBool_FromLong(rc);
}

static PyObject *appender_stats(PyObject *self, PyObject *unused)
{
    ds_appender *handle = handle_of(self);
    struct ds_appender_stats stats = {.struct_size = sizeof stats};
    const struct ds_appender_stats *s = &stats;
    struct ds_error err = {0};
    PyObject *d = NULL;
    int rc = DS_OK;

    (void)unused;
    if (!handle) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    rc = ds_appender_stats(handle, &stats, &err);
    Py_END_ALLOW_THREADS;
    if (rc != DS_OK) {
        return core_raise(rc, &err);
    }
    d = PyDict_New();
#define PUT(name) core_put(d, #name, PyLong_FromLongLong((long long)s->name)) < 0
    if (d &&
        (core_put(d, "failed", PyBool_FromLong(s->failed != 0)) < 0 ||
         PUT(writes_accepted) || PUT(writes_acknowledged) || PUT(rows_accepted) ||
         PUT(rows_acknowledged) || PUT(bytes_accepted) || PUT(bytes_acknowledged) ||
         PUT(writes_refused) || PUT(bytes_in_memory) || PUT(oldest_ms) || PUT(commits) ||
         PUT(failures) || PUT(failing_ms) || PUT(blocked_us) || PUT(lag_us) ||
         PUT(lag_us_max) ||
         core_put(d, "last_error",
                  core_str(s->last_error.status ? s->last_error.message : NULL)) < 0)) {
        Py_CLEAR(d);
    }
#undef PUT
    return d;
}

// Closing cannot be broken off, so what there is to wait for is waited for before it.
// Closing itself cannot be broken off, so what there is to wait for is waited for before.
static PyObject *appender_close(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout_ms", NULL};
    ds_appender *handle = handle_of(self);
    struct ds_error err = {0};
    long long timeout_ms = -1;
    int64_t left = 0;
    int rc = DS_OK;

    if (!handle ||
        !PyArg_ParseTupleAndKeywords(args, keywords, "|L:close", names, &timeout_ms)) {
        return NULL;
    }
    left = now_ms();
    if (wait_in_slices(handle, NULL, timeout_ms, &rc, &err) < 0) {
        return NULL;
    }
    left = timeout_ms - (now_ms() - left);
    Py_BEGIN_ALLOW_THREADS;
    rc = ds_appender_close(handle, timeout_ms < 0 ? -1 : left < 0 ? 0 : left, &err);
    Py_END_ALLOW_THREADS;
    if (rc < 0) {
        return core_raise(rc, &err);
    }
    Py_RETURN_NONE;
}

static PyObject *appender_take_back(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"outcome", NULL};
    ds_appender *handle = handle_of(self);
    struct ArrowArrayStream stream = {0};
    struct ds_error err = {0};
    const char *outcome = "not committed";
    enum ds_outcome which = DS_NOT_COMMITTED;
    int rc = DS_OK;

    if (!handle ||
        !PyArg_ParseTupleAndKeywords(args, keywords, "|s:take_back", names, &outcome)) {
        return NULL;
    }
    if (strcmp(outcome, "unknown") == 0) {
        which = DS_UNKNOWN;
    } else if (strcmp(outcome, "not committed") != 0) {
        return core_invalid("outcome must be 'not committed' or 'unknown', not '%s'",
                            outcome);
    }
    Py_BEGIN_ALLOW_THREADS;
    rc = ds_appender_take_back(handle, which, &stream, &err);
    Py_END_ALLOW_THREADS;
    if (rc < 0) {
        return core_raise(rc, &err);
    }
    if (rc == DS_OK) {
        Py_RETURN_NONE;
    }
    return core_stream_new(core_state(self), &stream);
}

#define KW (METH_VARARGS | METH_KEYWORDS)

static PyMethodDef methods[] = {
    {"write", appender_write, METH_O, "Hands rows over: a ticket."},
    {"wait", CORE_KEYWORDS(appender_wait), KW, "False: not yet durable."},
    {"flush", CORE_KEYWORDS(appender_flush), KW, "Commits now. False: not yet durable."},
    {"stats", appender_stats, METH_NOARGS, "Counters."},
    {"close", CORE_KEYWORDS(appender_close), KW, "Commits everything and ends it."},
    {"take_back", CORE_KEYWORDS(appender_take_back), KW,
     "After close: the rows that failed, or None."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *)appender_dealloc},
                              {Py_tp_traverse, (void *)appender_traverse},
                              {Py_tp_clear, (void *)appender_clear},
                              {Py_tp_methods, methods},
                              {Py_tp_doc, "Any number of threads may write."},
                              {0, NULL}};

static PyType_Spec spec = {.name = "datashard._core.Appender",
                           .basicsize = sizeof(struct appender),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_DISALLOW_INSTANTIATION,
                           .slots = slots};

int core_appender_register(PyObject *module, struct core_state *state)
{
    return core_type_add(module, &spec, &state->appender);
}
