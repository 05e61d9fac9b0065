// Manifest lists and manifests of DataShard's own layout: Avro without field ids, or, in
// its first versions, JSON. Members go by name; of a value only text and whole numbers
// matter, whatever it is stored as.
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/avro/avro_reader.h"
#include "codec/json/json_reader.h"
#include "model/legacy.h"
#include "model/manifest_avro.h"

#define NOT_STORED INT64_C(-1)

// One value: text, a number, or (both absent) anything else.
struct value {
    const char *text; // In the arena.
    bool is_number;
    int64_t number;
};

// What is being read: rows of a list or entries of a manifest.
struct reading {
    struct dsi_arena *arena;
    const struct dsi_metadata *metadata;
    const struct dsi_manifest_file *file; // Of a manifest's entries; NULL: a list.
    const struct dsi_snapshot *snapshot;  // Of a list.
    struct dsi_manifest_file *rows;       // A list's, in the arena.
    struct dsi_manifest_entry *entries;   // A manifest's, likewise.
    size_t count;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "reading a manifest of DataShard's");
}

// --- members by name

static int need_number(const struct value *v, int64_t min, int64_t max, int64_t *out,
                       struct ds_error *err)
{
    if (!v->is_number) {
        return v->text ? dsi_corrupt(err, "text, expected a number") : DS_OK; // A null.
    }
    if (v->number < min || v->number > max) {
        return dsi_corrupt(err, "%lld is out of range", (long long)v->number);
    }
    *out = v->number;
    return DS_OK;
}

static int need_count(const struct value *v, int32_t *out, struct ds_error *err)
{
    int64_t wide = *out;
    int rc = need_number(v, 0, INT32_MAX, &wide, err);
    *out = (int32_t)wide;
    return rc;
}

static int need_path(struct reading *r, const struct value *v, const char **out,
                     struct ds_error *err)
{
    if (!v->text || v->text[0] == '\0') {
        return dsi_corrupt(err, "expected a path");
    }
    return dsi_legacy_path(r->metadata->location, v->text, r->arena, out, err);
}

static int set_row(struct reading *r, struct ds_slice key, const struct value *v,
                   struct ds_error *err)
{
    struct dsi_manifest_file *row = &r->rows[r->count];
    int64_t content = 0;

    if (dsi_json_key_is(key, "manifest_path")) {
        return need_path(r, v, &row->path, err);
    }
    if (dsi_json_key_is(key, "manifest_length")) {
        return need_number(v, 0, INT64_MAX, &row->length, err);
    }
    if (dsi_json_key_is(key, "content")) {
        int rc = need_number(v, 0, 1, &content, err);
        return rc < 0 || content == 0
                   ? rc
                   : dsi_fail(err, DS_EUNSUPPORTED, "a manifest of delete files");
    }
    if (dsi_json_key_is(key, "sequence_number")) {
        return need_number(v, 0, INT64_MAX, &row->sequence_number, err);
    }
    if (dsi_json_key_is(key, "min_sequence_number")) {
        return need_number(v, 0, INT64_MAX, &row->min_sequence_number, err);
    }
    if (dsi_json_key_is(key, "added_snapshot_id")) {
        return need_number(v, INT64_MIN, INT64_MAX, &row->added_snapshot_id, err);
    }
    if (dsi_json_key_is(key, "added_data_files_count")) {
        return need_count(v, &row->added_files_count, err);
    }
    if (dsi_json_key_is(key, "existing_data_files_count")) {
        return need_count(v, &row->existing_files_count, err);
    }
    if (dsi_json_key_is(key, "checksum")) {
        row->checksum = v->text;
    }
    return DS_OK;
}

static int set_file(struct reading *r, struct ds_slice key, const struct value *v,
                    struct ds_error *err)
{
    struct dsi_manifest_entry *e = &r->entries[r->count];
    int64_t status = 0;

