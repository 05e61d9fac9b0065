// The appender from outside: what is acknowledged is there once, whatever happens.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appender_fixture.h"
#include "base/fault.h"
#include "base/trouble.h"

static int teardown(void **state)
{
    (void)state;
    dsi_fault_stop();
    dsi_mutants = 0;
    return 0;
}

static void test_appender__acknowledges_what_is_durable(void **state)
{
    struct place p;
    struct ds_error err = {0};
    struct ds_appender_stats s = {0};
    uint64_t ticket = 0;
    (void)state;

    place_init(&p);
    struct dsi_appender *a = open_appender(p.table, NULL);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(write_ids(a, i * 10, 10, &ticket, &err), DS_OK);
    }
    assert_int_equal(ticket, 10);
    for (int i = 100; i < 110; i++) {
        assert_int_equal(write_id(a, i, &ticket, &err), DS_OK);
    }
    assert_int_equal(ticket, 20);
    assert_int_equal(dsi_appender_wait(a, 20, -1, &err), DS_OK);
    assert_int_equal(dsi_appender_wait(a, 1, 0, &err), DS_OK);
    assert_int_equal(dsi_appender_wait(a, 21, 0, &err), DS_EINVALID);
    assert_int_equal(dsi_appender_stats(a, &s, &err), DS_OK);
    assert_int_equal(s.writes_accepted, 20);
    assert_int_equal(s.writes_acknowledged, 20);
    assert_int_equal(s.rows_acknowledged, 110);
    assert_int_equal(s.bytes_accepted, s.bytes_acknowledged);
    assert_int_equal(s.bytes_in_memory, 0);
    assert_int_equal(s.oldest_ms, 0);
    assert_true(s.commits >= 1 && s.commits <= 20);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_OK);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_OK);
    assert_int_equal(write_id(a, 1, &ticket, &err), DS_EINVALID);
    assert_int_equal(dsi_appender_wait(a, 20, -1, &err), DS_OK);
    dsi_appender_free(a);
    assert_table(&p, 0, 110, 1);
    place_release(&p);
}

static void test_appender__refuses_a_bad_row_alone(void **state)
{
    struct place p;
    struct ds_error err = {0};
    struct ds_appender_stats s = {0};
    struct ds_cell bad[2] = {
        {.kind = DS_CELL_TEXT, .as.bytes = {(const uint8_t *)"x", 1}},
        {.kind = DS_CELL_NULL}};
    struct ArrowSchema other = *test_arrow_schema();
    uint64_t ticket = 0;
    (void)state;

    place_init(&p);
    struct dsi_appender *a = open_appender(p.table, NULL);
    assert_int_equal(write_id(a, 0, &ticket, &err), DS_OK);
    assert_int_equal(dsi_appender_write_row(a, bad, 2, &ticket, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "column id"));
    assert_int_equal(dsi_appender_write_row(a, bad, 3, &ticket, &err), DS_EINVALID);
    struct ArrowArray array = test_rows(5, 2);
    other.n_children = 1;
    assert_int_equal(dsi_appender_write(a, &other, &array, &ticket, &err), DS_EINVALID);
    assert_null(array.release);
    assert_int_equal(write_id(a, 1, &ticket, &err), DS_OK);
    assert_int_equal(ticket, 2);
    assert_int_equal(dsi_appender_flush(a, -1, &err), DS_OK);
    assert_int_equal(dsi_appender_stats(a, &s, &err), DS_OK);
    assert_int_equal(s.writes_refused, 3);
    assert_int_equal(s.failures, 0);
    dsi_appender_free(a);
    assert_table(&p, 0, 2, 1);
    assert_table(&p, 2, 10, 0);
    place_release(&p);
}

// It is no hand-over: there is nothing of it that could be acknowledged.
static void test_appender__takes_no_notice_of_an_empty_batch(void **state)
{
    struct place p;
    struct ds_error err = {0};
    struct ds_appender_stats s = {0};
    uint64_t ticket = 0;
    (void)state;

    place_init(&p);
    struct dsi_appender *a = open_appender(p.table, NULL);
    assert_int_equal(write_id(a, 0, NULL, &err), DS_OK);
    assert_int_equal(write_ids(a, 1, 0, &ticket, &err), DS_OK);
    assert_int_equal(ticket, 1); // Whoever waits for it waits for those before it.
    assert_int_equal(dsi_appender_stats(a, &s, &err), DS_OK);
    assert_int_equal(s.writes_accepted, 1);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_OK);
    dsi_appender_free(a);
    assert_table(&p, 0, 1, 1);
    place_release(&p);
}

