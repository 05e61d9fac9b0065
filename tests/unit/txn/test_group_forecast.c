#include "group_fixture.h"

#include "storage/storage_queue_file.h"
#include "txn/group_forecast.h"
#include "txn/group_lead.h"
#include "txn/held.h"

static const char known_id[] = "01890a5d-ac96-774b-bcce-b302099a8057";
static const struct ds_commit_options known_alone = {
    .struct_size = sizeof known_alone, .identity = known_id, .group = DS_GROUP_OFF};
static const struct ds_commit_options known = {.struct_size = sizeof known,
                                               .identity = known_id};
static const struct dsi_queue_counters gain = {.groups = 1, .rows = 5};

static struct dsi_queue_view look(struct place *p)
{
    struct dsi_queue_view view;
    assert_int_equal(dsi_queue_look(p->queue, &view, NULL), DS_OK);
    return view;
}

static void assert_counted(struct place *p, uint64_t groups, uint64_t appends)
{
    const struct dsi_queue_counters c = look(p).counters;
    assert_int_equal(c.groups, groups);
    assert_int_equal(c.appends, appends);
    assert_int_equal(c.rows, appends); // Of one row each.
}

// ---- What is foretold, and settled ----------------------------------------------------

// Another leader, which says what its swap adds and dies; or is stopped, and taken over.
struct other {
    struct dsi_queue *queue;
    struct dsi_change *change;
};

static struct other foretell(struct place *p, size_t members)
{
    struct other o = {.change = row_change(p->table, &known, 1)};
    const struct dsi_claim one = {.ticket = {200, 1, {{0}}}};
    const struct dsi_claim two = {.ticket = {201, 1, {{0}}}};
    const struct dsi_claim *const all[] = {&one, &two};
    const struct dsi_state *head = dsi_table_state(p->table);
    assert_int_equal(dsi_queue_open(p->queue_path, &o.queue, NULL), DS_OK);
    assert_true(dsi_queue_try_lead(o.queue));
    assert_true(
        dsi_group_foretell(o.queue, o.change, head, &gain, all, members, members == 1)
            .number > 0);
    dsi_state_unref(head);
    return o;
}

static void kill_other(struct other *o)
{
    dsi_queue_free(o->queue);
    o->queue = NULL;
}

static void take_over(struct place *p)
{
    assert_true(dsi_queue_take_over(p->queue, look(p).epoch, 1));
}

// As who leads does; how many are open after it.
static size_t settle(struct place *p)
{
    struct dsi_queue_foretold all[DSI_QUEUE_FORECASTS];
    assert_int_equal(dsi_table_refresh(p->table, NULL), DS_OK);
    const struct dsi_state *head = dsi_table_state(p->table);
    dsi_group_settle(p->table, p->queue, head);
    dsi_state_unref(head);
    return dsi_queue_foretold(p->queue, all);
}

static void end_other(struct place *p, struct other *o)
{
    dsi_queue_free(o->queue);
    dsi_change_free(o->change);
    place_release(p);
}

static void test_group_forecast__what_is_in_the_table_has_landed(void **state)
{
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    struct other o = foretell(&p, 2);
    kill_other(&o);
    commit_elsewhere(&p, &known_alone, 1);
    assert_true(dsi_queue_try_lead(p.queue));
    assert_int_equal(settle(&p), 0);
    assert_int_equal(look(&p).counters.groups, 1);
    assert_int_equal(look(&p).counters.rows, 5);
    assert_int_equal(look(&p).counters.appends, 2);
    assert_int_equal(settle(&p), 0);
    assert_int_equal(look(&p).counters.groups, 1);
    end_other(&p, &o);
}

