#include "txn/adoption.h"

#include <string.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/map.h"
#include "data/data_adopt.h"
#include "data/data_mapping.h"
#include "model/location.h"
#include "txn/live.h"
#include "txn/paths.h"

struct work {
    ds_storage *storage;
    const struct dsi_metadata *metadata;
    const struct dsi_metadata *mapped; // With the mapping; a reference.
    const char *mapping;               // That one, when it is not the table's; or NULL.
    struct dsi_change *change;
    const struct dsi_adoption_file *files;
    size_t count;
    struct dsi_arena arena;
    struct dsi_map paths; // Of those that join.
    struct dsi_data_file *out;
    bool by_name; // Some of them.
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "adding data files");
}

// --- paths

static int resolve(struct work *w, size_t i, struct ds_error *err)
{
    const char *path = w->files[i].path;
    char *full = NULL;
    int rc = DS_OK;

    if (!path || path[0] == '\0') {
        return dsi_fail(err, DS_EINVALID, "path %zu of %zu is empty", i, w->count);
    }
    if (!strchr(path, ':') && path[0] != '/') {
        DSI_TRY(
            dsi_location_join(w->metadata->location, path, NULL, &w->arena, &full, err));
        path = full;
    }
    DSI_TRY(dsi_location_normalize(path, &w->arena, &full, err));
    if (dsi_map_get_text(&w->paths, full)) {
        return dsi_fail(err, DS_EEXISTS, "file %s is added twice", full);
    }
    DSI_TRY(dsi_map_put_text(&w->paths, full, w, err));
    w->out[i].path = full;
done:
    return rc;
}

static int resolve_all(struct work *w, struct ds_error *err)
{
    const struct dsi_operation *before = dsi_change_addition(w->change);
    int rc = DS_OK;

    for (size_t i = 0; before && i < before->file_count; i++) {
        DSI_TRY(dsi_map_put_text(&w->paths, before->files[i].path, w, err));
    }
    for (size_t i = 0; i < w->count; i++) {
        DSI_TRY(resolve(w, i, err));
    }
done:
    return rc;
}

static int refuse_live(void *arg, const struct dsi_data_file *f, const char *manifest,
                       struct ds_error *err)
{
    struct work *w = arg;
    const char *form = NULL;
    int rc = DS_OK;

    (void)manifest;
    DSI_TRY(dsi_path_form(f->path, &w->arena, &form, err));
    if (dsi_map_get_text(&w->paths, form)) {
        rc = dsi_fail(err, DS_EEXISTS, "file %s is in the table already", form);
    }
done:
    return rc;
}

// --- the name mapping

// The table as it will be when files without field ids have joined it.
static int map_names(struct work *w, struct ds_error *err)
{
    struct dsi_metadata_edit *edit = NULL;
    struct dsi_metadata *mapped = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_data_mapping_complete(w->metadata, &w->arena, &w->mapping, err));
    if (!w->mapping) {
        w->mapped = dsi_metadata_ref(w->metadata);
        return DS_OK;
    }
    DSI_TRY(dsi_metadata_edit_new(w->metadata, &edit, err));
    rc = dsi_metadata_edit_set_property(edit, DSI_NAME_MAPPING_KEY, w->mapping, err);
    if (rc < 0) {
        dsi_metadata_edit_free(edit);
        goto done;
    }
    DSI_TRY(dsi_metadata_edit_finish(edit, w->metadata->last_updated_ms, NULL, &mapped,
                                     NULL, err));
    w->mapped = mapped;
done:
    return rc;
}

// --- the files

// A file of a table without columns is what its owner says it is.
static int take_opaque(struct work *w, size_t i, struct ds_error *err)
{
    const struct dsi_adoption_file *from = &w->files[i];
    const char *path = w->out[i].path;
    struct ds_file_info info = {0};
    int rc = DS_OK;

    if (from->record_count < 0 || from->partition.count > 0) {
        return dsi_fail(err, DS_EINVALID,
                        "file %s: in a table without columns it has a number of rows, "
                        "and no partition",
                        path);
    }
    DSI_TRY(dsi_storage_stat(w->storage, path, &info, err));
    w->out[i] = (struct dsi_data_file){
        .content = DSI_CONTENT_DATA,
        .path = path,
        .format = DSI_FORMAT_PARQUET,
        .spec_id = w->metadata->default_spec_id,
        .record_count = from->record_count,
        .file_size = (int64_t)info.size,
        .sort_order_id = -1,
        .first_row_id = -1,
        .content_offset = -1,
        .content_size = -1,
    };
done:
    return rc;
}

static int take_file(struct work *w, size_t i, struct ds_error *err)
{
    struct dsi_data_adopt_options options = {.storage = w->storage,
                                             .metadata = w->mapped,
                                             .location = w->out[i].path,
                                             .partition = w->files[i].partition};
    bool by_name = false;
    int rc = DS_OK;

    DSI_TRY(dsi_data_adopt(&options, &w->arena, &w->out[i], &by_name, err));
    w->by_name = w->by_name || by_name;
done:
    return rc;
}

static int take_all(struct work *w, struct ds_error *err)
{
    const struct dsi_schema *schema = dsi_metadata_current_schema(w->metadata);
    bool opaque = schema->root.field_count == 0;
    int rc = DS_OK;

    for (size_t i = 0; i < w->count; i++) {
        DSI_TRY(dsi_cancel_check(err));
        DSI_TRY(opaque ? take_opaque(w, i, err) : take_file(w, i, err));
        DSI_TRY(dsi_storage_sync_file(w->storage, w->out[i].path, err)); // (2)
    }
done:
    return rc;
}

// (3)
static int add_to_change(struct work *w, struct ds_error *err)
{
    const char *needed = w->mapping;
    int rc = DS_OK;

    if (w->by_name && !needed) {
        needed = dsi_metadata_property(w->metadata, DSI_NAME_MAPPING_KEY);
    }
    DSI_TRY(dsi_change_add(w->change, w->out, w->count, w->metadata,
                           w->by_name ? needed : NULL, err));
    if (w->by_name && w->mapping) {
        DSI_TRY(
            dsi_change_set_property(w->change, DSI_NAME_MAPPING_KEY, w->mapping, err));
    }
done:
    return rc;
}

int dsi_adoption_add(ds_storage *storage, const struct dsi_metadata *metadata,
                     struct dsi_change *change, const struct dsi_adoption_file *files,
                     size_t count, struct ds_error *err)
{
    struct work w = {.storage = storage,
                     .metadata = metadata,
                     .change = change,
                     .files = files,
                     .count = count};
    int rc = DS_OK;

    if (count == 0) {
        return DS_OK;
    }
    w.out = dsi_arena_array(&w.arena, count, sizeof *w.out);
    if (!w.out) {
        return no_memory(err);
    }
    DSI_TRY(resolve_all(&w, err));
    DSI_TRY(dsi_live_files(storage, metadata, change, refuse_live, &w, err));
    DSI_TRY(map_names(&w, err));
    DSI_TRY(take_all(&w, err));
    DSI_TRY(add_to_change(&w, err));
done:
    dsi_metadata_unref(w.mapped);
    dsi_map_release(&w.paths);
    dsi_arena_release(&w.arena);
    return rc;
}
