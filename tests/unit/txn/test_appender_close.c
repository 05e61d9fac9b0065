// An appender that is closed while others are at it.
#include <sched.h>

#include "appender_fixture.h"

enum { WRITERS = 4, ROUNDS = 40, PER_WRITER = 2000 };

// Hands over batches of two rows, and waits for none, until no more are taken.
struct writer {
    struct dsi_appender *appender;
    int64_t first;
    _Atomic int64_t taken; // Rows.
    int failed;
};

static void *write_batches(void *arg)
{
    struct writer *w = arg;
    int rc = DS_OK;

    while (rc == DS_OK && atomic_load(&w->taken) < PER_WRITER) {
        rc = write_ids(w->appender, w->first + atomic_load(&w->taken), 2, NULL, NULL);
        atomic_fetch_add(&w->taken, rc == DS_OK ? 2 : 0);
    }
    w->failed = rc;
    return NULL;
}

static void close_in_full_flow(struct place *p, struct writer w[WRITERS])
{
    const struct ds_appender_options o = {.struct_size = sizeof o, .batch_ms = -1};
    pthread_t threads[WRITERS];
    struct ds_error err = {0};
    struct dsi_appender *a = open_appender(p->table, &o);

    for (int i = 0; i < WRITERS; i++) {
        w[i] = (struct writer){.appender = a, .first = (int64_t)i * PER_WRITER};
        assert_int_equal(pthread_create(&threads[i], NULL, write_batches, &w[i]), 0);
    }
    while (atomic_load(&w[0].taken) == 0) {
        sched_yield();
    }
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_OK);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    dsi_appender_free(a);
}

// Whether a batch comes before the end or after, it is told so.
static void test_appender_close__what_was_taken_is_committed(void **state)
{
    unsigned refused = 0;
    (void)state;

    for (int round = 0; round < ROUNDS; round++) {
        struct writer w[WRITERS];
        struct place p;
        place_init(&p);
        close_in_full_flow(&p, w);
        for (int i = 0; i < WRITERS; i++) {
            int64_t end = w[i].first + atomic_load(&w[i].taken);
            assert_true(w[i].failed == DS_OK || w[i].failed == DS_EINVALID);
            refused += w[i].failed != DS_OK;
            assert_table(&p, w[i].first, end, 1);
            assert_table(&p, end, w[i].first + PER_WRITER, 0);
        }
        place_release(&p);
    }
    assert_true(refused > 0); // Else all had ended before.
}

// Who commits is held up; who closes in the test's own thread is seen by the clock.
static struct {
    pthread_t test;
    atomic_bool held; // The committing thread.
    atomic_bool both; // Who closes second is at it.
    atomic_bool let;
} scene;

static int64_t seen_ns(void)
{
    if (pthread_equal(pthread_self(), scene.test) && atomic_load(&scene.held)) {
        atomic_store(&scene.both, true);
    }
    return test_skipping_ns();
}

static void hold(void *arg, const char *where)
{
    (void)arg;
    if (strcmp(where, "swap") == 0) {
        atomic_store(&scene.held, true);
        while (!atomic_load(&scene.let)) {
            sched_yield();
        }
    }
}

static void *close_first(void *a)
{
    return dsi_appender_close(a, -1, NULL) == DS_OK ? a : NULL;
}

// Lets the commit go when both are closing.
static void *let_go(void *arg)
{
    while (!atomic_load(&scene.both)) {
        sched_yield();
    }
    atomic_store(&scene.let, true);
    return arg;
}

static void test_appender_close__two_may_close_at_once(void **state)
{
    static const struct dsi_clock_ops seen = {test_wall_us, seen_ns};
    const struct ds_appender_options o = {.struct_size = sizeof o, .batch_ms = -1};
    struct ds_error err = {0};
    struct ds_appender_stats s;
    pthread_t first = 0;
    pthread_t opener = 0;
    void *closed = NULL;
    struct place p;
    (void)state;

    place_init(&p);
    scene.test = pthread_self();
    dsi_clock_set(&seen); // While there are no threads to see it.
    p.catalog.step = hold;
    struct dsi_appender *a = open_appender(p.table, &o);
    assert_int_equal(write_ids(a, 0, 5, NULL, &err), DS_OK);
    assert_int_equal(pthread_create(&first, NULL, close_first, a), 0);
    while (!atomic_load(&scene.held)) { // It has begun: nothing else would commit.
        sched_yield();
    }
    assert_int_equal(pthread_create(&opener, NULL, let_go, NULL), 0);
    assert_int_equal(dsi_appender_close(a, INT64_C(3600000), &err), DS_OK);
    assert_int_equal(dsi_appender_stats(a, &s, &err), DS_OK);
    assert_int_equal(s.rows_acknowledged, 5);
    pthread_join(first, &closed);
    pthread_join(opener, NULL);
    assert_ptr_equal(closed, a);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_OK); // And once more.
    dsi_clock_set(NULL);
    dsi_appender_free(a);
    assert_table(&p, 0, 5, 1);
    place_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appender_close__what_was_taken_is_committed),
        cmocka_unit_test(test_appender_close__two_may_close_at_once),
    };
    return cmocka_run_group_tests_name("appender_close", tests, NULL, NULL);
}
