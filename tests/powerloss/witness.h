// Who looks at a state, and notes all that is read of it: by the library through its
// gate, by SQLite through its VFS, and by the test's own looks.
//
// Noted is what the disk had before the look began. What the look itself has changed
// since is known from what it read, so that a question too many does no harm; one too few
// would, and where in doubt there is one more.
#ifndef DSI_TEST_WITNESS_H
#define DSI_TEST_WITNESS_H

#include "powerloss/disk.h"
#include "powerloss/explore.h"

/// From here on all is noted in *out, once in a process. `boot_id`: what the machine is
/// called since it was started anew.
void witness_start(const struct disk *d, struct explore_look *out, const char *boot_id);

/// A mistake, planted: bytes that are read are not noted. An audit has to see it.
extern bool witness_is_blind;

/// A question that is not about files: DISK_MODE, or DISK_ACKED and a number.
void witness_ask(enum disk_asks asks, int number);

/// All of the file is read, or that it is not there is seen.
void witness_path(const char *path);

#endif
