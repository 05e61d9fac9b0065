#include "txn/rebase.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "txn/conflict.h"
#include "txn/merge.h"
#include "txn/paths.h"
#include "txn/summary.h"

// Forgetting more snapshots than this is left to the commits that follow.
enum { EXPIRED_PER_COMMIT_MAX = 64 };

// What one rebase works on.
struct work {
    const struct dsi_state *state;
    const struct dsi_change *change;
    const struct dsi_rebase_input *input;
    struct dsi_rebased *out;
    struct dsi_metadata_edit *edit;
    const struct dsi_snapshot *parent; // NULL: none.
    struct dsi_manifest_file *rows;    // Of the new list: new ones first.
    size_t row_count;
    struct dsi_merge_plan plan;
    size_t created; // Manifests this attempt makes by merging.
    int64_t now_ms; // Never before the state's own time (3).
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "rebasing a change");
}

const struct dsi_snapshot *dsi_rebase_parent(const struct dsi_metadata *m,
                                             const char *branch)
{
    const struct dsi_ref *ref = dsi_metadata_find_ref(m, branch);

    return ref ? dsi_metadata_snapshot(m, ref->snapshot_id)
               : dsi_metadata_current_snapshot(m);
}

// The rows of the parent's list, or a request for them.
static int take_rows(struct work *w, struct ds_error *err)
{
    const struct dsi_prepared *p = w->input->prepared;
    const struct dsi_manifests *have = w->state->manifests;
    size_t old = 0;

    if (w->parent && (!have || have->snapshot_id != w->parent->snapshot_id)) {
        w->out->outcome = DSI_REBASE_NEEDS;
        w->out->needs_list_of = w->parent->snapshot_id;
        return DS_OK;
    }
    old = w->parent ? have->list.count : 0;
    w->rows = dsi_arena_array(&w->out->arena, p->count + old, sizeof *w->rows);
    if (!w->rows) {
        return no_memory(err);
    }
    for (size_t i = 0; i < p->count; i++) {
        w->rows[i] = p->manifests[i];
        w->rows[i].added_snapshot_id = p->snapshot_id;
    }
    w->row_count = p->count;
    for (size_t i = 0; i < old; i++) {
        const struct dsi_manifest_file *row = &have->list.files[i];
        // One that only tells of removed files is kept by the snapshot that wrote it.
        if (row->added_files_count != 0 || row->existing_files_count != 0) {
            w->rows[w->row_count++] = *row;
        }
    }
    return DS_OK;
}

static bool is_new(const struct work *w, size_t row)
{
    return row < w->input->prepared->count;
}

static const struct dsi_manifest *loaded(const struct work *w, const char *path)
{
    for (size_t i = 0; i < w->input->loaded_count; i++) {
        if (strcmp(w->input->loaded[i].path, path) == 0) {
            return w->input->loaded[i].manifest;
        }
    }
    return NULL;
}

// Asks for the manifests that shall be merged and were not read yet.
static int ask_for_contents(struct work *w, struct ds_error *err)
{
    struct dsi_rebased *out = w->out;

    if (w->plan.group_count == 0) {
        return DS_OK;
    }
    out->needs = dsi_arena_array(&out->arena, w->row_count, sizeof(void *));
    if (!out->needs) {
        return no_memory(err);
    }
    for (size_t i = 0; i < w->row_count; i++) {
        if (w->plan.group[i] > 0 && !is_new(w, i) && !loaded(w, w->rows[i].path)) {
            out->needs[out->needs_count++] = &w->rows[i];
        }
    }
    if (out->needs_count > 0) {
        out->outcome = DSI_REBASE_NEEDS;
    }
    return DS_OK;
}

