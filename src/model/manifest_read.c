// Manifests in: entries by field id, with what they inherit filled in.
#include <assert.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "codec/avro/avro_reader.h"
#include "model/manifest_avro.h"
#include "model/manifest_schema.h"

// What "not stored" looks like until inheritance has been applied.
#define NOT_STORED INT64_C(-1)

// What an entry takes in a file at the least, well compressed; a hint, not a limit.
enum { ENTRY_SIZE_MIN = 8, ENTRY_CAPACITY_MIN = 8 };

struct entry_reader {
    const struct dsi_manifest_file *file;
    const struct dsi_manifest_read_options *options;
    const struct dsi_avro_type *entry; // The writer's record.
    struct dsi_manifest_partition_plan plan;
    struct dsi_manifest_metrics metrics;
    struct dsi_arena *arena;
    struct dsi_manifest_entry *entries; // In the arena.
    size_t entry_count;
    size_t entry_capacity;
    uint64_t seen;       // Entries taken so far, for messages.
    int64_t next_row_id; // v3; -1: the manifest gives none.
};

static int get_format(const struct dsi_avro_type *t, struct ds_slice *in,
                      enum dsi_file_format *out, struct ds_error *err)
{
    static const struct {
        const char *name;
        enum dsi_file_format format;
    } formats[] = {{"parquet", DSI_FORMAT_PARQUET},
                   {"avro", DSI_FORMAT_AVRO},
                   {"orc", DSI_FORMAT_ORC},
                   {"puffin", DSI_FORMAT_PUFFIN}};
    struct ds_slice text = {NULL, 0};
    char name[32] = "";
    int rc = dsi_manifest_get_bytes(t, in, &text, err);

    if (rc < 0) {
        return rc;
    }
    size_t size = text.size < sizeof name - 1 ? text.size : sizeof name - 1;
    memcpy(name, text.data, size);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (text.size == size && dsi_text_equal_nocase(name, formats[i].name)) {
            *out = formats[i].format;
            return DS_OK;
        }
    }
    return dsi_fail(err, DS_EUNSUPPORTED,
                    "\"%s\": parquet, avro, orc and puffin are known", name);
}

// A list of numbers, into an array in the arena of element size 8 or 4.
static int get_numbers(struct entry_reader *r, const struct dsi_avro_type *t,
                       struct ds_slice *in, size_t size, struct ds_slice *out,
                       struct ds_error *err)
{
    struct dsi_buf numbers = DSI_BUF_INIT;
    const struct dsi_avro_type *item = NULL;
    int64_t count = 0;
    int64_t block_size = 0;
    int64_t wide = 0;
    int32_t narrow = 0;
    int rc = DS_OK;

    if (t->kind != DSI_AVRO_ARRAY) {
        return dsi_corrupt(err, "stored as %s, expected array",
                           dsi_avro_kind_name(t->kind));
    }
    do { // Each round takes a head of at least one byte.
        DSI_TRY(dsi_avro_block(in, t->items->size_min, &count, &block_size, err));
        for (int64_t i = 0; i < count; i++) {
            DSI_TRY(dsi_avro_branch(t->items, in, &item, err));
            if (size == sizeof narrow) {
                DSI_TRY(dsi_manifest_get_int(item, in, &narrow, err));
                DSI_TRY(dsi_buf_append(&numbers, &narrow, size, err));
            } else {
                DSI_TRY(dsi_manifest_get_long(item, in, &wide, err));
                DSI_TRY(dsi_buf_append(&numbers, &wide, size, err));
            }
        }
    } while (count > 0);
    if (dsi_arena_copy(r->arena, dsi_buf_slice(&numbers), out) < 0) {
        rc = dsi_no_memory(err, "reading a manifest");
    }
done:
    dsi_buf_release(&numbers);
    return rc;
}

static int get_content(const struct dsi_avro_type *t, struct ds_slice *in,
                       struct dsi_data_file *f, struct ds_error *err)
{
    int32_t content = 0;
    int rc = dsi_manifest_get_int(t, in, &content, err);

    if (rc == DS_OK && (content < 0 || content > DSI_CONTENT_EQUALITY_DELETES)) {
        return dsi_corrupt(err, "%d is none of 0, 1, 2", (int)content);
    }
    f->content = (enum dsi_file_content)content;
    return rc;
}

static int get_list(struct entry_reader *r, int32_t id, const struct dsi_avro_type *t,
                    struct ds_slice *in, struct dsi_data_file *f, struct ds_error *err)
{
    struct ds_slice bytes = {NULL, 0};
    size_t size = id == 132 ? sizeof *f->split_offsets : sizeof *f->equality_ids;
    int rc = get_numbers(r, t, in, size, &bytes, err);

