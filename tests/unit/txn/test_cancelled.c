// Commits that are cancelled at every question there is: whatever is said of them is so.
#include <signal.h>
#include <sys/wait.h>

#include "base/cancel.h"
#include "base/fault.h"
#include "cancel_asks.h"
#include "storm.h"
#include "txn/group.h"

#define SECOND INT64_C(1000000000)

static const struct ds_property quick[] = {{"commit.retry.min-wait-ms", "1"},
                                           {"commit.retry.max-wait-ms", "2"}};

static enum fate told_fate(void *arg)
{
    return *(enum fate *)arg;
}

static int commit_asked(struct dsi_table *t, struct dsi_change *c, struct asks *asks,
                        const struct ds_commit_options *options,
                        struct ds_commit_result *r, struct ds_error *err)
{
    struct ds_cancel_scope cancel = {.cancelled = asks_cancelled, .arg = asks};
    *r = (struct ds_commit_result){.struct_size = sizeof *r};
    dsi_cancel_begin(&cancel);
    int rc = dsi_commit(t, c, options, r, err);
    dsi_cancel_end(&cancel);
    return rc;
}

// What was said is what is there, now and when everything late has arrived.
static void check_outcome(struct place *p, int rc, const struct ds_commit_result *r,
                          int64_t id)
{
    struct ds_commit_result answer = {.struct_size = sizeof answer};
    uint8_t seen[IDS_MAX];
    enum ds_outcome outcome = r->outcome;

    p->catalog.fate = NULL;
    if (outcome == DS_UNKNOWN) {
        assert_int_equal(rc, DS_EUNKNOWN);
        assert_true(r->identity[0] && r->token[0]);
        assert_int_equal(dsi_commit_resolve(p->table, r->token, 0, &answer, NULL), DS_OK);
        outcome = answer.outcome;
        assert_int_not_equal(outcome, DS_UNKNOWN);
    } else {
        assert_int_equal(rc == DS_OK, outcome == DS_COMMITTED);
    }
    while (p->catalog.late_count > 0) {
        catalog_deliver(&p->catalog, true);
    }
    count_ids(p, seen);
    assert_int_equal(seen[id], outcome == DS_COMMITTED);
}

static void test_cancelled__at_every_question_the_outcome_is_honest(void **state)
{
    static const enum fate fates[] = {FATE_FAIR, FATE_LOST, FATE_ANSWER_LOST,
                                      FATE_LIE,  FATE_LATE, FATE_TWICE};
    unsigned cancelled = 0;
    (void)state;
    for (unsigned i = 0; i < 2 * sizeof fates / sizeof *fates; i++) {
        struct ds_commit_options options = {.struct_size = sizeof options,
                                            .timeout_ms = 60,
                                            .attempts_max = 3,
                                            .group =
                                                i % 2 ? DS_GROUP_OFF : DS_GROUP_AUTO};
        struct asks asks = {0};
        for (unsigned at = 1; asks.said_ns != 0 || at == 1; at += at < 24 ? 1 : at / 4) {
            enum fate fate = fates[i / 2];
            struct place p;
            struct ds_commit_result r;
            struct ds_error err = {0};
            place_init(&p, quick, 2);
            p.catalog.fate = told_fate;
            p.catalog.arg = &fate;
            asks = (struct asks){.yes_at = at};
            struct dsi_change *c = row_change(p.table, &options, 1);
            int rc = commit_asked(p.table, c, &asks, &options, &r, &err);
            assert_int_equal(asks.said_ns != 0, asks.count == at); // Not asked again.
            if (asks.said_ns != 0 && r.outcome == DS_NOT_COMMITTED) {
                assert_int_equal(rc, DS_ECANCELLED);
                assert_int_equal(err.status, DS_ECANCELLED);
                cancelled++;
            }
            check_outcome(&p, rc, &r, 1);
            dsi_change_free(c);
            place_release(&p);
        }
    }
    assert_true(cancelled > 20);
}

static void test_cancelled__a_commit_that_fails_everywhere_is_honest_too(void **state)
{
    unsigned hits = 0;
    (void)state;
    for (unsigned at = 2; at <= 6; at += 4) {
        struct dsi_fault_plan plan = {0};
        bool more = true;
        while (more) {
            struct place p;
            struct ds_commit_result r;
            struct ds_error err = {0};
            struct asks asks = {.yes_at = at};
            place_init(&p, quick, 2);
            struct dsi_change *c = row_change(p.table, NULL, 1);
            more = dsi_fault_next(&plan);
            int rc = commit_asked(p.table, c, &asks, NULL, &r, &err);
            dsi_fault_stop();
            assert_true(rc == DS_OK || err.message[0] != '\0');
            check_outcome(&p, rc, &r, 1);
            dsi_change_free(c);
            place_release(&p);
        }
        hits += plan.target;
    }
    assert_true(hits > 100);
}

