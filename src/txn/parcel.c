#include "txn/parcel.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "base/trouble.h"
#include "txn/group.h"
#include "txn/mutant.h"

#define NS_PER_MS INT64_C(1000000)

// Waits between tries: evenly from nothing to the first, doubling up to the second.
#define WAIT_NS_MIN (20 * NS_PER_MS)
#define WAIT_NS_MAX (5000 * NS_PER_MS)

// How long one question about an open outcome waits for the head to move by itself.
enum { RESOLVE_MS = 100 };

void dsi_handover_free(struct dsi_handover *h)
{
    if (h) {
        dsi_batch_release(&h->batch);
        dsi_intake_unref(h->intake);
        dsi_free(h);
    }
}

int dsi_parcel_new(struct dsi_table *table, const struct ds_commit_options *options,
                   struct dsi_parcel **out, struct ds_error *err)
{
    struct dsi_parcel *p = dsi_calloc(1, sizeof *p);

    *out = p;
    if (!p) {
        return dsi_no_memory(err, "collecting rows");
    }
    p->table = table;
    p->options = options;
    return DS_OK;
}

// Forgets a try that was not sent, or is definitely not in the table.
static void drop_try(struct dsi_parcel *p)
{
    dsi_append_free(p->append); // Removes what it wrote, unless the change has it.
    if (p->change) {
        dsi_change_discard(p->change, dsi_table_storage(p->table));
    }
    dsi_change_free(p->change);
    p->append = NULL;
    p->change = NULL;
    p->ready = false;
}

// The same after dsi_commit, which has removed what could be removed.
static void end_try(struct dsi_parcel *p)
{
    dsi_append_free(p->append);
    dsi_change_free(p->change);
    p->append = NULL;
    p->change = NULL;
    p->ready = false;
}

void dsi_parcel_free(struct dsi_parcel *p)
{
    if (!p) {
        return;
    }
    if (p->token[0]) {
        end_try(p); // It may be in the table: nothing is removed.
    } else {
        drop_try(p);
    }
    struct dsi_handover *h = dsi_parcel_take(p);
    while (h) {
        struct dsi_handover *next = h->next;
        dsi_handover_free(h);
        h = next;
    }
    dsi_free(p);
}

struct dsi_handover *dsi_parcel_take(struct dsi_parcel *p)
{
    struct dsi_handover *h = p->head;

    p->head = NULL;
    p->tail = NULL;
    return h;
}

// --- writing

static int begin_try(struct dsi_parcel *p, struct ds_error *err)
{
    const struct dsi_metadata *m = dsi_intake_metadata(p->head->intake);
    const struct dsi_state *state = dsi_table_state(p->table);
    struct ds_commit_options options = *p->options;
    struct dsi_group_policy policy = dsi_group_policy_of(m);
    int rc = DS_OK;

    // (1) Drawn by the first try, so that the common case need not be looked for.
    options.identity =
        p->named && !DSI_MUTANT(DSI_MUTANT_APPEND_AGAIN) ? p->identity : NULL;
    DSI_TRY(dsi_change_new(state, &options, &p->change, err));
    if (!p->named) {
        memcpy(p->identity, p->change->identity, sizeof p->identity);
        p->named = true;
    }
    DSI_TRY(dsi_append_new(dsi_table_storage(p->table), m, p->change, &p->append, err));
    if (policy.enabled && options.group != DS_GROUP_OFF) { // Few rows share a file.
        dsi_append_hold(p->append, policy.rows_max, (size_t)policy.bytes_max);
    }
done:
    dsi_state_unref(state);
    return rc;
}

void dsi_parcel_add(struct dsi_parcel *p, struct dsi_handover *h)
{
    struct ds_error err = {0};
    int rc = DS_OK;
    bool first = !p->head;

    assert(!p->ready && (first || p->head->intake == h->intake));
    h->next = NULL;
    if (first) {
        p->head = h;
    } else {
        p->tail->next = h;
    }
    p->tail = h;
    p->rows += (uint64_t)h->batch.rows;
    p->bytes += h->bytes;
    if (first) {
        rc = begin_try(p, &err);
    }
    if (rc == DS_OK && p->append) {
        rc = dsi_append_batch(p->append, &h->batch, &err);
    }
    if (rc < 0) {
        dsi_log(DS_LOG_INFO, "writing rows: %s; they are kept for another try",
                err.message);
        drop_try(p);
    }
}

void dsi_parcel_finish(struct dsi_parcel *p)
{
    struct ds_error err = {0};

    if (p->append) {
        int rc = dsi_append_finish(p->append, &err);
        p->ready = rc == DS_OK;
        if (rc < 0) {
            dsi_log(DS_LOG_INFO, "writing rows: %s; they are kept for another try",
                    err.message);
            drop_try(p);
        }
    }
}

// Everything from the start: after a try that failed.
static int write_again(struct dsi_parcel *p, struct ds_error *err)
{
    int rc = DS_OK;

    drop_try(p);
    // While the catalog is away this fails, and the rows are not written for nothing.
    DSI_TRY(dsi_table_refresh(p->table, err));
    DSI_TRY(begin_try(p, err));
    for (struct dsi_handover *h = p->head; h; h = h->next) {
        DSI_TRY(dsi_append_batch(p->append, &h->batch, err));
    }
    DSI_TRY(dsi_append_finish(p->append, err));
    p->ready = true;
done:
    if (rc < 0) {
        drop_try(p);
    }
    return rc;
}

