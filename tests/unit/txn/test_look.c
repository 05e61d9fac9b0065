#include "fixture.h"
#include "txn/expire.h"

static struct dsi_trail some_trail(void)
{
    return (struct dsi_trail){
        .identity = "01890000-0000-7000-8000-00000000abcd",
        .nonce = "0badcafe",
        .table_uuid = "11111111-2222-4333-8444-555555555555",
        .makes_snapshot = true,
        .looked = {UINT64_C(0xfedcba9876543210), -1, 17, 1700000000000},
        .sent = true,
        .base = {1, 42, INT64_MAX, 0},
    };
}

static void test_look__tokens_are_read_back(void **state)
{
    struct dsi_trail t = some_trail();
    struct dsi_trail back;
    char token[DSI_TOKEN_SIZE];
    (void)state;

    dsi_trail_format(&t, token);
    print_message("  %s\n", token);
    assert_int_equal(dsi_trail_parse(token, &back, NULL), DS_OK);
    assert_memory_equal(&t.looked, &back.looked, sizeof t.looked);
    assert_memory_equal(&t.base, &back.base, sizeof t.base);
    assert_string_equal(back.identity, t.identity);
    assert_string_equal(back.nonce, t.nonce);
    assert_string_equal(back.table_uuid, t.table_uuid);
    assert_true(back.makes_snapshot && back.sent);
}

static void test_look__tokens_that_were_touched_are_refused(void **state)
{
    struct dsi_trail t = some_trail();
    struct dsi_trail back;
    struct ds_error err = {0};
    char token[DSI_TOKEN_SIZE];
    (void)state;

    dsi_trail_format(&t, token);
    size_t n = strlen(token);
    for (size_t i = 0; i < n; i++) {
        char was = token[i];
        token[i] = was == '1' ? '2' : '1';
        assert_int_equal(dsi_trail_parse(token, &back, &err), DS_EINVALID);
        token[i] = '\0'; // Cut.
        assert_int_equal(dsi_trail_parse(token, &back, &err), DS_EINVALID);
        token[i] = was;
    }
    assert_int_equal(dsi_trail_parse("", &back, &err), DS_EINVALID);
    assert_int_equal(dsi_trail_parse(NULL, &back, &err), DS_EINVALID);
    assert_int_equal(dsi_trail_parse("....................", &back, &err), DS_EINVALID);
}

// A table with `count` snapshots; the newest state.
static const struct dsi_state *grow(struct dsi_table *t, int count)
{
    char path[64];
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "memory:///t/data/%d-%u", i, (unsigned)rand());
        struct dsi_change *c = test_change(t, NULL, path, 1);
        assert_int_equal(dsi_commit(t, c, NULL, NULL, NULL), DS_OK);
        dsi_change_free(c);
    }
    return dsi_table_state(t);
}

static enum dsi_sighting look(ds_storage *storage, const struct dsi_state *s,
                              struct dsi_trail *trail)
{
    struct dsi_sight sight;
    assert_int_equal(dsi_look(storage, s, trail, &sight, NULL), DS_OK);
    return sight.sighting;
}

