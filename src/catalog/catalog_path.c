// Path tables: a directory is the table, its highest version file is the head.
//
// (1) A version file is never overwritten: its name is given only while it is absent,
//     which is the swap. One name decides, so metadata is written plain: a compressed
//     file would be a second name for the same version.
// (2) What the version refers to is durable before it has its name; the name is durable
//     before the swap says so.
// (3) A version that cannot be seen to be ours or somebody else's is DS_EUNKNOWN, and
//     stays.
// (4) A directory that was removed by hand and made anew has the old one's names: a head
//     is told from its namesake by the file's time and size.
// (5) A directory that was moved has metadata that name another place. It is read where
//     it is, and never written before its metadata say so too. One that is reached by a
//     link or another mount was not moved: both names lead to one directory.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "base/thread.h"
#include "catalog/catalog_backend.h"
#include "catalog/catalog_legacy.h"
#include "catalog/catalog_versions.h"
#include "storage/storage_moved.h"
#include "storage/storage_path.h"
#include "storage/storage_posix.h"

// How one table is read that was moved.
struct view {
    struct view *next;
    char *name;     // The table's,
    char *location; // and where its metadata say that it is.
    ds_storage *storage;
};

struct path_catalog {
    struct dsi_catalog base; // First: a struct dsi_catalog * is a struct path_catalog *.
    char *root;
    struct dsi_mutex *mutex; // Guards what follows.
    struct view *views;      // Kept to the end: readers hold their storages.
};

// (4), never 0.
static int64_t stamp_of(const struct ds_file_info *info)
{
    uint64_t mixed = (uint64_t)info->modified_ms * 1000003U + info->size;
    return (int64_t)(mixed | 1U);
}

// 0 when it cannot be seen.
static int64_t stamp_at(ds_storage *storage, const char *path)
{
    struct ds_file_info info = {0, 0};
    return dsi_storage_stat(storage, path, &info, NULL) == DS_OK ? stamp_of(&info) : 0;
}

static int path_load_legacy(struct dsi_catalog *c, const struct dsi_table_name *name,
                            struct dsi_arena *arena, struct dsi_head *out,
                            struct ds_error *err)
{
    struct dsi_legacy_head head = {0, NULL, NULL};
    int rc = dsi_legacy_head_find(c->storage, name->name, arena, &head, err);

    if (rc == DS_OK) {
        *out = (struct dsi_head){head.path, head.number, stamp_at(c->storage, head.path)};
    }
    return rc;
}

static int path_load(struct dsi_catalog *c, const struct dsi_table_name *name,
                     struct dsi_arena *arena, struct dsi_head *out, struct ds_error *err)
{
    struct dsi_version head = {0, NULL, {0, 0}};
    int rc = dsi_version_head(c->storage, name->name, arena, &head, err);

    if (rc == DS_OK) {
        *out = (struct dsi_head){head.path, head.number,
                                 head.info.size > 0 ? stamp_of(&head.info) : 0};
    }
    return rc == DS_ENOTFOUND ? path_load_legacy(c, name, arena, out, err) : rc;
}

static int path_default_location(struct dsi_catalog *c, const struct dsi_table_name *name,
                                 struct dsi_arena *arena, char **out,
                                 struct ds_error *err)
{
    (void)c;
    *out = dsi_arena_strdup(arena, name->name);
    return *out ? DS_OK : dsi_no_memory(err, name->name);
}

static int path_lock_path(struct dsi_catalog *c, const struct dsi_table_name *name,
                          struct dsi_arena *arena, char **out, struct ds_error *err)
{
    (void)c;
    *out = dsi_arena_printf(arena, "%s/metadata/" DSI_STORAGE_HIDDEN "lock", name->name);
    return *out ? DS_OK : dsi_no_memory(err, name->name);
}

// Where a location leads, whichever way it is spelled; NULL when nowhere.
static const char *place(const char *location)
{
    const char *path = NULL;
    bool memory = dsi_storage_path_has_scheme(location, "memory");
    int rc = dsi_storage_path(location, memory ? "memory" : "file", &path, NULL);
    return rc == DS_OK ? path : NULL;
}

