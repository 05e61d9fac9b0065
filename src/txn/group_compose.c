#include "txn/group_compose.h"

#include <string.h>

#include "base/error.h"
#include "txn/append.h"
#include "txn/held.h"

// A change on its way.
struct composing {
    const struct dsi_state *state;
    ds_storage *storage;
    struct dsi_group_member *members;
    size_t count;
    size_t in_count;
    struct dsi_change *change;    // The group's.
    struct dsi_group_member *bad; // That it is just about.
};

bool dsi_group_can_share(const struct dsi_change *c)
{
    return strcmp(c->branch, DSI_REF_MAIN) == 0 && c->summary.count == 0 &&
           dsi_change_commutes(c);
}

// What takes files out goes before what only adds some, whoever came first: it may have
// read the table as it was, and nobody else minds.
static bool goes_first(const struct dsi_change *c)
{
    return dsi_change_deletion(c) != NULL;
}

// What a member's change does, done by the group's own.
static int join(struct composing *g, const struct dsi_change *c,
                struct dsi_append **append, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < c->operation_count; i++) {
        const struct dsi_operation *o = &c->operations[i];
        if (o->held.rows > 0) {
            if (!*append) {
                DSI_TRY(dsi_append_new(g->storage, g->state->metadata, g->change, append,
                                       err));
            }
            DSI_TRY(dsi_append_held(*append, &o->held, err));
        }
        if (o->stored.manifest_count > 0) {
            DSI_TRY(dsi_change_append_stored(g->change, &o->stored, err));
        }
        for (size_t k = 0; k < o->properties.count; k++) {
            DSI_TRY(dsi_change_set_property(g->change, o->properties.items[k].key,
                                            o->properties.items[k].value, err));
        }
    }
    if (g->in_count > 1) {
        DSI_TRY(dsi_change_add_member(g->change, c->identity, err));
    }
done:
    return rc;
}

static int begin_change(struct composing *g, const struct dsi_change *only,
                        struct ds_error *err)
{
    struct ds_commit_options options = {.struct_size = sizeof options};
    int rc = DS_OK;

    if (only) { // (2)
        options.identity = only->identity;
        options.summary = only->summary;
        options.branch = only->branch;
        options.append_mode = only->append_mode;
    }
    DSI_TRY(dsi_change_new(g->state, &options, &g->change, err));
    g->change->identity_given = false; // The history was searched for it.
done:
    return rc;
}

// The change of a member's intent, which nobody else has from here on.
static struct dsi_change *take(struct dsi_group_member *m)
{
    struct dsi_change *c = m->intent.change;

    m->intent.change = NULL;
    m->change = NULL;
    return c;
}

// A part of its own: the member's change, with files instead of rows.
static int add_part(struct composing *g, struct dsi_group_member *m, struct ds_error *err)
{
    int rc = dsi_change_write_held(m->intent.change, g->state->metadata, g->storage, err);

    if (rc == DS_OK) {
        m->part = g->change->part_count + 1;
        rc = dsi_change_add_part(g->change, take(m), err);
    }
    return rc;
}

// The parts that come before the group's own snapshot, or those that come after it.
static int add_parts(struct composing *g, bool first, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; g->in_count > 1 && i < g->count; i++) {
        struct dsi_group_member *m = &g->members[i];
        const struct dsi_change *c = m->change; // NULL: it is a part already.
        if (m->in && c && !dsi_group_can_share(c) && goes_first(c) == first) {
            g->bad = m;
            DSI_TRY(add_part(g, m, err));
        }
    }
    g->bad = NULL;
done:
    return rc;
}

// A member that is alone and does more than append: its change is the group's.
static int take_only(struct composing *g, struct dsi_group_member *m,
                     struct ds_error *err)
{
    g->bad = m;
    g->change = take(m);
    g->change->identity_given = false; // The history was searched for it.
    return dsi_change_write_held(g->change, g->state->metadata, g->storage, err);
}

static int compose(struct composing *g, struct dsi_group_member *only,
                   struct ds_error *err)
{
    struct dsi_append *append = NULL;
    int rc = DS_OK;

    if (only && !dsi_change_commutes(only->change)) {
        return take_only(g, only, err);
    }
    DSI_TRY(begin_change(g, only ? only->change : NULL, err));
    DSI_TRY(add_parts(g, true, err));
    g->change->first_parts = g->change->part_count;
    for (size_t i = 0; i < g->count; i++) {
        struct dsi_group_member *m = &g->members[i];
        if (m->in && m->part == 0 && (only || dsi_group_can_share(m->change))) {
            g->bad = m;
            DSI_TRY(join(g, m->change, &append, err));
        }
    }
    g->bad = NULL;
    if (append) {
        DSI_TRY(dsi_append_finish(append, err));
    }
    DSI_TRY(add_parts(g, false, err));
done:
    dsi_append_free(append);
    return rc;
}

int dsi_group_compose(const struct dsi_state *state, ds_storage *storage,
                      struct dsi_group_member *members, size_t count,
                      struct dsi_change **out, struct dsi_group_member **bad,
                      struct ds_error *err)
{
    struct composing g = {
        .state = state, .storage = storage, .members = members, .count = count};
    struct dsi_group_member *last = NULL;

    for (size_t i = 0; i < count; i++) {
        if (members[i].in) {
            last = &members[i];
            g.in_count++;
        }
    }
    int rc = compose(&g, g.in_count == 1 ? last : NULL, err);
    if (rc < 0) {
        if (g.change) {
            dsi_change_discard(g.change, storage);
        }
        dsi_change_free(g.change);
        g.change = NULL;
    }
    *out = g.change;
    *bad = g.bad;
    return rc;
}
