// The commit loop: the only place that swaps, and the only one that tries again.
//
// (1) Success and failure are both read from the table's history, never from an error: a
//     refusal or a lost answer is a reason to look.
// (2) Before every attempt the history that it would extend is searched for the change's
//     identity. Found: committed, and nothing more is done to the table.
// (3) NOT_COMMITTED is said only when no request ever left, or when a committed version
//     newer than every base ever sent, with an unbroken history, lacks the identity.
// (4) Nothing is removed before the outcome is definite, and then only what this run
// wrote
//     and the committed version does not name.
// (5) Nothing after the outcome can change it: failed clean-ups are left to a collector.
// (6) The line-up lock only saves work.
#ifndef DSI_TXN_COMMIT_H
#define DSI_TXN_COMMIT_H

#include "txn/change.h"
#include "txn/table.h"

/// Commits `change` to `table`, in a group or alone. `options` (may be NULL) gives
/// timeout and attempts; the rest of it was taken by dsi_change_new. `result` (may be
/// NULL) is filled whatever happens; its struct_size says how much of it the caller
/// knows.
///   DS_OK         committed; the handle shows the new state. A change that does nothing
///                 is DS_OK too, without a version.
///   DS_EUNKNOWN   result->token names it for dsi_commit_resolve.
///   DS_ECONFLICT  not committed: the budget of time or attempts is used up, or the
///                 change cannot be applied (err->detail explains).
///   DS_ECANCELLED not committed: the caller has cancelled (base/cancel.h). What may be
///   on
///                 its way by then is DS_EUNKNOWN, if the history does not tell at once.
///   other         not committed.
/// Rows that the change holds become files of it first (dsi_change_write_held).
/// The change's owned data files are removed when it is definitely not committed, and
/// when another run of the same identity committed instead of this one.
DS_MUST_CHECK int dsi_commit(struct dsi_table *table, struct dsi_change *change,
                             const struct ds_commit_options *options,
                             struct ds_commit_result *result, struct ds_error *err);

/// Says what became of the commit that `token`, or an identity alone, names: see
/// ds_table_resolve. DS_EINVALID for what is neither, or is of another table.
DS_MUST_CHECK int dsi_commit_resolve(struct dsi_table *table, const char *token,
                                     int64_t timeout_ms, struct ds_commit_result *result,
                                     struct ds_error *err);

#endif
