#include "queue_fixture.h"

static void test_storage_queue_lead__is_one_at_a_time(void **state)
{
    struct dsi_queue *a = queue_open();
    struct dsi_queue *b = queue_open();
    (void)state;

    assert_false(dsi_queue_beat(a)); // Nobody leads.
    assert_true(dsi_queue_try_lead(a));
    assert_false(dsi_queue_try_lead(a));
    assert_false(dsi_queue_try_lead(b));
    assert_true(dsi_queue_beat(a));
    assert_false(dsi_queue_beat(b));
    dsi_queue_resign(b); // It has nothing to give up.
    assert_false(dsi_queue_try_lead(b));
    dsi_queue_resign(a);
    assert_true(dsi_queue_try_lead(b));
    assert_false(dsi_queue_beat(a));
    dsi_queue_free(b);
    assert_true(dsi_queue_try_lead(a));
    dsi_queue_free(a);
}

static void test_storage_queue_lead__claims_in_the_order_of_publication(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *other = queue_open();
    struct dsi_claim *claims = NULL;
    size_t count = 0;
    (void)state;

    struct dsi_ticket first = queue_publish(other, "zero");
    dsi_queue_leave(other, &first); // Published last, in the first slot.
    queue_publish(q, "a");
    queue_publish(q, "bb");
    queue_publish(other, "ccc");
    assert_int_equal(queue_claim(q, &claims), 3);
    assert_memory_equal(claims[0].intent.data, "a", 1);
    assert_memory_equal(claims[1].intent.data, "bb", 2);
    assert_memory_equal(claims[2].intent.data, "ccc", 3);
    assert_true(claims[0].published_ns <= claims[1].published_ns);
    assert_true(claims[2].published_ns <= dsi_clock_monotonic_ns());

    const size_t counts[] = {1, 1, 1, 2, 2, 2, 3}; // By the bytes that are allowed.
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        assert_int_equal(dsi_queue_claim(q, i, &queue_arena, &claims, &count, NULL),
                         DS_OK);
        assert_int_equal(count, counts[i]);
    }
    dsi_queue_free(q);
    dsi_queue_free(other);
}

static void test_storage_queue_lead__answers_only_whom_it_claimed(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *leader = queue_open();
    struct dsi_claim *old = NULL;
    struct dsi_receipt r;
    (void)state;

    assert_true(dsi_queue_try_lead(leader));
    struct dsi_ticket t = queue_publish(q, "one");
    assert_int_equal(queue_claim(leader, &old), 1);
    assert_true(dsi_queue_withdraw(q, &t));
    dsi_queue_leave(q, &t);
    t = queue_publish(q, "two");
    dsi_queue_answer(leader, &old[0], &queue_committed);
    assert_int_equal(dsi_queue_wait(q, &t, queue_until(2000000), &r), DSI_QUEUE_LATE);
    assert_false(dsi_queue_still_wanted(leader, &old[0]));
    dsi_queue_free(q);
    dsi_queue_free(leader);
}

static void test_storage_queue_lead__awaits_as_many_as_it_wants(void **state)
{
    struct dsi_queue *leader = queue_open();
    struct dsi_claim *claims = NULL;
    (void)state;

    assert_true(dsi_queue_try_lead(leader));
    int64_t start = dsi_clock_monotonic_ns();
    dsi_queue_await(leader, 1, 5000000);
    assert_true(dsi_clock_monotonic_ns() - start >= 5000000);
    queue_publish(leader, "own");
    dsi_queue_await(leader, 1, 600 * SECOND); // It is there.
    pid_t child = fork();
    if (child == 0) {
        struct dsi_queue *q = queue_open();
        const struct dsi_uuid id = dsi_uuid_v4();
        struct dsi_ticket t;
        struct dsi_receipt r;
        bool good = true;
        for (int i = 0; i < 2; i++) {
            dsi_sleep_ns(3000000);
            good = good && q &&
                   dsi_queue_publish(q, &id, queue_text("c"), &t, NULL) == DS_OK;
        }
        good = good && dsi_queue_wait(q, &t, INT64_MAX, &r) == DSI_QUEUE_RECEIPT;
        _exit(good ? 0 : 1);
    }
    dsi_queue_await(leader, 3, 600 * SECOND);
    assert_int_equal(queue_claim(leader, &claims), 3);
    dsi_queue_await(leader, 1, 1000000); // What is claimed does not count.
    dsi_queue_answer(leader, &claims[2], &queue_committed);
    queue_wait_child(child);
    dsi_queue_free(leader);
}

int main(void)
{
#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, queue_make, queue_end)
    static const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_storage_queue_lead__is_one_at_a_time),
        QUEUE_TEST(test_storage_queue_lead__claims_in_the_order_of_publication),
        QUEUE_TEST(test_storage_queue_lead__answers_only_whom_it_claimed),
        QUEUE_TEST(test_storage_queue_lead__awaits_as_many_as_it_wants),
    };
    return cmocka_run_group_tests_name("storage_queue_lead", tests, NULL, NULL);
}
