// A rewrite's half of a rebase: taking data files out of the manifests they are in.
//
// (1) Every file it replaces is still in the table, in the manifest it was seen in; and
//     nothing deletes rows. Otherwise it is a conflict: planning anew is cheap.
// (2) The manifests those files are in become one, in which they are DELETED by this
//     snapshot, and their neighbours EXISTING (specification, "Manifest Entry Fields").
#ifndef DSI_TXN_REBASE_REWRITE_H
#define DSI_TXN_REBASE_REWRITE_H

#include "txn/rebase.h"

struct dsi_rewrite_input {
    const struct dsi_metadata *metadata;
    const struct dsi_snapshot *parent; // NULL: none.
    const struct dsi_change *change;
    const struct dsi_operation *operation;
    int64_t snapshot_id;
    uint32_t attempt;
    const struct dsi_manifest_file *rows; // New ones, then those of the parent's list.
    size_t row_count;
    size_t new_count;
    const struct dsi_loaded_manifest *loaded;
    size_t loaded_count;
};

struct dsi_rewritten {
    const struct dsi_manifest_file **needs; // To be read first; then nothing else is set.
    size_t needs_count;
    struct dsi_manifest_file *rows; // Of the new list.
    size_t row_count;
    size_t replaced;            // Manifests of the parent's that are not among them.
    struct dsi_new_file *files; // The ones in their place, in the arena.
    size_t file_count;
};

/// Pure. DS_ECONFLICT, explained, for (1).
DS_MUST_CHECK int dsi_rebase_rewrite(const struct dsi_rewrite_input *in,
                                     struct dsi_arena *arena, struct dsi_rewritten *out,
                                     struct ds_error *err);

#endif
