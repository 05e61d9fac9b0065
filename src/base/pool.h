// Large blocks of memory that are used again and again: what one batch of rows gives back
// the next one takes, be it of another scan. A block that is new costs the system a page
// fault for every 4 KiB, which takes longer than to decode what goes there.
//
// (1) The process has one pool, which keeps at most DSI_POOL_BYTES_MAX: what is given
//     back then takes the place of something else.
// (2) What is kept while nobody is busy is lent to the system, which may use its pages
//     for something better and give others, or leave them where they are.
// (3) Blocks come from the system itself, not from malloc, whose heap they would break
// up:
//     what is not kept is gone from the process at once.
// (4) Nobody waits for anybody, so a child of fork has a pool that works.
#ifndef DSI_BASE_POOL_H
#define DSI_BASE_POOL_H

#include <stddef.h>

/// Smaller blocks are not worth keeping, and ordinary memory, …
#define DSI_POOL_BLOCK_MIN ((size_t)32 << 10)
/// … and smaller ones than these not worth lending.
#define DSI_POOL_LEND_MIN ((size_t)64 << 10)
#define DSI_POOL_BYTES_MAX ((size_t)256 << 20)

/// A block of at least `size` bytes with no particular content; `*capacity` is how many
/// they are. NULL when there is no memory. Any thread.
void *dsi_pool_take(size_t size, size_t *capacity);

/// Gives a block back, with the capacity it came with. Any thread, also after the end.
void dsi_pool_give(void *block, size_t capacity);

/// Who reads or writes rows is busy from _begin to _end (2). They may be nested.
void dsi_pool_begin(void);
void dsi_pool_end(void);

/// Gives the system back what is kept, and says how many bytes that were. Any thread.
size_t dsi_pool_empty(void);

#endif
