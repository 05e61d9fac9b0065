// Running the tasks of a scan, in threads behind a bounded queue or in the caller's own.
//
// (1) At most `threads` tasks run at once, and at most two batches for each thread wait.
// (2) Ordered: batches come in the order of the tasks. A task waits, with what it has,
//     until those before it are through.
// (3) After a failure, or the end, every further call says the same.
// (4) dsi_scan_read_free in the middle stops the threads at their next batch and joins
//     them.
#ifndef DSI_SCAN_SCAN_READ_H
#define DSI_SCAN_SCAN_READ_H

#include "scan/scan_task.h"

struct dsi_scan_read;

struct dsi_scan_read_options {
    const struct dsi_scan_source *source; // Borrowed, like the tasks.
    const struct dsi_scan_task *tasks;
    size_t task_count;
    uint32_t threads; // 1: no thread but the caller's.
    bool ordered;
};

/// Starts the threads. End with dsi_scan_read_free.
DS_MUST_CHECK int dsi_scan_read_new(const struct dsi_scan_read_options *options,
                                    struct dsi_scan_read **out, struct ds_error *err);

/// DS_ROW with *out, DS_OK at the end.
DS_MUST_CHECK int dsi_scan_read_next(struct dsi_scan_read *r, struct dsi_batch *out,
                                     struct ds_error *err);

/// Adds up what the tasks did so far.
void dsi_scan_read_stats(struct dsi_scan_read *r, struct dsi_task_stats *out);
void dsi_scan_read_free(struct dsi_scan_read *r); // NULL is fine.

#endif