    if (rc == DS_OK && id == 132) {
        f->split_offsets = (const void *)bytes.data;
        f->split_offset_count = bytes.size / size;
    } else if (rc == DS_OK) {
        f->equality_ids = (const void *)bytes.data;
        f->equality_id_count = bytes.size / size;
    }
    return rc;
}

static int get_metric(struct entry_reader *r, enum dsi_metric metric,
                      const struct dsi_avro_type *t, struct ds_slice *in,
                      struct ds_error *err)
{
    return r->options->skip_metrics
               ? dsi_avro_skip(t, in, err)
               : dsi_manifest_get_metric(&r->metrics, metric, t, in, err);
}

// One member of data_file that is not null. Ids: specification, "Data File Fields".
static int get_member(struct entry_reader *r, int32_t id, const struct dsi_avro_type *t,
                      struct ds_slice *in, struct dsi_data_file *f, struct ds_error *err)
{
    switch (id) {
    case 134:
        return get_content(t, in, f, err);
    case 100:
        return dsi_manifest_get_text(t, in, r->arena, &f->path, err);
    case 101:
        return get_format(t, in, &f->format, err);
    case 102:
        return t == r->plan.record ? dsi_manifest_get_partition(&r->plan, in, r->arena,
                                                                &f->partition, err)
                                   : dsi_corrupt(err, "a second partition in the schema");
    case 103:
        return dsi_manifest_get_count(t, in, &f->record_count, err);
    case 104:
        return dsi_manifest_get_count(t, in, &f->file_size, err);
    case 108:
        return get_metric(r, DSI_METRIC_COLUMN_SIZE, t, in, err);
    case 109:
        return get_metric(r, DSI_METRIC_VALUE_COUNT, t, in, err);
    case 110:
        return get_metric(r, DSI_METRIC_NULL_COUNT, t, in, err);
    case 137:
        return get_metric(r, DSI_METRIC_NAN_COUNT, t, in, err);
    case 125:
        return get_metric(r, DSI_METRIC_LOWER, t, in, err);
    case 128:
        return get_metric(r, DSI_METRIC_UPPER, t, in, err);
    case 131:
        return dsi_manifest_get_copy(t, in, r->arena, &f->key_metadata, err);
    case 132:
    case 135:
        return get_list(r, id, t, in, f, err);
    case 140:
        return dsi_manifest_get_int(t, in, &f->sort_order_id, err);
    case 142:
        return dsi_manifest_get_count(t, in, &f->first_row_id, err);
    case 143:
        return dsi_manifest_get_text(t, in, r->arena, &f->referenced_data_file, err);
    case 144:
        return dsi_manifest_get_count(t, in, &f->content_offset, err);
    case 145:
        return dsi_manifest_get_count(t, in, &f->content_size, err);
    default:
        return dsi_avro_skip(t, in, err);
    }
}

static int get_data_file(struct entry_reader *r, const struct dsi_avro_type *record,
                         struct ds_slice *in, struct dsi_data_file *f,
                         struct ds_error *err)
{
    const struct dsi_avro_type *t = NULL;

    *f = (struct dsi_data_file){.spec_id = r->file->spec_id,
                                .partition_count = r->plan.count,
                                .record_count = -1,
                                .file_size = -1,
                                .sort_order_id = -1,
                                .first_row_id = -1,
                                .content_offset = -1,
                                .content_size = -1};
    for (size_t i = 0; i < record->field_count; i++) {
        int rc = dsi_avro_branch(record->fields[i].type, in, &t, err);
        if (rc == DS_OK && t->kind != DSI_AVRO_NULL) {
            rc = get_member(r, record->fields[i].id, t, in, f, err);
        }
        if (rc < 0) {
            return dsi_wrap(err, rc, "%.64s (%d)", record->fields[i].name,
                            (int)record->fields[i].id);
        }
    }
    if (!r->options->skip_metrics) {
        int rc = dsi_manifest_metrics_merge(&r->metrics, r->arena, f, err);
        dsi_manifest_metrics_reset(&r->metrics);
        return rc;
    }
    return DS_OK;
}

// Specification, "Sequence Number Inheritance": a null of an ADDED entry, or of any entry
// in a manifest of v1 times (whose number is 0), is the manifest's number.
static int inherit_numbers(const struct dsi_manifest_file *file,
                           struct dsi_manifest_entry *e, struct ds_error *err)
{
    bool may = e->status == DSI_ENTRY_ADDED || file->sequence_number == 0;

    if (e->snapshot_id == NOT_STORED) {
        e->snapshot_id = file->added_snapshot_id;
    }
    if (e->sequence_number == NOT_STORED) {
        if (!may) {
            return dsi_corrupt(err, "sequence_number (3): null, and not an ADDED file");
        }
        e->sequence_number = file->sequence_number;
    }
    if (e->file_sequence_number == NOT_STORED) {
        // Early v2 writers did not have this column. The data were there no later than
        // their file, so the data sequence number is the closest that is known.
        e->file_sequence_number = may ? file->sequence_number : e->sequence_number;
    }
    return DS_OK;
}

