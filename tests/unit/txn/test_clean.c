#include "fixture.h"

#include "txn/clean.h"
#include "txn/loop.h"

static int count_file(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)path;
    (void)info;
    ++*(size_t *)arg;
    return DS_OK;
}

static int count_list(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)info;
    *(size_t *)arg += strstr(path, "/snap-") != NULL;
    return DS_OK;
}

static size_t files_in(struct dsi_catalog *c, const char *prefix)
{
    size_t n = 0;
    assert_int_equal(dsi_storage_list(c->storage, prefix, count_file, &n, NULL), DS_OK);
    return n;
}

// The first request is refused because somebody else was faster.
static void overtake(void *arg, const char *where)
{
    struct dsi_catalog *c = arg;
    if (strcmp(where, "swap") == 0) {
        c->step = NULL;
        struct dsi_table *t = test_open(c);
        struct dsi_change *other = test_change(t, NULL, "memory:///t/data/other", 1);
        assert_int_equal(dsi_commit(t, other, NULL, NULL, NULL), DS_OK);
        dsi_change_free(other);
        dsi_table_free(t);
    }
}

static void test_clean__lists_of_lost_attempts_go(void **state)
{
    struct dsi_catalog c;
    (void)state;
    catalog_init(&c);
    c.forgets_metadata = true;
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 5);
    c.step = overtake;
    c.arg = &c;
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    struct seen seen;
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.files, 2);
    size_t lists = 0; // One for each snapshot; the lost attempt's is gone.
    assert_int_equal(
        dsi_storage_list(c.storage, "memory:///t/metadata", count_list, &lists, NULL),
        DS_OK);
    assert_int_equal(lists, 2);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

// Found in the history as another run's: ours is waste, but not what a group was given.
static void found_elsewhere(bool offered, bool sent, bool stays)
{
    static const char id[] = "01890a5d-ac96-774b-bcce-b302099a8057";
    struct ds_commit_options o = {.struct_size = sizeof o, .identity = id};
    struct dsi_catalog c;
    struct dsi_attempts a;
    enum dsi_sighting sighting = DSI_SIGHT_STALE;
    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *first = test_change(t, &o, "memory:///t/data/a", 5);
    struct dsi_change *second = test_change(t, &o, "memory:///t/data/b", 5);
    assert_int_equal(dsi_commit(t, first, NULL, NULL, NULL), DS_OK);
    assert_int_equal(dsi_attempts_begin(&a, t, second, NULL), DS_OK);
    a.offered = offered;
    if (sent) { // By a group, which may still do so on this very head.
        const struct dsi_state *s = dsi_table_state(t);
        a.trail.sent = true;
        a.trail.base = dsi_mark_of(s);
        dsi_state_unref(s);
    }
    assert_int_equal(dsi_attempts_look(&a, &sighting, NULL), DS_OK);
    assert_int_equal(sighting, DSI_SIGHT_FOUND);
    dsi_clean_after_found(&a);
    assert_true(test_exists(c.storage, "memory:///t/data/a"));
    assert_int_equal(test_exists(c.storage, "memory:///t/data/b"), stays);
    dsi_attempts_release(&a);
    dsi_change_free(first);
    dsi_change_free(second);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_clean__another_runs_commit_makes_ours_waste(void **state)
{
    (void)state;
    found_elsewhere(false, false, false);
}

static void test_clean__what_a_group_was_given_stays(void **state)
{
    (void)state;
    found_elsewhere(true, false, true);
    found_elsewhere(true, true, true);
}

static void test_clean__what_no_request_of_ours_named_is_waste(void **state)
{
    (void)state;
    found_elsewhere(false, true, false);
}

static void test_clean__all_of_a_run_that_failed_goes(void **state)
{
    struct dsi_catalog c;
    struct dsi_attempts a;
    (void)state;
    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    size_t before = files_in(&c, "memory:///t/metadata");
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 5);
    assert_int_equal(dsi_attempts_begin(&a, t, change, NULL), DS_OK);
    assert_true(files_in(&c, "memory:///t/metadata") > before);
    dsi_clean_all(&a);
    assert_int_equal(files_in(&c, "memory:///t/metadata"), before);
    assert_false(test_exists(c.storage, "memory:///t/data/a"));
    dsi_attempts_release(&a);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean__lists_of_lost_attempts_go),
        cmocka_unit_test(test_clean__another_runs_commit_makes_ours_waste),
        cmocka_unit_test(test_clean__what_a_group_was_given_stays),
        cmocka_unit_test(test_clean__what_no_request_of_ours_named_is_waste),
        cmocka_unit_test(test_clean__all_of_a_run_that_failed_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
