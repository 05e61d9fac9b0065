// Group commit: writers of one table on one machine, committed together by one of them.
//
// An owner publishes its change as an intent and waits; whoever holds leadership takes
// all intents there are, applies them to the head in order and swaps once. There is no
// other process: the leader is an owner, for as long as its own change is not answered.
// Who comes with few rows, or properties, while nobody leads takes them along without
// having published them.
//
// (1) The group is a shorter way to COMMITTED and nothing else. Every other end, whatever
//     the queue says or does, is the plain commit loop's, which reads outcomes from
//     history.
// (2) COMMITTED is believed of a receipt: it is written after the swap said yes.
// (3) A leader reads the head, then claims, then asks each owner's word, then swaps on
//     that head; on a new head it asks again. An owner withdraws, then reads the head: so
//     every base on which its change may still be sent is at most that head. So does who
//     has led with a change of its own, and does not know what became of it.
// (4) Members that the head's history has already are answered, and not applied again.
// (5) A member that does not apply is sent away alone, and does not stop the others. When
//     it is a member before it that is in its way, that one is committed first.
// (6) A group ends as a commit does: what it wrote is removed only after a definite
//     outcome of the group, by its own identity.
#ifndef DSI_TXN_GROUP_H
#define DSI_TXN_GROUP_H

#include "storage/storage_queue.h"
#include "txn/attempt.h"

// Table properties.
#define DSI_KEY_GROUP_ENABLED "datashard.group-commit.enabled"     // true
#define DSI_KEY_GROUP_ROWS_MAX "datashard.group-commit.rows-max"   // 1000
#define DSI_KEY_GROUP_BYTES_MAX "datashard.group-commit.bytes-max" // 65536
#define DSI_GROUP_ROWS_MAX 1000
#define DSI_GROUP_BYTES_MAX 65536

/// The largest append that travels as rows.
struct dsi_group_policy {
    bool enabled;
    int64_t rows_max;
    int64_t bytes_max;
};

/// Reads it from properties; a value that makes no sense is the default, with a warning.
struct dsi_group_policy dsi_group_policy_of(const struct dsi_metadata *m);

/// What the group did for a change.
struct dsi_group_end {
    bool committed; // With `receipt`. Otherwise: go on with the plain loop.
    struct dsi_receipt receipt;
    bool sent; // A leader may still commit it, on a head of at most a->trail.base.
    int64_t waited_ns;
};

/// Tries to have a->change committed in a group, by `deadline_ns` (monotonic clock) at
/// the latest; leads if nobody does. DS_OK with *end filled; a->trail says what was sent.
/// A failure is one of reading the head after a withdrawal: then the outcome is unknown,
/// and a->trail.sent is true.
DS_MUST_CHECK int dsi_group_commit(struct dsi_attempts *a, int64_t deadline_ns,
                                   struct dsi_group_end *end, struct ds_error *err);

#endif
