#include "queue_fixture.h"

#include "base/cancel.h"
#include "base/trouble.h"
#include "cancel_asks.h"

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

static void test_storage_queue__is_free_of_the_dead(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_claim *claims = NULL;
    struct dsi_queue_view view;
    int tell[2];
    char byte = 0;
    (void)state;

    assert_int_equal(pipe(tell), 0);
    pid_t child = fork();
    if (child == 0) {
        struct dsi_queue *own = queue_open();
        const struct dsi_uuid id = dsi_uuid_v4();
        struct dsi_ticket t;
        if (own && dsi_queue_publish(own, &id, queue_text("x"), &t, NULL) == DS_OK &&
            t.slot == 0 && write(tell[1], "x", 1) == 1) {
            pause();
        }
        _exit(1);
    }
    assert_int_equal(read(tell[0], &byte, 1), 1);
    assert_int_equal(queue_claim(q, &claims), 1); // While it lives,
    assert_true(dsi_queue_still_wanted(q, &claims[0]));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(dsi_queue_still_wanted(q, &claims[0])); // and not for ever.
    assert_int_equal(queue_claim(q, &claims), 0);
    assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
    assert_int_equal(view.slots_used, 0);
    assert_int_equal(view.published, 0);
    struct dsi_ticket t = queue_publish(q, "y");
    assert_int_equal(t.slot, 0);
    assert_int_equal(t.generation, 2);
    assert_int_equal(queue_claim(q, &claims), 1);
    close(tell[0]);
    close(tell[1]);
    dsi_queue_free(q);
}

