// Arrow schemas to Iceberg's.
#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "data/arrow_format.h"
#include "data/arrow_io.h"

enum { NODES_MAX = 1 << 20 };

struct reading {
    struct dsi_arena *arena;
    size_t nodes;      // So far: a schema that shares children must not explode.
    bool ids_complete; // Every field so far had an id.
    int32_t highest_id;
    struct ds_error *err;
};

static int read_type(struct reading *r, const struct ArrowSchema *s, int depth,
                     struct dsi_type *out);

static int read_field(struct reading *r, const struct ArrowSchema *s, int depth,
                      struct dsi_field *out)
{
    int rc = dsi_arrow_field_id(s, &out->id, r->err);
    if (rc == DS_OK) {
        rc = read_type(r, s, depth, &out->type);
    }
    if (rc < 0) {
        return rc;
    }
    r->ids_complete = r->ids_complete && out->id >= 1;
    r->highest_id = out->id > r->highest_id ? out->id : r->highest_id;
    out->required =
        (s->flags & ARROW_FLAG_NULLABLE) == 0 && out->type.kind != DSI_TYPE_UNKNOWN;
    out->name = dsi_arena_strdup(r->arena, dsi_arrow_name(s));
    return out->name ? DS_OK : dsi_no_memory(r->err, "reading an Arrow schema");
}

static int read_fields(struct reading *r, const struct ArrowSchema *s, int depth,
                       struct dsi_type *out)
{
    size_t count = (size_t)s->n_children;
    struct dsi_field *fields = dsi_arena_array(r->arena, count, sizeof *fields);

    if (!fields) {
        return dsi_no_memory(r->err, "reading an Arrow schema");
    }
    for (size_t i = 0; i < count; i++) {
        int rc = read_field(r, s->children[i], depth + 1, &fields[i]);
        if (rc < 0) {
            return rc;
        }
    }
    out->fields = fields;
    out->field_count = count;
    return DS_OK;
}

// A map's child is a struct of a key and a value, whatever the three are called.
static int read_map(struct reading *r, const struct ArrowSchema *s, int depth,
                    struct dsi_type *out)
{
    const struct ArrowSchema *entries = s->children[0];
    struct dsi_arrow_format f;
    int rc = dsi_arrow_format_read(entries, &f, r->err);

    if (rc == DS_OK && (f.kind != DSI_ARROW_STRUCT || entries->n_children != 2)) {
        rc = dsi_fail(r->err, DS_EINVALID,
                      "column %s: the entries of an Arrow map are a struct of two",
                      dsi_arrow_name(s));
    }
    if (rc == DS_OK) {
        rc = read_fields(r, entries, depth + 1, out);
    }
    if (rc == DS_OK) {
        struct dsi_field *fields = (struct dsi_field *)out->fields; // Made just now.
        fields[0].name = "key";
        fields[0].required = true;
        fields[1].name = "value";
    }
    return rc;
}

// A variant is marked, else it is a struct like any other.
static int read_struct(struct reading *r, const struct ArrowSchema *s, int depth,
                       struct dsi_type *out)
{
    bool variant = false;
    int rc = dsi_arrow_extension_is(s, DSI_ARROW_VARIANT_NAME, &variant, NULL, r->err);

    if (rc == DS_OK && variant) {
        out->kind = DSI_TYPE_VARIANT;
        return DS_OK; // An import looks at what is in it.
    }
    return rc < 0 ? rc : read_fields(r, s, depth, out);
}

static int read_type(struct reading *r, const struct ArrowSchema *s, int depth,
                     struct dsi_type *out)
{
    struct dsi_arrow_format f;

    if (depth > DSI_ARROW_DEPTH_MAX || ++r->nodes > NODES_MAX) {
        return dsi_fail(
            r->err, DS_EINVALID,
            "column %s: an Arrow schema deeper than %d levels or of more than "
            "%d fields",
            dsi_arrow_name(s), DSI_ARROW_DEPTH_MAX, NODES_MAX);
    }
    int rc = dsi_arrow_format_read(s, &f, r->err);
    if (rc < 0) {
        return rc;
    }
    *out = (struct dsi_type){.kind = DSI_TYPE_STRUCT};
    if (s->dictionary) {
        return read_type(r, s->dictionary, depth + 1, out);
    }
    switch (f.kind) {
    case DSI_ARROW_STRUCT:
        return read_struct(r, s, depth, out);
    case DSI_ARROW_MAP:
        out->kind = DSI_TYPE_MAP;
        return read_map(r, s, depth, out);
    case DSI_ARROW_LIST:
        out->kind = DSI_TYPE_LIST;
        rc = read_fields(r, s, depth, out);
        if (rc == DS_OK) {
            assert(out->field_count == 1 && out->fields);
            ((struct dsi_field *)out->fields)->name = "element"; // Made just now.
        }
        return rc;
    case DSI_ARROW_RUN_ENDS:
        return read_type(r, s->children[1], depth + 1, out);
    default:
        return dsi_arrow_format_type(s, &f, r->arena, out, r->err);
    }
}

int dsi_arrow_schema_read(const struct ArrowSchema *schema, struct dsi_arena *arena,
                          struct dsi_schema *out, struct ds_error *err)
{
    struct reading r = {.arena = arena, .ids_complete = true, .err = err};
    struct dsi_arrow_format f;
    struct dsi_schema read = {.root = {.kind = DSI_TYPE_STRUCT}};
    int32_t last_id = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_arrow_format_read(schema, &f, err));
    if (f.kind != DSI_ARROW_STRUCT || schema->dictionary) {
        rc = dsi_fail(err, DS_EINVALID,
                      "the Arrow schema is '%.40s', not a struct of columns",
                      schema->format);
        goto done;
    }
    DSI_TRY(read_fields(&r, schema, 0, &read.root));
    if (r.ids_complete) {
        read.highest_id = r.highest_id;
        *out = read;
    } else {
        DSI_TRY(dsi_schema_assign_ids(&read, &last_id, arena, out, err));
    }
    DSI_TRY(dsi_schema_check(out, err));
done:
    return rc < 0 ? dsi_wrap(err, rc, "reading an Arrow schema") : rc;
}

bool dsi_arrow_schema_has_ids(const struct ArrowSchema *schema)
{
    bool all = schema->n_children > 0;

    for (int64_t i = 0; all && i < schema->n_children; i++) {
        int32_t id = 0;
        all = dsi_arrow_field_id(schema->children[i], &id, NULL) == DS_OK && id >= 1;
    }
    return all;
}
