#include "txn/retire.h"

#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "scan/scan.h"
#include "txn/ledger.h"
#include "txn/paths.h"
#include "txn/summary.h"

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

// True when what is retained is one line of snapshots, each made on the one before it.
// With branches, tags or staged snapshots others may share manifests in ways that a look
// at two neighbours does not show; then manifests are left to a collector.
static bool is_line(const struct dsi_metadata *m)
{
    for (size_t i = 1; i < m->snapshot_count; i++) {
        if (m->snapshots[i]->parent_id != m->snapshots[i - 1]->snapshot_id) {
            return false;
        }
    }
    return m->ref_count == 1;
}

// The one snapshot that was made on `s`, retained or just expired, else NULL.
static const struct dsi_snapshot *only_child(const struct dsi_metadata *m,
                                             const struct dsi_snapshot *const *expired,
                                             size_t count, const struct dsi_snapshot *s)
{
    const struct dsi_snapshot *child = NULL;
    size_t children = 0;

    if (m->snapshot_count > 0 && m->snapshots[0]->parent_id == s->snapshot_id) {
        child = m->snapshots[0]; // Of a line only the first can be.
        children++;
    }
    for (size_t i = 0; i < count; i++) {
        if (expired[i]->parent_id == s->snapshot_id) {
            child = expired[i];
            children++;
        }
    }
    return children == 1 ? child : NULL;
}

// The manifests of `s` that `child` no longer has. Along a line of snapshots a manifest
// that left a list never comes back, so nobody after `child` has them either.
static void retire_manifests(ds_storage *storage, const struct dsi_metadata *m,
                             const struct dsi_snapshot *s,
                             const struct dsi_snapshot *child, struct dsi_sweep *out)
{
    struct dsi_manifest_list before = {0};
    struct dsi_manifest_list after = {0};
    struct dsi_map kept = DSI_MAP_INIT;
    bool known = dsi_snapshot_manifests(storage, m, child, &after, NULL) == DS_OK &&
                 dsi_snapshot_manifests(storage, m, s, &before, NULL) == DS_OK;

    for (size_t i = 0; known && i < after.count; i++) {
        known = dsi_map_put_text(&kept, after.files[i].path, &after, NULL) == DS_OK;
    }
    for (size_t i = 0; known && i < before.count; i++) {
        if (!dsi_map_get_text(&kept, before.files[i].path)) {
            dsi_sweep_add(out, before.files[i].path);
        }
    }
    dsi_map_release(&kept);
    dsi_manifest_list_release(&before);
    dsi_manifest_list_release(&after);
}

static bool is_a(const struct dsi_snapshot *s, const char *operation)
{
    const char *is = dsi_snapshot_summary(s, "operation");
    return is && strcmp(is, operation) == 0;
}

static bool is_rewrite(const struct dsi_snapshot *s)
{
    return is_a(s, "replace");
}

// Whether `child` may lack manifests of `s`: it replaced some, or left out what only
// tells of files that `s` had removed. Else there is nothing to look for.
static bool may_lack(const struct dsi_snapshot *child, const struct dsi_snapshot *s)
{
    return dsi_summary_replaced(child) != 0 || !is_a(s, "append");
}

// Deletions of others are left to a collector: only of ours is known how they are made.
static bool takes_out(const struct dsi_snapshot *s)
{
    return is_rewrite(s) || (dsi_snapshot_summary(s, DSI_KEY_COMMIT_ID) &&
                             (is_a(s, "overwrite") || is_a(s, "delete")));
}