// Specification, "First Row ID Inheritance".
static int inherit_row_id(struct entry_reader *r, struct dsi_manifest_entry *e,
                          struct ds_error *err)
{
    struct dsi_data_file *f = &e->file;

    if (r->file->first_row_id < 0 || f->content != DSI_CONTENT_DATA) {
        f->first_row_id = -1;
        return DS_OK;
    }
    if (f->first_row_id >= 0 || e->status == DSI_ENTRY_DELETED) {
        return DS_OK;
    }
    f->first_row_id = r->next_row_id;
    if (!dsi_add_i64(r->next_row_id, f->record_count, &r->next_row_id)) {
        return dsi_corrupt(err, "first_row_id (142): more rows than 64 bits can count");
    }
    return DS_OK;
}

static int check_entry(const struct entry_reader *r, const struct dsi_manifest_entry *e,
                       struct ds_error *err)
{
    const struct dsi_data_file *f = &e->file;
    bool deletes = r->file->content == DSI_MANIFEST_DELETES;

    if (!f->path || f->path[0] == '\0') {
        return dsi_corrupt(err, "file_path (100): missing");
    }
    if (f->record_count < 0 || f->file_size < 0) {
        return dsi_corrupt(err, "%s: missing",
                           f->record_count < 0 ? "record_count (103)"
                                               : "file_size_in_bytes (104)");
    }
    if (!f->partition) {
        return dsi_corrupt(err, "partition (102): missing");
    }
    if (deletes != (f->content != DSI_CONTENT_DATA)) {
        return dsi_corrupt(err, "content (134): %d in a manifest of %s", (int)f->content,
                           deletes ? "deletes" : "data");
    }
    return DS_OK;
}

static int get_status(const struct dsi_avro_type *t, struct ds_slice *in, int32_t *status,
                      struct ds_error *err)
{
    int rc = dsi_manifest_get_int(t, in, status, err);

    if (rc == DS_OK && (*status < 0 || *status > DSI_ENTRY_DELETED)) {
        return dsi_corrupt(err, "status (0): %d is none of 0, 1, 2", (int)*status);
    }
    return rc;
}

static int get_entry(struct entry_reader *r, struct ds_slice *in,
                     struct dsi_manifest_entry *e, struct ds_error *err)
{
    const struct dsi_avro_type *t = NULL;
    int32_t status = -1;
    int rc = DS_OK;

    *e = (struct dsi_manifest_entry){.snapshot_id = NOT_STORED,
                                     .sequence_number = NOT_STORED,
                                     .file_sequence_number = NOT_STORED};
    for (size_t i = 0; i < r->entry->field_count; i++) {
        DSI_TRY(dsi_avro_branch(r->entry->fields[i].type, in, &t, err));
        if (t->kind == DSI_AVRO_NULL) {
            continue;
        }
        switch (r->entry->fields[i].id) {
        case 0:
            DSI_TRY(get_status(t, in, &status, err));
            break;
        case 1:
            DSI_TRY(dsi_manifest_get_long(t, in, &e->snapshot_id, err));
            break;
        case 3:
            DSI_TRY(dsi_manifest_get_count(t, in, &e->sequence_number, err));
            break;
        case 4:
            DSI_TRY(dsi_manifest_get_count(t, in, &e->file_sequence_number, err));
            break;
        case 2:
            DSI_TRY(get_data_file(r, t, in, &e->file, err));
            break;
        default:
            DSI_TRY(dsi_avro_skip(t, in, err));
        }
    }
    if (status < 0) {
        return dsi_corrupt(err, "status (0): missing");
    }
    e->status = (enum dsi_entry_status)status;
    DSI_TRY(check_entry(r, e, err));
    DSI_TRY(inherit_numbers(r->file, e, err));
    DSI_TRY(inherit_row_id(r, e, err));
done:
    return rc;
}

// Makes room for one more entry. The arena keeps the old array when it grows, so the
// first one should do: as many as the list says there are, if the file is large enough
// for them.
static int reserve_entry(struct entry_reader *r, size_t file_size, struct ds_error *err)
{
    const struct dsi_manifest_file *f = r->file;
    int64_t stated =
        (int64_t)f->added_files_count + f->existing_files_count + f->deleted_files_count;
    size_t capacity = r->entry_capacity * 2;
    struct dsi_manifest_entry *entries = NULL;

    if (r->entry_count < r->entry_capacity) {
        return DS_OK;
    }
    if (capacity == 0) {
        size_t most = file_size / ENTRY_SIZE_MIN + ENTRY_CAPACITY_MIN;
        capacity = stated > ENTRY_CAPACITY_MIN ? (size_t)stated : ENTRY_CAPACITY_MIN;
        capacity = capacity < most ? capacity : most;
    }
    entries = dsi_arena_array(r->arena, capacity, sizeof *entries);
    if (!entries) {
        return dsi_no_memory(err, "reading a manifest");
    }
    if (r->entry_count > 0) {
        memcpy(entries, r->entries, r->entry_count * sizeof *entries);
    }
    r->entries = entries;
    r->entry_capacity = capacity;
    return DS_OK;
}

