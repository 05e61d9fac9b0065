#include "base/fault.h"
#include "queue_fixture.h"
#include "storage/storage_posix.h"

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

// ---- Leaders that die or stop
// ----------------------------------------------------------

// A child that leads, tells so, and then does what `then` says until it is killed.
static pid_t start_leader(int tell, void (*then)(struct dsi_queue *q))
{
    pid_t child = fork();

    if (child == 0) {
        struct dsi_queue *q = queue_open();
        alarm(120);
        if (q && dsi_queue_try_lead(q) && write(tell, "x", 1) == 1) {
            then(q);
        }
        _exit(1);
    }
    return child;
}

static void sleep_on(struct dsi_queue *q)
{
    (void)q;
    pause();
}

static void test_storage_queue_lead__passes_from_the_killed_to_a_waiter(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue_view view;
    struct dsi_receipt r;
    int64_t best = INT64_MAX;
    int tell[2];
    char byte = 0;
    (void)state;

    assert_int_equal(pipe(tell), 0);
    struct dsi_ticket t = queue_publish(q, "x");
    for (int i = 0; i < 5; i++) {
        pid_t child = start_leader(tell[1], sleep_on);
        assert_int_equal(read(tell[0], &byte, 1), 1);
        assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
        assert_int_equal(view.leader_pid, child);
        assert_int_equal(dsi_queue_wait(q, &t, queue_until(3000000), &r), DSI_QUEUE_LATE);
        int64_t start = dsi_clock_monotonic_ns();
        kill(child, SIGKILL);
        assert_int_equal(dsi_queue_wait(q, &t, INT64_MAX, &r), DSI_QUEUE_LEAD);
        int64_t took = dsi_clock_monotonic_ns() - start;
        best = took < best ? took : best;
        assert_int_equal(waitpid(child, NULL, 0), child);
        dsi_queue_resign(q);
    }
    print_message("took %lld us\n", (long long)(best / 1000));
    assert_true(best < 100000000); // A poll is 10 ms; the machine may be busy.
    assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
    assert_int_equal(view.counters.takeovers, 0);
    close(tell[0]);
    close(tell[1]);
    dsi_queue_free(q);
}

static struct dsi_claim *stopped_claims; // Of the child below.

// Claims, is stopped by itself, and looks around when it goes on.
static void claim_and_stop(struct dsi_queue *q)
{
    size_t count = 0;

    if (dsi_queue_claim(q, SIZE_MAX, &queue_arena, &stopped_claims, &count, NULL) < 0 ||
        count != 1) {
        _exit(2);
    }
    raise(SIGSTOP);
    dsi_queue_answer(q, &stopped_claims[0], &queue_committed); // The slot is another's.
    if (dsi_queue_still_wanted(q, &stopped_claims[0]) || dsi_queue_beat(q) ||
        dsi_queue_try_lead(q)) {
        _exit(3);
    }
    dsi_queue_resign(q); // It has nothing to give up.
    dsi_queue_free(q);
    _exit(0);
}

static void test_storage_queue_lead__is_taken_over_from_the_stopped(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *other = queue_open();
    struct dsi_queue_view view;
    struct dsi_receipt r;
    int tell[2];
    int status = 0;
    char byte = 0;
    (void)state;

    assert_int_equal(pipe(tell), 0);
    struct dsi_ticket t = queue_publish(q, "x");
    pid_t child = start_leader(tell[1], claim_and_stop);
    assert_int_equal(read(tell[0], &byte, 1), 1);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    int64_t start = dsi_clock_monotonic_ns();
    assert_int_equal(dsi_queue_wait(q, &t, queue_until(60 * SECOND), &r), DSI_QUEUE_LEAD);
    int64_t took = dsi_clock_monotonic_ns() - start;
    print_message("took %lld ms\n", (long long)(took / 1000000));
    assert_true(took >= DSI_QUEUE_STUCK_NS && took < 20 * SECOND);
    assert_true(dsi_queue_beat(q));
    assert_false(dsi_queue_try_lead(other));
    assert_true(dsi_queue_withdraw(q, &t)); // The stopped one has claimed it.
    dsi_queue_leave(q, &t);
    t = queue_publish(q, "y");

    kill(child, SIGCONT);
    queue_wait_child(child);
    assert_true(dsi_queue_beat(q));
    assert_int_equal(dsi_queue_wait(q, &t, queue_until(3000000), &r), DSI_QUEUE_LATE);
    assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
    assert_int_equal(view.leader_pid, getpid());
    assert_int_equal(view.epoch, 1);
    dsi_queue_resign(q);
    assert_true(dsi_queue_try_lead(other)); // Of the new epoch, which it did not know.
    assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
    assert_int_equal(view.counters.takeovers, 1);
    close(tell[0]);
    close(tell[1]);
    dsi_queue_free(q);
    dsi_queue_free(other);
}

