// What the counters of a table say when those who count are killed.
#include "unit/api/fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/api_handle.h"
#include "datashard/stats.h"
#include "root_fixture.h"
#include "storage/storage_posix.h"
#include "storage/storage_queue_file.h"

enum { ROWS = 3 }; // Of each append.

// ---- Being killed ---------------------------------------------------------------------

// When a process dies by SIGKILL: at its nth write to a queue, or before it takes the
// lock under which counters are added to.
static struct {
    const struct dsi_posix_ops *real;
    uint32_t nth; // 0: never.
    bool after;
    bool counting;
} doom;

static void die(void)
{
    raise(SIGKILL);
}

static int64_t doomed_pwrite(int fd, const void *bytes, size_t size, uint64_t offset)
{
    const bool dies = doom.nth > 0 && --doom.nth == 0;

    if (dies && !doom.after) {
        die();
    }
    int64_t n = doom.real->pwrite(fd, bytes, size, offset);
    if (dies) {
        die();
    }
    return n;
}

static int doomed_lock_byte(int fd, uint64_t offset)
{
    if (doom.counting && offset == DSI_QUEUE_LOCK_COUNT) {
        die();
    }
    return doom.real->lock_byte(fd, offset);
}

static void doom_me(uint32_t nth, bool after, bool counting)
{
    static struct dsi_posix_ops ops;

    doom.real = dsi_posix();
    doom.nth = nth;
    doom.after = after;
    doom.counting = counting;
    ops = *doom.real;
    ops.pwrite = doomed_pwrite;
    ops.lock_byte = doomed_lock_byte;
    dsi_posix_set(&ops);
}

// ---- Tables and writers ---------------------------------------------------------------

// Where a table is: a path table, or one of an SQLite catalog.
struct home {
    bool sqlite;
    ds_catalog *catalog;
    ds_table *table;
};

static int home_open(struct home *h, bool create, struct ds_error *err)
{
    const struct ds_table_spec spec = {.struct_size = sizeof spec,
                                       .schema_json = FIXTURE_SCHEMA};
    char uri[600];
    int rc = DS_OK;

    if (!h->sqlite) {
        const char *path = storage_root_path(&root, "t");
        return create ? ds_table_create(path, &spec, &h->table, err)
                      : ds_table_open(path, &h->table, err);
    }
    snprintf(uri, sizeof uri, "sqlite:%s/c.db", root.dir);
    rc = ds_catalog_open(uri, NULL, &h->catalog, err);
    if (rc == DS_OK && create) {
        rc = ds_catalog_create_namespace(h->catalog, "a", NULL, err);
        rc = rc < 0 ? rc
                    : ds_catalog_create_table(h->catalog, "a.t", &spec, &h->table, err);
    } else if (rc == DS_OK) {
        rc = ds_catalog_open_table(h->catalog, "a.t", &h->table, err);
    }
    return rc;
}

static void home_close(struct home *h)
{
    ds_table_free(h->table);
    ds_catalog_free(h->catalog);
}

// Appends of the kind that is published also where its owner leads (it has a summary of
// its own), or of the one that is not.
static bool published;

static int append_some(struct fixture *f)
{
    const struct ds_property from = {"from", "test"};
    const struct ds_commit_options options = {.struct_size = sizeof options,
                                              .summary = {&from, published ? 1 : 0}};
    ds_txn *txn = NULL;
    int rc = ds_txn_begin(f->table, &options, &txn, &f->err);

    rc = rc < 0 ? rc : fixture_add(txn, f->table, "id,s\n1,a\n2,b\n3,c\n", &f->err);
    rc = rc < 0 ? rc : ds_txn_commit(txn, NULL, &f->err);
    ds_txn_free(txn);
    return rc;
}

// A process that appends; true when it came to its end.
static bool append(bool sqlite, uint32_t nth, bool after, bool counting)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct home h = {.sqlite = sqlite};
        struct fixture f = {0};
        doom_me(nth, after, counting);
        if (home_open(&h, false, &f.err) < 0) {
            _exit(1);
        }
        f.table = h.table;
        int rc = append_some(&f);
        home_close(&h);
        _exit(rc < 0 ? 1 : 0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    assert_true(killed || status == 0);
    return !killed;
}

