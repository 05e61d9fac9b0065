// The half of a rebase that does not depend on the base: a change's own manifests.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "txn/conflict.h"
#include "txn/merge.h"
#include "txn/paths.h"
#include "txn/rebase.h"

// Ids come from the identity, so that a change has the same one over all attempts and
// nothing random is needed; a taken one gives way to the next in its row.
static bool is_free(const struct dsi_metadata *m, const struct dsi_prepared *whole,
                    int64_t id)
{
    bool taken = dsi_metadata_snapshot(m, id) || (whole && whole->snapshot_id == id);

    for (size_t i = 0; whole && i < whole->part_count && !taken; i++) {
        taken = whole->parts[i].snapshot_id == id;
    }
    return !taken;
}

// An id that neither the table has nor `whole` (may be NULL) and its parts so far.
static int64_t draw_id(const struct dsi_metadata *m, const char *identity,
                       const struct dsi_prepared *whole)
{
    char text[DSI_UUID_TEXT_SIZE + 12];

    for (unsigned k = 0;; k++) { // Ends: finitely many ids are taken.
        snprintf(text, sizeof text, "%s/%u", identity, k);
        // FNV mixes its high bits poorly over short texts, so it goes over them twice.
        uint64_t once = dsi_hash(text, strlen(text));
        uint64_t twice = dsi_hash(&once, sizeof once);
        int64_t id = (int64_t)((once ^ (twice << 21) ^ (twice >> 13)) & INT64_MAX);
        if (id > 0 && is_free(m, whole, id)) {
            return id;
        }
    }
}

int64_t dsi_rebase_snapshot_id(const struct dsi_metadata *m, const char *identity)
{
    return draw_id(m, identity, NULL);
}

// What is prepared, and into what.
struct work {
    const struct dsi_metadata *metadata;
    const struct dsi_change *change;
    struct dsi_manifest_entry *entries; // Room for all of its files.
    struct dsi_prepared *out;
};

// Builds one manifest of the first `count` entries.
static int build_manifest(struct work *w, int32_t spec_id, size_t count,
                          struct ds_error *err)
{
    struct dsi_prepared *out = w->out;
    struct dsi_manifest_file *row = &out->manifests[out->count];
    struct dsi_manifest_write spec;
    struct dsi_buf bytes = DSI_BUF_INIT;
    char *path = NULL;
    char name[128];
    int rc = DS_OK;

    DSI_TRY(dsi_manifest_write_of(w->metadata, spec_id, out->snapshot_id, &spec, err));
    DSI_TRY(dsi_manifest_build(&spec, w->entries, count, &out->arena, &bytes, row, err));
    snprintf(name, sizeof name, "%s-%s-m%zu.avro", w->change->identity, w->change->nonce,
             out->count);
    DSI_TRY(dsi_metadata_file_path(w->metadata, name, &out->arena, &path, err));
    row->path = path;
    row->length = (int64_t)bytes.size;
    out->files[out->count].path = path;
    if (dsi_arena_copy(&out->arena, dsi_buf_slice(&bytes),
                       &out->files[out->count].bytes) < 0) {
        rc = dsi_no_memory(err, "building a manifest");
        goto done;
    }
    out->count++;
    out->file_count++;
done:
    dsi_buf_release(&bytes);
    return rc;
}

// Builds manifests for the files of one spec, of all operations.
static int build_spec(struct work *w, int32_t spec_id, struct ds_error *err)
{
    size_t count = 0;
    int rc = DS_OK;

    for (size_t k = 0; k < w->change->operation_count; k++) {
        const struct dsi_operation *o = &w->change->operations[k];
        // ADDED, with snapshot id and sequence numbers inherited; but rows that were
        // there before are as old as they were.
        const int64_t number = o->kind == DSI_OPERATION_REWRITE ? o->sequence_number : -1;
        for (size_t i = 0; i < o->file_count; i++) {
            if (o->files[i].spec_id == spec_id) {
                w->entries[count++] = (struct dsi_manifest_entry){
                    DSI_ENTRY_ADDED, -1, number, -1, o->files[i]};
            }
            if (count == DSI_MANIFEST_FILES_MAX) {
                DSI_TRY(build_manifest(w, spec_id, count, err));
                count = 0;
            }
        }
    }
    if (count > 0) {
        DSI_TRY(build_manifest(w, spec_id, count, err));
    }
done:
    return rc;
}

