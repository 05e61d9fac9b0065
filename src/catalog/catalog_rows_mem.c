// Rows in memory: the reference. A write transaction works on a copy of everything, which
// replaces the original when it commits: obviously indivisible, not fast.
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/thread.h"
#include "catalog/catalog_rows.h"

struct table_row {
    struct dsi_table_name name;
    const char *location;
};

struct property_row {
    const char *ns;
    const char *key;
    const char *value;
};

// Everything, in one arena. Rows that were removed leave their text behind until the next
// copy.
struct state {
    struct dsi_arena arena;
    struct table_row *tables;
    size_t table_count;
    struct property_row *properties;
    size_t property_count;
};

struct mem_rows {
    struct dsi_rows base; // First: a struct dsi_rows * is a struct mem_rows *.
    struct dsi_mutex *mutex;
    struct state *state;
    struct state *work; // The copy of the write transaction that runs, or NULL.
};

static struct state *current(struct dsi_rows *r)
{
    struct mem_rows *m = (struct mem_rows *)r;
    return m->work ? m->work : m->state;
}

static void state_free(struct state *s)
{
    if (s) {
        dsi_arena_release(&s->arena);
        dsi_free(s);
    }
}

static bool copy_table(struct state *s, const struct table_row *from,
                       struct table_row *to)
{
    to->name.ns = dsi_arena_strdup(&s->arena, from->name.ns);
    to->name.name = dsi_arena_strdup(&s->arena, from->name.name);
    to->location = dsi_arena_strdup(&s->arena, from->location);
    return to->name.ns && to->name.name && to->location;
}

static bool copy_property(struct state *s, const struct property_row *from,
                          struct property_row *to)
{
    to->ns = dsi_arena_strdup(&s->arena, from->ns);
    to->key = dsi_arena_strdup(&s->arena, from->key);
    to->value = dsi_arena_strdup(&s->arena, from->value);
    return to->ns && to->key && to->value;
}

// A copy (of nothing: NULL), or NULL when there is no memory.
static struct state *state_copy(const struct state *from)
{
    struct state *s = dsi_calloc(1, sizeof *s);
    size_t tables = from ? from->table_count : 0;
    size_t properties = from ? from->property_count : 0;
    bool ok = s;

    if (ok) {
        // Room for one more of each: what one insert needs. See grow().
        s->tables = dsi_arena_array(&s->arena, tables + 1, sizeof *s->tables);
        s->properties = dsi_arena_array(&s->arena, properties + 1, sizeof *s->properties);
        ok = s->tables && s->properties;
    }
    for (; ok && s->table_count < tables; s->table_count++) {
        ok = copy_table(s, &from->tables[s->table_count], &s->tables[s->table_count]);
    }
    for (; ok && s->property_count < properties; s->property_count++) {
        ok = copy_property(s, &from->properties[s->property_count],
                           &s->properties[s->property_count]);
    }
    if (!ok) {
        state_free(s);
        return NULL;
    }
    return s;
}

static int mem_begin(struct dsi_rows *r, bool write, struct ds_error *err)
{
    struct mem_rows *m = (struct mem_rows *)r;

    dsi_mutex_lock(m->mutex);
    if (write) {
        m->work = state_copy(m->state);
        if (!m->work) {
            dsi_mutex_unlock(m->mutex);
            return dsi_no_memory(err, "a memory catalog");
        }
    }
    return DS_OK;
}

static int mem_commit(struct dsi_rows *r, struct ds_error *err)
{
    struct mem_rows *m = (struct mem_rows *)r;
    (void)err;

    if (m->work) {
        state_free(m->state);
        m->state = m->work;
        m->work = NULL;
    }
    dsi_mutex_unlock(m->mutex);
    return DS_OK;
}

static void mem_rollback(struct dsi_rows *r)
{
    struct mem_rows *m = (struct mem_rows *)r;

    state_free(m->work);
    m->work = NULL;
    dsi_mutex_unlock(m->mutex);
}

static struct table_row *find_row(struct state *s, const struct dsi_table_name *name)
{
    for (size_t i = 0; i < s->table_count; i++) {
        if (strcmp(s->tables[i].name.ns, name->ns) == 0 &&
            strcmp(s->tables[i].name.name, name->name) == 0) {
            return &s->tables[i];
        }
    }
    return NULL;
}

