#include "txn/commit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "scan/scan.h"
#include "txn/attempt.h"
#include "txn/held.h"
#include "txn/mutant.h"
#include "txn/retire.h"

#define NS_PER_MS INT64_C(1000000)

// How long one attempt stands in line for its turn at most (6).
#define LINE_UP_NS (2000 * NS_PER_MS)

// Iceberg's own library waits 100 ms before its first retry, for catalogs over a network.
// Where the table says nothing, ours begins lower: a local swap takes about one.
#define MIN_WAIT_MS_UNSET 10

// Times and counts above this (31 years in milliseconds) mean "for ever".
#define SETTING_MAX INT64_C(1000000000000)

// The budget of a commit, and how it waits.
struct budget {
    int64_t start_ns;
    int64_t deadline_ns;
    int64_t attempts_max; // Less than 0: only time counts.
    int64_t min_wait_ms;
    int64_t max_wait_ms;
    int64_t looks_max; // How often to look again, or to bear with failing I/O.
    int64_t slept_ns;
    unsigned round; // Of waiting.
};

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

static struct budget budget_of(const struct dsi_metadata *m,
                               const struct ds_commit_options *options)
{
    int64_t timeout_ms = options->timeout_ms;
    struct budget b = {
        .start_ns = dsi_clock_monotonic_ns(),
        .min_wait_ms = setting(m, "commit.retry.min-wait-ms", MIN_WAIT_MS_UNSET),
        .max_wait_ms = setting(m, "commit.retry.max-wait-ms", 60000),
        .looks_max = setting(m, "commit.status-check.num-retries", 3),
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

// Full jitter: evenly from nothing to what doubles each time, but not past the deadline.
static void wait_before_retry(struct budget *b)
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
        dsi_sleep_ns(ns);
        b->slept_ns += ns;
    }
}

static bool budget_left(const struct budget *b, const struct dsi_attempts *a)
{
    return (b->attempts_max < 0 || a->swaps < b->attempts_max) &&
           dsi_clock_monotonic_ns() < b->deadline_ns;
}

static void remove_quietly(const struct dsi_attempts *a, const char *path)
{
    // (5) What cannot be removed is an orphan.
    DSI_IGNORE(dsi_storage_remove(dsi_table_storage(a->table), path, NULL));
}

static void remove_written(const struct dsi_attempts *a)
{
    for (size_t i = 0; i < a->written_count; i++) {
        remove_quietly(a, a->written[i]);
    }
}

// Everything of this run: the outcome is that none of it is in the table (4).
static void remove_all(const struct dsi_attempts *a)
{
    remove_written(a);
    dsi_change_discard(a->change, dsi_table_storage(a->table));
}