// --- many threads

enum { THREADS = 8, WRITES = 150 };

struct writer {
    struct dsi_appender *appender;
    int number;
    int failed; // The first status that was not expected.
    unsigned acknowledged;
};

// Each hand-over is two rows: one of two in a batch, then two alone.
static void *write_many(void *arg)
{
    struct writer *w = arg;
    struct ds_error err = {0};

    for (int i = 0; i < WRITES && !w->failed; i++) {
        int64_t id = (int64_t)(w->number * WRITES + i) * 2;
        uint64_t ticket = 0;
        int rc = i % 3 == 0 ? write_ids(w->appender, id, 2, &ticket, &err)
                            : write_id(w->appender, id, &ticket, &err);
        if (rc == DS_OK && i % 3 != 0) {
            rc = write_id(w->appender, id + 1, &ticket, &err);
        }
        if (rc == DS_OK && i % 10 == 0) {
            rc = dsi_appender_wait(w->appender, ticket, -1, &err);
        }
        w->failed = rc;
        w->acknowledged += rc == DS_OK;
    }
    return NULL;
}

static void run_writers(struct dsi_appender *a, struct writer w[THREADS])
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct writer){.appender = a, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void test_appender__takes_rows_of_many_threads(void **state)
{
    const struct ds_appender_options o = {
        .struct_size = sizeof o, .batch_rows_max = 100, .batch_ms = 2};
    struct writer w[THREADS];
    struct place p;
    struct ds_error err = {0};
    (void)state;

    place_init(&p);
    struct dsi_appender *a = open_appender(p.table, &o);
    run_writers(a, w);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_OK);
    dsi_appender_free(a);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(w[i].failed, DS_OK);
    }
    assert_table(&p, 0, THREADS * WRITES * 2, 1);
    place_release(&p);
}

// Every fate there is, the catalog away now and then: nobody notices but by waiting.
static void test_appender__loses_and_doubles_nothing(void **state)
{
    static enum fate fates[18];
    const struct ds_appender_options o = {
        .struct_size = sizeof o, .batch_rows_max = 50, .batch_ms = 1};
    struct writer w[THREADS];
    struct place p;
    struct ds_error err = {0};
    struct ds_appender_stats s = {0};
    (void)state;

    for (size_t i = 0; i < 18; i++) {
        fates[i] = (enum fate)(i * 5 % 7 % FATE_COUNT);
    }
    place_init(&p);
    p.mood.fates = fates;
    p.mood.fate_count = 18;
    p.mood.away_after = 3;
    struct dsi_appender *a = open_appender(p.table, &o);
    run_writers(a, w);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_OK);
    assert_int_equal(dsi_appender_stats(a, &s, &err), DS_OK);
    assert_true(s.failures > 0);
    dsi_appender_free(a);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(w[i].failed, DS_OK);
    }
    assert_table(&p, 0, THREADS * WRITES * 2, 1);
    place_release(&p);
}

// --- what is seen while it lasts

// A catalog that is locked: it tells so, and sees what those see who watch the appender.
struct locked {
    struct dsi_appender *appender;
    int swaps;
    struct ds_appender_stats seen[2];
};

static void tell_locked(void *arg, const char *where)
{
    struct locked *l = arg;
    struct ds_error why = {0};
    if (strcmp(where, "swap") == 0 && l->swaps < 2) {
        assert_int_equal(dsi_fail(&why, DS_EIO, "locked %d", l->swaps), DS_EIO);
        dsi_trouble_tell(&why);
        assert_int_equal(dsi_appender_stats(l->appender, &l->seen[l->swaps], NULL),
                         DS_OK);
        l->swaps++;
    }
}

static enum fate lost_once(void *arg)
{
    struct locked *l = arg;
    return l->swaps == 1 ? FATE_LOST : FATE_FAIR;
}

