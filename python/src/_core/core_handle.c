#include "core_handle.h"

#include <stdlib.h>
#include <unistd.h>

static void end(struct core_handle *h)
{
    Py_BEGIN_ALLOW_THREADS;
    h->end(h->opened);
    Py_END_ALLOW_THREADS;
    PyThread_free_lock(h->lending);
    free(h);
}

struct core_handle *core_handle_here(core_handle_slot *slot)
{
    struct core_handle *h = atomic_load(slot);
    return h && h->pid == getpid() ? h : NULL;
}

struct core_handle *core_handle_put(core_handle_slot *slot, void *opened,
                                    void (*opened_end)(void *opened))
{
    struct core_handle *h = calloc(1, sizeof *h);
    PyThread_type_lock lending = h ? PyThread_allocate_lock() : NULL;
    struct core_handle *was = atomic_load(slot);

    if (!lending) {
        free(h);
        Py_BEGIN_ALLOW_THREADS;
        opened_end(opened);
        Py_END_ALLOW_THREADS;
        PyErr_NoMemory();
        return NULL;
    }
    *h = (struct core_handle){opened, opened_end, lending, getpid()};
    // The parent's, which a child replaces, is given up: see above.
    while (!was || was->pid != h->pid) {
        if (atomic_compare_exchange_weak(slot, &was, h)) {
            return h;
        }
    }
    end(h);
    return was;
}

void core_handle_end(core_handle_slot *slot)
{
    struct core_handle *h = core_handle_here(slot);

    if (h) {
        atomic_store(slot, NULL);
        end(h);
    }
}
