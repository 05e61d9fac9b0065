#include "txn/appender_run.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "storage/storage_posix.h"

#define NS_PER_MS INT64_C(1000000)
#define FOR_EVER DSI_APPENDER_FOR_EVER

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// --- handing over

static int check_owner(const struct dsi_appender *a, struct ds_error *err)
{
    return a->pid == dsi_posix()->getpid()
               ? DS_OK
               : dsi_fail(err, DS_EINVALID,
                          "this appender belongs to process %d, of which this one is a "
                          "child by fork: its threads are not here; open another one",
                          a->pid);
}

// With the lock: why nothing is accepted any more, or DS_OK.
static int check_open(const struct dsi_appender *a, struct ds_error *err)
{
    if (a->failure) {
        return dsi_appender_never_tried(a, err);
    }
    return a->closing ? dsi_fail(err, DS_EINVALID, "the appender was closed") : DS_OK;
}

static bool has_room(const struct dsi_appender *a)
{
    return a->bytes < (uint64_t)a->options.memory_bytes_max;
}

// With the lock: waits until there is room (2).
static int await_room(struct dsi_appender *a, struct ds_error *err)
{
    int64_t limit_ms = dsi_appender_is_calling(a) ? -1 : a->options.write_wait_ms;
    int rc = check_open(a, err);

    if (rc < 0 || has_room(a)) {
        return rc;
    }
    int64_t start = dsi_clock_monotonic_ns();
    int64_t spent = 0;
    while (rc == DS_OK && !has_room(a)) {
        int64_t left = limit_ms == 0
                           ? FOR_EVER
                           : at_most(limit_ms, FOR_EVER / NS_PER_MS) * NS_PER_MS - spent;
        if (left <= 0) {
            rc = dsi_fail(err, DS_ETIMEOUT,
                          "%llu bytes wait to be committed, and no more are let in: hand "
                          "over again later",
                          (unsigned long long)a->bytes);
            break;
        }
        a->cut = a->tickets; // What fills memory is not to wait for its time.
        dsi_cond_broadcast(a->work);
        if (left == FOR_EVER) {
            dsi_cond_wait(a->changed, a->mutex);
        } else {
            dsi_cond_wait_ns(a->changed, a->mutex, left);
        }
        spent = dsi_clock_monotonic_ns() - start;
        rc = check_open(a, err);
    }
    a->stats.blocked_us += spent / 1000;
    return rc;
}

// With the lock: counts what was taken, and gives it its ticket.
static uint64_t accept(struct dsi_appender *a, uint64_t rows, uint64_t bytes)
{
    a->bytes += bytes;
    a->stats.writes_accepted++;
    a->stats.rows_accepted += rows;
    a->stats.bytes_accepted += bytes;
    return ++a->tickets;
}

static int accept_batch(struct dsi_appender *a, struct dsi_handover *h, uint64_t *ticket,
                        struct ds_error *err)
{
    int rc = check_open(a, err); // Somebody may have closed it meanwhile.

    rc = rc < 0 ? rc : dsi_appender_gather(a, err);
    if (rc < 0) {
        return rc;
    }
    h->taken_ns = dsi_clock_monotonic_ns();
    h->bytes = dsi_intake_bytes(&h->batch);
    h->first_ticket = accept(a, (uint64_t)h->batch.rows, h->bytes);
    h->last_ticket = h->first_ticket;
    *ticket = h->first_ticket;
    dsi_appender_enqueue(a, h);
    dsi_cond_broadcast(a->work);
    return DS_OK;
}

static int refuse(struct dsi_appender *a, int rc)
{
    dsi_mutex_lock(a->mutex);
    a->stats.writes_refused++;
    dsi_mutex_unlock(a->mutex);
    return rc;
}

static int write_batch(struct dsi_appender *a, const struct ArrowSchema *schema,
                       struct ArrowArray *array, uint64_t *ticket, struct ds_error *err)
{
    struct dsi_handover *h = dsi_calloc(1, sizeof *h);
    int rc = h ? DS_OK : dsi_no_memory(err, "handing over rows");

