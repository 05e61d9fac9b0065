// Leading: one writer commits everybody's intents.
#ifndef DSI_TXN_GROUP_LEAD_H
#define DSI_TXN_GROUP_LEAD_H

#include "storage/storage_queue.h"
#include "txn/table.h"

/// How leading ended for the leader's own intent.
enum dsi_lead_end {
    DSI_LEAD_ANSWERED,  ///< It has its receipt.
    DSI_LEAD_WITHDRAWN, ///< It is withdrawn, and nobody ever sent anything of it.
    DSI_LEAD_HELPLESS,  ///< Neither: the head cannot be read, time is up, the queue is
                        ///< damaged, or somebody else may have claimed it too.
};

/// Leads until the intent of `own` has its receipt, then resigns; the caller holds
/// leadership, and has lost it afterwards. `again`: it has led with this intent before.
enum dsi_lead_end dsi_group_lead(struct dsi_table *table, struct dsi_queue *queue,
                                 const struct dsi_ticket *own, bool again,
                                 int64_t until_ns);

#endif
