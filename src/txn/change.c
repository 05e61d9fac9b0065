#include "txn/change.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "txn/rebase.h"

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "describing a change");
}

static int take_identity(struct dsi_change *c, const char *given, struct ds_error *err)
{
    struct dsi_uuid uuid = {{0}};

    c->identity_given = given != NULL;
    if (!given) {
        uuid = dsi_uuid_v7();
    } else if (!dsi_uuid_parse(given, strlen(given), &uuid)) {
        return dsi_fail(err, DS_EINVALID,
                        "the identity of a commit must be a UUID in its usual form "
                        "(01234567-89ab-…), not \"%.60s\"",
                        given);
    }
    dsi_uuid_format(&uuid, c->identity);
    snprintf(c->nonce, sizeof c->nonce, "%08x", (unsigned)(dsi_random_u64() >> 32));
    return DS_OK;
}

static int copy_properties(struct dsi_arena *arena, struct ds_properties from,
                           struct ds_properties *out, struct ds_error *err)
{
    struct ds_property *items = dsi_arena_array(arena, from.count, sizeof *items);

    *out = (struct ds_properties){0};
    if (from.count > 0 && !items) {
        return no_memory(err);
    }
    for (size_t i = 0; i < from.count; i++) {
        if (!from.items[i].key || from.items[i].key[0] == '\0' || !from.items[i].value) {
            return dsi_fail(err, DS_EINVALID,
                            "entry %zu of the snapshot summary needs a key and a value",
                            i);
        }
        items[i].key = dsi_arena_strdup(arena, from.items[i].key);
        items[i].value = dsi_arena_strdup(arena, from.items[i].value);
        if (!items[i].key || !items[i].value) {
            return no_memory(err);
        }
    }
    *out = (struct ds_properties){items, from.count};
    return DS_OK;
}

static int take_base(struct dsi_change *c, const struct dsi_state *state,
                     struct ds_error *err)
{
    const struct dsi_metadata *m = state->metadata;
    const struct dsi_snapshot *parent = dsi_rebase_parent(m, c->branch);

    c->base.version = state->head.version;
    c->base.metadata_location =
        dsi_arena_strdup(&c->arena, state->head.metadata_location);
    c->base_snapshot_id = parent ? parent->snapshot_id : DSI_SNAPSHOT_NONE;
    c->base_sequence_number = m->last_sequence_number;
    c->table_uuid = m->table_uuid ? dsi_arena_strdup(&c->arena, m->table_uuid) : NULL;
    if (!c->base.metadata_location || (m->table_uuid && !c->table_uuid)) {
        return no_memory(err);
    }
    return DS_OK;
}

int dsi_change_new(const struct dsi_state *state, const struct ds_commit_options *options,
                   struct dsi_change **out, struct ds_error *err)
{
    static const struct ds_commit_options defaults = {0};
    struct dsi_change *c = dsi_calloc(1, sizeof *c);
    int rc = DS_OK;

    *out = NULL;
    if (!c) {
        return no_memory(err);
    }
    options = options ? options : &defaults;
    c->isolation = options->isolation;
    c->append_mode = options->append_mode;
    c->branch =
        dsi_arena_strdup(&c->arena, options->branch ? options->branch : DSI_REF_MAIN);
    if (!c->branch) {
        rc = no_memory(err);
        goto done;
    }
    if (c->branch[0] == '\0') {
        rc = dsi_fail(err, DS_EINVALID, "the name of a branch may not be empty");
        goto done;
    }
    DSI_TRY(take_identity(c, options->identity, err));
    DSI_TRY(copy_properties(&c->arena, options->summary, &c->summary, err));
    DSI_TRY(take_base(c, state, err));
    *out = c;
    c = NULL;
done:
    dsi_change_free(c);
    return rc;
}

void dsi_change_free(struct dsi_change *c)
{
    if (c) {
        dsi_arena_release(&c->arena);
        dsi_free(c);
    }
}

// The operation of this kind, made if it is not there yet.
static struct dsi_operation *operation(struct dsi_change *c, enum dsi_operation_kind kind)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        if (c->operations[i].kind == kind) {
            return &c->operations[i];
        }
    }
    if (!c->operations) {
        c->operations =
            dsi_arena_array(&c->arena, DSI_OPERATION_COUNT, sizeof *c->operations);
        if (!c->operations) {
            return NULL;
        }
    }
    assert(c->operation_count < DSI_OPERATION_COUNT);
    struct dsi_operation *o = &c->operations[c->operation_count++];
    *o = (struct dsi_operation){.kind = kind};
    return o;
}

int dsi_change_append(struct dsi_change *c, const struct dsi_data_file *files,
                      size_t count, bool owned, struct ds_error *err)
{
    struct dsi_operation *o = operation(c, DSI_OPERATION_APPEND);
    struct dsi_data_file *all = NULL;
    int rc = DS_OK;

    if (!o || !(all = dsi_arena_array(&c->arena, o->file_count + count, sizeof *all))) {
        return no_memory(err);
    }
    if (o->file_count > 0) {
        memcpy(all, o->files, o->file_count * sizeof *all);
    }
    for (size_t i = 0; i < count; i++) {
        assert(files[i].content == DSI_CONTENT_DATA);
        DSI_TRY(dsi_data_file_copy(&files[i], &c->arena, &all[o->file_count + i], err));
    }
    // One flag speaks for all: a change has either its own files or somebody else's.
    assert(o->file_count == 0 || o->owned == owned);
    o->files = all;
    o->file_count += count;
    o->owned = owned;
done:
    return rc;
}

int dsi_change_set_property(struct dsi_change *c, const char *key, const char *value,
                            struct ds_error *err)
{
    if (!key || key[0] == '\0') {
        return dsi_fail(err, DS_EINVALID, "a table property needs a name");
    }
    struct dsi_operation *o = operation(c, DSI_OPERATION_SET_PROPERTIES);
    size_t count = o ? o->properties.count : 0;
    struct ds_property *all =
        o ? dsi_arena_array(&c->arena, count + 1, sizeof *all) : NULL;
    char *copy = value ? dsi_arena_strdup(&c->arena, value) : NULL;
    size_t at = 0;

    if (!all || (value && !copy)) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(o->properties.items[i].key, key) != 0) {
            all[at++] = o->properties.items[i];
        }
    }
    all[at].key = dsi_arena_strdup(&c->arena, key);
    all[at].value = copy;
    if (!all[at].key) {
        return no_memory(err);
    }
    o->properties = (struct ds_properties){all, at + 1};
    return DS_OK;
}

int dsi_change_empty(struct dsi_change *c, struct ds_error *err)
{
    return operation(c, DSI_OPERATION_EMPTY) ? DS_OK : no_memory(err);
}

void dsi_change_discard(const struct dsi_change *c, ds_storage *storage)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        const struct dsi_operation *o = &c->operations[i];
        for (size_t k = 0; o->owned && k < o->file_count; k++) {
            // What cannot be removed now is an orphan, and harmless.
            DSI_IGNORE(dsi_storage_remove(storage, o->files[k].path, NULL));
        }
    }
}
