// The module datashard._core: what it is made of.
#include "core.h"

#include "core_wait.h"

struct core_state *core_state(PyObject *self)
{
    return PyType_GetModuleState(Py_TYPE(self));
}

bool core_enter(atomic_bool *busy, const char *otherwise)
{
    if (atomic_exchange(busy, true)) {
        core_invalid("%s", otherwise);
        return false;
    }
    return true;
}

void core_leave(atomic_bool *busy)
{
    atomic_store(busy, false);
}

int core_type_add(PyObject *module, PyType_Spec *spec, PyTypeObject **out)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);

    if (!type) {
        return -1;
    }
    *out = (PyTypeObject *)type;
    return PyModule_AddType(module, *out);
}

// What is known of datetime and others is kept once for the process. CPython says the
// same by itself from 3.12 on.
static int refuse_subinterpreters(void)
{
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) == 0) {
        return 0;
    }
    PyErr_SetString(PyExc_ImportError, "module datashard._core does not support loading "
                                       "in subinterpreters");
    return -1;
}

static int run(PyObject *module)
{
    struct core_state *state = PyModule_GetState(module);

    if (refuse_subinterpreters() < 0 ||
        PyModule_AddStringConstant(module, "__version__", ds_version()) < 0 ||
        core_arrow_register(module, state) < 0 ||
        core_catalog_register(module, state) < 0 ||
        core_table_register(module, state) < 0 ||
        core_commit_register(module, state) < 0 ||
        core_wait_register(module, state) < 0) {
        return -1;
    }
    return core_appender_register(module, state);
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    struct core_state *state = PyModule_GetState(module);

    if (state) {
        Py_VISIT(state->schema);
        Py_VISIT(state->batch);
        Py_VISIT(state->stream);
        Py_VISIT(state->catalog);
        Py_VISIT(state->table);
        Py_VISIT(state->transaction);
        Py_VISIT(state->appender);
        Py_VISIT(state->stop);
    }
    return 0;
}

static int clear(PyObject *module)
{
    struct core_state *state = PyModule_GetState(module);

    if (state) {
        Py_CLEAR(state->schema);
        Py_CLEAR(state->batch);
        Py_CLEAR(state->stream);
        Py_CLEAR(state->catalog);
        Py_CLEAR(state->table);
        Py_CLEAR(state->transaction);
        Py_CLEAR(state->appender);
        Py_CLEAR(state->stop);
    }
    return 0;
}

static void end(void *module)
{
    (void)clear(module);
}

static PyObject *release_memory(PyObject *module, PyObject *none)
{
    (void)module;
    (void)none;
    return PyLong_FromSize_t(ds_release_memory());
}

static PyMethodDef functions[] = {
    {"release_memory", release_memory, METH_NOARGS,
     "Gives the system back what is kept for the next rows: how many bytes.\n\n"
     "Up to 256 MiB of what rows were read into are kept, to be used again. While\n"
     "nothing is read or written the system may take them without asking."},
    {"open_table", core_open_table, METH_VARARGS, "Opens a path table."},
    {"migrate", CORE_KEYWORDS(core_migrate), METH_VARARGS | METH_KEYWORDS,
     "Converts a table of DataShard's own layout: a report in JSON."},
    {"create_table", CORE_KEYWORDS(core_create_table), METH_VARARGS | METH_KEYWORDS,
     "Creates a path table."},
    {"stream_from", CORE_KEYWORDS(core_stream_from), METH_VARARGS | METH_KEYWORDS,
     "Arrow or rows as a stream."},
    {"stream_from_rows", CORE_KEYWORDS(core_stream_from_rows),
     METH_VARARGS | METH_KEYWORDS, "Dicts as a stream."},
    {"schema_from_rows", core_schema_from_rows, METH_O, "Guesses a schema from dicts."},
    {"scan_file", core_scan_file, METH_VARARGS, "The rows of a Parquet or Arrow file."},
    {"write_file", core_write_file, METH_VARARGS,
     "Writes a stream to a new Parquet file: how many rows."},
    {"watch", core_watch, METH_O,
     "Lets a Stop end this thread's commits; None: no more."},
    {NULL, NULL, 0, NULL}};

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)run},
#ifdef Py_GIL_DISABLED
                                   {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
                                   {0, NULL}};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "datashard._core",
    .m_doc = "The extension of datashard: thin objects over its C API.",
    .m_size = sizeof(struct core_state),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = end,
};

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
