// What a leader must not do: with members that are odd, on heads that move, when another
// one has taken over, and when nobody knows the outcome.
#include "group_fixture.h"

#include "base/cancel.h"
#include "base/log.h"
#include "storage/storage_queue_file.h"
#include "txn/expire.h"
#include "txn/group_lead.h"

static const struct ds_commit_options alone = {.struct_size = sizeof alone,
                                               .group = DS_GROUP_OFF};
static const char known_id[] = "01890a5d-ac96-774b-bcce-b302099a8057";

static void commit_alone(struct place *p, struct dsi_change *c)
{
    struct ds_error err = {0};
    if (dsi_commit(p->table, c, &alone, NULL, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    dsi_change_free(c);
}

static bool has_receipt(struct place *p, const struct dsi_ticket *t)
{
    struct dsi_receipt r;
    return dsi_queue_wait(p->queue, t, 0, &r) == DSI_QUEUE_RECEIPT;
}

static uint32_t epoch_of(struct dsi_queue *q)
{
    struct dsi_queue_view view;
    assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
    return view.epoch;
}

// Leads for a ticket of the phantoms' handle, by that handle.
static enum dsi_lead_end lead(struct place *p, const struct dsi_ticket *ticket)
{
    struct dsi_group_own own = {.ticket = ticket};

    assert_true(dsi_queue_try_lead(p->queue));
    return dsi_group_lead(p->table, p->queue, &own, INT64_MAX);
}

// Counts what the leader asks of the catalog.
static void count_loads(void *arg, const char *where)
{
    *(int *)arg += strcmp(where, "load") == 0;
}

static void watch_loads(struct place *p, int *loads)
{
    *loads = 0;
    p->catalog.step = count_loads;
    p->catalog.arg = loads;
}

struct listing {
    const char *has;
    const char *has_not;
    size_t count;
};

static int count_path(void *arg, const char *path, const struct ds_file_info *info)
{
    struct listing *l = arg;
    (void)info;
    l->count += strstr(path, l->has) != NULL && !(l->has_not && strstr(path, l->has_not));
    return DS_OK;
}

// How many files are stored whose paths have the one in them, and not the other.
static size_t stored(struct place *p, const char *has, const char *has_not)
{
    struct listing l = {has, has_not, 0};
    assert_int_equal(
        dsi_storage_list(p->catalog.storage, "memory:///t", count_path, &l, NULL), DS_OK);
    return l.count;
}

// ---- What is answered ----------------------------------------------------------------

static void test_group_leaders__nobody_is_told_of_what_is_not_durable_yet(void **state)
{
    struct ds_commit_options known = {
        .struct_size = sizeof known, .identity = known_id, .group = DS_GROUP_OFF};
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    struct ds_commit_result before = commit_row(&p, &known, 1);
    struct dsi_ticket a = phantom_row(&p, &known, 1);
    p.catalog.confirm = DS_EIO; // It is in the head, and may be gone after a power cut.
    assert_int_equal(commit_row(&p, NULL, 2).group_size, 1);
    assert_false(has_receipt(&p, &a));
    p.catalog.confirm = DS_OK;
    struct dsi_ticket b = phantom_row(&p, &known, 1);
    p.catalog.confirms = 0;
    commit_row(&p, NULL, 3);
    assert_int_equal(p.catalog.confirms, 1); // For both.
    assert_int_equal(receipt_of(&p, &a).snapshot_id, before.snapshot_id);
    assert_int_equal(receipt_of(&p, &b).snapshot_id, before.snapshot_id);
    place_release(&p);
}

static void test_group_leaders__a_leader_that_gets_nowhere_gives_up(void **state)
{
    struct ds_commit_options known = {
        .struct_size = sizeof known, .identity = known_id, .group = DS_GROUP_OFF};
    struct place p;
    int loads = 0;
    (void)state;
    place_init(&p, NULL, 0);
    commit_row(&p, &known, 1);
    struct dsi_ticket ticket = phantom_row(&p, &known, 1);
    struct dsi_group_own own = {.ticket = &ticket};
    p.catalog.confirm = DS_EIO;
    watch_loads(&p, &loads);
    assert_true(dsi_queue_try_lead(p.queue));
    assert_int_equal(
        dsi_group_lead(p.table, p.queue, &own, dsi_clock_monotonic_ns() + 2000000000),
        DSI_LEAD_HELPLESS);
    assert_int_equal(loads, 9);
    place_release(&p);
}

// Two runs of one job at once: the second finds the first in the history.
static void test_group_leaders__of_two_twins_one_is_taken_in(void **state)
{
    struct ds_commit_options known = {.struct_size = sizeof known, .identity = known_id};
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_ticket a = phantom_row(&p, &known, 1);
    struct dsi_ticket b = phantom_row(&p, &known, 1);
    struct ds_commit_result mine = commit_row(&p, NULL, 2);
    assert_int_equal(mine.group_size, 2);
    assert_false(has_receipt(&p, &b));
    assert_int_equal(receipt_of(&p, &a).snapshot_id, mine.snapshot_id);
    commit_row(&p, NULL, 3);
    assert_int_equal(receipt_of(&p, &b).snapshot_id, mine.snapshot_id);
    count_ids(&p, seen);
    assert_true(seen[1] == 1 && seen[2] == 1 && seen[3] == 1);
    place_release(&p);
}

// ---- Who is taken in -----------------------------------------------------------------

static void add_column(struct place *p)
{
    const struct dsi_state *s = dsi_table_state(p->table);
    struct dsi_change *c = NULL;
    assert_int_equal(dsi_change_new(s, NULL, &c, NULL), DS_OK);
    change_add_column(c, s->metadata, "more");
    dsi_state_unref(s);
    commit_alone(p, c);
}

// More of them than a leader has rounds: they are told from the others before these are
// written.
static void test_group_leaders__rows_of_another_schema_hold_nobody_up(void **state)
{
    struct dsi_ticket old[12];
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    for (int i = 0; i < 12; i++) {
        old[i] = phantom_row(&p, NULL, i);
    }
    add_column(&p);
    assert_int_equal(commit_row(&p, NULL, 20).group_size, 1);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(receipt_of(&p, &old[i]).kind, DSI_RECEIPT_ALONE);
    }
    place_release(&p);
}

static void test_group_leaders__an_intent_in_anothers_slot_is_sent_away(void **state)
{
    struct place p;
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_uuid another = dsi_uuid_v7();
    struct dsi_ticket bad;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_change *c = row_change(p.table, NULL, 1);
    assert_int_equal(dsi_intent_encode(c, &p.created, &bytes, NULL), DS_OK);
    assert_int_equal(
        dsi_queue_publish(p.queue, &another, dsi_buf_slice(&bytes), &bad, NULL), DS_OK);
    assert_int_equal(commit_row(&p, NULL, 2).group_size, 1);
    assert_int_equal(receipt_of(&p, &bad).kind, DSI_RECEIPT_ALONE);
    count_ids(&p, seen);
    assert_true(seen[1] == 0 && seen[2] == 1);
    dsi_buf_release(&bytes);
    dsi_change_free(c);
    place_release(&p);
}

// Names of files are identity and nonce: with the owner's nonce, two leaders that write
// the same rows, one of them stopped, would write the same file.
static void test_group_leaders__files_have_the_nonce_of_who_writes_them(void **state)
{
    struct ds_commit_options dev = {.struct_size = sizeof dev, .branch = "dev"};
    struct place p;
    (void)state;
    for (uint32_t size = 1; size <= 2; size++) { // Its own group, and a part of one.
        place_init(&p, NULL, 0);
        struct dsi_change *c = row_change(p.table, &dev, 1);
        struct dsi_ticket t = phantom(&p, c);
        if (size == 1) {
            assert_int_equal(lead(&p, &t), DSI_LEAD_ANSWERED);
        } else {
            commit_row(&p, NULL, 2);
        }
        assert_int_equal(receipt_of(&p, &t).group_size, size);
        assert_int_equal(stored(&p, c->identity, c->nonce) > 0, true);
        assert_int_equal(stored(&p, c->nonce, NULL), 0);
        dsi_change_free(c);
        place_release(&p);
    }
}

// ---- What history tells --------------------------------------------------------------

// It may be in what was forgotten.
static void test_group_leaders__where_history_is_gone_nothing_is_guessed(void **state)
{
    static const struct ds_property set[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "1"},
        {"write.metadata.previous-versions-max", "1"},
    };
    struct ds_commit_options known = {.struct_size = sizeof known, .identity = known_id};
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    test_clock_ticks();
    place_init(&p, set, 4);
    commit_row(&p, &known, 1);
    for (int i = 2; i < 8; i++) {
        commit_row(&p, &alone, i);
    }
    assert_int_equal(dsi_table_refresh(p.table, NULL), DS_OK);
    test_lose_ledger(p.table);
    struct dsi_ticket again = phantom_row(&p, &known, 1);
    commit_row(&p, NULL, 9);
    assert_int_equal(receipt_of(&p, &again).kind, DSI_RECEIPT_ALONE);
    count_ids(&p, seen);
    assert_true(seen[1] == 1 && seen[9] == 1);
    dsi_clock_set(NULL);
    place_release(&p);
}

