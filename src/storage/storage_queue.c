#include "storage/storage_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/trouble.h"
#include "storage/storage_posix.h"
#include "storage/storage_queue_file.h"

// How long a waiter sleeps at most before it looks for itself: what a wake-up that was
// lost, or a leader that was killed, costs.
#define POLL_NS INT64_C(10000000)

// ---- Slots ----------------------------------------------------------------------------

// Makes the slot whose byte was just locked ours.
static int adopt(struct dsi_queue *q, uint32_t slot)
{
    struct dsi_queue_own *own = &q->own[slot];
    struct dsi_queue_slot last = {0};

    own->incarnation = (uint32_t)dsi_random_u64();
    int code = dsi_posix()->lock_byte(
        q->file.fd, DSI_QUEUE_LOCK_ALIVE + ((uint64_t)slot << 32) + own->incarnation);
    if (code == 0 && !dsi_queue_get(q, dsi_queue_at_slot(slot), &last, sizeof last)) {
        code = -EIO;
    }
    if (code < 0) {
        dsi_posix()->unlock_byte(q->file.fd, DSI_QUEUE_LOCK_SLOT + slot);
        return code;
    }
    own->owned = true;
    own->generation = last.generation;
    return 0;
}

// The slot of a new ticket: one that we own and do not use, or else a free one.
static int take_slot(struct dsi_queue *q, uint32_t *out)
{
    int code = -EAGAIN;

    dsi_mutex_lock(q->mutex);
    for (uint32_t i = 0; i < DSI_QUEUE_SLOTS && code == -EAGAIN; i++) {
        if (q->own[i].owned && !q->own[i].busy) {
            *out = i;
            code = 0;
        }
    }
    for (uint32_t i = 0; i < DSI_QUEUE_SLOTS && code == -EAGAIN; i++) {
        if (!q->own[i].owned && !q->own[i].busy) {
            code = dsi_posix()->lock_byte(q->file.fd, DSI_QUEUE_LOCK_SLOT + i);
            code = code == -EACCES ? -EAGAIN : code == 0 ? adopt(q, i) : code;
            *out = i;
        }
    }
    if (code == 0) {
        q->own[*out].busy = true;
    }
    dsi_mutex_unlock(q->mutex);
    return code;
}

static void give_back(struct dsi_queue *q, uint32_t slot)
{
    dsi_mutex_lock(q->mutex);
    q->own[slot].busy = false;
    dsi_mutex_unlock(q->mutex);
}

// Says what became of a ticket's intent. A slot that was given up may be another's.
static void set_state(struct dsi_queue *q, const struct dsi_ticket *t,
                      enum dsi_slot_state state)
{
    const uint64_t at =
        dsi_queue_at_slot(t->slot) + offsetof(struct dsi_queue_slot, word);
    const uint32_t word = dsi_queue_slot_word(t->generation, state);

    if (q->own[t->slot].owned && dsi_queue_put(q, at, &word, sizeof word) < 0) {
        dsi_queue_give_up(q, t->slot); // Nobody takes up the intent of a dead owner.
    }
}

// ---- Publishing -----------------------------------------------------------------------

// Tells a leader that sleeps until there is more.
static void ring_arrival(struct dsi_queue *q)
{
    struct dsi_queue_control control;
    const uint64_t at =
        DSI_QUEUE_AT_CONTROL + offsetof(struct dsi_queue_control, arrivals);
    uint32_t bell = (uint32_t)dsi_queue_nonce(q);

    if (dsi_queue_get_control(q, &control) && control.awaiting != 0 &&
        dsi_queue_put(q, at, &bell, sizeof bell) == 0) {
        dsi_posix()->futex_wake(dsi_queue_word(q, at));
    }
}

