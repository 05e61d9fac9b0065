#include <limits.h>

#include "group_fixture.h"

#include "storage/storage_queue_file.h"
#include "txn/group_lead.h"
#include "txn/group_note.h"

static const struct ds_commit_options alone = {.struct_size = sizeof alone,
                                               .group = DS_GROUP_OFF};

static void test_group_lead__whoever_leads_commits_what_all_have_published(void **state)
{
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_ticket a = phantom_row(&p, NULL, 1);
    struct dsi_ticket b = phantom_row(&p, NULL, 2);
    struct dsi_ticket c = phantom_row(&p, NULL, 3);
    struct ds_commit_result mine = commit_row(&p, NULL, 4);
    assert_int_equal(mine.group_size, 4);
    assert_int_equal(snapshots_of(&p), 1);
    const struct dsi_ticket *all[] = {&a, &b, &c};
    for (size_t i = 0; i < 3; i++) {
        struct dsi_receipt r = receipt_of(&p, all[i]);
        assert_int_equal(r.kind, DSI_RECEIPT_COMMITTED);
        assert_int_equal(r.snapshot_id, mine.snapshot_id);
        assert_int_equal(r.sequence_number, 1);
    }
    count_ids(&p, seen);
    assert_true(seen[1] == 1 && seen[2] == 1 && seen[3] == 1 && seen[4] == 1);
    place_release(&p);
}

static void test_group_lead__a_group_of_one_is_its_members_own_commit(void **state)
{
    static const char id[] = "01890a5d-ac96-774b-bcce-b302099a8057";
    struct ds_commit_options o = {.struct_size = sizeof o, .identity = id};
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    struct ds_commit_result mine = commit_row(&p, &o, 4);
    assert_int_equal(mine.group_size, 1);
    assert_int_equal(snapshots_of(&p), 1);
    const struct dsi_metadata *m = dsi_table_metadata(p.table);
    assert_string_equal(dsi_snapshot_summary(m->snapshots[0], DSI_KEY_COMMIT_ID), id);
    assert_null(dsi_snapshot_summary(m->snapshots[0], DSI_KEY_COMMIT_IDS));
    dsi_metadata_unref(m);
    place_release(&p);
}

// What a commit asks of the catalog, up to its swap.
struct asked {
    int loads;
    int before_swap;
};

static void count_asked(void *arg, const char *where)
{
    struct asked *a = arg;
    a->loads += strcmp(where, "load") == 0;
    a->before_swap = strcmp(where, "swap") == 0 ? a->loads : a->before_swap;
}

// How long a lock took is measured, so a busy machine may make one commit read again.
static void
test_group_lead__a_leader_that_waited_for_nobody_reads_the_head_once(void **state)
{
    struct place p;
    int fewest = INT_MAX;
    (void)state;
    place_init(&p, NULL, 0);
    for (int i = 0; i < 20 && fewest > 1; i++) {
        struct asked a = {0, 0};
        p.catalog.step = count_asked;
        p.catalog.arg = &a;
        assert_int_equal(commit_row(&p, NULL, i).group_size, 1);
        assert_true(a.before_swap >= 1); // Before it claims.
        fewest = a.before_swap < fewest ? a.before_swap : fewest;
    }
    assert_int_equal(fewest, 1);
    place_release(&p);
}

static void test_group_lead__what_is_in_the_table_is_not_applied_again(void **state)
{
    static const char id[] = "01890a5d-ac96-774b-bcce-b302099a8057";
    struct ds_commit_options o = {
        .struct_size = sizeof o, .identity = id, .group = DS_GROUP_OFF};
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct ds_commit_result before = commit_row(&p, &o, 1);
    struct dsi_ticket again = phantom_row(&p, &o, 1);
    struct ds_commit_result mine = commit_row(&p, NULL, 2);
    assert_int_equal(mine.group_size, 1);
    struct dsi_receipt r = receipt_of(&p, &again);
    assert_int_equal(r.kind, DSI_RECEIPT_COMMITTED);
    assert_int_equal(r.snapshot_id, before.snapshot_id);
    count_ids(&p, seen);
    assert_true(seen[1] == 1 && seen[2] == 1);
    place_release(&p);
}