static void test_appender__shows_what_holds_it_up(void **state)
{
    struct place p;
    struct locked l = {0};
    struct ds_error err = {0};
    struct ds_appender_stats s = {0};
    uint64_t ticket = 0;
    (void)state;

    test_clock_ticks(); // Some time passes between any two looks.
    place_init(&p);
    l.appender = open_appender(p.table, NULL);
    p.catalog.fate = lost_once;
    p.catalog.step = tell_locked;
    p.catalog.arg = &l;
    assert_int_equal(write_id(l.appender, 1, &ticket, &err), DS_OK);
    assert_int_equal(dsi_appender_flush(l.appender, -1, &err), DS_OK);
    assert_int_equal(dsi_appender_stats(l.appender, &s, &err), DS_OK);
    p.catalog.step = NULL;
    p.catalog.fate = NULL;
    assert_int_equal(l.swaps, 2);
    assert_int_equal(l.seen[0].failures, 0); // The try has not ended.
    assert_int_equal(l.seen[0].last_error.status, DS_EIO);
    assert_string_equal(l.seen[0].last_error.message, "locked 0");
    assert_true(l.seen[0].failing_ms > 0);
    assert_true(l.seen[0].oldest_ms > 0); // The row is on its way, and waits.
    assert_string_equal(l.seen[1].last_error.message, "locked 1");
    assert_true(l.seen[1].failing_ms > l.seen[0].failing_ms);
    assert_int_equal(s.failing_ms, 0);
    assert_null(strstr(s.last_error.message, "locked")); // It passed.
    assert_int_equal(dsi_appender_close(l.appender, -1, &err), DS_OK);
    dsi_appender_free(l.appender);
    dsi_clock_set(NULL);
    assert_table(&p, 1, 2, 1);
    place_release(&p);
}

// A catalog that is away until so many tries have failed, and what was seen in each.
enum { FAILURES = 4 };

struct away {
    struct dsi_appender *appender;
    struct dsi_catalog *catalog;
    struct ds_appender_stats seen[FAILURES + 1];
    bool known[FAILURES + 1];
    int loads;
    char *hidden;
};

static void stay_away(void *arg, const char *where)
{
    struct away *w = arg;
    struct ds_appender_stats s = {0};
    if (strcmp(where, "load") != 0) {
        return;
    }
    assert_int_equal(dsi_appender_stats(w->appender, &s, NULL), DS_OK);
    if (s.failures < FAILURES && ++w->loads < 200) {
        w->hidden = w->hidden ? w->hidden : w->catalog->head;
        w->catalog->head = NULL;
    } else if (w->hidden) {
        w->catalog->head = w->hidden;
        w->hidden = NULL;
    }
    if (s.failures <= FAILURES && !w->known[s.failures]) { // As its try begins.
        w->known[s.failures] = true;
        w->seen[s.failures] = s;
    }
}

static void test_appender__shows_failures_until_they_pass(void **state)
{
    const struct ds_appender_options o = {.struct_size = sizeof o,
                                          .budget_ms = INT64_MAX};
    struct place p;
    struct ds_error err = {0};
    struct ds_appender_stats s = {0};
    (void)state;

    test_clock_ticks();
    place_init(&p);
    struct away w = {.appender = open_appender(p.table, &o), .catalog = &p.catalog};
    p.catalog.fate = NULL;
    p.catalog.step = stay_away;
    p.catalog.arg = &w;
    assert_int_equal(write_id(w.appender, 1, NULL, &err), DS_OK);
    assert_int_equal(dsi_appender_flush(w.appender, -1, &err), DS_OK);
    assert_int_equal(dsi_appender_stats(w.appender, &s, &err), DS_OK);
    p.catalog.step = NULL;
    assert_int_equal(w.seen[0].failing_ms, 0);
    assert_int_equal(w.seen[1].last_error.status, DS_ENOTFOUND);
    // Since the first failure, not since the last.
    assert_true(w.seen[FAILURES].failing_ms > 2 * w.seen[1].failing_ms);
    assert_int_equal(s.failures, FAILURES);
    assert_int_equal(s.failing_ms, 0);
    assert_int_equal(dsi_appender_close(w.appender, -1, &err), DS_OK);
    dsi_appender_free(w.appender);
    dsi_clock_set(NULL);
    assert_table(&p, 1, 2, 1);
    place_release(&p);
}

