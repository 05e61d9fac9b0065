#include "data/data_fields.h"

#include "base/error.h"
#include "base/text.h"
#include "codec/json/json_reader.h"
#include "data/data_column.h"

#define MAPPING_KEY "schema.name-mapping.default"

// What one column was called in files without ids.
struct mapped_name {
    int32_t field_id;
    const char *name;
    const struct mapped_name *next;
};

struct mapping {
    bool exists;
    const struct mapped_name *names;
};

static int read_names(struct dsi_json_reader *r, struct dsi_arena *arena,
                      struct mapped_name **out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_json_array_begin(r, err));
    while ((rc = dsi_json_array_next(r, err)) == DS_ROW) {
        struct mapped_name *n = dsi_arena_alloc(arena, sizeof *n);
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

// One column of the mapping; its own fields, if it is nested, are passed over.
static int read_mapped_field(struct dsi_json_reader *r, struct dsi_arena *arena,
                             struct mapping *m, struct ds_error *err)
{
    struct mapped_name *names = NULL;
    struct ds_slice key = {0};
    int32_t id = -1;
    int rc = DS_OK;

    DSI_TRY(dsi_json_object_begin(r, err));
    while ((rc = dsi_json_object_next(r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "field-id")) {
            DSI_TRY(dsi_json_i32(r, &id, err));
        } else if (dsi_json_key_is(key, "names")) {
            DSI_TRY(read_names(r, arena, &names, err));
        } else {
            DSI_TRY(dsi_json_skip(r, NULL, err));
        }
    }
    DSI_TRY(rc);
    while (names) {
        struct mapped_name *rest = (struct mapped_name *)names->next; // Made just now.
        names->field_id = id;
        names->next = m->names;
        m->names = names;
        names = rest;
    }
done:
    return rc;
}

static int read_mapping(const struct dsi_metadata *metadata, struct dsi_arena *arena,
                        struct mapping *m, struct ds_error *err)
{
    const char *text = metadata ? dsi_metadata_property(metadata, MAPPING_KEY) : NULL;
    struct dsi_json_reader r;
    int rc = DS_OK;

    *m = (struct mapping){.exists = text != NULL};
    if (!text) {
        return DS_OK;
    }
    dsi_json_reader_init(&r, dsi_slice_text(text), arena, "property " MAPPING_KEY);
    DSI_TRY(dsi_json_array_begin(&r, err));
    while ((rc = dsi_json_array_next(&r, err)) == DS_ROW) {
        DSI_TRY(read_mapped_field(&r, arena, m, err));
    }
    DSI_TRY(rc);
    DSI_TRY(dsi_json_end(&r, err));
done:
    return rc;
}

static bool is_mapped(const struct mapping *m, int32_t id, const char *name)
{
    for (const struct mapped_name *n = m->names; n; n = n->next) {
        if (n->field_id == id && strcmp(n->name, name) == 0) {
            return true;
        }
    }
    return false;
}

// Whether anything in the file has an id: then ids are what counts.
static bool has_ids(const struct dsi_parquet_file *file)
{
    const struct dsi_parquet_node *n = file->root->first_child;
    while (n && !n->field.has_field_id) {
        n = n->next;
    }
    return n != NULL;
}

static const struct dsi_parquet_node *find_node(const struct dsi_parquet_file *file,
                                                const struct mapping *m, bool by_id,
                                                const struct dsi_field *f)
{
    int32_t position = 1;
    for (const struct dsi_parquet_node *n = file->root->first_child; n; n = n->next) {
        bool found = by_id       ? n->field.has_field_id && n->field.field_id == f->id
                     : m->exists ? is_mapped(m, f->id, n->field.name)
                                 : position == f->id;
        if (found) {
            return n;
        }
        position++;
    }
    return NULL;
}

// The identity partition value of a column; NULL when the file has none.
static const struct dsi_value *partition_value(const struct dsi_data_reader_options *o,
                                               const struct dsi_field *f)
{
    const struct dsi_partition_spec *spec =
        o->metadata ? dsi_metadata_spec(o->metadata, o->file->spec_id) : NULL;

    for (size_t i = 0; spec && i < spec->field_count && i < o->file->partition_count;
         i++) {
        if (spec->fields[i].source_id == f->id &&
            spec->fields[i].transform.kind == DSI_TRANSFORM_IDENTITY) {
            return &o->file->partition[i];
        }
    }
    return NULL;
}

// A value that was written under an older, narrower type.
static int widen(const struct dsi_value *v, const struct dsi_field *f,
                 struct dsi_value *out, struct ds_error *err)
{
    struct dsi_type from = {.kind = v->kind,
                            .precision = f->type.precision,
                            .scale = f->type.scale,
                            .length = f->type.length};
    *out = *v;
    if (v->null || v->kind == f->type.kind) {
        return DS_OK;
    }
    return dsi_value_cast(v, &from, &f->type, out, err);
}

static int find_constant(const struct dsi_data_reader_options *o,
                         const struct dsi_field *f, struct dsi_arena *arena,
                         struct dsi_value *out, struct ds_error *err)
{
    const struct dsi_value *partition = partition_value(o, f);
    int rc = DS_OK;

    *out = DSI_VALUE_NULL;
    if (partition) {
        rc = widen(partition, f, out, err);
    } else if (f->initial_default) {
        rc = dsi_value_from_json(&f->type, dsi_slice_text(f->initial_default), arena, out,
                                 err);
    }
    if (rc == DS_OK && f->required && out->null) {
        rc = dsi_corrupt(err, "column %s (id %d): required, but not in the file", f->name,
                         (int)f->id);
    }
    return rc;
}

int dsi_data_origins(const struct dsi_data_reader_options *options,
                     const struct dsi_parquet_file *file, struct dsi_arena *arena,
                     struct dsi_data_origin **out, struct ds_error *err)
{
    size_t count = options->schema->root.field_count;
    struct dsi_data_origin *origins = dsi_arena_array(arena, count, sizeof *origins);
    bool by_id = has_ids(file);
    struct mapping m;
    int rc = DS_OK;

    if (!origins) {
        return dsi_no_memory(err, "matching the columns of a file");
    }
    DSI_TRY(read_mapping(options->metadata, arena, &m, err));
    for (size_t i = 0; i < count; i++) {
        const struct dsi_field *f = &options->schema->root.fields[i];
        origins[i].leaf = find_node(file, &m, by_id, f);
        if (origins[i].leaf) {
            DSI_TRY(dsi_data_column_check(origins[i].leaf, f, err));
        } else if (dsi_layout_of(&f->type) == DSI_LAYOUT_NESTED) {
            return dsi_fail(err, DS_EUNSUPPORTED,
                            "column %s: nested values cannot be read yet", f->name);
        } else {
            DSI_TRY(find_constant(options, f, arena, &origins[i].constant, err));
        }
    }
    *out = origins;
done:
    return rc;
}
