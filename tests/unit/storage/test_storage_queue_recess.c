#include "queue_fixture.h"

static int64_t now_ns;     // Of these tests' clock,
static int64_t reading_ns; // and how long it takes to read it.
static int64_t slept_ns;   // The longest sleep that was asked for.
static int64_t round_ns;   // How long a commit takes, from its claim on.

static struct dsi_queue *q;     // The one that leads, and
static struct dsi_queue *other; // one of another process.

static int64_t monotonic_ns(void)
{
    now_ns += reading_ns;
    return now_ns;
}

static int64_t wall_us(void)
{
    return now_ns / 1000;
}

static int make(void **state)
{
    static const struct dsi_clock_ops clock = {wall_us, monotonic_ns};

    now_ns = 5 * SECOND;
    reading_ns = 0;
    round_ns = DSI_QUEUE_KEPT_NS;
    dsi_clock_set(&clock);
    if (queue_make(state) < 0) {
        return -1;
    }
    q = queue_open();
    other = queue_open();
    if (!q || !other) {
        return -1;
    }
    other->pid++;
    return 0;
}

static int end(void **state)
{
    dsi_posix_set(NULL);
    dsi_queue_free(q);
    dsi_queue_free(other);
    dsi_clock_set(NULL);
    return queue_end(state);
}

// Publishes, leads, has an answer, and goes: a commit of one.
static void commit(void)
{
    struct dsi_claim *claims = NULL;
    struct dsi_ticket t = queue_publish(q, "own");

    assert_true(dsi_queue_try_lead(q));
    for (size_t n = queue_claim(q, &claims); n > 0; n--) {
        dsi_queue_answer(q, &claims[n - 1], &queue_committed);
    }
    now_ns += round_ns;
    dsi_queue_recess(q);
    dsi_queue_leave(q, &t);
}

// Leads, and comes back at once, so often that leadership is kept for it now.
static void lead_often(void)
{
    for (int i = 0; i < 3; i++) {
        now_ns += DSI_QUEUE_KEPT_NS / 2;
        commit();
    }
}

// Whether the other may lead; it does no more than that.
static bool other_may_lead(void)
{
    bool leads = dsi_queue_try_lead(other);

    dsi_queue_resign(other);
    return leads;
}

static void test_storage_queue_recess__is_for_who_comes_back_at_once(void **state)
{
    const bool kept[] = {false, false, true, true};
    (void)state;

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        now_ns += DSI_QUEUE_KEPT_NS - 1;
        commit();
        assert_int_equal(other_may_lead(), !kept[i]);
    }
    now_ns += DSI_QUEUE_KEPT_NS; // Once it was late: it has to earn that anew.
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        commit();
        assert_int_equal(other_may_lead(), !kept[i]);
    }
}

// Waiting for who is away longer than a round takes would cost more than it gains.
static void test_storage_queue_recess__is_for_who_is_away_a_round_at_most(void **state)
{
    (void)state;

    round_ns = DSI_QUEUE_KEPT_NS / 8;
    for (int64_t late = 0; late < 2; late++) {
        for (int i = 0; i < 8; i++) {
            now_ns += round_ns + late;
            commit();
            assert_int_equal(other_may_lead(), late > 0 || i < 2);
        }
    }
}

static void test_storage_queue_recess__ends_by_itself(void **state)
{
    (void)state;

    lead_often();
    assert_false(dsi_queue_try_lead(other));
    now_ns += DSI_QUEUE_KEPT_NS - 1000;
    assert_false(dsi_queue_try_lead(other));
    now_ns += 1000;
    assert_true(dsi_queue_try_lead(other));
    dsi_queue_resign(other);
    assert_true(dsi_queue_try_lead(q));
}

// Also when its clock's low half wraps while it is kept.
static void test_storage_queue_recess__ends_when_the_clock_wraps(void **state)
{
    (void)state;

    lead_often();
    // Half a millisecond before that it is back.
    now_ns = ((INT64_C(1) << 32) - 500) * 1000 - 3 * round_ns;
    commit(); // It is late,
    commit();
    commit(); // and back.
    assert_false(dsi_queue_try_lead(other));
    now_ns += DSI_QUEUE_KEPT_NS - 1000;
    assert_false(dsi_queue_try_lead(other));
    now_ns += 1000;
    assert_true(dsi_queue_try_lead(other));
}

