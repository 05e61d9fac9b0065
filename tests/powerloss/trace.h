// What a run asked of the disk: every change of a file or a directory below one root, and
// every sync, in order, with its bytes. Several processes may write one trace.
//
// (1) A change is in the trace when the call that made it has come back; a sync comes
//     with the place in the trace where it began: what came before that, and nothing
//     else, is what it made durable.
#ifndef DSI_TEST_TRACE_H
#define DSI_TEST_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_kind {
    TRACE_OPEN,     // `id` now names the file at `path`; made if `create` and not there.
    TRACE_NEW,      // `id` now names a new file that has no name.
    TRACE_NAME,     // That gets the name `path`.
    TRACE_WRITE,    // By `id`, or (SQLite) by `path`.
    TRACE_TRUNCATE, // To `size`.
    TRACE_FSYNC,    // By `id` or by `path`; a file or a directory.
    TRACE_SYNC_DIR, // The directory that `path` is in.
    TRACE_LINK,
    TRACE_RENAME,
    TRACE_EXCHANGE,
    TRACE_UNLINK,
    TRACE_MKDIR,
    TRACE_ACK, // The writer of append `id` was told that it is durable.
};

struct trace_event {
    enum trace_kind kind;
    uint32_t id;     // 0: by path.
    uint32_t began;  // Of a sync: how many events there were.
    uint32_t writer; // Which process or thread of the run, for the reader.
    bool create;
    uint64_t offset; // UINT64_MAX: where the last write ended.
    uint64_t size;
    const char *path; // In the trace's own memory, as is what follows.
    const char *other;
    const uint8_t *bytes;
};

enum { TRACE_EVENTS_MAX = 20000 };

struct trace;

/// A trace in memory shared with children, for files below `root` (copied).
struct trace *trace_new(const char *root);
void trace_free(struct trace *t);

/// From here on this process's calls are written down; once in a process.
void trace_start(struct trace *t);

/// "Append `number` is acknowledged."
void trace_ack(struct trace *t, uint32_t number);

const struct trace_event *trace_events(const struct trace *t, size_t *count);

/// Kills this process after its n-th call of this name ("posix.link") whose path or other
/// path ends in `suffix`: so that somebody else has to go on.
void trace_die_after(const char *call, const char *suffix, unsigned nth);

#endif
