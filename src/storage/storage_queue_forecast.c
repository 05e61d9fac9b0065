#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "storage/storage_queue_file.h"

// A forecast is its leader's alone to write, in the place of its epoch: whoever led that
// epoch before has stopped leading, and whoever has taken over writes elsewhere. It is
// not changed when it is settled: that is said beside the counters, in the write that
// adds it.

struct member {
    uint32_t generation;
    uint32_t place; // 256 times the bytes of its intent, and its slot.
    uint32_t wait_us;
};

struct forecast {
    uint64_t sum;    // Up to the last member.
    uint64_t number; // When it was made, by the monotonic clock.
    uint32_t epoch;
    uint32_t about_size;
    uint32_t member_count;
    uint32_t reserved;
    uint8_t about[DSI_QUEUE_ABOUT_MAX];
    struct dsi_queue_counters more;
    struct member members[DSI_QUEUE_SLOTS];
};

enum { PLACE_SIZE = 4096 };

_Static_assert(offsetof(struct forecast, members) == 808, "layout");
_Static_assert(sizeof(struct forecast) <= PLACE_SIZE, "layout");
_Static_assert(DSI_QUEUE_AT_FORECASTS + DSI_QUEUE_FORECASTS * PLACE_SIZE <=
                   DSI_QUEUE_AT_INTENTS,
               "layout");
_Static_assert(DSI_QUEUE_SLOTS == 256 && DSI_QUEUE_INTENT_MAX < 1 << 24, "layout");

static uint64_t at_place(size_t place)
{
    return DSI_QUEUE_AT_FORECASTS + place * PLACE_SIZE;
}

static size_t place_of(const struct dsi_queue_forecast *f)
{
    return f->epoch % DSI_QUEUE_FORECASTS;
}

static size_t size_of(const struct forecast *f)
{
    return offsetof(struct forecast, members) + f->member_count * sizeof(struct member);
}

static uint64_t forecast_sum(const struct dsi_queue *q, struct forecast *f)
{
    const uint64_t sum = f->sum;

    f->sum = q->file_id;
    const uint64_t out = dsi_xxh64(f, size_of(f));
    f->sum = sum;
    return out;
}

// ---- Foretelling ----------------------------------------------------------------------

static void fill_members(struct forecast *f, const struct dsi_claim *const *members,
                         size_t count)
{
    const int64_t now = (int64_t)f->number;

    f->member_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        const struct dsi_claim *c = members[i];
        int64_t us = (now - c->published_ns) / 1000;
        f->members[i] = (struct member){c->ticket.generation,
                                        (uint32_t)(c->intent.size << 8) | c->ticket.slot,
                                        us < 0            ? 0
                                        : us < UINT32_MAX ? (uint32_t)us
                                                          : UINT32_MAX};
    }
}

// With the mutex. Where an earlier one is not settled, nothing is foretold: that one is
// of a swap that was made.
static bool may_foretell(const struct dsi_queue *q)
{
    const size_t place = q->epoch % DSI_QUEUE_FORECASTS;

    return dsi_queue_leads(q) && !q->taken[place] && q->due[place].number == 0;
}

void dsi_queue_foretell(struct dsi_queue *q, struct ds_slice about,
                        const struct dsi_queue_counters *more,
                        const struct dsi_claim *const *members, size_t count,
                        struct dsi_queue_forecast *out)
{
    struct forecast f;

    assert(about.size <= sizeof f.about && count <= DSI_QUEUE_SLOTS);
    *out = (struct dsi_queue_forecast){0};
    memset(&f, 0, offsetof(struct forecast, members));
    f.about_size = (uint32_t)about.size;
    memcpy(f.about, about.data, about.size);
    f.more = *more;
    dsi_mutex_lock(q->mutex);
    if (may_foretell(q)) {
        const uint64_t now = (uint64_t)dsi_clock_monotonic_ns();
        f.number = now > q->number ? now : q->number + 1;
        f.epoch = q->epoch;
        fill_members(&f, members, count);
        f.sum = forecast_sum(q, &f);
        q->number = f.number;
        q->open = true;
        if (dsi_queue_put(q, at_place(f.epoch % DSI_QUEUE_FORECASTS), &f, size_of(&f)) ==
            0) {
            *out = (struct dsi_queue_forecast){f.number, f.epoch};
        }
    }
    dsi_mutex_unlock(q->mutex);
}

void dsi_queue_count_landed(struct dsi_queue *q, const struct dsi_queue_forecast *f,
                            const struct dsi_queue_counters *more)
{
    dsi_mutex_lock(q->mutex);
    if (f->number == 0) {
        dsi_queue_add(&q->more, more);
    } else {
        q->due[place_of(f)] = (struct dsi_queue_due){f->number, *more};
    }
    q->counts = true;
    dsi_mutex_unlock(q->mutex);
}

