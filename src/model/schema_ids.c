// Copies of schemas: as they are, and with new field ids.
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "model/type.h"

struct copier {
    struct dsi_arena *arena;
    int32_t *last_id;        // NULL: ids stay.
    struct dsi_map *new_ids; // From old ids to the new fields; NULL: ids stay.
    struct ds_error *err;
};

static int copy_text(struct copier *c, const char *from, const char **out)
{
    *out = from ? dsi_arena_strdup(c->arena, from) : NULL;
    return from && !*out ? dsi_no_memory(c->err, "copying a schema") : DS_OK;
}

static int new_id(struct copier *c, struct dsi_field *f)
{
    int32_t old = f->id;
    if (*c->last_id >= DSI_FIELD_ID_MAX) {
        return dsi_fail(c->err, DS_EINVALID, "no field ids are left: the last is %d",
                        *c->last_id);
    }
    f->id = ++*c->last_id;
    // A schema that was never numbered has one id in many places; nothing refers to it.
    return dsi_map_put_int(c->new_ids, old, f, c->err);
}

static int copy_type(struct copier *c, const struct dsi_type *from, struct dsi_type *out,
                     int depth)
{
    struct dsi_field *fields = NULL;
    int rc = DS_OK;

    if (depth > DSI_TYPE_DEPTH_MAX) {
        return dsi_fail(c->err, DS_EINVALID, "types nested more than %d deep",
                        DSI_TYPE_DEPTH_MAX);
    }
    *out = *from;
    out->fields = NULL;
    DSI_TRY(copy_text(c, from->text, &out->text));
    if (from->field_count == 0) {
        return DS_OK;
    }
    fields = dsi_arena_array(c->arena, from->field_count, sizeof *fields);
    if (!fields) {
        return dsi_no_memory(c->err, "copying a schema");
    }
    out->fields = fields;
    for (size_t i = 0; i < from->field_count;
         i++) { // All of a level, then what is inside.
        const struct dsi_field *f = &from->fields[i];
        fields[i] = *f;
        DSI_TRY(copy_text(c, f->name, &fields[i].name));
        DSI_TRY(copy_text(c, f->doc, &fields[i].doc));
        DSI_TRY(copy_text(c, f->initial_default, &fields[i].initial_default));
        DSI_TRY(copy_text(c, f->write_default, &fields[i].write_default));
        if (c->new_ids) {
            DSI_TRY(new_id(c, &fields[i]));
        }
    }
    for (size_t i = 0; i < from->field_count; i++) {
        DSI_TRY(copy_type(c, &from->fields[i].type, &fields[i].type, depth + 1));
    }
done:
    return rc;
}

static int copy_identifiers(struct copier *c, const struct dsi_schema *s,
                            struct dsi_schema *out)
{
    if (s->identifier_count == 0) {
        return DS_OK;
    }
    int32_t *ids = dsi_arena_array(c->arena, s->identifier_count, sizeof *ids);
    if (!ids) {
        return dsi_no_memory(c->err, "copying a schema");
    }
    for (size_t i = 0; i < s->identifier_count; i++) {
        ids[i] = s->identifier_ids[i];
        if (c->new_ids) {
            const struct dsi_field *f = dsi_map_get_int(c->new_ids, ids[i]);
            if (!f) {
                return dsi_fail(c->err, DS_EINVALID,
                                "identifier field %d is not in the schema", ids[i]);
            }
            ids[i] = f->id;
        }
    }
    out->identifier_ids = ids;
    return DS_OK;
}

int dsi_schema_copy(const struct dsi_schema *s, struct dsi_arena *arena,
                    struct dsi_schema *out, struct ds_error *err)
{
    struct copier c = {arena, NULL, NULL, err};
    struct dsi_schema copy = *s;
    int rc = DS_OK;

    DSI_TRY(copy_type(&c, &s->root, &copy.root, 0));
    DSI_TRY(copy_identifiers(&c, s, &copy));
    if (s->raw.size > 0 && dsi_arena_copy(arena, s->raw, &copy.raw) < 0) {
        return dsi_no_memory(err, "copying a schema");
    }
    *out = copy;
done:
    return rc;
}

int dsi_schema_assign_ids(const struct dsi_schema *s, int32_t *last_id,
                          struct dsi_arena *arena, struct dsi_schema *out,
                          struct ds_error *err)
{
    struct dsi_map new_ids = DSI_MAP_INIT;
    int32_t last = *last_id;
    struct copier c = {arena, &last, &new_ids, err};
    struct dsi_schema copy = *s;
    int rc = DS_OK;

    DSI_TRY(copy_type(&c, &s->root, &copy.root, 0));
    DSI_TRY(copy_identifiers(&c, s, &copy));
    copy.highest_id = last > *last_id ? last : 0;
    copy.raw = (struct ds_slice){NULL, 0};
    *out = copy;
    *last_id = last;
done:
    dsi_map_release(&new_ids);
    return rc;
}
