// Tables of DataShard's own layout: ds_table_migrate.
#include "core.h"

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
