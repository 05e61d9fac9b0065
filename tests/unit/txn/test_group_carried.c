// Changes that their leaders carry: published nowhere, in the hands of one thread alone.
// Whatever becomes of the group, what is said of such a change is so, and it is counted
// once.
#include "storm.h"

#include "base/cancel.h"
#include "base/fault.h"
#include "storage/storage_queue_file.h"
#include "txn/group_lead.h"

static const struct ds_property hasty[] = {{"commit.status-check.num-retries", "0"},
                                           {"commit.retry.num-retries", "0"}};
static const struct ds_property quick[] = {{"commit.retry.min-wait-ms", "1"},
                                           {"commit.retry.max-wait-ms", "2"}};

static struct dsi_queue_view view_of(struct place *p)
{
    struct dsi_queue_view view;
    assert_int_equal(dsi_queue_look(p->queue, &view, NULL), DS_OK);
    return view;
}

static bool has_receipt(struct place *p, const struct dsi_ticket *t)
{
    struct dsi_receipt r;
    return dsi_queue_wait(p->queue, t, 0, &r) == DSI_QUEUE_RECEIPT;
}

static uint8_t times(struct place *p, int64_t id)
{
    uint8_t seen[IDS_MAX];
    count_ids(p, seen);
    return seen[id];
}

static void deliver_late(struct place *p)
{
    while (p->catalog.late_count > 0) {
        catalog_deliver(&p->catalog, true);
    }
}

// ---- Nothing of it is in the queue ----------------------------------------------------

static void look_for_slots(void *arg, const char *where)
{
    (void)where;
    assert_int_equal(view_of(arg).slots_used, 0);
}

static void test_group_carried__rows_of_a_leader_take_no_slot(void **state)
{
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    p.catalog.step = look_for_slots;
    p.catalog.arg = &p;
    assert_int_equal(commit_row(&p, NULL, 1).group_size, 1);
    p.catalog.step = NULL;
    place_release(&p);
}

// An identity that was given may be in the table: it is looked for before it is sent, and
// the table has it once. A group of its own has no other history to know it from.
static void test_group_carried__what_may_be_there_already_is_looked_for(void **state)
{
    static const struct ds_commit_options known = {
        .struct_size = sizeof known, .identity = "01890a5d-ac96-774b-bcce-b302099a8057"};
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    commit_row(&p, &known, 1);
    for (int64_t i = 2; i < 5; i++) {
        commit_row(&p, NULL, i);
    }
    commit_row(&p, &known, 1);
    assert_int_equal(times(&p, 1), 1);
    place_release(&p);
}

// ---- Requests whose outcome nobody knows ----------------------------------------------

struct plan {
    struct place *place;
    const enum fate *fates; // Of one request after the other; fair ever after.
    unsigned count;
    unsigned asked;
    bool deliver; // Before the second request is judged, the first one arrives.
};

static enum fate planned_fate(void *arg)
{
    struct plan *p = arg;
    return p->asked < p->count ? p->fates[p->asked++] : FATE_FAIR;
}

static void deliver_before_second(void *arg, const char *where)
{
    struct plan *p = arg;
    if (p->deliver && p->asked == 1 && strcmp(where, "swap") == 0) {
        p->deliver = false;
        deliver_late(p->place);
    }
}

