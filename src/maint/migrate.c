#include "maint/migrate.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "catalog/catalog_legacy.h"
#include "catalog/catalog_versions.h"
#include "codec/json/json_writer.h"
#include "maint/migrate_remove.h"
#include "txn/legacy_load.h"
#include "txn/table.h"

#define LOCK_WAIT_NS INT64_C(30000000000)
enum { TRIES_MAX = 5 }; // For where there are no locks, or not everybody takes them.

// One try.
struct migration {
    const struct dsi_migrate *m;
    bool locked; // The old layout's writers are kept out from its beginning on.
    struct dsi_arena arena;
    struct dsi_legacy_head head;
    struct dsi_legacy legacy;
    struct dsi_metadata *old;
    struct dsi_migrate_convert convert;
    int64_t number; // Of the first Iceberg version.
    uint64_t removed;
    uint64_t bytes_now; // Below metadata/, before.
    bool moved;         // The old table's head did, meanwhile.
};

static void end(struct migration *g)
{
    dsi_migrate_convert_release(&g->convert);
    dsi_metadata_unref(g->old);
    dsi_legacy_release(&g->legacy);
    dsi_arena_release(&g->arena);
}

// --- what there is

// The head of an Iceberg table; *out is NULL where there is none.
static int find_iceberg(const struct dsi_migrate *m, struct dsi_metadata **out,
                        int64_t *number, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_version head = {0, NULL, {0, 0}};
    int rc = dsi_version_head(m->storage, m->table, &arena, &head, err);

    *out = NULL;
    *number = head.number;
    if (rc == DS_OK) {
        rc = dsi_metadata_load(m->storage, head.path, out, err);
    }
    if (rc == DS_OK && (*out)->is_legacy) {
        dsi_metadata_unref(*out);
        *out = NULL;
    }
    dsi_arena_release(&arena);
    return rc == DS_ENOTFOUND ? DS_OK : rc;
}

static int find_head(struct migration *g, struct dsi_legacy_head *out,
                     struct ds_error *err)
{
    const char *name = g->m->metadata_file;
    struct ds_file_info info;

    if (!name) {
        return dsi_legacy_head_find(g->m->storage, g->m->table, &g->arena, out, err);
    }
    if (dsi_legacy_number(name) < 0) {
        return dsi_fail(err, DS_EINVALID, "'%.200s' is not the name of a metadata file",
                        name);
    }
    char *path = dsi_arena_printf(&g->arena, "%s/metadata/%s", g->m->table, name);
    if (!path) {
        return dsi_no_memory(err, name);
    }
    *out = (struct dsi_legacy_head){dsi_legacy_number(name), path, name};
    return dsi_storage_stat(g->m->storage, path, &info, err);
}

static int told_size(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)path;
    *(uint64_t *)arg += info->size;
    return DS_OK;
}

static int load_old(struct migration *g, struct ds_error *err)
{
    struct dsi_buf json = DSI_BUF_INIT_MAX(DSI_METADATA_FILE_MAX);
    char *prefix = dsi_arena_printf(&g->arena, "%s/metadata", g->m->table);
    int rc = DS_OK;

    if (!prefix) {
        rc = dsi_no_memory(err, g->m->table);
        goto done;
    }
    DSI_TRY(find_head(g, &g->head, err));
    DSI_TRY(dsi_storage_read(g->m->storage, g->head.path, &json, err));
    if (!dsi_legacy_is(dsi_buf_slice(&json))) {
        rc =
            dsi_corrupt(err, "%s is no metadata of DataShard's own layout", g->head.path);
        goto done;
    }
    DSI_TRY(dsi_legacy_load(g->m->storage, dsi_buf_slice(&json), g->head.path, &g->legacy,
                            &g->old, err));
    DSI_TRY(dsi_legacy_newest(g->m->storage, g->m->table, &g->number, err));
    g->number = g->number < 0 ? 1 : g->number + 1;
    DSI_TRY(dsi_storage_list(g->m->storage, prefix, told_size, &g->bytes_now, err));
done:
    dsi_buf_release(&json);
    return rc;
}

// --- the switch

static int put_hint(struct migration *g, const char *hint, const char *name,
                    struct ds_error *err)
{
    char *path = dsi_arena_printf(&g->arena, "%s/%s", g->m->table, hint);
    return path ? dsi_storage_put(g->m->storage, path, dsi_slice_text(name), 0, err)
                : dsi_no_memory(err, hint);
}

