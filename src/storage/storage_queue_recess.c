#include "base/clock.h"
#include "base/error.h"
#include "storage/storage_queue_file.h"

// So often in a row somebody must have come back at once.
enum { RETURNS = 2 };

#define KEPT_US (DSI_QUEUE_KEPT_NS / 1000)

int64_t dsi_queue_kept_ns(const struct dsi_queue *q, const struct dsi_queue_control *c)
{
    if (c->kept_us == 0 || c->pid == (uint32_t)q->pid) {
        return 0;
    }
    // What is left of it; anything that does not fit says nothing.
    uint32_t left = c->kept_us - (uint32_t)(dsi_clock_monotonic_ns() / 1000);
    return left <= KEPT_US ? (int64_t)left * 1000 : 0;
}

void dsi_queue_came_back(struct dsi_queue *q, int64_t now_ns)
{
    if (q->resigned_ns != 0) {
        const int64_t away_ns = now_ns - q->resigned_ns;
        // Others wait that long for it: what its round took it must not double.
        bool soon =
            away_ns < DSI_QUEUE_KEPT_NS && away_ns <= q->resigned_ns - q->claimed_ns;
        q->returns = !soon ? 0 : q->returns < RETURNS ? q->returns + 1 : RETURNS;
        q->resigned_ns = 0;
    }
}

static int put_kept(struct dsi_queue *q, uint32_t kept_us)
{
    return dsi_queue_put(
        q, DSI_QUEUE_AT_CONTROL + offsetof(struct dsi_queue_control, kept_us), &kept_us,
        sizeof kept_us);
}

bool dsi_queue_keep(struct dsi_queue *q, int64_t *since_ns)
{
    int64_t now = dsi_clock_monotonic_ns();

    dsi_mutex_lock(q->mutex);
    q->resigned_ns = now;
    *since_ns = q->claimed_ns;
    bool keeps = dsi_queue_leads(q) && q->returns >= RETURNS;
    dsi_mutex_unlock(q->mutex);
    return keeps && put_kept(q, (uint32_t)(now / 1000 + KEPT_US)) == 0;
}

void dsi_queue_keep_not(struct dsi_queue *q)
{
    // What cannot be written passes by itself.
    DSI_IGNORE(put_kept(q, 0));
}
