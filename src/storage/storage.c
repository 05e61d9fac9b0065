#include "storage/storage.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/fault.h"

static int lost_request(struct ds_error *err)
{
    return dsi_fail(err, DS_EIO, "injected: request lost");
}

static int lost_answer(int status, struct ds_error *err)
{
    return dsi_fail(err, status, "injected: answer lost");
}

// Members added later are absent from the table of a backend compiled before.
#define HAS_OP(s, op)                                                                    \
    ((s)->ops->struct_size >=                                                            \
         offsetof(struct ds_storage_ops, op) + sizeof((s)->ops->op) &&                   \
     (s)->ops->op)

int dsi_storage_put(ds_storage *s, const char *path, struct ds_slice bytes,
                    uint32_t flags, struct ds_error *err)
{
    assert(path && path[0]);
    assert(flags == 0 || flags == DS_PUT_IF_ABSENT || flags == DS_PUT_LATER ||
           flags == (DS_PUT_LATER | DS_PUT_UNSEEN) || flags == DS_PUT_HINT);

    if (DSI_FAULT("storage.put.before")) {
        return lost_request(err);
    }
    int rc = s->ops->put(s, path, bytes, flags, err);
    if (rc == DS_OK && DSI_FAULT("storage.put.after")) {
        return lost_answer(DS_EUNKNOWN, err);
    }
    return rc;
}

int dsi_storage_sync(ds_storage *s, const char *const *paths, size_t count,
                     struct ds_error *err)
{
    assert(paths || count == 0);
    if (DSI_FAULT("storage.sync.before")) {
        return lost_request(err);
    }
    int rc = HAS_OP(s, sync) ? s->ops->sync(s, paths, count, err) : DS_OK;
    if (rc == DS_OK && DSI_FAULT("storage.sync.after")) {
        return lost_answer(DS_EIO, err);
    }
    return rc;
}

int dsi_storage_put_after(ds_storage *s, const char *path, struct ds_slice bytes,
                          uint32_t flags, const char *const *first, size_t count,
                          struct ds_error *err)
{
    assert(path && path[0] && (first || count == 0));
    assert(flags == 0 || flags == DS_PUT_IF_ABSENT);

    if (!HAS_OP(s, put_after)) {
        int rc = dsi_storage_sync(s, first, count, err);
        return rc < 0 ? rc : dsi_storage_put(s, path, bytes, flags, err);
    }
    if (DSI_FAULT("storage.put_after.before")) {
        return lost_request(err);
    }
    int rc = s->ops->put_after(s, path, bytes, flags, first, count, err);
    if (rc == DS_OK && DSI_FAULT("storage.put_after.after")) {
        return lost_answer(DS_EUNKNOWN, err);
    }
    return rc;
}

int dsi_storage_sync_file(ds_storage *s, const char *path, struct ds_error *err)
{
    assert(path && path[0]);
    if (DSI_FAULT("storage.sync_file.before")) {
        return lost_request(err);
    }
    int rc = HAS_OP(s, sync_file) ? s->ops->sync_file(s, path, err) : DS_OK;
    if (rc == DS_OK && DSI_FAULT("storage.sync_file.after")) {
        return lost_answer(DS_EIO, err);
    }
    return rc;
}

int dsi_storage_keep_dir(ds_storage *s, const char *path, const char *whose,
                         struct ds_error *err)
{
    assert(path && path[0]);
    return HAS_OP(s, keep_dir) ? s->ops->keep_dir(s, path, whose, err) : DS_OK;
}

int dsi_storage_stat(ds_storage *s, const char *path, struct ds_file_info *out,
                     struct ds_error *err)
{
    assert(path && path[0] && out);
    if (DSI_FAULT("storage.stat.before")) {
        return lost_request(err);
    }
    return s->ops->stat(s, path, out, err);
}

int dsi_storage_remove(ds_storage *s, const char *path, struct ds_error *err)
{
    assert(path && path[0]);
    if (DSI_FAULT("storage.remove.before")) {
        return lost_request(err);
    }
    int rc = s->ops->remove(s, path, err);
    if (rc == DS_OK && DSI_FAULT("storage.remove.after")) {
        return lost_answer(DS_EIO, err);
    }
    return rc;
}

