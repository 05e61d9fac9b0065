#include "txn/group.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "txn/group_compose.h"
#include "txn/group_lead.h"
#include "txn/group_note.h"
#include "txn/intent_file.h"

// A leader that does not answer for so long will not: an owner goes on alone then. Longer
// than it takes to notice a leader that does not move, and to replace it.
#define WAIT_MAX_NS INT64_C(8000000000)

// A note is taken for the head's when it is no older.
enum { NOTE_AGE_MS = 200 };

// An owner on its way through the group.
struct owner {
    struct dsi_attempts *attempts;
    struct dsi_queue *queue;
    struct dsi_ticket ticket;
    struct dsi_mark since; // A version that does not have the identity.
    struct dsi_group_end *end;
    struct dsi_arena arena;
    const char *file; // That has the intent; NULL: its slot has.
    bool led;         // With it: something of it may have been sent.
};

// A given identity may be anywhere: the head's history is searched for it here, once.
static int look_for_given(struct owner *o, struct dsi_mark *out, struct ds_error *err)
{
    struct dsi_attempts *a = o->attempts;
    enum dsi_sighting sighting = DSI_SIGHT_STALE;
    int rc = dsi_attempts_look(a, &sighting, err);

    *out = a->trail.looked;
    if (rc == DS_OK && sighting != DSI_SIGHT_ABSENT) {
        rc = dsi_fail(err, DS_EEXISTS, "the plain commit has to deal with this");
    }
    return rc;
}

// True when the note is of now: an older one may be of before snapshots were expired.
static bool is_fresh(const struct dsi_group_note *note)
{
    int64_t now_ms = dsi_clock_wall_ms();

    return note->head.updated_ms > now_ms - NOTE_AGE_MS &&
           note->head.updated_ms < now_ms + NOTE_AGE_MS;
}

// A version that does not have the identity yet. One that was drawn for this change and
// never published is in none: the newest that anybody has told of will do.
static int since_of(struct owner *o, struct dsi_mark *out, struct ds_error *err)
{
    struct dsi_attempts *a = o->attempts;
    const struct dsi_state *s = NULL;
    struct dsi_group_note note;
    int rc = DS_OK;

    if (a->change->identity_given) {
        return look_for_given(o, out, err);
    }
    if (dsi_group_note_get(o->queue, &note) && is_fresh(&note)) {
        *out = note.head;
    } else {
        DSI_TRY(dsi_table_refresh(a->table, err));
        s = dsi_table_state(a->table);
        *out = dsi_mark_of(s);
        dsi_state_unref(s);
    }
done:
    return rc;
}

// All that the change adds, by the manifests that were stored for it.
static struct dsi_stored_files stored_of(const struct dsi_attempts *a)
{
    uint64_t rows = 0;
    uint64_t files = 0;
    uint64_t bytes = 0;

    dsi_change_totals(a->change, &rows, &files, &bytes);
    return (struct dsi_stored_files){a->prepared.manifests, a->prepared.count,
                                     (int64_t)files,        (int64_t)rows,
                                     (int64_t)bytes,        1};
}

// The change as it travels: its files by the manifests that were stored for them. Those
// have the files of all operations; where files join, all of them are looked for.
static int encode(struct owner *o, struct dsi_buf *out, struct ds_error *err)
{
    const struct dsi_attempts *a = o->attempts;
    struct dsi_change copy = *a->change;
    struct dsi_operation operations[DSI_OPERATION_COUNT];
    struct dsi_operation *host = NULL;
    int rc = DS_OK;

    for (size_t i = 0; i < copy.operation_count; i++) {
        struct dsi_operation *to = &operations[i];
        *to = a->change->operations[i];
        if (to->file_count > 0 && (!host || to->kind == DSI_OPERATION_ADD)) {
            host = to;
        }
        to->files = NULL;
        to->file_count = 0;
    }
    if (host) {
        host->stored = stored_of(a);
    }
    copy.operations = operations;
    DSI_TRY(since_of(o, &o->since, err));
    DSI_TRY(dsi_intent_encode(&copy, &o->since, out, err));
done:
    return rc;
}

