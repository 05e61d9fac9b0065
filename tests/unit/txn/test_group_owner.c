// What an owner hands to a group, what it keeps to itself, and what it may say when it
// takes its intent back.
#include "group_fixture.h"

#include <unistd.h>

#include "base/cancel.h"
#include "storage/storage_fault.h"
#include "txn/group.h"
#include "txn/group_note.h"

static const struct ds_commit_options known = {
    .struct_size = sizeof known, .identity = "01890a5d-ac96-774b-bcce-b302099a8057"};

static struct dsi_queue_view look_at_queue(struct place *p)
{
    struct dsi_queue_view view;
    assert_int_equal(dsi_queue_look(p->queue, &view, NULL), DS_OK);
    return view;
}

static struct ds_commit_result commit(struct dsi_table *t, struct dsi_change *c)
{
    struct ds_commit_result r = {.struct_size = sizeof r};
    struct ds_error err = {0};
    if (dsi_commit(t, c, NULL, &r, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    return r;
}

static struct seen look(struct place *p)
{
    struct seen seen;
    const char *why = test_look(p->catalog.storage, p->catalog.head, &seen);
    if (why) {
        fail_msg("%s", why);
    }
    return seen;
}

// ---- What is handed over -------------------------------------------------------------

// A leader swaps in what an intent names, and has nothing to sync itself.
static void test_group_owner__files_that_are_not_durable_are_not_published(void **state)
{
    struct dsi_storage_fault fault = {.call = "sync", .nth = 1, .lasting = true};
    ds_storage *failing = NULL;
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    assert_int_equal(dsi_storage_fault_new(p.catalog.storage, &fault, &failing, NULL),
                     DS_OK);
    p.catalog.storage = failing;
    struct dsi_table *t = test_open(&p.catalog);
    struct dsi_change *c = test_change(t, NULL, "memory:///t/data/a", 7);
    assert_int_equal(commit(t, c).group_size, 0); // This catalog syncs nothing.
    assert_true(fault.seen > 0);
    assert_int_equal(look_at_queue(&p).slots_used, 0);
    dsi_change_free(c);
    fault.nth = 0;
    c = test_change(t, NULL, "memory:///t/data/b", 7);
    assert_int_equal(commit(t, c).group_size, 1);
    dsi_change_free(c);
    dsi_table_free(t);
    place_release(&p);
}

// Rows that are held have no manifest yet, and so the files beside them have none.
static void test_group_owner__files_beside_held_rows_are_not_forgotten(void **state)
{
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_change *c = row_change(p.table, NULL, 1);
    struct dsi_data_file f = test_file(p.catalog.storage, "memory:///t/data/a", 7);
    assert_int_equal(dsi_change_append(c, &f, 1, true, NULL), DS_OK);
    commit(p.table, c);
    assert_int_equal(look(&p).rows, 8);
    dsi_change_free(c);
    place_release(&p);
}

// All files travel by the operation that has to be checked, whichever came first.
static void test_group_owner__files_that_join_are_checked_beside_others(void **state)
{
    (void)state;
    for (int adds_first = 0; adds_first < 2; adds_first++) {
        static const char *const paths[2] = {"memory:///t/data/own", "memory:///t/in/x"};
        struct dsi_data_file files[2];
        struct place p;
        struct ds_error err = {0};
        place_init(&p, NULL, 0);
        const struct dsi_metadata *m = dsi_table_metadata(p.table);
        struct dsi_change *both = test_blank(p.table, NULL);
        struct dsi_change *rival = test_blank(p.table, NULL);
        for (int i = 0; i < 2; i++) {
            bool joins = i != adds_first;
            files[i] = test_file(p.catalog.storage, paths[joins], 10);
            assert_int_equal(joins ? dsi_change_add(both, &files[i], 1, m, NULL, NULL)
                                   : dsi_change_append(both, &files[i], 1, true, NULL),
                             DS_OK);
            if (joins) {
                assert_int_equal(dsi_change_add(rival, &files[i], 1, m, NULL, NULL),
                                 DS_OK);
            }
        }
        commit(p.table, rival);
        assert_int_equal(dsi_commit(p.table, both, NULL, NULL, &err), DS_ECONFLICT);
        assert_non_null(strstr(err.detail, "file-added"));
        assert_int_equal(look(&p).files, 1);
        dsi_change_free(both);
        dsi_change_free(rival);
        dsi_metadata_unref(m);
        place_release(&p);
    }
}

// ---- Who was here before -------------------------------------------------------------

static void test_group_owner__a_given_identity_is_looked_for_first(void **state)
{
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct ds_commit_result first = commit_row(&p, &known, 1);
    assert_int_equal(commit_row(&p, &known, 1).snapshot_id, first.snapshot_id);
    count_ids(&p, seen);
    assert_int_equal(seen[1], 1);
    struct dsi_change *again = test_change(p.table, &known, "memory:///t/data/b", 7);
    assert_int_equal(commit(p.table, again).snapshot_id, first.snapshot_id);
    assert_false(test_exists(p.catalog.storage, "memory:///t/data/b")); // Waste.
    dsi_change_free(again);
    place_release(&p);
}

// While an owner waits for nothing, another run of it commits.
struct rival {
    struct place *place;
    int loads;
    int last; // With which the head is lost.
};

static void commit_rival(void *arg, const char *where)
{
    struct rival *r = arg;
    if (strcmp(where, "load") == 0 && ++r->loads == 2) {
        struct ds_commit_options o = known;
        o.group = DS_GROUP_OFF;
        commit_elsewhere(r->place, &o, 1);
    }
}

static void test_group_owner__what_nobody_has_claimed_is_not_in_the_table(void **state)
{
    struct ds_commit_options hasty = known;
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    struct rival r = {&p, 0, 0};
    p.catalog.step = commit_rival;
    p.catalog.arg = &r;
    assert_true(dsi_queue_try_lead(p.queue)); // It leads, and does nothing.
    hasty.timeout_ms = 50;
    struct dsi_change *c = test_change(p.table, &hasty, "memory:///t/data/b", 7);
    assert_int_equal(dsi_commit(p.table, c, &hasty, NULL, NULL), DS_OK);
    p.catalog.step = NULL;
    assert_false(test_exists(p.catalog.storage, "memory:///t/data/b"));
    assert_int_equal(look(&p).rows, 1);
    dsi_queue_resign(p.queue);
    dsi_change_free(c);
    place_release(&p);
}

// What it says of a version is believed only if it is of now.
static void test_group_owner__an_old_note_is_not_taken(void **state)
{
    static const int64_t off_ms[] = {-60000, 60000};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct place p;
        place_init(&p, NULL, 0);
        struct dsi_group_note note = {
            {1234, -1, 900, dsi_clock_wall_ms() + off_ms[i]}, 1, 10};
        dsi_group_note_put(p.queue, &note);
        assert_int_equal(commit_row(&p, NULL, 1).group_size, 1);
        place_release(&p);
    }
}

// ---- What is taken back --------------------------------------------------------------

// A leader claims an intent and moves no more, another writer moves the head, and the
// owner is cancelled. Until when the leader's swap may arrive is for the owner to know.
struct doubt {
    struct place *place;
    bool hides; // The head cannot be read when the intent was withdrawn.
    bool moves; // It moves again after it was read.
    bool busy;  // With what the other writer does.
    bool claimed;
    int loads; // Since.
    char *hidden;
};

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void move_head(struct doubt *d, int64_t id)
{
    static const struct ds_commit_options alone = {.struct_size = sizeof alone,
                                                   .group = DS_GROUP_OFF};
    struct ds_cancel_scope another = {.cancelled = never};
    d->busy = true;
    dsi_cancel_begin(&another);
    commit_elsewhere(d->place, &alone, id);
    dsi_cancel_end(&another);
    d->busy = false;
}

// Claims what is published; false: nothing is.
static bool claim(struct place *p)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_claim *claims = NULL;
    size_t count = 0;
    assert_int_equal(dsi_queue_claim(p->queue, 1 << 20, &arena, &claims, &count, NULL),
                     DS_OK);
    dsi_arena_release(&arena);
    return count > 0;
}