    if (dsi_json_key_is(key, "file_path")) {
        return need_path(r, v, &e->file.path, err);
    }
    if (dsi_json_key_is(key, "file_format")) {
        return v->text && dsi_text_equal_nocase(v->text, "parquet")
                   ? DS_OK
                   : dsi_fail(err, DS_EUNSUPPORTED, "\"%.32s\": DataShard read Parquet",
                              v->text ? v->text : "");
    }
    if (dsi_json_key_is(key, "record_count")) {
        return need_number(v, 0, INT64_MAX, &e->file.record_count, err);
    }
    if (dsi_json_key_is(key, "file_size_in_bytes")) {
        return need_number(v, 0, INT64_MAX, &e->file.file_size, err);
    }
    if (dsi_json_key_is(key, "checksum")) {
        e->file.checksum = v->text && v->text[0] ? v->text : NULL;
        return DS_OK;
    }
    if (dsi_json_key_is(key, "status")) {
        int rc = need_number(v, 0, 1, &status, err);
        e->status = (enum dsi_entry_status)status;
        return rc;
    }
    if (dsi_json_key_is(key, "snapshot_id") ||
        dsi_json_key_is(key, "added_snapshot_id")) {
        return need_number(v, INT64_MIN, INT64_MAX, &e->snapshot_id, err);
    }
    if (dsi_json_key_is(key, "sequence_number")) {
        return need_number(v, 0, INT64_MAX, &e->sequence_number, err);
    }
    if (dsi_json_key_is(key, "file_sequence_number")) {
        return need_number(v, 0, INT64_MAX, &e->file_sequence_number, err);
    }
    return DS_OK;
}

static int set_member(struct reading *r, struct ds_slice key, const struct value *v,
                      struct ds_error *err)
{
    int rc = r->file ? set_file(r, key, v, err) : set_row(r, key, v, err);
    return rc < 0 ? dsi_wrap(err, rc, "%.*s", key.size > 64 ? 64 : (int)key.size,
                             (const char *)key.data)
                  : rc;
}

// --- whole elements

static int reserve(struct reading *r, struct ds_error *err)
{
    if (r->file) {
        r->entries = dsi_arena_grow(r->arena, r->entries, r->count, sizeof *r->entries);
        return r->entries ? DS_OK : no_memory(err);
    }
    r->rows = dsi_arena_grow(r->arena, r->rows, r->count, sizeof *r->rows);
    return r->rows ? DS_OK : no_memory(err);
}

static int begin_element(struct reading *r, struct ds_error *err)
{
    int rc = reserve(r, err);

    if (rc < 0) {
        return rc;
    }
    if (!r->file) {
        r->rows[r->count] = (struct dsi_manifest_file){
            .sequence_number = NOT_STORED,
            .min_sequence_number = NOT_STORED,
            .added_snapshot_id = r->snapshot->snapshot_id,
            .added_files_count = -1,
            .existing_files_count = -1,
            .deleted_files_count = 0,
            .added_rows_count = -1,
            .existing_rows_count = -1,
            .deleted_rows_count = 0,
            .first_row_id = -1,
        };
        return DS_OK;
    }
    r->entries[r->count] =
        (struct dsi_manifest_entry){.status = DSI_ENTRY_ADDED,
                                    .snapshot_id = r->file->added_snapshot_id,
                                    .sequence_number = NOT_STORED,
                                    .file_sequence_number = NOT_STORED,
                                    .file = {.format = DSI_FORMAT_PARQUET,
                                             .record_count = -1,
                                             .file_size = -1,
                                             .sort_order_id = -1,
                                             .first_row_id = -1,
                                             .content_offset = -1,
                                             .content_size = -1}};
    r->entries[r->count].file.partition = // Of no fields, but there.
        dsi_arena_alloc(r->arena, sizeof(struct dsi_value));
    return r->entries[r->count].file.partition ? DS_OK : no_memory(err);
}

static int end_row(struct reading *r, struct ds_error *err)
{
    struct dsi_manifest_file *row = &r->rows[r->count];

    if (!row->path) {
        return dsi_corrupt(err, "manifest_path is missing");
    }
    if (row->sequence_number == NOT_STORED) {
        const struct dsi_snapshot *by =
            dsi_metadata_snapshot(r->metadata, row->added_snapshot_id);
        row->sequence_number = (by ? by : r->snapshot)->sequence_number;
    }
    if (row->min_sequence_number == NOT_STORED ||
        row->min_sequence_number > row->sequence_number) {
        row->min_sequence_number = row->sequence_number;
    }
    r->count++;
    return DS_OK;
}

