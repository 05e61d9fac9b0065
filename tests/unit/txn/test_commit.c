// The commit loop on a catalog that does everything a network and a crash can do to a
// request. What is checked: an outcome once stated is true for ever, history is one line,
// no identity is in it twice, and nothing reachable is ever gone.
#include <stdatomic.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fault.h"
#include "fixture.h"

// Time passes only when somebody looks at it, and nobody really sleeps.
static atomic_llong now_ms = 1700000000000;

static int64_t fake_wall_us(void)
{
    return atomic_fetch_add(&now_ms, 1) * 1000;
}

static int64_t fake_monotonic_ns(void)
{
    return atomic_fetch_add(&now_ms, 1) * 1000000;
}

static int64_t slept_ns;

static void fake_sleep_ns(int64_t ns)
{
    slept_ns += ns;
    atomic_fetch_add(&now_ms, ns / 1000000 + 1);
}

static const struct dsi_clock_ops fake_clock = {fake_wall_us, fake_monotonic_ns};
static const struct dsi_sleep_ops fake_sleep = {fake_sleep_ns};

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
    dsi_fault_stop();
    dsi_mutants = 0;
    dsi_clock_set(NULL);
    dsi_sleep_set(NULL);
    return 0;
}

static void test_commit__adds_a_snapshot(void **state)
{
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct ds_error err = {0};
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 7);
    assert_int_equal(dsi_commit(t, change, NULL, &r, &err), DS_OK);
    assert_int_equal(r.outcome, DS_COMMITTED);
    assert_int_equal(r.rows, 7);
    assert_int_equal(r.files, 1);
    assert_int_equal(r.sequence_number, 1);
    assert_int_equal(r.attempts, 1);
    assert_int_equal(r.conflicts, 0);
    assert_string_equal(r.identity, change->identity);
    assert_string_equal(r.token, "");
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 7);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    assert_int_equal(m->current_snapshot_id, r.snapshot_id);
    dsi_metadata_unref(m);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_commit__sets_properties_without_a_snapshot(void **state)
{
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct dsi_change *change = NULL;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *s = dsi_table_state(t);
    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    assert_int_equal(dsi_change_set_property(change, "a", "1", NULL), DS_OK);
    assert_int_equal(dsi_change_set_property(change, "a", "2", NULL), DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, &r, NULL), DS_OK);
    assert_int_equal(r.snapshot_id, -1);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    assert_string_equal(dsi_metadata_property(m, "a"), "2");
    assert_string_equal(dsi_metadata_property(m, DSI_KEY_COMMIT_ID), change->identity);
    dsi_metadata_unref(m);
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_commit__with_nothing_to_do_makes_no_version(void **state)
{
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct dsi_change *change = NULL;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *s = dsi_table_state(t);
    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    unsigned swaps = c.swaps;
    assert_int_equal(dsi_commit(t, change, NULL, &r, NULL), DS_OK);
    assert_int_equal(r.outcome, DS_COMMITTED);
    assert_int_equal(r.snapshot_id, -1);
    assert_int_equal(c.swaps, swaps);
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

// A list of fates, one for each request; after its end all is fair.
struct fates {
    const enum fate *fates;
    size_t count;
    size_t next;
};

static enum fate next_fate(void *arg)
{
    struct fates *f = arg;
    return f->next < f->count ? f->fates[f->next++] : FATE_FAIR;
}

static void test_commit__whose_answer_was_lost_is_found(void **state)
{
    static const enum fate fates[] = {FATE_ANSWER_LOST};
    struct fates f = {fates, 1, 0};
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 7);
    c.fate = next_fate;
    c.arg = &f;
    assert_int_equal(dsi_commit(t, change, NULL, &r, NULL), DS_OK);
    assert_int_equal(r.attempts, 1); // It did not send another.
    assert_int_equal(r.sequence_number, 1);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 7);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void
