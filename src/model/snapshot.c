// Snapshots: made, parsed and counted one by one. Iceberg specification, "Snapshots".
#include "model/metadata.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/parts_json.h"

const struct dsi_snapshot *dsi_snapshot_ref(const struct dsi_snapshot *s)
{
    dsi_refcount_add(&((struct dsi_snapshot *)(uintptr_t)s)->owners); // Only the count.
    return s;
}

void dsi_snapshot_unref(const struct dsi_snapshot *s)
{
    struct dsi_snapshot *counted = (struct dsi_snapshot *)(uintptr_t)s;
    if (s && dsi_refcount_drop(&counted->owners)) {
        dsi_arena_release(&counted->arena);
        dsi_free(counted);
    }
}

static struct dsi_snapshot *empty_snapshot(void)
{
    struct dsi_snapshot *s = dsi_calloc(1, sizeof *s);
    if (s) {
        dsi_refcount_init(&s->owners);
        s->snapshot_id = DSI_SNAPSHOT_NONE;
        s->parent_id = DSI_SNAPSHOT_NONE;
        s->timestamp_ms = -1;
        s->schema_id = -1;
        s->first_row_id = -1;
        s->added_rows = -1;
    }
    return s;
}

static int check_numbers(const struct dsi_snapshot *s, const char *what,
                         struct ds_error *err)
{
    if (s->snapshot_id < 0 || s->timestamp_ms < 0 || s->sequence_number < 0) {
        return dsi_corrupt(err, "%s: a snapshot (id %lld) needs '%s', not negative", what,
                           (long long)s->snapshot_id,
                           s->snapshot_id < 0    ? "snapshot-id"
                           : s->timestamp_ms < 0 ? "timestamp-ms"
                                                 : "sequence-number");
    }
    return DS_OK;
}

// --- making

static int write_snapshot(const struct dsi_snapshot_new *n, struct dsi_buf *out,
                          struct ds_error *err)
{
    struct dsi_json_writer w;

    dsi_json_writer_init(&w, out, err);
    dsi_json_write_object_begin(&w);
    if (n->sequence_number > 0) {
        dsi_json_write_member_i64(&w, "sequence-number", n->sequence_number);
    }
    dsi_json_write_member_i64(&w, "snapshot-id", n->snapshot_id);
    if (n->parent_id != DSI_SNAPSHOT_NONE) {
        dsi_json_write_member_i64(&w, "parent-snapshot-id", n->parent_id);
    }
    dsi_json_write_member_i64(&w, "timestamp-ms", n->timestamp_ms);
    dsi_json_write_key(&w, "summary");
    dsi_json_write_object_begin(&w);
    for (size_t i = 0; i < n->summary_count; i++) {
        dsi_json_write_member_string(&w, n->summary[i].key, n->summary[i].value);
    }
    dsi_json_write_object_end(&w);
    dsi_json_write_member_string(&w, "manifest-list", n->manifest_list);
    if (n->schema_id >= 0) {
        dsi_json_write_member_i64(&w, "schema-id", n->schema_id);
    }
    if (n->first_row_id >= 0) {
        dsi_json_write_member_i64(&w, "first-row-id", n->first_row_id);
        dsi_json_write_member_i64(&w, "added-rows", n->added_rows);
    }
    dsi_json_write_object_end(&w);
    return dsi_json_writer_finish(&w);
}

// Copies a text to *to, and moves that on.
static const char *place_text(char **to, const char *text)
{
    const size_t size = strlen(text) + 1;
    const char *placed = memcpy(*to, text, size);

    *to += size;
    return placed;
}

// Everything it points at, in one piece: what `n` says, and its text.
static int copy_texts(struct dsi_snapshot *s, const struct dsi_snapshot_new *n,
                      struct ds_slice json, struct ds_error *err)
{
    size_t size = n->summary_count * sizeof *n->summary + strlen(n->manifest_list) + 1;
    struct ds_property *summary = NULL;

    for (size_t i = 0; i < n->summary_count; i++) {
        size += strlen(n->summary[i].key) + strlen(n->summary[i].value) + 2;
    }
    summary = dsi_arena_alloc(&s->arena, size + json.size);
    if (!summary) {
        return dsi_no_memory(err, "making a snapshot");
    }
    char *to = (char *)(summary + n->summary_count);
    for (size_t i = 0; i < n->summary_count; i++) {
        summary[i].key = place_text(&to, n->summary[i].key);
        summary[i].value = place_text(&to, n->summary[i].value);
    }
    s->summary = n->summary_count > 0 ? summary : NULL;
    s->summary_count = n->summary_count;
    s->manifest_list = place_text(&to, n->manifest_list);
    memcpy(to, json.data, json.size);
    s->raw = (struct ds_slice){(const uint8_t *)to, json.size};
    return DS_OK;
}

// As if it had been read from its text: what that does not say is not said.
static void copy_numbers(struct dsi_snapshot *s, const struct dsi_snapshot_new *n)
{
    const bool numbered = n->first_row_id >= 0;

    s->snapshot_id = n->snapshot_id;
    s->parent_id = n->parent_id;
    s->sequence_number = n->sequence_number > 0 ? n->sequence_number : 0;
    s->timestamp_ms = n->timestamp_ms;
    s->schema_id = n->schema_id >= 0 ? n->schema_id : -1;
    s->first_row_id = numbered ? n->first_row_id : -1;
    s->added_rows = numbered ? n->added_rows : -1;
}

int dsi_snapshot_new(const struct dsi_snapshot_new *spec, const struct dsi_snapshot **out,
                     struct ds_error *err)
{
    struct dsi_buf json = DSI_BUF_INIT;
    struct dsi_snapshot *s = empty_snapshot();
    int rc = DS_OK;

