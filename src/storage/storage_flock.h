// Advisory locks between the processes of this machine: flock(2) on a file.
//
// (1) A waiter stands in a queue of its own (a second file) until it is first, and first
//     means it gets the lock: whoever gives it back and wants it again queues up behind.
// (2) Both locks die with their holder, whatever it forked (storage_private.h); the files
//     stay, empty, for the next.
#ifndef DSI_STORAGE_STORAGE_FLOCK_H
#define DSI_STORAGE_STORAGE_FLOCK_H

#include <stdint.h>

#include "datashard/status.h"

struct dsi_flock;

/// Waits at most `wait_ns`; DS_ECONFLICT when that was not enough, DS_ECANCELLED when the
/// caller did not want to wait on (base/cancel.h). *out is NULL with
/// DS_OK where the file system has no locks. The directory must be there.
DS_MUST_CHECK int dsi_flock_take(const char *path, int64_t wait_ns,
                                 struct dsi_flock **out, struct ds_error *err);
void dsi_flock_release(struct dsi_flock *lock); // NULL is fine.

#endif