// A group of one has its member's identity, which its owner may commit itself.
static void test_group_forecast__of_a_group_of_one_its_files_tell(void **state)
{
    struct place p;
    (void)state;
    for (int same = 0; same < 2; same++) {
        place_init(&p, NULL, 0);
        struct other o = foretell(&p, 1);
        kill_other(&o);
        if (same) {
            struct ds_commit_result r = {.struct_size = sizeof r};
            struct dsi_change *c = o.change;
            const struct dsi_metadata *m = dsi_table_metadata(p.table);
            assert_int_equal(dsi_change_write_held(c, m, p.catalog.storage, NULL), DS_OK);
            dsi_metadata_unref(m);
            assert_int_equal(dsi_commit(p.table, c, &known_alone, &r, NULL), DS_OK);
        } else {
            commit_elsewhere(&p, &known_alone, 1);
        }
        assert_true(dsi_queue_try_lead(p.queue));
        assert_int_equal(settle(&p), 0);
        assert_int_equal(look(&p).counters.groups, same);
        end_other(&p, &o);
    }
}

static void test_group_forecast__it_is_open_as_long_as_it_may_land(void **state)
{
    struct ds_commit_options alone = {.struct_size = sizeof alone, .group = DS_GROUP_OFF};
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    struct other o = foretell(&p, 2);
    take_over(&p);
    assert_int_equal(settle(&p), 1); // It is stopped, and may send it when it wakes.
    assert_int_equal(settle(&p), 1);
    commit_elsewhere(&p, &alone, 2); // Now it is refused.
    assert_int_equal(settle(&p), 0);
    commit_elsewhere(&p, &known_alone, 1);
    assert_int_equal(settle(&p), 0);
    assert_counted(&p, 0, 0);
    end_other(&p, &o);
}

static void test_group_forecast__of_the_dead_nothing_comes_any_more(void **state)
{
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    struct other o = foretell(&p, 2);
    kill_other(&o);
    assert_true(dsi_queue_try_lead(p.queue));
    assert_int_equal(settle(&p), 0);
    commit_elsewhere(&p, &known_alone, 1);
    assert_int_equal(settle(&p), 0);
    assert_counted(&p, 0, 0);
    end_other(&p, &o);
}

// What cannot be read now is not said to be lost.
static void test_group_forecast__who_cannot_look_says_nothing(void **state)
{
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    const struct dsi_state *old = dsi_table_state(p.table);
    commit_elsewhere(&p, NULL, 2);
    assert_int_equal(dsi_table_refresh(p.table, NULL), DS_OK);
    struct other o = foretell(&p, 2);
    kill_other(&o);
    commit_elsewhere(&p, &known_alone, 1);
    assert_true(dsi_queue_try_lead(p.queue));
    dsi_group_settle(p.table, p.queue, old); // Older than what it was made on.
    dsi_state_unref(old);
    uint64_t before = look(&p).counters.groups;
    assert_int_equal(settle(&p), 0);
    assert_int_equal(look(&p).counters.groups, before + 1);
    end_other(&p, &o);
}

// Of a library to come: nobody knows what it means.
static void test_group_forecast__what_it_does_not_know_is_dropped(void **state)
{
    struct place p;
    struct dsi_queue *q = NULL;
    struct dsi_queue_forecast f;
    (void)state;
    place_init(&p, NULL, 0);
    assert_int_equal(dsi_queue_open(p.queue_path, &q, NULL), DS_OK);
    assert_true(dsi_queue_try_lead(q));
    dsi_queue_foretell(q, dsi_slice_text("another"), &gain, NULL, 0, &f);
    dsi_queue_free(q);
    assert_true(dsi_queue_try_lead(p.queue));
    assert_int_equal(settle(&p), 0);
    assert_counted(&p, 0, 0);
    place_release(&p);
}

// ---- Leaders that are stopped ---------------------------------------------------------

// Leads for `own` while another leader is in its swap: before it, or when it has landed.
struct successor {
    struct place *place;
    const struct dsi_ticket *own;
    const char *where;
    bool done;
    struct dsi_queue_counters counters; // After it.
};

