#include "catalog/catalog_sqlite.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/trouble.h"
#include "cancel_asks.h"
#include "posix_double.h"
#include "sql_double.h"
#include "storage_root.h"

static struct storage_root root;
static struct dsi_sqlite c;
static sqlite3 *other; // Another program's connection.
static char path[512];

static int make(void **state)
{
    (void)state;
    memset(&c, 0, sizeof c);
    if (!storage_root_make(&root, "file")) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/c.db", root.dir);
    c.path = path;
    c.busy_ns = 30000000;
    sql_double_start();
    return sqlite3_open(path, &other) == SQLITE_OK &&
                   sqlite3_exec(other, "CREATE TABLE t(x)", NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    dsi_sqlite_close(&c);
    sqlite3_close(other);
    sql_double_stop();
    storage_root_remove(&root);
    return 0;
}

static int ready(struct ds_error *err)
{
    bool fresh = false;
    return dsi_sqlite_ready(&c, &fresh, err);
}

static int insert(struct ds_error *err)
{
    const struct dsi_sqlite_call call = {.slot = 10, .sql = "INSERT INTO t VALUES (1)"};
    return dsi_sqlite_run(&c, &call, NULL, err);
}

static int tell_count(void *arg, int columns, char **texts, char **names)
{
    (void)columns;
    (void)names;
    *(int *)arg = texts[0][0] - '0';
    return 0;
}

// As another program sees it.
static int rows(void)
{
    int count = -1;
    sqlite3_exec(other, "SELECT count(*) FROM t", tell_count, &count, NULL);
    return count;
}

static void test_catalog_sqlite__commits_what_others_then_see(void **state)
{
    (void)state;
    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_begin(&c, NULL), DS_OK);
    assert_int_equal(insert(NULL), DS_OK);
    assert_int_equal(rows(), 0);
    assert_int_equal(dsi_sqlite_commit(&c, NULL), DS_OK);
    assert_int_equal(rows(), 1);
    assert_int_equal(dsi_sqlite_begin(&c, NULL), DS_OK);
    assert_int_equal(insert(NULL), DS_OK);
    dsi_sqlite_rollback(&c);
    assert_int_equal(rows(), 1);
}

static void test_catalog_sqlite__keeps_a_rollback_journal_and_syncs_it(void **state)
{
    char journal[600];
    sqlite3_stmt *st = NULL;
    (void)state;

    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_begin(&c, NULL), DS_OK);
    assert_int_equal(insert(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_commit(&c, NULL), DS_OK);
    snprintf(journal, sizeof journal, "%s-journal", path);
    assert_int_equal(access(journal, F_OK), 0); // PERSIST leaves it.
    assert_int_equal(sqlite3_prepare_v2(c.db, "PRAGMA synchronous", -1, &st, NULL), 0);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), 2); // FULL
    sqlite3_finalize(st);
}

static int warnings;

static void count_warning(enum ds_log_level level, const char *line, void *arg)
{
    (void)arg;
    warnings += level == DS_LOG_WARN && strstr(line, "WAL") != NULL;
}

static void test_catalog_sqlite__leaves_a_wal_database_in_wal_mode(void **state)
{
    char wal[600];
    (void)state;

    assert_int_equal(sqlite3_exec(other, "PRAGMA journal_mode=WAL", NULL, NULL, NULL), 0);
    assert_int_equal(sqlite3_exec(other, "INSERT INTO t VALUES (0)", NULL, NULL, NULL),
                     0);
    warnings = 0;
    dsi_log_set(DS_LOG_WARN, count_warning, NULL);
    assert_int_equal(ready(NULL), DS_OK);
    dsi_log_set(DS_LOG_WARN, NULL, NULL);
    assert_true(c.is_wal);
    assert_int_equal(warnings, sqlite3_libversion_number() < 3051003 ? 1 : 0);
    assert_int_equal(dsi_sqlite_begin(&c, NULL), DS_OK);
    assert_int_equal(insert(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_commit(&c, NULL), DS_OK);
    assert_int_equal(rows(), 2);
    snprintf(wal, sizeof wal, "%s-wal", path);
    assert_int_equal(access(wal, F_OK), 0);
}

static void test_catalog_sqlite__waits_for_a_writer_and_then_says_so(void **state)
{
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), 0);
    int64_t start = dsi_clock_monotonic_ns();
    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_begin(&c, &err), DS_EIO);
    assert_non_null(strstr(err.message, "locked for 30 ms"));
    assert_true(dsi_clock_monotonic_ns() - start >= 30000000);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), 0);
    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_begin(&c, &err), DS_OK);
    dsi_sqlite_rollback(&c);
}

