#include "queue_fixture.h"

static void test_storage_queue__makes_a_lone_writer_its_own_leader(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_receipt r = {0};
    struct dsi_claim *claims = NULL;
    (void)state;

    assert_non_null(q);
    struct dsi_ticket t = queue_publish(q, "one");
    assert_int_equal(dsi_queue_wait(q, &t, queue_until(SECOND), &r), DSI_QUEUE_LEAD);
    assert_int_equal(queue_claim(q, &claims), 1);
    assert_int_equal(claims[0].intent.size, 3);
    assert_memory_equal(claims[0].intent.data, "one", 3);
    assert_true(dsi_queue_still_wanted(q, &claims[0]));
    assert_true(dsi_queue_beat(q));
    dsi_queue_answer(q, &claims[0], &queue_committed);
    assert_int_equal(dsi_queue_wait(q, &t, queue_until(SECOND), &r), DSI_QUEUE_RECEIPT);
    assert_int_equal(r.kind, DSI_RECEIPT_COMMITTED);
    assert_int_equal(r.group_size, 2);
    assert_int_equal(r.swaps, 3);
    assert_int_equal(r.conflicts, 2);
    assert_int_equal(r.snapshot_id, 77);
    assert_int_equal(r.sequence_number, 8);
    assert_int_equal(queue_claim(q, &claims), 0); // It has a receipt.
    dsi_queue_leave(q, &t);
    dsi_queue_resign(q);
    dsi_queue_free(q);
    dsi_queue_free(NULL);
}

static void test_storage_queue__keeps_a_slot_for_the_next_intent(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *other = queue_open();
    (void)state;

    struct dsi_ticket a = queue_publish(q, "a");
    struct dsi_ticket b = queue_publish(other, "b");
    assert_int_not_equal(a.slot, b.slot);
    assert_false(dsi_queue_withdraw(q, &a));
    dsi_queue_leave(q, &a);
    struct dsi_ticket again = queue_publish(q, "c");
    assert_int_equal(again.slot, a.slot);
    assert_int_equal(again.generation, a.generation + 1);
    dsi_queue_free(q); // Its slot is the next one's, who goes on counting.
    q = queue_open();
    struct dsi_ticket taken = queue_publish(q, "d");
    assert_int_equal(taken.slot, a.slot);
    assert_int_equal(taken.generation, a.generation + 2);
    dsi_queue_free(q);
    dsi_queue_free(other);
}

static void test_storage_queue__tells_when_all_slots_are_taken(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *other = queue_open();
    struct dsi_ticket t;
    struct dsi_ticket last;
    struct ds_error err = {0};
    const struct dsi_uuid id = dsi_uuid_v4();
    (void)state;

    for (int i = 0; i < DSI_QUEUE_SLOTS; i++) {
        last = queue_publish(i % 2 ? q : other, "x");
    }
    assert_int_equal(dsi_queue_publish(q, &id, queue_text("y"), &t, &err), DS_ENOSPACE);
    assert_non_null(strstr(err.message, "256 slots are taken"));
    assert_int_equal(dsi_queue_publish(other, &id, queue_text("y"), &t, &err),
                     DS_ENOSPACE);
    dsi_queue_leave(q, &last); // Its own again, but nobody else's.
    assert_int_equal(dsi_queue_publish(other, &id, queue_text("y"), &t, &err),
                     DS_ENOSPACE);
    assert_int_equal(dsi_queue_publish(q, &id, queue_text("y"), &t, &err), DS_OK);
    assert_int_equal(t.slot, last.slot);
    dsi_queue_free(other);
    t = queue_publish(q, "z");
    assert_int_equal(t.slot, 0);
    dsi_queue_free(q);
}

static void test_storage_queue__refuses_an_intent_that_is_too_large(void **state)
{
    static uint8_t large[DSI_QUEUE_INTENT_MAX + 1];
    struct dsi_queue *q = queue_open();
    struct dsi_claim *claims = NULL;
    struct dsi_ticket t;
    const struct dsi_uuid id = dsi_uuid_v4();
    (void)state;

    memset(large, 7, sizeof large);
    assert_int_equal(
        dsi_queue_publish(q, &id, (struct ds_slice){large, sizeof large}, &t, NULL),
        DS_EINVALID);
    assert_int_equal(
        dsi_queue_publish(q, &id, (struct ds_slice){large, sizeof large - 1}, &t, NULL),
        DS_OK);
    struct dsi_ticket empty;
    assert_int_equal(dsi_queue_publish(q, &id, (struct ds_slice){NULL, 0}, &empty, NULL),
                     DS_OK);
    assert_int_equal(queue_claim(q, &claims), 2);
    assert_int_equal(claims[0].intent.size, DSI_QUEUE_INTENT_MAX);
    assert_memory_equal(claims[0].intent.data, large, DSI_QUEUE_INTENT_MAX);
    assert_int_equal(claims[1].intent.size, 0);
    dsi_queue_free(q);
}

