// The metadata of a table that is being made.
#include "model/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "model/location.h"
#include "model/metadata_edit.h"

static int choose_version(struct ds_properties properties, int32_t *out,
                          struct ds_error *err)
{
    *out = 2;
    for (size_t i = 0; i < properties.count; i++) {
        const char *text = properties.items[i].value;
        if (text && strcmp(properties.items[i].key, "format-version") == 0) {
            if (strcmp(text, "1") == 0 || strcmp(text, "3") == 0) {
                return dsi_fail(err, DS_EUNSUPPORTED,
                                "format version %s can be read, but not written; use 2",
                                text);
            }
            if (strcmp(text, "2") != 0) {
                return dsi_fail(err, DS_EINVALID,
                                "there is no format version '%s'; use 2", text);
            }
        }
    }
    return DS_OK;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct ds_property *)a)->key,
                  ((const struct ds_property *)b)->key);
}

static int set_properties(struct dsi_metadata *m, struct ds_properties given,
                          struct ds_error *err)
{
    static const char codec[] = "write.parquet.compression-codec";
    struct ds_property *list = dsi_arena_array(&m->arena, given.count + 1, sizeof *list);
    bool has_codec = false;
    size_t n = 0;

    if (!list) {
        return dsi_no_memory(err, "making a table");
    }
    for (size_t i = 0; i < given.count; i++) {
        const struct ds_property *p = &given.items[i];
        if (strcmp(p->key, "format-version") == 0) {
            continue; // Acted upon, never stored.
        }
        if (p->key[0] == '\0' || !p->value || dsi_property_is_reserved(p->key)) {
            return dsi_fail(err, DS_EINVALID, "'%s' is no property that can be set",
                            p->key);
        }
        has_codec = has_codec || strcmp(p->key, codec) == 0;
        list[n].key = dsi_arena_strdup(&m->arena, p->key);
        list[n].value = dsi_arena_strdup(&m->arena, p->value);
        if (!list[n].key || !list[n].value) {
            return dsi_no_memory(err, "making a table");
        }
        n++;
    }
    if (!has_codec) {
        list[n++] = (struct ds_property){codec, "zstd"};
    }
    qsort(list, n, sizeof *list, compare_keys);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(list[i - 1].key, list[i].key) == 0) {
            return dsi_fail(err, DS_EINVALID, "property '%s' is given twice",
                            list[i].key);
        }
    }
    m->properties = list;
    m->property_count = n;
    return DS_OK;
}

// The field of the new schema that `old_id` has become: it has the same full name.
static int translate(const struct dsi_schema *from, const struct dsi_schema *to,
                     int32_t old_id, struct dsi_arena *arena, int32_t *new_id,
                     struct ds_error *err)
{
    const char *name = dsi_schema_full_name(from, old_id, arena);
    const struct dsi_field *f = name ? dsi_schema_field_by_name(to, name) : NULL;

    if (!f) {
        return dsi_fail(err, DS_EINVALID, "column id %d is not in the schema",
                        (int)old_id);
    }
    *new_id = f->id;
    return DS_OK;
}

static int set_spec(struct dsi_metadata *m, const struct dsi_metadata_new *spec,
                    struct ds_error *err)
{
    static const struct dsi_partition_spec none = {.spec_id = 0};
    struct dsi_partition_spec *list = dsi_arena_alloc(&m->arena, sizeof *list);
    int rc = DS_OK;

    if (!list) {
        return dsi_no_memory(err, "making a table");
    }
    DSI_TRY(
        dsi_partition_spec_copy(spec->spec ? spec->spec : &none, &m->arena, list, err));
    list->spec_id = 0;
    list->raw = (struct ds_slice){NULL, 0};
    for (size_t i = 0; i < list->field_count; i++) {
        struct dsi_partition_field *f =
            &((struct dsi_partition_field *)(uintptr_t)list->fields)[i];
        if (f->transform.kind == DSI_TRANSFORM_UNKNOWN) {
            rc = dsi_fail(err, DS_EUNSUPPORTED, "transform '%s' is not known",
                          f->transform.text);
            goto done;
        }
        DSI_TRY(translate(spec->schema, m->schemas, f->source_id, &m->arena,
                          &f->source_id, err));
        f->field_id = 1000 + (int32_t)i;
    }
    DSI_TRY(dsi_partition_spec_check(list, m->schemas, err));
    DSI_TRY(dsi_partition_spec_check_names(list, m->schemas, err));
    m->specs = list;
    m->spec_count = 1;
    m->last_partition_id = 999 + (int32_t)list->field_count;
done:
    return rc;
}

static int set_order(struct dsi_metadata *m, const struct dsi_metadata_new *spec,
                     struct ds_error *err)
{
    static const struct dsi_sort_order none = {.order_id = 0};
    struct dsi_sort_order *list = dsi_arena_alloc(&m->arena, sizeof *list);
    int rc = DS_OK;

    if (!list) {
        return dsi_no_memory(err, "making a table");
    }
    DSI_TRY(dsi_sort_order_copy(spec->sort_order ? spec->sort_order : &none, &m->arena,
                                list, err));
    list->order_id = list->field_count > 0 ? 1 : 0;
    list->raw = (struct ds_slice){NULL, 0};
    for (size_t i = 0; i < list->field_count; i++) {
        struct dsi_sort_field *f = &((struct dsi_sort_field *)(uintptr_t)list->fields)[i];
        DSI_TRY(translate(spec->schema, m->schemas, f->source_id, &m->arena,
                          &f->source_id, err));
    }
    DSI_TRY(dsi_sort_order_check(list, m->schemas, err));
    m->sort_orders = list;
    m->sort_order_count = 1;
    m->default_sort_order_id = list->order_id;
done:
    return rc;
}

static int fill(struct dsi_metadata *m, const struct dsi_metadata_new *spec,
                struct ds_error *err)
{
    struct dsi_schema *schema = dsi_arena_alloc(&m->arena, sizeof *schema);
    char *location = NULL;
    int rc = DS_OK;

    if (!schema) {
        return dsi_no_memory(err, "making a table");
    }
    DSI_TRY(dsi_copy_text(&m->arena, spec->table_uuid, &m->table_uuid, err));
    DSI_TRY(dsi_location_normalize(spec->location, &m->arena, &location, err));
    m->location = location;
    DSI_TRY(choose_version(spec->properties, &m->format_version, err));
    DSI_TRY(
        dsi_schema_assign_ids(spec->schema, &m->last_column_id, &m->arena, schema, err));
    schema->schema_id = 0;
    DSI_TRY(dsi_schema_check(schema, err));
    m->schemas = schema;
    m->schema_count = 1;
    m->current_snapshot_id = DSI_SNAPSHOT_NONE;
    m->last_updated_ms = spec->now_ms;
    DSI_TRY(set_properties(m, spec->properties, err));
    DSI_TRY(set_spec(m, spec, err));
    DSI_TRY(set_order(m, spec, err));
done:
    return rc;
}

int dsi_metadata_new(const struct dsi_metadata_new *spec, struct dsi_metadata **out,
                     struct ds_error *err)
{
    struct dsi_metadata *m = dsi_calloc(1, sizeof *m);
    int rc = DS_OK;

    *out = NULL;
    if (!m) {
        return dsi_no_memory(err, "making a table");
    }
    dsi_refcount_init(&m->owners);
    DSI_TRY(fill(m, spec, err));
    *out = m;
    m = NULL;
done:
    dsi_metadata_unref(m);
    return rc;
}
