// Leading: one writer commits everybody's intents.
#ifndef DSI_TXN_GROUP_LEAD_H
#define DSI_TXN_GROUP_LEAD_H

#include "storage/storage_queue.h"
#include "txn/look.h"
#include "txn/table.h"

/// The leader's own change. Where it is published nowhere, nobody else ever sends
/// anything of it: a leader that is replaced has taken it along.
struct dsi_group_own {
    const struct dsi_ticket
        *ticket; ///< Its place in the queue; NULL: it has none, and is
    const struct dsi_change *change; ///< this: drawn an identity for, without files, and
                                     ///< one that can share a snapshot.
    int64_t since_ns;                ///< Since when that waits (monotonic clock).
    struct dsi_receipt receipt;      ///< Filled, of `change`: its answer,
    struct dsi_mark since;           ///< and the newest version that did not have it.
    bool again;                      ///< Of a ticket: its owner has led with it before.
};

/// How leading ended for the leader's own change.
enum dsi_lead_end {
    DSI_LEAD_ANSWERED,  ///< It has its receipt.
    DSI_LEAD_WITHDRAWN, ///< It is withdrawn, and nobody ever sent anything of it.
    DSI_LEAD_HELPLESS,  ///< Neither: the head cannot be read, time is up, the queue is
                        ///< damaged, or somebody else may have claimed it too.
};

/// Leads until its own change has its receipt, then resigns; the caller holds leadership,
/// and has lost it afterwards.
enum dsi_lead_end dsi_group_lead(struct dsi_table *table, struct dsi_queue *queue,
                                 struct dsi_group_own *own, int64_t until_ns);

#endif
