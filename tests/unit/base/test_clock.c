#include "base/clock.h"
#include "harness.h"

static int64_t wall = 1500000; // Microseconds.
static int64_t slept;

static int64_t fixed_wall(void)
{
    return wall;
}

static int64_t fixed_monotonic(void)
{
    return 7;
}

static void no_sleep(int64_t ns)
{
    slept += ns;
}

static void test_clock__can_be_replaced(void **state)
{
    static const struct dsi_clock_ops fixed = {fixed_wall, fixed_monotonic};
    static const struct dsi_sleep_ops none = {no_sleep};
    (void)state;

    dsi_clock_set(&fixed);
    dsi_sleep_set(&none);
    assert_int_equal(dsi_clock_wall_us(), 1500000);
    assert_int_equal(dsi_clock_wall_ms(), 1500);
    assert_int_equal(dsi_clock_monotonic_ns(), 7);
    dsi_sleep_ns(INT64_C(3600000000000));
    dsi_sleep_ns(0);
    dsi_sleep_ns(-5);
    dsi_clock_set(NULL);
    dsi_sleep_set(NULL);
    assert_int_equal(slept, INT64_C(3600000000000));
}

static void test_clock__is_after_2020_and_moves_on(void **state)
{
    (void)state;
    int64_t before = dsi_clock_monotonic_ns();
    dsi_sleep_ns(1000);
    assert_true(dsi_clock_monotonic_ns() - before >= 1000);
    assert_true(dsi_clock_wall_ms() > INT64_C(1577836800000));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock__can_be_replaced),
        cmocka_unit_test(test_clock__is_after_2020_and_moves_on),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
