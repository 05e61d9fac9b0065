// A storage that lives in memory: a sorted array of named blobs under one mutex. It is
// the reference for what every other backend must do, so it favours being obvious.
//
// (1) A blob's bytes never change once it has a name: an overwrite gives the name another
//     blob, and whoever has the old one open keeps reading it.
#include "storage/storage.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/refcount.h"
#include "base/text.h"
#include "base/thread.h"
#include "storage/storage_path.h"

struct blob {
    struct dsi_refcount owners;
    char *path;
    uint8_t *data;
    uint64_t size;
    int64_t modified_ms;
};

struct mem_lock {
    struct mem_lock *next;
    char *path;
};

struct mem_storage {
    ds_storage base; // First: a ds_storage * is a struct mem_storage *.
    struct dsi_mutex *mutex;
    struct dsi_cond *unlocked; // Told whenever a lock is given back.
    struct blob **blobs;       // Sorted by path.
    size_t count;
    size_t capacity;
    struct mem_lock *locks; // Those held.
};

struct mem_file {
    struct ds_file base;
    struct blob *blob;
};

struct mem_sink {
    struct ds_sink base;
    struct mem_storage *storage;
    struct dsi_buf bytes;
    char *path;
};

static void blob_drop(struct blob *b)
{
    if (b && dsi_refcount_drop(&b->owners)) {
        dsi_free(b->path);
        dsi_free(b->data);
        dsi_free(b);
    }
}

static struct blob *blob_new(const char *path, struct ds_slice bytes)
{
    struct blob *b = dsi_calloc(1, sizeof *b);
    if (!b) {
        return NULL;
    }
    dsi_refcount_init(&b->owners);
    b->path = dsi_strdup(path);
    b->data = dsi_malloc(bytes.size);
    if (!b->path || !b->data) {
        blob_drop(b);
        return NULL;
    }
    if (bytes.size > 0) {
        memcpy(b->data, bytes.data, bytes.size);
    }
    b->size = bytes.size;
    b->modified_ms = dsi_clock_wall_ms();
    return b;
}

