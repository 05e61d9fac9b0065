// Batches that are in memory, as an Arrow stream: reading them can only fail for want
// of memory.
#ifndef DATASHARD_CORE_HELD_H
#define DATASHARD_CORE_HELD_H

#include "core_python.h"

#include "datashard/arrow.h"

/// Not for two threads at once.
struct core_held;

/// Of no batch yet; the schema is copied. NULL when memory is short.
struct core_held *core_held_new(const struct ArrowSchema *schema);
void core_held_free(struct core_held *held); // NULL is fine.

/// Takes the batch over (also on failure): -1 when memory is short.
int core_held_add(struct core_held *held, struct ArrowArray *array);

/// Gives them out in the order they came in, each once; `held` is the stream's then.
void core_held_stream(struct core_held *held, struct ArrowArrayStream *out);

#endif