static void test_storage_queue__says_of_a_withdrawal_whether_it_was_claimed(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *leader = queue_open();
    struct dsi_claim *claims = NULL;
    (void)state;

    assert_true(dsi_queue_try_lead(leader));
    struct dsi_ticket early = queue_publish(q, "early");
    assert_false(dsi_queue_withdraw(q, &early));
    assert_int_equal(queue_claim(leader, &claims), 0);
    dsi_queue_leave(q, &early);

    struct dsi_ticket late = queue_publish(q, "late");
    assert_int_equal(queue_claim(leader, &claims), 1);
    assert_true(dsi_queue_still_wanted(leader, &claims[0]));
    assert_true(dsi_queue_withdraw(q, &late));
    assert_false(dsi_queue_still_wanted(leader, &claims[0]));
    dsi_queue_leave(q, &late);

    // The claim of an older generation is none of the next one's.
    late = queue_publish(q, "next");
    assert_false(dsi_queue_withdraw(q, &late));
    dsi_queue_leave(q, &late);
    dsi_queue_free(q);
    dsi_queue_free(leader);
}

// A leader that was stopped between reading and claiming writes over the claim of the
// one that came after it.
static void test_storage_queue__does_not_lose_a_claim_under_a_late_one(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *leader = queue_open();
    struct dsi_claim *claims = NULL;
    struct dsi_queue_claim stale;
    (void)state;

    struct dsi_ticket t = queue_publish(q, "one");
    assert_int_equal(queue_claim(leader, &claims), 1);
    assert_true(dsi_queue_get(leader, dsi_queue_at_claim(t.slot), &stale, sizeof stale));
    assert_true(dsi_queue_withdraw(q, &t));
    dsi_queue_leave(q, &t);
    t = queue_publish(q, "two");
    assert_int_equal(queue_claim(leader, &claims), 1);
    stale.nonce += UINT64_C(1) << 40; // Its next claim of generation one.
    queue_scribble(dsi_queue_at_claim(t.slot), &stale, sizeof stale);
    assert_true(dsi_queue_withdraw(q, &t));
    dsi_queue_free(q);
    dsi_queue_free(leader);
}

static void test_storage_queue__waits_until_it_is_late(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *leader = queue_open();
    struct dsi_receipt r;
    (void)state;

    assert_true(dsi_queue_try_lead(leader));
    struct dsi_ticket t = queue_publish(q, "one");
    int64_t start = dsi_clock_monotonic_ns();
    assert_int_equal(dsi_queue_wait(q, &t, start + 25000000, &r), DSI_QUEUE_LATE);
    assert_true(dsi_clock_monotonic_ns() - start >= 25000000);
    assert_int_equal(dsi_queue_wait(q, &t, start, &r), DSI_QUEUE_LATE);
    dsi_queue_free(leader); // With its leadership.
    assert_int_equal(dsi_queue_wait(q, &t, start, &r), DSI_QUEUE_LATE);
    assert_int_equal(dsi_queue_wait(q, &t, INT64_MAX, &r), DSI_QUEUE_LEAD);
    dsi_queue_free(q);
}

int main(void)
{
#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, queue_make, queue_end)
    static const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_storage_queue__makes_a_lone_writer_its_own_leader),
        QUEUE_TEST(test_storage_queue__keeps_a_slot_for_the_next_intent),
        QUEUE_TEST(test_storage_queue__tells_when_all_slots_are_taken),
        QUEUE_TEST(test_storage_queue__refuses_an_intent_that_is_too_large),
        QUEUE_TEST(test_storage_queue__says_of_a_withdrawal_whether_it_was_claimed),
        QUEUE_TEST(test_storage_queue__does_not_lose_a_claim_under_a_late_one),
        QUEUE_TEST(test_storage_queue__waits_until_it_is_late),
    };
    return cmocka_run_group_tests_name("storage_queue", tests, NULL, NULL);
}