test_commit__without_an_answer_is_unknown_and_resolved_by_a_fence(void **state)
{
    static const enum fate fates[] = {FATE_LATE};
    struct fates f = {fates, 1, 0};
    struct ds_commit_options o = {.struct_size = sizeof o, .attempts_max = 1};
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct ds_error err = {0};
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 7);
    c.fate = next_fate;
    c.arg = &f;
    assert_int_equal(dsi_commit(t, change, &o, &r, &err), DS_EUNKNOWN);
    assert_int_equal(r.outcome, DS_UNKNOWN);
    assert_true(strlen(r.token) > 40 && strlen(r.token) < 400);
    assert_true(test_exists(c.storage, "memory:///t/data/a")); // Nothing is removed.

    struct dsi_table *other = test_open(&c);
    struct ds_commit_result answer = {0};
    assert_int_equal(dsi_commit_resolve(other, r.token, 10, &answer, &err), DS_OK);
    assert_int_equal(answer.outcome, DS_NOT_COMMITTED);
    catalog_deliver(&c, true); // Too late: the fence moved the head.
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.snapshots, 0);
    dsi_table_free(other);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_commit__that_arrived_late_is_resolved_as_committed(void **state)
{
    static const enum fate fates[] = {FATE_LATE};
    struct fates f = {fates, 1, 0};
    struct ds_commit_options o = {.struct_size = sizeof o, .attempts_max = 1};
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 7);
    c.fate = next_fate;
    c.arg = &f;
    assert_int_equal(dsi_commit(t, change, &o, &r, NULL), DS_EUNKNOWN);
    catalog_deliver(&c, true);
    struct ds_commit_result answer = {0};
    assert_int_equal(dsi_commit_resolve(t, r.token, 0, &answer, NULL), DS_OK);
    assert_int_equal(answer.outcome, DS_COMMITTED);
    assert_int_equal(answer.sequence_number, 1);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 7);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_commit__run_twice_with_one_identity_commits_once(void **state)
{
    struct ds_commit_options o = {.struct_size = sizeof o,
                                  .identity = "01890000-0000-7000-8000-00000000abcd"};
    struct dsi_catalog c;
    struct ds_commit_result first = {0};
    struct ds_commit_result second = {0};
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *a = test_change(t, &o, "memory:///t/data/a", 7);
    struct dsi_change *b = test_change(t, &o, "memory:///t/data/b", 7);
    assert_int_equal(dsi_commit(t, a, NULL, &first, NULL), DS_OK);
    assert_int_equal(dsi_commit(t, b, NULL, &second, NULL), DS_OK);
    assert_int_equal(second.outcome, DS_COMMITTED);
    assert_int_equal(second.snapshot_id, first.snapshot_id);
    assert_int_equal(second.attempts, 0);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 7);
    assert_false(test_exists(c.storage, "memory:///t/data/b")); // The second run's waste.
    dsi_change_free(a);
    dsi_change_free(b);
    dsi_table_free(t);
    catalog_release(&c);
}

static bool yes(void *arg)
{
    (void)arg;
    return true;
}

static void count_step(void *arg, const char *where)
{
    (void)where;
    ++*(int *)arg;
}

// Nobody may have taken it up by then: the answer is definite, and there is no token.
static void test_commit__cancelled_before_asks_nobody(void **state)
{
    struct ds_cancel_scope cancel = {.cancelled = yes};
    struct dsi_catalog c;
    struct ds_commit_result r = {.struct_size = sizeof r, .token = "old"};
    int steps = 0;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 7);
    c.step = count_step;
    c.arg = &steps;
    dsi_cancel_begin(&cancel);
    int rc = dsi_commit(t, change, NULL, &r, NULL);
    dsi_cancel_end(&cancel);
    assert_int_equal(rc, DS_ECANCELLED);
    assert_int_equal(steps, 0);
    assert_int_equal(r.outcome, DS_NOT_COMMITTED);
    assert_string_equal(r.token, "");
    assert_false(test_exists(c.storage, "memory:///t/data/a"));
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

// One that knows less of a result than we do gets what it has room for.
static void test_commit__fills_as_much_of_a_result_as_there_is_room_for(void **state)
{
    struct ds_commit_result r;
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 7);
    memset(&r, 0x5a, sizeof r);
    r.struct_size = offsetof(struct ds_commit_result, attempts);
    assert_int_equal(dsi_commit(t, change, NULL, &r, NULL), DS_OK);
    assert_int_equal(r.struct_size, offsetof(struct ds_commit_result, attempts));
    assert_int_equal(r.outcome, DS_COMMITTED);
    assert_int_equal(r.sequence_number, 1);
    assert_int_equal(r.attempts, 0x5a5a5a5a);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_commit__gives_up_after_its_attempts(void **state)
{
    static const enum fate fates[] = {FATE_LOST, FATE_LOST, FATE_LOST};
    struct fates f = {fates, 3, 0};
    struct ds_commit_options o = {.struct_size = sizeof o, .attempts_max = 3};
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 7);
    c.fate = next_fate;
    c.arg = &f;
    slept_ns = 0;
    assert_int_equal(dsi_commit(t, change, &o, &r, NULL), DS_EUNKNOWN);
    assert_int_equal(r.attempts, 3);
    assert_int_equal(r.waited_us, slept_ns / 1000 + 3000); // A tick in line each time.
    assert_true(r.elapsed_us > r.waited_us);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

