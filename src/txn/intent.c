// An intent's bytes: numbers little-endian, texts and bytes behind their sizes (32 bits,
// NONE: there is none), lists behind their counts, in the order in which they are written
// below. VERSION counts every change of that: processes of two versions that meet do not
// read each other's intents.
//
// (1) Both sides are below in pairs, put_x and get_x; they change together.
// (2) A count is believed only if so many of the smallest items could still follow.
#include "txn/intent.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

#define MAGIC UINT32_C(0x4e495344) // "DSIN"
#define NONE UINT32_MAX

enum { VERSION = 1 };

// The least that one item of a list takes.
enum { PROPERTY_MIN = 8, MANIFEST_MIN = 93, FIELD_SUMMARY_MIN = 10 };

struct reader {
    const uint8_t *at;
    size_t left;
    struct dsi_arena *arena;
};

// --- numbers

static int put_number(struct dsi_buf *out, uint64_t v, size_t width, struct ds_error *err)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(v >> (8 * i));
    }
    return dsi_buf_append(out, bytes, width, err);
}

static int put_u8(struct dsi_buf *out, unsigned v, struct ds_error *err)
{
    return put_number(out, v, 1, err);
}

static int put_u32(struct dsi_buf *out, uint32_t v, struct ds_error *err)
{
    return put_number(out, v, 4, err);
}

static int put_i64(struct dsi_buf *out, int64_t v, struct ds_error *err)
{
    return put_number(out, (uint64_t)v, 8, err);
}

static int ends_early(const char *what, struct ds_error *err)
{
    return dsi_corrupt(err, "an intent that ends within its %s", what);
}

static int get_number(struct reader *in, size_t width, const char *what, uint64_t *out,
                      struct ds_error *err)
{
    *out = 0;
    if (in->left < width) {
        return ends_early(what, err);
    }
    for (size_t i = 0; i < width; i++) {
        *out |= (uint64_t)in->at[i] << (8 * i);
    }
    in->at += width;
    in->left -= width;
    return DS_OK;
}

static int get_u8(struct reader *in, unsigned max, const char *what, unsigned *out,
                  struct ds_error *err)
{
    uint64_t v = 0;
    int rc = get_number(in, 1, what, &v, err);

    if (rc == DS_OK && v > max) {
        rc = dsi_corrupt(err, "an intent whose %s is %u", what, (unsigned)v);
    }
    *out = (unsigned)v;
    return rc;
}

static int get_u32(struct reader *in, const char *what, uint32_t *out,
                   struct ds_error *err)
{
    uint64_t v = 0;
    int rc = get_number(in, 4, what, &v, err);

    *out = (uint32_t)v;
    return rc;
}

// A number that is at least `min`, which is negative or 0.
static int get_i64(struct reader *in, int64_t min, const char *what, int64_t *out,
                   struct ds_error *err)
{
    uint64_t v = 0;
    int rc = get_number(in, 8, what, &v, err);

    *out = (int64_t)v;
    if (rc == DS_OK && *out < min) {
        rc = dsi_corrupt(err, "an intent whose %s is %lld", what, (long long)*out);
    }
    return rc;
}

static int get_i32(struct reader *in, int32_t min, const char *what, int32_t *out,
                   struct ds_error *err)
{
    uint32_t v = 0;
    int rc = get_u32(in, what, &v, err);

    *out = (int32_t)v;
    if (rc == DS_OK && *out < min) {
        rc = dsi_corrupt(err, "an intent whose %s is %d", what, (int)*out);
    }
    return rc;
}

// How many items of at least `each` bytes follow (2).
static int get_count(struct reader *in, size_t each, const char *what, size_t *out,
                     struct ds_error *err)
{
    uint32_t v = 0;
    int rc = get_u32(in, what, &v, err);

    *out = v;
    if (rc == DS_OK && v > in->left / each) {
        rc = dsi_corrupt(err, "an intent that says to have %u %s", (unsigned)v, what);
    }
    return rc;
}

static void *keep(struct reader *in, size_t count, size_t size)
{
    return dsi_arena_array(in->arena, count, size);
}

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "reading an intent");
}

// --- bytes and texts

// Empty bytes without data are none.
static int put_bytes(struct dsi_buf *out, struct ds_slice bytes, struct ds_error *err)
{
    int rc = DS_OK;

    if (bytes.size >= NONE) {
        return dsi_fail(err, DS_EUNSUPPORTED, "an intent with %zu bytes in one piece",
                        bytes.size);
    }
    DSI_TRY(put_u32(out, bytes.data ? (uint32_t)bytes.size : NONE, err));
    DSI_TRY(dsi_buf_append(out, bytes.data, bytes.data ? bytes.size : 0, err));
done:
    return rc;
}

