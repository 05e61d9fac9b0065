// Manifests out: entries in the column order of Iceberg's own writers, and the row of the
// manifest list that describes them.
#include <stdio.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "codec/avro/avro_writer.h"
#include "model/manifest_avro.h"
#include "model/manifest_schema.h"

enum { NUMBER_SIZE = 16, PLAIN_VALUES_MAX = 64 };

static const char *const format_names[] = {
    [DSI_FORMAT_PARQUET] = "PARQUET",
    [DSI_FORMAT_AVRO] = "AVRO",
    [DSI_FORMAT_ORC] = "ORC",
    [DSI_FORMAT_PUFFIN] = "PUFFIN",
};

struct entry_writer {
    const struct dsi_manifest_write *spec;
    struct dsi_type *types; // Of the partition fields.
    struct dsi_avro_writer avro;
    struct dsi_value *lower; // Per partition field; null while there is none.
    struct dsi_value *upper;
    struct dsi_field_summary *summaries;
};

// Where the schema cannot tell a partition field's type (the column is gone, or the
// transform is not known), the values do.
static int settle_types(struct entry_writer *w, const struct dsi_manifest_entry *entries,
                        size_t count, struct ds_error *err)
{
    for (size_t i = 0; i < w->spec->spec->field_count; i++) {
        struct dsi_type *t = &w->types[i];
        for (size_t j = 0; j < count && t->kind == DSI_TYPE_UNKNOWN; j++) {
            const struct dsi_value *v = &entries[j].file.partition[i];
            if (v->null) {
                continue;
            }
            if (v->kind == DSI_TYPE_DECIMAL) {
                return dsi_fail(err, DS_EUNSUPPORTED,
                                "partition field \"%.64s\": its column is gone, so the "
                                "scale of its decimals is not known",
                                w->spec->spec->fields[i].name);
            }
            t->kind = v->kind;
            t->length = v->kind == DSI_TYPE_FIXED ? (int32_t)v->as.bytes.size : 0;
        }
        if (t->kind == DSI_TYPE_UNKNOWN) {
            t->kind = DSI_TYPE_STRING; // Only nulls: any type will do.
        }
    }
    return DS_OK;
}

static int check_file(const struct entry_writer *w, const struct dsi_data_file *f,
                      struct ds_error *err)
{
    bool deletes = w->spec->content == DSI_MANIFEST_DELETES;

    if (!f->path || !f->path[0] || f->record_count < 0 || f->file_size < 0) {
        return dsi_fail(err, DS_EINVALID, "a data file without path, rows or size");
    }
    if (deletes != (f->content != DSI_CONTENT_DATA)) {
        return dsi_fail(err, DS_EINVALID, "%.200s: content %d in a manifest of %s",
                        f->path, (int)f->content, deletes ? "deletes" : "data");
    }
    if (f->partition_count != w->spec->spec->field_count ||
        (f->partition_count > 0 && !f->partition)) {
        return dsi_fail(err, DS_EINVALID,
                        "%.200s: %zu partition values, the spec has %zu", f->path,
                        f->partition_count, w->spec->spec->field_count);
    }
    if (w->spec->format_version < 3 &&
        (f->format == DSI_FORMAT_PUFFIN || f->content_offset >= 0)) {
        return dsi_fail(err, DS_EINVALID,
                        "%.200s: deletion vectors need format version 3", f->path);
    }
    return DS_OK;
}

static int check_entry(const struct entry_writer *w, const struct dsi_manifest_entry *e,
                       struct ds_error *err)
{
    if (e->status != DSI_ENTRY_ADDED &&
        (e->snapshot_id < 0 || e->sequence_number < 0 || e->file_sequence_number < 0)) {
        return dsi_fail(
            err, DS_EINVALID,
            "%.200s: only an ADDED entry may inherit its snapshot and numbers",
            e->file.path ? e->file.path : "?");
    }
    return check_file(w, &e->file, err);
}

static int put_partition(struct entry_writer *w, struct dsi_buf *out,
                         const struct dsi_data_file *f, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < f->partition_count; i++) {
        const struct dsi_value *v = &f->partition[i];
        DSI_TRY(dsi_manifest_put_present(out, !v->null, err));
        if (!v->null) {
            DSI_TRY(dsi_manifest_put_partition_value(out, &w->types[i], v, err));
        }
    }
done:
    return rc;
}

