// The only allocator the library uses; malloc and free are banned elsewhere.
//
// Every function goes through one replaceable table (the gate) and one fault point,
// "alloc". A failed allocation is NULL and never anything else: callers turn it into
// DS_ENOMEM with a message of their own.
#ifndef DSI_BASE_ALLOC_H
#define DSI_BASE_ALLOC_H

#include <stddef.h>

/// Where memory comes from. All members are required; the contracts are those of the C
/// functions of the same name, from any thread, and those of dsi_memory_map, _unmap and
/// _lend.
struct dsi_memory_ops {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *p, size_t size);
    void (*free)(void *p);
    void *(*map)(size_t size);
    void (*unmap)(void *p, size_t size);
    void (*lend)(void *p, size_t size);
};

/// Replaces the allocator; NULL brings back the C library's. Only while the library owns
/// no memory: what one table handed out goes back to the same table (so
/// dsi_pool_empty comes first).
void dsi_memory_set(const struct dsi_memory_ops *ops);

/// Zeroed memory, or NULL. A size of 0 gives a pointer that may be freed.
void *dsi_calloc(size_t count, size_t size);

/// Memory with no particular content, or NULL.
void *dsi_malloc(size_t size);

/// As realloc: on failure NULL, and `p` is still the caller's.
void *dsi_realloc(void *p, size_t size);

/// NULL is fine.
void dsi_free(void *p);

/// Memory of `size` bytes, more than 0, straight from the system, or NULL. It goes back
/// to the system at once by dsi_memory_unmap, with the same size.
void *dsi_memory_map(size_t size);
void dsi_memory_unmap(void *p, size_t size);

/// Says that nobody needs the content of these bytes, which stay allocated: until they
/// are written again they read as anything, and the system may do without their pages.
void dsi_memory_lend(void *p, size_t size);

/// A copy of a string, or of the first `size` bytes at `s` with a terminator added.
char *dsi_strdup(const char *s);
char *dsi_strndup(const char *s, size_t size);

#endif