// Rows make a snapshot, so the versions between need not be there.
static void test_group_leaders__of_rows_the_snapshots_tell_enough(void **state)
{
    static const struct ds_property set[] = {
        {"write.metadata.previous-versions-max", "1"}};
    struct place p;
    (void)state;
    place_init(&p, set, 1);
    for (int i = 2; i < 6; i++) {
        commit_row(&p, &alone, i);
    }
    struct dsi_ticket t = phantom_row(&p, NULL, 1);
    assert_int_equal(commit_row(&p, NULL, 9).group_size, 2);
    assert_int_equal(receipt_of(&p, &t).kind, DSI_RECEIPT_COMMITTED);
    place_release(&p);
}

static bool at_once(void *arg)
{
    (void)arg;
    return true;
}

// What is published may be claimed before it is withdrawn: then the outcome is open.
static void test_group_leaders__who_has_cancelled_publishes_nothing(void **state)
{
    struct ds_cancel_scope cancel = {.cancelled = at_once};
    struct dsi_queue_view view;
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_change *c = row_change(p.table, NULL, 1);
    dsi_cancel_begin(&cancel);
    int rc = dsi_commit(p.table, c, NULL, NULL, NULL);
    dsi_cancel_end(&cancel);
    assert_int_equal(rc, DS_ECANCELLED);
    assert_int_equal(dsi_queue_look(p.queue, &view, NULL), DS_OK);
    assert_int_equal(view.slots_used, 0);
    dsi_change_free(c);
    place_release(&p);
}

