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

int dsi_partition_types(const struct dsi_partition_spec *spec,
                        const struct dsi_schema *schema, struct dsi_arena *arena,
                        struct dsi_type **out, struct ds_error *err)
{
    static const struct dsi_type gone = {.kind = DSI_TYPE_UNKNOWN};
    struct dsi_type *types = dsi_arena_array(arena, spec->field_count, sizeof *types);
    int rc = DS_OK;

    *out = types;
    if (!types) {
        return dsi_no_memory(err, "reading a partition spec");
    }
    for (size_t i = 0; i < spec->field_count; i++) {
        const struct dsi_partition_field *f = &spec->fields[i];
        const struct dsi_field *source = dsi_schema_field(schema, f->source_id);
        if (!source && f->transform.kind == DSI_TRANSFORM_IDENTITY) {
            types[i] = gone;
        } else if (!source && f->transform.kind == DSI_TRANSFORM_TRUNCATE) {
            types[i] = gone;
        } else {
            // What counts or hashes gives an int whatever it was made of.
            static const struct dsi_type moment = {.kind = DSI_TYPE_TIMESTAMP};
            rc = dsi_transform_result(&f->transform, source ? &source->type : &moment,
                                      &types[i], err);
            DSI_TRY(rc);
        }
    }
done:
    return rc < 0 ? dsi_wrap(err, rc, "partition spec %d", (int)spec->spec_id) : rc;
}

// --- directories
// -------------------------------------------------------------------------

// As java.net.URLEncoder: letters, digits and ".-*_" stay, a blank is "+". Since "."
// alone would be a path of its own, leading dots are encoded too.
static int append_encoded(struct ds_slice text, struct dsi_buf *out, struct ds_error *err)
{
    bool only_dots = true;
    int rc = DS_OK;

    for (size_t i = 0; i < text.size; i++) {
        only_dots = only_dots && text.data[i] == '.';
    }
    for (size_t i = 0; rc == DS_OK && i < text.size; i++) {
        uint8_t c = text.data[i];
        bool letter =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (letter || c == '-' || c == '*' || c == '_' || (c == '.' && !only_dots)) {
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

int dsi_partition_path(const struct dsi_partition_spec *spec,
                       const struct dsi_schema *schema, const struct dsi_value *values,
                       struct dsi_buf *out, struct ds_error *err)
{
    enum { SEGMENT_MAX = 240 };
    static const struct dsi_type gone = {.kind = DSI_TYPE_STRING};
    int rc = DS_OK;

    for (size_t i = 0; i < spec->field_count; i++) {
        const struct dsi_field *source =
            dsi_schema_field(schema, spec->fields[i].source_id);
        if (i > 0) {
            DSI_TRY(dsi_buf_append_byte(out, '/', err));
        }
        size_t start = out->size;
        DSI_TRY(append_part(&spec->fields[i], source ? &source->type : &gone, &values[i],
                            out, err));
        if (out->size - start >
            SEGMENT_MAX) { // Names of directories are informative only.
            out->size = start + SEGMENT_MAX;
        }
    }
done:
    return rc;
}

// --- JSON
// ----------------------------------------------------------------------------------

static int read_source(struct dsi_json_reader *r, int32_t *out, struct ds_error *err)
{
    int rc = DS_OK;
    bool first = true;

    DSI_TRY(dsi_json_array_begin(r, err));
    while ((rc = dsi_json_array_next(r, err)) == DS_ROW) {
        if (first) {
            DSI_TRY(dsi_json_i32(r, out, err));
        } else {
            DSI_TRY(dsi_json_skip(r, NULL, err));
        }
        first = false;
    }
done:
    return rc;
}

static int read_transform(struct dsi_json_reader *r, struct dsi_transform *out,
                          struct ds_error *err)
{
    const char *text = NULL;
    int rc = dsi_json_string(r, &text, err);
    return rc < 0 ? rc : dsi_transform_parse(text, r->arena, out, err);
}

static int read_partition_field(struct dsi_json_reader *r, size_t place,
                                struct dsi_partition_field *f, struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    *f = (struct dsi_partition_field){.source_id = -1};
    f->field_id = 1000 + (int32_t)place; // v1 does not write it.
    DSI_TRY(dsi_json_object_begin(r, err));
    while ((rc = dsi_json_object_next(r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "source-id")) {
            DSI_TRY(dsi_json_i32(r, &f->source_id, err));
        } else if (dsi_json_key_is(key, "source-ids")) { // v3, several arguments.
            DSI_TRY(read_source(r, &f->source_id, err));
        } else if (dsi_json_key_is(key, "field-id")) {
            DSI_TRY(dsi_json_i32(r, &f->field_id, err));
        } else if (dsi_json_key_is(key, "name")) {
            DSI_TRY(dsi_json_string(r, &f->name, err));
        } else if (dsi_json_key_is(key, "transform")) {
            DSI_TRY(read_transform(r, &f->transform, err));
        } else {
            DSI_TRY(dsi_json_skip(r, NULL, err));
        }
    }
    if (rc == DS_OK && (f->source_id < 0 || !f->name || !f->transform.text)) {
        rc = dsi_json_unexpected(r, err,
                                 "a partition field with source-id, name and transform");
    }
done:
    return rc;
}

static int read_partition_fields(struct dsi_json_reader *r,
                                 struct dsi_partition_spec *out, struct ds_error *err)
{
    struct dsi_partition_field *fields = NULL;
    size_t room = 0;
    int rc = DS_OK;

    out->field_count = 0;
    DSI_TRY(dsi_json_array_begin(r, err));
    while ((rc = dsi_json_array_next(r, err)) == DS_ROW) {
        if (out->field_count == room) {
            size_t wider = room ? room * 2 : 4;
            struct dsi_partition_field *more =
                dsi_arena_array(r->arena, wider, sizeof *more);
            if (!more) {
                return dsi_no_memory(err, "reading a partition spec");
            }
            if (room > 0) {
                memcpy(more, fields, room * sizeof *more);
            }
            fields = more;
            out->fields = fields;
            room = wider;
        }
        DSI_TRY(
            read_partition_field(r, out->field_count, &fields[out->field_count], err));
        out->field_count++;
    }
done:
    return rc;
}

int dsi_partition_spec_read(struct dsi_json_reader *r, bool fields_only,
                            struct dsi_partition_spec *out, struct ds_error *err)
{
    struct dsi_json_reader again = *r;
    struct ds_slice raw = {NULL, 0};
    struct ds_slice key = {NULL, 0};
    bool fields = false;
    int rc = DS_OK;

    *out = (struct dsi_partition_spec){.spec_id = 0};
    if (fields_only) {
        return read_partition_fields(r, out, err);
    }
    DSI_TRY(dsi_json_skip(r, &raw, err));
    DSI_TRY(dsi_json_object_begin(&again, err));
    while ((rc = dsi_json_object_next(&again, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "spec-id")) {
            DSI_TRY(dsi_json_i32(&again, &out->spec_id, err));
        } else if (dsi_json_key_is(key, "fields")) {
            DSI_TRY(read_partition_fields(&again, out, err));
            fields = true;
        } else {
            DSI_TRY(dsi_json_skip(&again, NULL, err));
        }
    }
    if (rc == DS_OK && !fields) {
        rc = dsi_json_unexpected(&again, err, "a partition spec with fields");
    }
    DSI_TRY(rc);
    if (dsi_arena_copy(r->arena, raw, &out->raw) < 0) {
        rc = dsi_no_memory(err, "reading a partition spec");
    }
done:
    return rc;
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