// How many appends are in the table; `counted`: that is what the counters say.
static uint64_t appends_in(bool sqlite, bool counted)
{
    struct home h = {.sqlite = sqlite};
    struct ds_table_stats s = {.struct_size = sizeof s};
    struct ds_error err = {0};
    uint64_t waits = 0;

    assert_int_equal(home_open(&h, false, &err), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(h.table->table);
    const uint64_t appends = m->snapshot_count;
    dsi_metadata_unref(m);
    assert_int_equal(ds_table_stats(h.table, &s, &err), DS_OK);
    for (size_t i = 0; i < DS_STATS_WAIT_BINS; i++) {
        waits += s.wait_bins[i];
    }
    if (counted) {
        assert_int_equal(s.commits, appends);
        assert_int_equal(s.appends, appends);
        assert_int_equal(s.rows, appends * ROWS);
        assert_int_equal(s.group_bins[0], appends);
        assert_int_equal(s.swaps, appends);
        assert_int_equal(waits, appends);
        assert_int_equal(s.failed + s.lost + s.alone + s.takeovers, 0);
    }
    home_close(&h);
    return appends;
}

static void begin(bool sqlite)
{
    struct home h = {.sqlite = sqlite};
    struct ds_error err = {0};

    if (home_open(&h, true, &err) < 0) {
        fail_msg("%s", err.message);
    }
    home_close(&h);
    assert_true(append(sqlite, 0, false, false));
}

// ---- Tests ----------------------------------------------------------------------------

static void between_swap_and_counting(bool sqlite)
{
    begin(sqlite);
    assert_int_equal(appends_in(sqlite, true), 1);
    assert_false(append(sqlite, 0, false, true));
    assert_int_equal(appends_in(sqlite, false), 2);
    assert_true(append(sqlite, 0, false, false));
    assert_int_equal(appends_in(sqlite, true), 3);
}

static void test_stats_killed__a_version_is_counted_by_who_leads_next(void **state)
{
    (void)state;
    between_swap_and_counting(false);
}

static void test_stats_killed__that_is_so_in_an_sqlite_catalog(void **state)
{
    (void)state;
    between_swap_and_counting(true);
}

// A leader is killed at each of its writes to the queue, before it and after it; then all
// is counted that is in the table.
static void die_everywhere(uint32_t deaths_min)
{
    uint32_t deaths = 0;
    uint64_t landed = 0;

    begin(false);
    for (int after = 0; after < 2; after++) {
        uint64_t before = appends_in(false, true);
        for (uint32_t nth = 1; !append(false, nth, after, false); nth++) {
            deaths++;
            landed += appends_in(false, false) - before;
            assert_true(append(false, 0, false, false));
            before = appends_in(false, true);
        }
        assert_int_equal(appends_in(false, true), before + 1);
    }
    assert_true(deaths >= deaths_min);
    assert_true(landed > 2 && landed < deaths);
}

static void test_stats_killed__it_is_counted_whenever_the_leader_dies(void **state)
{
    (void)state;
    die_everywhere(10);
}

static void test_stats_killed__so_it_is_where_the_leader_has_published(void **state)
{
    (void)state;
    published = true;
    die_everywhere(20);
    published = false;
}

// The one who counts for a leader that was killed is killed at each of its writes, too.
static void test_stats_killed__it_is_counted_once_by_many_who_die(void **state)
{
    (void)state;

    begin(false);
    for (int after = 0; after < 2; after++) {
        for (uint32_t nth = 1;; nth++) {
            assert_false(append(false, 0, false, true));
            const bool over = append(false, nth, after, false);
            if (over) {
                appends_in(false, true);
                break;
            }
            assert_true(append(false, 0, false, false));
            appends_in(false, true);
        }
    }
}

// And all of them one after the other, of whom nobody comes to count.
static void test_stats_killed__it_is_counted_after_a_row_of_deaths(void **state)
{
    (void)state;

    begin(false);
    for (int after = 0; after < 2; after++) {
        assert_false(append(false, 0, false, true));
        for (uint32_t nth = 1; !append(false, nth, after, false); nth++) {
        }
        appends_in(false, true);
    }
}

int main(void)
{
#define KILLED_TEST(name) cmocka_unit_test_setup_teardown(name, make_root, end_root)
    static const struct CMUnitTest tests[] = {
        KILLED_TEST(test_stats_killed__a_version_is_counted_by_who_leads_next),
        KILLED_TEST(test_stats_killed__that_is_so_in_an_sqlite_catalog),
        KILLED_TEST(test_stats_killed__it_is_counted_whenever_the_leader_dies),
        KILLED_TEST(test_stats_killed__so_it_is_where_the_leader_has_published),
        KILLED_TEST(test_stats_killed__it_is_counted_once_by_many_who_die),
        KILLED_TEST(test_stats_killed__it_is_counted_after_a_row_of_deaths),
    };
    return cmocka_run_group_tests_name("stats_killed", tests, NULL, NULL);
}
