// An intent's bytes, by intent_bytes.h, in the order in which they are written below.
//
// (1) Both sides are below in pairs, put_x and get_x; they change together.
// (2) The version says which kinds of operations may be in it: who appends and sets
//     properties, only, is understood by libraries that know of nothing else. What a
//     library does not know, it cannot read: its owner is sent away alone.
#include "txn/intent.h"

#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "txn/intent_bytes.h"

#define MAGIC UINT32_C(0x4e495344) // "DSIN"

enum {
    VERSION_APPENDS = 1, // Appends, properties, the empty version.
    VERSION_KINDS = 2,   // With files that join, files that go, another schema.
    VERSION = 3,         // With snapshots that are forgotten.
};

// The least that one item of a list takes.
enum { MANIFEST_MIN = 93, FIELD_SUMMARY_MIN = 10, REPLACED_MIN = 25 };

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "reading an intent");
}

// --- manifests that are stored already

static int put_field_summary(struct dsi_buf *out, const struct dsi_field_summary *f,
                             struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_intent_put_u8(out, f->contains_null, err));
    DSI_TRY(dsi_intent_put_u8(out, (unsigned)(f->contains_nan + 1), err)); // -1, 0, 1.
    DSI_TRY(dsi_intent_put_bytes(out, f->lower, err));
    DSI_TRY(dsi_intent_put_bytes(out, f->upper, err));
done:
    return rc;
}

static int get_field_summary(struct dsi_intent_reader *in, struct dsi_field_summary *f,
                             struct ds_error *err)
{
    unsigned null = 0;
    unsigned nan = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_intent_get_u8(in, 1, "partition summary", &null, err));
    DSI_TRY(dsi_intent_get_u8(in, 2, "partition summary", &nan, err));
    DSI_TRY(dsi_intent_get_bytes(in, "partition summary", &f->lower, err));
    DSI_TRY(dsi_intent_get_bytes(in, "partition summary", &f->upper, err));
    f->contains_null = null != 0;
    f->contains_nan = (int8_t)((int)nan - 1);
done:
    return rc;
}

static int put_manifest(struct dsi_buf *out, const struct dsi_manifest_file *f,
                        struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_intent_put_text(out, f->path, err));
    DSI_TRY(dsi_intent_put_i64(out, f->length, err));
    DSI_TRY(dsi_intent_put_u32(out, (uint32_t)f->spec_id, err));
    DSI_TRY(dsi_intent_put_u8(out, (unsigned)f->content, err));
    DSI_TRY(dsi_intent_put_i64(out, f->sequence_number, err));
    DSI_TRY(dsi_intent_put_i64(out, f->min_sequence_number, err));
    DSI_TRY(dsi_intent_put_i64(out, f->added_snapshot_id, err));
    DSI_TRY(dsi_intent_put_u32(out, (uint32_t)f->added_files_count, err));
    DSI_TRY(dsi_intent_put_u32(out, (uint32_t)f->existing_files_count, err));
    DSI_TRY(dsi_intent_put_u32(out, (uint32_t)f->deleted_files_count, err));
    DSI_TRY(dsi_intent_put_i64(out, f->added_rows_count, err));
    DSI_TRY(dsi_intent_put_i64(out, f->existing_rows_count, err));
    DSI_TRY(dsi_intent_put_i64(out, f->deleted_rows_count, err));
    DSI_TRY(dsi_intent_put_u32(out, (uint32_t)f->partition_count, err));
    for (size_t i = 0; i < f->partition_count; i++) {
        DSI_TRY(put_field_summary(out, &f->partitions[i], err));
    }
    DSI_TRY(dsi_intent_put_bytes(out, f->key_metadata, err));
    DSI_TRY(dsi_intent_put_i64(out, f->first_row_id, err));
done:
    return rc;
}

static int get_field_summaries(struct dsi_intent_reader *in, struct dsi_manifest_file *f,
                               struct ds_error *err)
{
    struct dsi_field_summary *all = NULL;
    size_t count = 0;
    int rc = DS_OK;

