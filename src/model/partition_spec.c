#include "model/partition.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "model/parts_json.h"

bool dsi_partition_spec_equal(const struct dsi_partition_spec *a,
                              const struct dsi_partition_spec *b)
{
    if (a->field_count != b->field_count) {
        return false;
    }
    for (size_t i = 0; i < a->field_count; i++) {
        const struct dsi_partition_field *f = &a->fields[i];
        const struct dsi_partition_field *g = &b->fields[i];
        if (f->source_id != g->source_id || strcmp(f->name, g->name) != 0 ||
            strcmp(f->transform.text, g->transform.text) != 0) {
            return false;
        }
    }
    return true;
}

// The type a field's values are made from; UNKNOWN for a column that is gone.
static struct dsi_type source_type(const struct dsi_partition_field *f,
                                   const struct dsi_schema *schema)
{
    const struct dsi_field *source = dsi_schema_field(schema, f->source_id);
    return source ? source->type : (struct dsi_type){.kind = DSI_TYPE_UNKNOWN};
}

// What a transform gives when nobody can say what it is made from.
static struct dsi_type result_without_source(const struct dsi_transform *t)
{
    switch (t->kind) {
    case DSI_TRANSFORM_BUCKET:
    case DSI_TRANSFORM_YEAR:
    case DSI_TRANSFORM_MONTH:
    case DSI_TRANSFORM_HOUR:
        return (struct dsi_type){.kind = DSI_TYPE_INT};
    case DSI_TRANSFORM_DAY:
        return (struct dsi_type){.kind = DSI_TYPE_DATE};
    case DSI_TRANSFORM_UNKNOWN:
        return (struct dsi_type){.kind = DSI_TYPE_STRING};
    default:
        return (struct dsi_type){.kind = DSI_TYPE_UNKNOWN};
    }
}

int dsi_partition_types(const struct dsi_partition_spec *spec,
                        const struct dsi_schema *schema, struct dsi_arena *arena,
                        struct dsi_type **out, struct ds_error *err)
{
    struct dsi_type *types = dsi_arena_array(arena, spec->field_count, sizeof *types);

    *out = types;
    if (!types) {
        return dsi_no_memory(err, "reading a partition spec");
    }
    for (size_t i = 0; i < spec->field_count; i++) {
        const struct dsi_transform *t = &spec->fields[i].transform;
        struct dsi_type source = source_type(&spec->fields[i], schema);
        int rc = DS_OK;
        if (source.kind == DSI_TYPE_UNKNOWN) {
            types[i] = result_without_source(t);
        } else {
            rc = dsi_transform_result(t, &source, &types[i], err);
        }
        if (rc < 0) {
            return dsi_wrap(err, rc, "partition spec %d", (int)spec->spec_id);
        }
    }
    return DS_OK;
}

int dsi_partition_spec_check(const struct dsi_partition_spec *spec,
                             const struct dsi_schema *schema, struct ds_error *err)
{
    for (size_t i = 0; i < spec->field_count; i++) {
        const struct dsi_partition_field *f = &spec->fields[i];
        const struct dsi_field *source = dsi_schema_field(schema, f->source_id);
        struct dsi_type result;
        if (f->transform.kind == DSI_TRANSFORM_VOID) {
            continue; // Its column may be gone.
        }
        if (!source || !dsi_type_is_primitive(&source->type)) {
            return dsi_fail(
                err, DS_EINVALID, "partition field '%s' is made from column %d, which %s",
                f->name, (int)f->source_id,
                source ? "holds more than one value" : "the schema does not have");
        }
        int rc = dsi_transform_result(&f->transform, &source->type, &result, err);
        if (rc < 0) {
            return dsi_wrap(err, rc, "partition field '%s'", f->name);
        }
    }
    return DS_OK;
}

int dsi_partition_spec_check_names(const struct dsi_partition_spec *spec,
                                   const struct dsi_schema *schema, struct ds_error *err)
{
    for (size_t i = 0; i < spec->field_count; i++) {
        const struct dsi_partition_field *f = &spec->fields[i];
        for (size_t k = 0; k < schema->root.field_count; k++) {
            const struct dsi_field *column = &schema->root.fields[k];
            bool own =
                f->transform.kind == DSI_TRANSFORM_IDENTITY && column->id == f->source_id;
            if (!own && strcmp(column->name, f->name) == 0) {
                return dsi_fail(err, DS_EINVALID,
                                "partition field '%s' would have the name of a column",
                                f->name);
            }
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(spec->fields[k].name, f->name) == 0) {
                return dsi_fail(err, DS_EINVALID, "two partition fields named '%s'",
                                f->name);
            }
        }
    }
    return DS_OK;
}

