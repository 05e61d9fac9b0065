#include "base/fault.h"
#include "harness.h"

static void test_fault__fails_each_point_in_turn(void **state)
{
    struct dsi_fault_plan plan = {0};
    int runs = 0;
    (void)state;

    while (dsi_fault_next(&plan)) {
        bool a = DSI_FAULT("a");
        bool b = DSI_FAULT("b");
        bool c = DSI_FAULT("c");
        runs++;
        assert_int_equal(a, runs == 1);
        assert_int_equal(b, runs == 2);
        assert_int_equal(c, runs == 3);
    }
    assert_int_equal(runs, 4); // Three points, then a run that is clean.
    assert_false(DSI_FAULT("a"));
}

static void test_fault__lasts_when_asked(void **state)
{
    struct dsi_fault_plan plan = {.lasting = true};
    (void)state;

    assert_true(dsi_fault_next(&plan));
    assert_true(DSI_FAULT("a"));
    assert_true(DSI_FAULT("b"));
    assert_true(dsi_fault_next(&plan));
    assert_false(DSI_FAULT("a"));
    assert_true(DSI_FAULT("b"));
    assert_true(DSI_FAULT("c"));
    assert_string_equal(plan.name, "b");
    dsi_fault_stop();
    assert_false(DSI_FAULT("d"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault__fails_each_point_in_turn),
        cmocka_unit_test(test_fault__lasts_when_asked),
    };
    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
