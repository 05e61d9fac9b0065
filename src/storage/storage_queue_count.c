#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
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

struct counted {
    uint64_t sum;
    struct dsi_queue_counters counters;
};

static uint64_t counted_sum(const struct dsi_queue *q, const struct counted *c)
{
    struct counted all = *c;
    all.sum = q->file_id;
    return dsi_xxh64(&all, sizeof all);
}

// False: nothing whole is there; the counters are all zero then.
static bool read_counters(struct dsi_queue *q, struct dsi_queue_counters *out)
{
    struct counted c;

    memset(out, 0, sizeof *out);
    for (int i = 0; i < READ_TRIES; i++) {
        if (!dsi_queue_get(q, DSI_QUEUE_AT_COUNTERS, &c, sizeof c)) {
            return false;
        }
        if (c.sum == counted_sum(q, &c)) {
            *out = c.counters;
            return true;
        }
    }
    return false;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void add(struct dsi_queue_counters *to, const struct dsi_queue_counters *more)
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

void dsi_queue_count(struct dsi_queue *q, const struct dsi_queue_counters *more)
{
    struct counted c;

    memset(&c, 0, sizeof c);
    // What is damaged starts anew.
    DSI_IGNORE(read_counters(q, &c.counters) ? 0 : -1);
    add(&c.counters, more);
    dsi_mutex_lock(q->mutex);
    c.counters.leaders += q->leaders;
    c.counters.takeovers += q->takeovers;
    q->leaders = 0;
    q->takeovers = 0;
    dsi_mutex_unlock(q->mutex);
    c.sum = counted_sum(q, &c);
    // Nobody relies on counters.
    DSI_IGNORE(dsi_queue_put(q, DSI_QUEUE_AT_COUNTERS, &c, sizeof c));
}

void dsi_queue_count_leaders(struct dsi_queue *q)
{
    static const struct dsi_queue_counters none = {0};

    dsi_mutex_lock(q->mutex);
    bool some = q->leaders > 0;
    dsi_mutex_unlock(q->mutex);
    if (some) {
        dsi_queue_count(q, &none);
    }
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
    // Without counters there is still the rest to see.
    DSI_IGNORE(read_counters(q, &out->counters) ? 0 : -1);
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
