#include "txn/group_lead.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "txn/clean.h"
#include "txn/conflict.h"
#include "txn/group_compose.h"
#include "txn/group_forecast.h"
#include "txn/group_note.h"
#include "txn/housekeeper.h"
#include "txn/intent_file.h"
#include "txn/loop.h"

// Bytes of intents in one group: bounds memory, and the time everybody waits.
#define GROUP_BYTES_MAX ((size_t)16 << 20)

// A leader waits for those who came last time, at most this long, and at most half as
// long as a round takes.
#define GATHER_NS_MAX INT64_C(2000000)

// How long a leader stands in line behind writers that commit alone.
#define LINE_UP_NS INT64_C(20000000)

// Rounds in which a leader's own intent may be left out before it gives up.
enum { ROUNDS_MAX = 8 };

// Who could not be applied beside others: left out of the next round, so that those come
// first who were first, and tried once more after it.
struct aside {
    struct dsi_ticket tickets[DSI_QUEUE_SLOTS];
    size_t count;
    size_t old; // The first so many were left out before.
};

struct round {
    struct dsi_table *table;
    struct dsi_queue *queue;
    struct dsi_group_own *own;
    struct aside *aside;
    int64_t until_ns;
    int64_t start_ns;
    struct dsi_arena arena;
    const struct dsi_state *state; // The head that was read before claiming.
    struct dsi_group_member *members;
    size_t member_count;
    size_t in_count;
    size_t fetched; // Bytes of intents that were read from files.
    bool own_answered;
    bool own_away;  // It was sent away, and nothing of it is on its way from here.
    bool own_first; // Nobody has sent anything of it before.
    bool confirmed; // The head was made durable in this round.
    struct dsi_change *change;
    struct dsi_attempts attempts;
    enum dsi_attempt_end end;
    enum ds_outcome outcome;
    struct dsi_queue_forecast forecast; // Of the last swap.
    struct dsi_queue_counters counters;
};

static bool is_own(const struct round *r, const struct dsi_group_member *m)
{
    const struct dsi_ticket *t = r->own->ticket;

    return !m->claim || (t && m->claim->ticket.slot == t->slot &&
                         m->claim->ticket.generation == t->generation);
}

// Adds a leader's own change, which is in the table, and was published nowhere.
static void add_own(const struct round *r, struct dsi_queue_counters *to)
{
    const int64_t us = (dsi_clock_monotonic_ns() - r->own->since_ns) / 1000;
    const struct dsi_held_rows *held = dsi_change_held(r->own->change);

    dsi_queue_add_append(to, held ? held->bytes.size : 0, us > 0 ? (uint64_t)us : 0);
}

static void count_member(struct round *r, const struct dsi_group_member *m)
{
    if (m->claim) {
        dsi_queue_count_member(r->queue, m->claim);
    } else {
        add_own(r, &r->counters);
    }
}

// Adds what was counted so far.
static void count(struct round *r)
{
    dsi_queue_count(r->queue, &r->counters);
    r->counters = (struct dsi_queue_counters){0};
}

// What a round that made no version adds.
static void count_attempts(struct round *r)
{
    int64_t us = (dsi_clock_monotonic_ns() - r->start_ns) / 1000;

    r->counters.round_us = (uint64_t)us;
    r->counters.round_us_max = (uint64_t)us;
    r->counters.swaps += r->attempts.swaps;
    r->counters.lost += r->attempts.conflicts;
}

static void answer(struct round *r, struct dsi_group_member *m,
                   const struct dsi_receipt *receipt)
{
    if (m->claim) {
        dsi_queue_answer(r->queue, m->claim, receipt);
    } else {
        r->own->receipt = *receipt;
    }
    m->in = false;
    r->own_answered = r->own_answered || is_own(r, m);
}

// To be called only while nothing of it is on its way.
static void send_away(struct round *r, struct dsi_group_member *m, const char *why)
{
    dsi_log(DS_LOG_DEBUG, "group: a commit is sent away to commit alone: %s", why);
    m->in = false;
    r->counters.alone++;
    if (is_own(r, m)) {
        r->own_away = true;
    } else {
        dsi_queue_answer(r->queue, m->claim,
                         &(struct dsi_receipt){.kind = DSI_RECEIPT_ALONE});
    }
}

