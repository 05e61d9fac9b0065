#include "txn/change.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
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
    c->base.stamp = state->head.stamp;
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
    if (state->metadata->is_legacy) {
        rc =
            dsi_fail(err, DS_EUNSUPPORTED,
                     "the table was written by DataShard, whose own layout is only read; "
                     "to write to it, convert it with: datashard migrate %s",
                     state->metadata->location);
        goto done;
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
        for (size_t i = 0; i < c->part_count; i++) {
            assert(c->parts[i]->part_count == 0); // So this goes one deep.
            dsi_change_free(c->parts[i]);
        }
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

// Copies files behind those of an operation (NULL: there was no memory for it).
static int put_files(struct dsi_change *c, struct dsi_operation *o,
                     const struct dsi_data_file *files, size_t count,
                     struct ds_error *err)
{
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
    o->files = all;
    o->file_count += count;
done:
    return rc;
}

int dsi_change_append(struct dsi_change *c, const struct dsi_data_file *files,
                      size_t count, bool owned, struct ds_error *err)
{
    struct dsi_operation *o = operation(c, DSI_OPERATION_APPEND);
    int rc = DS_OK;

    // One flag speaks for all: a change has either its own files or somebody else's.
    assert(!o || o->file_count == 0 || o->owned == owned);
    DSI_TRY(put_files(c, o, files, count, err));
    o->owned = owned;
done:
    return rc;
}

int dsi_change_add(struct dsi_change *c, const struct dsi_data_file *files, size_t count,
                   const struct dsi_metadata *base, const char *mapping,
                   struct ds_error *err)
{
    const char *known = dsi_metadata_property(base, DSI_NAME_MAPPING_KEY);
    struct dsi_operation *o = operation(c, DSI_OPERATION_ADD);
    int rc = DS_OK;

    DSI_TRY(put_files(c, o, files, count, err));
    o->base_schema_id = base->current_schema_id;
    if (mapping) {
        o->mapping = dsi_arena_strdup(&c->arena, mapping);
        o->base_mapping = known ? dsi_arena_strdup(&c->arena, known) : NULL;
        if (!o->mapping || (known && !o->base_mapping)) {
            return no_memory(err);
        }
    }
done:
    return rc;
}

static int copy_manifest(struct dsi_arena *arena, const struct dsi_manifest_file *from,
                         struct dsi_manifest_file *to, struct ds_error *err)
{
    struct dsi_field_summary *s =
        dsi_arena_array(arena, from->partition_count, sizeof *s);
    bool ok = s || from->partition_count == 0;

    if (!from->path || from->path[0] == '\0' || from->length <= 0 ||
        from->content != DSI_MANIFEST_DATA || from->existing_files_count != 0 ||
        from->deleted_files_count != 0 || from->added_files_count < 0 ||
        from->added_rows_count < 0 || from->key_metadata.data) {
        return dsi_fail(err, DS_EINVALID,
                        "manifest %.200s cannot be appended: it must have a path, a "
                        "length, and nothing but added data files, not encrypted",
                        from->path ? from->path : "(no path)");
    }
    *to = *from;
    to->sequence_number = -1; // The commit's.
    to->min_sequence_number = -1;
    to->first_row_id = -1;
    to->path = dsi_arena_strdup(arena, from->path);
    ok = ok && to->path;
    for (size_t i = 0; ok && i < from->partition_count; i++) {
        s[i] = from->partitions[i];
        ok = (!s[i].lower.data || !dsi_arena_copy(arena, s[i].lower, &s[i].lower)) &&
             (!s[i].upper.data || !dsi_arena_copy(arena, s[i].upper, &s[i].upper));
    }
    to->partitions = s;
    return ok ? DS_OK : no_memory(err);
}

static bool add_counts(struct dsi_stored_files *sum, const struct dsi_stored_files *more)
{
    // Some of the partitions may be the same ones.
    sum->partitions =
        sum->partitions > more->partitions ? sum->partitions : more->partitions;
    return more->files >= 0 && more->rows >= 0 && more->bytes >= 0 &&
           dsi_add_i64(sum->files, more->files, &sum->files) &&
           dsi_add_i64(sum->rows, more->rows, &sum->rows) &&
           dsi_add_i64(sum->bytes, more->bytes, &sum->bytes);
}

int dsi_change_append_stored(struct dsi_change *c, const struct dsi_stored_files *stored,
                             struct ds_error *err)
{
    struct dsi_operation *o = operation(c, DSI_OPERATION_APPEND);
    struct dsi_stored_files sum = o ? o->stored : (struct dsi_stored_files){0};
    size_t count = sum.manifest_count;
    struct dsi_manifest_file *all = NULL;
    int rc = DS_OK;

    if (!o || !(all = dsi_arena_array(&c->arena, count + stored->manifest_count,
                                      sizeof *all))) {
        return no_memory(err);
    }
    if (count > 0) {
        memcpy(all, sum.manifests, count * sizeof *all);
    }
    for (size_t i = 0; i < stored->manifest_count; i++) {
        DSI_TRY(copy_manifest(&c->arena, &stored->manifests[i], &all[count + i], err));
    }
    if (!add_counts(&sum, stored)) {
        rc = dsi_fail(err, DS_EINVALID,
                      "files, rows or bytes of stored manifests are "
                      "negative, or too many to count");
        goto done;
    }
    sum.manifests = all;
    sum.manifest_count = count + stored->manifest_count;
    o->stored = sum;
done:
    return rc;
}

int dsi_change_hold(struct dsi_change *c, const struct dsi_held_rows *rows,
                    struct ds_error *err)
{
    struct dsi_operation *o = operation(c, DSI_OPERATION_APPEND);
    struct dsi_held_rows *held = o ? &o->held : NULL;
    size_t size = 0;

    if (!held) {
        return no_memory(err);
    }
    if (rows->rows <= 0) {
        return DS_OK;
    }
    if (held->rows > 0 && held->schema_id != rows->schema_id) {
        return dsi_fail(
            err, DS_EINVALID,
            "a change cannot hold rows of schema %d beside those of schema %d",
            (int)rows->schema_id, (int)held->schema_id);
    }
    uint8_t *bytes = NULL;
    if (!dsi_add_size(held->bytes.size, rows->bytes.size, &size) ||
        !(bytes = dsi_arena_alloc(&c->arena, size))) {
        return no_memory(err);
    }
    if (held->bytes.size > 0) {
        memcpy(bytes, held->bytes.data, held->bytes.size);
    }
    if (rows->bytes.size > 0) {
        memcpy(bytes + held->bytes.size, rows->bytes.data, rows->bytes.size);
    }
    held->bytes = (struct ds_slice){bytes, size};
    held->rows += rows->rows;
    held->schema_id = rows->schema_id;
    return DS_OK;
}

// Copies of such files, behind the `old` ones.
static struct dsi_replaced_file *copy_replaced(struct dsi_arena *arena,
                                               const struct dsi_operation *old,
                                               const struct dsi_replaced_file *more,
                                               size_t count)
{
    struct dsi_replaced_file *all =
        dsi_arena_array(arena, old->replaced_count + count, sizeof *all);

    if (all && old->replaced_count > 0) {
        memcpy(all, old->replaced, old->replaced_count * sizeof *all);
    }
    for (size_t i = 0; all && i < count; i++) {
        struct dsi_replaced_file *to = &all[old->replaced_count + i];
        *to = more[i];
        to->path = dsi_arena_strdup(arena, more[i].path);
        to->manifest = dsi_arena_strdup(arena, more[i].manifest);
        if (!to->path || !to->manifest) {
            return NULL;
        }
    }
    return all;
}

int dsi_change_delete(struct dsi_change *c, const struct dsi_replaced_file *gone,
                      size_t count, struct ds_error *err)
{
    struct dsi_operation *o = operation(c, DSI_OPERATION_DELETE);
    struct dsi_replaced_file *all = o ? copy_replaced(&c->arena, o, gone, count) : NULL;

    assert(!dsi_change_rewrite(c));
    if (!all) {
        return no_memory(err);
    }
    o->replaced = all;
    o->replaced_count += count;
    return DS_OK;
}

int dsi_change_replace(struct dsi_change *c, const struct dsi_replaced_file *replaced,
                       size_t count, int64_t sequence_number, struct ds_error *err)
{
    struct dsi_operation *o = c->operation_count == 1 ? c->operations : NULL;
    struct dsi_replaced_file *all = NULL;

    assert(count > 0 && o && o->kind == DSI_OPERATION_APPEND && o->file_count > 0);
    assert(o->stored.manifest_count == 0 && o->held.rows == 0);
    all = copy_replaced(&c->arena, o, replaced, count);
    if (!all) {
        return no_memory(err);
    }
    o->kind = DSI_OPERATION_REWRITE;
    o->replaced = all;
    o->replaced_count = count;
    o->sequence_number = sequence_number;
    return DS_OK;
}

void dsi_change_drop_held(struct dsi_change *c)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        c->operations[i].held = (struct dsi_held_rows){0};
    }
}

