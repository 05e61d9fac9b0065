#include "txn/clean.h"

#include <string.h>

#include "base/error.h"
#include "scan/scan.h"
#include "txn/housekeeper.h"
#include "txn/ledger.h"
#include "txn/retire.h"

static void remove_quietly(const struct dsi_attempts *a, const char *path)
{
    // What cannot be removed is an orphan.
    DSI_IGNORE(dsi_storage_remove(dsi_table_storage(a->table), path, NULL));
}

static void remove_written(const struct dsi_attempts *a)
{
    for (size_t i = 0; i < a->written_count; i++) {
        remove_quietly(a, a->written[i]);
    }
}

void dsi_clean_all(const struct dsi_attempts *a)
{
    remove_written(a);
    dsi_change_discard(a->change, dsi_table_storage(a->table));
}

static bool in_list(const struct dsi_manifests *m, const char *path)
{
    for (size_t i = 0; i < m->list.count; i++) {
        if (strcmp(m->list.files[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

// Of what this run wrote, what the committed snapshot does not name.
static void remove_unused(const struct dsi_attempts *a, const struct dsi_snapshot *s,
                          const struct dsi_manifests *manifests)
{
    for (size_t i = 0; i < a->written_count; i++) {
        if (strcmp(a->written[i], s->manifest_list) != 0 &&
            !in_list(manifests, a->written[i]) &&
            !dsi_ledger_names(a->state->metadata, a->written[i])) {
            remove_quietly(a, a->written[i]);
        }
    }
}

static bool is_prepared(const struct dsi_attempts *a, const char *path)
{
    for (size_t i = 0; i < a->prepared.file_count; i++) {
        if (strcmp(a->prepared.files[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

// Somebody else's snapshot includes ours: what our attempts made on top of our own
// manifests is in no version, the rest may be in that one.
static void remove_attempted(const struct dsi_attempts *a)
{
    for (size_t i = 0; i < a->written_count; i++) {
        if (!is_prepared(a, a->written[i])) {
            remove_quietly(a, a->written[i]);
        }
    }
}

void dsi_clean_after_found(struct dsi_attempts *a)
{
    const struct dsi_state *full = NULL;

    if (!a->snapshot || !a->snapshot->manifest_list || a->change->part_count > 0) {
        return; // Of several snapshots one alone does not say what the others use.
    }
    // What a group may have sent of us had none of our files in it, but for those
    // offered.
    bool over =
        a->swaps == 0 || !a->trail.sent || dsi_state_is_newer(a->state, &a->trail.base);
    if (dsi_attempts_wrote(a, a->snapshot->manifest_list)) {
        if (a->written_count > a->prepared.file_count + 1 &&
            dsi_table_with_manifests(a->table, a->state, a->snapshot->snapshot_id, &full,
                                     NULL) == DS_OK) {
            remove_unused(a, a->snapshot, full->manifests);
        }
    } else if (over && !a->offered) {
        dsi_clean_all(a);
    } else if (over) {
        remove_attempted(a);
    }
    dsi_state_unref(full);
}

// True when the version our swap made names the file.
static bool is_named(const struct dsi_rebased *r, const char *path)
{
    if (dsi_ledger_names(r->metadata, path)) {
        return true;
    }
    for (size_t i = 0; i < r->made_count; i++) {
        const struct dsi_made *made = &r->made[i];
        if (made->manifest_list &&
            (strcmp(made->manifest_list, path) == 0 || in_list(made->manifests, path))) {
            return true;
        }
    }
    return false;
}

// What the version forgot goes; much of it later, unless somebody has asked.
static void sweep(struct dsi_attempts *a)
{
    struct dsi_forgotten *f = &a->forgotten;

    if (!f->judged) {
        dsi_forgotten_find(dsi_table_storage(a->table), dsi_table_known_schemas(a->table),
                           &a->last, NULL, f);
    }
    if (f->data) { // At once: somebody may add one of them again.
        dsi_sweep_run(f->data);
    }
    if (!f->rest) {
        return;
    }
    if (!dsi_change_expiry(a->change) && dsi_sweep_size(f->rest) >= DSI_SWEEP_MANY &&
        dsi_housekeeper_sweep(a->table, f->rest)) {
        f->rest = NULL; // Not ours any more.
    } else {
        dsi_sweep_run(f->rest);
    }
}

void dsi_clean_after_commit(struct dsi_attempts *a)
{
    size_t lists = a->last.ledger ? 1 : 0;

    for (size_t i = 0; i < a->last.made_count; i++) {
        lists += a->last.made[i].manifest_list != NULL;
    }
    for (size_t i = 0;
         a->written_count > a->prepared.file_count + lists && i < a->written_count; i++) {
        if (!is_named(&a->last, a->written[i])) {
            remove_quietly(a, a->written[i]);
        }
    }
    dsi_retire_stored(dsi_table_storage(a->table), a->change, &a->last);
    sweep(a);
}