// It is there already: another leader, or another run of its owner, has committed it.
static void answer_found(struct round *r, struct dsi_group_member *m,
                         const struct dsi_snapshot *s)
{
    struct dsi_receipt receipt = {DSI_RECEIPT_COMMITTED, 1, 0, 0, -1, -1};

    if (!r->confirmed) { // Seen is not yet durable.
        r->confirmed = dsi_catalog_confirm(dsi_table_catalog(r->table),
                                           dsi_table_name(r->table), NULL) == DS_OK;
    }
    if (!r->confirmed) {
        return; // Nobody is told anything that is not so; the next leader may know.
    }
    if (s) {
        receipt.snapshot_id = s->snapshot_id;
        receipt.sequence_number = s->sequence_number;
    }
    r->counters.found++;
    count_member(r, m);
    count(r);
    answer(r, m, &receipt);
}

// Whether the member is still to be applied to `head`: not there yet, and nothing against
// it. Otherwise it has its receipt, or is left alone.
static bool look_member(struct round *r, struct dsi_group_member *m,
                        const struct dsi_state *head)
{
    struct dsi_sight sight = {DSI_SIGHT_STALE, NULL};
    struct ds_error err = {0};
    int rc = dsi_look(dsi_table_storage(r->table), head, &m->trail, &sight, &err);

    if (rc == DS_OK && sight.sighting == DSI_SIGHT_STALE) {
        // The note is of a table, or of a time, that was here before this one.
        dsi_group_note_put(r->queue, &(struct dsi_group_note){dsi_mark_of(head), 1, 0});
    }
    if (rc < 0 || sight.sighting == DSI_SIGHT_BROKEN ||
        sight.sighting == DSI_SIGHT_STALE) {
        send_away(r, m, rc < 0 ? err.message : "the history does not reach back to it");
        return false;
    }
    if (sight.sighting == DSI_SIGHT_FOUND) {
        answer_found(r, m, sight.snapshot);
        return false;
    }
    return true;
}

// A change that was decoded from an intent gets a nonce of this run: its names are ours.
static void make_ours(struct dsi_change *c)
{
    snprintf(c->nonce, sizeof c->nonce, "%08x", (unsigned)(dsi_random_u64() >> 32));
}

// True when held rows can be written by the head's schema as they are.
static bool rows_fit(const struct dsi_change *c, const struct dsi_metadata *m)
{
    const struct dsi_held_rows *held = dsi_change_held(c);

    return !held || held->schema_id == m->current_schema_id;
}

// True when an intent of the same identity is in the group: two runs of one job. The
// second will find the first in the history.
static bool is_twin(const struct round *r, const struct dsi_change *c)
{
    for (size_t i = 0; i + 1 < r->member_count; i++) {
        if (r->members[i].in &&
            strcmp(r->members[i].change->identity, c->identity) == 0) {
            return true;
        }
    }
    return false;
}

// The place of a member among those set aside; aside->count: it is none of them.
static size_t place_aside(const struct round *r, const struct dsi_group_member *m)
{
    const struct dsi_ticket *t = &m->claim->ticket;
    size_t i = 0;

    while (i < r->aside->count && (r->aside->tickets[i].slot != t->slot ||
                                   r->aside->tickets[i].generation != t->generation)) {
        i++;
    }
    return i;
}

// Whether it is left out of this round.
static bool is_left_out(const struct round *r, const struct dsi_group_member *m)
{
    size_t at = place_aside(r, m);
    return at >= r->aside->old && at < r->aside->count;
}