static void test_cancelled__leaves_no_file_behind(void **state)
{
    struct asks asks = {.yes_at = 1};
    struct ds_commit_result r;
    struct place p;
    (void)state;
    place_init(&p, quick, 2);
    struct dsi_data_file f = test_file(p.catalog.storage, "memory:///t/data/a", 5);
    struct dsi_change *c = test_blank(p.table, NULL);
    assert_int_equal(dsi_change_append(c, &f, 1, true, NULL), DS_OK);
    assert_int_equal(commit_asked(p.table, c, &asks, NULL, &r, NULL), DS_ECANCELLED);
    assert_int_equal(r.outcome, DS_NOT_COMMITTED);
    assert_false(test_exists(p.catalog.storage, "memory:///t/data/a"));
    dsi_change_free(c);
    place_release(&p);
}

// ---- Owners and leaders ---------------------------------------------------------------

static void test_cancelled__an_owner_nobody_has_claimed_is_not_committed(void **state)
{
    struct asks asks = {.after_ns = asks_now_ns() + 20000000};
    struct ds_commit_result r;
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    assert_true(dsi_queue_try_lead(p.queue)); // It leads, and does nothing.
    struct dsi_change *c = row_change(p.table, NULL, 1);
    assert_int_equal(commit_asked(p.table, c, &asks, NULL, &r, NULL), DS_ECANCELLED);
    assert_true(asks_now_ns() - asks.said_ns < SECOND / 10);
    check_outcome(&p, DS_ECANCELLED, &r, 1);
    dsi_queue_resign(p.queue);
    dsi_change_free(c);
    place_release(&p);
}

// In a process of its own: leads, claims what comes, and is stopped.
static pid_t start_leader_that_stops(struct place *p, bool claims)
{
    int tell[2];
    char byte = 0;
    assert_int_equal(pipe(tell), 0);
    pid_t child = fork();
    if (child == 0) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_queue *q = NULL;
        struct dsi_claim *all = NULL;
        size_t count = 0;
        if (dsi_queue_open(p->queue_path, &q, NULL) < 0 || !dsi_queue_try_lead(q) ||
            write(tell[1], "x", 1) != 1) {
            _exit(1);
        }
        while (claims && count == 0) {
            dsi_queue_beat(q);
            dsi_queue_await(q, 1, SECOND);
            if (dsi_queue_claim(q, 1 << 20, &arena, &all, &count, NULL) < 0) {
                _exit(1);
            }
        }
        raise(SIGSTOP);
        _exit(0);
    }
    assert_int_equal(read(tell[0], &byte, 1), 1);
    close(tell[0]);
    close(tell[1]);
    return child;
}

struct stopping {
    pid_t leader;
    struct asks asks;
};

// Cancels 20 ms after the leader was stopped.
static bool cancelled_once_stopped(void *arg)
{
    struct stopping *s = arg;
    int status = 0;
    if (s->asks.after_ns == 0 &&
        waitpid(s->leader, &status, WUNTRACED | WNOHANG) == s->leader) {
        if (!WIFSTOPPED(status)) {
            abort();
        }
        s->asks.after_ns = asks_now_ns() + 20000000;
    }
    return asks_cancelled(&s->asks);
}

static void test_cancelled__under_a_leader_that_was_stopped(void **state)
{
    (void)state;
    for (int claims = 0; claims < 2; claims++) {
        struct ds_commit_result r = {.struct_size = sizeof r};
        struct place p;
        int status = 0;
        place_init(&p, NULL, 0);
        struct stopping s = {.leader = start_leader_that_stops(&p, claims)};
        struct ds_cancel_scope cancel = {.cancelled = cancelled_once_stopped, .arg = &s};
        struct dsi_change *c = row_change(p.table, NULL, 1);
        dsi_cancel_begin(&cancel);
        int rc = dsi_commit(p.table, c, NULL, &r, NULL);
        dsi_cancel_end(&cancel);
        int64_t took = asks_now_ns() - s.asks.said_ns;
        print_message("claimed %d: %d after %lld ms\n", claims, rc,
                      (long long)(took / 1000000));
        assert_true(s.asks.said_ns > 0 && took < SECOND / 10);
        assert_int_equal(rc, claims ? DS_EUNKNOWN : DS_ECANCELLED);
        check_outcome(&p, rc, &r, 1);
        kill(s.leader, SIGCONT);
        assert_int_equal(waitpid(s.leader, &status, 0), s.leader);
        assert_int_equal(status, 0);
        dsi_change_free(c);
        place_release(&p);
    }
}

