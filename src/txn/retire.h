// Removing files nobody refers to any more. Every function here is best effort: a failure
// leaves a file for the collector and changes no outcome.
#ifndef DSI_TXN_RETIRE_H
#define DSI_TXN_RETIRE_H

#include "txn/rebase.h"
#include "txn/sweep.h"

/// After a version was committed that forgot snapshots: removes the data files that a
/// rewrite, or one of our deletions, took out and only they had (but what the newest
/// snapshot has again), and adds to `out` their manifest lists and the manifests that
/// only they had. Judges by `m`, the committed version, and by lists that the next one
/// may forget; what it cannot prove unreachable stays, as do data files outside the
/// table's data folder.
void dsi_retire_snapshots(ds_storage *storage, const struct dsi_metadata *m,
                          const struct dsi_snapshot *const *expired, size_t count,
                          struct dsi_sweep *out);

/// After `r` was committed: removes the stored manifests of the change and its parts that
/// were merged into others and that no list of `r` names. Only such as lie beside the
/// table's metadata and carry the identity of the change, or of a member, in their name.
void dsi_retire_stored(ds_storage *storage, const struct dsi_change *change,
                       const struct dsi_rebased *r);

/// Removes the files of a table whose name has just been dropped: data files, manifests,
/// lists and metadata files that `state` reaches and that lie in the table's own
/// directories. DS_EUNSUPPORTED before anything is removed when gc.enabled is false.
/// Otherwise as much as can be removed is; the first failure is returned.
DS_MUST_CHECK int dsi_purge(ds_storage *storage, const struct dsi_state *state,
                            struct ds_error *err);

#endif
