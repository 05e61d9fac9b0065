// Histories: one to three writers on one table, a scheduler that lets one of them take
// one step at a time, and requests that are lost, late, doubled and lied about. First
// every order of steps, then many drawn from seeds. The mutants must each be caught.
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/random.h"
#include "fixture.h"

enum { WRITERS_MAX = 3, CHOICES_MAX = 4096 };

static atomic_llong now_ms = 1700000000000;

// Where choices come from: a list that is counted through, or a seed.
struct oracle {
    bool exhaustive;
    uint64_t seed;
    uint8_t chosen[CHOICES_MAX];
    uint8_t limit[CHOICES_MAX];
    size_t depth; // Choices made in this run.
    size_t known; // Of them, given.
};

struct writer {
    struct world *world;
    int number;
    struct dsi_table *table;
    struct dsi_change *change;
    char path[64]; // Of its one data file.
    struct ds_commit_result result;
    int rc;
    bool done;
    pthread_t thread;
};

// One history. Exactly one thread of it runs at any time: the one whose turn it is.
struct world {
    struct dsi_catalog catalog;
    struct oracle *oracle;
    struct writer writers[WRITERS_MAX];
    int count;
    unsigned faults_left;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int turn; // -1: the scheduler's.
};

static _Thread_local struct writer *self; // NULL in the test's own thread.

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static unsigned choose(struct oracle *o, unsigned limit)
{
    if (!o->exhaustive) {
        return (unsigned)(next_random(&o->seed) % limit);
    }
    if (o->depth == CHOICES_MAX) {
        return 0;
    }
    if (o->depth == o->known) {
        o->chosen[o->known++] = 0;
    }
    o->limit[o->depth] = (uint8_t)limit;
    return o->chosen[o->depth++];
}

// The next run's choices; false when all were made.
static bool oracle_next(struct oracle *o)
{
    o->known = o->depth;
    o->depth = 0;
    while (o->known > 0 && o->chosen[o->known - 1] + 1 == o->limit[o->known - 1]) {
        o->known--;
    }
    if (o->known == 0) {
        return false;
    }
    o->chosen[o->known - 1]++;
    return true;
}

static void give_turn(struct world *w, int to)
{
    pthread_mutex_lock(&w->mutex);
    int me = self ? self->number : -1;
    w->turn = to;
    pthread_cond_broadcast(&w->cond);
    while (w->turn != me) {
        pthread_cond_wait(&w->cond, &w->mutex);
    }
    pthread_mutex_unlock(&w->mutex);
}

static void step(void *arg, const char *where)
{
    (void)where;
    if (self) {
        give_turn(arg, -1);
    }
}

static enum fate fate(void *arg)
{
    struct world *w = arg;
    if (!self || w->faults_left == 0) {
        return FATE_FAIR;
    }
    enum fate f = (enum fate)choose(w->oracle, FATE_COUNT);
    w->faults_left -= f != FATE_FAIR;
    return f;
}

static void fake_sleep_ns(int64_t ns)
{
    atomic_fetch_add(&now_ms, ns / 1000000 + 1);
    if (self) {
        give_turn(self->world, -1);
    }
}

static int64_t fake_wall_us(void)
{
    return atomic_load(&now_ms) * 1000;
}

static int64_t fake_monotonic_ns(void)
{
    return atomic_fetch_add(&now_ms, 1) * 1000000;
}

static const struct dsi_clock_ops fake_clock = {fake_wall_us, fake_monotonic_ns};
static const struct dsi_sleep_ops fake_sleep = {fake_sleep_ns};

static void *write_once(void *arg)
{
    struct writer *me = arg;
    struct ds_commit_options o = {.struct_size = sizeof o, .attempts_max = 3};
    self = me;
    pthread_mutex_lock(&me->world->mutex);
    while (me->world->turn != me->number) {
        pthread_cond_wait(&me->world->cond, &me->world->mutex);
    }
    pthread_mutex_unlock(&me->world->mutex);
    me->rc = dsi_commit(me->table, me->change, &o, &me->result, NULL);
    pthread_mutex_lock(&me->world->mutex);
    me->done = true;
    me->world->turn = -1;
    pthread_cond_broadcast(&me->world->cond);
    pthread_mutex_unlock(&me->world->mutex);
    return NULL;
}

