#include "model/parts_json.h"

#include "base/error.h"

int dsi_part_list_read(struct dsi_json_reader *r, const struct dsi_part_list *list,
                       void **items, size_t *count, struct ds_error *err)
{
    int rc = DS_OK;

    *items = NULL;
    *count = 0;
    DSI_TRY(dsi_json_array_begin(r, err));
    while ((rc = dsi_json_array_next(r, err)) == DS_ROW) {
        void *grown = dsi_arena_grow(r->arena, *items, *count, list->item_size);
        if (!grown) {
            return dsi_no_memory(err, list->doing);
        }
        *items = grown;
        DSI_TRY(list->read(r, (char *)grown + *count * list->item_size, err));
        ++*count;
    }
done:
    return rc;
}

int dsi_part_read(struct dsi_json_reader *r, const struct dsi_part *part, void *out,
                  int32_t *id, struct ds_slice *raw, struct ds_error *err)
{
    struct dsi_json_reader again = *r;
    struct ds_slice all = {NULL, 0};
    struct ds_slice key = {NULL, 0};
    bool has_fields = false;
    bool has_id = false;
    int rc = DS_OK;

    DSI_TRY(dsi_json_skip(r, &all, err));
    DSI_TRY(dsi_json_object_begin(&again, err));
    while ((rc = dsi_json_object_next(&again, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, part->id_key)) {
            DSI_TRY(dsi_json_i32(&again, id, err));
            has_id = *id >= part->id_min;
        } else if (dsi_json_key_is(key, "fields")) {
            DSI_TRY(part->fields(&again, out, err));
            has_fields = true;
        } else {
            DSI_TRY(dsi_json_skip(&again, NULL, err));
        }
    }
    DSI_TRY(rc);
    if (!has_fields || !has_id) {
        return dsi_corrupt(err, "%s: a %s has no '%s'", r->what, part->name,
                           has_fields ? part->id_key : "fields");
    }
    if (dsi_arena_copy(r->arena, all, raw) < 0) {
        rc = dsi_no_memory(err, part->doing);
    }
done:
    return rc;
}

// A transform's text; a bad parameter is DS_ECORRUPT.
static int read_transform(struct dsi_json_reader *r, struct dsi_transform *out,
                          struct ds_error *err)
{
    const char *text = NULL;
    int rc = dsi_json_string(r, &text, err);

    if (rc == DS_OK) {
        rc = dsi_transform_parse(text, r->arena, out, err);
    }
    // It is a file that is wrong, not the caller.
    return rc == DS_EINVALID ? dsi_wrap(err, DS_ECORRUPT, "%s", r->what) : rc;
}

// v3's "source-ids": the first of them, and how many there are.
static int read_source_ids(struct dsi_json_reader *r, struct dsi_made_from *out,
                           struct ds_error *err)
{
    int rc = DS_OK;

    out->source_count = 0;
    DSI_TRY(dsi_json_array_begin(r, err));
    while ((rc = dsi_json_array_next(r, err)) == DS_ROW) {
        int32_t id = 0;
        DSI_TRY(dsi_json_i32(r, &id, err));
        out->source_id = out->source_count == 0 ? id : out->source_id;
        out->source_count++;
    }
done:
    return rc;
}

int dsi_made_from_member(struct dsi_json_reader *r, struct ds_slice key,
                         struct dsi_made_from *out, struct ds_error *err)
{
    if (dsi_json_key_is(key, "source-id")) {
        return dsi_json_i32(r, &out->source_id, err);
    }
    if (dsi_json_key_is(key, "source-ids")) {
        return read_source_ids(r, out, err);
    }
    if (dsi_json_key_is(key, "transform")) {
        return read_transform(r, &out->transform, err);
    }
    return dsi_json_skip(r, NULL, err);
}

const char *dsi_made_from_end(struct dsi_made_from *m)
{
    if (m->source_id < 0) {
        return "source-id";
    }
    if (!m->transform.text) {
        return "transform";
    }
    if (m->source_count > 1) { // Of several columns: none of the transforms we know.
        m->transform.kind = DSI_TRANSFORM_UNKNOWN;
    }
    return NULL;
}