// ---- Heads that move -----------------------------------------------------------------

// Before the leader's first request another run of a member commits it.
struct other_run {
    struct place *place;
    bool done;
};

static void run_again(void *arg, const char *where)
{
    const struct ds_commit_options known = {
        .struct_size = sizeof known, .identity = known_id, .group = DS_GROUP_OFF};
    struct other_run *o = arg;
    if (strcmp(where, "swap") == 0 && !o->done) {
        o->done = true;
        commit_elsewhere(o->place, &known, 1);
    }
}

static void test_group_leaders__a_new_head_is_looked_at_for_each_member(void **state)
{
    struct ds_commit_options known = {.struct_size = sizeof known, .identity = known_id};
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_ticket t = phantom_row(&p, &known, 1);
    struct other_run other = {&p, false};
    p.catalog.step = run_again;
    p.catalog.arg = &other;
    assert_int_equal(commit_row(&p, NULL, 2).group_size, 1);
    struct dsi_receipt r = receipt_of(&p, &t);
    assert_int_equal(r.kind, DSI_RECEIPT_COMMITTED);
    assert_int_equal(r.sequence_number, 1);
    count_ids(&p, seen);
    assert_true(seen[1] == 1 && seen[2] == 1);
    place_release(&p);
}

static void test_group_leaders__without_a_head_nothing_is_claimed(void **state)
{
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    struct dsi_ticket own = phantom_row(&p, NULL, 1);
    char *head = p.catalog.head;
    p.catalog.head = NULL;
    assert_int_equal(lead(&p, &own), DSI_LEAD_HELPLESS);
    p.catalog.head = head;
    assert_false(dsi_queue_withdraw(p.queue, &own));
    place_release(&p);
}

