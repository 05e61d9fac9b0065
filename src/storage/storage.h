// The calls the rest of the library makes. Nobody outside src/storage touches ->ops.
//
// Fault points "storage.<call>.before" (the request is lost) and "storage.<call>.after"
// (it is done, its answer is lost) surround every effect. A lost answer of a put is
// DS_EUNKNOWN, of anything else DS_EIO.
#ifndef DSI_STORAGE_STORAGE_H
#define DSI_STORAGE_STORAGE_H

#include "base/buf.h"
#include "datashard/sys/storage.h"

DS_MUST_CHECK int dsi_storage_put(ds_storage *s, const char *path, struct ds_slice bytes,
                                  uint32_t flags, struct ds_error *err);
/// See ds_storage_ops.put_after.
DS_MUST_CHECK int dsi_storage_put_after(ds_storage *s, const char *path,
                                        struct ds_slice bytes, uint32_t flags,
                                        const char *const *first, size_t count,
                                        struct ds_error *err);
DS_MUST_CHECK int dsi_storage_sync(ds_storage *s, const char *const *paths, size_t count,
                                   struct ds_error *err);
DS_MUST_CHECK int dsi_storage_sync_file(ds_storage *s, const char *path,
                                        struct ds_error *err);
/// See ds_storage_ops.keep_dir.
DS_MUST_CHECK int dsi_storage_keep_dir(ds_storage *s, const char *path, const char *whose,
                                       struct ds_error *err);
DS_MUST_CHECK int dsi_storage_stat(ds_storage *s, const char *path,
                                   struct ds_file_info *out, struct ds_error *err);
DS_MUST_CHECK int dsi_storage_remove(ds_storage *s, const char *path,
                                     struct ds_error *err);
DS_MUST_CHECK int dsi_storage_list(ds_storage *s, const char *prefix, ds_list_fn fn,
                                   void *arg, struct ds_error *err);

/// Reads a whole file, appending to `out`, whose maximum bounds it. DS_ENOTFOUND.
DS_MUST_CHECK int dsi_storage_read(ds_storage *s, const char *path, struct dsi_buf *out,
                                   struct ds_error *err);

/// See ds_storage_ops.lock. *out is NULL (and DS_OK) where the storage has no locks.
DS_MUST_CHECK int dsi_storage_lock(ds_storage *s, const char *path, int64_t wait_ns,
                                   void **out, struct ds_error *err);
void dsi_storage_unlock(ds_storage *s, void *lock); // NULL is fine.
void dsi_storage_free(ds_storage *s);               // NULL is fine.

DS_MUST_CHECK int dsi_file_open(ds_storage *s, const char *path, struct ds_file **out,
                                struct ds_error *err);
DS_MUST_CHECK int dsi_file_read(struct ds_file *f, uint64_t offset, void *out,
                                size_t size, struct ds_error *err);
uint64_t dsi_file_size(struct ds_file *f);

/// Says that these bytes of the file will be read soon. Only a hint.
void dsi_file_will_read(struct ds_file *f, uint64_t offset, uint64_t size);
void dsi_file_close(struct ds_file *f); // NULL is fine.

DS_MUST_CHECK int dsi_sink_create(ds_storage *s, const char *path, struct ds_sink **out,
                                  struct ds_error *err);
DS_MUST_CHECK int dsi_sink_write(struct ds_sink *k, struct ds_slice bytes,
                                 struct ds_error *err);
DS_MUST_CHECK int dsi_sink_finish(struct ds_sink *k, struct ds_error *err);
void dsi_sink_close(struct ds_sink *k); // NULL is fine.

// The backends that are built in.
DS_MUST_CHECK int dsi_storage_mem_new(ds_storage **out, struct ds_error *err);
DS_MUST_CHECK int dsi_storage_local_new(ds_storage **out, struct ds_error *err);

/// Routes each path by its scheme to one of the above ("file", "memory"); what a catalog
/// uses, since a table may name files anywhere.
DS_MUST_CHECK int dsi_storage_router_new(ds_storage **out, struct ds_error *err);

#endif
