// The rules of a catalog whose names are rows of a database (the JDBC catalog's tables).
//
// (1) The metadata file, and all names beside it, are durable before the row names it.
// (2) The swap is one conditional update in one transaction.
// (3) After a commit without an answer the row itself is asked. It is what we wrote:
//     applied, and made durable by one more transaction. It is still the base: not
//     applied, and never will be. Anything else decides nothing: DS_EUNKNOWN, and the
//     file stays, for it may be part of the history.
// (4) A file is removed only when no row can name it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/random.h"
#include "catalog/catalog_backend.h"
#include "catalog/catalog_name.h"
#include "catalog/catalog_rows.h"

// The property that makes a namespace exist while it is empty.
#define EXISTS "exists"

// How long a swap goes on giving way to readers that wait to write, and how long a turn
// it leaves them: doubled each time, so that several of us leave them one together.
#define GIVE_WAY_NS INT64_C(60000000000)
#define TURN_LEAST_NS ((uint64_t)100000000)
enum { TURN_DOUBLINGS = 6 };

struct sql_catalog {
    struct dsi_catalog base; // First: a struct dsi_catalog * is a struct sql_catalog *.
    struct dsi_rows *rows;
    char *warehouse;
    char *lock_prefix;
};

static struct dsi_rows *rows_of(struct dsi_catalog *c)
{
    return ((struct sql_catalog *)c)->rows;
}

// Ends a transaction: commits what went well.
static int end(struct dsi_rows *r, int rc, struct ds_error *err)
{
    if (rc < 0) {
        r->ops->rollback(r);
        return rc;
    }
    return r->ops->commit(r, err);
}

static int sql_load(struct dsi_catalog *c, const struct dsi_table_name *name,
                    struct dsi_arena *arena, struct dsi_head *out, struct ds_error *err)
{
    struct dsi_rows *r = rows_of(c);
    char *location = NULL;
    int rc = r->ops->begin(r, false, err);

    if (rc < 0) {
        return rc;
    }
    rc = end(r, r->ops->find(r, name, arena, &location, err), err);
    if (rc == DS_OK) {
        out->metadata_location = location;
        out->version = dsi_metadata_file_version(location);
    }
    return rc;
}

static int sql_default_location(struct dsi_catalog *c, const struct dsi_table_name *name,
                                struct dsi_arena *arena, char **out, struct ds_error *err)
{
    // A namespace is one directory, also when it has levels: a directory for each would
    // put table "c" of "a.b" inside table "b" of "a".
    if (strchr(name->ns, '/') || strchr(name->name, '/')) {
        return dsi_fail(
            err, DS_EINVALID,
            "\"%s.%s\" has a slash, so no location follows from it: choose one", name->ns,
            name->name);
    }
    *out = dsi_arena_printf(arena, "%s/%s/%s", ((struct sql_catalog *)c)->warehouse,
                            name->ns, name->name);
    return *out ? DS_OK : dsi_no_memory(err, name->name);
}

static int sql_lock_path(struct dsi_catalog *c, const struct dsi_table_name *name,
                         struct dsi_arena *arena, char **out, struct ds_error *err)
{
    const char *prefix = ((struct sql_catalog *)c)->lock_prefix;
    char *full = dsi_arena_printf(arena, "%s.%s", name->ns, name->name);

    // Names have characters that files do not; two tables with one lock are only slower.
    *out = full ? dsi_arena_printf(arena, "%s%016llx.lock", prefix,
                                   (unsigned long long)dsi_hash(full, strlen(full)))
                : NULL;
    return *out ? DS_OK : dsi_no_memory(err, name->name);
}

// Where the file of this attempt goes. Java and PyIceberg read the version and a UUID
// from such a name; what follows makes it one that no other attempt or process has.
static int file_for(const struct dsi_swap *swap, struct dsi_arena *arena,
                    struct dsi_head *out, struct ds_error *err)
{
    const struct dsi_metadata *m = swap->metadata;
    const char *dir = NULL;