static void test_group_lead__members_of_a_group_are_found_by_later_leaders(void **state)
{
    static const char id[] = "01890a5d-ac96-774b-bcce-b302099a8057";
    struct ds_commit_options o = {.struct_size = sizeof o, .identity = id};
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_ticket first = phantom_row(&p, &o, 1);
    struct ds_commit_result before = commit_row(&p, NULL, 2);
    assert_int_equal(before.group_size, 2);
    assert_int_equal(receipt_of(&p, &first).kind, DSI_RECEIPT_COMMITTED);
    struct dsi_ticket again = phantom_row(&p, &o, 1);
    commit_row(&p, NULL, 3);
    assert_int_equal(receipt_of(&p, &again).snapshot_id, before.snapshot_id);
    count_ids(&p, seen);
    assert_true(seen[1] == 1 && seen[2] == 1 && seen[3] == 1);
    place_release(&p);
}

static void test_group_lead__a_member_that_does_not_apply_is_sent_away_alone(void **state)
{
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_change *other = row_change(p.table, NULL, 1);
    other->table_uuid = "11111111-2222-4333-8444-555555555555";
    struct dsi_ticket bad = phantom(&p, other);
    struct dsi_ticket good = phantom_row(&p, NULL, 2);
    dsi_change_free(other);
    assert_int_equal(commit_row(&p, NULL, 3).group_size, 2);
    assert_int_equal(receipt_of(&p, &bad).kind, DSI_RECEIPT_ALONE);
    assert_int_equal(receipt_of(&p, &good).kind, DSI_RECEIPT_COMMITTED);
    count_ids(&p, seen);
    assert_true(seen[1] == 0 && seen[2] == 1 && seen[3] == 1);
    place_release(&p);
}

static void test_group_lead__rows_that_cannot_be_written_spoil_nobody_elses(void **state)
{
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_change *other = row_change(p.table, NULL, 1);
    uint8_t junk[16];
    memset(junk, 0xa5, sizeof junk);
    other->operations[0].held.bytes = (struct ds_slice){junk, sizeof junk};
    struct dsi_ticket bad = phantom(&p, other);
    struct dsi_ticket good = phantom_row(&p, NULL, 2);
    dsi_change_free(other);
    assert_int_equal(commit_row(&p, NULL, 3).group_size, 2);
    assert_int_equal(receipt_of(&p, &bad).kind, DSI_RECEIPT_ALONE);
    assert_int_equal(receipt_of(&p, &good).kind, DSI_RECEIPT_COMMITTED);
    count_ids(&p, seen);
    assert_true(seen[1] == 0 && seen[2] == 1 && seen[3] == 1);
    place_release(&p);
}

// The bad one comes after another that cannot share a snapshot, and is a part already.
static void test_group_lead__a_bad_part_spoils_no_other_part(void **state)
{
    struct ds_commit_options one = {.struct_size = sizeof one, .branch = "one"};
    struct ds_commit_options two = {.struct_size = sizeof two, .branch = "two"};
    struct place p;
    uint8_t junk[16];
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_ticket good = phantom_row(&p, &one, 1);
    struct dsi_change *other = row_change(p.table, &two, 2);
    memset(junk, 0xa5, sizeof junk);
    other->operations[0].held.bytes = (struct ds_slice){junk, sizeof junk};
    struct dsi_ticket bad = phantom(&p, other);
    dsi_change_free(other);
    assert_int_equal(commit_row(&p, NULL, 3).group_size, 2);
    assert_int_equal(receipt_of(&p, &bad).kind, DSI_RECEIPT_ALONE);
    assert_int_equal(receipt_of(&p, &good).kind, DSI_RECEIPT_COMMITTED);
    assert_int_equal(snapshots_of(&p), 2);
    place_release(&p);
}

