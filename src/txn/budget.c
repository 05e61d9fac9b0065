#include "txn/budget.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"

#define NS_PER_MS INT64_C(1000000)

// Iceberg's own library waits 100 ms before its first retry, for catalogs over a network.
// Where the table says nothing, ours begins lower: a local swap takes about one.
#define MIN_WAIT_MS_UNSET 10

// How long one attempt stands in line for its turn at most.
#define LINE_UP_NS (2000 * NS_PER_MS)

// Times and counts above this (31 years in milliseconds) mean "for ever".
#define SETTING_MAX INT64_C(1000000000000)

// A setting of the table that makes no sense must not stop the commit that mends it.
static int64_t setting(const struct dsi_metadata *m, const char *key, int64_t fallback)
{
    struct ds_error err = {0};
    int64_t value = fallback;

    if (dsi_metadata_property_i64(m, key, fallback, INT64_MIN, &value, &err) < 0) {
        dsi_log(DS_LOG_WARN, "%s; taking %lld", err.message, (long long)fallback);
        return fallback;
    }
    value = value < 0 ? fallback : value;
    return value < SETTING_MAX ? value : SETTING_MAX;
}

struct dsi_budget dsi_budget_of(const struct dsi_metadata *m,
                                const struct ds_commit_options *options)
{
    int64_t timeout_ms = options->timeout_ms;
    struct dsi_budget b = {
        .start_ns = dsi_clock_monotonic_ns(),
        .min_wait_ms = setting(m, "commit.retry.min-wait-ms", MIN_WAIT_MS_UNSET),
        .max_wait_ms = setting(m, "commit.retry.max-wait-ms", 60000),
        .looks_max = setting(m, "commit.status-check.num-retries", 3),
        .line_up_ns = LINE_UP_NS,
    };
    // Unset means that only time counts: a number of retries can be used up by nothing
    // worse than many writers.
    int64_t retries = setting(m, "commit.retry.num-retries", -1);

    if (timeout_ms <= 0) {
        timeout_ms = setting(m, "commit.retry.total-timeout-ms", 1800000);
    }
    timeout_ms =
        timeout_ms < INT64_MAX / NS_PER_MS / 4 ? timeout_ms : INT64_MAX / NS_PER_MS / 4;
    b.deadline_ns = b.start_ns + timeout_ms * NS_PER_MS;
    b.attempts_max = options->attempts_max != 0            ? options->attempts_max
                     : retries >= 0 && retries < INT32_MAX ? retries + 1
                                                           : -1;
    return b;
}

void dsi_budget_wait(struct dsi_budget *b)
{
    int64_t limit_ms = b->min_wait_ms < b->max_wait_ms ? b->min_wait_ms : b->max_wait_ms;
    int64_t left_ns = b->deadline_ns - dsi_clock_monotonic_ns();

    for (unsigned i = 0; i < b->round && limit_ms < b->max_wait_ms; i++) {
        limit_ms *= 2;
    }
    b->round++;
    limit_ms = limit_ms < b->max_wait_ms ? limit_ms : b->max_wait_ms;
    int64_t limit_ns = limit_ms * NS_PER_MS;
    limit_ns = limit_ns < left_ns ? limit_ns : left_ns;
    if (limit_ns > 0) {
        int64_t ns = (int64_t)dsi_random_below((uint64_t)limit_ns);
        b->slept_ns += dsi_cancel_sleep_ns(ns) ? ns : 0;
    }
}

bool dsi_budget_left(const struct dsi_budget *b, uint32_t swaps)
{
    return (b->attempts_max < 0 || swaps < b->attempts_max) &&
           dsi_clock_monotonic_ns() < b->deadline_ns;
}
