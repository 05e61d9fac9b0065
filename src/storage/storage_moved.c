#include "storage/storage_moved.h"

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "storage/storage_path.h"

struct moved {
    ds_storage base; // First: a ds_storage * is a struct moved *.
    ds_storage *inner;
    struct dsi_arena arena; // Of the texts.
    const char *scheme;     // "file" or "memory".
    const char *from;       // As a path: "/a/b".
    const char *from_text;  // As it was given.
    const char *to_text;
};

// What follows the old place in `path`, with its slash; NULL where it is not below it.
static const char *below(const struct moved *m, const char *path)
{
    const char *plain = NULL;
    size_t size = strlen(m->from);

    if (!dsi_storage_path_has_scheme(path, m->scheme) ||
        dsi_storage_path(path, m->scheme, &plain, NULL) < 0) {
        return NULL;
    }
    return strncmp(plain, m->from, size) == 0 && plain[size] == '/' ? plain + size : NULL;
}

// (1)
static int check(const struct moved *m, const char *path, struct ds_error *err)
{
    if (!below(m, path)) {
        return DS_OK;
    }
    return dsi_fail(err, DS_EUNSUPPORTED,
                    "the table was moved here from %s, and can be read; before anything "
                    "is written, relocate %s",
                    m->from_text, m->to_text);
}

// Where `path` is now: itself, or a text in the arena.
static int place(const struct moved *m, const char *path, struct dsi_arena *arena,
                 const char **out, struct ds_error *err)
{
    const char *rest = below(m, path);

    *out = rest ? dsi_arena_printf(arena, "%s%s", m->to_text, rest) : path;
    return *out ? DS_OK : dsi_no_memory(err, path);
}

static int moved_put(ds_storage *s, const char *path, struct ds_slice bytes,
                     uint32_t flags, struct ds_error *err)
{
    struct moved *m = (struct moved *)s;
    int rc = check(m, path, err);
    return rc < 0 ? rc : m->inner->ops->put(m->inner, path, bytes, flags, err);
}

static int moved_sync(ds_storage *s, const char *const *paths, size_t count,
                      struct ds_error *err)
{
    struct moved *m = (struct moved *)s;
    int rc = DS_OK;

    for (size_t i = 0; i < count && rc == DS_OK; i++) {
        rc = check(m, paths[i], err);
    }
    return rc < 0 || !m->inner->ops->sync
               ? rc
               : m->inner->ops->sync(m->inner, paths, count, err);
}

static int moved_open(ds_storage *s, const char *path, struct ds_file **out,
                      struct ds_error *err)
{
    struct moved *m = (struct moved *)s;
    struct dsi_arena arena = DSI_ARENA_INIT;
    const char *now = NULL;
    int rc = place(m, path, &arena, &now, err);

    rc = rc < 0 ? rc : m->inner->ops->open(m->inner, now, out, err);
    dsi_arena_release(&arena);
    return rc;
}

static int moved_create(ds_storage *s, const char *path, struct ds_sink **out,
                        struct ds_error *err)
{
    struct moved *m = (struct moved *)s;
    int rc = check(m, path, err);
    return rc < 0 ? rc : m->inner->ops->create(m->inner, path, out, err);
}

static int moved_stat(ds_storage *s, const char *path, struct ds_file_info *out,
                      struct ds_error *err)
{
    struct moved *m = (struct moved *)s;
    struct dsi_arena arena = DSI_ARENA_INIT;
    const char *now = NULL;
    int rc = place(m, path, &arena, &now, err);

    rc = rc < 0 ? rc : m->inner->ops->stat(m->inner, now, out, err);
    dsi_arena_release(&arena);
    return rc;
}

static int moved_remove(ds_storage *s, const char *path, struct ds_error *err)
{
    struct moved *m = (struct moved *)s;
    int rc = check(m, path, err);
    return rc < 0 ? rc : m->inner->ops->remove(m->inner, path, err);
}

static int moved_list(ds_storage *s, const char *prefix, ds_list_fn fn, void *arg,
                      struct ds_error *err)
{
    struct moved *m = (struct moved *)s;
    int rc = check(m, prefix, err);
    return rc < 0 ? rc : m->inner->ops->list(m->inner, prefix, fn, arg, err);
}

static int moved_lock(ds_storage *s, const char *path, int64_t wait_ns, void **out,
                      struct ds_error *err)
{
    struct moved *m = (struct moved *)s;
    int rc = check(m, path, err);
    return rc < 0 || !m->inner->ops->lock
               ? rc
               : m->inner->ops->lock(m->inner, path, wait_ns, out, err);
}

static void moved_unlock(ds_storage *s, void *lock)
{
    struct moved *m = (struct moved *)s;
    m->inner->ops->unlock(m->inner, lock);
}

static int moved_sync_file(ds_storage *s, const char *path, struct ds_error *err)
{
    struct moved *m = (struct moved *)s;
    struct dsi_arena arena = DSI_ARENA_INIT;
    const char *now = NULL;
    int rc = place(m, path, &arena, &now, err);

    rc = rc < 0 || !m->inner->ops->sync_file
             ? rc
             : m->inner->ops->sync_file(m->inner, now, err);
    dsi_arena_release(&arena);
    return rc;
}

static void moved_free(ds_storage *s)
{
    struct moved *m = (struct moved *)s;
    dsi_arena_release(&m->arena);
    dsi_free(m);
}

static const struct ds_storage_ops moved_ops = {
    .struct_size = sizeof(struct ds_storage_ops),
    .scheme = "moved",
    .put = moved_put,
    .sync = moved_sync,
    .open = moved_open,
    .create = moved_create,
    .stat = moved_stat,
    .remove = moved_remove,
    .list = moved_list,
    .lock = moved_lock,
    .unlock = moved_unlock,
    .free = moved_free,
    .sync_file = moved_sync_file,
};

int dsi_storage_moved_new(ds_storage *inner, const char *from, const char *to,
                          ds_storage **out, struct ds_error *err)
{
    struct moved *m = dsi_calloc(1, sizeof *m);
    const char *plain = NULL;
    const char *target = NULL;
    int rc = DS_OK;

    *out = NULL;
    if (!m) {
        return dsi_no_memory(err, from);
    }
    m->base.ops = &moved_ops;
    m->inner = inner;
    m->scheme = dsi_storage_path_has_scheme(from, "memory") ? "memory" : "file";
    DSI_TRY(dsi_storage_path(from, m->scheme, &plain, err));
    DSI_TRY(dsi_storage_path(to, m->scheme, &target, err));
    m->from = dsi_arena_strdup(&m->arena, plain);
    m->from_text = dsi_arena_strdup(&m->arena, from);
    m->to_text = dsi_arena_strdup(&m->arena, to);
    if (!m->from || !m->from_text || !m->to_text) {
        rc = dsi_no_memory(err, from);
        goto done;
    }
    *out = &m->base;
    m = NULL;
done:
    if (m) {
        moved_free(&m->base);
    }
    return rc;
}