static void test_group_lead__what_is_no_intent_is_sent_away(void **state)
{
    struct place p;
    struct dsi_ticket bad;
    struct dsi_uuid id = dsi_uuid_v7();
    (void)state;
    place_init(&p, NULL, 0);
    assert_int_equal(
        dsi_queue_publish(p.queue, &id, dsi_slice_text("not an intent"), &bad, NULL),
        DS_OK);
    assert_int_equal(commit_row(&p, NULL, 3).group_size, 1);
    assert_int_equal(receipt_of(&p, &bad).kind, DSI_RECEIPT_ALONE);
    place_release(&p);
}

// Of a library to come, which writes intents that this one does not know.
static void test_group_lead__what_it_does_not_know_is_sent_away(void **state)
{
    struct place p;
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_ticket later;
    struct dsi_uuid id;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_change *c = row_change(p.table, NULL, 1);
    assert_true(dsi_uuid_parse(c->identity, DSI_UUID_TEXT_SIZE - 1, &id));
    assert_int_equal(dsi_intent_encode(c, &p.created, &bytes, NULL), DS_OK);
    bytes.data[4]++; // Its version.
    bytes.data[4]++;
    assert_int_equal(dsi_queue_publish(p.queue, &id, dsi_buf_slice(&bytes), &later, NULL),
                     DS_OK);
    struct dsi_ticket known = phantom_row(&p, NULL, 2);
    assert_int_equal(commit_row(&p, NULL, 3).group_size, 2);
    assert_int_equal(receipt_of(&p, &later).kind, DSI_RECEIPT_ALONE);
    assert_int_equal(receipt_of(&p, &known).kind, DSI_RECEIPT_COMMITTED);
    count_ids(&p, seen);
    assert_true(seen[1] == 0 && seen[2] == 1 && seen[3] == 1);
    dsi_change_free(c);
    dsi_buf_release(&bytes);
    place_release(&p);
}

static void test_group_lead__what_was_withdrawn_is_left_out(void **state)
{
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_ticket gone = phantom_row(&p, NULL, 1);
    assert_false(dsi_queue_withdraw(p.queue, &gone));
    assert_int_equal(commit_row(&p, NULL, 2).group_size, 1);
    dsi_queue_leave(p.queue, &gone);
    count_ids(&p, seen);
    assert_true(seen[1] == 0 && seen[2] == 1);
    place_release(&p);
}

// Before the leader's first swap arrives: an owner withdraws, and another writer wins.
struct meanwhile {
    struct place *place;
    const struct dsi_ticket *gone;
    bool done;
    bool claimed;
};

static void interfere(void *arg, const char *where)
{
    struct meanwhile *m = arg;
    if (strcmp(where, "swap") == 0 && !m->done) {
        m->done = true;
        m->claimed = dsi_queue_withdraw(m->place->queue, m->gone);
        commit_elsewhere(m->place, &alone, 9);
    }
}

static void test_group_lead__on_a_new_head_each_owner_is_asked_again(void **state)
{
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_ticket gone = phantom_row(&p, NULL, 1);
    struct dsi_ticket stays = phantom_row(&p, NULL, 2);
    struct meanwhile m = {&p, &gone, false, false};
    p.catalog.step = interfere;
    p.catalog.arg = &m;
    assert_int_equal(commit_row(&p, NULL, 3).group_size, 2);
    assert_true(m.claimed);
    dsi_queue_leave(p.queue, &gone);
    assert_int_equal(receipt_of(&p, &stays).kind, DSI_RECEIPT_COMMITTED);
    count_ids(&p, seen);
    assert_true(seen[1] == 0 && seen[2] == 1 && seen[3] == 1 && seen[9] == 1);
    place_release(&p);
}

