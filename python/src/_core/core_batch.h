// Batch: rows in memory, which Python and Arrow's consumers share.
#ifndef DATASHARD_CORE_BATCH_H
#define DATASHARD_CORE_BATCH_H

#include "core.h"

/// Takes the array over (also on failure); `schema` is a Schema.
PyObject *core_batch_new(struct core_state *state, PyObject *schema,
                         struct ArrowArray *array);

int core_batch_register(PyObject *module, struct core_state *state);

#endif
