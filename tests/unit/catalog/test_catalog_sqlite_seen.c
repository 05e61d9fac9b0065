#include "catalog/catalog_sqlite_seen.h"
#include "harness.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "catalog/catalog_rows.h"
#include "sql_double.h"
#include "storage_root.h"

static struct storage_root root;
static struct dsi_rows *rows;
static sqlite3 *other; // Another program's connection.
static char path[512];
static struct dsi_arena arena;

static const struct dsi_table_name t = {"a.b", "c"};
static const struct dsi_table_name u = {"a", "b.c"};

static int make(void **state)
{
    (void)state;
    if (!storage_root_make(&root, "file")) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/c.db", root.dir);
    sql_double_start();
    return dsi_rows_sqlite_new(path, "n", 100000000, &rows, NULL) == DS_OK &&
                   sqlite3_open(path, &other) == SQLITE_OK &&
                   sqlite3_busy_timeout(other, 1000) == SQLITE_OK
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    rows->ops->free(rows);
    sqlite3_close(other);
    sql_double_stop();
    dsi_arena_release(&arena);
    storage_root_remove(&root);
    return 0;
}

static int write_row(const struct dsi_table_name *name, const char *from, const char *to)
{
    int rc = rows->ops->begin(rows, true, NULL);

    if (rc == DS_OK) {
        rc = from ? rows->ops->update(rows, name, from, to, NULL)
                  : rows->ops->insert(rows, name, to, NULL);
        if (rc < 0) {
            rows->ops->rollback(rows);
        } else {
            rc = rows->ops->commit(rows, NULL);
        }
    }
    return rc;
}

// The location of the row, and in `reads` how many statements that took.
static const char *look(const struct dsi_table_name *name, uint32_t *reads)
{
    char *location = NULL;

    sql_double_fail("SELECT", UINT32_MAX, SQLITE_OK, false);
    assert_int_equal(rows->ops->begin(rows, false, NULL), DS_OK);
    int rc = rows->ops->find(rows, name, &arena, &location, NULL);
    assert_int_equal(rows->ops->commit(rows, NULL), DS_OK);
    *reads = sql_double.seen;
    return rc == DS_OK ? location : "none";
}