    DSI_TRY(
        dsi_intent_get_count(in, FIELD_SUMMARY_MIN, "partition summaries", &count, err));
    if (count > 0 && !(all = dsi_intent_keep(in, count, sizeof *all))) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(get_field_summary(in, &all[i], err));
    }
    f->partitions = all;
    f->partition_count = count;
done:
    return rc;
}

// What an append may bring: data files, all of them new.
static int check_manifest(const struct dsi_manifest_file *f, struct ds_error *err)
{
    return f->content != DSI_MANIFEST_DATA || f->existing_files_count != 0 ||
                   f->deleted_files_count != 0 || f->existing_rows_count != 0 ||
                   f->deleted_rows_count != 0
               ? dsi_corrupt(err,
                             "an intent to append with manifest %.200s, which has other "
                             "than new data files",
                             f->path)
               : DS_OK;
}

static int get_manifest(struct dsi_intent_reader *in, struct dsi_manifest_file *f,
                        struct ds_error *err)
{
    unsigned content = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_intent_need_text(in, "a manifest's path", &f->path, err));
    DSI_TRY(dsi_intent_get_i64(in, 0, "manifest length", &f->length, err));
    DSI_TRY(dsi_intent_get_i32(in, 0, "spec id", &f->spec_id, err));
    DSI_TRY(
        dsi_intent_get_u8(in, DSI_MANIFEST_DELETES, "manifest content", &content, err));
    f->content = (enum dsi_manifest_content)content;
    DSI_TRY(dsi_intent_get_i64(in, -1, "sequence number", &f->sequence_number, err));
    DSI_TRY(dsi_intent_get_i64(in, -1, "least sequence number", &f->min_sequence_number,
                               err));
    DSI_TRY(dsi_intent_get_i64(in, INT64_MIN, "snapshot id", &f->added_snapshot_id, err));
    DSI_TRY(dsi_intent_get_i32(in, 0, "number of files", &f->added_files_count, err));
    DSI_TRY(dsi_intent_get_i32(in, 0, "number of files", &f->existing_files_count, err));
    DSI_TRY(dsi_intent_get_i32(in, 0, "number of files", &f->deleted_files_count, err));
    DSI_TRY(dsi_intent_get_i64(in, 0, "number of rows", &f->added_rows_count, err));
    DSI_TRY(dsi_intent_get_i64(in, 0, "number of rows", &f->existing_rows_count, err));
    DSI_TRY(dsi_intent_get_i64(in, 0, "number of rows", &f->deleted_rows_count, err));
    DSI_TRY(get_field_summaries(in, f, err));
    DSI_TRY(dsi_intent_get_bytes(in, "key metadata", &f->key_metadata, err));
    DSI_TRY(dsi_intent_get_i64(in, -1, "first row id", &f->first_row_id, err));
    DSI_TRY(check_manifest(f, err));
done:
    return rc;
}

static int put_stored(struct dsi_buf *out, const struct dsi_stored_files *s,
                      struct ds_error *err)
{
    int rc = dsi_intent_put_u32(out, (uint32_t)s->manifest_count, err);

    for (size_t i = 0; rc == DS_OK && i < s->manifest_count; i++) {
        rc = put_manifest(out, &s->manifests[i], err);
    }
    DSI_TRY(rc);
    DSI_TRY(dsi_intent_put_i64(out, s->files, err));
    DSI_TRY(dsi_intent_put_i64(out, s->rows, err));
    DSI_TRY(dsi_intent_put_i64(out, s->bytes, err));
    DSI_TRY(dsi_intent_put_i64(out, s->partitions, err));
done:
    return rc;
}

