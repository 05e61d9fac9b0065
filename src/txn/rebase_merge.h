// Merging's part of a rebase: manifests of the new list become one, when it is time.
//
// (1) Which ones, the table's properties and their sizes say (txn/merge.h); each merged
//     manifest is where the newest of its parts was.
// (2) No file is lost or added: what this change adds is ADDED with everything inherited,
//     older entries are EXISTING with the numbers they had, and what was DELETED is
//     history (specification, "Manifest Entry Fields").
#ifndef DSI_TXN_REBASE_MERGE_H
#define DSI_TXN_REBASE_MERGE_H

#include "txn/rebase_files.h"

/// Pure. The first `own_count` of the new rows are the change's prepared manifests, whose
/// files it names; the other new ones are stored manifests. The input's operation is not
/// used. DS_ECORRUPT for a stored manifest that holds more than added data files,
/// DS_EINVALID for a bad property.
DS_MUST_CHECK int dsi_rebase_merge(const struct dsi_rewrite_input *in, size_t own_count,
                                   struct dsi_arena *arena, struct dsi_rewritten *out,
                                   struct ds_error *err);

#endif
