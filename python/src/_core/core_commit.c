// Options and results of commits, and Transaction.
#include "core.h"

#include <string.h>
#include <unistd.h>

#include "core_wait.h"

void core_options_release(struct core_options *options)
{
    core_properties_release(&options->summary);
    Py_CLEAR(options->kept);
}

int core_options_take(PyObject *keywords, struct core_options *out)
{
    static char *names[] = {"identity",     "branch",      "timeout_ms",
                            "attempts_max", "summary",     "group",
                            "isolation",    "append_mode", NULL};
    PyObject *none = PyTuple_New(0);
    PyObject *summary = Py_None;
    const char *isolation = NULL;
    const char *mode = NULL;
    long long timeout_ms = 0;
    int group = 1;
    int ok = 0;

    *out = (struct core_options){.options.struct_size = sizeof out->options};
    out->kept = keywords ? PyDict_Copy(keywords) : PyDict_New();
    if (none && out->kept) {
        ok = PyArg_ParseTupleAndKeywords(
            none, out->kept, "|$zzLiOpzz:commit options", names, &out->options.identity,
            &out->options.branch, &timeout_ms, &out->options.attempts_max, &summary,
            &group, &isolation, &mode);
    }
    Py_XDECREF(none);
    if (ok && isolation && strcmp(isolation, "snapshot") != 0 &&
        strcmp(isolation, "serializable") != 0) {
        core_invalid("isolation must be 'serializable' or 'snapshot', not '%s'",
                     isolation);
        ok = 0;
    }
    if (ok && mode && strcmp(mode, "auto") != 0 && strcmp(mode, "fast") != 0) {
        core_invalid("append_mode must be 'auto' or 'fast', not '%s'", mode);
        ok = 0;
    }
    if (!ok || core_properties_take(summary, false, &out->summary) < 0) {
        core_options_release(out);
        return -1;
    }
    out->options.timeout_ms = timeout_ms;
    out->options.summary = out->summary.properties;
    out->options.group = group ? DS_GROUP_AUTO : DS_GROUP_OFF;
    if (isolation && strcmp(isolation, "snapshot") == 0) {
        out->options.isolation = DS_ISOLATION_SNAPSHOT;
    }
    if (mode && strcmp(mode, "fast") == 0) {
        out->options.append_mode = DS_APPEND_FAST;
    }
    return 0;
}

PyObject *core_result(const struct ds_commit_result *r)
{
    static const char *const outcomes[] = {"not committed", "committed", "unknown"};
    PyObject *d = PyDict_New();

    if (!d) {
        return NULL;
    }
    if (core_put(d, "outcome", core_str(outcomes[r->outcome])) < 0 ||
        core_put(d, "snapshot_id", core_number(r->snapshot_id, 0)) < 0 ||
        core_put(d, "sequence_number", core_number(r->sequence_number, 0)) < 0 ||
        core_put(d, "attempts", PyLong_FromUnsignedLong(r->attempts)) < 0 ||
        core_put(d, "conflicts", PyLong_FromUnsignedLong(r->conflicts)) < 0 ||
        core_put(d, "waited_us", PyLong_FromLongLong(r->waited_us)) < 0 ||
        core_put(d, "elapsed_us", PyLong_FromLongLong(r->elapsed_us)) < 0 ||
        core_put(d, "rows", PyLong_FromUnsignedLongLong(r->rows)) < 0 ||
        core_put(d, "files", PyLong_FromUnsignedLongLong(r->files)) < 0 ||
        core_put(d, "bytes", PyLong_FromUnsignedLongLong(r->bytes)) < 0 ||
        core_put(d, "identity", core_str(r->identity)) < 0 ||
        core_put(d, "token", core_str(r->token)) < 0 ||
        core_put(d, "group_size", PyLong_FromUnsignedLong(r->group_size)) < 0) {
        Py_CLEAR(d);
    }
    return d;
}

