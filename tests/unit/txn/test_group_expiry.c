// Snapshots that are forgotten on request, in a group: its owner leads it, and takes
// along whoever waits.
#include "group_fixture.h"

#include <pthread.h>

#include "base/fault.h"
#include "txn/group_lead.h"

enum { OLD = 5 };

static const struct ds_commit_options alone = {.struct_size = sizeof alone,
                                               .group = DS_GROUP_OFF};

// A table with OLD snapshots, made by commits of their own, with rows 0, 1, …
static void set_up(struct place *p)
{
    place_init(p, NULL, 0);
    for (int64_t i = 0; i < OLD; i++) {
        commit_row(p, &alone, i);
    }
}

static struct dsi_change *expiry(struct place *p, int64_t older_than_ms)
{
    const struct dsi_state *s = dsi_table_state(p->table);
    struct dsi_change *c = NULL;
    assert_int_equal(dsi_change_new(s, NULL, &c, NULL), DS_OK);
    assert_int_equal(dsi_change_expire(c, older_than_ms, 1, NULL), DS_OK);
    dsi_state_unref(s);
    return c;
}

static int commit_expiry(struct place *p, int64_t older_than_ms,
                         struct ds_commit_result *r, struct ds_error *err)
{
    struct dsi_change *c = expiry(p, older_than_ms);
    *r = (struct ds_commit_result){.struct_size = sizeof *r};
    int rc = dsi_commit(p->table, c, NULL, r, err);
    dsi_change_free(c);
    return rc;
}

