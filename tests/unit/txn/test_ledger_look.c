#include "txn/ledger_look.h"

#include "fixture.h"
#include "txn/expire.h"

enum { COMMITS = 40 };

static const struct ds_property settings[] = {
    {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
    {DSI_KEY_EXPIRE_BATCH, "3"},
    {"history.expire.max-snapshot-age-ms", "1"},
    {"history.expire.min-snapshots-to-keep", "2"},
    {"write.metadata.previous-versions-max", "1"},
    {"write.metadata.delete-after-commit.enabled", "true"},
};

// A table that has forgotten most of its commits, and who they were.
static struct dsi_table *forgetful(struct dsi_catalog *c,
                                   char ids[COMMITS][DSI_UUID_TEXT_SIZE])
{
    catalog_init(c);
    struct dsi_table *t = test_create(c, settings, sizeof settings / sizeof settings[0]);
    for (int i = 0; i < COMMITS; i++) {
        char path[40];
        snprintf(path, sizeof path, "memory:///t/data/%d", i);
        struct dsi_change *change = test_change(t, NULL, path, 1);
        snprintf(ids[i], DSI_UUID_TEXT_SIZE, "01890000-0000-7000-8000-%012d", i);
        assert_int_equal(dsi_change_add_member(change, ids[i], NULL), DS_OK);
        assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
        if (i % 2) { // Some as themselves, some as members.
            memcpy(ids[i], change->identity, sizeof change->identity);
        }
        dsi_change_free(change);
    }
    return t;
}

static enum dsi_sighting look(struct dsi_catalog *c, struct dsi_table *t,
                              const char *identity, int64_t since, int64_t *number)
{
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_ledger_sight seen;
    struct dsi_identity id;
    assert_true(dsi_identity_of(identity, &id));
    assert_int_equal(dsi_ledger_look(c->storage, m, &id, since, &seen, NULL), DS_OK);
    dsi_metadata_unref(m);
    *number = seen.sequence_number;
    return seen.sighting;
}

static const char nobody[] = "01890000-0000-7000-8000-ffffffffffff";

static void test_ledger_look__finds_every_commit_that_ever_was(void **state)
{
    struct dsi_catalog c;
    char ids[COMMITS][DSI_UUID_TEXT_SIZE];
    int64_t number = 0;
    (void)state;

    struct dsi_table *t = forgetful(&c, ids);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    assert_in_range(m->snapshot_count, 2, 5);
    for (int i = 0; i < COMMITS; i++) {
        assert_int_equal(look(&c, t, ids[i], 0, &number), DSI_SIGHT_FOUND);
        assert_int_equal(number, i + 1);
    }
    for (int64_t since = -1; since <= COMMITS; since++) {
        assert_int_equal(look(&c, t, nobody, since, &number), DSI_SIGHT_ABSENT);
    }
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

// A job that runs again with its identity commits once, however long ago that was.
static void test_ledger_look__a_given_identity_is_committed_once(void **state)
{
    struct dsi_catalog c;
    char ids[COMMITS][DSI_UUID_TEXT_SIZE];
    (void)state;

    struct dsi_table *t = forgetful(&c, ids);
    for (int i = 0; i < COMMITS; i++) {
        struct ds_commit_options o = {.struct_size = sizeof o, .identity = ids[i]};
        struct ds_commit_result r = {.struct_size = sizeof r};
        char path[40];
        snprintf(path, sizeof path, "memory:///t/data/again-%d", i);
        struct dsi_change *change = test_change(t, &o, path, 1);
        assert_int_equal(dsi_commit(t, change, &o, &r, NULL), DS_OK);
        assert_int_equal(r.outcome, DS_COMMITTED);
        dsi_change_free(change);
        const struct dsi_metadata *m = dsi_table_metadata(t);
        assert_int_equal(m->last_sequence_number, COMMITS);
        dsi_metadata_unref(m);
    }
    dsi_table_free(t);
    catalog_release(&c);
}

static size_t list_ledger(struct dsi_table *t, char files[DSI_LEDGER_FILES_MAX][100])
{
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ledger ledger;
    dsi_ledger_of(m, &ledger);
    for (size_t i = 0; i < ledger.count; i++) {
        char *path = NULL;
        assert_int_equal(dsi_ledger_path(m, ledger.files[i].name, &arena, &path, NULL),
                         DS_OK);
        snprintf(files[i], sizeof files[i], "%s", path);
        assert_true(dsi_ledger_names(m, path));
        assert_true(test_exists(dsi_table_storage(t), path));
    }
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
    return ledger.count;
}

// (2) A loss makes answers unknown, never wrong; and nothing that is named twice stays.
static void test_ledger_look__says_broken_where_a_file_is_lost_or_damaged(void **state)
{
    struct dsi_catalog c;
    char ids[COMMITS][DSI_UUID_TEXT_SIZE];
    char files[DSI_LEDGER_FILES_MAX][100] = {{0}};
    int64_t number = 0;
    (void)state;

    struct dsi_table *t = forgetful(&c, ids);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    size_t count = list_ledger(t, files);
    assert_in_range(count, 2, 8);
    for (size_t damage = 0; damage < 2; damage++) {
        for (size_t i = 0; i < count; i++) {
            struct dsi_buf bytes = DSI_BUF_INIT;
            struct dsi_ledger_record r;
            int64_t low = INT64_MAX;
            int64_t high = 0;
            size_t at = 0;
            assert_int_equal(dsi_storage_read(c.storage, files[i], &bytes, NULL), DS_OK);
            while (dsi_ledger_next(dsi_buf_slice(&bytes), m->table_uuid, &at, &r, NULL) ==
                   DS_ROW) {
                low = r.sequence_number < low ? r.sequence_number : low;
                high = r.sequence_number > high ? r.sequence_number : high;
            }
            assert_int_equal(dsi_storage_remove(c.storage, files[i], NULL), DS_OK);
            if (damage) {
                struct ds_slice half = {bytes.data, bytes.size - 1};
                assert_int_equal(dsi_storage_put(c.storage, files[i], half, 0, NULL),
                                 DS_OK);
            }
            assert_int_equal(look(&c, t, nobody, 0, &number), DSI_SIGHT_BROKEN);
            assert_int_equal(look(&c, t, nobody, high - 1, &number), DSI_SIGHT_BROKEN);
            assert_int_equal(look(&c, t, nobody, high, &number), DSI_SIGHT_ABSENT);
            for (int k = 0; k < COMMITS; k++) {
                bool lost = k + 1 >= low && k + 1 <= high;
                assert_int_equal(look(&c, t, ids[k], 0, &number),
                                 lost ? DSI_SIGHT_BROKEN : DSI_SIGHT_FOUND);
            }
            if (damage) {
                assert_int_equal(dsi_storage_remove(c.storage, files[i], NULL), DS_OK);
            }
            assert_int_equal(
                dsi_storage_put(c.storage, files[i], dsi_buf_slice(&bytes), 0, NULL),
                DS_OK);
            dsi_buf_release(&bytes);
        }
    }
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

// A lost file stops no commit, and what comes after it is kept as before.
static void test_ledger_look__commits_go_on_without_their_ledger(void **state)
{
    struct dsi_catalog c;
    char ids[COMMITS][DSI_UUID_TEXT_SIZE];
    char files[DSI_LEDGER_FILES_MAX][100] = {{0}};
    int64_t number = 0;
    (void)state;

    struct dsi_table *t = forgetful(&c, ids);
    size_t count = list_ledger(t, files);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(dsi_storage_remove(c.storage, files[i], NULL), DS_OK);
    }
    for (int i = 0; i < 20; i++) {
        char path[40];
        snprintf(path, sizeof path, "memory:///t/data/more-%d", i);
        struct dsi_change *change = test_change(t, NULL, path, 1);
        assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
        dsi_change_free(change);
    }
    assert_int_equal(look(&c, t, nobody, 0, &number), DSI_SIGHT_BROKEN);
    assert_int_equal(look(&c, t, nobody, COMMITS, &number), DSI_SIGHT_ABSENT);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger_look__finds_every_commit_that_ever_was),
        cmocka_unit_test(test_ledger_look__a_given_identity_is_committed_once),
        cmocka_unit_test(test_ledger_look__says_broken_where_a_file_is_lost_or_damaged),
        cmocka_unit_test(test_ledger_look__commits_go_on_without_their_ledger),
    };
    test_clock_ticks();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
