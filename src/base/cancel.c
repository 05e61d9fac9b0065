#include "base/cancel.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"

#define SLICE_NS INT64_C(10000000)

static _Thread_local struct ds_cancel_scope *current;

void dsi_cancel_begin(struct ds_cancel_scope *c)
{
    if (c->cancelled) {
        c->outer = current;
        current = c;
    }
}

void dsi_cancel_end(struct ds_cancel_scope *c)
{
    if (c->cancelled) {
        current = c->outer;
        c->outer = NULL;
    }
}

bool dsi_cancelled(void)
{
    struct ds_cancel_scope *c = current;

    if (!c || c->asking) {
        return false; // What is called by the one who is asked may wait.
    }
    if (!c->seen) {
        c->asking = true;
        c->seen = c->cancelled(c->arg);
        c->asking = false;
    }
    return c->seen;
}

bool dsi_cancel_seen(void)
{
    return current && current->seen;
}

int dsi_cancel_fail(struct ds_error *err)
{
    return dsi_fail(err, DS_ECANCELLED, "cancelled by the caller");
}

int dsi_cancel_check(struct ds_error *err)
{
    return dsi_cancelled() ? dsi_cancel_fail(err) : DS_OK;
}

bool dsi_cancel_sleep_ns(int64_t ns)
{
    for (; ns > 0; ns -= dsi_cancel_slice_ns(ns)) {
        if (dsi_cancelled()) {
            return false;
        }
        dsi_sleep_ns(dsi_cancel_slice_ns(ns));
    }
    return !dsi_cancelled();
}

int64_t dsi_cancel_slice_ns(int64_t ns)
{
    return current && ns > SLICE_NS ? SLICE_NS : ns;
}