// ---- Conflicts -----------------------------------------------------------------------

// A change that takes out all files there are.
static struct dsi_change *deletion(struct place *p)
{
    const struct dsi_state *s = dsi_table_state(p->table);
    struct dsi_change *c = NULL;
    assert_int_equal(dsi_change_new(s, NULL, &c, NULL), DS_OK);
    change_delete(p, c, s->metadata, "");
    dsi_state_unref(s);
    return c;
}

static struct dsi_ticket phantom_deletion(struct place *p)
{
    struct dsi_change *c = deletion(p);
    struct dsi_ticket t = phantom(p, c);
    dsi_change_free(c);
    return t;
}

// The first is committed without it, then it is tried once more, and told.
static void test_group_leaders__who_is_in_conflict_is_tried_once_more(void **state)
{
    struct place p;
    int loads = 0;
    (void)state;
    place_init(&p, NULL, 0);
    commit_row(&p, &alone, 1);
    struct dsi_ticket first = phantom_deletion(&p);
    struct dsi_ticket own = phantom_deletion(&p);
    watch_loads(&p, &loads);
    assert_int_equal(lead(&p, &own), DSI_LEAD_WITHDRAWN);
    assert_int_equal(loads, 3);
    assert_int_equal(receipt_of(&p, &first).kind, DSI_RECEIPT_COMMITTED);
    place_release(&p);
}

// Nobody is left for whom they could be set aside: who has its receipt does not count.
static void test_group_leaders__nobody_is_set_aside_for_nobody(void **state)
{
    struct place p;
    struct dsi_uuid id = dsi_uuid_v7();
    struct dsi_ticket bad;
    int loads = 0;
    (void)state;
    place_init(&p, NULL, 0);
    commit_row(&p, &alone, 1);
    assert_int_equal(
        dsi_queue_publish(p.queue, &id, dsi_slice_text("not an intent"), &bad, NULL),
        DS_OK);
    struct dsi_ticket other = phantom_deletion(&p);
    struct dsi_ticket own = phantom_deletion(&p);
    commit_alone(&p, deletion(&p)); // Faster than both.
    watch_loads(&p, &loads);
    assert_int_equal(lead(&p, &own), DSI_LEAD_WITHDRAWN);
    assert_int_equal(loads, 1);
    assert_int_equal(receipt_of(&p, &other).kind, DSI_RECEIPT_ALONE);
    place_release(&p);
}

static void test_group_leaders__who_is_alone_in_conflict_is_told_at_once(void **state)
{
    struct place p;
    int loads = 0;
    (void)state;
    place_init(&p, NULL, 0);
    commit_row(&p, &alone, 1);
    struct dsi_ticket own = phantom_deletion(&p);
    commit_alone(&p, deletion(&p));
    watch_loads(&p, &loads);
    assert_int_equal(lead(&p, &own), DSI_LEAD_WITHDRAWN);
    assert_int_equal(loads, 1);
    place_release(&p);
}

// ---- Leaders that are taken over -----------------------------------------------------

// Takes over from the leader that reads the head.
struct usurper {
    struct place *place;
    bool done;
    int loads; // Since.
};

static void usurp(void *arg, const char *where)
{
    struct usurper *u = arg;
    struct dsi_queue_view view;
    if (strcmp(where, "load") != 0) {
        return;
    }
    assert_int_equal(dsi_queue_look(u->place->queue, &view, NULL), DS_OK);
    if (u->done) {
        u->loads++;
    } else if (view.leader_pid != 0) {
        u->done = dsi_queue_take_over(u->place->queue, view.epoch, 1);
        assert_true(u->done);
    }
}