static bool in_list(const struct dsi_manifests *m, const char *path)
{
    for (size_t i = 0; i < m->list.count; i++) {
        if (strcmp(m->list.files[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

// Of what this run wrote, what the committed snapshot does not name (4).
static void remove_unused(const struct dsi_attempts *a, const struct dsi_snapshot *s,
                          const struct dsi_manifests *manifests)
{
    for (size_t i = 0; i < a->written_count; i++) {
        if (strcmp(a->written[i], s->manifest_list) != 0 &&
            !in_list(manifests, a->written[i])) {
            remove_quietly(a, a->written[i]);
        }
    }
}

static bool is_prepared(const struct dsi_attempts *a, const char *path)
{
    for (size_t i = 0; i < a->prepared.file_count; i++) {
        if (strcmp(a->prepared.files[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

// Somebody else's snapshot includes ours: what our attempts made on top of our own
// manifests is in no version, the rest may be in that one.
static void remove_attempted(const struct dsi_attempts *a)
{
    for (size_t i = 0; i < a->written_count; i++) {
        if (!is_prepared(a, a->written[i])) {
            remove_quietly(a, a->written[i]);
        }
    }
}

// The identity was in the history. By an earlier attempt of ours: keep what that one
// used. By another run: all of ours is waste, once no request of ours can be applied.
static void clean_after_found(struct dsi_attempts *a)
{
    const struct dsi_state *full = NULL;

    if (!a->snapshot || !a->snapshot->manifest_list || a->change->part_count > 0) {
        return; // Of several snapshots one alone does not say what the others use.
    }
    const char *by = dsi_snapshot_summary(a->snapshot, DSI_KEY_COMMIT_ID);
    bool own = by && strcmp(by, a->trail.identity) == 0;
    bool over = !a->trail.sent || dsi_state_is_newer(a->state, &a->trail.base);
    if (dsi_attempts_wrote(a, a->snapshot->manifest_list)) {
        if (a->written_count > a->prepared.file_count + 1 &&
            dsi_table_with_manifests(a->table, a->state, a->snapshot->snapshot_id, &full,
                                     NULL) == DS_OK) {
            remove_unused(a, a->snapshot, full->manifests);
        }
    } else if (over && own) {
        remove_all(a);
    } else if (over) {
        remove_attempted(a);
    }
    dsi_state_unref(full);
}

// True when the version our swap made names the file.
static bool is_named(const struct dsi_rebased *r, const char *path)
{
    for (size_t i = 0; i < r->made_count; i++) {
        const struct dsi_made *made = &r->made[i];
        if (made->manifest_list &&
            (strcmp(made->manifest_list, path) == 0 || in_list(made->manifests, path))) {
            return true;
        }
    }
    return false;
}

// Our swap made the version: what it does not use goes, and so does what it forgot.
static void clean_after_commit(struct dsi_attempts *a)
{
    ds_storage *storage = dsi_table_storage(a->table);
    const struct dsi_metadata *m = a->last.metadata;
    size_t lists = 0;
    bool wanted = false;

    for (size_t i = 0; i < a->last.made_count; i++) {
        lists += a->last.made[i].manifest_list != NULL;
    }
    for (size_t i = 0;
         a->written_count > a->prepared.file_count + lists && i < a->written_count; i++) {
        if (!is_named(&a->last, a->written[i])) {
            remove_quietly(a, a->written[i]);
        }
    }
    dsi_retire_stored(storage, a->change, &a->last);
    dsi_retire_snapshots(storage, m, a->last.expired, a->last.expired_count);
    if (dsi_metadata_property_bool(m, "write.metadata.delete-after-commit.enabled", false,
                                   &wanted, NULL) == DS_OK &&
        wanted) {
        dsi_retire_metadata(storage, a->last.dropped, a->last.dropped_count);
    }
}

// The budget is used up, or an error ended it: read the outcome from the history, as far
// as it can be read (3).
static enum ds_outcome settle(struct dsi_attempts *a, struct budget *b)
{
    enum dsi_sighting sighting = DSI_SIGHT_STALE;

    if (!a->trail.sent) {
        return DS_NOT_COMMITTED;
    }
    if (a->refused && DSI_MUTANT(DSI_MUTANT_BELIEVE_REFUSAL)) {
        return DS_NOT_COMMITTED;
    }
    for (int64_t i = 0; i <= b->looks_max; i++) {
        if (i > 0) {
            wait_before_retry(b);
        }
        int rc = dsi_attempts_look(a, &sighting, NULL);
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

static void fill_result(const struct dsi_attempts *a, const struct budget *b,
                        enum ds_outcome outcome, struct ds_commit_result *r)
{
    dsi_change_totals(a->change, &r->rows, &r->files, &r->bytes);
    r->outcome = outcome;
    r->snapshot_id = -1;
    r->sequence_number = -1;
    if (outcome == DS_COMMITTED && a->snapshot) {
        r->snapshot_id = a->snapshot->snapshot_id;
        r->sequence_number = a->snapshot->sequence_number;
    }
    r->attempts = a->swaps;
    r->conflicts = a->conflicts;
    r->waited_us = (b->slept_ns + a->lined_up_ns) / 1000;
    r->elapsed_us = (dsi_clock_monotonic_ns() - b->start_ns) / 1000;
    snprintf(r->identity, sizeof r->identity, "%s", a->change->identity);
    if (outcome == DS_UNKNOWN) {
        dsi_trail_format(&a->trail, r->token);
    }
}

// Copies as much of a result as the caller's own struct has room for.
static void give_result(const struct ds_commit_result *from, struct ds_commit_result *to)
{
    if (to) {
        uint32_t size = to->struct_size > 0 && to->struct_size < sizeof *from
                            ? to->struct_size
                            : (uint32_t)sizeof *from;
        memcpy(to, from, size);
        to->struct_size = size;
    }
}

// Attempts until one ends it, or the budget does. DS_OK with *outcome COMMITTED, or the
// failure that is to be told if it is not.
static int attempts_run(struct dsi_attempts *a, struct budget *b,
                        enum ds_outcome *outcome, struct ds_error *err)
{
    enum dsi_attempt_end end = DSI_ATTEMPT_AGAIN;
    int64_t failures = 0;
    int rc = DS_OK;

    *outcome = DS_NOT_COMMITTED;
    for (;;) {
        uint32_t swaps = a->swaps;
        rc = dsi_attempt(a, LINE_UP_NS, &end, err);
        if (end == DSI_ATTEMPT_COMMITTED || end == DSI_ATTEMPT_FOUND ||
            end == DSI_ATTEMPT_NOTHING) {
            *outcome = DS_COMMITTED;
            break;
        }
        failures = a->swaps > swaps ? 0 : failures + 1;
        if (end == DSI_ATTEMPT_STOP || failures > b->looks_max ||
            (a->refused && DSI_MUTANT(DSI_MUTANT_BELIEVE_REFUSAL))) {
            return rc;
        }
        if (!budget_left(b, a)) {
            return rc == DS_ECONFLICT
                       ? dsi_fail(err, DS_ECONFLICT,
                                  "gave up after %u attempts in %lld ms: other writers "
                                  "were faster each time; allow more time or attempts",
                                  a->swaps,
                                  (long long)((dsi_clock_monotonic_ns() - b->start_ns) /
                                              NS_PER_MS))
                       : rc;
        }
        dsi_log(DS_LOG_DEBUG, "commit %s: attempt %u ended with %s; trying again",
                a->change->identity, a->rounds, ds_status_text(rc));
        wait_before_retry(b);
    }
    if (end == DSI_ATTEMPT_COMMITTED) {
        clean_after_commit(a);
    } else if (end == DSI_ATTEMPT_FOUND) {
        clean_after_found(a);
    }
    return DS_OK;
}

// Brings status and outcome together, and removes what may be removed.
static int conclude(struct dsi_attempts *a, struct budget *b, int rc,
                    enum ds_outcome *outcome, struct ds_error *err)
{
    if (*outcome != DS_COMMITTED) {
        *outcome = settle(a, b);
        if (*outcome == DS_COMMITTED) {
            clean_after_found(a);
        }
    }
    if (*outcome == DS_COMMITTED) {
        return DS_OK;
    }
    if (*outcome == DS_UNKNOWN) {
        if (DSI_MUTANT(DSI_MUTANT_CLEAN_UNKNOWN)) {
            remove_all(a);
        }
        return dsi_wrap(err, DS_EUNKNOWN,
                        "the outcome is unknown; resolve it by its token before you "
                        "write the same again");
    }
    remove_all(a);
    if (rc == DS_EUNKNOWN || rc == DS_OK) { // Of a request whose fate is known by now.
        rc = dsi_fail(err, DS_EIO, "the commit failed, and is not in the table");
    }
    return rc;
}

int dsi_commit(struct dsi_table *table, struct dsi_change *change,
               const struct ds_commit_options *options, struct ds_commit_result *result,
               struct ds_error *err)
{
    static const struct ds_commit_options defaults = {0};
    const struct dsi_metadata *m = dsi_table_metadata(table);
    struct ds_commit_result full = {.struct_size = sizeof full};
    enum ds_outcome outcome = DS_NOT_COMMITTED;
    struct dsi_attempts a = {.table = table, .change = change};
    struct budget b = budget_of(m, options ? options : &defaults);

    int rc = dsi_change_write_held(change, m, dsi_table_storage(table), err);
    if (rc == DS_OK) {
        rc = dsi_attempts_begin(&a, table, change, err);
    }
    if (rc == DS_OK) {
        rc = attempts_run(&a, &b, &outcome, err);
    }
    rc = conclude(&a, &b, rc, &outcome, err);
    fill_result(&a, &b, outcome, &full);
    give_result(&full, result);
    dsi_attempts_release(&a);
    dsi_metadata_unref(m);
    return rc;
}
