// What a group's swap will add to the queue's counters, told before it is made; and
// seeing in the table what became of the swaps of leaders that did not live to count.
//
// (1) A swap has landed if the table has its change's identity, and, where that may be in
//     it for another reason (a group of one has its member's), files that carry the nonce
//     of its leader's run.
// (2) It has not, for good, if the table does not have it and is newer than what it was
//     made on, or its leader is in it no more. Until then nothing is said.
#ifndef DSI_TXN_GROUP_FORECAST_H
#define DSI_TXN_GROUP_FORECAST_H

#include "storage/storage_queue.h"
#include "txn/change.h"
#include "txn/table.h"

/// What a group that began at `start_ns` adds if it makes a version now, by the last of
/// `swaps` swaps, of which `lost` were refused.
struct dsi_queue_counters dsi_group_gains(const struct dsi_change *change, size_t members,
                                          int64_t start_ns, uint32_t swaps,
                                          uint32_t lost);

/// Foretells what the swap of `change` on `head` adds: `more`, and these members.
/// `single`: its group has one member, here or in `more`.
struct dsi_queue_forecast
dsi_group_foretell(struct dsi_queue *queue, const struct dsi_change *change,
                   const struct dsi_state *head, const struct dsi_queue_counters *more,
                   const struct dsi_claim *const *members, size_t count, bool single);

/// Settles what was foretold, as far as `head`, just read, can tell. The caller leads.
void dsi_group_settle(struct dsi_table *table, struct dsi_queue *queue,
                      const struct dsi_state *head);

/// Whether it is this change that has made the snapshot in which its identity was found
/// (1); NULL: none was made. `members`: of its group.
bool dsi_group_has_made(const struct dsi_change *change,
                        const struct dsi_snapshot *snapshot, size_t members);

#endif