// --- the end of patience

// What the callback was told.
struct told {
    uint64_t next; // The ticket that is due next.
    uint64_t durable;
    uint64_t unknown;
    uint64_t failed;
    uint64_t rows;
    uint64_t bytes;
    bool wrong;
    struct dsi_appender *appender; // Asked for what is forbidden in a callback.
};

static void hear(void *arg, const struct ds_appender_ack *ack)
{
    struct told *t = arg;
    uint64_t count = ack->last_ticket - ack->first_ticket + 1;

    t->wrong = t->wrong || ack->first_ticket != t->next ||
               (ack->status == DS_OK) != !ack->error || ack->struct_size != sizeof *ack;
    t->rows += ack->rows;
    t->bytes += ack->bytes;
    t->next = ack->last_ticket + 1;
    *(ack->status == DS_OK         ? &t->durable
      : ack->status == DS_EUNKNOWN ? &t->unknown
                                   : &t->failed) += count;
    if (t->appender) {
        t->wrong = t->wrong ||
                   dsi_appender_wait(t->appender, 1, -1, NULL) != DS_EINVALID ||
                   dsi_appender_flush(t->appender, -1, NULL) != DS_EINVALID ||
                   dsi_appender_close(t->appender, -1, NULL) != DS_EINVALID;
    }
}

static void test_appender__gives_back_what_it_cannot_commit(void **state)
{
    struct told told = {.next = 1};
    const struct ds_appender_options o = {.struct_size = sizeof o,
                                          .batch_rows_max = 10,
                                          .batch_ms = -1,
                                          .budget_ms = 60,
                                          .ack = hear,
                                          .ack_arg = &told};
    struct place p;
    struct ds_error err = {0};
    struct ds_appender_stats s = {0};
    uint64_t ticket = 0;
    (void)state;

    place_init(&p);
    struct dsi_appender *a = open_appender(p.table, &o);
    told.appender = a;
    assert_int_equal(write_ids(a, 0, 10, &ticket, &err), DS_OK);
    assert_int_equal(dsi_appender_wait(a, ticket, -1, &err), DS_OK);
    assert_int_equal(dsi_appender_flush(a, -1, &err), DS_OK);
    struct ArrowArrayStream none;
    assert_int_equal(dsi_appender_take_back(a, DS_UNKNOWN, &none, &err), DS_EINVALID);
    dsi_appender_free(a);
    assert_int_equal(told.durable, 1);
    assert_false(told.wrong);

    told = (struct told){.next = 1};
    a = open_appender(p.table, &o);
    p.mood.away = UINT32_MAX;
    int rc = DS_OK;
    uint64_t accepted = 0;
    for (int i = 10; i < 100 && rc == DS_OK; i++) {
        rc = i % 2 ? write_id(a, i, &ticket, &err) : write_ids(a, i, 1, &ticket, &err);
        accepted += rc == DS_OK;
    }
    assert_int_equal(dsi_appender_wait(a, 1, -1, &err), DS_ENOTFOUND);
    assert_true(UINT32_MAX - p.mood.away < 1000); // It waited between its tries.
    assert_int_equal(write_id(a, 100, &ticket, &err), DS_ENOTFOUND);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_ENOTFOUND);
    assert_string_not_equal(err.message, "");
    assert_int_equal(dsi_appender_stats(a, &s, &err), DS_OK);
    assert_int_equal(s.oldest_ms, 0); // Nothing waits any more.
    assert_int_equal(rows_back(a, DS_UNKNOWN), 0);
    assert_int_equal(rows_back(a, DS_NOT_COMMITTED), accepted);
    assert_int_equal(rows_back(a, DS_NOT_COMMITTED), 0);
    dsi_appender_free(a);
    assert_false(told.wrong);
    assert_int_equal(told.failed, accepted);
    assert_int_equal(told.next, accepted + 1);
    assert_int_equal(told.rows, accepted);
    assert_int_equal(told.bytes, s.bytes_accepted);
    assert_table(&p, 0, 10, 1);
    assert_table(&p, 10, 101, 0);
    place_release(&p);
}