static void test_storage_queue__is_left_alone_by_a_forked_child(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *other = queue_open();
    (void)state;

    struct dsi_ticket t = queue_publish(q, "x");
    assert_true(dsi_queue_try_lead(q));
    pid_t child = fork();
    if (child == 0) {
        bool ours = dsi_queue_is_ours(q);
        dsi_queue_free(q);
        _exit(ours ? 1 : 0);
    }
    queue_wait_child(child);
    assert_true(dsi_queue_is_ours(q));
    assert_false(dsi_queue_try_lead(other)); // Its locks are still there.
    struct dsi_ticket u = queue_publish(other, "y");
    assert_int_not_equal(t.slot, u.slot);

    // And they do not stay with a child that lives on.
    int gate[2];
    char byte = 0;
    assert_int_equal(pipe(gate), 0);
    child = fork();
    if (child == 0) {
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    dsi_queue_free(q);
    assert_true(dsi_queue_try_lead(other));
    u = queue_publish(other, "z");
    assert_int_equal(u.slot, t.slot);
    close(gate[1]);
    queue_wait_child(child);
    close(gate[0]);
    dsi_queue_free(other);
}

// Publishing takes a few calls, and each may fail.
static void test_storage_queue__publishes_wholly_or_not_at_all(void **state)
{
    const char *calls[] = {"pwrite", "pread", "lock_byte"};
    const int codes[] = {-ENOSPC, -EIO, -EINTR};
    struct dsi_claim *claims = NULL;
    const struct dsi_uuid id = dsi_uuid_v4();
    int failures = 0;
    int doubts = 0;
    (void)state;

    for (uint32_t i = 0; i < 9 * 8 * 2; i++) {
        const char *call = calls[i % 3];
        int code = codes[i / 3 % 3];
        struct dsi_queue *q = queue_open();
        struct dsi_queue *leader = queue_open();
        struct dsi_ticket t;
        struct ds_error err = {0};
        posix_double_start(call, i / 9 % 8 + 1, code);
        posix_double.after = i >= 9 * 8;
        int rc = dsi_queue_publish(q, &id, queue_text("x"), &t, &err);
        bool reached = posix_double.seen >= posix_double.nth;
        posix_double_stop();
        if (rc == DS_OK) {
            struct dsi_receipt r;
            bool told = reached && code != -EINTR && strcmp(call, "pwrite") == 0;
            // The last word may stand there: its owner goes the way of a broken queue.
            enum dsi_queue_event e = dsi_queue_wait(q, &t, 0, &r);
            assert_true(e == (told ? DSI_QUEUE_BROKEN : DSI_QUEUE_LATE) ||
                        strcmp(call, "pread") == 0);
            doubts += e == DSI_QUEUE_BROKEN;
            assert_false(dsi_queue_withdraw(q, &t) && !told);
            dsi_queue_leave(q, &t);
        } else {
            failures++;
            assert_true(reached);
            assert_true(err.message[0] != '\0');
            assert_int_equal(rc, code == -ENOSPC && strcmp(call, "lock_byte") != 0 &&
                                         strcmp(call, "pread") != 0
                                     ? DS_ENOSPACE
                                     : rc);
            assert_int_equal(queue_claim(leader, &claims), 0);
        }
        if (dsi_queue_is_current(q)) { // It goes on.
            t = queue_publish(q, "y");
            assert_int_equal(queue_claim(leader, &claims), 1);
        }
        dsi_queue_free(q);
        dsi_queue_free(leader);
    }
    assert_true(failures >= 10 && doubts >= 2);
}

static void test_storage_queue__gives_up_the_slot_if_it_cannot_withdraw(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *leader = queue_open();
    struct dsi_claim *claims = NULL;
    struct dsi_queue_slot s;
    (void)state;

    struct dsi_ticket t = queue_publish(q, "x");
    struct dsi_ticket u = queue_publish(leader, "y");
    assert_int_equal(queue_claim(leader, &claims), 2);
    posix_double_start("pwrite", 1, -EIO);
    posix_double.lasting = true;
    assert_true(dsi_queue_withdraw(q, &t));
    posix_double_stop();
    assert_true(dsi_queue_get_slot(leader, &t, &s));
    assert_true(dsi_queue_slot_is(&s, DSI_SLOT_PUBLISHED)); // And yet nobody takes it up:
    assert_false(dsi_queue_still_wanted(leader, &claims[0]));
    assert_true(dsi_queue_still_wanted(leader, &claims[1]));
    assert_int_equal(queue_claim(leader, &claims), 1);

    struct dsi_ticket next = queue_publish(leader, "z"); // Its slot is another's.
    assert_int_equal(next.slot, t.slot);
    assert_true(dsi_queue_withdraw(q, &t));
    dsi_queue_leave(q, &t);
    assert_int_equal(queue_claim(leader, &claims), 2);
    next = queue_publish(q, "w");
    assert_int_not_equal(next.slot, t.slot);
    assert_int_not_equal(next.slot, u.slot);

    posix_double_start("pwrite", 1, -EIO);
    posix_double.lasting = true;
    dsi_queue_leave(q, &next);
    posix_double_stop();
    assert_int_equal(queue_claim(leader, &claims), 2);
    dsi_queue_free(q);
    dsi_queue_free(leader);
}

// A child of fork that lives has the descriptor, and must not keep our intent alive.
static void test_storage_queue__is_not_alive_by_a_child_of_its_owner(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_queue *leader = queue_open();
    struct dsi_claim *claims = NULL;
    int gate[2];
    char byte = 0;
    (void)state;

    assert_int_equal(pipe(gate), 0);
    queue_publish(q, "x");
    pid_t child = fork();
    if (child == 0) {
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    assert_int_equal(queue_claim(leader, &claims), 1);
    dsi_queue_free(q);
    assert_false(dsi_queue_still_wanted(leader, &claims[0]));
    assert_int_equal(queue_claim(leader, &claims), 0);
    close(gate[1]);
    queue_wait_child(child);
    close(gate[0]);
    dsi_queue_free(leader);
}

static void test_storage_queue__says_claimed_if_it_cannot_know(void **state)
{
    struct dsi_queue *q = queue_open();
    (void)state;

    struct dsi_ticket t = queue_publish(q, "x");
    posix_double_start("pread", 1, -EIO);
    assert_true(dsi_queue_withdraw(q, &t));
    posix_double_stop();
    dsi_queue_leave(q, &t);
    t = queue_publish(q, "x");
    assert_int_equal(truncate(queue_path, 0), 0); // With the claims, if there were any.
    assert_true(dsi_queue_withdraw(q, &t));
    dsi_queue_free(q);
}

static void test_storage_queue__is_broken_when_its_file_is(void **state)
{
    (void)state;

    for (int i = 0; i < 7; i++) {
        struct dsi_queue *q = queue_open();
        struct dsi_queue *leader = queue_open();
        struct dsi_receipt r;
        struct dsi_ticket t = queue_publish(q, "x");
        assert_true(dsi_queue_try_lead(leader));
        switch (i) {
        case 0:
            assert_int_equal(truncate(queue_path, 0), 0);
            break;
        case 1:
            assert_int_equal(truncate(queue_path, DSI_QUEUE_AT_SLOTS), 0);
            break;
        case 2:
            assert_int_equal(truncate(queue_path, DSI_QUEUE_FILE_SIZE + 1), 0);
            break;
        case 3:
            assert_int_equal(unlink(queue_path), 0);
            break;
        case 4:
            queue_scribble(DSI_QUEUE_AT_CONTROL, "x", 1);
            break;
        case 5:
            queue_scribble(dsi_queue_at_slot(t.slot) + 8, "x", 1);
            break;
        default: // Locks that fail, from one moment to the next.
            posix_double_start("lock_byte", 1, -ENOLCK);
            break;
        }
        assert_int_equal(dsi_queue_wait(q, &t, INT64_MAX, &r), DSI_QUEUE_BROKEN);
        posix_double_stop();
        dsi_queue_free(q);
        dsi_queue_free(leader);
    }
}

// ---- Withdrawing against claiming
// ------------------------------------------------------

enum { RACES = 20000 };

struct race {
    _Atomic uint32_t owner_unclaimed[RACES];
    _Atomic uint32_t leader_wanted[RACES];
    _Atomic uint32_t done;
};

static void race_owner(struct race *race, uint64_t seed)
{
    struct dsi_queue *q = queue_open();
    uint64_t x = seed | 1;

    for (uint32_t i = 0; q && i < RACES; i++) {
        const struct dsi_uuid id = dsi_uuid_v4();
        const struct ds_slice intent = {(const uint8_t *)&i, sizeof i};
        struct dsi_ticket t;
        if (dsi_queue_publish(q, &id, intent, &t, NULL) < 0) {
            _exit(1);
        }
        x = x * 6364136223846793005u + 1442695040888963407u;
        for (uint64_t spin = x >> 49; spin > 0; spin--) { // At any moment of a claim.
            atomic_load(&race->done);
        }
        atomic_store(&race->owner_unclaimed[i], !dsi_queue_withdraw(q, &t));
        dsi_queue_leave(q, &t);
    }
    dsi_queue_free(q);
    _exit(q ? 0 : 1);
}

static void test_storage_queue__never_misses_a_claim(void **state)
{
    struct dsi_queue *leader = queue_open();
    uint64_t seed = dsi_random_u64();
    uint32_t unclaimed = 0;
    uint32_t wanted = 0;
    int status = 0;
    (void)state;

    struct race *race = queue_shared(sizeof *race);
    print_message("seed %llu\n", (unsigned long long)seed);
    pid_t child = fork();
    if (child == 0) {
        alarm(120);
        race_owner(race, seed);
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct dsi_claim *claims = NULL;
        for (size_t n = queue_claim(leader, &claims); n > 0; n--) {
            uint32_t i = 0;
            assert_int_equal(claims[n - 1].intent.size, sizeof i);
            memcpy(&i, claims[n - 1].intent.data, sizeof i);
            assert_true(i < RACES);
            atomic_store(&race->leader_wanted[i], 1);
        }
        dsi_arena_release(&queue_arena);
    }
    assert_int_equal(status, 0);
    for (uint32_t i = 0; i < RACES; i++) {
        uint32_t u = atomic_load(&race->owner_unclaimed[i]);
        uint32_t w = atomic_load(&race->leader_wanted[i]);
        assert_false(u && w);
        unclaimed += u;
        wanted += w;
    }
    print_message("%u unclaimed, %u wanted\n", unclaimed, wanted);
    assert_true(unclaimed > 0 && wanted > 0);
    munmap(race, sizeof *race);
    dsi_queue_free(leader);
}

// ---- Threads
// ---------------------------------------------------------------------------

enum { THREADS = 8, TURNS = 200 };

struct worker {
    struct dsi_queue *queue;
    uint32_t index;
    uint32_t committed; // By receipts,
    uint32_t unclaimed; // or withdrawn,
    uint32_t unsure;    // perhaps too late.
    uint32_t lead;
    bool failed;
};

static int64_t receipt_of(const struct dsi_uuid *id)
{
    int64_t n = 0;
    memcpy(&n, id, sizeof n);
    return n & INT64_MAX;
}

static void lead_a_round(struct worker *w)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_claim *claims = NULL;
    size_t count = 0;

    w->lead++;
    dsi_queue_await(w->queue, 2, 20000);
    if (dsi_queue_claim(w->queue, SIZE_MAX, &arena, &claims, &count, NULL) < 0) {
        w->failed = true;
    }
    for (size_t i = 0; i < count; i++) {
        struct dsi_receipt r = queue_committed;
        r.snapshot_id = receipt_of(&claims[i].ticket.identity);
        if (dsi_queue_still_wanted(w->queue, &claims[i])) {
            dsi_queue_answer(w->queue, &claims[i], &r);
        }
    }
    struct dsi_queue_counters more;
    memset(&more, 0, sizeof more);
    more.groups = 1;
    dsi_queue_count(w->queue, &more);
    dsi_queue_beat(w->queue);
    dsi_queue_resign(w->queue);
    dsi_arena_release(&arena);
}

static void work(void *arg)
{
    struct worker *w = arg;

    for (uint32_t i = 0; i < TURNS; i++) {
        const struct dsi_uuid id = dsi_uuid_v4();
        struct dsi_receipt r = {0};
        struct dsi_ticket t;
        if (dsi_queue_publish(w->queue, &id, queue_text("row"), &t, NULL) < 0) {
            w->failed = true;
            return;
        }
        int64_t until = i % 16 == w->index ? 0 : INT64_MAX; // Some withdraw at once.
        enum dsi_queue_event e = dsi_queue_wait(w->queue, &t, until, &r);
        while (e == DSI_QUEUE_LEAD) {
            lead_a_round(w);
            e = dsi_queue_wait(w->queue, &t, until, &r);
        }
        if (e == DSI_QUEUE_RECEIPT) {
            w->committed++;
            w->failed = w->failed || r.snapshot_id != receipt_of(&id);
        } else if (e == DSI_QUEUE_LATE) {
            bool claimed = dsi_queue_withdraw(w->queue, &t);
            w->unsure += claimed;
            w->unclaimed += !claimed;
        } else {
            w->failed = true;
        }
        dsi_queue_leave(w->queue, &t);
    }
}

static void run_workers(size_t queues)
{
    struct dsi_queue *q[THREADS];
    struct dsi_thread *threads[THREADS];
    struct worker workers[THREADS];
    struct dsi_queue_view view;
    uint32_t leads = 0;

    memset(workers, 0, sizeof workers);
    for (size_t i = 0; i < queues; i++) {
        q[i] = queue_open();
        assert_non_null(q[i]);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i].queue = q[i % queues];
        workers[i].index = i;
        assert_int_equal(dsi_thread_start(&threads[i], work, &workers[i], NULL), DS_OK);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        dsi_thread_join(threads[i]);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        const struct worker *w = &workers[i];
        assert_false(w->failed);
        assert_int_equal(w->committed + w->unclaimed + w->unsure, TURNS);
        assert_true(w->committed >= TURNS - TURNS / 16 - 1);
        leads += w->lead;
    }
    assert_int_equal(dsi_queue_look(q[0], &view, NULL), DS_OK);
    assert_int_equal(view.counters.leaders, leads);
    assert_int_equal(view.counters.groups, leads);
    assert_int_equal(view.published + view.claimed, 0);
    // Who came when another had ended may have got that one's.
    assert_in_range(view.slots_used, 1, THREADS);
    for (size_t i = 0; i < queues; i++) {
        dsi_queue_free(q[i]);
    }
    assert_int_equal(unlink(queue_path), 0); // Counters start anew.
}

