#include "txn/retire.h"

#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "scan/scan.h"
#include "txn/ledger.h"
#include "txn/paths.h"

static void remove_quietly(ds_storage *storage, const char *path)
{
    // What stays is an orphan: it wastes space and harms nobody.
    DSI_IGNORE(dsi_storage_remove(storage, path, NULL));
}

static bool names_member(const struct dsi_change *c, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t n = sizeof c->identity - 1;
    bool found = strncmp(name, c->identity, n) == 0;

    for (size_t i = 0; i < c->member_count && !found; i++) {
        found = strncmp(name, c->members[i], n) == 0;
    }
    return found;
}

static bool in_lists(const struct dsi_rebased *r, const char *path)
{
    for (size_t i = 0; i < r->made_count; i++) {
        const struct dsi_manifests *m = r->made[i].manifests;
        for (size_t k = 0; m && k < m->list.count; k++) {
            if (strcmp(m->list.files[k].path, path) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void retire_stored(ds_storage *storage, const struct dsi_change *c,
                          const struct dsi_rebased *r, const char *folder)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        const struct dsi_stored_files *s = &c->operations[i].stored;
        for (size_t k = 0; k < s->manifest_count; k++) {
            const char *path = s->manifests[k].path;
            // The path is what somebody said, so it is not believed.
            if (names_member(c, path) && dsi_path_is_below(path, folder) &&
                !in_lists(r, path)) {
                remove_quietly(storage, path);
            }
        }
    }
}

void dsi_retire_stored(ds_storage *storage, const struct dsi_change *change,
                       const struct dsi_rebased *r)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    char *folder = NULL;

    if (dsi_table_metadata_path(r->metadata, &arena, &folder, NULL) == DS_OK) {
        retire_stored(storage, change, r, folder);
        for (size_t i = 0; i < change->part_count; i++) {
            retire_stored(storage, change->parts[i], r, folder);
        }
    }
    dsi_arena_release(&arena);
}

// A purge: the directories that are the table's own, and how it went.
struct purge {
    ds_storage *storage;
    const char *roots[3];
    struct dsi_map seen;
    struct dsi_map manifests;
    struct ds_error *err;
    int rc; // The first failure.
};

static void note(struct purge *p, int rc)
{
    p->rc = p->rc < 0 ? p->rc : rc;
}

static struct ds_error *err_of(struct purge *p)
{
    return p->rc < 0 ? NULL : p->err; // The first failure is the one that is told.
}

static void purge_file(struct purge *p, const char *path)
{
    bool own = false;

    for (size_t i = 0; i < 3; i++) {
        own = own || dsi_path_is_below(path, p->roots[i]);
    }
    if (!own || dsi_map_get_text(&p->seen, path)) {
        return;
    }
    note(p, dsi_map_put_text(&p->seen, path, p, err_of(p)));
    note(p, dsi_storage_remove(p->storage, path, err_of(p)));
}

static void purge_manifest(struct purge *p, const struct dsi_metadata *m,
                           const struct dsi_manifest_file *file)
{
    struct dsi_manifest_read_options options = {.skip_metrics = true};
    struct dsi_manifest manifest = {0};

    if (dsi_map_get_text(&p->manifests, file->path)) {
        return;
    }
    note(p, dsi_map_put_text(&p->manifests, file->path, p, err_of(p)));
    note(p, dsi_manifest_load(p->storage, m, file, &options, &manifest, err_of(p)));
    for (size_t i = 0; i < manifest.entry_count; i++) {
        purge_file(p, manifest.entries[i].file.path);
    }
    dsi_manifest_release(&manifest);
}

// Newest first, and files before what names them, so that a purge that was cut short can
// be seen for what it is.
static void purge_snapshots(struct purge *p, const struct dsi_metadata *m)
{
    for (size_t i = m->snapshot_count; i > 0; i--) {
        const struct dsi_snapshot *s = m->snapshots[i - 1];
        struct dsi_manifest_list list = {0};

        note(p, dsi_snapshot_manifests(p->storage, m, s, &list, err_of(p)));
        for (size_t k = 0; k < list.count; k++) {
            purge_manifest(p, m, &list.files[k]);
        }
        dsi_manifest_list_release(&list);
    }
    for (size_t i = 0; i < m->snapshot_count; i++) {
        const struct dsi_snapshot *s = m->snapshots[i];
        struct dsi_manifest_list list = {0};

        if (dsi_snapshot_manifests(p->storage, m, s, &list, NULL) == DS_OK) {
            for (size_t k = 0; k < list.count; k++) {
                purge_file(p, list.files[k].path);
            }
        }
        dsi_manifest_list_release(&list);
        if (s->manifest_list) {
            purge_file(p, s->manifest_list);
        }
    }
}

int dsi_purge(ds_storage *storage, const struct dsi_state *state, struct ds_error *err)
{
    const struct dsi_metadata *m = state->metadata;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct purge p = {.storage = storage, .err = err};
    struct dsi_ledger ledger;
    char *data = NULL;
    char *metadata = NULL;
    bool allowed = true;
    int rc = DS_OK;

    DSI_TRY(dsi_metadata_property_bool(m, "gc.enabled", true, &allowed, err));
    if (!allowed) {
        rc = dsi_fail(err, DS_EUNSUPPORTED,
                      "gc.enabled is false for this table: its files may belong to "
                      "others and are not removed");
        goto done;
    }
    DSI_TRY(dsi_table_data_path(m, &arena, &data, err));
    DSI_TRY(dsi_table_metadata_path(m, &arena, &metadata, err));
    p.roots[0] = m->location;
    p.roots[1] = data;
    p.roots[2] = metadata;
    purge_snapshots(&p, m);
    for (size_t i = 0; i < m->metadata_log_count; i++) {
        purge_file(&p, m->metadata_log[i].metadata_file);
    }
    dsi_ledger_of(m, &ledger);
    for (size_t i = 0; i < ledger.count; i++) {
        char *path = NULL;
        DSI_TRY(dsi_ledger_path(m, ledger.files[i].name, &arena, &path, err));
        purge_file(&p, path);
    }
    purge_file(&p, state->head.metadata_location);
    rc = p.rc;
done:
    dsi_map_release(&p.seen);
    dsi_map_release(&p.manifests);
    dsi_arena_release(&arena);
    return rc;
}
