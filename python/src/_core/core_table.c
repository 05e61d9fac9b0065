// Table: a handle, what it shows, and appends and scans through it.
#include "core.h"

#include <stdlib.h>
#include <string.h>

#include "core_handle.h"
#include "core_wait.h"

struct table {
    PyObject_HEAD core_handle_slot handle;
    PyObject *catalog; // NULL for a path table.
    PyObject *name;    // Its name there, or its location.
};

static ds_table *open_now(struct table *self)
{
    ds_catalog *catalog = self->catalog ? core_catalog_handle(self->catalog) : NULL;
    struct core_wait wait = {0};
    struct ds_error err = {0};
    const char *name = NULL;
    ds_table *handle = NULL;
    int rc = DS_OK;

    if ((self->catalog && !catalog) || core_text(self->name, "name", &name) < 0) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = catalog ? ds_catalog_open_table(catalog, name, &handle, &err)
                 : ds_table_open(name, &handle, &err);
    core_wait_end(&wait);
    if (rc != DS_OK) {
        core_raise(rc, &err);
    }
    if (core_wait_raise(&wait)) {
        ds_table_free(handle);
        return NULL;
    }
    return handle;
}

static void close_now(void *handle)
{
    ds_table_free(handle);
}

static struct core_handle *handle_of(PyObject *object)
{
    struct table *self = (struct table *)object;
    struct core_handle *h = core_handle_here(&self->handle);
    ds_table *opened = h ? NULL : open_now(self);

    return opened ? core_handle_put(&self->handle, opened, close_now) : h;
}

ds_table *core_table_handle(PyObject *object)
{
    struct core_handle *h = handle_of(object);
    return h ? h->opened : NULL;
}

// Where a path table is, from any directory: a forked or another process opens it anew.
static PyObject *place_of(ds_table *handle)
{
    static const char scheme[] = "file://";
    const size_t size = sizeof scheme - 1;
    struct ds_table_info info = {.struct_size = sizeof info};
    struct ds_error err = {0};
    int rc = ds_table_info(handle, &info, &err);

    if (rc < 0) {
        return core_raise(rc, &err);
    }
    return core_str(strncmp(info.name, scheme, size) == 0 ? info.name + size : info.name);
}