static void test_appender__tells_the_unknown_from_the_failed(void **state)
{
    static const enum fate fates[] = {FATE_ANSWER_LOST};
    struct told told = {.next = 1};
    const struct ds_appender_options o = {.struct_size = sizeof o,
                                          .batch_rows_max = 10,
                                          .batch_ms = -1,
                                          .budget_ms = 60,
                                          .ack = hear,
                                          .ack_arg = &told};
    struct place p;
    struct ds_error err = {0};
    uint64_t first = 0;
    uint64_t second = 0;
    (void)state;

    place_init(&p);
    p.mood.fates = fates;
    p.mood.fate_count = 1;
    p.mood.away_after = UINT32_MAX;
    struct dsi_appender *a = open_appender(p.table, &o);
    assert_int_equal(write_ids(a, 0, 10, &first, &err), DS_OK);
    assert_int_equal(write_ids(a, 10, 5, &second, &err), DS_OK);
    assert_int_equal(dsi_appender_wait(a, first, -1, &err), DS_EUNKNOWN);
    assert_non_null(strstr(err.detail, "\"token\": \""));
    assert_int_equal(dsi_appender_wait(a, second, -1, &err), DS_EIO);
    assert_int_equal(write_id(a, 50, &second, &err), DS_EIO);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_EUNKNOWN);
    assert_int_equal(rows_back(a, DS_NOT_COMMITTED), 5);
    assert_int_equal(rows_back(a, DS_UNKNOWN), 10);
    dsi_appender_free(a);
    assert_int_equal(told.unknown, 1);
    assert_int_equal(told.failed, 1);
    assert_table(&p, 0, 10, 1); // This time it was.
    assert_table(&p, 10, 51, 0);
    place_release(&p);
}

static void test_appender__closes_in_bounded_time(void **state)
{
    const struct ds_appender_options o = {.struct_size = sizeof o, .batch_ms = 1};
    struct place p;
    struct ds_error err = {0};
    (void)state;

    place_init(&p);
    p.mood.away = UINT32_MAX;
    struct dsi_appender *a = open_appender(p.table, &o);
    assert_int_equal(write_id(a, 1, NULL, &err), DS_OK);
    assert_int_equal(dsi_appender_wait(a, 1, 20, &err), DS_ETIMEOUT);
    assert_true(dsi_appender_close(a, 20, &err) < 0);
    assert_int_equal(rows_back(a, DS_NOT_COMMITTED), 1);
    dsi_appender_free(a);
    assert_table(&p, 0, 10, 0);
    place_release(&p);
}

// --- waiting

// A gate in the catalog: commits wait until it is opened.
struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool open;
    bool reached;
};

static struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, true,
                           false};

static void gate_step(void *arg, const char *where)
{
    (void)arg;
    (void)where;
    pthread_mutex_lock(&gate.mutex);
    gate.reached = true;
    pthread_cond_broadcast(&gate.cond);
    while (!gate.open) {
        pthread_cond_wait(&gate.cond, &gate.mutex);
    }
    pthread_mutex_unlock(&gate.mutex);
}

static void gate_set(bool open)
{
    pthread_mutex_lock(&gate.mutex);
    gate.open = open;
    gate.reached = false;
    pthread_cond_broadcast(&gate.cond);
    pthread_mutex_unlock(&gate.mutex);
}

static void gate_await(void)
{
    pthread_mutex_lock(&gate.mutex);
    while (!gate.reached) {
        pthread_cond_wait(&gate.cond, &gate.mutex);
    }
    pthread_mutex_unlock(&gate.mutex);
}

