#include "storm.h"

#include "base/log.h"
#include "txn/group.h"

static void test_group__can_be_switched_off_for_a_table_and_for_a_call(void **state)
{
    static const struct ds_property off[] = {{DSI_KEY_GROUP_ENABLED, "false"}};
    static const struct ds_commit_options alone = {.struct_size = sizeof alone,
                                                   .group = DS_GROUP_OFF};
    struct place p;
    (void)state;
    place_init(&p, off, 1);
    assert_int_equal(commit_row(&p, NULL, 1).group_size, 0);
    place_release(&p);
    place_init(&p, NULL, 0);
    assert_int_equal(commit_row(&p, &alone, 1).group_size, 0);
    assert_int_equal(commit_row(&p, NULL, 2).group_size, 1);
    place_release(&p);
}

// What was said of groups that cannot be: the last line, and how many there were.
struct said {
    char line[256];
    int count;
};

static void hear(enum ds_log_level level, const char *line, void *arg)
{
    struct said *s = arg;

    if (level == DS_LOG_INFO && strstr(line, "no group commit")) {
        snprintf(s->line, sizeof s->line, "%s", line);
        s->count++;
    }
}

static void
test_group__where_nobody_can_meet_each_commits_alone_and_it_is_said_once(void **state)
{
    struct said said = {.count = 0};
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    p.catalog.queue = "/proc/no/such/place";
    dsi_log_set(DS_LOG_INFO, hear, &said);
    assert_int_equal(commit_row(&p, NULL, 1).group_size, 0);
    assert_int_equal(commit_row(&p, NULL, 2).group_size, 0);
    dsi_log_set(DS_LOG_INFO, NULL, NULL);
    assert_int_equal(said.count, 1);
    place_release(&p);
}

static void test_group__says_of_which_table_as_its_users_write_it(void **state)
{
    const struct dsi_table_name name = {"a.b", "t"};
    struct said said = {.count = 0};
    struct dsi_table *t = NULL;
    struct place p;
    (void)state;
    place_init(&p, NULL, 0);
    p.catalog.queue = "/proc/no/such/place";
    assert_int_equal(dsi_table_open(&p.catalog, &name, &t, NULL), DS_OK);
    dsi_log_set(DS_LOG_INFO, hear, &said);
    assert_null(dsi_table_queue_take(t));
    assert_non_null(strstr(said.line, "table a.b.t: "));
    assert_null(dsi_table_queue_take(p.table));
    dsi_log_set(DS_LOG_INFO, NULL, NULL);
    assert_non_null(strstr(said.line, "table t: ")); // A path alone has no dot before it.
    dsi_table_free(t);
    place_release(&p);
}

// A leader that does what the test says, in a thread of its own.
struct odd_leader {
    struct place *place;
    struct dsi_receipt answer; // kind 0: none.
};

static void *lead_oddly(void *arg)
{
    struct odd_leader *l = arg;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_claim *claims = NULL;
    size_t count = 0;
    while (count == 0) {
        dsi_queue_beat(l->place->queue);
        dsi_queue_await(l->place->queue, 1, INT64_C(1000000000));
        if (dsi_queue_claim(l->place->queue, 1 << 20, &arena, &claims, &count, NULL) <
            0) {
            break;
        }
    }
    for (size_t i = 0; l->answer.kind && i < count; i++) {
        dsi_queue_answer(l->place->queue, &claims[i], &l->answer);
    }
    if (l->answer.kind) {
        dsi_queue_resign(l->place->queue);
    }
    dsi_arena_release(&arena);
    return NULL;
}

static struct ds_commit_result commit_under(struct place *p, struct odd_leader *leader,
                                            const struct ds_commit_options *options,
                                            int *rc)
{
    struct dsi_change *c = row_change(p->table, options, 5);
    struct ds_commit_result r = {.struct_size = sizeof r};
    pthread_t thread = 0;
    assert_true(dsi_queue_try_lead(p->queue));
    assert_int_equal(pthread_create(&thread, NULL, lead_oddly, leader), 0);
    *rc = dsi_commit(p->table, c, options, &r, NULL);
    pthread_join(thread, NULL);
    dsi_change_free(c);
    return r;
}

