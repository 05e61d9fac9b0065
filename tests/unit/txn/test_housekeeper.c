#include "txn/housekeeper.h"

#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/fault.h"
#include "base/thread.h"
#include "tidy_fixture.h"
#include "txn/expire.h"

enum { EVERY = 20, FAULTS = 120 };

// The first ON_COUNT, and for handles that are to be closed at once one more.
static const struct ds_property on[] = {{DSI_KEY_MERGE_SMALL_FILES, "true"},
                                        {DSI_KEY_MERGE_EVERY, "20"},
                                        {DSI_KEY_MERGE_AT_CLOSE, "0"}};
enum { ON_COUNT = 2, AT_ONCE_COUNT = 3 };

// Time goes by steps too small for a reader to be late.
static atomic_llong now_us = INT64_C(1700000000000000);

// Of the thread that closes a handle: its looks at the clock are seen.
static pthread_t closer;
static atomic_bool *_Atomic closing; // Set then; NULL: nobody closes.
static atomic_int after_us;          // And time goes by larger steps; 0: it does not.

static int64_t wall_us(void)
{
    return atomic_fetch_add(&now_us, 1);
}

static int64_t monotonic_ns(void)
{
    atomic_bool *seen = atomic_load(&closing);

    if (seen && pthread_equal(pthread_self(), closer)) {
        atomic_store(seen, true);
    }
    return atomic_fetch_add(&now_us, 1 + atomic_load(&after_us)) * 1000;
}

static int slow_clock(void **state)
{
    static const struct dsi_clock_ops slow = {wall_us, monotonic_ns};
    (void)state;
    dsi_clock_set(&slow);
    return 0;
}

static int own_clock(void **state)
{
    (void)state;
    dsi_fault_stop();
    dsi_clock_set(NULL);
    return 0;
}

static void await_idle(struct dsi_table *t)
{
    while (dsi_housekeeper_is_busy(t)) {
        sched_yield();
    }
}

// Appends rows first, first + 1, … in commits of their own.
static void append_each(struct dsi_table *t, int64_t first, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        tidy_append(t, first + i, 1, "x");
    }
}

