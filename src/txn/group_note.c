#include "txn/group_note.h"

#include <string.h>

// Bytes of this machine for this machine: the queue's header guards version and boot.
_Static_assert(sizeof(struct dsi_group_note) <= DSI_QUEUE_NOTE_MAX,
               "a note fits into the queue");

void dsi_group_note_put(struct dsi_queue *q, const struct dsi_group_note *note)
{
    uint8_t bytes[sizeof *note];

    memcpy(bytes, note, sizeof bytes);
    dsi_queue_set_note(q, (struct ds_slice){bytes, sizeof bytes});
}

bool dsi_group_note_get(struct dsi_queue *q, struct dsi_group_note *out)
{
    uint8_t bytes[DSI_QUEUE_NOTE_MAX];

    if (dsi_queue_note(q, bytes) != sizeof *out) {
        return false;
    }
    memcpy(out, bytes, sizeof *out);
    return true;
}