// The group's request is on its way while the owner commits by itself: whichever arrives
// first, the row is there once, and the other member's is not lost.
static void test_group_carried__of_two_requests_for_it_one_counts(void **state)
{
    static const enum fate late[] = {FATE_LATE};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct place p;
        struct plan plan = {&p, late, 1, 0, i % 2 == 1};
        const bool others = i / 2 == 1;
        struct dsi_ticket t = {0};
        place_init(&p, hasty, 2);
        if (others) {
            t = phantom_row(&p, NULL, 2);
        }
        p.catalog.fate = planned_fate;
        p.catalog.step = deliver_before_second;
        p.catalog.arg = &plan;
        struct dsi_change *c = row_change(p.table, NULL, 1);
        struct ds_commit_result r = {.struct_size = sizeof r};
        int rc = dsi_commit(p.table, c, NULL, &r, NULL);
        p.catalog.fate = NULL;
        p.catalog.step = NULL;
        deliver_late(&p);
        assert_int_not_equal(r.outcome, DS_UNKNOWN);
        assert_int_equal(rc == DS_OK, r.outcome == DS_COMMITTED);
        assert_int_equal(times(&p, 1), r.outcome == DS_COMMITTED);
        commit_row(&p, NULL, 3); // And answers who waits.
        assert_int_equal(times(&p, 2), others);
        assert_int_equal(times(&p, 1), r.outcome == DS_COMMITTED);
        if (others) {
            assert_int_equal(receipt_of(&p, &t).kind, DSI_RECEIPT_COMMITTED);
        }
        dsi_change_free(c);
        place_release(&p);
    }
}

// Nobody gets an answer from the catalog: the token tells by any handle what became of
// it.
static void test_group_carried__an_unknown_one_is_resolved_by_its_token(void **state)
{
    static const enum fate late[] = {FATE_LATE, FATE_LATE, FATE_LATE, FATE_LATE};
    (void)state;
    for (int i = 0; i < 4; i++) {
        const bool arrives = i % 2 == 1;
        const bool others = i / 2 == 1;
        struct place p;
        struct plan plan = {&p, late, 4, 0, false};
        struct ds_commit_result answer = {.struct_size = sizeof answer};
        place_init(&p, hasty, 2);
        if (others) {
            phantom_row(&p, NULL, 2);
        }
        p.catalog.fate = planned_fate;
        p.catalog.arg = &plan;
        struct dsi_change *c = row_change(p.table, NULL, 1);
        struct ds_commit_result r = {.struct_size = sizeof r};
        assert_int_equal(dsi_commit(p.table, c, NULL, &r, NULL), DS_EUNKNOWN);
        assert_int_equal(r.outcome, DS_UNKNOWN);
        p.catalog.fate = NULL;
        if (arrives) { // The group's, which came first.
            while (p.catalog.late_count > 1) {
                catalog_deliver(&p.catalog, false);
            }
            deliver_late(&p);
        }
        struct dsi_table *t = test_open(&p.catalog);
        assert_int_equal(dsi_commit_resolve(t, r.token, 0, &answer, NULL), DS_OK);
        assert_int_equal(answer.outcome, arrives ? DS_COMMITTED : DS_NOT_COMMITTED);
        deliver_late(&p);
        assert_int_equal(times(&p, 1), arrives);
        assert_int_equal(times(&p, 2), arrives && others);
        dsi_table_free(t);
        dsi_change_free(c);
        place_release(&p);
    }
}

static bool when_asked(void *arg)
{
    const struct plan *p = arg;
    return p->asked > 0;
}

// Cancelled while the group's request is on its way: its owner sends none, and may not
// say that nothing was sent.
static void test_group_carried__a_cancelled_one_may_still_arrive(void **state)
{
    static const enum fate late[] = {FATE_LATE};
    (void)state;
    for (int others = 0; others < 2; others++) {
        struct place p;
        struct plan plan = {&p, late, 1, 0, false};
        struct ds_cancel_scope cancel = {.cancelled = when_asked, .arg = &plan};
        struct ds_commit_result r = {.struct_size = sizeof r};
        place_init(&p, hasty, 2);
        if (others) {
            phantom_row(&p, NULL, 2);
        }
        p.catalog.fate = planned_fate;
        p.catalog.arg = &plan;
        struct dsi_change *c = row_change(p.table, NULL, 1);
        dsi_cancel_begin(&cancel);
        int rc = dsi_commit(p.table, c, NULL, &r, NULL);
        dsi_cancel_end(&cancel);
        p.catalog.fate = NULL;
        assert_int_equal(rc, DS_EUNKNOWN);
        deliver_late(&p);
        assert_int_equal(dsi_commit_resolve(p.table, r.token, 0, &r, NULL), DS_OK);
        assert_int_equal(r.outcome, DS_COMMITTED);
        assert_int_equal(times(&p, 1), 1);
        dsi_change_free(c);
        place_release(&p);
    }
}

