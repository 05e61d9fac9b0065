#include "txn/housekeeper.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"
#include "storage/storage_posix.h"
#include "txn/tidy.h"

// Who has nothing else to do looks again after so many versions: with fewer files
// dsi_tidy does nothing.
enum { IDLE_EVERY = 16 };

// So many times in a turn it is asked whether the turn was dropped.
enum { LOOKS_IN_A_TURN = 8 };

#define NS_PER_MS INT64_C(1000000)

struct dsi_housekeeper {
    struct dsi_table *table;
    struct dsi_tidy limits; // The thread's, while it runs.
    atomic_bool stop;       // Told to the thread,
    atomic_llong until_ns;  // or when to stop by itself, monotonic clock; 0: never.
    // Guarded by dsi_fork_hold:
    int pid;                   // Whose thread it is.
    struct dsi_thread *thread; // It runs, or has ended; NULL: there is none.
    bool running;
    bool closing;                             // Who frees it joins the thread.
    bool called;                              // To merge.
    struct dsi_sweep *sweeps[DSI_SWEEPS_MAX]; // What waits, oldest first.
    size_t sweep_count;
    int64_t every;
    int64_t turn;                 // The sequence number with which the turn began.
    int64_t looked;               // The last one that was known at the end of one.
    struct dsi_housekeeper *next; // With a thread: in `with_threads`.
    struct dsi_housekeeper *previous;
};

static struct dsi_housekeeper *with_threads; // Guarded by dsi_fork_hold.

// --- whose threads there are

static void link_up(struct dsi_housekeeper *k)
{
    k->previous = NULL;
    k->next = with_threads;
    if (with_threads) {
        with_threads->previous = k;
    }
    with_threads = k;
}

// The thread, to be joined; NULL: there is none.
static struct dsi_thread *take_thread(struct dsi_housekeeper *k)
{
    struct dsi_thread *thread = k->thread;

    if (thread) {
        *(k->previous ? &k->previous->next : &with_threads) = k->next;
        if (k->next) {
            k->next->previous = k->previous;
        }
    }
    k->thread = NULL;
    return thread;
}

// Asked before a fork: true when this process has none of these threads any more (2).
static bool may_fork(void)
{
    const int pid = dsi_posix()->getpid();
    bool may = true;

    for (struct dsi_housekeeper *k = with_threads; k;) {
        struct dsi_housekeeper *next = k->next;
        if (k->pid == pid && k->running) {
            atomic_store(&k->stop, true);
            may = false;
        } else if (k->pid == pid && !k->closing) {
            dsi_thread_join(take_thread(k));
        }
        k = next;
    }
    return may;
}

// In a child of a fork that waited in vain: the thread is the parent's, and its memory is
// what is left of it.
static void leave_to_parent(struct dsi_housekeeper *k)
{
    const int pid = dsi_posix()->getpid();

    if (k->pid != pid) {
        (void)take_thread(k);
        k->running = false;
        k->called = false;
        k->pid = pid;
        for (size_t i = 0; i < k->sweep_count; i++) {
            dsi_sweep_free(k->sweeps[i]); // (5)
        }
        k->sweep_count = 0;
    }
}

// --- the thread

static bool must_stop(void *arg)
{
    struct dsi_housekeeper *k = arg;
    const int64_t until = atomic_load(&k->until_ns);

    return atomic_load(&k->stop) || (until > 0 && dsi_clock_monotonic_ns() >= until);
}

// True while the turn lasts, `number` being the last that is known, or was made by us.
// What is merged is what was there when it began.
static bool is_our_turn(struct dsi_housekeeper *k, int64_t number)
{
    dsi_fork_hold();
    if (number % k->every == 0) {
        k->turn = number; // Passed by ourselves.
    }
    bool ours = number / k->every <= k->turn / k->every;
    k->limits.number_max = k->turn;
    k->looked = number;
    dsi_fork_let();
    return ours;
}

static void merge_all(struct dsi_housekeeper *k, struct dsi_table *own)
{
    const struct dsi_metadata *m = NULL;
    struct dsi_tidied done = {.files = 1};
    struct ds_error err = {0};
    int64_t number = 0;
    int rc = dsi_table_refresh(own, &err);

    if (rc == DS_OK) {
        m = dsi_table_metadata(own);
        number = m->last_sequence_number;
        dsi_metadata_unref(m);
    }
    while (rc == DS_OK && done.files > 0 && is_our_turn(k, number)) {
        rc = dsi_tidy_once(own, &k->limits, &done, &err);
        number = done.files > 0 ? done.number : number;
    }
    if (rc < 0) { // (3)
        dsi_log(DS_LOG_DEBUG, "merging small files: %s", err.message);
    }
}

