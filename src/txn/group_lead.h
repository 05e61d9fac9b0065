// Leading: one writer commits everybody's intents.
#ifndef DSI_TXN_GROUP_LEAD_H
#define DSI_TXN_GROUP_LEAD_H

#include "storage/storage_queue.h"
#include "txn/look.h"
#include "txn/table.h"

/// The leader's own change: published, with a `ticket`, or nowhere, as a `change`. What
/// is published nowhere nobody else ever sends: a leader that is replaced has taken it
/// along. Such a one has an identity of this run, no files, and can share a snapshot.
struct dsi_group_own {
    const struct dsi_ticket *ticket; ///< NULL: it has none.
    bool again;                      ///< With it: its owner has led with it before.
    const struct dsi_change *change; ///< Without it; borrowed.
    int64_t since_ns;                ///< Without it: since when it waits (monotonic).
    struct dsi_receipt receipt;      ///< Without it, filled: the answer,
    struct dsi_mark since;           ///< and the newest version that did not have it.
};

/// How leading ended for the leader's own change.
enum dsi_lead_end {
    DSI_LEAD_ANSWERED,  ///< It has its receipt.
    DSI_LEAD_WITHDRAWN, ///< It is withdrawn, and nobody ever sent anything of it.
    DSI_LEAD_HELPLESS,  ///< Neither. With a ticket: the head cannot be read, time is up,
                        ///< the queue is damaged, or somebody else may have claimed it
                        ///< too. Without: the outcome of what was sent is open.
};

/// Leads until its own change has its receipt, then resigns; the caller holds leadership,
/// and has lost it afterwards.
enum dsi_lead_end dsi_group_lead(struct dsi_table *table, struct dsi_queue *queue,
                                 struct dsi_group_own *own, int64_t until_ns);

#endif
