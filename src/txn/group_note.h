// What leaders leave in the queue for everybody: the newest version they made, and how
// the last group went.
#ifndef DSI_TXN_GROUP_NOTE_H
#define DSI_TXN_GROUP_NOTE_H

#include "storage/storage_queue.h"
#include "txn/look.h"

struct dsi_group_note {
    struct dsi_mark head; // Some version that was committed; mostly the newest.
    uint32_t members;     // Of the last group.
    uint32_t round_us;    // How long it took.
};

void dsi_group_note_put(struct dsi_queue *q, const struct dsi_group_note *note);

/// False when there is none.
bool dsi_group_note_get(struct dsi_queue *q, struct dsi_group_note *out);

#endif