static void test_group_lead__what_cannot_share_a_snapshot_shares_the_swap(void **state)
{
    static const struct ds_property mark = {"why", "because"};
    struct ds_commit_options with = {.struct_size = sizeof with, .summary = {&mark, 1}};
    struct ds_commit_options dev = {.struct_size = sizeof dev, .branch = "dev"};
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_ticket a = phantom_row(&p, &with, 1);
    struct dsi_ticket b = phantom_row(&p, &dev, 2);
    struct dsi_ticket c = phantom_row(&p, NULL, 3);
    unsigned swaps = p.catalog.swaps;
    struct ds_commit_result mine = commit_row(&p, NULL, 4);
    assert_int_equal(mine.group_size, 4);
    assert_int_equal(p.catalog.swaps, swaps + 1);
    assert_int_equal(snapshots_of(&p), 3);
    struct dsi_receipt ra = receipt_of(&p, &a);
    struct dsi_receipt rb = receipt_of(&p, &b);
    assert_int_equal(receipt_of(&p, &c).snapshot_id, mine.snapshot_id);
    assert_true(ra.snapshot_id != mine.snapshot_id && ra.snapshot_id != rb.snapshot_id);
    const struct dsi_metadata *m = dsi_table_metadata(p.table);
    assert_string_equal(
        dsi_snapshot_summary(dsi_metadata_snapshot(m, ra.snapshot_id), "why"), "because");
    assert_true(dsi_metadata_find_ref(m, "dev")->snapshot_id == rb.snapshot_id);
    dsi_metadata_unref(m);
    count_ids(&p, seen);
    assert_true(seen[1] == 1 && seen[2] == 0 && seen[3] == 1 && seen[4] == 1);
    place_release(&p);
}

static enum fate lose_first_answer(void *arg)
{
    int *n = arg;
    return (*n)++ == 0 ? FATE_ANSWER_LOST : FATE_FAIR;
}

static void test_group_lead__a_lost_answer_is_looked_up_and_all_are_told(void **state)
{
    struct place p;
    uint8_t seen[IDS_MAX];
    int n = 0;
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_ticket other = phantom_row(&p, NULL, 1);
    p.catalog.fate = lose_first_answer;
    p.catalog.arg = &n;
    assert_int_equal(commit_row(&p, NULL, 2).group_size, 2);
    assert_int_equal(receipt_of(&p, &other).kind, DSI_RECEIPT_COMMITTED);
    count_ids(&p, seen);
    assert_true(seen[1] == 1 && seen[2] == 1);
    assert_int_equal(snapshots_of(&p), 1);
    place_release(&p);
}

