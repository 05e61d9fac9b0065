#include "txn/forgotten.h"

#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "scan/scan.h"
#include "txn/paths.h"
#include "txn/summary.h"

struct work {
    ds_storage *storage;
    const struct dsi_metadata *m; // The version.
    const struct dsi_snapshot *const *expired;
    size_t count;
    const struct dsi_judge_limit *limit; // NULL: there is no hurry.
    struct dsi_avro_known *known;        // Of the table's handle.
    bool ended;
    struct dsi_forgotten *out;
    struct dsi_arena arena;
    const char *folder; // Of the table's data.
    const char **taken; // Data files that left it.
    size_t taken_count;
    struct dsi_map gone; // Their paths; to NULL: it is there again.
    int64_t taken_since; // The first sequence number at which one left.
};

// --- reading

static bool may_read(struct work *w)
{
    w->ended = w->ended || (w->limit && !w->limit->go_on(w->limit->arg));
    return !w->ended;
}

static bool read_list(struct work *w, const struct dsi_snapshot *s,
                      struct dsi_manifest_list *out)
{
    return may_read(w) && dsi_snapshot_manifests(w->storage, w->m, s, out, NULL) == DS_OK;
}

static bool read_manifest(struct work *w, const struct dsi_manifest_file *f,
                          bool skip_deleted, struct dsi_manifest *out)
{
    struct dsi_manifest_read_options options = {
        .skip_metrics = true, .skip_deleted = skip_deleted, .known = w->known};
    return may_read(w) &&
           dsi_manifest_load(w->storage, w->m, f, &options, out, NULL) == DS_OK;
}

