#include "txn/rebase_files.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "txn/conflict.h"
#include "txn/merge.h"
#include "txn/paths.h"

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "looking for data files in manifests");
}

const struct dsi_manifest *dsi_rebase_loaded(const struct dsi_loaded_manifest *loaded,
                                             size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(loaded[i].path, path) == 0) {
            return loaded[i].manifest;
        }
    }
    return NULL;
}

static int index_files(struct dsi_rebase_files *f, struct ds_error *err)
{
    const struct dsi_operation *o = f->in->operation;
    int rc = DS_OK;

    for (size_t i = 0; i < o->replaced_count; i++) {
        DSI_TRY(dsi_map_put_text(&f->wanted, o->replaced[i].path, f, err));
        DSI_TRY(dsi_map_put_text(&f->hosts, o->replaced[i].manifest, f, err));
    }
    for (size_t i = 0; o->kind == DSI_OPERATION_ADD && i < o->file_count; i++) {
        DSI_TRY(dsi_map_put_text(&f->wanted, o->files[i].path, f, err));
    }
done:
    return rc;
}

// The paths of files that join by stored manifests, or a request for those.
static int index_stored(struct dsi_rebase_files *f, struct ds_error *err)
{
    const struct dsi_stored_files *stored = &f->in->operation->stored;
    int rc = DS_OK;

    for (size_t i = 0; i < f->in->new_count; i++) {
        const struct dsi_manifest_file *row = &f->in->rows[i];
        const struct dsi_manifest *m =
            dsi_rebase_loaded(f->in->loaded, f->in->loaded_count, row->path);
        bool mine = false;
        for (size_t k = 0; k < stored->manifest_count && !mine; k++) {
            mine = strcmp(stored->manifests[k].path, row->path) == 0;
        }
        if (mine && !m) {
            f->needs[f->needs_count++] = row;
        }
        for (size_t k = 0; mine && m && k < m->entry_count; k++) {
            DSI_TRY(dsi_map_put_text(&f->wanted, m->entries[k].file.path, f, err));
        }
    }
done:
    return rc;
}

static bool is_host(const struct dsi_rebase_files *f, const struct dsi_manifest_file *row)
{
    return row->content == DSI_MANIFEST_DATA && dsi_map_get_text(&f->hosts, row->path);
}

int dsi_rebase_files_find(struct dsi_rebase_files *f, const struct dsi_rewrite_input *in,
                          enum dsi_rebase_where where, struct dsi_arena *arena,
                          struct ds_error *err)
{
    bool since = where == DSI_REBASE_SINCE;
    int rc = DS_OK;

    *f = (struct dsi_rebase_files){.in = in, .arena = arena};
    DSI_TRY(index_files(f, err));
    f->contents = dsi_arena_array(arena, in->row_count, sizeof(void *));
    f->needs = dsi_arena_array(arena, in->row_count, sizeof(void *));
    if (!f->contents || !f->needs) {
        return no_memory(err);
    }
    if (in->operation->kind == DSI_OPERATION_ADD) {
        DSI_TRY(index_stored(f, err));
    }
    for (size_t i = in->new_count; i < in->row_count; i++) {
        f->hosts_found += is_host(f, &in->rows[i]);
    }
    since =
        since || (where == DSI_REBASE_HOSTS_OR_SINCE && f->hosts_found < f->hosts.count);
    for (size_t i = in->new_count; i < in->row_count; i++) {
        const struct dsi_manifest_file *row = &in->rows[i];
        bool newer = since && row->content == DSI_MANIFEST_DATA &&
                     row->sequence_number > in->change->base_sequence_number;
        if (!newer && !is_host(f, row)) {
            continue;
        }
        f->contents[i] = dsi_rebase_loaded(in->loaded, in->loaded_count, row->path);
        if (!f->contents[i]) {
            f->needs[f->needs_count++] = row;
        }
    }
done:
    return rc;
}

void dsi_rebase_files_release(struct dsi_rebase_files *f)
{
    dsi_map_release(&f->wanted);
    dsi_map_release(&f->hosts);
}

bool dsi_rebase_files_entry(const struct dsi_rebase_files *f,
                            const struct dsi_manifest_entry *from,
                            struct dsi_manifest_entry *to)
{
    if (from->status == DSI_ENTRY_DELETED) {
        return false;
    }
    *to = *from;
    to->status = DSI_ENTRY_EXISTING;
    if (dsi_map_get_text(&f->wanted, from->file.path)) {
        to->status = DSI_ENTRY_DELETED;
        to->snapshot_id = f->in->snapshot_id;
    }
    return true;
}

int dsi_rebase_refuse_deletes(const struct dsi_rewrite_input *in, int64_t after,
                              const char *advice, struct ds_error *err)
{
    for (size_t i = in->new_count; i < in->row_count; i++) {
        const struct dsi_manifest_file *f = &in->rows[i];
        bool live = f->added_files_count != 0 || f->existing_files_count != 0;
        if (f->content == DSI_MANIFEST_DELETES && live && f->sequence_number > after) {
            return dsi_conflict_fail(
                &(struct dsi_conflict){
                    .rule = "rows-deleted",
                    .object = f->path,
                    .winner = dsi_metadata_snapshot(in->metadata, f->added_snapshot_id),
                    .advice = advice},
                err);
        }
    }
    return DS_OK;
}

int dsi_rebase_files_write(const struct dsi_rebase_files *f,
                           const struct dsi_rebase_manifest *m,
                           struct dsi_manifest_file *row, struct dsi_new_file *file,
                           struct ds_error *err)
{
    const struct dsi_rewrite_input *in = f->in;
    struct dsi_manifest_write spec;
    struct dsi_buf bytes = DSI_BUF_INIT;
    char *path = NULL;
    char full[128];
    int rc = DS_OK;

    DSI_TRY(dsi_manifest_write_of(in->metadata, m->spec_id, in->snapshot_id, &spec, err));
    DSI_TRY(dsi_manifest_build(&spec, m->entries, m->count, f->arena, &bytes, row, err));
    snprintf(full, sizeof full, "%s-%s-%u-%s.avro", in->change->identity,
             in->change->nonce, (unsigned)in->attempt, m->name);
    DSI_TRY(dsi_metadata_file_path(in->metadata, full, f->arena, &path, err));
    if (dsi_arena_copy(f->arena, dsi_buf_slice(&bytes), &file->bytes) < 0) {
        rc = no_memory(err);
        goto done;
    }
    row->path = file->path = path;
    row->length = (int64_t)bytes.size;
done:
    dsi_buf_release(&bytes);
    return rc;
}
