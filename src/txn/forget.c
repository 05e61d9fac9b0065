#include "txn/forget.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "txn/expire.h"
#include "txn/ledger.h"

// Where forgetting is part of a rebase.
struct work {
    const struct dsi_state *base;
    const struct dsi_change *whole;
    const struct dsi_rebase_input *input;
    const struct dsi_metadata *metadata; // As it is by now.
    struct dsi_metadata_edit *edit;
    struct dsi_rebased *out;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "forgetting snapshots");
}

static int add_file(struct dsi_rebased *out, const char *path,
                    const struct dsi_buf *bytes, struct ds_error *err)
{
    struct dsi_new_file *files =
        dsi_arena_array(&out->arena, out->file_count + 1, sizeof *files);
    struct dsi_new_file f = {path, {NULL, 0}};

    if (!files || dsi_arena_copy(&out->arena, dsi_buf_slice(bytes), &f.bytes) < 0) {
        return no_memory(err);
    }
    if (out->file_count > 0) {
        memcpy(files, out->files, out->file_count * sizeof *files);
    }
    files[out->file_count++] = f;
    out->files = files;
    return DS_OK;
}

// What was read of a ledger file; false: nothing yet.
static bool ledger_bytes(const struct work *w, const char *path, struct ds_slice *out)
{
    for (size_t i = 0; i < w->input->ledger_count; i++) {
        if (strcmp(w->input->ledger[i].path, path) == 0) {
            *out = w->input->ledger[i].bytes;
            return true;
        }
    }
    return false;
}

// The content of the `count` newest ledger files, oldest first; or a request for it.
static int ask_for_ledger(struct work *w, const struct dsi_ledger *ledger, size_t count,
                          struct ds_slice *old, struct ds_error *err)
{
    struct dsi_rebased *out = w->out;
    int rc = DS_OK;

    out->needs_ledger = dsi_arena_array(&out->arena, count, sizeof *out->needs_ledger);
    if (!out->needs_ledger) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        char *path = NULL;
        DSI_TRY(dsi_ledger_path(w->metadata, ledger->files[count - 1 - i].name,
                                &out->arena, &path, err));
        if (!ledger_bytes(w, path, &old[i])) {
            out->needs_ledger[out->needs_ledger_count++] = path;
            out->outcome = DSI_REBASE_NEEDS;
        }
    }
done:
    return rc;
}

// Puts the file into the ledger, and what it replaces among what is dropped.
static int name_ledger(struct work *w, struct dsi_ledger *ledger, size_t merged,
                       const struct dsi_ledger_file *added, struct ds_error *err)
{
    struct dsi_rebased *out = w->out;
    struct dsi_ledger_file gone[DSI_LEDGER_FILES_MAX];
    struct dsi_buf text = DSI_BUF_INIT;
    size_t count = 0;
    int rc = DS_OK;

    dsi_ledger_replace(ledger, merged, added, gone, &count);
    out->dropped_ledger = dsi_arena_array(&out->arena, count, sizeof(char *));
    if (!out->dropped_ledger) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        char *path = NULL;
        DSI_TRY(dsi_ledger_path(w->metadata, gone[i].name, &out->arena, &path, err));
        out->dropped_ledger[out->dropped_ledger_count++] = path;
    }
    DSI_TRY(dsi_ledger_format(ledger, &text, err));
    DSI_TRY(dsi_metadata_edit_set_property(w->edit, DSI_KEY_LEDGER,
                                           (const char *)text.data, err));
done:
    dsi_buf_release(&text);
    return rc;
}

// Writes whose the snapshots were that are forgotten (ledger.h).
static int keep_in_ledger(struct work *w, struct ds_error *err)
{
    struct dsi_rebased *out = w->out;
    struct ds_slice old[DSI_LEDGER_FILES_MAX] = {{NULL, 0}};
    struct dsi_ledger ledger;
    struct dsi_ledger_file added = {{0}, 0};
    struct dsi_buf bytes = DSI_BUF_INIT;
    char *path = NULL;
    int rc = DS_OK;

    dsi_ledger_of(w->metadata, &ledger);
    size_t merged = dsi_ledger_to_merge(&ledger, out->expired, out->expired_count);
    DSI_TRY(ask_for_ledger(w, &ledger, merged, old, err));
    if (out->outcome == DSI_REBASE_NEEDS) {
        goto done;
    }
    DSI_TRY(dsi_ledger_build(w->base->metadata, old, merged, out->expired,
                             out->expired_count, &bytes, err));
    if (bytes.size > (size_t)DSI_LEDGER_FILE_MAX) {
        goto done; // Then these are forgotten for good.
    }
    added.size = (int64_t)bytes.size;
    snprintf(added.name, sizeof added.name, "%lld-%s-%u",
             (long long)w->metadata->last_sequence_number, w->whole->nonce,
             w->input->attempt);
    DSI_TRY(dsi_ledger_path(w->metadata, added.name, &out->arena, &path, err));
    DSI_TRY(add_file(out, path, &bytes, err));
    out->ledger = path;
    DSI_TRY(name_ledger(w, &ledger, merged, &added, err));
done:
    dsi_buf_release(&bytes);
    return rc;
}

// Leaves out what this version itself makes: of a group each member finds its own.
static size_t drop_own(const struct work *w, int64_t *ids, size_t count)
{
    int64_t last = w->base->metadata->last_sequence_number;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        const struct dsi_snapshot *s = dsi_metadata_snapshot(w->metadata, ids[i]);
        if (s && s->sequence_number <= last) {
            ids[kept++] = ids[i];
        }
    }
    return kept;
}

static int note_expired(struct work *w, const int64_t *ids, size_t count,
                        struct ds_error *err)
{
    struct dsi_rebased *out = w->out;

    out->expired = dsi_arena_array(&out->arena, count, sizeof(void *));
    if (!out->expired) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        const struct dsi_snapshot *s = dsi_metadata_snapshot(w->metadata, ids[i]);
        assert(s && s->sequence_number <= w->base->metadata->last_sequence_number);
        out->expired[out->expired_count++] = dsi_snapshot_ref(s);
    }
    return DS_OK;
}

int dsi_forget(const struct dsi_state *base, const struct dsi_change *change,
               const struct dsi_rebase_input *input, int64_t now_ms,
               struct dsi_metadata_edit *edit, struct dsi_rebased *out,
               struct ds_error *err)
{
    struct work w = {base, change, input, dsi_metadata_edit_state(edit), edit, out};
    const struct dsi_operation *asked = dsi_change_expiry(change);
    int64_t *ids = NULL;
    size_t count = 0;
    int rc = DS_OK;

    if (asked) { // What is due besides that goes with a later commit.
        // Of a group's members, too: it comes after what all of them make.
        const struct dsi_retention limits = {asked->older_than_ms, asked->retain_last};
        DSI_TRY(dsi_metadata_expired_before(w.metadata, now_ms, &limits, &out->arena,
                                            &ids, &count, err));
    } else {
        DSI_TRY(dsi_expire_due(w.metadata, now_ms, &out->arena, &ids, &count, err));
    }
    count = drop_own(&w, ids, count);
    if (count == 0) {
        goto done;
    }
    DSI_TRY(note_expired(&w, ids, count, err));
    DSI_TRY(keep_in_ledger(&w, err));
    if (out->outcome == DSI_REBASED) {
        DSI_TRY(dsi_metadata_edit_remove_snapshots(edit, ids, count, err));
    }
done:
    return rc;
}