// Forgets all snapshots but the newest of those that are old enough.
static struct ds_commit_result expire(struct place *p, int64_t older_than_ms)
{
    struct ds_commit_result r;
    struct ds_error err = {0};
    if (commit_expiry(p, older_than_ms, &r, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(r.outcome, DS_COMMITTED);
    assert_int_equal(r.snapshot_id, -1);
    return r;
}

static int count_list(void *arg, const char *path, const struct ds_file_info *info)
{
    size_t *n = arg;
    (void)info;
    *n += strstr(path, "/snap-") != NULL;
    return DS_OK;
}

static size_t lists(struct place *p)
{
    size_t n = 0;
    assert_int_equal(
        dsi_storage_list(p->catalog.storage, "memory:///t", count_list, &n, NULL), DS_OK);
    return n;
}

// Nothing is wrong with the table, and it has rows 0 to rows - 1, once each.
static void check(struct place *p, size_t snapshots, int64_t rows)
{
    uint8_t seen[IDS_MAX];
    struct seen look;
    const char *why = test_look(p->catalog.storage, p->catalog.head, &look);
    if (why) {
        fail_msg("%s", why);
    }
    assert_int_equal(look.snapshots, snapshots);
    count_ids(p, seen);
    for (int64_t i = 0; i < IDS_MAX; i++) {
        assert_int_equal(seen[i], i < rows);
    }
}

static void assert_shared(struct place *p, const struct dsi_ticket *t, uint32_t size)
{
    struct dsi_receipt r = receipt_of(p, t);
    assert_int_equal(r.kind, DSI_RECEIPT_COMMITTED);
    assert_int_equal(r.group_size, size);
    assert_true(r.snapshot_id >= 0);
}

static void test_group_expiry__takes_along_whoever_waits(void **state)
{
    struct place p;
    (void)state;

    set_up(&p);
    struct dsi_ticket a = phantom_row(&p, NULL, OLD);
    struct dsi_ticket b = phantom_row(&p, NULL, OLD + 1);
    unsigned before = p.catalog.swaps;
    struct ds_commit_result mine = expire(&p, INT64_MAX);
    assert_int_equal(mine.group_size, 3);
    assert_int_equal(mine.attempts, 1);
    assert_int_equal(p.catalog.swaps, before + 1);
    assert_int_equal(lists(&p), 1); // What nobody needs went before the call returned.
    assert_shared(&p, &a, 3);
    assert_shared(&p, &b, 3);
    check(&p, 1, OLD + 2);
    place_release(&p);
}

static void test_group_expiry__is_left_for_its_owner(void **state)
{
    struct place p;
    struct dsi_receipt r;
    (void)state;

    set_up(&p);
    struct dsi_change *c = expiry(&p, INT64_MAX);
    struct dsi_ticket t = phantom(&p, c);
    assert_int_equal(commit_row(&p, NULL, OLD).group_size, 1);
    assert_int_equal(dsi_queue_wait(p.queue, &t, 0, &r), DSI_QUEUE_LATE);
    check(&p, OLD + 1, OLD + 1);
    dsi_queue_leave(p.queue, &t);
    dsi_change_free(c);
    assert_int_equal(expire(&p, INT64_MAX).group_size, 1);
    check(&p, 1, OLD + 1);
    place_release(&p);
}

// Each of the group has its answer to find in its own version, however little stays.
static void test_group_expiry__keeps_the_snapshots_of_its_group(void **state)
{
    static const struct ds_property mark = {"why", "because"};
    struct ds_commit_options with = {.struct_size = sizeof with, .summary = {&mark, 1}};
    struct place p;
    (void)state;

    set_up(&p);
    struct dsi_ticket a = phantom_row(&p, &with, OLD);
    struct dsi_ticket b = phantom_row(&p, &with, OLD + 1);
    assert_int_equal(expire(&p, INT64_MAX).group_size, 3);
    assert_shared(&p, &a, 3);
    assert_shared(&p, &b, 3);
    assert_int_equal(lists(&p), 2);
    check(&p, 2, OLD + 2);
    place_release(&p);
}

static void test_group_expiry__that_finds_nothing_makes_no_version(void **state)
{
    struct dsi_queue_view view;
    struct place p;
    (void)state;

    set_up(&p);
    unsigned before = p.catalog.swaps;
    struct ds_commit_result mine = expire(&p, 0);
    assert_int_equal(mine.group_size, 0);
    assert_int_equal(mine.attempts, 0);
    assert_int_equal(p.catalog.swaps, before);
    assert_int_equal(dsi_queue_look(p.queue, &view, NULL), DS_OK);
    assert_int_equal(view.counters.groups, 0);
    assert_int_equal(view.counters.appends, 0);
    check(&p, OLD, OLD);
    place_release(&p);
}

static void test_group_expiry__that_finds_nothing_is_no_hindrance(void **state)
{
    struct place p;
    (void)state;

    set_up(&p);
    struct dsi_ticket a = phantom_row(&p, NULL, OLD);
    assert_int_equal(expire(&p, 0).group_size, 2);
    assert_shared(&p, &a, 2);
    check(&p, OLD + 1, OLD + 1);
    place_release(&p);
}

static enum fate lose_next_answer(void *arg)
{
    unsigned *left = arg;
    return (*left)-- == 1 ? FATE_ANSWER_LOST : FATE_FAIR;
}

static void test_group_expiry__is_found_again_when_the_answer_is_lost(void **state)
{
    struct place p;
    unsigned left = 1;
    (void)state;

    set_up(&p);
    struct dsi_ticket a = phantom_row(&p, NULL, OLD);
    unsigned before = p.catalog.swaps;
    p.catalog.fate = lose_next_answer;
    p.catalog.arg = &left;
    assert_int_equal(expire(&p, INT64_MAX).group_size, 2);
    p.catalog.fate = NULL;
    assert_int_equal(p.catalog.swaps, before + 1);
    assert_shared(&p, &a, 2);
    check(&p, 1, OLD + 1);
    place_release(&p);
}

struct owner {
    struct place *place;
    struct ds_commit_result result;
    int rc;
};

static void *commit_as_owner(void *arg)
{
    struct owner *o = arg;
    o->rc = commit_expiry(o->place, INT64_MAX, &o->result, NULL);
    return NULL;
}

// Moves the head by versions that make no snapshot.
static void set_properties(struct place *p, int count)
{
    struct dsi_table *t = test_open(&p->catalog);
    for (int i = 0; i < count; i++) {
        const struct dsi_state *s = dsi_table_state(t);
        struct dsi_change *c = NULL;
        assert_int_equal(dsi_change_new(s, NULL, &c, NULL), DS_OK);
        assert_int_equal(dsi_change_set_property(c, "turn", i % 2 ? "a" : "b", NULL),
                         DS_OK);
        assert_int_equal(dsi_commit(t, c, &alone, NULL, NULL), DS_OK);
        dsi_change_free(c);
        dsi_state_unref(s);
    }
    dsi_table_free(t);
}

// Another leader has had it in its hands, and history does not reach back to that time:
// since nobody else sends it, there is nothing to look for.
static void test_group_expiry__does_not_mind_who_claimed_it(void **state)
{
    static const struct ds_property forgetful[] = {
        {"write.metadata.previous-versions-max", "1"},
        {"write.metadata.delete-after-commit.enabled", "true"}};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_claim *claims = NULL;
    struct place p;
    struct owner o = {.place = &p};
    pthread_t thread;
    size_t count = 0;
    (void)state;

    place_init(&p, forgetful, 2);
    commit_row(&p, &alone, 0);
    commit_row(&p, &alone, 1);
    assert_true(dsi_queue_try_lead(p.queue));
    assert_int_equal(pthread_create(&thread, NULL, commit_as_owner, &o), 0);
    dsi_queue_await(p.queue, 1, INT64_C(5000000000));
    assert_int_equal(dsi_queue_claim(p.queue, 1 << 20, &arena, &claims, &count, NULL),
                     DS_OK);
    assert_int_equal(count, 1);
    set_properties(&p, 5);
    commit_elsewhere(&p, &alone, 2);
    dsi_queue_resign(p.queue);
    pthread_join(thread, NULL);
    assert_int_equal(o.rc, DS_OK);
    assert_int_equal(o.result.outcome, DS_COMMITTED);
    check(&p, 1, 3);
    dsi_arena_release(&arena);
    place_release(&p);
}

// What was claimed before is known not to be sent by its owner alone, and he knows it of
// the first time only: what became of that may be open.
static void test_group_expiry__is_not_taken_back_after_its_owner_led(void **state)
{
    static const struct ds_property keep = {"gc.enabled", "false"};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_claim *claims = NULL;
    (void)state;

    for (int again = 0; again < 2; again++) {
        struct place p;
        size_t count = 0;
        place_init(&p, &keep, 1);
        struct dsi_change *c = expiry(&p, INT64_MAX);
        struct dsi_ticket ticket = phantom(&p, c);
        struct dsi_group_own own = {.ticket = &ticket, .again = again};
        for (int i = 0; i < 2; i++) { // Somebody claims it, and resigns; then its owner.
            assert_true(dsi_queue_try_lead(p.queue));
            if (i == 0) {
                assert_int_equal(
                    dsi_queue_claim(p.queue, 1 << 20, &arena, &claims, &count, NULL),
                    DS_OK);
                assert_int_equal(count, 1);
                dsi_queue_resign(p.queue);
            }
        }
        assert_int_equal(dsi_group_lead(p.table, p.queue, &own, INT64_MAX),
                         again ? DSI_LEAD_HELPLESS : DSI_LEAD_WITHDRAWN);
        dsi_queue_leave(p.queue, &ticket);
        dsi_change_free(c);
        place_release(&p);
    }
    dsi_arena_release(&arena);
}

// A table whose files may belong to others.
static void test_group_expiry__is_refused_alone(void **state)
{
    static const struct ds_property keep = {"gc.enabled", "false"};
    struct ds_commit_result r;
    struct ds_error err = {0};
    struct place p;
    (void)state;

    place_init(&p, &keep, 1);
    commit_row(&p, &alone, 0);
    struct dsi_ticket a = phantom_row(&p, NULL, 1);
    assert_int_equal(commit_expiry(&p, INT64_MAX, &r, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "gc.enabled"));
    assert_int_equal(r.outcome, DS_NOT_COMMITTED);
    assert_shared(&p, &a, 1); // Who waited was committed by it all the same.
    check(&p, 2, 2);
    place_release(&p);
}

static void test_group_expiry__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    unsigned count = 0;
    (void)state;

    for (bool more = true; more; count++) {
        struct place p;
        struct seen look;
        set_up(&p);
        struct dsi_ticket a = phantom_row(&p, NULL, OLD);
        struct dsi_change *c = expiry(&p, INT64_MAX);
        struct ds_commit_result r = {.struct_size = sizeof r};
        struct ds_error err = {0};
        more = dsi_fault_next(&plan);
        int rc = dsi_commit(p.table, c, NULL, &r, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_int_equal(rc == DS_OK, r.outcome == DS_COMMITTED);
        assert_null(test_look(p.catalog.storage, p.catalog.head, &look));
        assert_true(look.rows == OLD || look.rows == OLD + 1);
        assert_true(rc < 0 || look.snapshots <= 1 + (look.rows == OLD ? 0 : 1));
        dsi_change_free(c);
        dsi_queue_leave(p.queue, &a);
        place_release(&p);
    }
    assert_true(count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_expiry__takes_along_whoever_waits),
        cmocka_unit_test(test_group_expiry__is_left_for_its_owner),
        cmocka_unit_test(test_group_expiry__keeps_the_snapshots_of_its_group),
        cmocka_unit_test(test_group_expiry__that_finds_nothing_makes_no_version),
        cmocka_unit_test(test_group_expiry__that_finds_nothing_is_no_hindrance),
        cmocka_unit_test(test_group_expiry__is_found_again_when_the_answer_is_lost),
        cmocka_unit_test(test_group_expiry__does_not_mind_who_claimed_it),
        cmocka_unit_test(test_group_expiry__is_not_taken_back_after_its_owner_led),
        cmocka_unit_test(test_group_expiry__is_refused_alone),
        cmocka_unit_test(test_group_expiry__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