// ---- It fails, or others do -----------------------------------------------------------

static void spoil(struct dsi_change *c)
{
    static uint8_t junk[16];
    memset(junk, 0xa5, sizeof junk);
    c->operations[0].held.bytes = (struct ds_slice){junk, sizeof junk};
}

// Its own rows cannot be written: that is its owner's trouble, the others' leader comes.
static void test_group_carried__its_own_failure_is_nobody_elses(void **state)
{
    struct place p;
    struct ds_commit_result r = {.struct_size = sizeof r};
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_ticket other = phantom_row(&p, NULL, 2);
    struct dsi_change *c = row_change(p.table, NULL, 1);
    spoil(c);
    assert_true(dsi_commit(p.table, c, NULL, &r, NULL) < 0);
    assert_int_equal(r.outcome, DS_NOT_COMMITTED);
    assert_false(has_receipt(&p, &other)); // Neither sent away nor told anything.
    assert_int_equal(view_of(&p).leader_pid, 0);
    assert_int_equal(commit_row(&p, NULL, 3).group_size, 2);
    assert_int_equal(receipt_of(&p, &other).kind, DSI_RECEIPT_COMMITTED);
    assert_true(times(&p, 1) == 0 && times(&p, 2) == 1 && times(&p, 3) == 1);
    dsi_change_free(c);
    place_release(&p);
}

static void add_column(struct place *p)
{
    static const struct ds_commit_options alone = {.struct_size = sizeof alone,
                                                   .group = DS_GROUP_OFF};
    struct dsi_table *t = test_open(&p->catalog);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_change *c = test_blank(t, NULL);
    change_add_column(c, m, "more");
    assert_int_equal(dsi_commit(t, c, &alone, NULL, NULL), DS_OK);
    dsi_change_free(c);
    dsi_metadata_unref(m);
    dsi_table_free(t);
}

// The table has another schema by now: its own rows do not fit, another member's do.
static void test_group_carried__rows_of_another_schema_hold_nobody_up(void **state)
{
    struct place p;
    struct ds_commit_result r = {.struct_size = sizeof r};
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_change *c = row_change(p.table, NULL, 1);
    add_column(&p);
    struct dsi_table *t = test_open(&p.catalog);
    struct dsi_change *fits = row_change(t, NULL, 2);
    struct dsi_ticket other = phantom(&p, fits);
    int rc = dsi_commit(p.table, c, NULL, &r, NULL);
    assert_int_equal(rc == DS_OK, r.outcome == DS_COMMITTED);
    assert_int_equal(r.group_size, 0);
    assert_int_equal(receipt_of(&p, &other).group_size, 1);
    assert_int_equal(times(&p, 1), r.outcome == DS_COMMITTED);
    assert_int_equal(times(&p, 2), 1);
    dsi_change_free(fits);
    dsi_change_free(c);
    dsi_table_free(t);
    place_release(&p);
}

static struct dsi_ticket phantom_deletion(struct place *p)
{
    const struct dsi_metadata *m = dsi_table_metadata(p->table);
    struct dsi_change *c = test_blank(p->table, NULL);
    change_delete(p, c, m, "");
    struct dsi_ticket t = phantom(p, c);
    dsi_change_free(c);
    dsi_metadata_unref(m);
    return t;
}