// Reads the intent, from its slot or from the file that this one names.
static int read_intent(struct round *r, struct dsi_group_member *m, struct ds_error *err)
{
    struct ds_slice bytes = m->claim->intent;
    struct dsi_buf file = DSI_BUF_INIT_MAX(DSI_INTENT_FILE_MAX);
    char identity[DSI_UUID_TEXT_SIZE];
    int rc = DS_OK;

    if (dsi_intent_is_in_file(bytes)) {
        DSI_TRY(dsi_intent_file_get(dsi_table_storage(r->table), r->state->metadata,
                                    bytes, &file, err));
        bytes = dsi_buf_slice(&file);
        r->fetched += bytes.size;
    }
    DSI_TRY(dsi_intent_decode(bytes, &m->intent, err));
    dsi_uuid_format(&m->claim->ticket.identity, identity);
    if (strcmp(m->intent.change->identity, identity) != 0) {
        rc = dsi_corrupt(err, "an intent in the slot of another");
    }
done:
    dsi_buf_release(&file);
    return rc;
}

// It goes into the group, unless the head says otherwise. What is known of it: it is in
// no version up to `since`, and another leader may have `sent` it.
static void admit(struct round *r, struct dsi_group_member *m, struct dsi_mark since,
                  bool sent)
{
    const struct dsi_change *c = m->change;
    struct ds_error err = {0};

    memcpy(m->trail.identity, c->identity, sizeof c->identity);
    m->trail.makes_snapshot = dsi_change_makes_snapshot(c) || dsi_change_held(c);
    m->trail.looked = since;
    m->trail.sent = sent;
    m->trail.base = since;
    if (!look_member(r, m, r->state)) {
        return;
    }
    if (dsi_conflict_check(r->state, c, &err) < 0) {
        send_away(r, m, err.message);
        return;
    }
    if (!rows_fit(c, r->state->metadata)) {
        send_away(r, m, "the table has another schema by now");
        return;
    }
    m->in = true;
    r->in_count++;
}

static void admit_claimed(struct round *r, const struct dsi_claim *claim)
{
    struct dsi_group_member *m = &r->members[r->member_count++];
    struct ds_error err = {0};

    m->claim = claim;
    r->own_first = r->own_first || (claim->first && is_own(r, m));
    if (is_left_out(r, m) ||
        (r->fetched >= GROUP_BYTES_MAX && dsi_intent_is_in_file(claim->intent))) {
        return; // It is claimed again.
    }
    if (read_intent(r, m, &err) < 0) {
        send_away(r, m, err.message);
        return;
    }
    m->change = m->intent.change;
    if (is_twin(r, m->change)) {
        return;
    }
    if (dsi_change_is_for_owner(m->change)) {
        if (!is_own(r, m)) {
            return; // Its owner leads soon, having waited the longest.
        }
        // Who else has claimed it has sent nothing of it.
        r->own_first = r->own_first || !r->own->again;
    }
    make_ours(m->intent.change);
    admit(r, m, m->intent.since, true);
}

// Whose identity was drawn by us is in no version, and nobody else has it.
static void admit_own(struct round *r)
{
    struct dsi_group_member *m = &r->members[r->member_count++];

    m->change = r->own->change;
    r->own->since = dsi_mark_of(r->state);
    admit(r, m, r->own->since, false);
}

// A long rebase is no reason to take over.
static void beat(void *arg)
{
    struct round *r = arg;

    (void)dsi_queue_beat(r->queue); // It is asked again before the swap.
}

// What the group adds to the counters if it makes a version, after so many swaps.
static struct dsi_queue_counters gains(const struct round *r, uint32_t swaps)
{
    return dsi_group_gains(r->change, r->in_count, r->start_ns, swaps,
                           r->attempts.conflicts);
}

// Whoever is killed after the swap cannot tell any more.
static void foretell(struct round *r, const struct dsi_state *head)
{
    struct dsi_queue_counters g = gains(r, r->attempts.swaps + 1);
    const struct dsi_claim *in[DSI_QUEUE_SLOTS];
    size_t count = 0;

    for (size_t i = 0; i < r->member_count; i++) {
        if (r->members[i].in && r->members[i].claim) {
            in[count++] = r->members[i].claim;
        } else if (r->members[i].in) {
            add_own(r, &g);
        }
    }
    r->forecast =
        dsi_group_foretell(r->queue, r->change, head, &g, in, count, r->in_count == 1);
}

