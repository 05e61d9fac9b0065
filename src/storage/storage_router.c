// Routes each path to the storage of its scheme. A table may name files anywhere.
#include "storage/storage.h"

#include "base/alloc.h"
#include "base/error.h"
#include "storage/storage_path.h"

enum { ROUTES_MAX = 2 };

struct router {
    ds_storage base; // First: a ds_storage * is a struct router *.
    ds_storage *routes[ROUTES_MAX];
};

// A lock remembers who gave it, since unlocking names no path.
struct routed_lock {
    ds_storage *owner;
    void *lock;
};

static int route(ds_storage *s, const char *path, ds_storage **out, struct ds_error *err)
{
    struct router *r = (struct router *)s;

    for (size_t i = 0; i < ROUTES_MAX; i++) {
        if (dsi_storage_path_has_scheme(path, r->routes[i]->ops->scheme)) {
            *out = r->routes[i];
            return DS_OK;
        }
    }
    return dsi_fail(err, DS_EUNSUPPORTED,
                    "%s: no storage serves this; supported are file:///… and memory:///…",
                    path);
}

// Each of these finds the storage, then passes the call on. The fault points are around
// the router, so it calls the operations and not the wrappers.
static int router_put(ds_storage *s, const char *path, struct ds_slice bytes,
                      uint32_t flags, struct ds_error *err)
{
    ds_storage *to = NULL;
    int rc = route(s, path, &to, err);
    return rc < 0 ? rc : to->ops->put(to, path, bytes, flags, err);
}

// Neighbours of one storage go to it together: mostly all of them.
static int router_sync(ds_storage *s, const char *const *paths, size_t count,
                       struct ds_error *err)
{
    ds_storage *to = NULL;
    ds_storage *next = NULL;
    size_t first = 0;
    int rc = DS_OK;

    for (size_t i = 0; i < count; i++) {
        DSI_TRY(route(s, paths[i], &next, err));
        if (to && next != to && to->ops->sync) {
            DSI_TRY(to->ops->sync(to, paths + first, i - first, err));
        }
        first = next != to ? i : first;
        to = next;
    }
    if (to && to->ops->sync) {
        DSI_TRY(to->ops->sync(to, paths + first, count - first, err));
    }
done:
    return rc;
}

// True when all of these go to `to`.
static int go_to(ds_storage *s, ds_storage *to, const char *const *paths, size_t count,
                 bool *out, struct ds_error *err)
{
    *out = true;
    for (size_t i = 0; i < count && *out; i++) {
        ds_storage *one = NULL;
        int rc = route(s, paths[i], &one, err);
        if (rc < 0) {
            return rc;
        }
        *out = one == to;
    }
    return DS_OK;
}

static int router_put_after(ds_storage *s, const char *path, struct ds_slice bytes,
                            uint32_t flags, const char *const *first, size_t count,
                            struct ds_error *err)
{
    ds_storage *to = NULL;
    bool together = false;
    int rc = DS_OK;

    DSI_TRY(route(s, path, &to, err));
    DSI_TRY(go_to(s, to, first, count, &together, err));
    if (together && to->ops->put_after) {
        rc = to->ops->put_after(to, path, bytes, flags, first, count, err);
        goto done;
    }
    DSI_TRY(router_sync(s, first, count, err));
    rc = to->ops->put(to, path, bytes, flags, err);
done:
    return rc;
}

static int router_sync_file(ds_storage *s, const char *path, struct ds_error *err)
{
    ds_storage *to = NULL;
    int rc = route(s, path, &to, err);
    return rc < 0 || !to->ops->sync_file ? rc : to->ops->sync_file(to, path, err);
}

static int router_keep_dir(ds_storage *s, const char *path, const char *whose,
                           struct ds_error *err)
{
    ds_storage *to = NULL;
    int rc = route(s, path, &to, err);
    return rc < 0 || !to->ops->keep_dir ? rc : to->ops->keep_dir(to, path, whose, err);
}

static int router_open(ds_storage *s, const char *path, struct ds_file **out,
                       struct ds_error *err)
{
    ds_storage *to = NULL;
    int rc = route(s, path, &to, err);
    return rc < 0 ? rc : to->ops->open(to, path, out, err);
}

static int router_create(ds_storage *s, const char *path, struct ds_sink **out,
                         struct ds_error *err)
{
    ds_storage *to = NULL;
    int rc = route(s, path, &to, err);
    return rc < 0 ? rc : to->ops->create(to, path, out, err);
}

static int router_stat(ds_storage *s, const char *path, struct ds_file_info *out,
                       struct ds_error *err)
{
    ds_storage *to = NULL;
    int rc = route(s, path, &to, err);
    return rc < 0 ? rc : to->ops->stat(to, path, out, err);
}

static int router_remove(ds_storage *s, const char *path, struct ds_error *err)
{
    ds_storage *to = NULL;
    int rc = route(s, path, &to, err);
    return rc < 0 ? rc : to->ops->remove(to, path, err);
}

static int router_list(ds_storage *s, const char *prefix, ds_list_fn fn, void *arg,
                       struct ds_error *err)
{
    ds_storage *to = NULL;
    int rc = route(s, prefix, &to, err);
    return rc < 0 ? rc : to->ops->list(to, prefix, fn, arg, err);
}

static int router_lock(ds_storage *s, const char *path, int64_t wait_ns, void **out,
                       struct ds_error *err)
{
    struct routed_lock *l = NULL;
    ds_storage *to = NULL;
    int rc = DS_OK;

    DSI_TRY(route(s, path, &to, err));
    if (!to->ops->lock) {
        goto done;
    }
    l = dsi_calloc(1, sizeof *l);
    if (!l) {
        rc = dsi_no_memory(err, path);
        goto done;
    }
    l->owner = to;
    DSI_TRY(to->ops->lock(to, path, wait_ns, &l->lock, err));
    if (l->lock) {
        *out = l;
        l = NULL;
    }
done:
    dsi_free(l);
    return rc;
}

static void router_unlock(ds_storage *s, void *lock)
{
    struct routed_lock *l = lock;
    (void)s;
    l->owner->ops->unlock(l->owner, l->lock);
    dsi_free(l);
}

static void router_free(ds_storage *s)
{
    struct router *r = (struct router *)s;

    for (size_t i = 0; i < ROUTES_MAX; i++) {
        dsi_storage_free(r->routes[i]);
    }
    dsi_free(r);
}

static const struct ds_storage_ops router_ops = {
    .struct_size = sizeof(struct ds_storage_ops),
    .scheme = "any",
    .put = router_put,
    .sync = router_sync,
    .open = router_open,
    .create = router_create,
    .stat = router_stat,
    .remove = router_remove,
    .list = router_list,
    .lock = router_lock,
    .unlock = router_unlock,
    .free = router_free,
    .sync_file = router_sync_file,
    .keep_dir = router_keep_dir,
    .put_after = router_put_after,
};

int dsi_storage_router_new(ds_storage **out, struct ds_error *err)
{
    struct router *r = dsi_calloc(1, sizeof *r);
    int rc = DS_OK;

    *out = NULL;
    if (!r) {
        return dsi_no_memory(err, "a storage");
    }
    r->base.ops = &router_ops;
    DSI_TRY(dsi_storage_local_new(&r->routes[0], err));
    DSI_TRY(dsi_storage_mem_new(&r->routes[1], err));
    *out = &r->base;
    r = NULL;
done:
    if (r) {
        router_free(&r->base);
    }
    return rc;
}