static void test_group_leaders__who_was_taken_over_does_not_swap(void **state)
{
    struct place p;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, NULL, 0);
    struct usurper u = {&p, false, 0};
    p.catalog.step = usurp;
    p.catalog.arg = &u;
    unsigned swaps = p.catalog.swaps;
    assert_int_equal(commit_row(&p, NULL, 1).group_size, 0); // By a swap of its own.
    p.catalog.step = NULL;
    assert_true(u.done);
    assert_true(u.loads <= 3); // It does not go on leading, either.
    assert_int_equal(p.catalog.swaps, swaps + 1);
    assert_int_equal(stored(&p, ".parquet", NULL), 1); // What it had written is gone.
    dsi_queue_resign(p.queue);
    count_ids(&p, seen);
    assert_int_equal(seen[1], 1);
    place_release(&p);
}

static struct dsi_ticket bad_phantom(struct place *p)
{
    struct dsi_change *c = row_change(p->table, NULL, 1);
    uint8_t junk[16];
    memset(junk, 0xa5, sizeof junk);
    c->operations[0].held.bytes = (struct ds_slice){junk, sizeof junk};
    struct dsi_ticket t = phantom(p, c);
    dsi_change_free(c);
    return t;
}

static void take_over_when_sent_away(enum ds_log_level level, const char *line, void *arg)
{
    struct dsi_queue *q = arg;
    (void)level;
    if (strstr(line, "sent away")) {
        assert_true(dsi_queue_take_over(q, epoch_of(q), 1));
    }
}

// Taken back is what nobody ever sent: who claimed it before may send it yet.
static void test_group_leaders__what_others_have_claimed_is_not_taken_back(void **state)
{
    static const enum dsi_lead_end ends[] = {DSI_LEAD_WITHDRAWN, DSI_LEAD_HELPLESS,
                                             DSI_LEAD_HELPLESS};
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct place p;
        struct dsi_queue *other = NULL;
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_claim *claims = NULL;
        size_t count = 0;
        place_init(&p, NULL, 0);
        assert_int_equal(dsi_queue_open(p.queue_path, &other, NULL), DS_OK);
        struct dsi_ticket own = bad_phantom(&p);
        if (i == 1) { // Before: a leader that has died since.
            assert_true(dsi_queue_try_lead(other));
            assert_int_equal(dsi_queue_claim(other, 1000, &arena, &claims, &count, NULL),
                             DS_OK);
            assert_int_equal(count, 1);
            dsi_queue_resign(other);
        } else if (i == 2) { // While it was in our hands: it will claim it.
            dsi_log_set(DS_LOG_DEBUG, take_over_when_sent_away, other);
        }
        enum dsi_lead_end end = lead(&p, &own);
        dsi_log_set(DS_LOG_INFO, NULL, NULL);
        assert_int_equal(end, ends[i]);
        dsi_arena_release(&arena);
        dsi_queue_free(other);
        place_release(&p);
    }
}

// ---- What is cleaned up --------------------------------------------------------------

static enum fate always_late(void *arg)
{
    (void)arg;
    return FATE_LATE;
}

static void test_group_leaders__while_the_outcome_is_open_nothing_is_removed(void **state)
{
    static const struct ds_property hasty[] = {{"commit.status-check.num-retries", "0"},
                                               {"commit.retry.num-retries", "0"}};
    struct place p;
    struct seen look;
    uint8_t seen[IDS_MAX];
    (void)state;
    place_init(&p, hasty, 2);
    struct dsi_ticket own = phantom_row(&p, NULL, 1);
    struct dsi_ticket other = phantom_row(&p, NULL, 2);
    unsigned swaps = p.catalog.swaps;
    p.catalog.fate = always_late;
    assert_int_equal(lead(&p, &own), DSI_LEAD_HELPLESS);
    p.catalog.fate = NULL;
    assert_int_equal(p.catalog.swaps, swaps + 1); // Who does not know goes no further.
    assert_false(has_receipt(&p, &own) || has_receipt(&p, &other));
    catalog_deliver(&p.catalog, true);
    assert_null(test_look(p.catalog.storage, p.catalog.head, &look));
    count_ids(&p, seen);
    assert_true(seen[1] == 1 && seen[2] == 1);
    place_release(&p);
}