// Another writer, at one step of a commit; the fates are those of all requests.
struct meddler {
    struct fates fates;
    struct dsi_catalog *catalog;
    const char *where;
    bool done;
};

static void meddle(void *arg, const char *where)
{
    struct meddler *m = arg;
    if (strcmp(where, m->where) == 0 && !m->done) {
        m->done = true;
        struct dsi_table *t = test_open(m->catalog);
        struct dsi_change *change = test_change(t, NULL, "memory:///t/data/other", 3);
        assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
        dsi_change_free(change);
        dsi_table_free(t);
    }
}

static int count_file(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)info;
    *(size_t *)arg += strstr(path, ".avro") != NULL || strstr(path, "/data/") != NULL;
    return DS_OK;
}

// Those of commits: none that failed may have left any.
static size_t count_files(struct dsi_catalog *c)
{
    size_t n = 0;
    assert_int_equal(dsi_storage_list(c->storage, "memory:///t", count_file, &n, NULL),
                     DS_OK);
    return n;
}

// What became of a commit of one file that has another one in its way.
struct meddled {
    int rc;
    struct ds_commit_result result;
    size_t files; // That are there then.
};

static struct meddled commit_meddled(const char *where, const enum fate *fates,
                                     size_t count, int32_t attempts_max)
{
    struct ds_commit_options o = {.struct_size = sizeof o, .attempts_max = attempts_max};
    struct dsi_catalog c;
    struct meddled out = {.rc = DS_OK};
    struct meddler m = {{fates, count, 0}, &c, where, false};

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 7);
    c.step = meddle;
    c.fate = next_fate;
    c.arg = &m;
    out.rc = dsi_commit(t, change, &o, &out.result, NULL);
    out.files = count_files(&c);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
    return out;
}

// It lost the first swap, and the answer to the second, which was its last.
static void test_commit__found_after_its_last_attempt_is_committed(void **state)
{
    static const enum fate fates[] = {FATE_FAIR, FATE_FAIR, FATE_ANSWER_LOST};
    struct meddled m = commit_meddled("swap", fates, 3, 2);
    (void)state;

    assert_int_equal(m.rc, DS_OK);
    assert_int_equal(m.result.outcome, DS_COMMITTED);
    assert_int_equal(m.result.sequence_number, 2);
    assert_int_equal(m.result.attempts, 2);
    assert_int_equal(m.result.conflicts, 1);
    assert_int_equal(m.files, 6); // Of each a file, its manifest, and a list.
}

// Its request is lost, and can arrive no more: that is no open question.
static void test_commit__overtaken_by_another_is_not_in_the_table(void **state)
{
    static const enum fate fates[] = {FATE_LOST};
    struct meddled m = commit_meddled("answer", fates, 1, 1);
    (void)state;

    assert_int_equal(m.rc, DS_EIO);
    assert_int_equal(m.result.outcome, DS_NOT_COMMITTED);
    assert_string_equal(m.result.token, "");
    assert_int_equal(m.files, 3); // The other's.
}

static void test_commit__is_not_locked_out_by_a_bad_setting(void **state)
{
    static const struct ds_property bad[] = {{"commit.retry.num-retries", "many"},
                                             {"commit.retry.min-wait-ms", "-5"},
                                             {"datashard.expire-on-commit", "perhaps"}};
    struct dsi_catalog c;
    struct dsi_change *change = NULL;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, bad, 3);
    const struct dsi_state *s = dsi_table_state(t);
    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(dsi_change_set_property(change, bad[i].key, NULL, NULL), DS_OK);
    }
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_commit__that_cannot_be_applied_removes_its_files(void **state)
{
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct ds_error err = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 7);
    free(c.head); // Dropped, and made anew by somebody else.
    c.head = NULL;
    struct dsi_table *other = test_create(&c, NULL, 0);
    assert_int_equal(dsi_commit(t, change, NULL, &r, &err), DS_ECONFLICT);
    assert_int_equal(r.outcome, DS_NOT_COMMITTED);
    assert_non_null(strstr(err.detail, "\"rule\":\"table-replaced\""));
    assert_int_equal(count_files(&c), 0);
    dsi_table_free(other);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

