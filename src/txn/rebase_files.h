// Finding the data files that a change names in the manifests of a rebase, and writing
// those manifests anew: what rewrites, deletions, additions and merging share.
#ifndef DSI_TXN_REBASE_FILES_H
#define DSI_TXN_REBASE_FILES_H

#include "base/map.h"
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

/// Which manifests of the parent's are looked into.
enum dsi_rebase_where {
    DSI_REBASE_HOSTS,          // Those that the files were seen in.
    DSI_REBASE_HOSTS_OR_SINCE, // When one of them is gone, all written since, too.
    DSI_REBASE_SINCE           // All that were written since the change was planned.
};

struct dsi_rebase_files {
    const struct dsi_rewrite_input *in;
    struct dsi_arena *arena;
    struct dsi_map wanted;                // The paths of the files.
    struct dsi_map hosts;                 // The paths of the manifests they were seen in.
    size_t hosts_found;                   // How many of those are in the list.
    const struct dsi_manifest **contents; // Per row; NULL: it is not looked into.
    const struct dsi_manifest_file **needs; // To be read first.
    size_t needs_count;
};

/// A manifest that was read, by its path; NULL: it was not.
const struct dsi_manifest *dsi_rebase_loaded(const struct dsi_loaded_manifest *loaded,
                                             size_t count, const char *path);

/// Finds the manifests that may have the files the operation replaces (or adds: those
/// that are stored are read for their names, and asked for likewise). Pure; what it
/// points at is in the arena or borrowed. End with dsi_rebase_files_release, also on
/// failure.
DS_MUST_CHECK int dsi_rebase_files_find(struct dsi_rebase_files *f,
                                        const struct dsi_rewrite_input *in,
                                        enum dsi_rebase_where where,
                                        struct dsi_arena *arena, struct ds_error *err);
void dsi_rebase_files_release(struct dsi_rebase_files *f);

/// An entry of a manifest as this snapshot leaves it: EXISTING, or DELETED by it when the
/// file is wanted; false for one that was deleted before.
bool dsi_rebase_files_entry(const struct dsi_rebase_files *f,
                            const struct dsi_manifest_entry *from,
                            struct dsi_manifest_entry *to);

/// DS_ECONFLICT ("rows-deleted", with `advice`) when the list has files that delete rows
/// of versions after sequence number `after`: whoever copied rows of older files would
/// bring those rows back. Manifests of such files written anew since count as well.
DS_MUST_CHECK int dsi_rebase_refuse_deletes(const struct dsi_rewrite_input *in,
                                            int64_t after, const char *advice,
                                            struct ds_error *err);

struct dsi_rebase_manifest {
    int32_t spec_id;
    const struct dsi_manifest_entry *entries;
    size_t count;
    const char *name; // Its file's, among those of the attempt.
};

/// Makes a manifest: its row, and its file (in the arena). Of `f`, only the input and the
/// arena are used.
DS_MUST_CHECK int dsi_rebase_files_write(const struct dsi_rebase_files *f,
                                         const struct dsi_rebase_manifest *m,
                                         struct dsi_manifest_file *row,
                                         struct dsi_new_file *file, struct ds_error *err);

#endif