// Asked about each head before it is built on: is every member still to be applied to it?
// The head that was claimed on needs no second answer (3).
static bool still_right(void *arg, const struct dsi_state *head)
{
    struct round *r = arg;
    bool right = true;

    if (!dsi_queue_beat(r->queue)) {
        return false; // Another one leads by now.
    }
    const bool known = dsi_head_equal(&head->head, &r->state->head);
    for (size_t i = 0; !known && i < r->member_count; i++) {
        struct dsi_group_member *m = &r->members[i];
        if (!m->in) {
            continue;
        }
        if ((m->claim && !dsi_queue_still_wanted(r->queue, m->claim)) ||
            !look_member(r, m, head)) {
            m->in = false;
            right = false;
        }
    }
    if (right) {
        foretell(r, head);
    }
    return right;
}

// The snapshot that has the member; NULL: none was made for it.
static const struct dsi_snapshot *snapshot_of(const struct round *r,
                                              const struct dsi_group_member *m)
{
    const struct dsi_attempts *a = &r->attempts;
    struct dsi_trail trail = m->trail;
    struct dsi_sight sight = {DSI_SIGHT_STALE, NULL};

    if (!a->state) {
        return NULL;
    }
    if (m->part == 0 && a->snapshot) {
        return a->snapshot;
    }
    return dsi_look(dsi_table_storage(r->table), a->state, &trail, &sight, NULL) ==
                       DS_OK &&
                   sight.sighting == DSI_SIGHT_FOUND
               ? sight.snapshot
               : NULL;
}

// True when it is this group's swap that has made the version.
static bool has_made(const struct round *r)
{
    return r->end == DSI_ATTEMPT_COMMITTED ||
           (r->end == DSI_ATTEMPT_FOUND &&
            dsi_group_has_made(r->change, r->attempts.snapshot, r->in_count));
}

// A group that has made a version, or whose members were found in one.
static void count_group(struct round *r)
{
    struct dsi_queue_counters g = gains(r, r->attempts.swaps);
    const bool made = has_made(r);

    if (!made) {
        count_attempts(r);
    }
    for (size_t i = 0; i < r->member_count; i++) {
        const struct dsi_group_member *m = &r->members[i];
        if (m->in && !m->claim && made) {
            add_own(r, &g); // As it was foretold: with the version, once.
        } else if (m->in) {
            count_member(r, m);
        }
    }
    if (made) {
        dsi_queue_count_landed(r->queue, &r->forecast, &g);
    }
}

static void answer_committed(struct round *r)
{
    struct dsi_group_note note = {.members = (uint32_t)r->in_count};
    uint32_t shared = r->end == DSI_ATTEMPT_NOTHING ? 0 : (uint32_t)r->in_count;
    int64_t us = (dsi_clock_monotonic_ns() - r->start_ns) / 1000;

    note.round_us = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    if (r->attempts.state) {
        note.head = dsi_mark_of(r->attempts.state);
        dsi_group_note_put(r->queue, &note);
    }
    if (r->end == DSI_ATTEMPT_NOTHING) {
        count_attempts(r);
    } else {
        count_group(r);
    }
    count(r);
    for (size_t i = 0; i < r->member_count; i++) {
        struct dsi_group_member *m = &r->members[i];
        if (m->in) {
            const struct dsi_snapshot *s = snapshot_of(r, m);
            answer(r, m,
                   &(struct dsi_receipt){DSI_RECEIPT_COMMITTED, shared, r->attempts.swaps,
                                         r->attempts.conflicts, s ? s->snapshot_id : -1,
                                         s ? s->sequence_number : -1});
        }
    }
}

