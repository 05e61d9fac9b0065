// Making and opening tables: what they are made of, out of Python's keywords.
#include "core.h"

#include "core_wait.h"

void core_spec_release(struct core_spec *spec)
{
    core_properties_release(&spec->properties);
    if (spec->schema.release) {
        spec->schema.release(&spec->schema);
    }
}

int core_spec_take(PyObject *args, PyObject *keywords, bool with_location,
                   struct core_spec *out)
{
    static char *all[] = {"name",         "schema",   "schema_json",
                          "partition_by", "sort_by",  "properties",
                          "if_absent",    "location", NULL};
    static char *path[] = {"location", "schema",     "schema_json", "partition_by",
                           "sort_by",  "properties", "if_absent",   NULL};
    PyObject *schema = Py_None;
    PyObject *properties = Py_None;
    int if_absent = 0;

    *out = (struct core_spec){.spec.struct_size = sizeof out->spec};
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords,
            with_location ? "s|$OzzzOpz:create_table" : "s|$OzzzOp:create_table",
            with_location ? all : path, &out->name, &schema, &out->spec.schema_json,
            &out->spec.partition_by, &out->spec.sort_by, &properties, &if_absent,
            &out->spec.location) ||
        core_properties_take(properties, false, &out->properties) < 0) {
        return -1;
    }
    if (schema != Py_None && core_schema_take(schema, &out->schema) < 0) {
        core_spec_release(out);
        return -1;
    }
    out->spec.schema = out->schema.release ? &out->schema : NULL;
    out->spec.if_absent = if_absent != 0;
    out->spec.properties = out->properties.properties;
    return 0;
}

PyObject *core_create_table(PyObject *module, PyObject *args, PyObject *keywords)
{
    struct core_spec spec = {0};
    struct core_wait wait = {0};
    struct ds_error err = {0};
    ds_table *handle = NULL;
    PyObject *made = NULL;
    int rc = DS_OK;

    if (core_spec_take(args, keywords, false, &spec) < 0) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_table_create(spec.name, &spec.spec, &handle, &err);
    core_wait_end(&wait);
    made = rc == DS_OK
               ? core_table_new(PyModule_GetState(module), handle, NULL, spec.name)
               : core_raise(rc, &err);
    core_spec_release(&spec);
    return core_wait_give(&wait, made);
}

PyObject *core_open_table(PyObject *module, PyObject *args)
{
    struct core_wait wait = {0};
    struct ds_error err = {0};
    const char *location = NULL;
    ds_table *handle = NULL;
    int rc = DS_OK;

    if (!PyArg_ParseTuple(args, "s:open_table", &location)) {
        return NULL;
    }
    core_wait_begin(&wait);
    rc = ds_table_open(location, &handle, &err);
    core_wait_end(&wait);
    return core_wait_give(&wait, rc == DS_OK ? core_table_new(PyModule_GetState(module),
                                                              handle, NULL, location)
                                             : core_raise(rc, &err));
}
