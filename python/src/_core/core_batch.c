#include "core_batch.h"

#include "core_capsule.h"
#include "core_share.h"
#include "core_text.h"
#include "values.h"

struct batch {
    PyObject_HEAD struct core_shared *array;
    PyObject *schema;
};

PyObject *core_batch_new(struct core_state *state, PyObject *schema,
                         struct ArrowArray *array)
{
    struct core_shared *shared = core_shared_new(array);
    struct batch *self = NULL;

    if (!shared) {
        return PyErr_NoMemory();
    }
    self = (struct batch *)PyType_GenericAlloc(state->batch, 0);
    if (!self) {
        core_shared_unref(shared);
        return NULL;
    }
    self->array = shared;
    self->schema = Py_NewRef(schema);
    return (PyObject *)self;
}

static void batch_dealloc(PyObject *object)
{
    struct batch *self = (struct batch *)object;
    PyTypeObject *type = Py_TYPE(object);

    core_shared_unref(self->array);
    Py_XDECREF(self->schema);
    PyObject_Free(self);
    Py_DECREF(type);
}

static Py_ssize_t batch_length(PyObject *self)
{
    return (Py_ssize_t)core_shared_array(((struct batch *)self)->array)->length;
}

static PyObject *batch_schema(PyObject *self, void *unused)
{
    (void)unused;
    return Py_NewRef(((struct batch *)self)->schema);
}

static PyObject *batch_num_rows(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(batch_length(self));
}

static PyObject *batch_num_columns(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(
        (Py_ssize_t)core_schema_of(((struct batch *)self)->schema)->n_children);
}

static PyObject *batch_column_names(PyObject *self, void *unused)
{
    return core_schema_names(((struct batch *)self)->schema, unused);
}

static PyObject *batch_repr(PyObject *object)
{
    struct batch *self = (struct batch *)object;
    PyObject *names = core_names_text(core_schema_of(self->schema));
    PyObject *text = NULL;

    if (names) {
        text = PyUnicode_FromFormat("<Batch of %zd row%s: %U>", batch_length(object),
                                    batch_length(object) == 1 ? "" : "s", names);
        Py_DECREF(names);
    }
    return text;
}

static PyObject *batch_export_schema(PyObject *self, PyObject *unused)
{
    return core_schema_export(((struct batch *)self)->schema, unused);
}

static PyObject *batch_export(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"requested_schema", NULL};
    struct batch *self = (struct batch *)object;
    PyObject *requested = NULL;
    PyObject *schema = NULL;
    PyObject *array = NULL;
    struct ArrowArray *out = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O", names, &requested)) {
        return NULL;
    }
    schema = core_schema_export(self->schema, NULL);
    array = core_capsule_array(&out);
    if (schema && array && core_shared_export(self->array, out) < 0) {
        PyErr_NoMemory();
        Py_CLEAR(array);
    }
    if (!schema || !array) {
        Py_XDECREF(schema);
        Py_XDECREF(array);
        return NULL;
    }
    return Py_BuildValue("NN", schema, array);
}

// module.function(self), the module imported now: none is needed to use the package.
static PyObject *batch_given_to(PyObject *self, const char *module, const char *function)
{
    PyObject *from = PyImport_ImportModule(module);
    PyObject *made = from ? PyObject_CallMethod(from, function, "O", self) : NULL;

    Py_XDECREF(from);
    return made;
}

static PyObject *batch_arrow(PyObject *self, PyObject *unused)
{
    (void)unused;
    return batch_given_to(self, "pyarrow", "record_batch");
}

static PyObject *batch_pandas(PyObject *self, PyObject *unused)
{
    PyObject *arrow = batch_arrow(self, unused);
    PyObject *frame = arrow ? PyObject_CallMethod(arrow, "to_pandas", NULL) : NULL;

    Py_XDECREF(arrow);
    return frame;
}

static PyObject *batch_polars(PyObject *self, PyObject *unused)
{
    (void)unused;
    return batch_given_to(self, "polars", "DataFrame");
}

static PyObject *batch_rows(PyObject *object, PyObject *unused)
{
    struct batch *self = (struct batch *)object;
    (void)unused;
    return values_rows(core_schema_of(self->schema), core_shared_array(self->array));
}

static PyObject *batch_columns(PyObject *object, PyObject *unused)
{
    struct batch *self = (struct batch *)object;
    (void)unused;
    return values_columns(core_schema_of(self->schema), core_shared_array(self->array));
}

static PyMethodDef batch_methods[] = {
    {"__arrow_c_schema__", batch_export_schema, METH_NOARGS, "Its schema, as a capsule."},
    {"__arrow_c_array__", CORE_KEYWORDS(batch_export), METH_VARARGS | METH_KEYWORDS,
     "Schema and rows as capsules, over the same memory."},
    {"to_arrow", batch_arrow, METH_NOARGS,
     "A pyarrow.RecordBatch, over the same memory."},
    {"to_pandas", batch_pandas, METH_NOARGS, "A pandas.DataFrame."},
    {"to_polars", batch_polars, METH_NOARGS, "A polars.DataFrame."},
    {"to_pylist", batch_rows, METH_NOARGS, "A dict a row."},
    {"to_pydict", batch_columns, METH_NOARGS, "A list a column."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef batch_getset[] = {
    {"schema", batch_schema, NULL, "Its schema.", NULL},
    {"num_rows", batch_num_rows, NULL, "How many rows; len() is the same.", NULL},
    {"num_columns", batch_num_columns, NULL, "How many columns.", NULL},
    {"column_names", batch_column_names, NULL, "The columns' names.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot batch_slots[] = {{Py_tp_dealloc, (void *)batch_dealloc},
                                    {Py_tp_methods, batch_methods},
                                    {Py_tp_getset, batch_getset},
                                    {Py_tp_repr, (void *)batch_repr},
                                    {Py_sq_length, (void *)batch_length},
                                    {Py_tp_doc, "Rows in memory. Immutable."},
                                    {0, NULL}};

static PyType_Spec batch_spec = {.name = "datashard._core.Batch",
                                 .basicsize = sizeof(struct batch),
                                 .flags = Py_TPFLAGS_DEFAULT |
                                          Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 .slots = batch_slots};

int core_batch_register(PyObject *module, struct core_state *state)
{
    return core_type_add(module, &batch_spec, &state->batch);
}