// A waiter was stopped just as it took over: it holds the next epoch's lock and does not
// say so.
static void test_storage_queue_lead__is_taken_over_past_a_stopped_successor(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *leader = queue_open();
    struct dsi_queue *successor = queue_open();
    struct dsi_receipt r;
    (void)state;

    assert_true(dsi_queue_try_lead(leader));
    assert_int_equal(dsi_posix()->lock_byte(successor->file.fd, DSI_QUEUE_LOCK_LEAD + 1),
                     0);
    struct dsi_ticket t = queue_publish(q, "x");
    assert_int_equal(dsi_queue_wait(q, &t, queue_until(60 * SECOND), &r), DSI_QUEUE_LEAD);
    assert_true(dsi_queue_beat(q));
    assert_false(dsi_queue_beat(leader));
    assert_false(dsi_queue_take_over(successor, 0, 1)); // Too late.
    assert_true(dsi_queue_beat(q));
    dsi_queue_free(q);
    dsi_queue_free(leader);
    dsi_queue_free(successor);
}

// A read that saw the next state with the last intent: that is no intent.
static void test_storage_queue_lead__takes_no_old_intent_for_a_new_one(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_claim *claims = NULL;
    (void)state;

    struct dsi_ticket t = queue_publish(q, "x");
    assert_false(dsi_queue_withdraw(q, &t));
    uint32_t next = dsi_queue_slot_word(t.generation + 1, DSI_SLOT_PUBLISHED);
    for (size_t size = 1; size <= sizeof next; size++) { // Little-endian, torn anywhere.
        queue_scribble(dsi_queue_at_slot(t.slot) + offsetof(struct dsi_queue_slot, word),
                       &next, size);
        assert_int_equal(queue_claim(q, &claims), 0);
    }
    dsi_queue_free(q);
}

struct stuck {
    struct dsi_queue *q;
    _Atomic int stage;
    bool leads;
    bool beats;
};

static void lead_and_stall(void *arg)
{
    struct stuck *s = arg;

    s->leads = dsi_queue_try_lead(s->q);
    atomic_store(&s->stage, 1);
    while (atomic_load(&s->stage) == 1) {
        sched_yield();
    }
    s->beats = dsi_queue_beat(s->q);
    dsi_queue_resign(s->q);
}

static void test_storage_queue_lead__is_a_threads_not_a_handles(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *other = queue_open();
    struct stuck stuck = {.q = q};
    struct dsi_thread *thread = NULL;
    struct dsi_receipt r;
    (void)state;

    assert_int_equal(dsi_thread_start(&thread, lead_and_stall, &stuck, NULL), DS_OK);
    while (atomic_load(&stuck.stage) == 0) {
        sched_yield();
    }
    struct dsi_ticket t = queue_publish(q, "x");
    enum dsi_queue_event e = dsi_queue_wait(q, &t, queue_until(60 * SECOND), &r);
    atomic_store(&stuck.stage, 2);
    dsi_thread_join(thread);
    assert_int_equal(e, DSI_QUEUE_LEAD);
    assert_true(stuck.leads);
    assert_false(stuck.beats);
    assert_true(dsi_queue_beat(q));
    assert_false(dsi_queue_try_lead(other));
    dsi_queue_resign(q);
    assert_true(dsi_queue_try_lead(other));
    dsi_queue_free(q);
    dsi_queue_free(other);
}

