// Removing files nobody refers to any more. Every function here is best effort: a failure
// leaves a file for the collector and changes no outcome.
#ifndef DSI_TXN_RETIRE_H
#define DSI_TXN_RETIRE_H

#include "txn/rebase.h"

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
