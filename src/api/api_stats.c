#include "datashard/stats.h"

#include <string.h>

#include "api/api_handle.h"
#include "base/clock.h"
#include "base/error.h"
#include "storage/storage_queue.h"

_Static_assert((int)DS_STATS_WAIT_BINS == (int)DSI_QUEUE_WAIT_BINS, "one bin each");
_Static_assert((int)DS_STATS_GROUP_BINS == (int)DSI_QUEUE_SIZE_BINS, "one bin each");

// How long the wait of rank `part`/100 took, to the end of its bin.
static uint64_t quantile(const struct ds_table_stats *s, uint64_t part)
{
    uint64_t all = 0;
    uint64_t below = 0;

    for (size_t i = 0; i < DS_STATS_WAIT_BINS; i++) {
        all += s->wait_bins[i];
    }
    uint64_t rank = all / 100 * part + (all % 100 * part + 99) / 100;
    for (size_t i = 0; i < DS_STATS_WAIT_BINS && all > 0; i++) {
        below += s->wait_bins[i];
        if (below >= rank) {
            uint64_t us = (uint64_t)dsi_queue_bin_us(i);
            return us < s->wait_us_max && i + 1 < DS_STATS_WAIT_BINS ? us
                                                                     : s->wait_us_max;
        }
    }
    return 0;
}

static void fill_quantiles(struct ds_table_stats *s)
{
    s->wait_us_p50 = quantile(s, 50);
    s->wait_us_p99 = quantile(s, 99);
}

static void fill(const struct dsi_queue_view *v, struct ds_table_stats *out)
{
    const struct dsi_queue_counters *c = &v->counters;

    *out = (struct ds_table_stats){
        .struct_size = out->struct_size,
        .has_queue = 1,
        .at_ms = out->at_ms,
        .since_ms = v->since_ms,
        .clock_us = out->clock_us,
        .elapsed_us = out->at_ms > v->since_ms ? (out->at_ms - v->since_ms) * 1000 : 0,
        .commits = c->groups,
        .appends = c->appends,
        .rows = c->rows,
        .bytes = c->bytes,
        .rounds_us = c->round_us,
        .round_us_max = c->round_us_max,
        .swaps = c->swaps,
        .lost = c->lost,
        .failed = c->failed,
        .found = c->found,
        .alone = c->alone,
        .leaders = c->leaders,
        .takeovers = c->takeovers,
        .wait_us = c->wait_us,
        .wait_us_max = c->wait_us_max,
        .leader_pid = v->leader_pid,
        .queue_waiting = v->published,
        .queue_claimed = v->claimed,
        .slots_used = v->slots_used,
        .slots = DSI_QUEUE_SLOTS,
    };
    memcpy(out->wait_bins, c->wait_bins, sizeof out->wait_bins);
    memcpy(out->group_bins, c->size_bins, sizeof out->group_bins);
    fill_quantiles(out);
}

int ds_table_stats(ds_table *table, struct ds_table_stats *out, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_table_stats full = {0};
    struct dsi_queue_view view;
    struct dsi_queue *queue = NULL;
    char *path = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_stats", "table", err));
    DSI_TRY(dsi_handle_need(out, "ds_table_stats", "out", err));
    DSI_TRY(dsi_handle_size(out->struct_size, sizeof full, "struct ds_table_stats", err));
    full.struct_size = out->struct_size;
    full.at_ms = dsi_clock_wall_ms();
    full.clock_us = dsi_clock_monotonic_ns() / 1000;
    DSI_TRY(dsi_catalog_queue_path(dsi_table_catalog(table->table),
                                   dsi_table_name(table->table), &arena, &path, err));
    rc = path ? dsi_queue_find(path, &queue, err) : DS_ENOTFOUND;
    if (rc == DS_OK) {
        DSI_TRY(dsi_queue_look(queue, &view, err));
        fill(&view, &full);
    } else if (rc != DS_ENOTFOUND && rc != DS_EUNSUPPORTED) {
        goto done;
    }
    memcpy(out, &full, out->struct_size);
    rc = DS_OK;
done:
    dsi_queue_free(queue);
    dsi_arena_release(&arena);
    return rc;
}

// Counters only grow, but what two processes wrote at once, or a new file, may be less.
static uint64_t grown(uint64_t before, uint64_t now)
{
    return now > before ? now - before : 0;
}

static void subtract(const struct ds_table_stats *b, struct ds_table_stats *n)
{
    n->commits = grown(b->commits, n->commits);
    n->appends = grown(b->appends, n->appends);
    n->rows = grown(b->rows, n->rows);
    n->bytes = grown(b->bytes, n->bytes);
    n->rounds_us = grown(b->rounds_us, n->rounds_us);
    n->swaps = grown(b->swaps, n->swaps);
    n->lost = grown(b->lost, n->lost);
    n->failed = grown(b->failed, n->failed);
    n->found = grown(b->found, n->found);
    n->alone = grown(b->alone, n->alone);
    n->leaders = grown(b->leaders, n->leaders);
    n->takeovers = grown(b->takeovers, n->takeovers);
    n->wait_us = grown(b->wait_us, n->wait_us);
    for (size_t i = 0; i < DS_STATS_WAIT_BINS; i++) {
        n->wait_bins[i] = grown(b->wait_bins[i], n->wait_bins[i]);
    }
    for (size_t i = 0; i < DS_STATS_GROUP_BINS; i++) {
        n->group_bins[i] = grown(b->group_bins[i], n->group_bins[i]);
    }
}

// The longest wait in between: known when it is the longest ever, else by its bin.
static uint64_t longest(const struct ds_table_stats *b, const struct ds_table_stats *n)
{
    uint64_t us = 0;

    for (size_t i = 0; i < DS_STATS_WAIT_BINS; i++) {
        us = n->wait_bins[i] > 0 ? (uint64_t)dsi_queue_bin_us(i) : us;
    }
    return n->wait_us_max > b->wait_us_max || us > n->wait_us_max ? n->wait_us_max : us;
}

static int take(const struct ds_table_stats *in, const char *name,
                struct ds_table_stats *out, struct ds_error *err)
{
    int rc = dsi_handle_need(in, "ds_stats_between", name, err);

    rc = rc < 0 ? rc
                : dsi_handle_size(in->struct_size, sizeof *out, "struct ds_table_stats",
                                  err);
    if (rc == DS_OK) {
        memset(out, 0, sizeof *out);
        memcpy(out, in, in->struct_size);
    }
    return rc;
}

int ds_stats_between(const struct ds_table_stats *before,
                     const struct ds_table_stats *now, struct ds_table_stats *out,
                     struct ds_error *err)
{
    struct ds_table_stats b;
    struct ds_table_stats n;
    int rc = DS_OK;

    DSI_TRY(take(before, "before", &b, err));
    DSI_TRY(take(now, "now", &n, err));
    DSI_TRY(dsi_handle_need(out, "ds_stats_between", "out", err));
    DSI_TRY(dsi_handle_size(out->struct_size, sizeof n, "struct ds_table_stats", err));
    n.struct_size = out->struct_size;
    n.elapsed_us = n.clock_us - b.clock_us;
    if (b.has_queue && n.has_queue && b.since_ms == n.since_ms) {
        subtract(&b, &n);
        n.wait_us_max = longest(&b, &n);
        fill_quantiles(&n);
    }
    memcpy(out, &n, out->struct_size);
done:
    return rc;
}