struct transaction {
    PyObject_HEAD ds_txn *txn;
    PyObject *table; // Outlives the transaction.
    pid_t pid;
    atomic_bool busy;
    struct core_wait wait; // Of the call under way; the library has its address.
};

// The transaction, for one call: transaction_leave follows.
static ds_txn *enter(PyObject *object)
{
    struct transaction *self = (struct transaction *)object;

    if (self->pid != getpid()) {
        core_invalid("the transaction is of the parent process: "
                     "begin another one in this one");
        return NULL;
    }
    if (!core_enter(&self->busy, "another thread is using the transaction")) {
        return NULL;
    }
    if (!self->txn) {
        core_leave(&self->busy);
        core_invalid("the transaction has ended");
    }
    return self->txn;
}

static void leave(PyObject *object)
{
    core_leave(&((struct transaction *)object)->busy);
}

static PyObject *left(PyObject *self, int rc, const struct ds_error *err)
{
    int raised = core_wait_raise(&((struct transaction *)self)->wait);

    leave(self);
    if (raised || rc < 0) {
        return raised ? NULL : core_raise(rc, err);
    }
    Py_RETURN_NONE;
}

PyObject *core_transaction_new(PyObject *table, PyObject *keywords)
{
    struct core_options options = {0};
    struct ds_error err = {0};
    ds_table *handle = core_table_handle(table);
    struct transaction *self = NULL;
    int rc = DS_OK;

    if (!handle || core_options_take(keywords, &options) < 0) {
        return NULL;
    }
    self = (struct transaction *)PyType_GenericAlloc(core_state(table)->transaction, 0);
    if (!self) {
        core_options_release(&options);
        return NULL;
    }
    self->pid = getpid();
    self->table = Py_NewRef(table);
    core_wait_ask(&self->wait, &options.options);
    core_wait_begin(&self->wait);
    rc = ds_txn_begin(handle, &options.options, &self->txn, &err);
    core_wait_end(&self->wait);
    core_options_release(&options);
    if (core_wait_raise(&self->wait) || rc != DS_OK) {
        if (!PyErr_Occurred()) {
            core_raise(rc, &err);
        }
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static void end(struct transaction *self)
{
    ds_txn *txn = self->pid == getpid() ? self->txn : NULL;

    self->txn = NULL;
    Py_BEGIN_ALLOW_THREADS;
    ds_txn_free(txn);
    Py_END_ALLOW_THREADS;
}

static void txn_dealloc(PyObject *object)
{
    struct transaction *self = (struct transaction *)object;
    PyTypeObject *type = Py_TYPE(object);

    end(self);
    Py_XDECREF(self->table);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *txn_append(PyObject *self, PyObject *data)
{
    ds_txn *txn = enter(self);
    struct core_source source = {0};
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    struct ds_error err = {0};
    int rc = DS_OK;

    if (!txn) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    rc = ds_txn_schema(txn, &schema, &err);
    Py_END_ALLOW_THREADS;
    if (rc == DS_OK) {
        rc = core_stream_take(data, &schema, true, &source.inner);
        schema.release(&schema);
    } else {
        core_raise(rc, &err);
    }
    if (rc < 0) {
        leave(self);
        return NULL;
    }
    core_source_wrap(&source, &stream);
    core_wait_begin(&((struct transaction *)self)->wait);
    rc = ds_txn_append(txn, &stream, &err);
    core_wait_end(&((struct transaction *)self)->wait);
    if (core_source_raise(&source, &((struct transaction *)self)->wait)) {
        leave(self);
        return NULL;
    }
    return left(self, rc, &err);
}

static PyObject *txn_add_columns(PyObject *self, PyObject *columns)
{
    struct ArrowSchema more = {0};
    struct ds_error err = {0};
    ds_txn *txn = NULL;
    int rc = DS_OK;

    if (core_schema_take(columns, &more) < 0) {
        return NULL;
    }
    txn = enter(self);
    if (txn) {
        Py_BEGIN_ALLOW_THREADS;
        rc = ds_txn_add_columns(txn, &more, &err);
        Py_END_ALLOW_THREADS;
    }
    more.release(&more);
    return txn ? left(self, rc, &err) : NULL;
}

// Files that are there, as Python gives them, and as the library takes them.
struct new_files {
    PyObject *kept; // A list of tuples.
    struct ds_new_file *items;
    struct core_properties *partitions;
    size_t count;
};

static void new_files_release(struct new_files *f)
{
    for (size_t i = 0; f->partitions && i < f->count; i++) {
        core_properties_release(&f->partitions[i]);
    }
    PyMem_Free(f->partitions);
    PyMem_Free(f->items);
    Py_XDECREF(f->kept);
    *f = (struct new_files){0};
}

static int new_files_take(PyObject *list, struct new_files *out)
{
    *out = (struct new_files){.kept = PySequence_List(list)};
    if (!out->kept) {
        return -1;
    }
    out->count = (size_t)PyList_Size(out->kept);
    out->items = PyMem_Calloc(out->count + 1, sizeof *out->items);
    out->partitions = PyMem_Calloc(out->count + 1, sizeof *out->partitions);
    if (!out->items || !out->partitions) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < out->count; i++) {
        PyObject *one = PyList_GetItem(out->kept, (Py_ssize_t)i);
        struct ds_new_file *f = &out->items[i];
        PyObject *partition = NULL;
        long long rows = 0;
        if (!PyTuple_Check(one)) {
            PyErr_SetString(PyExc_TypeError, "expected tuples (path, partition, rows)");
            return -1;
        }
        if (!PyArg_ParseTuple(one, "sOL:add_files", &f->path, &partition, &rows) ||
            core_properties_take(partition, true, &out->partitions[i]) < 0) {
            return -1;
        }
        f->struct_size = sizeof *f;
        f->partition = out->partitions[i].properties;
        f->record_count = rows;
    }
    return 0;
}

static PyObject *txn_add_files(PyObject *self, PyObject *list)
{
    struct ds_error err = {0};
    struct new_files files;
    ds_txn *txn = NULL;
    int rc = DS_OK;

    if (new_files_take(list, &files) == 0 && (txn = enter(self))) {
        core_wait_begin(&((struct transaction *)self)->wait);
        rc = ds_txn_add_files(txn, files.items, files.count, &err);
        core_wait_end(&((struct transaction *)self)->wait);
        new_files_release(&files);
        return left(self, rc, &err);
    }
    new_files_release(&files);
    return NULL;
}

static PyObject *txn_delete_files(PyObject *self, PyObject *paths)
{
    struct ds_error err = {0};
    PyObject *kept = NULL;
    PyObject *none = NULL;
    const char **items = NULL;
    size_t count = 0;
    size_t found = 0;
    ds_txn *txn = NULL;
    int rc = DS_OK;

    if (core_texts_take(paths, "a path", &kept, &items, &count) == 0 &&
        (txn = enter(self))) {
        core_wait_begin(&((struct transaction *)self)->wait);
        rc = ds_txn_delete_files(txn, items, count, &found, &err);
        core_wait_end(&((struct transaction *)self)->wait);
        none = left(self, rc, &err);
    }
    PyMem_Free(items);
    Py_XDECREF(kept);
    if (!none) {
        return NULL;
    }
    Py_DECREF(none);
    return PyLong_FromSize_t(found);
}

static PyObject *txn_expire_snapshots(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"older_than_ms", "retain_last", NULL};
    struct ds_error err = {0};
    long long older_than_ms = 0;
    int retain_last = 1;
    ds_txn *txn = NULL;
    int rc = DS_OK;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "L|i:expire_snapshots", names,
                                     &older_than_ms, &retain_last) ||
        !(txn = enter(self))) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    rc = ds_txn_expire_snapshots(txn, older_than_ms, retain_last, &err);
    Py_END_ALLOW_THREADS;
    return left(self, rc, &err);
}

