#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "storage/storage_posix.h"
#include "storage/storage_queue_file.h"

#define READ_TRIES 8 // Of a place that somebody may be writing.

// ---- The note -------------------------------------------------------------------------

struct note {
    uint64_t sum;
    uint32_t size;
    uint32_t reserved;
    uint8_t bytes[DSI_QUEUE_NOTE_MAX];
};

static uint64_t note_sum(const struct dsi_queue *q, const struct note *n)
{
    struct note all = *n;
    all.sum = q->file_id;
    return dsi_xxh64(&all, sizeof all);
}

void dsi_queue_set_note(struct dsi_queue *q, struct ds_slice bytes)
{
    struct note n;

    memset(&n, 0, sizeof n);
    if (bytes.size <= sizeof n.bytes && bytes.size > 0) {
        n.size = (uint32_t)bytes.size;
        memcpy(n.bytes, bytes.data, bytes.size);
    }
    n.sum = note_sum(q, &n);
    // Nobody relies on a note.
    DSI_IGNORE(dsi_queue_put(q, DSI_QUEUE_AT_NOTE, &n, sizeof n));
}

size_t dsi_queue_note(struct dsi_queue *q, uint8_t out[DSI_QUEUE_NOTE_MAX])
{
    struct note n;

    for (int i = 0; i < READ_TRIES; i++) {
        if (!dsi_queue_get(q, DSI_QUEUE_AT_NOTE, &n, sizeof n)) {
            return 0;
        }
        if (n.size <= sizeof n.bytes && n.sum == note_sum(q, &n)) {
            memcpy(out, n.bytes, n.size);
            return n.size;
        }
    }
    return 0;
}

// ---- Counters -------------------------------------------------------------------------

static uint64_t counted_sum(const struct dsi_queue *q, const struct dsi_queue_counted *c)
{
    struct {
        uint64_t file_id;
        struct dsi_queue_counters counters;
    } all = {q->file_id, c->counters};
    return dsi_xxh64(&all, sizeof all);
}

