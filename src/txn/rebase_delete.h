// A deletion's half of a rebase: named data files leave the manifests they are in.
//
// (1) Every file that goes is still live, in whatever manifest it is by now; otherwise it
//     is a conflict that names who removed it, as far as the history tells.
// (2) A serializable change that also adds files has read what it takes out: then data
//     files that others added since it was planned are a conflict, too. Files that were
//     only rewritten are not new.
// (3) Each manifest with files that go is written anew: those are DELETED by this
//     snapshot, their neighbours EXISTING; the others stay as they are (specification,
//     "Manifest Entry Fields").
#ifndef DSI_TXN_REBASE_DELETE_H
#define DSI_TXN_REBASE_DELETE_H

#include "txn/rebase_files.h"

/// Pure. DS_ECONFLICT, explained, for (1) and (2).
DS_MUST_CHECK int dsi_rebase_delete(const struct dsi_rewrite_input *in,
                                    struct dsi_arena *arena, struct dsi_rewritten *out,
                                    struct ds_error *err);

#endif
