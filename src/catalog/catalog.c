#include "catalog/catalog.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "catalog/catalog_backend.h"
#include "catalog/catalog_name.h"
#include "storage/storage.h"
#include "storage/storage_path.h"

static int lost_request(struct ds_error *err)
{
    return dsi_fail(err, DS_EIO, "injected: request lost");
}

// A lost answer of anything that changes a catalog leaves its outcome open.
static int lost_answer(struct ds_error *err)
{
    return dsi_fail(err, DS_EUNKNOWN, "injected: answer lost");
}

static int cannot(const struct dsi_catalog *c, const char *what, struct ds_error *err)
{
    return dsi_fail(err, DS_EUNSUPPORTED, "%s has no %s", c->ops->kind, what);
}

void dsi_catalog_free(struct dsi_catalog *c)
{
    if (c) {
        ds_storage *storage = c->storage;
        c->ops->free(c);
        dsi_storage_free(storage);
    }
}

ds_storage *dsi_catalog_storage(struct dsi_catalog *c)
{
    return c->storage;
}

int dsi_catalog_storage_at(struct dsi_catalog *c, const struct dsi_table_name *name,
                           const char *location, ds_storage **out, struct ds_error *err)
{
    *out = c->storage;
    return c->ops->storage_at ? c->ops->storage_at(c, name, location, out, err) : DS_OK;
}

bool dsi_catalog_can_gzip(const struct dsi_catalog *c)
{
    return c->ops->can_gzip;
}

int dsi_catalog_load(struct dsi_catalog *c, const struct dsi_table_name *name,
                     struct dsi_arena *arena, struct dsi_head *out, struct ds_error *err)
{
    int rc = dsi_table_name_check(name, err);

    *out = (struct dsi_head){NULL, -1, 0};
    if (rc == DS_OK && DSI_FAULT("catalog.load.before")) {
        rc = lost_request(err);
    }
    return rc < 0 ? rc : c->ops->load(c, name, arena, out, err);
}

int dsi_catalog_load_legacy(struct dsi_catalog *c, const struct dsi_table_name *name,
                            struct dsi_arena *arena, struct dsi_head *out,
                            struct ds_error *err)
{
    int rc = dsi_table_name_check(name, err);
    return rc < 0 || !c->ops->load_legacy ? rc
                                          : c->ops->load_legacy(c, name, arena, out, err);
}

int dsi_catalog_default_location(struct dsi_catalog *c, const struct dsi_table_name *name,
                                 struct dsi_arena *arena, char **out,
                                 struct ds_error *err)
{
    int rc = dsi_table_name_check(name, err);
    *out = NULL;
    return rc < 0 ? rc : c->ops->default_location(c, name, arena, out, err);
}

int dsi_catalog_before(const struct dsi_swap *swap, const char *path,
                       struct dsi_arena *arena, const char ***out, size_t *count,
                       struct ds_error *err)
{
    const char **all = dsi_arena_array(arena, swap->file_count + 1, sizeof *all);

    if (!all) {
        return dsi_no_memory(err, path);
    }
    if (swap->file_count > 0) {
        memcpy(all, swap->files, swap->file_count * sizeof *all);
    }
    all[swap->file_count] = path;
    *out = all;
    *count = swap->file_count + 1;
    return DS_OK;
}

int dsi_catalog_swap(struct dsi_catalog *c, const struct dsi_table_name *name,
                     const struct dsi_swap *swap, struct dsi_arena *arena,
                     struct dsi_head *out, struct ds_error *err)
{
    struct dsi_head next = {NULL, -1, 0}; // `out` may be the base.
    int rc = DS_OK;

