#include "txn/rebase.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "txn/conflict.h"
#include "txn/expire.h"
#include "txn/forget.h"
#include "txn/paths.h"
#include "txn/rebase_add.h"
#include "txn/rebase_delete.h"
#include "txn/rebase_merge.h"
#include "txn/rebase_rewrite.h"
#include "txn/summary.h"

// What one rebase works on: the change itself, then one part after the other.
struct work {
    const struct dsi_state *base;
    const struct dsi_metadata *metadata; // With what the parts so far did to it.
    const struct dsi_change *whole;
    const struct dsi_change *change;     // Of that, the change itself or part at hand,
    const struct dsi_prepared *prepared; // its manifests,
    struct dsi_made *made;               // and what it makes.
    const struct dsi_rebase_input *input;
    struct dsi_rebased *out;
    struct dsi_metadata_edit *edit;
    bool *conflicting;                 // As in struct dsi_rebased.
    struct dsi_buf identities;         // Of what makes no snapshot, for the property.
    const struct dsi_snapshot *parent; // NULL: none.
    struct dsi_manifest_file *rows;    // Of the new list: new ones first.
    size_t row_count;
    size_t new_count; // Those: prepared ones, then stored ones.
    size_t created;   // Manifests this attempt makes of stored ones.
    int64_t now_ms;   // Never before the state's own time (3).
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

// The list of a snapshot: made here, known of the state, or read for us. NULL: none.
static const struct dsi_manifests *list_of(const struct work *w, int64_t snapshot_id)
{
    const struct dsi_manifests *have = w->base->manifests;

    for (size_t i = 0; i < w->out->made_count; i++) {
        const struct dsi_made *made = &w->out->made[i];
        if (made->manifests && made->snapshot_id == snapshot_id) {
            return made->manifests;
        }
    }
    for (size_t i = 0; i < w->input->list_count; i++) {
        if (w->input->lists[i]->snapshot_id == snapshot_id) {
            return w->input->lists[i];
        }
    }
    return have && have->snapshot_id == snapshot_id ? have : NULL;
}

static size_t stored_count(const struct dsi_change *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->operation_count; i++) {
        n += c->operations[i].stored.manifest_count;
    }
    return n;
}

static void add_new_row(struct work *w, const struct dsi_manifest_file *row)
{
    w->rows[w->row_count] = *row;
    w->rows[w->row_count++].added_snapshot_id = w->prepared->snapshot_id;
}

// The rows of the parent's list, or a request for them, behind the new ones.
static int take_rows(struct work *w, struct ds_error *err)
{
    const struct dsi_prepared *p = w->prepared;
    const struct dsi_manifests *have =
        w->parent ? list_of(w, w->parent->snapshot_id) : NULL;
    size_t old = have ? have->list.count : 0;

    if (w->parent && !have) {
        w->out->outcome = DSI_REBASE_NEEDS;
        w->out->needs_list_of = w->parent->snapshot_id;
        return DS_OK;
    }
    w->rows = dsi_arena_array(&w->out->arena, p->count + stored_count(w->change) + old,
                              sizeof *w->rows);
    if (!w->rows) {
        return no_memory(err);
    }
    for (size_t i = 0; i < p->count; i++) {
        add_new_row(w, &p->manifests[i]);
    }
    for (size_t i = 0; i < w->change->operation_count; i++) {
        const struct dsi_stored_files *stored = &w->change->operations[i].stored;
        for (size_t k = 0; k < stored->manifest_count; k++) {
            add_new_row(w, &stored->manifests[k]);
        }
    }
    w->new_count = w->row_count;
    for (size_t i = 0; i < old; i++) {
        const struct dsi_manifest_file *row = &have->list.files[i];
        // One that only tells of removed files is kept by the snapshot that wrote it.
        if (row->added_files_count != 0 || row->existing_files_count != 0) {
            w->rows[w->row_count++] = *row;
        }
    }
    return DS_OK;
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
    return dsi_manifests_new(w->prepared->snapshot_id, &list, &w->made->manifests, err);
}

static int build_list(struct work *w, int64_t sequence_number, struct ds_error *err)
{
    const struct dsi_change *c = w->change;
    const int64_t id = w->prepared->snapshot_id;
    struct dsi_manifest_list_write spec = {
        w->metadata->format_version, id,
        w->parent ? w->parent->snapshot_id : DSI_SNAPSHOT_NONE, sequence_number};
    struct dsi_buf bytes = DSI_BUF_INIT;
    char *path = NULL;
    char name[160];
    int rc = DS_OK;

    snprintf(name, sizeof name, "snap-%lld-%u-%s-%s.avro", (long long)id,
             w->input->attempt, c->identity, c->nonce);
    DSI_TRY(dsi_metadata_file_path(w->metadata, name, &w->out->arena, &path, err));
    DSI_TRY(dsi_manifest_list_build(&spec, w->rows, w->row_count, &bytes, err));
    DSI_TRY(add_file(w, path, &bytes, err));
    w->made->manifest_list = path;
    DSI_TRY(keep_rows(w, sequence_number, err));
done:
    dsi_buf_release(&bytes);
    return rc;
}

