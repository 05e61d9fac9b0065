#include "storage/storage_trial.h"

#include "harness.h"

// Tries both ways once more, of which each takes so long.
static void try_both(struct dsi_trial *t, int64_t first, int64_t second)
{
    for (int i = 0; i < 2 * DSI_TRIAL_TIMES; i++) {
        bool way = dsi_trial_next(t);
        assert_int_equal(way, i % 2); // In turns, beginning with the first.
        dsi_trial_took(t, way, way ? second : first);
    }
}

// Uses what was found, until it is to be tried again; which way that is.
static bool use(struct dsi_trial *t)
{
    bool way = dsi_trial_next(t);

    while (t->left > 0) {
        assert_int_equal(dsi_trial_next(t), way);
        dsi_trial_took(t, way, way ? 1000000 : 1); // Nobody asks.
    }
    return way;
}

static void test_storage_trial__finds_the_quicker_way(void **state)
{
    struct dsi_trial t = {0};
    (void)state;

    try_both(&t, 600, 500);
    assert_true(use(&t));
    try_both(&t, 500, 600); // What is below has changed.
    assert_false(use(&t));
    try_both(&t, 600, 500);
    assert_true(use(&t));
}

static void test_storage_trial__keeps_to_the_first_where_they_are_alike(void **state)
{
    struct dsi_trial t = {0};
    (void)state;

    try_both(&t, 640, 640);
    assert_false(use(&t));
    try_both(&t, 640, 640 - 640 / DSI_TRIAL_MARGIN);
    assert_false(use(&t));
    try_both(&t, 640, 640 - 640 / DSI_TRIAL_MARGIN - 1);
    assert_true(use(&t));
}

static void test_storage_trial__is_not_misled_by_a_few(void **state)
{
    struct dsi_trial t = {0};
    (void)state;

    for (int i = 0; i < 2 * DSI_TRIAL_TIMES; i++) {
        bool way = dsi_trial_next(&t);
        int64_t ns = way ? 500 : 600;
        dsi_trial_took(&t, way, i / 2 % 3 == 1 ? 1100 - ns : ns); // A third is wrong.
    }
    assert_true(use(&t));
}

// How often what was found is used before both are tried again.
static unsigned used(struct dsi_trial *t)
{
    unsigned n = 0;

    try_both(t, 600, 500);
    do {
        assert_true(dsi_trial_next(t));
        n++;
    } while (t->left > 0);
    return n;
}

// What a writer does first, when there is little to write, is no sample of the rest.
static void test_storage_trial__tries_again_soon_and_then_seldom(void **state)
{
    struct dsi_trial t = {0};
    (void)state;

    for (unsigned n = DSI_TRIAL_FIRST; n <= DSI_TRIAL_USED; n *= 2) {
        assert_int_equal(used(&t), n);
    }
    assert_int_equal(used(&t), DSI_TRIAL_USED);
}

// Threads that began before the way was found end after.
static void test_storage_trial__passes_over_what_comes_late(void **state)
{
    struct dsi_trial t = {0};
    (void)state;

    for (int i = 0; i < DSI_TRIAL_TIMES + 9; i++) {
        dsi_trial_took(&t, true, i < DSI_TRIAL_TIMES ? 500 : 9000);
    }
    for (int i = 0; i < DSI_TRIAL_TIMES; i++) {
        dsi_trial_took(&t, false, 600);
    }
    dsi_trial_took(&t, false, 1);
    assert_true(use(&t));
    try_both(&t, 500, 600); // None of that was taken for a part of this.
    assert_false(use(&t));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storage_trial__finds_the_quicker_way),
        cmocka_unit_test(test_storage_trial__keeps_to_the_first_where_they_are_alike),
        cmocka_unit_test(test_storage_trial__is_not_misled_by_a_few),
        cmocka_unit_test(test_storage_trial__tries_again_soon_and_then_seldom),
        cmocka_unit_test(test_storage_trial__passes_over_what_comes_late),
    };
    return cmocka_run_group_tests_name("storage_trial", tests, NULL, NULL);
}
