#include "txn/forgotten.h"

#include "base/fault.h"
#include "leftover_fixture.h"
#include "txn/attempt.h"
#include "txn/expire.h"

static void expire_all(struct dsi_table *t)
{
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_change *change = NULL;
    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    assert_int_equal(dsi_change_expire(change, INT64_MAX, 1, NULL), DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    dsi_change_free(change);
    dsi_state_unref(s);
}

static void test_forgotten__leaves_exactly_the_reachable_files(void **state)
{
    static const struct ds_property set[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "3"},
        {"commit.manifest.min-count-to-merge", "4"},
        {"write.metadata.previous-versions-max", "2"},
        {"write.metadata.delete-after-commit.enabled", "true"},
    };
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 6);
    for (int i = 0; i < 60; i++) {
        append(t, i);
        assert_null(test_look(c.storage, c.head, &seen));
        assert_int_equal(seen.rows, i + 1);
        struct names n = list(&c);
        assert_true(n.lists <= 4);
        assert_true(n.manifests <= 12);
        assert_true(n.metadata <= 3);
        assert_int_equal(n.data, i + 1);
    }
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_forgotten__frees_deleted_files_but_not_those_that_came_back(void **state)
{
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    append(t, 1);
    append(t, 2);
    append(t, 3);
    take_out(t, "data/1");
    take_out(t, "data/2");
    assert_int_equal(list(&c).data, 3); // Snapshots have them.
    append(t, 2);
    expire_all(t);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 2);
    assert_int_equal(list(&c).data, 2);
    assert_int_equal(list(&c).lists, 1);
    dsi_table_free(t);
    catalog_release(&c);
}

// What was taken out leaves manifests that name nothing else. The next commit has no use
// for them, and says of itself that it replaced none.
static void test_forgotten__frees_manifests_of_what_was_taken_out(void **state)
{
    static const struct ds_property set[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "1"},
    };
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 3);
    for (int i = 0; i < 10; i++) {
        char path[32];
        append(t, 2 * i);
        append(t, 2 * i + 1);
        snprintf(path, sizeof path, "data/%d", 2 * i);
        take_out(t, path);
    }
    append(t, 100);
    append(t, 101);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 12);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_manifest_list reachable = {0};
    assert_int_equal(dsi_snapshot_manifests(c.storage, s->metadata,
                                            dsi_metadata_current_snapshot(s->metadata),
                                            &reachable, NULL),
                     DS_OK);
    struct names n = list(&c);
    assert_int_equal(n.manifests, reachable.count);
    assert_int_equal(n.lists, 1);
    assert_int_equal(n.data, 12);
    dsi_manifest_list_release(&reachable);
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&c);
}

// --- two writers