static void merge(struct dsi_housekeeper *k)
{
    struct ds_cancel_scope cancel = {.cancelled = must_stop, .arg = k};
    struct dsi_table *own = NULL;

    dsi_cancel_begin(&cancel);
    if (dsi_table_twin(k->table, &own, NULL) == DS_OK) {
        merge_all(k, own);
    }
    dsi_table_free(own);
    dsi_cancel_end(&cancel);
}

// The oldest sweep; NULL: none waits. With dsi_fork_hold.
static struct dsi_sweep *take_sweep(struct dsi_housekeeper *k)
{
    struct dsi_sweep *first = k->sweep_count > 0 ? k->sweeps[0] : NULL;

    if (first) {
        k->sweep_count--;
        memmove(k->sweeps, k->sweeps + 1, k->sweep_count * sizeof(struct dsi_sweep *));
    }
    return first;
}

static void run_sweep(struct dsi_sweep *s)
{
    dsi_sweep_run(s);
    dsi_sweep_free(s);
}

static void run(void *arg)
{
    struct dsi_housekeeper *k = arg;
    bool more = true;

    while (more) {
        dsi_fork_hold();
        bool stop = must_stop(k);
        struct dsi_sweep *sweep = stop ? NULL : take_sweep(k); // (4)
        bool called = !stop && !sweep && k->called;
        k->called = k->called && sweep;
        more = sweep || called;
        k->running = more;
        dsi_fork_let();
        if (sweep) {
            run_sweep(sweep);
        } else if (called) {
            merge(k);
        }
    }
}

// --- coming forward

// There is something to do: starts a thread, unless one is at work, which goes on with
// that. False: there is none. With dsi_fork_hold.
static bool start(struct dsi_housekeeper *k)
{
    if (!k->running) {
        dsi_thread_join(take_thread(k)); // It has ended.
        atomic_store(&k->stop, false);
        k->running = dsi_thread_start(&k->thread, run, k, NULL) == DS_OK;
        if (k->thread) {
            link_up(k);
        }
    }
    return k->running;
}

// A turn to merge begins with `number`.
static void come_forward(struct dsi_housekeeper *k, int64_t number, int64_t every)
{
    if (dsi_fork_ask(may_fork, NULL) < 0) {
        return; // Forks cannot be seen.
    }
    dsi_fork_hold();
    leave_to_parent(k);
    k->turn = number;
    k->every = every;
    k->called = true;
    k->called = start(k); // Else another time.
    dsi_fork_let();
}

bool dsi_housekeeper_sweep(struct dsi_table *table, struct dsi_sweep *s)
{
    struct dsi_housekeeper *k = dsi_table_housekeeper(table, true);
    bool taken = false;

    if (!k || dsi_fork_ask(may_fork, NULL) < 0) {
        return false;
    }
    dsi_fork_hold();
    leave_to_parent(k);
    if (start(k) && k->sweep_count < DSI_SWEEPS_MAX) { // What waits goes on, too.
        k->sweeps[k->sweep_count++] = s;
        taken = true;
    }
    dsi_fork_let();
    return taken;
}

// How many sequence numbers are a turn; 0: nothing is merged in this table.
static int64_t turn_of(const struct dsi_metadata *m)
{
    struct ds_error err = {0};
    int64_t every = DSI_MERGE_EVERY;
    bool wanted = false;

    if (m->format_version != 2 || dsi_tidy_is_wanted(m, &wanted, NULL) < 0 || !wanted) {
        return 0;
    }
    if (dsi_metadata_property_i64(m, DSI_KEY_MERGE_EVERY, DSI_MERGE_EVERY, 1, &every,
                                  &err) < 0) {
        dsi_log(DS_LOG_WARN, "%s; taking %d", err.message, DSI_MERGE_EVERY);
        every = DSI_MERGE_EVERY;
    }
    return every;
}

static bool is_rewrite(const struct dsi_change *c)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        if (c->operations[i].kind == DSI_OPERATION_REWRITE) {
            return true;
        }
    }
    return false;
}

static bool is_merge(const struct dsi_snapshot *s)
{
    const char *operation = dsi_snapshot_summary(s, "operation");

    return operation && strcmp(operation, "replace") == 0;
}

// Whether the turn that `m` is in began some time ago and shows no merge. Of a turn whose
// beginning is forgotten nobody knows.
static bool was_dropped(const struct dsi_metadata *m, int64_t every)
{
    const int64_t turn = m->last_sequence_number / every * every;
    const struct dsi_snapshot *oldest = NULL; // Of this turn.
    int64_t newest_ms = INT64_MIN;

    for (size_t i = m->snapshot_count; i > 0; i--) {
        const struct dsi_snapshot *s = m->snapshots[i - 1];
        if (s->sequence_number < turn) {
            break;
        }
        if (is_merge(s)) {
            return false;
        }
        newest_ms = s->timestamp_ms > newest_ms ? s->timestamp_ms : newest_ms;
        oldest = s;
    }
    return turn > 0 && oldest && oldest->sequence_number == turn &&
           newest_ms - oldest->timestamp_ms >= DSI_MERGE_DROPPED_MS;
}