// The first blob that is not before `path`; `found` tells whether it is the one.
static size_t position(const struct mem_storage *m, const char *path, bool *found)
{
    size_t low = 0;
    size_t high = m->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(m->blobs[middle]->path, path);
        if (order == 0) {
            *found = true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int make_room(struct mem_storage *m, struct ds_error *err)
{
    if (m->count < m->capacity) {
        return DS_OK;
    }
    size_t capacity = m->capacity ? m->capacity * 2 : 16;
    struct blob **blobs = dsi_realloc(m->blobs, capacity * sizeof *blobs);
    if (!blobs) {
        return dsi_no_memory(err, "a memory storage");
    }
    m->blobs = blobs;
    m->capacity = capacity;
    return DS_OK;
}

static int mem_put(ds_storage *s, const char *location, struct ds_slice bytes,
                   uint32_t flags, struct ds_error *err)
{
    struct mem_storage *m = (struct mem_storage *)s;
    const char *path = NULL;
    int rc = dsi_storage_path(location, "memory", &path, err);
    if (rc < 0) {
        return rc;
    }
    struct blob *made = blob_new(path, bytes);
    if (!made) {
        return dsi_no_memory(err, location);
    }
    bool found = false;
    dsi_mutex_lock(m->mutex);
    size_t at = position(m, path, &found);
    if (found && (flags & DS_PUT_IF_ABSENT)) {
        rc = dsi_fail(err, DS_EEXISTS, "%s is already there", location);
    } else if (found) {
        struct blob *old = m->blobs[at];
        m->blobs[at] = made; // (1)
        made = old;
    } else {
        rc = make_room(m, err);
        if (rc == DS_OK) {
            memmove(m->blobs + at + 1, m->blobs + at, (m->count - at) * sizeof *m->blobs);
            m->blobs[at] = made;
            m->count++;
            made = NULL;
        }
    }
    dsi_mutex_unlock(m->mutex);
    blob_drop(made);
    return rc;
}

// The blob of that name with a reference for the caller.
static int mem_find(ds_storage *s, const char *location, struct blob **out,
                    struct ds_error *err)
{
    struct mem_storage *m = (struct mem_storage *)s;
    const char *path = NULL;
    bool found = false;
    int rc = dsi_storage_path(location, "memory", &path, err);

    if (rc < 0) {
        return rc;
    }
    dsi_mutex_lock(m->mutex);
    size_t at = position(m, path, &found);
    if (found) {
        *out = m->blobs[at];
        dsi_refcount_add(&(*out)->owners);
    }
    dsi_mutex_unlock(m->mutex);
    return found ? DS_OK : dsi_fail(err, DS_ENOTFOUND, "%s is not there", location);
}

static int file_read(struct ds_file *f, uint64_t offset, void *out, size_t size,
                     struct ds_error *err)
{
    const struct blob *b = ((struct mem_file *)f)->blob;

    if (offset > b->size || size > b->size - offset) {
        return dsi_corrupt(
            err, "memory://%s: %zu bytes wanted at %llu, but it has only %llu", b->path,
            size, (unsigned long long)offset, (unsigned long long)b->size);
    }
    if (size > 0) {
        memcpy(out, b->data + offset, size);
    }
    return DS_OK;
}

static uint64_t file_size(struct ds_file *f)
{
    return ((struct mem_file *)f)->blob->size;
}

static void file_close(struct ds_file *f)
{
    blob_drop(((struct mem_file *)f)->blob);
    dsi_free(f);
}

static const struct ds_file_ops file_ops = {
    .struct_size = sizeof(struct ds_file_ops),
    .read = file_read,
    .size = file_size,
    .close = file_close,
};

static int mem_open(ds_storage *s, const char *location, struct ds_file **out,
                    struct ds_error *err)
{
    struct blob *blob = NULL;
    int rc = mem_find(s, location, &blob, err);
    if (rc < 0) {
        return rc;
    }
    struct mem_file *f = dsi_calloc(1, sizeof *f);
    if (!f) {
        blob_drop(blob);
        return dsi_no_memory(err, location);
    }
    f->base.ops = &file_ops;
    f->blob = blob;
    *out = &f->base;
    return DS_OK;
}

static int sink_write(struct ds_sink *k, struct ds_slice bytes, struct ds_error *err)
{
    return dsi_buf_append(&((struct mem_sink *)k)->bytes, bytes.data, bytes.size, err);
}

static int sink_finish(struct ds_sink *k, struct ds_error *err)
{
    struct mem_sink *m = (struct mem_sink *)k;
    return mem_put(&m->storage->base, m->path, dsi_buf_slice(&m->bytes), DS_PUT_IF_ABSENT,
                   err);
}

static void sink_close(struct ds_sink *k)
{
    struct mem_sink *m = (struct mem_sink *)k;
    dsi_buf_release(&m->bytes);
    dsi_free(m->path);
    dsi_free(m);
}

static const struct ds_sink_ops sink_ops = {
    .struct_size = sizeof(struct ds_sink_ops),
    .write = sink_write,
    .finish = sink_finish,
    .close = sink_close,
};

static int mem_create(ds_storage *s, const char *location, struct ds_sink **out,
                      struct ds_error *err)
{
    const char *path = NULL;
    int rc = dsi_storage_path(location, "memory", &path, err);
    if (rc < 0) {
        return rc;
    }
    struct mem_sink *k = dsi_calloc(1, sizeof *k);
    if (!k) {
        return dsi_no_memory(err, location);
    }
    k->base.ops = &sink_ops;
    k->storage = (struct mem_storage *)s;
    k->path = dsi_strdup(location);
    if (!k->path) {
        sink_close(&k->base);
        return dsi_no_memory(err, location);
    }
    *out = &k->base;
    return DS_OK;
}

static int mem_stat(ds_storage *s, const char *location, struct ds_file_info *out,
                    struct ds_error *err)
{
    struct blob *b = NULL;
    int rc = mem_find(s, location, &b, err);

    if (rc == DS_OK) {
        out->size = b->size;
        out->modified_ms = b->modified_ms;
        blob_drop(b);
    }
    return rc;
}

static int mem_remove(ds_storage *s, const char *location, struct ds_error *err)
{
    struct mem_storage *m = (struct mem_storage *)s;
    const char *path = NULL;
    struct blob *gone = NULL;
    bool found = false;
    int rc = dsi_storage_path(location, "memory", &path, err);

    if (rc < 0) {
        return rc;
    }
    dsi_mutex_lock(m->mutex);
    size_t at = position(m, path, &found);
    if (found) {
        gone = m->blobs[at];
        m->count--;
        memmove(m->blobs + at, m->blobs + at + 1, (m->count - at) * sizeof *m->blobs);
    }
    dsi_mutex_unlock(m->mutex);
    blob_drop(gone);
    return DS_OK;
}

// References to the blobs whose path starts with "<path>/".
static int matching(struct mem_storage *m, const char *path, struct blob ***out,
                    size_t *count)
{
    size_t size = strlen(path);
    bool found = false;
    int rc = DS_OK;

    dsi_mutex_lock(m->mutex);
    struct blob **held = dsi_calloc(m->count, sizeof *held);
    if (!held) {
        rc = DS_ENOMEM;
    }
    for (size_t i = position(m, path, &found); held && i < m->count; i++) {
        struct blob *b = m->blobs[i];
        if (strncmp(b->path, path, size) != 0) {
            break;
        }
        if (b->path[size] == '/' && !dsi_storage_path_is_hidden(b->path)) {
            dsi_refcount_add(&b->owners);
            held[(*count)++] = b;
        }
    }
    dsi_mutex_unlock(m->mutex);
    *out = held;
    return rc;
}

static int mem_list(ds_storage *s, const char *prefix, ds_list_fn fn, void *arg,
                    struct ds_error *err)
{
    const char *path = NULL;
    struct blob **held = NULL;
    size_t count = 0;
    struct dsi_buf name = DSI_BUF_INIT;
    int rc = DS_OK;

    DSI_TRY(dsi_storage_path(prefix, "memory", &path, err));
    // The callback may call us, so it is called without the mutex.
    rc = matching((struct mem_storage *)s, path, &held, &count);
    if (rc < 0) {
        rc = dsi_no_memory(err, prefix);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        struct ds_file_info info = {held[i]->size, held[i]->modified_ms};
        name.size = 0;
        DSI_TRY(dsi_buf_append_text(&name, prefix, err));
        DSI_TRY(dsi_buf_append_text(&name, held[i]->path + strlen(path), err));
        const char *text = dsi_buf_text(&name);
        if (!text) {
            rc = dsi_no_memory(err, prefix);
            goto done;
        }
        DSI_TRY(fn(arg, text, &info));
    }
done:
    for (size_t i = 0; i < count; i++) {
        blob_drop(held[i]);
    }
    dsi_free(held);
    dsi_buf_release(&name);
    return rc;
}

static bool is_locked(const struct mem_storage *m, const char *path)
{
    const struct mem_lock *l = m->locks;
    while (l && strcmp(l->path, path) != 0) {
        l = l->next;
    }
    return l;
}

static int mem_lock(ds_storage *s, const char *location, int64_t wait_ns, void **out,
                    struct ds_error *err)
{
    struct mem_storage *m = (struct mem_storage *)s;
    const char *path = NULL;
    int rc = dsi_storage_path(location, "memory", &path, err);
    if (rc < 0) {
        return rc;
    }
    struct mem_lock *l = dsi_calloc(1, sizeof *l);
    char *name = dsi_strdup(path);
    if (!l || !name) {
        dsi_free(l);
        dsi_free(name);
        return dsi_no_memory(err, location);
    }
    l->path = name;
    int64_t until = 0;
    if (!dsi_add_i64(dsi_clock_monotonic_ns(), wait_ns, &until)) {
        until = INT64_MAX;
    }
    dsi_mutex_lock(m->mutex);
    while (is_locked(m, path)) {
        int64_t left = until - dsi_clock_monotonic_ns();
        if (left <= 0) {
            rc = dsi_fail(err, DS_ECONFLICT, "%s is locked by another writer", location);
            break;
        }
        dsi_cond_wait_ns(m->unlocked, m->mutex, dsi_cancel_slice_ns(left));
        dsi_mutex_unlock(m->mutex); // Who is asked may want it.
        rc = dsi_cancel_check(err);
        dsi_mutex_lock(m->mutex);
        if (rc < 0) {
            break;
        }
    }
    if (rc == DS_OK) {
        l->next = m->locks;
        m->locks = l;
        *out = l;
        l = NULL;
    }
    dsi_mutex_unlock(m->mutex);
    if (l) {
        dsi_free(l->path);
        dsi_free(l);
    }
    return rc;
}

static void mem_unlock(ds_storage *s, void *lock)
{
    struct mem_storage *m = (struct mem_storage *)s;
    struct mem_lock *l = lock;

    dsi_mutex_lock(m->mutex);
    struct mem_lock **at = &m->locks;
    while (*at != l) {
        at = &(*at)->next;
    }
    *at = l->next;
    dsi_cond_broadcast(m->unlocked);
    dsi_mutex_unlock(m->mutex);
    dsi_free(l->path);
    dsi_free(l);
}

static void mem_free(ds_storage *s)
{
    struct mem_storage *m = (struct mem_storage *)s;

    for (size_t i = 0; i < m->count; i++) {
        blob_drop(m->blobs[i]);
    }
    dsi_free(m->blobs);
    dsi_mutex_free(m->mutex);
    dsi_cond_free(m->unlocked);
    dsi_free(m);
}

static const struct ds_storage_ops mem_ops = {
    .struct_size = sizeof(struct ds_storage_ops),
    .scheme = "memory",
    .put = mem_put,
    .open = mem_open,
    .create = mem_create,
    .stat = mem_stat,
    .remove = mem_remove,
    .list = mem_list,
    .lock = mem_lock,
    .unlock = mem_unlock,
    .free = mem_free,
};

int dsi_storage_mem_new(ds_storage **out, struct ds_error *err)
{
    struct mem_storage *m = dsi_calloc(1, sizeof *m);
    int rc = DS_OK;

    *out = NULL;
    if (!m) {
        return dsi_no_memory(err, "creating a memory storage");
    }
    m->base.ops = &mem_ops;
    DSI_TRY(dsi_mutex_new(&m->mutex, err));
    DSI_TRY(dsi_cond_new(&m->unlocked, err));
    *out = &m->base;
    m = NULL;
done:
    if (m) {
        mem_free(&m->base);
    }
    return rc;
}
