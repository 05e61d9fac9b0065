// The metadata of a path table whose directory was moved, made to name where it is now.
//
// (1) Everything new has names of its own and is durable before the one swap that makes
//     it the table: a crash leaves the old table, or the new one. What was written is
//     removed after a failure, and waste after a crash. Old files stay for a collector.
// (2) All snapshots and refs stay, with their numbers, ids and statistics.
// (3) Whoever changes the table meanwhile wins, and this begins again.
#ifndef DSI_MAINT_RELOCATE_H
#define DSI_MAINT_RELOCATE_H

#include "txn/table.h"

/// What was done; all zero where there was nothing to do.
struct dsi_relocate_counts {
    bool relocated; // In a dry run: would be.
    uint64_t snapshots;
    uint64_t manifests;
    uint64_t data_files;   // Entries of those, of deletes, too.
    uint64_t delete_files; // Written anew.
    uint64_t bytes;        // Of new files, but for the metadata file.
};

/// Relocates a table; its handle shows the new state after, or when it can read it next.
/// DS_ENOTFOUND and DS_ECORRUPT: a file is not in the directory as it was. DS_ECONFLICT:
/// others were faster each time. DS_EUNKNOWN: it may be done; run it again. After every
/// other failure nothing was changed. Stops when the thread is cancelled.
DS_MUST_CHECK int dsi_relocate(struct dsi_table *table, bool dry_run,
                               struct dsi_relocate_counts *out, struct ds_error *err);

#endif