// Two others are in each other's way, and a third cannot be written: it is committed with
// who is left, once, and nothing of the rounds that failed stays.
static void test_group_carried__those_in_conflict_do_not_keep_it_from_going(void **state)
{
    struct ds_commit_options dev = {.struct_size = sizeof dev, .branch = "dev"};
    struct place p;
    struct seen look;
    (void)state;
    place_init(&p, NULL, 0);
    commit_row(&p, NULL, 9);
    struct dsi_ticket first = phantom_deletion(&p);
    struct dsi_ticket second = phantom_deletion(&p);
    struct dsi_change *junk = row_change(p.table, &dev, 8);
    spoil(junk);
    struct dsi_ticket bad = phantom(&p, junk);
    struct dsi_ticket last = phantom_row(&p, NULL, 2);
    struct ds_commit_result mine = commit_row(&p, NULL, 1);
    assert_int_equal(mine.group_size, 3);
    assert_int_equal(receipt_of(&p, &first).kind, DSI_RECEIPT_COMMITTED);
    assert_int_equal(receipt_of(&p, &bad).kind, DSI_RECEIPT_ALONE);
    assert_int_equal(receipt_of(&p, &last).snapshot_id, mine.snapshot_id);
    assert_false(has_receipt(&p, &second)); // Its owner leads next.
    assert_true(times(&p, 1) == 1 && times(&p, 2) == 1 && times(&p, 9) == 0);
    assert_null(test_look(p.catalog.storage, p.catalog.head, &look));
    dsi_change_free(junk);
    place_release(&p);
}

// Between claim and swap another writer moves the head, and the partition spec changes.
struct replanned {
    struct place *place;
    bool done;
};

static void replan(void *arg, const char *where)
{
    static const struct ds_commit_options alone = {.struct_size = sizeof alone,
                                                   .group = DS_GROUP_OFF};
    struct replanned *r = arg;
    if (strcmp(where, "swap") == 0 && !r->done) {
        r->done = true;
        commit_elsewhere(r->place, &alone, 9);
        test_edit_head(&r->place->catalog, "\"spec-id\":0,\"fields\":[]",
                       "\"spec-id\":7,\"fields\":[]");
        test_edit_head(&r->place->catalog, "\"default-spec-id\":0",
                       "\"default-spec-id\":7");
    }
}

// The snapshot that it shares conflicts, a part of the group does not: it is not left for
// a round to come, as nobody could claim it then.
static void test_group_carried__is_not_set_aside(void **state)
{
    struct ds_commit_options dev = {.struct_size = sizeof dev, .branch = "dev"};
    struct place p;
    struct ds_commit_result r = {.struct_size = sizeof r};
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_change *set = test_blank(p.table, &dev);
    assert_int_equal(dsi_change_set_property(set, "colour", "blue", NULL), DS_OK);
    phantom(&p, set);
    struct replanned replanned = {&p, false};
    p.catalog.step = replan;
    p.catalog.arg = &replanned;
    struct dsi_change *c = row_change(p.table, NULL, 1);
    int rc = dsi_commit(p.table, c, NULL, &r, NULL);
    p.catalog.step = NULL;
    assert_true(replanned.done);
    assert_int_equal(rc, DS_OK);
    assert_int_equal(r.group_size, 0);
    dsi_change_free(set);
    dsi_change_free(c);
    place_release(&p);
}

// ---- Leaders that are replaced --------------------------------------------------------

struct successor {
    struct place *place;
    struct dsi_ticket *ticket;
    const char *where;
    bool done;
};

static void succeed(void *arg, const char *where)
{
    struct successor *s = arg;
    if (strcmp(where, s->where) == 0 && !s->done) {
        struct dsi_group_own own = {.ticket = s->ticket};
        s->done = true;
        struct dsi_table *t = test_open(&s->place->catalog);
        assert_true(dsi_queue_take_over(s->place->queue, view_of(s->place).epoch, 1));
        assert_int_equal(dsi_group_lead(t, s->place->queue, &own, INT64_MAX),
                         DSI_LEAD_ANSWERED);
        dsi_table_free(t);
    }
}