static void test_storage_queue__serves_threads_through_one_handle(void **state)
{
    (void)state;
    run_workers(1);
}

static void test_storage_queue__serves_threads_through_several_handles(void **state)
{
    (void)state;
    run_workers(3);
    run_workers(THREADS);
}

// ---- What it costs
// ---------------------------------------------------------------------

// How many calls there were since posix_double_start.
static size_t count_calls(void)
{
    size_t calls = 0;

    for (const char *at = posix_double.log; *at; at++) {
        calls += *at == ' ';
    }
    print_message("%zu: %s\n", calls, posix_double.log);
    posix_double_stop();
    return calls;
}

static void test_storage_queue__costs_a_lone_writer_few_calls(void **state)
{
    struct dsi_queue *q = queue_open();
    struct dsi_claim *claims = NULL;
    struct dsi_receipt r;
    size_t calls = 0;
    (void)state;

    for (int i = 0; i < 2; i++) { // The second time the slot is there already.
        posix_double_start(NULL, 0, 0);
        struct dsi_ticket t = queue_publish(q, "x");
        assert_int_equal(dsi_queue_wait(q, &t, INT64_MAX, &r), DSI_QUEUE_LEAD);
        assert_int_equal(queue_claim(q, &claims), 1);
        assert_true(dsi_queue_beat(q));
        assert_true(dsi_queue_still_wanted(q, &claims[0]));
        dsi_queue_answer(q, &claims[0], &queue_committed);
        assert_int_equal(dsi_queue_wait(q, &t, INT64_MAX, &r), DSI_QUEUE_RECEIPT);
        dsi_queue_leave(q, &t);
        dsi_queue_resign(q);
        calls = count_calls();
    }
    assert_true(calls <= 30);
    posix_double_start(NULL, 0, 0);
    assert_true(dsi_queue_try_lead(q)); // Without publishing.
    assert_int_equal(queue_claim(q, &claims), 0);
    assert_true(dsi_queue_beat(q));
    dsi_queue_resign(q);
    assert_true(count_calls() <= 13);
    dsi_queue_free(q);
}