    for (size_t i = 0; i < m->property_count; i++) {
        if (strcmp(m->properties[i].key, "write.metadata.path") == 0) {
            dir = m->properties[i].value;
        }
    }
    size_t size = strlen(dir ? dir : m->location);
    while (size > 1 && (dir ? dir : m->location)[size - 1] == '/') {
        size--;
    }
    out->version = swap->base ? swap->base->version + 1 : 0;
    out->metadata_location = dsi_arena_printf(
        arena, "%.*s%s/%05lld-%s.a%ur%08llx%s.metadata.json", (int)size,
        dir ? dir : m->location, dir ? "" : "/metadata", (long long)out->version,
        swap->identity, (unsigned)swap->attempt,
        (unsigned long long)(dsi_random_u64() >> 32), swap->gzip ? ".gz" : "");
    return out->metadata_location ? DS_OK : dsi_no_memory(err, m->location);
}

// The transaction of a swap, once. *gave_way: a reader would not go, so nothing was done.
static int apply_once(struct dsi_rows *r, const struct dsi_table_name *name,
                      const char *from, const char *to, bool *gave_way,
                      struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    char *now = NULL;
    int rc = r->ops->begin(r, true, err);

    *gave_way = false;
    if (rc < 0) {
        return rc;
    }
    rc = from ? r->ops->update(r, name, from, to, err) // (2)
              : r->ops->insert(r, name, to, err);
    if (rc == DS_ECONFLICT && r->ops->find(r, name, &arena, &now, NULL) == DS_ENOTFOUND) {
        rc = dsi_fail(err, DS_ENOTFOUND, "table %s.%s is gone: dropped or renamed",
                      name->ns, name->name);
    }
    dsi_arena_release(&arena);
    if (rc < 0) {
        return end(r, rc, err);
    }
    rc = r->ops->commit(r, err);
    *gave_way = rc == DS_ECONFLICT;
    return rc;
}

// The transaction of a swap. One that gave way was rolled back, so the same one may be
// tried again: it is no attempt that somebody else has won. In between, whoever waits
// for us with a lock in his hand gets his turn.
static int apply(struct dsi_rows *r, const struct dsi_table_name *name, const char *from,
                 const char *to, struct ds_error *err)
{
    int64_t until = dsi_clock_monotonic_ns() + GIVE_WAY_NS;
    bool gave_way = false;
    int rc = apply_once(r, name, from, to, &gave_way, err);

    for (int nth = 0; gave_way && dsi_clock_monotonic_ns() < until; nth++) {
        int doublings = nth < TURN_DOUBLINGS ? nth : TURN_DOUBLINGS;
        if (!dsi_cancel_sleep_ns((int64_t)dsi_random_below(TURN_LEAST_NS << doublings))) {
            return dsi_cancel_fail(err);
        }
        rc = apply_once(r, name, from, to, &gave_way, err);
    }
    return rc;
}

// What became of a swap whose commit had no answer (3).
static int look(struct dsi_rows *r, const struct dsi_table_name *name, const char *from,
                const char *to, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error second = {0}; // The first failure is the one worth reporting.
    char *now = NULL;
    int rc = r->ops->begin(r, true, &second);

    if (rc < 0) {
        return dsi_wrap(err, DS_EUNKNOWN, "its outcome cannot be read (%.200s)",
                        second.message);
    }
    int found = r->ops->find(r, name, &arena, &now, &second);
    bool ours = found == DS_OK && strcmp(now, to) == 0;
    bool not_ours =
        from ? found == DS_OK && strcmp(now, from) == 0 : found == DS_ENOTFOUND;
    if (ours) {
        rc = end(r, r->ops->touch(r, name, &second), &second);
        rc = rc < 0 ? dsi_wrap(err, DS_EUNKNOWN, "it is there, perhaps not for ever")
                    : DS_OK;
    } else {
        r->ops->rollback(r);
        rc = not_ours ? dsi_wrap(err, DS_EIO, "not applied")
                      : dsi_wrap(err, DS_EUNKNOWN, "others have moved on since");
    }
    dsi_arena_release(&arena);
    return rc;
}

// Makes durable what has to be before the row (1): `path` too, which is there.
static int sync_before(struct dsi_catalog *c, const struct dsi_swap *swap,
                       const char *path, struct dsi_arena *arena, struct ds_error *err)
{
    const char **all = NULL;
    size_t count = 0;
    int rc = dsi_catalog_before(swap, path, arena, &all, &count, err);

    return rc < 0 ? rc : dsi_storage_sync(c->storage, all, count, err);
}

