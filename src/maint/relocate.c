#include "maint/relocate.h"

#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "maint/relocate_json.h"
#include "maint/relocate_manifests.h"
#include "scan/scan.h"

enum { TRIES_MAX = 5 };

// --- metadata

// Whether a text of the metadata is the place of a file or of a directory.
static bool is_place(const struct dsi_relocate_at *at)
{
    static const char *const places[] = {
        "location",
        "metadata-log/metadata-file",
        "statistics/statistics-path",
        "partition-statistics/statistics-path",
        "properties/write.data.path",
        "properties/write.folder-storage.path",
        "properties/write.metadata.path",
        "properties/write.object-storage.path",
    };

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (dsi_relocate_at_is(at, places[i])) {
            return true;
        }
    }
    return false;
}

// What DataShard writes of a snapshot's list into its summary, with and without
// "datashard." in front.
static bool is_of_list(const struct dsi_relocate_at *at, const char *what)
{
    char old[64];
    char new[64];

    snprintf(old, sizeof old, "snapshots/summary/manifest-list-%s", what);
    snprintf(new, sizeof new, "snapshots/summary/datashard.manifest-list-%s", what);
    return dsi_relocate_at_is(at, old) || dsi_relocate_at_is(at, new);
}

static int change_snapshot(struct dsi_relocation *r, const struct dsi_relocate_at *at,
                           struct ds_slice text, const char **out, struct ds_error *err)
{
    const struct dsi_metadata *m = r->metadata;
    const struct dsi_snapshot *s =
        at->element < m->snapshot_count ? m->snapshots[at->element] : NULL;
    const struct dsi_relocated *list =
        s && s->manifest_list ? dsi_map_get_text(&r->lists, s->manifest_list) : NULL;
    const struct dsi_relocated *x = dsi_map_get(&r->manifests, text);

    if (dsi_relocate_at_is(at, "snapshots/manifest-list")) {
        x = dsi_map_get(&r->lists, text);
        *out = x ? x->path : NULL;
    } else if (dsi_relocate_at_is(at, "snapshots/manifests")) {
        *out = x ? x->path : NULL;
    } else if (list && is_of_list(at, "sha256")) {
        *out = list->checksum;
    } else if (list && is_of_list(at, "length")) {
        *out = dsi_arena_printf(&r->arena, "%lld", (long long)list->size);
        return *out ? DS_OK : dsi_no_memory(err, "relocating a table");
    }
    return DS_OK;
}

static int change_text(void *arg, const struct dsi_relocate_at *at, struct ds_slice text,
                       struct ds_slice *out, struct ds_error *err)
{
    struct dsi_relocation *r = arg;
    const char *now = NULL;
    int rc = DS_OK;

    if (dsi_relocate_at_is(at, "location")) {
        now = r->to;
    } else if (is_place(at)) {
        DSI_TRY(dsi_relocate_path(r, text, &now, err));
    } else {
        DSI_TRY(change_snapshot(r, at, text, &now, err));
    }
    if (now) {
        *out = dsi_slice_text(now);
        rc = DS_ROW;
    }
done:
    return rc;
}

// The new metadata, as the version after `head`.
static int make_metadata(struct dsi_relocation *r, const struct dsi_head *head,
                         struct dsi_metadata **out, struct ds_error *err)
{
    struct dsi_buf old = DSI_BUF_INIT_MAX(DSI_METADATA_FILE_MAX);
    struct dsi_buf new = DSI_BUF_INIT_MAX(DSI_METADATA_FILE_MAX);
    struct dsi_metadata_edit *edit = NULL;
    struct dsi_metadata *moved = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_metadata_to_json(r->metadata, &old, err));
    DSI_TRY(
        dsi_relocate_json(dsi_buf_slice(&old), "metadata", change_text, r, &new, err));
    DSI_TRY(dsi_metadata_parse(dsi_buf_slice(&new), &moved, err));
    DSI_TRY(dsi_metadata_edit_new(moved, &edit, err));
    rc = dsi_metadata_edit_finish(edit, dsi_clock_wall_ms(), head->metadata_location, out,
                                  NULL, err);