// Each version forgets the one before it, and few lists are made without replacing
// manifests.
static const struct ds_property forgetful[] = {
    {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
    {"history.expire.max-snapshot-age-ms", "1"},
    {"history.expire.min-snapshots-to-keep", "1"},
    {"commit.manifest.min-count-to-merge", "2"},
};

enum { FORGETFUL = sizeof forgetful / sizeof forgetful[0] };

// Another writer, and when he commits.
struct other {
    struct dsi_catalog *c;
    struct dsi_table *t;
    const char *when;
    int next;     // His next file; below 0: he has the table forget nothing more.
    unsigned got; // Requests of the first one, and what becomes of them.
    enum fate fate;
};

static void keep_all(struct dsi_table *t)
{
    struct dsi_change *change = test_blank(t, NULL);
    assert_int_equal(
        dsi_change_set_property(change, DSI_KEY_EXPIRE_ON_COMMIT, "false", NULL), DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    dsi_change_free(change);
}

static void meet(void *arg, const char *where)
{
    struct other *o = arg;
    if (o->when && strcmp(where, o->when) == 0) {
        o->c->step = NULL;
        if (o->next < 0) {
            keep_all(o->t);
            o->when = NULL;
        } else {
            append(o->t, o->next++);
        }
        o->c->step = meet;
    }
}

static enum fate tell(void *arg)
{
    struct other *o = arg;
    return o->got++ == 0 ? o->fate : FATE_FAIR;
}

static void assert_nothing_is_left(struct dsi_catalog *c)
{
    struct seen seen;
    assert_null(test_look(c->storage, c->head, &seen));
    struct names n = list(c);
    assert_int_equal(seen.snapshots, 1);
    assert_int_equal(n.lists, 1);
    assert_int_equal(n.manifests, seen.manifests);
    assert_int_equal(n.data, seen.files);
}

// Whoever commits between our swap and the moment that we know of it forgets our version,
// and removes the list that tells what ours left to nobody.
static void test_forgotten__is_known_before_the_next_version(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, forgetful, FORGETFUL);
    struct other o = {.c = &c, .t = test_open(&c), .when = "answer", .next = 100};
    c.arg = &o;
    for (int i = 0; i < 12; i++) {
        char path[32];
        c.step = meet;
        append(t, i);
        assert_nothing_is_left(&c);
        assert_int_equal(dsi_table_refresh(t, NULL), DS_OK);
        snprintf(path, sizeof path, "data/%d", i);
        take_out(t, path);
        assert_nothing_is_left(&c);
        assert_int_equal(list(&c).data, 2 * (i + 1)); // The other's alone.
    }
    dsi_table_free(o.t);
    dsi_table_free(t);
    catalog_release(&c);
}

// Nothing goes before the version is known to be made: not when the request was lost,
// nor when its answer was.
static void lose(enum fate fate, int status)
{
    struct ds_commit_options once = {.struct_size = sizeof once, .attempts_max = 1};
    struct dsi_catalog c;
    struct seen seen;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, forgetful, FORGETFUL);
    struct other o = {.fate = fate};
    append(t, 1);
    append(t, 2);
    c.arg = &o;
    c.fate = tell;
    struct dsi_change *change = test_change(t, &once, "memory:///t/data/3", 1);
    assert_int_equal(dsi_commit(t, change, &once, NULL, NULL), status);
    assert_int_equal(o.got, 1);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.snapshots, 1);
    assert_int_equal(seen.rows, status == DS_OK ? 3 : 2);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_forgotten__stays_while_the_outcome_is_open(void **state)
{
    (void)state;
    lose(FATE_LOST, DS_EUNKNOWN);
    lose(FATE_ANSWER_LOST, DS_OK);
}

// The first request is refused: what it would have forgotten is kept by the table now.
static void test_forgotten__is_judged_anew_for_each_attempt(void **state)
{
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, forgetful, FORGETFUL);
    append(t, 1);
    append(t, 2);
    struct other o = {.c = &c, .t = test_open(&c), .when = "swap", .next = -1};
    c.arg = &o;
    c.step = meet;
    append(t, 3);
    assert_null(o.when);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.snapshots, 2);
    assert_int_equal(seen.rows, 3);
    dsi_table_free(o.t);
    dsi_table_free(t);
    catalog_release(&c);
}

static bool go_on_once(void *arg)
{
    int *asked = arg;
    return ++*asked == 1;
}

// It is ended between two files, and nothing is left of it.
static void test_forgotten__waits_for_nothing_when_told_so(void **state)
{
    int asked = 0;
    struct dsi_judge_limit none = {go_on_once, &asked};
    enum dsi_attempt_end end = DSI_ATTEMPT_STOP;
    struct dsi_forgotten f;
    struct dsi_attempts a;
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, forgetful, FORGETFUL);
    append(t, 1);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/2", 1);
    assert_int_equal(dsi_attempts_begin(&a, t, change, NULL), DS_OK);
    assert_int_equal(dsi_attempt(&a, 0, &end, NULL), DS_OK);
    assert_int_equal(end, DSI_ATTEMPT_COMMITTED);
    assert_true(a.forgotten.judged);
    assert_int_equal(dsi_sweep_size(a.forgotten.rest), 2); // A manifest and a list.
    dsi_forgotten_find(c.storage, NULL, &a.last, &none, &f);
    assert_int_equal(asked, 2);
    assert_false(f.judged);
    assert_null(f.data);
    assert_null(f.rest);
    dsi_forgotten_find(c.storage, NULL, &a.last, NULL, &f);
    assert_true(f.judged);
    assert_int_equal(dsi_sweep_size(f.rest), 2);
    dsi_forgotten_release(&f);
    dsi_forgotten_release(&f);
    dsi_attempts_release(&a);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