static int move_branch(struct work *w, int64_t snapshot_id, struct ds_error *err)
{
    const struct dsi_metadata *m = dsi_metadata_edit_state(w->edit);
    const struct dsi_ref *old = dsi_metadata_find_ref(m, w->change->branch);
    struct dsi_ref ref = {.name = w->change->branch,
                          .kind = DSI_REF_BRANCH,
                          .snapshot_id = snapshot_id,
                          .max_ref_age_ms = -1,
                          .max_snapshot_age_ms = -1,
                          .min_snapshots_to_keep = -1};

    if (old) {
        ref = *old;
        ref.snapshot_id = snapshot_id;
    }
    return dsi_metadata_edit_set_ref(w->edit, &ref, err);
}

// Whoever looks for a change that makes snapshots looks at snapshots. So when it has
// files in its parts only, the first of those names it.
static const char *whole_to_name(const struct work *w)
{
    if (dsi_change_has_files(w->whole)) {
        return NULL; // It is named by its own.
    }
    for (size_t i = 0; i < w->out->made_count; i++) {
        if (&w->out->made[i] != w->made &&
            w->out->made[i].snapshot_id != DSI_SNAPSHOT_NONE) {
            return NULL;
        }
    }
    return w->whole->identity;
}

static int build_snapshot(struct work *w, size_t replaced, struct ds_error *err)
{
    const struct dsi_metadata *m = w->metadata;
    const struct dsi_prepared *p = w->prepared;
    const struct dsi_snapshot *snapshot = NULL;
    struct ds_properties summary = {0};
    int rc = DS_OK;

    struct dsi_summary_input about = {
        .metadata = m,
        .parent = w->parent,
        .change = w->change,
        .also = whole_to_name(w),
        .manifests_created = w->new_count + w->created,
        .manifests_replaced = replaced,
    };
    struct dsi_snapshot_new spec = {
        .snapshot_id = p->snapshot_id,
        .parent_id = w->parent ? w->parent->snapshot_id : DSI_SNAPSHOT_NONE,
        .sequence_number = m->last_sequence_number + 1,
        .timestamp_ms = w->now_ms,
        .manifest_list = w->made->manifest_list,
        .schema_id = m->current_schema_id,
        .first_row_id = -1,
        .added_rows = -1,
    };
    for (size_t i = 0; i < w->row_count; i++) {
        about.manifests_kept += w->rows[i].added_snapshot_id != p->snapshot_id;
    }
    DSI_TRY(dsi_summary_append(&about, &w->out->arena, &summary, err));
    spec.summary = summary.items;
    spec.summary_count = summary.count;
    DSI_TRY(dsi_snapshot_new(&spec, &snapshot, err));
    DSI_TRY(dsi_metadata_edit_add_snapshot(w->edit, snapshot, err));
    DSI_TRY(move_branch(w, p->snapshot_id, err));
    w->made->snapshot_id = p->snapshot_id;
    w->made->sequence_number = spec.sequence_number;
done:
    dsi_snapshot_unref(snapshot);
    return rc;
}

// Room for a list and so many manifests, behind the files that are there.
static int make_room(struct work *w, size_t manifests, struct ds_error *err)
{
    struct dsi_rebased *out = w->out;
    size_t room = out->file_count + manifests + 1;
    struct dsi_new_file *files = dsi_arena_array(&out->arena, room, sizeof *files);

    if (!files) {
        return no_memory(err);
    }
    if (out->file_count > 0) {
        memcpy(files, out->files, out->file_count * sizeof *files);
    }
    out->files = files;
    return DS_OK;
}

// What a snapshot of this very version brought is not stored yet, so nothing of it can be
// read: such manifests wait for the next version to be merged.
static bool may_merge(const struct work *w)
{
    return w->change->append_mode != DS_APPEND_FAST &&
           (!w->parent ||
            w->parent->sequence_number <= w->base->metadata->last_sequence_number);
}