// The entries of one of the change's own manifests, still ADDED with everything
// inherited: the files of its spec, DSI_MANIFEST_FILES_MAX to each manifest, as prepared.
static void add_own(const struct work *w, size_t row, struct dsi_manifest_entry *entries,
                    size_t *count)
{
    const int32_t spec_id = w->rows[row].spec_id;
    size_t first = 0;
    size_t at = 0;

    for (size_t i = 0; i < row; i++) {
        first += w->rows[i].spec_id == spec_id ? DSI_MANIFEST_FILES_MAX : 0;
    }
    for (size_t i = 0; i < w->change->operation_count; i++) {
        const struct dsi_operation *o = &w->change->operations[i];
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

// Entries of older snapshots live on as EXISTING with explicit numbers; what they DELETED
// is history (specification, "Manifest Entry Fields").
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

static size_t merged_entries(const struct work *w, size_t group,
                             struct dsi_manifest_entry *entries)
{
    size_t count = 0;

    for (size_t i = 0; i < w->row_count; i++) {
        if (w->plan.group[i] == group && is_new(w, i)) {
            add_own(w, i, entries, &count);
        } else if (w->plan.group[i] == group) {
            add_old(loaded(w, w->rows[i].path), entries, &count);
        }
    }
    return count;
}

static size_t entries_max(const struct work *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->change->operation_count; i++) {
        n += w->change->operations[i].file_count;
    }
    for (size_t i = 0; i < w->input->loaded_count; i++) {
        n += w->input->loaded[i].manifest->entry_count;
    }
    return n;
}

static int add_file(struct work *w, const char *path, struct dsi_buf *bytes,
                    struct ds_error *err)
{
    struct dsi_new_file *f = &w->out->files[w->out->file_count];

    f->path = path;
    if (dsi_arena_copy(&w->out->arena, dsi_buf_slice(bytes), &f->bytes) < 0) {
        return no_memory(err);
    }
    w->out->file_count++;
    return DS_OK;
}

static int merge_group(struct work *w, size_t group, struct dsi_manifest_entry *entries,
                       struct dsi_manifest_file *row, struct ds_error *err)
{
    const struct dsi_change *c = w->change;
    struct dsi_manifest_write spec;
    struct dsi_buf bytes = DSI_BUF_INIT;
    char *path = NULL;
    size_t first = 0;
    char name[128];
    int rc = DS_OK;

    while (w->plan.group[first] != group) {
        first++;
    }
    size_t count = merged_entries(w, group, entries);
    DSI_TRY(dsi_manifest_write_of(w->state->metadata, w->rows[first].spec_id,
                                  w->input->prepared->snapshot_id, &spec, err));
    DSI_TRY(dsi_manifest_build(&spec, entries, count, &w->out->arena, &bytes, row, err));
    snprintf(name, sizeof name, "%s-%s-%u-m%zu.avro", c->identity, c->nonce,
             w->input->attempt, w->input->prepared->count + group - 1);
    DSI_TRY(dsi_metadata_file_path(w->state->metadata, name, &w->out->arena, &path, err));
    row->path = path;
    row->length = (int64_t)bytes.size;
    DSI_TRY(add_file(w, path, &bytes, err));
done:
    dsi_buf_release(&bytes);
    return rc;
}

// Puts each merged manifest where the newest of its parts was, and drops the others.
static int merge(struct work *w, struct ds_error *err)
{
    struct dsi_arena *arena = &w->out->arena;
    struct dsi_manifest_file *rows = NULL;
    struct dsi_manifest_entry *entries = NULL;
    bool *made = NULL;
    size_t count = 0;
    int rc = DS_OK;

    if (w->plan.group_count == 0) {
        return DS_OK;
    }
    rows = dsi_arena_array(arena, w->row_count, sizeof *rows);
    made = dsi_arena_array(arena, w->plan.group_count + 1, sizeof *made);
    entries = dsi_calloc(entries_max(w) + 1, sizeof *entries);
    if (!rows || !made || !entries) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < w->row_count; i++) {
        size_t group = w->plan.group[i];
        if (group == 0) {
            rows[count++] = w->rows[i];
        } else if (!made[group]) {
            made[group] = true;
            DSI_TRY(merge_group(w, group, entries, &rows[count], err));
            count++;
            w->created++;
        }
    }
    w->rows = rows;
    w->row_count = count;
done:
    dsi_free(entries);
    return rc;
}

