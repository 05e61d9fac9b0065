#include "fixture.h"

#include "txn/budget.h"

static int64_t slept;

static void note_sleep(int64_t ns)
{
    slept = ns;
}

static const struct dsi_sleep_ops noting = {note_sleep};

static struct dsi_budget budget_with(const struct ds_property *set, size_t count,
                                     const struct ds_commit_options *options)
{
    struct dsi_catalog c;
    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, count);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_budget b = dsi_budget_of(m, options);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
    return b;
}

static void test_budget__options_come_before_properties(void **state)
{
    static const struct ds_property set[] = {{"commit.retry.num-retries", "7"},
                                             {"commit.retry.total-timeout-ms", "5000"}};
    struct ds_commit_options o = {.struct_size = sizeof o};
    (void)state;
    struct dsi_budget b = budget_with(set, 2, &o);
    assert_int_equal(b.attempts_max, 8);
    assert_int_equal(b.deadline_ns - b.start_ns, INT64_C(5000000000));
    o.attempts_max = 3;
    o.timeout_ms = 20;
    b = budget_with(set, 2, &o);
    assert_int_equal(b.attempts_max, 3);
    assert_int_equal(b.deadline_ns - b.start_ns, 20000000);
}

static void test_budget__what_makes_no_sense_is_the_default(void **state)
{
    static const struct ds_property set[] = {{"commit.retry.num-retries", "many"},
                                             {"commit.retry.min-wait-ms", "-5"}};
    struct ds_commit_options o = {.struct_size = sizeof o};
    (void)state;
    struct dsi_budget b = budget_with(set, 2, &o);
    assert_int_equal(b.attempts_max, -1);
    assert_int_equal(b.min_wait_ms, 10);
}

static void test_budget__waits_are_drawn_from_zero_to_what_doubles(void **state)
{
    struct ds_commit_options o = {.struct_size = sizeof o, .timeout_ms = 1000000};
    (void)state;
    struct dsi_budget b = budget_with(NULL, 0, &o);
    int64_t most[8] = {0};
    dsi_sleep_set(&noting);
    for (int i = 0; i < 400; i++) {
        b.round = (unsigned)(i % 8);
        slept = 0;
        dsi_budget_wait(&b);
        assert_in_range(slept, 0, (10 << (i % 8)) * 1000000 - 1);
        most[i % 8] = slept > most[i % 8] ? slept : most[i % 8];
    }
    dsi_sleep_set(NULL);
    for (int i = 0; i < 8; i++) { // Half of the range is reached in fifty draws.
        assert_true(most[i] > (5 << i) * 1000000);
    }
}

static void test_budget__no_wait_goes_past_the_deadline(void **state)
{
    struct ds_commit_options o = {.struct_size = sizeof o, .timeout_ms = 1};
    (void)state;
    struct dsi_budget b = budget_with(NULL, 0, &o);
    b.round = 20;
    dsi_sleep_set(&noting);
    slept = 0;
    dsi_budget_wait(&b);
    dsi_sleep_set(NULL);
    assert_in_range(slept, 0, 1000000);
}

static void test_budget__it_ends_by_attempts_or_by_time(void **state)
{
    struct ds_commit_options o = {
        .struct_size = sizeof o, .timeout_ms = 1000000, .attempts_max = 2};
    (void)state;
    struct dsi_budget b = budget_with(NULL, 0, &o);
    assert_true(dsi_budget_left(&b, 1));
    assert_false(dsi_budget_left(&b, 2));
    b.deadline_ns = b.start_ns;
    assert_false(dsi_budget_left(&b, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget__options_come_before_properties),
        cmocka_unit_test(test_budget__what_makes_no_sense_is_the_default),
        cmocka_unit_test(test_budget__waits_are_drawn_from_zero_to_what_doubles),
        cmocka_unit_test(test_budget__no_wait_goes_past_the_deadline),
        cmocka_unit_test(test_budget__it_ends_by_attempts_or_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
