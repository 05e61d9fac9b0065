#include "catalog/catalog_sql_ops.h"
#include "harness.h"

#include <string.h>

static void test_catalog_sql_ops__is_sqlite(void **state)
{
    const struct dsi_sql_ops *sql = dsi_sql();
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    (void)state;

    assert_int_equal(sql->open(":memory:", &db, SQLITE_OPEN_READWRITE), SQLITE_OK);
    assert_int_equal(sql->prepare(db, "SELECT ?, ?", &st), SQLITE_OK);
    assert_int_equal(sql->bind_text(st, 1, "x"), SQLITE_OK);
    assert_int_equal(sql->bind_null(st, 2), SQLITE_OK);
    assert_int_equal(sql->step(st), SQLITE_ROW);
    assert_string_equal(sql->column_text(st, 0), "x");
    assert_null(sql->column_text(st, 1));
    assert_int_equal(sql->step(st), SQLITE_DONE);
    assert_int_equal(sql->reset(st), SQLITE_OK);
    assert_int_equal(sql->finalize(st), SQLITE_OK);
    assert_int_equal(sql->changes(db), 0);
    assert_int_equal(sql->get_autocommit(db), 1);
    assert_int_equal(sql->prepare(db, "nonsense", &st), SQLITE_ERROR);
    assert_non_null(strstr(sql->errmsg(db), "nonsense"));
    assert_int_equal(sql->close(db), SQLITE_OK);
    assert_true(sql->version() >= 3037000);
}

static void test_catalog_sql_ops__can_be_replaced(void **state)
{
    const struct dsi_sql_ops mine = {0};
    (void)state;

    dsi_sql_set(&mine);
    assert_ptr_equal(dsi_sql(), &mine);
    dsi_sql_set(NULL);
    assert_ptr_not_equal(dsi_sql(), &mine);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog_sql_ops__is_sqlite),
        cmocka_unit_test(test_catalog_sql_ops__can_be_replaced),
    };
    return cmocka_run_group_tests_name("catalog_sql_ops", tests, NULL, NULL);
}