static int copy_slice(struct dsi_arena *arena, struct ds_slice *s)
{
    return s->data ? dsi_arena_copy(arena, *s, s) : 0;
}

// The rows as the state after this one has them: as if read back from the list's file.
static int keep_rows(struct work *w, int64_t sequence_number, struct ds_error *err)
{
    struct dsi_manifest_list list = {0};
    size_t n = w->row_count;

    list.files = dsi_arena_array(&list.arena, n, sizeof *list.files);
    bool ok = list.files != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        struct dsi_manifest_file *f = &list.files[i];
        *f = w->rows[i];
        f->sequence_number =
            f->sequence_number < 0 ? sequence_number : f->sequence_number;
        f->min_sequence_number =
            f->min_sequence_number < 0 ? sequence_number : f->min_sequence_number;
        struct dsi_field_summary *s =
            dsi_arena_array(&list.arena, f->partition_count, sizeof *s);
        f->path = dsi_arena_strdup(&list.arena, f->path);
        ok = f->path && (s || f->partition_count == 0) &&
             copy_slice(&list.arena, &f->key_metadata) == 0;
        for (size_t k = 0; ok && k < f->partition_count; k++) {
            s[k] = f->partitions[k];
            ok = copy_slice(&list.arena, &s[k].lower) == 0 &&
                 copy_slice(&list.arena, &s[k].upper) == 0;
        }
        f->partitions = s;
    }
    if (!ok) {
        dsi_manifest_list_release(&list);
        return no_memory(err);
    }
    list.count = n;
    return dsi_manifests_new(w->input->prepared->snapshot_id, &list, &w->out->manifests,
                             err);
}

static int build_list(struct work *w, int64_t sequence_number, struct ds_error *err)
{
    const struct dsi_change *c = w->change;
    const int64_t id = w->input->prepared->snapshot_id;
    struct dsi_manifest_list_write spec = {
        w->state->metadata->format_version, id,
        w->parent ? w->parent->snapshot_id : DSI_SNAPSHOT_NONE, sequence_number};
    struct dsi_buf bytes = DSI_BUF_INIT;
    char *path = NULL;
    char name[160];
    int rc = DS_OK;

    snprintf(name, sizeof name, "snap-%lld-%u-%s-%s.avro", (long long)id,
             w->input->attempt, c->identity, c->nonce);
    DSI_TRY(dsi_metadata_file_path(w->state->metadata, name, &w->out->arena, &path, err));
    DSI_TRY(dsi_manifest_list_build(&spec, w->rows, w->row_count, &bytes, err));
    DSI_TRY(add_file(w, path, &bytes, err));
    w->out->manifest_list = path;
    DSI_TRY(keep_rows(w, sequence_number, err));
done:
    dsi_buf_release(&bytes);
    return rc;
}

static int move_branch(struct work *w, int64_t snapshot_id, struct ds_error *err)
{
    const struct dsi_metadata *m = dsi_metadata_edit_state(w->edit);
    const struct dsi_ref *old = dsi_metadata_find_ref(m, w->change->branch);
    struct dsi_ref ref = {w->change->branch, DSI_REF_BRANCH, snapshot_id, -1, -1, -1};

    if (old) {
        ref = *old;
        ref.snapshot_id = snapshot_id;
    }
    return dsi_metadata_edit_set_ref(w->edit, &ref, err);
}