static int get_stored(struct dsi_intent_reader *in, struct dsi_stored_files *s,
                      struct ds_error *err)
{
    struct dsi_manifest_file *all = NULL;
    size_t count = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_intent_get_count(in, MANIFEST_MIN, "manifests", &count, err));
    if (count > 0 && !(all = dsi_intent_keep(in, count, sizeof *all))) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(get_manifest(in, &all[i], err));
    }
    s->manifests = all;
    s->manifest_count = count;
    DSI_TRY(dsi_intent_get_i64(in, 0, "number of files", &s->files, err));
    DSI_TRY(dsi_intent_get_i64(in, 0, "number of rows", &s->rows, err));
    DSI_TRY(dsi_intent_get_i64(in, 0, "number of bytes", &s->bytes, err));
    DSI_TRY(dsi_intent_get_i64(in, 0, "number of partitions", &s->partitions, err));
done:
    return rc;
}

// --- operations

static int put_held(struct dsi_buf *out, const struct dsi_held_rows *h,
                    struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_intent_put_i64(out, h->rows, err));
    DSI_TRY(dsi_intent_put_u32(out, (uint32_t)h->schema_id, err));
    DSI_TRY(dsi_intent_put_bytes(out, h->bytes, err));
done:
    return rc;
}

static int get_held(struct dsi_intent_reader *in, struct dsi_held_rows *h,
                    struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_intent_get_i64(in, 0, "number of rows", &h->rows, err));
    DSI_TRY(dsi_intent_get_i32(in, 0, "schema id", &h->schema_id, err));
    DSI_TRY(dsi_intent_get_bytes(in, "rows", &h->bytes, err));
    if ((h->rows > 0) != (h->bytes.size > 0)) {
        rc = dsi_corrupt(err, "an intent with %lld rows in %zu bytes", (long long)h->rows,
                         h->bytes.size);
    }
done:
    return rc;
}

static int put_addition(struct dsi_buf *out, const struct dsi_operation *o,
                        struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(put_stored(out, &o->stored, err));
    DSI_TRY(dsi_intent_put_text(out, o->mapping, err));
    DSI_TRY(dsi_intent_put_text(out, o->base_mapping, err));
    DSI_TRY(dsi_intent_put_u32(out, (uint32_t)o->base_schema_id, err));
done:
    return rc;
}

static int get_addition(struct dsi_intent_reader *in, struct dsi_operation *o,
                        struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(get_stored(in, &o->stored, err));
    DSI_TRY(dsi_intent_get_text(in, "name mapping", &o->mapping, err));
    DSI_TRY(dsi_intent_get_text(in, "name mapping", &o->base_mapping, err));
    DSI_TRY(dsi_intent_get_i32(in, 0, "schema id", &o->base_schema_id, err));
done:
    return rc;
}

// Files that go, mostly many of one manifest: no manifest means that of the one before.
static int put_deletion(struct dsi_buf *out, const struct dsi_operation *o,
                        struct ds_error *err)
{
    const char *manifest = NULL;
    int rc = dsi_intent_put_u32(out, (uint32_t)o->replaced_count, err);

    for (size_t i = 0; rc == DS_OK && i < o->replaced_count; i++) {
        const struct dsi_replaced_file *f = &o->replaced[i];
        bool same = manifest && strcmp(manifest, f->manifest) == 0;
        DSI_TRY(dsi_intent_put_text(out, f->path, err));
        DSI_TRY(dsi_intent_put_text(out, same ? NULL : f->manifest, err));
        DSI_TRY(dsi_intent_put_i64(out, f->rows, err));
        DSI_TRY(dsi_intent_put_i64(out, f->bytes, err));
        manifest = f->manifest;
    }
done:
    return rc;
}

static int get_replaced(struct dsi_intent_reader *in, const char *manifest,
                        struct dsi_replaced_file *f, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_intent_need_text(in, "a file's path", &f->path, err));
    DSI_TRY(dsi_intent_get_text(in, "manifest", &f->manifest, err));
    DSI_TRY(dsi_intent_get_i64(in, 0, "number of rows", &f->rows, err));
    DSI_TRY(dsi_intent_get_i64(in, 0, "number of bytes", &f->bytes, err));
    f->manifest = f->manifest ? f->manifest : manifest;
    if (!f->manifest) {
        rc = dsi_corrupt(err, "an intent that does not say where %.200s is", f->path);
    }