// One table, and a commit to it for each fault point: after each the table is looked at
// from outside, and must be as the outcome says.
static void run_faults(struct dsi_fault_plan *plan)
{
    static const struct ds_property properties[] = {
        {"commit.manifest.min-count-to-merge", "3"},
        {"datashard.expire-on-commit", "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "4"},
    };
    enum { FILES_MAX = 20000 };
    struct dsi_catalog c;
    struct seen seen;
    char path[64];
    int64_t rows = 0;
    unsigned runs = 0;
    unsigned committed = 0;

    catalog_init(&c);
    dsi_table_free(test_create(&c, properties, 4));
    while (dsi_fault_next(plan)) {
        struct ds_commit_options o = {.struct_size = sizeof o, .attempts_max = 2};
        struct ds_commit_result r = {0};
        struct ds_error err = {0};
        struct dsi_table *t = NULL;
        struct dsi_change *change = NULL;
        assert_true(runs < FILES_MAX);
        snprintf(path, sizeof path, "memory:///t/data/%u", runs++);
        // The file itself is not what is tested; should storing it fail, so does the run.
        struct ds_slice bytes = {(const uint8_t *)"x", 1};
        int rc = dsi_storage_put(c.storage, path, bytes, 0, &err);
        rc = rc == DS_EUNKNOWN ? DS_OK : rc;
        rc = rc < 0 ? rc : dsi_table_open(&c, &test_name, &t, &err);
        bool begun = false;
        if (rc == DS_OK) {
            const struct dsi_state *s = dsi_table_state(t);
            rc = dsi_change_new(s, NULL, &change, &err);
            dsi_state_unref(s);
        }
        if (rc == DS_OK) {
            struct dsi_data_file f = {.path = path,
                                      .record_count = 5,
                                      .file_size = 1,
                                      .sort_order_id = -1,
                                      .first_row_id = -1,
                                      .content_offset = -1,
                                      .content_size = -1};
            rc = dsi_change_append(change, &f, 1, true, &err);
        }
        if (rc == DS_OK) {
            begun = true;
            rc = dsi_commit(t, change, &o, &r, &err);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        const char *why = test_look(c.storage, c.head, &seen);
        if (why) {
            fail_msg("fault %u (%s): %s", plan->target, plan->name ? plan->name : "",
                     why);
        }
        size_t there =
            begun ? test_count_identity(c.storage, c.head, change->identity) : 0;
        if (begun && r.outcome == DS_UNKNOWN) {
            assert_int_equal(rc, DS_EUNKNOWN);
            assert_int_equal(dsi_commit_resolve(t, r.token, 0, &r, &err), DS_OK);
        }
        assert_int_equal(there, begun && r.outcome == DS_COMMITTED);
        assert_true(!begun || (rc == DS_OK) == (r.outcome == DS_COMMITTED) ||
                    rc == DS_EUNKNOWN);
        committed += there > 0;
        rows += there > 0 ? 5 : 0;
        assert_int_equal(seen.rows, rows);
        dsi_change_free(change);
        dsi_table_free(t);
    }
    print_message("  %u runs, %u of them committed\n", runs, committed);
    assert_true(runs > 50 && committed > 0);
    catalog_release(&c);
}

static void test_commit__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;
    run_faults(&plan);
}

static void test_commit__survives_every_outage(void **state)
{
    struct dsi_fault_plan plan = {.lasting = true}; // Nothing works after the first.
    (void)state;
    run_faults(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_commit__fills_as_much_of_a_result_as_there_is_room_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commit__cancelled_before_asks_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_commit__adds_a_snapshot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commit__sets_properties_without_a_snapshot,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_commit__with_nothing_to_do_makes_no_version,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_commit__whose_answer_was_lost_is_found,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_commit__without_an_answer_is_unknown_and_resolved_by_a_fence, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            test_commit__that_arrived_late_is_resolved_as_committed, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_commit__run_twice_with_one_identity_commits_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commit__gives_up_after_its_attempts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_commit__found_after_its_last_attempt_is_committed, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_commit__overtaken_by_another_is_not_in_the_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commit__is_not_locked_out_by_a_bad_setting,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_commit__that_cannot_be_applied_removes_its_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commit__survives_every_fault, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_commit__survives_every_outage, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
