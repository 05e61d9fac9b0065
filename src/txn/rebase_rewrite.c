#include "txn/rebase_rewrite.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "txn/conflict.h"
#include "txn/merge.h"
#include "txn/paths.h"

struct work {
    const struct dsi_rewrite_input *in;
    struct dsi_arena *arena;
    struct dsi_rewritten *out;
    struct dsi_map wanted;                // The paths of replaced files.
    struct dsi_map hosts;                 // The paths of the manifests they were seen in.
    const struct dsi_manifest **contents; // Per row; NULL: the row stays.
    int32_t spec_id;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "rebasing a rewrite");
}

static int gone(const char *path, struct ds_error *err)
{
    return dsi_conflict_fail(
        &(struct dsi_conflict){.rule = "files-replaced",
                               .object = path,
                               .advice = "the file is no longer where it was: others "
                                         "removed, rewrote or moved it; plan anew"},
        err);
}

static bool is_live(const struct dsi_manifest_file *f)
{
    return f->added_files_count != 0 || f->existing_files_count != 0;
}

static int refuse_deletes(const struct work *w, struct ds_error *err)
{
    for (size_t i = 0; i < w->in->row_count; i++) {
        const struct dsi_manifest_file *f = &w->in->rows[i];
        if (f->content == DSI_MANIFEST_DELETES && is_live(f)) {
            return dsi_conflict_fail(
                &(struct dsi_conflict){
                    .rule = "rows-deleted",
                    .object = f->path,
                    .advice = "the table has files that delete rows; merge its small "
                              "files when those are gone"},
                err);
        }
    }
    return DS_OK;
}

static int index_files(struct work *w, struct ds_error *err)
{
    const struct dsi_operation *o = w->in->operation;
    int rc = DS_OK;

    for (size_t i = 0; i < o->replaced_count; i++) {
        void *p = (void *)(uintptr_t)&o->replaced[i]; // Not written through.
        DSI_TRY(dsi_map_put_text(&w->wanted, o->replaced[i].path, p, err));
        DSI_TRY(dsi_map_put_text(&w->hosts, o->replaced[i].manifest, p, err));
    }
    if (w->wanted.count != o->replaced_count) {
        rc = dsi_fail(err, DS_EBUG, "a rewrite that replaces a file twice");
    }
done:
    return rc;
}

static const struct dsi_manifest *loaded(const struct work *w, const char *path)
{
    for (size_t i = 0; i < w->in->loaded_count; i++) {
        if (strcmp(w->in->loaded[i].path, path) == 0) {
            return w->in->loaded[i].manifest;
        }
    }
    return NULL;
}

// Finds the manifests in the parent's list, and what they hold or that it is needed.
static int find_hosts(struct work *w, struct ds_error *err)
{
    struct dsi_rewritten *out = w->out;
    size_t found = 0;

    w->contents = dsi_arena_array(w->arena, w->in->row_count, sizeof(void *));
    out->needs = dsi_arena_array(w->arena, w->in->row_count, sizeof(void *));
    if (!w->contents || !out->needs) {
        return no_memory(err);
    }
    for (size_t i = w->in->new_count; i < w->in->row_count; i++) {
        const struct dsi_manifest_file *f = &w->in->rows[i];
        if (f->content != DSI_MANIFEST_DATA || !dsi_map_get_text(&w->hosts, f->path)) {
            continue;
        }
        if (found > 0 && f->spec_id != w->spec_id) {
            return dsi_fail(err, DS_EBUG, "a rewrite of files of several specs");
        }
        found++;
        w->spec_id = f->spec_id;
        w->contents[i] = loaded(w, f->path);
        if (!w->contents[i]) {
            out->needs[out->needs_count++] = f;
        }
    }
    if (found == w->hosts.count) {
        return DS_OK;
    }
    for (size_t i = 0; i < w->in->operation->replaced_count; i++) {
        const struct dsi_replaced_file *r = &w->in->operation->replaced[i];
        bool there = false;
        for (size_t k = w->in->new_count; !there && k < w->in->row_count; k++) {
            there = strcmp(w->in->rows[k].path, r->manifest) == 0;
        }
        if (!there) {
            return gone(r->path, err);
        }
    }
    return dsi_fail(err, DS_EBUG, "a rewrite that misses a manifest, but no file");
}

// The entries of those manifests as this snapshot leaves them.
static int take_entries(struct work *w, struct dsi_manifest_entry *entries, size_t *count,
                        struct ds_error *err)
{
    const struct dsi_operation *o = w->in->operation;
    struct dsi_map left = DSI_MAP_INIT; // What was met already.
    int rc = DS_OK;