done:
    dsi_metadata_unref(moved);
    dsi_buf_release(&old);
    dsi_buf_release(&new);
    return rc;
}

// --- the steps

static int swap(struct dsi_table *table, struct dsi_relocation *r,
                const struct dsi_state *state, struct ds_error *err)
{
    struct dsi_buf json = DSI_BUF_INIT_MAX(DSI_METADATA_FILE_MAX);
    struct dsi_swap swap = {.base = &state->head,
                            .identity = r->identity,
                            .attempt = 1,
                            .files = r->written,
                            .file_count = r->written_count};
    struct dsi_metadata *made = NULL;
    struct dsi_head head = {0};
    int rc = DS_OK;

    DSI_TRY(make_metadata(r, &state->head, &made, err));
    DSI_TRY(dsi_metadata_to_json(made, &json, err));
    if (r->dry_run) {
        goto done;
    }
    swap.metadata = made;
    swap.json = dsi_buf_slice(&json);
    DSI_TRY(dsi_catalog_swap(dsi_table_catalog(table), dsi_table_name(table), &swap,
                             &r->arena, &head, err));
done:
    dsi_metadata_unref(made);
    dsi_buf_release(&json);
    return rc;
}

static int rewrite(struct dsi_relocation *r, struct ds_error *err)
{
    struct dsi_uuid uuid = dsi_uuid_v7();
    int rc = DS_OK;

    dsi_uuid_format(&uuid, r->identity);
    for (size_t i = 0; i < r->metadata->snapshot_count; i++) {
        DSI_TRY(dsi_cancel_check(err));
        DSI_TRY(dsi_relocate_snapshot(r, r->metadata->snapshots[i], err));
    }
done:
    return rc;
}

static int relocate_once(struct dsi_table *table, bool dry_run,
                         struct dsi_relocate_counts *out, struct ds_error *err)
{
    ds_storage *storage = dsi_catalog_storage(dsi_table_catalog(table));
    const struct dsi_state *state = dsi_table_state(table);
    struct dsi_relocation r = {.from_storage = dsi_table_storage(table),
                               .to_storage = storage,
                               .metadata = state->metadata,
                               .from = state->metadata->location,
                               .to = dsi_table_name(table)->name,
                               .dry_run = dry_run,
                               .lists = DSI_MAP_INIT,
                               .manifests = DSI_MAP_INIT,
                               .deletes = DSI_MAP_INIT};
    bool swapped = false;
    int rc = DS_OK;

    *out = (struct dsi_relocate_counts){0};
    if (r.from_storage == storage) {
        goto done; // It is where it says.
    }
    DSI_TRY(rewrite(&r, err));
    DSI_TRY(swap(table, &r, state, err));
    swapped = !dry_run;
    *out = (struct dsi_relocate_counts){.relocated = true,
                                        .snapshots = state->metadata->snapshot_count,
                                        .manifests = r.manifest_count,
                                        .data_files = r.file_count,
                                        .delete_files = r.delete_count,
                                        .bytes = r.bytes};
    if (swapped) {
        dsi_log(DS_LOG_INFO, "%s: relocated from %s", r.to, r.from);
        // Done is done: a handle that cannot read it now does when it is used next.
        DSI_IGNORE(dsi_table_refresh(table, NULL));
    }
done:
    if (rc < 0 && rc != DS_EUNKNOWN && !swapped) {
        dsi_relocate_undo(&r);
    }
    dsi_relocate_release(&r);
    dsi_state_unref(state);
    return rc;
}

int dsi_relocate(struct dsi_table *table, bool dry_run, struct dsi_relocate_counts *out,
                 struct ds_error *err)
{
    int rc = DS_OK;

    for (int i = 0; i < TRIES_MAX; i++) {
        DSI_TRY(dsi_table_refresh(table, err));
        rc = relocate_once(table, dry_run, out, err);
        if (rc != DS_ECONFLICT) {
            break;
        }
    }
done:
    return rc;
}
