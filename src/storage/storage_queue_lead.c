#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/log.h"
#include "storage/storage_posix.h"
#include "storage/storage_queue_file.h"

// Its address tells one living thread from another.
static _Thread_local char this_thread;

// ---- Leadership -----------------------------------------------------------------------

static void unlock_epoch(struct dsi_queue *q, uint32_t epoch)
{
    dsi_posix()->unlock_byte(q->file.fd, DSI_QUEUE_LOCK_LEAD + epoch);
}

bool dsi_queue_leads(const struct dsi_queue *q)
{
    return q->leader == &this_thread;
}

// The lock of the leadership of `epoch`: 0, -EAGAIN, or the queue is broken.
static int lock_epoch(struct dsi_queue *q, uint32_t epoch)
{
    int code = dsi_posix()->lock_byte(q->file.fd, DSI_QUEUE_LOCK_LEAD + epoch);

    if (code < 0 && code != -EAGAIN && code != -EACCES && code != -EINTR) {
        atomic_store(&q->broken, true);
    }
    return code < 0 ? -EAGAIN : 0;
}

// This thread leads epoch q->epoch, whose lock it holds. False: nothing can be written.
static bool begin(struct dsi_queue *q, const struct dsi_queue_control *c)
{
    struct dsi_queue_control mine = *c;

    mine.kept_us = 0;
    mine.beat++;
    mine.pid = (uint32_t)q->pid;
    mine.awaiting = 0;
    if (dsi_queue_put(q,
                      DSI_QUEUE_AT_CONTROL + offsetof(struct dsi_queue_control, kept_us),
                      &mine.kept_us,
                      offsetof(struct dsi_queue_control, arrivals) -
                          offsetof(struct dsi_queue_control, kept_us)) < 0) {
        atomic_store(&q->broken, true);
        return false;
    }
    q->leader = &this_thread;
    // Nobody else has led since, if the last beat is ours.
    q->looks = q->looks || c->beat != q->beat || c->pid != mine.pid;
    q->beat = mine.beat;
    q->more.leaders++;
    q->counts = true;
    return true;
}

// With the mutex, when no thread of this queue leads. Who may not lead must not have the
// lock either, even for a moment: the one for whom leadership is kept would not get it.
static bool lead_locked(struct dsi_queue *q, struct dsi_queue_control *c,
                        int64_t *kept_ns)
{
    for (int i = 0; i < 4; i++) {
        if (!dsi_queue_get_control(q, c)) {
            return false;
        }
        *kept_ns = dsi_queue_kept_ns(q, c);
        if (*kept_ns > 0) {
            return false;
        }
        uint32_t epoch = q->epoch = c->epoch;
        if (lock_epoch(q, epoch) < 0) {
            return false;
        }
        bool known = dsi_queue_get_control(q, c);
        if (known && c->epoch == epoch && begin(q, c)) {
            return true;
        }
        unlock_epoch(q, epoch);
        if (!known || c->epoch == epoch) {
            return false;
        }
    }
    return false;
}

bool dsi_queue_lead(struct dsi_queue *q, struct dsi_queue_control *control,
                    int64_t *kept_ns)
{
    bool leads = false;

    assert(!q->read_only);
    *kept_ns = 0;
    dsi_mutex_lock(q->mutex);
    if (q->leader) {
        DSI_IGNORE(dsi_queue_get_control(q, control) ? 0 : -1); // It is broken then.
    } else {
        leads = lead_locked(q, control, kept_ns);
    }
    dsi_mutex_unlock(q->mutex);
    return leads;
}

bool dsi_queue_try_lead(struct dsi_queue *q)
{
    struct dsi_queue_control control;
    int64_t kept_ns = 0;

    dsi_mutex_lock(q->mutex);
    dsi_queue_came_back(q, dsi_clock_monotonic_ns());
    dsi_mutex_unlock(q->mutex);
    return dsi_queue_lead(q, &control, &kept_ns);
}

// With the mutex and the lock of the epoch `next`, which it is to keep if true.
static bool take_over_locked(struct dsi_queue *q, uint32_t epoch, uint32_t next)
{
    const uint64_t at = DSI_QUEUE_AT_CONTROL + offsetof(struct dsi_queue_control, epoch);
    struct dsi_queue_control c;

    if (!dsi_queue_get_control(q, &c) || (c.epoch != epoch && c.epoch != next)) {
        return false; // Somebody was faster, and somebody else than that after him.
    }
    bool moves = c.epoch == epoch;
    if ((moves && dsi_queue_put(q, at, &next, sizeof next) < 0) || !begin(q, &c)) {
        return false;
    }
    q->epoch = next;
    if (moves) {
        q->more.takeovers++;
        dsi_log(DS_LOG_WARN, "%s: leader %u did not move for %d ms; taken over", q->path,
                (unsigned)c.pid, (int)(DSI_QUEUE_STUCK_NS / 1000000));
    }
    return true;
}

