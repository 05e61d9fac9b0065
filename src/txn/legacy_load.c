#include "txn/legacy_load.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "data/data_file.h"
#include "scan/scan.h"

// Columns of data files, gathered for a table that has no schema of its own.
struct gathering {
    ds_storage *storage;
    struct dsi_legacy *legacy;
    struct dsi_map by_name; // To struct dsi_legacy_field.
    struct dsi_map files;   // Seen already.
    struct dsi_legacy_field **fields;
    size_t count;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "reading a table of DataShard's own layout");
}

// "list<list<long>>" for the types DataShard could store.
static int type_name(const struct dsi_field *f, char *out, size_t size,
                     struct ds_error *err)
{
    const struct dsi_type *t = &f->type;
    char inner[64];
    size_t at = 0;
    size_t depth = 0;

    out[0] = '\0';
    while (t->kind == DSI_TYPE_LIST && at + 6 < size / 2) {
        at += (size_t)snprintf(out + at, size - at, "list<");
        depth++;
        t = &t->fields[0].type;
    }
    if (!dsi_type_is_primitive(t) || t->kind > DSI_TYPE_BINARY ||
        t->kind == DSI_TYPE_UUID || t->kind == DSI_TYPE_TIMESTAMP_NS ||
        t->kind == DSI_TYPE_TIMESTAMPTZ_NS) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "the table has no schema, and its column %s none of the types "
                        "that DataShard wrote",
                        f->name);
    }
    dsi_type_format(t, inner, sizeof inner);
    at += (size_t)snprintf(out + at, size - at, "%s", inner);
    while (depth-- > 0) {
        at += (size_t)snprintf(out + at, size - at, ">");
    }
    return DS_OK;
}

static int add_field(struct gathering *g, const struct dsi_field *f, const char *path,
                     struct ds_error *err)
{
    struct dsi_arena *arena = &g->legacy->arena;
    struct dsi_legacy_field *known = dsi_map_get_text(&g->by_name, f->name);
    struct dsi_legacy_field new = {.name = dsi_arena_strdup(arena, f->name)};
    char name[256];
    int rc = type_name(f, name, sizeof name, err);

    if (rc < 0) {
        return rc;
    }
    if (!new.name || !dsi_legacy_type(name, arena, &new)) {
        return no_memory(err);
    }
    if (known) {
        return strcmp(known->type, new.type) == 0 && known->lists == new.lists
                   ? DS_OK
                   : dsi_fail(err, DS_EUNSUPPORTED,
                              "the table has no schema, and its files disagree: column "
                              "%s is %s in one and %s in %s",
                              f->name, known->type, new.type, path);
    }
    known = dsi_arena_alloc(arena, sizeof *known);
    if (!known) {
        return no_memory(err);
    }
    *known = new;
    g->fields = dsi_arena_grow(arena, g->fields, g->count, sizeof(void *));
    if (!g->fields) {
        return no_memory(err);
    }
    g->fields[g->count++] = known;
    return dsi_map_put_text(&g->by_name, known->name, known, err);
}

static int add_file(struct gathering *g, const struct dsi_data_file *f,
                    struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema schema = {0};
    int rc = DS_OK;

    if (dsi_map_get_text(&g->files, f->path)) {
        return DS_OK;
    }
    DSI_TRY(dsi_map_put_text(&g->files, f->path, g, err));
    DSI_TRY(dsi_data_file_schema(g->storage, f->path, &arena, &schema, err));
    for (size_t i = 0; i < schema.root.field_count; i++) {
        DSI_TRY(add_field(g, &schema.root.fields[i], f->path, err));
    }
done:
    dsi_arena_release(&arena);
    return rc;
}

static int gather(struct gathering *g, const struct dsi_metadata *m,
                  const struct dsi_snapshot *snapshot, struct ds_error *err)
{
    static const struct dsi_manifest_read_options options = {.skip_metrics = true};
    struct dsi_manifest_list list = {0};
    struct dsi_manifest manifest = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_snapshot_manifests(g->storage, m, snapshot, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        DSI_TRY(
            dsi_manifest_load(g->storage, m, &list.files[i], &options, &manifest, err));
        for (size_t j = 0; j < manifest.entry_count; j++) {
            DSI_TRY(add_file(g, &manifest.entries[j].file, err));
        }
        dsi_manifest_release(&manifest);
    }
done:
    dsi_manifest_release(&manifest);
    dsi_manifest_list_release(&list);
    return rc;
}

