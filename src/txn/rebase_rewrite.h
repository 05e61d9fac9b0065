// A rewrite's half of a rebase: taking data files out of the manifests they are in.
//
// (1) Every file it replaces is still in the table, in the manifest it was seen in; and
//     nothing deletes rows. Otherwise it is a conflict: planning anew is cheap.
// (2) The manifests those files are in become one, in which they are DELETED by this
//     snapshot, and their neighbours EXISTING (specification, "Manifest Entry Fields").
#ifndef DSI_TXN_REBASE_REWRITE_H
#define DSI_TXN_REBASE_REWRITE_H

#include "txn/rebase_files.h"

/// Pure. DS_ECONFLICT, explained, for (1).
DS_MUST_CHECK int dsi_rebase_rewrite(const struct dsi_rewrite_input *in,
                                     struct dsi_arena *arena, struct dsi_rewritten *out,
                                     struct ds_error *err);

#endif
