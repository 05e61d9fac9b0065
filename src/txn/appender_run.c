#include "txn/appender_run.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "txn/housekeeper.h"

#define NS_PER_MS INT64_C(1000000)
#define FOR_EVER DSI_APPENDER_FOR_EVER

// What failed for want of memory is tried again so often.
#define STARVED_WAIT_NS (50 * NS_PER_MS)

// The appender whose callback this thread is in.
static _Thread_local const struct dsi_appender *calling;

bool dsi_appender_is_calling(const struct dsi_appender *a)
{
    return calling == a;
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// --- what is queued

static void keep_back(struct dsi_appender *a, struct dsi_handover *list,
                      enum ds_outcome outcome)
{
    while (list) {
        struct dsi_handover *next = list->next;
        list->next = NULL;
        list->outcome = outcome;
        if (a->back_tail) {
            a->back_tail->next = list;
        } else {
            a->back_head = list;
        }
        a->back_tail = list;
        list = next;
    }
}

void dsi_appender_enqueue(struct dsi_appender *a, struct dsi_handover *h)
{
    h->next = NULL;
    if (a->tail) {
        a->tail->next = h;
    } else {
        a->head = h;
    }
    a->tail = h;
}

int dsi_appender_gather(struct dsi_appender *a, struct ds_error *err)
{
    struct dsi_loose *l = &a->loose;
    int rc = DS_OK;

    if (l->first_ticket == 0) {
        return DS_OK;
    }
    struct dsi_handover *h = dsi_calloc(1, sizeof *h);
    if (!h) {
        return dsi_no_memory(err, "collecting rows");
    }
    rc = dsi_batch_builder_take(l->builder, &h->batch, err);
    if (rc < 0) {
        dsi_free(h);
        return rc;
    }
    h->intake = dsi_intake_ref(l->intake);
    h->first_ticket = l->first_ticket;
    h->last_ticket = l->last_ticket;
    h->bytes = l->bytes;
    h->taken_ns = l->taken_ns;
    l->first_ticket = 0;
    l->bytes = 0;
    dsi_appender_enqueue(a, h);
    return DS_OK;
}

// The first ticket that is in no parcel yet; 0: none.
static uint64_t next_ticket(const struct dsi_appender *a)
{
    return a->head ? a->head->first_ticket : a->loose.first_ticket;
}

int64_t dsi_appender_oldest(const struct dsi_appender *a)
{
    return a->open_ns != FOR_EVER       ? a->open_ns
           : a->head                    ? a->head->taken_ns
           : a->loose.first_ticket != 0 ? a->loose.taken_ns
                                        : FOR_EVER;
}

// --- the writing thread

static bool is_full(const struct dsi_appender *a, const struct dsi_parcel *p)
{
    return p->rows >= (uint64_t)a->options.batch_rows_max ||
           p->bytes >= (uint64_t)a->options.batch_bytes_max;
}

void dsi_appender_keep_queue(struct dsi_appender *a)
{
    // Without memory for it what is loose stays where it is, and is asked for again.
    DSI_IGNORE(dsi_appender_gather(a, NULL));
    keep_back(a, a->head, DS_NOT_COMMITTED);
    a->head = NULL;
    a->tail = NULL;
}

// Everything that is not committed goes back (4).
static void give_up_writing(struct dsi_appender *a)
{
    struct dsi_parcel *p = a->open;

    if (p) {
        keep_back(a, dsi_parcel_take(p), DS_NOT_COMMITTED);
        a->open = NULL;
        a->open_ns = FOR_EVER;
        dsi_parcel_free(p);
    }
    dsi_appender_keep_queue(a);
}

// Ends the open parcel and hands it to the committing thread.
static void seal(struct dsi_appender *a)
{
    struct dsi_parcel *p = a->open;

    assert(p && !a->sealed);
    dsi_mutex_unlock(a->mutex);
    dsi_parcel_finish(p);
    dsi_mutex_lock(a->mutex);
    if (!a->failure) {
        a->sealed = p;
        a->sealed_ns = a->open_ns;
        a->open = NULL;
        a->open_ns = FOR_EVER;
        dsi_cond_broadcast(a->sealed_or_end);
    }
}

// Puts the first hand-over of the queue into the open parcel.
static void write_next(struct dsi_appender *a)
{
    struct dsi_handover *h = a->head;
    struct dsi_parcel *p = a->open;

    a->head = h->next;
    a->tail = a->head ? a->tail : NULL;
    if (a->open_ns == FOR_EVER) {
        a->open_ns = h->taken_ns;
    }
    dsi_mutex_unlock(a->mutex);
    dsi_parcel_add(p, h);
    dsi_mutex_lock(a->mutex);
}

// Whether the loose rows are to be written now.
static bool loose_is_due(const struct dsi_appender *a)
{
    const struct dsi_loose *l = &a->loose;

    return l->first_ticket != 0 &&
           (l->first_ticket <= a->cut || l->bytes >= DSI_LOOSE_BYTES_MAX ||
            l->last_ticket - l->first_ticket >= DSI_LOOSE_ROWS_MAX);
}

// Whether the queue's first hand-over can be written now; makes the parcel it needs.
static bool can_write(struct dsi_appender *a)
{
    int rc = DS_OK;

    if (!a->head && loose_is_due(a)) {
        rc = dsi_appender_gather(a, NULL);
    }
    if (rc == DS_OK && !a->open && a->head) {
        rc = dsi_parcel_new(a->table, &a->commit, &a->open, NULL);
    }
    if (rc < 0) { // No memory: asked again in a while.
        a->starved_ns = a->starved_ns >= 0 ? a->starved_ns : dsi_clock_monotonic_ns();
        dsi_cond_broadcast(a->sealed_or_end);
        return false;
    }
    a->starved_ns = -1;
    return a->head && !is_full(a, a->open) &&
           (!a->open->head || a->open->head->intake == a->head->intake);
}

// Whether the open parcel is to be closed now, and may.
static bool must_seal(const struct dsi_appender *a)
{
    uint64_t next = next_ticket(a);

    if (!a->open || !a->open->head || a->sealed) {
        return false;
    }
    return is_full(a, a->open) || (a->head && a->head->intake != a->open->head->intake) ||
           (a->open->head->first_ticket <= a->cut && (next == 0 || next > a->cut));
}

static void await_work(struct dsi_appender *a)
{
    int64_t oldest = dsi_appender_oldest(a);
    int64_t now = dsi_clock_monotonic_ns();
    // Also what failed for want of memory is looked at again.
    int64_t wait = oldest == FOR_EVER ? FOR_EVER : STARVED_WAIT_NS;

    if (oldest != FOR_EVER && a->options.batch_ms > 0) {
        int64_t due = oldest + a->options.batch_ms * NS_PER_MS - now;
        wait = due > 0 ? at_most(wait, due) : wait;
    }
    if (wait == FOR_EVER) {
        dsi_cond_wait(a->work, a->mutex);
    } else {
        dsi_cond_wait_ns(a->work, a->mutex, wait);
    }
}

// What is due by time, or because the end is near, is to be committed now.
static void move_cut(struct dsi_appender *a)
{
    int64_t oldest = dsi_appender_oldest(a);

    if (a->closing ||
        (oldest != FOR_EVER && a->options.batch_ms > 0 &&
         dsi_clock_monotonic_ns() - oldest >= a->options.batch_ms * NS_PER_MS)) {
        // Only what is there by now, so that a stream without end is cut too.
        bool over = !a->open || !a->open->head || a->open->head->first_ticket > a->cut;
        a->cut = over || a->closing ? a->tickets : a->cut;
    }
}

void dsi_appender_run_writing(void *arg)
{
    struct dsi_appender *a = arg;

    dsi_mutex_lock(a->mutex);
    for (;;) {
        if (a->failure) {
            give_up_writing(a);
        }
        if (a->closing && (a->failure || (!a->open && next_ticket(a) == 0))) {
            break;
        }
        move_cut(a);
        if (a->failure) {
            dsi_cond_wait(a->work, a->mutex);
        } else if (must_seal(a)) {
            seal(a);
        } else if (can_write(a)) {
            write_next(a);
        } else {
            await_work(a);
        }
    }
    a->writing_ended = true;
    dsi_cond_broadcast(a->sealed_or_end);
    dsi_mutex_unlock(a->mutex);
}

// --- the committing thread

static void patience_wait(void *arg, int64_t ns)
{
    struct dsi_appender *a = arg;

    dsi_mutex_lock(a->mutex);
    int64_t left = a->close_deadline_ns - dsi_clock_monotonic_ns();
    if (ns > 0 && left > 0) {
        dsi_cond_wait_ns(a->sealed_or_end, a->mutex, at_most(ns, left));
    }
    dsi_mutex_unlock(a->mutex);
}

static int64_t patience_deadline(void *arg)
{
    struct dsi_appender *a = arg;

    dsi_mutex_lock(a->mutex);
    int64_t deadline = a->close_deadline_ns;
    dsi_mutex_unlock(a->mutex);
    return deadline;
}

static void patience_failed(void *arg, const struct ds_error *err)
{
    struct dsi_appender *a = arg;

    dsi_mutex_lock(a->mutex);
    a->stats.failures++;
    a->stats.last_error = *err;
    if (a->failing_ns < 0) {
        a->failing_ns = a->trouble_ns >= 0 ? a->trouble_ns : dsi_clock_monotonic_ns();
    }
    a->trouble_ns = -1;
    dsi_mutex_unlock(a->mutex);
}

// A try that has not ended yet: nobody is to wait for its end to learn of that.
static void patience_held_up(void *arg, const struct ds_error *why)
{
    struct dsi_appender *a = arg;

    dsi_mutex_lock(a->mutex);
    a->trouble = *why;
    a->trouble_ns = a->trouble_ns >= 0 ? a->trouble_ns : dsi_clock_monotonic_ns();
    dsi_mutex_unlock(a->mutex);
}

// Without the lock.
static void call_back(struct dsi_appender *a, struct ds_appender_ack *ack)
{
    if (a->options.ack && ack->first_ticket <= ack->last_ticket) {
        const struct dsi_appender *before = calling;
        calling = a;
        ack->struct_size = sizeof *ack;
        a->options.ack(a->options.ack_arg, ack);
        calling = before;
    }
}

// What the table says of how rows are to be written may have changed by now.
static void renew_intake(struct dsi_appender *a)
{
    const struct dsi_metadata *m = dsi_table_metadata(a->table);
    struct dsi_intake *fresh = NULL;

    if (!dsi_intake_suits(a->intake, m) &&
        dsi_intake_new(m, a->intake, &fresh, NULL) == DS_OK) {
        dsi_intake_unref(a->intake);
        a->intake = fresh;
    }
    dsi_metadata_unref(m);
}

// With the lock: a parcel is in the table.
static void acknowledge(struct dsi_appender *a, const struct ds_appender_ack *ack)
{
    struct ds_appender_stats *s = &a->stats;

    a->acked = ack->last_ticket;
    a->bytes -= ack->bytes;
    a->untidy = true;
    a->failing_ns = -1;
    s->commits++;
    s->writes_acknowledged += ack->last_ticket - ack->first_ticket + 1;
    s->rows_acknowledged += ack->rows;
    s->bytes_acknowledged += ack->bytes;
    s->lag_us = ack->waited_us;
    s->lag_us_max = s->lag_us > s->lag_us_max ? s->lag_us : s->lag_us_max;
    renew_intake(a);
}

int dsi_appender_never_tried(const struct dsi_appender *a, struct ds_error *err)
{
    int status = a->failure == DS_EUNKNOWN ? DS_EIO : a->failure;

    return dsi_fail(err, status,
                    "not written, and not in the table: before it, the appender failed: "
                    "%.700s",
                    a->error.message);
}

// With the lock: a parcel is not, and so nothing after it will be. Fills in what is to be
// told of the rest.
static void fail_for_good(struct dsi_appender *a, const struct ds_appender_ack *ack,
                          struct dsi_parcel *p, struct ds_appender_ack *rest)
{
    bool unknown = ack->status == DS_EUNKNOWN;

    a->failure = ack->status;
    a->error = *ack->error;
    a->unknown_last = unknown ? ack->last_ticket : 0;
    if (p) {
        keep_back(a, dsi_parcel_take(p), unknown ? DS_UNKNOWN : DS_NOT_COMMITTED);
    }
    if (a->sealed) {
        keep_back(a, dsi_parcel_take(a->sealed), DS_NOT_COMMITTED);
        dsi_parcel_free(a->sealed);
        a->sealed = NULL;
    }
    rest->first_ticket = ack->last_ticket + 1;
    rest->last_ticket = a->tickets;
    rest->rows = a->stats.rows_accepted - a->stats.rows_acknowledged - ack->rows;
    rest->bytes = a->bytes - ack->bytes;
    rest->waited_us = 0;
    dsi_cond_broadcast(a->work);
}

// Puts the token where programs find it.
static void tell_unknown(const struct ds_commit_result *result, struct ds_error *err)
{
    snprintf(err->detail, sizeof err->detail, "{\"identity\": \"%s\", \"token\": \"%s\"}",
             result->identity, result->token);
}

static int64_t budget_ns(const struct dsi_appender *a)
{
    return at_most(a->options.budget_ms, FOR_EVER / NS_PER_MS / 4) * NS_PER_MS;
}

// With the lock, which is given back in between.
static void deliver(struct dsi_appender *a, struct dsi_parcel *p, int64_t oldest_ns)
{
    const struct dsi_patience patience = {a,
                                          budget_ns(a),
                                          patience_wait,
                                          patience_deadline,
                                          patience_failed,
                                          patience_held_up};
    struct ds_commit_result result = {.struct_size = sizeof result};
    struct ds_appender_ack ack = {.first_ticket = p->head->first_ticket,
                                  .last_ticket = p->tail->last_ticket,
                                  .rows = p->rows,
                                  .bytes = p->bytes,
                                  .commit = &result};
    struct ds_appender_ack rest = {.first_ticket = 1};
    struct ds_error err = {0};
    struct ds_error rest_err = {0};

    a->committing_ns = oldest_ns;
    dsi_mutex_unlock(a->mutex);
    ack.status = dsi_parcel_deliver(p, &patience, &result, &err);
    dsi_mutex_lock(a->mutex);
    ack.waited_us = (dsi_clock_monotonic_ns() - oldest_ns) / 1000;
    a->committing_ns = FOR_EVER;
    a->trouble_ns = -1;
    if (ack.status == DS_OK) {
        acknowledge(a, &ack);
    } else {
        ack.error = &err;
        if (ack.status == DS_EUNKNOWN) {
            tell_unknown(&result, &err);
        }
        fail_for_good(a, &ack, p, &rest);
        rest.status = dsi_appender_never_tried(a, &rest_err);
        rest.error = &rest_err;
    }
    dsi_cond_broadcast(a->changed);
    dsi_mutex_unlock(a->mutex);
    dsi_parcel_free(p);
    call_back(a, &ack);
    call_back(a, &rest);
    dsi_mutex_lock(a->mutex);
}

// With the lock, which is given back in between: the writing thread has had no memory for
// longer than may be.
static void fail_starved(struct dsi_appender *a)
{
    struct ds_error err = {0};
    struct ds_appender_ack none = {.last_ticket = a->acked, .error = &err};
    struct ds_appender_ack rest = {0};

    none.status = dsi_no_memory(&err, "collecting rows");
    a->stats.failures++;
    a->stats.last_error = err;
    fail_for_good(a, &none, NULL, &rest);
    rest.status = none.status;
    rest.error = &err;
    dsi_cond_broadcast(a->changed);
    dsi_mutex_unlock(a->mutex);
    call_back(a, &rest);
    dsi_mutex_lock(a->mutex);
}

static void await_parcel(struct dsi_appender *a)
{
    int64_t now = dsi_clock_monotonic_ns();

    if (a->starved_ns < 0 || a->failure) {
        dsi_cond_wait(a->sealed_or_end, a->mutex);
    } else if (now - a->starved_ns >= budget_ns(a) || now >= a->close_deadline_ns) {
        fail_starved(a);
    } else {
        dsi_cond_wait_ns(a->sealed_or_end, a->mutex, STARVED_WAIT_NS);
    }
}

// With the lock, which is given back in between: nothing waits to be committed.
static void tidy(struct dsi_appender *a)
{
    a->untidy = false;
    dsi_mutex_unlock(a->mutex);
    dsi_housekeeper_idle(a->table);
    dsi_mutex_lock(a->mutex);
}

void dsi_appender_run_committing(void *arg)
{
    struct dsi_appender *a = arg;

    dsi_mutex_lock(a->mutex);
    while (a->sealed || !a->writing_ended) {
        struct dsi_parcel *p = a->sealed;
        if (p) {
            a->sealed = NULL;
            dsi_cond_broadcast(a->work); // The next one may be closed (3).
            deliver(a, p, a->sealed_ns);
        } else if (a->untidy && !a->closing && !a->failure && a->bytes == 0) {
            tidy(a);
        } else {
            await_parcel(a);
        }
    }
    dsi_mutex_unlock(a->mutex);
}