// True when an array that grows by doubling from `first` is full.
static bool is_full(size_t count, size_t first)
{
    return count == 0 || (count >= first && (count & (count - 1)) == 0);
}

int dsi_change_add_member(struct dsi_change *c, const char *identity,
                          struct ds_error *err)
{
    enum { FIRST = 16 };
    size_t n = c->member_count;
    struct dsi_uuid uuid;
    char(*mine)[DSI_UUID_TEXT_SIZE] = (void *)(uintptr_t)c->members; // From our arena.

    if (!dsi_uuid_parse(identity, strlen(identity), &uuid)) {
        return dsi_fail(err, DS_EINVALID, "a member's identity is no UUID: \"%.60s\"",
                        identity);
    }
    if (is_full(n, FIRST)) {
        mine = dsi_arena_array(&c->arena, n == 0 ? FIRST : n * 2, sizeof *mine);
        if (!mine) {
            return no_memory(err);
        }
        if (n > 0) {
            memcpy(mine, c->members, n * sizeof *mine);
        }
        c->members = (void *)mine;
    }
    dsi_uuid_format(&uuid, mine[n]);
    c->member_count++;
    return DS_OK;
}

int dsi_change_add_part(struct dsi_change *c, struct dsi_change *part,
                        struct ds_error *err)
{
    enum { FIRST = 4 };
    size_t n = c->part_count;