static void succeed(void *arg, const char *where)
{
    struct successor *s = arg;
    if (strcmp(where, s->where) == 0 && !s->done) {
        struct dsi_queue *q = NULL;
        s->done = true;
        s->place->catalog.swaps++; // Names of versions are used once.
        assert_int_equal(dsi_queue_open(s->place->queue_path, &q, NULL), DS_OK);
        struct dsi_table *t = test_open(&s->place->catalog);
        assert_true(dsi_queue_take_over(q, look(s->place).epoch, 1));
        struct dsi_group_own own = {.ticket = s->own};
        assert_int_equal(dsi_group_lead(t, q, &own, INT64_MAX), DSI_LEAD_ANSWERED);
        s->counters = look(s->place).counters;
        dsi_table_free(t);
        dsi_queue_free(q);
    }
}

// The first one leads on the handle of the phantoms, for the first of `appends` rows.
static enum dsi_lead_end lead_and_be_taken_over(struct place *p, const char *where,
                                                int appends, struct successor *s)
{
    struct dsi_ticket ticket = phantom_row(p, &known, 1);
    struct dsi_group_own own = {.ticket = &ticket};
    for (int i = 1; i < appends; i++) {
        phantom_row(p, NULL, i + 1);
    }
    *s = (struct successor){.place = p, .own = &ticket, .where = where};
    p->catalog.step = succeed;
    p->catalog.arg = s;
    assert_true(dsi_queue_try_lead(p->queue));
    enum dsi_lead_end end = dsi_group_lead(p->table, p->queue, &own, INT64_MAX);
    p->catalog.step = NULL;
    assert_true(s->done);
    assert_int_equal(receipt_of(p, &ticket).kind, DSI_RECEIPT_COMMITTED);
    return end;
}

static void test_group_forecast__the_successor_counts_what_has_landed(void **state)
{
    struct successor s;
    struct place p;
    (void)state;
    for (int appends = 1; appends <= 3; appends += 2) {
        place_init(&p, NULL, 0);
        assert_int_equal(lead_and_be_taken_over(&p, "answer", appends, &s),
                         DSI_LEAD_ANSWERED);
        assert_int_equal(s.counters.groups, 1);
        assert_int_equal(s.counters.rows, appends);
        assert_int_equal(s.counters.appends, appends);
        assert_int_equal(s.counters.swaps, 1);
        assert_int_equal(s.counters.size_bins[appends == 1 ? 0 : 2], 1);
        assert_counted(&p, 1, (uint64_t)appends); // And who wakes up, nothing.
        assert_int_equal(look(&p).counters.swaps, 1);
        assert_int_equal(settle(&p), 0);
        place_release(&p);
    }
}

// Alone, it finds its change in the table, where another leader has put it; with others
// it sees that it was taken over.
static void test_group_forecast__who_was_refused_counts_no_version(void **state)
{
    struct successor s;
    struct place p;
    (void)state;
    for (int appends = 1; appends <= 3; appends += 2) {
        place_init(&p, NULL, 0);
        assert_int_equal(lead_and_be_taken_over(&p, "swap", appends, &s),
                         appends == 1 ? DSI_LEAD_ANSWERED : DSI_LEAD_HELPLESS);
        assert_int_equal(s.counters.groups, 1);
        assert_counted(&p, 1, (uint64_t)appends);
        assert_int_equal(look(&p).counters.swaps, 2);
        assert_int_equal(look(&p).counters.lost, 1);
        commit_row(&p, NULL, 9); // Which settles what is left.
        assert_counted(&p, 2, (uint64_t)appends + 1);
        assert_true(dsi_queue_try_lead(p.queue));
        assert_int_equal(settle(&p), 0);
        place_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_forecast__what_is_in_the_table_has_landed),
        cmocka_unit_test(test_group_forecast__of_a_group_of_one_its_files_tell),
        cmocka_unit_test(test_group_forecast__it_is_open_as_long_as_it_may_land),
        cmocka_unit_test(test_group_forecast__of_the_dead_nothing_comes_any_more),
        cmocka_unit_test(test_group_forecast__who_cannot_look_says_nothing),
        cmocka_unit_test(test_group_forecast__what_it_does_not_know_is_dropped),
        cmocka_unit_test(test_group_forecast__the_successor_counts_what_has_landed),
        cmocka_unit_test(test_group_forecast__who_was_refused_counts_no_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