int dsi_storage_list(ds_storage *s, const char *prefix, ds_list_fn fn, void *arg,
                     struct ds_error *err)
{
    assert(prefix && prefix[0] && fn);
    if (DSI_FAULT("storage.list.before")) {
        return lost_request(err);
    }
    return s->ops->list(s, prefix, fn, arg, err);
}

int dsi_storage_lock(ds_storage *s, const char *path, int64_t wait_ns, void **out,
                     struct ds_error *err)
{
    assert(path && path[0] && out);
    *out = NULL;
    if (DSI_FAULT("storage.lock.before")) {
        return lost_request(err);
    }
    return HAS_OP(s, lock) ? s->ops->lock(s, path, wait_ns, out, err) : DS_OK;
}

void dsi_storage_unlock(ds_storage *s, void *lock)
{
    if (lock) {
        s->ops->unlock(s, lock);
    }
}

void dsi_storage_free(ds_storage *s)
{
    if (s) {
        s->ops->free(s);
    }
}

int dsi_file_open(ds_storage *s, const char *path, struct ds_file **out,
                  struct ds_error *err)
{
    assert(path && path[0] && out);
    *out = NULL;
    if (DSI_FAULT("storage.open.before")) {
        return lost_request(err);
    }
    return s->ops->open(s, path, out, err);
}

int dsi_file_read(struct ds_file *f, uint64_t offset, void *out, size_t size,
                  struct ds_error *err)
{
    assert(f && (out || size == 0));
    if (DSI_FAULT("storage.read.before")) {
        return lost_request(err);
    }
    return f->ops->read(f, offset, out, size, err);
}

uint64_t dsi_file_size(struct ds_file *f)
{
    return f->ops->size(f);
}

void dsi_file_will_read(struct ds_file *f, uint64_t offset, uint64_t size)
{
    bool known = f->ops->struct_size >=
                 offsetof(struct ds_file_ops, will_read) + sizeof f->ops->will_read;

    if (known && f->ops->will_read && size > 0) {
        f->ops->will_read(f, offset, size);
    }
}

void dsi_file_close(struct ds_file *f)
{
    if (f) {
        f->ops->close(f);
    }
}

int dsi_sink_create(ds_storage *s, const char *path, struct ds_sink **out,
                    struct ds_error *err)
{
    assert(path && path[0] && out);
    *out = NULL;
    if (DSI_FAULT("storage.create.before")) {
        return lost_request(err);
    }
    return s->ops->create(s, path, out, err);
}

int dsi_sink_write(struct ds_sink *k, struct ds_slice bytes, struct ds_error *err)
{
    assert(k && (bytes.data || bytes.size == 0));
    if (DSI_FAULT("storage.write.before")) {
        return lost_request(err);
    }
    return k->ops->write(k, bytes, err);
}

int dsi_sink_finish(struct ds_sink *k, struct ds_error *err)
{
    assert(k);
    if (DSI_FAULT("storage.finish.before")) {
        return lost_request(err);
    }
    int rc = k->ops->finish(k, err);
    if (rc == DS_OK && DSI_FAULT("storage.finish.after")) {
        return lost_answer(DS_EIO, err);
    }
    return rc;
}

void dsi_sink_close(struct ds_sink *k)
{
    if (k) {
        k->ops->close(k);
    }
}

int dsi_storage_read(ds_storage *s, const char *path, struct dsi_buf *out,
                     struct ds_error *err)
{
    struct ds_file *f = NULL;
    uint64_t size = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_file_open(s, path, &f, err));
    size = dsi_file_size(f);
    if (size > SIZE_MAX) {
        rc = dsi_fail(err, DS_EUNSUPPORTED, "%llu bytes do not fit in memory",
                      (unsigned long long)size);
        goto done;
    }
    DSI_TRY(dsi_buf_reserve(out, (size_t)size, err));
    if (size > 0) {
        DSI_TRY(dsi_file_read(f, 0, out->data + out->size, (size_t)size, err));
        out->size += (size_t)size;
    }
done:
    dsi_file_close(f);
    return rc < 0 ? dsi_wrap_file(err, rc, "reading", path) : rc;
}
