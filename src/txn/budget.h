// The budget of a commit: how long, how often, and how it waits between attempts.
#ifndef DSI_TXN_BUDGET_H
#define DSI_TXN_BUDGET_H

#include "datashard/write.h"
#include "model/metadata.h"

struct dsi_budget {
    int64_t start_ns;
    int64_t deadline_ns;  // Monotonic clock.
    int64_t attempts_max; // Less than 0: only time counts.
    int64_t min_wait_ms;
    int64_t max_wait_ms;
    int64_t looks_max;  // How often to look again, or to bear with failing I/O.
    int64_t line_up_ns; // How long each attempt may stand in line.
    int64_t slept_ns;
    unsigned round; // Of waiting.
};

/// The budget that starts now, by the options and the table's commit.* properties. A
/// setting that makes no sense is its default, with a warning: it must not stop the
/// commit that mends it.
struct dsi_budget dsi_budget_of(const struct dsi_metadata *m,
                                const struct ds_commit_options *options);

/// Sleeps with full jitter: evenly from nothing to what doubles each time, but not past
/// the deadline. Not at all once the caller has cancelled.
void dsi_budget_wait(struct dsi_budget *b);

/// True while there may be another attempt after `swaps` swaps.
bool dsi_budget_left(const struct dsi_budget *b, uint32_t swaps);

#endif