static void test_group__an_owner_that_is_sent_away_commits_alone(void **state)
{
    struct place p;
    struct odd_leader leader = {&p, {.kind = DSI_RECEIPT_ALONE}};
    uint8_t seen[IDS_MAX];
    int rc = DS_OK;
    (void)state;
    place_init(&p, NULL, 0);
    struct ds_commit_result r = commit_under(&p, &leader, NULL, &rc);
    assert_int_equal(rc, DS_OK);
    assert_int_equal(r.group_size, 0);
    count_ids(&p, seen);
    assert_int_equal(seen[5], 1);
    place_release(&p);
}

static void test_group__a_receipt_is_believed_and_the_handle_catches_up(void **state)
{
    struct place p;
    struct odd_leader leader = {&p, {DSI_RECEIPT_COMMITTED, 3, 2, 1, 77, 9}};
    int rc = DS_OK;
    (void)state;
    place_init(&p, NULL, 0);
    struct ds_commit_result r = commit_under(&p, &leader, NULL, &rc);
    assert_int_equal(rc, DS_OK);
    assert_int_equal(r.outcome, DS_COMMITTED);
    assert_int_equal(r.group_size, 3);
    assert_int_equal(r.snapshot_id, 77);
    assert_int_equal(r.sequence_number, 9);
    assert_int_equal(r.attempts, 2);
    assert_int_equal(r.conflicts, 1);
    commit_elsewhere(&p, NULL, 1);
    assert_int_equal(dsi_table_catch_up(p.table, 0, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(p.table);
    assert_int_equal(m->snapshot_count, 1);
    dsi_metadata_unref(m);
    place_release(&p);
}

// The leader claims, and then nothing is heard of it. The deadline comes first.
static void test_group__an_owner_that_gives_up_still_gets_a_definite_answer(void **state)
{
    static const struct ds_commit_options hasty = {.struct_size = sizeof hasty,
                                                   .timeout_ms = 50};
    struct place p;
    struct odd_leader leader = {&p, {0}};
    uint8_t seen[IDS_MAX];
    int rc = DS_OK;
    (void)state;
    place_init(&p, NULL, 0);
    struct ds_commit_result r = commit_under(&p, &leader, &hasty, &rc);
    assert_int_not_equal(r.outcome, DS_UNKNOWN);
    assert_int_equal(r.group_size, 0); // Nor did it wait until it could lead itself.
    count_ids(&p, seen);
    assert_int_equal(seen[5], r.outcome == DS_COMMITTED);
    assert_int_equal(rc == DS_OK, r.outcome == DS_COMMITTED);
    place_release(&p);
}

static void test_group__a_leader_that_does_not_move_is_replaced(void **state)
{
    struct place p;
    struct odd_leader leader = {&p, {0}};
    uint8_t seen[IDS_MAX];
    int rc = DS_OK;
    (void)state;
    place_init(&p, NULL, 0);
    struct ds_commit_result r = commit_under(&p, &leader, NULL, &rc);
    assert_int_equal(rc, DS_OK);
    assert_int_equal(r.group_size, 1);
    assert_in_range(r.waited_us, 900000, 7000000);
    count_ids(&p, seen);
    assert_int_equal(seen[5], 1);
    place_release(&p);
}

// ---- Many owners, and a catalog that answers as it likes ------------------------------

static int commit_plainly(struct dsi_table *t, struct dsi_change *c, unsigned *seed,
                          struct ds_commit_result *r)
{
    (void)seed;
    return dsi_commit(t, c, NULL, r, NULL);
}

static void test_group__whatever_the_catalog_answers_the_balance_is_exact(void **state)
{
    (void)state;
    assert_int_equal(storm_run(commit_plainly, NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group__can_be_switched_off_for_a_table_and_for_a_call),
        cmocka_unit_test(
            test_group__where_nobody_can_meet_each_commits_alone_and_it_is_said_once),
        cmocka_unit_test(test_group__says_of_which_table_as_its_users_write_it),
        cmocka_unit_test(test_group__an_owner_that_is_sent_away_commits_alone),
        cmocka_unit_test(test_group__a_receipt_is_believed_and_the_handle_catches_up),
        cmocka_unit_test(test_group__an_owner_that_gives_up_still_gets_a_definite_answer),
        cmocka_unit_test(test_group__a_leader_that_does_not_move_is_replaced),
        cmocka_unit_test(test_group__whatever_the_catalog_answers_the_balance_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