// A clock of which every look is more than a second later than the one before.
static int64_t leaping_ns(void)
{
    static int64_t now = INT64_C(5000000000000);
    return now += DSI_TROUBLE_NS + 1;
}

struct impatient {
    struct dsi_queue *leader;
    int told;
    char message[256];
};

static void answer_when_told(void *arg, const struct ds_error *why)
{
    struct impatient *i = arg;
    struct dsi_claim *claims = NULL;
    if (i->told++ == 0) {
        snprintf(i->message, sizeof i->message, "%.255s", why->message);
        assert_int_equal(queue_claim(i->leader, &claims), 1);
        dsi_queue_answer(i->leader, &claims[0], &queue_committed);
    }
}

static void test_storage_queue__a_waiter_tells_that_nobody_answers(void **state)
{
    static const struct dsi_clock_ops leaping = {leaping_ns, leaping_ns};
    struct dsi_queue *q = queue_open();
    struct impatient i = {.leader = queue_open()};
    struct dsi_trouble trouble = {.told = answer_when_told, .arg = &i};
    char expected[64];
    struct dsi_receipt r;
    (void)state;

    assert_true(dsi_queue_try_lead(i.leader));
    struct dsi_ticket t = queue_publish(q, "x");
    dsi_trouble_begin(&trouble);
    dsi_clock_set(&leaping);
    enum dsi_queue_event event = dsi_queue_wait(q, &t, INT64_MAX, &r);
    dsi_clock_set(NULL);
    dsi_trouble_end(&trouble);
    assert_int_equal(event, DSI_QUEUE_RECEIPT);
    assert_int_equal(i.told, 1);
    snprintf(expected, sizeof expected, "process %d, which commits for", (int)getpid());
    assert_non_null(strstr(i.message, expected));
    dsi_queue_leave(q, &t);
    dsi_queue_free(i.leader);
    dsi_queue_free(q);
}

