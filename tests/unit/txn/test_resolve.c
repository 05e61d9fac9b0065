#include "fixture.h"
#include "txn/expire.h"

static void test_resolve__refuses_what_is_no_token_or_is_of_another_table(void **state)
{
    struct dsi_trail trail = {.identity = "01890000-0000-7000-8000-00000000abcd",
                              .nonce = "00000000",
                              .table_uuid = "11111111-2222-4333-8444-555555555555"};
    struct dsi_catalog c;
    struct ds_error err = {0};
    char token[DSI_TOKEN_SIZE];
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    assert_int_equal(dsi_commit_resolve(t, "hello", 0, NULL, &err), DS_EINVALID);
    dsi_trail_format(&trail, token);
    assert_int_equal(dsi_commit_resolve(t, token, 0, NULL, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, trail.table_uuid));
    dsi_table_free(t);
    catalog_release(&c);
}

static enum fate late(void *arg)
{
    (void)arg;
    return FATE_LATE;
}

// An open commit on the table: its token.
static void open_commit(struct dsi_catalog *c, struct dsi_table *t, char token[512])
{
    struct ds_commit_options o = {.struct_size = sizeof o, .attempts_max = 1};
    struct ds_commit_result r = {0};
    static unsigned n;
    char path[64];
    snprintf(path, sizeof path, "memory:///t/data/open-%u", n++);
    struct dsi_change *change = test_change(t, NULL, path, 1);
    c->fate = late;
    assert_int_equal(dsi_commit(t, change, &o, &r, NULL), DS_EUNKNOWN);
    c->fate = NULL;
    memcpy(token, r.token, sizeof r.token);
    dsi_change_free(change);
}