static struct dsi_rewrite_input rewrite_input(const struct work *w,
                                              const struct dsi_operation *o)
{
    return (struct dsi_rewrite_input){.metadata = w->metadata,
                                      .parent = w->parent,
                                      .change = w->change,
                                      .operation = o,
                                      .snapshot_id = w->prepared->snapshot_id,
                                      .attempt = w->input->attempt,
                                      .rows = w->rows,
                                      .row_count = w->row_count,
                                      .new_count = w->new_count,
                                      .loaded = w->input->loaded,
                                      .loaded_count = w->input->loaded_count};
}

static void ask_for(struct work *w, const struct dsi_manifest_file **needs, size_t count)
{
    if (count > 0) {
        w->out->outcome = DSI_REBASE_NEEDS;
        w->out->needs = needs;
        w->out->needs_count = count;
    }
}

// Sees that nobody has added the same files since.
static int check_added(struct work *w, struct ds_error *err)
{
    const struct dsi_operation *o = dsi_change_addition(w->change);
    const struct dsi_manifest_file **needs = NULL;
    struct dsi_rewrite_input in;
    size_t count = 0;
    int rc = DS_OK;

    if (o) {
        in = rewrite_input(w, o);
        DSI_TRY(dsi_rebase_add(&in, &w->out->arena, &needs, &count, err));
        ask_for(w, needs, count);
    }
done:
    return rc;
}

// Takes over the rows of the new list, and the manifests made for it; or what is needed.
static int take_over(struct work *w, const struct dsi_rewritten *made, size_t *replaced,
                     struct ds_error *err)
{
    int rc = DS_OK;

    ask_for(w, made->needs, made->needs_count);
    if (made->needs_count > 0) {
        return DS_OK;
    }
    DSI_TRY(make_room(w, made->file_count, err));
    for (size_t i = 0; i < made->file_count; i++) {
        w->out->files[w->out->file_count++] = made->files[i];
    }
    w->rows = made->rows;
    w->row_count = made->row_count;
    w->created = made->file_count;
    *replaced = made->replaced;
done:
    return rc;
}

// Takes files out of the parent's manifests; the ones that take their place, or come
// beside that, are among the new rows.
static int take_out(struct work *w, const struct dsi_operation *o, size_t *replaced,
                    struct ds_error *err)
{
    struct dsi_rewrite_input in = rewrite_input(w, o);
    struct dsi_rewritten made = {0};
    int rc = DS_OK;

    DSI_TRY(o->kind == DSI_OPERATION_REWRITE
                ? dsi_rebase_rewrite(&in, &w->out->arena, &made, err)
                : dsi_rebase_delete(&in, &w->out->arena, &made, err));
    DSI_TRY(take_over(w, &made, replaced, err));
done:
    return rc;
}

// Merges manifests, when it is time.
static int merge_rows(struct work *w, size_t *replaced, struct ds_error *err)
{
    struct dsi_rewrite_input in = rewrite_input(w, NULL);
    struct dsi_rewritten made = {.rows = w->rows, .row_count = w->row_count};
    int rc = DS_OK;

    if (may_merge(w)) {
        DSI_TRY(dsi_rebase_merge(&in, w->prepared->count, &w->out->arena, &made, err));
    }
    DSI_TRY(take_over(w, &made, replaced, err));
done:
    return rc;
}

// The new snapshot; or nothing yet, and out->outcome says what is needed.
static int append(struct work *w, struct ds_error *err)
{
    const struct dsi_operation *rewrite = dsi_change_rewrite(w->change);
    const struct dsi_operation *out = rewrite ? rewrite : dsi_change_deletion(w->change);
    size_t replaced = 0;
    int rc = DS_OK;

    w->parent = dsi_rebase_parent(w->metadata, w->change->branch);
    DSI_TRY(take_rows(w, err));
    if (w->out->outcome == DSI_REBASED) {
        DSI_TRY(check_added(w, err));
    }
    if (w->out->outcome == DSI_REBASED) {
        DSI_TRY(out && out->replaced_count > 0 ? take_out(w, out, &replaced, err)
                                               : merge_rows(w, &replaced, err));
    }
    if (w->out->outcome == DSI_REBASED) {
        DSI_TRY(build_list(w, w->metadata->last_sequence_number + 1, err));
        DSI_TRY(build_snapshot(w, replaced, err));
    }
done:
    return rc;
}

static int note_identity(struct work *w, const char *identity, struct ds_error *err)
{
    return dsi_buf_printf(&w->identities, err, "%s%s", w->identities.size > 0 ? " " : "",
                          identity);
}