// What is published: the intent, or, where a slot is too small for it, the name of a file
// that has it.
static int make_intent(struct owner *o, struct dsi_buf *slot, struct ds_error *err)
{
    const struct dsi_change *change = o->attempts->change;
    const struct dsi_metadata *m = dsi_table_metadata(o->attempts->table);
    struct dsi_buf large = DSI_BUF_INIT;
    int rc = DS_OK;

    DSI_TRY(encode(o, slot, err));
    if (slot->size > DSI_QUEUE_INTENT_MAX) {
        large = *slot;
        *slot = (struct dsi_buf)DSI_BUF_INIT;
        DSI_TRY(dsi_intent_file_path(m, change, &o->arena, &o->file, err));
        DSI_TRY(dsi_intent_file_put(dsi_table_storage(o->attempts->table), o->file,
                                    change, dsi_buf_slice(&large), slot, err));
    }
done:
    dsi_buf_release(&large);
    dsi_metadata_unref(m);
    return rc;
}

// Nobody needs the file any more: who still reads it leads for somebody who has left.
static void drop_file(struct owner *o)
{
    if (o->file) {
        DSI_IGNORE(
            dsi_storage_remove(dsi_table_storage(o->attempts->table), o->file, NULL));
    }
    dsi_arena_release(&o->arena);
}

// Which kinds travel; docs/group-commit.md says why the others do not.
static bool kind_travels(enum dsi_operation_kind kind)
{
    return kind == DSI_OPERATION_APPEND || kind == DSI_OPERATION_SET_PROPERTIES ||
           kind == DSI_OPERATION_ADD || kind == DSI_OPERATION_DELETE ||
           kind == DSI_OPERATION_SCHEMA || kind == DSI_OPERATION_EXPIRE;
}

// True when this change may travel at all.
static bool may_travel(const struct dsi_attempts *a)
{
    for (size_t i = 0; i < a->change->operation_count; i++) {
        const struct dsi_operation *o = &a->change->operations[i];
        // A manifest of a v1 table names its snapshot, which only its owner's is.
        if (!kind_travels(o->kind) ||
            (o->file_count > 0 &&
             (a->prepared.format_version < 2 || a->prepared.count == 0))) {
            return false;
        }
    }
    return dsi_change_does_something(a->change);
}

static bool offers_files(const struct dsi_attempts *a)
{
    return a->prepared.count > 0;
}

static bool take_receipt(struct owner *o, const struct dsi_receipt *r)
{
    if (r->kind != DSI_RECEIPT_COMMITTED) {
        return false;
    }
    o->end->committed = true;
    o->end->receipt = *r;
    dsi_table_fall_behind(o->attempts->table);
    return true;
}

// How an owner's wait ends.
enum waited { WAITED_COMMITTED, WAITED_WITHDRAWN, WAITED_IN_VAIN };

// Waits, and leads when it is our turn.
static enum waited wait_for_receipt(struct owner *o, int64_t until_ns)
{
    struct dsi_group_own own = {.ticket = &o->ticket};
    enum dsi_lead_end led = DSI_LEAD_ANSWERED;
    struct dsi_receipt receipt;

    for (;;) {
        // Helpless once, it only looks whether somebody else has helped meanwhile.
        int64_t until = led == DSI_LEAD_HELPLESS ? 0 : until_ns;
        switch (dsi_queue_wait(o->queue, &o->ticket, until, &receipt)) {
        case DSI_QUEUE_RECEIPT:
            return take_receipt(o, &receipt) ? WAITED_COMMITTED : WAITED_IN_VAIN;
        case DSI_QUEUE_LEAD:
            led = dsi_group_lead(o->attempts->table, o->queue, &own, until_ns);
            own.again = o->led = true;
            if (led == DSI_LEAD_WITHDRAWN) {
                return WAITED_WITHDRAWN;
            }
            break;
        default:
            return WAITED_IN_VAIN;
        }
    }
}

