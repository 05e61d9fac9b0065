// Advisory locks between the processes of this machine: flock(2) on a file.
//
// (1) A waiter stands in a queue of its own (a second file) until it is first, and first
//     means it gets the lock: whoever gives it back and wants it again queues up behind.
// (2) Both locks die with their holder, whatever it forked (storage_private.h); the files
//     stay, empty, for the next. (A child of clone(2), called past the C library, has
//     what its parent kept open, (3), when it was made: it can outlive a later holder's
//     death.)
// (3) Opening the two costs more than locking them, so what was given back stays open and
//     unlocked, for who wants it next. It is taken out for that: two who shared an open
//     file would both be told that they have its lock.
// (4) What was kept is used only while its files have a name and are those that were
//     opened. Not noticed is who gives them another name, or moves away the directory
//     they are in: then newcomers lock other files. That is borne, as the lock only saves
//     work.
// (5) Nothing is kept on a file system that other machines may have too: there a removed
//     file may seem to be left, and one that is open keeps its directory from being
//     removed.
#ifndef DSI_STORAGE_STORAGE_FLOCK_H
#define DSI_STORAGE_STORAGE_FLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "datashard/status.h"

struct dsi_flock;

enum { DSI_FLOCKS_MAX = 4 };

/// What is kept open, (3); any thread may use it. Zeroed, it is nothing.
struct dsi_flocks {
    struct dsi_flock *idle[DSI_FLOCKS_MAX]; // Guarded by dsi_fork_hold.
    size_t next_out;                        // When there is no room for another.
};

/// Waits at most `wait_ns`; DS_ECONFLICT when that was not enough, DS_ECANCELLED when the
/// caller did not want to wait on (base/cancel.h). *out is NULL with
/// DS_OK where the file system has no locks. The directory must be there.
DS_MUST_CHECK int dsi_flock_take(struct dsi_flocks *kept, const char *path,
                                 int64_t wait_ns, struct dsi_flock **out,
                                 struct ds_error *err);
void dsi_flock_release(struct dsi_flocks *kept, struct dsi_flock *lock); // NULL is fine.

/// Closes what is kept; not while a lock is held, which would be kept after that.
void dsi_flocks_close(struct dsi_flocks *kept);

#endif