static void test_storage_queue_recess__says_nothing_when_it_is_damaged(void **state)
{
    const uint64_t at =
        DSI_QUEUE_AT_CONTROL + offsetof(struct dsi_queue_control, kept_us);
    const uint32_t now_us = (uint32_t)((now_ns + round_ns) / 1000); // When it has led.
    const uint32_t far[] = {now_us + 3000, now_us + (1u << 31), now_us - 1, UINT32_MAX};
    (void)state;

    commit();
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        queue_scribble(at, &far[i], sizeof far[i]);
        assert_true(dsi_queue_try_lead(other));
        other->pid++; // It is not the last leader's.
        dsi_queue_resign(other);
    }
}

// Who leads again is waited for as any leader is, and resigns as any.
static void test_storage_queue_recess__is_over_when_it_leads_again(void **state)
{
    struct dsi_queue_control c;
    (void)state;

    lead_often();
    assert_true(dsi_queue_try_lead(q));
    assert_true(dsi_queue_get_control(other, &c));
    assert_int_equal(dsi_queue_kept_ns(other, &c), 0);
    dsi_queue_resign(q);
    assert_true(dsi_queue_try_lead(other));
}

static void test_storage_queue_recess__is_not_for_who_leaves_others_out(void **state)
{
    struct dsi_claim *claims = NULL;
    (void)state;

    lead_often();
    struct dsi_ticket t = queue_publish(other, "waits");
    now_ns += 1000;
    assert_true(dsi_queue_try_lead(q));
    assert_int_equal(queue_claim(q, &claims), 1);
    dsi_queue_recess(q); // It has no answer.
    assert_true(dsi_queue_try_lead(other));
    dsi_queue_resign(other);
    dsi_queue_leave(other, &t);
    assert_true(dsi_queue_try_lead(q));
    assert_int_equal(queue_claim(q, &claims), 0);
    now_ns += 1000;
    t = queue_publish(other, "came later");
    dsi_queue_recess(q);
    assert_false(dsi_queue_try_lead(other));
    dsi_queue_leave(other, &t);
}

static int sleep_by_this_clock(const void *word, uint32_t expected, int64_t ns)
{
    (void)word;
    (void)expected;
    slept_ns = ns > slept_ns ? ns : slept_ns;
    now_ns += ns;
    return -ETIMEDOUT;
}

// Whoever finds it kept sleeps no longer than that, also if it becomes free while he
// looks.
static void test_storage_queue_recess__keeps_waiters_no_longer_than_that(void **state)
{
    struct dsi_posix_ops posix = *dsi_posix();
    struct dsi_receipt r;
    (void)state;

    posix.futex_wait = sleep_by_this_clock;
    for (int64_t ns = 0; ns < DSI_QUEUE_KEPT_NS; ns += 50000) {
        lead_often();
        struct dsi_ticket t = queue_publish(other, "waits");
        dsi_posix_set(&posix);
        slept_ns = 0;
        reading_ns = ns;
        assert_int_equal(dsi_queue_wait(other, &t, now_ns + 600 * SECOND, &r),
                         DSI_QUEUE_LEAD);
        assert_in_range(slept_ns, ns == 0, DSI_QUEUE_KEPT_NS);
        reading_ns = 0;
        dsi_posix_set(NULL);
        dsi_queue_resign(other);
        dsi_queue_leave(other, &t);
    }
}

static void
test_storage_queue_recess__is_given_up_where_it_cannot_be_written(void **state)
{
    (void)state;

    lead_often();
    struct dsi_ticket t = queue_publish(q, "own");
    assert_true(dsi_queue_try_lead(q));
    posix_double_start("pwrite", 1, -ENOSPC);
    dsi_queue_recess(q);
    posix_double_stop();
    assert_true(dsi_queue_try_lead(other));
    dsi_queue_leave(q, &t);
}

int main(void)
{
#define RECESS_TEST(name) cmocka_unit_test_setup_teardown(name, make, end)
    static const struct CMUnitTest tests[] = {
        RECESS_TEST(test_storage_queue_recess__is_for_who_comes_back_at_once),
        RECESS_TEST(test_storage_queue_recess__is_for_who_is_away_a_round_at_most),
        RECESS_TEST(test_storage_queue_recess__ends_by_itself),
        RECESS_TEST(test_storage_queue_recess__ends_when_the_clock_wraps),
        RECESS_TEST(test_storage_queue_recess__says_nothing_when_it_is_damaged),
        RECESS_TEST(test_storage_queue_recess__is_over_when_it_leads_again),
        RECESS_TEST(test_storage_queue_recess__is_not_for_who_leaves_others_out),
        RECESS_TEST(test_storage_queue_recess__keeps_waiters_no_longer_than_that),
        RECESS_TEST(test_storage_queue_recess__is_given_up_where_it_cannot_be_written),
    };
    return cmocka_run_group_tests_name("storage_queue_recess", tests, NULL, NULL);
}