    dsi_mutex_lock(a->mutex);
    rc = rc < 0 ? rc : await_room(a, err);
    if (rc == DS_OK) {
        h->intake = dsi_intake_ref(a->intake);
    }
    *ticket = a->tickets;
    dsi_mutex_unlock(a->mutex);
    if (rc == DS_OK) {
        rc = dsi_intake_batch(h->intake, schema, array, &h->batch, err);
        rc = rc < 0 ? refuse(a, rc) : rc;
    } else if (rc != DS_ETIMEOUT && array->release) {
        array->release(array);
    }
    if (rc == DS_OK && h->batch.rows > 0) {
        dsi_mutex_lock(a->mutex);
        rc = accept_batch(a, h, ticket, err);
        dsi_mutex_unlock(a->mutex);
        h = rc == DS_OK ? NULL : h;
    }
    dsi_handover_free(h);
    return rc;
}

int dsi_appender_write(struct dsi_appender *a, const struct ArrowSchema *schema,
                       struct ArrowArray *array, uint64_t *ticket, struct ds_error *err)
{
    uint64_t ignored = 0;
    int rc = check_owner(a, err);

    if (rc < 0) {
        if (array->release) {
            array->release(array);
        }
        return rc;
    }
    return write_batch(a, schema, array, ticket ? ticket : &ignored, err);
}

// With the lock: a builder for rows of the current intake, what another had gathered.
static int need_builder(struct dsi_appender *a, struct ds_error *err)
{
    struct dsi_loose *l = &a->loose;
    int rc = DS_OK;

    if (l->builder && l->intake == a->intake) {
        return DS_OK;
    }
    rc = dsi_appender_gather(a, err);
    if (rc < 0) {
        return rc;
    }
    dsi_batch_builder_free(l->builder);
    l->builder = NULL;
    dsi_intake_unref(l->intake);
    l->intake = dsi_intake_ref(a->intake);
    return dsi_batch_builder_new(dsi_intake_schema(l->intake), &l->builder, err);
}

// With the lock.
static int add_row(struct dsi_appender *a, const struct ds_cell *cells, size_t count,
                   struct ds_error *err)
{
    struct dsi_loose *l = &a->loose;
    int rc = need_builder(a, err);

    if (rc < 0) {
        return rc;
    }
    uint64_t before = l->first_ticket == 0 ? 0 : l->bytes;
    rc = dsi_intake_row(l->intake, l->builder, cells, count, err);
    if (rc < 0) {
        a->stats.writes_refused++;
        return rc;
    }
    bool idle = dsi_appender_oldest(a) == FOR_EVER;
    l->bytes = dsi_batch_builder_bytes(l->builder);
    l->last_ticket = accept(a, 1, l->bytes - before);
    if (l->first_ticket == 0) {
        l->first_ticket = l->last_ticket;
        l->taken_ns = dsi_clock_monotonic_ns();
    }
    if (idle || l->bytes >= DSI_LOOSE_BYTES_MAX ||
        l->last_ticket - l->first_ticket >= DSI_LOOSE_ROWS_MAX) {
        dsi_cond_broadcast(a->work); // There is something to wait for now, or to do.
    }
    return DS_OK;
}

int dsi_appender_write_row(struct dsi_appender *a, const struct ds_cell *cells,
                           size_t count, uint64_t *ticket, struct ds_error *err)
{
    int rc = check_owner(a, err);

    if (rc < 0) {
        return rc;
    }
    dsi_mutex_lock(a->mutex);
    rc = await_room(a, err);
    rc = rc < 0 ? rc : add_row(a, cells, count, err);
    if (rc == DS_OK && ticket) {
        *ticket = a->tickets;
    }
    dsi_mutex_unlock(a->mutex);
    return rc;
}

// --- waiting

static int check_not_calling(const struct dsi_appender *a, const char *what,
                             struct ds_error *err)
{
    int rc = check_owner(a, err);

    return rc == DS_OK && dsi_appender_is_calling(a)
               ? dsi_fail(err, DS_EINVALID,
                          "%s in the appender's own callback would wait for itself", what)
               : rc;
}

// With the lock: what became of a ticket that is not acknowledged, after the failure.
static int fate(const struct dsi_appender *a, uint64_t ticket, struct ds_error *err)
{
    if (a->failure == DS_EUNKNOWN && ticket > a->unknown_last) {
        return dsi_appender_never_tried(a, err);
    }
    if (err) {
        *err = a->error;
    }
    return a->failure;
}

