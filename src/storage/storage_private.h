// Open files whose locks are this process's alone.
//
// Locks of flock(2) and of open file descriptions live as long as any descriptor or
// mapping of the file does: a child that is forked, and does not exec, would keep those
// of its parent, and a parent that was killed would seem to live on. So what is opened
// here is closed in each such child, before it does anything else; the parent's locks
// stay. (A child of clone(2), called past the C library, is not seen.)
#ifndef DSI_STORAGE_STORAGE_PRIVATE_H
#define DSI_STORAGE_STORAGE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "datashard/status.h"

/// Zeroed, it is none. On the heap, or as long as the process: a child has no other
/// thread's stack.
struct dsi_private {
    int fd; ///< While `open`. In a child: -1.
    void *map;
    size_t map_size;
    bool open;
    struct dsi_private *next;
    struct dsi_private *previous;
};

/// Opens `path` (O_CLOEXEC is added). 0, or a negative errno; -ENOMEM also when forks
/// cannot be seen. Ends by dsi_private_close.
DS_MUST_CHECK int dsi_private_open(struct dsi_private *p, const char *path, int flags,
                                   mode_t mode);

/// Maps pages of it for reading, once (storage_posix.h): 0 or a negative errno.
DS_MUST_CHECK int dsi_private_map(struct dsi_private *p, size_t size, uint64_t offset);

/// Unmaps and closes it; what is not open is fine.
void dsi_private_close(struct dsi_private *p);

/// Unmaps it, and leaves the descriptor alone: somebody else has closed it, and opened
/// another file, which has its number.
void dsi_private_lose(struct dsi_private *p);

#endif