static void test_resolve__says_no_once_somebody_else_has_committed(void **state)
{
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    char token[512];
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    open_commit(&c, t, token);
    struct dsi_change *other = test_change(t, NULL, "memory:///t/data/other", 1);
    assert_int_equal(dsi_commit(t, other, NULL, NULL, NULL), DS_OK);
    unsigned swaps = c.swaps;
    assert_int_equal(dsi_commit_resolve(t, token, 0, &r, NULL), DS_OK);
    assert_int_equal(r.outcome, DS_NOT_COMMITTED);
    assert_int_equal(c.swaps, swaps); // No fence was needed.
    dsi_change_free(other);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_resolve__stays_unknown_while_nobody_answers(void **state)
{
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct ds_error err = {0};
    char token[512];
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    open_commit(&c, t, token);
    c.fate = late; // The fence gets no answer either.
    assert_int_equal(dsi_commit_resolve(t, token, 0, &r, &err), DS_EUNKNOWN);
    assert_int_equal(r.outcome, DS_UNKNOWN);
    assert_string_equal(r.token, token); // Good for another time.
    c.fate = NULL;
    assert_int_equal(dsi_commit_resolve(t, r.token, 0, &r, &err), DS_OK);
    assert_int_equal(r.outcome, DS_NOT_COMMITTED);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_resolve__does_not_guess_when_history_was_expired(void **state)
{
    static const struct ds_property set[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "1"},
        {"write.metadata.previous-versions-max", "1"},
    };
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct ds_error err = {0};
    char token[512];
    char path[64];
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 4);
    open_commit(&c, t, token);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "memory:///t/data/%d", i);
        struct dsi_change *other = test_change(t, NULL, path, 1);
        assert_int_equal(dsi_commit(t, other, NULL, NULL, NULL), DS_OK);
        dsi_change_free(other);
    }
    assert_int_equal(dsi_commit_resolve(t, token, 0, &r, &err), DS_OK);
    assert_int_equal(r.outcome, DS_NOT_COMMITTED); // The ledger has them all.
    test_lose_ledger(t);
    assert_int_equal(dsi_commit_resolve(t, token, 0, &r, &err), DS_EUNKNOWN);
    assert_non_null(strstr(err.message, "expired"));
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_resolve__finds_commits_without_snapshots_too(void **state)
{
    struct ds_commit_options o = {.struct_size = sizeof o, .attempts_max = 1};
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct dsi_change *change = NULL;
    (void)state;

    for (int lands = 0; lands < 2; lands++) {
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, NULL, 0);
        const struct dsi_state *s = dsi_table_state(t);
        assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
        assert_int_equal(dsi_change_set_property(change, "a", "1", NULL), DS_OK);
        c.fate = late;
        assert_int_equal(dsi_commit(t, change, &o, &r, NULL), DS_EUNKNOWN);
        c.fate = NULL;
        catalog_deliver(&c, lands == 1);
        struct dsi_change *other = test_change(t, NULL, "memory:///t/data/x", 1);
        assert_int_equal(dsi_commit(t, other, NULL, NULL, NULL), DS_OK);
        assert_int_equal(dsi_commit_resolve(t, r.token, 0, &r, NULL), DS_OK);
        assert_int_equal(r.outcome, lands ? DS_COMMITTED : DS_NOT_COMMITTED);
        dsi_change_free(other);
        dsi_change_free(change);
        dsi_state_unref(s);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

static const char unknown[] = "01890000-0000-7000-8000-ffffffffffff";

static void commit_as(struct dsi_table *t, const char *identity, const char *path)
{
    struct ds_commit_options o = {.struct_size = sizeof o, .identity = identity};
    struct dsi_change *change = path ? test_change(t, &o, path, 1) : test_blank(t, &o);
    if (!path) {
        assert_int_equal(dsi_change_set_property(change, "k", identity, NULL), DS_OK);
    }
    assert_int_equal(dsi_commit(t, change, &o, NULL, NULL), DS_OK);
    dsi_change_free(change);
}

static void test_resolve__answers_for_an_identity_alone(void **state)
{
    static const char rows[] = "01890000-0000-7000-8000-000000000001";
    static const char property[] = "01890000-0000-7000-8000-000000000002";
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    commit_as(t, rows, "memory:///t/data/a");
    commit_as(t, property, NULL);
    commit_as(t, "01890000-0000-7000-8000-000000000003", NULL);
    assert_int_equal(dsi_commit_resolve(t, rows, 0, &r, NULL), DS_OK);
    assert_int_equal(r.outcome, DS_COMMITTED);
    assert_int_equal(r.sequence_number, 1);
    assert_string_equal(r.identity, rows);
    assert_int_equal(dsi_commit_resolve(t, property, 0, &r, NULL), DS_OK);
    assert_int_equal(r.outcome, DS_COMMITTED);
    const struct dsi_state *before = dsi_table_state(t);
    assert_int_equal(dsi_commit_resolve(t, unknown, 0, &r, NULL), DS_OK);
    assert_int_equal(r.outcome, DS_NOT_COMMITTED);
    const struct dsi_state *after = dsi_table_state(t);
    struct dsi_mark mark = dsi_mark_of(before);
    assert_true(dsi_state_is_newer(after, &mark)); // What was on its way is too late.
    dsi_state_unref(before);
    dsi_state_unref(after);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_resolve__by_identity_settles_what_is_on_its_way(void **state)
{
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct dsi_trail trail;
    char token[512];
    (void)state;

    for (int lands = 0; lands < 2; lands++) {
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, NULL, 0);
        open_commit(&c, t, token);
        c.fate = NULL;
        assert_int_equal(dsi_trail_parse(token, &trail, NULL), DS_OK);
        if (lands) {
            catalog_deliver(&c, true);
        }
        assert_int_equal(dsi_commit_resolve(t, trail.identity, 0, &r, NULL), DS_OK);
        assert_int_equal(r.outcome, lands ? DS_COMMITTED : DS_NOT_COMMITTED);
        while (c.late_count > 0) {
            catalog_deliver(&c, true); // Too late now.
        }
        assert_int_equal(test_count_identity(c.storage, c.head, trail.identity), lands);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

static enum fate lost(void *arg)
{
    (void)arg;
    return FATE_LOST;
}

// As long as the head has not moved, a request that is on its way may yet be applied.
static void test_resolve__by_identity_needs_a_version_after_the_question(void **state)
{
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct ds_error err = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    commit_as(t, NULL, "memory:///t/data/a");
    c.fate = lost;
    assert_int_equal(dsi_commit_resolve(t, unknown, 0, &r, &err), DS_EUNKNOWN);
    assert_int_equal(r.outcome, DS_UNKNOWN);
    assert_non_null(strstr(err.message, "not moved"));
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_resolve__by_identity_needs_all_of_history(void **state)
{
    static const struct ds_property set[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "1"},
        {"write.metadata.previous-versions-max", "1"},
    };
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct ds_error err = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 4);
    for (int i = 0; i < 6; i++) {
        char path[40];
        snprintf(path, sizeof path, "memory:///t/data/%d", i);
        commit_as(t, NULL, path);
    }
    assert_int_equal(dsi_commit_resolve(t, unknown, 0, &r, &err), DS_OK); // The ledger.
    assert_int_equal(r.outcome, DS_NOT_COMMITTED);
    commit_as(t, "01890000-0000-7000-8000-000000000001", NULL);
    commit_as(t, NULL, "memory:///t/data/x"); // Now the log lacks how it began.
    assert_int_equal(dsi_commit_resolve(t, unknown, 0, &r, &err), DS_EUNKNOWN);
    assert_int_equal(r.outcome, DS_UNKNOWN);
    assert_string_equal(r.token, unknown);
    dsi_table_free(t);
    catalog_release(&c);

    catalog_init(&c);
    t = test_create(&c, set, 4);
    for (int i = 0; i < 6; i++) {
        char path[40];
        snprintf(path, sizeof path, "memory:///t/data/%d", i);
        commit_as(t, NULL, path);
    }
    test_lose_ledger(t);
    assert_int_equal(dsi_commit_resolve(t, unknown, 0, &r, &err), DS_EUNKNOWN);
    assert_non_null(strstr(err.message, "expired"));
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_resolve__finds_each_member_of_a_group_without_a_snapshot(void **state)
{
    static const char *const strangers[] = {"01890000-0000-7000-8000-00000000000a",
                                            "01890000-0000-7000-8000-00000000000b"};
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_blank(t, NULL);
    assert_int_equal(dsi_change_set_property(change, "k", "v", NULL), DS_OK);
    struct dsi_change *part = test_blank(t, NULL);
    assert_int_equal(dsi_change_set_property(part, "l", "w", NULL), DS_OK);
    assert_int_equal(dsi_change_add_member(part, strangers[0], NULL), DS_OK);
    char *ids[] = {strdup(change->identity), strdup(part->identity),
                   strdup(strangers[0])};
    assert_int_equal(dsi_change_add_part(change, part, NULL), DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    for (int round = 0; round < 2; round++) { // In the head; then in the version before.
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(dsi_commit_resolve(t, ids[i], 0, &r, NULL), DS_OK);
            assert_int_equal(r.outcome, DS_COMMITTED);
        }
        struct dsi_change *other = test_blank(t, NULL);
        assert_int_equal(dsi_change_set_property(other, "m", "x", NULL), DS_OK);
        assert_int_equal(dsi_commit(t, other, NULL, NULL, NULL), DS_OK);
        dsi_change_free(other);
    }
    for (size_t i = 0; i < 3; i++) {
        free(ids[i]);
    }
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve__refuses_what_is_no_token_or_is_of_another_table),
        cmocka_unit_test(test_resolve__says_no_once_somebody_else_has_committed),
        cmocka_unit_test(test_resolve__stays_unknown_while_nobody_answers),
        cmocka_unit_test(test_resolve__does_not_guess_when_history_was_expired),
        cmocka_unit_test(test_resolve__finds_commits_without_snapshots_too),
        cmocka_unit_test(test_resolve__finds_each_member_of_a_group_without_a_snapshot),
        cmocka_unit_test(test_resolve__answers_for_an_identity_alone),
        cmocka_unit_test(test_resolve__by_identity_settles_what_is_on_its_way),
        cmocka_unit_test(test_resolve__by_identity_needs_a_version_after_the_question),
        cmocka_unit_test(test_resolve__by_identity_needs_all_of_history),
    };
    test_clock_ticks();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
