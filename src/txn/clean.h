// Removing what a commit's run wrote and nobody names. Only after a definite outcome; a
// failure leaves an orphan for the collector and changes nothing.
#ifndef DSI_TXN_CLEAN_H
#define DSI_TXN_CLEAN_H

#include "txn/attempt.h"

/// The outcome is that none of it is in the table: everything of this run.
void dsi_clean_all(const struct dsi_attempts *a);

/// The identity was found in the history (a->state, a->snapshot). By an earlier attempt
/// of ours: keeps what that one used. By another run: all of ours is waste, once no
/// request of ours can be applied; unless a group took our files (a->offered): then they
/// stay.
void dsi_clean_after_found(struct dsi_attempts *a);

/// Our swap made the version: what it does not use goes, and so does what it forgot, as
/// it was judged before the swap (forgotten.h).
void dsi_clean_after_commit(struct dsi_attempts *a);

#endif