static void test_catalog_sqlite__commits_again_after_a_reader(void **state)
{
    (void)state;
    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_begin(&c, NULL), DS_OK);
    assert_int_equal(insert(NULL), DS_OK);
    sql_double_fail("COMMIT", 1, SQLITE_BUSY, false);
    assert_int_equal(dsi_sqlite_commit(&c, NULL), DS_OK);
    assert_int_equal(sql_double.seen, 2);
    assert_int_equal(rows(), 1);
}

static void test_catalog_sqlite__rolls_back_when_a_reader_does_not_go(void **state)
{
    struct ds_error err = {0};
    sqlite3_stmt *reader = NULL;
    (void)state;

    assert_int_equal(sqlite3_exec(other, "INSERT INTO t VALUES (0)", NULL, NULL, NULL),
                     0);
    assert_int_equal(sqlite3_prepare_v2(other, "SELECT x FROM t", -1, &reader, NULL), 0);
    assert_int_equal(sqlite3_step(reader), SQLITE_ROW); // It holds its lock.
    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_begin(&c, NULL), DS_OK);
    assert_int_equal(insert(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_commit(&c, &err), DS_EIO);
    sqlite3_finalize(reader);
    assert_int_equal(rows(), 1);
    assert_int_equal(dsi_sqlite_begin(&c, NULL), DS_OK); // The connection is fine.
    dsi_sqlite_rollback(&c);
}

// A reader that wants to write, too, will not go before we do: waiting would be for ever.
static void
test_catalog_sqlite__gives_way_to_a_reader_long_before_its_own_end(void **state)
{
    struct ds_error err = {0};
    sqlite3_stmt *reader = NULL;
    (void)state;

    assert_int_equal(sqlite3_exec(other, "INSERT INTO t VALUES (0)", NULL, NULL, NULL),
                     0);
    assert_int_equal(sqlite3_prepare_v2(other, "SELECT x FROM t", -1, &reader, NULL), 0);
    assert_int_equal(sqlite3_step(reader), SQLITE_ROW);
    c.busy_ns = INT64_C(3600000000000);
    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_begin(&c, NULL), DS_OK);
    assert_int_equal(insert(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_commit(&c, &err), DS_ECONFLICT);
    assert_int_equal(sqlite3_exec(other, "INSERT INTO t VALUES (7)", NULL, NULL, NULL),
                     0); // The reader can write now.
    sqlite3_finalize(reader);
    assert_int_equal(rows(), 2);
}

static void test_catalog_sqlite__does_not_know_after_an_error_of_a_commit(void **state)
{
    (void)state;
    for (int after = 0; after < 2; after++) {
        struct ds_error err = {0};
        assert_int_equal(ready(NULL), DS_OK);
        assert_int_equal(dsi_sqlite_begin(&c, NULL), DS_OK);
        assert_int_equal(insert(NULL), DS_OK);
        sql_double_fail("COMMIT", 1, SQLITE_IOERR, after);
        assert_int_equal(dsi_sqlite_commit(&c, &err), DS_EUNKNOWN);
        assert_null(c.db); // So nothing is on its way.
        assert_int_equal(rows(), after);
    }
}