static int sql_swap(struct dsi_catalog *c, const struct dsi_table_name *name,
                    const struct dsi_swap *swap, struct dsi_arena *arena,
                    struct dsi_head *out, struct ds_error *err)
{
    struct dsi_rows *r = rows_of(c);
    const char *from = swap->base ? swap->base->metadata_location : NULL;
    struct dsi_head next = {NULL, -1, 0};
    bool stored = false;
    int rc = DS_OK;

    DSI_TRY(file_for(swap, arena, &next, err));
    stored = true; // Even a put that failed may have left it.
    rc = dsi_storage_put(c->storage, next.metadata_location, swap->json,
                         DS_PUT_LATER | DS_PUT_UNSEEN, err);
    if (rc == DS_EUNKNOWN) { // No row names it, so the swap itself did not happen.
        rc = dsi_wrap(err, DS_EIO, "storing metadata");
    }
    DSI_TRY(rc);
    DSI_TRY(sync_before(c, swap, next.metadata_location, arena, err));
    if (DSI_FAULT("catalog.rows.before")) {
        rc = dsi_fail(err, DS_EIO, "injected: request lost");
        goto done;
    }
    rc = apply(r, name, from, next.metadata_location, err);
    if (rc == DS_OK && DSI_FAULT("catalog.rows.after")) {
        rc = dsi_fail(err, DS_EUNKNOWN, "injected: answer lost");
    }
    if (rc == DS_EUNKNOWN) {
        rc = look(r, name, from, next.metadata_location, err);
    }
done:
    if (rc == DS_OK || rc == DS_EUNKNOWN) {
        *out = next;
    } else if (stored) {
        // (4) An orphan wastes space; the first error is the one worth reporting.
        DSI_IGNORE(dsi_storage_remove(c->storage, next.metadata_location, NULL));
    }
    // What is not there is the table, or its directory: that is said already.
    return rc < 0 && rc != DS_ENOTFOUND
               ? dsi_wrap(err, rc, "table %s.%s", name->ns, name->name)
               : rc;
}

static int sql_confirm(struct dsi_catalog *c, const struct dsi_table_name *name,
                       struct ds_error *err)
{
    struct dsi_rows *r = rows_of(c);
    int rc = r->ops->begin(r, true, err);

    rc = rc < 0 ? rc : end(r, r->ops->touch(r, name, err), err);
    // What it writes is what is there, so an open outcome only means: not sure yet.
    return rc == DS_EUNKNOWN
               ? dsi_wrap(err, DS_EIO, "confirming %s.%s", name->ns, name->name)
               : rc;
}

static int sql_drop(struct dsi_catalog *c, const struct dsi_table_name *name,
                    struct ds_error *err)
{
    struct dsi_rows *r = rows_of(c);
    int rc = r->ops->begin(r, true, err);
    return rc < 0 ? rc : end(r, r->ops->remove(r, name, err), err);
}

static int sql_rename(struct dsi_catalog *c, const struct dsi_table_name *from,
                      const struct dsi_table_name *to, struct ds_error *err)
{
    struct dsi_rows *r = rows_of(c);
    int rc = r->ops->begin(r, true, err);
    return rc < 0 ? rc : end(r, r->ops->rename(r, from, to, err), err);
}

static int sql_add(struct dsi_catalog *c, const struct dsi_table_name *name,
                   const char *metadata_location, struct ds_error *err)
{
    struct dsi_rows *r = rows_of(c);
    int rc = r->ops->begin(r, true, err);
    return rc < 0 ? rc : end(r, r->ops->insert(r, name, metadata_location, err), err);
}

// Whether `ns` is there: it has a property or a table, or something below it has.
static int namespace_exists(struct dsi_rows *r, const char *ns, bool *exists,
                            bool *has_children, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    char **all = NULL;
    size_t count = 0;
    int rc = r->ops->namespaces(r, &arena, &all, &count, err);

    *exists = false;
    *has_children = false;
    for (size_t i = 0; i < count; i++) {
        bool below = dsi_namespace_is_below(all[i], ns);
        *has_children = *has_children || below;
        *exists = *exists || below || strcmp(all[i], ns) == 0;
    }
    dsi_arena_release(&arena);
    return rc;
}

static int no_namespace(const char *ns, struct ds_error *err)
{
    return dsi_fail(err, DS_ENOTFOUND, "there is no namespace %s", ns);
}