// With the lock held: the old table cannot move.
static int switch_over(struct migration *g, struct ds_slice json, struct ds_error *err)
{
    struct dsi_legacy_head now = {0, NULL, NULL};
    struct dsi_metadata *theirs = NULL;
    int64_t number = 0;
    char *path = dsi_version_path(g->m->table, g->number, &g->arena);
    char *old_hint = dsi_arena_printf(&g->arena, "%s/" DSI_LEGACY_HINT, g->m->table);
    int rc = DS_OK;

    if (!path || !old_hint) {
        return dsi_no_memory(err, g->m->table);
    }
    DSI_TRY(find_iceberg(g->m, &theirs, &number, err));
    DSI_TRY(find_head(g, &now, err));
    if (theirs || strcmp(now.path, g->head.path) != 0) {
        g->moved = true;
        rc = dsi_fail(err, DS_ECONFLICT, "%s moved on meanwhile", g->m->table);
        goto done;
    }
    DSI_TRY(put_hint(g, DSI_LEGACY_HINT_KEPT, g->head.name, err));
    DSI_TRY(put_hint(g, DSI_LEGACY_HINT, strrchr(path, '/') + 1, err)); // (2)
    rc = dsi_storage_put(g->m->storage, path, json, DS_PUT_IF_ABSENT, err);
    if (rc == DS_EEXISTS) {
        g->moved = true;
        rc = dsi_wrap(err, DS_ECONFLICT, "somebody else was faster");
    }
    DSI_TRY(rc);
    dsi_version_write_hint(g->m->storage, g->m->table, g->number);
    // It names the new version, which is enough for those who look at it.
    DSI_IGNORE(dsi_storage_remove(g->m->storage, old_hint, NULL));
done:
    dsi_metadata_unref(theirs);
    return rc;
}

// Keeps the old layout's writers out. They wait, for 30 seconds as DataShard has it; what
// they say then, or to the switched table, is a failed commit that changed nothing.
static int take_lock(const struct dsi_migrate *m, void **out, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    char *path = dsi_arena_printf(&arena, "%s/" DSI_LEGACY_LOCK, m->table);
    int rc = path ? dsi_storage_lock(m->storage, path, LOCK_WAIT_NS, out, err)
                  : dsi_no_memory(err, m->table);

    dsi_arena_release(&arena);
    return rc;
}

// The highest number may have been taken while the new metadata were written.
static int switch_locked(struct migration *g, struct ds_error *err)
{
    struct dsi_buf json = DSI_BUF_INIT_MAX(DSI_METADATA_FILE_MAX);
    void *lock = NULL;
    int64_t newest = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_metadata_to_json(g->convert.made, &json, err));
    g->convert.bytes += json.size;
    if (g->m->dry_run) {
        goto done;
    }
    if (!g->locked) {
        DSI_TRY(take_lock(g->m, &lock, err));
    }
    DSI_TRY(dsi_legacy_newest(g->m->storage, g->m->table, &newest, err));
    if (newest + 1 != g->number && newest >= 0) {
        g->moved = true;
        rc = dsi_fail(err, DS_ECONFLICT, "%s has a metadata file more", g->m->table);
        goto done;
    }
    DSI_TRY(switch_over(g, dsi_buf_slice(&json), err));
done:
    dsi_storage_unlock(g->m->storage, lock);
    dsi_buf_release(&json);
    return rc;
}

// --- the report

static void write_changes(struct dsi_json_writer *w, const struct migration *g)
{
    const struct dsi_legacy_schema *s = dsi_legacy_current(&g->legacy);

    dsi_json_write_key(w, "dropped_partition_fields");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < g->legacy.partition_field_count; i++) {
        dsi_json_write_string(w, g->legacy.partition_fields[i]);
    }
    dsi_json_write_array_end(w);
    dsi_json_write_key(w, "columns_changed");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; s && i < s->count; i++) {
        if (s->fields[i].was && s->fields[i].lists == 0) {
            dsi_json_write_object_begin(w);
            dsi_json_write_member_string(w, "name", s->fields[i].name);
            dsi_json_write_member_string(w, "was", s->fields[i].was);
            dsi_json_write_member_raw(w, "is", dsi_slice_text(s->fields[i].type));
            dsi_json_write_object_end(w);
        }
    }
    dsi_json_write_array_end(w);
    dsi_json_write_key(w, "snapshots_left_out");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < g->convert.left_out_count; i++) {
        dsi_json_write_object_begin(w);
        dsi_json_write_member_i64(w, "snapshot_id", g->convert.left_out[i].snapshot_id);
        dsi_json_write_member_string(w, "why", g->convert.left_out[i].why);
        dsi_json_write_object_end(w);
    }
    dsi_json_write_array_end(w);
}

static int write_report(const struct migration *g, struct dsi_buf *out,
                        struct ds_error *err)
{
    const struct dsi_migrate_convert *c = &g->convert;
    struct dsi_json_writer w;
    char to[64];

