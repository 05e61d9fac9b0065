// The files that a committed version has forgotten: removed by whoever made it, or, many
// of them, when nobody waits (housekeeper.h).
//
// (1) A sweep stands on its own: it holds what it judges by, so that what has made it may
//     end before it runs.
// (2) Best effort: what is not removed, or is not swept at all, is waste, which a
//     collector finds.
#ifndef DSI_TXN_SWEEP_H
#define DSI_TXN_SWEEP_H

#include "txn/rebase.h"

// So many files are not removed before a commit returns.
enum { DSI_SWEEP_MANY = 32 };

struct dsi_sweep;

/// Of the version that `r` has made, and that is committed; `storage` is borrowed until
/// it is freed. NULL: no memory.
struct dsi_sweep *dsi_sweep_new(ds_storage *storage, const struct dsi_rebased *r);
void dsi_sweep_free(struct dsi_sweep *s); // NULL is fine.

/// About how many files it is; a metadata file that fell out of the log counts where the
/// table's properties say that it goes.
size_t dsi_sweep_size(const struct dsi_sweep *s);

/// Removes them. Any thread; a second time does no harm.
void dsi_sweep_run(const struct dsi_sweep *s);

#endif