// ---- Looking at what others have foretold ---------------------------------------------

// False when there is nothing whole.
static bool read_forecast(struct dsi_queue *q, size_t place, struct forecast *out)
{
    return dsi_queue_get(q, at_place(place), out, sizeof *out) &&
           out->member_count <= DSI_QUEUE_SLOTS && out->about_size <= sizeof out->about &&
           out->epoch % DSI_QUEUE_FORECASTS == place && out->sum == forecast_sum(q, out);
}

// With the mutex: the forecast in a place, unless it is settled.
static bool read_unsettled(struct dsi_queue *q, size_t place, uint64_t settled,
                           struct forecast *out)
{
    const uint64_t at = at_place(place) + offsetof(struct forecast, number);
    uint64_t number = 0;

    return dsi_queue_get(q, at, &number, sizeof number) && number > settled &&
           read_forecast(q, place, out) && out->number > settled;
}

size_t dsi_queue_foretold(struct dsi_queue *q,
                          struct dsi_queue_foretold out[DSI_QUEUE_FORECASTS])
{
    const uint64_t at =
        DSI_QUEUE_AT_COUNTERS + offsetof(struct dsi_queue_counted, settled);
    uint64_t settled[DSI_QUEUE_FORECASTS];
    struct forecast f;
    size_t count = 0;

    dsi_mutex_lock(q->mutex);
    // Who was taken over does not know it yet when it wakes up, and may foretell then.
    const bool replaced = q->epoch != 0;
    if ((q->looks || q->open || replaced) &&
        dsi_queue_get(q, at, settled, sizeof settled)) {
        for (size_t i = 0; i < DSI_QUEUE_FORECASTS; i++) {
            q->taken[i] = read_unsettled(q, i, settled[i], &f);
            if (q->taken[i]) {
                struct dsi_queue_foretold *to = &out[count++];
                *to = (struct dsi_queue_foretold){.forecast = {f.number, f.epoch},
                                                  .over = f.epoch == q->epoch &&
                                                          dsi_queue_leads(q),
                                                  .about_size = f.about_size};
                memcpy(to->about, f.about, sizeof to->about);
            }
        }
        q->looks = q->open = count > 0;
    }
    dsi_mutex_unlock(q->mutex);
    return count;
}

// Who waits still has waited longer by now; how long the dead would have, nobody knows.
static uint64_t wait_of(struct dsi_queue *q, const struct forecast *f,
                        const struct member *m)
{
    const uint32_t slot = m->place & (DSI_QUEUE_SLOTS - 1);
    const int64_t more = dsi_clock_monotonic_ns() - (int64_t)f->number;
    struct dsi_queue_slot s;
    bool waits = dsi_queue_get(q, dsi_queue_at_slot(slot), &s, sizeof s) &&
                 s.generation == m->generation &&
                 dsi_queue_slot_is(&s, DSI_SLOT_PUBLISHED) &&
                 dsi_queue_is_alive(q, slot, &s);

    return m->wait_us + (waits && more > 0 ? (uint64_t)more / 1000 : 0);
}

static void add_forecast(struct dsi_queue_counted *c, const struct forecast *f,
                         const uint64_t *waits)
{
    dsi_queue_add(&c->counters, &f->more);
    for (size_t i = 0; i < f->member_count; i++) {
        const struct member *m = &f->members[i];
        const struct dsi_queue_tally t = {m->generation, m->place >> 8, waits[i]};
        dsi_queue_add_tally(c, m->place & (DSI_QUEUE_SLOTS - 1), &t);
    }
}

void dsi_queue_settle(struct dsi_queue *q, const struct dsi_queue_foretold *foretold,
                      bool landed)
{
    const size_t place = place_of(&foretold->forecast);
    const uint64_t number = foretold->forecast.number;
    uint64_t waits[DSI_QUEUE_SLOTS];
    struct dsi_queue_counted c;
    struct forecast f;

    if (!read_forecast(q, place, &f) || f.number != number) {
        return; // Another one is there by now, or it is damaged.
    }
    for (size_t i = 0; landed && i < f.member_count; i++) {
        waits[i] = wait_of(q, &f, &f.members[i]);
    }
    dsi_mutex_lock(q->mutex);
    if (dsi_queue_take_counted(q, &c)) {
        if (number > c.settled[place]) {
            c.settled[place] = number;
            if (landed) {
                add_forecast(&c, &f, waits);
            }
        }
        dsi_queue_put_counted(q, &c);
        q->taken[place] = false;
    }
    dsi_mutex_unlock(q->mutex);
}