static PyObject *txn_set_property(PyObject *self, PyObject *args)
{
    struct ds_error err = {0};
    const char *key = NULL;
    const char *value = NULL;
    ds_txn *txn = NULL;
    int rc = DS_OK;

    if (!PyArg_ParseTuple(args, "sz:set_property", &key, &value) ||
        !(txn = enter(self))) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    rc = ds_txn_set_property(txn, key, value, &err);
    Py_END_ALLOW_THREADS;
    return left(self, rc, &err);
}

static PyObject *txn_commit(PyObject *self, PyObject *unused)
{
    struct core_wait *wait = &((struct transaction *)self)->wait;
    struct ds_commit_result result = {.struct_size = sizeof result};
    struct ds_error err = {0};
    ds_txn *txn = enter(self);
    int rc = DS_OK;

    (void)unused;
    if (!txn) {
        return NULL;
    }
    core_wait_begin(wait);
    rc = ds_txn_commit(txn, &result, &err);
    core_wait_end(wait);
    end((struct transaction *)self);
    leave(self);
    return core_wait_committed(wait, rc, &result, &err);
}

static PyObject *txn_close(PyObject *self, PyObject *unused)
{
    struct transaction *t = (struct transaction *)self;

    (void)unused;
    if (t->pid != getpid()) {
        Py_RETURN_NONE; // The parent's: there is nothing to end here.
    }
    if (!core_enter(&t->busy, "another thread is using the transaction")) {
        return NULL;
    }
    end(t);
    core_leave(&t->busy);
    Py_RETURN_NONE;
}