// True when two places are one directory.
static bool is_one_directory(const char *a, const char *b)
{
    struct stat x = {0};
    struct stat y = {0};

    return dsi_posix()->stat(a, &x) == 0 && dsi_posix()->stat(b, &y) == 0 &&
           x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

// True when a table's metadata, which say `location`, are right about where it is.
static bool is_here(const struct dsi_table_name *name, const char *location)
{
    const char *want = place(name->name);
    const char *has = place(location);
    bool files = dsi_storage_path_has_scheme(name->name, "file") &&
                 dsi_storage_path_has_scheme(location, "file");

    return want && has &&
           (strcmp(want, has) == 0 || (files && is_one_directory(want, has)));
}

static int check_location(const struct dsi_table_name *name, const struct dsi_metadata *m,
                          struct ds_error *err)
{
    if (!is_here(name, m->location)) {
        return dsi_fail(err, DS_EINVALID,
                        "the location of the path table %s cannot be %s: it is its name, "
                        "and a table that was moved is relocated first",
                        name->name, m->location);
    }
    return DS_OK;
}

static void free_view(struct view *v)
{
    if (v) {
        dsi_storage_free(v->storage);
        dsi_free(v->location);
        dsi_free(v->name);
        dsi_free(v);
    }
}

static int new_view(ds_storage *storage, const char *name, const char *location,
                    struct view **out, struct ds_error *err)
{
    struct view *v = dsi_calloc(1, sizeof *v);
    int rc = DS_OK;

    *out = NULL;
    if (!v) {
        return dsi_no_memory(err, name);
    }
    v->name = dsi_strdup(name);
    v->location = dsi_strdup(location);
    if (!v->name || !v->location) {
        rc = dsi_no_memory(err, name);
        goto done;
    }
    DSI_TRY(dsi_storage_moved_new(storage, location, name, &v->storage, err));
    *out = v;
    v = NULL;
done:
    free_view(v);
    return rc;
}

static int path_storage_at(struct dsi_catalog *c, const struct dsi_table_name *name,
                           const char *location, ds_storage **out, struct ds_error *err)
{
    struct path_catalog *p = (struct path_catalog *)c;
    struct view *v = NULL;
    int rc = DS_OK;

    if (!place(name->name) || !place(location) || is_here(name, location)) {
        return DS_OK; // Where it says, or at a place that nobody serves.
    }
    dsi_mutex_lock(p->mutex);
    for (v = p->views; v; v = v->next) {
        if (strcmp(v->name, name->name) == 0 && strcmp(v->location, location) == 0) {
            goto done;
        }
    }
    DSI_TRY(new_view(c->storage, name->name, location, &v, err));
    v->next = p->views;
    p->views = v;
done:
    dsi_mutex_unlock(p->mutex);
    if (rc == DS_OK) {
        *out = v->storage; // (5)
    }
    return rc;
}

// Whether version `number` may be written: the base is still there, and no other engine
// has written the version under another of its names.
static int check_base(struct dsi_catalog *c, const struct dsi_table_name *name,
                      const struct dsi_head *base, struct dsi_arena *arena,
                      struct ds_error *err)
{
    struct dsi_version other = {0, NULL, {0, 0}};
    struct ds_file_info info = {0, 0};
    int rc = dsi_storage_stat(c->storage, base->metadata_location, &info, err);

    if (rc < 0) {
        return rc;
    }
    if (base->stamp != 0 && base->stamp != stamp_of(&info)) {
        return dsi_fail(err, DS_ECONFLICT, "%s is another file by now", // (4)
                        base->metadata_location);
    }
    rc = dsi_version_find(c->storage, name->name, base->version + 1, arena, &other, err);
    if (rc == DS_OK) {
        return dsi_fail(err, DS_ECONFLICT, "%s is there already", other.path);
    }
    return rc == DS_ENOTFOUND ? DS_OK : rc;
}

static int check_create(struct dsi_catalog *c, const struct dsi_table_name *name,
                        struct dsi_arena *arena, struct ds_error *err)
{
    struct dsi_head head = {NULL, -1, 0};
    int rc = path_load(c, name, arena, &head, err);

    if (rc == DS_OK) {
        return dsi_fail(err, DS_EEXISTS, "there is a table at %s already", name->name);
    }
    return rc == DS_ENOTFOUND ? DS_OK : rc;
}

// Version 1 is ours, but a table that was made and has dropped its version 1 since we
// looked would have let us: then a higher one is there (3).
static int check_created(struct dsi_catalog *c, const struct dsi_table_name *name,
                         struct dsi_arena *arena, struct ds_error *err)
{
    struct dsi_version *all = NULL;
    size_t count = 0;
    int rc = dsi_version_list(c->storage, name->name, arena, &all, &count, err);

    if (rc < 0) {
        return dsi_wrap(err, DS_EUNKNOWN, "cannot see whether the new table is alone");
    }
    if (count != 1) {
        return dsi_fail(err, DS_EUNKNOWN, "%s: others have moved on since", name->name);
    }
    return DS_OK;
}

// Names the version's file (1), when what it refers to is durable (2).
static int put_version(struct dsi_catalog *c, const struct dsi_swap *swap,
                       const char *path, struct dsi_arena *arena, struct ds_error *err)
{
    const char **first = NULL;
    size_t count = 0;

    if (!swap->base) { // A table without a file has no directory yet.
        return dsi_storage_put(c->storage, path, swap->json, DS_PUT_IF_ABSENT, err);
    }
    int rc = dsi_catalog_before(swap, path, arena, &first, &count, err);
    return rc < 0 ? rc
                  : dsi_storage_put_after(c->storage, path, swap->json, DS_PUT_IF_ABSENT,
                                          first, count, err);
}

static int path_swap(struct dsi_catalog *c, const struct dsi_table_name *name,
                     const struct dsi_swap *swap, struct dsi_arena *arena,
                     struct dsi_head *out, struct ds_error *err)
{
    int64_t number = swap->base ? swap->base->version + 1 : 1;
    char *path = NULL;
    int rc = DS_OK;

    DSI_TRY(check_location(name, swap->metadata, err));
    if (number < 1) {
        rc = dsi_fail(err, DS_EINVALID, "%s is no version of a path table",
                      swap->base->metadata_location);
        goto done;
    }
    path = dsi_version_path(name->name, number, arena);
    if (!path) {
        rc = dsi_no_memory(err, name->name);
        goto done;
    }
    DSI_TRY(swap->base ? check_base(c, name, swap->base, arena, err)
                       : check_create(c, name, arena, err));
    rc = put_version(c, swap, path, arena, err);
    if (rc == DS_EEXISTS && swap->base) {
        rc = dsi_wrap(err, DS_ECONFLICT, "somebody else was faster");
    }
    if (rc == DS_OK && !swap->base) {
        rc = check_created(c, name, arena, err);
    }
    if (rc == DS_OK || rc == DS_EUNKNOWN) {
        *out = (struct dsi_head){path, number, 0};
    }
    if (rc == DS_OK) {
        out->stamp = stamp_at(c->storage, path);
        dsi_version_write_hint(c->storage, name->name, number);
    }
done:
    return rc;
}

static int path_confirm(struct dsi_catalog *c, const struct dsi_table_name *name,
                        struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    char *path = dsi_version_path(name->name, 1, &arena); // Any name beside the head's.
    const char *const paths[] = {path};
    int rc = path ? dsi_storage_sync(c->storage, paths, 1, err)
                  : dsi_no_memory(err, name->name);

    dsi_arena_release(&arena);
    return rc;
}

// The head goes last: until then the table is whole, and a writer that commits meanwhile
// keeps it.
static int path_drop(struct dsi_catalog *c, const struct dsi_table_name *name,
                     struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_version *all = NULL;
    size_t count = 0;
    char *hint = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_version_list(c->storage, name->name, &arena, &all, &count, err));
    if (count == 0) {
        rc = dsi_fail(err, DS_ENOTFOUND, "there is no table at %s", name->name);
        goto done;
    }
    hint = dsi_arena_printf(&arena, "%s/metadata/" DSI_VERSION_HINT, name->name);
    if (!hint) {
        rc = dsi_no_memory(err, name->name);
        goto done;
    }
    DSI_TRY(dsi_storage_remove(c->storage, hint, err));
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(dsi_storage_remove(c->storage, all[i].path, err));
    }
    DSI_TRY(dsi_version_list(c->storage, name->name, &arena, &all, &count, err));
    if (count > 0) {
        rc = dsi_fail(err, DS_ECONFLICT, "%s: somebody has committed meanwhile",
                      name->name);
    }
