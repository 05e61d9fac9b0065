// Catalog: where tables have names.
#include "core.h"

#include <stdlib.h>
#include <string.h>

#include "core_handle.h"
#include "core_wait.h"

struct catalog {
    PyObject_HEAD core_handle_slot handle;
    PyObject *uri;
    PyObject *properties;
};

static ds_catalog *open_now(PyObject *uri, PyObject *properties)
{
    struct core_properties p = {0};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    const char *text = NULL;
    ds_catalog *handle = NULL;
    int rc = DS_OK;

    if (core_text(uri, "uri", &text) < 0 ||
        core_properties_take(properties, false, &p) < 0) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_catalog_open(text, &p.properties, &handle, &err);
    core_wait_end(&wait);
    core_properties_release(&p);
    if (rc != DS_OK) {
        core_raise(rc, &err);
    }
    if (core_wait_raise(&wait)) {
        ds_catalog_free(handle);
        return NULL;
    }
    return handle;
}

static void close_now(void *handle)
{
    ds_catalog_free(handle);
}

ds_catalog *core_catalog_handle(PyObject *self)
{
    struct catalog *c = (struct catalog *)self;
    struct core_handle *h = core_handle_here(&c->handle);
    ds_catalog *opened = h ? NULL : open_now(c->uri, c->properties);

    if (opened) {
        h = core_handle_put(&c->handle, opened, close_now);
    }
    return h ? h->opened : NULL;
}

static PyObject *catalog_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"uri", "properties", NULL};
    PyObject *uri = NULL;
    PyObject *properties = Py_None;
    struct catalog *self = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "U|O:Catalog", names, &uri,
                                     &properties)) {
        return NULL;
    }
    self = (struct catalog *)PyType_GenericAlloc(type, 0);
    if (!self) {
        return NULL;
    }
    self->uri = Py_NewRef(uri);
    self->properties = properties == Py_None
                           ? PyDict_New()
                           : PyObject_CallMethod(properties, "copy", NULL);
    if (!self->properties || !core_catalog_handle((PyObject *)self)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void catalog_dealloc(PyObject *object)
{
    struct catalog *self = (struct catalog *)object;
    PyTypeObject *type = Py_TYPE(object);

    core_handle_end(&self->handle);
    Py_XDECREF(self->uri);
    Py_XDECREF(self->properties);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *catalog_create_table(PyObject *self, PyObject *args, PyObject *keywords)
{
    ds_catalog *handle = core_catalog_handle(self);
    struct core_spec spec = {0};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    ds_table *table = NULL;
    PyObject *made = NULL;
    int rc = DS_OK;

    if (!handle || core_spec_take(args, keywords, true, &spec) < 0) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_catalog_create_table(handle, spec.name, &spec.spec, &table, &err);
    core_wait_end(&wait);
    made = rc == DS_OK ? core_table_new(core_state(self), table, self, spec.name)
                       : core_raise(rc, &err);
    core_spec_release(&spec);
    return core_wait_give(&wait, made);
}

static PyObject *catalog_open_table(PyObject *self, PyObject *args)
{
    ds_catalog *handle = core_catalog_handle(self);
    struct core_wait wait = {0};
    struct ds_error err = {0};
    const char *name = NULL;
    ds_table *table = NULL;
    int rc = DS_OK;

    if (!handle || !PyArg_ParseTuple(args, "s:open_table", &name)) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_catalog_open_table(handle, name, &table, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, rc == DS_OK
                                     ? core_table_new(core_state(self), table, self, name)
                                     : core_raise(rc, &err));
}

static PyObject *done(int rc, const struct ds_error *err)
{
    if (rc != DS_OK) {
        return core_raise(rc, err);
    }
    Py_RETURN_NONE;
}

static PyObject *catalog_drop_table(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"name", "purge", NULL};
    ds_catalog *handle = core_catalog_handle(self);
    struct core_wait wait = {0};
    struct ds_error err = {0};
    const char *name = NULL;
    int purge = 0;
    int rc = DS_OK;

    if (!handle || !PyArg_ParseTupleAndKeywords(args, keywords, "s|p:drop_table", names,
                                                &name, &purge)) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_catalog_drop_table(handle, name, purge != 0, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, done(rc, &err));
}

static PyObject *catalog_rename_table(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"source", "to", NULL};
    ds_catalog *handle = core_catalog_handle(self);
    struct core_wait wait = {0};
    struct ds_error err = {0};
    const char *source = NULL;
    const char *to = NULL;
    int rc = DS_OK;

    if (!handle || !PyArg_ParseTupleAndKeywords(args, keywords, "ss:rename_table", names,
                                                &source, &to)) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_catalog_rename_table(handle, source, to, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, done(rc, &err));
}

static PyObject *catalog_register_table(PyObject *self, PyObject *args,
                                        PyObject *keywords)
{
    static char *names[] = {"name", "metadata_location", NULL};
    ds_catalog *handle = core_catalog_handle(self);
    struct core_wait wait = {0};
    struct ds_error err = {0};
    const char *name = NULL;
    const char *metadata = NULL;
    int rc = DS_OK;

    if (!handle || !PyArg_ParseTupleAndKeywords(args, keywords, "ss:register_table",
                                                names, &name, &metadata)) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_catalog_register_table(handle, name, metadata, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, done(rc, &err));
}

