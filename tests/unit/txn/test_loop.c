#include "fixture.h"

#include "base/log.h"
#include "base/trouble.h"
#include "txn/loop.h"

struct run {
    struct dsi_catalog catalog;
    struct dsi_table *table;
    struct dsi_change *change;
    struct dsi_attempts attempts;
    struct dsi_budget budget;
};

static void run_init(struct run *r, enum fate (*fate)(void *), int32_t attempts_max)
{
    struct ds_commit_options o = {.struct_size = sizeof o, .attempts_max = attempts_max};
    catalog_init(&r->catalog);
    r->table = test_create(&r->catalog, NULL, 0);
    r->change = test_change(r->table, NULL, "memory:///t/data/a", 5);
    const struct dsi_metadata *m = dsi_table_metadata(r->table);
    r->budget = dsi_budget_of(m, &o);
    r->budget.min_wait_ms = 0;
    r->budget.max_wait_ms = 0;
    dsi_metadata_unref(m);
    r->catalog.fate = fate;
    assert_int_equal(dsi_attempts_begin(&r->attempts, r->table, r->change, NULL), DS_OK);
}

static void run_release(struct run *r)
{
    dsi_attempts_release(&r->attempts);
    dsi_change_free(r->change);
    dsi_table_free(r->table);
    catalog_release(&r->catalog);
}

static enum fate always_lost(void *arg)
{
    (void)arg;
    return FATE_LOST;
}

static enum fate always_late(void *arg)
{
    (void)arg;
    return FATE_LATE;
}

static bool never(void *arg, const struct dsi_state *head)
{
    (void)head;
    ++*(int *)arg;
    return false;
}

static void test_loop__a_guard_that_says_no_ends_it_before_a_request(void **state)
{
    struct run r;
    enum dsi_attempt_end end = DSI_ATTEMPT_AGAIN;
    int asked = 0;
    (void)state;
    run_init(&r, NULL, 5);
    unsigned swaps = r.catalog.swaps;
    r.attempts.guard = never;
    r.attempts.guard_arg = &asked;
    assert_int_equal(dsi_loop_run(&r.attempts, &r.budget, &end, NULL), DS_OK);
    assert_int_equal(end, DSI_ATTEMPT_CHANGED);
    assert_int_equal(asked, 1);
    assert_int_equal(r.catalog.swaps, swaps);
    assert_int_equal(dsi_loop_settle(&r.attempts, &r.budget), DS_NOT_COMMITTED);
    run_release(&r);
}

static void test_loop__ends_with_the_budget_and_says_so(void **state)
{
    struct run r;
    enum dsi_attempt_end end = DSI_ATTEMPT_COMMITTED;
    (void)state;
    run_init(&r, always_lost, 3);
    assert_int_equal(dsi_loop_run(&r.attempts, &r.budget, &end, NULL), DS_EUNKNOWN);
    assert_int_equal(end, DSI_ATTEMPT_AGAIN);
    assert_int_equal(r.attempts.swaps, 3);
    run_release(&r);
}

static void count_warnings(enum ds_log_level level, const char *line, void *arg)
{
    *(int *)arg += level == DS_LOG_WARN && strstr(line, "trying again: ") != NULL;
}

static void test_loop__says_once_that_it_fails_for_long(void **state)
{
    const int64_t ages_ns[] = {0, INT64_C(6000000000)};
    (void)state;

    for (int old = 0; old < 2; old++) {
        struct run r;
        struct ds_error err = {0};
        enum dsi_attempt_end end = DSI_ATTEMPT_COMMITTED;
        int warnings = 0;
        run_init(&r, always_lost, 3);
        r.budget.start_ns -= ages_ns[old];
        ds_log_set(DS_LOG_WARN, count_warnings, &warnings);
        int rc = dsi_loop_run(&r.attempts, &r.budget, &end, &err);
        ds_log_set(DS_LOG_WARN, NULL, NULL);
        assert_int_equal(rc, DS_EUNKNOWN);
        assert_int_equal(warnings, old);
        run_release(&r);
    }
}