static int put_text(struct dsi_buf *out, const char *text, struct ds_error *err)
{
    return put_bytes(
        out, (struct ds_slice){(const uint8_t *)text, text ? strlen(text) : 0}, err);
}

// Borrowed from the input.
static int get_piece(struct reader *in, const char *what, struct ds_slice *out,
                     struct ds_error *err)
{
    uint32_t size = 0;
    int rc = get_u32(in, what, &size, err);

    *out = (struct ds_slice){0};
    if (rc < 0 || size == NONE) {
        return rc;
    }
    if (size > in->left) {
        return ends_early(what, err);
    }
    *out = (struct ds_slice){in->at, size};
    in->at += size;
    in->left -= size;
    return DS_OK;
}

static int get_bytes(struct reader *in, const char *what, struct ds_slice *out,
                     struct ds_error *err)
{
    struct ds_slice piece = {0};
    int rc = get_piece(in, what, &piece, err);

    *out = (struct ds_slice){0};
    if (rc == DS_OK && piece.data && dsi_arena_copy(in->arena, piece, out) < 0) {
        rc = no_memory(err);
    }
    return rc;
}

// NULL where there is none.
static int get_text(struct reader *in, const char *what, const char **out,
                    struct ds_error *err)
{
    struct ds_slice piece = {0};
    int rc = get_piece(in, what, &piece, err);

    *out = NULL;
    if (rc < 0 || !piece.data) {
        return rc;
    }
    if (!dsi_utf8_valid(piece) || memchr(piece.data, 0, piece.size)) {
        return dsi_corrupt(err, "an intent whose %s is no text", what);
    }
    *out = dsi_arena_strndup(in->arena, (const char *)piece.data, piece.size);
    return *out ? DS_OK : no_memory(err);
}

// A text that must be there, and not be empty.
static int need_text(struct reader *in, const char *what, const char **out,
                     struct ds_error *err)
{
    int rc = get_text(in, what, out, err);

    return rc == DS_OK && (!*out || !**out)
               ? dsi_corrupt(err, "an intent without %s", what)
               : rc;
}

// --- properties: `removals` are values of NULL

static int put_properties(struct dsi_buf *out, struct ds_properties p,
                          struct ds_error *err)
{
    int rc = put_u32(out, (uint32_t)p.count, err);

    for (size_t i = 0; rc == DS_OK && i < p.count; i++) {
        rc = put_text(out, p.items[i].key, err);
        if (rc == DS_OK) {
            rc = put_text(out, p.items[i].value, err);
        }
    }
    return rc;
}

static int get_properties(struct reader *in, bool removals, const char *what,
                          struct ds_properties *out, struct ds_error *err)
{
    struct ds_property *items = NULL;
    size_t count = 0;
    int rc = DS_OK;

    DSI_TRY(get_count(in, PROPERTY_MIN, what, &count, err));
    if (count > 0 && !(items = keep(in, count, sizeof *items))) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(need_text(in, what, &items[i].key, err));
        DSI_TRY(get_text(in, what, &items[i].value, err));
        if (!items[i].value && !removals) {
            rc = dsi_corrupt(err, "an intent with an entry of its %s without a value",
                             what);
            goto done;
        }
    }
    *out = (struct ds_properties){items, count};
done:
    return rc;
}

// --- manifests that are stored already

static int put_field_summary(struct dsi_buf *out, const struct dsi_field_summary *f,
                             struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(put_u8(out, f->contains_null, err));
    DSI_TRY(put_u8(out, (unsigned)(f->contains_nan + 1), err)); // -1, 0, 1.
    DSI_TRY(put_bytes(out, f->lower, err));
    DSI_TRY(put_bytes(out, f->upper, err));
done:
    return rc;
}

static int get_field_summary(struct reader *in, struct dsi_field_summary *f,
                             struct ds_error *err)
{
    unsigned null = 0;
    unsigned nan = 0;
    int rc = DS_OK;

    DSI_TRY(get_u8(in, 1, "partition summary", &null, err));
    DSI_TRY(get_u8(in, 2, "partition summary", &nan, err));
    DSI_TRY(get_bytes(in, "partition summary", &f->lower, err));
    DSI_TRY(get_bytes(in, "partition summary", &f->upper, err));
    f->contains_null = null != 0;
    f->contains_nan = (int8_t)((int)nan - 1);
done:
    return rc;
}

