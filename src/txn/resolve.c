// Turning an unknown outcome into an answer, from any process.
#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "txn/commit.h"
#include "txn/ledger_look.h"

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

    DSI_TRY(dsi_cancel_check(err));
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
        if (!dsi_cancel_sleep_ns(ns)) {
            return dsi_cancel_fail(err);
        }
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

static int answer_for_trail(struct dsi_table *t, struct dsi_trail *trail,
                            int64_t deadline_ns, enum answer *answer,
                            struct ds_commit_result *r, struct ds_error *err)
{
    int rc = wait_for_answer(t, trail, deadline_ns, answer, r, err);

    if (rc == DS_OK && *answer == ANSWER_OPEN) {
        rc = fence(t, err);
        if (rc == DS_OK || rc == DS_ECONFLICT || rc == DS_EUNKNOWN) {
            rc = look_once(t, trail, answer, r, err);
        }
    }
    return rc;
}

// --- by identity alone

// True when the versions that made no snapshot can be told, too: there are none of ours,
// or the log begins with the table.
static bool log_is_whole(ds_storage *storage, const struct dsi_metadata *m)
{
    struct dsi_metadata *first = NULL;
    bool whole = m->metadata_log_count == 0 ||
                 !dsi_metadata_property(m, DSI_KEY_COMMIT_ID) ||
                 (dsi_metadata_load(storage, m->metadata_log[0].metadata_file, &first,
                                    NULL) == DS_OK &&
                  first->metadata_log_count == 0);

    dsi_metadata_unref(first);
    return whole;
}

// Searches all there is. FOUND; ABSENT: it was never committed up to this head; BROKEN:
// some of the history is gone.
static int search_all(struct dsi_table *t, const char *identity, struct dsi_mark *head,
                      enum dsi_sighting *sighting, struct ds_commit_result *r,
                      struct ds_error *err)
{
    // As if sent before the table was made: then all versions are asked.
    struct dsi_trail trail = {.looked = {0, -1, -1, 0}, .sent = true};
    struct dsi_sight sight = {DSI_SIGHT_STALE, NULL};
    struct dsi_ledger_sight ledger;
    const struct dsi_state *s = NULL;
    struct dsi_identity id;
    int rc = DS_OK;

    DSI_TRY(dsi_table_refresh(t, err));
    s = dsi_table_state(t);
    *head = dsi_mark_of(s);
    if (!dsi_identity_of(identity, &id)) {
        rc = dsi_fail(err, DS_EINVALID, "\"%.60s\" is no identity", identity);
        goto done;
    }
    DSI_TRY(dsi_ledger_look(dsi_table_storage(t), s->metadata, &id, 0, &ledger, err));
    *sighting = ledger.sighting;
    r->snapshot_id = ledger.snapshot_id;
    r->sequence_number = ledger.sequence_number;
    if (*sighting != DSI_SIGHT_FOUND) {
        memcpy(trail.identity, id.text, sizeof trail.identity);
        trail.base = *head;
        DSI_TRY(dsi_look(dsi_table_storage(t), s, &trail, &sight, err));
        *sighting = sight.sighting == DSI_SIGHT_FOUND ? DSI_SIGHT_FOUND : *sighting;
    }
    if (*sighting == DSI_SIGHT_FOUND) { // Seen is not yet durable.
        DSI_TRY(dsi_catalog_confirm(dsi_table_catalog(t), dsi_table_name(t), err));
    } else if (!log_is_whole(dsi_table_storage(t), s->metadata)) {
        *sighting = DSI_SIGHT_BROKEN;
    }
done:
    dsi_state_unref(s);
    return rc;
}

// Nothing says on which version its last request stood, so absence needs all of history,
// and a version after the question was asked: no older request can be applied then.
static int answer_for_identity(struct dsi_table *t, const char *identity,
                               enum answer *answer, struct ds_commit_result *r,
                               struct ds_error *err)
{
    enum dsi_sighting sighting = DSI_SIGHT_STALE;
    struct dsi_mark asked;
    struct dsi_mark head;
    const struct dsi_state *s = NULL;
    int rc = DS_OK;

    *answer = ANSWER_NEVER;
    DSI_TRY(search_all(t, identity, &asked, &sighting, r, err));
    if (sighting == DSI_SIGHT_ABSENT) {
        rc = fence(t, err);
        DSI_TRY(rc == DS_ECONFLICT || rc == DS_EUNKNOWN ? DS_OK : rc);
        DSI_TRY(search_all(t, identity, &head, &sighting, r, err));
        s = dsi_table_state(t);
        if (sighting == DSI_SIGHT_ABSENT) {
            *answer = dsi_state_is_newer(s, &asked) ? ANSWER_NOT_COMMITTED : ANSWER_OPEN;
        }
    }
    if (sighting == DSI_SIGHT_FOUND) {
        *answer = ANSWER_COMMITTED;
    }
done:
    dsi_state_unref(s);
    return rc;
}

static void give(const struct ds_commit_result *r, struct ds_commit_result *to)
{
    if (to) {
        uint32_t size = to->struct_size > 0 && to->struct_size < sizeof *r
                            ? to->struct_size
                            : (uint32_t)sizeof *r;
        memcpy(to, r, size);
        to->struct_size = size;
    }
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
    struct dsi_identity id;
    int rc = DS_OK;

    budget_ms =
        budget_ms < INT64_MAX / NS_PER_MS / 4 ? budget_ms : INT64_MAX / NS_PER_MS / 4;
    if (token && dsi_identity_of(token, &id)) {
        memcpy(r.identity, id.text, sizeof id.text);
        rc = answer_for_identity(table, id.text, &answer, &r, err);
    } else {
        DSI_TRY(dsi_trail_parse(token, &trail, err));
        DSI_TRY(check_table(table, &trail, err));
        memcpy(r.identity, trail.identity, sizeof trail.identity);
        rc = answer_for_trail(table, &trail, start + budget_ms * NS_PER_MS, &answer, &r,
                              err);
    }
    rc = conclude(rc, answer, token, &r, err);
    r.elapsed_us = (dsi_clock_monotonic_ns() - start) / 1000;
    give(&r, result);
done:
    return rc;
}
