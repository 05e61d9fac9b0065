// An arena: many small objects that die together (one parsed document, one plan).
//
// (1) Memory handed out is zeroed, aligned for any type, and never moves.
// (2) No more than bytes_max is ever held: input cannot make an arena grow without bound.
#ifndef DSI_BASE_ARENA_H
#define DSI_BASE_ARENA_H

#include <stddef.h>

#include "datashard/export.h"
#include "datashard/types.h"

struct dsi_arena_block;

struct dsi_arena {
    struct dsi_arena_block *blocks; // Newest first.
    size_t bytes_held;              // All blocks together.
    size_t bytes_max;               // 0: DSI_ARENA_BYTES_MAX.
};

// Enough for the metadata of any real table, far from what a machine has.
#define DSI_ARENA_BYTES_MAX ((size_t)4 << 30)

#define DSI_ARENA_INIT                                                                   \
    {                                                                                    \
        NULL, 0, 0                                                                       \
    }

/// Frees everything that came from the arena; it is empty and usable afterwards.
void dsi_arena_release(struct dsi_arena *a);

/// Zeroed memory, or NULL (no memory, or bytes_max reached). One thread at a time.
void *dsi_arena_alloc(struct dsi_arena *a, size_t size);

/// Zeroed memory for `count` objects of `size` bytes; NULL also if the product overflows.
void *dsi_arena_array(struct dsi_arena *a, size_t count, size_t size);

/// Room for one more: an array with the first `count` objects of `items` and a zeroed one
/// behind them. `items` must have grown from none through this call alone, one at a time:
/// at 0 and at powers of two it is full, and doubles. NULL as above; `items` then still
/// stands.
void *dsi_arena_grow(struct dsi_arena *a, const void *items, size_t count, size_t size);

/// Copies with a terminator; NULL as above.
char *dsi_arena_strdup(struct dsi_arena *a, const char *s);
char *dsi_arena_strndup(struct dsi_arena *a, const char *s, size_t size);
char *dsi_arena_join(struct dsi_arena *a, const char *const *texts, size_t count);
char *dsi_arena_printf(struct dsi_arena *a, const char *fmt, ...) DS_PRINTF(2, 3);

/// Copies bytes into the arena. Returns 0, or -1 when there is no memory.
DS_MUST_CHECK int dsi_arena_copy(struct dsi_arena *a, struct ds_slice bytes,
                                 struct ds_slice *out);

/// Moves everything `from` holds into `into`; pointers stay valid, `from` is empty after.
void dsi_arena_adopt(struct dsi_arena *into, struct dsi_arena *from);

#endif