// ---- Waking up
// -------------------------------------------------------------------------

static struct dsi_posix_ops patient;

static int wait_long(const void *word, uint32_t expected, int64_t ns)
{
    (void)ns;
    return posix_double.real->futex_wait(word, expected, 30 * SECOND);
}

// Without the poll that makes up for lost wake-ups, every hand-over must ring its bell.
static void
test_storage_queue_lead__wakes_whom_it_answers_and_who_leads_next(void **state)
{
    enum { CHILDREN = 3, ROUNDS = 200 };
    pid_t children[CHILDREN];
    (void)state;

    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct dsi_queue *q = queue_open();
            posix_double_start(NULL, 0, 0);
            patient = *posix_double.real;
            patient.futex_wait = wait_long;
            dsi_posix_set(&patient);
            alarm(20);
            for (int n = 0; n < ROUNDS; n++) {
                struct dsi_claim *claims = NULL;
                const struct dsi_uuid id = dsi_uuid_v4();
                size_t count = 0;
                struct dsi_ticket t;
                struct dsi_receipt r;
                if (dsi_queue_publish(q, &id, queue_text("x"), &t, NULL) < 0) {
                    _exit(1);
                }
                while (dsi_queue_wait(q, &t, INT64_MAX, &r) == DSI_QUEUE_LEAD) {
                    if (dsi_queue_claim(q, SIZE_MAX, &queue_arena, &claims, &count,
                                        NULL) < 0) {
                        _exit(2);
                    }
                    for (size_t k = 0; k < count; k++) {
                        dsi_queue_answer(q, &claims[k], &queue_committed);
                    }
                    dsi_queue_resign(q);
                }
                if (r.kind != DSI_RECEIPT_COMMITTED) {
                    _exit(3);
                }
                dsi_queue_leave(q, &t);
            }
            dsi_queue_free(q);
            _exit(0);
        }
    }
    for (int i = 0; i < CHILDREN; i++) {
        queue_wait_child(children[i]);
    }
}

// ---- Failures
// --------------------------------------------------------------------------

static void test_storage_queue_lead__sends_away_what_is_damaged(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_claim *claims = NULL;
    struct dsi_receipt r;
    (void)state;

    struct dsi_ticket bad = queue_publish(q, "intent");
    struct dsi_ticket worse = queue_publish(q, "another");
    struct dsi_ticket good = queue_publish(q, "third");
    queue_scribble(dsi_queue_at_intent(bad.slot) + 2, "x", 1);
    queue_scribble(dsi_queue_at_slot(worse.slot) + 33, "x", 1); // Its size.
    assert_int_equal(queue_claim(q, &claims), 1);
    assert_int_equal(claims[0].ticket.slot, good.slot);
    assert_int_equal(dsi_queue_wait(q, &bad, INT64_MAX, &r), DSI_QUEUE_RECEIPT);
    assert_int_equal(r.kind, DSI_RECEIPT_ALONE);
    assert_int_equal(r.snapshot_id, -1);
    assert_int_equal(dsi_queue_wait(q, &good, INT64_MAX, &r), DSI_QUEUE_LEAD);
    dsi_queue_free(q);
}