static void by_other(const char *sql)
{
    char *message = NULL;

    if (sqlite3_exec(other, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
}

static void test_catalog_sqlite_seen__is_read_once(void **state)
{
    uint32_t reads = 0;
    (void)state;

    assert_int_equal(write_row(&t, NULL, "t1"), DS_OK);
    assert_string_equal(look(&t, &reads), "t1");
    assert_int_equal(reads, 1);
    assert_string_equal(look(&t, &reads), "t1");
    assert_int_equal(reads, 0);
}

static void test_catalog_sqlite_seen__is_not_read_after_ones_own_change(void **state)
{
    uint32_t reads = 0;
    (void)state;

    assert_int_equal(write_row(&t, NULL, "t1"), DS_OK);
    for (int i = 0; i < 300; i++) { // The number's last byte comes round.
        char from[16];
        char to[16];
        snprintf(from, sizeof from, "t%d", i + 1);
        snprintf(to, sizeof to, "t%d", i + 2);
        assert_int_equal(write_row(&t, from, to), DS_OK);
        assert_string_equal(look(&t, &reads), to);
        assert_int_equal(reads, 0);
    }
}

static void test_catalog_sqlite_seen__is_read_after_anothers_change(void **state)
{
    uint32_t reads = 0;
    (void)state;

    assert_int_equal(write_row(&t, NULL, "t1"), DS_OK);
    assert_string_equal(look(&t, &reads), "t1");
    by_other("BEGIN IMMEDIATE; UPDATE iceberg_tables SET metadata_location = 't2'");
    assert_string_equal(look(&t, &reads), "t1"); // It is not committed.
    by_other("COMMIT");
    assert_string_equal(look(&t, &reads), "t2");
    assert_int_equal(reads, 1);
    by_other("DELETE FROM iceberg_tables");
    assert_string_equal(look(&t, &reads), "none");
    by_other("CREATE TABLE something(x)"); // Of something else: it might have been this.
    assert_int_equal(write_row(&t, NULL, "t3"), DS_OK);
    assert_string_equal(look(&t, &reads), "t3");
}

static void test_catalog_sqlite_seen__is_of_one_table(void **state)
{
    uint32_t reads = 0;
    (void)state;

    assert_int_equal(write_row(&t, NULL, "t1"), DS_OK);
    assert_int_equal(write_row(&u, NULL, "u1"), DS_OK);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(look(&t, &reads), "t1");
        assert_string_equal(look(&u, &reads), "u1");
    }
    assert_int_equal(write_row(&t, "t1", "t2"), DS_OK);
    assert_string_equal(look(&u, &reads), "u1");
    assert_string_equal(look(&t, &reads), "t2");
}

static void test_catalog_sqlite_seen__is_forgotten_with_a_change_that_fails(void **state)
{
    uint32_t reads = 0;
    (void)state;

    assert_int_equal(write_row(&t, NULL, "t1"), DS_OK);
    assert_string_equal(look(&t, &reads), "t1");
    assert_int_equal(rows->ops->begin(rows, true, NULL), DS_OK);
    assert_int_equal(rows->ops->update(rows, &t, "t1", "t2", NULL), DS_OK);
    rows->ops->rollback(rows);
    by_other("UPDATE iceberg_tables SET metadata_location = 'o1'"); // The number is +1.
    assert_string_equal(look(&t, &reads), "o1");
    by_other("UPDATE iceberg_tables SET metadata_location = 't1'");
    assert_string_equal(look(&t, &reads), "t1");
    for (int done = 0; done < 2; done++) { // Not committed, or so and told otherwise.
        sql_double_fail("COMMIT", 1, SQLITE_IOERR, done);
        assert_int_equal(write_row(&t, "t1", "t2"), DS_EUNKNOWN);
        assert_string_equal(look(&t, &reads), done ? "t2" : "t1");
        assert_true(reads > 0);
    }
    // Another's change has the number that this one would have had.
    sql_double_fail("COMMIT", 1, SQLITE_IOERR, false);
    assert_int_equal(write_row(&t, "t2", "t3"), DS_EUNKNOWN);
    by_other("UPDATE iceberg_tables SET metadata_location = 't4'");
    assert_string_equal(look(&t, &reads), "t4");
}

static void test_catalog_sqlite_seen__is_not_known_in_wal_mode(void **state)
{
    uint32_t reads = 0;
    (void)state;

    assert_int_equal(write_row(&t, NULL, "t1"), DS_OK);
    assert_string_equal(look(&t, &reads), "t1");
    by_other("PRAGMA journal_mode=WAL");
    for (int i = 0; i < 3; i++) {
        char sql[96];
        char location[16];
        snprintf(location, sizeof location, "w%d", i);
        snprintf(sql, sizeof sql, "UPDATE iceberg_tables SET metadata_location = '%s'",
                 location);
        by_other(sql); // The file itself stays as it is.
        assert_string_equal(look(&t, &reads), location);
        assert_int_equal(reads, 1);
    }
}

// A copy of the database, changed as often as the database, takes its place.
static void put_another_in_place(void)
{
    char copy[600];
    char sql[1300];
    sqlite3 *db = NULL;

    snprintf(copy, sizeof copy, "%s.copy", path);
    snprintf(sql, sizeof sql, "cp '%s' '%s'", path, copy);
    assert_int_equal(system(sql), 0);
    assert_int_equal(write_row(&t, "t1", "t2"), DS_OK);
    assert_int_equal(sqlite3_open(copy, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "UPDATE iceberg_tables SET metadata_location = 'c2'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(rename(copy, path), 0);
}

static void test_catalog_sqlite_seen__is_not_a_childs(void **state)
{
    uint32_t reads = 0;
    int status = 0;
    (void)state;

    assert_int_equal(write_row(&t, NULL, "t1"), DS_OK);
    put_another_in_place();
    assert_string_equal(look(&t, &reads), "t2");
    pid_t child = fork();
    if (child == 0) { // It opens what is there by now.
        const char *location = look(&t, &reads);
        _exit(strcmp(location, "c2") == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

// Whatever two connections do, what is found is what a third one reads.
static void test_catalog_sqlite_seen__is_what_is_there(void **state)
{
    const uint64_t seed = dsi_random_u64();
    char now[2][16] = {"t", "u"};
    const struct dsi_table_name *const names[2] = {&t, &u};
    uint32_t reads = 0;
    uint32_t spared = 0;
    uint64_t x = seed;
    (void)state;

    printf("seed %llu\n", (unsigned long long)seed);
    assert_int_equal(write_row(&t, NULL, "t"), DS_OK);
    assert_int_equal(write_row(&u, NULL, "u"), DS_OK);
    for (int i = 0; i < 600; i++) {
        x = x * 6364136223846793005U + 1442695040888963407U;
        int which = (int)(x >> 40 & 1);
        int what = (int)(x >> 33 & 3);
        char next[16];
        char sql[160];
        snprintf(next, sizeof next, "%d", i);
        snprintf(sql, sizeof sql,
                 "UPDATE iceberg_tables SET metadata_location = '%s' WHERE table_name = "
                 "'%s'",
                 next, names[which]->name);
        if (what == 0) {
            assert_int_equal(write_row(names[which], now[which], next), DS_OK);
        } else if (what == 1) {
            by_other(sql);
        } else if (what == 2 && (x >> 50 & 3) == 0) {
            by_other("BEGIN IMMEDIATE");
            by_other(sql);
            by_other("ROLLBACK");
        }
        if (what < 2) {
            memcpy(now[which], next, sizeof next);
        }
        assert_string_equal(look(names[x >> 41 & 1], &reads), now[x >> 41 & 1]);
        spared += reads == 0;
    }
    assert_true(spared > 60);
}

#define SEEN_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SEEN_TEST(test_catalog_sqlite_seen__is_read_once),
        SEEN_TEST(test_catalog_sqlite_seen__is_not_read_after_ones_own_change),
        SEEN_TEST(test_catalog_sqlite_seen__is_read_after_anothers_change),
        SEEN_TEST(test_catalog_sqlite_seen__is_of_one_table),
        SEEN_TEST(test_catalog_sqlite_seen__is_forgotten_with_a_change_that_fails),
        SEEN_TEST(test_catalog_sqlite_seen__is_not_known_in_wal_mode),
        SEEN_TEST(test_catalog_sqlite_seen__is_not_a_childs),
        SEEN_TEST(test_catalog_sqlite_seen__is_what_is_there),
    };
    return cmocka_run_group_tests_name("catalog_sqlite_seen", tests, NULL, NULL);
}
