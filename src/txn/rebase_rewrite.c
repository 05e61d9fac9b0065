#include "txn/rebase_rewrite.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "txn/conflict.h"

struct work {
    const struct dsi_rewrite_input *in;
    struct dsi_arena *arena;
    struct dsi_rewritten *out;
    struct dsi_rebase_files files;
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

// Sees that all manifests are there that the files were seen in.
static int check_hosts(struct work *w, struct ds_error *err)
{
    const struct dsi_operation *o = w->in->operation;
    size_t found = 0;

    if (w->files.wanted.count != o->replaced_count) {
        return dsi_fail(err, DS_EBUG, "a rewrite that replaces a file twice");
    }
    for (size_t i = w->in->new_count; i < w->in->row_count; i++) {
        const struct dsi_manifest_file *f = &w->in->rows[i];
        if (!dsi_map_get_text(&w->files.hosts, f->path)) {
            continue;
        }
        if (found > 0 && f->spec_id != w->spec_id) {
            return dsi_fail(err, DS_EBUG, "a rewrite of files of several specs");
        }
        found++;
        w->spec_id = f->spec_id;
    }
    if (found == w->files.hosts.count) {
        return DS_OK;
    }
    for (size_t i = 0; i < o->replaced_count; i++) {
        const struct dsi_replaced_file *r = &o->replaced[i];
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
        const struct dsi_manifest *m = w->files.contents[i];
        for (size_t k = 0; m && k < m->entry_count; k++) {
            struct dsi_manifest_entry *e = &entries[*count];
            if (!dsi_rebase_files_entry(&w->files, &m->entries[k], e)) {
                continue;
            }
            if (e->status == DSI_ENTRY_DELETED) {
                DSI_TRY(dsi_map_put_text(&left, e->file.path, w, err));
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
    struct dsi_manifest_entry *entries = NULL;
    struct dsi_new_file *f = dsi_arena_array(w->arena, 1, sizeof *f);
    struct dsi_rebase_manifest made = {.spec_id = w->spec_id, .name = "r0"};
    size_t max = 0;
    int rc = DS_OK;

    for (size_t i = 0; i < w->in->row_count; i++) {
        max += w->files.contents[i] ? w->files.contents[i]->entry_count : 0;
    }
    entries = dsi_calloc(max + 1, sizeof *entries);
    if (!entries || !f) {
        rc = no_memory(err);
        goto done;
    }
    made.entries = entries;
    DSI_TRY(take_entries(w, entries, &made.count, err));
    DSI_TRY(dsi_rebase_files_write(&w->files, &made, row, f, err));
    w->out->files = f;
    w->out->file_count = 1;
done:
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
        if (w->files.contents[i]) {
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
    DSI_TRY(dsi_rebase_refuse_deletes(in, -1,
                                      "the table has files that delete rows; merge its "
                                      "small files when those are gone",
                                      err));
    DSI_TRY(dsi_rebase_files_find(&w.files, in, DSI_REBASE_HOSTS, arena, err));
    DSI_TRY(check_hosts(&w, err));
    out->needs = w.files.needs;
    out->needs_count = w.files.needs_count;
    if (out->needs_count == 0) {
        DSI_TRY(put_rows(&w, err));
    }
done:
    dsi_rebase_files_release(&w.files);
    return rc;
}