// What cannot be read, or remembered, is spared; above all a file that came back.
static void fail_once(struct dsi_fault_plan *plan, bool *more)
{
    enum dsi_attempt_end end = DSI_ATTEMPT_STOP;
    struct dsi_change *change = NULL;
    struct dsi_forgotten f;
    struct dsi_attempts a;
    struct dsi_catalog c;
    struct seen seen;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    for (int i = 1; i <= 3; i++) {
        append(t, i);
    }
    take_out(t, "data/1");
    take_out(t, "data/2");
    append(t, 2);
    change = test_blank(t, NULL);
    assert_int_equal(dsi_change_expire(change, INT64_MAX, 1, NULL), DS_OK);
    assert_int_equal(dsi_attempts_begin(&a, t, change, NULL), DS_OK);
    assert_int_equal(dsi_attempt(&a, 0, &end, NULL), DS_OK);
    *more = dsi_fault_next(plan);
    dsi_forgotten_find(c.storage, NULL, &a.last, NULL, &f);
    dsi_fault_stop();
    if (f.judged) {
        dsi_sweep_run(f.data);
        dsi_sweep_run(f.rest);
    }
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.files, 2);
    if (!*more) {
        assert_nothing_is_left(&c);
    }
    dsi_forgotten_release(&f);
    dsi_attempts_release(&a);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_forgotten__is_spared_where_nobody_knows(void **state)
{
    struct dsi_fault_plan once = {0};
    struct dsi_fault_plan lasting = {.lasting = true};
    unsigned runs = 0;
    (void)state;

    for (bool more = true; more; runs++) {
        fail_once(&once, &more);
    }
    for (bool more = true; more;) {
        fail_once(&lasting, &more);
    }
    assert_true(runs > 50);
}

// On a clock so slow that nobody may wait: then it is judged when the version is made.
static int64_t slow_ns(void)
{
    return atomic_fetch_add(&test_now_ms, 1000) * 1000000;
}

static void test_forgotten__goes_also_when_it_takes_long(void **state)
{
    static const struct dsi_clock_ops slow = {test_wall_us, slow_ns};
    struct dsi_catalog c;
    (void)state;

    dsi_clock_set(&slow);
    catalog_init(&c);
    struct dsi_table *t = test_create(&c, forgetful, FORGETFUL);
    for (int i = 0; i < 4; i++) {
        append(t, i);
        assert_nothing_is_left(&c);
    }
    take_out(t, "data/2");
    assert_nothing_is_left(&c);
    dsi_table_free(t);
    catalog_release(&c);
    test_clock_ticks();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forgotten__leaves_exactly_the_reachable_files),
        cmocka_unit_test(
            test_forgotten__frees_deleted_files_but_not_those_that_came_back),
        cmocka_unit_test(test_forgotten__frees_manifests_of_what_was_taken_out),
        cmocka_unit_test(test_forgotten__is_known_before_the_next_version),
        cmocka_unit_test(test_forgotten__stays_while_the_outcome_is_open),
        cmocka_unit_test(test_forgotten__is_judged_anew_for_each_attempt),
        cmocka_unit_test(test_forgotten__waits_for_nothing_when_told_so),
        cmocka_unit_test(test_forgotten__is_spared_where_nobody_knows),
        cmocka_unit_test(test_forgotten__goes_also_when_it_takes_long),
    };
    test_clock_ticks();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