static bool cancel_once_claimed(void *arg)
{
    struct doubt *d = arg;
    if (!d->claimed && claim(d->place)) {
        d->claimed = true;
        move_head(d, 2);
    }
    return d->claimed;
}

static void disturb(void *arg, const char *where)
{
    struct doubt *d = arg;
    struct dsi_catalog *c = &d->place->catalog;
    if (!d->claimed || d->busy || strcmp(where, "load") != 0) {
        return;
    }
    d->loads++;
    if (d->hides && d->loads == 1) {
        d->hidden = c->head;
        c->head = NULL;
    } else if (d->hidden) {
        c->head = d->hidden;
        d->hidden = NULL;
    } else if (d->moves && d->loads == 2) {
        move_head(d, 3);
    }
}

static void test_group_owner__what_a_leader_may_still_send_is_not_denied(void **state)
{
    static const struct {
        bool hides;
        bool moves;
        int rc;
    } cases[] = {
        {false, false, DS_EUNKNOWN},   // The swap may be on the head that was read.
        {true, false, DS_EUNKNOWN},    // Nobody knows what it may be on.
        {false, true, DS_ECANCELLED}}; // Whatever it is on, that is no head any more.
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ds_commit_result r = {.struct_size = sizeof r};
        struct place p;
        place_init(&p, NULL, 0);
        struct doubt d = {&p, cases[i].hides, cases[i].moves, false, false, 0, NULL};
        struct ds_cancel_scope cancel = {.cancelled = cancel_once_claimed, .arg = &d};
        p.catalog.step = disturb;
        p.catalog.arg = &d;
        assert_true(dsi_queue_try_lead(p.queue));
        struct dsi_change *c = row_change(p.table, NULL, 1);
        dsi_cancel_begin(&cancel);
        int rc = dsi_commit(p.table, c, NULL, &r, NULL);
        dsi_cancel_end(&cancel);
        p.catalog.step = NULL;
        assert_int_equal(rc, cases[i].rc);
        assert_int_equal(r.outcome, rc == DS_EUNKNOWN ? DS_UNKNOWN : DS_NOT_COMMITTED);
        dsi_queue_resign(p.queue);
        dsi_change_free(c);
        place_release(&p);
    }
}