// A leader that is cancelled leaves the others to the next; it sends nobody away.
static void test_cancelled__a_leader_leaves_the_others_to_the_next(void **state)
{
    bool any = false;
    struct asks asks = {.said_ns = 1};
    (void)state;
    for (unsigned at = 1; asks.said_ns != 0; at++) {
        struct ds_commit_result r;
        struct dsi_receipt receipt = {0};
        struct dsi_queue_view view;
        struct place p;
        uint8_t seen[IDS_MAX];
        place_init(&p, quick, 2);
        struct dsi_ticket other = phantom_row(&p, NULL, 2);
        struct dsi_change *c = row_change(p.table, NULL, 1);
        asks = (struct asks){.yes_at = at};
        int rc = commit_asked(p.table, c, &asks, NULL, &r, NULL);
        if (r.outcome != DS_COMMITTED) {
            any = true;
            assert_int_equal(rc, DS_ECANCELLED);
            assert_int_equal(dsi_queue_look(p.queue, &view, NULL), DS_OK);
            assert_int_equal(view.counters.alone, 0);
            assert_int_equal(view.leader_pid, 0);
            assert_int_equal(commit_row(&p, NULL, 3).group_size, 2);
        }
        assert_int_equal(dsi_queue_wait(p.queue, &other, 0, &receipt), DSI_QUEUE_RECEIPT);
        assert_int_equal(receipt.kind, DSI_RECEIPT_COMMITTED);
        dsi_queue_leave(p.queue, &other);
        check_outcome(&p, rc, &r, 1);
        count_ids(&p, seen);
        assert_int_equal(seen[2], 1);
        dsi_change_free(c);
        place_release(&p);
        assert_true(at < 100);
    }
    assert_true(any);
}

// ---- Resolving ------------------------------------------------------------------------

static void test_cancelled__resolving_leaves_the_question_open(void **state)
{
    enum fate late = FATE_LATE;
    struct asks never = {0};
    struct ds_commit_options once = {
        .struct_size = sizeof once, .attempts_max = 1, .group = DS_GROUP_OFF};
    struct ds_commit_result r;
    struct place p;
    (void)state;
    place_init(&p, quick, 2);
    p.catalog.fate = told_fate;
    p.catalog.arg = &late;
    struct dsi_change *c = row_change(p.table, &once, 1);
    assert_int_equal(commit_asked(p.table, c, &never, &once, &r, NULL), DS_EUNKNOWN);
    unsigned swaps = p.catalog.swaps;
    for (int by_identity = 0; by_identity < 2; by_identity++) {
        struct asks asks = {.after_ns = asks_now_ns() + 20000000};
        struct ds_cancel_scope cancel = {.cancelled = asks_cancelled, .arg = &asks};
        struct ds_commit_result answer = {.struct_size = sizeof answer};
        asks.yes_at = by_identity; // It does not wait: there is one question.
        dsi_cancel_begin(&cancel);
        assert_int_equal(dsi_commit_resolve(p.table, by_identity ? r.identity : r.token,
                                            3600000, &answer, NULL),
                         DS_EUNKNOWN);
        dsi_cancel_end(&cancel);
        assert_true(asks_now_ns() - asks.said_ns < SECOND / 10);
        assert_int_equal(answer.outcome, DS_UNKNOWN);
        assert_string_equal(answer.identity, r.identity);
        assert_int_equal(p.catalog.swaps, swaps);
    }
    check_outcome(&p, DS_EUNKNOWN, &r, 1);
    dsi_change_free(c);
    place_release(&p);
}

// ---- Many at once ---------------------------------------------------------------------

static int commit_or_cancel(struct dsi_table *t, struct dsi_change *c, unsigned *seed,
                            struct ds_commit_result *r)
{
    struct asks asks = {.yes_at = (unsigned)rand_r(seed) % 12};
    return commit_asked(t, c, &asks, NULL, r, NULL);
}

static void test_cancelled__among_many_writers_the_balance_is_exact(void **state)
{
    (void)state;
    assert_true(storm_run(commit_or_cancel, quick, 2) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancelled__at_every_question_the_outcome_is_honest),
        cmocka_unit_test(test_cancelled__a_commit_that_fails_everywhere_is_honest_too),
        cmocka_unit_test(test_cancelled__leaves_no_file_behind),
        cmocka_unit_test(test_cancelled__an_owner_nobody_has_claimed_is_not_committed),
        cmocka_unit_test(test_cancelled__under_a_leader_that_was_stopped),
        cmocka_unit_test(test_cancelled__a_leader_leaves_the_others_to_the_next),
        cmocka_unit_test(test_cancelled__resolving_leaves_the_question_open),
        cmocka_unit_test(test_cancelled__among_many_writers_the_balance_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