static int compare_names(const void *a, const void *b)
{
    const struct dsi_table_name *x = a;
    const struct dsi_table_name *y = b;
    int order = strcmp(x->ns, y->ns);
    return order ? order : strcmp(x->name, y->name);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int sql_list_tables(struct dsi_catalog *c, const char *ns, struct dsi_arena *arena,
                           struct dsi_table_name **out, size_t *count,
                           struct ds_error *err)
{
    struct dsi_rows *r = rows_of(c);
    bool exists = true;
    bool has_children = false;
    int rc = r->ops->begin(r, false, err);

    if (rc < 0) {
        return rc;
    }
    rc = r->ops->tables(r, ns, arena, out, count, err);
    if (rc == DS_OK && *count == 0 && ns) {
        rc = namespace_exists(r, ns, &exists, &has_children, err);
    }
    if (rc == DS_OK && !exists) {
        rc = no_namespace(ns, err);
    }
    rc = end(r, rc, err);
    if (rc == DS_OK && *count > 1) {
        qsort(*out, *count, sizeof **out, compare_names);
    }
    return rc;
}

// "a.b.c" below "a" becomes "a.b"; what is not below becomes NULL.
static void cut_to_child(char *ns, const char *parent, char **out)
{
    size_t size = parent ? strlen(parent) + 1 : 0;

    *out = NULL;
    if (dsi_namespace_is_below(ns, parent)) {
        char *dot = strchr(ns + size, '.');
        if (dot) {
            *dot = '\0';
        }
        *out = ns;
    }
}

static int sql_list_namespaces(struct dsi_catalog *c, const char *parent,
                               struct dsi_arena *arena, char ***out, size_t *count,
                               struct ds_error *err)
{
    struct dsi_rows *r = rows_of(c);
    char **all = NULL;
    size_t found = 0;
    bool exists = !parent;
    size_t kept = 0;
    int rc = r->ops->begin(r, false, err);

    if (rc < 0) {
        return rc;
    }
    rc = end(r, r->ops->namespaces(r, arena, &all, &found, err), err);
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < found; i++) {
        exists = exists || strcmp(all[i], parent) == 0;
        cut_to_child(all[i], parent, &all[kept]);
        kept += all[kept] != NULL;
    }
    if (!exists && kept == 0) {
        return no_namespace(parent, err);
    }
    if (kept > 1) {
        qsort(all, kept, sizeof *all, compare_texts);
    }
    for (size_t i = 0; i < kept; i++) {
        if (*count == 0 || strcmp(all[*count - 1], all[i]) != 0) {
            all[(*count)++] = all[i];
        }
    }
    *out = all;
    return DS_OK;
}

// Refuses the property that is the catalog's own.
static int check_keys(struct ds_properties properties, struct ds_error *err)
{
    for (size_t i = 0; i < properties.count; i++) {
        if (strcmp(properties.items[i].key, EXISTS) == 0) {
            return dsi_fail(err, DS_EINVALID,
                            "the property \"" EXISTS "\" is kept by the catalog");
        }
    }
    return DS_OK;
}

static int set_properties(struct dsi_rows *r, const char *ns,
                          struct ds_properties properties, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; rc == DS_OK && i < properties.count; i++) {
        rc = r->ops->set_property(r, ns, properties.items[i].key,
                                  properties.items[i].value, err);
    }
    return rc;
}

static int sql_create_namespace(struct dsi_catalog *c, const char *ns,
                                struct ds_properties properties, struct ds_error *err)
{
    struct dsi_rows *r = rows_of(c);
    bool exists = false;
    bool has_children = false;
    int rc = check_keys(properties, err);

    if (rc == DS_OK) {
        rc = r->ops->begin(r, true, err);
    }
    if (rc < 0) {
        return rc;
    }
    DSI_TRY(namespace_exists(r, ns, &exists, &has_children, err));
    if (exists) {
        rc = dsi_fail(err, DS_EEXISTS, "namespace %s is already there", ns);
        goto done;
    }
    DSI_TRY(r->ops->set_property(r, ns, EXISTS, "true", err));
    DSI_TRY(set_properties(r, ns, properties, err));
done:
    return end(r, rc, err);
}