    assert(swap->metadata && swap->identity && swap->json.size > 0);
    DSI_TRY(dsi_table_name_check(name, err));
    if (swap->metadata->is_legacy) {
        rc = dsi_fail(err, DS_EUNSUPPORTED, "a table of DataShard's own layout");
        goto done;
    }
    if (swap->gzip && !c->ops->can_gzip) {
        rc = dsi_fail(err, DS_EUNSUPPORTED, "%s stores metadata uncompressed",
                      c->ops->kind);
        goto done;
    }
    if (DSI_FAULT("catalog.swap.before")) {
        rc = lost_request(err);
        goto done;
    }
    DSI_TRY(c->ops->swap(c, name, swap, arena, &next, err));
    if (DSI_FAULT("catalog.swap.after")) {
        rc = lost_answer(err);
    }
done:
    assert((rc != DS_OK && rc != DS_EUNKNOWN) || next.metadata_location);
    *out = next;
    return rc;
}

int dsi_catalog_confirm(struct dsi_catalog *c, const struct dsi_table_name *name,
                        struct ds_error *err)
{
    int rc = dsi_table_name_check(name, err);

    if (rc < 0) {
        return rc;
    }
    if (DSI_FAULT("catalog.confirm.before")) {
        return lost_request(err);
    }
    rc = c->ops->confirm(c, name, err);
    return rc == DS_ENOTFOUND ? DS_OK : rc;
}

int dsi_catalog_lock(struct dsi_catalog *c, const struct dsi_table_name *name,
                     int64_t wait_ns, void **out, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    char *path = NULL;
    int rc = DS_OK;

    *out = NULL;
    DSI_TRY(dsi_table_name_check(name, err));
    DSI_TRY(c->ops->lock_path(c, name, &arena, &path, err));
    DSI_TRY(dsi_storage_lock(c->storage, path, wait_ns, out, err));
done:
    dsi_arena_release(&arena);
    return rc;
}

void dsi_catalog_unlock(struct dsi_catalog *c, void *lock)
{
    if (lock) {
        dsi_storage_unlock(c->storage, lock);
    }
}

int dsi_catalog_queue_path(struct dsi_catalog *c, const struct dsi_table_name *name,
                           struct dsi_arena *arena, char **out, struct ds_error *err)
{
    char *lock = NULL;
    const char *path = NULL;
    int rc = DS_OK;

    *out = NULL;
    DSI_TRY(dsi_table_name_check(name, err));
    DSI_TRY(c->ops->lock_path(c, name, arena, &lock, err));
    if (!dsi_storage_path_has_scheme(lock, "file")) {
        goto done;
    }
    DSI_TRY(dsi_storage_path(lock, "file", &path, err));
    assert(dsi_storage_path_is_hidden(path));
    // The format's version is in the name: two of them on one machine shall not meet.
    *out = dsi_arena_printf(arena, "%s-group1", path);
    rc = *out ? DS_OK : dsi_no_memory(err, path);
done:
    return rc;
}

int dsi_catalog_drop(struct dsi_catalog *c, const struct dsi_table_name *name,
                     struct ds_error *err)
{
    int rc = dsi_table_name_check(name, err);

    if (rc < 0) {
        return rc;
    }
    if (DSI_FAULT("catalog.drop.before")) {
        return lost_request(err);
    }
    rc = c->ops->drop(c, name, err);
    return rc == DS_OK && DSI_FAULT("catalog.drop.after") ? lost_answer(err) : rc;
}