// Before each request somebody else is faster.
static void be_faster(void *arg, const char *where)
{
    static const struct ds_commit_options alone = {.struct_size = sizeof alone,
                                                   .group = DS_GROUP_OFF};
    struct dsi_catalog *c = arg;
    if (strcmp(where, "swap") == 0) {
        c->step = NULL;
        struct dsi_table *t = test_open(c);
        struct dsi_change *change = test_blank(t, &alone);
        assert_int_equal(dsi_change_set_property(change, "a", "b", NULL), DS_OK);
        assert_int_equal(dsi_commit(t, change, &alone, NULL, NULL), DS_OK);
        dsi_change_free(change);
        dsi_table_free(t);
        c->step = be_faster;
    }
}

static void count_told(void *arg, const struct ds_error *why)
{
    *(int *)arg += why->status == DS_EUNKNOWN && why->message[0] != '\0' ? 1 : 100;
}

// Each attempt that is made again is told, but not that others were faster; the last is
// the answer.
static void test_loop__tells_what_it_tries_again_for(void **state)
{
    (void)state;

    for (int slow = 0; slow < 2; slow++) {
        struct run r;
        struct ds_error err = {0};
        enum dsi_attempt_end end = DSI_ATTEMPT_COMMITTED;
        int told = 0;
        struct dsi_trouble trouble = {.told = count_told, .arg = &told};
        run_init(&r, slow ? NULL : always_lost, 3);
        r.catalog.step = slow ? be_faster : NULL;
        r.catalog.arg = &r.catalog;
        dsi_trouble_begin(&trouble);
        int rc = dsi_loop_run(&r.attempts, &r.budget, &end, &err);
        dsi_trouble_end(&trouble);
        assert_int_equal(rc, slow ? DS_ECONFLICT : DS_EUNKNOWN);
        assert_int_equal(told, slow ? 0 : 2);
        run_release(&r);
    }
}

static void test_loop__unknown_stays_so_until_the_head_moves(void **state)
{
    struct run r;
    enum dsi_attempt_end end = DSI_ATTEMPT_AGAIN;
    (void)state;
    run_init(&r, always_late, 1);
    assert_int_equal(dsi_loop_run(&r.attempts, &r.budget, &end, NULL), DS_EUNKNOWN);
    assert_int_equal(dsi_loop_settle(&r.attempts, &r.budget), DS_UNKNOWN);
    r.catalog.fate = NULL;
    struct dsi_change *other = test_change(r.table, NULL, "memory:///t/data/b", 1);
    assert_int_equal(dsi_commit(r.table, other, NULL, NULL, NULL), DS_OK);
    assert_int_equal(dsi_loop_settle(&r.attempts, &r.budget), DS_NOT_COMMITTED);
    dsi_change_free(other);
    run_release(&r);
}

static void test_loop__what_arrived_late_is_seen(void **state)
{
    struct run r;
    enum dsi_attempt_end end = DSI_ATTEMPT_AGAIN;
    (void)state;
    run_init(&r, always_late, 1);
    assert_int_equal(dsi_loop_run(&r.attempts, &r.budget, &end, NULL), DS_EUNKNOWN);
    catalog_deliver(&r.catalog, true);
    assert_int_equal(dsi_loop_settle(&r.attempts, &r.budget), DS_COMMITTED);
    run_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop__a_guard_that_says_no_ends_it_before_a_request),
        cmocka_unit_test(test_loop__ends_with_the_budget_and_says_so),
        cmocka_unit_test(test_loop__says_once_that_it_fails_for_long),
        cmocka_unit_test(test_loop__tells_what_it_tries_again_for),
        cmocka_unit_test(test_loop__unknown_stays_so_until_the_head_moves),
        cmocka_unit_test(test_loop__what_arrived_late_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
