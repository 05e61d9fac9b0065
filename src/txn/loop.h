// The loop of attempts, and reading the outcome from history: what a commit of one change
// and a leader's commit of a group have in common. Invariants (1) to (3) of commit.h.
#ifndef DSI_TXN_LOOP_H
#define DSI_TXN_LOOP_H

#include "txn/attempt.h"
#include "txn/budget.h"

/// Attempts until one ends it or the budget does. DS_OK with COMMITTED, FOUND, NOTHING or
/// CHANGED in *end; otherwise the failure to be told if it is not committed (AGAIN: the
/// budget is used up).
DS_MUST_CHECK int dsi_loop_run(struct dsi_attempts *a, struct dsi_budget *b,
                               enum dsi_attempt_end *end, struct ds_error *err);

/// After a loop that did not commit: reads the outcome from the history, as far as it can
/// be read.
enum ds_outcome dsi_loop_settle(struct dsi_attempts *a, struct dsi_budget *b);

#endif
