// The wish to stop of whoever called: asked wherever a call waits, and between its steps.
//
// (1) It is the thread's, not an argument: what waits lies deep (locks, a busy database,
//     the writers' queue), and all of it waits for the one caller whose thread this is.
//     Threads that the library starts have none.
// (2) Said once, it is said: from then on nothing waits until the scope ends.
// (3) It decides nothing. Whoever stops waiting goes the way of one whose time is over.
#ifndef DSI_BASE_CANCEL_H
#define DSI_BASE_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "datashard/cancel.h"
#include "datashard/status.h"

/// Scopes nest, and only the innermost is asked; each begin has its end.
void dsi_cancel_begin(struct ds_cancel_scope *c);
void dsi_cancel_end(struct ds_cancel_scope *c);

/// Asks. Not to be called with a lock that the asked may want, but for those that say so.
bool dsi_cancelled(void);

/// Whether it was said before; asks nobody.
bool dsi_cancel_seen(void);

/// DS_OK, or DS_ECANCELLED: asks.
DS_MUST_CHECK int dsi_cancel_check(struct ds_error *err);

/// DS_ECANCELLED, with words.
int dsi_cancel_fail(struct ds_error *err);

/// As dsi_sleep_ns, asking before, after and every few milliseconds: false as soon as the
/// answer is yes.
bool dsi_cancel_sleep_ns(int64_t ns);

/// How long a wait of `ns` may go on before it has to ask again.
int64_t dsi_cancel_slice_ns(int64_t ns);

#endif