static void test_catalog_sqlite__leaves_the_parents_connection_alone(void **state)
{
    int status = 0;
    (void)state;

    assert_int_equal(ready(NULL), DS_OK);
    sqlite3 *parents = c.db;
    pid_t child = fork();
    if (child == 0) {
        bool fresh = false;
        int rc = dsi_sqlite_ready(&c, &fresh, NULL);
        _exit(rc == DS_OK && fresh && c.db != parents ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(dsi_sqlite_begin(&c, NULL), DS_OK);
    dsi_sqlite_rollback(&c);
}

static void test_catalog_sqlite__says_what_sqlite_said(void **state)
{
    const struct {
        int code;
        int status;
    } map[] = {{SQLITE_NOMEM, DS_ENOMEM},      {SQLITE_FULL, DS_ENOSPACE},
               {SQLITE_READONLY, DS_EDENIED},  {SQLITE_CORRUPT, DS_ECORRUPT},
               {SQLITE_IOERR_FSYNC, DS_EIO},   {SQLITE_NOTADB, DS_ECORRUPT},
               {SQLITE_CONSTRAINT, DS_EEXISTS}};
    (void)state;

    assert_int_equal(ready(NULL), DS_OK);
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
        struct ds_error err = {0};
        sql_double_fail("INSERT", 1, map[i].code, false);
        assert_int_equal(insert(&err), map[i].status);
        assert_non_null(strstr(err.message, path));
    }
}

static void
test_catalog_sqlite__a_journal_that_is_anothers_is_no_fault_of_the_disk(void **state)
{
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(ready(NULL), DS_OK);
    posix_double_start("open", 1, -EACCES);
    sql_double_fail("INSERT", 1, SQLITE_IOERR_WRITE, false);
    int rc = insert(&err);
    posix_double_stop();
    assert_int_equal(rc, DS_EDENIED);
    assert_non_null(strstr(err.message, "-journal"));
    assert_int_equal(insert(NULL), DS_OK);
}

static void test_catalog_sqlite__waiting_for_others_may_be_cancelled(void **state)
{
    struct asks asks = {.after_ns = asks_now_ns() + 30000000};
    struct ds_cancel_scope cancel = {.cancelled = asks_cancelled, .arg = &asks};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), 0);
    c.busy_ns = INT64_C(3600000000000);
    dsi_cancel_begin(&cancel);
    int rc = ready(&err); // Opening reads the database.
    rc = rc < 0 ? rc : dsi_sqlite_begin(&c, &err);
    assert_int_equal(rc, DS_ECANCELLED);
    assert_true(asks_now_ns() - asks.said_ns < 100000000);
    dsi_cancel_end(&cancel);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), 0);
    assert_int_equal(ready(&err), DS_OK);
    assert_int_equal(dsi_sqlite_begin(&c, &err), DS_OK);
    assert_int_equal(insert(&err), DS_OK);
    assert_int_equal(dsi_sqlite_commit(&c, &err), DS_OK);
    assert_int_equal(rows(), 1);
}

// Time that passes only where somebody sleeps.
static int64_t slept_ns;

static int64_t slept_so_far(void)
{
    return slept_ns;
}

static void sleep_fast(int64_t ns)
{
    slept_ns += ns;
}

struct watcher {
    int told;
    int64_t first_at_ns;
    struct ds_error last;
};

static void let_go_when_told(void *arg, const struct ds_error *why)
{
    struct watcher *w = arg;
    w->last = *why;
    w->first_at_ns = w->told == 0 ? slept_ns : w->first_at_ns;
    if (++w->told == 3) {
        assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), 0);
    }
}

static void test_catalog_sqlite__tells_for_how_long_it_is_held_up(void **state)
{
    static const struct dsi_clock_ops clock = {slept_so_far, slept_so_far};
    static const struct dsi_sleep_ops sleeping = {sleep_fast};
    struct watcher w = {0};
    struct dsi_trouble trouble = {.told = let_go_when_told, .arg = &w};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), 0);
    c.busy_ns = INT64_C(30000000000);
    dsi_clock_set(&clock);
    dsi_sleep_set(&sleeping);
    dsi_trouble_begin(&trouble);
    int rc = ready(&err);
    rc = rc < 0 ? rc : dsi_sqlite_begin(&c, &err);
    dsi_trouble_end(&trouble);
    dsi_clock_set(NULL);
    dsi_sleep_set(NULL);
    assert_int_equal(rc, DS_OK);
    assert_int_equal(w.told, 3);
    assert_in_range(w.first_at_ns, DSI_TROUBLE_NS, DSI_TROUBLE_NS + 100000000);
    assert_int_equal(w.last.status, DS_EIO);
    assert_non_null(
        strstr(w.last.message, "another connection has kept it locked for 10"));
    dsi_sqlite_rollback(&c);
}

static int warned;

static void count_warnings(enum ds_log_level level, const char *line, void *arg)
{
    (void)arg;
    warned += level == DS_LOG_WARN && strstr(line, "kept it locked for");
}

// Nobody listens: the log is told after two seconds, and every ten.
static void test_catalog_sqlite__a_long_wait_is_in_the_log(void **state)
{
    static const struct dsi_clock_ops clock = {slept_so_far, slept_so_far};
    static const struct dsi_sleep_ops sleeping = {sleep_fast};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), 0);
    c.busy_ns = INT64_C(25000000000);
    warned = 0;
    ds_log_set(DS_LOG_WARN, count_warnings, NULL);
    dsi_clock_set(&clock);
    dsi_sleep_set(&sleeping);
    int rc = ready(&err);
    rc = rc < 0 ? rc : dsi_sqlite_begin(&c, &err);
    dsi_clock_set(NULL);
    dsi_sleep_set(NULL);
    ds_log_set(DS_LOG_WARN, NULL, NULL);
    assert_int_equal(rc, DS_EIO);
    assert_int_equal(warned, 3); // At 2, 12 and 22 seconds.
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), 0);
}