// --- snapshots and their children

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
static const struct dsi_snapshot *only_child(const struct work *w,
                                             const struct dsi_snapshot *s)
{
    const struct dsi_metadata *m = w->m;
    const struct dsi_snapshot *child = NULL;
    size_t children = 0;

    if (m->snapshot_count > 0 && m->snapshots[0]->parent_id == s->snapshot_id) {
        child = m->snapshots[0]; // Of a line only the first can be.
        children++;
    }
    for (size_t i = 0; i < w->count; i++) {
        if (w->expired[i]->parent_id == s->snapshot_id) {
            child = w->expired[i];
            children++;
        }
    }
    return children == 1 ? child : NULL;
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

// --- manifests

// Whether `child` may lack manifests of `s`: it replaced some, or left out what only
// tells of files that `s` had removed. Else there is nothing to look for.
static bool may_lack(const struct dsi_snapshot *child, const struct dsi_snapshot *s)
{
    return dsi_summary_replaced(child) != 0 || !is_a(s, "append");
}

// The manifests of `s` that `child` no longer has. Along a line of snapshots a manifest
// that left a list never comes back, so nobody after `child` has them either.
static void find_manifests(struct work *w, const struct dsi_snapshot *s,
                           const struct dsi_snapshot *child)
{
    struct dsi_manifest_list before = {0};
    struct dsi_manifest_list after = {0};
    struct dsi_map kept = DSI_MAP_INIT;
    bool known = read_list(w, child, &after) && read_list(w, s, &before);

    for (size_t i = 0; known && i < after.count; i++) {
        known = dsi_map_put_text(&kept, after.files[i].path, &after, NULL) == DS_OK;
    }
    for (size_t i = 0; known && i < before.count; i++) {
        if (!dsi_map_get_text(&kept, before.files[i].path)) {
            dsi_sweep_add(w->out->rest, before.files[i].path);
        }
    }
    dsi_map_release(&kept);
    dsi_manifest_list_release(&before);
    dsi_manifest_list_release(&after);
}

// --- data files

// Deletions of others are left to a collector: only of ours is known how they are made.
static bool takes_out(const struct dsi_snapshot *s)
{
    return is_rewrite(s) || (dsi_snapshot_summary(s, DSI_KEY_COMMIT_ID) &&
                             (is_a(s, "overwrite") || is_a(s, "delete")));
}

static void note_taken(struct work *w, const char *path)
{
    const char **all = dsi_arena_grow(&w->arena, w->taken, w->taken_count, sizeof *all);
    const char *copy = dsi_arena_strdup(&w->arena, path);

    w->taken = all ? all : w->taken;
    if (all && copy && dsi_map_put_text(&w->gone, path, w, NULL) == DS_OK) {
        all[w->taken_count++] = copy;
    }
}

// The data files that `child` took out of the table. Its parent was the last that had
// them, but for files that came back.
static void find_taken(struct work *w, const struct dsi_snapshot *child)
{
    struct dsi_manifest_list list = {0};
    bool known = read_list(w, child, &list);

    for (size_t i = 0; known && i < list.count; i++) {
        const struct dsi_manifest_file *f = &list.files[i];
        struct dsi_manifest manifest = {0};
        if (f->added_snapshot_id != child->snapshot_id || f->deleted_files_count == 0 ||
            f->content != DSI_MANIFEST_DATA || !read_manifest(w, f, false, &manifest)) {
            continue;
        }
        for (size_t k = 0; k < manifest.entry_count; k++) {
            const struct dsi_manifest_entry *e = &manifest.entries[k];
            if (e->status == DSI_ENTRY_DELETED && e->snapshot_id == child->snapshot_id &&
                dsi_path_is_below(e->file.path, w->folder)) {
                note_taken(w, e->file.path);
            }
        }
        dsi_manifest_release(&manifest);
    }
    if (child->sequence_number < w->taken_since) {
        w->taken_since = child->sequence_number;
    }
    dsi_manifest_list_release(&list);
}

// Sees which of them the newest snapshot has again: somebody may add a file that was
// taken out. Only manifests written since can have it. False: nobody knows.
static bool find_returned(struct work *w)
{
    const struct dsi_snapshot *now = dsi_metadata_current_snapshot(w->m);
    struct dsi_manifest_list list = {0};
    bool known = now && read_list(w, now, &list);

    for (size_t i = 0; known && i < list.count; i++) {
        struct dsi_manifest manifest = {0};
        if (list.files[i].sequence_number < w->taken_since) {
            continue;
        }
        known = read_manifest(w, &list.files[i], true, &manifest);
        for (size_t k = 0; known && k < manifest.entry_count; k++) {
            const char *path = manifest.entries[k].file.path;
            known = !dsi_map_get_text(&w->gone, path) ||
                    dsi_map_put_text(&w->gone, path, NULL, NULL) == DS_OK;
        }
        dsi_manifest_release(&manifest);
    }
    dsi_manifest_list_release(&list);
    return known;
}

static void find_data(struct work *w)
{
    char *folder = NULL;

    if (dsi_table_data_path(w->m, &w->arena, &folder, NULL) < 0) {
        return;
    }
    w->folder = folder;
    for (size_t i = 0; i < w->count; i++) {
        const struct dsi_snapshot *child = only_child(w, w->expired[i]);
        if (child && takes_out(child)) {
            find_taken(w, child);
        }
    }
    bool known = w->taken_count > 0 && find_returned(w);
    for (size_t i = 0; known && i < w->taken_count; i++) {
        if (dsi_map_get_text(&w->gone, w->taken[i])) {
            dsi_sweep_add(w->out->data, w->taken[i]);
        }
    }
}

// --- all of it

static void find_all(struct work *w, const struct dsi_rebased *r)
{
    struct dsi_sweep *rest = w->out->rest;
    bool line = w->count > 0 && is_line(w->m);
    bool wanted = false;

    if (line) {
        find_data(w);
    }
    for (size_t i = 0; line && i < w->count; i++) {
        const struct dsi_snapshot *child = only_child(w, w->expired[i]);
        if (child && may_lack(child, w->expired[i])) {
            find_manifests(w, w->expired[i], child);
        }
    }
    for (size_t i = 0; i < w->count; i++) {
        if (w->expired[i]->manifest_list) {
            dsi_sweep_add(rest, w->expired[i]->manifest_list);
        }
    }
    if (dsi_metadata_property_bool(w->m, "write.metadata.delete-after-commit.enabled",
                                   false, &wanted, NULL) == DS_OK &&
        wanted) {
        for (size_t i = 0; i < r->dropped_count; i++) {
            dsi_sweep_add(rest, r->dropped[i]);
        }
    }
    for (size_t i = 0; i < r->dropped_ledger_count; i++) {
        dsi_sweep_add(rest, r->dropped_ledger[i]);
    }
}

void dsi_forgotten_find(ds_storage *storage, struct dsi_avro_known *known,
                        const struct dsi_rebased *r, const struct dsi_judge_limit *limit,
                        struct dsi_forgotten *out)
{
    struct work w = {.storage = storage,
                     .known = known,
                     .m = r->metadata,
                     .expired = r->expired,
                     .count = r->expired_count,
                     .limit = limit,
                     .out = out,
                     .taken_since = INT64_MAX};

    *out = (struct dsi_forgotten){.judged = true};
    if (r->expired_count + r->dropped_count + r->dropped_ledger_count == 0) {
        return;
    }
    out->data = dsi_sweep_new(storage);
    out->rest = dsi_sweep_new(storage);
    out->judged = out->data && out->rest;
    if (out->judged) {
        find_all(&w, r);
        out->judged = !w.ended;
    }
    if (!out->judged) {
        dsi_forgotten_release(out);
    }
    dsi_map_release(&w.gone);
    dsi_arena_release(&w.arena);
}

void dsi_forgotten_release(struct dsi_forgotten *f)
{
    dsi_sweep_free(f->data);
    dsi_sweep_free(f->rest);
    *f = (struct dsi_forgotten){0};
}