done:
    dsi_arena_release(&arena);
    return rc;
}

struct listing {
    struct dsi_arena *arena;
    struct dsi_table_name *names;
    size_t count;
};

// Notes the table that a version file belongs to.
static int told_file(void *arg, const char *path, const struct ds_file_info *info)
{
    static const char folder[] = "/metadata";
    struct listing *l = arg;
    const char *slash = strrchr(path, '/');
    size_t size = (size_t)(slash - path);
    (void)info;

    if (dsi_version_parse(slash + 1) < 0 || size <= sizeof folder - 1 ||
        memcmp(slash - (sizeof folder - 1), folder, sizeof folder - 1) != 0) {
        return DS_OK;
    }
    size -= sizeof folder - 1;
    if (l->count > 0 && strncmp(l->names[l->count - 1].name, path, size) == 0 &&
        l->names[l->count - 1].name[size] == '\0') {
        return DS_OK; // Files of one directory mostly come together.
    }
    l->names = dsi_arena_grow(l->arena, l->names, l->count, sizeof *l->names);
    char *copy = dsi_arena_strndup(l->arena, path, size);
    if (!l->names || !copy) {
        return DS_ENOMEM;
    }
    l->names[l->count++] = (struct dsi_table_name){"", copy};
    return DS_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct dsi_table_name *)a)->name,
                  ((const struct dsi_table_name *)b)->name);
}

