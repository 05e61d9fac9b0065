// Counting the owners of something immutable.
#ifndef DSI_BASE_REFCOUNT_H
#define DSI_BASE_REFCOUNT_H

#include <stdatomic.h>
#include <stdbool.h>

struct dsi_refcount {
    atomic_int owners;
};

static inline void dsi_refcount_init(struct dsi_refcount *r)
{
    atomic_init(&r->owners, 1);
}

static inline void dsi_refcount_add(struct dsi_refcount *r)
{
    atomic_fetch_add_explicit(&r->owners, 1, memory_order_relaxed);
}

/// True for the last owner, who frees the object. Everything other owners did to it is
/// visible by then.
static inline bool dsi_refcount_drop(struct dsi_refcount *r)
{
    return atomic_fetch_sub_explicit(&r->owners, 1, memory_order_acq_rel) == 1;
}

#endif
