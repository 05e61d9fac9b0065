// Large blocks of memory that are used again and again: what one batch of rows gives back
// the next one takes. A block that is new costs the system a page fault for every 4 KiB,
// and it is not in any cache.
//
// (1) A pool keeps at most DSI_POOL_BYTES_MAX, the common one DSI_POOL_COMMON_MAX; what
//     does not fit is freed.
// (2) Its blocks are ordinary ones of base/alloc.h: who has one may also dsi_free it.
#ifndef DSI_BASE_POOL_H
#define DSI_BASE_POOL_H

#include <stddef.h>

#include "datashard/status.h"

struct dsi_pool;

/// Smaller blocks are not worth keeping.
#define DSI_POOL_BLOCK_MIN ((size_t)32 << 10)
#define DSI_POOL_BYTES_MAX ((size_t)64 << 20)
#define DSI_POOL_COMMON_MAX ((size_t)32 << 20)

/// A pool with one owner; the last one's dsi_pool_drop frees it and what it keeps. Any
/// thread.
DS_MUST_CHECK int dsi_pool_new(struct dsi_pool **out, struct ds_error *err);
struct dsi_pool *dsi_pool_share(struct dsi_pool *p); // One owner more; NULL stays NULL.
void dsi_pool_drop(struct dsi_pool *p);              // NULL is fine.

/// The process's own, for what comes again and again without a common owner. What it
/// keeps is never freed. It needs neither share nor drop. Any thread.
struct dsi_pool *dsi_pool_common(void);

/// A block of at least `size` bytes with no particular content; `*capacity` is how many
/// they are. NULL when there is no memory.
void *dsi_pool_take(struct dsi_pool *p, size_t size, size_t *capacity);

/// Gives a block back, with the capacity it came with.
void dsi_pool_give(struct dsi_pool *p, void *block, size_t capacity);

#endif
