#include "storage/storage_replaced.h"

#include "storage/storage_posix.h"

// Has `next` instead of what was held, which is closed.
static void exchange(struct dsi_replaced *r, int next)
{
    int held = atomic_exchange(&r->held, next);

    if (held > 0) {
        dsi_posix()->close(held - 1);
    }
}

void dsi_replaced_hold(struct dsi_replaced *r, const char *path)
{
    int fd = dsi_posix()->hold(path);

    exchange(r, fd < 0 ? 0 : fd + 1);
}

void dsi_replaced_end(struct dsi_replaced *r)
{
    exchange(r, 0);
}
