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
// (4) The queue, which is never meant to be synced: as it was, absent, empty,
//     overwritten, half zeros, cut short.
// (5) What is done with the table afterwards, which is no part of the disk: 0, the
//     writers come back that had no answer; 1, they ask.
//
// States are not told one by one: their number grows with two to the power of what is
// pending. A state is a choice; questions about it are answered, and it is known which
// units an answer was taken from.
#ifndef DSI_TEST_DISK_H
#define DSI_TEST_DISK_H

#include "powerloss/trace.h"

enum { DISK_ACKS = 128, DISK_UNITS_MAX = 512 };

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

/// How many cuts there are: after none of the events, after the first, and so on.
size_t disk_cuts(const struct disk *d);

/// True when a cut after `prefix` events may leave what no cut after fewer of them may.
bool disk_cut_differs(const struct disk *d, size_t prefix);

/// The power is cut after `prefix` events: tells the units of choice. All choices are 0:
/// all of it is there. Borrowed by the disk until the next call.
struct disk_cut {
    size_t unit_count;
    unsigned options[DISK_UNITS_MAX];
};
void disk_cut(struct disk *d, size_t prefix, struct disk_cut *out);

/// Makes `choice`, one number for each unit, what is there.
void disk_choose(struct disk *d, const uint8_t *choice);

// What can be asked of the state that is chosen. Paths are numbers: see disk_slot.
enum disk_asks {
    DISK_MODE,  // (5)
    DISK_ACKED, // Was append `slot` acknowledged?
    DISK_THERE, // Is there something at the path, and is it a directory?
    DISK_SIZE,  // And how large is it?
    DISK_BYTES, // And what has it from `offset` on, at most `size` bytes?
    DISK_NAMES, // What is in the directory?
};

struct disk_question {
    enum disk_asks asks;
    int slot;
    uint64_t offset;
    uint64_t size;
};

/// The number of a path below the root, -1: the root's; -2: no file of the trace, nor of
/// what was before it, had it at any time.
int disk_slot(const struct disk *d, const char *path);

/// The answer, as a hash. `reads` is told each unit without which it would not be known,
/// perhaps more than once: the answer is the same in all states that have those choices.
typedef void (*disk_reads_fn)(void *arg, size_t unit);
uint64_t disk_answer(struct disk *d, const struct disk_question *q, disk_reads_fn reads,
                     void *arg);

/// All files of the chosen state. The disk owns it until the next call.
struct disk_file {
    const char *path;
    const uint8_t *bytes; // NULL: a directory.
    size_t size;
};

struct disk_state {
    struct disk_file *files; // Directories before what is in them.
    size_t count;
    unsigned queue; // (4)
    bool asks;      // (5)
};
void disk_put(struct disk *d, struct disk_state *out);

/// Says which choice it is, in words.
void disk_about(const struct disk *d, char *out, size_t size);

/// The numbers of appends that were acknowledged before the cut.
const bool *disk_acked(const struct disk *d);

/// The whole content that a path was given in the trace (or had before); NULL: never.
const uint8_t *disk_content(const struct disk *d, const char *path, size_t *size);

/// How many syncs the trace has, how many acknowledgements, and how many syncs there are
/// between the first and the last of those: of a writer that is warm.
void disk_count(const struct disk *d, size_t *syncs, size_t *acks, size_t *warm);

#endif
