#include "unit/api/fixture.h"

static int count_snapshots(void *arg, const struct ds_snapshot_info *s)
{
    int *count = arg;
    assert_true(s->is_current);
    assert_string_equal(s->operation, "append");
    return ++*count == 3 ? DS_ECANCELLED : DS_OK;
}

static int count_history(void *arg, const struct ds_history_info *h)
{
    assert_true(h->is_current_ancestor);
    ++*(int *)arg;
    return DS_OK;
}

static void test_api_history__tells_snapshots_in_order_until_stopped(void **state)
{
    struct fixture f;
    (void)state;

    int count = 0;
    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n");
    fixture_append(&f, "id,s\n2,b\n");
    assert_int_equal(ds_table_snapshots(f.table, count_snapshots, &count, &f.err), DS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(ds_table_snapshots(f.table, count_snapshots, &count, &f.err),
                     DS_ECANCELLED);
    count = 0;
    assert_int_equal(ds_table_history(f.table, count_history, &count, &f.err), DS_OK);
    assert_int_equal(count, 2);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_history__tells_snapshots_in_order_until_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
