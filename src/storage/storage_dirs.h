// Directories of a local storage: making them, and making the names in them durable.
//
// (1) A name is durable when its directory was synced after the name was given, and so
//     was every directory above it since it was made. Who made those is not known (it may
//     have been another process that died before its sync), so each directory is followed
//     up to the root once, the first time a storage relies on it.
// (2) A directory that is kept is not made: somebody has removed it, with all that was in
//     it, and what is to go there now belongs to something that is no more. Nothing is
//     asked of the system for that: the failure to make a file in it is the sign.
#ifndef DSI_STORAGE_STORAGE_DIRS_H
#define DSI_STORAGE_STORAGE_DIRS_H

#include <stddef.h>
#include <stdint.h>

#include "datashard/status.h"

struct dsi_dirs;

DS_MUST_CHECK int dsi_dirs_new(struct dsi_dirs **out, struct ds_error *err);
void dsi_dirs_free(struct dsi_dirs *d); // NULL is fine.

/// Makes directory `dir` (absolute) and those above it that are missing. DS_ENOTFOUND:
/// one of them is kept (2). Any thread.
DS_MUST_CHECK int dsi_dirs_make(struct dsi_dirs *d, const char *dir,
                                struct ds_error *err);

/// Keeps `dir`, which is there and belongs to `whose` (2), copied both. NULL: keeps it,
/// and what is below it, no longer. Any thread.
DS_MUST_CHECK int dsi_dirs_keep(struct dsi_dirs *d, const char *dir, const char *whose,
                                struct ds_error *err);

/// Makes durable the name of `dir` itself (1), and opens it: who syncs *fd, closes it and
/// passes what that said to dsi_dirs_synced, has made durable the names that are in it
/// now.
DS_MUST_CHECK int dsi_dirs_open(struct dsi_dirs *d, const char *dir, int *fd,
                                struct ds_error *err);
DS_MUST_CHECK int dsi_dirs_synced(int code, const char *dir, struct ds_error *err);

/// All of that. Any thread.
DS_MUST_CHECK int dsi_dirs_sync(struct dsi_dirs *d, const char *dir,
                                struct ds_error *err);

#endif