static void test_appender__bounds_memory(void **state)
{
    const struct ds_appender_options o = {.struct_size = sizeof o,
                                          .batch_ms = 1,
                                          .memory_bytes_max = 20000,
                                          .write_wait_ms = -1};
    struct place p;
    struct ds_error err = {0};
    struct ds_appender_stats s = {0};
    int written = 0;
    int rc = DS_OK;
    (void)state;

    place_init(&p);
    gate_set(false);
    p.catalog.step = gate_step;
    struct dsi_appender *a = open_appender(p.table, &o);
    while (rc == DS_OK && written < 1000) {
        rc = write_ids(a, written * 10, 10, NULL, &err);
        written += rc == DS_OK;
    }
    assert_int_equal(rc, DS_ETIMEOUT);
    struct ArrowArray array = test_rows(0, 3);
    assert_int_equal(dsi_appender_write(a, test_arrow_schema(), &array, NULL, &err),
                     DS_ETIMEOUT);
    assert_non_null(array.release); // Still ours.
    array.release(&array);
    assert_int_equal(dsi_appender_stats(a, &s, &err), DS_OK);
    assert_true(s.bytes_in_memory >= 20000 && s.bytes_in_memory < 22000);
    gate_set(true);
    assert_int_equal(dsi_appender_flush(a, -1, &err), DS_OK);
    assert_int_equal(write_ids(a, written * 10, 10, NULL, &err), DS_OK);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_OK);
    dsi_appender_free(a);
    p.catalog.step = mood_step;
    assert_table(&p, 0, written * 10 + 10, 1);
    place_release(&p);
}

// The caller's options are his again when it was opened.
static void test_appender__commits_as_it_was_told_when_it_was_opened(void **state)
{
    char branch[] = "dev";
    char why[] = "because";
    struct ds_property property = {"why", why};
    struct ds_commit_options commit = {
        .struct_size = sizeof commit, .branch = branch, .summary = {&property, 1}};
    const struct ds_appender_options o = {.struct_size = sizeof o, .commit = &commit};
    struct place p;
    struct ds_error err = {0};
    (void)state;

    place_init(&p);
    struct dsi_appender *a = open_appender(p.table, &o);
    memset(branch, 'x', 3);
    memset(why, 'x', 7);
    property = (struct ds_property){"x", "x"};
    commit = (struct ds_commit_options){.struct_size = sizeof commit};
    assert_int_equal(write_id(a, 1, NULL, &err), DS_OK);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_OK);
    dsi_appender_free(a);
    assert_int_equal(dsi_table_refresh(p.table, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(p.table);
    const struct dsi_ref *dev = dsi_metadata_find_ref(m, "dev");
    assert_non_null(dev);
    assert_string_equal(
        dsi_snapshot_summary(dsi_metadata_snapshot(m, dev->snapshot_id), "why"),
        "because");
    assert_null(dsi_metadata_current_snapshot(m));
    dsi_metadata_unref(m);
    place_release(&p);
}

static void *write_until_closed(void *arg)
{
    struct writer *w = arg;
    struct ds_error err = {0};
    int64_t id = w->number * 1000;
    int rc = DS_OK;

    while (rc == DS_OK) {
        uint64_t ticket = 0;
        rc = write_id(w->appender, id, &ticket, &err);
        if (rc == DS_OK) {
            id++;
            w->acknowledged++;
            rc = dsi_appender_wait(w->appender, ticket, -1, &err);
        }
    }
    w->failed = rc;
    return NULL;
}

static void test_appender__closes_while_others_wait(void **state)
{
    const struct ds_appender_options o = {.struct_size = sizeof o, .batch_ms = 1};
    struct writer w[THREADS];
    pthread_t threads[THREADS];
    struct place p;
    struct ds_error err = {0};
    (void)state;

    place_init(&p);
    gate_set(false);
    p.catalog.step = gate_step;
    struct dsi_appender *a = open_appender(p.table, &o);
    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct writer){.appender = a, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_until_closed, &w[i]), 0);
    }
    gate_await();
    gate_set(true);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_OK);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    dsi_appender_free(a);
    p.catalog.step = mood_step;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(w[i].failed, DS_EINVALID); // "closed": what was taken, was kept.
        assert_table(&p, i * 1000, i * 1000 + w[i].acknowledged, 1);
        assert_int_equal(p.seen[i * 1000 + w[i].acknowledged], 0);
    }
    place_release(&p);
}