// With the lock.
static int await_ticket(struct dsi_appender *a, uint64_t ticket, int64_t timeout_ms,
                        struct ds_error *err)
{
    int64_t deadline = timeout_ms >= 0 && timeout_ms < FOR_EVER / NS_PER_MS / 4
                           ? dsi_clock_monotonic_ns() + timeout_ms * NS_PER_MS
                           : FOR_EVER;

    if (ticket > a->tickets) {
        return dsi_fail(err, DS_EINVALID, "ticket %llu was never given; the last is %llu",
                        (unsigned long long)ticket, (unsigned long long)a->tickets);
    }
    while (ticket > a->acked && !a->failure) {
        int64_t left =
            deadline == FOR_EVER ? FOR_EVER : deadline - dsi_clock_monotonic_ns();
        if (left <= 0) {
            return dsi_fail(err, DS_ETIMEOUT, "ticket %llu is not acknowledged yet",
                            (unsigned long long)ticket);
        }
        if (left == FOR_EVER) {
            dsi_cond_wait(a->changed, a->mutex);
        } else {
            dsi_cond_wait_ns(a->changed, a->mutex, left);
        }
    }
    return ticket <= a->acked ? DS_OK : fate(a, ticket, err);
}

int dsi_appender_wait(struct dsi_appender *a, uint64_t ticket, int64_t timeout_ms,
                      struct ds_error *err)
{
    int rc = check_not_calling(a, "waiting", err);

    if (rc == DS_OK) {
        dsi_mutex_lock(a->mutex);
        rc = await_ticket(a, ticket, timeout_ms, err);
        dsi_mutex_unlock(a->mutex);
    }
    return rc;
}

int dsi_appender_flush(struct dsi_appender *a, int64_t timeout_ms, struct ds_error *err)
{
    int rc = check_not_calling(a, "flushing", err);

    if (rc == DS_OK) {
        dsi_mutex_lock(a->mutex);
        a->cut = a->tickets;
        dsi_cond_broadcast(a->work);
        rc = await_ticket(a, a->tickets, timeout_ms, err);
        dsi_mutex_unlock(a->mutex);
    }
    return rc;
}

int dsi_appender_stats(struct dsi_appender *a, struct ds_appender_stats *out,
                       struct ds_error *err)
{
    int rc = check_owner(a, err);

    if (rc < 0) {
        return rc;
    }
    int64_t now = dsi_clock_monotonic_ns();
    dsi_mutex_lock(a->mutex);
    int64_t oldest = at_most(dsi_appender_oldest(a), a->committing_ns);
    oldest = a->sealed ? at_most(oldest, a->sealed_ns) : oldest;
    *out = a->stats;
    out->failed = a->failure != DS_OK;
    out->bytes_in_memory = a->bytes;
    out->oldest_ms = oldest < now ? (now - oldest) / NS_PER_MS : 0;
    int64_t failing = a->failing_ns >= 0 ? a->failing_ns : a->trouble_ns;
    out->failing_ms = failing >= 0 && now > failing ? (now - failing) / NS_PER_MS : 0;
    if (a->trouble_ns >= 0) {
        out->last_error = a->trouble;
    }
    dsi_mutex_unlock(a->mutex);
    return DS_OK;
}

// --- beginning and end

// Copies what lives as long as the appender does.
static int copy_commit(struct dsi_appender *a, const struct ds_commit_options *from,
                       struct ds_error *err)
{
    size_t count = from->summary.count;
    struct ds_property *items = dsi_arena_array(&a->arena, count + 1, sizeof *items);

    a->commit = *from;
    if (from->branch) {
        a->commit.branch = dsi_arena_strdup(&a->arena, from->branch);
    }
    if (!items || (from->branch && !a->commit.branch)) {
        return dsi_no_memory(err, "opening an appender");
    }
    for (size_t i = 0; i < count; i++) {
        const struct ds_property *p = &from->summary.items[i];
        items[i].key = dsi_arena_strdup(&a->arena, p->key);
        items[i].value = dsi_arena_strdup(&a->arena, p->value ? p->value : "");
        if (!items[i].key || !items[i].value) {
            return dsi_no_memory(err, "opening an appender");
        }
    }
    a->commit.summary = (struct ds_properties){items, count};
    return DS_OK;
}

