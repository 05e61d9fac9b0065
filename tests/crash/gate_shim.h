// The gate with somebody in it: every call of the library to files (dsi_posix_ops) and to
// SQLite (dsi_sql_ops), and every call of SQLite to its own files (a VFS in front of the
// system's), passes a watcher, which can count, record, refuse, cut short, or kill.
//
// (1) No call of the gate is left out: shim_start ends the process when the tables have a
//     member that is not watched and not known to leave the world alone.
// (2) A watcher sees a call twice, before and after; nothing of the library is between.
#ifndef DSI_TEST_GATE_SHIM_H
#define DSI_TEST_GATE_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shim_kind {
    SHIM_OPEN,
    SHIM_OPEN_UNNAMED, // In directory `path`.
    SHIM_NAME,         // The file `fd`, as `path`.
    SHIM_CLOSE,
    SHIM_READ,
    SHIM_WRITE,
    SHIM_TRUNCATE,
    SHIM_FSYNC,
    SHIM_SYNC_DIR, // Of SQLite's, inside another call: seen after it, cannot be refused.
    SHIM_LINK,
    SHIM_RENAME,
    SHIM_EXCHANGE,
    SHIM_UNLINK,
    SHIM_MKDIR,
    SHIM_LOOK, // Changes nothing: stat, listing, …
    SHIM_LOCK,
    SHIM_MODE,
    SHIM_WAIT,
    SHIM_SQL
};

enum shim_layer { SHIM_POSIX, SHIM_SQLITE, SHIM_VFS };

struct shim_call {
    const char *name; // "posix.open", "sql.step", "vfs.write".
    enum shim_kind kind;
    enum shim_layer layer;
    const char *path; // Or NULL: the call is about `fd`.
    const char
        *other; // The second name of a link, rename or exchange; an SQL statement's text.
    int fd;
    int flags;
    const void *bytes; // What is written.
    uint64_t size;
    uint64_t offset; // UINT64_MAX: at the descriptor's position.
    uint32_t mark;   // The watcher's own: calls may have calls in them.
};

enum shim_verdict {
    SHIM_DO,
    SHIM_EIO, // The others are failures in the words of the call's layer.
    SHIM_ENOSPC,
    SHIM_EINTR,
    SHIM_SHORT,   // Half of a write or read is done, and said.
    SHIM_DO_FAIL, // Done, but it says EIO.
    SHIM_HALF,    // Half of a write is done, then `after` is called with its result.
};

struct shim_watcher {
    enum shim_verdict (*before)(struct shim_call *call);
    void (*after)(const struct shim_call *call, int64_t result);
    bool lstat_tells_sort; // lstat tells the sort of a file and who it is, not its size.
    const char *boot_id;   // What the machine says it is called since its start; or NULL.
};

/// From here on every call passes `w`, in every thread. Before anything is opened.
void shim_start(const struct shim_watcher *w);

#endif