// Longer than a leader is given.
#define LEADER_NS INT64_C(9000000000)

// A leader that claims, and is not heard of for too long. Its swap may arrive late.
struct late_leader {
    struct place *place;
    bool commits; // In the end.
    bool busy;
    bool claimed;
    int loads; // Since.
};

static bool skip_time_once_claimed(void *arg)
{
    struct late_leader *l = arg;
    if (!l->claimed && claim(l->place)) {
        l->claimed = true;
        test_skipped_ns += LEADER_NS;
    }
    return false;
}

// The intent was withdrawn, the head looked at, and now it is asked for the last time.
static void commit_at_last(void *arg, const char *where)
{
    struct late_leader *l = arg;
    struct ds_commit_options o = known;
    o.group = DS_GROUP_OFF;
    if (l->claimed && !l->busy && strcmp(where, "load") == 0 && ++l->loads == 3 &&
        l->commits) {
        l->busy = true;
        commit_elsewhere(l->place, &o, 1);
        l->busy = false;
    }
}

static void test_group_owner__what_a_group_left_open_is_resolved(void **state)
{
    static const struct ds_property hasty[] = {{"commit.status-check.num-retries", "0"}};
    (void)state;
    for (int commits = 0; commits < 2; commits++) {
        struct ds_commit_result r = {.struct_size = sizeof r};
        struct place p;
        uint8_t seen[IDS_MAX];
        place_init(&p, hasty, 1);
        struct late_leader l = {.place = &p, .commits = commits};
        struct ds_cancel_scope watching = {.cancelled = skip_time_once_claimed,
                                           .arg = &l};
        p.catalog.step = commit_at_last;
        p.catalog.arg = &l;
        test_clock_skips();
        assert_true(dsi_queue_try_lead(p.queue));
        struct dsi_change *c = row_change(p.table, &known, 1);
        c->operations[0].held.bytes.size--; // Not even its owner can write it.
        dsi_cancel_begin(&watching);
        int rc = dsi_commit(p.table, c, NULL, &r, NULL);
        dsi_cancel_end(&watching);
        dsi_clock_set(NULL);
        p.catalog.step = NULL;
        assert_true(l.claimed);
        assert_int_equal(rc, commits ? DS_OK : DS_ECORRUPT);
        assert_int_equal(r.outcome, commits ? DS_COMMITTED : DS_NOT_COMMITTED);
        assert_int_equal(r.snapshot_id > 0, commits);
        assert_int_equal(r.sequence_number, commits ? 1 : -1);
        count_ids(&p, seen);
        assert_int_equal(seen[1], commits);
        dsi_queue_resign(p.queue);
        dsi_change_free(c);
        place_release(&p);
    }
}

