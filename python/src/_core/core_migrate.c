// Tables of DataShard's own layout, and tables that were moved: ds_table_migrate,
// ds_table_relocate.
#include "core.h"

#include "core_wait.h"

PyObject *core_migrate(PyObject *module, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"location", "dry_run", "remove_old", "metadata_file", NULL};
    struct ds_migrate_options options = {.struct_size = sizeof(options)};
    struct ds_error err = {0};
    const char *location = NULL;
    PyObject *result = NULL;
    char *report = NULL;
    int dry_run = 0;
    int remove_old = 0;
    int rc = DS_OK;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "s|ppz:migrate", names, &location,
                                     &dry_run, &remove_old, &options.metadata_file)) {
        return NULL;
    }
    options.dry_run = dry_run != 0;
    options.remove_old = remove_old != 0;
    Py_BEGIN_ALLOW_THREADS;
    rc = ds_table_migrate(location, &options, &report, &err);
    Py_END_ALLOW_THREADS;
    if (rc < 0) {
        return core_raise(rc, &err);
    }
    result = PyUnicode_FromString(report);
    ds_string_free(report);
    return result;
}

PyObject *core_table_relocate(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"dry_run", NULL};
    ds_table *handle = core_table_handle(self);
    struct ds_relocate_options options = {.struct_size = sizeof options};
    struct ds_relocate_result result = {.struct_size = sizeof result};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    int dry_run = 0;
    int rc = DS_OK;

    if (!handle ||
        !PyArg_ParseTupleAndKeywords(args, keywords, "|$p:relocate", names, &dry_run)) {
        return NULL;
    }
    options.dry_run = dry_run != 0;
    core_wait_ask_relocate(&wait, &options);
    core_wait_begin(&wait);
    rc = ds_table_relocate(handle, &options, &result, &err);
    core_wait_end(&wait);
    if (core_wait_raise(&wait) || rc != DS_OK) {
        return PyErr_Occurred() ? NULL : core_raise(rc, &err);
    }
    return Py_BuildValue("{sOsKsKsKsKsK}", "relocated",
                         result.relocated ? Py_True : Py_False, "snapshots",
                         (unsigned long long)result.snapshots, "manifests",
                         (unsigned long long)result.manifests, "data_files",
                         (unsigned long long)result.data_files, "delete_files",
                         (unsigned long long)result.delete_files, "bytes",
                         (unsigned long long)result.bytes);
}