// Whatever call fails: an error or less than there is, and never a wrong answer.
static void test_storage_queue_lead__survives_every_failing_call(void **state)
{
    const char *calls[] = {"pread", "pwrite", "lock_byte", "unlock_byte", "test_byte"};
    const int codes[] = {-EIO, -ENOSPC, -EINTR};
    size_t failed = 0;
    (void)state;

    for (uint32_t i = 0; i < 5 * 3 * 40; i++) {
        struct dsi_queue *q = queue_open();
        struct dsi_queue *leader = queue_open();
        struct dsi_claim *claims = NULL;
        struct dsi_receipt r;
        size_t count = 0;
        struct dsi_ticket a = queue_publish(q, "a");
        struct dsi_ticket b = queue_publish(q, "b");
        posix_double_start(calls[i % 5], i / 15 + 1, codes[i / 5 % 3]);
        posix_double.lasting = i % 2;
        posix_double.cut = i % 3 == 0 ? 7 : 0; // Calls that do less than asked.
        if (i % 2 && codes[i / 5 % 3] == -EINTR) {
            posix_double.lasting = false; // That would be for ever.
        }
        bool leads = dsi_queue_try_lead(leader);
        int rc = dsi_queue_claim(leader, SIZE_MAX, &queue_arena, &claims, &count, NULL);
        for (size_t k = 0; rc == DS_OK && k < count; k++) {
            if (dsi_queue_still_wanted(leader, &claims[k])) {
                dsi_queue_answer(leader, &claims[k], &queue_committed);
            }
        }
        bool beats = dsi_queue_beat(leader);
        dsi_queue_resign(leader);
        posix_double_stop();
        failed += rc < 0 || !leads || !beats || count < 2;
        assert_true(rc == DS_OK || count == 0 || claims);
        for (int k = 0; k < 2; k++) {
            enum dsi_queue_event e = dsi_queue_wait(q, k ? &b : &a, 0, &r);
            assert_true(e == DSI_QUEUE_LATE || e == DSI_QUEUE_RECEIPT);
            // Sent away alone: its intent could not be read.
            assert_true(e == DSI_QUEUE_LATE || r.kind == DSI_RECEIPT_ALONE ||
                        r.snapshot_id == 77);
        }
        dsi_queue_free(q);
        dsi_queue_free(leader);
    }
    assert_true(failed > 50);
}

static void test_storage_queue_lead__survives_every_fault_point(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_queue *q = NULL;
        struct dsi_claim *claims = NULL;
        struct ds_error err = {0};
        struct dsi_receipt r;
        struct dsi_ticket t;
        size_t count = 0;
        const struct dsi_uuid id = dsi_uuid_v4();
        int rc = dsi_queue_open(queue_path, &q, &err);
        rc = rc ? rc : dsi_queue_publish(q, &id, queue_text("x"), &t, &err);
        if (rc == DS_OK && dsi_queue_wait(q, &t, INT64_MAX, &r) == DSI_QUEUE_LEAD) {
            dsi_queue_await(q, 1, SECOND);
            rc = dsi_queue_claim(q, SIZE_MAX, &queue_arena, &claims, &count, &err);
            if (count == 1 && dsi_queue_beat(q)) {
                dsi_queue_answer(q, &claims[0], &queue_committed);
            }
            dsi_queue_resign(q);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_queue_free(q);
        unlink(queue_path);
        dsi_arena_release(&queue_arena);
    }
    assert_true(plan.target > 10);
}

static bool is_free(struct dsi_queue *q, uint32_t epoch)
{
    bool got = dsi_posix()->lock_byte(q->file.fd, DSI_QUEUE_LOCK_LEAD + epoch) == 0;

    if (got) {
        dsi_posix()->unlock_byte(q->file.fd, DSI_QUEUE_LOCK_LEAD + epoch);
    }
    return got;
}

// The lock of an epoch is whose it says, and nobody's when there is no leader of it.
static void test_storage_queue_lead__keeps_the_lock_of_its_epoch_alone(void **state)
{
    struct dsi_queue *a = queue_open();
    struct dsi_queue *b = queue_open();
    struct dsi_queue_control c;
    int64_t kept_ns = 0;
    (void)state;

    assert_true(dsi_queue_lead(a, &c, &kept_ns));
    const uint32_t epoch = c.epoch;
    assert_false(is_free(b, epoch));
    assert_false(dsi_queue_take_over(b, epoch + 5, 1)); // That one has passed.
    assert_true(is_free(a, epoch + 6));
    assert_true(dsi_queue_take_over(a, epoch, 1)); // From a thread of the same handle.
    assert_true(is_free(b, epoch));
    assert_false(is_free(b, epoch + 1));
    dsi_queue_resign(a);
    assert_true(is_free(b, epoch + 1));
    // Whoever saw the old epoch stand still may lead the next one, which has begun.
    assert_true(dsi_queue_take_over(b, epoch, 1));
    assert_true(dsi_queue_beat(b));
    dsi_queue_free(b);
    dsi_queue_free(a);
}

