// Manifest lists, in and out.
#include <stdio.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/avro/avro_writer.h"
#include "model/manifest_avro.h"
#include "model/manifest_schema.h"

enum { META_COUNT_MAX = 4, NUMBER_SIZE = 24 };

// Every commit writes its list anew, and rows are much alike: the quickest level takes a
// third of the time, and is a tenth larger.
enum { LEVEL = 1 };

// A list of so few manifests, at most, takes a block or two of a disk whether compressed
// or not, and is read and written more quickly if not.
enum { PLAIN_MAX = 32 };

static int get_summary(const struct dsi_avro_type *record, struct ds_slice *in,
                       struct dsi_arena *arena, struct dsi_field_summary *out,
                       struct ds_error *err)
{
    const struct dsi_avro_type *t = NULL;
    bool truth = false;
    int rc = DS_OK;

    *out = (struct dsi_field_summary){.contains_null = true, .contains_nan = -1};
    for (size_t i = 0; i < record->field_count; i++) {
        int32_t id = record->fields[i].id;
        DSI_TRY(dsi_avro_branch(record->fields[i].type, in, &t, err));
        if (t->kind == DSI_AVRO_NULL) {
            continue;
        }
        if (id == 510 || id == 511) {
            DSI_TRY(dsi_manifest_get_copy(t, in, arena,
                                          id == 510 ? &out->lower : &out->upper, err));
        } else if (id != 509 && id != 518) {
            DSI_TRY(dsi_avro_skip(t, in, err));
        } else if (t->kind != DSI_AVRO_BOOLEAN) {
            return dsi_corrupt(err, "stored as %s, expected boolean",
                               dsi_avro_kind_name(t->kind));
        } else {
            DSI_TRY(dsi_avro_boolean(in, &truth, err));
            if (id == 509) {
                out->contains_null = truth;
            } else {
                out->contains_nan = truth;
            }
        }
    }
done:
    return rc;
}

static int get_summaries(const struct dsi_avro_type *t, struct ds_slice *in,
                         struct dsi_arena *arena, struct dsi_manifest_file *f,
                         struct ds_error *err)
{
    struct dsi_buf summaries = DSI_BUF_INIT;
    const struct dsi_avro_type *item = NULL;
    struct dsi_field_summary s;
    struct ds_slice copy = {NULL, 0};
    int64_t count = 0;
    int64_t size = 0;
    int rc = DS_OK;

    if (t->kind != DSI_AVRO_ARRAY) {
        return dsi_corrupt(err, "stored as %s, expected array",
                           dsi_avro_kind_name(t->kind));
    }
    do { // Each round takes a head of at least one byte.
        DSI_TRY(dsi_avro_block(in, t->items->size_min, &count, &size, err));
        for (int64_t i = 0; i < count; i++) {
            DSI_TRY(dsi_avro_branch(t->items, in, &item, err));
            if (item->kind != DSI_AVRO_RECORD) {
                rc = dsi_corrupt(err, "a summary stored as %s, expected record",
                                 dsi_avro_kind_name(item->kind));
                goto done;
            }
            DSI_TRY(get_summary(item, in, arena, &s, err));
            DSI_TRY(dsi_buf_append(&summaries, &s, sizeof s, err));
        }
    } while (count > 0);
    if (dsi_arena_copy(arena, dsi_buf_slice(&summaries), &copy) < 0) {
        rc = dsi_no_memory(err, "reading a manifest list");
        goto done;
    }
    f->partitions = (const void *)copy.data;
    f->partition_count = copy.size / sizeof s;
done:
    dsi_buf_release(&summaries);
    return rc;
}

static int get_content(const struct dsi_avro_type *t, struct ds_slice *in,
                       struct dsi_manifest_file *f, struct ds_error *err)
{
    int32_t content = 0;
    int rc = dsi_manifest_get_int(t, in, &content, err);

    if (rc == DS_OK && (content < 0 || content > DSI_MANIFEST_DELETES)) {
        return dsi_corrupt(err, "%d is neither 0 nor 1", (int)content);
    }
    f->content = (enum dsi_manifest_content)content;
    return rc;
}