// --- directories

// As java.net.URLEncoder: letters, digits and ".-*_" stay, a blank is "+". Only a dot
// after a dot is encoded too: nothing here may look like "..".
static int append_encoded(struct ds_slice text, struct dsi_buf *out, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; rc == DS_OK && i < text.size; i++) {
        uint8_t c = text.data[i];
        bool letter =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool dots = c == '.' && i > 0 && text.data[i - 1] == '.';
        if (letter || c == '-' || c == '*' || c == '_' || (c == '.' && !dots)) {
            rc = dsi_buf_append_byte(out, c, err);
        } else if (c == ' ') {
            rc = dsi_buf_append_byte(out, '+', err);
        } else {
            rc = dsi_buf_printf(out, err, "%%%02X", (unsigned)c);
        }
    }
    return rc;
}

// "name=value", both encoded.
static int append_part(const struct dsi_partition_field *f, const struct dsi_type *source,
                       const struct dsi_value *v, struct dsi_buf *out,
                       struct ds_error *err)
{
    struct dsi_buf text = DSI_BUF_INIT;
    int rc = DS_OK;

    DSI_TRY(dsi_transform_format(&f->transform, source, v, &text, err));
    DSI_TRY(append_encoded(dsi_slice_text(f->name), out, err));
    DSI_TRY(dsi_buf_append_byte(out, '=', err));
    DSI_TRY(append_encoded(dsi_buf_slice(&text), out, err));
done:
    dsi_buf_release(&text);
    return rc;
}

// A segment that a file system may refuse is cut, never inside of an escape: names of
// directories are informative only.
static void cut_segment(struct dsi_buf *out, size_t start)
{
    enum { SEGMENT_MAX = 240 };
    size_t end = start + SEGMENT_MAX;
    if (out->size > end) {
        end -= out->data[end - 1] == '%' ? 1 : out->data[end - 2] == '%' ? 2 : 0;
        out->size = end;
    }
}

int dsi_partition_path(const struct dsi_partition_spec *spec,
                       const struct dsi_schema *schema, const struct dsi_value *values,
                       struct dsi_buf *out, struct ds_error *err)
{
    size_t before = out->size;
    int rc = DS_OK;

    for (size_t i = 0; i < spec->field_count; i++) {
        struct dsi_type source = source_type(&spec->fields[i], schema);
        if (i > 0) {
            DSI_TRY(dsi_buf_append_byte(out, '/', err));
        }
        size_t start = out->size;
        DSI_TRY(append_part(&spec->fields[i], &source, &values[i], out, err));
        cut_segment(out, start);
    }
done:
    if (rc < 0) {
        out->size = before;
    }
    return rc;
}

// --- JSON

static int read_partition_field(struct dsi_json_reader *r, void *item,
                                struct ds_error *err)
{
    struct dsi_partition_field *f = item;
    struct dsi_made_from from = DSI_MADE_FROM_INIT;
    struct ds_slice key = {NULL, 0};
    const char *lacks = NULL;
    int rc = DS_OK;

    *f = (struct dsi_partition_field){.field_id = -1};
    DSI_TRY(dsi_json_object_begin(r, err));
    while ((rc = dsi_json_object_next(r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "field-id")) {
            DSI_TRY(dsi_json_i32(r, &f->field_id, err));
        } else if (dsi_json_key_is(key, "name")) {
            DSI_TRY(dsi_json_string(r, &f->name, err));
        } else {
            DSI_TRY(dsi_made_from_member(r, key, &from, err));
        }
    }
    DSI_TRY(rc);
    lacks = dsi_made_from_end(&from);
    lacks = from.source_id >= 0 && !f->name ? "name" : lacks;
    if (lacks) {
        return dsi_corrupt(err, "%s: a partition field has no '%s'", r->what, lacks);
    }
    f->source_id = from.source_id;
    f->transform = from.transform;
done:
    return rc;
}