bool dsi_queue_take_over(struct dsi_queue *q, uint32_t epoch, uint32_t step)
{
    const uint32_t next = epoch + step;
    bool leads = false;

    dsi_mutex_lock(q->mutex);
    // When a thread of ours leads another epoch, that lock would be ours already.
    bool has_leader = q->leader;
    if ((!has_leader || q->epoch == epoch) && lock_epoch(q, next) == 0) {
        leads = take_over_locked(q, epoch, next);
        if (!leads) {
            unlock_epoch(q, next);
        } else if (has_leader) {
            unlock_epoch(q, epoch); // A thread of ours that does not move.
        }
    }
    dsi_mutex_unlock(q->mutex);
    return leads;
}

// Ends this thread's leadership; false when it has none. `lost`: somebody else has led.
static bool step_down(struct dsi_queue *q, bool lost)
{
    dsi_mutex_lock(q->mutex);
    bool leads = dsi_queue_leads(q);
    q->looks = q->looks || lost;
    if (leads) {
        q->leader = NULL;
        unlock_epoch(q, q->epoch);
    }
    dsi_mutex_unlock(q->mutex);
    return leads;
}

bool dsi_queue_beat(struct dsi_queue *q)
{
    struct dsi_queue_control c;

    dsi_mutex_lock(q->mutex);
    bool leads = dsi_queue_leads(q);
    uint32_t epoch = q->epoch;
    uint64_t beat = ++q->beat;
    dsi_mutex_unlock(q->mutex);
    if (!leads) {
        return false;
    }
    if (DSI_FAULT("queue.beat") || !dsi_queue_get_control(q, &c) || c.epoch != epoch) {
        step_down(q, true);
        return false;
    }
    // A beat that is not seen makes others take over, which is right when nothing can be
    // written.
    DSI_IGNORE(
        dsi_queue_put(q, DSI_QUEUE_AT_CONTROL + offsetof(struct dsi_queue_control, beat),
                      &beat, sizeof beat));
    return true;
}

// ---- Waiters --------------------------------------------------------------------------

// Rings the bell of a slot, whoever sleeps on it.
static void ring(struct dsi_queue *q, uint32_t slot)
{
    const uint64_t at = dsi_queue_at_bell(slot);
    uint32_t bell = (uint32_t)dsi_queue_nonce(q);

    // Whoever is not woken looks for himself before long.
    if (dsi_queue_put(q, at, &bell, sizeof bell) == 0) {
        dsi_posix()->futex_wake(dsi_queue_word(q, at));
    }
}

// Who has waited the longest, of those that live; DSI_QUEUE_SLOTS: nobody waits.
static uint32_t longest_waiting(struct dsi_queue *q, const struct dsi_queue_table *table)
{
    uint32_t longest = DSI_QUEUE_SLOTS;

    for (uint32_t i = 0; i < DSI_QUEUE_SLOTS; i++) {
        if ((longest == DSI_QUEUE_SLOTS ||
             table->slots[i].published_ns < table->slots[longest].published_ns) &&
            dsi_queue_is_waiting(q, table, i) &&
            dsi_queue_is_alive(q, i, &table->slots[i])) {
            longest = i;
        }
    }
    return longest;
}

// Gives leadership up. `kept_since`: it is kept, unless somebody waits who was there
// before that; INT64_MIN: it is not.
static void leave(struct dsi_queue *q, int64_t kept_since)
{
    struct dsi_queue_table *table = NULL;

    dsi_queue_count_rest(q);
    if (!step_down(q, false)) {
        return;
    }
    table = dsi_malloc(sizeof *table);
    uint32_t next = table && dsi_queue_get_table(q, table) ? longest_waiting(q, table)
                                                           : DSI_QUEUE_SLOTS;
    if (next < DSI_QUEUE_SLOTS) {
        if (table->slots[next].published_ns < kept_since) {
            dsi_queue_keep_not(q);
        }
        ring(q, next); // Also where it is kept: somebody has to see if nobody comes.
    }
    dsi_free(table);
}

void dsi_queue_resign(struct dsi_queue *q)
{
    leave(q, INT64_MIN);
}

void dsi_queue_recess(struct dsi_queue *q)
{
    int64_t since = INT64_MIN;

    leave(q, dsi_queue_keep(q, &since) ? since : INT64_MIN);
}

// ---- Claims and answers ---------------------------------------------------------------