static void test_look__claims_absence_only_over_whole_history(void **state)
{
    static const struct ds_property expiring[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "2"},
        {"write.metadata.previous-versions-max", "3"},
    };
    struct dsi_trail trail = some_trail();
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, expiring, 4);
    const struct dsi_state *old = grow(t, 2);
    trail.looked = trail.base = dsi_mark_of(old);
    assert_int_equal(look(c.storage, old, &trail), DSI_SIGHT_ABSENT);
    const struct dsi_state *next = grow(t, 1);
    struct dsi_trail again = trail;
    assert_int_equal(look(c.storage, next, &again), DSI_SIGHT_ABSENT);
    assert_int_equal(again.looked.sequence_number, 3); // Looked that far.
    assert_int_equal(look(c.storage, old, &again), DSI_SIGHT_STALE);
    const struct dsi_state *late = grow(t, 9);
    assert_true(late->metadata->snapshot_count < 9);
    again = trail;
    assert_int_equal(look(c.storage, late, &again), DSI_SIGHT_ABSENT); // By the ledger.
    test_lose_ledger(t);
    assert_int_equal(look(c.storage, late, &trail), DSI_SIGHT_BROKEN);
    assert_int_equal(trail.looked.sequence_number, 2); // Not further than that.
    trail.sent = false; // Nothing left, so nothing can be in the gap.
    assert_int_equal(look(c.storage, late, &trail), DSI_SIGHT_ABSENT);
    dsi_state_unref(old);
    dsi_state_unref(next);
    dsi_state_unref(late);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_look__asks_the_versions_where_snapshots_were_expired(void **state)
{
    static const struct ds_property expiring[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "1"},
    };
    struct dsi_trail trail = some_trail();
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, expiring, 3);
    const struct dsi_state *old = grow(t, 2);
    struct dsi_change *mine = test_change(t, NULL, "memory:///t/data/mine", 1);
    assert_int_equal(dsi_commit(t, mine, NULL, NULL, NULL), DS_OK);
    const struct dsi_state *late = grow(t, 9);
    assert_true(late->metadata->snapshot_count < 5);
    trail.looked = trail.base = dsi_mark_of(old);
    struct dsi_trail other = trail;
    assert_int_equal(look(c.storage, late, &trail), DSI_SIGHT_ABSENT);
    memcpy(other.identity, mine->identity, sizeof other.identity);
    assert_int_equal(look(c.storage, late, &other), DSI_SIGHT_FOUND);
    dsi_change_free(mine);
    dsi_state_unref(old);
    dsi_state_unref(late);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_look__orders_versions(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *a = grow(t, 1);
    const struct dsi_state *b = grow(t, 1);
    struct dsi_change *change = NULL;
    assert_int_equal(dsi_change_new(b, NULL, &change, NULL), DS_OK);
    assert_int_equal(dsi_change_set_property(change, "x", "y", NULL), DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    const struct dsi_state *d = dsi_table_state(t);
    struct dsi_mark marks[3] = {dsi_mark_of(a), dsi_mark_of(b), dsi_mark_of(d)};
    const struct dsi_state *states[3] = {a, b, d};
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) {
            assert_int_equal(dsi_state_is_newer(states[i], &marks[k]), i > k);
        }
    }
    // Of a version that the log forgot, its number and its time have to agree.
    struct dsi_state numbered = *d;
    struct dsi_mark forgotten = {1, 4, marks[2].sequence_number, marks[2].updated_ms};
    numbered.head.version = 5;
    assert_true(dsi_state_is_newer(&numbered, &forgotten));
    forgotten.updated_ms++;
    assert_false(dsi_state_is_newer(&numbered, &forgotten));
    for (int i = 0; i < 3; i++) {
        dsi_state_unref(states[i]);
    }
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static struct dsi_trail trail_of(const char *identity, const struct dsi_state *since,
                                 bool makes_snapshot)
{
    struct dsi_trail t = some_trail();
    snprintf(t.identity, sizeof t.identity, "%s", identity);
    t.makes_snapshot = makes_snapshot;
    t.looked = t.base = dsi_mark_of(since);
    return t;
}

static void test_look__finds_members_of_a_group(void **state)
{
    static const char *const ids[] = {"01890000-0000-7000-8000-00000000000a",
                                      "01890000-0000-7000-8000-00000000000b",
                                      "01890000-0000-7000-8000-00000000000c"};
    struct dsi_catalog c;
    struct dsi_sight sight;
    enum dsi_sighting sighting = DSI_SIGHT_STALE;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *before = dsi_table_state(t);
    struct dsi_mark since = dsi_mark_of(before);
    struct dsi_change *group = test_change(t, NULL, "memory:///t/data/a", 1);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(dsi_change_add_member(group, ids[i], NULL), DS_OK);
    }
    assert_int_equal(dsi_commit(t, group, NULL, NULL, NULL), DS_OK);
    dsi_state_unref(grow(t, 2));
    const struct dsi_state *s = dsi_table_state(t);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(dsi_state_has(s, ids[i], &since, &sighting), i < 2);
        assert_int_equal(sighting, i < 2 ? DSI_SIGHT_FOUND : DSI_SIGHT_ABSENT);
        for (int makes = 0; makes < 2; makes++) { // A member may have brought no files.
            struct dsi_trail trail = trail_of(ids[i], before, makes);
            assert_int_equal(dsi_look(c.storage, s, &trail, &sight, NULL), DS_OK);
            assert_int_equal(sight.sighting, i < 2 ? DSI_SIGHT_FOUND : DSI_SIGHT_ABSENT);
            if (i < 2) {
                assert_int_equal(sight.snapshot->sequence_number, 1);
            }
        }
    }
    struct dsi_mark now = dsi_mark_of(s);
    assert_false(dsi_state_has(before, ids[0], &now, &sighting));
    assert_int_equal(sighting, DSI_SIGHT_STALE);
    dsi_state_unref(s);
    dsi_state_unref(before);
    dsi_change_free(group);
    dsi_table_free(t);
    catalog_release(&c);
}