static int sql_drop_namespace(struct dsi_catalog *c, const char *ns, struct ds_error *err)
{
    struct dsi_rows *r = rows_of(c);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_table_name *tables = NULL;
    size_t count = 0;
    bool exists = false;
    bool has_children = false;
    int rc = r->ops->begin(r, true, err);

    if (rc < 0) {
        return rc;
    }
    DSI_TRY(namespace_exists(r, ns, &exists, &has_children, err));
    DSI_TRY(r->ops->tables(r, ns, &arena, &tables, &count, err));
    if (!exists) {
        rc = no_namespace(ns, err);
    } else if (has_children || count > 0) {
        rc = dsi_fail(err, DS_ECONFLICT, "namespace %s is not empty: %s is in it", ns,
                      count > 0 ? tables[0].name : "another namespace");
    } else {
        rc = r->ops->remove_properties(r, ns, err);
    }
done:
    dsi_arena_release(&arena);
    return end(r, rc, err);
}

static int sql_load_namespace(struct dsi_catalog *c, const char *ns,
                              struct dsi_arena *arena, struct ds_properties *out,
                              struct ds_error *err)
{
    struct dsi_rows *r = rows_of(c);
    struct ds_property *kept = NULL;
    struct ds_properties all = {NULL, 0};
    bool exists = false;
    bool has_children = false;
    int rc = r->ops->begin(r, false, err);

    if (rc < 0) {
        return rc;
    }
    DSI_TRY(namespace_exists(r, ns, &exists, &has_children, err));
    if (!exists) {
        rc = no_namespace(ns, err);
        goto done;
    }
    DSI_TRY(r->ops->properties(r, ns, arena, &all, err));
    kept = dsi_arena_array(arena, all.count, sizeof *kept);
    if (!kept) {
        rc = dsi_no_memory(err, ns);
        goto done;
    }
    for (size_t i = 0; i < all.count; i++) {
        if (strcmp(all.items[i].key, EXISTS) != 0) {
            kept[out->count++] = all.items[i];
        }
    }
    out->items = kept;
done:
    return end(r, rc, err);
}

static int sql_set_namespace(struct dsi_catalog *c, const char *ns,
                             struct ds_properties changes, struct ds_error *err)
{
    struct dsi_rows *r = rows_of(c);
    bool exists = false;
    bool has_children = false;
    int rc = check_keys(changes, err);

    if (rc == DS_OK) {
        rc = r->ops->begin(r, true, err);
    }
    if (rc < 0) {
        return rc;
    }
    DSI_TRY(namespace_exists(r, ns, &exists, &has_children, err));
    if (!exists) {
        rc = no_namespace(ns, err);
        goto done;
    }
    // It may have been there only because of what is in it; now it is by itself.
    DSI_TRY(r->ops->set_property(r, ns, EXISTS, "true", err));
    DSI_TRY(set_properties(r, ns, changes, err));
done:
    return end(r, rc, err);
}

static void sql_free(struct dsi_catalog *c)
{
    struct sql_catalog *s = (struct sql_catalog *)c;

    if (s->rows) {
        s->rows->ops->free(s->rows);
    }
    dsi_free(s->warehouse);
    dsi_free(s->lock_prefix);
    dsi_free(s);
}

static const struct dsi_catalog_ops sql_ops = {
    .kind = "this catalog",
    .can_gzip = true,
    .load = sql_load,
    .default_location = sql_default_location,
    .swap = sql_swap,
    .confirm = sql_confirm,
    .lock_path = sql_lock_path,
    .drop = sql_drop,
    .rename = sql_rename,
    .add = sql_add,
    .list_tables = sql_list_tables,
    .list_namespaces = sql_list_namespaces,
    .create_namespace = sql_create_namespace,
    .drop_namespace = sql_drop_namespace,
    .load_namespace = sql_load_namespace,
    .set_namespace = sql_set_namespace,
    .free = sql_free,
};

int dsi_catalog_sql_new(const struct dsi_catalog_sql_spec *spec, struct dsi_catalog **out,
                        struct ds_error *err)
{
    struct sql_catalog *s = dsi_calloc(1, sizeof *s);

    *out = NULL;
    if (!s) {
        return dsi_no_memory(err, "opening a catalog");
    }
    s->base.ops = &sql_ops;
    s->warehouse = dsi_strdup(spec->warehouse);
    s->lock_prefix = dsi_strdup(spec->lock_prefix);
    if (!s->warehouse || !s->lock_prefix) {
        sql_free(&s->base);
        return dsi_no_memory(err, "opening a catalog");
    }
    s->base.storage = spec->storage;
    s->rows = spec->rows;
    *out = &s->base;
    return DS_OK;
}
