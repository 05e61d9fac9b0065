// The rules of a swap when the database gives no answer, over SQLite.
#include "catalog/catalog.h"
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "posix_double.h"
#include "sql_double.h"
#include "storage_root.h"

static struct storage_root root;
static struct dsi_catalog *catalog;
static struct dsi_arena arena;
static struct dsi_metadata metadata;
static struct ds_error err;
static struct dsi_head base;
static char database[512];

static const struct dsi_table_name name = {"ns", "t"};
static const char identity[] = "0192f0c1-0000-7000-8000-000000000001";

static int make(void **state)
{
    char uri[600];
    struct ds_property patience = {"busy-timeout-ms", "50"};
    (void)state;

    if (!storage_root_make(&root, "file")) {
        return -1;
    }
    memset(&err, 0, sizeof err);
    memset(&metadata, 0, sizeof metadata);
    metadata.location = dsi_arena_printf(&arena, "%s/t", root.prefix);
    base = (struct dsi_head){NULL, -1, 0};
    snprintf(database, sizeof database, "%s/c.db", root.dir);
    snprintf(uri, sizeof uri, "sqlite:%s", database);
    sql_double_start();
    return dsi_catalog_open(uri, (struct ds_properties){&patience, 1}, &catalog, NULL);
}

static int end(void **state)
{
    (void)state;
    dsi_catalog_free(catalog);
    catalog = NULL;
    sql_double_stop();
    dsi_arena_release(&arena);
    storage_root_remove(&root);
    return 0;
}

static int swap(const struct dsi_head *from, struct dsi_head *out)
{
    static uint32_t attempt;
    const struct dsi_swap s = {.base = from,
                               .metadata = &metadata,
                               .json = {(const uint8_t *)"{}", 2},
                               .identity = identity,
                               .attempt = attempt++};
    return dsi_catalog_swap(catalog, &name, &s, &arena, out, &err);
}

static void create(void)
{
    assert_int_equal(swap(NULL, &base), DS_OK);
}

static bool head_is(const char *location)
{
    struct dsi_head head;
    int rc = dsi_catalog_load(catalog, &name, &arena, &head, NULL);
    return location ? rc == DS_OK && strcmp(head.metadata_location, location) == 0
                    : rc == DS_ENOTFOUND;
}

static int count_it(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)path;
    (void)info;
    ++*(size_t *)arg;
    return DS_OK;
}

static size_t files(void)
{
    size_t count = 0;
    assert_int_equal(dsi_storage_list(dsi_catalog_storage(catalog), metadata.location,
                                      count_it, &count, NULL),
                     DS_OK);
    return count;
}

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 1000);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_catalog_sql__finds_its_swap_after_a_lost_answer(void **state)
{
    struct dsi_head next;
    (void)state;

    create();
    sql_double_fail("COMMIT", 1, SQLITE_IOERR_FSYNC, true);
    assert_int_equal(swap(&base, &next), DS_OK);
    assert_int_equal(sql_double.seen, 2); // Confirmed by one more transaction.
    assert_true(head_is(next.metadata_location));
    assert_int_equal(files(), 2);
}

static void test_catalog_sql__sees_that_a_swap_was_not_applied(void **state)
{
    struct dsi_head next;
    (void)state;

    create();
    sql_double_fail("COMMIT", 1, SQLITE_IOERR, false);
    assert_int_equal(swap(&base, &next), DS_EIO);
    assert_non_null(strstr(err.message, "not applied"));
    assert_null(next.metadata_location);
    assert_true(head_is(base.metadata_location));
    assert_int_equal(files(), 1);
}

static void test_catalog_sql__does_the_same_for_a_create(void **state)
{
    struct dsi_head next;
    (void)state;

    sql_double_fail("COMMIT", 1, SQLITE_IOERR, false);
    assert_int_equal(swap(NULL, &next), DS_EIO);
    assert_true(head_is(NULL));
    assert_int_equal(files(), 0);
    sql_double_fail("COMMIT", 1, SQLITE_IOERR, true);
    assert_int_equal(swap(NULL, &next), DS_OK);
    assert_true(head_is(next.metadata_location));
}

