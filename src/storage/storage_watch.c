#include "storage/storage_watch.h"

#ifdef DSI_TESTING
#include "base/alloc.h"
#include "base/error.h"

struct watch_storage {
    ds_storage base; // First: a ds_storage * is a struct watch_storage *.
    ds_storage *inner;
    dsi_storage_watch_fn fn;
    void *arg;
};

struct watch_file {
    struct ds_file base;
    struct watch_storage *storage;
    struct ds_file *inner;
    char *path;
};

struct watch_sink {
    struct ds_sink base;
    struct watch_storage *storage;
    struct ds_sink *inner;
    char *path;
};

static int before(struct watch_storage *w, struct dsi_storage_event *e,
                  struct ds_error *err)
{
    return w->fn(w->arg, e, err);
}

static int after(struct watch_storage *w, struct dsi_storage_event *e, int rc,
                 struct ds_error *err)
{
    e->after = true;
    e->status = rc;
    int other = w->fn(w->arg, e, err);
    return other < 0 ? other : rc;
}

static int watch_put(ds_storage *s, const char *path, struct ds_slice bytes,
                     uint32_t flags, struct ds_error *err)
{
    struct watch_storage *w = (struct watch_storage *)s;
    struct dsi_storage_event e = {
        .call = "put", .path = path, .size = bytes.size, .flags = flags};
    int rc = before(w, &e, err);
    return rc < 0
               ? rc
               : after(w, &e, w->inner->ops->put(w->inner, path, bytes, flags, err), err);
}

static int watch_sync(ds_storage *s, const char *const *paths, size_t count,
                      struct ds_error *err)
{
    struct watch_storage *w = (struct watch_storage *)s;
    struct dsi_storage_event e = {.call = "sync", .path = count ? paths[0] : ""};
    int rc = before(w, &e, err);
    if (rc < 0) {
        return rc;
    }
    if (w->inner->ops->sync) {
        rc = w->inner->ops->sync(w->inner, paths, count, err);
    }
    return after(w, &e, rc, err);
}

static int watch_sync_file(ds_storage *s, const char *path, struct ds_error *err)
{
    struct watch_storage *w = (struct watch_storage *)s;
    struct dsi_storage_event e = {.call = "sync_file", .path = path};
    int rc = before(w, &e, err);
    if (rc < 0) {
        return rc;
    }
    if (w->inner->ops->sync_file) {
        rc = w->inner->ops->sync_file(w->inner, path, err);
    }
    return after(w, &e, rc, err);
}

// Nothing that a watcher could fail: no call to the system comes of it.
static int watch_keep_dir(ds_storage *s, const char *path, const char *whose,
                          struct ds_error *err)
{
    ds_storage *inner = ((struct watch_storage *)s)->inner;
    return inner->ops->keep_dir ? inner->ops->keep_dir(inner, path, whose, err) : DS_OK;
}

static int file_read(struct ds_file *f, uint64_t offset, void *out, size_t size,
                     struct ds_error *err)
{
    struct watch_file *w = (struct watch_file *)f;
    struct dsi_storage_event e = {.call = "read", .path = w->path, .size = size};
    int rc = before(w->storage, &e, err);
    return rc < 0 ? rc
                  : after(w->storage, &e,
                          w->inner->ops->read(w->inner, offset, out, size, err), err);
}

static void file_will_read(struct ds_file *f, uint64_t offset, uint64_t size)
{
    dsi_file_will_read(((struct watch_file *)f)->inner, offset, size);
}

static uint64_t file_size(struct ds_file *f)
{
    struct watch_file *w = (struct watch_file *)f;
    return w->inner->ops->size(w->inner);
}

static void file_close(struct ds_file *f)
{
    struct watch_file *w = (struct watch_file *)f;
    dsi_file_close(w->inner);
    dsi_free(w->path);
    dsi_free(w);
}

static const struct ds_file_ops file_ops = {
    .struct_size = sizeof(struct ds_file_ops),
    .read = file_read,
    .size = file_size,
    .close = file_close,
    .will_read = file_will_read,
};

static int watch_open(ds_storage *s, const char *path, struct ds_file **out,
                      struct ds_error *err)
{
    struct watch_storage *w = (struct watch_storage *)s;
    struct dsi_storage_event e = {.call = "open", .path = path};
    struct watch_file *f = dsi_calloc(1, sizeof *f);
    int rc = DS_OK;

    if (!f) {
        return dsi_no_memory(err, path);
    }
    f->base.ops = &file_ops;
    f->storage = w;
    f->path = dsi_strdup(path);
    if (!f->path) {
        rc = dsi_no_memory(err, path);
        goto done;
    }
    DSI_TRY(before(w, &e, err));
    DSI_TRY(after(w, &e, w->inner->ops->open(w->inner, path, &f->inner, err), err));
    *out = &f->base;
    f = NULL;
done:
    if (f) {
        file_close(&f->base);
    }
    return rc;
}

static int sink_write(struct ds_sink *k, struct ds_slice bytes, struct ds_error *err)
{
    struct watch_sink *w = (struct watch_sink *)k;
    struct dsi_storage_event e = {.call = "write", .path = w->path, .size = bytes.size};
    int rc = before(w->storage, &e, err);
    return rc < 0
               ? rc
               : after(w->storage, &e, w->inner->ops->write(w->inner, bytes, err), err);
}