// --- committing

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// One commit of what is ready. DS_OK: it is in the table.
static int commit_once(struct dsi_parcel *p, int64_t left_ns,
                       struct ds_commit_result *result, struct ds_error *err)
{
    struct ds_commit_options options = *p->options;
    int64_t left_ms = left_ns / NS_PER_MS + 1;

    options.timeout_ms =
        options.timeout_ms > 0 ? at_most(options.timeout_ms, left_ms) : left_ms;
    *result = (struct ds_commit_result){.struct_size = sizeof *result};
    int rc = dsi_commit(p->table, p->change, &options, result, err);
    if (rc == DS_EUNKNOWN && !DSI_MUTANT(DSI_MUTANT_APPEND_AGAIN)) {
        snprintf(p->token, sizeof p->token, "%s", result->token);
    } else {
        end_try(p);
    }
    return rc;
}

// Asks what became of the last try (2). DS_OK: it is known now; p->token is "" when it is
// not in the table.
static int resolve(struct dsi_parcel *p, struct ds_commit_result *result,
                   struct ds_error *err)
{
    struct ds_commit_result r = {.struct_size = sizeof r};
    int rc = dsi_commit_resolve(p->table, p->token, RESOLVE_MS, &r, err);

    if (rc < 0) {
        return dsi_wrap(err, DS_EUNKNOWN, "the outcome of a commit is open");
    }
    if (r.outcome == DS_COMMITTED) {
        result->outcome = DS_COMMITTED;
        result->snapshot_id = r.snapshot_id;
        result->sequence_number = r.sequence_number;
        result->rows = p->rows;
        result->token[0] = '\0';
        end_try(p);
    } else {
        result->outcome = DS_NOT_COMMITTED;
        result->token[0] = '\0';
        p->token[0] = '\0';
        drop_try(p);
    }
    return DS_OK;
}

// One round: what is open first, then what is left to do.
static int try_once(struct dsi_parcel *p, int64_t left_ns,
                    struct ds_commit_result *result, struct ds_error *err)
{
    int rc = DS_OK;

    if (p->token[0]) {
        DSI_TRY(resolve(p, result, err));
        if (p->token[0]) {
            p->token[0] = '\0';
            return DS_OK; // It had worked.
        }
    }
    if (!p->ready) {
        DSI_TRY(write_again(p, err));
    }
    DSI_TRY(commit_once(p, left_ns, result, err));
done:
    return rc;
}

// Whether the same may work later: the world can come back, a contradiction can't. A
// conflict with an explanation is one; without, only others were faster.
static bool may_pass(int rc, const struct ds_error *err)
{
    switch (rc) {
    case DS_EINVALID:
    case DS_EUNSUPPORTED:
    case DS_EBUG:
    case DS_ECANCELLED:
        return false;
    case DS_ECONFLICT:
        return err->detail[0] == '\0';
    default:
        return true;
    }
}

static int64_t wait_ns(unsigned round, int64_t left_ns)
{
    int64_t limit = WAIT_NS_MIN;

    for (unsigned i = 0; i < round && limit < WAIT_NS_MAX; i++) {
        limit *= 2;
    }
    limit = at_most(at_most(limit, WAIT_NS_MAX), left_ns);
    return limit > 0 ? (int64_t)dsi_random_below((uint64_t)limit) + 1 : 0;
}

// The end of patience cuts short whatever a try is waiting for.
static bool is_over(void *arg)
{
    const struct dsi_patience *patience = arg;
    return dsi_clock_monotonic_ns() >= patience->deadline_ns(patience->arg);
}

static int deliver(struct dsi_parcel *p, const struct dsi_patience *patience,
                   struct ds_commit_result *result, struct ds_error *err)
{
    int64_t now = dsi_clock_monotonic_ns();
    int64_t first_failure = -1;

    *result = (struct ds_commit_result){
        .struct_size = sizeof *result, .snapshot_id = -1, .sequence_number = -1};
    if (now >= patience->deadline_ns(patience->arg)) {
        return dsi_fail(err, DS_ECANCELLED,
                        "the time for closing the appender was over "
                        "before these rows were committed");
    }
    for (unsigned round = 0;; round++) {
        int64_t start = first_failure >= 0 ? first_failure : now;
        int64_t deadline =
            at_most(start + patience->budget_ns, patience->deadline_ns(patience->arg));
        *err = (struct ds_error){0};
        int rc = try_once(p, deadline > now ? deadline - now : 0, result, err);
        if (rc == DS_OK) {
            return DS_OK;
        }
        patience->failed(patience->arg, err);
        now = dsi_clock_monotonic_ns();
        first_failure = first_failure >= 0 ? first_failure : now;
        deadline = at_most(first_failure + patience->budget_ns,
                           patience->deadline_ns(patience->arg));
        if (now >= deadline || (!p->token[0] && !may_pass(rc, err))) {
            return rc;
        }
        patience->wait(patience->arg, wait_ns(round, deadline - now));
        now = dsi_clock_monotonic_ns();
    }
}

int dsi_parcel_deliver(struct dsi_parcel *p, const struct dsi_patience *patience,
                       struct ds_commit_result *result, struct ds_error *err)
{
    struct ds_cancel_scope cancel = {.cancelled = is_over, .arg = (void *)patience};
    struct dsi_trouble trouble = {.told = patience->held_up, .arg = patience->arg};

    dsi_cancel_begin(&cancel);
    dsi_trouble_begin(&trouble);
    int rc = deliver(p, patience, result, err);
    dsi_trouble_end(&trouble);
    dsi_cancel_end(&cancel);
    return rc;
}