static int get_files_count(const struct dsi_avro_type *t, struct ds_slice *in,
                           int32_t *out, struct ds_error *err)
{
    int64_t count = 0;
    int rc = dsi_manifest_get_count(t, in, &count, err);

    if (rc == DS_OK && count > INT32_MAX) {
        return dsi_corrupt(err, "%lld files", (long long)count);
    }
    *out = (int32_t)count;
    return rc;
}

// One member of a row that is not null. Ids: specification, "Manifest Lists".
static int get_member(int32_t id, const struct dsi_avro_type *t, struct ds_slice *in,
                      struct dsi_arena *arena, struct dsi_manifest_file *f,
                      struct ds_error *err)
{
    switch (id) {
    case 500:
        return dsi_manifest_get_text(t, in, arena, &f->path, err);
    case 501:
        return dsi_manifest_get_count(t, in, &f->length, err);
    case 502:
        return dsi_manifest_get_int(t, in, &f->spec_id, err);
    case 517:
        return get_content(t, in, f, err);
    case 515:
        return dsi_manifest_get_count(t, in, &f->sequence_number, err);
    case 516:
        return dsi_manifest_get_count(t, in, &f->min_sequence_number, err);
    case 503:
        return dsi_manifest_get_long(t, in, &f->added_snapshot_id, err);
    case 504:
        return get_files_count(t, in, &f->added_files_count, err);
    case 505:
        return get_files_count(t, in, &f->existing_files_count, err);
    case 506:
        return get_files_count(t, in, &f->deleted_files_count, err);
    case 512:
        return dsi_manifest_get_count(t, in, &f->added_rows_count, err);
    case 513:
        return dsi_manifest_get_count(t, in, &f->existing_rows_count, err);
    case 514:
        return dsi_manifest_get_count(t, in, &f->deleted_rows_count, err);
    case 507:
        return get_summaries(t, in, arena, f, err);
    case 519:
        return dsi_manifest_get_copy(t, in, arena, &f->key_metadata, err);
    case 520:
        return dsi_manifest_get_count(t, in, &f->first_row_id, err);
    default:
        return dsi_avro_skip(t, in, err);
    }
}

static int get_row(const struct dsi_avro_type *record, struct ds_slice *in,
                   struct dsi_arena *arena, struct dsi_manifest_file *f,
                   struct ds_error *err)
{
    const struct dsi_avro_type *t = NULL;
    bool has_snapshot = false;

    // What a v1 row does not say: specification, "Manifest Lists".
    *f = (struct dsi_manifest_file){.length = -1,
                                    .spec_id = -1,
                                    .added_files_count = -1,
                                    .existing_files_count = -1,
                                    .deleted_files_count = -1,
                                    .added_rows_count = -1,
                                    .existing_rows_count = -1,
                                    .deleted_rows_count = -1,
                                    .first_row_id = -1};
    for (size_t i = 0; i < record->field_count; i++) {
        int rc = dsi_avro_branch(record->fields[i].type, in, &t, err);
        if (rc == DS_OK && t->kind != DSI_AVRO_NULL) {
            rc = get_member(record->fields[i].id, t, in, arena, f, err);
            has_snapshot |= record->fields[i].id == 503;
        }
        if (rc < 0) {
            return dsi_wrap(err, rc, "%.64s (%d)", record->fields[i].name,
                            (int)record->fields[i].id);
        }
    }
    const struct {
        bool there;
        int32_t id;
    } required[] = {{f->path && f->path[0], 500},
                    {f->length >= 0, 501},
                    {f->spec_id >= 0, 502},
                    {has_snapshot, 503}};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        if (!required[i].there) {
            return dsi_corrupt(err, "%s (%d): missing",
                               dsi_manifest_column_name(required[i].id),
                               (int)required[i].id);
        }
    }
    return DS_OK;
}

static int read_rows(struct dsi_avro_reader *avro, struct dsi_manifest_list *out,
                     struct dsi_buf *rows, struct ds_error *err)
{
    struct dsi_manifest_file f;
    struct ds_slice objects = {NULL, 0};
    struct ds_slice copy = {NULL, 0};
    int64_t count = 0;
    int rc = DS_OK;

