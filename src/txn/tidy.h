// Merging tiny data files: what many small commits leave behind becomes few larger files.
//
// (1) The table has the same rows before and after: a rewrite (DSI_OPERATION_REWRITE).
//     In a merged file they stand in the order of their commits.
// (2) Work is bounded by the limits, and by nothing that a table can say.
// (3) It loses to everybody: a concurrent rewrite, or a delete, wins, and leaves nothing.
// (4) Each row is rewritten O(log n) times over the life of a table: of the files that
//     are merged none is heavier than all the others together.
#ifndef DSI_TXN_TIDY_H
#define DSI_TXN_TIDY_H

#include "txn/table.h"

// Whether small files are merged; not set: as DSI_KEY_EXPIRE_ON_COMMIT says, so that
// what was replaced goes away in time.
#define DSI_KEY_MERGE_SMALL_FILES "datashard.merge-small-files.enabled"

/// Limits of one call; 0: the default. Owned by the caller, who passes the same one
/// again, from one thread at a time: `quiet_until` is kept in it.
struct dsi_tidy {
    size_t files_min;       // Files of one partition that are worth it; 16.
    size_t files_max;       // Files merged in one call; 256.
    int64_t rows_max;       // Their rows; 1,000,000.
    int64_t bytes_max;      // Their bytes; 32 MiB.
    int64_t file_bytes_max; // Larger files are not small; 1 MiB, or an eighth of
                            // write.target-file-size-bytes.
    int64_t time_ns;        // For reading; 200 ms. With less than files_min: given up.
    int64_t quiet_until;    // Below this sequence number there is nothing to do.
    // Of a caller who asks for it and waits: whatever the properties say, in all
    // manifests, and without (4). Only files that are not newer than `number_max` (0:
    // any).
    bool asked;
    int64_t number_max;
};

/// What a call did.
struct dsi_tidied {
    size_t files; // Merged; 0: there was nothing to do, or somebody else was faster.
    size_t made;  // Into so many.
    int64_t rows;
    int64_t bytes;  // Of the files merged.
    bool lost;      // Somebody else was faster.
    int64_t number; // The sequence number of the version made; 0: none.
};

/// Whether a table's properties ask for it.
DS_MUST_CHECK int dsi_tidy_is_wanted(const struct dsi_metadata *m, bool *wanted,
                                     struct ds_error *err);

/// Merges small files of one partition, of the default spec, on the main branch, at most
/// once. Nothing to do: DS_OK, mostly without reading anything. The handle shows the new
/// state after. `done` may be NULL. Who has asked gets DS_EUNSUPPORTED for a table whose
/// files cannot be merged: of another format version than 2, or with deletes.
/// Stops when the thread is cancelled (base/cancel.h): DS_ECANCELLED, and nothing is
/// merged.
DS_MUST_CHECK int dsi_tidy_once(struct dsi_table *table, struct dsi_tidy *limits,
                                struct dsi_tidied *done, struct ds_error *err);

#endif