static int end_entry(struct reading *r, struct ds_error *err)
{
    struct dsi_manifest_entry *e = &r->entries[r->count];

    if (!e->file.path || e->file.record_count < 0 || e->file.file_size < 0) {
        return dsi_corrupt(err, "%s is missing",
                           !e->file.path              ? "file_path"
                           : e->file.record_count < 0 ? "record_count"
                                                      : "file_size_in_bytes");
    }
    if (e->sequence_number == NOT_STORED) {
        e->sequence_number = e->file_sequence_number != NOT_STORED
                                 ? e->file_sequence_number
                                 : r->file->sequence_number;
    }
    if (e->file_sequence_number == NOT_STORED) {
        e->file_sequence_number = e->sequence_number;
    }
    if (e->snapshot_id != r->file->added_snapshot_id) {
        e->status = DSI_ENTRY_EXISTING;
    }
    r->count++;
    return DS_OK;
}

static int end_element(struct reading *r, struct ds_error *err)
{
    return r->file ? end_entry(r, err) : end_row(r, err);
}

// --- Avro

static int avro_value(struct reading *r, const struct dsi_avro_type *t,
                      struct ds_slice *in, struct value *out, struct ds_error *err)
{
    *out = (struct value){NULL, false, 0};
    switch (t->kind) {
    case DSI_AVRO_NULL:
        return DS_OK;
    case DSI_AVRO_INT:
    case DSI_AVRO_LONG:
        out->is_number = true;
        return dsi_manifest_get_long(t, in, &out->number, err);
    case DSI_AVRO_STRING:
        return dsi_manifest_get_text(t, in, r->arena, &out->text, err);
    default:
        return dsi_avro_skip(t, in, err);
    }
}

static int avro_members(struct reading *r, const struct dsi_avro_type *record,
                        struct ds_slice *in, struct ds_error *err)
{
    const struct dsi_avro_type *t = NULL;
    struct value v;
    int rc = DS_OK;

    for (size_t i = 0; i < record->field_count; i++) {
        struct ds_slice key = dsi_slice_text(record->fields[i].name);
        DSI_TRY(dsi_avro_branch(record->fields[i].type, in, &t, err));
        DSI_TRY(avro_value(r, t, in, &v, err));
        DSI_TRY(set_member(r, key, &v, err));
    }
done:
    return rc;
}

// An entry's members and those of its data_file, which no schema nests deeper.
static int avro_element(struct reading *r, const struct dsi_avro_type *record,
                        struct ds_slice *in, struct ds_error *err)
{
    const struct dsi_avro_type *t = NULL;
    struct value v;
    int rc = DS_OK;

    DSI_TRY(begin_element(r, err));
    for (size_t i = 0; i < record->field_count; i++) {
        struct ds_slice key = dsi_slice_text(record->fields[i].name);
        DSI_TRY(dsi_avro_branch(record->fields[i].type, in, &t, err));
        if (t->kind == DSI_AVRO_RECORD && dsi_json_key_is(key, "data_file")) {
            DSI_TRY(avro_members(r, t, in, err));
            continue;
        }
        DSI_TRY(avro_value(r, t, in, &v, err));
        DSI_TRY(set_member(r, key, &v, err));
    }
    DSI_TRY(end_element(r, err));
done:
    return rc;
}

static int read_avro(struct reading *r, struct ds_slice bytes, struct ds_error *err)
{
    struct dsi_avro_reader avro = {.schema = NULL};
    struct ds_slice objects = {NULL, 0};
    int64_t count = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_avro_reader_init(&avro, bytes, err));
    if (avro.schema->kind != DSI_AVRO_RECORD || avro.schema->size_min == 0) {
        rc = dsi_corrupt(err, "its Avro schema is no record of anything");
        goto done;
    }
    while ((rc = dsi_avro_reader_next(&avro, &count, &objects, err)) == DS_ROW) {
        for (int64_t i = 0; i < count; i++) {
            DSI_TRY(avro_element(r, avro.schema, &objects, err));
        }
        if (objects.size > 0) {
            rc = dsi_corrupt(err, "%zu bytes are left after a block's last object",
                             objects.size);
            goto done;
        }
    }
