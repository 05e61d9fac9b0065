#include "txn/rebase_delete.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "txn/conflict.h"

struct work {
    const struct dsi_rewrite_input *in;
    struct dsi_arena *arena;
    struct dsi_rewritten *out;
    struct dsi_rebase_files files;
    struct dsi_map met; // The paths of wanted files that are live.
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "rebasing a deletion");
}

// --- what happened since

// The snapshot before `s`, down to the one the change was planned on; NULL: that is it,
// or the history ends.
static const struct dsi_snapshot *before(const struct work *w,
                                         const struct dsi_snapshot *s)
{
    const struct dsi_snapshot *p = dsi_metadata_snapshot(w->in->metadata, s->parent_id);

    return p && p->snapshot_id != w->in->change->base_snapshot_id ? p : NULL;
}

// The newest snapshot since the change was planned; NULL: there is none.
static const struct dsi_snapshot *newest(const struct work *w)
{
    const struct dsi_snapshot *s = w->in->parent;

    return s && s->snapshot_id != w->in->change->base_snapshot_id ? s : NULL;
}

static bool has_operation(const struct dsi_snapshot *s, const char *name)
{
    const char *operation = dsi_snapshot_summary(s, "operation");
    return operation && strcmp(operation, name) == 0;
}

static bool has_none_of(const struct dsi_snapshot *s, const char *key)
{
    const char *text = dsi_snapshot_summary(s, key);
    return text && strcmp(text, "0") == 0;
}

// Says that a file is gone, and whose snapshot removed it: every one that may have is
// named, the newest first, and it is the winner when it is the only one.
static int gone(const struct work *w, const char *path, struct ds_error *err)
{
    struct dsi_conflict c = {.rule = "file-removed", .object = path};
    char ids[160] = "";
    char advice[280];
    size_t count = 0;

    for (const struct dsi_snapshot *s = newest(w); s; s = before(w, s)) {
        if (has_operation(s, "append") || has_none_of(s, "deleted-data-files")) {
            continue;
        }
        size_t at = strlen(ids);
        snprintf(ids + at, sizeof ids - at, "%s%lld", count > 0 ? ", " : "",
                 (long long)s->snapshot_id);
        c.winner = count == 0 ? s : NULL;
        count++;
    }
    if (count == 0) {
        snprintf(ids, sizeof ids, "an unknown one");
    }
    snprintf(advice, sizeof advice,
             "the file is no longer live, removed by snapshot %s%s; read the table "
             "again and decide anew",
             count > 1 ? "(one of) " : "", ids);
    c.advice = advice;
    return dsi_conflict_fail(&c, err);
}

static bool adds_files(const struct dsi_change *c)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        if (c->operations[i].file_count > 0 ||
            c->operations[i].stored.manifest_count > 0) {
            return true;
        }
    }
    return false;
}

// Of a transaction that also adds files, which is what it read, changed.
static int refuse_changed(const struct work *w, struct ds_error *err)
{
    const struct dsi_change *change = w->in->change;
    struct dsi_conflict c = {
        .rule = "files-added",
        .object = change->branch,
        .advice = "data files were added since the transaction began, and it rewrites "
                  "what it read; begin anew, or ask for snapshot isolation"};
    const struct dsi_snapshot *last = newest(w);

    if (!adds_files(change)) {
        return DS_OK; // It copies nothing of what it read.
    }
    int rc = dsi_rebase_refuse_deletes(
        w->in, change->base_sequence_number,
        "rows were deleted since the transaction began, which may be among those it "
        "copies; begin anew",
        err);
    if (rc < 0 || change->isolation != DS_ISOLATION_SERIALIZABLE) {
        return rc;
    }
    for (const struct dsi_snapshot *s = last; s; s = before(w, s)) {
        last = s;
        if (!has_operation(s, "replace") && !has_operation(s, "delete") &&
            !has_none_of(s, "added-data-files")) {
            c.winner = s;
            return dsi_conflict_fail(&c, err);
        }
    }
    if (last && last->parent_id != change->base_snapshot_id) {
        c.advice = "the snapshot that the transaction read is no longer in the history, "
                   "so nobody can tell whether data files were added since; begin anew";
        return dsi_conflict_fail(&c, err);
    }
    return DS_OK;
}