// Where no snapshot tells whose it was, the table's properties do.
static int note_identities(struct work *w, struct ds_error *err)
{
    const struct dsi_change *c = w->change;
    int rc = DS_OK;

    DSI_TRY(note_identity(w, c->identity, err));
    for (size_t i = 0; i < c->member_count; i++) {
        DSI_TRY(note_identity(w, c->members[i], err));
    }
done:
    return rc;
}

static int set_properties(struct work *w, struct ds_error *err)
{
    // So is a group whose parts make no snapshot either.
    bool named = w->change->part_count > 0 && !dsi_change_makes_snapshot(w->change);
    int rc = DS_OK;

    for (size_t i = 0; i < w->change->operation_count; i++) {
        const struct ds_properties *p = &w->change->operations[i].properties;
        for (size_t k = 0; k < p->count; k++) {
            DSI_TRY(dsi_metadata_edit_set_property(w->edit, p->items[k].key,
                                                   p->items[k].value, err));
        }
        named = named || p->count > 0 || w->change->operations[i].schema ||
                w->change->operations[i].kind == DSI_OPERATION_EXPIRE;
    }
    if (named && w->made->snapshot_id == DSI_SNAPSHOT_NONE) {
        DSI_TRY(note_identities(w, err));
    }
done:
    return rc;
}

// Does the work of the change or the part at hand.
static int apply(struct work *w, struct ds_error *err)
{
    const struct dsi_operation *schema = dsi_change_schema(w->change);
    struct dsi_state now = {.metadata = w->metadata, .head = w->base->head};
    int rc = DS_OK;

    w->rows = NULL;
    w->row_count = w->new_count = w->created = 0;
    w->parent = NULL;
    if (dsi_change_held(w->change)) {
        rc = dsi_fail(err, DS_EBUG, "rebasing a change that still holds rows");
        goto done;
    }
    DSI_TRY(dsi_conflict_check(&now, w->change, err));
    if (schema) {
        DSI_TRY(dsi_metadata_edit_set_schema(w->edit, schema->schema,
                                             schema->schema->highest_id, err));
    }
    if (dsi_change_has_files(w->change)) {
        DSI_TRY(append(w, err));
    }
    if (w->out->outcome == DSI_REBASED) {
        DSI_TRY(set_properties(w, err));
    }
done:
    return rc;
}

static int make_places(struct work *w, struct ds_error *err)
{
    struct dsi_rebased *out = w->out;
    const size_t count = w->whole->part_count + 1;

    out->made = dsi_arena_array(&out->arena, count, sizeof *out->made);
    w->conflicting = dsi_calloc(count, sizeof *w->conflicting);
    if (!out->made || !w->conflicting) {
        return no_memory(err);
    }
    for (; out->made_count < count; out->made_count++) {
        out->made[out->made_count] = (struct dsi_made){DSI_SNAPSHOT_NONE, -1, NULL, NULL};
    }
    return DS_OK;
}

// Which comes as the i-th (4), counted as in `made`.
static size_t nth(const struct dsi_change *c, size_t i)
{
    return i < c->first_parts ? i + 1 : i == c->first_parts ? 0 : i;
}

// Applies the change itself (0) or a part.
static int apply_at(struct work *w, size_t at, struct ds_error *err)
{
    const struct dsi_prepared *p = w->input->prepared;

    w->change = at == 0 ? w->whole : w->whole->parts[at - 1];
    w->prepared = at == 0 ? p : p && at <= p->part_count ? &p->parts[at - 1] : NULL;
    w->made = &w->out->made[at];
    return apply(w, err);
}

// A part that conflicts is passed over, to see which others do; one that may have changed
// what they see, and the change itself, ends it.
static bool may_go_on(const struct work *w, size_t at, int rc)
{
    return rc == DS_ECONFLICT && at > 0 && !dsi_change_schema(w->change);
}