static void set_options(struct dsi_appender *a, const struct ds_appender_options *o)
{
    struct ds_appender_options *own = &a->options;

    *own = *o;
    own->batch_rows_max = o->batch_rows_max ? o->batch_rows_max : 100000;
    own->batch_bytes_max = o->batch_bytes_max ? o->batch_bytes_max : INT64_C(64) << 20;
    own->batch_ms = o->batch_ms ? o->batch_ms : 100;
    own->batch_ms = at_most(own->batch_ms, FOR_EVER / NS_PER_MS);
    own->memory_bytes_max =
        o->memory_bytes_max ? o->memory_bytes_max : INT64_C(256) << 20;
    own->budget_ms = o->budget_ms ? o->budget_ms : 600000;
    own->commit = NULL; // Copied.
}

// Finds out now whether rows can be written at all.
static int probe(struct dsi_appender *a, struct ds_error *err)
{
    const struct dsi_metadata *m = dsi_table_metadata(a->table);
    const struct dsi_state *state = dsi_table_state(a->table);
    struct dsi_change *change = NULL;
    struct dsi_append *append = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_intake_new(m, NULL, &a->intake, err));
    DSI_TRY(dsi_change_new(state, &a->commit, &change, err));
    DSI_TRY(dsi_append_new(dsi_table_storage(a->table), m, change, &append, err));
done:
    dsi_append_free(append);
    dsi_change_free(change);
    dsi_state_unref(state);
    dsi_metadata_unref(m);
    return rc;
}

static void release(struct dsi_appender *a)
{
    struct dsi_handover *h = a->back_head;

    while (h) {
        struct dsi_handover *next = h->next;
        dsi_handover_free(h);
        h = next;
    }
    dsi_batch_builder_free(a->loose.builder);
    dsi_intake_unref(a->loose.intake);
    dsi_intake_unref(a->intake);
    dsi_cond_free(a->work);
    dsi_cond_free(a->sealed_or_end);
    dsi_cond_free(a->changed);
    dsi_mutex_free(a->mutex);
    dsi_arena_release(&a->arena);
    dsi_free(a);
}

// Starts the threads: both, or none.
static int start(struct dsi_appender *a, struct ds_error *err)
{
    int rc = dsi_thread_start(&a->committing, dsi_appender_run_committing, a, err);

    if (rc == DS_OK) {
        rc = dsi_thread_start(&a->writing, dsi_appender_run_writing, a, err);
    }
    if (rc < 0 && a->committing) {
        dsi_mutex_lock(a->mutex);
        a->writing_ended = true;
        dsi_cond_broadcast(a->sealed_or_end);
        dsi_mutex_unlock(a->mutex);
        dsi_thread_join(a->committing);
    }
    return rc;
}

int dsi_appender_open(struct dsi_table *table, const struct ds_appender_options *options,
                      struct dsi_appender **out, struct ds_error *err)
{
    static const struct ds_commit_options defaults = {.struct_size = sizeof defaults};
    struct dsi_appender *a = dsi_calloc(1, sizeof *a);
    int rc = DS_OK;

    *out = NULL;
    if (!a) {
        return dsi_no_memory(err, "opening an appender");
    }
    a->table = table;
    a->pid = dsi_posix()->getpid();
    a->open_ns = FOR_EVER;
    a->committing_ns = FOR_EVER;
    a->close_deadline_ns = FOR_EVER;
    a->failing_ns = -1;
    a->trouble_ns = -1;
    a->starved_ns = -1;
    set_options(a, options);
    DSI_TRY(copy_commit(a, options->commit ? options->commit : &defaults, err));
    DSI_TRY(probe(a, err));
    DSI_TRY(dsi_mutex_new(&a->mutex, err));
    DSI_TRY(dsi_cond_new(&a->work, err));
    DSI_TRY(dsi_cond_new(&a->sealed_or_end, err));
    DSI_TRY(dsi_cond_new(&a->changed, err));
    DSI_TRY(start(a, err));
    *out = a;
    a = NULL;
done:
    if (a) {
        release(a);
    }
    return rc;
}