// The owner's wait ends as when it is late, whoever leads; its receipt comes first.
static void test_storage_queue__a_waiter_may_be_cancelled(void **state)
{
    struct asks asks = {.after_ns = asks_now_ns() + 30000000};
    struct ds_cancel_scope c = {.cancelled = asks_cancelled, .arg = &asks};
    struct dsi_queue *q = queue_open();
    struct dsi_queue *leader = queue_open();
    struct dsi_claim *claims = NULL;
    struct dsi_receipt r;
    (void)state;

    assert_true(dsi_queue_try_lead(leader));
    struct dsi_ticket t = queue_publish(q, "x");
    dsi_cancel_begin(&c);
    assert_int_equal(dsi_queue_wait(q, &t, queue_until(60 * SECOND), &r), DSI_QUEUE_LATE);
    assert_true(asks_now_ns() - asks.said_ns < SECOND / 10);
    assert_true(asks.count > 1);
    assert_int_equal(queue_claim(leader, &claims), 1);
    dsi_queue_answer(leader, &claims[0], &queue_committed);
    assert_int_equal(dsi_queue_wait(q, &t, queue_until(60 * SECOND), &r),
                     DSI_QUEUE_RECEIPT);
    dsi_queue_leave(q, &t);
    dsi_queue_resign(leader);
    t = queue_publish(q, "y"); // Whoever has cancelled does not begin to lead.
    assert_int_equal(dsi_queue_wait(q, &t, queue_until(60 * SECOND), &r), DSI_QUEUE_LATE);
    dsi_cancel_end(&c);
    assert_false(dsi_queue_withdraw(q, &t));
    dsi_queue_leave(q, &t);
    dsi_queue_free(leader);
    dsi_queue_free(q);
}