static int get_block(struct entry_reader *r, size_t file_size, int64_t count,
                     struct ds_slice objects, struct ds_error *err)
{
    int rc = DS_OK;

    // Bounds stay where they are: in the arena's copy of the block.
    if (!r->options->skip_metrics && dsi_arena_copy(r->arena, objects, &objects) < 0) {
        return dsi_no_memory(err, "reading a manifest");
    }
    for (int64_t i = 0; i < count; i++) {
        DSI_TRY(reserve_entry(r, file_size, err));
        assert(r->entries);
        struct dsi_manifest_entry *e = &r->entries[r->entry_count];
        rc = get_entry(r, &objects, e, err);
        if (rc < 0) {
            return dsi_wrap(err, rc, "entry %llu", (unsigned long long)r->seen);
        }
        r->seen++;
        if (e->status != DSI_ENTRY_DELETED || !r->options->skip_deleted) {
            r->entry_count++;
        }
    }
    if (objects.size > 0) {
        rc = dsi_corrupt(err, "%zu bytes are left after a block's last entry",
                         objects.size);
    }
done:
    return rc;
}

// Finds the records in the writer's schema and the types of the spec.
static int plan_entries(struct entry_reader *r, const struct dsi_avro_reader *avro,
                        const struct dsi_metadata *m, struct ds_error *err)
{
    const struct dsi_partition_spec *spec = dsi_metadata_spec(m, r->file->spec_id);
    const struct dsi_schema *schema = dsi_metadata_current_schema(m);
    const struct dsi_avro_field *f = NULL;
    const struct dsi_avro_type *data = NULL;

    if (!spec || !schema) {
        return dsi_corrupt(err, "partition spec %d is not in the table's metadata",
                           (int)r->file->spec_id);
    }
    r->entry = avro->schema;
    f = dsi_avro_schema_field(r->entry, 2);
    data = f ? dsi_avro_schema_value_type(f->type) : NULL;
    if (!data || data->kind != DSI_AVRO_RECORD) {
        return dsi_corrupt(err, "the schema has no record with field id 2 (data_file)");
    }
    f = dsi_avro_schema_field(data, 102);
    data = f ? dsi_avro_schema_value_type(f->type) : NULL;
    if (!data) {
        return dsi_corrupt(err, "the schema has no field with id 102 (partition)");
    }
    return dsi_manifest_partition_plan(data, spec, schema, r->arena, &r->plan, err);
}

static int read_entries(struct entry_reader *r, struct dsi_avro_reader *avro,
                        struct dsi_manifest *out, struct ds_error *err)
{
    struct ds_slice objects = {NULL, 0};
    int64_t count = 0;
    int rc = DS_OK;

    while ((rc = dsi_avro_reader_next(avro, &count, &objects, err)) == DS_ROW) {
        DSI_TRY(get_block(r, avro->file.size, count, objects, err));
    }
    out->entries = r->entries;
    out->entry_count = r->entry_count;
done:
    return rc;
}

int dsi_manifest_parse(struct ds_slice avro, const struct dsi_manifest_file *file,
                       const struct dsi_metadata *m,
                       const struct dsi_manifest_read_options *options,
                       struct dsi_manifest *out, struct ds_error *err)
{
    static const struct dsi_manifest_read_options everything;
    struct dsi_avro_reader reader = {.schema = NULL};
    struct entry_reader r = {.file = file,
                             .options = options ? options : &everything,
                             .arena = &out->arena,
                             .next_row_id = file->first_row_id};
    int rc = DS_OK;

    *out = (struct dsi_manifest){.arena = DSI_ARENA_INIT};
    DSI_TRY(dsi_avro_reader_init_known(&reader, avro, r.options->known, err));
    DSI_TRY(plan_entries(&r, &reader, m, err));
    DSI_TRY(read_entries(&r, &reader, out, err));
done:
    dsi_avro_reader_release(&reader);
    dsi_manifest_metrics_release(&r.metrics);
    if (rc < 0) {
        dsi_manifest_release(out);
        return dsi_wrap_file(err, rc, "manifest", file->path ? file->path : "?");
    }
    return rc;
}