    *out = NULL;
    if (!s) {
        return dsi_no_memory(err, "making a snapshot");
    }
    copy_numbers(s, spec);
    DSI_TRY(check_numbers(s, "new snapshot", err));
    DSI_TRY(dsi_buf_reserve(&json, 1024, err)); // Most fit, so that it does not grow.
    DSI_TRY(write_snapshot(spec, &json, err));
    DSI_TRY(copy_texts(s, spec, dsi_buf_slice(&json), err));
    *out = s;
    s = NULL;
done:
    dsi_snapshot_unref(s);
    dsi_buf_release(&json);
    return rc;
}

// --- reading

static int read_summary(struct dsi_json_reader *r, struct dsi_snapshot *s,
                        struct ds_error *err)
{
    struct ds_property *items = NULL;
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    s->summary_count = 0;
    DSI_TRY(dsi_json_object_begin(r, err));
    while ((rc = dsi_json_object_next(r, &key, err)) == DS_ROW) {
        items = dsi_arena_grow(r->arena, items, s->summary_count, sizeof *items);
        if (!items) {
            return dsi_no_memory(err, "reading a snapshot");
        }
        s->summary = items;
        struct ds_property *p = &items[s->summary_count++];
        DSI_TRY(dsi_json_key_text(r, key, &p->key, err));
        DSI_TRY(dsi_json_string(r, &p->value, err));
    }
done:
    return rc;
}

static int read_manifests(struct dsi_json_reader *r, struct dsi_snapshot *s,
                          struct ds_error *err)
{
    const char **items = NULL;
    int rc = DS_OK;

    s->manifest_count = 0;
    s->manifests =
        dsi_arena_alloc(r->arena, sizeof *items); // Said, even if there is none.
    if (!s->manifests) {
        return dsi_no_memory(err, "reading a snapshot");
    }
    DSI_TRY(dsi_json_array_begin(r, err));
    while ((rc = dsi_json_array_next(r, err)) == DS_ROW) {
        items = dsi_arena_grow(r->arena, items, s->manifest_count, sizeof *items);
        if (!items) {
            return dsi_no_memory(err, "reading a snapshot");
        }
        s->manifests = items;
        DSI_TRY(dsi_json_string(r, &items[s->manifest_count], err));
        s->manifest_count++;
    }
done:
    return rc;
}

static int read_member(struct dsi_json_reader *r, struct ds_slice key,
                       struct dsi_snapshot *s, struct ds_error *err)
{
    bool null = false;
    int absent = dsi_json_null(r, &null, err);

    if (absent < 0 || null) {
        return absent; // As if it were not there.
    }
    if (dsi_json_key_is(key, "snapshot-id")) {
        return dsi_json_i64(r, &s->snapshot_id, err);
    }
    if (dsi_json_key_is(key, "parent-snapshot-id")) {
        return dsi_json_i64(r, &s->parent_id, err);
    }
    if (dsi_json_key_is(key, "sequence-number")) {
        return dsi_json_i64(r, &s->sequence_number, err);
    }
    if (dsi_json_key_is(key, "timestamp-ms")) {
        return dsi_json_i64(r, &s->timestamp_ms, err);
    }
    if (dsi_json_key_is(key, "manifest-list")) {
        return dsi_json_string(r, &s->manifest_list, err);
    }
    if (dsi_json_key_is(key, "manifests")) {
        return read_manifests(r, s, err);
    }
    if (dsi_json_key_is(key, "summary")) {
        return read_summary(r, s, err);
    }
    if (dsi_json_key_is(key, "first-row-id")) {
        return dsi_json_i64(r, &s->first_row_id, err);
    }
    if (dsi_json_key_is(key, "added-rows")) {
        return dsi_json_i64(r, &s->added_rows, err);
    }
    if (dsi_json_key_is(key, "schema-id")) {
        int64_t id = -1;
        int rc = dsi_json_i64(r, &id, err);
        s->schema_id = id >= 0 && id <= INT32_MAX ? (int32_t)id : -1;
        return rc;
    }
    return dsi_json_skip(r, NULL, err);
}

int dsi_snapshot_read(struct dsi_json_reader *r, const struct dsi_snapshot **out,
                      struct ds_error *err)
{
    struct dsi_json_reader inner = *r;
    struct ds_slice raw = {NULL, 0};
    struct ds_slice key = {NULL, 0};
    struct dsi_snapshot *s = empty_snapshot();
    int rc = DS_OK;

    *out = NULL;
    if (!s) {
        return dsi_no_memory(err, "reading a snapshot");
    }
    DSI_TRY(dsi_json_skip(r, &raw, err));
    inner.arena = &s->arena; // A snapshot lives on its own.
    DSI_TRY(dsi_json_object_begin(&inner, err));
    while ((rc = dsi_json_object_next(&inner, &key, err)) == DS_ROW) {
        DSI_TRY(read_member(&inner, key, s, err));
    }
    DSI_TRY(rc);
    DSI_TRY(check_numbers(s, r->what, err));
    if (!s->manifest_list && !s->manifests) {
        rc = dsi_corrupt(err, "%s: snapshot %lld has no 'manifest-list'", r->what,
                         (long long)s->snapshot_id);
        goto done;
    }
    if (dsi_arena_copy(&s->arena, raw, &s->raw) < 0) {
        rc = dsi_no_memory(err, "reading a snapshot");
        goto done;
    }
    *out = s;
    s = NULL;
done:
    dsi_snapshot_unref(s);
    return rc;
}
