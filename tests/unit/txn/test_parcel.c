// One commit of the appender through everything a catalog may do. Time passes only when
// somebody looks at it, and nobody really sleeps.
#include "appender_fixture.h"
#include "base/alloc.h"
#include "base/fault.h"
#include "txn/parcel.h"

static void skip_time(int64_t ns)
{
    atomic_fetch_add(&test_now_ms, ns / 1000000 + 1);
}

static const struct dsi_sleep_ops skipping = {skip_time};

static int setup(void **state)
{
    (void)state;
    test_clock_ticks();
    dsi_sleep_set(&skipping);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dsi_fault_stop();
    dsi_mutants = 0;
    dsi_clock_set(NULL);
    dsi_sleep_set(NULL);
    return 0;
}

// How the tests wait: by moving the clock on.
struct waiting {
    unsigned waits;
    unsigned failures;
    int64_t longest_ns;
    int64_t deadline_ns;
    int last;
};

static void wait_some(void *arg, int64_t ns)
{
    struct waiting *w = arg;
    w->waits++;
    w->longest_ns = ns > w->longest_ns ? ns : w->longest_ns;
    skip_time(ns);
}

static int64_t deadline_of(void *arg)
{
    struct waiting *w = arg;
    return w->deadline_ns;
}

static void count_failure(void *arg, const struct ds_error *err)
{
    struct waiting *w = arg;
    w->failures++;
    w->last = err->status;
}

static const struct ds_property hasty[] = {{"commit.status-check.num-retries", "0"}};

struct bench {
    struct dsi_catalog catalog;
    struct dsi_table *table;
    struct mood mood;
    struct dsi_intake *intake;
    struct ds_commit_options options;
    struct waiting waiting;
    struct dsi_patience patience;
    int64_t next_id;
};

static void bench_init(struct bench *b, int64_t budget_ms)
{
    *b = (struct bench){.options = {.struct_size = sizeof b->options}};
    catalog_init(&b->catalog);
    b->table = test_create(&b->catalog, hasty, 1);
    mood_set(&b->mood, &b->catalog);
    const struct dsi_metadata *m = dsi_table_metadata(b->table);
    assert_int_equal(dsi_intake_new(m, NULL, &b->intake, NULL), DS_OK);
    dsi_metadata_unref(m);
    b->waiting.deadline_ns = INT64_MAX;
    b->patience = (struct dsi_patience){&b->waiting, budget_ms * 1000000, wait_some,
                                        deadline_of, count_failure,       NULL};
}

static void bench_release(struct bench *b)
{
    mood_end(&b->mood);
    dsi_intake_unref(b->intake);
    dsi_table_free(b->table);
    catalog_release(&b->catalog);
}

// A hand-over of `count` rows; NULL when there was no memory.
static struct dsi_handover *handover(struct bench *b, int64_t count, struct ds_error *err)
{
    struct dsi_handover *h = dsi_calloc(1, sizeof *h);
    struct ArrowArray array = test_rows(b->next_id, count);

    if (!h) {
        array.release(&array);
        return NULL;
    }
    h->intake = dsi_intake_ref(b->intake);
    if (dsi_intake_batch(b->intake, test_arrow_schema(), &array, &h->batch, err) < 0) {
        dsi_handover_free(h);
        return NULL;
    }
    h->bytes = dsi_intake_bytes(&h->batch);
    b->next_id += count;
    return h;
}

// A parcel of two hand-overs with three rows together; NULL when there was no memory.
static struct dsi_parcel *parcel(struct bench *b)
{
    struct dsi_parcel *p = NULL;
    struct ds_error err = {0};
    if (dsi_parcel_new(b->table, &b->options, &p, &err) < 0) {
        return NULL;
    }
    for (int64_t rows = 1; rows <= 2; rows++) {
        struct dsi_handover *h = handover(b, rows, &err);
        if (!h) {
            dsi_parcel_free(p);
            return NULL;
        }
        dsi_parcel_add(p, h);
    }
    dsi_parcel_finish(p);
    return p;
}

static void assert_ids(struct bench *b, int64_t count, int each)
{
    static uint8_t seen[IDS_MAX];
    mood_end(&b->mood);
    const char *wrong = count_ids(&b->catalog, seen);
    if (wrong) {
        fail_msg("%s", wrong);
    }
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(seen[i], each);
    }
}

static void test_parcel__is_one_commit(void **state)
{
    struct bench b;
    struct ds_commit_result r;
    struct ds_error err = {0};
    (void)state;

    bench_init(&b, 1000);
    struct dsi_parcel *p = parcel(&b);
    assert_int_equal(p->rows, 3);
    assert_true(p->ready);
    assert_int_equal(dsi_parcel_deliver(p, &b.patience, &r, &err), DS_OK);
    assert_int_equal(r.rows, 3);
    assert_int_equal(r.outcome, DS_COMMITTED);
    assert_int_equal(b.waiting.failures, 0);
    dsi_parcel_free(p);
    assert_ids(&b, 3, 1);
    bench_release(&b);
}