    *count = 0;
    for (size_t i = 0; i < w->in->row_count; i++) {
        const struct dsi_manifest *m = w->contents[i];
        for (size_t k = 0; m && k < m->entry_count; k++) {
            struct dsi_manifest_entry *e = &entries[*count];
            if (m->entries[k].status == DSI_ENTRY_DELETED) {
                continue;
            }
            *e = m->entries[k];
            e->status = DSI_ENTRY_EXISTING;
            void *r = dsi_map_get_text(&w->wanted, e->file.path);
            if (r) {
                e->status = DSI_ENTRY_DELETED;
                e->snapshot_id = w->in->snapshot_id;
                DSI_TRY(dsi_map_put_text(&left, e->file.path, r, err));
            }
            (*count)++;
        }
    }
    for (size_t i = 0; i < o->replaced_count; i++) {
        if (!dsi_map_get_text(&left, o->replaced[i].path)) {
            rc = gone(o->replaced[i].path, err);
            goto done;
        }
    }
done:
    dsi_map_release(&left);
    return rc;
}

static int build(struct work *w, struct dsi_manifest_file *row, struct ds_error *err)
{
    const struct dsi_change *c = w->in->change;
    struct dsi_manifest_entry *entries = NULL;
    struct dsi_manifest_write spec;
    size_t max = 0;
    size_t count = 0;
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_new_file *f = dsi_arena_array(w->arena, 1, sizeof *f);
    char *path = NULL;
    char name[128];
    int rc = DS_OK;

    for (size_t i = 0; i < w->in->row_count; i++) {
        max += w->contents[i] ? w->contents[i]->entry_count : 0;
    }
    entries = dsi_calloc(max + 1, sizeof *entries);
    if (!entries || !f) {
        rc = no_memory(err);
        goto done;
    }
    DSI_TRY(take_entries(w, entries, &count, err));
    DSI_TRY(dsi_manifest_write_of(w->in->metadata, w->spec_id, w->in->snapshot_id, &spec,
                                  err));
    DSI_TRY(dsi_manifest_build(&spec, entries, count, w->arena, &bytes, row, err));
    snprintf(name, sizeof name, "%s-%s-%u-r0.avro", c->identity, c->nonce,
             (unsigned)w->in->attempt);
    DSI_TRY(dsi_metadata_file_path(w->in->metadata, name, w->arena, &path, err));
    if (dsi_arena_copy(w->arena, dsi_buf_slice(&bytes), &f->bytes) < 0) {
        rc = no_memory(err);
        goto done;
    }
    row->path = f->path = path;
    row->length = (int64_t)bytes.size;
    w->out->files = f;
    w->out->file_count = 1;
done:
    dsi_buf_release(&bytes);
    dsi_free(entries);
    return rc;
}

// New manifests, the one that was made, then what stays of the parent's.
static int put_rows(struct work *w, struct ds_error *err)
{
    struct dsi_rewritten *out = w->out;
    const struct dsi_rewrite_input *in = w->in;
    int rc = DS_OK;

    out->rows = dsi_arena_array(w->arena, in->row_count + 1, sizeof *out->rows);
    if (!out->rows) {
        return no_memory(err);
    }
    for (size_t i = 0; i < in->new_count; i++) {
        out->rows[out->row_count++] = in->rows[i];
    }
    DSI_TRY(build(w, &out->rows[out->row_count], err));
    out->row_count++;
    for (size_t i = in->new_count; i < in->row_count; i++) {
        if (w->contents[i]) {
            out->replaced++;
        } else {
            out->rows[out->row_count++] = in->rows[i];
        }
    }
done:
    return rc;
}

int dsi_rebase_rewrite(const struct dsi_rewrite_input *in, struct dsi_arena *arena,
                       struct dsi_rewritten *out, struct ds_error *err)
{
    struct work w = {.in = in, .arena = arena, .out = out};
    int rc = DS_OK;

    *out = (struct dsi_rewritten){0};
    assert(in->operation->kind == DSI_OPERATION_REWRITE);
    DSI_TRY(refuse_deletes(&w, err));
    DSI_TRY(index_files(&w, err));
    DSI_TRY(find_hosts(&w, err));
    if (out->needs_count == 0) {
        DSI_TRY(put_rows(&w, err));
    }
done:
    dsi_map_release(&w.wanted);
    dsi_map_release(&w.hosts);
    return rc;
}