// Those that a rebase found in conflict, if it can tell: the others are claimed again. It
// may be one of these that is in their way, and that is not committed yet: so they wait.
static bool set_conflicting_aside(struct round *r, const char *why)
{
    const bool *conflicting = r->attempts.last.conflicting;
    size_t others = 0;
    size_t set = 0;

    for (size_t i = 0; conflicting && i < r->member_count; i++) {
        others += r->members[i].in && !conflicting[r->members[i].part];
    }
    for (size_t i = 0; conflicting && i < r->member_count; i++) {
        struct dsi_group_member *m = &r->members[i];
        if (!m->in || !conflicting[m->part]) {
            continue;
        }
        set++;
        if (others == 0 || !m->claim || place_aside(r, m) < r->aside->count ||
            r->aside->count == DSI_QUEUE_SLOTS) {
            send_away(r, m, why);
        } else {
            r->aside->tickets[r->aside->count++] = m->claim->ticket;
        }
    }
    return set > 0;
}

static void send_all_away(struct round *r, const char *why)
{
    for (size_t i = 0; i < r->member_count; i++) {
        if (r->members[i].in) {
            send_away(r, &r->members[i], why);
        }
    }
}

// Attempts for the group, until an outcome. Members are answered by it.
static void commit_change(struct round *r)
{
    const struct ds_commit_options options = {.struct_size = sizeof options};
    struct dsi_budget budget = dsi_budget_of(r->state->metadata, &options);
    struct dsi_attempts *a = &r->attempts;
    struct ds_error err = {0};

    budget.line_up_ns = LINE_UP_NS;
    if (budget.deadline_ns > r->until_ns) {
        budget.deadline_ns = r->until_ns;
    }
    int rc = dsi_attempts_begin(a, r->table, r->change, &err);
    a->guard = still_right;
    a->working = beat;
    a->guard_arg = r;
    a->trail.looked = dsi_mark_of(r->state);
    a->read = dsi_state_ref(r->state);
    if (rc == DS_OK) {
        rc = dsi_loop_run(a, &budget, &r->end, &err);
    }
    if (rc == DS_OK && r->end != DSI_ATTEMPT_CHANGED) {
        r->outcome = DS_COMMITTED;
    } else {
        r->outcome = dsi_loop_settle(a, &budget);
        r->end = r->outcome == DS_COMMITTED ? DSI_ATTEMPT_FOUND : r->end;
    }
    if (r->outcome == DS_COMMITTED) {
        answer_committed(r);
    } else if (r->outcome == DS_NOT_COMMITTED && dsi_cancel_seen()) {
        r->own_away = true; // Its own way to stop; the others' next leader claims them.
    } else if (rc < 0 && r->outcome == DS_NOT_COMMITTED) {
        r->counters.failed++;
        if (!set_conflicting_aside(r, err.message)) {
            send_all_away(r, err.message);
        }
    }
    // CHANGED: who is left is claimed again. UNKNOWN: nobody is told anything.
}

// What is left to do when everybody has been answered.
static void clean_up(struct round *r)
{
    struct dsi_attempts *a = &r->attempts;

    if (!r->change) {
        return;
    }
    if (r->end == DSI_ATTEMPT_COMMITTED) {
        dsi_clean_after_commit(a);
        dsi_housekeeper_committed(a);
    } else if (r->end == DSI_ATTEMPT_FOUND) {
        dsi_clean_after_found(a);
    } else if (r->outcome == DS_NOT_COMMITTED) {
        dsi_clean_all(a);
    }
}

static void end_round(struct round *r)
{
    clean_up(r);
    if (r->attempts.table) {
        dsi_attempts_release(&r->attempts);
    }
    dsi_change_free(r->change);
    for (size_t i = 0; i < r->member_count; i++) {
        dsi_intent_release(&r->members[i].intent);
    }
    dsi_state_unref(r->state);
    dsi_arena_release(&r->arena);
}

// Reads the head, then claims (3). False: there is nothing that could be led.
static bool claim(struct round *r, struct ds_error *err)
{
    struct dsi_claim *claims = NULL;
    size_t count = 0;

    if (dsi_table_refresh(r->table, err) < 0) {
        return false;
    }
    r->state = dsi_table_state(r->table);
    dsi_group_settle(r->table, r->queue, r->state);
    if (dsi_queue_claim(r->queue, GROUP_BYTES_MAX, &r->arena, &claims, &count, err) < 0) {
        return false;
    }
    r->members = dsi_arena_array(&r->arena, count + 1, sizeof *r->members);
    if (!r->members) {
        return false;
    }
    memset(r->members, 0, (count + 1) * sizeof *r->members);
    for (size_t i = 0; i < count; i++) {
        admit_claimed(r, &claims[i]);
    }
    if (!r->own->ticket) {
        admit_own(r);
    }
    return r->member_count > 0;
}

