// Turning an unknown outcome into an answer, from any process.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "txn/commit.h"
#include "txn/look.h"

#define NS_PER_MS INT64_C(1000000)

// Between two looks at a head that does not move: from here, doubling, to there.
#define POLL_NS_MIN (2 * NS_PER_MS)
#define POLL_NS_MAX (250 * NS_PER_MS)

enum answer { ANSWER_COMMITTED, ANSWER_NOT_COMMITTED, ANSWER_OPEN, ANSWER_NEVER };

// One look. OPEN: the head still is the base that was sent, so the request may yet be
// applied. NEVER: the history does not reach back.
static int look_once(struct dsi_table *t, struct dsi_trail *trail, enum answer *answer,
                     struct ds_commit_result *r, struct ds_error *err)
{
    const struct dsi_state *s = NULL;
    struct dsi_sight sight = {DSI_SIGHT_STALE, NULL};
    int rc = DS_OK;

    *answer = ANSWER_OPEN;
    DSI_TRY(dsi_table_refresh(t, err));
    s = dsi_table_state(t);
    DSI_TRY(dsi_look(dsi_table_storage(t), s, trail, &sight, err));
    if (sight.sighting == DSI_SIGHT_FOUND) {
        // Seen is not yet durable: who moved the head may have died right after.
        DSI_TRY(dsi_catalog_confirm(dsi_table_catalog(t), dsi_table_name(t), err));
        *answer = ANSWER_COMMITTED;
        if (sight.snapshot) {
            r->snapshot_id = sight.snapshot->snapshot_id;
            r->sequence_number = sight.snapshot->sequence_number;
        }
    } else if (sight.sighting == DSI_SIGHT_BROKEN) {
        *answer = ANSWER_NEVER;
    } else if (sight.sighting == DSI_SIGHT_ABSENT &&
               dsi_state_is_newer(s, &trail->base)) {
        *answer = ANSWER_NOT_COMMITTED;
    }
done:
    dsi_state_unref(s);
    return rc;
}

// Commits an empty version, so that the head moves. Whether this one wins does not
// matter: either it or somebody else moves the head, or the open request is applied.
static int fence(struct dsi_table *t, struct ds_error *err)
{
    const struct dsi_state *s = dsi_table_state(t);
    struct ds_commit_options options = {.struct_size = sizeof options, .attempts_max = 1};
    struct dsi_change *c = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_change_new(s, &options, &c, err));
    DSI_TRY(dsi_change_empty(c, err));
    DSI_TRY(dsi_commit(t, c, &options, NULL, err));
done:
    dsi_change_free(c);
    dsi_state_unref(s);
    return rc;
}

static int check_table(struct dsi_table *t, const struct dsi_trail *trail,
                       struct ds_error *err)
{
    const struct dsi_metadata *m = dsi_table_metadata(t);
    const char *uuid = m->table_uuid ? m->table_uuid : "";
    int rc = DS_OK;

    if (strcmp(uuid, trail->table_uuid) != 0) {
        rc = dsi_fail(err, DS_EINVALID,
                      "the token is of table %s, and this is table %s: open the one the "
                      "commit went to",
                      trail->table_uuid, uuid);
    }
    dsi_metadata_unref(m);
    return rc;
}

// Looks until there is an answer or the deadline; *answer says which.
static int wait_for_answer(struct dsi_table *t, struct dsi_trail *trail,
                           int64_t deadline_ns, enum answer *answer,
                           struct ds_commit_result *r, struct ds_error *err)
{
    int64_t poll_ns = POLL_NS_MIN;

    for (;;) {
        int rc = look_once(t, trail, answer, r, err);
        int64_t left_ns = deadline_ns - dsi_clock_monotonic_ns();
        if ((rc < 0 && rc != DS_EIO) || (rc == DS_OK && *answer != ANSWER_OPEN) ||
            left_ns <= 0) {
            return rc;
        }
        int64_t ns = poll_ns < left_ns ? poll_ns : left_ns;
        dsi_sleep_ns(ns);
        r->waited_us += ns / 1000;
        poll_ns = poll_ns * 2 < POLL_NS_MAX ? poll_ns * 2 : POLL_NS_MAX;
    }
}

static int conclude(int rc, enum answer answer, const char *token,
                    struct ds_commit_result *r, struct ds_error *err)
{
    if (rc == DS_OK && answer == ANSWER_COMMITTED) {
        r->outcome = DS_COMMITTED;
        return DS_OK;
    }
    if (rc == DS_OK && answer == ANSWER_NOT_COMMITTED) {
        r->outcome = DS_NOT_COMMITTED;
        return DS_OK;
    }
    r->outcome = DS_UNKNOWN;
    snprintf(r->token, sizeof r->token, "%s", token);
    if (rc < 0) {
        return dsi_wrap(err, DS_EUNKNOWN, "resolving commit %s", r->identity);
    }
    if (answer == ANSWER_NEVER) {
        return dsi_fail(err, DS_EUNKNOWN,
                        "commit %s is not in the table, but snapshots or metadata "
                        "since then were expired: nobody can say any more whether it "
                        "ever was; compare the data",
                        r->identity);
    }
    return dsi_fail(err, DS_EUNKNOWN,
                    "the table has not moved since commit %s was sent; try again",
                    r->identity);
}

int dsi_commit_resolve(struct dsi_table *table, const char *token, int64_t timeout_ms,
                       struct ds_commit_result *result, struct ds_error *err)
{
    int64_t start = dsi_clock_monotonic_ns();
    int64_t budget_ms = timeout_ms < 0 ? 0 : timeout_ms;
    struct ds_commit_result r = {.struct_size = sizeof r,
                                 .outcome = DS_UNKNOWN,
                                 .snapshot_id = -1,
                                 .sequence_number = -1};
    enum answer answer = ANSWER_OPEN;
    struct dsi_trail trail = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_trail_parse(token, &trail, err));
    DSI_TRY(check_table(table, &trail, err));
    memcpy(r.identity, trail.identity, sizeof trail.identity);
    budget_ms =
        budget_ms < INT64_MAX / NS_PER_MS / 4 ? budget_ms : INT64_MAX / NS_PER_MS / 4;
    rc = wait_for_answer(table, &trail, start + budget_ms * NS_PER_MS, &answer, &r, err);
    if (rc == DS_OK && answer == ANSWER_OPEN) {
        rc = fence(table, err);
        if (rc == DS_OK || rc == DS_ECONFLICT || rc == DS_EUNKNOWN) {
            rc = look_once(table, &trail, &answer, &r, err);
        }
    }
    rc = conclude(rc, answer, token, &r, err);
    r.elapsed_us = (dsi_clock_monotonic_ns() - start) / 1000;
    if (result) {
        uint32_t size = result->struct_size > 0 && result->struct_size < sizeof r
                            ? result->struct_size
                            : (uint32_t)sizeof r;
        memcpy(result, &r, size);
        result->struct_size = size;
    }
done:
    return rc;
}