static int build_snapshot(struct work *w, size_t replaced, struct ds_error *err)
{
    const struct dsi_metadata *m = w->state->metadata;
    const struct dsi_prepared *p = w->input->prepared;
    const struct dsi_snapshot *snapshot = NULL;
    struct ds_properties summary = {0};
    int rc = DS_OK;

    struct dsi_summary_input about = {
        .metadata = m,
        .parent = w->parent,
        .change = w->change,
        .manifests_created = p->count + w->created,
        .manifests_kept = w->row_count - w->created,
        .manifests_replaced = replaced,
    };
    struct dsi_snapshot_new spec = {
        .snapshot_id = p->snapshot_id,
        .parent_id = w->parent ? w->parent->snapshot_id : DSI_SNAPSHOT_NONE,
        .sequence_number = m->last_sequence_number + 1,
        .timestamp_ms = w->now_ms,
        .manifest_list = w->out->manifest_list,
        .schema_id = m->current_schema_id,
        .first_row_id = -1,
        .added_rows = -1,
    };
    for (size_t i = 0; i < w->row_count; i++) { // New ones that were not merged away.
        for (size_t k = 0; k < p->count; k++) {
            about.manifests_kept -= strcmp(w->rows[i].path, p->manifests[k].path) == 0;
        }
    }
    DSI_TRY(dsi_summary_append(&about, &w->out->arena, &summary, err));
    spec.summary = summary.items;
    spec.summary_count = summary.count;
    DSI_TRY(dsi_snapshot_new(&spec, &snapshot, err));
    DSI_TRY(dsi_metadata_edit_add_snapshot(w->edit, snapshot, err));
    DSI_TRY(move_branch(w, p->snapshot_id, err));
    w->out->snapshot_id = p->snapshot_id;
    w->out->sequence_number = spec.sequence_number;
done:
    dsi_snapshot_unref(snapshot);
    return rc;
}

// The new snapshot; or nothing yet, and out->outcome says what is needed.
static int append(struct work *w, struct ds_error *err)
{
    struct dsi_merge_policy policy = {0};
    size_t replaced = 0;
    int rc = DS_OK;

    w->parent = dsi_rebase_parent(w->state->metadata, w->change->branch);
    DSI_TRY(take_rows(w, err));
    if (w->out->outcome == DSI_REBASE_NEEDS) {
        goto done;
    }
    DSI_TRY(dsi_merge_policy_of(w->state->metadata, &policy, err));
    policy.enabled = policy.enabled && w->change->append_mode != DS_APPEND_FAST;
    DSI_TRY(
        dsi_merge_plan(&policy, w->rows, w->row_count, &w->out->arena, &w->plan, err));
    DSI_TRY(ask_for_contents(w, err));
    if (w->out->outcome == DSI_REBASE_NEEDS) {
        goto done;
    }
    for (size_t i = 0; i < w->row_count; i++) {
        replaced += w->plan.group[i] > 0 && !is_new(w, i);
    }
    w->out->files =
        dsi_arena_array(&w->out->arena, w->plan.group_count + 1, sizeof *w->out->files);
    if (!w->out->files) {
        rc = no_memory(err);
        goto done;
    }
    DSI_TRY(merge(w, err));
    DSI_TRY(build_list(w, w->state->metadata->last_sequence_number + 1, err));
    DSI_TRY(build_snapshot(w, replaced, err));
done:
    return rc;
}

static int set_properties(struct work *w, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < w->change->operation_count; i++) {
        const struct ds_properties *p = &w->change->operations[i].properties;
        for (size_t k = 0; k < p->count; k++) {
            DSI_TRY(dsi_metadata_edit_set_property(w->edit, p->items[k].key,
                                                   p->items[k].value, err));
        }
        if (p->count > 0 && w->out->snapshot_id == DSI_SNAPSHOT_NONE) {
            DSI_TRY(dsi_metadata_edit_set_property(w->edit, DSI_KEY_COMMIT_ID,
                                                   w->change->identity, err));
        }
    }
done:
    return rc;
}