static void schedule(struct world *w)
{
    for (;;) {
        int ready[WRITERS_MAX];
        unsigned n = 0;
        for (int i = 0; i < w->count; i++) {
            if (!w->writers[i].done) {
                ready[n++] = i;
            }
        }
        if (n == 0) {
            return;
        }
        // Drawn, a late request mostly stays late: else it would land within a step or
        // two.
        bool arrives = w->catalog.late_count > 0 &&
                       (w->oracle->exhaustive || choose(w->oracle, 8) == 0);
        unsigned pick = choose(w->oracle, n + arrives);
        if (pick == n) {
            catalog_deliver(&w->catalog, true);
        } else {
            give_turn(w, ready[pick]);
        }
    }
}

// Checks one writer's word against the table; what is wrong, or NULL.
static const char *check_writer(struct world *w, struct writer *me)
{
    ds_storage *storage = w->catalog.storage;
    enum ds_outcome outcome = me->result.outcome;
    size_t there = test_count_file(storage, w->catalog.head, me->path);

    if ((me->rc == DS_OK) != (outcome == DS_COMMITTED) ||
        (me->rc == DS_EUNKNOWN) != (outcome == DS_UNKNOWN)) {
        return "status and outcome disagree";
    }
    if (outcome == DS_UNKNOWN) {
        struct ds_commit_result r = {0};
        if (dsi_commit_resolve(me->table, me->result.token, 0, &r, NULL) != DS_OK) {
            return "not resolved";
        }
        outcome = r.outcome;
        there = test_count_file(storage, w->catalog.head, me->path);
    }
    if (there > 1) {
        return "committed twice";
    }
    if (outcome == DS_COMMITTED && there == 0) {
        return "said to be committed, and is not there";
    }
    return outcome == DS_NOT_COMMITTED && there > 0 ? "said not to be committed, and is"
                                                    : NULL;
}

static const char *check(struct world *w)
{
    struct seen seen;
    int64_t rows = 0;
    const char *why = NULL;

    while (w->catalog.late_count > 0 && choose(w->oracle, 2) == 0) {
        catalog_deliver(&w->catalog, true);
    }
    for (int i = 0; i < w->count && !why; i++) {
        why = check_writer(w, &w->writers[i]);
    }
    while (w->catalog.late_count > 0) { // What is on its way yet may still arrive.
        catalog_deliver(&w->catalog, true);
    }
    for (int i = 0; i < w->count && !why; i++) {
        why = check_writer(w, &w->writers[i]);
        rows += (int64_t)test_count_file(w->catalog.storage, w->catalog.head,
                                         w->writers[i].path);
    }
    why = why ? why : test_look(w->catalog.storage, w->catalog.head, &seen);
    return why ? why : seen.rows != rows ? "rows are too many or too few" : NULL;
}

static const char *run(struct oracle *oracle, int count, unsigned faults)
{
    struct world w = {
        .oracle = oracle, .count = count, .faults_left = faults, .turn = -1};
    const char *why = NULL;

    catalog_init(&w.catalog);
    pthread_mutex_init(&w.mutex, NULL);
    pthread_cond_init(&w.cond, NULL);
    dsi_table_free(test_create(&w.catalog, NULL, 0));
    for (int i = 0; i < count; i++) {
        struct writer *me = &w.writers[i];
        me->world = &w;
        me->number = i;
        me->table = test_open(&w.catalog);
        snprintf(me->path, sizeof me->path, "memory:///t/data/%d", i);
        me->change = test_change(me->table, NULL, me->path, 1);
    }
    w.catalog.step = step;
    w.catalog.fate = fate;
    w.catalog.arg = &w;
    for (int i = 0; i < count; i++) {
        assert_int_equal(
            pthread_create(&w.writers[i].thread, NULL, write_once, &w.writers[i]), 0);
    }
    schedule(&w);
    for (int i = 0; i < count; i++) {
        pthread_join(w.writers[i].thread, NULL);
    }
    unsigned mutants = dsi_mutants;
    dsi_mutants = 0; // The checker is sound, whatever the writers were.
    why = check(&w);
    dsi_mutants = mutants;
    for (int i = 0; i < count; i++) {
        dsi_change_free(w.writers[i].change);
        dsi_table_free(w.writers[i].table);
    }
    catalog_release(&w.catalog);
    pthread_cond_destroy(&w.cond);
    pthread_mutex_destroy(&w.mutex);
    return why;
}

