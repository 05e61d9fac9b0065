// What holds up a call that is waiting: told, while it lasts, to whoever wants to know.
//
// A call that waits for a locked database, or tries again, has no answer yet, perhaps for
// half a minute. As with the wish to stop (cancel.h) what waits lies deep, and all of it
// waits for the one caller whose thread this is. Telling decides nothing.
#ifndef DSI_BASE_TROUBLE_H
#define DSI_BASE_TROUBLE_H

#include <stdbool.h>

#include "datashard/status.h"

/// Whoever waits for so long tells it; less is the usual give and take of writers.
#define DSI_TROUBLE_NS INT64_C(1000000000)

/// Who wants to know.
struct dsi_trouble {
    /// Called by the thread that waits, again and again; it must be short, and call
    /// nothing that waits. NULL: nobody.
    void (*told)(void *arg, const struct ds_error *why);
    void *arg;
    struct dsi_trouble *outer; // Private.
};

/// Scopes of this thread nest, and only the innermost is told; each begin has its end.
void dsi_trouble_begin(struct dsi_trouble *t);
void dsi_trouble_end(struct dsi_trouble *t);

/// Tells that the call has not ended yet because of `why`. False: nobody wants to know.
bool dsi_trouble_tell(const struct ds_error *why);

#endif