PyObject *core_table_optimize(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"small_bytes", "files_min", NULL};
    ds_table *handle = core_table_handle(self);
    struct ds_optimize_options options = {.struct_size = sizeof options};
    struct ds_optimize_result result = {.struct_size = sizeof result};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    long long small_bytes = 0;
    int files_min = 0;
    int rc = DS_OK;

    if (!handle || !PyArg_ParseTupleAndKeywords(args, keywords, "|$Li:optimize", names,
                                                &small_bytes, &files_min)) {
        return NULL;
    }
    options.small_bytes = small_bytes;
    options.files_min = files_min;
    core_wait_ask_optimize(&wait, &options);
    core_wait_begin(&wait);
    rc = ds_table_optimize(handle, &options, &result, &err);
    core_wait_end(&wait);
    if (core_wait_raise(&wait) || rc != DS_OK) {
        return PyErr_Occurred() ? NULL : core_raise(rc, &err);
    }
    return Py_BuildValue(
        "{sKsKsKsKsK}", "files", (unsigned long long)result.files, "made",
        (unsigned long long)result.made, "rows", (unsigned long long)result.rows, "bytes",
        (unsigned long long)result.bytes, "commits", (unsigned long long)result.commits);
}

static PyMethodDef methods[] = {
    {"append", txn_append, METH_O, "Adds rows."},
    {"add_columns", txn_add_columns, METH_O, "Adds the columns the table does not have."},
    {"add_files", txn_add_files, METH_O, "Makes files that are there part of the table."},
    {"delete_files", txn_delete_files, METH_O,
     "Takes data files out of the table: how many of them were there."},
    {"expire_snapshots", CORE_KEYWORDS(txn_expire_snapshots),
     METH_VARARGS | METH_KEYWORDS, "Forgets old snapshots."},
    {"set_property", txn_set_property, METH_VARARGS, "Sets a property; None removes it."},
    {"commit", txn_commit, METH_NOARGS, "Commits everything, once: a result."},
    {"close", txn_close, METH_NOARGS, "Ends it; without a commit nothing happened."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, (void *)txn_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_doc, "Several changes, one commit. Not for two threads at once."},
    {0, NULL}};

static PyType_Spec spec = {.name = "datashard._core.Transaction",
                           .basicsize = sizeof(struct transaction),
                           .flags =
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                           .slots = slots};

int core_commit_register(PyObject *module, struct core_state *state)
{
    return core_type_add(module, &spec, &state->transaction);
}