// Something of it may have been sent, built on a head no newer than the one read here.
static int note_sent(struct owner *o, struct ds_error *err)
{
    struct dsi_attempts *a = o->attempts;
    const struct dsi_state *s = NULL;
    int rc = DS_OK;

    a->trail.sent = true;
    a->trail.looked = o->since; // Newer than what the handle may show.
    o->end->sent = true;
    a->trail.base = DSI_MARK_OPEN; // Until a head was read.
    rc = dsi_table_refresh(a->table, err);
    if (rc < 0) {
        return dsi_wrap(err, DS_EUNKNOWN, "reading the head after a group");
    }
    s = dsi_table_state(a->table);
    a->trail.base = dsi_mark_of(s);
    dsi_state_unref(s);
    return DS_OK;
}

// Takes the intent back (3).
static int withdraw(struct owner *o, struct ds_error *err)
{
    if (!dsi_queue_withdraw(o->queue, &o->ticket) ||
        (dsi_change_is_for_owner(o->attempts->change) && !o->led)) {
        return DS_OK; // Nobody has sent it.
    }
    return note_sent(o, err);
}

// By a leader, who may be another: it is published, and waited for.
static int publish(struct owner *o, int64_t until_ns, struct ds_error *err)
{
    struct dsi_buf intent = DSI_BUF_INIT_MAX(DSI_INTENT_FILE_MAX);
    struct dsi_attempts *a = o->attempts;
    struct dsi_uuid identity;
    int rc = DS_OK;

    // Whatever goes wrong before publication is no reason not to commit alone.
    if (!dsi_uuid_parse(a->change->identity, DSI_UUID_TEXT_SIZE - 1, &identity) ||
        (offers_files(a) && dsi_attempts_sync(a, NULL) < 0) ||
        make_intent(o, &intent, NULL) < 0 ||
        dsi_queue_publish(o->queue, &identity, dsi_buf_slice(&intent), &o->ticket, NULL) <
            0) {
        goto done;
    }
    a->offered = offers_files(a);
    if (wait_for_receipt(o, until_ns) == WAITED_IN_VAIN) {
        rc = withdraw(o, err);
    }
    a->offered = a->offered && (o->end->sent || o->end->committed);
    dsi_queue_leave(o->queue, &o->ticket);
done:
    drop_file(o);
    dsi_buf_release(&intent);
    return rc;
}

// True when it need not be published to be in a group that its owner leads: it has no
// files, and no other run can have committed it.
static bool may_be_carried(const struct dsi_change *c)
{
    return !c->identity_given && !dsi_change_has_files(c) && dsi_group_can_share(c);
}

// By its owner, who leads.
static int carry(struct owner *o, int64_t since_ns, int64_t until_ns,
                 struct ds_error *err)
{
    struct dsi_group_own own = {.change = o->attempts->change, .since_ns = since_ns};

    switch (dsi_group_lead(o->attempts->table, o->queue, &own, until_ns)) {
    case DSI_LEAD_ANSWERED:
        (void)take_receipt(o, &own.receipt);
        return DS_OK;
    case DSI_LEAD_WITHDRAWN:
        return DS_OK;
    default:
        o->since = own.since;
        return note_sent(o, err);
    }
}

int dsi_group_commit(struct dsi_attempts *a, int64_t deadline_ns,
                     struct dsi_group_end *end, struct ds_error *err)
{
    const int64_t start = dsi_clock_monotonic_ns();
    const int64_t until_ns =
        start + WAIT_MAX_NS < deadline_ns ? start + WAIT_MAX_NS : deadline_ns;
    struct owner o = {.attempts = a, .end = end};
    int rc = DS_OK;

    *end = (struct dsi_group_end){0};
    if (!may_travel(a)) {
        return DS_OK;
    }
    o.queue = dsi_table_queue_take(a->table);
    if (!o.queue) {
        return DS_OK;
    }
    rc = may_be_carried(a->change) && start < until_ns && dsi_queue_try_lead(o.queue)
             ? carry(&o, start, until_ns, err)
             : publish(&o, until_ns, err);
    end->waited_ns = dsi_clock_monotonic_ns() - start;
    dsi_table_queue_give(a->table, o.queue);
    return rc;
}
