// Files that have their names and their bytes, but are not durable yet: until somebody
// says that he relies on them, and then all at once, which costs the disk little more
// than one alone.
//
// (1) A file is kept by its descriptor: an error of writing it back is told to who syncs.
// (2) After a failed sync a file stays known as broken, so that no later one can lie.
// (3) At most DSI_LATER_MAX files are kept; who finds no room syncs at once.
// (4) A small file that nobody looks for before the sync is held as its bytes until then,
//     at most DSI_HELD_MAX each: all of a commit's are written one right after the other,
//     and what never comes to its sync was never there. Who writes it takes it out, and
//     keeps it by a descriptor, or gives it back, bytes and all, to be written by the
//     next sync. Until then whoever wants the same file waits: it may be another thread
//     that lists a directory, say.
#ifndef DSI_STORAGE_STORAGE_LATER_H
#define DSI_STORAGE_STORAGE_LATER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "datashard/status.h"
#include "storage/storage_dirs.h"

struct dsi_later;

enum { DSI_LATER_MAX = 64, DSI_HELD_MAX = 32 * 1024 };

/// Any thread may use it. Ends by dsi_later_free, which closes what is kept.
DS_MUST_CHECK int dsi_later_new(struct dsi_later **out, struct ds_error *err);
void dsi_later_free(struct dsi_later *l); // NULL is fine.

/// Keeps the file `path` (copied), open for writing as `fd`, which is taken over. False:
/// there is no room (3), and `fd` is still the caller's. For a file that is known
/// already, as one that was taken out, there is.
bool dsi_later_keep(struct dsi_later *l, const char *path, int fd);

/// What a file that is held (4) is going to be.
struct dsi_held {
    struct dsi_buf bytes; // Owned.
    bool replace;         // Whatever is there by then; else it has to be absent.
};

/// Holds the file `path` (copied); its bytes are taken over. False: it is too large,
/// there is no room, or, not to replace anything, the path is known already: still the
/// caller's.
bool dsi_later_hold(struct dsi_later *l, const char *path, struct dsi_held *held);

/// Takes a file out that is held, to be written (4): dsi_later_keep or
/// dsi_later_give_back has to follow. False: it is not held.
bool dsi_later_take_held(struct dsi_later *l, const char *path, struct dsi_held *out);

/// It could not be written: it is held as before. The bytes are taken over.
void dsi_later_give_back(struct dsi_later *l, const char *path, struct dsi_held *held);

/// The paths of the files that are held, and were in this process: a child that was
/// forked leaves those of its parent to that. The texts are the caller's. How many;
/// without memory fewer.
size_t dsi_later_list_held(struct dsi_later *l, char *out[DSI_LATER_MAX]);

/// Forgets the file: it is removed, or replaced.
void dsi_later_drop(struct dsi_later *l, const char *path);

/// What there is to do while the disk is busy; `run` may be NULL: nothing.
struct dsi_meanwhile {
    void (*run)(void *arg);
    void *arg;
};

/// A file that is synced along with others.
struct dsi_along {
    int fd; // Open for writing, and closed afterwards; -1: none.
    const char *name;
};
#define DSI_ALONG_NONE ((struct dsi_along){-1, NULL})

/// Syncs what is kept of these files, the directories of all of them, and `along`, which
/// is closed whatever becomes of it. Does `meanwhile` in that time, at most once, where
/// there would be nothing but waiting.
DS_MUST_CHECK int dsi_later_sync(struct dsi_later *l, struct dsi_dirs *dirs,
                                 const char *const *paths, size_t count,
                                 struct dsi_along along, struct dsi_meanwhile meanwhile,
                                 struct ds_error *err);

#endif
