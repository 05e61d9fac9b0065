#include "txn/commit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "txn/clean.h"
#include "txn/group.h"
#include "txn/held.h"
#include "txn/housekeeper.h"
#include "txn/loop.h"
#include "txn/mutant.h"

// A commit on its way.
struct work {
    struct dsi_attempts attempts;
    struct dsi_budget budget;
    struct dsi_group_end group;
    enum ds_outcome outcome;
};

static void fill_result(const struct work *w, struct ds_commit_result *r)
{
    const struct dsi_attempts *a = &w->attempts;

    dsi_change_totals(a->change, &r->rows, &r->files, &r->bytes);
    r->outcome = w->outcome;
    r->snapshot_id = -1;
    r->sequence_number = -1;
    r->attempts = a->swaps;
    r->conflicts = a->conflicts;
    if (w->group.committed) {
        r->snapshot_id = w->group.receipt.snapshot_id;
        r->sequence_number = w->group.receipt.sequence_number;
        r->attempts = w->group.receipt.swaps;
        r->conflicts = w->group.receipt.conflicts;
        r->group_size = w->group.receipt.group_size;
    } else if (w->outcome == DS_COMMITTED && a->snapshot) {
        r->snapshot_id = a->snapshot->snapshot_id;
        r->sequence_number = a->snapshot->sequence_number;
    }
    r->waited_us = (w->budget.slept_ns + a->lined_up_ns + w->group.waited_ns) / 1000;
    r->elapsed_us = (dsi_clock_monotonic_ns() - w->budget.start_ns) / 1000;
    snprintf(r->identity, sizeof r->identity, "%s", a->change->identity);
    if (w->outcome == DS_UNKNOWN) {
        dsi_trail_format(&a->trail, r->token);
    }
}

// Copies as much of a result as the caller's own struct has room for.
static void give_result(const struct ds_commit_result *from, struct ds_commit_result *to)
{
    if (to) {
        uint32_t size = to->struct_size > 0 && to->struct_size < sizeof *from
                            ? to->struct_size
                            : (uint32_t)sizeof *from;
        memcpy(to, from, size);
        to->struct_size = size;
    }
}

// By a group, if there may be one.
static int commit_in_group(struct work *w, const struct ds_commit_options *options,
                           struct ds_error *err)
{
    const struct dsi_metadata *m = dsi_table_metadata(w->attempts.table);
    bool wanted = options->group == DS_GROUP_AUTO && dsi_group_policy_of(m).enabled;
    int rc = DS_OK;

    dsi_metadata_unref(m);
    if (wanted) {
        rc = dsi_group_commit(&w->attempts, w->budget.deadline_ns, &w->group, err);
    }
    if (w->group.committed) {
        w->outcome = DS_COMMITTED;
    }
    return rc;
}

// By a swap of its own.
static int commit_alone(struct work *w, struct dsi_change *change, struct ds_error *err)
{
    struct dsi_attempts *a = &w->attempts;
    const struct dsi_metadata *m = dsi_table_metadata(a->table);
    enum dsi_attempt_end end = DSI_ATTEMPT_AGAIN;
    int rc = DS_OK;

    DSI_TRY(dsi_change_write_held(change, m, dsi_table_storage(a->table), err));
    DSI_TRY(dsi_loop_run(a, &w->budget, &end, err));
    w->outcome = DS_COMMITTED;
    if (end == DSI_ATTEMPT_COMMITTED) {
        dsi_clean_after_commit(a);
        dsi_housekeeper_committed(a);
    } else if (end == DSI_ATTEMPT_FOUND) {
        dsi_clean_after_found(a);
    }
done:
    dsi_metadata_unref(m);
    return rc;
}

// A group may have it, and the head does not move: then move it.
static void resolve_group(struct work *w)
{
    struct dsi_attempts *a = &w->attempts;
    struct ds_commit_result r = {.struct_size = sizeof r};
    char token[DSI_TOKEN_SIZE];

    dsi_trail_format(&a->trail, token);
    if (dsi_commit_resolve(a->table, token, 0, &r, NULL) == DS_OK) {
        w->outcome = r.outcome;
        w->group.committed = r.outcome == DS_COMMITTED;
        w->group.receipt = (struct dsi_receipt){.snapshot_id = r.snapshot_id,
                                                .sequence_number = r.sequence_number,
                                                .swaps = a->swaps,
                                                .conflicts = a->conflicts};
    }
}

// Brings status and outcome together, and removes what may be removed.
static int conclude(struct work *w, int rc, struct ds_error *err)
{
    struct dsi_attempts *a = &w->attempts;

    if (w->outcome != DS_COMMITTED) {
        w->outcome = dsi_loop_settle(a, &w->budget);
        if (w->outcome == DS_COMMITTED) {
            dsi_clean_after_found(a);
        }
    }
    if (w->outcome == DS_UNKNOWN && w->group.sent && !dsi_cancelled()) {
        resolve_group(w);
    }
    if (w->outcome == DS_COMMITTED) {
        return DS_OK;
    }
    if (w->outcome == DS_UNKNOWN) {
        if (DSI_MUTANT(DSI_MUTANT_CLEAN_UNKNOWN)) {
            dsi_clean_all(a);
        }
        return dsi_wrap(err, DS_EUNKNOWN,
                        "the outcome is unknown; resolve it by its token before you "
                        "write the same again");
    }
    dsi_clean_all(a);
    if (dsi_cancel_seen()) {
        return dsi_fail(err, DS_ECANCELLED, "cancelled; nothing was committed");
    }
    assert(rc < 0);
    if (rc == DS_EUNKNOWN) { // Of a request whose fate is known by now.
        rc = dsi_fail(err, DS_EIO, "the commit failed, and is not in the table");
    }
    return rc;
}

int dsi_commit(struct dsi_table *table, struct dsi_change *change,
               const struct ds_commit_options *options, struct ds_commit_result *result,
               struct ds_error *err)
{
    static const struct ds_commit_options defaults = {0};
    const struct dsi_metadata *m = dsi_table_metadata(table);
    struct ds_commit_result full = {.struct_size = sizeof full};
    struct work w = {.attempts = {.table = table, .change = change},
                     .outcome = DS_NOT_COMMITTED};

    options = options ? options : &defaults;
    w.budget = dsi_budget_of(m, options);
    dsi_metadata_unref(m);
    int rc = dsi_attempts_begin(&w.attempts, table, change, err);
    rc = rc < 0 ? rc : dsi_cancel_check(err);
    if (rc == DS_OK) {
        rc = commit_in_group(&w, options, err);
    }
    if (rc == DS_OK && !w.group.committed) {
        rc = dsi_cancel_check(err);
    }
    if (rc == DS_OK && !w.group.committed) {
        rc = commit_alone(&w, change, err);
    }
    rc = conclude(&w, rc, err);
    fill_result(&w, &full);
    give_result(&full, result);
    dsi_attempts_release(&w.attempts);
    return rc;
}
