// A parcel: hand-overs of an appender that become one commit, and getting them there.
//
// (1) It has one identity, drawn by its first try and kept for all: whatever happens to a
//     try, the rows are in the table at most once.
// (2) After a try whose outcome is unknown nothing else is tried before it is resolved.
// (3) Rows are kept until the parcel is freed: files of a try that failed are gone, and
//     are made again from them.
#ifndef DSI_TXN_PARCEL_H
#define DSI_TXN_PARCEL_H

#include "txn/append.h"
#include "txn/commit.h"
#include "txn/intake.h"
#include "txn/look.h"

/// What was handed over at once, or row by row.
struct dsi_handover {
    struct dsi_handover *next;
    struct dsi_intake *intake; // A reference: the batch points at its schema.
    struct dsi_batch batch;
    uint64_t first_ticket;
    uint64_t last_ticket;
    uint64_t bytes;
    int64_t taken_ns;
    enum ds_outcome outcome; // Once it has failed.
};

void dsi_handover_free(struct dsi_handover *h); // NULL is fine.

struct dsi_parcel {
    struct dsi_table *table;
    const struct ds_commit_options *options; // Borrowed.
    struct dsi_handover *head;
    struct dsi_handover *tail;
    uint64_t rows;
    uint64_t bytes;
    bool named;
    char identity[DSI_UUID_TEXT_SIZE]; // (1)
    char token[DSI_TOKEN_SIZE];        // Not "": the outcome of the last try is open (2).
    struct dsi_change *change;         // Of the try under way; NULL: none.
    struct dsi_append *append;
    bool ready; // The change has all of the rows.
};

/// Makes an empty one; `table` and `options` are borrowed. End with dsi_parcel_free.
DS_MUST_CHECK int dsi_parcel_new(struct dsi_table *table,
                                 const struct ds_commit_options *options,
                                 struct dsi_parcel **out, struct ds_error *err);

/// Frees it and the hand-overs it still has; files of a try that was not sent go. NULL is
/// fine.
void dsi_parcel_free(struct dsi_parcel *p);

/// Takes a hand-over, of the same intake as the others, and begins to write its rows; a
/// failure there is one of that try, and nothing is lost: dsi_parcel_deliver makes it
/// good.
void dsi_parcel_add(struct dsi_parcel *p, struct dsi_handover *h);

/// Ends the files, so that only the commit is left to do. A failure as in dsi_parcel_add.
void dsi_parcel_finish(struct dsi_parcel *p);

/// The hand-overs, which the parcel has no more.
struct dsi_handover *dsi_parcel_take(struct dsi_parcel *p);

/// How delivery waits, and when it ends.
struct dsi_patience {
    void *arg;
    int64_t budget_ns; ///< From the first failure on.
    /// Waits at most that long; sooner when something has changed.
    void (*wait)(void *arg, int64_t ns);
    /// When everything must be over, of the monotonic clock; INT64_MAX: never.
    int64_t (*deadline_ns)(void *arg);
    /// Told each try that failed.
    void (*failed)(void *arg, const struct ds_error *err);
    /// Told, again and again, what holds up the try under way. May be NULL.
    void (*held_up)(void *arg, const struct ds_error *why);
};

/// Commits the parcel; tries again after failures that may pass, with full jitter.
///   DS_OK         in the table; *result says how. Its rows may be freed.
///   DS_EUNKNOWN   the time is over, and nobody can say: result->token.
///   DS_ECANCELLED the deadline passed before anything was sent.
///   other         not in the table; it can't be (a final status), or the time is over.
DS_MUST_CHECK int dsi_parcel_deliver(struct dsi_parcel *p,
                                     const struct dsi_patience *patience,
                                     struct ds_commit_result *result,
                                     struct ds_error *err);

#endif