static int prepare_files(const struct dsi_state *state, const struct dsi_change *change,
                         size_t file_count, struct dsi_prepared *out,
                         struct ds_error *err)
{
    struct work w = {.metadata = state->metadata, .change = change, .out = out};
    size_t specs = w.metadata->spec_count;
    size_t manifests_max = file_count / DSI_MANIFEST_FILES_MAX + specs;
    int rc = DS_OK;

    w.entries = dsi_arena_array(&out->arena, file_count, sizeof *w.entries);
    out->files = dsi_arena_array(&out->arena, manifests_max, sizeof *out->files);
    out->manifests = dsi_arena_array(&out->arena, manifests_max, sizeof *out->manifests);
    if (!w.entries || !out->files || !out->manifests) {
        return dsi_no_memory(err, "building manifests");
    }
    for (size_t i = 0; i < specs; i++) {
        DSI_TRY(build_spec(&w, w.metadata->specs[i].spec_id, err));
    }
done:
    return rc;
}

bool dsi_prepared_fits(const struct dsi_prepared *p, const struct dsi_state *state)
{
    bool fits = p->format_version == state->metadata->format_version &&
                !dsi_metadata_snapshot(state->metadata, p->snapshot_id);

    for (size_t i = 0; i < p->part_count && fits; i++) {
        fits = dsi_prepared_fits(&p->parts[i], state); // Parts have none: one deep.
    }
    return fits;
}

void dsi_prepared_release(struct dsi_prepared *p)
{
    for (size_t i = 0; i < p->part_count; i++) {
        dsi_prepared_release(&p->parts[i]); // Parts have none: one deep.
    }
    dsi_arena_release(&p->arena);
    *p = (struct dsi_prepared){0};
}

// The manifests of one change, its parts aside. `whole` as for draw_id.
static int prepare_one(const struct dsi_state *state, const struct dsi_change *change,
                       const struct dsi_prepared *whole, struct dsi_prepared *out,
                       struct ds_error *err)
{
    size_t file_count = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_conflict_check(state, change, err));
    out->format_version = state->metadata->format_version;
    out->snapshot_id = draw_id(state->metadata, change->identity, whole);
    for (size_t i = 0; i < change->operation_count; i++) {
        file_count += change->operations[i].file_count;
    }
    if (file_count > 0) {
        DSI_TRY(prepare_files(state, change, file_count, out, err));
    }
done:
    return rc;
}

// Puts the files of the parts behind the change's own.
static int gather_files(struct dsi_prepared *out, struct ds_error *err)
{
    size_t count = out->file_count;
    struct dsi_new_file *all = NULL;

    for (size_t i = 0; i < out->part_count; i++) {
        count += out->parts[i].file_count;
    }
    all = dsi_arena_array(&out->arena, count, sizeof *all);
    if (!all) {
        return dsi_no_memory(err, "building manifests");
    }
    if (out->file_count > 0) {
        memcpy(all, out->files, out->file_count * sizeof *all);
    }
    for (size_t i = 0; i < out->part_count; i++) {
        const struct dsi_prepared *part = &out->parts[i];
        for (size_t k = 0; k < part->file_count; k++) {
            all[out->file_count++] = part->files[k];
        }
    }
    out->files = all;
    return DS_OK;
}

int dsi_rebase_prepare(const struct dsi_state *state, const struct dsi_change *change,
                       struct dsi_prepared *out, struct ds_error *err)
{
    size_t at = 0;
    int rc = DS_OK;

    *out = (struct dsi_prepared){0};
    DSI_TRY(prepare_one(state, change, NULL, out, err));
    out->parts = dsi_arena_array(&out->arena, change->part_count, sizeof *out->parts);
    if (!out->parts) {
        rc = dsi_no_memory(err, "building manifests");
        goto done;
    }
    for (at = 1; at <= change->part_count; at++) {
        struct dsi_prepared *part = &out->parts[at - 1];
        rc = prepare_one(state, change->parts[at - 1], out, part, err);
        out->part_count++; // To be released, whatever happened.
        DSI_TRY(rc);
    }
    DSI_TRY(gather_files(out, err));
done:
    if (rc < 0) {
        dsi_prepared_release(out);
        out->conflicting_part = at <= change->part_count ? at : 0;
    }
    return rc;
}
