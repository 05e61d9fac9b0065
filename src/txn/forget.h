// The end of a rebase: what the new version forgets, and the ledger that remembers whose
// it was.
#ifndef DSI_TXN_FORGET_H
#define DSI_TXN_FORGET_H

#include "txn/rebase.h"

/// Takes the snapshots that are due (txn/expire.h), or that the change asks for, out of
/// `edit` and puts whose they were into a file of the ledger (txn/ledger.h):
/// out->expired, a file more in out->files, out->ledger, out->dropped_ledger. Or nothing
/// yet, and out->outcome says NEEDS. Pure.
DS_MUST_CHECK int dsi_forget(const struct dsi_state *base,
                             const struct dsi_change *change,
                             const struct dsi_rebase_input *input, int64_t now_ms,
                             struct dsi_metadata_edit *edit, struct dsi_rebased *out,
                             struct ds_error *err);

#endif