// Where nothing whole is there all is zero.
static void read_counted(struct dsi_queue *q, struct dsi_queue_counted *out)
{
    for (int i = 0; i < READ_TRIES; i++) {
        if (dsi_queue_get(q, DSI_QUEUE_AT_COUNTERS, out, sizeof *out) &&
            out->sum == counted_sum(q, out)) {
            return;
        }
    }
    memset(out, 0, sizeof *out);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void dsi_queue_add(struct dsi_queue_counters *to, const struct dsi_queue_counters *more)
{
    to->groups += more->groups;
    to->appends += more->appends;
    to->rows += more->rows;
    to->bytes += more->bytes;
    to->swaps += more->swaps;
    to->lost += more->lost;
    to->failed += more->failed;
    to->found += more->found;
    to->alone += more->alone;
    to->leaders += more->leaders;
    to->takeovers += more->takeovers;
    to->round_us += more->round_us;
    to->round_us_max = larger(to->round_us_max, more->round_us_max);
    to->wait_us += more->wait_us;
    to->wait_us_max = larger(to->wait_us_max, more->wait_us_max);
    for (size_t i = 0; i < DSI_QUEUE_WAIT_BINS; i++) {
        to->wait_bins[i] += more->wait_bins[i];
    }
    for (size_t i = 0; i < DSI_QUEUE_SIZE_BINS; i++) {
        to->size_bins[i] += more->size_bins[i];
    }
}

void dsi_queue_add_append(struct dsi_queue_counters *c, uint64_t bytes, uint64_t wait_us)
{
    c->appends++;
    c->bytes += bytes;
    c->wait_us += wait_us;
    c->wait_us_max = larger(c->wait_us_max, wait_us);
    c->wait_bins[dsi_queue_bin_of((int64_t)wait_us)]++;
}

void dsi_queue_add_tally(struct dsi_queue_counted *c, uint32_t slot,
                         const struct dsi_queue_tally *t)
{
    uint32_t *last = &c->generations[slot];

    // Generations go round; who wakes up late comes with an old one.
    if (*last == 0 || (int32_t)(t->generation - *last) > 0) {
        dsi_queue_add_append(&c->counters, t->bytes, t->wait_us);
        *last = t->generation;
    }
}

// Of two that add at once, one of them taken over, one would undo the other's.
bool dsi_queue_take_counted(struct dsi_queue *q, struct dsi_queue_counted *out)
{
    if (dsi_posix()->lock_byte(q->file.fd, DSI_QUEUE_LOCK_COUNT) < 0) {
        return false;
    }
    read_counted(q, out);
    return true;
}

void dsi_queue_put_counted(struct dsi_queue *q, struct dsi_queue_counted *c)
{
    c->sum = counted_sum(q, c);
    // Nobody relies on counters.
    DSI_IGNORE(dsi_queue_put(q, DSI_QUEUE_AT_COUNTERS, c, sizeof *c));
    dsi_posix()->unlock_byte(q->file.fd, DSI_QUEUE_LOCK_COUNT);
}

// With the mutex.
static void add_all(struct dsi_queue *q)
{
    struct dsi_queue_counted c;

    if (!dsi_queue_take_counted(q, &c)) {
        return;
    }
    dsi_queue_add(&c.counters, &q->more);
    for (uint32_t i = 0; i < DSI_QUEUE_FORECASTS; i++) {
        if (q->due[i].number > c.settled[i]) {
            dsi_queue_add(&c.counters, &q->due[i].more);
            c.settled[i] = q->due[i].number;
        }
        q->open = q->open && q->due[i].number != q->number;
    }
    for (uint32_t i = 0; i < DSI_QUEUE_SLOTS; i++) {
        if (q->tallies[i].generation != 0) {
            dsi_queue_add_tally(&c, i, &q->tallies[i]);
        }
    }
    dsi_queue_put_counted(q, &c);
    q->counts = false;
    memset(&q->more, 0, sizeof q->more);
    memset(q->due, 0, sizeof q->due);
    memset(q->tallies, 0, sizeof q->tallies);
}

void dsi_queue_count_member(struct dsi_queue *q, const struct dsi_claim *c)
{
    const int64_t us = (dsi_clock_monotonic_ns() - c->published_ns) / 1000;
    struct dsi_queue_tally *t = &q->tallies[c->ticket.slot];

    dsi_mutex_lock(q->mutex);
    if (t->generation != 0 && t->generation != c->ticket.generation) {
        // It had to wait, and its place is needed.
        dsi_queue_add_append(&q->more, t->bytes, t->wait_us);
    }
    *t = (struct dsi_queue_tally){c->ticket.generation, c->intent.size,
                                  us > 0 ? (uint64_t)us : 0};
    q->counts = true;
    dsi_mutex_unlock(q->mutex);
}

void dsi_queue_count(struct dsi_queue *q, const struct dsi_queue_counters *more)
{
    dsi_mutex_lock(q->mutex);
    dsi_queue_add(&q->more, more);
    q->counts = true;
    add_all(q);
    dsi_mutex_unlock(q->mutex);
}

void dsi_queue_count_rest(struct dsi_queue *q)
{
    dsi_mutex_lock(q->mutex);
    if (q->counts) {
        add_all(q);
    }
    dsi_mutex_unlock(q->mutex);
}

// ---- Bins -----------------------------------------------------------------------------

int64_t dsi_queue_bin_us(size_t bin)
{
    // Ten to the power of n/8, times 1,000.
    static const int64_t eighths[] = {1000, 1334, 1778, 2371, 3162, 4217, 5623, 7499};
    int64_t us = 0;

    assert(bin < DSI_QUEUE_WAIT_BINS);
    us = eighths[bin % 8];
    for (size_t i = 0; i < bin / 8; i++) {
        us *= 10;
    }
    return (us + 50) / 100;
}

size_t dsi_queue_bin_of(int64_t us)
{
    size_t bin = 0;

    while (bin < DSI_QUEUE_WAIT_BINS - 1 && us > dsi_queue_bin_us(bin)) {
        bin++;
    }
    return bin;
}

size_t dsi_queue_size_bin_of(size_t members)
{
    size_t bin = 0;

    while (bin < DSI_QUEUE_SIZE_BINS - 1 && members > (size_t)1 << bin) {
        bin++;
    }
    return bin;
}

// ---- Looking --------------------------------------------------------------------------

static int64_t leader_pid(struct dsi_queue *q, const struct dsi_queue_control *c)
{
    dsi_mutex_lock(q->mutex);
    bool ours = q->leader && q->epoch == c->epoch;
    dsi_mutex_unlock(q->mutex);
    return ours || dsi_posix()->test_byte(q->file.fd, DSI_QUEUE_LOCK_LEAD + c->epoch) == 1
               ? (int64_t)c->pid
               : 0;
}

static bool has_owner(struct dsi_queue *q, uint32_t slot)
{
    dsi_mutex_lock(q->mutex);
    bool ours = q->own[slot].owned;
    dsi_mutex_unlock(q->mutex);
    return ours || dsi_posix()->test_byte(q->file.fd, DSI_QUEUE_LOCK_SLOT + slot) == 1;
}

int dsi_queue_look(struct dsi_queue *q, struct dsi_queue_view *out, struct ds_error *err)
{
    struct dsi_queue_control control;
    struct dsi_queue_counted counted;
    struct dsi_queue_table *table = dsi_malloc(sizeof *table);
    int rc = DS_OK;

    memset(out, 0, sizeof *out);
    if (!table) {
        rc = dsi_no_memory(err, q->path);
        goto done;
    }
    if (!dsi_queue_get_control(q, &control) || !dsi_queue_get_table(q, table)) {
        rc = dsi_fail(err, DS_EIO, "%s is damaged or gone", q->path);
        goto done;
    }
    read_counted(q, &counted); // Without it there is still the rest to see.
    out->counters = counted.counters;
    out->since_ms = q->since_ms;
    out->epoch = control.epoch;
    out->leader_pid = leader_pid(q, &control);
    for (uint32_t i = 0; i < DSI_QUEUE_SLOTS; i++) {
        const struct dsi_queue_slot *s = &table->slots[i];
        if (!has_owner(q, i)) {
            continue;
        }
        out->slots_used++;
        if (dsi_queue_is_waiting(q, table, i) && dsi_queue_is_alive(q, i, s)) {
            bool claimed = table->claims[i].generation == s->generation;
            out->claimed += claimed;
            out->published += !claimed;
        }
    }
done:
    dsi_free(table);
    return rc;
}