    if (avro->schema->kind != DSI_AVRO_RECORD) {
        return dsi_corrupt(err, "the rows are of type %s, expected record",
                           dsi_avro_kind_name(avro->schema->kind));
    }
    while ((rc = dsi_avro_reader_next(avro, &count, &objects, err)) == DS_ROW) {
        for (int64_t i = 0; i < count; i++) {
            rc = get_row(avro->schema, &objects, &out->arena, &f, err);
            if (rc < 0) {
                return dsi_wrap(err, rc, "row %zu", rows->size / sizeof f);
            }
            DSI_TRY(dsi_buf_append(rows, &f, sizeof f, err));
        }
        if (objects.size > 0) {
            return dsi_corrupt(err, "%zu bytes are left after a block's last row",
                               objects.size);
        }
    }
    DSI_TRY(rc);
    if (dsi_arena_copy(&out->arena, dsi_buf_slice(rows), &copy) < 0) {
        return dsi_no_memory(err, "reading a manifest list");
    }
    // The arena is ours, and its memory is aligned for any type.
    out->files = (struct dsi_manifest_file *)(void *)copy.data;
    out->count = copy.size / sizeof *out->files;
done:
    return rc;
}

int dsi_manifest_list_parse(struct ds_slice avro, struct dsi_manifest_list *out,
                            struct ds_error *err)
{
    struct dsi_avro_reader reader = {.schema = NULL};
    struct dsi_buf rows = DSI_BUF_INIT;
    int rc = DS_OK;

    *out = (struct dsi_manifest_list){.arena = DSI_ARENA_INIT};
    DSI_TRY(dsi_avro_reader_init(&reader, avro, err));
    DSI_TRY(read_rows(&reader, out, &rows, err));
done:
    dsi_avro_reader_release(&reader);
    dsi_buf_release(&rows);
    if (rc < 0) {
        dsi_manifest_list_release(out);
        return dsi_wrap(err, rc, "manifest list");
    }
    return rc;
}

static int put_summaries(struct dsi_buf *out, const struct dsi_manifest_file *f,
                         struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_manifest_put_present(out, f->partitions != NULL, err));
    if (!f->partitions) {
        return DS_OK;
    }
    if (f->partition_count > 0) {
        DSI_TRY(dsi_avro_put_long(out, (int64_t)f->partition_count, err));
    }
    for (size_t i = 0; i < f->partition_count; i++) {
        const struct dsi_field_summary *s = &f->partitions[i];
        DSI_TRY(dsi_avro_put_boolean(out, s->contains_null, err));
        DSI_TRY(dsi_manifest_put_present(out, s->contains_nan >= 0, err));
        if (s->contains_nan >= 0) {
            DSI_TRY(dsi_avro_put_boolean(out, s->contains_nan == 1, err));
        }
        DSI_TRY(dsi_manifest_put_optional_bytes(out, s->lower, err));
        DSI_TRY(dsi_manifest_put_optional_bytes(out, s->upper, err));
    }
    DSI_TRY(dsi_avro_put_long(out, 0, err));
done:
    return rc;
}

static int put_member(struct dsi_buf *out, int32_t id, const struct dsi_manifest_file *f,
                      struct ds_error *err)
{
    switch (id) {
    case 500:
        return dsi_avro_put_text(out, f->path, err);
    case 501:
        return dsi_avro_put_long(out, f->length, err);
    case 502:
        return dsi_avro_put_long(out, f->spec_id, err);
    case 517:
        return dsi_avro_put_long(out, f->content, err);
    case 515:
        return dsi_avro_put_long(out, f->sequence_number, err);
    case 516:
        return dsi_avro_put_long(out, f->min_sequence_number, err);
    case 503:
        return dsi_avro_put_long(out, f->added_snapshot_id, err);
    case 504:
        return dsi_avro_put_long(out, f->added_files_count, err);
    case 505:
        return dsi_avro_put_long(out, f->existing_files_count, err);
    case 506:
        return dsi_avro_put_long(out, f->deleted_files_count, err);
    case 512:
        return dsi_avro_put_long(out, f->added_rows_count, err);
    case 513:
        return dsi_avro_put_long(out, f->existing_rows_count, err);
    case 514:
        return dsi_avro_put_long(out, f->deleted_rows_count, err);
    case 507:
        return put_summaries(out, f, err);
    case 519:
        return dsi_manifest_put_optional_bytes(out, f->key_metadata, err);
    case 520:
        return dsi_manifest_put_optional(out, f->first_row_id, err);
    default:
        return dsi_fail(err, DS_EBUG, "no value for manifest list column %d", (int)id);
    }
}