// Stopped before its swap, or after it: nobody else has its change, so it is there by its
// own swap, of the group or alone, and counted if it was the group's.
static void test_group_carried__goes_with_its_leader_when_that_is_replaced(void **state)
{
    static const char *const wheres[] = {"swap", "answer"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct place p;
        place_init(&p, NULL, 0);
        struct dsi_ticket t = phantom_row(&p, NULL, 2);
        struct successor s = {&p, &t, wheres[i], false};
        p.catalog.step = succeed;
        p.catalog.arg = &s;
        assert_int_equal(commit_row(&p, NULL, 1).group_size, i == 0 ? 0 : 2);
        p.catalog.step = NULL;
        assert_true(s.done);
        assert_int_equal(receipt_of(&p, &t).kind, DSI_RECEIPT_COMMITTED);
        commit_row(&p, NULL, 3);
        assert_true(times(&p, 1) == 1 && times(&p, 2) == 1 && times(&p, 3) == 1);
        const struct dsi_queue_counters c = view_of(&p).counters;
        assert_int_equal(c.appends, i == 0 ? 2 : 3);
        assert_int_equal(c.rows, c.appends);
        assert_int_equal(c.groups, 2);
        place_release(&p);
    }
}

// ---- Counters -------------------------------------------------------------------------

static void assert_counted(struct place *p, uint64_t groups, uint64_t appends)
{
    const struct dsi_queue_counters c = view_of(p).counters;
    uint64_t waits = 0;
    uint64_t sizes = 0;
    for (size_t i = 0; i < DSI_QUEUE_WAIT_BINS; i++) {
        waits += c.wait_bins[i];
    }
    for (size_t i = 0; i < DSI_QUEUE_SIZE_BINS; i++) {
        sizes += c.size_bins[i];
    }
    assert_int_equal(c.groups, groups);
    assert_int_equal(sizes, groups);
    assert_int_equal(c.appends, appends);
    assert_int_equal(waits, appends);
    assert_int_equal(c.rows, appends);
}

// Its leader does not know whether the swap has landed, and counts nothing. Who leads
// next sees it: what has landed is counted with its version, what has not is not, also
// where the same identity came into the table by its owner's own commit.
static void test_group_carried__who_leads_next_counts_what_landed(void **state)
{
    static const enum fate fates[] = {FATE_ANSWER_LOST, FATE_LOST};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        const bool landed = i % 2 == 0;
        const bool others = i / 2 == 1;
        struct place p;
        struct plan plan = {&p, &fates[i % 2], 1, 0, false};
        place_init(&p, hasty, 2);
        struct dsi_ticket t = {0};
        if (others) {
            t = phantom_row(&p, NULL, 2);
        }
        p.catalog.fate = planned_fate;
        p.catalog.arg = &plan;
        struct ds_commit_result r = commit_row(&p, NULL, 1);
        p.catalog.fate = NULL;
        if (r.group_size == 0) { // It was told by its owner's own commit.
            assert_counted(&p, 0, 0);
        }
        commit_row(&p, NULL, 3);
        const uint64_t members = 1 + (uint64_t)others;
        assert_counted(&p, landed ? 2 : 1, landed ? members + 1 : members);
        assert_int_equal(times(&p, 1), 1);
        if (others) {
            assert_int_equal(receipt_of(&p, &t).kind, DSI_RECEIPT_COMMITTED);
            assert_int_equal(times(&p, 2), 1);
        }
        place_release(&p);
    }
}

static enum fate lie_or_lose_answer(void *arg)
{
    static const enum fate fates[] = {FATE_FAIR, FATE_FAIR, FATE_ANSWER_LOST, FATE_LIE};
    unsigned *n = arg;
    return fates[(*n)++ % 4];
}

