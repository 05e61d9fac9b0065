#include "txn/loop.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/trouble.h"
#include "txn/mutant.h"

#define NS_PER_MS INT64_C(1000000)

// What may be on its way when the caller cancels mostly arrives within a few of these.
#define CANCELLED_WAIT_NS (8 * NS_PER_MS)

// So long a commit that fails says nothing.
#define QUIET_NS INT64_C(5000000000)

// Between two looks; whoever has cancelled is not to wait for long.
static void wait_to_look(struct dsi_budget *b)
{
    if (dsi_cancelled()) {
        dsi_sleep_ns(CANCELLED_WAIT_NS);
    } else {
        dsi_budget_wait(b);
    }
}

// Others that are faster are no trouble.
static void tell_trouble(int rc, const struct ds_error *err)
{
    if (err && rc != DS_ECONFLICT) {
        dsi_trouble_tell(err);
    }
}

enum ds_outcome dsi_loop_settle(struct dsi_attempts *a, struct dsi_budget *b)
{
    enum dsi_sighting sighting = DSI_SIGHT_STALE;
    struct ds_error err = {0};

    if (!a->trail.sent) {
        return DS_NOT_COMMITTED;
    }
    if (a->refused && DSI_MUTANT(DSI_MUTANT_BELIEVE_REFUSAL)) {
        return DS_NOT_COMMITTED;
    }
    for (int64_t i = 0; i <= b->looks_max; i++) {
        if (i > 0) {
            wait_to_look(b);
        }
        int rc = dsi_attempts_look(a, &sighting, &err);
        if (rc < 0) {
            tell_trouble(rc, &err);
        }
        if (rc == DS_OK && sighting == DSI_SIGHT_FOUND) {
            return DS_COMMITTED;
        }
        if (rc == DS_OK && sighting == DSI_SIGHT_ABSENT &&
            dsi_state_is_newer(a->state, &a->trail.base)) {
            return DS_NOT_COMMITTED;
        }
        if (rc == DS_OK && sighting == DSI_SIGHT_BROKEN) {
            break;
        }
    }
    return DS_UNKNOWN;
}

static bool is_end(enum dsi_attempt_end end)
{
    return end == DSI_ATTEMPT_COMMITTED || end == DSI_ATTEMPT_FOUND ||
           end == DSI_ATTEMPT_NOTHING || end == DSI_ATTEMPT_CHANGED;
}

// Other writers that are faster are no news; a catalog or a disk that does not work may
// look like a program that hangs, for as long as the budget lasts.
static bool is_news(int rc, const struct dsi_budget *b)
{
    return rc != DS_ECONFLICT && dsi_clock_monotonic_ns() - b->start_ns > QUIET_NS;
}

int dsi_loop_run(struct dsi_attempts *a, struct dsi_budget *b, enum dsi_attempt_end *end,
                 struct ds_error *err)
{
    int64_t failures = 0;
    bool told = false;

    for (;;) {
        uint32_t swaps = a->swaps;
        int rc = dsi_attempt(a, b->line_up_ns, end, err);
        if (is_end(*end)) {
            return DS_OK;
        }
        failures = a->swaps > swaps ? 0 : failures + 1;
        if (*end == DSI_ATTEMPT_STOP || failures > b->looks_max ||
            (a->refused && DSI_MUTANT(DSI_MUTANT_BELIEVE_REFUSAL))) {
            return rc;
        }
        if (!dsi_budget_left(b, a->swaps)) {
            return rc == DS_ECONFLICT
                       ? dsi_fail(err, DS_ECONFLICT,
                                  "gave up after %u attempts in %lld ms: other writers "
                                  "were faster each time; allow more time or attempts",
                                  a->swaps,
                                  (long long)((dsi_clock_monotonic_ns() - b->start_ns) /
                                              NS_PER_MS))
                       : rc;
        }
        dsi_log(is_news(rc, b) && !told ? DS_LOG_WARN : DS_LOG_DEBUG,
                "commit %s: attempt %u ended with %s; trying again%s%s",
                a->change->identity, a->rounds, ds_status_text(rc), err ? ": " : "",
                err ? err->message : "");
        told = told || is_news(rc, b);
        tell_trouble(rc, err);
        dsi_budget_wait(b);
    }
}
