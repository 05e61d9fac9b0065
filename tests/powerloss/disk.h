// A disk that loses power: from a trace, every state it may be found in.
//
// After any prefix of the trace, what a sync has covered is there; of what no sync has
// covered, any part may be. The units of that choice:
//
// (1) A directory entry made, replaced or removed: done or not, each by itself. (Entries
//     of temporary names and locks, which nobody opens again, are chosen together: all,
//     none, or all but the removals.)
// (2) The content of a new file that was not synced: all, nothing, zeros of its length,
//     its first half, its first sector and zeros, all but its first sector, all but its
//     last, only its first write.
// (3) Each write to a file that was there before: done, not done, its first sectors, its
//     last sectors; each truncation: done or not. A sector (512 bytes) is never torn.
// (4) A file that is never meant to be synced (the queue) has no say in the state; see
//     disk_queue_variants.
#ifndef DSI_TEST_DISK_H
#define DSI_TEST_DISK_H

#include "powerloss/trace.h"

struct disk;

/// The disk that holds what is below `root` now, durably, and then `trace`, which is
/// borrowed. End with disk_free.
struct disk *disk_new(const char *root, const struct trace *t);
void disk_free(struct disk *d);

// A kind of sync: a call site, as far as a trace can tell. "metadata directory #2" is the
// second sync of that directory for one append.
enum { DISK_SITES_MAX = 64, DISK_SITE_MAX = 64 };
size_t disk_sites(const struct disk *d, char out[DISK_SITES_MAX][DISK_SITE_MAX]);

/// Leaves out every sync of that site (NULL: none).
void disk_leave_out(struct disk *d, const char *site);

/// One state. Contents are shared; the disk owns it until the next call.
struct disk_file {
    const char *path;
    const uint8_t *bytes; // NULL: a directory.
    size_t size;
    uint64_t hash;
};

struct disk_state {
    struct disk_file *files; // Directories before what is in them.
    size_t count;
    uint64_t hash;     // Of all of it, and of what was acknowledged.
    const bool *acked; // By the number of an append.
    size_t prefix;     // Events that had happened.
    char about[256];   // Which choice it is, in words.
};

typedef bool (*disk_state_fn)(void *arg, const struct disk_state *s); // False: enough.

/// Tells every state after every prefix, at most `most` for one prefix: all choices where
/// they are not more; else those that differ in at most two units from everything or from
/// nothing, and random ones. Last prefixes first. A state may be told more than once.
/// *cut counts the prefixes that have more states than that.
void disk_each_state(struct disk *d, size_t most, uint64_t seed, disk_state_fn fn,
                     void *arg, size_t *cut);

/// The whole content that a path was given in the trace (or had before); NULL: never.
const uint8_t *disk_content(const struct disk *d, const char *path, size_t *size);

/// How many syncs the trace has, how many acknowledgements, and how many syncs there are
/// between the first and the last of those: of a writer that is warm.
void disk_count(const struct disk *d, size_t *syncs, size_t *acks, size_t *warm);

enum { DISK_ACKS = 128 };

#endif
