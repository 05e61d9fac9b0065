// Copies of Arrow schemas, and arrays that several owners share.
#ifndef DATASHARD_CORE_SHARE_H
#define DATASHARD_CORE_SHARE_H

#include "core_python.h"

#include <stdbool.h>

#include "datashard/arrow.h"

/// A deep copy, without the interpreter if need be: -1 when memory is short or it nests
/// deeper than 64. The caller releases *out.
int core_schema_copy(const struct ArrowSchema *from, struct ArrowSchema *out);

/// An array with several owners. Any thread.
struct core_shared;

/// Takes the array over (also on failure); NULL when memory is short.
struct core_shared *core_shared_new(struct ArrowArray *array);
void core_shared_unref(struct core_shared *shared);
const struct ArrowArray *core_shared_array(const struct core_shared *shared);

/// The whole array once more, over the same buffers, each part of it to be moved and
/// released by itself. -1 as core_schema_copy.
int core_shared_export(struct core_shared *shared, struct ArrowArray *out);

#endif
