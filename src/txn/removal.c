#include "txn/removal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "model/location.h"
#include "scan/scan.h"
#include "txn/conflict.h"
#include "txn/rebase.h"

struct work {
    ds_storage *storage;
    const struct dsi_metadata *metadata;
    struct dsi_change *change;
    struct dsi_arena arena;
    struct dsi_map wanted; // Every form of every path.
    struct dsi_map going;  // What the change deletes already.
    struct dsi_replaced_file *files;
    size_t count;
    size_t capacity;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "looking for data files");
}

static int want(struct work *w, const char *path, struct ds_error *err)
{
    const char *below = path + strspn(path, "/");
    char *form = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_map_put_text(&w->wanted, path, w, err));
    if (strchr(path, ':') || path[0] == '/') {
        int known = dsi_location_normalize(path, &w->arena, &form, NULL);
        DSI_TRY(known == DS_ENOMEM ? no_memory(err) : DS_OK);
        if (known == DS_OK) { // Else it is no location, and no file's path.
            DSI_TRY(dsi_map_put_text(&w->wanted, form, w, err));
        }
    }
    if (!strchr(path, ':') && below[0] != '\0') {
        DSI_TRY(
            dsi_location_join(w->metadata->location, below, NULL, &w->arena, &form, err));
        DSI_TRY(dsi_map_put_text(&w->wanted, form, w, err));
    }
done:
    return rc;
}

static int index_paths(struct work *w, const char *const *paths, size_t count,
                       struct ds_error *err)
{
    const struct dsi_operation *o = dsi_change_deletion(w->change);
    int rc = DS_OK;

    for (size_t i = 0; i < count; i++) {
        if (!paths[i] || paths[i][0] == '\0') {
            return dsi_fail(err, DS_EINVALID, "path %zu of %zu is empty", i, count);
        }
        DSI_TRY(want(w, paths[i], err));
    }
    for (size_t i = 0; o && i < o->replaced_count; i++) {
        DSI_TRY(dsi_map_put_text(&w->going, o->replaced[i].path, w, err));
    }
done:
    return rc;
}

// Whether a path that the table says is wanted, in whatever form it says it.
static int is_wanted(struct work *w, const char *path, bool *out, struct ds_error *err)
{
    char *form = NULL;
    int rc = DS_OK;

    *out = dsi_map_get_text(&w->wanted, path) != NULL;
    if (*out || strncmp(path, "file:///", 8) == 0) {
        return DS_OK;
    }
    rc = dsi_location_normalize(path, &w->arena, &form, NULL);
    if (rc == DS_ENOMEM) {
        return no_memory(err);
    }
    *out = rc == DS_OK && dsi_map_get_text(&w->wanted, form);
    return DS_OK;
}

static int note(struct work *w, const struct dsi_data_file *f, const char *manifest,
                struct ds_error *err)
{
    char *path = dsi_arena_strdup(&w->arena, f->path);
    int rc = DS_OK;

    if (w->count == w->capacity) {
        size_t capacity = w->capacity ? w->capacity * 2 : 16;
        struct dsi_replaced_file *all = dsi_realloc(w->files, capacity * sizeof *all);
        if (!all) {
            return no_memory(err);
        }
        w->files = all;
        w->capacity = capacity;
    }
    if (!path) {
        return no_memory(err);
    }
    DSI_TRY(dsi_map_put_text(&w->going, path, w, err));
    w->files[w->count++] =
        (struct dsi_replaced_file){path, manifest, f->record_count, f->file_size};
done:
    return rc;
}

static int look_into(struct work *w, const struct dsi_manifest_file *file,
                     struct ds_error *err)
{
    struct dsi_manifest_read_options options = {.skip_metrics = true,
                                                .skip_deleted = true};
    struct dsi_manifest m = {0};
    bool wanted = false;
    int rc = DS_OK;

    DSI_TRY(dsi_manifest_load(w->storage, w->metadata, file, &options, &m, err));
    for (size_t i = 0; i < m.entry_count; i++) {
        const struct dsi_data_file *f = &m.entries[i].file;
        DSI_TRY(is_wanted(w, f->path, &wanted, err));
        if (wanted && !dsi_map_get_text(&w->going, f->path)) {
            DSI_TRY(note(w, f, file->path, err));
        }
    }
done:
    dsi_manifest_release(&m);
    return rc;
}

static int look(struct work *w, const struct dsi_snapshot *snapshot, struct ds_error *err)
{
    struct dsi_manifest_list list = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_snapshot_manifests(w->storage, w->metadata, snapshot, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        const struct dsi_manifest_file *f = &list.files[i];
        if (f->content == DSI_MANIFEST_DATA &&
            (f->added_files_count != 0 || f->existing_files_count != 0)) {
            DSI_TRY(look_into(w, f, err));
        }
    }
    if (w->count > 0) { // While the list, whose paths they point at, is here.
        DSI_TRY(dsi_change_delete(w->change, w->files, w->count, err));
    }
done:
    dsi_manifest_list_release(&list);
    if (rc == DS_ENOTFOUND) {
        return dsi_conflict_fail(
            &(struct dsi_conflict){
                .rule = "snapshot-expired",
                .object = w->change->branch,
                .advice = "the version that the transaction began on was forgotten "
                          "meanwhile, and its files are gone; begin anew"},
            err);
    }
    return rc;
}

int dsi_removal_find(ds_storage *storage, const struct dsi_metadata *metadata,
                     struct dsi_change *change, const char *const *paths, size_t count,
                     size_t *found, struct ds_error *err)
{
    struct work w = {.storage = storage, .metadata = metadata, .change = change};
    const struct dsi_snapshot *snapshot = dsi_rebase_parent(metadata, change->branch);
    int rc = DS_OK;

    *found = 0;
    DSI_TRY(index_paths(&w, paths, count, err));
    if (snapshot && count > 0) {
        DSI_TRY(look(&w, snapshot, err));
    }
    *found = w.count;
done:
    dsi_free(w.files);
    dsi_map_release(&w.wanted);
    dsi_map_release(&w.going);
    dsi_arena_release(&w.arena);
    return rc;
}
