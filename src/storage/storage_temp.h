// A file on its way into a local storage: written under a name of its own, or none, then
// named.
//
// (1) A temporary name is never used twice, by any process: it may be a second name of a
//     committed file, left by a crash between link and unlink.
// (2) A descriptor is synced once. After a failed sync the pages may be marked clean, so
//     a second one could lie: the file is given up.
// (3) What is synced before it is named has a temporary name by then: a file system
//     without a journal may know it afterwards as a file that no name leads to.
#ifndef DSI_STORAGE_STORAGE_TEMP_H
#define DSI_STORAGE_STORAGE_TEMP_H

#include <stdbool.h>
#include <stdint.h>

#include "datashard/status.h"
#include "datashard/types.h"
#include "storage/storage_dirs.h"
#include "storage/storage_spare.h"

struct dsi_temp {
    char *path;                // Its temporary name; NULL: none, or it has its final one.
    int fd;                    // -1: closed.
    struct dsi_dirs *dirs;     // By which a missing directory is made; or NULL.
    struct dsi_spares *spares; // Of whose files without a name it is still one; or NULL.
    bool spare;                // It was made in advance.
    uint64_t device;
    uint64_t inode;
};

#define DSI_TEMP_INIT                                                                    \
    {                                                                                    \
        NULL, -1, NULL, NULL, false, 0, 0                                                \
    }

/// Makes an empty file in directory `dir`, and the directory if it is missing (not with
/// `dirs` NULL: DS_ENOTFOUND); of a spare where there is one (`spares` may be NULL). With
/// `later` it is synced after it was named, and needs no name before (3): then it may be
/// dsi_temp_name that finds the directory missing.
DS_MUST_CHECK int dsi_temp_open(struct dsi_temp *t, struct dsi_dirs *dirs,
                                struct dsi_spares *spares, const char *dir, bool later,
                                struct ds_error *err);

/// Appends all of `bytes`.
DS_MUST_CHECK int dsi_temp_write(struct dsi_temp *t, struct ds_slice bytes,
                                 struct ds_error *err);

/// Closes it, with its content durable if `sync` (2). Not a file without a name.
DS_MUST_CHECK int dsi_temp_close(struct dsi_temp *t, bool sync, struct ds_error *err);

/// Begins to write it back, behind the caller's back, and leaves it open: whoever syncs
/// several files does this with all of them first.
void dsi_temp_begin_sync(const struct dsi_temp *t);

/// Gives the file its name, indivisibly. With `replace` whatever has it loses it;
/// otherwise DS_EEXISTS, and DS_EUNKNOWN when the system answered with an error and does
/// not tell whether it was done.
DS_MUST_CHECK int dsi_temp_name(struct dsi_temp *t, const char *path, bool replace,
                                struct ds_error *err);

/// Removes what has no name yet. Releasing twice is fine.
void dsi_temp_release(struct dsi_temp *t);

#endif