    snprintf(to, sizeof to, "v%lld.metadata.json", (long long)g->number);
    dsi_json_writer_init(&w, out, err);
    dsi_json_write_object_begin(&w);
    dsi_json_write_member_string(&w, "status", g->m->dry_run ? "dry-run" : "migrated");
    dsi_json_write_member_string(&w, "location", g->m->table);
    dsi_json_write_member_string(&w, "from", g->head.name);
    dsi_json_write_member_string(&w, "to", to);
    dsi_json_write_member_i64(&w, "version", g->number);
    dsi_json_write_member_i64(&w, "snapshots", (int64_t)c->snapshots);
    dsi_json_write_member_i64(&w, "manifests", (int64_t)c->manifest_count);
    dsi_json_write_member_i64(&w, "data_files", (int64_t)c->file_count);
    dsi_json_write_member_i64(&w, "rows", c->rows);
    dsi_json_write_member_i64(&w, "metadata_bytes_now", (int64_t)g->bytes_now);
    dsi_json_write_member_i64(&w, "metadata_bytes_added", (int64_t)c->bytes);
    dsi_json_write_member_i64(&w, "peak_bytes", (int64_t)(g->bytes_now + c->bytes));
    dsi_json_write_member_i64(&w, "removed_files", (int64_t)g->removed);
    write_changes(&w, g);
    dsi_json_write_object_end(&w);
    return dsi_json_writer_finish(&w);
}

static int report_already(const struct dsi_migrate *m, int64_t number, uint64_t removed,
                          struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_json_writer w;

    dsi_json_writer_init(&w, out, err);
    dsi_json_write_object_begin(&w);
    dsi_json_write_member_string(&w, "status", "already-migrated");
    dsi_json_write_member_string(&w, "location", m->table);
    dsi_json_write_member_i64(&w, "version", number);
    dsi_json_write_member_i64(&w, "removed_files", (int64_t)removed);
    dsi_json_write_object_end(&w);
    return dsi_json_writer_finish(&w);
}

// --- the steps

// *done: the table is Iceberg, and reported.
static int look(const struct dsi_migrate *m, struct dsi_buf *report, bool *done,
                struct ds_error *err)
{
    struct dsi_metadata *metadata = NULL;
    int64_t number = 0;
    uint64_t removed = 0;
    int rc = DS_OK;

    *done = false;
    DSI_TRY(find_iceberg(m, &metadata, &number, err));
    if (!metadata) {
        goto done;
    }
    if (m->remove_old && !m->dry_run) {
        DSI_TRY(dsi_migrate_remove(m->storage, m->table, metadata, &removed, err));
    }
    DSI_TRY(report_already(m, number, removed, report, err));
    *done = true;
done:
    dsi_metadata_unref(metadata);
    return rc;
}

// *again: the old table moved on.
static int migrate_once(const struct dsi_migrate *m, bool locked, struct dsi_buf *report,
                        bool *again, struct ds_error *err)
{
    struct migration g = {.m = m, .locked = locked};
    int rc = DS_OK;

    *again = false;
    DSI_TRY(load_old(&g, err));
    g.convert.storage = m->storage;
    g.convert.legacy = &g.legacy;
    g.convert.old = g.old;
    g.convert.dry_run = m->dry_run;
    g.convert.progress = m->progress;
    g.convert.progress_arg = m->progress_arg;
    rc = dsi_migrate_convert(&g.convert, err);
    rc = rc < 0 ? rc : switch_locked(&g, err);
    if (rc < 0 && rc != DS_EUNKNOWN) {
        dsi_migrate_convert_undo(&g.convert);
    }
    *again = rc == DS_ECONFLICT && g.moved;
    DSI_TRY(rc);
    if (m->remove_old && !m->dry_run) {
        DSI_TRY(
            dsi_migrate_remove(m->storage, m->table, g.convert.made, &g.removed, err));
    }
    DSI_TRY(write_report(&g, report, err));
done:
    end(&g);
    return rc;
}

int dsi_migrate(const struct dsi_migrate *m, struct dsi_buf *report, struct ds_error *err)
{
    bool done = false;
    bool again = true;
    void *lock = NULL;
    int rc = DS_OK;

    for (int i = 0; i < TRIES_MAX && again; i++) {
        if (i == 1) { // Nothing was in the way but writers that are quick (4).
            DSI_TRY(take_lock(m, &lock, err));
        }
        DSI_TRY(look(m, report, &done, err));
        if (done) {
            break;
        }
        rc = migrate_once(m, lock != NULL, report, &again, err);
    }
done:
    dsi_storage_unlock(m->storage, lock);
    return rc;
}