// DataShard let tables be made without a schema, and wrote whatever it was given.
static int find_schema(ds_storage *storage, struct dsi_legacy *l,
                       const struct dsi_metadata *m, struct ds_error *err)
{
    struct gathering g = {
        .storage = storage, .legacy = l, .by_name = DSI_MAP_INIT, .files = DSI_MAP_INIT};
    struct dsi_legacy_schema *schema = dsi_legacy_current(l);
    int rc = DS_OK;

    assert(schema); // The metadata were accepted.
    DSI_TRY(gather(&g, m, dsi_metadata_current_snapshot(m), err));
    schema->fields = dsi_arena_array(&l->arena, g.count + 1, sizeof *schema->fields);
    if (!schema->fields) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < g.count; i++) {
        schema->fields[i] = *g.fields[i];
    }
    schema->count = g.count;
done:
    dsi_map_release(&g.by_name);
    dsi_map_release(&g.files);
    return rc;
}

// Up to 0.4 a snapshot listed what its own commit added and nothing else, so that no
// snapshot is the table. Those versions numbered no snapshots, and an append whose list
// has nothing of its parent's is theirs.
static int check_complete(ds_storage *storage, const struct dsi_legacy *l,
                          const struct dsi_metadata *m, struct ds_error *err)
{
    const struct dsi_snapshot *s = dsi_metadata_current_snapshot(m);
    const struct dsi_snapshot *parent = s ? dsi_metadata_snapshot(m, s->parent_id) : NULL;
    const char *operation = s ? dsi_snapshot_summary(s, "operation") : NULL;
    struct dsi_manifest_list list = {0};
    struct dsi_manifest_list before = {0};
    struct dsi_map seen = DSI_MAP_INIT;
    bool shared = false;
    int rc = DS_OK;

    for (size_t i = 0; i < l->snapshot_count; i++) {
        if (l->snapshots[i].sequence_number >= 0) {
            return DS_OK;
        }
    }
    if (!parent || !operation || strcmp(operation, "append") != 0) {
        return DS_OK;
    }
    DSI_TRY(dsi_snapshot_manifests(storage, m, s, &list, err));
    DSI_TRY(dsi_snapshot_manifests(storage, m, parent, &before, err));
    for (size_t i = 0; i < before.count; i++) {
        DSI_TRY(dsi_map_put_text(&seen, before.files[i].path, &before, err));
    }
    for (size_t i = 0; i < list.count; i++) {
        shared = shared || dsi_map_get_text(&seen, list.files[i].path);
    }
    if (before.count > 0 && !shared) {
        rc = dsi_fail(err, DS_EUNSUPPORTED,
                      "the table was written by DataShard 0.4 or older, whose snapshots "
                      "do not list the whole table; read it with that version");
    }
done:
    dsi_map_release(&seen);
    dsi_manifest_list_release(&list);
    dsi_manifest_list_release(&before);
    return rc;
}

// "<table>/metadata/<name>": the table.
static int table_of(const char *location, struct dsi_arena *arena, char **out,
                    struct ds_error *err)
{
    const char *end = strrchr(location, '/');

    while (end && end > location && end[-1] != '/') {
        end--;
    }
    if (!end || end - location < 2) {
        return dsi_fail(err, DS_EINVALID, "%s is in no table's directory", location);
    }
    *out = dsi_arena_strndup(arena, location, (size_t)(end - location) - 1);
    return *out ? DS_OK : no_memory(err);
}

int dsi_legacy_load(ds_storage *storage, struct ds_slice json, const char *location,
                    struct dsi_legacy *legacy, struct dsi_metadata **out,
                    struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_legacy l = {.arena = DSI_ARENA_INIT};
    struct dsi_metadata *m = NULL;
    char *table = NULL;
    int rc = DS_OK;

    *out = NULL;
    DSI_TRY(table_of(location, &arena, &table, err));
    DSI_TRY(dsi_legacy_read(json, table, &l, err));
    DSI_TRY(dsi_legacy_to_metadata(&l, &m, err));
    m->is_legacy = true;
    DSI_TRY(check_complete(storage, &l, m, err));
    if (dsi_metadata_current_schema(m)->root.field_count == 0 &&
        dsi_metadata_current_snapshot(m)) {
        DSI_TRY(find_schema(storage, &l, m, err));
        dsi_metadata_unref(m);
        DSI_TRY(dsi_legacy_to_metadata(&l, &m, err));
        m->is_legacy = true;
    }
    *out = m;
    m = NULL;
    if (legacy) {
        *legacy = l;
        l = (struct dsi_legacy){.arena = DSI_ARENA_INIT};
    }
done:
    dsi_metadata_unref(m);
    dsi_legacy_release(&l);
    dsi_arena_release(&arena);
    return rc;
}