static int setup(void **state)
{
    (void)state;
    dsi_clock_set(&fake_clock);
    dsi_sleep_set(&fake_sleep);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dsi_mutants = 0;
    dsi_clock_set(NULL);
    dsi_sleep_set(NULL);
    return 0;
}

static void run_all(int count, unsigned faults, unsigned runs_max)
{
    struct oracle *o = calloc(1, sizeof *o);
    unsigned runs = 0;
    bool more = true;

    o->exhaustive = true;
    for (; more && runs < runs_max; runs++) {
        const char *why = run(o, count, faults);
        if (why) {
            fail_msg("order %u of %d writers: %s", runs, count, why);
        }
        more = oracle_next(o);
    }
    print_message("  %u histories of %d writers, %u faults each%s\n", runs, count, faults,
                  more ? " (of more)" : ": all");
    free(o);
}

static void test_attempt__holds_for_every_fate_of_one_writers_requests(void **state)
{
    (void)state;
    run_all(1, 3, 20000);
}

static void test_attempt__holds_for_every_order_of_two_writers(void **state)
{
    (void)state;
    run_all(2, 0, 20000);
}

static void test_attempt__holds_for_two_writers_and_a_fault(void **state)
{
    (void)state;
    run_all(2, 1, 800);
}

static const char *run_seeds(uint64_t first, unsigned count, unsigned *tried)
{
    struct oracle *o = calloc(1, sizeof *o);
    const char *why = NULL;

    for (*tried = 0; *tried < count && !why; (*tried)++) {
        o->seed = (first + *tried) * UINT64_C(0x9e3779b97f4a7c15) | 1;
        for (int i = 0; i < 4; i++) {
            next_random(&o->seed);
        }
        why = run(o, 1 + (int)(*tried % WRITERS_MAX), 6);
    }
    free(o);
    return why;
}

static void test_attempt__holds_for_histories_of_one_to_three_writers(void **state)
{
    const char *given = getenv("DATASHARD_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
    unsigned tried = 0;
    (void)state;

    const char *why = run_seeds(seed, given ? 1 : 800, &tried);
    if (why) {
        fail_msg("DATASHARD_TEST_SEED=%llu: %s", (unsigned long long)(seed + tried - 1),
                 why);
    }
    print_message("  %u histories, seeds from %llu\n", tried, (unsigned long long)seed);
}

static void test_attempt__with_each_mutation_is_caught(void **state)
{
    static const struct {
        enum dsi_mutant mutant;
        const char *name;
    } mutants[] = {
        {DSI_MUTANT_NEW_IDENTITY, "a new identity for each attempt"},
        {DSI_MUTANT_CLEAN_UNKNOWN, "clean up on unknown"},
        {DSI_MUTANT_NO_LOOK, "no look at the history"},
        {DSI_MUTANT_BELIEVE_REFUSAL, "believe a refusal"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof mutants / sizeof mutants[0]; i++) {
        unsigned tried = 0;
        dsi_mutants = mutants[i].mutant;
        const char *why = run_seeds(1, 1000, &tried);
        dsi_mutants = 0;
        print_message("  %s: %s (history %u)\n", mutants[i].name,
                      why ? why : "NOT CAUGHT", tried);
        assert_non_null(why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_attempt__holds_for_every_fate_of_one_writers_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_attempt__holds_for_every_order_of_two_writers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attempt__holds_for_two_writers_and_a_fault,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_attempt__holds_for_histories_of_one_to_three_writers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attempt__with_each_mutation_is_caught, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