static void move_on(void)
{
    run_sql("UPDATE iceberg_tables SET previous_metadata_location = metadata_location, "
            "metadata_location = 'file:///theirs'");
}

static void drop_it(void)
{
    run_sql("DELETE FROM iceberg_tables");
}

static void test_catalog_sql__decides_nothing_when_others_moved_on(void **state)
{
    void (*const hooks[])(void) = {move_on, drop_it};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct dsi_head next;
        create();
        sql_double_fail("COMMIT", 1, SQLITE_IOERR, true);
        sql_double.hook = hooks[i];
        assert_int_equal(swap(&base, &next), DS_EUNKNOWN);
        assert_non_null(next.metadata_location);
        struct ds_file_info info;
        assert_int_equal(dsi_storage_stat(dsi_catalog_storage(catalog),
                                          next.metadata_location, &info, NULL),
                         DS_OK); // It may be part of the history.
        sql_double_fail(NULL, 0, 0, false);
        run_sql("DELETE FROM iceberg_tables");
    }
}

static void forbid_open(void)
{
    sql_double.fail_open = true;
}

static void test_catalog_sql__does_not_know_when_it_cannot_look(void **state)
{
    struct dsi_head next;
    (void)state;

    create();
    sql_double_fail("COMMIT", 1, SQLITE_IOERR, true);
    sql_double.hook = forbid_open;
    assert_int_equal(swap(&base, &next), DS_EUNKNOWN);
    assert_non_null(strstr(err.message, "cannot be read"));
    assert_int_equal(files(), 2);
    sql_double.fail_open = false;
    assert_true(head_is(next.metadata_location));
}

static void test_catalog_sql__does_not_know_what_it_could_not_confirm(void **state)
{
    struct dsi_head next;
    (void)state;

    create();
    sql_double_fail("COMMIT", 1, SQLITE_IOERR_FSYNC, true);
    sql_double.lasting = true;
    assert_int_equal(swap(&base, &next), DS_EUNKNOWN);
    assert_non_null(strstr(err.message, "perhaps not for ever"));
    assert_int_equal(files(), 2);
}

static void test_catalog_sql__survives_a_fault_of_every_step(void **state)
{
    const int codes[] = {SQLITE_IOERR, SQLITE_FULL, SQLITE_BUSY, SQLITE_NOMEM};
    (void)state;

    for (size_t i = 0; i < 8; i++) {
        bool after = i >= 4;
        bool reached = true;
        for (uint32_t nth = 1; reached; nth++) {
            struct dsi_head next;
            create();
            // A busy step is never done, so it is not asked to be.
            sql_double_fail(NULL, nth, codes[i % 4],
                            after && codes[i % 4] != SQLITE_BUSY);
            int rc = swap(&base, &next);
            reached = sql_double.seen >= nth;
            sql_double_fail(NULL, 0, 0, false);
            if (rc == DS_OK) {
                assert_true(head_is(next.metadata_location));
            } else if (rc == DS_EUNKNOWN) {
                assert_int_equal(files(), 2);
            } else {
                assert_true(err.message[0] != '\0');
                assert_true(head_is(base.metadata_location));
                assert_int_equal(files(), 1);
            }
            end(NULL);
            assert_int_equal(make(NULL), 0);
        }
    }
}

static void test_catalog_sql__names_files_as_java_and_pyiceberg_do(void **state)
{
    char want[128];
    (void)state;

    create();
    assert_int_equal(swap(&base, &base), DS_OK);
    assert_int_equal(base.version, 1);
    snprintf(want, sizeof want, "/t/metadata/00001-%s.", identity);
    const char *at = strstr(base.metadata_location, want);
    assert_non_null(at);
    at += strlen(want); // One more part, of letters and digits.
    assert_int_equal(strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789"),
                     strlen(at) - strlen(".metadata.json"));
    assert_string_equal(strchr(at, '.'), ".metadata.json");
}