int dsi_appender_close(struct dsi_appender *a, int64_t timeout_ms, struct ds_error *err)
{
    int rc = check_not_calling(a, "closing", err);
    bool first = false;

    if (rc < 0) {
        return rc;
    }
    dsi_mutex_lock(a->mutex);
    if (timeout_ms >= 0 && timeout_ms < FOR_EVER / NS_PER_MS / 4) {
        int64_t deadline = dsi_clock_monotonic_ns() + timeout_ms * NS_PER_MS;
        a->close_deadline_ns = at_most(a->close_deadline_ns, deadline);
    }
    first = !a->closing;
    a->closing = true;
    dsi_cond_broadcast(a->work);
    dsi_cond_broadcast(a->sealed_or_end);
    dsi_cond_broadcast(a->changed);
    if (first) {
        dsi_mutex_unlock(a->mutex);
        dsi_thread_join(a->writing);
        dsi_thread_join(a->committing);
        dsi_mutex_lock(a->mutex);
        a->writing = NULL;
        a->committing = NULL;
        a->closed = true;
        dsi_cond_broadcast(a->changed);
    }
    while (!a->closed) {
        dsi_cond_wait(a->changed, a->mutex);
    }
    rc = a->failure;
    if (rc < 0 && err) {
        *err = a->error;
    }
    dsi_mutex_unlock(a->mutex);
    return rc;
}

// Hand-overs on their way back; all of one intake.
struct returning {
    struct dsi_intake *intake; // A reference: batches point at its schema.
    struct dsi_handover *head;
};

static int next_returning(void *arg, struct dsi_batch *out, struct ds_error *err)
{
    struct returning *r = arg;
    struct dsi_handover *h = r->head;
    (void)err;

    if (!h) {
        return DS_OK;
    }
    r->head = h->next;
    *out = h->batch;
    h->batch = (struct dsi_batch){0};
    dsi_handover_free(h);
    return DS_ROW;
}

static void free_returning(void *arg)
{
    struct returning *r = arg;
    struct dsi_batch b = {0};

    while (next_returning(r, &b, NULL) == DS_ROW) {
        dsi_batch_release(&b);
    }
    dsi_intake_unref(r->intake);
    dsi_free(r);
}

// Takes the hand-overs of one outcome and one intake off the list.
static struct dsi_handover *take_some(struct dsi_appender *a, enum ds_outcome outcome)
{
    struct dsi_handover *taken = NULL;
    struct dsi_handover **end = &taken;
    struct dsi_handover **at = &a->back_head;

    while (*at) {
        struct dsi_handover *h = *at;
        if (h->outcome != outcome || (taken && taken->intake != h->intake)) {
            at = &h->next;
            continue;
        }
        *at = h->next;
        h->next = NULL;
        *end = h;
        end = &h->next;
    }
    a->back_tail = NULL;
    for (struct dsi_handover *h = a->back_head; h; h = h->next) {
        a->back_tail = h;
    }
    return taken;
}

int dsi_appender_take_back(struct dsi_appender *a, enum ds_outcome outcome,
                           struct ArrowArrayStream *out, struct ds_error *err)
{
    struct returning *r = NULL;
    int rc = check_owner(a, err);

    *out = (struct ArrowArrayStream){0};
    if (rc < 0) {
        return rc;
    }
    dsi_mutex_lock(a->mutex);
    if (!a->closed) {
        rc =
            dsi_fail(err, DS_EINVALID, "rows are given back once the appender is closed");
        goto done;
    }
    dsi_appender_keep_queue(a); // What there was no memory for before.
    r = dsi_calloc(1, sizeof *r);
    if (!r) {
        rc = dsi_no_memory(err, "giving back rows");
        goto done;
    }
    r->head = take_some(a, outcome);
    if (!r->head) {
        dsi_free(r);
        goto done;
    }
    r->intake = dsi_intake_ref(r->head->intake);
    rc = dsi_arrow_stream_new(
        dsi_intake_schema(r->intake),
        (struct dsi_batch_source){next_returning, free_returning, r}, out, err);
    rc = rc < 0 ? rc : DS_ROW;
done:
    dsi_mutex_unlock(a->mutex);
    return rc;
}

void dsi_appender_free(struct dsi_appender *a)
{
    if (!a || check_owner(a, NULL) < 0) {
        return; // A child's copy: whoever held the lock is not there to give it back.
    }
    if (!a->closed) {
        DSI_IGNORE(dsi_appender_close(a, 0, NULL)); // Who wants to know has called it.
    }
    release(a);
}
