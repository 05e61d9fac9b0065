// Files that have their names and their bytes, but are not durable yet: until somebody
// says that he relies on them, and then all at once, which costs the disk little more
// than one alone.
//
// (1) A file is kept by its descriptor: an error of writing it back is told to who syncs.
// (2) After a failed sync a file stays known as broken, so that no later one can lie.
// (3) At most DSI_LATER_MAX files are kept; who finds no room syncs at once.
#ifndef DSI_STORAGE_STORAGE_LATER_H
#define DSI_STORAGE_STORAGE_LATER_H

#include <stdbool.h>
#include <stddef.h>

#include "datashard/status.h"
#include "storage/storage_dirs.h"

struct dsi_later;

enum { DSI_LATER_MAX = 64 };

/// Any thread may use it. Ends by dsi_later_free, which closes what is kept.
DS_MUST_CHECK int dsi_later_new(struct dsi_later **out, struct ds_error *err);
void dsi_later_free(struct dsi_later *l); // NULL is fine.

/// Keeps the file `path` (copied), open for writing as `fd`, which is taken over. False:
/// there is no room (3), and `fd` is still the caller's.
bool dsi_later_keep(struct dsi_later *l, const char *path, int fd);

/// Forgets the file: it was removed, or replaced.
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