// Locks the database as SQLite does for a transaction that writes, until it is killed.
static void hold_reserved(int ready_fd)
{
    struct flock reserved = {.l_type = F_WRLCK, .l_start = 0x40000001, .l_len = 1};
    int fd = open(c.path, O_RDWR);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fcntl(fd, F_SETLK, &reserved) == 0 && write(ready_fd, "", 1) == 1) {
        raise(SIGSTOP);
    }
    _exit(1);
}

static void test_catalog_sqlite__tells_who_keeps_it_locked(void **state)
{
    struct ds_error err = {0};
    char wanted[96];
    int gate[2];
    int status = 0;
    (void)state;

    if (access("/proc/locks", R_OK) != 0) {
        skip();
    }
    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(pipe(gate), 0);
    pid_t child = fork();
    if (child == 0) {
        hold_reserved(gate[1]);
    }
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    c.busy_ns = 1000000;
    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_begin(&c, &err), DS_EIO);
    snprintf(wanted, sizeof wanted, "process %d (", (int)child);
    assert_non_null(strstr(err.message, wanted));
    assert_non_null(strstr(err.message, ", stopped) has kept it locked for 1 ms;"));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    c.busy_ns = INT64_C(30000000000);
    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_begin(&c, &err), DS_OK);
    dsi_sqlite_rollback(&c);
    close(gate[0]);
    close(gate[1]);
}

// A reader holds up COMMIT: cancelled, the transaction is rolled back, and is known to
// be.
static void test_catalog_sqlite__a_commit_held_up_may_be_cancelled(void **state)
{
    struct asks asks = {.yes_at = 2};
    struct ds_cancel_scope cancel = {.cancelled = asks_cancelled, .arg = &asks};
    struct ds_error err = {0};
    sqlite3_stmt *reader = NULL;
    (void)state;

    assert_int_equal(sqlite3_exec(other, "INSERT INTO t VALUES (0)", NULL, NULL, NULL),
                     0);
    assert_int_equal(sqlite3_prepare_v2(other, "SELECT x FROM t", -1, &reader, NULL), 0);
    assert_int_equal(sqlite3_step(reader), SQLITE_ROW);
    assert_int_equal(ready(NULL), DS_OK);
    assert_int_equal(dsi_sqlite_begin(&c, NULL), DS_OK);
    assert_int_equal(insert(NULL), DS_OK);
    dsi_cancel_begin(&cancel);
    assert_int_equal(dsi_sqlite_commit(&c, &err), DS_ECANCELLED);
    dsi_cancel_end(&cancel);
    sqlite3_finalize(reader);
    assert_int_equal(rows(), 1);
}

#define SQLITE_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SQLITE_TEST(test_catalog_sqlite__commits_what_others_then_see),
        SQLITE_TEST(test_catalog_sqlite__keeps_a_rollback_journal_and_syncs_it),
        SQLITE_TEST(test_catalog_sqlite__leaves_a_wal_database_in_wal_mode),
        SQLITE_TEST(test_catalog_sqlite__waits_for_a_writer_and_then_says_so),
        SQLITE_TEST(test_catalog_sqlite__commits_again_after_a_reader),
        SQLITE_TEST(test_catalog_sqlite__rolls_back_when_a_reader_does_not_go),
        SQLITE_TEST(test_catalog_sqlite__gives_way_to_a_reader_long_before_its_own_end),
        SQLITE_TEST(test_catalog_sqlite__waiting_for_others_may_be_cancelled),
        SQLITE_TEST(test_catalog_sqlite__tells_for_how_long_it_is_held_up),
        SQLITE_TEST(test_catalog_sqlite__a_long_wait_is_in_the_log),
        SQLITE_TEST(test_catalog_sqlite__tells_who_keeps_it_locked),
        SQLITE_TEST(test_catalog_sqlite__a_commit_held_up_may_be_cancelled),
        SQLITE_TEST(test_catalog_sqlite__does_not_know_after_an_error_of_a_commit),
        SQLITE_TEST(test_catalog_sqlite__leaves_the_parents_connection_alone),
        SQLITE_TEST(test_catalog_sqlite__says_what_sqlite_said),
        SQLITE_TEST(
            test_catalog_sqlite__a_journal_that_is_anothers_is_no_fault_of_the_disk),
    };
    return cmocka_run_group_tests_name("catalog_sqlite", tests, NULL, NULL);
}
