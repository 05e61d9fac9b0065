#include "txn/group_forecast.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "txn/look.h"

// Bytes of this machine for this machine: the queue's header guards version and boot.
struct about {
    struct dsi_mark base;
    struct dsi_uuid identity;
    char nonce[DSI_NONCE_TEXT_SIZE];
    bool makes_snapshot;
    bool single; // A group of one.
};

_Static_assert(sizeof(struct about) <= DSI_QUEUE_ABOUT_MAX, "it fits into the queue");

struct dsi_queue_counters dsi_group_gains(const struct dsi_change *change, size_t members,
                                          int64_t start_ns, uint32_t swaps, uint32_t lost)
{
    const int64_t us = (dsi_clock_monotonic_ns() - start_ns) / 1000;
    struct dsi_queue_counters g = {.groups = 1,
                                   .swaps = swaps,
                                   .lost = lost,
                                   .round_us = (uint64_t)us,
                                   .round_us_max = (uint64_t)us};
    uint64_t files = 0;
    uint64_t bytes = 0;

    dsi_change_totals(change, &g.rows, &files, &bytes);
    g.size_bins[dsi_queue_size_bin_of(members)] = 1;
    return g;
}

struct dsi_queue_forecast
dsi_group_foretell(struct dsi_queue *queue, const struct dsi_change *change,
                   const struct dsi_state *head, const struct dsi_queue_counters *more,
                   const struct dsi_claim *const *members, size_t count, bool single)
{
    struct dsi_queue_forecast out = {0};
    struct about about;

    memset(&about, 0, sizeof about);
    if (dsi_uuid_parse(change->identity, DSI_UUID_TEXT_SIZE - 1, &about.identity)) {
        about.base = dsi_mark_of(head);
        memcpy(about.nonce, change->nonce, sizeof about.nonce);
        about.makes_snapshot = dsi_change_makes_snapshot(change);
        about.single = single;
        dsi_queue_foretell(queue,
                           (struct ds_slice){(const uint8_t *)&about, sizeof about}, more,
                           members, count, &out);
    }
    return out;
}

// The manifest list of a snapshot is a file that its maker has named. What makes no
// snapshot has no such file: there the identity has to do.
static bool has_made(const struct dsi_snapshot *s, bool single, const char *nonce)
{
    return !single || !s || !s->manifest_list || strstr(s->manifest_list, nonce);
}

bool dsi_group_has_made(const struct dsi_change *change,
                        const struct dsi_snapshot *snapshot, size_t members)
{
    return has_made(snapshot, members == 1, change->nonce);
}

enum verdict { LANDED, LOST, OPEN };

static enum verdict judge(ds_storage *storage, const struct dsi_state *head,
                          const struct about *a, bool over)
{
    struct dsi_trail trail = {.makes_snapshot = a->makes_snapshot,
                              .looked = a->base,
                              .sent = true,
                              .base = a->base};
    struct dsi_sight sight = {DSI_SIGHT_STALE, NULL};

    dsi_uuid_format(&a->identity, trail.identity);
    if (dsi_look(storage, head, &trail, &sight, NULL) < 0) {
        return OPEN;
    }
    if (sight.sighting == DSI_SIGHT_FOUND) {
        return has_made(sight.snapshot, a->single, a->nonce) ? LANDED : LOST;
    }
    return sight.sighting != DSI_SIGHT_STALE &&
                   (over || dsi_state_is_newer(head, &a->base))
               ? LOST
               : OPEN;
}

void dsi_group_settle(struct dsi_table *table, struct dsi_queue *queue,
                      const struct dsi_state *head)
{
    struct dsi_queue_foretold all[DSI_QUEUE_FORECASTS];
    const size_t count = dsi_queue_foretold(queue, all);
    struct about about;

    for (size_t i = 0; i < count; i++) {
        enum verdict verdict = LOST; // Of a library that writes it otherwise.
        if (all[i].about_size == sizeof about) {
            memcpy(&about, all[i].about, sizeof about);
            about.nonce[sizeof about.nonce - 1] = '\0';
            verdict = judge(dsi_table_storage(table), head, &about, all[i].over);
        }
        if (verdict != OPEN) {
            dsi_log(DS_LOG_DEBUG, "group: a swap that nobody has counted has %s",
                    verdict == LANDED ? "landed" : "not landed");
            dsi_queue_settle(queue, &all[i], verdict == LANDED);
        }
    }
}
