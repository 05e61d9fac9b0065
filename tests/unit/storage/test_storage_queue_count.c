#include "queue_fixture.h"

static void test_storage_queue_count__adds_up(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue_counters more;
    struct dsi_queue_view view;
    (void)state;

    memset(&more, 0, sizeof more);
    more.groups = 1;
    more.appends = 5;
    more.round_us_max = 9;
    more.wait_bins[63] = 2;
    more.size_bins[9] = 3;
    assert_true(dsi_queue_try_lead(q));
    dsi_queue_count(q, &more);
    more.round_us_max = 4;
    dsi_queue_count(q, &more);
    assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
    assert_int_equal(view.counters.groups, 2);
    assert_int_equal(view.counters.appends, 10);
    assert_int_equal(view.counters.round_us_max, 9);
    assert_int_equal(view.counters.wait_bins[63], 4);
    assert_int_equal(view.counters.size_bins[9], 6);
    assert_int_equal(view.counters.leaders, 1);
    assert_int_equal(view.counters.takeovers, 0);
    dsi_queue_resign(q);
    assert_true(dsi_queue_try_lead(q));
    dsi_queue_resign(q);
    assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
    assert_int_equal(view.counters.leaders, 2);
    // What is damaged starts anew.
    queue_scribble(DSI_QUEUE_AT_COUNTERS + 20, "x", 1);
    assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
    assert_int_equal(view.counters.groups, 0);
    dsi_queue_count(q, &more);
    assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
    assert_int_equal(view.counters.groups, 1);
    dsi_queue_free(q);
}

static uint64_t appends_of(struct dsi_queue *q)
{
    struct dsi_queue_view view;
    assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
    assert_int_equal(view.counters.bytes, view.counters.appends);
    return view.counters.appends;
}

// Claims all there is, counts it as committed, and leaves the receipts.
static void commit_all(struct dsi_queue *q, size_t expected)
{
    static const struct dsi_queue_counters none = {0};
    struct dsi_claim *claims = NULL;
    size_t count = queue_claim(q, &claims);

    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++) {
        dsi_queue_count_member(q, &claims[i]);
    }
    dsi_queue_count(q, &none);
    for (size_t i = 0; i < count; i++) {
        dsi_queue_answer(q, &claims[i], &queue_committed);
    }
}

// The first is taken over after it has claimed, and wakes up when all is done.
static void test_storage_queue_count__counts_a_member_of_two_leaders_once(void **state)
{
    static const struct dsi_queue_counters none = {0};
    struct dsi_queue *owner = queue_open();
    struct dsi_queue *first = queue_open();
    struct dsi_queue *second = queue_open();
    struct dsi_claim *claims = NULL;
    (void)state;

    assert_true(dsi_queue_try_lead(first));
    struct dsi_ticket a = queue_publish(owner, "a");
    struct dsi_ticket b = queue_publish(owner, "b");
    assert_int_equal(queue_claim(first, &claims), 2);
    assert_true(dsi_queue_take_over(second, first->epoch, 1));
    commit_all(second, 2);
    assert_int_equal(appends_of(owner), 2);
    dsi_queue_leave(owner, &a);
    a = queue_publish(owner, "c"); // In the same slot.
    commit_all(second, 1);
    dsi_queue_count_member(first, &claims[1]);
    dsi_queue_count(first, &none);
    dsi_queue_answer(first, &claims[1], &queue_committed);
    assert_int_equal(appends_of(owner), 3);
    dsi_queue_leave(owner, &a);
    dsi_queue_leave(owner, &b);
    dsi_queue_free(first);
    dsi_queue_free(second);
    dsi_queue_free(owner);
}

// Another is stopped while it adds; what it adds later must not undo what was added
// since.
static void test_storage_queue_count__waits_for_nobody_and_forgets_nothing(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *reader = queue_open();
    struct dsi_queue_view view;
    int fd = open(queue_path, O_RDWR | O_CLOEXEC);
    (void)state;

    assert_true(dsi_queue_try_lead(q));
    assert_int_equal(dsi_posix()->lock_byte(fd, DSI_QUEUE_LOCK_COUNT), 0);
    for (int i = 0; i < 3; i++) { // Three times in one slot.
        struct dsi_ticket t = queue_publish(q, "x");
        commit_all(q, 1);
        dsi_queue_leave(q, &t);
    }
    dsi_queue_resign(q);
    assert_int_equal(appends_of(reader), 0);
    close(fd);
    dsi_queue_free(q);
    assert_int_equal(appends_of(reader), 3);
    assert_int_equal(dsi_queue_look(reader, &view, NULL), DS_OK);
    assert_int_equal(view.counters.leaders, 1);
    dsi_queue_free(reader);
}