bool dsi_queue_still_wanted(struct dsi_queue *q, const struct dsi_claim *c)
{
    struct dsi_queue_slot s;
    return dsi_queue_get_slot(q, &c->ticket, &s) &&
           dsi_queue_slot_is(&s, DSI_SLOT_PUBLISHED) &&
           dsi_queue_is_alive(q, c->ticket.slot, &s);
}

void dsi_queue_answer(struct dsi_queue *q, const struct dsi_claim *c,
                      const struct dsi_receipt *r)
{
    const uint64_t at = dsi_queue_at_receipt(c->ticket.slot);
    struct dsi_queue_slot s;
    struct dsi_queue_receipt out;

    if (DSI_FAULT("queue.answer") || !dsi_queue_get_slot(q, &c->ticket, &s) ||
        !dsi_queue_slot_is(&s, DSI_SLOT_PUBLISHED)) {
        return;
    }
    memset(&out, 0, sizeof out);
    out.generation = c->ticket.generation;
    out.kind = r->kind;
    out.group_size = r->group_size;
    out.swaps = r->swaps;
    out.conflicts = r->conflicts;
    out.snapshot_id = r->snapshot_id;
    out.sequence_number = r->sequence_number;
    out.identity = c->ticket.identity;
    out.sum = dsi_queue_receipt_sum(q, c->ticket.slot, &out);
    out.bell = (uint32_t)dsi_queue_nonce(q);
    // A receipt that cannot be written is one that its owner does without.
    if (dsi_queue_put(q, at, &out, sizeof out) == 0) {
        dsi_posix()->futex_wake(dsi_queue_word(q, dsi_queue_at_bell(c->ticket.slot)));
    }
}

// What is to be claimed: slots, first in the order of publication.
struct choice {
    uint32_t slots[DSI_QUEUE_SLOTS];
    bool chosen[DSI_QUEUE_SLOTS];
    size_t count;
};

// Puts `slot` where it belongs among those that were published before and after it.
static void insert(struct choice *c, const struct dsi_queue_table *table, uint32_t slot)
{
    size_t i = c->count++;

    for (; i > 0 &&
           table->slots[c->slots[i - 1]].published_ns > table->slots[slot].published_ns;
         i--) {
        c->slots[i] = c->slots[i - 1];
    }
    c->slots[i] = slot;
}

static void choose(const struct dsi_queue *q, const struct dsi_queue_table *table,
                   size_t bytes_max, struct choice *out)
{
    size_t bytes = 0;
    size_t kept = 0;

    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < DSI_QUEUE_SLOTS; i++) {
        if (dsi_queue_is_waiting(q, table, i)) {
            insert(out, table, i);
        }
    }
    for (; kept < out->count; kept++) { // At most 256 times 128 KiB: no overflow.
        bytes += table->slots[out->slots[kept]].size;
        if (kept > 0 && bytes > bytes_max) {
            break;
        }
        out->chosen[out->slots[kept]] = true;
    }
    out->count = kept;
}

// Writes the claims of what was chosen, each run of neighbours at once.
static int mark(struct dsi_queue *q, const struct dsi_queue_table *table,
                const struct choice *c)
{
    struct dsi_queue_claim claims[DSI_QUEUE_SLOTS];
    uint32_t first = 0;

    dsi_mutex_lock(q->mutex);
    uint32_t epoch = q->epoch;
    dsi_mutex_unlock(q->mutex);
    while (first < DSI_QUEUE_SLOTS) {
        uint32_t count = 0;
        for (; first + count < DSI_QUEUE_SLOTS && c->chosen[first + count]; count++) {
            claims[count] = (struct dsi_queue_claim){
                dsi_queue_nonce(q), table->slots[first + count].generation, epoch};
        }
        int code = count == 0 ? 0
                              : dsi_queue_put(q, dsi_queue_at_claim(first), claims,
                                              count * sizeof claims[0]);
        if (code < 0) {
            return code;
        }
        first += count + 1;
    }
    return 0;
}

// Reads a claimed intent. DS_ENOTFOUND: it is not to be committed.
static int collect(struct dsi_queue *q, uint32_t slot, const struct dsi_queue_slot *s,
                   struct dsi_arena *arena, struct dsi_claim *out, struct ds_error *err)
{
    static const struct dsi_receipt alone = {.kind = DSI_RECEIPT_ALONE,
                                             .snapshot_id = -1};
    int64_t now = dsi_clock_monotonic_ns();

    out->ticket = (struct dsi_ticket){slot, s->generation, s->identity};
    out->published_ns = s->published_ns < 0     ? 0
                        : s->published_ns < now ? s->published_ns
                                                : now;
    if (!dsi_queue_still_wanted(q, out)) {
        return DS_ENOTFOUND;
    }
    uint8_t *bytes = dsi_arena_alloc(arena, s->size);
    if (!bytes && s->size > 0) {
        return dsi_no_memory(err, q->path);
    }
    out->intent = (struct ds_slice){bytes, s->size};
    if (!dsi_queue_get(q, dsi_queue_at_intent(slot), bytes, s->size) ||
        dsi_xxh64(bytes, s->size) != s->intent_sum) {
        dsi_queue_answer(q, out, &alone); // Unless the owner has left: then to nobody.
        return DS_ENOTFOUND;
    }
    return DS_OK;
}