static int no_table(const struct dsi_table_name *name, struct ds_error *err)
{
    return dsi_fail(err, DS_ENOTFOUND, "there is no table %s.%s", name->ns, name->name);
}

static int mem_find(struct dsi_rows *r, const struct dsi_table_name *name,
                    struct dsi_arena *arena, char **location, struct ds_error *err)
{
    const struct table_row *row = find_row(current(r), name);

    if (!row) {
        return no_table(name, err);
    }
    *location = dsi_arena_strdup(arena, row->location);
    return *location ? DS_OK : dsi_no_memory(err, name->name);
}

static int mem_insert(struct dsi_rows *r, const struct dsi_table_name *name,
                      const char *location, struct ds_error *err)
{
    struct state *s = current(r);
    const struct table_row row = {*name, location};

    if (find_row(s, name)) {
        return dsi_fail(err, DS_EEXISTS, "table %s.%s is already there", name->ns,
                        name->name);
    }
    // A transaction inserts at most one table, which the copy has room for.
    if (!copy_table(s, &row, &s->tables[s->table_count])) {
        return dsi_no_memory(err, name->name);
    }
    s->table_count++;
    return DS_OK;
}

static int mem_update(struct dsi_rows *r, const struct dsi_table_name *name,
                      const char *from, const char *to, struct ds_error *err)
{
    struct state *s = current(r);
    struct table_row *row = find_row(s, name);

    if (!row || strcmp(row->location, from) != 0) {
        return dsi_fail(err, DS_ECONFLICT, "table %s.%s is no longer at %s", name->ns,
                        name->name, from);
    }
    row->location = dsi_arena_strdup(&s->arena, to);
    return row->location ? DS_OK : dsi_no_memory(err, name->name);
}

static int mem_touch(struct dsi_rows *r, const struct dsi_table_name *name,
                     struct ds_error *err)
{
    return find_row(current(r), name) ? DS_OK : no_table(name, err);
}

static int mem_rename(struct dsi_rows *r, const struct dsi_table_name *from,
                      const struct dsi_table_name *to, struct ds_error *err)
{
    struct state *s = current(r);
    struct table_row *row = find_row(s, from);

    if (!row) {
        return no_table(from, err);
    }
    if (find_row(s, to)) {
        return dsi_fail(err, DS_EEXISTS, "table %s.%s is already there", to->ns,
                        to->name);
    }
    row->name.ns = dsi_arena_strdup(&s->arena, to->ns);
    row->name.name = dsi_arena_strdup(&s->arena, to->name);
    return row->name.ns && row->name.name ? DS_OK : dsi_no_memory(err, to->name);
}

static int mem_remove(struct dsi_rows *r, const struct dsi_table_name *name,
                      struct ds_error *err)
{
    struct state *s = current(r);
    struct table_row *row = find_row(s, name);

    if (!row) {
        return no_table(name, err);
    }
    *row = s->tables[--s->table_count];
    return DS_OK;
}

static int mem_tables(struct dsi_rows *r, const char *ns, struct dsi_arena *arena,
                      struct dsi_table_name **out, size_t *count, struct ds_error *err)
{
    const struct state *s = current(r);
    struct dsi_table_name *names = dsi_arena_array(arena, s->table_count, sizeof *names);
    bool ok = names;

    *count = 0;
    for (size_t i = 0; ok && i < s->table_count; i++) {
        const struct dsi_table_name *from = &s->tables[i].name;
        if (!ns || strcmp(from->ns, ns) == 0) {
            struct dsi_table_name *to = &names[(*count)++];
            to->ns = dsi_arena_strdup(arena, from->ns);
            to->name = dsi_arena_strdup(arena, from->name);
            ok = to->ns && to->name;
        }
    }
    *out = names;
    return ok ? DS_OK : dsi_no_memory(err, "listing tables");
}