static void test_appender__is_of_no_use_to_a_child(void **state)
{
    struct place p;
    struct ds_error err = {0};
    int status = 0;
    (void)state;

    place_init(&p);
    struct dsi_appender *a = open_appender(p.table, NULL);
    assert_int_equal(write_id(a, 0, NULL, &err), DS_OK);
    pid_t child = fork();
    if (child == 0) {
        struct ds_appender_stats s;
        struct ArrowArrayStream stream;
        bool ok = write_id(a, 1, NULL, &err) == DS_EINVALID &&
                  strstr(err.message, "fork") &&
                  write_ids(a, 1, 1, NULL, &err) == DS_EINVALID &&
                  dsi_appender_wait(a, 1, -1, &err) == DS_EINVALID &&
                  dsi_appender_flush(a, -1, &err) == DS_EINVALID &&
                  dsi_appender_stats(a, &s, &err) == DS_EINVALID &&
                  dsi_appender_close(a, -1, &err) == DS_EINVALID &&
                  dsi_appender_take_back(a, DS_UNKNOWN, &stream, &err) == DS_EINVALID;
        dsi_appender_free(a);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_OK);
    dsi_appender_free(a);
    assert_table(&p, 0, 1, 1);
    place_release(&p);
}

// One fault, or all from one on: each hand-over ends in one way, and the table agrees.
static void test_appender__survives_every_fault(void **state)
{
    (void)state;

    for (int lasting = 0; lasting < 2; lasting++) {
        struct dsi_fault_plan plan = {.lasting = lasting};
        unsigned runs = 0;
        for (; runs < 2000; runs++) {
            struct told told = {.next = 1};
            const struct ds_appender_options o = {.struct_size = sizeof o,
                                                  .batch_ms = 1,
                                                  .budget_ms = 5,
                                                  .ack = hear,
                                                  .ack_arg = &told};
            struct dsi_appender *a = NULL;
            struct place p;
            struct ds_error err = {0};
            uint64_t tickets[6] = {0};
            int fates[6];

            place_init(&p);
            if (!dsi_fault_next(&plan)) {
                place_release(&p);
                break;
            }
            int rc = dsi_appender_open(p.table, &o, &a, &err);
            for (int i = 0; a && i < 6; i++) {
                rc = i % 2 ? write_id(a, i, &tickets[i], &err)
                           : write_ids(a, i, 1, &tickets[i], &err);
                tickets[i] = rc == DS_OK ? tickets[i] : 0;
                rc = i == 3 ? dsi_appender_flush(a, -1, &err) : DS_OK;
            }
            rc = a ? dsi_appender_close(a, 50, &err) : rc;
            dsi_fault_stop();
            assert_true(rc == DS_OK || err.message[0] != '\0');
            uint64_t accepted = 0;
            for (int i = 0; a && i < 6; i++) {
                fates[i] =
                    tickets[i] ? dsi_appender_wait(a, tickets[i], -1, &err) : DS_EINVALID;
                accepted += tickets[i] > 0;
            }
            assert_false(told.wrong);
            assert_int_equal(told.durable + told.failed + told.unknown, accepted);
            dsi_appender_free(a);
            assert_table(&p, 6, 7, 0);
            for (int i = 0; a && i < 6; i++) {
                if (fates[i] == DS_EUNKNOWN ? p.seen[i] > 1
                                            : p.seen[i] != (fates[i] == DS_OK)) {
                    fail_msg("fault %u (%s): row %d is there %d times, it ended with %d",
                             plan.target, plan.name ? plan.name : "", i, p.seen[i],
                             fates[i]);
                }
            }
            place_release(&p);
        }
        assert_true(runs > 50);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_appender__acknowledges_what_is_durable),
        TEST(test_appender__refuses_a_bad_row_alone),
        TEST(test_appender__takes_no_notice_of_an_empty_batch),
        TEST(test_appender__takes_rows_of_many_threads),
        TEST(test_appender__loses_and_doubles_nothing),
        TEST(test_appender__shows_what_holds_it_up),
        TEST(test_appender__shows_failures_until_they_pass),
        TEST(test_appender__gives_back_what_it_cannot_commit),
        TEST(test_appender__tells_the_unknown_from_the_failed),
        TEST(test_appender__closes_in_bounded_time),
        TEST(test_appender__bounds_memory),
        TEST(test_appender__commits_as_it_was_told_when_it_was_opened),
        TEST(test_appender__closes_while_others_wait),
        TEST(test_appender__is_of_no_use_to_a_child),
        TEST(test_appender__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
