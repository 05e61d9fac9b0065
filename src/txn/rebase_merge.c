#include "txn/rebase_merge.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "txn/merge.h"

struct work {
    const struct dsi_rewrite_input *in;
    size_t own_count;
    struct dsi_arena *arena;
    struct dsi_rewritten *out;
    struct dsi_merge_plan plan;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "merging manifests");
}

static bool is_new(const struct work *w, size_t row)
{
    return row < w->in->new_count;
}

// Of a new manifest that was prepared the entries are known.
static bool is_own(const struct work *w, size_t row)
{
    return row < w->own_count;
}

static const struct dsi_manifest *loaded(const struct work *w, size_t row)
{
    return dsi_rebase_loaded(w->in->loaded, w->in->loaded_count, w->in->rows[row].path);
}

// Asks for the manifests that shall be merged and were not read yet.
static int ask_for_contents(struct work *w, struct ds_error *err)
{
    struct dsi_rewritten *out = w->out;

    out->needs = dsi_arena_array(w->arena, w->in->row_count, sizeof(void *));
    if (!out->needs) {
        return no_memory(err);
    }
    for (size_t i = 0; i < w->in->row_count; i++) {
        if (w->plan.group[i] > 0 && !is_own(w, i) && !loaded(w, i)) {
            out->needs[out->needs_count++] = &w->in->rows[i];
        }
    }
    return DS_OK;
}

// The entries of one of the change's own manifests, still ADDED with everything
// inherited: the files of its spec, DSI_MANIFEST_FILES_MAX to each manifest, as prepared.
static void add_own(const struct work *w, size_t row, struct dsi_manifest_entry *entries,
                    size_t *count)
{
    const struct dsi_change *c = w->in->change;
    const int32_t spec_id = w->in->rows[row].spec_id;
    size_t first = 0;
    size_t at = 0;

    for (size_t i = 0; i < row; i++) {
        first += w->in->rows[i].spec_id == spec_id ? DSI_MANIFEST_FILES_MAX : 0;
    }
    for (size_t i = 0; i < c->operation_count; i++) {
        const struct dsi_operation *o = &c->operations[i];
        for (size_t k = 0; k < o->file_count; k++) {
            if (o->files[k].spec_id != spec_id) {
                continue;
            }
            if (at >= first && at - first < DSI_MANIFEST_FILES_MAX) {
                entries[(*count)++] =
                    (struct dsi_manifest_entry){DSI_ENTRY_ADDED, -1, -1, -1, o->files[k]};
            }
            at++;
        }
    }
}

// What an older snapshot DELETED is history.
static void add_old(const struct dsi_manifest *m, struct dsi_manifest_entry *entries,
                    size_t *count)
{
    for (size_t i = 0; i < m->entry_count; i++) {
        if (m->entries[i].status != DSI_ENTRY_DELETED) {
            entries[*count] = m->entries[i];
            entries[*count].status = DSI_ENTRY_EXISTING;
            (*count)++;
        }
    }
}

// Of a stored manifest: what it adds is added by this snapshot, wherever it is written.
static int add_stored(const struct dsi_manifest *m, const char *path,
                      struct dsi_manifest_entry *entries, size_t *count,
                      struct ds_error *err)
{
    for (size_t i = 0; i < m->entry_count; i++) {
        const struct dsi_manifest_entry *e = &m->entries[i];
        if (e->status != DSI_ENTRY_ADDED || e->file.content != DSI_CONTENT_DATA) {
            return dsi_corrupt(err,
                               "%.300s: entry %zu adds no data file, and the whole "
                               "manifest was handed over as added ones",
                               path, i);
        }
        entries[(*count)++] =
            (struct dsi_manifest_entry){DSI_ENTRY_ADDED, -1, -1, -1, e->file};
    }
    return DS_OK;
}

static int merged_entries(const struct work *w, size_t group,
                          struct dsi_manifest_entry *entries, size_t *count,
                          struct ds_error *err)
{
    int rc = DS_OK;

    *count = 0;
    for (size_t i = 0; i < w->in->row_count; i++) {
        if (w->plan.group[i] != group) {
            continue;
        }
        if (is_own(w, i)) {
            add_own(w, i, entries, count);
        } else if (is_new(w, i)) {
            DSI_TRY(add_stored(loaded(w, i), w->in->rows[i].path, entries, count, err));
        } else {
            add_old(loaded(w, i), entries, count);
        }
    }
done:
    return rc;
}

static size_t entries_max(const struct work *w)
{
    size_t n = 0;

    if (w->plan.group_count == 0) {
        return 0;
    }
    for (size_t i = 0; i < w->in->change->operation_count; i++) {
        n += w->in->change->operations[i].file_count;
    }
    for (size_t i = 0; i < w->in->loaded_count; i++) {
        n += w->in->loaded[i].manifest->entry_count;
    }
    return n;
}

static int merge_group(struct work *w, size_t group, struct dsi_manifest_entry *entries,
                       struct dsi_manifest_file *row, struct ds_error *err)
{
    const struct dsi_rebase_files files = {.in = w->in, .arena = w->arena};
    char name[32];
    struct dsi_rebase_manifest made = {.entries = entries, .name = name};
    size_t first = 0;
    int rc = DS_OK;

    while (w->plan.group[first] != group) {
        first++;
    }
    made.spec_id = w->in->rows[first].spec_id;
    DSI_TRY(merged_entries(w, group, entries, &made.count, err));
    snprintf(name, sizeof name, "m%zu", w->own_count + group - 1);
    DSI_TRY(dsi_rebase_files_write(&files, &made, row, &w->out->files[w->out->file_count],
                                   err));
    w->out->file_count++;
done:
    return rc;
}

// Puts each merged manifest where the newest of its parts was, and drops the others.
static int merge(struct work *w, struct ds_error *err)
{
    const struct dsi_rewrite_input *in = w->in;
    struct dsi_rewritten *out = w->out;
    struct dsi_manifest_entry *entries = dsi_calloc(entries_max(w) + 1, sizeof *entries);
    bool *made = dsi_arena_array(w->arena, w->plan.group_count + 1, sizeof *made);
    int rc = DS_OK;

    out->rows = dsi_arena_array(w->arena, in->row_count, sizeof *out->rows);
    out->files = dsi_arena_array(w->arena, w->plan.group_count + 1, sizeof *out->files);
    if (!entries || !made || !out->rows || !out->files) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < in->row_count; i++) {
        size_t group = w->plan.group[i];
        out->replaced += group > 0 && !is_new(w, i);
        if (group == 0) {
            out->rows[out->row_count++] = in->rows[i];
        } else if (!made[group]) {
            made[group] = true;
            DSI_TRY(merge_group(w, group, entries, &out->rows[out->row_count], err));
            out->row_count++;
        }
    }
done:
    dsi_free(entries);
    return rc;
}

int dsi_rebase_merge(const struct dsi_rewrite_input *in, size_t own_count,
                     struct dsi_arena *arena, struct dsi_rewritten *out,
                     struct ds_error *err)
{
    struct work w = {.in = in, .own_count = own_count, .arena = arena, .out = out};
    struct dsi_merge_policy policy = {0};
    int rc = DS_OK;

    *out = (struct dsi_rewritten){0};
    DSI_TRY(dsi_merge_policy_of(in->metadata, &policy, err));
    DSI_TRY(dsi_merge_plan(&policy, in->rows, in->row_count, arena, &w.plan, err));
    DSI_TRY(ask_for_contents(&w, err));
    if (out->needs_count == 0) {
        DSI_TRY(merge(&w, err));
    }
done:
    return rc;
}