static int put_manifest(struct dsi_buf *out, const struct dsi_manifest_file *f,
                        struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(put_text(out, f->path, err));
    DSI_TRY(put_i64(out, f->length, err));
    DSI_TRY(put_u32(out, (uint32_t)f->spec_id, err));
    DSI_TRY(put_u8(out, (unsigned)f->content, err));
    DSI_TRY(put_i64(out, f->sequence_number, err));
    DSI_TRY(put_i64(out, f->min_sequence_number, err));
    DSI_TRY(put_i64(out, f->added_snapshot_id, err));
    DSI_TRY(put_u32(out, (uint32_t)f->added_files_count, err));
    DSI_TRY(put_u32(out, (uint32_t)f->existing_files_count, err));
    DSI_TRY(put_u32(out, (uint32_t)f->deleted_files_count, err));
    DSI_TRY(put_i64(out, f->added_rows_count, err));
    DSI_TRY(put_i64(out, f->existing_rows_count, err));
    DSI_TRY(put_i64(out, f->deleted_rows_count, err));
    DSI_TRY(put_u32(out, (uint32_t)f->partition_count, err));
    for (size_t i = 0; i < f->partition_count; i++) {
        DSI_TRY(put_field_summary(out, &f->partitions[i], err));
    }
    DSI_TRY(put_bytes(out, f->key_metadata, err));
    DSI_TRY(put_i64(out, f->first_row_id, err));
done:
    return rc;
}

static int get_field_summaries(struct reader *in, struct dsi_manifest_file *f,
                               struct ds_error *err)
{
    struct dsi_field_summary *all = NULL;
    size_t count = 0;
    int rc = DS_OK;

