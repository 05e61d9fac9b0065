// What an appender is inside, and its two threads (3).
#ifndef DSI_TXN_APPENDER_RUN_H
#define DSI_TXN_APPENDER_RUN_H

#include "base/thread.h"
#include "txn/appender.h"

#define DSI_APPENDER_FOR_EVER INT64_MAX

// Rows handed over one by one are written together when there are so many of them, or
// when their time has come.
enum { DSI_LOOSE_ROWS_MAX = 8192, DSI_LOOSE_BYTES_MAX = 1 << 20 };

// Rows that came one by one and are no batch yet.
struct dsi_loose {
    struct dsi_batch_builder *builder; // NULL: none were ever there.
    struct dsi_intake *intake;         // Of the builder; a reference.
    uint64_t first_ticket;             // Of its rows; 0: there are none.
    uint64_t last_ticket;
    uint64_t bytes;
    int64_t taken_ns;
};

struct dsi_appender {
    struct dsi_table *table;
    struct ds_appender_options options;
    struct ds_commit_options commit;
    struct dsi_arena arena; // What `commit` points at.
    int pid;                // Who opened it.
    struct dsi_thread *writing;
    struct dsi_thread *committing;
    struct dsi_mutex *mutex;        // Guards what follows.
    struct dsi_cond *work;          // For the writing thread.
    struct dsi_cond *sealed_or_end; // For the committing thread.
    struct dsi_cond *changed;       // For callers: acknowledged, room, failed, closed.
    struct dsi_intake *intake;      // For hand-overs from now on.
    struct dsi_handover *head;      // Accepted, not in a parcel.
    struct dsi_handover *tail;
    struct dsi_loose loose;    // After those.
    struct dsi_parcel *open;   // The writing thread's; read by others under the lock
    int64_t open_ns;           // only as open_ns: its oldest hand-over; FOR_EVER: none.
    struct dsi_parcel *sealed; // Waits to be committed.
    int64_t sealed_ns;
    int64_t committing_ns;   // Oldest of the parcel being committed; FOR_EVER: none.
    uint64_t tickets;        // The last one given.
    uint64_t acked;          // All up to this one are durable.
    uint64_t cut;            // All up to this one are to be committed now.
    uint64_t bytes;          // In memory.
    int64_t failing_ns;      // Since when the commit under way has been failing; -1.
    struct ds_error trouble; // What holds up the try under way,
    int64_t trouble_ns;      // and since when it is known; -1: nothing.
    int64_t starved_ns;      // Since when the writing thread has had no memory; -1.
    int failure;             // Why it has failed for good; DS_OK: it has not.
    struct ds_error error;
    uint64_t unknown_last;          // Tickets (acked, unknown_last] may be in the table.
    struct dsi_handover *back_head; // (4)
    struct dsi_handover *back_tail;
    bool untidy; // Something was committed since small files were looked for.
    bool closing;
    bool writing_ended;
    bool closed;
    int64_t close_deadline_ns;
    struct ds_appender_stats stats;
};

/// What a thread does until the appender is closed; `arg` is the appender. At the end all
/// hand-overs are acknowledged, or kept back (4).
void dsi_appender_run_writing(void *arg);
void dsi_appender_run_committing(void *arg);

// With the lock:

/// Makes a hand-over of the loose rows, at the end of the queue. DS_OK also when there
/// are none.
DS_MUST_CHECK int dsi_appender_gather(struct dsi_appender *a, struct ds_error *err);
void dsi_appender_enqueue(struct dsi_appender *a, struct dsi_handover *h);

/// Takes what is queued for failed (4).
void dsi_appender_keep_queue(struct dsi_appender *a);

/// When the oldest hand-over that is not in a closed parcel was taken; or
/// DSI_APPENDER_FOR_EVER.
int64_t dsi_appender_oldest(const struct dsi_appender *a);

/// Says that a hand-over was never tried, because the appender had failed before; returns
/// the status that fits.
int dsi_appender_never_tried(const struct dsi_appender *a, struct ds_error *err);

/// True in the callback of this appender.
bool dsi_appender_is_calling(const struct dsi_appender *a);

#endif