done:
    return rc;
}

static int get_deletion(struct dsi_intent_reader *in, struct dsi_operation *o,
                        struct ds_error *err)
{
    struct dsi_replaced_file *all = NULL;
    const char *manifest = NULL;
    int64_t rows = 0;
    int64_t bytes = 0;
    size_t count = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_intent_get_count(in, REPLACED_MIN, "files that go", &count, err));
    all = dsi_intent_keep(in, count, sizeof *all);
    if (!all) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(get_replaced(in, manifest, &all[i], err));
        manifest = all[i].manifest;
        if (!dsi_add_i64(rows, all[i].rows, &rows) ||
            !dsi_add_i64(bytes, all[i].bytes, &bytes)) {
            return dsi_corrupt(err,
                               "an intent with more rows that go than can be counted");
        }
    }
    o->replaced = all;
    o->replaced_count = count;
done:
    return rc;
}

static int put_schema(struct dsi_buf *out, const struct dsi_operation *o,
                      struct ds_error *err)
{
    struct dsi_buf json = DSI_BUF_INIT;
    int rc = DS_OK;

    DSI_TRY(dsi_schema_to_json(o->schema, &json, err));
    DSI_TRY(dsi_intent_put_bytes(out, dsi_buf_slice(&json), err));
    DSI_TRY(dsi_intent_put_u32(out, (uint32_t)o->base_schema_id, err));
    DSI_TRY(dsi_intent_put_u32(out, (uint32_t)o->base_last_column_id, err));
done:
    dsi_buf_release(&json);
    return rc;
}

static int get_schema(struct dsi_intent_reader *in, struct dsi_operation *o,
                      struct ds_error *err)
{
    struct dsi_schema *schema = dsi_intent_keep(in, 1, sizeof *schema);
    struct ds_slice json = {0};
    int rc = DS_OK;

    if (!schema) {
        return no_memory(err);
    }
    DSI_TRY(dsi_intent_get_bytes(in, "schema", &json, err));
    rc = dsi_schema_from_json(json, in->arena, schema, err);
    DSI_TRY(rc < 0 && rc != DS_ENOMEM ? dsi_wrap(err, DS_ECORRUPT, "an intent's schema")
                                      : rc);
    DSI_TRY(dsi_intent_get_i32(in, 0, "schema id", &o->base_schema_id, err));
    DSI_TRY(dsi_intent_get_i32(in, 0, "column id", &o->base_last_column_id, err));
    o->schema = schema;
done:
    return rc;
}

static int put_expiry(struct dsi_buf *out, const struct dsi_operation *o,
                      struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_intent_put_i64(out, o->older_than_ms, err));
    DSI_TRY(dsi_intent_put_u32(out, (uint32_t)o->retain_last, err));
done:
    return rc;
}

static int get_expiry(struct dsi_intent_reader *in, struct dsi_operation *o,
                      struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_intent_get_i64(in, INT64_MIN, "time of expiry", &o->older_than_ms, err));
    DSI_TRY(
        dsi_intent_get_i32(in, 0, "number of snapshots that stay", &o->retain_last, err));
done:
    return rc;
}

static int put_operation(struct dsi_buf *out, const struct dsi_operation *o,
                         struct ds_error *err)
{
    int rc = DS_OK;