static int write_intent(struct dsi_queue *q, struct dsi_ticket *t, struct ds_slice intent)
{
    struct dsi_queue_own *own = &q->own[t->slot];
    struct dsi_queue_claim claim;
    struct dsi_queue_slot s;

    // What was claimed before this is no claim of ours (see struct dsi_queue_claim).
    if (!dsi_queue_get(q, dsi_queue_at_claim(t->slot), &claim, sizeof claim)) {
        return -EIO;
    }
    int code = dsi_queue_put(q, dsi_queue_at_intent(t->slot), intent.data, intent.size);
    if (code < 0) {
        return code;
    }
    const int64_t now = dsi_clock_monotonic_ns();
    dsi_mutex_lock(q->mutex); // A leader in another thread looks at these.
    dsi_queue_came_back(q, now);
    own->claim = claim;
    own->generation = own->generation == UINT32_MAX ? 1 : own->generation + 1;
    t->generation = own->generation;
    dsi_mutex_unlock(q->mutex);
    memset(&s, 0, sizeof s);
    s.generation = t->generation;
    s.word = dsi_queue_slot_word(s.generation, DSI_SLOT_PUBLISHED);
    s.published_ns = now;
    s.identity = t->identity;
    s.size = (uint32_t)intent.size;
    s.incarnation = own->incarnation;
    s.intent_sum = dsi_xxh64(intent.data, intent.size);
    s.pid = (uint32_t)q->pid;
    s.sum = dsi_queue_slot_sum(q, t->slot, &s);
    // From here on a leader may have seen it, whatever the answer is: whoever waits for
    // it is told that the queue is broken, and withdraws.
    own->doubtful = dsi_queue_put(q, dsi_queue_at_slot(t->slot), &s, sizeof s) < 0;
    dsi_queue_fence(); // Against the leader's `awaiting`.
    ring_arrival(q);
    return 0;
}

int dsi_queue_publish(struct dsi_queue *q, const struct dsi_uuid *identity,
                      struct ds_slice intent, struct dsi_ticket *out,
                      struct ds_error *err)
{
    struct dsi_ticket t = {0, 0, *identity};

    assert(!q->read_only);
    *out = t;
    if (intent.size > DSI_QUEUE_INTENT_MAX) {
        return dsi_fail(err, DS_EINVALID, "an intent of %zu bytes; a queue takes %d",
                        intent.size, (int)DSI_QUEUE_INTENT_MAX);
    }
    if (DSI_FAULT("queue.publish")) {
        return dsi_fail(err, DS_ENOSPACE, "injected: no space in the queue");
    }
    int code = take_slot(q, &t.slot);
    if (code == -EAGAIN) {
        return dsi_fail(err, DS_ENOSPACE, "%s: all %d slots are taken", q->path,
                        (int)DSI_QUEUE_SLOTS);
    }
    if (code < 0) {
        return dsi_posix_fail(err, code, "taking a slot of", q->path);
    }
    code = write_intent(q, &t, intent);
    if (code < 0) {
        give_back(q, t.slot);
        return dsi_posix_fail(err, code, "publishing in", q->path);
    }
    *out = t;
    return DS_OK;
}

bool dsi_queue_withdraw(struct dsi_queue *q, const struct dsi_ticket *t)
{
    const struct dsi_queue_claim *before = &q->own[t->slot].claim;
    struct dsi_queue_claim claim;
    struct dsi_queue_slot s;

    set_state(q, t, DSI_SLOT_WITHDRAWN);
    dsi_queue_fence(); // (3)
    // A slot that is not what we wrote is in a file that somebody truncated: its claims
    // are as they were once, and say nothing.
    return !q->own[t->slot].owned ||
           !dsi_queue_get(q, dsi_queue_at_claim(t->slot), &claim, sizeof claim) ||
           memcmp(&claim, before, sizeof claim) != 0 || !dsi_queue_get_slot(q, t, &s);
}

void dsi_queue_leave(struct dsi_queue *q, const struct dsi_ticket *t)
{
    set_state(q, t, DSI_SLOT_FREE);
    give_back(q, t->slot);
}

// ---- Waiting --------------------------------------------------------------------------

static bool read_receipt(struct dsi_queue *q, const struct dsi_ticket *t,
                         struct dsi_receipt *out)
{
    const struct dsi_queue_slot asked = {.generation = t->generation,
                                         .identity = t->identity};
    struct dsi_queue_receipt r;