// Forgets the snapshots that retention no longer keeps, a bounded number at a time.
static int expire(struct work *w, struct ds_error *err)
{
    const struct dsi_metadata *m = dsi_metadata_edit_state(w->edit);
    bool wanted = false;
    bool allowed = false;
    int64_t *ids = NULL;
    size_t count = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_metadata_property_bool(m, DSI_KEY_EXPIRE_ON_COMMIT, false, &wanted, err));
    DSI_TRY(dsi_metadata_property_bool(m, "gc.enabled", true, &allowed, err));
    if (!wanted || !allowed) {
        goto done;
    }
    DSI_TRY(dsi_metadata_expired(m, w->now_ms, &w->out->arena, &ids, &count, err));
    count = count < EXPIRED_PER_COMMIT_MAX ? count : EXPIRED_PER_COMMIT_MAX;
    w->out->expired = dsi_arena_array(&w->out->arena, count, sizeof(void *));
    if (count > 0 && !w->out->expired) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        const struct dsi_snapshot *s = dsi_metadata_snapshot(m, ids[i]);
        assert(s);
        w->out->expired[w->out->expired_count++] = dsi_snapshot_ref(s);
    }
    if (count > 0) {
        DSI_TRY(dsi_metadata_edit_remove_snapshots(w->edit, ids, count, err));
    }
done:
    return rc;
}

static int finish(struct work *w, struct ds_error *err)
{
    struct dsi_metadata_edit *edit = w->edit;
    struct dsi_metadata_dropped dropped = {0};
    struct dsi_metadata *m = NULL;
    const char *codec = NULL;
    int rc = DS_OK;

    w->edit = NULL; // It is freed there, whatever happens.
    DSI_TRY(dsi_metadata_edit_finish(edit, w->now_ms, w->state->head.metadata_location,
                                     &m, &dropped, err));
    w->out->metadata = m;
    codec = dsi_metadata_property(m, "write.metadata.compression-codec");
    w->out->gzip = codec && dsi_text_equal_nocase(codec, "gzip");
    w->out->dropped = dropped.files;
    w->out->dropped_count = dropped.count;
    DSI_TRY(dsi_metadata_to_json(m, &w->out->json, err));
done:
    return rc;
}

void dsi_rebased_release(struct dsi_rebased *r)
{
    for (size_t i = 0; i < r->expired_count; i++) {
        dsi_snapshot_unref(r->expired[i]);
    }
    dsi_metadata_unref(r->metadata);
    dsi_manifests_unref(r->manifests);
    dsi_buf_release(&r->json);
    dsi_arena_release(&r->arena);
    *r = (struct dsi_rebased){0};
}

static bool does_something(const struct dsi_change *c)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        const struct dsi_operation *o = &c->operations[i];
        if (o->file_count > 0 || o->properties.count > 0 ||
            o->kind == DSI_OPERATION_EMPTY) {
            return true;
        }
    }
    return false;
}

int dsi_rebase(const struct dsi_state *state, const struct dsi_change *change,
               const struct dsi_rebase_input *input, struct dsi_rebased *out,
               struct ds_error *err)
{
    struct work w = {.state = state, .change = change, .input = input, .out = out};
    int64_t updated = state->metadata->last_updated_ms;
    int rc = DS_OK;

    *out = (struct dsi_rebased){.needs_list_of = DSI_SNAPSHOT_NONE,
                                .snapshot_id = DSI_SNAPSHOT_NONE,
                                .sequence_number = -1};
    w.now_ms = input->now_ms > updated ? input->now_ms : updated;
    if (!does_something(change)) {
        out->outcome = DSI_REBASE_NOTHING;
        return DS_OK;
    }
    DSI_TRY(dsi_conflict_check(state, change, err));
    DSI_TRY(dsi_metadata_edit_new(state->metadata, &w.edit, err));
    if (dsi_change_makes_snapshot(change)) {
        assert(dsi_prepared_fits(input->prepared, state));
        DSI_TRY(append(&w, err));
    }
    if (out->outcome == DSI_REBASED) {
        DSI_TRY(set_properties(&w, err));
        DSI_TRY(expire(&w, err));
        DSI_TRY(finish(&w, err));
    }
done:
    dsi_metadata_edit_free(w.edit);
    if (rc < 0) {
        dsi_rebased_release(out);
    }
    return rc;
}
