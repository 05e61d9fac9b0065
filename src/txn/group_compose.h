// One change out of the changes of a group's members.
//
// (1) What only appends and sets properties shares one snapshot, in the order of the
//     members. Whatever depends on what the table is becomes a part, with a snapshot of
//     its own: before the shared one if it takes files out, after it otherwise.
// (2) A group of one is its member's own commit: it has its identity, summary and branch.
#ifndef DSI_TXN_GROUP_COMPOSE_H
#define DSI_TXN_GROUP_COMPOSE_H

#include "storage/storage_queue.h"
#include "txn/intent.h"

/// A change in its leader's hands.
struct dsi_group_member {
    const struct dsi_claim *claim; // NULL: it is the leader's own, and published nowhere.
    struct dsi_intent intent;      // What was published; empty otherwise.
    const struct dsi_change *change; // That, or the leader's own, borrowed; NULL: taken.
    struct dsi_trail trail; // What is known of it: not in the history up to `looked`.
    bool in;                // It goes into this group; otherwise it has its receipt.
    size_t part;            // 0: in the group's own snapshot; else in part's.
};

/// Whether it can share a snapshot with others like it: only then a leader's own change
/// may be a member that was published nowhere.
bool dsi_group_can_share(const struct dsi_change *c);

/// Composes the change of the members that are `in`, and writes the rows they hold to
/// files. `state`: the head that they were admitted on. It takes changes that become
/// parts, or the group's own, from the intents of their members. After a failure there is
/// no change and no file; *bad is the member that it failed at, NULL if it was none's
/// fault.
DS_MUST_CHECK int dsi_group_compose(const struct dsi_state *state, ds_storage *storage,
                                    struct dsi_group_member *members, size_t count,
                                    struct dsi_change **out,
                                    struct dsi_group_member **bad, struct ds_error *err);

#endif
