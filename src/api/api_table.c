#include "datashard/table.h"

#include <string.h>

#include "api/api_handle.h"
#include "base/alloc.h"
#include "base/error.h"
#include "data/arrow_io.h"

// Opens (spec NULL) or creates a path table: its catalog knows nothing but paths.
static int path_table(const char *location, const struct ds_table_spec *spec,
                      ds_table **out, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_properties none = {0};
    struct ds_catalog *catalog = NULL;
    struct dsi_table_name name = {"", NULL};
    char *where = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_location(location, &arena, &where, err));
    name.name = where;
    DSI_TRY(dsi_handle_catalog_new(where, none, &catalog, err));
    DSI_TRY(dsi_handle_table_new(catalog, &name, spec, out, err));
done:
    dsi_handle_catalog_unref(catalog);
    dsi_arena_release(&arena);
    return rc;
}

int ds_table_open(const char *location, ds_table **out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(out, "ds_table_open", "out", err));
    *out = NULL;
    DSI_TRY(dsi_handle_need(location, "ds_table_open", "location", err));
    DSI_TRY(path_table(location, NULL, out, err));
done:
    return rc;
}

int ds_table_create(const char *location, const struct ds_table_spec *spec,
                    ds_table **out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(out, "ds_table_create", "out", err));
    *out = NULL;
    DSI_TRY(dsi_handle_need(location, "ds_table_create", "location", err));
    DSI_TRY(dsi_handle_need(spec, "ds_table_create", "spec", err));
    DSI_TRY(path_table(location, spec, out, err));
done:
    return rc;
}

void ds_table_free_within(ds_table *table, int64_t merge_ms)
{
    if (table) {
        dsi_state_unref(table->lent);
        dsi_table_free_within(table->table, merge_ms);
        dsi_mutex_free(table->lock);
        dsi_arena_release(&table->arena);
        dsi_handle_catalog_unref(table->catalog);
        dsi_free(table);
    }
}

void ds_table_free(ds_table *table)
{
    ds_table_free_within(table, -1);
}

int ds_table_refresh(ds_table *table, struct ds_error *err)
{
    int rc = dsi_handle_need(table, "ds_table_refresh", "table", err);
    return rc == DS_OK ? dsi_table_refresh(table->table, err) : rc;
}

// The state whose strings the caller is lent. While the handle does not move it stays the
// same object, so what one thread was lent, another's call does not take away.
static const struct dsi_state *lend(ds_table *table)
{
    const struct dsi_state *now = dsi_table_state(table->table);

    dsi_mutex_lock(table->lock);
    if (table->lent != now) {
        const struct dsi_state *before = table->lent;
        table->lent = now;
        now = before;
    }
    dsi_state_unref(now);
    now = table->lent;
    dsi_mutex_unlock(table->lock);
    return now;
}

int ds_table_info(ds_table *table, struct ds_table_info *out, struct ds_error *err)
{
    struct ds_table_info full = {0};
    const struct dsi_state *state = NULL;
    const struct dsi_metadata *m = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_info", "table", err));
    DSI_TRY(dsi_handle_need(out, "ds_table_info", "out", err));
    DSI_TRY(dsi_handle_size(out->struct_size, sizeof(full), "struct ds_table_info", err));
    DSI_TRY(dsi_table_catch_up(table->table, 0, err));
    state = lend(table);
    m = state->metadata;
    full = (struct ds_table_info){
        .struct_size = out->struct_size,
        .format_version = m->format_version,
        .name = table->name,
        .uuid = m->table_uuid ? m->table_uuid : "",
        .location = m->location,
        .metadata_location = state->head.metadata_location,
        .last_updated_ms = m->last_updated_ms,
        .last_sequence_number = m->last_sequence_number,
        .current_snapshot_id = m->current_snapshot_id,
        .current_schema_id = m->current_schema_id,
        .default_spec_id = m->default_spec_id,
        .snapshot_count = m->snapshot_count,
    };
    memcpy(out, &full, out->struct_size);
done:
    return rc;
}

int ds_table_schema(ds_table *table, struct ArrowSchema *out, struct ds_error *err)
{
    const struct dsi_metadata *m = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_schema", "table", err));
    DSI_TRY(dsi_handle_need(out, "ds_table_schema", "out", err));
    DSI_TRY(dsi_handle_metadata(table, &m, err));
    DSI_TRY(dsi_arrow_schema_write(dsi_metadata_current_schema(m), out, err));
done:
    dsi_metadata_unref(m);
    return rc;
}

// Which part of the metadata a text is made of.
enum part { PART_METADATA, PART_SCHEMA, PART_SPEC, PART_SORT_ORDER };

static int part_json(const struct dsi_metadata *m, enum part part, struct dsi_buf *out,
                     struct ds_error *err)
{
    switch (part) {
    case PART_SCHEMA:
        return dsi_schema_to_json(dsi_metadata_current_schema(m), out, err);
    case PART_SPEC:
        return dsi_partition_spec_to_json(dsi_metadata_default_spec(m), false, out, err);
    case PART_SORT_ORDER:
        return dsi_sort_order_to_json(dsi_metadata_default_sort_order(m), out, err);
    case PART_METADATA:
    default:
        return dsi_metadata_to_json(m, out, err);
    }
}

static int text_of(ds_table *table, enum part part, const char *function, char **out,
                   struct ds_error *err)
{
    struct dsi_buf json = DSI_BUF_INIT;
    const struct dsi_metadata *m = NULL;
    size_t size = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(out, function, "out", err));
    *out = NULL;
    DSI_TRY(dsi_handle_need(table, function, "table", err));
    DSI_TRY(dsi_handle_metadata(table, &m, err));
    DSI_TRY(part_json(m, part, &json, err));
    DSI_TRY(dsi_buf_append_byte(&json, 0, err));
    *out = (char *)dsi_buf_take(&json, &size);
done:
    dsi_metadata_unref(m);
    dsi_buf_release(&json);
    return rc;
}

int ds_table_metadata_json(ds_table *table, char **out, struct ds_error *err)
{
    return text_of(table, PART_METADATA, "ds_table_metadata_json", out, err);
}

int ds_table_schema_json(ds_table *table, char **out, struct ds_error *err)
{
    return text_of(table, PART_SCHEMA, "ds_table_schema_json", out, err);
}

int ds_table_spec_json(ds_table *table, char **out, struct ds_error *err)
{
    return text_of(table, PART_SPEC, "ds_table_spec_json", out, err);
}

int ds_table_sort_order_json(ds_table *table, char **out, struct ds_error *err)
{
    return text_of(table, PART_SORT_ORDER, "ds_table_sort_order_json", out, err);
}

void ds_string_free(char *s)
{
    dsi_free(s);
}