static bool is_among(char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int mem_namespaces(struct dsi_rows *r, struct dsi_arena *arena, char ***out,
                          size_t *count, struct ds_error *err)
{
    const struct state *s = current(r);
    size_t most = s->table_count + s->property_count;
    char **names = dsi_arena_array(arena, most, sizeof *names);
    bool ok = names;

    *count = 0;
    for (size_t i = 0; ok && i < most; i++) {
        const char *ns = i < s->table_count ? s->tables[i].name.ns
                                            : s->properties[i - s->table_count].ns;
        if (!is_among(names, *count, ns)) {
            names[*count] = dsi_arena_strdup(arena, ns);
            ok = names[(*count)++];
        }
    }
    *out = names;
    return ok ? DS_OK : dsi_no_memory(err, "listing namespaces");
}

static int mem_properties(struct dsi_rows *r, const char *ns, struct dsi_arena *arena,
                          struct ds_properties *out, struct ds_error *err)
{
    const struct state *s = current(r);
    struct ds_property *items = dsi_arena_array(arena, s->property_count, sizeof *items);
    bool ok = items;

    *out = (struct ds_properties){items, 0};
    for (size_t i = 0; ok && i < s->property_count; i++) {
        if (strcmp(s->properties[i].ns, ns) == 0) {
            struct ds_property *to = &items[out->count++];
            to->key = dsi_arena_strdup(arena, s->properties[i].key);
            to->value = dsi_arena_strdup(arena, s->properties[i].value);
            ok = to->key && to->value;
        }
    }
    return ok ? DS_OK : dsi_no_memory(err, ns);
}

// Room for one more property; a transaction may set many.
static bool grow(struct state *s)
{
    struct property_row *more =
        dsi_arena_array(&s->arena, s->property_count + 1, sizeof *more);
    if (more && s->property_count > 0) {
        memcpy(more, s->properties, s->property_count * sizeof *more);
    }
    s->properties = more ? more : s->properties;
    return more;
}

static int mem_set_property(struct dsi_rows *r, const char *ns, const char *key,
                            const char *value, struct ds_error *err)
{
    struct state *s = current(r);
    const struct property_row row = {ns, key, value};
    size_t at = 0;

    while (at < s->property_count && !(strcmp(s->properties[at].ns, ns) == 0 &&
                                       strcmp(s->properties[at].key, key) == 0)) {
        at++;
    }
    if (!value) {
        if (at < s->property_count) {
            s->properties[at] = s->properties[--s->property_count];
        }
        return DS_OK;
    }
    if (at == s->property_count && !grow(s)) {
        return dsi_no_memory(err, ns);
    }
    if (!copy_property(s, &row, &s->properties[at])) {
        return dsi_no_memory(err, ns);
    }
    s->property_count += at == s->property_count;
    return DS_OK;
}

static int mem_remove_properties(struct dsi_rows *r, const char *ns, struct ds_error *err)
{
    struct state *s = current(r);
    size_t kept = 0;
    (void)err;

    for (size_t i = 0; i < s->property_count; i++) {
        if (strcmp(s->properties[i].ns, ns) != 0) {
            s->properties[kept++] = s->properties[i];
        }
    }
    s->property_count = kept;
    return DS_OK;
}

static void mem_free(struct dsi_rows *r)
{
    struct mem_rows *m = (struct mem_rows *)r;

    state_free(m->state);
    dsi_mutex_free(m->mutex);
    dsi_free(m);
}

static const struct dsi_rows_ops mem_ops = {
    .kind = "a memory catalog",
    .begin = mem_begin,
    .commit = mem_commit,
    .rollback = mem_rollback,
    .find = mem_find,
    .insert = mem_insert,
    .update = mem_update,
    .touch = mem_touch,
    .rename = mem_rename,
    .remove = mem_remove,
    .tables = mem_tables,
    .namespaces = mem_namespaces,
    .properties = mem_properties,
    .set_property = mem_set_property,
    .remove_properties = mem_remove_properties,
    .free = mem_free,
};

int dsi_rows_mem_new(struct dsi_rows **out, struct ds_error *err)
{
    struct mem_rows *m = dsi_calloc(1, sizeof *m);
    int rc = DS_OK;

    *out = NULL;
    if (!m) {
        return dsi_no_memory(err, "a memory catalog");
    }
    m->base.ops = &mem_ops;
    m->state = state_copy(NULL);
    if (!m->state) {
        rc = dsi_no_memory(err, "a memory catalog");
        goto done;
    }
    DSI_TRY(dsi_mutex_new(&m->mutex, err));
    *out = &m->base;
    m = NULL;
done:
    if (m) {
        mem_free(&m->base);
    }
    return rc;
}