// However the catalog answers: each version of a group, and each append in it, once.
static void test_group_carried__each_is_counted_once_however_it_is_answered(void **state)
{
    struct place p;
    unsigned n = 0;
    (void)state;
    place_init(&p, quick, 2);
    p.catalog.fate = lie_or_lose_answer;
    p.catalog.arg = &n;
    for (int i = 0; i < 12; i++) {
        struct dsi_ticket t = phantom_row(&p, NULL, 100 + i);
        struct ds_commit_result r = commit_row(&p, NULL, 2 * i);
        assert_int_equal(r.group_size, 2);
        assert_int_equal(receipt_of(&p, &t).snapshot_id, r.snapshot_id);
        assert_int_equal(commit_row(&p, NULL, 2 * i + 1).group_size, 1);
    }
    p.catalog.fate = NULL;
    assert_counted(&p, 24, 36);
    assert_int_equal(snapshots_of(&p), 24);
    place_release(&p);
}

// ---- Faults ---------------------------------------------------------------------------

// Everything fails once, and from some point on, in a group of it and another, and in one
// of it alone: what is said is so, the other is not lost, and nobody leads in the end.
static void test_group_carried__whatever_fails_what_is_said_is_so(void **state)
{
    unsigned hits = 0;
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct dsi_fault_plan plan = {.lasting = i % 2 == 1};
        const bool others = i / 2 == 1;
        bool more = true;
        while (more) {
            struct place p;
            struct ds_commit_result r = {.struct_size = sizeof r};
            struct ds_error err = {0};
            struct dsi_ticket t = {0};
            place_init(&p, quick, 2);
            if (others) {
                t = phantom_row(&p, NULL, 2);
            }
            const struct ds_commit_options brief = {
                .struct_size = sizeof brief, .timeout_ms = 50, .attempts_max = 3};
            struct dsi_change *c = row_change(p.table, &brief, 1);
            more = dsi_fault_next(&plan);
            int rc = dsi_commit(p.table, c, &brief, &r, &err);
            dsi_fault_stop();
            enum ds_outcome outcome = r.outcome;
            assert_true(rc == DS_OK || err.message[0] != '\0');
            if (outcome == DS_UNKNOWN) {
                struct ds_commit_result answer = {.struct_size = sizeof answer};
                assert_int_equal(rc, DS_EUNKNOWN);
                assert_int_equal(dsi_commit_resolve(p.table, r.token, 0, &answer, NULL),
                                 DS_OK);
                outcome = answer.outcome;
            }
            assert_int_equal(times(&p, 1), outcome == DS_COMMITTED);
            const bool meets = commit_row(&p, NULL, 3).group_size > 0;
            assert_int_equal(view_of(&p).leader_pid, 0);
            assert_true(meets || plan.target < 10); // Else it could open no queue.
            if (others && meets) {
                struct dsi_receipt receipt = receipt_of(&p, &t);
                assert_int_equal(times(&p, 2), receipt.kind == DSI_RECEIPT_COMMITTED);
            }
            assert_int_equal(times(&p, 1), outcome == DS_COMMITTED);
            assert_int_equal(times(&p, 3), 1);
            dsi_change_free(c);
            place_release(&p);
        }
        hits += plan.target;
    }
    assert_true(hits > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_carried__rows_of_a_leader_take_no_slot),
        cmocka_unit_test(test_group_carried__what_may_be_there_already_is_looked_for),
        cmocka_unit_test(test_group_carried__of_two_requests_for_it_one_counts),
        cmocka_unit_test(test_group_carried__an_unknown_one_is_resolved_by_its_token),
        cmocka_unit_test(test_group_carried__a_cancelled_one_may_still_arrive),
        cmocka_unit_test(test_group_carried__its_own_failure_is_nobody_elses),
        cmocka_unit_test(test_group_carried__rows_of_another_schema_hold_nobody_up),
        cmocka_unit_test(test_group_carried__those_in_conflict_do_not_keep_it_from_going),
        cmocka_unit_test(test_group_carried__is_not_set_aside),
        cmocka_unit_test(test_group_carried__goes_with_its_leader_when_that_is_replaced),
        cmocka_unit_test(test_group_carried__who_leads_next_counts_what_landed),
        cmocka_unit_test(test_group_carried__each_is_counted_once_however_it_is_answered),
        cmocka_unit_test(test_group_carried__whatever_fails_what_is_said_is_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
