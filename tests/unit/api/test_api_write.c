#include "unit/api/fixture.h"

static void test_api_write__commits_a_transaction_once(void **state)
{
    struct fixture f;
    (void)state;

    struct ds_commit_result result = {.struct_size = sizeof(result)};
    ds_txn *txn = NULL;
    fixture_init(&f, NULL);
    assert_int_equal(ds_txn_begin(f.table, NULL, &txn, &f.err), DS_OK);
    assert_int_equal(fixture_add(txn, f.table, "id,s\n1,a\n", &f.err), DS_OK);
    assert_int_equal(fixture_add(txn, f.table, "id,s\n2,b\n", &f.err), DS_OK);
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_OK);
    assert_int_equal(result.outcome, DS_COMMITTED);
    assert_int_equal(result.rows, 2);
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_EINVALID);
    ds_txn_free(txn);
    assert_int_equal(fixture_count(&f, NULL), 2);
    fixture_release(&f);
}

static void test_api_write__leaves_nothing_of_what_was_not_committed(void **state)
{
    struct fixture f;
    (void)state;

    ds_txn *txn = NULL;
    fixture_init(&f, NULL);
    assert_int_equal(ds_txn_begin(f.table, NULL, &txn, &f.err), DS_OK);
    assert_int_equal(fixture_add(txn, f.table, "id,s\n1,a\n", &f.err), DS_OK);
    ds_txn_free(txn);
    assert_int_equal(fixture_count(&f, NULL), 0);
    assert_int_equal(ds_table_resolve(f.table, "no token", 0, NULL, &f.err), DS_EINVALID);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_write__commits_a_transaction_once),
        cmocka_unit_test(test_api_write__leaves_nothing_of_what_was_not_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