    if (o->file_count > 0) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "a change with %zu data files of its own cannot be sent as an "
                        "intent",
                        o->file_count);
    }
    DSI_TRY(dsi_intent_put_u8(out, (unsigned)o->kind, err));
    switch (o->kind) {
    case DSI_OPERATION_APPEND:
        DSI_TRY(put_stored(out, &o->stored, err));
        DSI_TRY(put_held(out, &o->held, err));
        break;
    case DSI_OPERATION_SET_PROPERTIES:
        DSI_TRY(dsi_intent_put_properties(out, o->properties, err));
        break;
    case DSI_OPERATION_EMPTY:
        break;
    case DSI_OPERATION_ADD:
        DSI_TRY(put_addition(out, o, err));
        break;
    case DSI_OPERATION_DELETE:
        DSI_TRY(put_deletion(out, o, err));
        break;
    case DSI_OPERATION_SCHEMA:
        DSI_TRY(put_schema(out, o, err));
        break;
    case DSI_OPERATION_EXPIRE:
        DSI_TRY(put_expiry(out, o, err));
        break;
    default:
        rc = dsi_fail(err, DS_EUNSUPPORTED,
                      "a change of kind %d cannot be sent as an intent", (int)o->kind);
        break;
    }
done:
    return rc;
}

static int get_operation(struct dsi_intent_reader *in, struct dsi_operation *o,
                         struct ds_error *err)
{
    unsigned kind = 0;
    int rc = DS_OK;

    DSI_TRY(
        dsi_intent_get_u8(in, DSI_OPERATION_COUNT - 1, "kind of operation", &kind, err));
    *o = (struct dsi_operation){.kind = (enum dsi_operation_kind)kind};
    switch (o->kind) {
    case DSI_OPERATION_APPEND:
        DSI_TRY(get_stored(in, &o->stored, err));
        DSI_TRY(get_held(in, &o->held, err));
        break;
    case DSI_OPERATION_SET_PROPERTIES:
        DSI_TRY(dsi_intent_get_properties(in, true, "properties", &o->properties, err));
        break;
    case DSI_OPERATION_EMPTY:
        break;
    case DSI_OPERATION_ADD:
        DSI_TRY(get_addition(in, o, err));
        break;
    case DSI_OPERATION_DELETE:
        DSI_TRY(get_deletion(in, o, err));
        break;
    case DSI_OPERATION_SCHEMA:
        DSI_TRY(get_schema(in, o, err));
        break;
    case DSI_OPERATION_EXPIRE:
        DSI_TRY(get_expiry(in, o, err));
        break;
    default:
        rc = dsi_corrupt(err, "an intent of kind %u, which is never sent", kind);
        break;
    }
done:
    return rc;
}

static int get_operations(struct dsi_intent_reader *in, struct dsi_change *c,
                          struct ds_error *err)
{
    unsigned count = 0;
    int rc = DS_OK;

    DSI_TRY(
        dsi_intent_get_u8(in, DSI_OPERATION_COUNT, "number of operations", &count, err));
    // As many as there are kinds: one of a kind can still be added.
    c->operations = dsi_intent_keep(in, DSI_OPERATION_COUNT, sizeof *c->operations);
    if (!c->operations) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(get_operation(in, &c->operations[i], err));
        for (size_t k = 0; k < i; k++) {
            if (c->operations[k].kind == c->operations[i].kind) {
                rc = dsi_corrupt(err, "an intent with two operations of one kind");
                goto done;
            }
        }
    }
    c->operation_count = count;
done:
    return rc;
}

// --- who and where

static int put_identity(struct dsi_buf *out, const struct dsi_change *c,
                        struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append(out, c->identity, DSI_UUID_TEXT_SIZE - 1, err));
    DSI_TRY(dsi_buf_append(out, c->nonce, DSI_NONCE_TEXT_SIZE - 1, err));
    DSI_TRY(dsi_intent_put_u8(out, c->identity_given, err));
    DSI_TRY(dsi_intent_put_u32(out, c->writers, err));
done:
    return rc;
}

// Both become parts of file names, so they are exactly what they should be.
static int get_identity(struct dsi_intent_reader *in, struct dsi_change *c,
                        struct ds_error *err)
{
    enum { SIZE = DSI_UUID_TEXT_SIZE - 1 + DSI_NONCE_TEXT_SIZE - 1 };
    const char *text = (const char *)in->at;
    struct dsi_uuid uuid;
    unsigned given = 0;
    uint32_t writers = 0;
    int rc = DS_OK;