// Its budget of time is the commit's, and longer than what a leader is given.
static void test_group_owner__no_leader_is_waited_for_for_ever(void **state)
{
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct late_leader l = {.place = &p};
    struct ds_cancel_scope watching = {.cancelled = skip_time_once_claimed, .arg = &l};
    test_clock_skips();
    assert_true(dsi_queue_try_lead(p.queue));
    dsi_cancel_begin(&watching);
    struct ds_commit_result r = commit_row(&p, NULL, 1);
    dsi_cancel_end(&watching);
    dsi_clock_set(NULL);
    assert_true(l.claimed);
    assert_int_equal(r.group_size, 0);
    dsi_queue_resign(p.queue);
    count_ids(&p, seen);
    assert_int_equal(seen[1], 1);
    place_release(&p);
}

static void lose_head(void *arg, const char *where)
{
    struct rival *r = arg;
    if (strcmp(where, "load") == 0 && ++r->loads == r->last) {
        free(r->place->catalog.head);
        r->place->catalog.head = NULL;
    }
}

// Who cannot read the head is no leader, and does not try that for as long as it waits.
static void test_group_owner__a_leader_without_a_head_gives_way_at_once(void **state)
{
    (void)state;
    for (int published = 0; published < 2; published++) {
        struct place p;
        place_init(&p, NULL, 0);
        struct rival r = {&p, 0, 1 + published}; // Who publishes has read it before.
        struct dsi_change *c = published
                                   ? test_change(p.table, NULL, "memory:///t/data/a", 7)
                                   : row_change(p.table, NULL, 1);
        p.catalog.step = lose_head;
        p.catalog.arg = &r;
        assert_int_equal(dsi_commit(p.table, c, NULL, NULL, NULL), DS_ENOTFOUND);
        assert_true(r.loads > r.last && r.loads < 8); // By its leader, and by itself.
        assert_int_equal(look_at_queue(&p).counters.leaders, 1);
        assert_int_equal(look_at_queue(&p).leader_pid, 0);
        dsi_change_free(c);
        place_release(&p);
    }
}

// ---- The queue itself ----------------------------------------------------------------

static void test_group_owner__one_slot_is_enough_for_one_after_the_other(void **state)
{
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    for (int i = 0; i < 3; i++) {
        char path[64];
        snprintf(path, sizeof path, "memory:///t/data/%d", i);
        struct dsi_change *c = test_change(p.table, NULL, path, 7);
        assert_int_equal(commit(p.table, c).group_size, 1);
        assert_int_equal(look_at_queue(&p).slots_used, 1);
        dsi_change_free(c);
    }
    place_release(&p);
}

static void test_group_owner__who_finds_no_slot_commits_alone(void **state)
{
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    for (int i = 0; i < DSI_QUEUE_SLOTS; i++) {
        phantom_row(&p, NULL, i);
    }
    assert_true(dsi_queue_try_lead(p.queue)); // It leads, and does nothing.
    assert_int_equal(commit_row(&p, NULL, 1000).group_size, 0);
    count_ids(&p, seen);
    assert_true(seen[1000] == 1 && seen[0] == 0);
    place_release(&p);
}

static void test_group_owner__a_queue_that_was_removed_is_made_again(void **state)
{
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    commit_row(&p, NULL, 1);
    assert_int_equal(unlink(p.queue_path), 0);
    assert_int_equal(commit_row(&p, NULL, 2).group_size, 1);
    assert_int_equal(access(p.queue_path, F_OK), 0);
    place_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_owner__files_that_are_not_durable_are_not_published),
        cmocka_unit_test(test_group_owner__files_beside_held_rows_are_not_forgotten),
        cmocka_unit_test(test_group_owner__files_that_join_are_checked_beside_others),
        cmocka_unit_test(test_group_owner__a_given_identity_is_looked_for_first),
        cmocka_unit_test(test_group_owner__what_nobody_has_claimed_is_not_in_the_table),
        cmocka_unit_test(test_group_owner__an_old_note_is_not_taken),
        cmocka_unit_test(test_group_owner__what_a_leader_may_still_send_is_not_denied),
        cmocka_unit_test(test_group_owner__what_a_group_left_open_is_resolved),
        cmocka_unit_test(test_group_owner__no_leader_is_waited_for_for_ever),
        cmocka_unit_test(test_group_owner__a_leader_without_a_head_gives_way_at_once),
        cmocka_unit_test(test_group_owner__one_slot_is_enough_for_one_after_the_other),
        cmocka_unit_test(test_group_owner__who_finds_no_slot_commits_alone),
        cmocka_unit_test(test_group_owner__a_queue_that_was_removed_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
