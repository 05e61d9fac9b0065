#include "txn/removal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "model/location.h"
#include "txn/live.h"
#include "txn/paths.h"

struct work {
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
    const char *form = NULL;
    int rc = DS_OK;

    *out = dsi_map_get_text(&w->wanted, path) != NULL;
    if (!*out) {
        DSI_TRY(dsi_path_form(path, &w->arena, &form, err));
        *out = dsi_map_get_text(&w->wanted, form) != NULL;
    }
done:
    return rc;
}

static int note(struct work *w, const struct dsi_data_file *f, const char *manifest,
                struct ds_error *err)
{
    char *path = dsi_arena_strdup(&w->arena, f->path);
    const char *host = w->count > 0 ? w->files[w->count - 1].manifest : NULL;
    int rc = DS_OK;

    if (!host || strcmp(host, manifest) != 0) {
        host = dsi_arena_strdup(&w->arena, manifest);
    }
    if (w->count == w->capacity) {
        size_t capacity = w->capacity ? w->capacity * 2 : 16;
        struct dsi_replaced_file *all = dsi_realloc(w->files, capacity * sizeof *all);
        if (!all) {
            return no_memory(err);
        }
        w->files = all;
        w->capacity = capacity;
    }
    if (!path || !host) {
        return no_memory(err);
    }
    DSI_TRY(dsi_map_put_text(&w->going, path, w, err));
    w->files[w->count++] =
        (struct dsi_replaced_file){path, host, f->record_count, f->file_size};
done:
    return rc;
}

static int look_at(void *arg, const struct dsi_data_file *f, const char *manifest,
                   struct ds_error *err)
{
    struct work *w = arg;
    bool wanted = false;
    int rc = DS_OK;

    DSI_TRY(is_wanted(w, f->path, &wanted, err));
    if (wanted && !dsi_map_get_text(&w->going, f->path)) {
        DSI_TRY(note(w, f, manifest, err));
    }
done:
    return rc;
}

int dsi_removal_find(ds_storage *storage, const struct dsi_metadata *metadata,
                     struct dsi_change *change, const char *const *paths, size_t count,
                     size_t *found, struct ds_error *err)
{
    struct work w = {.metadata = metadata, .change = change};
    int rc = DS_OK;

    *found = 0;
    DSI_TRY(index_paths(&w, paths, count, err));
    if (count > 0) {
        DSI_TRY(dsi_live_files(storage, metadata, change, look_at, &w, err));
    }
    if (w.count > 0) {
        DSI_TRY(dsi_change_delete(change, w.files, w.count, err));
    }
    *found = w.count;
done:
    dsi_free(w.files);
    dsi_map_release(&w.wanted);
    dsi_map_release(&w.going);
    dsi_arena_release(&w.arena);
    return rc;
}