// --- finding the files

// Leaves those manifests that have some of the files, and sees that each is there.
static int find_files(struct work *w, struct ds_error *err)
{
    const struct dsi_operation *o = w->in->operation;
    struct dsi_manifest_entry e;
    int rc = DS_OK;

    for (size_t i = 0; i < w->in->row_count; i++) {
        const struct dsi_manifest *m = w->files.contents[i];
        w->files.contents[i] = NULL;
        for (size_t k = 0; m && k < m->entry_count; k++) {
            if (dsi_rebase_files_entry(&w->files, &m->entries[k], &e) &&
                e.status == DSI_ENTRY_DELETED) {
                DSI_TRY(dsi_map_put_text(&w->met, e.file.path, w, err));
                w->files.contents[i] = m;
            }
        }
    }
    for (size_t i = 0; i < o->replaced_count; i++) {
        if (!dsi_map_get_text(&w->met, o->replaced[i].path)) {
            rc = gone(w, o->replaced[i].path, err);
            goto done;
        }
    }
done:
    return rc;
}

// --- writing the manifests

// The manifest in the place of row `at`.
static int build(struct work *w, size_t at, struct dsi_manifest_file *row,
                 struct ds_error *err)
{
    const struct dsi_manifest *m = w->files.contents[at];
    struct dsi_manifest_entry *entries = dsi_calloc(m->entry_count, sizeof *entries);
    char name[24];
    struct dsi_rebase_manifest made = {w->in->rows[at].spec_id, entries, 0, name};
    int rc = DS_OK;

    if (!entries) {
        return no_memory(err);
    }
    for (size_t k = 0; k < m->entry_count; k++) {
        made.count +=
            dsi_rebase_files_entry(&w->files, &m->entries[k], &entries[made.count]);
    }
    snprintf(name, sizeof name, "d%zu", w->out->file_count);
    DSI_TRY(dsi_rebase_files_write(&w->files, &made, row,
                                   &w->out->files[w->out->file_count], err));
    w->out->file_count++;
done:
    dsi_free(entries);
    return rc;
}

// New manifests, then the parent's, some of them written anew.
static int put_rows(struct work *w, struct ds_error *err)
{
    struct dsi_rewritten *out = w->out;
    const struct dsi_rewrite_input *in = w->in;
    int rc = DS_OK;

    out->rows = dsi_arena_array(w->arena, in->row_count, sizeof *out->rows);
    out->files = dsi_arena_array(w->arena, in->row_count, sizeof *out->files);
    if (!out->rows || !out->files) {
        return no_memory(err);
    }
    for (size_t i = 0; i < in->row_count; i++) {
        struct dsi_manifest_file *row = &out->rows[out->row_count++];
        if (w->files.contents[i]) {
            DSI_TRY(build(w, i, row, err));
            out->replaced++;
        } else {
            *row = in->rows[i];
        }
    }
done:
    return rc;
}

int dsi_rebase_delete(const struct dsi_rewrite_input *in, struct dsi_arena *arena,
                      struct dsi_rewritten *out, struct ds_error *err)
{
    struct work w = {.in = in, .arena = arena, .out = out};
    int rc = DS_OK;

    *out = (struct dsi_rewritten){0};
    assert(in->operation->kind == DSI_OPERATION_DELETE);
    DSI_TRY(refuse_changed(&w, err));
    DSI_TRY(dsi_rebase_files_find(&w.files, in, DSI_REBASE_HOSTS_OR_SINCE, arena, err));
    out->needs = w.files.needs;
    out->needs_count = w.files.needs_count;
    if (out->needs_count == 0) {
        DSI_TRY(find_files(&w, err));
        DSI_TRY(put_rows(&w, err));
    }
done:
    dsi_rebase_files_release(&w.files);
    dsi_map_release(&w.met);
    return rc;
}
