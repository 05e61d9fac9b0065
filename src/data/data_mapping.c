#include "data/data_mapping.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/json/json_reader.h"
#include "codec/json/json_writer.h"
#include "model/type.h"

struct dsi_data_mapped_name {
    int32_t field_id;
    const char *name;
    const struct dsi_data_mapped_name *next;
};

static int read_names(struct dsi_json_reader *r, struct dsi_arena *arena,
                      struct dsi_data_mapped_name **out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_json_array_begin(r, err));
    while ((rc = dsi_json_array_next(r, err)) == DS_ROW) {
        struct dsi_data_mapped_name *n = dsi_arena_alloc(arena, sizeof *n);
        if (!n) {
            return dsi_no_memory(err, "reading a name mapping");
        }
        DSI_TRY(dsi_json_string(r, &n->name, err));
        n->next = *out;
        *out = n;
    }
done:
    return rc;
}

static int read_fields(struct dsi_json_reader *r, struct dsi_arena *arena, int depth,
                       struct dsi_data_mapping *m, struct ds_error *err);

// One field of the mapping, and those below it.
static int read_field(struct dsi_json_reader *r, struct dsi_arena *arena, int depth,
                      struct dsi_data_mapping *m, struct ds_error *err)
{
    struct dsi_data_mapped_name *names = NULL;
    struct ds_slice key = {0};
    int32_t id = -1;
    int rc = DS_OK;

    DSI_TRY(dsi_json_object_begin(r, err));
    while ((rc = dsi_json_object_next(r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "field-id")) {
            DSI_TRY(dsi_json_i32(r, &id, err));
        } else if (dsi_json_key_is(key, "names")) {
            DSI_TRY(read_names(r, arena, &names, err));
        } else if (dsi_json_key_is(key, "fields")) {
            DSI_TRY(read_fields(r, arena, depth + 1, m, err));
        } else {
            DSI_TRY(dsi_json_skip(r, NULL, err));
        }
    }
    DSI_TRY(rc);
    while (names) {
        struct dsi_data_mapped_name *rest =
            (struct dsi_data_mapped_name *)names->next; // Made just now.
        names->field_id = id;
        names->next = m->names;
        m->names = names;
        names = rest;
    }
done:
    return rc;
}

static int read_fields(struct dsi_json_reader *r, struct dsi_arena *arena, int depth,
                       struct dsi_data_mapping *m, struct ds_error *err)
{
    int rc = DS_OK;

    if (depth > 2 * DSI_TYPE_DEPTH_MAX) {
        return dsi_corrupt(
            err, "property " DSI_NAME_MAPPING_KEY ": nested deeper than %d levels",
            2 * DSI_TYPE_DEPTH_MAX);
    }
    DSI_TRY(dsi_json_array_begin(r, err));
    while ((rc = dsi_json_array_next(r, err)) == DS_ROW) {
        DSI_TRY(read_field(r, arena, depth, m, err));
    }
done:
    return rc;
}

int dsi_data_mapping_read(const struct dsi_metadata *metadata, struct dsi_arena *arena,
                          struct dsi_data_mapping *out, struct ds_error *err)
{
    const char *text =
        metadata ? dsi_metadata_property(metadata, DSI_NAME_MAPPING_KEY) : NULL;
    struct dsi_json_reader r;
    int rc = DS_OK;

    *out = (struct dsi_data_mapping){.exists = text != NULL};
    if (!text) {
        return DS_OK;
    }
    dsi_json_reader_init(&r, dsi_slice_text(text), arena,
                         "property " DSI_NAME_MAPPING_KEY);
    DSI_TRY(read_fields(&r, arena, 0, out, err));
    DSI_TRY(dsi_json_end(&r, err));
done:
    return rc;
}

bool dsi_data_mapping_has(const struct dsi_data_mapping *m, int32_t id, const char *name)
{
    for (const struct dsi_data_mapped_name *n = m->names; n; n = n->next) {
        if (n->field_id == id && strcmp(n->name, name) == 0) {
            return true;
        }
    }
    return false;
}

// Whether all fields of a type, at any depth, are in the mapping by their names.
static bool has_all(const struct dsi_data_mapping *m, const struct dsi_type *t)
{
    for (size_t i = 0; i < t->field_count; i++) {
        const struct dsi_field *f = &t->fields[i]; // As deep as a checked type.
        if (!dsi_data_mapping_has(m, f->id, f->name) || !has_all(m, &f->type)) {
            return false;
        }
    }
    return true;
}

static bool is_named(const struct dsi_type *t, const char *name)
{
    for (size_t i = 0; i < t->field_count; i++) {
        if (strcmp(t->fields[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void write_fields(const struct dsi_data_mapping *m, const struct dsi_type *t,
                         struct dsi_json_writer *w)
{
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < t->field_count; i++) {
        const struct dsi_field *f = &t->fields[i];
        dsi_json_write_object_begin(w);
        dsi_json_write_member_i64(w, "field-id", f->id);
        dsi_json_write_key(w, "names");
        dsi_json_write_array_begin(w);
        dsi_json_write_string(w, f->name);
        for (const struct dsi_data_mapped_name *n = m->names; n; n = n->next) {
            if (n->field_id == f->id && !is_named(t, n->name)) {
                dsi_json_write_string(w, n->name);
            }
        }
        dsi_json_write_array_end(w);
        if (f->type.field_count > 0) {
            dsi_json_write_key(w, "fields");
            write_fields(m, &f->type, w); // As deep as a checked type.
        }
        dsi_json_write_object_end(w);
    }
    dsi_json_write_array_end(w);
}

int dsi_data_mapping_complete(const struct dsi_metadata *metadata,
                              struct dsi_arena *arena, const char **out,
                              struct ds_error *err)
{
    const struct dsi_type *root = &dsi_metadata_current_schema(metadata)->root;
    struct dsi_data_mapping m;
    struct dsi_json_writer w;
    struct dsi_buf json = DSI_BUF_INIT;
    int rc = DS_OK;

    *out = NULL;
    DSI_TRY(dsi_data_mapping_read(metadata, arena, &m, err));
    if (m.exists && has_all(&m, root)) {
        goto done;
    }
    dsi_json_writer_init(&w, &json, err);
    write_fields(&m, root, &w);
    DSI_TRY(dsi_json_writer_finish(&w));
    *out = dsi_arena_strndup(arena, (const char *)json.data, json.size);
    rc = *out ? DS_OK : dsi_no_memory(err, "writing a name mapping");
done:
    dsi_buf_release(&json);
    return rc;
}