static void test_storage_queue_lead__knows_what_nobody_has_claimed_before(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *other = queue_open();
    struct dsi_claim *claims = NULL;
    (void)state;

    queue_publish(q, "own");
    queue_publish(other, "another's");
    assert_int_equal(queue_claim(q, &claims), 2);
    assert_true(claims[0].first);
    assert_false(claims[1].first); // It cannot know that.
    assert_int_equal(queue_claim(q, &claims), 2);
    assert_false(claims[0].first);
    dsi_queue_free(q);
    dsi_queue_free(other);
}

static void test_storage_queue_lead__answers_leave_anothers_receipt_alone(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *leader = queue_open();
    struct dsi_claim *old = NULL;
    struct dsi_claim *now = NULL;
    struct dsi_receipt r;
    (void)state;

    assert_true(dsi_queue_try_lead(leader));
    struct dsi_ticket t = queue_publish(q, "one");
    assert_int_equal(queue_claim(leader, &old), 1);
    assert_true(dsi_queue_withdraw(q, &t));
    dsi_queue_leave(q, &t);
    t = queue_publish(q, "two");
    assert_int_equal(t.slot, old[0].ticket.slot);
    assert_int_equal(queue_claim(leader, &now), 1);
    dsi_queue_answer(leader, &now[0], &queue_committed);
    dsi_queue_answer(leader, &old[0], &(struct dsi_receipt){.kind = DSI_RECEIPT_ALONE});
    assert_int_equal(dsi_queue_wait(q, &t, queue_until(SECOND), &r), DSI_QUEUE_RECEIPT);
    assert_int_equal(r.kind, DSI_RECEIPT_COMMITTED);
    dsi_queue_free(q);
    dsi_queue_free(leader);
}

static void test_storage_queue_lead__rings_for_a_successor(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *leader = queue_open();
    struct dsi_queue_control c;
    uint64_t before = 0;
    uint64_t after = 0;
    (void)state;

    assert_true(dsi_queue_try_lead(leader));
    struct dsi_ticket t = queue_publish(q, "waits");
    const uint64_t at = dsi_queue_at_bell(t.slot);
    dsi_queue_await(leader, 2, 1000000);
    assert_true(dsi_queue_get_control(q, &c));
    assert_int_equal(c.awaiting, 0); // Else each publication would cost a call.
    assert_true(dsi_queue_get(q, at, &before, sizeof(uint32_t)));
    dsi_queue_resign(leader);
    assert_true(dsi_queue_get(q, at, &after, sizeof(uint32_t)));
    assert_true(before != after);
    dsi_queue_free(q);
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
        QUEUE_TEST(test_storage_queue_lead__passes_from_the_killed_to_a_waiter),
        QUEUE_TEST(test_storage_queue_lead__is_taken_over_from_the_stopped),
        QUEUE_TEST(test_storage_queue_lead__is_a_threads_not_a_handles),
        QUEUE_TEST(test_storage_queue_lead__wakes_whom_it_answers_and_who_leads_next),
        QUEUE_TEST(test_storage_queue_lead__sends_away_what_is_damaged),
        QUEUE_TEST(test_storage_queue_lead__keeps_the_lock_of_its_epoch_alone),
        QUEUE_TEST(test_storage_queue_lead__knows_what_nobody_has_claimed_before),
        QUEUE_TEST(test_storage_queue_lead__answers_leave_anothers_receipt_alone),
        QUEUE_TEST(test_storage_queue_lead__rings_for_a_successor),
        QUEUE_TEST(test_storage_queue_lead__survives_every_failing_call),
        QUEUE_TEST(test_storage_queue_lead__survives_every_fault_point),
        QUEUE_TEST(test_storage_queue_lead__is_taken_over_past_a_stopped_successor),
        QUEUE_TEST(test_storage_queue_lead__takes_no_old_intent_for_a_new_one),
    };
    return cmocka_run_group_tests_name("storage_queue_lead", tests, NULL, NULL);
}
