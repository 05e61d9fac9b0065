// What the parts of the local storage share.
#ifndef DSI_STORAGE_STORAGE_LOCAL_H
#define DSI_STORAGE_STORAGE_LOCAL_H

#include "storage/storage.h"
#include "storage/storage_dirs.h"
#include "storage/storage_flock.h"
#include "storage/storage_later.h"
#include "storage/storage_spare.h"
#include "storage/storage_temp.h"

struct dsi_local {
    ds_storage base; // First: a ds_storage * is a struct dsi_local *.
    struct dsi_dirs *dirs;
    struct dsi_later *later;
    struct dsi_spares *spares;
    struct dsi_flocks flocks;
};

/// The path of a location, borrowed from it, and, owned, the directory that is in.
DS_MUST_CHECK int dsi_local_split(const char *location, const char **path, char **dir,
                                  struct ds_error *err);

/// Names a file that is to be durable after a sync; at once where too many wait for it.
DS_MUST_CHECK int dsi_local_name_later(struct dsi_local *l, struct dsi_temp *temp,
                                       const char *path, const char *dir, bool replace,
                                       struct ds_error *err);

/// Writes a file that has been held until now (storage_later.h (4)), if it is one.
DS_MUST_CHECK int dsi_local_write_held(struct dsi_local *l, const char *path,
                                       struct ds_error *err);

/// ds_storage_ops.create, in storage_sink.c.
DS_MUST_CHECK int dsi_local_create(ds_storage *s, const char *location,
                                   struct ds_sink **out, struct ds_error *err);

#endif
