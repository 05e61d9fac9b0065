// Arrow structs in capsules (the Arrow PyCapsule interface).
#ifndef DATASHARD_CORE_CAPSULE_H
#define DATASHARD_CORE_CAPSULE_H

#include "core_python.h"

#include "datashard/arrow.h"

// The names by which the protocol tells them apart.
#define CORE_CAPSULE_SCHEMA "arrow_schema"
#define CORE_CAPSULE_ARRAY "arrow_array"
#define CORE_CAPSULE_STREAM "arrow_array_stream"

/// Capsules of a zeroed struct on the heap, for the caller to fill. They release what is
/// in it at their end; whoever takes it out leaves `release` NULL.
PyObject *core_capsule_schema(struct ArrowSchema **out);
PyObject *core_capsule_array(struct ArrowArray **out);
PyObject *core_capsule_stream(struct ArrowArrayStream **out);

#endif