// Their version's name is the group's, and the property has been set anew since.
static void test_look__finds_property_changes_of_a_group_in_older_versions(void **state)
{
    static const char member[] = "01890000-0000-7000-8000-00000000000a";
    static const char nobody[] = "01890000-0000-7000-8000-00000000000b";
    struct dsi_catalog c;
    struct dsi_sight sight;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *before = dsi_table_state(t);
    for (int i = 0; i < 2; i++) {
        struct dsi_change *group = test_blank(t, NULL);
        assert_int_equal(dsi_change_set_property(group, "k", i ? "w" : "v", NULL), DS_OK);
        if (i == 0) {
            assert_int_equal(dsi_change_add_member(group, member, NULL), DS_OK);
        }
        assert_int_equal(dsi_commit(t, group, NULL, NULL, NULL), DS_OK);
        const struct dsi_state *s = dsi_table_state(t);
        struct dsi_trail trail = trail_of(member, before, false);
        assert_int_equal(dsi_look(c.storage, s, &trail, &sight, NULL), DS_OK);
        assert_int_equal(sight.sighting, DSI_SIGHT_FOUND);
        trail = trail_of(nobody, before, false);
        assert_int_equal(dsi_look(c.storage, s, &trail, &sight, NULL), DS_OK);
        assert_int_equal(sight.sighting, DSI_SIGHT_ABSENT);
        dsi_state_unref(s);
        dsi_change_free(group);
    }
    dsi_state_unref(before);
    dsi_table_free(t);
    catalog_release(&c);
}

// Its run is over, and nothing was ever sent by this one: the ledger still knows.
static void test_look__asks_the_ledger_for_an_identity_that_was_given(void **state)
{
    static const struct ds_property expiring[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "1"},
        {"write.metadata.previous-versions-max", "2"},
    };
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, expiring, 4);
    const struct dsi_state *old = grow(t, 1);
    struct dsi_change *mine = test_change(t, NULL, "memory:///t/data/mine", 1);
    assert_int_equal(dsi_commit(t, mine, NULL, NULL, NULL), DS_OK);
    const struct dsi_state *late = grow(t, 9);
    struct dsi_trail trail = trail_of(mine->identity, old, true);
    trail.sent = false;
    trail.given = true;
    assert_int_equal(look(c.storage, late, &trail), DSI_SIGHT_FOUND);
    dsi_change_free(mine);
    dsi_state_unref(old);
    dsi_state_unref(late);
    dsi_table_free(t);
    catalog_release(&c);
}

// Another program may have dropped the property; the file's name stays.
static void test_look__knows_the_heads_own_name(void **state)
{
    static const char mine[] = "01890000-0000-7000-8000-00000000000a";
    struct dsi_catalog c;
    char name[200];
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *before = grow(t, 1);
    const struct dsi_state *after = grow(t, 1);
    struct dsi_state named = *after;
    struct dsi_trail trail = trail_of(mine, before, false);
    assert_int_equal(look(c.storage, after, &trail), DSI_SIGHT_ABSENT);
    trail = trail_of(mine, before, false);
    snprintf(name, sizeof name, "memory:///t/metadata/00002-%s.metadata.json", mine);
    named.head.metadata_location = name;
    assert_int_equal(look(c.storage, &named, &trail), DSI_SIGHT_FOUND);
    dsi_state_unref(before);
    dsi_state_unref(after);
    dsi_table_free(t);
    catalog_release(&c);
}

// A sequence number that stands there twice does not stand in for one that is missing.
static void test_look__counts_a_sequence_number_once(void **state)
{
    struct dsi_catalog c;
    enum dsi_sighting sighting = DSI_SIGHT_STALE;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *before = dsi_table_state(t);
    const struct dsi_state *after = grow(t, 3);
    const struct dsi_mark since = dsi_mark_of(before);
    const struct dsi_metadata *m = after->metadata;
    const struct dsi_snapshot *twice[] = {m->snapshots[1], m->snapshots[2],
                                          m->snapshots[2]};
    struct dsi_metadata other = *m;
    struct dsi_state odd = *after;
    const char *nobody = "01890000-0000-7000-8000-00000000000b";
    assert_false(dsi_state_has(after, nobody, &since, &sighting));
    assert_int_equal(sighting, DSI_SIGHT_ABSENT);
    other.snapshots = twice;
    odd.metadata = &other;
    assert_false(dsi_state_has(&odd, nobody, &since, &sighting));
    assert_int_equal(sighting, DSI_SIGHT_BROKEN);
    dsi_state_unref(before);
    dsi_state_unref(after);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look__tokens_are_read_back),
        cmocka_unit_test(test_look__tokens_that_were_touched_are_refused),
        cmocka_unit_test(test_look__claims_absence_only_over_whole_history),
        cmocka_unit_test(test_look__asks_the_versions_where_snapshots_were_expired),
        cmocka_unit_test(test_look__orders_versions),
        cmocka_unit_test(test_look__finds_members_of_a_group),
        cmocka_unit_test(test_look__finds_property_changes_of_a_group_in_older_versions),
        cmocka_unit_test(test_look__asks_the_ledger_for_an_identity_that_was_given),
        cmocka_unit_test(test_look__knows_the_heads_own_name),
        cmocka_unit_test(test_look__counts_a_sequence_number_once),
    };
    test_clock_ticks();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