// Somebody else wins the first swap, and the answer to the second is lost.
struct bad_luck {
    struct other_run other;
    int swaps;
};

static void lose_first(void *arg, const char *where)
{
    struct bad_luck *b = arg;
    run_again(&b->other, where);
}

static enum fate lose_third_answer(void *arg)
{
    struct bad_luck *b = arg;
    return ++b->swaps == 3 ? FATE_ANSWER_LOST : FATE_FAIR;
}

static void test_group_leaders__what_lost_attempts_wrote_goes(void **state)
{
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    struct bad_luck b = {{&p, false}, 0};
    p.catalog.step = lose_first;
    p.catalog.fate = lose_third_answer;
    p.catalog.arg = &b;
    assert_int_equal(commit_row(&p, NULL, 2).group_size, 1);
    p.catalog.step = NULL;
    p.catalog.fate = NULL;
    assert_int_equal(b.swaps, 3);
    assert_int_equal(snapshots_of(&p), 2);
    assert_int_equal(stored(&p, "/snap-", NULL), 2);
    place_release(&p);
}

static void test_group_leaders__a_group_of_one_appends_as_its_owner_says(void **state)
{
    static const struct ds_property merging[] = {
        {"commit.manifest.min-count-to-merge", "2"}};
    struct ds_commit_options fast = {.struct_size = sizeof fast,
                                     .append_mode = DS_APPEND_FAST};
    struct place p;
    struct seen look;
    (void)state;
    place_init(&p, merging, 1);
    commit_row(&p, NULL, 1);
    assert_int_equal(commit_row(&p, &fast, 2).group_size, 1);
    assert_null(test_look(p.catalog.storage, p.catalog.head, &look));
    assert_int_equal(look.manifests, 2);
    commit_row(&p, NULL, 3);
    assert_null(test_look(p.catalog.storage, p.catalog.head, &look));
    assert_int_equal(look.manifests, 1);
    place_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_leaders__nobody_is_told_of_what_is_not_durable_yet),
        cmocka_unit_test(test_group_leaders__a_leader_that_gets_nowhere_gives_up),
        cmocka_unit_test(test_group_leaders__of_two_twins_one_is_taken_in),
        cmocka_unit_test(test_group_leaders__rows_of_another_schema_hold_nobody_up),
        cmocka_unit_test(test_group_leaders__an_intent_in_anothers_slot_is_sent_away),
        cmocka_unit_test(test_group_leaders__files_have_the_nonce_of_who_writes_them),
        cmocka_unit_test(test_group_leaders__where_history_is_gone_nothing_is_guessed),
        cmocka_unit_test(test_group_leaders__of_rows_the_snapshots_tell_enough),
        cmocka_unit_test(test_group_leaders__who_has_cancelled_publishes_nothing),
        cmocka_unit_test(test_group_leaders__a_new_head_is_looked_at_for_each_member),
        cmocka_unit_test(test_group_leaders__without_a_head_nothing_is_claimed),
        cmocka_unit_test(test_group_leaders__who_is_in_conflict_is_tried_once_more),
        cmocka_unit_test(test_group_leaders__nobody_is_set_aside_for_nobody),
        cmocka_unit_test(test_group_leaders__who_is_alone_in_conflict_is_told_at_once),
        cmocka_unit_test(test_group_leaders__who_was_taken_over_does_not_swap),
        cmocka_unit_test(test_group_leaders__what_others_have_claimed_is_not_taken_back),
        cmocka_unit_test(
            test_group_leaders__while_the_outcome_is_open_nothing_is_removed),
        cmocka_unit_test(test_group_leaders__what_lost_attempts_wrote_goes),
        cmocka_unit_test(test_group_leaders__a_group_of_one_appends_as_its_owner_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