// It publishes, or leads, forks a child that lives on without exec, and waits to be
// killed.
static pid_t start_parent(bool leads, int ready, const int gate[2])
{
    pid_t parent = fork();
    if (parent == 0) {
        char byte = 0;
        struct dsi_queue *q = queue_open();
        close(gate[1]);
        if (leads && !dsi_queue_try_lead(q)) {
            _exit(1);
        }
        if (!leads) {
            queue_publish(q, "x");
        }
        if (fork() == 0) {
            _exit(write(ready, "r", 1) == 1 && read(gate[0], &byte, 1) == 0 ? 0 : 1);
        }
        pause();
    }
    return parent;
}

static void test_storage_queue__is_not_alive_by_a_child_of_the_killed(void **state)
{
    (void)state;
    for (int leads = 0; leads < 2; leads++) {
        struct dsi_queue *q = queue_open();
        struct dsi_claim *claims = NULL;
        struct dsi_receipt r;
        int ready[2];
        int gate[2];
        int status = 0;
        char byte = 0;

        assert_int_equal(pipe(ready), 0);
        assert_int_equal(pipe(gate), 0);
        pid_t parent = start_parent(leads, ready[1], gate);
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        if (leads) {
            assert_false(dsi_queue_try_lead(q));
            kill(parent, SIGKILL);
            assert_int_equal(waitpid(parent, &status, 0), parent);
            struct dsi_ticket t = queue_publish(q, "y");
            int64_t start = dsi_clock_monotonic_ns();
            assert_int_equal(dsi_queue_wait(q, &t, queue_until(60 * SECOND), &r),
                             DSI_QUEUE_LEAD);
            assert_true(dsi_clock_monotonic_ns() - start < DSI_QUEUE_STUCK_NS / 2);
            dsi_queue_leave(q, &t);
        } else {
            assert_true(dsi_queue_try_lead(q));
            assert_int_equal(queue_claim(q, &claims), 1);
            assert_true(dsi_queue_still_wanted(q, &claims[0]));
            kill(parent, SIGKILL);
            assert_int_equal(waitpid(parent, &status, 0), parent);
            assert_false(dsi_queue_still_wanted(q, &claims[0])); // At once.
            assert_int_equal(queue_claim(q, &claims), 0);
        }
        dsi_queue_resign(q);
        dsi_queue_free(q);
        close(gate[0]);
        close(gate[1]);
        close(ready[0]);
    }
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
        QUEUE_TEST(test_storage_queue__a_waiter_tells_that_nobody_answers),
        QUEUE_TEST(test_storage_queue__a_waiter_may_be_cancelled),
        QUEUE_TEST(test_storage_queue__is_free_of_the_dead),
        QUEUE_TEST(test_storage_queue__is_left_alone_by_a_forked_child),
        QUEUE_TEST(test_storage_queue__publishes_wholly_or_not_at_all),
        QUEUE_TEST(test_storage_queue__gives_up_the_slot_if_it_cannot_withdraw),
        QUEUE_TEST(test_storage_queue__is_not_alive_by_a_child_of_its_owner),
        QUEUE_TEST(test_storage_queue__is_not_alive_by_a_child_of_the_killed),
        QUEUE_TEST(test_storage_queue__says_claimed_if_it_cannot_know),
        QUEUE_TEST(test_storage_queue__is_broken_when_its_file_is),
        QUEUE_TEST(test_storage_queue__never_misses_a_claim),
        QUEUE_TEST(test_storage_queue__serves_threads_through_one_handle),
        QUEUE_TEST(test_storage_queue__serves_threads_through_several_handles),
        QUEUE_TEST(test_storage_queue__costs_a_lone_writer_few_calls),
    };
    return cmocka_run_group_tests_name("storage_queue", tests, NULL, NULL);
}