static int put_split_offsets(struct dsi_buf *out, const struct dsi_data_file *f,
                             struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_manifest_put_present(out, f->split_offset_count > 0, err));
    if (f->split_offset_count > 0) {
        DSI_TRY(dsi_avro_put_long(out, (int64_t)f->split_offset_count, err));
        for (size_t i = 0; i < f->split_offset_count; i++) {
            DSI_TRY(dsi_avro_put_long(out, f->split_offsets[i], err));
        }
        DSI_TRY(dsi_avro_put_long(out, 0, err));
    }
done:
    return rc;
}

static int put_equality_ids(struct dsi_buf *out, const struct dsi_data_file *f,
                            struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_manifest_put_present(out, f->equality_id_count > 0, err));
    if (f->equality_id_count > 0) {
        DSI_TRY(dsi_avro_put_long(out, (int64_t)f->equality_id_count, err));
        for (size_t i = 0; i < f->equality_id_count; i++) {
            DSI_TRY(dsi_avro_put_long(out, f->equality_ids[i], err));
        }
        DSI_TRY(dsi_avro_put_long(out, 0, err));
    }
done:
    return rc;
}

static int put_text(struct dsi_buf *out, const char *text, struct ds_error *err)
{
    int rc = dsi_manifest_put_present(out, text != NULL, err);
    return rc < 0 || !text ? rc : dsi_avro_put_text(out, text, err);
}

static int put_member(struct entry_writer *w, struct dsi_buf *out, int32_t id,
                      const struct dsi_data_file *f, struct ds_error *err)
{
    switch (id) {
    case 134:
        return dsi_avro_put_long(out, f->content, err);
    case 100:
        return dsi_avro_put_text(out, f->path, err);
    case 101:
        return dsi_avro_put_text(out, format_names[f->format], err);
    case 102:
        return put_partition(w, out, f, err);
    case 103:
        return dsi_avro_put_long(out, f->record_count, err);
    case 104:
        return dsi_avro_put_long(out, f->file_size, err);
    case 108:
        return dsi_manifest_put_metric(out, DSI_METRIC_COLUMN_SIZE, f, err);
    case 109:
        return dsi_manifest_put_metric(out, DSI_METRIC_VALUE_COUNT, f, err);
    case 110:
        return dsi_manifest_put_metric(out, DSI_METRIC_NULL_COUNT, f, err);
    case 137:
        return dsi_manifest_put_metric(out, DSI_METRIC_NAN_COUNT, f, err);
    case 125:
        return dsi_manifest_put_metric(out, DSI_METRIC_LOWER, f, err);
    case 128:
        return dsi_manifest_put_metric(out, DSI_METRIC_UPPER, f, err);
    case 131:
        return dsi_manifest_put_optional_bytes(out, f->key_metadata, err);
    case 132:
        return put_split_offsets(out, f, err);
    case 135:
        return put_equality_ids(out, f, err);
    case 140:
        return dsi_manifest_put_optional(out, f->sort_order_id, err);
    case 142:
        return dsi_manifest_put_optional(out, f->first_row_id, err);
    case 143:
        return put_text(out, f->referenced_data_file, err);
    case 144:
        return dsi_manifest_put_optional(out, f->content_offset, err);
    case 145:
        return dsi_manifest_put_optional(out, f->content_size, err);
    default:
        return dsi_fail(err, DS_EBUG, "no value for manifest column %d", (int)id);
    }
}

static int put_entry(struct entry_writer *w, const struct dsi_manifest_entry *e,
                     struct ds_error *err)
{
    struct dsi_buf *out = &w->avro.block;
    int rc = DS_OK;

    DSI_TRY(dsi_avro_put_long(out, e->status, err));
    DSI_TRY(dsi_manifest_put_optional(out, e->snapshot_id, err));
    DSI_TRY(dsi_manifest_put_optional(out, e->sequence_number, err));
    DSI_TRY(dsi_manifest_put_optional(out, e->file_sequence_number, err));
    for (size_t i = 0; i < dsi_data_file_column_count; i++) {
        const struct dsi_manifest_column *c = &dsi_data_file_columns[i];
        if (c->version_min <= w->spec->format_version) {
            DSI_TRY(put_member(w, out, c->id, &e->file, err));
        }
    }
    DSI_TRY(dsi_avro_writer_object(&w->avro, err));
done:
    return rc;
}

// Summaries cover every entry, deleted ones too: readers prune manifests by them.
static void summarize(struct entry_writer *w, const struct dsi_data_file *f)
{
    for (size_t i = 0; i < f->partition_count; i++) {
        const struct dsi_value *v = &f->partition[i];
        if (v->null) {
            w->summaries[i].contains_null = true;
        } else if (dsi_value_is_nan(v)) {
            w->summaries[i].contains_nan = 1; // NaN is no bound.
        } else {
            if (w->lower[i].null || dsi_value_compare(v, &w->lower[i]) < 0) {
                w->lower[i] = *v;
            }
            if (w->upper[i].null || dsi_value_compare(v, &w->upper[i]) > 0) {
                w->upper[i] = *v;
            }
        }
    }
}