static void test_parcel__waits_for_a_catalog_that_is_away(void **state)
{
    struct bench b;
    struct ds_commit_result r;
    struct ds_error err = {0};
    (void)state;

    bench_init(&b, 600000);
    b.mood.away = 40;
    struct dsi_parcel *p = parcel(&b);
    assert_int_equal(dsi_parcel_deliver(p, &b.patience, &r, &err), DS_OK);
    assert_true(b.waiting.waits >= 3);
    assert_int_equal(b.waiting.failures, b.waiting.waits);
    assert_true(b.waiting.longest_ns <= INT64_C(5000000000));
    assert_string_equal(r.identity, p->identity);
    assert_int_equal(test_count_identity(b.catalog.storage, b.catalog.head, p->identity),
                     1);
    dsi_parcel_free(p);
    assert_ids(&b, 3, 1);
    bench_release(&b);
}

static void test_parcel__ends_with_its_budget(void **state)
{
    struct bench b;
    struct ds_commit_result r;
    struct ds_error err = {0};
    (void)state;

    bench_init(&b, 3000);
    b.mood.away = UINT32_MAX;
    struct dsi_parcel *p = parcel(&b);
    int64_t before = atomic_load(&test_now_ms);
    assert_int_equal(dsi_parcel_deliver(p, &b.patience, &r, &err), DS_ENOTFOUND);
    assert_true(atomic_load(&test_now_ms) - before >= 3000);
    assert_int_equal(r.outcome, DS_NOT_COMMITTED);
    assert_int_equal(p->head->batch.rows + p->tail->batch.rows, 3); // Still there.
    dsi_parcel_free(p);
    bench_release(&b);
}

static void test_parcel__ends_with_the_deadline(void **state)
{
    struct bench b;
    struct ds_commit_result r;
    struct ds_error err = {0};
    (void)state;

    bench_init(&b, 600000);
    b.waiting.deadline_ns = atomic_load(&test_now_ms) * 1000000;
    struct dsi_parcel *p = parcel(&b);
    assert_int_equal(dsi_parcel_deliver(p, &b.patience, &r, &err), DS_ECANCELLED);
    assert_int_equal(b.catalog.swaps, 1); // Of creating the table.
    dsi_parcel_free(p);
    assert_ids(&b, 3, 0);
    bench_release(&b);
}

// Applied, but nobody says so for a while: the worst case for whoever tries again.
static void lose_answers(struct bench *b)
{
    static const enum fate fates[] = {FATE_ANSWER_LOST};
    b->mood.fates = fates;
    b->mood.fate_count = 1;
    b->mood.away_after = 25;
}

static void test_parcel__resolves_before_it_tries_again(void **state)
{
    struct bench b;
    struct ds_commit_result r;
    struct ds_error err = {0};
    (void)state;

    bench_init(&b, 600000);
    lose_answers(&b);
    struct dsi_parcel *p = parcel(&b);
    assert_int_equal(dsi_parcel_deliver(p, &b.patience, &r, &err), DS_OK);
    assert_true(b.waiting.failures > 0);
    assert_int_equal(b.waiting.last, DS_EUNKNOWN);
    assert_int_equal(r.outcome, DS_COMMITTED);
    assert_int_equal(r.rows, 3);
    dsi_parcel_free(p);
    assert_ids(&b, 3, 1);
    bench_release(&b);
}

static void test_parcel__that_would_not_resolve_is_caught(void **state)
{
    struct bench b;
    struct ds_commit_result r;
    struct ds_error err = {0};
    (void)state;

    bench_init(&b, 600000);
    lose_answers(&b);
    dsi_mutants = DSI_MUTANT_APPEND_AGAIN;
    struct dsi_parcel *p = parcel(&b);
    assert_int_equal(dsi_parcel_deliver(p, &b.patience, &r, &err), DS_OK);
    dsi_mutants = 0;
    dsi_parcel_free(p);
    assert_ids(&b, 3, 2);
    bench_release(&b);
}