static void test_group_lead__files_and_properties_travel_too(void **state)
{
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    const struct dsi_state *s = dsi_table_state(p.table);
    struct dsi_change *set = NULL;
    assert_int_equal(dsi_change_new(s, NULL, &set, NULL), DS_OK);
    assert_int_equal(dsi_change_set_property(set, "colour", "blue", NULL), DS_OK);
    struct dsi_ticket other = phantom(&p, set);
    struct dsi_change *mine = test_change(p.table, NULL, "memory:///t/data/own", 7);
    struct ds_commit_result r = {.struct_size = sizeof r};
    assert_int_equal(dsi_commit(p.table, mine, NULL, &r, NULL), DS_OK);
    assert_int_equal(r.group_size, 2);
    assert_int_equal(r.rows, 7);
    assert_int_equal(receipt_of(&p, &other).kind, DSI_RECEIPT_COMMITTED);
    assert_int_equal(dsi_table_refresh(p.table, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(p.table);
    assert_string_equal(dsi_metadata_property(m, "colour"), "blue");
    struct seen seen;
    assert_null(test_look(p.catalog.storage, p.catalog.head, &seen));
    assert_int_equal(seen.rows, 7);
    dsi_metadata_unref(m);
    dsi_change_free(set);
    dsi_change_free(mine);
    dsi_state_unref(s);
    place_release(&p);
}

// A table of the same name was here before, or this one was restored from a backup.
static void test_group_lead__a_note_of_another_time_hurts_one_commit_at_most(void **state)
{
    struct dsi_group_note old = {{1234, -1, 900, dsi_clock_wall_ms()}, 3, 10};
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    dsi_group_note_put(p.queue, &old);
    for (int64_t i = 0; i < 2; i++) {
        struct dsi_change *c = test_change(p.table, NULL, "memory:///t/data/own", 7);
        struct ds_commit_result r = {.struct_size = sizeof r};
        assert_int_equal(dsi_commit(p.table, c, NULL, &r, NULL), DS_OK);
        assert_int_equal(r.group_size, i);
        dsi_change_free(c);
    }
    dsi_group_note_put(p.queue, &old);
    assert_int_equal(commit_row(&p, NULL, 1).group_size, 1); // It needs none.
    assert_int_equal(snapshots_of(&p), 3);
    place_release(&p);
}

// Another leader, which has taken over from the one whose swap was just answered. It
// finds that all is there already, and answers all.
struct successor {
    struct place *place;
    struct dsi_ticket *own;
    bool done;
};

static uint32_t epoch_of(struct dsi_queue *q)
{
    struct dsi_queue_view view;
    assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
    return view.epoch;
}

static void succeed(void *arg, const char *where)
{
    struct successor *s = arg;
    if (strcmp(where, "answer") == 0 && !s->done) {
        s->done = true;
        struct dsi_queue *q = s->place->queue;
        struct dsi_table *t = test_open(&s->place->catalog);
        assert_true(dsi_queue_take_over(q, epoch_of(q), 1));
        struct dsi_group_own own = {.ticket = s->own};
        assert_int_equal(dsi_group_lead(t, q, &own, INT64_MAX), DSI_LEAD_ANSWERED);
        dsi_table_free(t);
    }
}

static void test_group_lead__counts_each_append_once_when_it_was_taken_over(void **state)
{
    struct place p;
    struct dsi_queue_view view;
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_ticket a = phantom_row(&p, NULL, 1);
    struct dsi_ticket b = phantom_row(&p, NULL, 2);
    struct successor s = {&p, &a, false};
    p.catalog.step = succeed;
    p.catalog.arg = &s;
    commit_row(&p, NULL, 3);
    assert_true(s.done);
    assert_int_equal(receipt_of(&p, &a).kind, DSI_RECEIPT_COMMITTED);
    assert_int_equal(receipt_of(&p, &b).kind, DSI_RECEIPT_COMMITTED);
    assert_int_equal(dsi_queue_look(p.queue, &view, NULL), DS_OK);
    assert_int_equal(view.counters.appends, 3);
    assert_int_equal(view.counters.found, 2); // The third was published nowhere.
    assert_int_equal(view.counters.groups, 1);
    assert_int_equal(view.counters.rows, 3);
    assert_int_equal(view.counters.takeovers, 1);
    place_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_lead__whoever_leads_commits_what_all_have_published),
        cmocka_unit_test(test_group_lead__a_group_of_one_is_its_members_own_commit),
        cmocka_unit_test(
            test_group_lead__a_leader_that_waited_for_nobody_reads_the_head_once),
        cmocka_unit_test(test_group_lead__what_is_in_the_table_is_not_applied_again),
        cmocka_unit_test(test_group_lead__members_of_a_group_are_found_by_later_leaders),
        cmocka_unit_test(
            test_group_lead__a_member_that_does_not_apply_is_sent_away_alone),
        cmocka_unit_test(test_group_lead__rows_that_cannot_be_written_spoil_nobody_elses),
        cmocka_unit_test(test_group_lead__a_bad_part_spoils_no_other_part),
        cmocka_unit_test(test_group_lead__what_is_no_intent_is_sent_away),
        cmocka_unit_test(test_group_lead__what_it_does_not_know_is_sent_away),
        cmocka_unit_test(test_group_lead__what_was_withdrawn_is_left_out),
        cmocka_unit_test(test_group_lead__on_a_new_head_each_owner_is_asked_again),
        cmocka_unit_test(test_group_lead__what_cannot_share_a_snapshot_shares_the_swap),
        cmocka_unit_test(test_group_lead__a_lost_answer_is_looked_up_and_all_are_told),
        cmocka_unit_test(
            test_group_lead__a_note_of_another_time_hurts_one_commit_at_most),
        cmocka_unit_test(test_group_lead__files_and_properties_travel_too),
        cmocka_unit_test(test_group_lead__counts_each_append_once_when_it_was_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