static int64_t last_number(struct dsi_table *t)
{
    assert_int_equal(dsi_table_refresh(t, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    int64_t number = m->last_sequence_number;
    dsi_metadata_unref(m);
    return number;
}

// How many versions of the table are merges.
static size_t merges(struct dsi_table *t)
{
    assert_int_equal(dsi_table_refresh(t, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    size_t n = 0;
    for (size_t i = 0; i < m->snapshot_count; i++) {
        n += strcmp(dsi_snapshot_summary(m->snapshots[i], "operation"), "replace") == 0;
    }
    dsi_metadata_unref(m);
    return n;
}

// The rows 0 to count - 1, each once: what a table that never merges has.
static void check_rows(struct dsi_catalog *c, int64_t count)
{
    struct dsi_catalog other;
    catalog_init(&other);
    struct dsi_table *t = test_create(&other, NULL, 0);
    tidy_append(t, 0, count, "x");
    struct tidy_rows wanted = tidy_rows(&other);
    struct tidy_rows there = tidy_rows(c);
    assert_int_equal(there.count, wanted.count);
    assert_true(there.sum == wanted.sum);
    dsi_table_free(t);
    catalog_release(&other);
}

static void test_housekeeper__comes_forward_when_its_turn_begins(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, on, ON_COUNT);
    append_each(t, 0, EVERY - 1);
    assert_null(dsi_table_housekeeper(t, false));
    append_each(t, EVERY - 1, 1);
    await_idle(t);
    assert_int_equal(tidy_seen(&c).files, 1);
    assert_int_equal(last_number(t), EVERY + 1);
    check_rows(&c, EVERY);
    append_each(t, EVERY, EVERY - 2); // The merge was a version, too.
    await_idle(t);
    assert_int_equal(tidy_seen(&c).files, EVERY - 1);
    append_each(t, 2 * EVERY - 2, 1);
    await_idle(t);
    assert_int_equal(tidy_seen(&c).files, 1);
    assert_int_equal(merges(t), 2);
    check_rows(&c, 2 * EVERY - 1);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_housekeeper__of_several_handles_one_comes_forward(void **state)
{
    struct dsi_catalog c;
    struct dsi_table *t[3];
    (void)state;

    catalog_init(&c);
    t[0] = test_create(&c, on, ON_COUNT);
    t[1] = test_open(&c);
    t[2] = test_open(&c);
    for (int64_t i = 0; i < 3 * EVERY - 2; i++) {
        tidy_append(t[i % 3], i, 1, "x");
        for (int k = 0; k < 3; k++) {
            await_idle(t[k]);
        }
    }
    assert_int_equal(last_number(t[0]), 3 * EVERY + 1);
    assert_int_equal(merges(t[0]), 3);
    check_rows(&c, 3 * EVERY - 2);
    for (int k = 0; k < 3; k++) {
        dsi_table_free(t[k]);
    }
    catalog_release(&c);
}

static void test_housekeeper__starts_no_thread_where_nothing_is_wanted(void **state)
{
    static const struct ds_property cases[][3] = {
        {{DSI_KEY_MERGE_EVERY, "1"}},
        {{DSI_KEY_MERGE_EVERY, "1"},
         {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
         {DSI_KEY_MERGE_SMALL_FILES, "false"}},
        {{DSI_KEY_MERGE_EVERY, "0"}, {DSI_KEY_MERGE_SMALL_FILES, "true"}}};
    static const size_t counts[] = {1, 3, 2};
    (void)state;

    for (size_t i = 0; i < 3; i++) { // The last is no number of versions: 128 is.
        struct dsi_catalog c;
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, cases[i], counts[i]);
        append_each(t, 0, 40);
        if (i < 2) {
            dsi_housekeeper_idle(t);
        }
        assert_null(dsi_table_housekeeper(t, false));
        assert_int_equal(last_number(t), 40);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

static void test_housekeeper__an_idle_caller_does_not_wait_for_the_turn(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, tidy_on, 1);
    append_each(t, 0, 15);
    dsi_housekeeper_idle(t);
    await_idle(t);
    assert_int_equal(tidy_seen(&c).files, 15); // Not worth a look.
    append_each(t, 15, 1);
    dsi_housekeeper_idle(t);
    await_idle(t);
    assert_int_equal(tidy_seen(&c).files, 1);
    append_each(t, 16, 15);
    dsi_housekeeper_idle(t);
    await_idle(t);
    assert_int_equal(merges(t), 1);
    check_rows(&c, 31);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_housekeeper__without_a_thread_it_is_another_time(void **state)
{
    struct dsi_catalog c;
    struct dsi_fault_plan plan = {0};
    bool met = false;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, tidy_on, 1);
    append_each(t, 0, 16);
    while (!met) {
        assert_true(dsi_fault_next(&plan));
        dsi_housekeeper_idle(t);
        met = plan.name && strcmp(plan.name, "thread.start") == 0;
        dsi_fault_stop();
        assert_false(dsi_housekeeper_is_busy(t));
    }
    assert_int_equal(merges(t), 0);
    dsi_housekeeper_idle(t);
    await_idle(t);
    assert_int_equal(tidy_seen(&c).files, 1);
    check_rows(&c, 16);
    dsi_table_free(t);
    catalog_release(&c);
}

// --- in the middle of its work

// Holds the housekeeper up at one of the catalog's steps, until it is told to stop.
struct holdup {
    pthread_t caller;
    unsigned at;
    atomic_uint seen;
    atomic_bool there;
    atomic_bool let; // Nobody is held up any more.
    atomic_bool left;
};

static void hold_up(void *arg, const char *where)
{
    struct holdup *h = arg;
    (void)where;

    if (pthread_equal(pthread_self(), h->caller) ||
        atomic_fetch_add(&h->seen, 1) + 1 != h->at) {
        return;
    }
    atomic_store(&h->there, true);
    while (!dsi_cancelled() && !atomic_load(&h->let)) {
        sched_yield();
    }
    atomic_store(&h->left, true);
}

// Brings the housekeeper to that step; false: it has ended before.
static bool bring_to(struct dsi_catalog *c, struct dsi_table *t, struct holdup *h,
                     unsigned at)
{
    h->caller = pthread_self();
    h->at = at;
    atomic_store(&h->seen, 0);
    atomic_store(&h->there, false);
    atomic_store(&h->let, false);
    atomic_store(&h->left, false);
    c->step = hold_up;
    c->arg = h;
    append_each(t, 0, EVERY);
    while (!atomic_load(&h->there) && dsi_housekeeper_is_busy(t)) {
        sched_yield();
    }
    return atomic_load(&h->there);
}

// What is there is all rows, in the files before or after, and no other data file.
static bool check_either(struct dsi_catalog *c)
{
    size_t files = tidy_seen(c).files;
    assert_true(files == EVERY || files == 1);
    assert_int_equal(tidy_data_files(c), EVERY + (files == 1));
    check_rows(c, EVERY);
    return files == 1;
}

static void test_housekeeper__closing_ends_it_at_once_with_nothing_left(void **state)
{
    static struct holdup h;
    unsigned merged = 0;
    unsigned stopped = 0;
    bool more = true;
    (void)state;

    for (unsigned at = 1; more; at++) {
        struct dsi_catalog c;
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, on, AT_ONCE_COUNT);
        more = bring_to(&c, t, &h, at);
        dsi_table_free(t); // Hangs, if it is not asked to stop.
        c.step = NULL;
        if (check_either(&c)) {
            merged++;
        } else {
            stopped++;
        }
        catalog_release(&c);
    }
    assert_true(stopped > 1); // On its way,
    assert_true(merged > 1);  // and when it was sent already, or done.
}

// Closes a handle whose housekeeper is held up; it is let go on while that is waited for.
static void close_and_let(struct dsi_table *t, atomic_bool *let, int step_us)
{
    closer = pthread_self();
    atomic_store(&after_us, step_us);
    atomic_store(&closing, let);
    dsi_table_free(t);
    atomic_store(&closing, NULL);
    atomic_store(&after_us, 0);
}

static void test_housekeeper__closing_lets_it_finish(void **state)
{
    static struct holdup h;
    bool more = true;
    (void)state;

    for (unsigned at = 1; more; at++) {
        struct dsi_catalog c;
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, on, ON_COUNT);
        more = bring_to(&c, t, &h, at);
        close_and_let(t, &h.let, 0);
        c.step = NULL;
        assert_true(check_either(&c));
        catalog_release(&c);
    }
}

// As `hold_up`, but nobody else lets it go on: only its time does.
static void hold_for_good(void *arg, const char *where)
{
    hold_up(arg, where);
    while (atomic_load(&((struct holdup *)arg)->there) && !dsi_cancelled() &&
           !pthread_equal(pthread_self(), ((struct holdup *)arg)->caller)) {
        sched_yield();
    }
}

static void test_housekeeper__closing_ends_it_when_its_time_is_over(void **state)
{
    static struct holdup h;
    (void)state;

    for (unsigned at = 1; at < 4; at++) {
        struct dsi_catalog c;
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, on, ON_COUNT);
        assert_true(bring_to(&c, t, &h, at));
        c.step = hold_for_good;
        const int64_t before = atomic_load(&now_us);
        close_and_let(t, &h.let, 1000);
        const int64_t took = atomic_load(&now_us) - before;
        assert_in_range(took, DSI_MERGE_AT_CLOSE_MS * 1000, DSI_MERGE_AT_CLOSE_MS * 4000);
        c.step = NULL;
        check_either(&c);
        catalog_release(&c);
    }
}

// A turn that was dropped with rows 0 to EVERY - 1; nothing was merged.
static struct dsi_table *drop_turn(struct dsi_catalog *c, const struct ds_property *all,
                                   size_t count)
{
    static struct holdup h;

    struct dsi_table *t = test_create(c, all, count);
    assert_true(bring_to(c, t, &h, 1));
    dsi_table_free(t);
    c->step = NULL;
    assert_int_equal(tidy_seen(c).files, EVERY);
    return test_open(c);
}

static void test_housekeeper__a_dropped_turn_is_taken_up_after_a_while(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = drop_turn(&c, on, AT_ONCE_COUNT);
    append_each(t, EVERY, 4); // Who began it may be at work still.
    assert_null(dsi_table_housekeeper(t, false));
    atomic_fetch_add(&now_us, DSI_MERGE_DROPPED_MS * INT64_C(1000));
    append_each(t, EVERY + 4, 2); // An eighth of a turn is passed by one of them.
    await_idle(t);
    assert_int_equal(merges(t), 1);
    assert_in_range(tidy_seen(&c).files, 1, 2);
    atomic_fetch_add(&now_us, DSI_MERGE_DROPPED_MS * INT64_C(1000));
    dsi_table_free(t); // Another one sees that the turn is done.
    t = test_open(&c);
    append_each(t, EVERY + 6, 9);
    assert_null(dsi_table_housekeeper(t, false));
    check_rows(&c, EVERY + 15);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_housekeeper__what_history_forgot_is_not_taken_for_dropped(void **state)
{
    static const struct ds_property forgetful[] = {
        {DSI_KEY_MERGE_SMALL_FILES, "true"},
        {DSI_KEY_MERGE_EVERY, "20"},
        {DSI_KEY_MERGE_AT_CLOSE, "0"},
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "3"}};
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = drop_turn(&c, forgetful, 6);
    append_each(t, EVERY, 3); // The turn's first snapshot goes.
    for (int64_t i = 3; i < EVERY - 1; i++) {
        atomic_fetch_add(&now_us, DSI_MERGE_DROPPED_MS * INT64_C(1000));
        tidy_append(t, EVERY + i, 1, "x");
        await_idle(t); // It may have been given a sweep.
        assert_int_equal(merges(t), 0);
    }
    dsi_table_free(t);
    catalog_release(&c);
}

// In a child, whose parent's housekeeper was held up: it can do all that the parent can.
static int child_works(struct dsi_catalog *c, struct dsi_table *t)
{
    if (dsi_housekeeper_is_busy(t)) {
        return 1;
    }
    const int64_t first = tidy_rows(c).count;
    append_each(t, first, EVERY);
    await_idle(t);
    if (tidy_seen(c).files > EVERY || merges(t) == 0) {
        return 2;
    }
    check_rows(c, first + EVERY);
    dsi_table_free(t);
    return 0;
}

static void test_housekeeper__a_fork_waits_for_it_and_the_child_has_its_own(void **state)
{
    static struct holdup h;
    bool more = true;
    (void)state;

    for (unsigned at = 1; more; at++) {
        struct dsi_catalog c;
        int status = 0;
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, on, ON_COUNT);
        more = bring_to(&c, t, &h, at);
        pid_t child = fork();
        if (child == 0) {
            c.step = NULL;
            alarm(60); // A child that hangs is not to stay.
            _exit(child_works(&c, t));
        }
        assert_false(dsi_housekeeper_is_busy(t));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        c.step = NULL;
        check_either(&c);
        append_each(t, EVERY, EVERY); // And the parent takes it up again.
        await_idle(t);
        assert_true(tidy_seen(&c).files < EVERY);
        check_rows(&c, 2 * EVERY);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

// --- sweeps

// Removals of other threads than the test's wait until they are let.
static struct {
    const struct ds_storage_ops *mem;
    pthread_t caller;
    atomic_uint own; // Removals by the test's thread.
    atomic_bool there;
    atomic_bool let;
} removals;

static int remove_when_told(ds_storage *s, const char *path, struct ds_error *err)
{
    if (pthread_equal(pthread_self(), removals.caller)) {
        atomic_fetch_add(&removals.own, 1);
    } else {
        atomic_store(&removals.there, true);
        while (!atomic_load(&removals.let)) {
            sched_yield();
        }
    }
    return removals.mem->remove(s, path, err);
}

static void hold_removals(struct dsi_catalog *c)
{
    static struct ds_storage_ops ops;

    removals.mem = c->storage->ops;
    ops = *removals.mem;
    ops.remove = remove_when_told;
    c->storage->ops = &ops;
    removals.caller = pthread_self();
    atomic_store(&removals.own, 0);
    atomic_store(&removals.there, false);
    atomic_store(&removals.let, false);
}

static void await_removal(void)
{
    while (!atomic_load(&removals.there)) {
        sched_yield();
    }
}

static int count_list(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)info;
    *(size_t *)arg += strstr(path, "/snap-") != NULL;
    return DS_OK;
}

static size_t lists(struct dsi_catalog *c)
{
    size_t n = 0;
    assert_int_equal(dsi_storage_list(c->storage, "memory:///t", count_list, &n, NULL),
                     DS_OK);
    return n;
}

enum { OLD = 40, KEPT = 3 };

// A table whose next commit forgets all its OLD snapshots but the newest.
static struct dsi_table *make_old(struct dsi_catalog *c)
{
    static const struct ds_property forgetful[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {DSI_KEY_MERGE_SMALL_FILES, "false"},
        {"history.expire.max-snapshot-age-ms", "1000"},
        {"history.expire.min-snapshots-to-keep", "3"}};

    catalog_init(c);
    hold_removals(c);
    struct dsi_table *t = test_create(c, forgetful, 4);
    append_each(t, 0, OLD);
    assert_int_equal(lists(c), OLD);
    assert_null(dsi_table_housekeeper(t, false));
    atomic_fetch_add(&now_us, INT64_C(3600000000));
    return t;
}

static void test_housekeeper__nobody_waits_for_a_sweep(void **state)
{
    struct dsi_catalog c;
    (void)state;

    struct dsi_table *t = make_old(&c);
    append_each(t, OLD, 1);
    await_removal();
    append_each(t, OLD + 1, 1);
    assert_true(dsi_housekeeper_is_busy(t));
    assert_int_equal(lists(&c), OLD + 1); // The second had one to forget, and did.
    atomic_store(&removals.let, true);
    await_idle(t);
    assert_int_equal(lists(&c), KEPT);
    check_rows(&c, OLD + 2);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_housekeeper__who_asks_for_it_finds_it_done(void **state)
{
    struct dsi_catalog c;
    struct dsi_change *change = NULL;
    (void)state;

    struct dsi_table *t = make_old(&c);
    const struct dsi_state *s = dsi_table_state(t);
    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    assert_int_equal(dsi_change_expire(change, dsi_clock_wall_us() / 1000, 1, NULL),
                     DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    assert_int_equal(lists(&c), 1);
    assert_null(dsi_table_housekeeper(t, false));
    dsi_change_free(change);
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&c);
}

// A sweep of one file, which is there.
static struct dsi_sweep *sweep_of(struct dsi_catalog *c, const char *path)
{
    struct ds_slice bytes = {(const uint8_t *)"x", 1};

    assert_int_equal(dsi_storage_put(c->storage, path, bytes, 0, NULL), DS_OK);
    struct dsi_sweep *s = dsi_sweep_new(c->storage);
    assert_non_null(s);
    dsi_sweep_add(s, path);
    return s;
}

static void name_file(char *out, size_t size, unsigned i)
{
    snprintf(out, size, "memory:///t/metadata/swept-%u", i);
}

static bool is_there(struct dsi_catalog *c, unsigned i)
{
    char path[64];
    name_file(path, sizeof path, i);
    return test_exists(c->storage, path);
}

// Gives it a sweep of file `i`.
static bool give(struct dsi_catalog *c, struct dsi_table *t, unsigned i)
{
    char path[64];

    name_file(path, sizeof path, i);
    struct dsi_sweep *s = sweep_of(c, path);
    bool taken = dsi_housekeeper_sweep(t, s);
    if (!taken) {
        dsi_sweep_free(s);
    }
    return taken;
}

// One at work, and as many waiting as there may be.
static struct dsi_table *give_all(struct dsi_catalog *c)
{
    catalog_init(c);
    hold_removals(c);
    struct dsi_table *t = test_create(c, on, AT_ONCE_COUNT);
    assert_true(give(c, t, 0));
    await_removal();
    for (unsigned i = 1; i <= DSI_SWEEPS_MAX; i++) {
        assert_true(give(c, t, i));
    }
    return t;
}

static void check_swept(struct dsi_catalog *c)
{
    for (unsigned i = 0; i <= DSI_SWEEPS_MAX; i++) {
        assert_false(is_there(c, i));
    }
}

static void test_housekeeper__only_so_many_sweeps_wait(void **state)
{
    struct dsi_catalog c;
    (void)state;

    struct dsi_table *t = give_all(&c);
    assert_false(give(&c, t, DSI_SWEEPS_MAX + 1));
    atomic_store(&removals.let, true);
    await_idle(t);
    check_swept(&c);
    assert_true(is_there(&c, DSI_SWEEPS_MAX + 1)); // It is still the caller's.
    assert_int_equal(atomic_load(&removals.own), 0);
    assert_true(give(&c, t, DSI_SWEEPS_MAX + 1));
    await_idle(t);
    assert_false(is_there(&c, DSI_SWEEPS_MAX + 1));
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_housekeeper__merges_when_it_has_swept(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    hold_removals(&c);
    struct dsi_table *t = test_create(&c, on, ON_COUNT);
    assert_true(give(&c, t, 0));
    await_removal();
    assert_true(give(&c, t, 1));
    append_each(t, 0, EVERY); // A turn begins.
    assert_int_equal(merges(t), 0);
    atomic_store(&removals.let, true);
    await_idle(t);
    assert_false(is_there(&c, 0) || is_there(&c, 1));
    assert_int_equal(merges(t), 1);
    check_rows(&c, EVERY);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_housekeeper__closing_does_the_sweeps_that_wait(void **state)
{
    struct dsi_catalog c;
    (void)state;

    struct dsi_table *t = give_all(&c);
    close_and_let(t, &removals.let, 0);
    check_swept(&c);
    assert_in_range(atomic_load(&removals.own), 1, DSI_SWEEPS_MAX);
    catalog_release(&c);
}

static void test_housekeeper__without_a_thread_a_sweep_is_the_callers(void **state)
{
    struct dsi_catalog c;
    struct dsi_fault_plan plan = {0};
    bool met = false;
    (void)state;

    catalog_init(&c);
    hold_removals(&c);
    atomic_store(&removals.let, true);
    struct dsi_table *t = test_create(&c, on, ON_COUNT);
    while (!met) {
        struct dsi_sweep *s = sweep_of(&c, "memory:///t/metadata/swept-0");
        assert_true(dsi_fault_next(&plan));
        bool taken = dsi_housekeeper_sweep(t, s);
        met = plan.name && strcmp(plan.name, "thread.start") == 0;
        dsi_fault_stop();
        assert_true(!taken || !met);
        if (!taken) {
            dsi_sweep_free(s);
        }
        await_idle(t);
    }
    assert_true(is_there(&c, 0));
    dsi_table_free(t);
    catalog_release(&c);
}

// In a child: what its parent was to remove stays, and what it is given itself goes.
static int child_sweeps(struct dsi_catalog *c, struct dsi_table *t)
{
    if (dsi_housekeeper_is_busy(t)) {
        return 1;
    }
    if (!give(c, t, DSI_SWEEPS_MAX + 1)) {
        return 2;
    }
    await_idle(t);
    if (is_there(c, DSI_SWEEPS_MAX + 1) || !is_there(c, 1)) {
        return 3;
    }
    dsi_table_free(t);
    return is_there(c, 1) ? 0 : 4;
}

// The fork does not wait for what is held up for good.
static void test_housekeeper__a_child_leaves_sweeps_to_its_parent(void **state)
{
    struct dsi_catalog c;
    int status = 0;
    (void)state;

    SKIP_IF_CHILDREN_MAY_START_NO_THREADS();
    struct dsi_table *t = give_all(&c);
    pid_t child = fork();
    if (child == 0) {
        atomic_store(&removals.let, true);
        alarm(60);
        _exit(child_sweeps(&c, t));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    atomic_store(&removals.let, true);
    await_idle(t); // It was asked to stop,
    assert_true(is_there(&c, DSI_SWEEPS_MAX));
    assert_false(give(&c, t, DSI_SWEEPS_MAX + 1)); // and what waits is taken up again.
    await_idle(t);
    check_swept(&c);
    dsi_table_free(t);
    catalog_release(&c);
}

// --- a fork while another thread closes the handle

// Who closes waits for the housekeeper's end: not before `may` is that so.
static struct {
    const struct dsi_thread_ops *system;
    pthread_t forks;     // The other thread.
    atomic_bool held_up; // There is such a test at all.
    atomic_bool waits;   // Who closes is there.
    atomic_bool may;
    atomic_uint stolen; // Joined by who forks: nothing is its to join.
} joining;

// Called before each fork, when the library has been asked: the housekeeper has ended,
// but nobody has joined it, and on its way out it may hold the lock of AddressSanitizer's
// allocator, which a child would find locked for good. (glibc's own sees to that.) There
// it is waited for, until the test's two threads are all there are.
static void let_ended_thread_go(void)
{
#ifdef __SANITIZE_ADDRESS__
    struct stat tasks = {.st_nlink = 0};

    while (atomic_load(&joining.held_up) && stat("/proc/self/task", &tasks) == 0 &&
           tasks.st_nlink > 2 + 2) {
        sched_yield();
    }
#endif
}

static void join_when_told(struct dsi_thread *t)
{
    if (!atomic_load(&joining.held_up)) {
        joining.system->join(t);
    } else if (pthread_equal(pthread_self(), joining.forks)) {
        atomic_fetch_add(&joining.stolen, 1);
    } else {
        atomic_store(&joining.waits, true);
        while (!atomic_load(&joining.may)) {
            sched_yield();
        }
        joining.system->join(t);
    }
}

static int slow_clock_and_held_up_joins(void **state)
{
    static struct dsi_thread_ops ops;

    joining.system = dsi_threads();
    ops = *joining.system;
    ops.join = join_when_told;
    dsi_thread_set(&ops);
    return slow_clock(state);
}

static int own_clock_and_joins(void **state)
{
    dsi_thread_set(NULL);
    return own_clock(state);
}

static void *close_handle(void *arg)
{
    dsi_table_free(arg);
    return NULL;
}

// Forks when the handle is being closed and nobody but the fork asks the housekeeper to
// stop. What the child did; 100 when it was made too early.
static int fork_while_closing(struct dsi_catalog *c, struct holdup *h, bool held)
{
    int status = 0;

    while (!atomic_load(&joining.waits)) {
        sched_yield();
    }
    pid_t child = fork();
    if (child == 0) {
        atomic_store(&joining.held_up, false);
        c->step = NULL;
        alarm(60);
        _exit(held && !atomic_load(&h->left) ? 100 : child_works(c, test_open(c)));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_housekeeper__a_fork_waits_for_one_whose_handle_is_closed(void **state)
{
    static const struct ds_property patient[] = {{DSI_KEY_MERGE_SMALL_FILES, "true"},
                                                 {DSI_KEY_MERGE_EVERY, "20"},
                                                 {DSI_KEY_MERGE_AT_CLOSE, "3600000"}};
    static struct holdup h;
    bool more = true;
    (void)state;

    SKIP_IF_CHILDREN_MAY_START_NO_THREADS();
    joining.forks = pthread_self();
    for (unsigned at = 1; more; at++) {
        struct dsi_catalog c;
        pthread_t thread = 0;
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, patient, 3);
        more = bring_to(&c, t, &h, at);
        atomic_store(&joining.waits, false);
        atomic_store(&joining.may, false);
        atomic_store(&joining.held_up, true);
        assert_int_equal(pthread_create(&thread, NULL, close_handle, t), 0);
        assert_int_equal(fork_while_closing(&c, &h, more), 0);
        atomic_store(&h.let, true); // Where the fork did not stop it.
        atomic_store(&joining.may, true);
        pthread_join(thread, NULL);
        atomic_store(&joining.held_up, false);
        c.step = NULL;
        assert_int_equal(atomic_load(&joining.stolen), 0);
        check_either(&c);
        catalog_release(&c);
    }
}

// Every fault of a merge is met in test_tidy.c; these are those on the way there, and
// more.
static void
test_housekeeper__whatever_fails_no_row_is_lost_and_no_caller_told(void **state)
{
    unsigned missed = 0;
    (void)state;

    for (unsigned i = 0; i < FAULTS; i++) {
        struct dsi_fault_plan plan = {.target = i, .lasting = i % 2};
        struct dsi_catalog c;
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, tidy_on, 1);
        append_each(t, 0, 16);
        assert_true(dsi_fault_next(&plan));
        dsi_housekeeper_idle(t);
        await_idle(t);
        dsi_fault_stop();
        size_t files = tidy_seen(&c).files;
        assert_true(files == 16 || files == 1);
        missed += files == 16;
        check_rows(&c, 16);
        dsi_table_free(t);
        catalog_release(&c);
    }
    assert_true(missed > FAULTS / 4);
}

#define KEEPER_TEST(f) cmocka_unit_test_setup_teardown(f, slow_clock, own_clock)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEEPER_TEST(test_housekeeper__comes_forward_when_its_turn_begins),
        KEEPER_TEST(test_housekeeper__of_several_handles_one_comes_forward),
        KEEPER_TEST(test_housekeeper__starts_no_thread_where_nothing_is_wanted),
        KEEPER_TEST(test_housekeeper__an_idle_caller_does_not_wait_for_the_turn),
        KEEPER_TEST(test_housekeeper__without_a_thread_it_is_another_time),
        KEEPER_TEST(test_housekeeper__closing_ends_it_at_once_with_nothing_left),
        KEEPER_TEST(test_housekeeper__closing_lets_it_finish),
        KEEPER_TEST(test_housekeeper__closing_ends_it_when_its_time_is_over),
        KEEPER_TEST(test_housekeeper__a_dropped_turn_is_taken_up_after_a_while),
        KEEPER_TEST(test_housekeeper__what_history_forgot_is_not_taken_for_dropped),
        KEEPER_TEST(test_housekeeper__a_fork_waits_for_it_and_the_child_has_its_own),
        KEEPER_TEST(test_housekeeper__nobody_waits_for_a_sweep),
        KEEPER_TEST(test_housekeeper__who_asks_for_it_finds_it_done),
        KEEPER_TEST(test_housekeeper__only_so_many_sweeps_wait),
        KEEPER_TEST(test_housekeeper__merges_when_it_has_swept),
        KEEPER_TEST(test_housekeeper__closing_does_the_sweeps_that_wait),
        KEEPER_TEST(test_housekeeper__without_a_thread_a_sweep_is_the_callers),
        KEEPER_TEST(test_housekeeper__a_child_leaves_sweeps_to_its_parent),
        cmocka_unit_test_setup_teardown(
            test_housekeeper__a_fork_waits_for_one_whose_handle_is_closed,
            slow_clock_and_held_up_joins, own_clock_and_joins),
        KEEPER_TEST(test_housekeeper__whatever_fails_no_row_is_lost_and_no_caller_told),
    };
    if (pthread_atfork(let_ended_thread_go, NULL, NULL) != 0) {
        return 1; // First, to be called last.
    }
    return cmocka_run_group_tests_name("housekeeper", tests, NULL, NULL);
}