static PyObject *list(PyObject *self, PyObject *args, PyObject *keywords, char **names,
                      int (*call)(ds_catalog *, const char *, ds_name_fn, void *,
                                  struct ds_error *))
{
    ds_catalog *handle = core_catalog_handle(self);
    struct core_collector c = {0};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    const char *below = NULL;
    int rc = DS_OK;

    if (!handle || !PyArg_ParseTupleAndKeywords(args, keywords, "|z", names, &below)) {
        return NULL;
    }
    c.into = PyList_New(0);
    if (!c.into) {
        return NULL;
    }
    core_wait_begin(&wait);
    c.thread = wait.thread;
    rc = call(handle, below, core_collect_name, &c, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, core_collected(&c, rc, &err));
}

static PyObject *catalog_list_tables(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"namespace", NULL};
    return list(self, args, keywords, names, ds_catalog_list_tables);
}

static PyObject *catalog_list_namespaces(PyObject *self, PyObject *args,
                                         PyObject *keywords)
{
    static char *names[] = {"parent", NULL};
    return list(self, args, keywords, names, ds_catalog_list_namespaces);
}

static PyObject *change_namespace(PyObject *self, PyObject *args, PyObject *keywords,
                                  bool create)
{
    static char *names[] = {"namespace", "properties", NULL};
    ds_catalog *handle = core_catalog_handle(self);
    struct core_properties p = {0};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    const char *ns = NULL;
    PyObject *properties = Py_None;
    int rc = DS_OK;

    if (!handle || !PyArg_ParseTupleAndKeywords(args, keywords, create ? "s|O" : "sO",
                                                names, &ns, &properties)) {
        return NULL;
    }
    if (core_properties_take(properties, !create, &p) < 0) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = create ? ds_catalog_create_namespace(handle, ns, &p.properties, &err)
                : ds_catalog_set_namespace_properties(handle, ns, &p.properties, &err);
    core_wait_end(&wait);
    core_properties_release(&p);
    return core_wait_give(&wait, done(rc, &err));
}

static PyObject *catalog_create_namespace(PyObject *self, PyObject *args,
                                          PyObject *keywords)
{
    return change_namespace(self, args, keywords, true);
}

static PyObject *catalog_set_namespace_properties(PyObject *self, PyObject *args,
                                                  PyObject *keywords)
{
    return change_namespace(self, args, keywords, false);
}

static PyObject *catalog_drop_namespace(PyObject *self, PyObject *args)
{
    ds_catalog *handle = core_catalog_handle(self);
    struct core_wait wait = {0};
    struct ds_error err = {0};
    const char *ns = NULL;
    int rc = DS_OK;

    if (!handle || !PyArg_ParseTuple(args, "s:drop_namespace", &ns)) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_catalog_drop_namespace(handle, ns, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, done(rc, &err));
}

static PyObject *catalog_namespace_properties(PyObject *self, PyObject *args)
{
    ds_catalog *handle = core_catalog_handle(self);
    struct core_collector c = {0};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    const char *ns = NULL;
    int rc = DS_OK;

    if (!handle || !PyArg_ParseTuple(args, "s:namespace_properties", &ns)) {
        return NULL;
    }
    c.into = PyDict_New();
    if (!c.into) {
        return NULL;
    }
    core_wait_begin(&wait);
    c.thread = wait.thread;
    rc = ds_catalog_namespace_properties(handle, ns, core_collect_property, &c, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, core_collected(&c, rc, &err));
}

#define KW (METH_VARARGS | METH_KEYWORDS)

static PyMethodDef methods[] = {
    {"create_table", CORE_KEYWORDS(catalog_create_table), KW, "Creates a table."},
    {"open_table", catalog_open_table, METH_VARARGS, "Opens a table by name."},
    {"drop_table", CORE_KEYWORDS(catalog_drop_table), KW,
     "Forgets a table; with purge also removes its files."},
    {"rename_table", CORE_KEYWORDS(catalog_rename_table), KW, "Renames a table."},
    {"register_table", CORE_KEYWORDS(catalog_register_table), KW,
     "Names a table that is there already."},
    {"list_tables", CORE_KEYWORDS(catalog_list_tables), KW, "Full names, sorted."},
    {"list_namespaces", CORE_KEYWORDS(catalog_list_namespaces), KW,
     "Namespaces directly below a parent, or at the top."},
    {"create_namespace", CORE_KEYWORDS(catalog_create_namespace), KW,
     "Makes a namespace."},
    {"drop_namespace", catalog_drop_namespace, METH_VARARGS, "Drops an empty namespace."},
    {"namespace_properties", catalog_namespace_properties, METH_VARARGS,
     "The properties of a namespace."},
    {"set_namespace_properties", CORE_KEYWORDS(catalog_set_namespace_properties), KW,
     "Sets properties; None removes one."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_new, (void *)catalog_new},
                              {Py_tp_dealloc, (void *)catalog_dealloc},
                              {Py_tp_methods, methods},
                              {Py_tp_doc, "Where tables have names. Any thread."},
                              {0, NULL}};

static PyType_Spec spec = {.name = "datashard._core.Catalog",
                           .basicsize = sizeof(struct catalog),
                           .flags = Py_TPFLAGS_DEFAULT,
                           .slots = slots};

int core_catalog_register(PyObject *module, struct core_state *state)
{
    return core_type_add(module, &spec, &state->catalog);
}