// Takes the paths that the newest snapshot has again out of `gone`: somebody may add a
// file that was deleted. Only manifests written since can have it. False: nobody knows.
static bool spare_returned(ds_storage *storage, const struct dsi_metadata *m,
                           const struct dsi_snapshot *child, struct dsi_map *gone)
{
    struct dsi_manifest_read_options options = {.skip_metrics = true,
                                                .skip_deleted = true};
    const struct dsi_snapshot *now = dsi_metadata_current_snapshot(m);
    struct dsi_manifest_list list = {0};
    bool known = now && dsi_snapshot_manifests(storage, m, now, &list, NULL) == DS_OK;

    for (size_t i = 0; known && i < list.count; i++) {
        struct dsi_manifest manifest = {0};
        if (list.files[i].sequence_number < child->sequence_number) {
            continue;
        }
        known = dsi_manifest_load(storage, m, &list.files[i], &options, &manifest,
                                  NULL) == DS_OK;
        for (size_t k = 0; known && k < manifest.entry_count; k++) {
            const char *path = manifest.entries[k].file.path;
            known = !dsi_map_get_text(gone, path) ||
                    dsi_map_put_text(gone, path, NULL, NULL) == DS_OK;
        }
        dsi_manifest_release(&manifest);
    }
    dsi_manifest_list_release(&list);
    return known;
}

static void remove_entries(ds_storage *storage, const struct dsi_manifest *m,
                           const struct dsi_snapshot *child, const char *folder,
                           struct dsi_map *gone, bool look)
{
    for (size_t k = 0; k < m->entry_count; k++) {
        const struct dsi_manifest_entry *e = &m->entries[k];
        if (e->status != DSI_ENTRY_DELETED || e->snapshot_id != child->snapshot_id ||
            !dsi_path_is_below(e->file.path, folder)) {
            continue;
        }
        if (look) {
            DSI_IGNORE(dsi_map_put_text(gone, e->file.path, gone, NULL));
        } else if (dsi_map_get_text(gone, e->file.path)) {
            remove_quietly(storage, e->file.path);
        }
    }
}

// Removes the data files that `child` took out of the table. Its parent was the last that
// had them, but for files that came back; somebody may add one again, so it is done now.
static void retire_replaced(ds_storage *storage, const struct dsi_metadata *m,
                            const struct dsi_snapshot *child, const char *folder)
{
    struct dsi_manifest_read_options options = {.skip_metrics = true};
    struct dsi_manifest_list list = {0};
    struct dsi_map gone = DSI_MAP_INIT;
    bool known = dsi_snapshot_manifests(storage, m, child, &list, NULL) == DS_OK;

    for (int pass = 0; known && pass < 2; pass++) { // To look, then to remove.
        for (size_t i = 0; i < list.count; i++) {
            const struct dsi_manifest_file *f = &list.files[i];
            struct dsi_manifest manifest = {0};
            if (f->added_snapshot_id != child->snapshot_id ||
                f->deleted_files_count == 0 || f->content != DSI_MANIFEST_DATA ||
                dsi_manifest_load(storage, m, f, &options, &manifest, NULL) != DS_OK) {
                continue;
            }
            remove_entries(storage, &manifest, child, folder, &gone, pass == 0);
            dsi_manifest_release(&manifest);
        }
        known = pass > 0 || is_rewrite(child) || spare_returned(storage, m, child, &gone);
    }
    dsi_map_release(&gone);
    dsi_manifest_list_release(&list);
}

// Before manifests go: they tell which files were replaced.
static void retire_files(ds_storage *storage, const struct dsi_metadata *m,
                         const struct dsi_snapshot *const *expired, size_t count)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    char *folder = NULL;

    if (dsi_table_data_path(m, &arena, &folder, NULL) == DS_OK) {
        for (size_t i = 0; i < count; i++) {
            const struct dsi_snapshot *child = only_child(m, expired, count, expired[i]);
            if (child && takes_out(child)) {
                retire_replaced(storage, m, child, folder);
            }
        }
    }
    dsi_arena_release(&arena);
}

void dsi_retire_snapshots(ds_storage *storage, const struct dsi_metadata *m,
                          const struct dsi_snapshot *const *expired, size_t count,
                          struct dsi_sweep *out)
{
    bool line = count > 0 && is_line(m);

    if (line) {
        retire_files(storage, m, expired, count);
    }
    for (size_t i = 0; line && i < count; i++) {
        const struct dsi_snapshot *child = only_child(m, expired, count, expired[i]);
        if (child && may_lack(child, expired[i])) {
            retire_manifests(storage, m, expired[i], child, out);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (expired[i]->manifest_list) {
            dsi_sweep_add(out, expired[i]->manifest_list);
        }
    }
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