// All of it, in its order. *at: who was the first to fail.
static int apply_all(struct work *w, size_t *at, struct ds_error *err)
{
    const size_t count = w->whole->part_count + 1;
    int failed = DS_OK;
    int rc = DS_OK;

    *at = 0;
    DSI_TRY(make_places(w, err));
    for (size_t i = 0; i < count && w->out->outcome == DSI_REBASED; i++) {
        size_t now = nth(w->whole, i);
        rc = apply_at(w, now, failed < 0 ? NULL : err);
        if (rc < 0) {
            *at = failed < 0 ? *at : now;
            failed = failed < 0 ? failed : rc;
            w->conflicting[now] = rc == DS_ECONFLICT;
        }
        if (rc < 0 && !may_go_on(w, now, rc)) {
            break;
        }
    }
    rc = failed;
    if (rc == DS_ECONFLICT && w->out->outcome == DSI_REBASE_NEEDS) {
        rc = DS_OK; // Once it has been read, all is seen at once.
    }
    if (rc == DS_OK && w->out->outcome == DSI_REBASED && w->identities.size > 0) {
        DSI_TRY(dsi_buf_append(&w->identities, "", 1, err));
        DSI_TRY(dsi_metadata_edit_set_property(w->edit, DSI_KEY_COMMIT_ID,
                                               (const char *)w->identities.data, err));
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

    dsi_metadata_edit_log_batch(edit,
                                dsi_expire_log_batch(dsi_metadata_edit_state(edit)));
    w->edit = NULL; // It is freed there, whatever happens.
    DSI_TRY(dsi_metadata_edit_finish(edit, w->now_ms, w->base->head.metadata_location, &m,
                                     &dropped, err));
    w->out->metadata = m;
    codec = dsi_metadata_property(m, "write.metadata.compression-codec");
    w->out->gzip = codec && dsi_text_equal_nocase(codec, "gzip");
    w->out->dropped = dropped.files;
    w->out->dropped_count = dropped.count;
    DSI_TRY(dsi_metadata_write(m, &w->out->json, err));
done:
    return rc;
}

// Of what was made, the fields that speak of the change itself, and the newest list.
static void sum_up(struct dsi_rebased *out)
{
    const struct dsi_made *newest = NULL;

    out->snapshot_id = out->made[0].snapshot_id;
    out->sequence_number = out->made[0].sequence_number;
    out->manifest_list = out->made[0].manifest_list;
    for (size_t i = 0; i < out->made_count; i++) {
        const struct dsi_made *m = &out->made[i];
        if (m->manifests && (!newest || m->sequence_number > newest->sequence_number)) {
            newest = m;
        }
    }
    out->manifests = newest ? dsi_manifests_ref(newest->manifests) : NULL;
}

void dsi_rebased_release(struct dsi_rebased *r)
{
    for (size_t i = 0; i < r->expired_count; i++) {
        dsi_snapshot_unref(r->expired[i]);
    }
    for (size_t i = 0; i < r->made_count; i++) {
        dsi_manifests_unref(r->made[i].manifests);
    }
    dsi_metadata_unref(r->metadata);
    dsi_manifests_unref(r->manifests);
    dsi_free(r->conflicting);
    dsi_arena_release(&r->arena);
    *r = (struct dsi_rebased){0};
}

// A change that does not find anything to forget, and does nothing else, does nothing.
static bool only_expires(const struct dsi_change *c)
{
    return c->part_count == 0 && c->operation_count == 1 && dsi_change_expiry(c);
}

int dsi_rebase(const struct dsi_state *state, const struct dsi_change *change,
               const struct dsi_rebase_input *input, struct dsi_rebased *out,
               struct ds_error *err)
{
    struct work w = {.base = state, .whole = change, .input = input, .out = out};
    int64_t updated = state->metadata->last_updated_ms;
    size_t at = 0;
    int rc = DS_OK;

    *out = (struct dsi_rebased){.needs_list_of = DSI_SNAPSHOT_NONE,
                                .snapshot_id = DSI_SNAPSHOT_NONE,
                                .sequence_number = -1};
    w.now_ms = input->now_ms > updated ? input->now_ms : updated;
    if (!dsi_change_does_something(change)) {
        out->outcome = DSI_REBASE_NOTHING;
        return DS_OK;
    }
    assert(!dsi_change_makes_snapshot(change) ||
           (dsi_prepared_fits(input->prepared, state) &&
            input->prepared->part_count == change->part_count));
    DSI_TRY(dsi_metadata_edit_new(state->metadata, &w.edit, err));
    w.metadata = dsi_metadata_edit_state(w.edit);
    DSI_TRY(apply_all(&w, &at, err));
    if (out->outcome == DSI_REBASED) {
        sum_up(out);
        DSI_TRY(dsi_forget(state, change, input, w.now_ms, w.edit, out, err));
    }
    if (out->outcome == DSI_REBASED && out->expired_count == 0 && only_expires(change)) {
        out->outcome = DSI_REBASE_NOTHING;
    }
    if (out->outcome == DSI_REBASED) {
        DSI_TRY(finish(&w, err));
    }
done:
    dsi_metadata_edit_free(w.edit);
    dsi_buf_release(&w.identities);
    if (rc < 0) {
        dsi_rebased_release(out);
        out->conflicting_part = at;
        out->conflicting = rc == DS_ECONFLICT ? w.conflicting : NULL;
    }
    if (!out->conflicting) {
        dsi_free(w.conflicting);
    }
    return rc;
}