    if (in->left < SIZE) {
        return dsi_corrupt(err, "an intent that ends within its identity");
    }
    memcpy(c->nonce, text + DSI_UUID_TEXT_SIZE - 1, DSI_NONCE_TEXT_SIZE - 1);
    if (!dsi_uuid_parse(text, DSI_UUID_TEXT_SIZE - 1, &uuid) ||
        strspn(c->nonce, "0123456789abcdef") != DSI_NONCE_TEXT_SIZE - 1) {
        return dsi_corrupt(err, "an intent whose identity or nonce is none");
    }
    dsi_uuid_format(&uuid, c->identity);
    in->at += SIZE;
    in->left -= SIZE;
    DSI_TRY(dsi_intent_get_u8(in, 1, "identity", &given, err));
    DSI_TRY(dsi_intent_get_u32(in, "number of writers", &writers, err));
    c->identity_given = given != 0;
    c->writers = writers;
done:
    return rc;
}

static int put_base(struct dsi_buf *out, const struct dsi_change *c, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_intent_put_text(out, c->base.metadata_location, err));
    DSI_TRY(dsi_intent_put_i64(out, c->base.version, err));
    DSI_TRY(dsi_intent_put_i64(out, c->base_snapshot_id, err));
    DSI_TRY(dsi_intent_put_i64(out, c->base_sequence_number, err));
    DSI_TRY(dsi_intent_put_text(out, c->table_uuid, err));
    DSI_TRY(dsi_intent_put_text(out, c->branch, err));
    DSI_TRY(dsi_intent_put_u8(out, (unsigned)c->isolation, err));
    DSI_TRY(dsi_intent_put_u8(out, (unsigned)c->append_mode, err));
    DSI_TRY(dsi_intent_put_text(out, c->reads.filter, err));
    DSI_TRY(dsi_intent_put_properties(out, c->summary, err));
done:
    return rc;
}

static int get_base(struct dsi_intent_reader *in, struct dsi_change *c,
                    struct ds_error *err)
{
    unsigned isolation = 0;
    unsigned mode = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_intent_need_text(in, "a base", &c->base.metadata_location, err));
    DSI_TRY(dsi_intent_get_i64(in, -1, "base version", &c->base.version, err));
    DSI_TRY(
        dsi_intent_get_i64(in, INT64_MIN, "base snapshot", &c->base_snapshot_id, err));
    DSI_TRY(
        dsi_intent_get_i64(in, 0, "base sequence number", &c->base_sequence_number, err));
    DSI_TRY(dsi_intent_get_text(in, "table uuid", &c->table_uuid, err));
    DSI_TRY(dsi_intent_need_text(in, "a branch", &c->branch, err));
    DSI_TRY(dsi_intent_get_u8(in, DS_ISOLATION_SNAPSHOT, "isolation", &isolation, err));
    DSI_TRY(dsi_intent_get_u8(in, DS_APPEND_FAST, "append mode", &mode, err));
    DSI_TRY(dsi_intent_get_text(in, "filter", &c->reads.filter, err));
    DSI_TRY(dsi_intent_get_properties(in, false, "summary", &c->summary, err));
    c->isolation = (enum ds_isolation)isolation;
    c->append_mode = (enum ds_append_mode)mode;
done:
    return rc;
}

static int put_mark(struct dsi_buf *out, const struct dsi_mark *m, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_intent_put_i64(out, (int64_t)m->hash, err));
    DSI_TRY(dsi_intent_put_i64(out, m->version, err));
    DSI_TRY(dsi_intent_put_i64(out, m->sequence_number, err));
    DSI_TRY(dsi_intent_put_i64(out, m->updated_ms, err));
done:
    return rc;
}

