#include "core_wait.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "datashard/log.h"

// A look at signals needs the interpreter.
enum { LOOK_MS = 50 };

struct stop {
    PyObject_HEAD atomic_bool said;
};

// Borrowed: who watches has it.
static _Thread_local const struct stop *watched;

// This thread's call, the innermost of them.
static _Thread_local struct core_wait *current;

static int64_t now_ms(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void keep(struct core_wait *w)
{
    PyErr_Fetch(&w->type, &w->value, &w->traceback);
    PyErr_NormalizeException(&w->type, &w->value, &w->traceback);
}

// Without the interpreter. Between two occasions the first warning counts.
static void note_warning(enum ds_log_level level, const char *line, void *arg)
{
    (void)level;
    (void)arg;
    if (current && current->warning[0] == '\0') {
        snprintf(current->warning, sizeof current->warning, "%s", line);
    }
}

// With the interpreter. What the logger's handlers raise is as if a signal's had.
static void pass_warning(struct core_wait *w)
{
    PyObject *logging = PyImport_ImportModule("logging");
    PyObject *logger =
        logging ? PyObject_CallMethod(logging, "getLogger", "s", "datashard") : NULL;
    PyObject *text =
        logger
            ? PyUnicode_DecodeUTF8(w->warning, (Py_ssize_t)strlen(w->warning), "replace")
            : NULL;
    PyObject *done =
        text ? PyObject_CallMethod(logger, "warning", "sO", "%s", text) : NULL;

    w->warning[0] = '\0';
    if (!done && !w->type) {
        keep(w);
    } else if (!done) {
        PyErr_Clear(); // What came first counts.
    }
    Py_XDECREF(done);
    Py_XDECREF(text);
    Py_XDECREF(logger);
    Py_XDECREF(logging);
}

// Without the interpreter.
static bool cancelled(void *arg)
{
    struct core_wait *w = arg;
    int64_t now = 0;

    if (w->warning[0] != '\0' && w->thread) {
        PyEval_RestoreThread(w->thread);
        pass_warning(w);
        w->thread = PyEval_SaveThread();
    }
    if (w->type || (w->stop && atomic_load(w->stop))) {
        return true;
    }
    if (!w->signals || !w->thread || (now = now_ms()) - w->looked_ms < LOOK_MS) {
        return false;
    }
    w->looked_ms = now;
    PyEval_RestoreThread(w->thread);
    if (PyErr_CheckSignals() < 0) {
        keep(w);
    }
    w->thread = PyEval_SaveThread();
    return w->type != NULL;
}

void core_wait_ask(struct core_wait *w, struct ds_commit_options *options)
{
    options->cancelled = cancelled;
    options->cancelled_arg = w;
}

void core_wait_ask_optimize(struct core_wait *w, struct ds_optimize_options *options)
{
    options->cancelled = cancelled;
    options->cancelled_arg = w;
}

void core_wait_ask_relocate(struct core_wait *w, struct ds_relocate_options *options)
{
    options->cancelled = cancelled;
    options->cancelled_arg = w;
}

void core_wait_begin(struct core_wait *w)
{
    w->stop = watched ? &watched->said : NULL;
    w->signals = PyThread_get_thread_native_id() == (unsigned long)getpid();
    w->looked_ms = now_ms();
    w->thread = PyEval_SaveThread();
    w->warning[0] = '\0';
    w->outer = current;
    current = w;
    w->scope = (struct ds_cancel_scope){.cancelled = cancelled, .arg = w};
    ds_cancel_begin(&w->scope);
}

void core_wait_end(struct core_wait *w)
{
    ds_cancel_end(&w->scope);
    current = w->outer;
    PyEval_RestoreThread(w->thread);
    w->thread = NULL;
    if (w->warning[0] != '\0') {
        pass_warning(w);
    }
}

int core_wait_raise(struct core_wait *w)
{
    if (!w->type) {
        return 0;
    }
    PyErr_Restore(w->type, w->value, w->traceback);
    w->type = w->value = w->traceback = NULL;
    return 1;
}

PyObject *core_wait_give(struct core_wait *w, PyObject *made)
{
    if (!w->type) {
        return made;
    }
    Py_XDECREF(made);
    (void)core_wait_raise(w);
    return NULL;
}

void core_wait_forget(struct core_wait *w)
{
    Py_CLEAR(w->type);
    Py_CLEAR(w->value);
    Py_CLEAR(w->traceback);
}

// Gives what a handler raised the result of the commit that it came too late for.
static void tell(PyObject *value, PyObject *result)
{
    PyObject *errors = result ? PyImport_ImportModule("datashard._errors") : NULL;
    PyObject *told =
        errors ? PyObject_CallMethod(errors, "tell_committed", "OO", value, result)
               : NULL;

    if (!told) {
        PyErr_WriteUnraisable(value); // What was raised counts for more.
    }
    Py_XDECREF(told);
    Py_XDECREF(errors);
    Py_XDECREF(result);
}

// CommitUnknown, caused by what a handler raised.
static void raise_unknown(struct core_wait *w, const struct ds_commit_result *result,
                          const struct ds_error *err)
{
    PyObject *unknown = core_exception(DS_EUNKNOWN, err, result);

    if (unknown) {
        PyException_SetCause(unknown, Py_NewRef(w->value));
        PyException_SetContext(unknown, Py_NewRef(w->value));
        PyErr_SetObject((PyObject *)Py_TYPE(unknown), unknown);
        Py_DECREF(unknown);
    }
    core_wait_forget(w);
}

PyObject *core_wait_committed(struct core_wait *w, int rc,
                              const struct ds_commit_result *result,
                              const struct ds_error *err)
{
    if (!w->type && rc == DS_OK && PyErr_CheckSignals() < 0) {
        keep(w);
    }
    if (!w->type) {
        return rc == DS_OK ? core_result(result) : core_raise_commit(rc, err, result);
    }
    if (rc == DS_EUNKNOWN) {
        raise_unknown(w, result, err);
        return NULL;
    }
    if (rc == DS_OK) {
        tell(w->value, core_result(result));
    }
    (void)core_wait_raise(w);
    return NULL;
}

// ---- Stop

static PyObject *stop_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    if ((keywords && PyDict_Size(keywords) > 0) || !PyArg_ParseTuple(args, ":Stop")) {
        return NULL;
    }
    return PyType_GenericAlloc(type, 0);
}

static void stop_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *stop_set(PyObject *self, PyObject *unused)
{
    (void)unused;
    atomic_store(&((struct stop *)self)->said, true);
    Py_RETURN_NONE;
}

PyObject *core_watch(PyObject *module, PyObject *stop)
{
    struct core_state *state = PyModule_GetState(module);

    if (stop != Py_None && Py_TYPE(stop) != state->stop) {
        PyErr_SetString(PyExc_TypeError, "watch takes a Stop or None");
        return NULL;
    }
    watched = stop == Py_None ? NULL : (struct stop *)stop;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set", stop_set, METH_NOARGS, "Says it, to whoever watches; for good."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)stop_new},
    {Py_tp_dealloc, (void *)stop_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_doc, "Asks the commits of another thread, which watches it, to stop."},
    {0, NULL}};

static PyType_Spec spec = {.name = "datashard._core.Stop",
                           .basicsize = sizeof(struct stop),
                           .flags = Py_TPFLAGS_DEFAULT,
                           .slots = slots};

int core_wait_register(PyObject *module, struct core_state *state)
{
    ds_log_set(DS_LOG_WARN, note_warning, NULL);
    return core_type_add(module, &spec, &state->stop);
}