    if (!dsi_queue_get(q, dsi_queue_at_receipt(t->slot), &r, sizeof r) ||
        !dsi_queue_is_answered(q, t->slot, &asked, &r) ||
        (r.kind != DSI_RECEIPT_COMMITTED && r.kind != DSI_RECEIPT_ALONE)) {
        return false;
    }
    *out = (struct dsi_receipt){.kind = (enum dsi_receipt_kind)r.kind,
                                .group_size = r.group_size,
                                .swaps = r.swaps,
                                .conflicts = r.conflicts,
                                .snapshot_id = r.snapshot_id,
                                .sequence_number = r.sequence_number};
    return true;
}

// What a waiter has seen of the leader.
struct watch {
    bool looked;
    uint32_t epoch;
    uint64_t beat;
    int64_t at;       // When it looked last.
    int64_t still_ns; // Since when nothing changed.
};

// How many times DSI_QUEUE_STUCK_NS the leader has not moved, nor anybody taken over.
static uint32_t stuck_for(struct watch *w, const struct dsi_queue_control *c, int64_t now)
{
    if (!w->looked || w->epoch != c->epoch || w->beat != c->beat) {
        *w = (struct watch){true, c->epoch, c->beat, now, 0};
        return 0;
    }
    // Only the time in which this process was awake counts: a machine, or a whole group
    // of processes, that was stopped has a leader that was too.
    int64_t more = now - w->at;
    w->still_ns += more < 4 * POLL_NS ? more : 4 * POLL_NS;
    w->at = now;
    return (uint32_t)(w->still_ns / DSI_QUEUE_STUCK_NS);
}

// The file has its name, and our slot says what we wrote.
static bool is_intact(struct dsi_queue *q, const struct dsi_ticket *t)
{
    struct dsi_queue_slot s;
    return dsi_queue_is_current(q) && dsi_queue_get_slot(q, t, &s) &&
           dsi_queue_slot_is(&s, DSI_SLOT_PUBLISHED);
}

static void tell_waiting(const struct dsi_queue *q, const struct dsi_queue_control *c,
                         int64_t waited_ns)
{
    struct ds_error why = {0};

    if (waited_ns >= DSI_TROUBLE_NS) {
        DSI_IGNORE(dsi_fail(&why, DS_EIO,
                            "%s: process %u, which commits for this one, has not "
                            "answered for %lld ms so far",
                            q->path, (unsigned)c->pid, (long long)(waited_ns / 1000000)));
        dsi_trouble_tell(&why);
    }
}

enum dsi_queue_event dsi_queue_wait(struct dsi_queue *q, const struct dsi_ticket *t,
                                    int64_t until_ns, struct dsi_receipt *receipt)
{
    const uint64_t at = dsi_queue_at_bell(t->slot);
    const int64_t start = dsi_clock_monotonic_ns();
    struct watch watch = {0};
    int code = 0;

    if (DSI_FAULT("queue.wait") || q->own[t->slot].doubtful) {
        return DSI_QUEUE_BROKEN;
    }
    for (;;) {
        struct dsi_queue_control control;
        int64_t kept = 0;
        uint32_t bell = 0; // Read before the receipt: what comes later rings it again.
        if (!dsi_queue_get(q, at, &bell, sizeof bell)) {
            return DSI_QUEUE_BROKEN;
        }
        if (read_receipt(q, t, receipt)) {
            return DSI_QUEUE_RECEIPT;
        }
        int64_t now = dsi_clock_monotonic_ns();
        if (now >= until_ns || dsi_cancelled()) {
            return DSI_QUEUE_LATE;
        }
        if (dsi_queue_lead(q, &control, &kept)) {
            return DSI_QUEUE_LEAD;
        }
        if (atomic_load(&q->broken) || (code == -ETIMEDOUT && !is_intact(q, t))) {
            return DSI_QUEUE_BROKEN;
        }
        uint32_t step = stuck_for(&watch, &control, now);
        if (step > 0 && dsi_queue_take_over(q, control.epoch, step)) {
            return DSI_QUEUE_LEAD;
        }
        tell_waiting(q, &control, now - start);
        int64_t ns = until_ns - now < POLL_NS ? until_ns - now : POLL_NS;
        ns = kept > 0 && kept < ns ? kept : ns;
        code = dsi_posix()->futex_wait(dsi_queue_word(q, at), bell, ns);
        if (code < 0 && code != -EAGAIN && code != -ETIMEDOUT && code != -EINTR) {
            return DSI_QUEUE_BROKEN;
        }
    }
}
