#include "data/data_mapping.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/json/json_reader.h"
#include "model/type.h"

#define MAPPING_KEY "schema.name-mapping.default"

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
        return dsi_corrupt(err, "property " MAPPING_KEY ": nested deeper than %d levels",
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
    const char *text = metadata ? dsi_metadata_property(metadata, MAPPING_KEY) : NULL;
    struct dsi_json_reader r;
    int rc = DS_OK;

    *out = (struct dsi_data_mapping){.exists = text != NULL};
    if (!text) {
        return DS_OK;
    }
    dsi_json_reader_init(&r, dsi_slice_text(text), arena, "property " MAPPING_KEY);
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