static void test_storage_queue_count__shows_the_queue(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *reader = NULL;
    struct dsi_queue_view view;
    struct dsi_claim *claims = NULL;
    (void)state;

    assert_int_equal(dsi_queue_find(queue_path, &reader, NULL), DS_OK);
    for (int i = 0; i < 2; i++) {
        struct dsi_queue *looks = i ? reader : q;
        assert_int_equal(dsi_queue_look(looks, &view, NULL), DS_OK);
        assert_int_equal(view.leader_pid, 0);
        assert_int_equal(view.slots_used, 0);
        assert_true(view.since_ms > 0);
    }
    assert_true(dsi_queue_try_lead(q));
    queue_publish(q, "a");
    queue_publish(q, "b");
    assert_int_equal(queue_claim(q, &claims), 2);
    dsi_queue_answer(q, &claims[0], &queue_committed);
    queue_publish(q, "c");
    for (int i = 0; i < 2; i++) {
        struct dsi_queue *looks = i ? reader : q;
        assert_int_equal(dsi_queue_look(looks, &view, NULL), DS_OK);
        assert_int_equal(view.leader_pid, getpid());
        assert_int_equal(view.slots_used, 3);
        assert_int_equal(view.claimed, 1);
        assert_int_equal(view.published, 1);
    }
    dsi_queue_free(q);
    assert_int_equal(dsi_queue_look(reader, &view, NULL), DS_OK);
    assert_int_equal(view.leader_pid, 0);
    assert_int_equal(view.slots_used, 0);
    assert_int_equal(view.published, 0);
    dsi_queue_free(reader);
}

static void test_storage_queue_count__keeps_a_note(void **state)
{
    struct dsi_queue *q = queue_open();
    uint8_t out[DSI_QUEUE_NOTE_MAX];
    uint8_t full[DSI_QUEUE_NOTE_MAX + 1] = {1, 2, 3};
    (void)state;

    assert_int_equal(dsi_queue_note(q, out), 0);
    dsi_queue_set_note(q, queue_text("version 7"));
    assert_int_equal(dsi_queue_note(q, out), 9);
    assert_memory_equal(out, "version 7", 9);
    dsi_queue_set_note(q, (struct ds_slice){full, DSI_QUEUE_NOTE_MAX});
    assert_int_equal(dsi_queue_note(q, out), DSI_QUEUE_NOTE_MAX);
    dsi_queue_set_note(q, (struct ds_slice){full, sizeof full}); // Too long for one.
    assert_int_equal(dsi_queue_note(q, out), 0);
    dsi_queue_set_note(q, queue_text("version 8"));
    queue_scribble(DSI_QUEUE_AT_NOTE + 17, "x", 1);
    assert_int_equal(dsi_queue_note(q, out), 0);
    dsi_queue_free(q);
}

static void test_storage_queue_count__has_eight_bins_to_a_factor_of_ten(void **state)
{
    const int64_t ends[] = {10, 13, 18, 24, 32, 42, 56, 75, 100, 133};
    (void)state;

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        assert_int_equal(dsi_queue_bin_us(i), ends[i]);
        assert_int_equal(dsi_queue_bin_of(ends[i]), i);
        assert_int_equal(dsi_queue_bin_of(ends[i] + 1), i + 1);
    }
    assert_int_equal(dsi_queue_bin_of(-5), 0);
    assert_int_equal(dsi_queue_bin_us(56), 100000000);
    assert_int_equal(dsi_queue_bin_of(INT64_MAX), DSI_QUEUE_WAIT_BINS - 1);
    const size_t members[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
    for (size_t i = 0; i < DSI_QUEUE_SIZE_BINS; i++) {
        assert_int_equal(dsi_queue_size_bin_of(members[i]), i);
    }
    assert_int_equal(dsi_queue_size_bin_of(3), 2);
    assert_int_equal(dsi_queue_size_bin_of(SIZE_MAX), 9);
}

int main(void)
{
#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, queue_make, queue_end)
    static const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_storage_queue_count__adds_up),
        QUEUE_TEST(test_storage_queue_count__counts_a_member_of_two_leaders_once),
        QUEUE_TEST(test_storage_queue_count__waits_for_nobody_and_forgets_nothing),
        QUEUE_TEST(test_storage_queue_count__shows_the_queue),
        QUEUE_TEST(test_storage_queue_count__keeps_a_note),
        QUEUE_TEST(test_storage_queue_count__has_eight_bins_to_a_factor_of_ten),
    };
    return cmocka_run_group_tests_name("storage_queue_count", tests, NULL, NULL);
}