done:
    dsi_avro_reader_release(&avro);
    return rc;
}

// --- JSON

static int json_value(struct reading *r, struct dsi_json_reader *json, struct value *out,
                      struct ds_error *err)
{
    enum dsi_json_kind kind = DSI_JSON_NULL;
    int rc = dsi_json_peek(json, &kind, err);

    (void)r;
    *out = (struct value){NULL, false, 0};
    if (rc < 0) {
        return rc;
    }
    if (kind == DSI_JSON_STRING) {
        return dsi_json_string(json, &out->text, err);
    }
    if (kind == DSI_JSON_NUMBER) {
        out->is_number = true;
        return dsi_json_i64(json, &out->number, err);
    }
    return dsi_json_skip(json, NULL, err);
}

static int json_element(struct reading *r, struct dsi_json_reader *json,
                        struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    struct value v;
    int rc = DS_OK;

    DSI_TRY(begin_element(r, err));
    DSI_TRY(dsi_json_object_begin(json, err));
    while ((rc = dsi_json_object_next(json, &key, err)) == DS_ROW) {
        DSI_TRY(json_value(r, json, &v, err));
        DSI_TRY(set_member(r, key, &v, err));
    }
    DSI_TRY(rc);
    DSI_TRY(end_element(r, err));
done:
    return rc;
}

static int read_json(struct reading *r, struct ds_slice bytes, struct ds_error *err)
{
    const char *items = r->file ? "files" : "manifests";
    struct dsi_json_reader json;
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    dsi_json_reader_init(&json, bytes, r->arena, r->file ? "manifest" : "manifest list");
    DSI_TRY(dsi_json_object_begin(&json, err));
    while ((rc = dsi_json_object_next(&json, &key, err)) == DS_ROW) {
        if (!dsi_json_key_is(key, items)) {
            DSI_TRY(dsi_json_skip(&json, NULL, err));
            continue;
        }
        DSI_TRY(dsi_json_array_begin(&json, err));
        while ((rc = dsi_json_array_next(&json, err)) == DS_ROW) {
            DSI_TRY(json_element(r, &json, err));
        }
        DSI_TRY(rc);
    }
    DSI_TRY(rc);
    DSI_TRY(dsi_json_end(&json, err));
done:
    return rc;
}

static int read_any(struct reading *r, struct ds_slice bytes, struct ds_error *err)
{
    bool avro = bytes.size >= 4 && memcmp(bytes.data, "Obj\x01", 4) == 0;
    int rc = avro ? read_avro(r, bytes, err) : read_json(r, bytes, err);
    return rc < 0 ? dsi_wrap(err, rc, "element %zu", r->count) : rc;
}

int dsi_legacy_list_parse(struct ds_slice bytes, const struct dsi_metadata *m,
                          const struct dsi_snapshot *snapshot,
                          struct dsi_manifest_list *out, struct ds_error *err)
{
    struct reading r = {.arena = &out->arena, .metadata = m, .snapshot = snapshot};

    *out = (struct dsi_manifest_list){.arena = DSI_ARENA_INIT};
    int rc = read_any(&r, bytes, err);
    if (rc < 0) {
        dsi_manifest_list_release(out);
        return rc;
    }
    out->files = r.rows;
    out->count = r.count;
    return DS_OK;
}

int dsi_legacy_manifest_parse(struct ds_slice bytes, const struct dsi_manifest_file *file,
                              const struct dsi_metadata *m, struct dsi_manifest *out,
                              struct ds_error *err)
{
    struct reading r = {.arena = &out->arena, .metadata = m, .file = file};

    *out = (struct dsi_manifest){.arena = DSI_ARENA_INIT};
    int rc = read_any(&r, bytes, err);
    if (rc < 0) {
        dsi_manifest_release(out);
        return rc;
    }
    out->entries = r.entries;
    out->entry_count = r.count;
    return DS_OK;
}