static int get_mark(struct dsi_intent_reader *in, struct dsi_mark *m,
                    struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_intent_get_number(in, 8, "mark", &m->hash, err));
    DSI_TRY(dsi_intent_get_i64(in, -1, "mark's version", &m->version, err));
    DSI_TRY(
        dsi_intent_get_i64(in, 0, "mark's sequence number", &m->sequence_number, err));
    DSI_TRY(dsi_intent_get_i64(in, INT64_MIN, "mark", &m->updated_ms, err));
done:
    return rc;
}

// --- all of it

// The first version that has operations of this kind.
static uint32_t version_with(enum dsi_operation_kind kind)
{
    switch (kind) {
    case DSI_OPERATION_APPEND:
    case DSI_OPERATION_SET_PROPERTIES:
    case DSI_OPERATION_EMPTY:
        return VERSION_APPENDS;
    case DSI_OPERATION_EXPIRE:
        return VERSION;
    default:
        return VERSION_KINDS;
    }
}

// The least that it takes to understand a change (2).
static uint32_t version_of(const struct dsi_change *c)
{
    uint32_t version = VERSION_APPENDS;

    for (size_t i = 0; i < c->operation_count; i++) {
        uint32_t least = version_with(c->operations[i].kind);
        version = least > version ? least : version;
    }
    return version;
}

int dsi_intent_encode(const struct dsi_change *change, const struct dsi_mark *since,
                      struct dsi_buf *out, struct ds_error *err)
{
    size_t start = out->size;
    int rc = DS_OK;

    if (change->member_count > 0 || change->part_count > 0) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "a group's change cannot be sent as an intent");
    }
    DSI_TRY(dsi_intent_put_u32(out, MAGIC, err));
    DSI_TRY(dsi_intent_put_u32(out, version_of(change), err));
    DSI_TRY(put_mark(out, since, err));
    DSI_TRY(put_identity(out, change, err));
    DSI_TRY(put_base(out, change, err));
    DSI_TRY(dsi_intent_put_u8(out, (unsigned)change->operation_count, err));
    for (size_t i = 0; i < change->operation_count; i++) {
        DSI_TRY(put_operation(out, &change->operations[i], err));
    }
done:
    if (rc < 0) {
        out->size = start;
    }
    return rc;
}

int dsi_intent_decode(struct ds_slice bytes, struct dsi_intent *out, struct ds_error *err)
{
    struct dsi_intent_reader in = {bytes.data, bytes.size, NULL};
    uint32_t magic = 0;
    uint32_t version = 0;
    int rc = DS_OK;

    *out = (struct dsi_intent){0};
    DSI_TRY(dsi_intent_get_u32(&in, "head", &magic, err));
    DSI_TRY(dsi_intent_get_u32(&in, "head", &version, err));
    if (magic != MAGIC || version < VERSION_APPENDS || version > VERSION) {
        rc = dsi_corrupt(err,
                         "an intent of version %u, or none; this library "
                         "reads up to version %d",
                         (unsigned)version, VERSION);
        goto done;
    }
    out->change = dsi_calloc(1, sizeof *out->change);
    if (!out->change) {
        rc = no_memory(err);
        goto done;
    }
    in.arena = &out->change->arena;
    DSI_TRY(get_mark(&in, &out->since, err));
    DSI_TRY(get_identity(&in, out->change, err));
    DSI_TRY(get_base(&in, out->change, err));
    DSI_TRY(get_operations(&in, out->change, err));
    if (in.left > 0) {
        rc = dsi_corrupt(err, "an intent with %zu bytes too many", in.left);
    } else if (version != version_of(out->change)) {
        rc = dsi_corrupt(err, "an intent of version %u with what another has",
                         (unsigned)version);
    }
done:
    if (rc < 0) {
        dsi_intent_release(out);
    }
    return rc;
}

void dsi_intent_release(struct dsi_intent *i)
{
    dsi_change_free(i->change);
    *i = (struct dsi_intent){0};
}