// Gives ids to fields that have none, as in v1: they count from 1000. Then no two fields
// may have one id or one name.
static int settle_fields(struct dsi_json_reader *r, struct dsi_partition_field *fields,
                         size_t count, struct ds_error *err)
{
    enum { FIELDS_MAX = 1000 }; // Compared pair by pair; no real spec has twenty.
    size_t without = 0;

    if (count > FIELDS_MAX) {
        return dsi_corrupt(err, "%s: %zu partition fields; %d are the most", r->what,
                           count, FIELDS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        without += fields[i].field_id < 0;
    }
    if (without > 0 && without < count) {
        return dsi_corrupt(
            err, "%s: some partition fields have a 'field-id', some have none", r->what);
    }
    for (size_t i = 0; i < count; i++) {
        fields[i].field_id = without > 0 ? 1000 + (int32_t)i : fields[i].field_id;
        for (size_t k = 0; k < i; k++) {
            if (fields[k].field_id == fields[i].field_id) {
                return dsi_corrupt(err, "%s: two partition fields have the id %d",
                                   r->what, (int)fields[i].field_id);
            }
            if (strcmp(fields[k].name, fields[i].name) == 0) {
                return dsi_corrupt(err, "%s: two partition fields are named '%s'",
                                   r->what, fields[i].name);
            }
        }
    }
    return DS_OK;
}

static int read_partition_fields(struct dsi_json_reader *r, void *spec,
                                 struct ds_error *err)
{
    static const struct dsi_part_list list = {.doing = "reading a partition spec",
                                              .item_size =
                                                  sizeof(struct dsi_partition_field),
                                              .read = read_partition_field};
    struct dsi_partition_spec *out = spec;
    void *fields = NULL;
    int rc = dsi_part_list_read(r, &list, &fields, &out->field_count, err);

    if (rc < 0) {
        return rc;
    }
    out->fields = fields;
    return settle_fields(r, fields, out->field_count, err);
}

int dsi_partition_spec_read(struct dsi_json_reader *r, bool fields_only,
                            struct dsi_partition_spec *out, struct ds_error *err)
{
    static const struct dsi_part part = {.name = "partition spec",
                                         .doing = "reading a partition spec",
                                         .id_key = "spec-id",
                                         .id_min = 0,
                                         .fields = read_partition_fields};

    *out = (struct dsi_partition_spec){.spec_id = 0};
    return fields_only ? read_partition_fields(r, out, err)
                       : dsi_part_read(r, &part, out, &out->spec_id, &out->raw, err);
}

int dsi_partition_spec_from_json(struct ds_slice json, bool fields_only,
                                 struct dsi_arena *arena, struct dsi_partition_spec *out,
                                 struct ds_error *err)
{
    struct dsi_json_reader r;
    int rc = DS_OK;

    dsi_json_reader_init(&r, json, arena, "partition spec");
    DSI_TRY(dsi_partition_spec_read(&r, fields_only, out, err));
    DSI_TRY(dsi_json_end(&r, err));
done:
    return rc;
}

static void write_partition_fields(struct dsi_json_writer *w,
                                   const struct dsi_partition_spec *spec)
{
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < spec->field_count; i++) {
        const struct dsi_partition_field *f = &spec->fields[i];
        dsi_json_write_object_begin(w);
        dsi_json_write_member_string(w, "name", f->name);
        dsi_json_write_member_string(w, "transform", f->transform.text);
        dsi_json_write_member_i64(w, "source-id", f->source_id);
        dsi_json_write_member_i64(w, "field-id", f->field_id);
        dsi_json_write_object_end(w);
    }
    dsi_json_write_array_end(w);
}

void dsi_partition_spec_write(struct dsi_json_writer *w,
                              const struct dsi_partition_spec *spec, bool fields_only)
{
    if (fields_only) {
        write_partition_fields(w, spec);
    } else if (spec->raw.size > 0) {
        dsi_json_write_raw(w, spec->raw);
    } else {
        dsi_json_write_object_begin(w);
        dsi_json_write_member_i64(w, "spec-id", spec->spec_id);
        dsi_json_write_key(w, "fields");
        write_partition_fields(w, spec);
        dsi_json_write_object_end(w);
    }
}

int dsi_partition_spec_to_json(const struct dsi_partition_spec *spec, bool fields_only,
                               struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_json_writer w;
    dsi_json_writer_init(&w, out, err);
    dsi_partition_spec_write(&w, spec, fields_only);
    return dsi_json_writer_finish(&w);
}
