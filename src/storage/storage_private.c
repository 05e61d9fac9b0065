#include "storage/storage_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "base/thread.h"
#include "storage/storage_posix.h"

static struct dsi_private *all; // What is open; guarded by dsi_fork_hold.

static void close_one(struct dsi_private *p, bool lost)
{
    if (p->map) {
        dsi_posix()->unmap(p->map, p->map_size);
    }
    if (!lost) {
        dsi_posix()->close(p->fd);
    }
    p->map = NULL;
    p->fd = -1;
    p->open = false;
}

// The parent's stay locked: these are not the last descriptors.
static void leave_to_parent(void)
{
    while (all) {
        struct dsi_private *p = all;
        all = p->next;
        close_one(p, false);
    }
}

int dsi_private_open(struct dsi_private *p, const char *path, int flags, mode_t mode)
{
    *p = (struct dsi_private){.fd = -1};
    if (dsi_fork_tell(leave_to_parent, NULL) < 0) {
        return -ENOMEM;
    }
    dsi_fork_hold();
    int fd = dsi_posix()->open(path, flags | O_CLOEXEC, mode);
    if (fd >= 0) {
        p->fd = fd;
        p->open = true;
        p->next = all;
        if (all) {
            all->previous = p;
        }
        all = p;
    }
    dsi_fork_let();
    return fd < 0 ? fd : 0;
}

int dsi_private_map(struct dsi_private *p, size_t size, uint64_t offset)
{
    void *map = NULL;

    assert(p->open && !p->map);
    dsi_fork_hold();
    int code = dsi_posix()->map(p->fd, size, offset, &map);
    p->map = code == 0 ? map : NULL;
    p->map_size = size;
    dsi_fork_let();
    return code;
}

static void end(struct dsi_private *p, bool lost)
{
    if (!p->open) {
        return; // Never opened, or the parent's.
    }
    dsi_fork_hold();
    *(p->previous ? &p->previous->next : &all) = p->next;
    if (p->next) {
        p->next->previous = p->previous;
    }
    close_one(p, lost);
    dsi_fork_let();
}

void dsi_private_close(struct dsi_private *p)
{
    end(p, false);
}

void dsi_private_lose(struct dsi_private *p)
{
    end(p, true);
}