    DSI_TRY(get_count(in, FIELD_SUMMARY_MIN, "partition summaries", &count, err));
    if (count > 0 && !(all = keep(in, count, sizeof *all))) {
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

static int get_manifest(struct reader *in, struct dsi_manifest_file *f,
                        struct ds_error *err)
{
    unsigned content = 0;
    int rc = DS_OK;

    DSI_TRY(need_text(in, "a manifest's path", &f->path, err));
    DSI_TRY(get_i64(in, 0, "manifest length", &f->length, err));
    DSI_TRY(get_i32(in, 0, "spec id", &f->spec_id, err));
    DSI_TRY(get_u8(in, DSI_MANIFEST_DELETES, "manifest content", &content, err));
    f->content = (enum dsi_manifest_content)content;
    DSI_TRY(get_i64(in, -1, "sequence number", &f->sequence_number, err));
    DSI_TRY(get_i64(in, -1, "least sequence number", &f->min_sequence_number, err));
    DSI_TRY(get_i64(in, INT64_MIN, "snapshot id", &f->added_snapshot_id, err));
    DSI_TRY(get_i32(in, 0, "number of files", &f->added_files_count, err));
    DSI_TRY(get_i32(in, 0, "number of files", &f->existing_files_count, err));
    DSI_TRY(get_i32(in, 0, "number of files", &f->deleted_files_count, err));
    DSI_TRY(get_i64(in, 0, "number of rows", &f->added_rows_count, err));
    DSI_TRY(get_i64(in, 0, "number of rows", &f->existing_rows_count, err));
    DSI_TRY(get_i64(in, 0, "number of rows", &f->deleted_rows_count, err));
    DSI_TRY(get_field_summaries(in, f, err));
    DSI_TRY(get_bytes(in, "key metadata", &f->key_metadata, err));
    DSI_TRY(get_i64(in, -1, "first row id", &f->first_row_id, err));
    DSI_TRY(check_manifest(f, err));
done:
    return rc;
}

static int put_stored(struct dsi_buf *out, const struct dsi_stored_files *s,
                      struct ds_error *err)
{
    int rc = put_u32(out, (uint32_t)s->manifest_count, err);

    for (size_t i = 0; rc == DS_OK && i < s->manifest_count; i++) {
        rc = put_manifest(out, &s->manifests[i], err);
    }
    DSI_TRY(rc);
    DSI_TRY(put_i64(out, s->files, err));
    DSI_TRY(put_i64(out, s->rows, err));
    DSI_TRY(put_i64(out, s->bytes, err));
    DSI_TRY(put_i64(out, s->partitions, err));
done:
    return rc;
}

static int get_stored(struct reader *in, struct dsi_stored_files *s, struct ds_error *err)
{
    struct dsi_manifest_file *all = NULL;
    size_t count = 0;
    int rc = DS_OK;

    DSI_TRY(get_count(in, MANIFEST_MIN, "manifests", &count, err));
    if (count > 0 && !(all = keep(in, count, sizeof *all))) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(get_manifest(in, &all[i], err));
    }
    s->manifests = all;
    s->manifest_count = count;
    DSI_TRY(get_i64(in, 0, "number of files", &s->files, err));
    DSI_TRY(get_i64(in, 0, "number of rows", &s->rows, err));
    DSI_TRY(get_i64(in, 0, "number of bytes", &s->bytes, err));
    DSI_TRY(get_i64(in, 0, "number of partitions", &s->partitions, err));
done:
    return rc;
}

// --- operations

static int put_held(struct dsi_buf *out, const struct dsi_held_rows *h,
                    struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(put_i64(out, h->rows, err));
    DSI_TRY(put_u32(out, (uint32_t)h->schema_id, err));
    DSI_TRY(put_bytes(out, h->bytes, err));
done:
    return rc;
}

static int get_held(struct reader *in, struct dsi_held_rows *h, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(get_i64(in, 0, "number of rows", &h->rows, err));
    DSI_TRY(get_i32(in, 0, "schema id", &h->schema_id, err));
    DSI_TRY(get_bytes(in, "rows", &h->bytes, err));
    if ((h->rows > 0) != (h->bytes.size > 0)) {
        rc = dsi_corrupt(err, "an intent with %lld rows in %zu bytes", (long long)h->rows,
                         h->bytes.size);
    }
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
    DSI_TRY(put_u8(out, (unsigned)o->kind, err));
    switch (o->kind) {
    case DSI_OPERATION_APPEND:
        DSI_TRY(put_stored(out, &o->stored, err));
        DSI_TRY(put_held(out, &o->held, err));
        break;
    case DSI_OPERATION_SET_PROPERTIES:
        DSI_TRY(put_properties(out, o->properties, err));
        break;
    case DSI_OPERATION_EMPTY:
        break;
    default:
        rc = dsi_fail(err, DS_EUNSUPPORTED,
                      "a change of kind %d cannot be sent as an intent", (int)o->kind);
        break;
    }
done:
    return rc;
}

static int get_operation(struct reader *in, struct dsi_operation *o, struct ds_error *err)
{
    unsigned kind = 0;
    int rc = DS_OK;

    DSI_TRY(get_u8(in, DSI_OPERATION_COUNT - 1, "kind of operation", &kind, err));
    *o = (struct dsi_operation){.kind = (enum dsi_operation_kind)kind};
    switch (o->kind) {
    case DSI_OPERATION_APPEND:
        DSI_TRY(get_stored(in, &o->stored, err));
        DSI_TRY(get_held(in, &o->held, err));
        break;
    case DSI_OPERATION_SET_PROPERTIES:
        DSI_TRY(get_properties(in, true, "properties", &o->properties, err));
        break;
    case DSI_OPERATION_EMPTY:
        break;
    default:
        rc = dsi_corrupt(err, "an intent of kind %u, which is never sent", kind);
        break;
    }
done:
    return rc;
}

static int get_operations(struct reader *in, struct dsi_change *c, struct ds_error *err)
{
    unsigned count = 0;
    int rc = DS_OK;

    DSI_TRY(get_u8(in, DSI_OPERATION_COUNT, "number of operations", &count, err));
    // As many as there are kinds: one of a kind can still be added.
    c->operations = keep(in, DSI_OPERATION_COUNT, sizeof *c->operations);
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
    DSI_TRY(put_u8(out, c->identity_given, err));
    DSI_TRY(put_u32(out, c->writers, err));
done:
    return rc;
}

// Both become parts of file names, so they are exactly what they should be.
static int get_identity(struct reader *in, struct dsi_change *c, struct ds_error *err)
{
    enum { SIZE = DSI_UUID_TEXT_SIZE - 1 + DSI_NONCE_TEXT_SIZE - 1 };
    const char *text = (const char *)in->at;
    struct dsi_uuid uuid;
    unsigned given = 0;
    uint32_t writers = 0;
    int rc = DS_OK;

    if (in->left < SIZE) {
        return ends_early("identity", err);
    }
    memcpy(c->nonce, text + DSI_UUID_TEXT_SIZE - 1, DSI_NONCE_TEXT_SIZE - 1);
    if (!dsi_uuid_parse(text, DSI_UUID_TEXT_SIZE - 1, &uuid) ||
        strspn(c->nonce, "0123456789abcdef") != DSI_NONCE_TEXT_SIZE - 1) {
        return dsi_corrupt(err, "an intent whose identity or nonce is none");
    }
    dsi_uuid_format(&uuid, c->identity);
    in->at += SIZE;
    in->left -= SIZE;
    DSI_TRY(get_u8(in, 1, "identity", &given, err));
    DSI_TRY(get_u32(in, "number of writers", &writers, err));
    c->identity_given = given != 0;
    c->writers = writers;
done:
    return rc;
}

static int put_base(struct dsi_buf *out, const struct dsi_change *c, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(put_text(out, c->base.metadata_location, err));
    DSI_TRY(put_i64(out, c->base.version, err));
    DSI_TRY(put_i64(out, c->base_snapshot_id, err));
    DSI_TRY(put_i64(out, c->base_sequence_number, err));
    DSI_TRY(put_text(out, c->table_uuid, err));
    DSI_TRY(put_text(out, c->branch, err));
    DSI_TRY(put_u8(out, (unsigned)c->isolation, err));
    DSI_TRY(put_u8(out, (unsigned)c->append_mode, err));
    DSI_TRY(put_text(out, c->reads.filter, err));
    DSI_TRY(put_properties(out, c->summary, err));
done:
    return rc;
}

static int get_base(struct reader *in, struct dsi_change *c, struct ds_error *err)
{
    unsigned isolation = 0;
    unsigned mode = 0;
    int rc = DS_OK;

    DSI_TRY(need_text(in, "a base", &c->base.metadata_location, err));
    DSI_TRY(get_i64(in, -1, "base version", &c->base.version, err));
    DSI_TRY(get_i64(in, INT64_MIN, "base snapshot", &c->base_snapshot_id, err));
    DSI_TRY(get_i64(in, 0, "base sequence number", &c->base_sequence_number, err));
    DSI_TRY(get_text(in, "table uuid", &c->table_uuid, err));
    DSI_TRY(need_text(in, "a branch", &c->branch, err));
    DSI_TRY(get_u8(in, DS_ISOLATION_SNAPSHOT, "isolation", &isolation, err));
    DSI_TRY(get_u8(in, DS_APPEND_FAST, "append mode", &mode, err));
    DSI_TRY(get_text(in, "filter", &c->reads.filter, err));
    DSI_TRY(get_properties(in, false, "summary", &c->summary, err));
    c->isolation = (enum ds_isolation)isolation;
    c->append_mode = (enum ds_append_mode)mode;
done:
    return rc;
}

static int put_mark(struct dsi_buf *out, const struct dsi_mark *m, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(put_i64(out, (int64_t)m->hash, err));
    DSI_TRY(put_i64(out, m->version, err));
    DSI_TRY(put_i64(out, m->sequence_number, err));
    DSI_TRY(put_i64(out, m->updated_ms, err));
done:
    return rc;
}

static int get_mark(struct reader *in, struct dsi_mark *m, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(get_number(in, 8, "mark", &m->hash, err));
    DSI_TRY(get_i64(in, -1, "mark's version", &m->version, err));
    DSI_TRY(get_i64(in, 0, "mark's sequence number", &m->sequence_number, err));
    DSI_TRY(get_i64(in, INT64_MIN, "mark", &m->updated_ms, err));
done:
    return rc;
}

// --- all of it

int dsi_intent_encode(const struct dsi_change *change, const struct dsi_mark *since,
                      struct dsi_buf *out, struct ds_error *err)
{
    size_t start = out->size;
    int rc = DS_OK;

    if (change->member_count > 0 || change->part_count > 0) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "a group's change cannot be sent as an intent");
    }
    DSI_TRY(put_u32(out, MAGIC, err));
    DSI_TRY(put_u32(out, VERSION, err));
    DSI_TRY(put_mark(out, since, err));
    DSI_TRY(put_identity(out, change, err));
    DSI_TRY(put_base(out, change, err));
    DSI_TRY(put_u8(out, (unsigned)change->operation_count, err));
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
    struct reader in = {bytes.data, bytes.size, NULL};
    uint32_t magic = 0;
    uint32_t version = 0;
    int rc = DS_OK;

    *out = (struct dsi_intent){0};
    DSI_TRY(get_u32(&in, "head", &magic, err));
    DSI_TRY(get_u32(&in, "head", &version, err));
    if (magic != MAGIC || version != VERSION) {
        rc = dsi_corrupt(err, "an intent of version %u, or none; this is version %d",
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