static int sink_finish(struct ds_sink *k, struct ds_error *err)
{
    struct watch_sink *w = (struct watch_sink *)k;
    struct dsi_storage_event e = {.call = "finish", .path = w->path};
    int rc = before(w->storage, &e, err);
    return rc < 0 ? rc : after(w->storage, &e, w->inner->ops->finish(w->inner, err), err);
}

static void sink_close(struct ds_sink *k)
{
    struct watch_sink *w = (struct watch_sink *)k;
    dsi_sink_close(w->inner);
    dsi_free(w->path);
    dsi_free(w);
}

static const struct ds_sink_ops sink_ops = {
    .struct_size = sizeof(struct ds_sink_ops),
    .write = sink_write,
    .finish = sink_finish,
    .close = sink_close,
};

static int watch_create(ds_storage *s, const char *path, struct ds_sink **out,
                        struct ds_error *err)
{
    struct watch_storage *w = (struct watch_storage *)s;
    struct dsi_storage_event e = {.call = "create", .path = path};
    struct watch_sink *k = dsi_calloc(1, sizeof *k);
    int rc = DS_OK;

    if (!k) {
        return dsi_no_memory(err, path);
    }
    k->base.ops = &sink_ops;
    k->storage = w;
    k->path = dsi_strdup(path);
    if (!k->path) {
        rc = dsi_no_memory(err, path);
        goto done;
    }
    DSI_TRY(before(w, &e, err));
    DSI_TRY(after(w, &e, w->inner->ops->create(w->inner, path, &k->inner, err), err));
    *out = &k->base;
    k = NULL;
done:
    if (k) {
        sink_close(&k->base);
    }
    return rc;
}

static int watch_stat(ds_storage *s, const char *path, struct ds_file_info *out,
                      struct ds_error *err)
{
    struct watch_storage *w = (struct watch_storage *)s;
    struct dsi_storage_event e = {.call = "stat", .path = path};
    int rc = before(w, &e, err);
    return rc < 0 ? rc : after(w, &e, w->inner->ops->stat(w->inner, path, out, err), err);
}

static int watch_remove(ds_storage *s, const char *path, struct ds_error *err)
{
    struct watch_storage *w = (struct watch_storage *)s;
    struct dsi_storage_event e = {.call = "remove", .path = path};
    int rc = before(w, &e, err);
    return rc < 0 ? rc : after(w, &e, w->inner->ops->remove(w->inner, path, err), err);
}

static int watch_list(ds_storage *s, const char *prefix, ds_list_fn fn, void *arg,
                      struct ds_error *err)
{
    struct watch_storage *w = (struct watch_storage *)s;
    struct dsi_storage_event e = {.call = "list", .path = prefix};
    int rc = before(w, &e, err);
    return rc < 0
               ? rc
               : after(w, &e, w->inner->ops->list(w->inner, prefix, fn, arg, err), err);
}

static int watch_lock(ds_storage *s, const char *path, int64_t wait_ns, void **out,
                      struct ds_error *err)
{
    struct watch_storage *w = (struct watch_storage *)s;
    struct dsi_storage_event e = {.call = "lock", .path = path};
    int rc = before(w, &e, err);
    if (rc < 0) {
        return rc;
    }
    if (w->inner->ops->lock) {
        rc = w->inner->ops->lock(w->inner, path, wait_ns, out, err);
    }
    rc = after(w, &e, rc, err);
    if (rc < 0 && *out) { // Whoever lost the answer does not know that it has the lock.
        w->inner->ops->unlock(w->inner, *out);
        *out = NULL;
    }
    return rc;
}

static void watch_unlock(ds_storage *s, void *lock)
{
    struct watch_storage *w = (struct watch_storage *)s;
    struct dsi_storage_event e = {.call = "unlock", .path = ""};

    DSI_IGNORE(before(w, &e, NULL)); // Unlocking cannot fail.
    w->inner->ops->unlock(w->inner, lock);
}

static void watch_free(ds_storage *s)
{
    struct watch_storage *w = (struct watch_storage *)s;
    dsi_storage_free(w->inner);
    dsi_free(w);
}

static const struct ds_storage_ops watch_ops = {
    .struct_size = sizeof(struct ds_storage_ops),
    .scheme = "watched",
    .put = watch_put,
    .sync = watch_sync,
    .open = watch_open,
    .create = watch_create,
    .stat = watch_stat,
    .remove = watch_remove,
    .list = watch_list,
    .lock = watch_lock,
    .unlock = watch_unlock,
    .free = watch_free,
    .sync_file = watch_sync_file,
    .keep_dir = watch_keep_dir,
};

int dsi_storage_watch_new(ds_storage *inner, dsi_storage_watch_fn fn, void *arg,
                          ds_storage **out, struct ds_error *err)
{
    struct watch_storage *w = dsi_calloc(1, sizeof *w);

    *out = NULL;
    if (!w) {
        return dsi_no_memory(err, "watching a storage");
    }
    w->base.ops = &watch_ops;
    w->inner = inner;
    w->fn = fn;
    w->arg = arg;
    *out = &w->base;
    return DS_OK;
}
#else
typedef int dsi_storage_watch_is_compiled_out; // ISO C forbids an empty translation unit.
#endif