static int put_bound(const struct dsi_value *v, struct dsi_arena *arena,
                     struct ds_slice *out, struct ds_error *err)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    int rc = DS_OK;

    if (v->null) {
        return DS_OK;
    }
    DSI_TRY(dsi_value_to_bytes(v, &bytes, err));
    if (dsi_arena_copy(arena, dsi_buf_slice(&bytes), out) < 0) {
        rc = dsi_no_memory(err, "summarizing partitions");
    }
done:
    dsi_buf_release(&bytes);
    return rc;
}

static int count_entry(const struct dsi_manifest_entry *e, struct dsi_manifest_file *file,
                       struct ds_error *err)
{
    struct {
        int32_t *files;
        int64_t *rows;
    } counts[] = {
        [DSI_ENTRY_EXISTING] = {&file->existing_files_count, &file->existing_rows_count},
        [DSI_ENTRY_ADDED] = {&file->added_files_count, &file->added_rows_count},
        [DSI_ENTRY_DELETED] = {&file->deleted_files_count, &file->deleted_rows_count},
    };
    int64_t *rows = counts[e->status].rows;

    if (*counts[e->status].files == INT32_MAX ||
        !dsi_add_i64(*rows, e->file.record_count, rows)) {
        return dsi_fail(err, DS_EUNSUPPORTED, "too many files or rows for one manifest");
    }
    ++*counts[e->status].files;
    bool live = e->status != DSI_ENTRY_DELETED;
    if (live && e->sequence_number >= 0 &&
        (file->min_sequence_number < 0 ||
         e->sequence_number < file->min_sequence_number)) {
        file->min_sequence_number = e->sequence_number;
    }
    return DS_OK;
}

// The texts of a header, in the order in which they are made.
enum { TEXT_AVRO_SCHEMA, TEXT_SCHEMA, TEXT_PARTITION_SPEC, TEXT_COUNT };

// Specification, "Manifests": the keys that a manifest's header must have.
static int put_header(struct entry_writer *w, struct dsi_avro_write avro,
                      const struct dsi_buf texts[TEXT_COUNT], struct dsi_buf *out,
                      struct ds_error *err)
{
    const struct dsi_manifest_write *spec = w->spec;
    char schema_id[NUMBER_SIZE];
    char spec_id[NUMBER_SIZE];
    char version[NUMBER_SIZE];

    snprintf(schema_id, sizeof schema_id, "%d", (int)spec->schema->schema_id);
    snprintf(spec_id, sizeof spec_id, "%d", (int)spec->spec->spec_id);
    snprintf(version, sizeof version, "%d", (int)spec->format_version);
    const struct dsi_avro_meta meta[] = {
        {dsi_slice_text("schema"), dsi_buf_slice(&texts[TEXT_SCHEMA])},
        {dsi_slice_text("schema-id"), dsi_slice_text(schema_id)},
        {dsi_slice_text("partition-spec"), dsi_buf_slice(&texts[TEXT_PARTITION_SPEC])},
        {dsi_slice_text("partition-spec-id"), dsi_slice_text(spec_id)},
        {dsi_slice_text("format-version"), dsi_slice_text(version)},
        {dsi_slice_text("content"),
         dsi_slice_text(spec->content == DSI_MANIFEST_DELETES ? "deletes" : "data")},
    };
    avro.schema = dsi_buf_slice(&texts[TEXT_AVRO_SCHEMA]);
    avro.meta = meta;
    avro.meta_count = sizeof meta / sizeof meta[0];
    return dsi_avro_writer_init(&w->avro, out, &avro, err);
}

// What is written where the table's properties do not say. Few entries take a block of a
// disk whether compressed or not, and are read and written more quickly if not.
static const char *default_codec(const struct dsi_manifest_write *spec, size_t count)
{
    size_t columns = spec->schema->root.field_count + 1;

    return spec->compression_level < 0 && count <= PLAIN_VALUES_MAX / columns
               ? "uncompressed"
               : "gzip";
}

static int open_writer(struct entry_writer *w, size_t count, struct dsi_buf *out,
                       struct ds_error *err)
{
    const struct dsi_manifest_write *spec = w->spec;
    const char *codec =
        spec->compression ? spec->compression : default_codec(spec, count);
    struct dsi_buf texts[TEXT_COUNT] = {DSI_BUF_INIT, DSI_BUF_INIT, DSI_BUF_INIT};
    struct dsi_avro_write avro = {.level = spec->compression_level};
    int rc = DS_OK;