// True when the slot is this handle's, and its claim is as it was before publication.
static bool is_first(struct dsi_queue *q, const struct dsi_queue_table *table,
                     uint32_t slot)
{
    dsi_mutex_lock(q->mutex);
    const struct dsi_queue_own *own = &q->own[slot];
    bool first = own->busy && own->generation == table->slots[slot].generation &&
                 own->claim.nonce == table->claims[slot].nonce;
    dsi_mutex_unlock(q->mutex);
    return first;
}

// From now on nobody is overlooked who had published by now.
static void note_claim(struct dsi_queue *q)
{
    int64_t now = dsi_clock_monotonic_ns();

    dsi_mutex_lock(q->mutex);
    q->claimed_ns = now;
    dsi_mutex_unlock(q->mutex);
}

int dsi_queue_claim(struct dsi_queue *q, size_t bytes_max, struct dsi_arena *arena,
                    struct dsi_claim **out, size_t *count, struct ds_error *err)
{
    struct dsi_queue_table *table = dsi_malloc(sizeof *table);
    struct choice choice;
    int rc = DS_OK;
    int code = 0;

    *out = NULL;
    *count = 0;
    if (!table) {
        rc = dsi_no_memory(err, q->path);
        goto done;
    }
    if (DSI_FAULT("queue.claim")) {
        rc = dsi_fail(err, DS_EIO, "injected: nothing can be claimed");
        goto done;
    }
    note_claim(q);
    if (!dsi_queue_get_table(q, table)) {
        rc = dsi_fail(err, DS_EIO, "%s is damaged", q->path);
        goto done;
    }
    choose(q, table, bytes_max, &choice);
    *out = dsi_arena_array(arena, choice.count + 1, sizeof **out);
    if (!*out) {
        rc = dsi_no_memory(err, q->path);
        goto done;
    }
    code = mark(q, table, &choice);
    if (code < 0) {
        rc = dsi_posix_fail(err, code, "claiming in", q->path);
        goto done;
    }
    dsi_queue_fence(); // (3)
    for (size_t i = 0; i < choice.count; i++) {
        uint32_t slot = choice.slots[i];
        (*out)[*count].first = is_first(q, table, slot);
        rc = collect(q, slot, &table->slots[slot], arena, &(*out)[*count], err);
        *count += rc == DS_OK;
        DSI_TRY(rc == DS_ENOTFOUND ? DS_OK : rc);
    }
    rc = DS_OK;
done:
    dsi_free(table);
    return rc;
}

static size_t count_unclaimed(struct dsi_queue *q, struct dsi_queue_table *table)
{
    const uint32_t slots = dsi_queue_get_table(q, table) ? DSI_QUEUE_SLOTS : 0;
    size_t count = 0;

    for (uint32_t i = 0; i < slots; i++) {
        count += dsi_queue_is_waiting(q, table, i) &&
                 table->claims[i].generation != table->slots[i].generation;
    }
    return count;
}

void dsi_queue_await(struct dsi_queue *q, size_t want, int64_t ns)
{
    const uint64_t at =
        DSI_QUEUE_AT_CONTROL + offsetof(struct dsi_queue_control, arrivals);
    const uint64_t awaits =
        DSI_QUEUE_AT_CONTROL + offsetof(struct dsi_queue_control, awaiting);
    struct dsi_queue_table *table = dsi_malloc(sizeof *table);
    const int64_t until = dsi_clock_monotonic_ns() + ns;
    const uint32_t yes = 1;
    const uint32_t no = 0;
    int code = 0;

    if (!table || dsi_queue_put(q, awaits, &yes, sizeof yes) < 0) {
        goto done; // Then it waits for nobody.
    }
    dsi_queue_fence(); // Against the owner's PUBLISHED.
    while (code == 0 || code == -EAGAIN || code == -EINTR) {
        uint32_t bell = 0;
        int64_t left = until - dsi_clock_monotonic_ns();
        if (left <= 0 || !dsi_queue_get(q, at, &bell, sizeof bell) ||
            count_unclaimed(q, table) >= want) {
            break;
        }
        code = dsi_posix()->futex_wait(dsi_queue_word(q, at), bell, left);
    }
    // Left standing, it costs owners a call.
    DSI_IGNORE(dsi_queue_put(q, awaits, &no, sizeof no));
done:
    dsi_free(table);
}
