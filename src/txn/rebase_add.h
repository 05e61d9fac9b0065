// An addition's part of a rebase: files that join a table are in it once.
//
// (1) None of them is in a manifest that was written since the change was planned, when
//     it was looked whether they were there; in whatever form the path is said.
#ifndef DSI_TXN_REBASE_ADD_H
#define DSI_TXN_REBASE_ADD_H

#include "txn/rebase_files.h"

/// Pure. *count manifests are to be read first (*needs, in the arena); none: it was seen.
/// DS_ECONFLICT, explained, for (1).
DS_MUST_CHECK int dsi_rebase_add(const struct dsi_rewrite_input *in,
                                 struct dsi_arena *arena,
                                 const struct dsi_manifest_file ***needs, size_t *count,
                                 struct ds_error *err);

#endif