// Composes the group. A member that spoils it is sent away; the others have no answer
// yet, and are claimed again.
static bool compose_group(struct round *r, struct ds_error *err)
{
    struct dsi_group_member *bad = NULL;

    if (dsi_group_compose(r->state, dsi_table_storage(r->table), r->members,
                          r->member_count, &r->change, &bad, err) == DS_OK) {
        return true;
    }
    if (dsi_cancel_seen()) {
        r->own_away = true; // As in commit_change.
    } else if (bad) {
        send_away(r, bad, err->message);
    } else {
        send_all_away(r, err->message);
    }
    return false;
}

// Waits for those who came the last time; `own` has come.
static void gather(struct dsi_queue *queue, const struct dsi_group_own *own)
{
    struct dsi_group_note note;

    if (dsi_group_note_get(queue, &note) && note.members > 1) {
        int64_t ns = (int64_t)note.round_us * 1000 / 2;
        dsi_queue_await(queue, own->ticket ? note.members : note.members - 1,
                        ns < GATHER_NS_MAX ? ns : GATHER_NS_MAX);
    }
}

// True when there is no point in another round.
static bool run_round(struct round *r)
{
    struct ds_error err = {0};
    bool led = claim(r, &err);

    r->aside->old = r->aside->count;
    if (led && r->in_count > 0 && compose_group(r, &err)) {
        commit_change(r);
    }
    if (r->outcome != DS_COMMITTED) { // Otherwise it is counted already.
        count_attempts(r);
        count(r);
    }
    return !led || r->own_answered || r->own_away ||
           (r->change && r->outcome == DS_UNKNOWN);
}

// Takes back the leader's own change, which nothing was sent of from here. If nobody had
// claimed it before us, and nobody has taken over since, nobody ever sent anything of it:
// who takes over from now on claims later, and sees that it is withdrawn.
static enum dsi_lead_end take_back(const struct round *r, bool first)
{
    if (!r->own->ticket) {
        return DSI_LEAD_WITHDRAWN; // Nobody could claim it.
    }
    bool claimed = dsi_queue_withdraw(r->queue, r->own->ticket);

    return !claimed || (first && dsi_queue_beat(r->queue)) ? DSI_LEAD_WITHDRAWN
                                                           : DSI_LEAD_HELPLESS;
}

enum dsi_lead_end dsi_group_lead(struct dsi_table *table, struct dsi_queue *queue,
                                 struct dsi_group_own *own, int64_t until_ns)
{
    enum dsi_lead_end end = own->ticket ? DSI_LEAD_HELPLESS : DSI_LEAD_WITHDRAWN;
    struct aside aside = {.count = 0};
    bool first = false;
    bool over = false;

    gather(queue, own);
    for (int i = 0; !over; i++) {
        struct round r = {.table = table,
                          .queue = queue,
                          .own = own,
                          .aside = &aside,
                          .until_ns = until_ns,
                          .end = DSI_ATTEMPT_AGAIN,
                          .start_ns = dsi_clock_monotonic_ns()};
        over = run_round(&r) || i == ROUNDS_MAX || dsi_clock_monotonic_ns() >= until_ns ||
               dsi_cancelled() || !dsi_queue_beat(queue);
        first = first || r.own_first;
        if (r.own_answered) {
            end = DSI_LEAD_ANSWERED;
        } else if (r.change && r.outcome == DS_UNKNOWN) {
            end = DSI_LEAD_HELPLESS; // Whatever else is known of it.
        } else if (r.own_away) {
            end = take_back(&r, first);
        }
        if (over) { // What is left to do, nobody has to wait for.
            (r.outcome == DS_COMMITTED ? dsi_queue_recess : dsi_queue_resign)(queue);
        }
        end_round(&r);
    }
    return end;
}
