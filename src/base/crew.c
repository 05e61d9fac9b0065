#include "base/crew.h"

#include <assert.h>
#include <stddef.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/refcount.h"
#include "base/thread.h"

struct dsi_crew {
    struct dsi_refcount owners;
    struct dsi_mutex *mutex; // Guards the places, and what their owners say.
    struct dsi_cond *moved;
    struct dsi_crew_place *places;
};

static _Thread_local struct dsi_crew *current;

int dsi_crew_new(struct dsi_crew **out, struct ds_error *err)
{
    struct dsi_crew *c = dsi_calloc(1, sizeof *c);
    int rc = DS_OK;

    *out = NULL;
    if (!c) {
        return dsi_no_memory(err, "what two threads share");
    }
    dsi_refcount_init(&c->owners);
    DSI_TRY(dsi_mutex_new(&c->mutex, err));
    DSI_TRY(dsi_cond_new(&c->moved, err));
    *out = c;
    c = NULL;
done:
    dsi_crew_free(c);
    return rc;
}

struct dsi_crew *dsi_crew_keep(struct dsi_crew *c)
{
    dsi_refcount_add(&c->owners);
    return c;
}

void dsi_crew_free(struct dsi_crew *c)
{
    if (c && dsi_refcount_drop(&c->owners)) {
        assert(!c->places);
        dsi_cond_free(c->moved);
        dsi_mutex_free(c->mutex);
        dsi_free(c);
    }
}

void dsi_crew_lock(struct dsi_crew *c)
{
    dsi_mutex_lock(c->mutex);
}

void dsi_crew_unlock(struct dsi_crew *c)
{
    dsi_mutex_unlock(c->mutex);
}

void dsi_crew_moved(struct dsi_crew *c)
{
    dsi_cond_broadcast(c->moved);
}

void dsi_crew_wait(struct dsi_crew *c)
{
    dsi_cond_wait(c->moved, c->mutex);
}

void dsi_crew_help(struct dsi_crew *c, int64_t ns)
{
    for (struct dsi_crew_place *p = c->places; p; p = p->next) {
        p->helping++;
        bool helped = p->help(p->arg);
        p->helping--;
        if (helped) { // Places may have come and gone meanwhile.
            dsi_crew_moved(c);
            return;
        }
    }
    dsi_cond_wait_ns(c->moved, c->mutex, ns);
}

void dsi_crew_add(struct dsi_crew *c, struct dsi_crew_place *place)
{
    place->next = c->places;
    c->places = place;
}

void dsi_crew_remove(struct dsi_crew *c, struct dsi_crew_place *place)
{
    struct dsi_crew_place **at = &c->places;

    while (*at != place) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = place->next;
    while (place->helping > 0) {
        dsi_crew_wait(c);
    }
}

void dsi_crew_begin(struct dsi_crew *c)
{
    assert(!current);
    current = c;
}

void dsi_crew_end(void)
{
    current = NULL;
}

struct dsi_crew *dsi_crew_current(void)
{
    return current;
}