// Whether the handle has looked after small files in the turn of `number` already.
static bool has_looked(struct dsi_table *table, int64_t number, int64_t every)
{
    struct dsi_housekeeper *k = dsi_table_housekeeper(table, false);
    bool has = false;

    if (k) {
        dsi_fork_hold();
        has = k->looked / every >= number / every;
        dsi_fork_let();
    }
    return has;
}

// Whether a commit that led from `before` to `m` begins a turn, or takes up a dropped one
// (1).
static bool is_to_come(struct dsi_table *table, int64_t before,
                       const struct dsi_metadata *m, int64_t every)
{
    const int64_t now = m->last_sequence_number;
    const int64_t step = every < LOOKS_IN_A_TURN ? 1 : every / LOOKS_IN_A_TURN;

    return before / every < now / every ||
           (before / step < now / step && !has_looked(table, now, every) &&
            was_dropped(m, every));
}

void dsi_housekeeper_committed(const struct dsi_attempts *a)
{
    const struct dsi_metadata *m = a->state ? a->state->metadata : NULL;
    const int64_t before = a->trail.base.sequence_number;
    const int64_t every = m && !is_rewrite(a->change) ? turn_of(m) : 0;

    if (every > 0 && is_to_come(a->table, before, m, every)) {
        struct dsi_housekeeper *k = dsi_table_housekeeper(a->table, true);
        if (k) {
            come_forward(k, m->last_sequence_number, every);
        }
    }
}

void dsi_housekeeper_idle(struct dsi_table *table)
{
    const struct dsi_metadata *m = dsi_table_metadata(table);
    const int64_t number = m->last_sequence_number;
    const int64_t every = turn_of(m);
    struct dsi_housekeeper *k = every > 0 ? dsi_table_housekeeper(table, true) : NULL;

    dsi_metadata_unref(m);
    if (k) {
        dsi_fork_hold();
        bool worth = number - k->looked >= IDLE_EVERY;
        dsi_fork_let();
        if (worth) {
            come_forward(k, number, every);
        }
    }
}

bool dsi_housekeeper_is_busy(struct dsi_table *table)
{
    struct dsi_housekeeper *k = dsi_table_housekeeper(table, false);
    bool busy = false;

    if (k) {
        dsi_fork_hold();
        busy = k->running && k->pid == dsi_posix()->getpid();
        dsi_fork_let();
    }
    return busy;
}

struct dsi_housekeeper *dsi_housekeeper_new(struct dsi_table *table)
{
    struct dsi_housekeeper *k = dsi_calloc(1, sizeof *k);

    if (k) {
        k->table = table;
        k->every = DSI_MERGE_EVERY;
        k->pid = dsi_posix()->getpid();
        atomic_init(&k->stop, false);
        atomic_init(&k->until_ns, 0);
    }
    return k;
}

// How long a thread that is at work goes on (2).
static int64_t time_at_close(struct dsi_housekeeper *k)
{
    const struct dsi_metadata *m = dsi_table_metadata(k->table);
    struct ds_error err = {0};
    int64_t ms = DSI_MERGE_AT_CLOSE_MS;

    if (dsi_metadata_property_i64(m, DSI_KEY_MERGE_AT_CLOSE, DSI_MERGE_AT_CLOSE_MS, 0,
                                  &ms, &err) < 0) {
        dsi_log(DS_LOG_WARN, "%s; taking %d", err.message, DSI_MERGE_AT_CLOSE_MS);
        ms = DSI_MERGE_AT_CLOSE_MS;
    }
    dsi_metadata_unref(m);
    return ms;
}

// Tells the thread until when it may work.
static void limit(struct dsi_housekeeper *k, int64_t wait_ms)
{
    int64_t ms = wait_ms < 0 ? time_at_close(k) : wait_ms;
    const int64_t now = dsi_clock_monotonic_ns();

    ms = ms < INT64_MAX / NS_PER_MS / 2 ? ms : INT64_MAX / NS_PER_MS / 2;
    if (ms == 0) {
        atomic_store(&k->stop, true);
    } else {
        atomic_store(&k->until_ns, now + ms * NS_PER_MS);
    }
}

void dsi_housekeeper_free(struct dsi_housekeeper *k, int64_t wait_ms)
{
    if (k) {
        dsi_fork_hold();
        leave_to_parent(k);
        k->closing = true; // Until it has stopped it is seen by forks, which wait for it.
        struct dsi_thread *thread = k->thread;
        dsi_fork_let();
        limit(k, wait_ms);
        dsi_thread_join(thread);
        dsi_fork_hold();
        (void)take_thread(k);
        dsi_fork_let();
        while (k->sweep_count > 0) { // Nobody else has it any more.
            run_sweep(take_sweep(k));
        }
        dsi_free(k);
    }
}