static int put_row(struct dsi_avro_writer *w, const struct dsi_manifest_list_write *spec,
                   const struct dsi_manifest_file *row, struct ds_error *err)
{
    struct dsi_manifest_file f = *row;
    int rc = DS_OK;

    if (!f.path || !f.path[0] || f.length < 0) {
        return dsi_fail(err, DS_EINVALID, "a manifest without a path or a length");
    }
    if (f.added_files_count < 0 || f.existing_files_count < 0 ||
        f.deleted_files_count < 0 || f.added_rows_count < 0 ||
        f.existing_rows_count < 0 || f.deleted_rows_count < 0) {
        // A guess would make readers pass over files: whoever writes must count.
        return dsi_fail(err, DS_EINVALID,
                        "%.200s: its counts are not known; read its entries and count",
                        f.path);
    }
    f.sequence_number = f.sequence_number < 0 ? spec->sequence_number : f.sequence_number;
    f.min_sequence_number =
        f.min_sequence_number < 0 ? f.sequence_number : f.min_sequence_number;
    for (size_t i = 0; i < dsi_manifest_file_column_count; i++) {
        if (dsi_manifest_file_columns[i].version_min <= spec->format_version) {
            DSI_TRY(put_member(&w->block, dsi_manifest_file_columns[i].id, &f, err));
        }
    }
    DSI_TRY(dsi_avro_writer_object(w, err));
done:
    return rc;
}

static int open_writer(struct dsi_avro_writer *w,
                       const struct dsi_manifest_list_write *spec, size_t count,
                       struct dsi_buf *out, struct ds_error *err)
{
    const bool plain = count <= PLAIN_MAX;
    struct dsi_buf schema = DSI_BUF_INIT;
    char numbers[META_COUNT_MAX][NUMBER_SIZE];
    int rc = dsi_manifest_list_schema(spec->format_version, &schema, err);

    if (rc == DS_OK) {
        snprintf(numbers[0], NUMBER_SIZE, "%lld", (long long)spec->snapshot_id);
        snprintf(numbers[1], NUMBER_SIZE, "%lld", (long long)spec->parent_id);
        snprintf(numbers[2], NUMBER_SIZE, "%lld", (long long)spec->sequence_number);
        snprintf(numbers[3], NUMBER_SIZE, "%d", (int)spec->format_version);
        bool orphan = spec->parent_id == DSI_SNAPSHOT_NONE;
        const struct dsi_avro_meta meta[META_COUNT_MAX] = {
            {dsi_slice_text("snapshot-id"), dsi_slice_text(numbers[0])},
            {dsi_slice_text("parent-snapshot-id"),
             dsi_slice_text(orphan ? "null" : numbers[1])},
            {dsi_slice_text("sequence-number"), dsi_slice_text(numbers[2])},
            {dsi_slice_text("format-version"), dsi_slice_text(numbers[3])},
        };
        const struct dsi_avro_write avro = {
            .schema = dsi_buf_slice(&schema),
            .meta = meta,
            .meta_count = META_COUNT_MAX,
            .codec = plain ? DSI_COMPRESSION_NONE : DSI_COMPRESSION_DEFLATE,
            .level = plain ? DSI_COMPRESSION_LEVEL_DEFAULT : LEVEL};
        rc = dsi_avro_writer_init(w, out, &avro, err);
    }
    dsi_buf_release(&schema);
    return rc;
}

int dsi_manifest_list_build(const struct dsi_manifest_list_write *spec,
                            const struct dsi_manifest_file *files, size_t count,
                            struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_avro_writer w = {.out = NULL};
    size_t before = out->size;
    int rc = DS_OK;

    if (spec->format_version < 2 || spec->format_version > 3) {
        return dsi_fail(err, DS_EUNSUPPORTED, "manifest lists of format version %d",
                        (int)spec->format_version);
    }
    DSI_TRY(open_writer(&w, spec, count, out, err));
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(put_row(&w, spec, &files[i], err));
    }
    DSI_TRY(dsi_avro_writer_finish(&w, err));
done:
    dsi_avro_writer_release(&w);
    if (rc < 0) {
        out->size = before;
        return dsi_wrap(err, rc, "writing a manifest list");
    }
    return rc;
}
