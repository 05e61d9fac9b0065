// A library handle belongs to the process that opened it.
//
// A child of fork opens its own, and leaves its parent's alone, unfreed: the locks in it
// may be held by threads that the child does not have. Any number of threads, with the
// interpreter's lock or without.
#ifndef DATASHARD_CORE_HANDLE_H
#define DATASHARD_CORE_HANDLE_H

#include "core_python.h"

#include <stdatomic.h>
#include <sys/types.h>

/// One opening of something, of one process. Immutable.
struct core_handle {
    void *opened;
    void (*end)(void *opened);
    PyThread_type_lock lending; ///< What the library lends is copied under it.
    pid_t pid;
};

/// Where an object keeps it; zeroed to begin with.
typedef _Atomic(struct core_handle *) core_handle_slot;

/// This process's, or NULL when it has none yet; no exception.
struct core_handle *core_handle_here(core_handle_slot *slot);

/// Keeps `opened`, which it takes over (also on failure), unless another thread was
/// faster: then it is ended, and the other's is the answer. NULL with a MemoryError.
struct core_handle *core_handle_put(core_handle_slot *slot, void *opened,
                                    void (*end)(void *opened));

/// Ends this process's, when nobody uses the object any more.
void core_handle_end(core_handle_slot *slot);

#endif
