// One attempt to commit: from the head, through rebase, to the swap. Knows nothing of
// retries; commit.c does.
#ifndef DSI_TXN_ATTEMPT_H
#define DSI_TXN_ATTEMPT_H

#include "txn/forgotten.h"
#include "txn/look.h"
#include "txn/rebase.h"
#include "txn/table.h"

/// How an attempt ended.
enum dsi_attempt_end {
    DSI_ATTEMPT_COMMITTED, ///< Our swap did it: `state` is the new head.
    DSI_ATTEMPT_FOUND,     ///< The identity was there already: `state` has it.
    DSI_ATTEMPT_NOTHING,   ///< The change does nothing.
    DSI_ATTEMPT_AGAIN,     ///< Somebody was faster, an answer was lost, or I/O failed.
    DSI_ATTEMPT_CHANGED,   ///< The guard said no: nothing was sent on this head.
    DSI_ATTEMPT_STOP,      ///< Trying again is pointless.
};

/// What a commit carries from attempt to attempt.
struct dsi_attempts {
    struct dsi_table *table;
    const struct dsi_change *change;
    struct dsi_trail trail;
    struct dsi_arena arena;       // Paths, and the list of them.
    struct dsi_prepared prepared; // Kept over attempts; of its files the first so many
    size_t prepared_stored;       // are stored.
    const char **written;         // Files this run stored beside the metadata.
    size_t written_count;
    size_t written_capacity;
    struct dsi_manifest *manifests; // Read for merging; kept over attempts.
    struct dsi_loaded_manifest *loaded;
    size_t loaded_count;
    size_t loaded_capacity;
    const struct dsi_manifests **lists; // Of the branches' heads; for one rebase.
    size_t list_count;
    struct dsi_loaded_file *ledger; // Of the ledger, by path; kept over attempts.
    size_t ledger_count;
    uint32_t rounds;    // Attempts, also those that never got to a request.
    uint32_t swaps;     // Requests sent.
    uint32_t conflicts; // Of those, refused.
    int64_t lined_up_ns;
    bool offered; // A group was given what the change has stored: it may be in the table.
    bool (*guard)(void *arg,
                  const struct dsi_state *head); // NULL: none. Asked about each
    void *guard_arg;                             // head before it is built on.
    void (*working)(void *arg);   // NULL, or told (guard_arg) while a rebase is long.
    const struct dsi_state *read; // NULL, or the head, just read, that the
                                  // identity is not in; a reference. Who
                                  // need not wait in line builds on it.
    bool refused;                 // The last swap was answered with a refusal.
    struct dsi_rebased last;      // The last attempt's; for COMMITTED, the version made.
    struct dsi_forgotten forgotten; // What that forgets; if judged, before the swap.
    const struct dsi_state *state;  // See dsi_attempt_end; a reference.
    const struct dsi_snapshot
        *snapshot; // The commit's, borrowed from state; may be NULL.
};

/// Starts: plans on the change's base state, and stores its manifests.
DS_MUST_CHECK int dsi_attempts_begin(struct dsi_attempts *a, struct dsi_table *table,
                                     const struct dsi_change *change,
                                     struct ds_error *err);
void dsi_attempts_release(struct dsi_attempts *a);

/// Tries once, waiting at most `line_up_ns` in line. The status is that of what went
/// wrong; *end says what it means.
DS_MUST_CHECK int dsi_attempt(struct dsi_attempts *a, int64_t line_up_ns,
                              enum dsi_attempt_end *end, struct ds_error *err);

/// Reads the head and looks, without trying: FOUND, ABSENT … in *sighting, and
/// a->state/snapshot as after an attempt.
DS_MUST_CHECK int dsi_attempts_look(struct dsi_attempts *a, enum dsi_sighting *sighting,
                                    struct ds_error *err);

/// Makes durable what was stored for the change so far: before others are told its names.
DS_MUST_CHECK int dsi_attempts_sync(const struct dsi_attempts *a, struct ds_error *err);

/// True when this run stored the file.
bool dsi_attempts_wrote(const struct dsi_attempts *a, const char *path);

#endif