PyObject *core_table_new(struct core_state *state, ds_table *handle, PyObject *catalog,
                         const char *name)
{
    struct table *self = (struct table *)PyType_GenericAlloc(state->table, 0);

    if (!self) {
        ds_table_free(handle);
        return NULL;
    }
    if (!core_handle_put(&self->handle, handle, close_now)) {
        Py_DECREF(self);
        return NULL;
    }
    self->catalog = catalog ? Py_NewRef(catalog) : NULL;
    self->name = catalog ? core_str(name) : place_of(handle);
    if (!self->name) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void table_dealloc(PyObject *object)
{
    struct table *self = (struct table *)object;
    PyTypeObject *type = Py_TYPE(object);

    core_handle_end(&self->handle);
    Py_XDECREF(self->catalog);
    Py_XDECREF(self->name);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *done(int rc, const struct ds_error *err)
{
    if (rc < 0) {
        return core_raise(rc, err);
    }
    Py_RETURN_NONE;
}

static PyObject *table_refresh(PyObject *self, PyObject *unused)
{
    ds_table *handle = core_table_handle(self);
    struct core_wait wait = {0};
    struct ds_error err = {0};
    int rc = DS_OK;

    (void)unused;
    if (!handle) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_table_refresh(handle, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, done(rc, &err));
}

static PyObject *info_dict(const struct ds_table_info *i)
{
    PyObject *d = PyDict_New();

    if (d &&
        (core_put(d, "format_version", PyLong_FromLong(i->format_version)) < 0 ||
         core_put(d, "name", core_str(i->name)) < 0 ||
         core_put(d, "uuid", core_str(i->uuid)) < 0 ||
         core_put(d, "location", core_str(i->location)) < 0 ||
         core_put(d, "metadata_location", core_str(i->metadata_location)) < 0 ||
         core_put(d, "last_updated_ms", PyLong_FromLongLong(i->last_updated_ms)) < 0 ||
         core_put(d, "last_sequence_number",
                  PyLong_FromLongLong(i->last_sequence_number)) < 0 ||
         core_put(d, "current_snapshot_id", core_number(i->current_snapshot_id, 0)) < 0 ||
         core_put(d, "current_schema_id", PyLong_FromLong(i->current_schema_id)) < 0 ||
         core_put(d, "default_spec_id", PyLong_FromLong(i->default_spec_id)) < 0 ||
         core_put(d, "snapshot_count", PyLong_FromSize_t(i->snapshot_count)) < 0)) {
        Py_CLEAR(d);
    }
    return d;
}

static PyObject *table_info(PyObject *object, PyObject *unused)
{
    struct core_handle *h = handle_of(object);
    struct ds_table_info info = {.struct_size = sizeof info};
    struct ds_error err = {0};
    PyObject *d = NULL;
    int rc = DS_OK;

    (void)unused;
    if (!h) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    PyThread_acquire_lock(h->lending, WAIT_LOCK);
    rc = ds_table_info(h->opened, &info, &err);
    Py_END_ALLOW_THREADS;
    d = rc == DS_OK ? info_dict(&info) : NULL;
    PyThread_release_lock(h->lending);
    return rc == DS_OK ? d : core_raise(rc, &err);
}

static PyObject *table_schema(PyObject *self, void *unused)
{
    ds_table *handle = core_table_handle(self);
    struct ArrowSchema schema = {0};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    int rc = DS_OK;

    (void)unused;
    if (!handle) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_table_schema(handle, &schema, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, rc == DS_OK ? core_schema_new(core_state(self), &schema)
                                             : core_raise(rc, &err));
}

static PyObject *text_of(PyObject *self,
                         int (*call)(ds_table *, char **, struct ds_error *))
{
    ds_table *handle = core_table_handle(self);
    struct core_wait wait = {0};
    struct ds_error err = {0};
    PyObject *made = NULL;
    char *text = NULL;
    int rc = DS_OK;

    if (!handle) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = call(handle, &text, &err);
    core_wait_end(&wait);
    made = rc == DS_OK ? core_str(text) : core_raise(rc, &err);
    ds_string_free(text);
    return core_wait_give(&wait, made);
}

static PyObject *table_metadata_json(PyObject *self, PyObject *unused)
{
    (void)unused;
    return text_of(self, ds_table_metadata_json);
}

static PyObject *table_schema_json(PyObject *self, PyObject *unused)
{
    (void)unused;
    return text_of(self, ds_table_schema_json);
}

static PyObject *table_spec_json(PyObject *self, PyObject *unused)
{
    (void)unused;
    return text_of(self, ds_table_spec_json);
}

static PyObject *table_sort_order_json(PyObject *self, PyObject *unused)
{
    (void)unused;
    return text_of(self, ds_table_sort_order_json);
}

static PyObject *table_properties(PyObject *self, PyObject *unused)
{
    ds_table *handle = core_table_handle(self);
    struct core_collector c = {0};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    int rc = DS_OK;

    (void)unused;
    if (!handle || !(c.into = PyDict_New())) {
        return NULL;
    }
    core_wait_begin(&wait);
    c.thread = wait.thread;
    rc = ds_table_properties(handle, core_collect_property, &c, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, core_collected(&c, rc, &err));
}

// Adds a dict to the list of a collector, and takes the reference.
static int add(struct core_collector *c, PyObject *d, bool whole)
{
    int rc = d && whole ? PyList_Append(c->into, d) : -1;

    Py_XDECREF(d);
    c->thread = PyEval_SaveThread();
    return rc < 0 ? DS_ECANCELLED : DS_OK;
}

static PyObject *properties_dict(const struct ds_properties *properties)
{
    PyObject *d = PyDict_New();

    for (size_t i = 0; d && i < properties->count; i++) {
        const struct ds_property *p = &properties->items[i];
        if (core_put(d, p->key, core_str(p->value)) < 0) {
            Py_CLEAR(d);
        }
    }
    return d;
}

static int on_snapshot(void *arg, const struct ds_snapshot_info *s)
{
    struct core_collector *c = arg;
    PyObject *d = NULL;

    PyEval_RestoreThread(c->thread);
    d = PyDict_New();
    return add(
        c, d,
        d && core_put(d, "is_current", PyBool_FromLong(s->is_current)) == 0 &&
            core_put(d, "snapshot_id", PyLong_FromLongLong(s->snapshot_id)) == 0 &&
            core_put(d, "parent_id", core_number(s->parent_id, 0)) == 0 &&
            core_put(d, "sequence_number", PyLong_FromLongLong(s->sequence_number)) ==
                0 &&
            core_put(d, "timestamp_ms", PyLong_FromLongLong(s->timestamp_ms)) == 0 &&
            core_put(d, "schema_id", core_number(s->schema_id, 0)) == 0 &&
            core_put(d, "operation", core_str(s->operation)) == 0 &&
            core_put(d, "manifest_list", core_str(s->manifest_list)) == 0 &&
            core_put(d, "summary", properties_dict(&s->summary)) == 0);
}

static int on_history(void *arg, const struct ds_history_info *h)
{
    struct core_collector *c = arg;
    PyObject *d = NULL;

    PyEval_RestoreThread(c->thread);
    d = PyDict_New();
    return add(c, d,
               d &&
                   core_put(d, "is_current_ancestor",
                            PyBool_FromLong(h->is_current_ancestor)) == 0 &&
                   core_put(d, "made_current_ms",
                            PyLong_FromLongLong(h->made_current_ms)) == 0 &&
                   core_put(d, "snapshot_id", PyLong_FromLongLong(h->snapshot_id)) == 0 &&
                   core_put(d, "parent_id", core_number(h->parent_id, 0)) == 0);
}

static int on_ref(void *arg, const struct ds_ref_info *r)
{
    struct core_collector *c = arg;
    PyObject *d = NULL;

    PyEval_RestoreThread(c->thread);
    d = PyDict_New();
    return add(
        c, d,
        d && core_put(d, "is_tag", PyBool_FromLong(r->is_tag)) == 0 &&
            core_put(d, "name", core_str(r->name)) == 0 &&
            core_put(d, "snapshot_id", PyLong_FromLongLong(r->snapshot_id)) == 0 &&
            core_put(d, "max_ref_age_ms", core_number(r->max_ref_age_ms, 0)) == 0 &&
            core_put(d, "max_snapshot_age_ms", core_number(r->max_snapshot_age_ms, 0)) ==
                0 &&
            core_put(d, "min_snapshots_to_keep",
                     core_number(r->min_snapshots_to_keep, 0)) == 0);
}

static PyObject *bytes_of(struct ds_slice s)
{
    if (!s.data) {
        Py_RETURN_NONE;
    }
    return PyBytes_FromStringAndSize((const char *)s.data, (Py_ssize_t)s.size);
}

// {field id: {"size_bytes": …, "lower": …}}; None where nobody asked.
static PyObject *columns_of(const struct ds_file_entry *f)
{
    PyObject *all = NULL;
    bool ok = true;

    if (!f->columns) {
        Py_RETURN_NONE;
    }
    all = PyDict_New();
    for (size_t i = 0; all && ok && i < f->column_count; i++) {
        const struct ds_column_stats *c = &f->columns[i];
        PyObject *id = PyLong_FromLong(c->field_id);
        PyObject *d = PyDict_New();
        ok = id && d && core_put(d, "size_bytes", core_number(c->size_bytes, 0)) == 0 &&
             core_put(d, "value_count", core_number(c->value_count, 0)) == 0 &&
             core_put(d, "null_count", core_number(c->null_count, 0)) == 0 &&
             core_put(d, "nan_count", core_number(c->nan_count, 0)) == 0 &&
             core_put(d, "lower", bytes_of(c->lower)) == 0 &&
             core_put(d, "upper", bytes_of(c->upper)) == 0 &&
             PyDict_SetItem(all, id, d) == 0;
        Py_XDECREF(id);
        Py_XDECREF(d);
    }
    if (!ok) {
        Py_CLEAR(all);
    }
    return all;
}

static int on_file(void *arg, const struct ds_file_entry *f)
{
    struct core_collector *c = arg;
    PyObject *d = NULL;

    PyEval_RestoreThread(c->thread);
    d = PyDict_New();
    return add(
        c, d,
        d && core_put(d, "content", PyLong_FromLong(f->content)) == 0 &&
            core_put(d, "path", core_str(f->path)) == 0 &&
            core_put(d, "format", core_str(f->format)) == 0 &&
            core_put(d, "partition", core_str(f->partition)) == 0 &&
            core_put(d, "spec_id", PyLong_FromLong(f->spec_id)) == 0 &&
            core_put(d, "record_count", PyLong_FromLongLong(f->record_count)) == 0 &&
            core_put(d, "size_bytes", PyLong_FromLongLong(f->size_bytes)) == 0 &&
            core_put(d, "sequence_number", PyLong_FromLongLong(f->sequence_number)) ==
                0 &&
            core_put(d, "snapshot_id", PyLong_FromLongLong(f->snapshot_id)) == 0 &&
            core_put(d, "columns", columns_of(f)) == 0);
}

#define COLLECT(call, fn)                                                                \
    ds_table *handle = core_table_handle(self);                                          \
    struct core_collector c = {0};                                                       \
    struct ds_error err = {0};                                                           \
    int rc = DS_OK;                                                                      \
    (void)unused;                                                                        \
    if (!handle || !(c.into = PyList_New(0))) {                                          \
        return NULL;                                                                     \
    }                                                                                    \
    c.thread = PyEval_SaveThread();                                                      \
    rc = call(handle, fn, &c, &err);                                                     \
    PyEval_RestoreThread(c.thread);                                                      \
    return core_collected(&c, rc, &err)

static PyObject *table_snapshots(PyObject *self, PyObject *unused)
{
    COLLECT(ds_table_snapshots, on_snapshot);
}

static PyObject *table_history(PyObject *self, PyObject *unused)
{
    COLLECT(ds_table_history, on_history);
}

static PyObject *table_refs(PyObject *self, PyObject *unused)
{
    COLLECT(ds_table_refs, on_ref);
}

// An int or None, above zero.
static int positive(PyObject *object, const char *what, int64_t *out)
{
    if (object == Py_None) {
        return 0;
    }
    *out = PyLong_AsLongLong(object);
    if (*out <= 0 && !PyErr_Occurred()) {
        core_invalid("%s must be above 0", what);
    }
    return PyErr_Occurred() ? -1 : 0;
}

// Which state a call reads: the keywords that all of them have, and what they become.
struct at_arguments {
    PyObject *snapshot;
    const char *ref;
    PyObject *as_of;
};

#define AT_NONE                                                                          \
    {                                                                                    \
        Py_None, NULL, Py_None                                                           \
    }
#define AT_NAMES "snapshot_id", "ref", "as_of_ms"
#define AT_FORMAT "OzO"
#define AT_INTO(at) &(at).snapshot, &(at).ref, &(at).as_of

static int at_take(const struct at_arguments *at, struct ds_at *out)
{
    *out = (struct ds_at){.ref = at->ref};
    if (positive(at->snapshot, "snapshot_id", &out->snapshot_id) < 0) {
        return -1;
    }
    return positive(at->as_of, "as_of_ms", &out->as_of_ms);
}

static PyObject *table_files(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {AT_NAMES, "columns", NULL};
    ds_table *handle = core_table_handle(self);
    struct ds_files_options options = {.struct_size = sizeof options};
    struct core_collector c = {0};
    struct at_arguments at = AT_NONE;
    struct core_wait wait = {0};
    struct ds_error err = {0};
    int columns = 0;
    int rc = DS_OK;

    if (!handle ||
        !PyArg_ParseTupleAndKeywords(args, keywords, "|$" AT_FORMAT "p:files", names,
                                     AT_INTO(at), &columns) ||
        at_take(&at, &options.at) < 0 || !(c.into = PyList_New(0))) {
        return NULL;
    }
    options.columns = columns != 0;
    core_wait_begin(&wait);
    c.thread = wait.thread;
    rc = ds_table_files_with(handle, &options, on_file, &c, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, core_collected(&c, rc, &err));
}

// The columns that an append begun now would have. ds_table_schema would read the newest
// metadata for that, after each commit that another writer has made for this one.
static int append_schema(ds_table *handle, struct core_wait *wait,
                         struct ArrowSchema *out, struct ds_error *err)
{
    struct ds_commit_options options = {.struct_size = sizeof options};
    ds_txn *txn = NULL;
    int rc = DS_OK;

    core_wait_ask(wait, &options);
    core_wait_begin(wait);
    rc = ds_txn_begin(handle, &options, &txn, err);
    rc = rc < 0 ? rc : ds_txn_schema(txn, out, err);
    ds_txn_free(txn);
    core_wait_end(wait);
    return rc;
}

static PyObject *table_append(PyObject *self, PyObject *args, PyObject *keywords)
{
    ds_table *handle = core_table_handle(self);
    struct ds_commit_result result = {.struct_size = sizeof result};
    struct core_source source = {0};
    struct core_options options = {0};
    struct core_wait wait = {0};
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    struct ds_error err = {0};
    PyObject *data = NULL;
    int rc = DS_OK;

    if (!handle || !PyArg_ParseTuple(args, "O:append", &data) ||
        core_options_take(keywords, &options) < 0) {
        return NULL;
    }
    rc = append_schema(handle, &wait, &schema, &err);
    if (wait.type || rc != DS_OK) {
        if (schema.release) {
            schema.release(&schema);
        }
        core_options_release(&options);
        return core_wait_raise(&wait) ? NULL : core_raise(rc, &err);
    }
    rc = core_stream_take(data, &schema, true, &source.inner);
    schema.release(&schema);
    if (rc < 0) {
        core_options_release(&options);
        return NULL;
    }
    core_source_wrap(&source, &stream);
    core_wait_ask(&wait, &options.options);
    core_wait_begin(&wait);
    rc = ds_table_append(handle, &stream, &options.options, &result, &err);
    core_wait_end(&wait);
    core_options_release(&options);
    return core_source_raise(&source, &wait)
               ? NULL
               : core_wait_committed(&wait, rc, &result, &err);
}

static PyObject *table_set_properties(PyObject *self, PyObject *args, PyObject *keywords)
{
    ds_table *handle = core_table_handle(self);
    struct ds_commit_result result = {.struct_size = sizeof result};
    struct core_options options = {0};
    struct core_properties p = {0};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    PyObject *properties = NULL;
    int rc = DS_OK;

    if (!handle || !PyArg_ParseTuple(args, "O:set_properties", &properties) ||
        core_options_take(keywords, &options) < 0) {
        return NULL;
    }
    if (core_properties_take(properties, true, &p) < 0) {
        core_options_release(&options);
        return NULL;
    }
    core_wait_ask(&wait, &options.options);
    core_wait_begin(&wait);
    rc = ds_table_set_properties(handle, &p.properties, &options.options, &result, &err);
    core_wait_end(&wait);
    core_options_release(&options);
    core_properties_release(&p);
    return core_wait_committed(&wait, rc, &result, &err);
}

int core_texts_take(PyObject *texts, const char *what, PyObject **kept,
                    const char ***items, size_t *count)
{
    if (texts == Py_None) {
        return 0;
    }
    if (PyUnicode_Check(texts)) {
        PyErr_Format(PyExc_TypeError, "expected a list, each %s, not a str", what);
        return -1;
    }
    *kept = PySequence_List(texts);
    if (!*kept) {
        return -1;
    }
    *count = (size_t)PyList_Size(*kept);
    *items = PyMem_Calloc(*count + 1, sizeof **items);
    if (!*items) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < *count; i++) {
        if (core_text(PyList_GetItem(*kept, (Py_ssize_t)i), what, &(*items)[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

static PyObject *table_scan(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {AT_NAMES,  "columns",    "where",   "limit",
                            "threads", "batch_rows", "ordered", NULL};
    ds_table *handle = core_table_handle(self);
    struct ds_scan_options options = {.struct_size = sizeof options};
    struct ArrowArrayStream stream = {0};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    struct at_arguments at = AT_NONE;
    PyObject *columns = Py_None, *limit = Py_None;
    PyObject *kept = NULL;
    const char **items = NULL;
    int ordered = 0;
    int rc = 1;

    if (!handle || !PyArg_ParseTupleAndKeywords(
                       args, keywords, "|$" AT_FORMAT "OzOIIp:scan", names, AT_INTO(at),
                       &columns, &options.filter, &limit, &options.threads,
                       &options.batch_rows_max, &ordered)) {
        return NULL;
    }
    if (at_take(&at, &options.at) == 0 && positive(limit, "limit", &options.limit) == 0 &&
        core_texts_take(columns, "a column", &kept, &items, &options.column_count) == 0) {
        options.columns = items;
        options.ordered = ordered != 0;
        core_wait_begin(&wait);
        rc = ds_table_scan(handle, &options, &stream, &err);
        core_wait_end(&wait);
    }
    PyMem_Free(items);
    Py_XDECREF(kept);
    if (rc != DS_OK) {
        return core_wait_give(&wait, rc < 0 ? core_raise(rc, &err) : NULL);
    }
    return core_wait_give(&wait, core_stream_new(core_state(self), &stream));
}

static PyObject *table_count(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {AT_NAMES, "where", NULL};
    ds_table *handle = core_table_handle(self);
    struct ds_scan_options options = {.struct_size = sizeof options};
    struct at_arguments at = AT_NONE;
    struct core_wait wait = {0};
    struct ds_error err = {0};
    int64_t rows = 0;
    int rc = DS_OK;

    if (!handle ||
        !PyArg_ParseTupleAndKeywords(args, keywords, "|$" AT_FORMAT "z:count", names,
                                     AT_INTO(at), &options.filter) ||
        at_take(&at, &options.at) < 0) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_table_count(handle, &options, &rows, NULL, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait,
                          rc == DS_OK ? PyLong_FromLongLong(rows) : core_raise(rc, &err));
}

static PyObject *table_resolve(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"token", "timeout_ms", NULL};
    ds_table *handle = core_table_handle(self);
    struct ds_commit_result result = {.struct_size = sizeof result};
    struct ds_error err = {0};
    const char *token = NULL;
    struct ds_commit_options options = {.struct_size = sizeof options};
    struct core_wait wait = {0};
    long long timeout_ms = 10000;
    int rc = DS_OK;

    if (!handle || !PyArg_ParseTupleAndKeywords(args, keywords, "s|L:resolve", names,
                                                &token, &timeout_ms)) {
        return NULL;
    }
    options.timeout_ms = timeout_ms < 0 ? 0 : timeout_ms;
    core_wait_ask(&wait, &options);
    core_wait_begin(&wait);
    rc = ds_table_resolve_with(handle, token, &options, &result, &err);
    core_wait_end(&wait);
    if (core_wait_raise(&wait)) {
        return NULL; // It is as open as it was.
    }
    return rc == DS_OK ? core_result(&result) : core_raise_commit(rc, &err, &result);
}

static PyObject *stats_dict(const struct ds_table_stats *s)
{
    PyObject *d = PyDict_New();

#define PUT(name) core_put(d, #name, PyLong_FromLongLong((long long)s->name)) < 0
    if (d &&
        (core_put(d, "has_queue", PyBool_FromLong(s->has_queue)) < 0 || PUT(at_ms) ||
         PUT(since_ms) || PUT(clock_us) || PUT(elapsed_us) || PUT(commits) ||
         PUT(appends) || PUT(rows) || PUT(bytes) || PUT(rounds_us) || PUT(round_us_max) ||
         PUT(swaps) || PUT(lost) || PUT(failed) || PUT(found) || PUT(alone) ||
         PUT(leaders) || PUT(takeovers) || PUT(wait_us) || PUT(wait_us_p50) ||
         PUT(wait_us_p99) || PUT(wait_us_max) || PUT(leader_pid) || PUT(queue_waiting) ||
         PUT(queue_claimed) || PUT(slots_used) || PUT(slots))) {
        Py_CLEAR(d);
    }
#undef PUT
    return d;
}

static PyObject *table_stats(PyObject *self, PyObject *unused)
{
    ds_table *handle = core_table_handle(self);
    struct ds_table_stats stats = {.struct_size = sizeof stats};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    int rc = DS_OK;

    (void)unused;
    if (!handle) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_table_stats(handle, &stats, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, rc == DS_OK ? stats_dict(&stats) : core_raise(rc, &err));
}

static PyObject *table_begin(PyObject *self, PyObject *args, PyObject *keywords)
{
    return PyArg_ParseTuple(args, ":begin") ? core_transaction_new(self, keywords) : NULL;
}

#define KW (METH_VARARGS | METH_KEYWORDS)

static PyMethodDef methods[] = {
    {"refresh", table_refresh, METH_NOARGS, "Loads the newest state."},
    {"info", table_info, METH_NOARGS, "What the table is right now."},
    {"metadata_json", table_metadata_json, METH_NOARGS, "Iceberg's JSON."},
    {"schema_json", table_schema_json, METH_NOARGS, "Iceberg's JSON."},
    {"spec_json", table_spec_json, METH_NOARGS, "Iceberg's JSON."},
    {"sort_order_json", table_sort_order_json, METH_NOARGS, "Iceberg's JSON."},
    {"properties", table_properties, METH_NOARGS, "The table's properties."},
    {"snapshots", table_snapshots, METH_NOARGS, "Every snapshot, oldest first."},
    {"history", table_history, METH_NOARGS, "The log of current snapshots."},
    {"refs", table_refs, METH_NOARGS, "Branches and tags."},
    {"files", CORE_KEYWORDS(table_files), KW, "The live files of a snapshot."},
    {"append", CORE_KEYWORDS(table_append), KW, "Appends as one commit: a result."},
    {"set_properties", CORE_KEYWORDS(table_set_properties), KW,
     "Sets properties as one commit; None removes one."},
    {"scan", CORE_KEYWORDS(table_scan), KW, "Rows, as a Stream."},
    {"count", CORE_KEYWORDS(table_count), KW, "How many rows a scan would give."},
    {"resolve", CORE_KEYWORDS(table_resolve), KW,
     "What became of a commit whose outcome was unknown."},
    {"optimize", CORE_KEYWORDS(core_table_optimize), KW,
     "Rewrites small data files into larger ones: what was done."},
    {"relocate", CORE_KEYWORDS(core_table_relocate), KW,
     "Makes the metadata of a moved table name where it is: what was done."},
    {"stats", table_stats, METH_NOARGS, "Counters of group commit."},
    {"begin", CORE_KEYWORDS(table_begin), KW, "Begins a transaction."},
    {"appender", CORE_KEYWORDS(core_appender_new), KW, "Opens an appender."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef getset[] = {
    {"schema", table_schema, NULL, "The current schema.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, (void *)table_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {Py_tp_doc, "A table. Any thread; a child of fork opens it anew at its first call."},
    {0, NULL}};

static PyType_Spec spec = {.name = "datashard._core.Table",
                           .basicsize = sizeof(struct table),
                           .flags =
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                           .slots = slots};

int core_table_register(PyObject *module, struct core_state *state)
{
    return core_type_add(module, &spec, &state->table);
}