static void test_catalog_sql__puts_metadata_where_the_table_says(void **state)
{
    struct ds_property property = {"write.metadata.path", NULL};
    (void)state;

    property.value = dsi_arena_printf(&arena, "%s/elsewhere/", root.prefix);
    metadata.properties = &property;
    metadata.property_count = 1;
    create();
    assert_int_equal(
        strncmp(base.metadata_location, property.value, strlen(property.value)), 0);
    assert_true(head_is(base.metadata_location));
    property.value = dsi_arena_printf(&arena, "%s/../up", root.prefix);
    assert_int_equal(swap(&base, &base), DS_EINVALID);
}

static void test_catalog_sql__confirms_by_a_whole_transaction(void **state)
{
    (void)state;

    create();
    sql_double_fail("COMMIT", 1, SQLITE_IOERR_FSYNC, true);
    assert_int_equal(dsi_catalog_confirm(catalog, &name, &err), DS_EIO);
    assert_int_equal(sql_double.seen, 1);
    assert_int_equal(dsi_catalog_confirm(catalog, &name, &err), DS_OK);
    assert_int_equal(sql_double.seen, 2);
    assert_true(head_is(base.metadata_location));
}

static void test_catalog_sql__makes_files_durable_before_the_row_names_them(void **state)
{
    (void)state;

    create();
    posix_double_start(NULL, 0, 0);
    assert_int_equal(swap(&base, &base), DS_OK);
    posix_double_stop();
    assert_int_equal(posix_double_count("fsync"), 2); // The file; the names beside it.
    assert_non_null(strstr(posix_double.log, "write rename ")); // It may wait for bytes.
    const char *then = strstr(posix_double.log, "rename");
    assert_ptr_equal(strstr(then, "open fstat open_unnamed "), then + strlen("rename "));
    assert_non_null(strstr(then, "fsync close fsync close "));

    posix_double_start(NULL, 0, 0);
    assert_int_equal(swap(&base, &base), DS_OK);
    posix_double_stop();
    // Not every file system has files that wait for their name.
    const char *naming = posix_double_count("link_file") > 0 ? "link_file" : "rename";
    const char *calls[] = {"fsync", naming, "write"};
    for (size_t i = 0; i < 3; i++) { // What fails on the way never gets to the row.
        struct dsi_head next;
        size_t before = files();
        posix_double_start(calls[i], i == 0 ? 2 : 1, -EIO);
        sql_double_fail("COMMIT", 1, SQLITE_IOERR, false);
        assert_int_equal(swap(&base, &next), DS_EIO);
        posix_double_stop();
        assert_int_equal(sql_double.seen, 0);
        assert_int_equal(files(), before);
    }
}

#define SQL_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SQL_TEST(test_catalog_sql__finds_its_swap_after_a_lost_answer),
        SQL_TEST(test_catalog_sql__sees_that_a_swap_was_not_applied),
        SQL_TEST(test_catalog_sql__does_the_same_for_a_create),
        SQL_TEST(test_catalog_sql__decides_nothing_when_others_moved_on),
        SQL_TEST(test_catalog_sql__does_not_know_when_it_cannot_look),
        SQL_TEST(test_catalog_sql__does_not_know_what_it_could_not_confirm),
        SQL_TEST(test_catalog_sql__survives_a_fault_of_every_step),
        SQL_TEST(test_catalog_sql__confirms_by_a_whole_transaction),
        SQL_TEST(test_catalog_sql__makes_files_durable_before_the_row_names_them),
        SQL_TEST(test_catalog_sql__names_files_as_java_and_pyiceberg_do),
        SQL_TEST(test_catalog_sql__puts_metadata_where_the_table_says),
    };
    return cmocka_run_group_tests_name("catalog_sql", tests, NULL, NULL);
}
