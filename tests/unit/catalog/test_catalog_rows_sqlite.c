#include "catalog/catalog_rows.h"
#include "harness.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/thread.h"
#include "storage_root.h"

static struct storage_root root;
static struct dsi_arena arena;
static char path[512];
static struct ds_error err;

static const struct dsi_table_name t = {"ns", "t"};

#define V0_TABLES                                                                        \
    "CREATE TABLE iceberg_tables(catalog_name VARCHAR(255) NOT NULL,table_namespace "    \
    "VARCHAR(255) NOT NULL,table_name VARCHAR(255) NOT NULL,metadata_location "          \
    "VARCHAR(1000),previous_metadata_location VARCHAR(1000),PRIMARY KEY (catalog_name, " \
    "table_namespace, table_name));"
#define PROPERTIES                                                                       \
    "CREATE TABLE iceberg_namespace_properties(catalog_name VARCHAR(255) NOT "           \
    "NULL,namespace VARCHAR(255) NOT NULL,property_key VARCHAR(255),property_value "     \
    "VARCHAR(1000),PRIMARY KEY (catalog_name, namespace, property_key));"
#define TYPE "ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5);"

static int make(void **state)
{
    (void)state;
    if (!storage_root_make(&root, "file")) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/c.db", root.dir);
    return 0;
}

static int end(void **state)
{
    (void)state;
    dsi_arena_release(&arena);
    storage_root_remove(&root);
    return 0;
}

static void run(const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s", message);
    }
    sqlite3_close(db);
}

static int tell(void *arg, int columns, char **texts, char **names)
{
    (void)columns;
    (void)names;
    snprintf(arg, 256, "%s", texts[0] ? texts[0] : "NULL");
    return 0;
}

static const char *ask(const char *sql)
{
    static char answer[256];
    sqlite3 *db = NULL;

    snprintf(answer, sizeof answer, "no row");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, tell, answer, NULL), SQLITE_OK);
    sqlite3_close(db);
    return answer;
}

