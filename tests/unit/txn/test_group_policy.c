#include "fixture.h"
#include "txn/group.h"

static struct dsi_group_policy policy_of(const struct ds_property *properties,
                                         size_t count)
{
    struct dsi_catalog c;
    catalog_init(&c);
    struct dsi_table *t = test_create(&c, properties, count);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_group_policy p = dsi_group_policy_of(m);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
    return p;
}

static void test_group_policy__is_on_where_nothing_is_said(void **state)
{
    struct dsi_group_policy p = policy_of(NULL, 0);
    (void)state;

    assert_true(p.enabled);
    assert_int_equal(p.rows_max, 1000);
    assert_int_equal(p.bytes_max, 65536);
}

static void test_group_policy__is_what_the_table_says(void **state)
{
    static const struct ds_property said[] = {{"datashard.group-commit.enabled", "false"},
                                              {"datashard.group-commit.rows-max", "7"},
                                              {"datashard.group-commit.bytes-max", "0"}};
    struct dsi_group_policy p = policy_of(said, 3);
    (void)state;

    assert_false(p.enabled);
    assert_int_equal(p.rows_max, 7);
    assert_int_equal(p.bytes_max, 0);
}

// Larger ones fit into no intent.
static void test_group_policy__knows_how_much_an_intent_may_have(void **state)
{
    static const struct ds_property large[] = {
        {"datashard.group-commit.bytes-max", "1000000000"}};
    (void)state;

    assert_in_range(policy_of(large, 1).bytes_max, 65536, DSI_QUEUE_INTENT_MAX - 1);
}

static void test_group_policy__is_the_usual_one_where_a_value_makes_no_sense(void **state)
{
    static const struct ds_property nonsense[] = {
        {"datashard.group-commit.enabled", "perhaps"},
        {"datashard.group-commit.rows-max", "-1"},
        {"datashard.group-commit.bytes-max", "64 KiB"}};
    struct dsi_group_policy p = policy_of(nonsense, 3);
    (void)state;

    assert_true(p.enabled);
    assert_int_equal(p.rows_max, 1000);
    assert_int_equal(p.bytes_max, 65536);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_policy__is_on_where_nothing_is_said),
        cmocka_unit_test(test_group_policy__is_what_the_table_says),
        cmocka_unit_test(test_group_policy__knows_how_much_an_intent_may_have),
        cmocka_unit_test(
            test_group_policy__is_the_usual_one_where_a_value_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