    DSI_TRY(dsi_avro_codec_parse(codec, &avro.codec, err));
    if (avro.codec == DSI_COMPRESSION_SNAPPY || avro.codec == DSI_COMPRESSION_NONE) {
        avro.level = DSI_COMPRESSION_LEVEL_DEFAULT; // They have no levels to choose.
    }
    DSI_TRY(dsi_manifest_entry_schema(spec->format_version, spec->spec, w->types,
                                      &texts[TEXT_AVRO_SCHEMA], err));
    DSI_TRY(dsi_schema_to_json(spec->schema, &texts[TEXT_SCHEMA], err));
    DSI_TRY(
        dsi_partition_spec_to_json(spec->spec, true, &texts[TEXT_PARTITION_SPEC], err));
    DSI_TRY(put_header(w, avro, texts, out, err));
done:
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        dsi_buf_release(&texts[i]);
    }
    return rc;
}

static int prepare(struct entry_writer *w, const struct dsi_manifest_entry *entries,
                   size_t count, struct dsi_arena *arena, struct ds_error *err)
{
    size_t fields = w->spec->spec->field_count;
    int rc = DS_OK;

    if (w->spec->format_version < 2 || w->spec->format_version > 3) {
        return dsi_fail(err, DS_EUNSUPPORTED, "manifests of format version %d",
                        (int)w->spec->format_version);
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(check_entry(w, &entries[i], err));
    }
    DSI_TRY(dsi_manifest_partition_types(w->spec->spec, w->spec->schema, arena, &w->types,
                                         err));
    DSI_TRY(settle_types(w, entries, count, err));
    w->lower = dsi_arena_array(arena, fields, sizeof *w->lower);
    w->upper = dsi_arena_array(arena, fields, sizeof *w->upper);
    w->summaries = dsi_arena_array(arena, fields, sizeof *w->summaries);
    if (!w->lower || !w->upper || !w->summaries) {
        return dsi_no_memory(err, "writing a manifest");
    }
    for (size_t i = 0; i < fields; i++) {
        w->lower[i] = DSI_VALUE_NULL;
        w->upper[i] = DSI_VALUE_NULL;
    }
done:
    return rc;
}

static int put_entries(struct entry_writer *w, const struct dsi_manifest_entry *entries,
                       size_t count, struct dsi_manifest_file *file, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < count; i++) {
        rc = put_entry(w, &entries[i], err);
        if (rc < 0) {
            return dsi_wrap(err, rc, "entry %zu, %.200s", i, entries[i].file.path);
        }
        summarize(w, &entries[i].file);
        DSI_TRY(count_entry(&entries[i], file, err));
    }
    DSI_TRY(dsi_avro_writer_finish(&w->avro, err));
done:
    return rc;
}

static int put_summaries(struct entry_writer *w, struct dsi_arena *arena,
                         struct dsi_manifest_file *file, struct ds_error *err)
{
    size_t count = w->spec->spec->field_count;
    int rc = DS_OK;

    for (size_t i = 0; i < count; i++) {
        DSI_TRY(put_bound(&w->lower[i], arena, &w->summaries[i].lower, err));
        DSI_TRY(put_bound(&w->upper[i], arena, &w->summaries[i].upper, err));
    }
    file->partitions = w->summaries;
    file->partition_count = count;
done:
    return rc;
}

int dsi_manifest_build(const struct dsi_manifest_write *spec,
                       const struct dsi_manifest_entry *entries, size_t count,
                       struct dsi_arena *arena, struct dsi_buf *out,
                       struct dsi_manifest_file *file, struct ds_error *err)
{
    struct entry_writer w = {.spec = spec};
    size_t before = out->size;
    int rc = DS_OK;

    *file = (struct dsi_manifest_file){.spec_id = spec->spec->spec_id,
                                       .content = spec->content,
                                       .sequence_number = -1,
                                       .min_sequence_number = -1,
                                       .added_snapshot_id = spec->snapshot_id,
                                       .first_row_id = -1};
    DSI_TRY(prepare(&w, entries, count, arena, err));
    DSI_TRY(open_writer(&w, count, out, err));
    DSI_TRY(put_entries(&w, entries, count, file, err));
    DSI_TRY(put_summaries(&w, arena, file, err));
done:
    dsi_avro_writer_release(&w.avro);
    if (rc < 0) {
        out->size = before;
        return dsi_wrap(err, rc, "writing a manifest");
    }
    return rc;
}