int dsi_catalog_rename(struct dsi_catalog *c, const struct dsi_table_name *from,
                       const struct dsi_table_name *to, struct ds_error *err)
{
    if (!c->ops->rename) {
        return cannot(c, "names to change: a path table is known by its place", err);
    }
    int rc = dsi_table_name_check(from, err);
    if (rc == DS_OK) {
        rc = dsi_table_name_check(to, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (DSI_FAULT("catalog.rename.before")) {
        return lost_request(err);
    }
    rc = c->ops->rename(c, from, to, err);
    return rc == DS_OK && DSI_FAULT("catalog.rename.after") ? lost_answer(err) : rc;
}

int dsi_catalog_register(struct dsi_catalog *c, const struct dsi_table_name *name,
                         const char *metadata_location, struct ds_error *err)
{
    struct ds_file_info info = {0, 0};

    if (!c->ops->add) {
        return cannot(c, "names to give: a path table is known by its place", err);
    }
    int rc = dsi_table_name_check(name, err);
    if (rc == DS_OK) { // A name for nothing would only fail later.
        rc = dsi_storage_stat(c->storage, metadata_location, &info, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (DSI_FAULT("catalog.register.before")) {
        return lost_request(err);
    }
    rc = c->ops->add(c, name, metadata_location, err);
    return rc == DS_OK && DSI_FAULT("catalog.register.after") ? lost_answer(err) : rc;
}

int dsi_catalog_list_tables(struct dsi_catalog *c, const char *ns,
                            struct dsi_arena *arena, struct dsi_table_name **out,
                            size_t *count, struct ds_error *err)
{
    int rc = ns ? dsi_namespace_check(ns, err) : DS_OK;

    *out = NULL;
    *count = 0;
    return rc < 0 ? rc : c->ops->list_tables(c, ns, arena, out, count, err);
}

int dsi_catalog_list_namespaces(struct dsi_catalog *c, const char *parent,
                                struct dsi_arena *arena, char ***out, size_t *count,
                                struct ds_error *err)
{
    *out = NULL;
    *count = 0;
    if (!c->ops->list_namespaces) {
        return cannot(c, "namespaces", err);
    }
    int rc = parent ? dsi_namespace_check(parent, err) : DS_OK;
    return rc < 0 ? rc : c->ops->list_namespaces(c, parent, arena, out, count, err);
}

int dsi_catalog_create_namespace(struct dsi_catalog *c, const char *ns,
                                 struct ds_properties properties, struct ds_error *err)
{
    if (!c->ops->create_namespace) {
        return cannot(c, "namespaces", err);
    }
    int rc = dsi_namespace_check(ns, err);
    if (rc < 0) {
        return rc;
    }
    if (DSI_FAULT("catalog.create_namespace.before")) {
        return lost_request(err);
    }
    rc = c->ops->create_namespace(c, ns, properties, err);
    return rc == DS_OK && DSI_FAULT("catalog.create_namespace.after") ? lost_answer(err)
                                                                      : rc;
}

int dsi_catalog_drop_namespace(struct dsi_catalog *c, const char *ns,
                               struct ds_error *err)
{
    if (!c->ops->drop_namespace) {
        return cannot(c, "namespaces", err);
    }
    int rc = dsi_namespace_check(ns, err);
    if (rc < 0) {
        return rc;
    }
    if (DSI_FAULT("catalog.drop_namespace.before")) {
        return lost_request(err);
    }
    rc = c->ops->drop_namespace(c, ns, err);
    return rc == DS_OK && DSI_FAULT("catalog.drop_namespace.after") ? lost_answer(err)
                                                                    : rc;
}

int dsi_catalog_load_namespace(struct dsi_catalog *c, const char *ns,
                               struct dsi_arena *arena, struct ds_properties *out,
                               struct ds_error *err)
{
    *out = (struct ds_properties){NULL, 0};
    if (!c->ops->load_namespace) {
        return cannot(c, "namespaces", err);
    }
    int rc = dsi_namespace_check(ns, err);
    return rc < 0 ? rc : c->ops->load_namespace(c, ns, arena, out, err);
}

int dsi_catalog_set_namespace(struct dsi_catalog *c, const char *ns,
                              struct ds_properties changes, struct ds_error *err)
{
    if (!c->ops->set_namespace) {
        return cannot(c, "namespaces", err);
    }
    int rc = dsi_namespace_check(ns, err);
    if (rc < 0) {
        return rc;
    }
    if (DSI_FAULT("catalog.set_namespace.before")) {
        return lost_request(err);
    }
    rc = c->ops->set_namespace(c, ns, changes, err);
    return rc == DS_OK && DSI_FAULT("catalog.set_namespace.after") ? lost_answer(err)
                                                                   : rc;
}
