#include "core_capsule.h"

#include "core.h"

static void schema_end(PyObject *capsule)
{
    struct ArrowSchema *s = PyCapsule_GetPointer(capsule, CORE_CAPSULE_SCHEMA);
    if (s && s->release) {
        s->release(s);
    }
    PyMem_Free(s);
}

static void array_end(PyObject *capsule)
{
    struct ArrowArray *a = PyCapsule_GetPointer(capsule, CORE_CAPSULE_ARRAY);
    if (a && a->release) {
        a->release(a);
    }
    PyMem_Free(a);
}

static void stream_end(PyObject *capsule)
{
    struct ArrowArrayStream *s = PyCapsule_GetPointer(capsule, CORE_CAPSULE_STREAM);
    if (s && s->release) {
        Py_BEGIN_ALLOW_THREADS;
        s->release(s);
        Py_END_ALLOW_THREADS;
    }
    PyMem_Free(s);
}

static PyObject *capsule_new(size_t size, const char *name, PyCapsule_Destructor end,
                             void **out)
{
    PyObject *capsule = NULL;

    *out = PyMem_Calloc(1, size);
    capsule = *out ? PyCapsule_New(*out, name, end) : PyErr_NoMemory();
    if (!capsule) {
        PyMem_Free(*out);
        *out = NULL;
    }
    return capsule;
}

PyObject *core_capsule_schema(struct ArrowSchema **out)
{
    void *made = NULL;
    PyObject *capsule = capsule_new(sizeof **out, CORE_CAPSULE_SCHEMA, schema_end, &made);

    *out = made;
    return capsule;
}

PyObject *core_capsule_array(struct ArrowArray **out)
{
    void *made = NULL;
    PyObject *capsule = capsule_new(sizeof **out, CORE_CAPSULE_ARRAY, array_end, &made);

    *out = made;
    return capsule;
}

PyObject *core_capsule_stream(struct ArrowArrayStream **out)
{
    void *made = NULL;
    PyObject *capsule = capsule_new(sizeof **out, CORE_CAPSULE_STREAM, stream_end, &made);

    *out = made;
    return capsule;
}