static int path_list_tables(struct dsi_catalog *c, const char *ns,
                            struct dsi_arena *arena, struct dsi_table_name **out,
                            size_t *count, struct ds_error *err)
{
    const struct path_catalog *p = (struct path_catalog *)c;
    struct listing l = {.arena = arena};

    if (ns) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "a catalog of path tables has no namespaces");
    }
    int rc = dsi_storage_list(c->storage, p->root, told_file, &l, err);
    if (rc < 0) {
        return rc == DS_ENOMEM ? dsi_no_memory(err, p->root) : rc;
    }
    if (l.count > 1) {
        qsort(l.names, l.count, sizeof *l.names, compare_names);
    }
    for (size_t i = 0; i < l.count; i++) {
        if (*count == 0 || compare_names(&l.names[*count - 1], &l.names[i]) != 0) {
            l.names[(*count)++] = l.names[i];
        }
    }
    *out = l.names;
    return DS_OK;
}

static void path_free(struct dsi_catalog *c)
{
    struct path_catalog *p = (struct path_catalog *)c;

    while (p->views) {
        struct view *v = p->views;
        p->views = v->next;
        free_view(v);
    }
    dsi_mutex_free(p->mutex);
    dsi_free(p->root);
    dsi_free(p);
}

static const struct dsi_catalog_ops path_ops = {
    .kind = "a catalog of path tables",
    .can_gzip = false, // (1)
    .load = path_load,
    .load_legacy = path_load_legacy,
    .storage_at = path_storage_at,
    .default_location = path_default_location,
    .swap = path_swap,
    .confirm = path_confirm,
    .lock_path = path_lock_path,
    .drop = path_drop,
    .list_tables = path_list_tables,
    .free = path_free,
};

int dsi_catalog_path_new(const char *root, ds_storage *storage, struct dsi_catalog **out,
                         struct ds_error *err)
{
    struct path_catalog *p = dsi_calloc(1, sizeof *p);

    *out = NULL;
    if (!p) {
        return dsi_no_memory(err, root);
    }
    int rc = DS_OK;
    p->base.ops = &path_ops;
    p->root = dsi_strdup(root);
    if (!p->root) {
        rc = dsi_no_memory(err, root);
        goto done;
    }
    DSI_TRY(dsi_mutex_new(&p->mutex, err));
    p->base.storage = storage;
    *out = &p->base;
    p = NULL;
done:
    if (p) {
        path_free(&p->base);
    }
    return rc;
}
