#include "base/cancel.h"

#include <pthread.h>

#include "base/clock.h"
#include "cancel_asks.h"
#include "harness.h"

static int64_t slept;
static int64_t longest;

static void no_sleep(int64_t ns)
{
    slept += ns;
    longest = ns > longest ? ns : longest;
}

static int sleep_no_more(void **state)
{
    static const struct dsi_sleep_ops none = {no_sleep};
    (void)state;
    slept = 0;
    longest = 0;
    dsi_sleep_set(&none);
    return 0;
}

static int sleep_again(void **state)
{
    (void)state;
    dsi_sleep_set(NULL);
    return 0;
}

static void test_cancel__nobody_is_asked_outside_a_scope(void **state)
{
    struct ds_cancel_scope none = {0};
    (void)state;
    dsi_cancel_begin(&none);
    assert_false(dsi_cancelled());
    assert_false(dsi_cancel_seen());
    assert_int_equal(dsi_cancel_check(NULL), DS_OK);
    assert_true(dsi_cancel_sleep_ns(INT64_C(3600000000000)));
    assert_int_equal(longest, INT64_C(3600000000000)); // In one go.
    assert_int_equal(dsi_cancel_slice_ns(INT64_C(3600000000000)), INT64_C(3600000000000));
    dsi_cancel_end(&none);
}

static void test_cancel__said_once_it_is_said_until_the_scope_ends(void **state)
{
    struct asks asks = {.yes_at = 2};
    struct ds_cancel_scope c = {.cancelled = asks_cancelled, .arg = &asks};
    struct ds_error err = {0};
    (void)state;
    dsi_cancel_begin(&c);
    assert_false(dsi_cancelled());
    assert_false(dsi_cancel_seen());
    assert_int_equal(dsi_cancel_check(&err), DS_ECANCELLED);
    assert_int_equal(err.status, DS_ECANCELLED);
    assert_true(dsi_cancelled());
    assert_true(dsi_cancel_seen());
    assert_int_equal(asks.count, 2); // The third was not asked.
    dsi_cancel_end(&c);
    assert_false(dsi_cancelled());
    assert_false(dsi_cancel_seen());
}

static void test_cancel__a_sleep_asks_every_few_milliseconds(void **state)
{
    struct asks asks = {.yes_at = 11};
    struct ds_cancel_scope c = {.cancelled = asks_cancelled, .arg = &asks};
    (void)state;
    dsi_cancel_begin(&c);
    assert_false(dsi_cancel_sleep_ns(INT64_C(1000000000)));
    assert_int_equal(asks.count, 11);
    assert_in_range(longest, 1, 20000000);
    assert_int_equal(slept, 10 * longest);
    assert_false(dsi_cancel_sleep_ns(INT64_C(1000000000))); // It does not wait any more.
    assert_false(dsi_cancel_sleep_ns(0));
    assert_int_equal(slept, 10 * longest);
    dsi_cancel_end(&c);
}

static void test_cancel__a_sleep_that_nobody_ends_is_as_long_as_it_should(void **state)
{
    struct asks asks = {0};
    struct ds_cancel_scope c = {.cancelled = asks_cancelled, .arg = &asks};
    (void)state;
    dsi_cancel_begin(&c);
    assert_true(dsi_cancel_sleep_ns(INT64_C(123456789)));
    assert_int_equal(slept, INT64_C(123456789));
    assert_true(dsi_cancel_sleep_ns(-1));
    dsi_cancel_end(&c);
}

static void test_cancel__the_innermost_scope_is_asked(void **state)
{
    struct asks yes = {.yes_at = 1};
    struct asks no = {0};
    struct ds_cancel_scope outer = {.cancelled = asks_cancelled, .arg = &yes};
    struct ds_cancel_scope inner = {.cancelled = asks_cancelled, .arg = &no};
    (void)state;
    dsi_cancel_begin(&outer);
    dsi_cancel_begin(&inner);
    assert_false(dsi_cancelled());
    dsi_cancel_end(&inner);
    assert_true(dsi_cancelled());
    dsi_cancel_end(&outer);
    assert_int_equal(no.count, 1);
}

static bool asks_itself(void *arg)
{
    ++*(int *)arg;
    return dsi_cancelled() || !dsi_cancel_sleep_ns(1);
}

static void test_cancel__who_is_asked_may_wait(void **state)
{
    int count = 0;
    struct ds_cancel_scope c = {.cancelled = asks_itself, .arg = &count};
    (void)state;
    dsi_cancel_begin(&c);
    assert_false(dsi_cancelled());
    dsi_cancel_end(&c);
    assert_int_equal(count, 1);
}

static void *look(void *arg)
{
    *(bool *)arg = dsi_cancelled();
    return NULL;
}

static void test_cancel__is_the_threads_own(void **state)
{
    struct asks asks = {.yes_at = 1};
    struct ds_cancel_scope c = {.cancelled = asks_cancelled, .arg = &asks};
    pthread_t thread = 0;
    bool seen = true;
    (void)state;
    dsi_cancel_begin(&c);
    assert_true(dsi_cancelled());
    assert_int_equal(pthread_create(&thread, NULL, look, &seen), 0);
    pthread_join(thread, NULL);
    assert_false(seen);
    dsi_cancel_end(&c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, sleep_no_more, sleep_again)
    const struct CMUnitTest tests[] = {
        TEST(test_cancel__nobody_is_asked_outside_a_scope),
        TEST(test_cancel__said_once_it_is_said_until_the_scope_ends),
        TEST(test_cancel__a_sleep_asks_every_few_milliseconds),
        TEST(test_cancel__a_sleep_that_nobody_ends_is_as_long_as_it_should),
        TEST(test_cancel__the_innermost_scope_is_asked),
        TEST(test_cancel__who_is_asked_may_wait),
        TEST(test_cancel__is_the_threads_own),
    };
    return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
