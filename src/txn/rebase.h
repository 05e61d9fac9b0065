// Rebase: a state and a change give the next state. The one function every way of
// committing calls.
//
// (1) Pure: no I/O, no clock, no randomness, no locks, and the same input gives the same
//     bytes. Time, attempt number and file contents come in as values.
// (2) The new manifests of a change do not depend on the base (their snapshot id and
//     sequence numbers are inherited), so they are made once and kept over attempts.
// (3) It never goes back: sequence numbers and times only grow, the parent is the
//     branch's head, and no snapshot id is used twice.
// (4) The parts of a change come one after the other, change->first_parts of them before
//     the change itself and the others after it, each on what the ones before it made;
//     all of it is one version, or none of it is.
#ifndef DSI_TXN_REBASE_H
#define DSI_TXN_REBASE_H

#include "txn/change.h"

// Files of one new manifest at most: keeps it near commit.manifest.target-size-bytes.
enum { DSI_MANIFEST_FILES_MAX = 20000 };

/// A file to be stored before the swap.
struct dsi_new_file {
    const char *path;
    struct ds_slice bytes;
};

/// The manifests with a change's own data files (2).
struct dsi_prepared {
    struct dsi_arena arena;
    int64_t snapshot_id;
    int32_t format_version;
    struct dsi_manifest_file *manifests; // Their rows. None when all it adds is stored.
    size_t count;
    struct dsi_new_file
        *files; // To be stored: one per manifest, then those of the parts.
    size_t file_count;
    struct dsi_prepared *parts; // One for each part of the change, in its order.
    size_t part_count;
    size_t conflicting_part; // After a failure: as in struct dsi_rebased.
};

/// Makes them on `state`, for the parts too. Pure. End with dsi_prepared_release.
DS_MUST_CHECK int dsi_rebase_prepare(const struct dsi_state *state,
                                     const struct dsi_change *change,
                                     struct dsi_prepared *out, struct ds_error *err);
void dsi_prepared_release(struct dsi_prepared *p);

/// The id of the snapshot a change makes: drawn from its identity, not in `m` yet. Pure.
int64_t dsi_rebase_snapshot_id(const struct dsi_metadata *m, const char *identity);

/// True while `p` fits `state`; otherwise prepare again (the table changed its format
/// version, or somebody took a snapshot id). What is released fits nothing.
bool dsi_prepared_fits(const struct dsi_prepared *p, const struct dsi_state *state);

/// A manifest whose content the caller has read.
struct dsi_loaded_manifest {
    const char *path;
    const struct dsi_manifest *manifest; // With metrics, without DELETED entries.
};

/// A file of the ledger (txn/ledger.h) that the caller has read.
struct dsi_loaded_file {
    const char *path;
    struct ds_slice bytes; // None when it could not be read: then it counts as lost.
};

struct dsi_rebase_input {
    int64_t now_ms;
    uint32_t attempt;                         // Names the files of this attempt.
    const struct dsi_prepared *prepared;      // Fits the state.
    const struct dsi_loaded_manifest *loaded; // What earlier calls asked for.
    size_t loaded_count;
    const struct dsi_manifests *const *lists; // Likewise, beside the state's own.
    size_t list_count;
    const struct dsi_loaded_file *ledger; // Likewise.
    size_t ledger_count;
};

/// What became of the change itself, or of a part of it.
struct dsi_made {
    int64_t snapshot_id;                   // DSI_SNAPSHOT_NONE: none was made.
    int64_t sequence_number;               // -1 likewise.
    const char *manifest_list;             // Its path; NULL likewise.
    const struct dsi_manifests *manifests; // The list; NULL likewise.
};

enum dsi_rebase_outcome {
    DSI_REBASED,       // The next state is there.
    DSI_REBASE_NEEDS,  // Load what the needs_… fields name; again.
    DSI_REBASE_NOTHING // The change does nothing: no version is to be made.
};

struct dsi_rebased {
    struct dsi_arena arena;
    enum dsi_rebase_outcome outcome;

    int64_t needs_list_of;                  // A snapshot id; DSI_SNAPSHOT_NONE: none.
    const struct dsi_manifest_file **needs; // In the arena.
    size_t needs_count;                     // Some may be among `files`.
    const char **needs_ledger;              // Paths, likewise.
    size_t needs_ledger_count;

    const struct dsi_metadata *metadata;   // Owned here.
    const struct dsi_manifests *manifests; // Of the newest snapshot made; NULL: none.
    struct ds_slice json;                  // The metadata file, not compressed; its own.
    bool gzip;                             // To be compressed.
    struct dsi_new_file *files; // Merged manifests, then the manifest list; of all parts.
    size_t file_count;
    struct dsi_made *made; // [0]: by the change itself; [i + 1]: by its part i.
    size_t made_count;
    size_t conflicting_part; // After a failure: whose it was, counted as in `made`.
    bool
        *conflicting; // After DS_ECONFLICT: of each, whether it was one's; NULL: unknown.
    const char *manifest_list; // Of made[0], and so are the next two.
    int64_t snapshot_id;
    int64_t sequence_number;
    const struct dsi_snapshot **expired; // Forgotten by this version; references.
    size_t expired_count;
    const char **dropped; // Metadata files that fell out of the log.
    size_t dropped_count;
    const char *ledger;          // The ledger's new file, among `files`; NULL: none.
    const char **dropped_ledger; // Files that the ledger named before.
    size_t dropped_ledger_count;
};

/// DS_OK with *out filled, DS_ECONFLICT (explained in err->detail) when the change, or a
/// part of it (out->conflicting_part), cannot be applied after what happened, or another
/// failure. No part holds rows. End *out with dsi_rebased_release.
DS_MUST_CHECK int dsi_rebase(const struct dsi_state *state,
                             const struct dsi_change *change,
                             const struct dsi_rebase_input *input,
                             struct dsi_rebased *out, struct ds_error *err);
void dsi_rebased_release(struct dsi_rebased *r); // Twice is fine.

/// The snapshot the change stands on in this state: its branch's head; for a branch that
/// does not exist yet, main's. NULL: the table is empty.
const struct dsi_snapshot *dsi_rebase_parent(const struct dsi_metadata *m,
                                             const char *branch);

#endif