static void test_parcel__says_when_nobody_knows(void **state)
{
    static const enum fate fates[] = {FATE_ANSWER_LOST};
    struct bench b;
    struct ds_commit_result r;
    struct ds_error err = {0};
    (void)state;

    bench_init(&b, 3000);
    b.mood.fates = fates;
    b.mood.fate_count = 1;
    b.mood.away_after = UINT32_MAX;
    struct dsi_parcel *p = parcel(&b);
    assert_int_equal(dsi_parcel_deliver(p, &b.patience, &r, &err), DS_EUNKNOWN);
    assert_int_equal(r.outcome, DS_UNKNOWN);
    assert_string_not_equal(r.token, "");
    dsi_parcel_free(p); // Its files stay: they may be in the table.
    mood_end(&b.mood);
    assert_int_equal(dsi_commit_resolve(b.table, r.token, 0, &r, &err), DS_OK);
    assert_int_equal(r.outcome, DS_COMMITTED);
    assert_ids(&b, 3, 1);
    bench_release(&b);
}

// Whatever happens to its first requests, and however long the catalog is away after
// them: in the end every row is there once.
static void test_parcel__is_there_once_after_every_fate(void **state)
{
    (void)state;

    for (unsigned n = 0; n < FATE_COUNT * FATE_COUNT * 4; n++) {
        const enum fate fates[] = {(enum fate)(n % FATE_COUNT),
                                   (enum fate)(n / FATE_COUNT % FATE_COUNT)};
        struct bench b;
        struct ds_commit_result r;
        struct ds_error err = {0};

        bench_init(&b, 600000);
        b.mood.fates = fates;
        b.mood.fate_count = 2;
        b.mood.away_after = n / FATE_COUNT / FATE_COUNT * 7;
        for (int i = 0; i < 2; i++) {
            struct dsi_parcel *p = parcel(&b);
            int rc = dsi_parcel_deliver(p, &b.patience, &r, &err);
            if (rc != DS_OK) {
                fail_msg("fates %d %d, away %u: %s", (int)fates[0], (int)fates[1],
                         n / FATE_COUNT / FATE_COUNT * 7, err.message);
            }
            dsi_parcel_free(p);
            while (b.catalog.late_count > 0) {
                catalog_deliver(&b.catalog, true);
            }
        }
        assert_ids(&b, 6, 1);
        bench_release(&b);
    }
}

// What the table's rules forbid is not tried again.
static void test_parcel__is_not_tried_again_in_vain(void **state)
{
    struct bench b;
    struct ds_commit_result r;
    struct ds_error err = {0};
    (void)state;

    bench_init(&b, 600000);
    struct dsi_parcel *p = parcel(&b);
    free(b.catalog.head); // Dropped, and another table has its name.
    b.catalog.head = NULL;
    dsi_table_free(test_create(&b.catalog, NULL, 0));
    assert_int_equal(dsi_parcel_deliver(p, &b.patience, &r, &err), DS_ECONFLICT);
    assert_int_equal(b.waiting.waits, 0);
    assert_string_not_equal(err.detail, "");
    dsi_parcel_free(p);
    bench_release(&b);
}

static void test_parcel__survives_every_fault(void **state)
{
    (void)state;

    for (int lasting = 0; lasting < 2; lasting++) {
        struct dsi_fault_plan plan = {.lasting = lasting};
        unsigned runs = 0;
        for (;;) {
            struct bench b;
            struct ds_commit_result r = {0};
            struct ds_error err = {0};
            int rc = DS_ENOMEM;
            static uint8_t seen[IDS_MAX];

            bench_init(&b, 2000);
            if (!dsi_fault_next(&plan)) {
                bench_release(&b);
                break;
            }
            struct dsi_parcel *p = parcel(&b);
            if (p) {
                rc = dsi_parcel_deliver(p, &b.patience, &r, &err);
            }
            dsi_fault_stop();
            assert_true(!p || rc == DS_OK || err.message[0] != '\0');
            dsi_parcel_free(p);
            if (rc == DS_EUNKNOWN) {
                assert_int_equal(dsi_commit_resolve(b.table, r.token, 0, &r, &err),
                                 DS_OK);
                rc = r.outcome == DS_COMMITTED ? DS_OK : DS_EIO;
            }
            assert_null(count_ids(&b.catalog, seen));
            for (int i = 0; i < 3; i++) {
                assert_int_equal(seen[i], rc == DS_OK);
            }
            bench_release(&b);
            runs++;
        }
        assert_true(runs > 50);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_parcel__is_one_commit),
        TEST(test_parcel__waits_for_a_catalog_that_is_away),
        TEST(test_parcel__ends_with_its_budget),
        TEST(test_parcel__ends_with_the_deadline),
        TEST(test_parcel__resolves_before_it_tries_again),
        TEST(test_parcel__that_would_not_resolve_is_caught),
        TEST(test_parcel__says_when_nobody_knows),
        TEST(test_parcel__is_there_once_after_every_fate),
        TEST(test_parcel__is_not_tried_again_in_vain),
        TEST(test_parcel__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