    assert(part->part_count == 0 && part != c);
    if (is_full(n, FIRST)) {
        struct dsi_change **all =
            dsi_arena_array(&c->arena, n == 0 ? FIRST : n * 2, sizeof *all);
        if (!all) {
            dsi_change_free(part);
            return no_memory(err);
        }
        if (n > 0) {
            memcpy(all, c->parts, n * sizeof *all);
        }
        c->parts = all;
    }
    c->parts[c->part_count++] = part;
    return DS_OK;
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

int dsi_change_expire(struct dsi_change *c, int64_t older_than_ms, int32_t retain_last,
                      struct ds_error *err)
{
    struct dsi_operation *o = operation(c, DSI_OPERATION_EXPIRE);

    if (!o) {
        return no_memory(err);
    }
    o->older_than_ms = older_than_ms;
    o->retain_last = retain_last;
    return DS_OK;
}

int dsi_change_set_schema(struct dsi_change *c, const struct dsi_metadata *base,
                          const struct dsi_schema *schema, struct ds_error *err)
{
    bool first = !dsi_change_schema(c);
    struct dsi_schema *copy = dsi_arena_alloc(&c->arena, sizeof *copy);
    struct dsi_operation *o = NULL;
    int rc = DS_OK;

    if (!copy) {
        return no_memory(err);
    }
    DSI_TRY(dsi_schema_copy(schema, &c->arena, copy, err));
    o = operation(c, DSI_OPERATION_SCHEMA);
    if (!o) {
        return no_memory(err);
    }
    o->schema = copy;
    if (first) {
        o->base_schema_id = base->current_schema_id;
        o->base_last_column_id = base->last_column_id;
    }
done:
    return rc;
}

int dsi_change_empty(struct dsi_change *c, struct ds_error *err)
{
    return operation(c, DSI_OPERATION_EMPTY) ? DS_OK : no_memory(err);
}

void dsi_change_discard(const struct dsi_change *c, ds_storage *storage)
{
    for (size_t i = 0; i < c->part_count; i++) {
        dsi_change_discard(c->parts[i], storage); // Parts have none: one deep.
    }
    for (size_t i = 0; i < c->operation_count; i++) {
        const struct dsi_operation *o = &c->operations[i];
        for (size_t k = 0; o->owned && k < o->file_count; k++) {
            // What cannot be removed now is an orphan, and harmless.
            DSI_IGNORE(dsi_storage_remove(storage, o->files[k].path, NULL));
        }
    }
}