static struct dsi_rows *open_rows(const char *name)
{
    struct dsi_rows *r = NULL;
    if (dsi_rows_sqlite_new(path, name, 1000000000, &r, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    return r;
}

static int swap(struct dsi_rows *r, const char *from, const char *to)
{
    int rc = r->ops->begin(r, true, &err);
    assert_int_equal(rc, DS_OK);
    rc = from ? r->ops->update(r, &t, from, to, &err) : r->ops->insert(r, &t, to, &err);
    if (rc == DS_OK) {
        return r->ops->commit(r, &err);
    }
    r->ops->rollback(r);
    return rc;
}

static const char *find(struct dsi_rows *r)
{
    char *location = NULL;
    assert_int_equal(r->ops->begin(r, false, &err), DS_OK);
    int rc = r->ops->find(r, &t, &arena, &location, &err);
    r->ops->rollback(r);
    return rc == DS_OK ? location : rc == DS_ENOTFOUND ? "none" : "failed";
}

static void test_catalog_rows_sqlite__writes_the_rows_java_writes(void **state)
{
    (void)state;
    struct dsi_rows *r = open_rows("mine");
    assert_int_equal(swap(r, NULL, "a"), DS_OK);
    assert_string_equal(
        ask("SELECT catalog_name||table_namespace||table_name||metadata_location||"
            "ifnull(previous_metadata_location,'NULL')||iceberg_type FROM "
            "iceberg_tables"),
        "minenstaNULLTABLE");
    assert_int_equal(swap(r, "a", "b"), DS_OK);
    assert_string_equal(ask("SELECT metadata_location||previous_metadata_location FROM "
                            "iceberg_tables"),
                        "ba");
    assert_int_equal(swap(r, "a", "c"), DS_ECONFLICT);
    r->ops->free(r);
}

static void test_catalog_rows_sqlite__leaves_a_version_0_database_as_it_is(void **state)
{
    (void)state;
    run(V0_TABLES PROPERTIES
        "INSERT INTO iceberg_tables VALUES ('x', 'ns', 't', 'a', NULL)");
    struct dsi_rows *r = open_rows(NULL);
    assert_string_equal(find(r), "a");
    assert_int_equal(swap(r, "a", "b"), DS_OK);
    assert_int_equal(swap(r, NULL, "b"), DS_EEXISTS);
    assert_int_equal(r->ops->begin(r, true, &err), DS_OK);
    assert_int_equal(r->ops->remove(r, &t, &err), DS_OK);
    assert_int_equal(r->ops->commit(r, &err), DS_OK);
    assert_int_equal(swap(r, NULL, "c"), DS_OK);
    r->ops->free(r);
    assert_string_equal(ask("SELECT count(*) FROM pragma_table_info('iceberg_tables')"),
                        "5");
    assert_string_equal(ask("SELECT metadata_location FROM iceberg_tables"), "c");
}

static void test_catalog_rows_sqlite__takes_a_null_type_for_a_table(void **state)
{
    (void)state;
    run(V0_TABLES TYPE PROPERTIES
        "INSERT INTO iceberg_tables VALUES ('x', 'ns', 't', 'a', NULL, NULL),"
        "('x', 'ns', 'v', 'a', NULL, 'VIEW')");
    struct dsi_rows *r = open_rows(NULL);
    struct dsi_table_name *names = NULL;
    const struct dsi_table_name view = {"ns", "v"};
    char *location = NULL;
    size_t count = 0;
    assert_string_equal(find(r), "a");
    assert_int_equal(swap(r, "a", "b"), DS_OK);
    assert_int_equal(r->ops->begin(r, true, &err), DS_OK);
    assert_int_equal(r->ops->tables(r, NULL, &arena, &names, &count, &err), DS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(r->ops->find(r, &view, &arena, &location, &err), DS_ENOTFOUND);
    assert_int_equal(r->ops->remove(r, &view, &err), DS_ENOTFOUND);
    assert_int_equal(r->ops->insert(r, &view, "z", &err), DS_EEXISTS); // It has a name.
    assert_int_equal(r->ops->rename(r, &t, &view, &err), DS_EEXISTS);
    r->ops->rollback(r);
    r->ops->free(r);
}

static void test_catalog_rows_sqlite__finds_the_name_of_the_catalog(void **state)
{
    (void)state;
    struct dsi_rows *r = open_rows(NULL); // Empty: its own.
    assert_int_equal(swap(r, NULL, "a"), DS_OK);
    r->ops->free(r);
    assert_string_equal(ask("SELECT catalog_name FROM iceberg_tables"), "datashard");

    run("UPDATE iceberg_tables SET catalog_name = 'theirs'");
    r = open_rows(NULL); // The one that is there.
    assert_string_equal(find(r), "a");
    r->ops->free(r);

    run("INSERT INTO iceberg_namespace_properties VALUES ('two', 'n', 'k', 'v')");
    r = open_rows(NULL); // Several: not guessed.
    assert_string_equal(find(r), "none");
    r->ops->free(r);
    r = open_rows("theirs");
    assert_string_equal(find(r), "a");
    r->ops->free(r);
}

static void
test_catalog_rows_sqlite__refuses_tables_that_are_not_the_catalogs(void **state)
{
    struct dsi_rows *r = NULL;
    (void)state;

    run("CREATE TABLE iceberg_tables(x); " PROPERTIES);
    assert_int_equal(dsi_rows_sqlite_new(path, NULL, 0, &r, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "catalog_name"));
    assert_null(r);
}

static void test_catalog_rows_sqlite__reads_what_it_may_not_write(void **state)
{
    (void)state;
    struct dsi_rows *r = open_rows(NULL);
    assert_int_equal(swap(r, NULL, "a"), DS_OK);
    r->ops->free(r);
    assert_int_equal(chmod(path, 0444), 0);
    r = open_rows(NULL);
    assert_string_equal(find(r), "a");
    if (geteuid() != 0) { // Root may write everything.
        assert_int_equal(r->ops->begin(r, true, &err), DS_EDENIED);
    }
    r->ops->free(r);
}

static void test_catalog_rows_sqlite__says_when_a_row_names_nothing(void **state)
{
    (void)state;
    run(V0_TABLES PROPERTIES
        "INSERT INTO iceberg_tables VALUES ('x', 'ns', 't', NULL, NULL)");
    struct dsi_rows *r = open_rows(NULL);
    assert_string_equal(find(r), "failed");
    assert_int_equal(err.status, DS_ECORRUPT);
    r->ops->free(r);
}

// Whoever is asked whether the wait goes on asks the same database.
static bool comes_back(void *arg)
{
    struct dsi_rows *r = arg;
    assert_int_equal(r->ops->begin(r, false, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "waiting for it already"));
    return true;
}

static void test_catalog_rows_sqlite__refuses_who_is_asked_while_it_waits(void **state)
{
    struct dsi_rows *r = NULL;
    sqlite3 *db = NULL;
    (void)state;

    assert_int_equal(dsi_rows_sqlite_new(path, NULL, INT64_C(3600000000000), &r, &err),
                     DS_OK);
    struct ds_cancel_scope cancel = {.cancelled = comes_back, .arg = r};
    assert_int_equal(r->ops->begin(r, true, &err), DS_OK);
    r->ops->rollback(r);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), 0);
    dsi_cancel_begin(&cancel);
    assert_int_equal(r->ops->begin(r, true, &err), DS_ECANCELLED);
    dsi_cancel_end(&cancel);
    sqlite3_close(db);
    assert_int_equal(r->ops->begin(r, true, &err), DS_OK);
    r->ops->rollback(r);
    r->ops->free(r);
}

#define ROWS_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

static atomic_bool writes;

// A transaction that lasts for a while, of another thread.
static void write_for_a_while(void *arg)
{
    struct dsi_rows *r = arg;

    if (r->ops->begin(r, true, NULL) == DS_OK) {
        atomic_store(&writes, true);
        dsi_sleep_ns(30000000);
        r->ops->rollback(r);
    }
}

// In a child: 0 when it can write.
static int begin_in_child(void)
{
    struct dsi_rows *mine = NULL;
    int rc = dsi_rows_sqlite_new(path, NULL, 300000000, &mine, NULL);

    rc = rc == DS_OK ? mine->ops->begin(mine, true, NULL) : rc;
    return rc == DS_OK ? 0 : 1;
}

static void
test_catalog_rows_sqlite__a_child_can_write_while_the_parent_writes(void **state)
{
    struct dsi_rows *r = NULL;
    struct dsi_thread *thread = NULL;
    int status = -1;
    (void)state;

    assert_int_equal(dsi_rows_sqlite_new(path, NULL, 300000000, &r, &err), DS_OK);
    assert_int_equal(r->ops->begin(r, true, &err), DS_OK);
    assert_int_equal(r->ops->commit(r, &err), DS_OK);
    atomic_store(&writes, false);
    assert_int_equal(dsi_thread_start(&thread, write_for_a_while, r, &err), DS_OK);
    while (!atomic_load(&writes)) {
        dsi_sleep_ns(100000);
    }
    pid_t child = fork();
    if (child == 0) {
        _exit(begin_in_child());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    dsi_thread_join(thread);
    r->ops->free(r);
    assert_int_equal(status, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        ROWS_TEST(test_catalog_rows_sqlite__writes_the_rows_java_writes),
        ROWS_TEST(test_catalog_rows_sqlite__leaves_a_version_0_database_as_it_is),
        ROWS_TEST(test_catalog_rows_sqlite__takes_a_null_type_for_a_table),
        ROWS_TEST(test_catalog_rows_sqlite__finds_the_name_of_the_catalog),
        ROWS_TEST(test_catalog_rows_sqlite__refuses_tables_that_are_not_the_catalogs),
        ROWS_TEST(test_catalog_rows_sqlite__reads_what_it_may_not_write),
        ROWS_TEST(test_catalog_rows_sqlite__says_when_a_row_names_nothing),
        ROWS_TEST(test_catalog_rows_sqlite__refuses_who_is_asked_while_it_waits),
        ROWS_TEST(test_catalog_rows_sqlite__a_child_can_write_while_the_parent_writes),
    };
    return cmocka_run_group_tests_name("catalog_rows_sqlite", tests, NULL, NULL);
}
